"""Bandit policies: against published values, brute force, Monte Carlo and each other."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefrontal.errors import UserError
from prefrontal.models import bandit
from prefrontal.networks.model_agents import BanditAgent
from prefrontal.networks.record import record
from replications.bandit.settings import Bandit
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
    index = bandit.gittins_table(successes + failures, discount)[successes, failures]
    assert index == pytest.approx(published, abs=6e-5)


@given(COUNT, COUNT, st.sampled_from([0.5, 0.9, 0.99]))
@settings(deadline=None)
def test_gittins_index_exceeds_mean_and_rises_with_successes(successes, failures, discount):
    table = bandit.gittins_table(121, discount)
    index = table[successes, failures]
    assert (successes + 1) / (successes + failures + 2) < index < 1
    assert table[successes + 1, failures] > index > table[successes, failures + 1]


def test_gittins_index_rises_with_patience_not_horizon():
    impatient, patient = (bandit.gittins_table(20, discount) for discount in (0.8, 0.95))
    known = ~np.isnan(patient)
    assert (patient[known] > impatient[known]).all()
    np.testing.assert_allclose(patient, bandit.gittins_table(20, 0.95, horizon=500), atol=1e-6)


def two(s_left, f_left, s_right, f_right):
    """Counts of two arms as a policy's arguments."""
    return np.stack([s_left, s_right], -1), np.stack([f_left, f_right], -1)


@given(*[st.integers(0, 99)] * 4)
def test_thompson_probability_has_mirror_symmetry(s_left, f_left, s_right, f_right):
    p = bandit.thompson(*two(s_left, f_left, s_right, f_right))
    assert 0 <= p[0] <= 1
    assert p.sum() == pytest.approx(1)
    np.testing.assert_allclose(
        bandit.thompson(*two(s_right, f_right, s_left, f_left)), p[::-1], atol=1e-9
    )


@pytest.mark.parametrize("arms", [2, 3, 4])
def test_thompson_probability_matches_monte_carlo(arms):
    rng = np.random.default_rng(0)
    successes, failures = rng.integers(0, 12, (2, 20, arms))
    drawn = rng.beta(successes + 1, failures + 1, (100_000, 20, arms)).argmax(-1)
    expected = (drawn[..., None] == np.arange(arms)).mean(0)
    np.testing.assert_allclose(bandit.thompson(successes, failures), expected, atol=6e-3)


def test_thompson_quadrature_is_exact():
    """Three arms: P(first is best) by brute integration of the polynomials."""
    x = (np.arange(200_000) + 0.5) / 200_000
    density = 12 * x**2 * (1 - x)  # Beta(3, 2)
    others = (1 - (1 - x) ** 3) * x**2  # Beta(1, 3) and Beta(2, 1)
    p = bandit.thompson(np.array([2, 0, 1]), np.array([1, 2, 0]))
    assert p[0] == pytest.approx((density * others).mean(), abs=1e-9)
    assert p.sum() == pytest.approx(1, abs=1e-12)


def test_ucb_tries_all_arms_then_adds_the_stated_bonus():
    p = bandit.ucb()(
        np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]]), np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0]])
    )
    np.testing.assert_allclose(p, [[1 / 3] * 3, [0, 0, 1], [0, 1, 0]])
    # Left: 6/10 + sqrt(c ln 12 / 10); right: 1/2 + sqrt(c ln 12 / 2). The bonus decides,
    # unless exploration is off.
    counts = two(6, 4, 1, 1)
    assert bandit.ucb()(*counts)[0] == 0
    assert bandit.ucb(exploration=0.0)(*counts)[0] == 1


@pytest.mark.parametrize(
    ("policy", "arms"),
    [
        (policy, arms)
        for arms in (2, 4)
        for policy in (bandit.gittins(100), bandit.ucb(), bandit.thompson)
    ]
    + [(bandit.bayes_optimal(20), 2)],
)
def test_policies_ignore_the_order_of_arms_and_split_ties(policy, arms):
    rng = np.random.default_rng(1)
    successes, failures = (
        rng.multinomial(12, [1 / (2 * arms)] * 2 * arms, 50).reshape(50, 2, arms).swapaxes(0, 1)
    )
    equal = [np.repeat(np.minimum(counts[:, :1], 2), arms, -1) for counts in (successes, failures)]
    np.testing.assert_allclose(policy(*equal), 1 / arms)
    order = rng.permutation(arms)
    np.testing.assert_allclose(
        policy(successes, failures)[:, order],
        policy(successes[:, order], failures[:, order]),
        atol=1e-12,
    )


def test_the_best_play_of_two_arms_refuses_a_third():
    with pytest.raises(UserError, match="number of arms is 3"):
        bandit.bayes_optimal(5)(*np.zeros((2, 10, 3), dtype=int))


def test_simulate_keeps_count_of_regret():
    rng = np.random.default_rng(2)
    payoffs = np.tile([0.25, 0.75, 0.1], (300, 1))
    result = bandit.simulate(bandit.thompson, payoffs, 100, rng)
    assert result.choice.shape == result.reward.shape == result.regret.shape == (300, 100)
    np.testing.assert_allclose(result.regret, 0.75 - payoffs[0][result.choice])
    assert result.regret[:, 0].mean() == pytest.approx(0.75 - payoffs[0].mean(), abs=0.05)
    assert result.regret[:, -10:].mean() < 0.03
    paid = [result.reward[result.choice == arm].mean() for arm in range(3)]
    assert paid == pytest.approx(payoffs[0], abs=0.03)


def test_each_of_many_arms_is_valued_by_its_own_outcomes():
    choice, reward = np.array([[3, 0, 3, -1, 1]]), np.array([[1.0, 0.0, 0.0, 1.0, 1.0]])
    mean, deviation = bandit.posterior(choice, reward, arms=4)
    np.testing.assert_allclose(mean[0, -1], [1 / 3, 1 / 2, 1 / 2, 2 / 4])
    assert deviation[0, -1, 1] == pytest.approx(1 / np.sqrt(12))
    with pytest.raises(UserError, match="choice is 3"):
        bandit.posterior(choice, reward)


def best_by_recursion(trials):
    """Expected reward of the best play of independent arms, by the definition."""

    @cache
    def best(s_left, f_left, s_right, f_right):
        if s_left + f_left + s_right + f_right == trials:
            return 0.0
        p_left, p_right = (
            (s_left + 1) / (s_left + f_left + 2),
            (s_right + 1) / (s_right + f_right + 2),
        )
        left = p_left * (1 + best(s_left + 1, f_left, s_right, f_right))
        left += (1 - p_left) * best(s_left, f_left + 1, s_right, f_right)
        right = p_right * (1 + best(s_left, f_left, s_right + 1, f_right))
        right += (1 - p_right) * best(s_left, f_left, s_right, f_right + 1)
        return max(left, right)

    return best(0, 0, 0, 0)


def best_correlated_by_recursion(trials):
    """The same for p_right = 1 - p_left: integrate the posterior on a grid, try both arms."""
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
    assert bandit.bayes_optimal_reward("independent", trials) == pytest.approx(
        best_by_recursion(trials), abs=1e-12
    )


@pytest.mark.parametrize("trials", [1, 2, 3, 5])
def test_optimal_reward_of_correlated_arms_matches_recursion(trials):
    assert bandit.bayes_optimal_reward("correlated", trials) == pytest.approx(
        best_correlated_by_recursion(trials), abs=1e-6
    )


def test_optimal_policy_earns_most():
    rng = np.random.default_rng(3)
    payoffs = rng.random((2, 8_000)).T
    best = bandit.bayes_optimal_reward("independent", 100)
    earned = {}
    for name, policy in (
        ("optimal", bandit.bayes_optimal(100)),
        ("gittins", bandit.gittins(100)),
        ("ucb", bandit.ucb()),
    ):
        result = bandit.simulate(policy, payoffs, 100, rng)
        expected = (payoffs.max(1, keepdims=True) - result.regret).sum(1)
        luck = 4 * expected.std() / np.sqrt(len(expected))
        earned[name] = expected.mean()
        assert earned[name] < best + luck
    assert earned["optimal"] == pytest.approx(best, abs=luck)
    assert earned["gittins"] > earned["ucb"] + 2


def test_optimal_reward_rejects_unknown_arms():
    with pytest.raises(UserError, match="independent or correlated"):
        bandit.bayes_optimal_reward("fixed", 100)
    with pytest.raises(
        UserError,
        match=r"the Bayes-optimal play of 100,000 trials: takes at least [\d,]+ GB of memory",
    ):
        bandit.bayes_optimal_reward("independent", 100_000)


@pytest.mark.parametrize("arms", bandit.ARMS)
def test_an_oracle_earns_what_is_expected_of_the_better_arm(arms):
    left, right = np.random.default_rng(0).random((2, 100_000))
    right = right if arms == "independent" else 1 - left
    assert bandit.oracle_reward(arms, 10) == pytest.approx(
        10 * np.maximum(left, right).mean(), abs=0.03
    )


def test_recorded_policy_learns_within_an_episode():
    task = BanditTask(Bandit(), (0.25, 0.75))
    tables = record(BanditAgent(bandit.thompson), task, [0, 1], "fixed", 100, discount=0.0)
    by_trial = tables.trials.groupby("trial")["choice"].mean()
    assert by_trial[0] == pytest.approx(0.5, abs=0.12)
    assert by_trial[90:].mean() > 0.9
    steps = tables.steps
    np.testing.assert_allclose(steps["rpe"], steps["reward"] - steps["value"], atol=1e-6)
    assert steps.loc[steps["trial"] >= 50, "rpe"].mean() == pytest.approx(0, abs=0.02)


def test_recorded_policy_is_the_simulated_one():
    """Recorded choice probabilities are the policy's for the recorded counts."""
    tables = record(
        BanditAgent(bandit.thompson), BanditTask(Bandit(trials=30)), [4], "independent", 20
    )
    counts = np.zeros((2, 20, 2), dtype=int)
    for _, rows in tables.steps.groupby("trial"):
        np.testing.assert_allclose(rows[["p_left", "p_right"]], bandit.thompson(*counts), atol=1e-6)
        counts = bandit.tally(*counts, rows["action"].to_numpy(), rows["reward"].to_numpy())
