"""Ways to play a Bernoulli bandit with two arms: Gittins indices, UCB1, Thompson sampling, and the best possible play.

All of them believe that each arm's reward probability was drawn from U[0, 1], and know an arm by its counts of rewarded
("successes") and unrewarded ("failures") pulls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import hypergeom

from prefrontal.errors import require

Policy = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From successes left, failures left, successes right, failures right, integers of any common shape (...), to the
probabilities of choosing left and right, (..., 2)."""

ARMS = ("independent", "correlated")


@lru_cache(maxsize=8)
def gittins_table(trials: int, discount: float, horizon: int | None = None) -> np.ndarray:
    """Gittins indices of a Bernoulli arm with a uniform prior.

    An arm's index is the sure reward per trial at which retiring on it for good and playing the arm on (with the option
    to retire later) are worth the same (Gittins, Glazebrook & Weber 2011). One backward induction finds the
    worth of playing on for a grid of sure rewards; the index is where the two worths cross.

    Parameters
    ----------
    trials : int
        Largest number of pulls of the arm.
    discount : float
        Factor per trial, in (0, 1).
    horizon : int, optional
        Trials to look ahead beyond ``trials``; after them the arm counts as known. By default, what lies beyond is
        discounted by less than 1e-4.

    Returns
    -------
    array (trials + 1, trials + 1)
        Entry [successes, failures], in reward per trial; NaN beyond ``trials`` pulls. Read-only, as it is cached.
    """
    require(trials >= 0, "trials", trials, "0 or more")
    require(0 < discount < 1, "discount", discount, "between 0 and 1, both excluded")
    horizon = math.ceil(math.log(1e-4) / math.log(discount)) if horizon is None else horizon
    require(horizon >= 1, "horizon", horizon, "1 or more")
    sure = np.linspace(0, 1, 1001)
    table = np.full((trials + 1, trials + 1), np.nan)
    last = trials + horizon
    # Worths are times (1 - discount), that is, in reward per trial; (successes, sure).
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
    """Where ``advantage`` (..., sure), which falls with ``sure``, passes through zero."""
    last = np.clip((advantage > 0).sum(-1, keepdims=True) - 1, 0, len(sure) - 2)
    above, below = (np.take_along_axis(advantage, k, -1)[..., 0] for k in (last, last + 1))
    return sure[last[..., 0]] + above / (above - below) * (sure[1] - sure[0])


def gittins_index(successes: ArrayLike, failures: ArrayLike, discount: float, horizon: int | None = None) -> np.ndarray:
    """Gittins index of arms with these counts, in reward per trial; see ``gittins_table``."""
    successes, failures = np.asarray(successes), np.asarray(failures)
    return gittins_table(int((successes + failures).max(initial=0)), discount, horizon)[successes, failures]


def _best(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Probabilities (..., 2) of choosing the higher of two; ties are split."""
    p_left = (1 + np.sign(left - right)) / 2
    return np.stack([p_left, 1 - p_left], axis=-1)


def gittins(trials: int = 100, discount: float = 0.99) -> Policy:
    """Choose the arm with the higher Gittins index, for episodes of up to ``trials`` trials."""

    def policy(s_left: np.ndarray, f_left: np.ndarray, s_right: np.ndarray, f_right: np.ndarray) -> np.ndarray:
        table = gittins_table(trials, discount)
        # Mirrored counts have the same index, but rounding may differ in the last digits.
        return _best(table[s_left, f_left].round(12), table[s_right, f_right].round(12))

    return policy


def ucb(exploration: float = 2.0) -> Policy:
    """Choose the arm with the higher upper confidence bound: UCB1 (Auer, Cesa-Bianchi & Fischer 2002).

    The bound is mean + sqrt(exploration * ln(t) / n), with the arm's mean reward so far, its n pulls and the t pulls of both
    arms. Auer et al. have ``exploration`` = 2. Untried arms come first.
    """

    def bound(successes: np.ndarray, failures: np.ndarray, total: np.ndarray) -> np.ndarray:
        pulls = np.maximum(successes + failures, 1)
        bonus = np.sqrt(exploration * np.log(np.maximum(total, 1)) / pulls)
        return np.where(successes + failures == 0, np.finfo(float).max, successes / pulls + bonus)

    def policy(s_left: np.ndarray, f_left: np.ndarray, s_right: np.ndarray, f_right: np.ndarray) -> np.ndarray:
        total = s_left + f_left + s_right + f_right
        return _best(bound(s_left, f_left, total), bound(s_right, f_right, total))

    return policy


def thompson(s_left: np.ndarray, f_left: np.ndarray, s_right: np.ndarray, f_right: np.ndarray) -> np.ndarray:
    """Choose each arm with the probability that it is the better one: Thompson sampling (Thompson 1933); a ``Policy``.

    The probability is exact. A Beta(s + 1, f + 1) variable is the (s + 1)-th smallest of s + f + 1 uniform ones. Mix the
    uniforms of both arms: left's variable is the larger one if, among the smallest s_left + s_right + 1, at least
    s_right + 1 are right's, which is a hypergeometric tail.
    """
    s_left, s_right = np.asarray(s_left), np.asarray(s_right)
    n_left, n_right = s_left + f_left + 1, s_right + f_right + 1
    p_left = hypergeom.sf(s_right, n_left + n_right, n_right, s_left + s_right + 1)
    return np.stack([p_left, 1 - p_left], axis=-1)


def bayes_optimal(trials: int = 100) -> Policy:
    """Play independent arms so as to earn most in an episode of ``trials`` trials (dynamic programming; ties are split)."""
    # int8 keeps the whole plan for 100 trials in 25 MB.
    plan = [np.sign((left - right).round(12)).astype(np.int8) for left, right in _returns(trials)][::-1]

    def policy(s_left: np.ndarray, f_left: np.ndarray, s_right: np.ndarray, f_right: np.ndarray) -> np.ndarray:
        s_left, f_left, s_right, f_right = np.broadcast_arrays(s_left, f_left, s_right, f_right)
        trial = s_left + f_left + s_right + f_right
        sign = np.zeros(trial.shape)
        for t in np.unique(trial):
            at = trial == t
            sign[at] = plan[t][s_left[at], f_left[at], s_right[at]]
        return _best(sign, np.zeros_like(sign))

    return policy


def _returns(trials: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Reward to come after pulling left or right and playing optimally then, from the last trial to the first.

    Each array is (successes left, failures left, successes right), trial + 1 entries along each axis; failures right make
    up the number of trials so far. Entries whose counts exceed that number mean nothing and are read by no other.
    """
    to_come = np.zeros((trials + 1,) * 3)
    for trial in reversed(range(trials)):
        s_left, f_left, s_right = np.ogrid[: trial + 1, : trial + 1, : trial + 1]
        n_left = s_left + f_left
        p_left, p_right = _mean(s_left, n_left), _mean(s_right, np.maximum(trial - n_left, s_right))
        left = p_left * (1 + to_come[1:, :-1, :-1]) + (1 - p_left) * to_come[:-1, 1:, :-1]
        right = p_right * (1 + to_come[:-1, :-1, 1:]) + (1 - p_right) * to_come[:-1, :-1, :-1]
        to_come = np.maximum(left, right)
        yield left, right


def bayes_optimal_reward(arms: str, trials: int = 100) -> float:
    """Reward per episode that the best possible agent expects, undiscounted.

    Parameters
    ----------
    arms : str
        "independent": both reward probabilities from U[0, 1]; solved by dynamic programming. "correlated": left's from
        U[0, 1] and right's one minus it. Then every pull tells the same whichever arm it is, so the best agent always pulls
        the arm that looks better. After n pulls all numbers 0..n of outcomes that speak for left are equally likely.
    trials : int
        Trials per episode.
    """
    require(arms in ARMS, "arms", arms, " or ".join(ARMS))
    require(trials >= 1, "trials", trials, "1 or more")
    if arms == "correlated":
        p_left = [_mean(np.arange(n + 1), n) for n in range(trials)]
        return float(sum(np.maximum(p, 1 - p).mean() for p in p_left))
    for left, right in _returns(trials):
        first = max(left.item(0), right.item(0))
    return first


@dataclass(frozen=True)
class Simulation:
    """Simulated episodes; all arrays are (episode, trial).

    Attributes
    ----------
    choice : array of int
        0 left, 1 right.
    reward : array of float
        0 or 1.
    regret : array of float
        Reward probability of the better arm minus that of the chosen one; regret up to a trial is the cumulative sum.
    """

    choice: np.ndarray
    reward: np.ndarray
    regret: np.ndarray


def tally(counts: np.ndarray, choice: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """Counts after one more pull.

    Parameters
    ----------
    counts : array of int (4, ...)
        Successes left, failures left, successes right, failures right: a ``Policy``'s arguments.
    choice, reward : array (...)
        Arm pulled (0 left, 1 right; -1 for no pull) and its reward (0 or 1).
    """
    outcome = np.where(choice >= 0, 2 * choice + (reward <= 0), -1)
    return counts + (outcome == np.arange(4).reshape(-1, *[1] * outcome.ndim))


def simulate(policy: Policy, p_left: ArrayLike, p_right: ArrayLike, trials: int, rng: np.random.Generator) -> Simulation:
    """Let a policy play.

    Parameters
    ----------
    policy : Policy
    p_left, p_right : array (episode,)
        Reward probabilities of the arms; they broadcast against each other.
    trials : int
        Trials per episode.
    rng : numpy.random.Generator
    """
    p_reward = np.stack(np.broadcast_arrays(np.atleast_1d(p_left), np.atleast_1d(p_right)), axis=-1)
    episodes = len(p_reward)
    counts = np.zeros((4, episodes), dtype=int)
    choice, reward = np.zeros((episodes, trials), dtype=int), np.zeros((episodes, trials))
    for t in range(trials):
        choice[:, t] = rng.random(episodes) >= policy(*counts)[:, 0]
        reward[:, t] = rng.random(episodes) < p_reward[np.arange(episodes), choice[:, t]]
        counts = tally(counts, choice[:, t], reward[:, t])
    regret = p_reward.max(-1, keepdims=True) - np.take_along_axis(p_reward, choice, axis=-1)
    return Simulation(choice, reward, regret)


def action_values(choice: np.ndarray, reward: np.ndarray, learning_rate: float, initial_value: float = 0.5) -> np.ndarray:
    """Values of left and right before each trial under Q-learning: the chosen arm's value moves towards its reward.

    Parameters
    ----------
    choice, reward : array (episode, trial)
        Trials with an invalid choice (-1) teach nothing.
    learning_rate : float
        Share of the prediction error by which the value moves.
    initial_value : float
        Of both arms.

    Returns
    -------
    array (episode, trial, 2)
    """
    values = np.empty((*choice.shape, 2))
    now = np.full((len(choice), 2), initial_value)
    for t in range(choice.shape[1]):
        values[:, t] = now
        chosen = choice[:, t, None] == np.arange(2)
        now = now + np.where(chosen, learning_rate * (reward[:, t, None] - now), 0.0)
    return values


def posterior(choice: np.ndarray, reward: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of both arms' reward probabilities before each trial, under uniform priors.

    Parameters
    ----------
    choice, reward : array (episode, trial)
        Rewards are 0 or 1.

    Returns
    -------
    mean, deviation : array (episode, trial, 2)
        Of the Beta posteriors.
    """
    chosen = choice[..., None] == np.arange(2)
    wins, pulls = (np.cumsum(what, axis=1) - what for what in (chosen * (reward > 0)[..., None], chosen.astype(int)))
    a, b = wins + 1, pulls - wins + 1
    return a / (a + b), np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
