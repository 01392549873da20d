"""Models of the two-step task: trials by hand, slow oracles, optimal performance, recording."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from prefrontal.errors import UserError
from prefrontal.models import bandit_learners, daw_learners, two_step, two_step_learners
from prefrontal.models.daw_learners import DawTwoStep
from prefrontal.models.model import records as model_records
from prefrontal.models.two_step_learners import (
    REPLAYED,
    CueLearner,
    LearningPlanner,
    Mixture,
    ModelFree,
    Planner,
)
from prefrontal.networks.record import record
from replications.two_step.settings import TwoStep
from replications.two_step.task import TwoStepTask
from tests.two_step_agent import TwoStepAgent

TASK = {"common": 0.8, "rich": 0.9, "reversal": 0.025}
PLANNER = Planner(**TASK, fixed=REPLAYED)


def sarsa(rate, **fixed):
    return ModelFree(fixed={"learning_rate": rate, **REPLAYED, **fixed})


MIXED = {"learning_rate": 0.3, "planning_rate": 0.5, "weight": 0.4, **REPLAYED}
MODELS = [
    sarsa(0.3),
    sarsa(0.4, eligibility=0.6),
    PLANNER,
    LearningPlanner(0.8, fixed={"planning_rate": 0.4, **REPLAYED}),
    Mixture(0.8, fixed=MIXED),
    CueLearner(fixed={"learning_rate": 0.3, "eligibility": 1.0, **REPLAYED}),
]


def table(model, inverse_temperature, seed=0, episodes=300, trials=100, **options):
    rng, choice_rule = np.random.default_rng(seed), {"inverse_temperature": inverse_temperature}
    probabilities = {name: options.pop(name, value) for name, value in TASK.items()}
    task = two_step_learners.TwoStep(episodes, trials, **probabilities)
    return model.simulate(task, choice_rule | options, rng)


def sequence(choice, state, reward):
    """One session of given trials; states 0 and 1, or -1 for none."""
    states = np.array(["S1", "S2", "none"])[np.array(state)]
    keys = {"variant": "hand", "subject": 0, "episode": 0, "trial": range(len(choice))}
    return pd.DataFrame({**keys, "choice": choice, "reward": reward, "outcome_state": states})


def pairs(seen, name):
    return seen[[f"{name}_0", f"{name}_1"]].to_numpy()


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
    trials = sequence([0, 0, 1], [0, 1, 1], [1.0, 0.0, 1.0])
    seen = sarsa(0.5, initial_value=0.0).replay(trials)
    np.testing.assert_allclose(seen["rpe_stage_2"], [0, 0, 0])
    np.testing.assert_allclose(seen["rpe_reward"], [1, 0, 1])
    np.testing.assert_allclose(pairs(seen, "state_value"), [[0, 0], [0.5, 0], [0.5, 0]])
    seen = sarsa(0.5, initial_value=0.0, eligibility=1.0).replay(trials)
    np.testing.assert_allclose(pairs(seen, "action_value"), [[0, 0], [0.5, 0], [0.25, 0]])
    np.testing.assert_allclose(seen["rpe_stage_2"], [0, -0.5, 0])
    assert seen["last_choice"].tolist() == [-1, 0, 0]


def test_cue_learner_trials_by_hand():
    """The cue of trial 2 is rewarded S1, of trial 5 rewarded S2; after the aborted trial 3 there is
    none."""
    trials = sequence([0, 0, -1, 0, 1], [0, 0, -1, 1, 1], [1.0, 0.0, -1.0, 1.0, 1.0])
    fixed = {"learning_rate": 0.5, "eligibility": 1.0, **REPLAYED}
    seen = CueLearner((0.0, 0.0), fixed=fixed).replay(trials)
    expected = [[0, 0], [0, 0], [0, 0], [0.5, 0], [0, 0]]
    np.testing.assert_allclose(pairs(seen, "action_value"), expected)
    np.testing.assert_allclose(pairs(seen, "state_value"), expected)
    np.testing.assert_allclose(seen["rpe_stage_2"], [0, 0, np.nan, -0.5, 0])
    np.testing.assert_allclose(seen["rpe_reward"], [1, 0, np.nan, 1, 1])
    learned = np.arange(10.0).reshape(5, 2)
    first = CueLearner((learned, learned), fixed=fixed).replay(trials).iloc[[0]]
    np.testing.assert_allclose(pairs(first, "action_value"), [[8, 9]])


def test_planner_trials_by_hand():
    seen = PLANNER.replay(sequence([0, 1], [1, 1], [0.0, 1.0]))
    # An unrewarded S2 favours S1 by 9 to 1; then 2.5 % reversals.
    p = 0.9 * 0.975 + 0.1 * 0.025
    s1 = p * 0.9 + (1 - p) * 0.1
    np.testing.assert_allclose(pairs(seen, "state_value"), [[0.5, 0.5], [s1, 1 - s1]])
    left = 0.8 * s1 + 0.2 * (1 - s1)
    np.testing.assert_allclose(pairs(seen, "action_value"), [[0.5, 0.5], [left, 1 - left]])
    np.testing.assert_allclose(seen["rpe_stage_2"], [0.0, (1 - s1) - (1 - left)])
    np.testing.assert_allclose(seen["rpe_reward"], [-0.5, 1 - (1 - s1)])


@pytest.mark.parametrize("state", [0, -1])
def test_aborted_trials_teach_nothing_but_allow_a_reversal(state):
    trials = sequence([0, -1, 0, 0], [0, state, 0, 1], [1.0, -1.0, 1.0, 0.0])
    for model, unchanged in ((sarsa(0.3), True), (PLANNER, False)):
        seen = model.replay(trials)
        assert np.isnan(seen["rpe_reward"]).tolist() == [False, True, False, False]
        values = seen["state_value_0"]
        assert (values[1] == values[2]) == unchanged
        assert 0.5 < values[2] <= values[1]


def test_discount_scales_the_predicted_second_stage_value():
    trials = table(PLANNER, 3.0, episodes=5)
    plain, less = (
        Planner(**TASK, fixed={**REPLAYED, "discount": own}).replay(trials) for own in (1.0, 0.9)
    )
    np.testing.assert_allclose(less["rpe_stage_2"], 0.9 * plain["rpe_stage_2"])
    np.testing.assert_allclose(less["rpe_reward"], plain["rpe_reward"])


def slow_hybrid(trials, p, common):
    """Daw's hybrid in plain Python, from the formulas of Daw et al. (2011)."""
    log_p = []
    for _, session in trials.groupby("episode"):
        q, q2, last = np.full(2, 0.5), np.full((2, 2), 0.5), None
        for _, row in session.sort_values("trial").iterrows():
            best = q2.max(axis=1)
            planned = np.array([common * best[a] + (1 - common) * best[1 - a] for a in (0, 1)])
            net = p["weight"] * planned + (1 - p["weight"]) * q
            logits = p["inverse_temperature"] * net
            if last is not None:
                logits[last] += p["perseveration"]
            a, s, b = int(row["choice"]), int(row["outcome_state"] == "S2"), int(row["choice2"])
            second = log_softmax(p["inverse_temperature_2"] * q2[s])[b]
            log_p.append(log_softmax(logits)[a] + second)
            q[a] += p["learning_rate"] * (q2[s, b] - q[a])
            error = row["reward"] - q2[s, b]
            q[a] += p["learning_rate"] * p["eligibility"] * error
            q2[s, b] += p["learning_rate_2"] * error
            last = a
    return np.array(log_p)


def test_daw_likelihood_equals_a_slow_one():
    p = {"learning_rate": 0.4, "learning_rate_2": 0.6, "inverse_temperature": 4.0, "weight": 0.3}
    p |= {"inverse_temperature_2": 3.0, "eligibility": 0.7, "perseveration": 0.2}
    model = daw_learners.Hybrid(0.7)
    trials = model.simulate(DawTwoStep(3, 40), p, np.random.default_rng(0))
    np.testing.assert_allclose(model.log_likelihood(trials, p), slow_hybrid(trials, p, 0.7))
    levels = trials.assign(reward=trials["reward"] * 2 + (trials["trial"] % 3))
    np.testing.assert_allclose(model.log_likelihood(levels, p), slow_hybrid(levels, p, 0.7))
    missed = trials.assign(choice2=trials["choice2"].where(trials["trial"] != 39, -1))
    log_p = model.log_likelihood(missed, p)
    assert np.isfinite(log_p).all() and log_p[39] > slow_hybrid(trials, p, 0.7)[39]
    with pytest.raises(UserError, match="choice2 is 3"):
        model.prepare(trials.assign(choice2=3))


def slow_delta_rule(trials, p, arms):
    log_p = []
    for _, session in trials.groupby("episode"):
        values, last = np.full(arms, 0.5), None
        for choice, reward in zip(session["choice"], session["reward"], strict=True):
            if choice < 0:
                log_p.append(np.nan)
                continue
            logits = p["inverse_temperature"] * values
            logits += [0, *(p[f"bias_{k}"] for k in range(1, arms))]
            if last is not None:
                logits[last] += p["perseveration"]
            log_p.append(log_softmax(logits)[choice])
            values[choice] += p["learning_rate"] * (reward - values[choice])
            last = choice
    return np.array(log_p)


TRIAL = st.tuples(st.integers(-1, 2), st.floats(-5, 5))


@given(st.lists(TRIAL, min_size=1, max_size=20), st.floats(0, 1), st.floats(0, 5))
@settings(deadline=None, max_examples=40)
def test_delta_rule_equals_a_slow_one_under_any_labels(history, rate, temperature):
    choice, reward = map(np.array, zip(*history, strict=True))
    trials = sequence(choice, np.zeros(len(choice), int), reward)
    p = {"learning_rate": rate, "inverse_temperature": temperature, "perseveration": 0.4}
    p |= {"bias_1": 0.3, "bias_2": -0.2}
    model = bandit_learners.DeltaRule(3)
    log_p = model.log_likelihood(trials, p)
    np.testing.assert_allclose(log_p, slow_delta_rule(trials, p, 3), atol=1e-9)
    swapped = trials.assign(choice=trials["choice"].map({-1: -1, 0: 0, 1: 2, 2: 1}))
    other = p | {"bias_1": p["bias_2"], "bias_2": p["bias_1"]}
    np.testing.assert_allclose(model.log_likelihood(swapped, other), log_p, atol=1e-9)
    shifted = trials.assign(reward=trials["reward"] + 2)
    np.testing.assert_allclose(
        model.log_likelihood(shifted, p | {"initial_value": 2.5}), log_p, atol=1e-6
    )


@pytest.mark.parametrize("model", bandit_learners.models(2), ids=repr)
def test_compiled_loop_equals_plain_python(model):
    """The same functions, interpreted on records."""
    rng = np.random.default_rng(0)
    p = {name: 0.3 for name in model.parameters}
    trials = model.simulate(bandit_learners.Bandit(rng.random((2, 30, 2))), p, rng)
    names = model.memory if "value" in model.memory else ()
    seen = model.replay(trials, p)
    record_p = model.point(p)[0].view(np.recarray)[0]
    rows = model.prepare(trials).rows.table.view(np.recarray)
    for row, trial in enumerate(rows):
        if row % 30 == 0:
            memory = model.blank.copy().view(np.recarray)[0]
            model.reset(record_p, memory)
        if names:
            np.testing.assert_allclose(memory.value, pairs(seen, "value")[row])
        model.update(record_p, memory, trial)


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
    assert interaction(stay_probability(table(sarsa(0.5), 5.0))) > 0.1


def test_planner_leaves_and_sarsa_stays_after_uncommon_reward():
    stay = stay_probability(table(PLANNER, 5.0))
    assert stay.loc["uncommon", 1.0] < stay.loc["uncommon", 0.0]
    stay = stay_probability(table(sarsa(0.5, eligibility=1.0), 5.0))
    assert stay.loc["uncommon", 1.0] > stay.loc["uncommon", 0.0]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_likelihood_is_calibrated_on_simulated_choices(model):
    """Among choices with probability p of left, a fraction p goes left; values stay in range."""
    trials = table(model, 3.0, perseveration=0.5, episodes=300)
    rule = {"inverse_temperature": 3.0, "perseveration": 0.5}
    seen = model.replay(trials, rule)
    p = expit(seen["preference_0"] - seen["preference_1"])
    left = trials["choice"] == 0
    np.testing.assert_allclose(np.exp(model.log_likelihood(trials, rule)), np.where(left, p, 1 - p))
    mean = pd.DataFrame({"p": p, "left": left}).groupby(pd.cut(p, 8), observed=True)
    mean = mean.agg(["mean", "size"])[lambda frame: frame[("p", "size")] > 500]
    np.testing.assert_allclose(mean[("left", "mean")], mean[("p", "mean")], atol=0.06)
    for name in ("action_value", "state_value"):
        assert pairs(seen, name).min() >= 0 and pairs(seen, name).max() <= 1


def test_infinite_inverse_temperature_is_greedy_and_splits_ties():
    first = table(PLANNER, np.inf, episodes=400, trials=2)
    assert 150 < (first["choice"][first["trial"] == 0] == 0).sum() < 250
    seen = PLANNER.replay(first)
    best = (pairs(seen, "action_value").argmax(axis=1) == first["choice"])[first["trial"] == 1]
    assert best.all()


def believed(belief, state, reward):
    """The planner's belief after one more trial."""
    memory, p = PLANNER.blank.copy(), PLANNER.point({})[0].view(np.recarray)[0]
    memory["belief"] = belief
    columns = {"choice": np.zeros(1, int), "outcome_state": np.array(["S1", "S2"])[[state]]}
    trial = row_of(columns | {"reward": np.array([reward])})
    PLANNER.update(p, memory.view(np.recarray)[0], trial)
    return float(memory["belief"][0])


def row_of(columns):
    return model_records(PLANNER.columns(columns)).view(np.recarray)[0]


def best_by_recursion(trials, belief=0.5):
    """Best expected reward over both actions at every belief, without assuming greedy choice."""
    if trials == 0:
        return 0.0
    expected = []
    for action in (0, 1):
        total = 0.0
        for state in (0, 1):
            p_state = 0.8 if state == action else 0.2
            p_paid = (
                belief * 0.9 + (1 - belief) * 0.1
                if state == 0
                else 1 - belief * 0.9 - (1 - belief) * 0.1
            )
            for reward, p in ((1.0, p_paid), (0.0, 1 - p_paid)):
                after = believed(belief, state, reward)
                total += p_state * p * (reward + best_by_recursion(trials - 1, after))
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
    for other in (table(PLANNER, 3.0), table(sarsa(0.5), np.inf)):
        assert other.groupby("episode")["reward"].sum().mean() < ideal


def errors_of(tables, model):
    """Recorded errors and the model's own, by stage, in the order of the trials table."""
    seen = model.replay(tables.trials)
    by_stage = tables.steps.groupby("period", observed=True)
    recorded = {stage: rows["rpe"].to_numpy() for stage, rows in by_stage}
    return recorded, {"stage 1": seen["rpe_stage_2"], "stage 2": seen["rpe_reward"]}, seen


DISCOUNTED = [
    Planner(**TASK, fixed={**REPLAYED, "discount": 0.9}),
    sarsa(0.3, discount=0.9),
]


@pytest.mark.parametrize("model", [*MODELS, *DISCOUNTED], ids=repr)
def test_recorded_errors_of_a_greedy_model_are_its_own(model):
    agent = TwoStepAgent(model, {"inverse_temperature": np.inf})
    discount = model.fixed["discount"]
    tables = record(agent, TwoStepTask(TwoStep()), [0, 1], "greedy", 20, discount=discount)
    recorded, own, _ = errors_of(tables, model)
    for stage in ("stage 1", "stage 2"):
        np.testing.assert_allclose(recorded[stage], own[stage], atol=1e-5)


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("steps_per_trial", [2, 3])
def test_recorded_errors_of_softmax_choice_differ_as_documented(model, steps_per_trial):
    rule = {"inverse_temperature": 3.0, "perseveration": 0.2}
    task = TwoStepTask(TwoStep(steps_per_trial=steps_per_trial))
    tables = record(TwoStepAgent(model, rule), task, [0, 1], "softmax", 20, discount=1.0)
    recorded, own, _ = errors_of(tables, model)
    seen = model.replay(tables.trials, rule)
    values = pairs(seen, "action_value")
    p = expit(seen["preference_0"] - seen["preference_1"]).to_numpy()
    mean = p * values[:, 0] + (1 - p) * values[:, 1]
    chosen = values[np.arange(len(values)), tables.trials["choice"]]
    np.testing.assert_allclose(recorded["stage 1"], own["stage 1"] + chosen - mean, atol=1e-5)
    following = np.append(mean[1:], 0) * (tables.trials["trial"] < 99)
    following = following if steps_per_trial == 2 else 0
    np.testing.assert_allclose(recorded["stage 2"], own["stage 2"] + following, atol=1e-5)


@pytest.mark.parametrize("stage_2_response", ["any", "side"])
def test_recorded_planner_completes_trials_and_earns_its_reward(stage_2_response):
    task = TwoStepTask(TwoStep(stage_2_response=stage_2_response))
    trials = record(
        TwoStepAgent(PLANNER, {"inverse_temperature": np.inf}),
        task,
        [5],
        "greedy",
        300,
        steps=False,
    ).trials
    assert len(trials) == 300 * 100
    assert (trials["choice"] >= 0).all() and (trials["reward"] >= 0).all()
    earned = trials.groupby("episode")["reward"].sum()
    assert earned.mean() == pytest.approx(ideal_reward(), abs=4 * earned.std() / np.sqrt(300))


def test_episodes_out_of_step_raise():
    agent = TwoStepAgent(PLANNER, {})
    mixed = torch.eye(4)[None, :2]
    with pytest.raises(ValueError, match="in step"):
        agent.step(agent.reset(1, 2), mixed, torch.zeros(1, 2), torch.full((1, 2), -1))


def test_models_import_neither_torch_nor_with_names_numba():
    code = "import sys, prefrontal.models.{}; sys.exit({!r} in sys.modules)"
    for module, slow in (
        ("two_step_learners", "torch"),
        ("two_step", "numba"),
        ("bandit", "numba"),
    ):
        assert subprocess.run([sys.executable, "-c", code.format(module, slow)]).returncode == 0
