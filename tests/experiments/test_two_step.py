"""Analyses of the two-step task on agents with known strategies, recorded like networks."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from prefrontal.analysis import regression
from prefrontal.analysis.staying import PLANNER_STAYS, staying_by_lag, two_step_weights
from prefrontal.models import fitting
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.models.two_step_learners import REPLAYED, CueLearner, Planner
from prefrontal.models.two_step_learners import TwoStep as Played
from prefrontal.networks.record import record
from prefrontal.publishing import claims
from prefrontal.tables.recording import join
from prefrontal.training.batch import NetworkBatch
from replications.two_step import analysis, cue, train
from replications.two_step.claims import CLAIMS
from replications.two_step.settings import (
    CUE_TEMPERATURE,
    IN_TRAINING,
    MAIN,
    SARSA_RATES,
    SETTINGS,
)
from tests.two_step_agent import TwoStepAgent

RATE, OTHER = 0.3, "side"
UNDISCOUNTED = SETTINGS.vary({"training.discount": 1.0})
TASK = SETTINGS.task.probabilities
PLANNER = Planner(**TASK, fixed=REPLAYED)


def recorded(model, temperature=8.0, settings=UNDISCOUNTED, episodes=200, variant=MAIN):
    agent = TwoStepAgent(model, {"inverse_temperature": temperature})
    discount = settings.training.discount
    recording = record(agent, settings.task.build(), [0], variant, episodes, discount=discount)
    return dataclasses.replace(recording, settings={variant: settings})


@pytest.fixture(scope="module")
def planner():
    recording = recorded(PLANNER)
    return recording, analysis.analyse(recording)


@pytest.fixture(scope="module")
def model_free():
    """Under another variant, which spares the comparison with the cue learner, half of the time."""
    agent = analysis.sarsa(RATE, 1.0, eligibility=1.0)
    recording = recorded(agent, temperature=4.0, variant=OTHER)
    return recording, analysis.analyse(recording)


def at_reward(measured, rate=RATE):
    rates = measured["rpe_regressions_by_rate"].query("event == 'reward'").set_index("sarsa_rate")
    return rates.loc[rate]


def test_planner_passes_the_model_based_test(planner):
    weights, rpes = analysis.lag_1(planner[1]).iloc[0], at_reward(planner[1])
    assert min(weights["common/rewarded"], weights["uncommon/unrewarded"]) > 0
    assert max(weights["common/unrewarded"], weights["uncommon/rewarded"]) < 0
    assert rpes["r2_model_based"] > 0.99
    assert rpes["r2_model_free_residual"] < 0.01


def test_pooled_weights_of_equal_networks_are_those_of_each(planner):
    """Jackknife pseudo-values of two networks with the same trials."""
    recording, measured = planner
    trials = recording.trials
    both = pd.concat([trials, trials.assign(subject=1)], ignore_index=True)
    pooled = analysis.pooled_weights(both).pivot(index="subject", columns="signal", values="weight")
    each = analysis.lag_1(measured)[pooled.columns].to_numpy()
    np.testing.assert_allclose(pooled.to_numpy(), np.repeat(each, 2, axis=0), rtol=1e-3)


def test_model_free_learner_fails_it(model_free):
    rpes = at_reward(model_free[1])
    assert analysis.lag_1(model_free[1])["uncommon/rewarded"].item() > 0
    assert rpes["r2_model_free"] > 0.99 > rpes["r2_model_based"]
    assert rpes["r2_model_free_residual"] > 0.01


def test_residual_at_the_fitted_rate_tells_the_learners_apart(planner, model_free):
    pooled = [analysis.pooled_rpes(measured) for _, measured in (planner, model_free)]
    residual = [rpes["r2_model_free_residual"].item() for rpes in pooled]
    assert residual[0] < 0.01 < residual[1]


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [
        ({"task.common": 1.0, "task.rich": 1.0, "task.reversal": 0.0}, 0.9, 1.0),
        ({"task.rich": 0.8, "task.reversal": 0.0}, 0.0, 0.1),
    ],
    ids=["one outcome tells all", "each outcome tells little"],
)
def test_fitted_rate_is_the_one_that_predicts_rewards_best(task, low, high):
    settings = UNDISCOUNTED.vary(task)
    recording = recorded(analysis.planner(settings), settings=settings)
    rate = analysis.fitted_rate(recording.trials, recording.settings)
    assert low <= rate <= high
    error = analysis.reward_error(recording.trials, recording.settings)
    assert min(error(other).mean() for other in SARSA_RATES) >= error(rate).mean()


def test_error_in_predicting_reward_by_hand():
    """Values start at .5; a reward in S1 after left makes them .6 (state) and .47 (action)."""
    columns = {"choice": [0, 0], "reward": [1.0, 0.0], "outcome_state": ["S1", "S1"]}
    columns |= {
        "subject": 0,
        "variant": MAIN,
        "episode": 0,
        "trial": [0, 1],
        "transition": "common",
    }
    settings = {MAIN: SETTINGS.vary({"training.discount": 0.7})}
    error = analysis.reward_error(pd.DataFrame(columns), settings)(0.2).item()
    assert error == pytest.approx(((0.5**2 + (0.7 - 0.5) ** 2) + (0.6**2 + 0.47**2)) / 4)


def test_model_free_learner_shows_the_interaction_in_staying(model_free):
    stays = model_free[1]["stay_probability"].set_index(["transition", "outcome"])
    stay = stays["stay_probability"]
    after_common = stay["common", "rewarded"] - stay["common", "unrewarded"]
    after_uncommon = stay["uncommon", "rewarded"] - stay["uncommon", "unrewarded"]
    assert after_common > after_uncommon + 0.05


def test_interaction_of_degenerate_choices_is_nan_not_an_error():
    task = Played(2, SETTINGS.task.trials, **TASK)
    trials = PLANNER.simulate(task, {"inverse_temperature": 3.0}, np.random.default_rng(0))
    assert analysis.stay_interaction(trials.assign(choice=0))["interaction"].isna().all()


def test_standardized_weights_of_orthogonal_predictors():
    rng = np.random.default_rng(0)
    a = rng.normal(size=5000)
    b = regression.residual(rng.normal(size=5000), a)
    y = 2 * a + b + rng.normal(size=5000)
    weights = analysis.standardized_weights(y, {"a": a, "b": b})
    assert weights["weight_a"] == pytest.approx(np.corrcoef(a, y)[0, 1])
    assert weights["weight_b"] == pytest.approx(np.corrcoef(b, y)[0, 1])


def test_every_claim_has_its_measure(planner):
    measures = analysis.claim_measures(planner[1])
    own = [claim for claim in CLAIMS if not claim.variant]
    rows = claims.evaluate_claims(own, measures, MAIN, {})
    assert len(rows) == len(measures) == len(own) == 21 + len(SARSA_RATES)
    published = rows.set_index(["claim", "measure"])["published"]
    assert published["twostep-lags", "common rewarded"] == pytest.approx(3.41, abs=0.01)
    assert published["twostep-stay", "after rewarded uncommon"] == pytest.approx(0.638, abs=0.001)
    behaviour_alone = dataclasses.replace(planner[0], steps=planner[0].steps.iloc[:0])
    measures = analysis.claim_measures(analysis.analyse(behaviour_alone))
    assert set(measures["claim"]) == {"twostep-lags", "twostep-stay"}


def test_reference_errors_skip_aborted_trials_and_the_last_step(planner):
    trials, pairs = planner[0].trials, analysis.model_based_pairs(planner[0])
    pairs = analysis.with_model_free(pairs, trials, SARSA_RATES[0], planner[0].settings)
    assert pairs.notna().all(axis=None)
    last = trials.groupby("episode")["trial"].transform("max") == trials["trial"]
    ends = pairs.merge(trials.loc[last, ["episode", "trial"]], on=["episode", "trial"])
    assert set(ends["event"]) == {"stage 2"}
    whole = analysis.model_based_pairs(planner[0], last_step=True)
    ends = whole.merge(trials.loc[last, ["episode", "trial"]], on=["episode", "trial"])
    assert set(ends["event"]) == {"stage 2", "reward"}
    assert len(whole) == len(pairs) + (ends["event"] == "reward").sum()


def test_share_of_best_is_one_for_the_greedy_planner():
    recording = recorded(PLANNER, temperature=1e6)
    share = analysis.share_of_best(recording.trials, recording.settings)
    assert share["best_possible"].item() == pytest.approx(0.706, abs=0.0005)
    assert share["share"].item() == pytest.approx(1, abs=0.02)


def test_references_know_the_task_that_was_trained():
    """References follow a change of reversals and of discounting."""
    settings = SETTINGS.vary({"task.reversal": 0.1, "training.discount": 0.8})
    planner = analysis.planner(settings)
    known = planner.complete({})
    assert (known["reversal"], known["discount"]) == (0.1, 0.8)
    recording = recorded(planner, temperature=1e6, settings=settings)
    share = analysis.share_of_best(recording.trials, recording.settings)
    assert share["best_possible"].item() == pytest.approx(0.652, abs=0.0005)
    assert share["share"].item() == pytest.approx(1, abs=0.02)
    assert settings.task.reward_range() == pytest.approx((50, 65.2), abs=0.05)
    pairs = analysis.model_based_pairs(recording)
    at_outcome = pairs[pairs["event"] == "reward"]
    np.testing.assert_allclose(at_outcome["network"], at_outcome["model_based"], atol=1e-5)
    other_settings = {MAIN: SETTINGS.vary({"training.discount": 0.8})}
    believing = dataclasses.replace(recording, settings=other_settings)
    other = analysis.model_based_pairs(believing)["model_based"]
    assert abs(other - pairs["model_based"]).max() > 0.1


def test_controls_tell_the_models_apart(planner, model_free):
    planning, habit = (
        analysis.controls(recording, RATE).iloc[0] for recording, _ in (planner, model_free)
    )
    assert planning["planning"] > 1 > 0.1 > abs(planning["model_free"])
    assert planning["mixture_planning"] == pytest.approx(8, rel=0.15)
    assert abs(planning["mixture_model_free"]) < 0.5
    assert planning["weight_model_based"] > 0.95 > 0.05 > abs(planning["weight_model_free"])
    assert habit["model_free"] > 0.4 > 0.1 > abs(habit["planning"])
    assert habit["mixture_model_free"] == pytest.approx(4, rel=0.15)
    assert abs(habit["mixture_planning"]) < 0.5
    assert habit["weight_model_free"] > habit["weight_model_based"] + 0.3


def test_a_network_that_completes_no_trial_has_no_controls():
    batch = NetworkBatch([SETTINGS.vary({"task.trials": 20, "seed": k}) for k in (0, 1)])
    batch.network.views(batch.flat)["policy_bias"][0, -1] = 1e3
    found = train.both_controls(batch).notna()
    assert not found.loc[0].any() and found.loc[1].any()


def test_constant_expectations_count_as_neither_control(model_free):
    """Slow SARSA, whose values hardly move, explains their errors unless they are a predictor
    too."""
    recording, _ = model_free
    steps = recording.steps
    rpe = (steps["reward"] - 0.5).where(steps["period"] == "stage 2", 0.0)
    constant = dataclasses.replace(recording, steps=steps.assign(rpe=rpe))
    controls = analysis.controls(constant, RATE).iloc[0]
    assert controls["r2_unlearned"] > 0.99 and controls["weight_unlearned"] > 0.98
    assert abs(controls["weight_model_free"]) < 0.01 and abs(controls["weight_model_based"]) < 0.01
    pairs = analysis.model_based_pairs(constant)
    pairs = analysis.with_model_free(pairs, recording.trials, 0.05, recording.settings)
    slow = analysis.rpe_regressions(pairs)
    assert slow.query("event == 'both'")["r2_model_free"].item() > 0.5


def test_planning_that_follows_a_model_free_phase_is_found(planner, model_free):
    """Networks that are model-free at two stages of training, and plan from then on."""
    agents = (model_free, model_free, planner, planner)
    stages = [(recording, 500 * (k + 1)) for k, (recording, _) in enumerate(agents)]
    joined = join(
        dataclasses.replace(
            recording,
            trials=recording.trials.assign(variant=IN_TRAINING, trained_episodes=stage),
            steps=recording.steps.assign(variant=IN_TRAINING, trained_episodes=stage),
            settings={IN_TRAINING: UNDISCOUNTED},
        )
        for recording, stage in stages
    )
    before = analysis.before_planning(analysis.over_training(joined, joined, RATE)).iloc[0]
    assert before["planning"] == 1500
    assert before["weights"] > 0.4 and before["RPEs"] > 0.3 and before["mixture"] > 3


def test_planning_that_never_comes_is_not_found():
    never = pd.DataFrame({name: [0.1, -0.2] for name in analysis.CONTROLS})
    never = never.assign(variant=IN_TRAINING, subject=0, trained_episodes=[500, 1000])
    assert np.isnan(analysis.before_planning(never)["planning"].item())


@pytest.fixture(scope="module")
def cue_learner():
    return cue.learner(SETTINGS)


def simulated(model, variant, temperature=CUE_TEMPERATURE, episodes=150, **choice_rule):
    parameters = {"inverse_temperature": temperature, **choice_rule}
    rng = np.random.default_rng(5)
    return model.simulate(Played(episodes, 100, **TASK), parameters, rng).assign(variant=variant)


def test_cue_learner_looks_like_a_planner_one_trial_back_only(cue_learner):
    trials = simulated(cue_learner, "cue", episodes=1_000)
    weights = two_step_weights(trials).set_index(["lag", "signal"])["weight"]
    for transition, outcome in TRIAL_TYPES:
        planned = 1 if (transition == "common") == (outcome == "rewarded") else -1
        by_lag = planned * weights.xs(f"{transition}/{outcome}", level="signal")
        assert by_lag[1] > 1
        assert by_lag.loc[2:].abs().max() < 0.25
    naive = two_step_weights(simulated(CueLearner(fixed=cue_learner.fixed), "naive"))
    before = staying_by_lag(naive, PLANNER_STAYS)["lag 1"].item()
    assert before < 0.6, "it has to learn this, over more than one episode"


def test_planning_beyond_lag_1_identifies_planners(cue_learner):
    agents = {"cue": cue_learner, "planner": PLANNER}
    both = pd.concat([simulated(agent, name) for name, agent in agents.items()], ignore_index=True)
    by_lag = staying_by_lag(two_step_weights(both), PLANNER_STAYS).set_index("variant")
    lags = by_lag[cue.LATER].mean(axis=1)
    assert abs(lags["cue"]) < 0.1 < 0.3 < lags["planner"]


def test_planning_by_lag_by_hand():
    weights = [1.0, -2.0, -3.0, 4.0, 0.5]
    signals = [*("/".join(kind) for kind in TRIAL_TYPES), "bias"]
    columns = {"signal": signals, "lag": [1, 1, 1, 1, 0], "weight": weights}
    frame = pd.DataFrame({"variant": MAIN, "subject": 0, **columns})
    stays = dict(zip(TRIAL_TYPES, weights, strict=False))
    signs = {(t, o): 1 if (t == "common") == (o == "rewarded") else -1 for t, o in stays}
    expected = sum(signs[kind] * weight for kind, weight in stays.items()) / 4
    assert staying_by_lag(frame, PLANNER_STAYS)["lag 1"].item() == pytest.approx(expected) == 2.5


@pytest.mark.parametrize("truth", ["cue", "planner"])
def test_rule_that_made_the_choices_predicts_them_best(truth, cue_learner):
    discount = {"discount": cue_learner.fixed["discount"]}
    planner = Planner(**TASK, fixed=REPLAYED | discount)
    agents = {"cue": cue_learner, "planner": planner}
    trials = simulated(agents[truth], truth, perseveration=0.3)
    log_p = cue.compare(trials, cue_learner, planner).set_index("rule")["log_likelihood"]
    assert set(log_p.index) == {own.name for own in cue.models(cue_learner, planner)}
    assert log_p.idxmax() == truth
    (other,) = agents.keys() - {truth}
    assert log_p[truth] > log_p[other] + 0.01


def test_parameters_of_the_cue_rule_are_recovered(cue_learner):
    choice_rule = {"perseveration": 0.5, "bias": -0.3}
    trials = simulated(cue_learner, "cue", 5.0, learning_rate=0.2, **choice_rule)
    (model,) = (own for own in cue.models(cue_learner, PLANNER) if own.name == "cue")
    fitted = fitting.fit(CueLearner(model.learned, fixed={"eligibility": 1.0}), trials, starts=2)
    fitted = fitted.parameters
    assert fitted.pop("learning_rate") == pytest.approx(0.2, abs=0.04)
    assert fitted == pytest.approx({"inverse_temperature": 5.0, **choice_rule}, rel=0.15)


def test_cue_learner_and_planner_explain_their_own_errors(cue_learner, planner):
    rpes = planner[1]["cue_rpes"].query("event == 'reward'").iloc[0]
    assert rpes["r2_model_based"] > 0.99 > rpes["r2_cue"]
    assert rpes["r2_cue_residual"] < 0.001
    recording = recorded(cue_learner, CUE_TEMPERATURE, SETTINGS)
    pairs = analysis.model_based_pairs(recording)
    pairs = analysis.with_reference(pairs, recording.trials, "cue", cue_learner)
    rpes = (
        analysis.rpe_regressions(pairs, ("model_based", "cue")).query("event == 'reward'").iloc[0]
    )
    assert rpes["r2_cue"] > 0.99 > rpes["r2_model_based"]
    assert rpes["weight_cue"] == pytest.approx(1, abs=0.01)
