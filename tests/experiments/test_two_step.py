from prefrontal.networks import record

"""The analysis of the two-step task on learners whose answer is known, recorded as networks are."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from prefrontal.analysis.staying import PLANNER_STAYS, staying_by_lag, two_step_weights
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.models import fitting, two_step
from prefrontal.networks.model_agents import TwoStepAgent
from prefrontal.publishing import claims
from prefrontal.tables.recording import join
from replications.two_step import analysis, cue
from replications.two_step.train import Config
from replications.two_step.variants import CLAIMS, CUE_TEMPERATURE, MAIN, SARSA_RATES, TRAINING

RATE, OTHER = 0.3, "side"


def recorded(learner, temperature=8.0, config=None, episodes=200, variant=MAIN):
    config = config or Config(discount=1.0)
    agent = TwoStepAgent(learner, temperature)
    played = record.record(agent, config.task(), [0], variant, episodes, discount=config.discount)
    return dataclasses.replace(played, settings={variant: config.settings()})


@pytest.fixture(scope="module")
def planner():
    tables = recorded(two_step.Planner())
    return tables, analysis.measure(tables)


@pytest.fixture(scope="module")
def model_free():
    """Under another variant: the cue learner is put beside the main one alone, and takes as long as all the rest."""
    tables = recorded(two_step.ModelFree(RATE, eligibility=1.0), temperature=4.0, variant=OTHER)
    return tables, analysis.measure(tables)


def at_reward(measured, rate=RATE):
    rates = measured["supplementary6"].query("event == 'reward'").set_index("sarsa_rate")
    return rates.loc[rate]


def test_planner_passes_the_model_based_test(planner):
    weights, rpes = analysis.lag_1(planner[1]).iloc[0], at_reward(planner[1])
    assert min(weights["common/rewarded"], weights["uncommon/unrewarded"]) > 0
    assert max(weights["common/unrewarded"], weights["uncommon/rewarded"]) < 0
    assert rpes["r2_model_based"] > 0.99
    assert rpes["r2_model_free_residual"] < 0.01


def test_model_free_learner_fails_it(model_free):
    rpes = at_reward(model_free[1])
    assert analysis.lag_1(model_free[1])["uncommon/rewarded"].item() > 0
    assert rpes["r2_model_free"] > 0.99 > rpes["r2_model_based"]
    assert rpes["r2_model_free_residual"] > 0.01


def test_residual_at_the_fitted_rate_tells_the_learners_apart(planner, model_free):
    residual = [analysis.pooled_rpes(measured)["r2_model_free_residual"].item() for _, measured in (planner, model_free)]
    assert residual[0] < 0.01 < residual[1]


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [({"common": 1.0, "rich": 1.0, "reversal": 0.0}, 0.9, 1.0), ({"rich": 0.8, "reversal": 0.0}, 0.0, 0.1)],
    ids=["one outcome tells all", "many outcomes tell a little each"],
)
def test_fitted_rate_is_the_one_that_predicts_rewards_best(task, low, high):
    config = Config(discount=1.0, **task)
    tables = recorded(two_step.Planner.of(config.settings()), config=config)
    rate = analysis.fitted_rate(tables.trials, tables.settings)
    assert low <= rate <= high
    error = analysis.reward_error(tables.trials, tables.settings)
    assert min(error(other).mean() for other in SARSA_RATES) >= error(rate).mean()


def test_error_in_predicting_reward_by_hand():
    """One episode: values start at .5; after a reward in S1 by left at rate .2 they are .6 (state) and .47 (action)."""
    columns = {"choice": [0, 0], "reward": [1.0, 0.0], "outcome_state": ["S1", "S1"], "transition": "common"}
    trials = pd.DataFrame({"seed": 0, "variant": MAIN, "episode": 0, "trial": [0, 1], **columns})
    error = analysis.reward_error(trials, {MAIN: {"discount": 0.7}})(0.2).item()
    assert error == pytest.approx(((0.5**2 + (0.7 - 0.5) ** 2) + (0.6**2 + 0.47**2)) / 4)


def test_model_free_learner_shows_the_interaction_in_staying(model_free):
    stay = model_free[1]["fig5c"].set_index(["transition", "outcome"])["stay_probability"]
    after_common = stay["common", "rewarded"] - stay["common", "unrewarded"]
    after_uncommon = stay["uncommon", "rewarded"] - stay["uncommon", "unrewarded"]
    assert after_common > after_uncommon + 0.05


def test_every_claim_has_its_quantity(planner):
    measures = analysis.measures(planner[1])
    own = [claim for claim in CLAIMS if not claim.variant]
    rows = claims.evaluate_claims(own, measures, MAIN, {})
    assert len(rows) == len(measures) == len(own) == 17 + len(SARSA_RATES)
    published = rows.set_index(["claim", "measure"])["published"]
    assert published["twostep-lags", "common rewarded"] == pytest.approx(3.41, abs=0.01)
    assert published["twostep-stay", "after rewarded uncommon"] == pytest.approx(0.638, abs=0.001)
    behaviour_alone = dataclasses.replace(planner[0], steps=planner[0].steps.iloc[:0])
    assert set(analysis.measures(analysis.measure(behaviour_alone))["claim"]) == {"twostep-lags", "twostep-stay"}


def test_reference_errors_skip_broken_off_trials_and_the_last_step(planner):
    trials, pairs = planner[0].trials, analysis.model_based_pairs(planner[0])
    pairs = analysis.with_model_free(pairs, trials, SARSA_RATES[0], planner[0].settings)
    assert pairs.notna().all(axis=None)
    last = trials.groupby("episode")["trial"].transform("max") == trials["trial"]
    ends = pairs.merge(trials.loc[last, ["episode", "trial"]], on=["episode", "trial"])
    assert set(ends["event"]) == {"stage 2"}
    whole = analysis.model_based_pairs(planner[0], last_step=True)
    ends = whole.merge(trials.loc[last, ["episode", "trial"]], on=["episode", "trial"])
    assert set(ends["event"]) == {"stage 2", "reward"} and len(whole) == len(pairs) + (ends["event"] == "reward").sum()


def test_share_of_best_is_one_for_the_greedy_planner():
    tables = recorded(two_step.Planner(), temperature=1e6)
    share = analysis.share_of_best(tables.trials, tables.settings)
    assert share["best_possible"].item() == pytest.approx(0.706, abs=0.0005)
    assert share["share"].item() == pytest.approx(1, abs=0.02)


def test_references_know_the_task_that_was_trained():
    """With reversals in a tenth of trials, and without discounting, all references follow."""
    config = Config(reversal=0.1, discount=0.8)
    learner = two_step.Planner.of(config.settings())
    assert learner == two_step.Planner(reversal=0.1, discount=0.8)
    tables = recorded(learner, temperature=1e6, config=config)
    share = analysis.share_of_best(tables.trials, tables.settings)
    assert share["best_possible"].item() == pytest.approx(0.652, abs=0.0005)
    assert share["share"].item() == pytest.approx(1, abs=0.02)
    assert config.reward_range() == pytest.approx((50, 65.2), abs=0.05)
    pairs = analysis.model_based_pairs(tables)
    at_outcome = pairs[pairs["event"] == "reward"]
    assert at_outcome["network"].to_numpy() == pytest.approx(at_outcome["model_based"].to_numpy(), abs=1e-5)
    believing = dataclasses.replace(tables, settings={MAIN: Config(discount=0.8).settings()})
    other = analysis.model_based_pairs(believing)["model_based"]
    assert abs(other - pairs["model_based"]).max() > 0.1


def test_controls_tell_the_learners_apart(planner, model_free):
    planning, habit = (analysis.controls(tables, RATE).iloc[0] for tables, _ in (planner, model_free))
    assert planning["planning"] > 1 > 0.1 > abs(planning["model_free"])
    assert planning["mixture_planning"] == pytest.approx(8, rel=0.15) and abs(planning["mixture_model_free"]) < 0.5
    assert planning["weight_model_based"] > 0.95 > 0.05 > abs(planning["weight_model_free"])
    assert habit["model_free"] > 0.4 > 0.1 > abs(habit["planning"])
    assert habit["mixture_model_free"] == pytest.approx(4, rel=0.15) and abs(habit["mixture_planning"]) < 0.5
    assert habit["weight_model_free"] > habit["weight_model_based"] + 0.3


def test_expectations_that_do_not_learn_are_neither_planned_nor_model_free(model_free):
    """SARSA at a low rate, whose values hardly move, explains their errors; beside them nothing is left to it."""
    tables, _ = model_free
    at_reward = tables.steps["period"] == "stage 2"
    flat = dataclasses.replace(tables, steps=tables.steps.assign(rpe=(tables.steps["reward"] - 0.5).where(at_reward, 0.0)))
    found = analysis.controls(flat, RATE).iloc[0]
    assert found["r2_unlearned"] > 0.99 and found["weight_unlearned"] > 0.98
    assert abs(found["weight_model_free"]) < 0.01 and abs(found["weight_model_based"]) < 0.01
    pairs = analysis.model_based_pairs(flat)
    slow = analysis.rpe_regressions(analysis.with_model_free(pairs, tables.trials, 0.05, tables.settings))
    assert slow.query("event == 'both'")["r2_model_free"].item() > 0.5


def test_planning_that_follows_a_model_free_phase_is_found(planner, model_free):
    """Networks that are model-free for two stages of training, and plan from then on."""
    stages = [(tables, 500 * (k + 1)) for k, (tables, _) in enumerate((model_free, model_free, planner, planner))]
    joined = join(
        dataclasses.replace(
            tables,
            trials=tables.trials.assign(variant=TRAINING, trained_episodes=stage),
            steps=tables.steps.assign(variant=TRAINING, trained_episodes=stage),
            settings={TRAINING: Config(discount=1.0).settings()},
        )
        for tables, stage in stages
    )
    found = analysis.before_planning(analysis.over_training(joined, joined, RATE)).iloc[0]
    assert found["planning"] == 1500
    assert found["weights"] > 0.4 and found["RPEs"] > 0.3 and found["mixture"] > 3


def test_planning_that_never_comes_is_not_found():
    never = pd.DataFrame({name: [0.1, -0.2] for name in analysis.CONTROLS})
    never = never.assign(variant=TRAINING, seed=0, trained_episodes=[500, 1000])
    assert np.isnan(analysis.before_planning(never)["planning"].item())


@pytest.fixture(scope="module")
def cue_learner():
    return cue.learner(Config().settings())


def simulated(learner, variant, temperature=CUE_TEMPERATURE, episodes=150, **choice_rule):
    return two_step.simulate(learner, temperature, episodes, 100, np.random.default_rng(5), variant=variant, **choice_rule)


def test_cue_learner_stays_as_a_planner_does_after_one_trial_and_forgets_those_before(cue_learner):
    weights = two_step_weights(simulated(cue_learner, "cue", episodes=1_000)).set_index(["lag", "signal"])["weight"]
    for transition, outcome in TRIAL_TYPES:
        planned = 1 if (transition == "common") == (outcome == "rewarded") else -1
        own = planned * weights.xs(f"{transition}/{outcome}", level="signal")
        assert own[1] > 1
        assert own.loc[2:].abs().max() < 0.25
    naive = dataclasses.replace(cue_learner, learned=None)
    before = staying_by_lag(two_step_weights(simulated(naive, "naive")), PLANNER_STAYS)["lag 1"].item()
    assert before < 0.6, "it has to learn so, over more than one episode"


def test_planning_by_lag_tells_planners_from_those_who_look_one_trial_back(cue_learner):
    both = pd.concat([simulated(cue_learner, "cue"), simulated(two_step.Planner(), "planner")], ignore_index=True)
    lags = staying_by_lag(two_step_weights(both), PLANNER_STAYS).set_index("variant")[cue.LATER].mean(axis=1)
    assert abs(lags["cue"]) < 0.1 < 0.3 < lags["planner"]


def test_planning_by_lag_by_hand():
    weights = [1.0, -2.0, -3.0, 4.0, 0.5]
    signals = [*("/".join(kind) for kind in TRIAL_TYPES), "bias"]
    frame = pd.DataFrame({"variant": MAIN, "seed": 0, "signal": signals, "lag": [1, 1, 1, 1, 0], "weight": weights})
    stays = dict(zip(TRIAL_TYPES, weights, strict=False))
    expected = sum(w if (t == "common") == (o == "rewarded") else -w for (t, o), w in stays.items()) / 4
    assert staying_by_lag(frame, PLANNER_STAYS)["lag 1"].item() == pytest.approx(expected) == 2.5


@pytest.mark.parametrize("truth", ["cue", "planner"])
def test_rule_that_made_the_choices_predicts_them_best(truth, cue_learner):
    planner = two_step.Planner(discount=cue_learner.discount)
    trials = simulated({"cue": cue_learner, "planner": planner}[truth], truth, perseveration=0.3)
    found = cue.compare(trials, cue_learner, planner).set_index("rule")["log_likelihood"]
    assert set(found.index) == set(cue.RULES)
    assert found.idxmax() == truth
    assert found[truth] > found[{"cue": "planner", "planner": "cue"}[truth]] + 0.01


def test_parameters_of_the_cue_rule_are_recovered(cue_learner):
    true = {"learning_rate": 0.2, "inverse_temperature": 5.0, "perseveration": 0.5, "bias": -0.3}
    quick = dataclasses.replace(cue_learner, model_free=dataclasses.replace(cue_learner.model_free, learning_rate=0.2))
    trials = simulated(quick, "cue", true["inverse_temperature"], perseveration=true["perseveration"], bias=true["bias"])
    data = cue.watched(two_step.arrange(trials), cue_learner, two_step.Planner())
    found = fitting.fit(cue.RULES["cue"], data, np.random.default_rng(0), starts=2)
    assert found["learning_rate"] == pytest.approx(true.pop("learning_rate"), abs=0.04)
    assert {name: found[name] for name in true} == pytest.approx(true, rel=0.15)


def test_cue_learner_explains_its_own_errors_and_a_planner_those_of_a_planner(cue_learner, planner):
    rpes = planner[1]["cue_rpes"].query("event == 'reward'").iloc[0]
    assert rpes["r2_model_based"] > 0.99 > rpes["r2_cue"]
    assert rpes["r2_cue_residual"] < 0.001
    tables = recorded(cue_learner, CUE_TEMPERATURE, Config())
    pairs = analysis.with_reference(analysis.model_based_pairs(tables), tables.trials, "cue", cue_learner)
    rpes = analysis.rpe_regressions(pairs, ("model_based", "cue")).query("event == 'reward'").iloc[0]
    assert rpes["r2_cue"] > 0.99 > rpes["r2_model_based"]
    assert rpes["weight_cue"] == pytest.approx(1, abs=0.01)
