"""Probability matching: the task, and the analyses on agents and units with planted answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.analysis import matching, regression
from prefrontal.networks.record import record
from prefrontal.task import RandomStreams
from replications.probability_matching import analysis, strategies
from replications.probability_matching import partial_correlation as partial
from replications.probability_matching.claims import CLAIMS
from replications.probability_matching.settings import SETTINGS, Matching
from replications.probability_matching.task import (
    CENTRE,
    LEFT,
    RIGHT,
    MatchingTask,
    reward_probability,
)

TASK = SETTINGS.task
FIXATION_SHOWN, CHOICE_SHOWN, OUTCOME_SHOWN = torch.eye(3)


class SidePolicy:
    """Fixate, then choose right with the probability that ``right`` computes from memory.

    Memory: (choice signal, reward signal), each (network, episode, trials so far), +1 right, -1
    left.
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


def coin_toss(choices, rewards):
    return np.full(choices.shape[:2], 0.5)


def income_matching(choices, rewards):
    """Choose right with the share of the rewards so far that came from the right."""
    right, left = 1 + (rewards > 0).sum(-1), 1 + (rewards < 0).sum(-1)
    return right / (right + left)


def playing(right, episodes=40, trials=60, baselines="all", seeds=(0,)):
    task = MatchingTask(Matching(shortest=trials, longest=trials), baselines)
    return record(SidePolicy(right), task, list(seeds), "agent", episodes, steps=False)


def play(*how, **settings):
    return playing(*how, **settings).trials


def run_actions(task, actions, uniform=0.999):
    """Play one episode with given actions; a uniform number near 1 withholds every reward."""
    state, observation = task.reset(torch.full((1, 1, 2), 0.3))
    trace = []
    for action in actions:
        state, observation, reward = task.step(
            state, torch.tensor([[action]]), torch.full((1, 1, 1), uniform)
        )
        trace.append((state, observation[0, 0], float(reward)))
    return trace


def test_valid_trial_pays_at_the_choice():
    trace = run_actions(MatchingTask(TASK), [CENTRE, LEFT], uniform=0.0)
    assert (trace[0][1] == CHOICE_SHOWN).all()
    assert (trace[1][1] == FIXATION_SHOWN).all()
    assert [reward for *_, reward in trace] == [0, 1]
    assert int(trace[1][0]["trial"]) == 1


def test_three_steps_show_the_reward_before_fixation():
    trace = run_actions(
        MatchingTask(Matching(steps_per_trial=3)), [CENTRE, LEFT, RIGHT], uniform=0.0
    )
    assert (trace[1][1] == OUTCOME_SHOWN).all()
    assert [reward for *_, reward in trace] == [0, 1, 0]
    assert (trace[2][1] == FIXATION_SHOWN).all()
    columns = MatchingTask(Matching(steps_per_trial=3)).trial_columns(trace[2][0])
    assert (columns["choice"].item(), columns["reward"].item()) == (LEFT, 1)


@pytest.mark.parametrize(("invalid_response", "trial"), [("abort", 1), ("repeat", 0)])
@pytest.mark.parametrize("actions", [[LEFT], [CENTRE, CENTRE]])
def test_invalid_response_costs_one(invalid_response, trial, actions):
    state, _, reward = run_actions(
        MatchingTask(Matching(invalid_response=invalid_response)), actions
    )[-1]
    assert reward == -1
    assert int(state["trial"]) == trial


def test_a_side_left_alone_becomes_more_likely_to_pay():
    task = MatchingTask(TASK)
    trace = run_actions(task, [CENTRE, LEFT] * 4 + [CENTRE, RIGHT] + [CENTRE, RIGHT])
    after = [task.trial_columns(state) for state, *_ in trace[1::2]]
    left = after[0]["baseline_left"].item()
    right = TASK.baseline_sum - left
    np.testing.assert_allclose(
        [a["p_left"].item() for a in after],
        1 - (1 - left) ** np.array([1, 1, 1, 1, 1, 2]),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        [a["p_right"].item() for a in after],
        1 - (1 - right) ** np.array([1, 2, 3, 4, 5, 1]),
        rtol=1e-5,
    )


def test_an_aborted_trial_lets_both_sides_wait():
    task = MatchingTask(TASK)
    state, *_ = run_actions(task, [CENTRE, LEFT, LEFT, CENTRE, LEFT])[-1]
    assert int(state["since_left"]) == 1
    assert int(state["since_right"]) == 2


def test_training_never_meets_the_held_out_baselines():
    noise = RandomStreams([0], "test").uniform(20_000, 2)
    trained, every = (MatchingTask(TASK, kind).reset(noise)[0] for kind in ("trained", "all"))
    left = trained["baseline_left"].numpy().ravel().astype(float)
    assert not TASK.held_out(left).any()
    assert np.histogram(left, [0, 0.1, 0.2, 0.3, 0.4, 0.5])[0] == pytest.approx(
        20_000 * np.array([1, 0, 1, 0, 1]) / 3, rel=0.05
    )
    assert TASK.held_out(every["baseline_left"].numpy()).mean() == pytest.approx(0.4, abs=0.02)
    assert set(np.unique(every["trials"].numpy())) == set(range(50, 101))


def test_coin_toss_earns_what_the_formula_says():
    trials = play(coin_toss, episodes=100, trials=100)
    left = trials["baseline_left"].to_numpy(float)
    assert trials["reward"].mean() == pytest.approx(
        strategies.coin_toss(left, 0.5 - left).mean(), abs=0.015
    )


def test_best_cycle_beats_a_coin_toss():
    left = np.array([0.05, 0.25, 0.45])
    table = strategies.best_cycle(left, 0.5 - left)
    assert table["reward"][1] == pytest.approx(1 - 0.75**2)
    assert table["reward"][0] == pytest.approx(table["reward"][2])
    assert table["choice_ratio"][0] == pytest.approx(-table["choice_ratio"][2])
    assert (table["reward"] > strategies.coin_toss(left, 0.5 - left)).all()


def test_benchmarks_follow_the_settings():
    """With richer baselines in task and settings, a coin toss still gains nothing."""
    rich = SETTINGS.vary({"task.shortest": 60, "task.longest": 60, "task.baseline_sum": 0.8})
    agent, task = SidePolicy(coin_toss), MatchingTask(rich.task, "all")
    played = record(agent, task, [0], "rich", 200, steps=False)
    assert played.trials["baseline_left"].max() > 0.5
    reward = analysis.analyse(replace(played, settings={"rich": rich}))["reward"]
    assert reward["normalised_reward"].item() == pytest.approx(0, abs=0.15)
    poor = analysis.rewards(played.trials, {"rich": SETTINGS})
    assert poor["normalised_reward"].item() > 0.5


def test_claims_are_evaluated_for_every_measured_variant():
    played = replace(playing(income_matching, seeds=(0, 1)), settings={"agent": SETTINGS})
    evaluated = analysis.claims_by_variant(analysis.analyse(played))
    evaluated = evaluated.set_index(["claim", "measure"])
    assert set(evaluated["variant"]) == {"agent"}
    slope = evaluated["reproduced"]["matching-slope", "all baselines"]
    assert slope == pytest.approx(1, abs=0.3)
    declared = {
        (claim.claim, claim.measure) for claim in CLAIMS if not claim.variant + claim.versus
    }
    units = {key for key in declared if key[0].startswith("matching-units")}
    assert set(evaluated.index) == declared - units


def test_income_matching_lands_on_slope_one():
    trials = play(income_matching, episodes=60, trials=1_500)
    trials = trials[trials["baseline_left"].between(0.03, 0.47) & (trials["trial"] > 500)]
    assert matching.matching_slope(matching.matching_points(trials)) == pytest.approx(1, abs=0.07)


def test_indifferent_agent_lands_on_slope_zero():
    trials = play(coin_toss, episodes=60, trials=1_000)
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

    weights = analysis.lag_weights(play(right, episodes=200, trials=100))
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
    ours, choices, other = (found.loc[name] for name in ("-1 to 1", "choices 0 to 1", "0 to 1"))
    for weight, factor in (("reward_lag_1", 1), ("choice_lag_1", 2)):
        assert choices[weight] == pytest.approx(factor * ours[weight], rel=1e-3)
        assert other[weight] == pytest.approx(2 * ours[weight], rel=1e-3)
    assert other["scale"] == pytest.approx(ours["scale"] / 2, rel=1e-3)
    assert other["correlation"] == pytest.approx(ours["correlation"], abs=1e-3)


def test_only_late_trials_are_outcomes():
    trials = play(income_matching, episodes=3, trials=60)
    late = trials[analysis.late(trials)]
    assert late["trial"].min() == 20
    weights = regression.lagged_regression(
        trials, matching.history_signals(trials), 2, where=trials["trial"] > 100
    )
    assert weights["weight"].isna().all()


def test_history_value_counts_one_side_only():
    keys = {"variant": "c", "subject": 0, "episode": 0, "trial": range(4)}
    trials = pd.DataFrame({**keys, "choice": [0, 1, 0, 0], "reward": [1, 1, 0, 0]})
    signals = ["bias", "reward", "reward", "choice", "choice"]
    weights = pd.DataFrame(
        {"signal": signals, "lag": [0, 1, 2, 1, 2], "weight": [9, 2, 1, -0.5, 0.1]}
    )
    left = analysis.history_value(trials, weights, 0)
    np.testing.assert_allclose(left.to_numpy(), [np.nan, np.nan, 1 + 0.1, -0.5])


def test_partial_correlations_equal_those_of_residuals():
    rng = np.random.default_rng(0)
    covariates = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3))
    activity = covariates @ rng.normal(size=(3, 5)) + rng.normal(size=(300, 5))
    found = partial.partial_correlations(activity, covariates, rank=False)
    for unit in range(5):
        for k in range(3):
            others = np.column_stack([np.ones(300), np.delete(covariates, k, 1)])
            left = [
                y - others @ np.linalg.lstsq(others, y, rcond=None)[0]
                for y in (activity[:, unit], covariates[:, k])
            ]
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
        r = np.abs(partial.partial_correlations(activity, covariates, rank))
        null = np.quantile(
            np.abs(partial.shifted_partial_correlations(activity, covariates, 100, rng, rank)).max(
                1
            ),
            0.99,
            axis=0,
        )
        assert (np.diag(r) > 0.5).all()
        assert (r[4:] < 0.08).all()
        assert (np.diag(r) > null).all()
        assert (r[:4][~np.eye(4, dtype=bool)] < 0.08).all()


def test_ranks_see_monotone_codes_as_they_are():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 1))
    np.testing.assert_allclose(partial.partial_correlations(np.exp(3 * x), x), 1)
    assert partial.partial_correlations(np.exp(3 * x), x, rank=False).item() < 0.8


def test_slow_drift_does_not_pass_for_a_code():
    rng = np.random.default_rng(3)
    drift = np.cumsum(rng.normal(size=(2_000, 20)), axis=0)
    covariate = np.cumsum(rng.normal(size=(2_000, 1)), axis=0)
    found = np.abs(partial.partial_correlations(drift, covariate)).mean()
    null = np.abs(partial.shifted_partial_correlations(drift, covariate, 100, rng)).mean(
        axis=(1, 2)
    )
    assert found < np.quantile(null, 0.99)


def test_degenerate_data_give_nan():
    nothing = np.zeros((50, 2))
    assert np.isnan(
        partial.partial_correlations(nothing, np.random.default_rng(0).normal(size=(50, 2)))
    ).all()
    assert np.isnan(
        partial.partial_correlations(np.random.default_rng(0).normal(size=(50, 2)), nothing)
    ).all()
    assert np.isnan(partial.partial_correlations(np.ones((2, 3)), np.ones((2, 4)))).all()
    trials = play(lambda choices, rewards: np.ones(choices.shape[:2]), episodes=3)
    assert analysis.lag_weights(trials)["weight"].isna().all()
    points = analysis.episode_points(trials)
    assert points.empty
    assert np.isnan(matching.matching_slope(points))


def test_reward_probability_is_the_papers():
    since = torch.arange(4)
    torch.testing.assert_close(
        reward_probability(torch.tensor(0.2), since), 1 - 0.8 ** (since + 1.0)
    )


def followed(policy, left=0.4, trials=90, episodes=60):
    """Finer choice of a policy with these baselines, and its trials."""
    rng, sides = np.random.default_rng(0), (np.full(episodes, left), np.full(episodes, 0.5 - left))
    trials = strategies.simulate(policy, *sides, trials, rng).assign(variant="agent", subject=0)
    return analysis.finer_choice(trials, 0.5), trials


@pytest.mark.parametrize("left", [0.4, 0.1])
def test_simulated_best_cycle_has_its_runs_and_waits(left):
    baselines = np.full(60, left), np.full(60, 0.5 - left)
    tables, trials = followed(strategies.cycling(*baselines), left)
    cycle = strategies.best_cycle(*(own[:1] for own in baselines)).iloc[0]
    run = round(2 ** abs(cycle["choice_ratio"]))
    assert (
        tables["choice_runs"]["richer"].item() == run
        and tables["choice_runs"]["poorer_side"].item() == 1
    )
    waits = tables["choice_waits"].set_index("wait")["probability"]
    assert waits[run + 1] == 1 and (waits[waits.index <= run] == 0).all()
    assert tables["choice_shares"]["choices"].item() == pytest.approx(run / (run + 1), abs=0.01)
    assert trials["reward"].mean() == pytest.approx(cycle["reward"], abs=0.02)


def test_regression_recovers_the_weights_of_a_policy():
    weights = {"reward": np.array([1.5, 0.5]), "choice": np.array([-1.0, 0.25])}
    _, trials = followed(strategies.from_history(**weights), 0.3, episodes=800)
    back = regression.lagged_regression(trials, matching.history_signals(trials), 2).set_index(
        "signal"
    )["weight"]
    for signal, planted in weights.items():
        assert back[signal].tolist() == pytest.approx(planted.tolist(), abs=0.1)


def test_simulated_coin_toss_earns_its_formula_and_never_waits():
    tables, trials = followed(lambda choices, rewards: np.zeros(len(choices)), 0.4, episodes=400)
    assert trials["reward"].mean() == pytest.approx(
        strategies.coin_toss(np.array([0.4]), np.array([0.1])).item(), abs=0.01
    )
    assert tables["choice_runs"][["richer", "poorer_side"]].iloc[0].tolist() == pytest.approx(
        [2, 2], abs=0.1
    )
    assert tables["choice_waits"]["probability"].iloc[:5].tolist() == pytest.approx(
        [0.5] * 5, abs=0.05
    )
    assert tables["choice_trials"]["richer"].tolist() == pytest.approx([0.5] * 18, abs=0.05)


def test_interpolation_is_free_of_the_range_of_baselines():
    """Choice that follows the baselines in a straight line, and choice that ignores the held-out
    ones."""
    baseline = np.repeat(np.linspace(0.001, 0.499, 500), 200)
    held_out = TASK.held_out(baseline)
    left = baseline / TASK.baseline_sum
    settings = {"2_steps": SETTINGS}
    for share, expected in ((left, 0.0), (np.where(held_out, 0.5, left), -0.2)):
        chose_left = np.tile((np.arange(200) + 0.5) / 200, 500) < share
        trials = pd.DataFrame({"variant": "2_steps", "subject": 0, "choice": 1 - chose_left})
        trials = trials.assign(baseline_left=baseline, trial=99, trials=100)
        difference = analysis.interpolation(trials, settings)["difference"].item()
        assert difference == pytest.approx(expected, abs=0.01)
