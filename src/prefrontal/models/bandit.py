"""Policies for a Bernoulli bandit: Gittins indices, UCB1, Thompson sampling and, for two arms, the
Bayes-optimal policy.

All of them assume that the reward probability of each arm was drawn from U[0, 1], and describe an
arm by its counts of rewarded ("successes") and unrewarded ("failures") pulls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln, xlog1py, xlogy
from scipy.stats import hypergeom

from prefrontal.errors import check, require_memory
from prefrontal.models.model import sample
from prefrontal.statistics import normalised_reward
from prefrontal.tables.schema import SUBJECT, check_arms

Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Successes and failures, integers (..., arms) -> probabilities of choosing each arm,
(..., arms)."""

ARMS = ("independent", "correlated")
"""Distribution of the reward probabilities of two arms; see ``bayes_optimal_reward``."""


@lru_cache(maxsize=8)
def gittins_table(trials: int, discount: float, horizon: int | None = None) -> np.ndarray:
    """Gittins indices of a Bernoulli arm with a uniform prior.

    An arm's index is the certain reward per trial at which retiring on it for good and continuing
    to play the arm (with the option to retire later) have the same value (Gittins, Glazebrook &
    Weber 2011). A single backward induction finds the value of continuing for a grid of certain
    rewards; the index is where the two values cross.

    Parameters
    ----------
    trials : int
        Largest number of pulls of the arm.
    discount : float
        Factor per trial, in (0, 1).
    horizon : int, optional
        Trials to look ahead beyond ``trials``; after that the arm counts as known. By default, what
        lies beyond is discounted by less than 1e-4.

    Returns
    -------
    array (trials + 1, trials + 1)
        Entry [successes, failures], in reward per trial; NaN beyond ``trials`` pulls. Read-only, as
        it is cached.
    """
    check(trials >= 0, "trials", trials, "0 or more")
    check(0 < discount < 1, "discount", discount, "between 0 and 1, both excluded")
    horizon = math.ceil(math.log(1e-4) / math.log(discount)) if horizon is None else horizon
    check(horizon >= 1, "horizon", horizon, "1 or more")
    sure = np.linspace(0, 1, 1001)
    table = np.full((trials + 1, trials + 1), np.nan)
    last = trials + horizon
    # Values are multiplied by (1 - discount) and thus in reward per trial; (successes, certain
    # reward).
    worth = np.maximum(sure, _mean(np.arange(last + 1), last)[:, None])
    for pulls in reversed(range(last)):
        mean = _mean(np.arange(pulls + 1), pulls)[:, None]
        play = mean * (1 - discount + discount * worth[1:]) + (1 - mean) * discount * worth[:-1]
        worth = np.maximum(sure, play)
        if pulls <= trials:
            successes = np.arange(pulls + 1)
            table[successes, pulls - successes] = _crossing(play - sure, sure)
    table.setflags(write=False)
    return table


def _mean(successes: np.ndarray, pulls: ArrayLike) -> np.ndarray:
    """Posterior mean of the reward probability."""
    return (successes + 1) / (np.asarray(pulls) + 2)


def _crossing(advantage: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Return the ``sure`` at which ``advantage`` (..., sure), which falls with it, crosses zero."""
    last = np.clip((advantage > 0).sum(-1, keepdims=True) - 1, 0, len(sure) - 2)
    above, below = (np.take_along_axis(advantage, k, -1)[..., 0] for k in (last, last + 1))
    return sure[last[..., 0]] + above / (above - below) * (sure[1] - sure[0])


def _best(worth: np.ndarray) -> np.ndarray:
    """Probabilities of choosing the arm with the highest value, (..., arms); ties are split."""
    highest = reduce(np.maximum, np.moveaxis(worth, -1, 0))  # NumPy's max is slow along short axes
    best = worth == highest[..., None]
    return best / best.sum(-1, keepdims=True)


def gittins(trials: int, discount: float = 0.99) -> Policy:
    """Choose the arm with the highest Gittins index, for episodes of up to ``trials`` trials."""

    def policy(successes: np.ndarray, failures: np.ndarray) -> np.ndarray:
        # Mirrored counts have the same index up to rounding.
        return _best(gittins_table(trials, discount)[successes, failures].round(12))

    return policy


def ucb(exploration: float = 2.0) -> Policy:
    """Choose the arm with the highest upper confidence bound: UCB1 (Auer, Cesa-Bianchi & Fischer
    2002).

    The bound is mean + sqrt(exploration * ln(t) / n), with the arm's mean reward so far, its n
    pulls and the t pulls of all arms. Auer et al. have ``exploration`` = 2. Untried arms come
    first.
    """

    def policy(successes: np.ndarray, failures: np.ndarray) -> np.ndarray:
        pulls = successes + failures
        total, tried = np.maximum(pulls.sum(-1, keepdims=True), 1), np.maximum(pulls, 1)
        bound = successes / tried + np.sqrt(exploration * np.log(total) / tried)
        return _best(np.where(pulls == 0, np.finfo(float).max, bound))

    return policy


def thompson(successes: np.ndarray, failures: np.ndarray) -> np.ndarray:
    """Choose each arm with the probability that it is the best one: Thompson sampling (Thompson
    1933); a ``Policy``.

    The probability is exact. For two arms: a Beta(s + 1, f + 1) variable is the (s + 1)-th smallest
    of s + f + 1 uniform ones. Mix the uniforms of both arms: left's variable is the larger one if,
    among the smallest s_left + s_right + 1, at least s_right + 1 are right's, which is a
    hypergeometric tail. For more arms: the density of each arm times the distribution functions of
    the others is a polynomial, which Gauss-Legendre quadrature integrates without error.
    """
    successes, failures = np.asarray(successes), np.asarray(failures)
    uniforms = successes + failures + 1
    if successes.shape[-1] == 2:
        s_left, s_right = np.moveaxis(successes, -1, 0)
        p_left = hypergeom.sf(s_right, uniforms.sum(-1), uniforms[..., 1], s_left + s_right + 1)
        return np.stack([p_left, 1 - p_left], axis=-1)
    x, weight = _quadrature(int(uniforms.sum(-1).max(initial=0)) // 2 + 1)
    s, f = successes[..., None], failures[..., None]  # (..., arms, points)
    density = np.exp(xlogy(s, x) + xlog1py(f, -x) - betaln(s + 1, f + 1))
    below = betainc(s + 1, f + 1, x)
    others = [np.delete(below, arm, axis=-2).prod(-2) for arm in range(successes.shape[-1])]
    return (density * np.stack(others, axis=-2)) @ weight


@lru_cache(maxsize=256)
def _quadrature(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss-Legendre quadrature on 0 to 1, exact for polynomials of degree
    below 2 * points."""
    x, weight = np.polynomial.legendre.leggauss(points)
    return (x + 1) / 2, weight / 2


def bayes_optimal(trials: int) -> Policy:
    """Choose between two independent arms so as to maximise reward in an episode of ``trials``
    trials (dynamic programming; ties are split)."""
    # int8 keeps the whole plan for 100 trials in 25 MB.
    plan = [np.sign((left - right).round(12)).astype(np.int8) for left, right in _returns(trials)][
        ::-1
    ]

    def policy(successes: np.ndarray, failures: np.ndarray) -> np.ndarray:
        arms = successes.shape[-1]
        check(arms == 2, "number of arms", arms, "2 for the Bayes-optimal policy")
        s_left, s_right, f_left = successes[..., 0], successes[..., 1], failures[..., 0]
        trial = (successes + failures).sum(-1)
        sign = np.zeros(trial.shape)
        for t in np.unique(trial):
            at = trial == t
            sign[at] = plan[t][s_left[at], f_left[at], s_right[at]]
        return _best(np.stack([sign, -sign], axis=-1))

    return policy


def _returns(trials: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Reward to come after pulling left or right and playing optimally from then on, from the last
    trial to the first.

    Each array is (successes left, failures left, successes right), trial + 1 entries along each
    axis; failures right follow from the number of trials so far. Entries whose counts exceed that
    number are meaningless and never used.
    """
    require_memory(4 * 8 * (trials + 1) ** 3, f"the Bayes-optimal play of {trials:,} trials")
    to_come = np.zeros((trials + 1,) * 3)
    for trial in reversed(range(trials)):
        s_left, f_left, s_right = np.ogrid[: trial + 1, : trial + 1, : trial + 1]
        n_left = s_left + f_left
        p_left, p_right = _mean(s_left, n_left), _mean(s_right, np.maximum(trial - n_left, s_right))
        left = p_left * (1 + to_come[1:, :-1, :-1]) + (1 - p_left) * to_come[:-1, 1:, :-1]
        right = p_right * (1 + to_come[:-1, :-1, 1:]) + (1 - p_right) * to_come[:-1, :-1, :-1]
        to_come = np.maximum(left, right)
        yield left, right


def oracle_reward(arms: str, trials: int) -> float:
    """Expected reward per episode of an oracle that always pulls the better of two arms; see
    ``bayes_optimal_reward``."""
    check(arms in ARMS, "arms", arms, " or ".join(ARMS))
    return (2 / 3 if arms == "independent" else 3 / 4) * trials


@lru_cache(maxsize=256)
def bayes_optimal_reward(arms: str, trials: int, low: float = 0.0, high: float = 1.0) -> float:
    """Expected reward per episode of the best possible agent, undiscounted.

    Parameters
    ----------
    arms : str
        Distribution of the reward probabilities of two arms. "independent": both from U[low, high];
        solved by dynamic programming. "correlated": left from U[0, 1] and right one minus left.
        Then every pull is equally informative whichever arm it is, so the best agent always pulls
        the arm that looks better. After n pulls all numbers 0..n of outcomes in favour of left are
        equally likely.
    trials : int
        Trials per episode.
    low, high : float
        Range of independent arms, which the agent knows.
    """
    check(arms in ARMS, "arms", arms, " or ".join(ARMS))
    check(trials >= 1, "trials", trials, "1 or more")
    check(0 <= low < high <= 1, "low", low, f"at least 0 and below high, {high}")
    if arms == "correlated":
        means = [_mean(np.arange(n + 1), n) for n in range(trials)]
        return float(sum(np.maximum(p, 1 - p).mean() for p in means))
    require_memory(2 * 8 * (trials + 1) ** 3 // 6, f"the Bayes-optimal play of {trials:,} trials")
    means = [mean_within(np.arange(n + 1), n, low, high) for n in range(trials)]
    # Reward to come, by pulls of left: (successes left, successes right).
    to_come = [np.zeros((n + 1, trials - n + 1)) for n in range(trials + 1)]
    for trial in reversed(range(trials)):
        now: list[np.ndarray] = []
        for n in range(trial + 1):
            if 2 * n > trial:  # the arms are alike
                now.append(now[trial - n].T)
                continue
            p_left, p_right = means[n][:, None], means[trial - n]
            left = p_left * (1 + to_come[n + 1][1:]) + (1 - p_left) * to_come[n + 1][:-1]
            right = p_right * (1 + to_come[n][:, 1:]) + (1 - p_right) * to_come[n][:, :-1]
            now.append(np.maximum(left, right))
        to_come = now
    return float(to_come[0].item())


def mean_within(successes: np.ndarray, pulls: int, low: float, high: float) -> np.ndarray:
    """Posterior mean of a reward probability that was drawn from U[low, high]."""
    if (low, high) == (0, 1):
        return _mean(successes, pulls)
    x, weight = _quadrature(pulls // 2 + 2)
    x = low + (high - low) * x
    log_p = xlogy(successes[:, None], x) + xlog1py(pulls - successes[:, None], -x)
    p = np.exp(log_p - log_p.max(-1, keepdims=True)) * weight
    return (p * x).sum(-1) / p.sum(-1)


@dataclass(frozen=True)
class Simulation:
    """Simulated episodes; all arrays are (episode, trial).

    Attributes
    ----------
    choice : array of int
        The arm's index.
    reward : array of float
        0 or 1.
    regret : array of float
        Reward probability of the best arm minus that of the chosen one; regret up to a trial is the
        cumulative sum.
    """

    choice: np.ndarray
    reward: np.ndarray
    regret: np.ndarray


def tally(
    successes: np.ndarray, failures: np.ndarray, choice: np.ndarray, reward: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counts after one more pull.

    Parameters
    ----------
    successes, failures : array of int (..., arms)
    choice, reward : array (...)
        Arm pulled (-1 for no pull) and its reward (0 or 1).
    """
    pulled, paid = choice[..., None] == np.arange(successes.shape[-1]), reward[..., None] > 0
    return successes + (pulled & paid), failures + (pulled & ~paid)


def simulate(
    policy: Policy, p_reward: ArrayLike, trials: int, rng: np.random.Generator
) -> Simulation:
    """Let a policy play.

    Parameters
    ----------
    policy : Policy
    p_reward : array (episode, arms)
        Reward probabilities.
    trials : int
        Trials per episode.
    rng : numpy.random.Generator
    """
    p_reward = np.asarray(p_reward, dtype=float)
    episodes = len(p_reward)
    successes, failures = (np.zeros(p_reward.shape, dtype=int) for _ in range(2))
    choice, reward = np.zeros((episodes, trials), dtype=int), np.zeros((episodes, trials))
    for t in range(trials):
        choice[:, t] = sample(policy(successes, failures), rng.random(episodes))
        reward[:, t] = rng.random(episodes) < p_reward[np.arange(episodes), choice[:, t]]
        successes, failures = tally(successes, failures, choice[:, t], reward[:, t])
    regret = p_reward.max(-1, keepdims=True) - np.take_along_axis(p_reward, choice, axis=-1)
    return Simulation(choice, reward, regret)


def counts(choice: np.ndarray, reward: np.ndarray, arms: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Successes and failures of all arms before each trial, (episode, trial, arms), from choice and
    reward (episode, trial)."""
    check_arms(choice, arms, "counts")
    chosen = choice[..., None] == np.arange(arms)
    wins, pulls = (
        np.cumsum(what, axis=1) - what
        for what in (chosen * (reward > 0)[..., None], chosen.astype(int))
    )
    return wins, pulls - wins


def expected_reward(trials: pd.DataFrame, by: list[str]) -> pd.Series:
    """Expected reward per trial on bandits whose arms were drawn from U[0, 1], by groups of trials.

    To cancel the luck of which bandits were drawn, reward is expressed as a fraction of the
    oracle's gain over random choice on the same bandits, then multiplied by the oracle's expected
    gain over the whole distribution.
    """
    left, right = trials["p_left"].astype(float), trials["p_right"].astype(float)
    gained = left.where(trials["choice"] == 0, right) - (left + right) / 2
    grouped = trials.assign(gained=gained, possible=(left - right).abs() / 2).groupby(by)
    share = grouped["gained"].sum() / grouped["possible"].sum()
    return (0.5 + share * (oracle_reward("independent", 1) - 0.5)).rename("reward")


def shares(trials: pd.DataFrame) -> pd.DataFrame:
    """Normalised reward of each network on bandits whose arms were drawn from U[0, 1].

    Returns
    -------
    DataFrame
        variant, subject, reward (expected, per 100 trials), share (random choice 0, best possible
        1).
    """
    frame = (100 * expected_reward(trials, SUBJECT)).reset_index()
    length = int(trials["trial"].max()) + 1
    best = 100 * bayes_optimal_reward("independent", length) / length
    return frame.assign(share=normalised_reward(frame["reward"], 50, best))


def posterior(
    choice: np.ndarray, reward: np.ndarray, arms: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of all arms' reward probabilities before each trial, under
    uniform priors.

    Parameters
    ----------
    choice, reward : array (episode, trial)
        Rewards are 0 or 1.
    arms : int
        Number of arms.

    Returns
    -------
    mean, deviation : array (episode, trial, arms)
        Of the Beta posteriors.
    """
    wins, losses = counts(choice, reward, arms)
    a, b = wins + 1, losses + 1
    return a / (a + b), np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
