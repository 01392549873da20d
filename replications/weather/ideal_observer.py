"""Exact Bayesian prediction of the weather: a mixture over kinds of sequences.

Each kind predicts tomorrow from the days so far and an unknown number between 0 and 1: the
probability of rain, or that tomorrow repeats today's weather. As a sequence's likelihood is a
polynomial in that number, Gauss-Legendre quadrature integrates over it without error, and
prediction is Bayes' rule over a finite set of hypotheses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

KINDS = ("independent", "sticky", "growing streaks", "fading streaks", "pattern")
PRIOR = (1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 4)
"""Prior probability of each kind: streaks, of either direction, as likely as each of the others."""
PERIODS = (2, 3, 4)
"""Days after which a pattern repeats, all equally likely."""


def go_on(kind: str, number: Any, streak: Any) -> Any:
    """Probability that tomorrow repeats today's weather, for arrays as for tensors.

    Parameters
    ----------
    kind : {"sticky", "growing streaks", "fading streaks"}
    number : array
        Parameter of the sequence, between 0 and 1.
    streak : array
        Days of the same weather up to today, 1 or more. A growing streak ends with probability
        number / streak, a fading one continues with probability number / streak.
    """
    probabilities = {
        "sticky": number + 0 * streak,
        "growing streaks": 1 - number / streak,
        "fading streaks": number / streak,
    }
    return probabilities[kind]


def patterns(periods: Sequence[int] = PERIODS) -> list[np.ndarray]:
    """All patterns with these periods, an array (pattern, day) for each: 0 sun, 1 rain."""
    return [(np.arange(2**period)[:, None] >> np.arange(period)) & 1 for period in periods]


def streaks(rain: np.ndarray) -> np.ndarray:
    """Days of the same weather up to and including each day, (..., days)."""
    length = np.ones(rain.shape, dtype=int)
    for day in range(1, rain.shape[-1]):
        same = rain[..., day] == rain[..., day - 1]
        length[..., day] = np.where(same, length[..., day - 1] + 1, 1)
    return length


def hypotheses(rain: np.ndarray, periods: Sequence[int] = PERIODS) -> tuple[np.ndarray, np.ndarray]:
    """Probability of rain on each day under every hypothesis, and the prior over hypotheses.

    Parameters
    ----------
    rain : array (episode, days)
        1 rain, 0 sun.
    periods : sequence of int
        Days after which a pattern may repeat.

    Returns
    -------
    p_rain : array (hypothesis, episode, days)
        Given the days before; a hypothesis is a kind with its number, or a pattern.
    prior : array (hypothesis,)
    """
    days = rain.shape[-1]
    points, weights = np.polynomial.legendre.leggauss(days // 2 + 1)
    numbers, weights = (points + 1) / 2, weights / 2
    last, streak = rain[..., :-1], streaks(rain)[..., :-1]
    independent = np.broadcast_to(numbers[:, None, None], (len(numbers), *rain.shape))
    p_rain, prior = [independent], [PRIOR[0] * weights]
    for kind, share in zip(KINDS[1:4], PRIOR[1:4], strict=True):
        repeats = go_on(kind, numbers[:, None, None], streak)
        first = np.full((len(numbers), *rain.shape[:-1], 1), 0.5)
        p_rain.append(np.concatenate([first, np.where(last == 1, repeats, 1 - repeats)], axis=-1))
        prior.append(share * weights)
    for pattern in patterns(periods):
        repeated = pattern[:, np.arange(days) % pattern.shape[1]].astype(float)
        p_rain.append(np.broadcast_to(repeated[:, None], (len(repeated), *rain.shape)))
        prior.append(np.full(len(repeated), PRIOR[-1] / len(periods) / len(repeated)))
    return np.concatenate(p_rain), np.concatenate(prior)


def mixture(rain: ArrayLike, periods: Sequence[int] = PERIODS) -> np.ndarray:
    """Predict each day from the days before it by the exact mixture over all kinds, with patterns
    of these periods.

    Returns
    -------
    array (episode, days)
        Probability of rain.
    """
    rain = np.asarray(rain, dtype=int)
    p_rain, prior = hypotheses(rain, periods)
    posterior = np.broadcast_to(prior[:, None], p_rain.shape[:-1]).copy()
    predicted = np.empty(rain.shape)
    for day in range(rain.shape[-1]):
        now = p_rain[..., day]
        total = posterior.sum(0)
        # No hypothesis may be left, in a sequence of no known kind; then nothing is known.
        unknown = np.full(len(rain), 0.5)
        weighted = (posterior * now).sum(0)
        predicted[:, day] = np.divide(weighted, total, out=unknown, where=total > 0)
        posterior *= np.where(rain[:, day] == 1, now, 1 - now)
        posterior /= np.maximum(posterior.sum(0), np.finfo(float).tiny)
    return predicted


def frequency(rain: ArrayLike) -> np.ndarray:
    """Predict each day from the frequency of rain so far, (rainy days + 1) / (days + 2).

    Returns
    -------
    array (episode, days)
        Probability of rain.
    """
    rain = np.asarray(rain, dtype=float)
    before = np.arange(rain.shape[-1])
    return (rain.cumsum(-1) - rain + 1) / (before + 2)


def context_tree(rain: ArrayLike, depth: int = 4) -> np.ndarray:
    """Predict each day by context-tree weighting, which knows none of the kinds (Willems, Shtarkov
    & Tjalkens 1995).

    A Bayesian mixture over all ways in which the weather may depend on the last ``depth`` days or
    fewer; in every context the probability of rain is estimated with half a day of either weather
    for a prior (Krichevsky-Trofimov). The days before the first one count as sunny.

    Returns
    -------
    array (episode, days)
        Probability of rain.
    """
    rain = np.asarray(rain, dtype=int)
    episode, days = np.arange(len(rain)), rain.shape[-1]
    past = np.concatenate([np.zeros((len(rain), depth), dtype=int), rain], axis=-1)
    counts = [np.full((len(rain), 2**length, 2), 0.5) for length in range(depth + 1)]
    # Log odds of a context as it is against its split by one more day.
    whole = [np.zeros((len(rain), 2**length)) for length in range(depth)]
    predicted = np.empty(rain.shape)
    for day in range(days):
        recent = past[:, day : day + depth][:, ::-1]
        contexts = [recent[:, :length] @ (1 << np.arange(length)) for length in range(depth + 1)]
        seen = [count[episode, context] for count, context in zip(counts, contexts, strict=True)]
        estimates = [count[:, 1] / count.sum(-1) for count in seen]
        p_rain = estimates[depth]
        for length in reversed(range(depth)):
            odds, estimate = whole[length], estimates[length]
            at = episode, contexts[length]
            share = expit(odds[at])
            odds[at] += log_likelihood(estimate, rain[:, day]) - log_likelihood(
                p_rain, rain[:, day]
            )
            p_rain = share * estimate + (1 - share) * p_rain
        predicted[:, day] = p_rain
        for count, context in zip(counts, contexts, strict=True):
            count[episode, context, rain[:, day]] += 1
    return predicted


def log_likelihood(p_rain: np.ndarray, rain: np.ndarray) -> np.ndarray:
    """Log probability of each day's weather, in nats."""
    return np.log(np.where(rain == 1, p_rain, 1 - p_rain).clip(1e-12))
