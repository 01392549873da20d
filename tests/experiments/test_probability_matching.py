from prefrontal.analysis import matching, regression

"""Probability matching: the task, and the analyses on agents and units whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.analysis import neural
from prefrontal.models import matching
from prefrontal.networks.record import record
from prefrontal.task import RandomStreams
from replications.probability_matching import analysis
from replications.probability_matching.task import (
    CENTRE,
    LEFT,
    RIGHT,
    MatchingTask,
    held_out,
    reward_probability,
)
from replications.probability_matching.train import Config
from replications.probability_matching.variants import CLAIMS

FIXATION_SHOWN, CHOICE_SHOWN, OUTCOME_SHOWN = torch.eye(3)


class SidePolicy:
    """Looks at the fixation cue, then chooses right with a probability that ``right`` computes from its memory.

    Memory: (choice signal, reward signal), each (network, episode, trials so far), +1 right, -1 left.
    """

    def __init__(self, right):
        self.right = right

    def reset(self, seeds, episodes):
        empty = np.zeros((seeds, episodes, 0))
        return empty, empty

    def step(self, memory, observation, last_reward, last_action):
        choices, rewards = memory
        at_choice = bool((observation[0, 0] == CHOICE_SHOWN).all())
        if not at_choice and bool((last_action[0, 0] != CENTRE) & (last_action[0, 0] >= 0)):
            side = np.where(last_action.numpy() == RIGHT, 1.0, -1.0)
            choices = np.concatenate([choices, side[..., None]], -1)
            rewards = np.concatenate([rewards, (side * last_reward.numpy())[..., None]], -1)
        shape = *last_reward.shape, 3
        probabilities = torch.zeros(shape)
        if at_choice:
            p = torch.tensor(self.right(choices, rewards), dtype=torch.float32)
            probabilities[..., RIGHT], probabilities[..., LEFT] = p, 1 - p
        else:
            probabilities[..., CENTRE] = 1
        return (choices, rewards), probabilities, torch.zeros(shape[:-1]), None


def income_matching(choices, rewards):
    """Choose right with the share of the rewards so far that came from the right."""
    right, left = 1 + (rewards > 0).sum(-1), 1 + (rewards < 0).sum(-1)
    return right / (right + left)


def playing(right, episodes=40, trials=60, baselines="all", seeds=(0,)):
    task = MatchingTask(baselines, trials, trials)
    return record(SidePolicy(right), task, list(seeds), "agent", episodes, steps=False)


def play(*how, **settings):
    return playing(*how, **settings).trials


def run_actions(task, actions, uniform=0.999):
    """Play one episode with given actions; a uniform number near 1 withholds every reward."""
    state, observation = task.reset(torch.full((1, 1, 2), 0.3))
    trace = []
    for action in actions:
        state, observation, reward = task.step(state, torch.tensor([[action]]), torch.full((1, 1, 1), uniform))
        trace.append((state, observation[0, 0], float(reward)))
    return trace


def test_a_valid_trial_is_fixation_and_choice_and_pays_at_the_choice():
    trace = run_actions(MatchingTask(), [CENTRE, LEFT], uniform=0.0)
    assert (trace[0][1] == CHOICE_SHOWN).all()
    assert (trace[1][1] == FIXATION_SHOWN).all()
    assert [reward for *_, reward in trace] == [0, 1]
    assert int(trace[1][0]["trial"]) == 1


def test_three_steps_show_the_reward_before_the_next_fixation():
    trace = run_actions(MatchingTask(steps_per_trial=3), [CENTRE, LEFT, RIGHT], uniform=0.0)
    assert (trace[1][1] == OUTCOME_SHOWN).all()
    assert [reward for *_, reward in trace] == [0, 1, 0]
    assert (trace[2][1] == FIXATION_SHOWN).all()
    columns = MatchingTask(steps_per_trial=3).trial_columns(trace[2][0])
    assert (columns["choice"].item(), columns["reward"].item()) == (LEFT, 1)


@pytest.mark.parametrize(("invalid_response", "trial"), [("abort", 1), ("repeat", 0)])
@pytest.mark.parametrize("actions", [[LEFT], [CENTRE, CENTRE]])
def test_invalid_response_costs_one_and_ends_or_repeats(invalid_response, trial, actions):
    state, _, reward = run_actions(MatchingTask(invalid_response=invalid_response), actions)[-1]
    assert reward == -1
    assert int(state["trial"]) == trial


def test_a_side_left_alone_becomes_more_likely_to_pay():
    task = MatchingTask()
    trace = run_actions(task, [CENTRE, LEFT] * 4 + [CENTRE, RIGHT] + [CENTRE, RIGHT])
    after = [task.trial_columns(state) for state, *_ in trace[1::2]]
    left = after[0]["baseline_left"].item()
    right = task.baseline_sum - left
    np.testing.assert_allclose([a["p_left"].item() for a in after], 1 - (1 - left) ** np.array([1, 1, 1, 1, 1, 2]), rtol=1e-5)
    np.testing.assert_allclose([a["p_right"].item() for a in after], 1 - (1 - right) ** np.array([1, 2, 3, 4, 5, 1]), rtol=1e-5)


def test_an_aborted_trial_lets_both_sides_wait():
    task = MatchingTask()
    state, *_ = run_actions(task, [CENTRE, LEFT, LEFT, CENTRE, LEFT])[-1]
    assert int(state["since_left"]) == 1
    assert int(state["since_right"]) == 2


def test_training_never_meets_the_held_out_baselines():
    noise = RandomStreams([0], "test").uniform(20_000, 2)
    trained, every = (MatchingTask(kind).reset(noise)[0] for kind in ("trained", "all"))
    left = trained["baseline_left"].numpy().ravel().astype(float)
    assert not held_out(left, 0.5).any()
    assert np.histogram(left, [0, 0.1, 0.2, 0.3, 0.4, 0.5])[0] == pytest.approx(20_000 * np.array([1, 0, 1, 0, 1]) / 3, rel=0.05)
    assert held_out(every["baseline_left"].numpy(), 0.5).mean() == pytest.approx(0.4, abs=0.02)
    assert set(np.unique(every["trials"].numpy())) == set(range(50, 101))


def test_coin_toss_earns_what_the_formula_says():
    trials = play(lambda choices, rewards: np.full(choices.shape[:2], 0.5), episodes=100, trials=100)
    left = trials["baseline_left"].to_numpy(float)
    assert trials["reward"].mean() == pytest.approx(matching.coin_toss(left, 0.5 - left).mean(), abs=0.015)


def test_best_cycle_beats_every_other_cycle_and_earns_what_it_says():
    left = np.array([0.05, 0.25, 0.45])
    table = matching.best_cycle(left, 0.5 - left)
    assert table["reward"][1] == pytest.approx(1 - 0.75**2)
    assert table["reward"][0] == pytest.approx(table["reward"][2])
    assert table["choice_ratio"][0] == pytest.approx(-table["choice_ratio"][2])
    assert (table["reward"] > matching.coin_toss(left, 0.5 - left)).all()


def test_references_are_built_from_the_settings():
    """With richer baselines, of which the task and the settings speak, a coin toss still has none of the possible gain."""
    task = MatchingTask("all", 60, 60, baseline_sum=0.8)
    seen = record(SidePolicy(lambda choices, rewards: np.full(choices.shape[:2], 0.5)), task, [0], "rich", 200, steps=False)
    assert seen.trials["baseline_left"].max() > 0.5
    measured = analysis.measure(replace(seen, settings={"rich": Config(baseline_sum=0.8).settings()}))
    assert measured["reward"]["normalised_reward"].item() == pytest.approx(0, abs=0.15)
    assert analysis.rewards(seen.trials, {"rich": Config().settings()})["normalised_reward"].item() > 0.5


def test_what_was_measured_is_settled_for_every_condition():
    seen = replace(playing(income_matching, seeds=(0, 1)), settings={"agent": Config().settings()})
    settled = analysis.claims_by_variant(analysis.measure(seen)).set_index(["claim", "measure"])
    assert set(settled["variant"]) == {"agent"}
    assert settled["reproduced"]["matching-slope", "all baselines"] == pytest.approx(1, abs=0.3)
    units = {(claim.claim, claim.measure) for claim in CLAIMS if claim.claim == "matching-units"}
    assert set(settled.index) == {(claim.claim, claim.measure) for claim in CLAIMS if not claim.variant} - units


def test_income_matching_lands_on_slope_one():
    trials = play(income_matching, episodes=60, trials=1_500)
    trials = trials[trials["baseline_left"].between(0.03, 0.47) & (trials["trial"] > 500)]
    assert matching.matching_slope(matching.matching_points(trials)) == pytest.approx(1, abs=0.07)


def test_indifferent_agent_lands_on_slope_zero():
    trials = play(lambda choices, rewards: np.full(choices.shape[:2], 0.5), episodes=60, trials=1_000)
    assert matching.matching_slope(matching.matching_points(trials)) == pytest.approx(0, abs=0.07)


def test_planted_lag_weights_come_back():
    planted = {"reward": [1.5, 0.8, 0.0, 0.3], "choice": [-1.0, 0.4, 0.0, -0.2]}

    def right(choices, rewards):
        odds = 0.3
        for signal, past in (("reward", rewards), ("choice", choices)):
            for lag, weight in enumerate(planted[signal], 1):
                if past.shape[-1] >= lag:
                    odds = odds + weight * past[..., -lag]
        return np.broadcast_to(1 / (1 + np.exp(-odds)), choices.shape[:2])

    weights = analysis.history_weights(play(right, episodes=200, trials=100))
    found = weights.set_index(["signal", "lag"])["weight"]
    assert found["bias", 0] == pytest.approx(0.3, abs=0.1)
    for signal, values in planted.items():
        for lag, weight in enumerate(values, 1):
            assert found[signal, lag] == pytest.approx(weight, abs=0.15)
        assert abs(found[signal].loc[8:]).max() < 0.15


def test_weights_double_where_sides_are_coded_from_0_to_1():
    def right(choices, rewards):
        odds = rewards[..., -1:].sum(-1) - 0.5 * choices[..., -1:].sum(-1)
        return np.broadcast_to(1 / (1 + np.exp(-odds)), choices.shape[:2])

    found = analysis.history_codings(play(right, episodes=60, trials=100)).set_index("coding")
    ours, other = found.loc["-1 to 1"], found.loc["0 to 1"]
    for weight in ("reward_lag_1", "choice_lag_1"):
        assert other[weight] == pytest.approx(2 * ours[weight], rel=1e-3)
    assert other["scale"] == pytest.approx(ours["scale"] / 2, rel=1e-3)
    assert other["correlation"] == pytest.approx(ours["correlation"], abs=1e-3)


def test_only_late_trials_are_outcomes():
    trials = play(income_matching, episodes=3, trials=60)
    late = trials[analysis.late(trials)]
    assert late["trial"].min() == 20
    weights = regression.lagged_regression(trials, matching.history_signals(trials), 2, where=trials["trial"] > 100)
    assert weights["weight"].isna().all()


def test_history_value_counts_one_side_only():
    keys = {"variant": "c", "seed": 0, "episode": 0, "trial": range(4)}
    trials = pd.DataFrame({**keys, "choice": [0, 1, 0, 0], "reward": [1, 1, 0, 0]})
    signals = ["bias", "reward", "reward", "choice", "choice"]
    weights = pd.DataFrame({"signal": signals, "lag": [0, 1, 2, 1, 2], "weight": [9, 2, 1, -0.5, 0.1]})
    left = matching.history_value(trials, weights, 0)
    np.testing.assert_allclose(left.to_numpy(), [np.nan, np.nan, 1 + 0.1, -0.5])


def test_partial_correlations_equal_those_of_residuals():
    rng = np.random.default_rng(0)
    covariates = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3))
    activity = covariates @ rng.normal(size=(3, 5)) + rng.normal(size=(300, 5))
    found = neural.partial_correlations(activity, covariates, rank=False)
    for unit in range(5):
        for k in range(3):
            others = np.column_stack([np.ones(300), np.delete(covariates, k, 1)])
            left = [y - others @ np.linalg.lstsq(others, y, rcond=None)[0] for y in (activity[:, unit], covariates[:, k])]
            assert found[unit, k] == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-9)


def test_planted_unit_codes_are_found_and_null_units_are_not():
    rng = np.random.default_rng(1)
    trials = 4_000
    action, reward = (rng.choice([-1.0, 1.0], trials) for _ in range(2))
    value = np.cumsum(rng.normal(size=trials)) * 0.1
    covariates = np.column_stack([action, reward, action * reward, value])
    activity = rng.normal(size=(trials, 8))
    activity[:, :4] += covariates
    for rank in (True, False):
        r = np.abs(neural.partial_correlations(activity, covariates, rank))
        null = np.quantile(np.abs(neural.shifted_partial_correlations(activity, covariates, 100, rng, rank)).max(1), 0.99, axis=0)
        assert (np.diag(r) > 0.5).all()
        assert (r[4:] < 0.08).all()
        assert (np.diag(r) > null).all()
        assert (r[:4][~np.eye(4, dtype=bool)] < 0.08).all()


def test_ranks_see_monotone_codes_as_they_are():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 1))
    np.testing.assert_allclose(neural.partial_correlations(np.exp(3 * x), x), 1)
    assert neural.partial_correlations(np.exp(3 * x), x, rank=False).item() < 0.8


def test_slow_drift_does_not_pass_for_a_code():
    rng = np.random.default_rng(3)
    drift = np.cumsum(rng.normal(size=(2_000, 20)), axis=0)
    covariate = np.cumsum(rng.normal(size=(2_000, 1)), axis=0)
    found = np.abs(neural.partial_correlations(drift, covariate)).mean()
    null = np.abs(neural.shifted_partial_correlations(drift, covariate, 100, rng)).mean(axis=(1, 2))
    assert found < np.quantile(null, 0.99)


def test_degenerate_data_give_nan():
    nothing = np.zeros((50, 2))
    assert np.isnan(neural.partial_correlations(nothing, np.random.default_rng(0).normal(size=(50, 2)))).all()
    assert np.isnan(neural.partial_correlations(np.random.default_rng(0).normal(size=(50, 2)), nothing)).all()
    assert np.isnan(neural.partial_correlations(np.ones((2, 3)), np.ones((2, 4)))).all()
    trials = play(lambda choices, rewards: np.ones(choices.shape[:2]), episodes=3)
    assert analysis.history_weights(trials)["weight"].isna().all()
    points = analysis.episode_points(trials)
    assert points.empty
    assert np.isnan(matching.matching_slope(points))


def test_reward_probability_is_the_papers():
    since = torch.arange(4)
    torch.testing.assert_close(reward_probability(torch.tensor(0.2), since), 1 - 0.8 ** (since + 1.0))


def followed(policy, left=0.4, trials=90, episodes=60):
    """Finer choice of a policy with these baselines, and its trials."""
    rng, sides = np.random.default_rng(0), (np.full(episodes, left), np.full(episodes, 0.5 - left))
    trials = matching.simulate(policy, *sides, trials, rng).assign(variant="agent", seed=0)
    return analysis.finer_choice(trials, 0.5), trials


@pytest.mark.parametrize("left", [0.4, 0.1])
def test_best_cycle_has_the_runs_and_waits_that_it_is_made_of(left):
    baselines = np.full(60, left), np.full(60, 0.5 - left)
    told, trials = followed(matching.cycling(*baselines), left)
    cycle = matching.best_cycle(*(own[:1] for own in baselines)).iloc[0]
    run = round(2 ** abs(cycle["choice_ratio"]))
    assert told["choice_runs"]["richer"].item() == run and told["choice_runs"]["poorer_side"].item() == 1
    waits = told["choice_waits"].set_index("wait")["probability"]
    assert waits[run + 1] == 1 and (waits[waits.index <= run] == 0).all()
    assert told["choice_shares"]["choices"].item() == pytest.approx(run / (run + 1), abs=0.01)
    assert trials["reward"].mean() == pytest.approx(cycle["reward"], abs=0.02)


def test_policy_of_given_weights_is_one_to_whom_the_regression_gives_them_back():
    weights = {"reward": np.array([1.5, 0.5]), "choice": np.array([-1.0, 0.25])}
    _, trials = followed(matching.from_history(**weights), 0.3, episodes=800)
    back = regression.lagged_regression(trials, matching.history_signals(trials), 2).set_index("signal")["weight"]
    for signal, planted in weights.items():
        assert back[signal].tolist() == pytest.approx(planted.tolist(), abs=0.1)


def test_coin_toss_earns_in_simulation_what_the_formula_says_and_waits_for_nothing():
    told, trials = followed(lambda choices, rewards: np.zeros(len(choices)), 0.4, episodes=400)
    assert trials["reward"].mean() == pytest.approx(matching.coin_toss(np.array([0.4]), np.array([0.1])).item(), abs=0.01)
    assert told["choice_runs"][["richer", "poorer_side"]].iloc[0].tolist() == pytest.approx([2, 2], abs=0.1)
    assert told["choice_waits"]["probability"].iloc[:5].tolist() == pytest.approx([0.5] * 5, abs=0.05)
    assert told["choice_trials"]["richer"].tolist() == pytest.approx([0.5] * 18, abs=0.05)
