"""Models of the two-step task: trials by hand, recovery, ideal performance, recording."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.errors import UserError
from prefrontal.models import fitting, two_step
from prefrontal.models.two_step import CueLearner, LearningPlanner, Mixture, ModelFree, Planner
from prefrontal.networks.model_agents import TwoStepAgent
from prefrontal.networks.record import record
from replications.two_step.settings import TwoStep
from replications.two_step.task import TwoStepTask

TASK = {"common": 0.8, "rich": 0.9, "reversal": 0.025}
PLANNER = Planner(**TASK)
CUE = CueLearner(ModelFree(0.3, eligibility=1.0))
MODELS = [
    ModelFree(0.3),
    ModelFree(0.4, eligibility=0.6),
    PLANNER,
    LearningPlanner(learning_rate=0.4, common=0.8),
    Mixture(0.4, ModelFree(0.3), PLANNER),
    CUE,
]


def table(model, inverse_temperature, seed=0, episodes=300, trials=100, **options):
    rng = np.random.default_rng(seed)
    options = TASK | options
    return two_step.simulate(model, inverse_temperature, episodes, trials, rng, **options)


def ideal_reward(trials=100, **options):
    return two_step.belief_state_value(trials, **(TASK | options))


def stay_probability(trials):
    """By transition (rows) and reward (columns)."""
    trials = trials.assign(stay=trials.groupby("episode")["choice"].shift(-1) == trials["choice"])
    trials = trials[trials["trial"] < trials["trial"].max()]
    return trials.pivot_table(index="transition", columns="reward", values="stay", observed=True)


def interaction(stay):
    common, uncommon = (
        stay.loc[name, 1.0] - stay.loc[name, 0.0] for name in ("common", "uncommon")
    )
    return common - uncommon


def test_model_free_trials_by_hand():
    choice, state, reward = (
        np.array([[0, 0, 1]]),
        np.array([[0, 1, 1]]),
        np.array([[1.0, 0.0, 1.0]]),
    )
    seen = two_step.replay(ModelFree(0.5, initial_value=0.0), choice, state, reward)
    np.testing.assert_allclose(seen["rpe_stage_2"], [[0.0, 0.0, 0.0]])
    np.testing.assert_allclose(seen["rpe_reward"], [[1.0, 0.0, 1.0]])
    np.testing.assert_allclose(seen["state_values"], [[[0, 0], [0.5, 0], [0.5, 0]]])
    traced = two_step.replay(
        ModelFree(0.5, eligibility=1.0, initial_value=0.0), choice, state, reward
    )
    np.testing.assert_allclose(traced["action_values"], [[[0, 0], [0.5, 0], [0.25, 0]]])
    np.testing.assert_allclose(traced["rpe_stage_2"], [[0.0, -0.5, 0.0]])


def test_cue_learner_trials_by_hand():
    """The cue of trial 2 is rewarded S1, of trial 5 rewarded S2; after the aborted trial 3 there is
    none."""
    choice, state = np.array([[0, 0, -1, 0, 1]]), np.array([[0, 0, -1, 1, 1]])
    reward = np.array([[1.0, 0.0, -1.0, 1.0, 1.0]])
    learner = CueLearner(ModelFree(0.5, eligibility=1.0, initial_value=0.0))
    seen = two_step.replay(learner, choice, state, reward)
    np.testing.assert_allclose(seen["action_values"], [[[0, 0], [0, 0], [0, 0], [0.5, 0], [0, 0]]])
    np.testing.assert_allclose(seen["state_values"], [[[0, 0], [0, 0], [0, 0], [0.5, 0], [0, 0]]])
    np.testing.assert_allclose(seen["rpe_stage_2"], [[0, 0, np.nan, -0.5, 0]])
    np.testing.assert_allclose(seen["rpe_reward"], [[1, 0, np.nan, 1, 1]])
    learned = learner.learn(
        np.tile(choice, (2, 1)), np.tile(state, (2, 1)), np.tile(reward, (2, 1))
    )
    # The second episode starts without a cue too, and moves the values further.
    np.testing.assert_allclose(learned.actions, [[0, 0], [0, 0], [0, 0], [0, 0.75], [0.9375, 0]])
    trained = CueLearner(learner.model_free, learned)
    first = two_step.replay(trained, choice, state, reward)["action_values"][0, 0]
    np.testing.assert_allclose(first, [0.9375, 0])


def test_planner_trials_by_hand():
    choice, state, reward = np.array([[0, 1]]), np.array([[1, 1]]), np.array([[0.0, 1.0]])
    seen = two_step.replay(PLANNER, choice, state, reward)
    # An unrewarded S2 favours S1 by 9 to 1; then 2.5 % reversals.
    p = 0.9 * 0.975 + 0.1 * 0.025
    s1 = p * 0.9 + (1 - p) * 0.1
    np.testing.assert_allclose(seen["state_values"], [[[0.5, 0.5], [s1, 1 - s1]]])
    left = 0.8 * s1 + 0.2 * (1 - s1)
    np.testing.assert_allclose(seen["action_values"], [[[0.5, 0.5], [left, 1 - left]]])
    np.testing.assert_allclose(seen["rpe_stage_2"], [[0.0, (1 - s1) - (1 - left)]])
    np.testing.assert_allclose(seen["rpe_reward"], [[-0.5, 1 - (1 - s1)]])


@pytest.mark.parametrize("outcome_state", [0, -1])
def test_aborted_trials_teach_nothing_but_allow_a_reversal(outcome_state):
    choice, state = np.array([[0, -1, 0]]), np.array([[0, outcome_state, 0]])
    seen = two_step.replay(
        Mixture(0.5, ModelFree(0.3), PLANNER), choice, state, np.array([[1.0, -1.0, 1.0]])
    )
    assert np.isnan(seen["rpe_reward"]).tolist() == [[False, True, False]]
    for model, unchanged in ((ModelFree(0.3), True), (PLANNER, False)):
        replayed = two_step.replay(model, choice, state, np.array([[1.0, -1.0, 1.0]]))
        values = replayed["state_values"][0]
        assert np.array_equal(values[1], values[2]) == unchanged
        assert 0.5 < values[2, 0] <= values[1, 0]


@pytest.mark.parametrize("model", MODELS)
def test_values_stay_within_the_range_of_rewards(model):
    data = two_step.arrange(table(model, 3.0, episodes=50))
    seen = two_step.replay(model, data.choice, data.outcome_state, data.reward)
    assert seen["action_values"].shape == (50, 100, 2)
    for name in ("action_values", "state_values"):
        assert seen[name].min() >= 0 and seen[name].max() <= 1


def test_discount_scales_the_predicted_second_stage_value():
    data = two_step.arrange(table(PLANNER, 3.0, episodes=5))
    plain, discounted = (
        two_step.replay(
            Planner(**TASK, discount=discount), data.choice, data.outcome_state, data.reward
        )
        for discount in (1.0, 0.9)
    )
    np.testing.assert_allclose(discounted["rpe_stage_2"], 0.9 * plain["rpe_stage_2"])
    np.testing.assert_allclose(discounted["rpe_reward"], plain["rpe_reward"])
    with pytest.raises(UserError, match="discount"):
        Mixture(0.5, ModelFree(0.3, discount=0.9), PLANNER)


def test_simulated_task_keeps_its_probabilities():
    trials = table(PLANNER, 2.0, episodes=500)
    assert (trials["transition"] == "common").mean() == pytest.approx(0.8, abs=0.01)
    assert trials.groupby(trials["outcome_state"] == trials["rich_state"])[
        "reward"
    ].mean().tolist() == pytest.approx([0.1, 0.9], abs=0.01)
    swapped = trials.groupby("episode")["rich_state"].shift() != trials["rich_state"]
    assert swapped[trials["trial"] > 0].mean() == pytest.approx(0.025, abs=0.003)
    led_to = np.where(trials["choice"] == 0, "S1", "S2")
    np.testing.assert_array_equal(
        led_to == trials["outcome_state"], trials["transition"] == "common"
    )


def test_stay_probability_of_both_models_shows_an_interaction():
    """Model-free values outlast the trial, so that stay probability does not identify planning."""
    assert interaction(stay_probability(table(PLANNER, 5.0))) > 0.3
    assert interaction(stay_probability(table(ModelFree(0.5), 5.0))) > 0.1


def test_planner_leaves_and_sarsa_stays_after_uncommon_reward():
    stay = stay_probability(table(PLANNER, 5.0))
    assert stay.loc["uncommon", 1.0] < stay.loc["uncommon", 0.0]
    stay = stay_probability(table(ModelFree(0.5, eligibility=1.0), 5.0))
    assert stay.loc["uncommon", 1.0] > stay.loc["uncommon", 0.0]


def test_perseveration_repeats_and_zero_temperature_is_greedy():
    values = np.array([[0.2, 0.6], [0.6, 0.2], [0.5, 0.5]])
    last = np.array([0, 0, 0])
    np.testing.assert_array_equal(
        two_step.choice_probabilities(values, np.inf, last)[:, 0], [0, 1, 0.5]
    )
    repeat = two_step.choice_probabilities(values, 2.0, last, perseveration=1.0)
    assert (repeat[:, 0] > two_step.choice_probabilities(values, 2.0, last)[:, 0]).all()
    first = two_step.choice_probabilities(values, 2.0, np.full(3, -1), perseveration=1.0)
    np.testing.assert_array_equal(first, two_step.choice_probabilities(values, 2.0, last))


def test_last_choice_skips_aborted_trials():
    choice = np.array([[-1, 1, -1, -1, 0, 1], [0, 0, 1, -1, -1, 0]])
    np.testing.assert_array_equal(
        fitting.last_choices(choice), [[-1, -1, 1, 1, 1, 0], [-1, 0, 0, 1, 1, 1]]
    )


@pytest.mark.parametrize("model", MODELS)
def test_likelihood_is_calibrated_on_simulated_choices(model):
    """Among choices with probability p of left, a fraction p goes left."""
    data = two_step.arrange(table(model, 3.0, perseveration=0.5, episodes=500))
    values = two_step.action_values(model, data.choice, data.outcome_state, data.reward)
    last = fitting.last_choices(data.choice)
    p = two_step.choice_probabilities(values, 3.0, last, 0.5)[..., 0]
    assert not np.allclose(p, two_step.choice_probabilities(values, 3.0, last)[..., 0])
    log_p = fitting.log_probabilities(data.choice, two_step.log_odds(values, 3.0, last, 0.5))
    np.testing.assert_allclose(np.exp(log_p), np.where(data.choice == 0, p, 1 - p))
    bins = pd.cut(p.ravel(), 8)
    choices = pd.DataFrame({"p": p.ravel(), "left": data.choice.ravel() == 0})
    mean = choices.groupby(bins, observed=True).agg(["mean", "size"])
    mean = mean[mean[("p", "size")] > 500]
    np.testing.assert_allclose(mean[("left", "mean")], mean[("p", "mean")], atol=0.06)


@pytest.mark.parametrize("kind", ["model_free", "model_based", "mixture"])
def test_fit_recovers_parameters_and_prefers_the_true_kind(kind):
    rng = np.random.default_rng(7)
    true = {"learning_rate": 0.35, "weight": 0.6}
    true |= {"inverse_temperature": 4.0, "perseveration": 0.4, "bias": -0.3}
    model_free = ModelFree(true["learning_rate"])
    models = {
        "model_free": model_free,
        "model_based": PLANNER,
        "mixture": Mixture(true["weight"], model_free, PLANNER),
    }
    trials = table(models[kind], episodes=150, **two_step.choice_rule(true))
    fits = {name: two_step.fit(name, trials, rng, starts=2, planner=PLANNER) for name in models}
    found = fits[kind]
    tolerance = {"learning_rate": 0.06, "weight": 0.06}
    tolerance |= {"inverse_temperature": 0.4, "perseveration": 0.1, "bias": 0.1}
    assert found.success
    assert set(found.parameters) == set(two_step.PARAMETERS[kind])
    for name, value in found.parameters.items():
        assert value == pytest.approx(true[name], abs=tolerance[name])
    assert found.log_likelihood == pytest.approx(np.log(found.likelihood).sum())
    for name in {"model_free", "model_based"} - {kind}:
        assert fits[name].log_likelihood < found.log_likelihood - 20
    assert fits["mixture"].log_likelihood > found.log_likelihood - 0.5


def test_fit_recovers_learning_planner_and_skips_forced_choices():
    true = {"planning_rate": 0.6, "inverse_temperature": 4.0, "perseveration": 0.0, "bias": 0.2}
    planner = LearningPlanner(learning_rate=true["planning_rate"], common=0.8)
    trials = table(planner, episodes=100, **two_step.choice_rule(true))
    rng = np.random.default_rng(0)
    forced = rng.random(len(trials)) < 0.3
    choice = trials["choice"].mask(forced, rng.integers(2, size=len(trials)))
    trials = trials.assign(choice=choice, forced=forced)
    options = {"starts": 2, "planner": LearningPlanner(common=0.8)}
    found = two_step.fit("model_based", trials, rng, **options)
    assert found.parameters == pytest.approx(true, abs=0.3)
    assert found.parameters["planning_rate"] == pytest.approx(0.6, abs=0.06)
    assert np.array_equal(np.isnan(found.likelihood), forced)
    unaware = two_step.fit("model_based", trials.drop(columns="forced"), rng, **options)
    assert unaware.parameters["inverse_temperature"] < 3.0


def test_fit_ignores_row_order_and_invalid_choices():
    rng = np.random.default_rng(3)
    trials = table(PLANNER, 4.0, episodes=40)
    invalid = rng.choice(len(trials), 200, replace=False)
    trials.loc[invalid, ["choice", "reward", "outcome_state"]] = [-1, -1.0, None]

    def fit(trials):
        rng = np.random.default_rng(0)
        return two_step.fit("model_based", trials, rng, starts=1, planner=PLANNER)

    found = fit(trials)
    assert np.isnan(found.likelihood).sum() == 200
    assert found.parameters["inverse_temperature"] == pytest.approx(4.0, abs=0.5)
    order = rng.permutation(len(trials))
    shuffled = fit(trials.iloc[order])
    np.testing.assert_allclose(shuffled.likelihood, found.likelihood[order])


@pytest.mark.parametrize("column", ["seed", "choice", "reward", "outcome_state"])
def test_fit_names_a_missing_column(column):
    trials = table(PLANNER, 1.0, episodes=2).drop(columns=column)
    with pytest.raises(UserError, match=column):
        two_step.fit("mixture", trials, np.random.default_rng(0), planner=PLANNER)


def test_fit_rejects_unusable_input():
    trials = table(PLANNER, 1.0, episodes=2)
    with pytest.raises(UserError, match="model_free or model_based or mixture"):
        two_step.fit("sarsa", trials, np.random.default_rng(0))
    with pytest.raises(UserError, match="twice"):
        two_step.arrange(pd.concat([trials, trials]))
    for choice, message in ((-1, "choice"), (2, "2 arms")):
        with pytest.raises(UserError, match=message):
            rng = np.random.default_rng(0)
            two_step.fit("mixture", trials.assign(choice=choice), rng, planner=PLANNER)
    with pytest.raises(UserError, match="planner is missing; mixture needs one"):
        two_step.fit("mixture", trials, np.random.default_rng(0))


def best_by_recursion(trials, belief=0.5):
    """Best expected reward over both actions at every belief, without assuming greedy choice."""
    if trials == 0:
        return 0.0
    expected = []
    for action in (0, 1):
        total = 0.0
        for state in (0, 1):
            p_state = 0.8 if state == action else 0.2
            p_paid = PLANNER.state_values(np.array(belief))[state]
            for reward, p in ((1.0, p_paid), (0.0, 1 - p_paid)):
                trial = (np.array(part) for part in (action, state, reward))
                after = PLANNER.update(np.array(belief), *trial)
                total += p_state * p * (reward + best_by_recursion(trials - 1, float(after)))
        expected.append(total)
    return max(expected)


@pytest.mark.parametrize("trials", [1, 2, 3])
def test_ideal_reward_matches_recursion(trials):
    assert ideal_reward(trials) == pytest.approx(best_by_recursion(trials), abs=1e-7)


def test_greedy_planner_earns_the_ideal_reward():
    ideal = ideal_reward()
    assert ideal == pytest.approx(70.6, abs=0.05)
    assert ideal_reward(grid=2_001) == pytest.approx(ideal, abs=1e-5)
    assert ideal_reward(reversal=0.1) == pytest.approx(65.2, abs=0.05)
    known_after_one = ideal_reward(rich=1.0, reversal=0.0)
    assert known_after_one == pytest.approx(0.5 + 99 * 0.8)
    earned = table(PLANNER, np.inf, episodes=4_000).groupby("episode")["reward"].sum()
    assert earned.mean() == pytest.approx(ideal, abs=4 * earned.std() / np.sqrt(len(earned)))
    for other in (table(PLANNER, 3.0), table(ModelFree(0.5), np.inf)):
        assert other.groupby("episode")["reward"].sum().mean() < ideal


def errors_of(tables, model):
    """Recorded errors and the model's own, by stage, in the order of the trials table."""
    data = two_step.arrange(tables.trials)
    seen = two_step.replay(model, data.choice, data.outcome_state, data.reward)
    by_stage = tables.steps.groupby("period", observed=True)
    recorded = {stage: rows["rpe"].to_numpy() for stage, rows in by_stage}
    own = {"stage 1": seen["rpe_stage_2"][data.index], "stage 2": seen["rpe_reward"][data.index]}
    return recorded, own, seen, data


@pytest.mark.parametrize(
    "model", [*MODELS, Planner(**TASK, discount=0.9), ModelFree(0.3, discount=0.9)]
)
def test_recorded_errors_of_a_greedy_model_are_its_own(model):
    agent, task = TwoStepAgent(model, np.inf), TwoStepTask(TwoStep())
    tables = record(agent, task, [0, 1], "greedy", 20, discount=model.discount)
    recorded, own, _, _ = errors_of(tables, model)
    for stage in ("stage 1", "stage 2"):
        np.testing.assert_allclose(recorded[stage], own[stage], atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("steps_per_trial", [2, 3])
def test_recorded_errors_of_softmax_choice_differ_as_documented(model, steps_per_trial):
    agent = TwoStepAgent(model, 3.0, perseveration=0.2)
    task = TwoStepTask(TwoStep(steps_per_trial=steps_per_trial))
    tables = record(agent, task, [0, 1], "softmax", 20, discount=1.0)
    recorded, own, seen, data = errors_of(tables, model)
    p = two_step.choice_probabilities(
        seen["action_values"], 3.0, fitting.last_choices(data.choice), 0.2
    )
    mean = (p * seen["action_values"]).sum(-1)
    chosen = np.take_along_axis(seen["action_values"], data.choice[..., None], -1)[..., 0]
    np.testing.assert_allclose(
        recorded["stage 1"], own["stage 1"] + (chosen - mean)[data.index], atol=1e-5
    )
    shifted = np.pad(mean[:, 1:], ((0, 0), (0, 1)))
    following = shifted if steps_per_trial == 2 else np.zeros_like(mean)
    np.testing.assert_allclose(
        recorded["stage 2"], own["stage 2"] + following[data.index], atol=1e-5
    )


@pytest.mark.parametrize("stage_2_response", ["any", "side"])
def test_recorded_planner_completes_trials_and_earns_its_reward(stage_2_response):
    task = TwoStepTask(TwoStep(stage_2_response=stage_2_response))
    trials = record(TwoStepAgent(PLANNER, np.inf), task, [5], "greedy", 300, steps=False).trials
    assert len(trials) == 300 * 100
    assert (trials["choice"] >= 0).all() and (trials["reward"] >= 0).all()
    earned = trials.groupby("episode")["reward"].sum()
    assert earned.mean() == pytest.approx(ideal_reward(), abs=4 * earned.std() / np.sqrt(300))


def test_fit_recovers_a_recorded_model():
    agent, task = TwoStepAgent(PLANNER, 4.0), TwoStepTask(TwoStep())
    trials = record(agent, task, [6], "softmax", 100, steps=False).trials
    rng = np.random.default_rng(0)
    found = two_step.fit("model_based", trials, rng, starts=2, planner=PLANNER)
    true = {"inverse_temperature": 4.0, "perseveration": 0.0, "bias": 0.0}
    assert found.parameters == pytest.approx(true, abs=0.25)


def test_episodes_out_of_step_raise():
    agent = TwoStepAgent(PLANNER, 1.0)
    mixed = torch.eye(4)[None, :2]
    with pytest.raises(ValueError, match="in step"):
        agent.step(agent.reset(1, 2), mixed, torch.zeros(1, 2), torch.full((1, 2), -1))


def test_models_do_not_import_torch():
    code = "import sys, prefrontal.models.two_step; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
