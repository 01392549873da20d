"""Bandit policies: against published values, brute force, Monte Carlo and each other."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefrontal.errors import UserError
from prefrontal.learners import bandit
from prefrontal.learners.agents import BanditAgent
from prefrontal.recording import record
from replications.bandit.task import BanditTask

COUNT = st.integers(0, 60)


@pytest.mark.parametrize(
    ("successes", "failures", "discount", "published"),
    [
        (0, 0, 0.5, 0.5590),
        (0, 0, 0.9, 0.7029),
        (1, 0, 0.9, 0.8001),
        (0, 1, 0.9, 0.5001),
        (1, 1, 0.9, 0.6346),
        (2, 0, 0.9, 0.8452),
        (0, 2, 0.9, 0.3796),
        (0, 0, 0.95, 0.7614),
        (0, 0, 0.99, 0.8699),
    ],
)
def test_gittins_index_is_the_published_one(successes, failures, discount, published):
    """Gittins, Glazebrook & Weber (2011), tables for the Bernoulli reward process."""
    assert bandit.gittins_index(successes, failures, discount) == pytest.approx(published, abs=6e-5)


@given(COUNT, COUNT, st.sampled_from([0.5, 0.9, 0.99]))
@settings(deadline=None)
def test_gittins_index_exceeds_the_mean_and_rises_with_successes(successes, failures, discount):
    table = bandit.gittins_table(121, discount)
    index = table[successes, failures]
    assert (successes + 1) / (successes + failures + 2) < index < 1
    assert table[successes + 1, failures] > index > table[successes, failures + 1]


def test_gittins_index_rises_with_patience_and_does_not_depend_on_the_horizon():
    impatient, patient = (bandit.gittins_table(20, discount) for discount in (0.8, 0.95))
    known = ~np.isnan(patient)
    assert (patient[known] > impatient[known]).all()
    np.testing.assert_allclose(patient, bandit.gittins_table(20, 0.95, horizon=500), atol=1e-6)


@given(*[st.integers(0, 99)] * 4)
def test_thompson_probability_is_a_probability_with_mirror_symmetry(s_left, f_left, s_right, f_right):
    p = bandit.thompson(s_left, f_left, s_right, f_right)
    assert 0 <= p[0] <= 1
    assert p.sum() == pytest.approx(1)
    np.testing.assert_allclose(bandit.thompson(s_right, f_right, s_left, f_left), p[::-1], atol=1e-9)


def test_thompson_probability_matches_monte_carlo():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 12, (4, 30))
    left, right = (rng.beta(s + 1, f + 1, (200_000, 30)) for s, f in (counts[:2], counts[2:]))
    np.testing.assert_allclose(bandit.thompson(*counts)[:, 0], (left > right).mean(0), atol=5e-3)


def test_ucb_tries_both_arms_then_adds_the_stated_bonus():
    np.testing.assert_array_equal(bandit.ucb()(*np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]))[:, 0], [0.5, 0, 0])
    # Left: 6/10 + sqrt(c ln 12 / 10); right: 1/2 + sqrt(c ln 12 / 2). The bonus decides, unless exploration is off.
    counts = np.array([6, 4, 1, 1])
    assert bandit.ucb()(*counts)[0] == 0
    assert bandit.ucb(exploration=0.0)(*counts)[0] == 1


@pytest.mark.parametrize("policy", [bandit.gittins(), bandit.ucb(), bandit.thompson, bandit.bayes_optimal(20)])
def test_policies_are_indifferent_between_equal_arms_and_take_the_mirrored_choice(policy):
    counts = np.random.default_rng(1).multinomial(12, [0.25] * 4, 50).T
    equal = counts[:2]
    np.testing.assert_allclose(policy(*equal, *equal), 0.5)
    np.testing.assert_allclose(policy(*counts), policy(*counts[2:], *counts[:2])[:, ::-1], atol=1e-12)


def test_simulate_keeps_count_of_regret():
    rng = np.random.default_rng(2)
    result = bandit.simulate(bandit.thompson, np.full(300, 0.25), 0.75, 100, rng)
    assert result.choice.shape == result.reward.shape == result.regret.shape == (300, 100)
    np.testing.assert_array_equal(result.regret, np.where(result.choice == 0, 0.5, 0.0))
    assert result.regret[:, 0].mean() == pytest.approx(0.25, abs=0.05)
    assert result.regret[:, -10:].mean() < 0.03
    paid = [result.reward[result.choice == arm].mean() for arm in (0, 1)]
    assert paid == pytest.approx([0.25, 0.75], abs=0.03)


def best_by_recursion(trials):
    """Expected reward of the best play of independent arms, by the definition."""

    @cache
    def best(s_left, f_left, s_right, f_right):
        if s_left + f_left + s_right + f_right == trials:
            return 0.0
        p_left, p_right = (s_left + 1) / (s_left + f_left + 2), (s_right + 1) / (s_right + f_right + 2)
        left = p_left * (1 + best(s_left + 1, f_left, s_right, f_right))
        left += (1 - p_left) * best(s_left, f_left + 1, s_right, f_right)
        right = p_right * (1 + best(s_left, f_left, s_right + 1, f_right))
        right += (1 - p_right) * best(s_left, f_left, s_right, f_right + 1)
        return max(left, right)

    return best(0, 0, 0, 0)


def best_correlated_by_recursion(trials):
    """The same for p_right = 1 - p_left, without assuming which arm to pull: integrate the posterior on a fine grid."""
    p_left = (np.arange(20_000) + 0.5) / 20_000

    def best(weight, left):
        if left == 0:
            return 0.0
        worth = []
        for p in (p_left, 1 - p_left):
            paid, omitted = weight * p, weight * (1 - p)
            worth.append(paid.sum() + best(paid, left - 1) + best(omitted, left - 1))
        return max(worth)

    return best(np.full_like(p_left, 1 / len(p_left)), trials)


@pytest.mark.parametrize("trials", [1, 2, 3, 5, 12])
def test_optimal_reward_of_independent_arms_matches_recursion(trials):
    assert bandit.bayes_optimal_reward("independent", trials) == pytest.approx(best_by_recursion(trials), abs=1e-12)


@pytest.mark.parametrize("trials", [1, 2, 3, 5])
def test_optimal_reward_of_correlated_arms_matches_recursion(trials):
    assert bandit.bayes_optimal_reward("correlated", trials) == pytest.approx(best_correlated_by_recursion(trials), abs=1e-6)


def test_optimal_policy_earns_the_optimal_reward_and_no_other_more():
    rng = np.random.default_rng(3)
    p_left, p_right = rng.random((2, 8_000))
    best = bandit.bayes_optimal_reward("independent", 100)
    earned = {}
    for name, policy in (("optimal", bandit.bayes_optimal(100)), ("gittins", bandit.gittins()), ("ucb", bandit.ucb())):
        result = bandit.simulate(policy, p_left, p_right, 100, rng)
        expected = (np.maximum(p_left, p_right)[:, None] - result.regret).sum(1)
        luck = 4 * expected.std() / np.sqrt(len(expected))
        earned[name] = expected.mean()
        assert earned[name] < best + luck
    assert earned["optimal"] == pytest.approx(best, abs=luck)
    assert earned["gittins"] > earned["ucb"] + 2


def test_optimal_reward_rejects_unknown_arms():
    with pytest.raises(UserError, match="independent or correlated"):
        bandit.bayes_optimal_reward("fixed")


def test_recorded_policy_learns_within_an_episode():
    task = BanditTask(arms="fixed", p_left=0.25, p_right=0.75)
    tables = record(BanditAgent(bandit.thompson), task, [0, 1], "fixed", 100, discount=0.0)
    by_trial = tables.trials.groupby("trial")["choice"].mean()
    assert by_trial[0] == pytest.approx(0.5, abs=0.12)
    assert by_trial[90:].mean() > 0.9
    steps = tables.steps
    np.testing.assert_allclose(steps["rpe"], steps["reward"] - steps["value"], atol=1e-6)
    assert steps.loc[steps["trial"] >= 50, "rpe"].mean() == pytest.approx(0, abs=0.02)


def test_recorded_policy_is_the_simulated_one():
    """What the agent did in a recording is what the policy says for the counts that the recording shows."""
    tables = record(BanditAgent(bandit.thompson), BanditTask(trials=30), [4], "independent", 20)
    counts = np.zeros((4, 20), dtype=int)
    for _, rows in tables.steps.groupby("trial"):
        np.testing.assert_allclose(rows[["p_left", "p_right"]], bandit.thompson(*counts), atol=1e-6)
        counts = bandit.tally(counts, rows["action"].to_numpy(), rows["reward"].to_numpy())
