"""Exact Bayesian prediction of the weather: a mixture over kinds of sequences whose parameters are not known.

Every kind gives the probability that tomorrow repeats today's weather, or of rain outright, by the days so far and a number
between 0 and 1. As a sequence's likelihood is a polynomial in that number, Gauss-Legendre quadrature integrates over it
without error, and prediction is Bayes' rule over a finite set of hypotheses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

KINDS = ("independent", "sticky", "growing streaks", "fading streaks", "pattern")
PRIOR = (1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 4)
"""How often each kind is drawn: streaks, of either direction, as often as each of the others."""
PERIODS = (2, 3, 4)
"""Days after which a pattern repeats, each as likely."""


def go_on(kind: str, number: Any, streak: Any) -> Any:
    """Probability that tomorrow repeats today's weather, for arrays as for tensors.

    Parameters
    ----------
    kind : {"sticky", "growing streaks", "fading streaks"}
    number : array
        Parameter of the sequence, between 0 and 1.
    streak : array
        Days of the same weather up to today, 1 or more. A growing streak ends with probability number / streak, a fading one
        goes on with probability number / streak.
    """
    return {"sticky": number + 0 * streak, "growing streaks": 1 - number / streak, "fading streaks": number / streak}[kind]


def patterns(periods: Sequence[int] = PERIODS) -> list[np.ndarray]:
    """All patterns with these periods: their days, 0 sun and 1 rain."""
    return [(np.arange(2**period)[:, None] >> np.arange(period)) & 1 for period in periods]


def streaks(rain: np.ndarray) -> np.ndarray:
    """Days of the same weather up to and including each day, (..., days)."""
    length = np.ones(rain.shape, dtype=int)
    for day in range(1, rain.shape[-1]):
        same = rain[..., day] == rain[..., day - 1]
        length[..., day] = np.where(same, length[..., day - 1] + 1, 1)
    return length


def hypotheses(rain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What every hypothesis gives for rain on each day, and how likely it is beforehand.

    Parameters
    ----------
    rain : array (episode, days)
        1 rain, 0 sun.

    Returns
    -------
    p_rain : array (hypothesis, episode, days)
        Given the days before; each hypothesis is a kind with its number, or a pattern.
    prior : array (hypothesis,)
    """
    days = rain.shape[-1]
    points, weights = np.polynomial.legendre.leggauss(days // 2 + 1)
    numbers, weights = (points + 1) / 2, weights / 2
    last, streak = rain[..., :-1], streaks(rain)[..., :-1]
    p_rain, prior = [np.broadcast_to(numbers[:, None, None], (len(numbers), *rain.shape))], [PRIOR[0] * weights]
    for kind, share in zip(KINDS[1:4], PRIOR[1:4], strict=True):
        repeats = go_on(kind, numbers[:, None, None], streak)
        first = np.full((len(numbers), *rain.shape[:-1], 1), 0.5)
        p_rain.append(np.concatenate([first, np.where(last == 1, repeats, 1 - repeats)], axis=-1))
        prior.append(share * weights)
    for pattern in patterns():
        shown = pattern[:, np.arange(days) % pattern.shape[1]].astype(float)
        p_rain.append(np.broadcast_to(shown[:, None], (len(shown), *rain.shape)))
        prior.append(np.full(len(shown), PRIOR[-1] / len(PERIODS) / len(shown)))
    return np.concatenate(p_rain), np.concatenate(prior)


def mixture(rain: ArrayLike) -> np.ndarray:
    """Probability of rain on each day given the days before it, by the exact mixture over all kinds: (episode, days)."""
    rain = np.asarray(rain, dtype=int)
    p_rain, prior = hypotheses(rain)
    posterior = np.broadcast_to(prior[:, None], p_rain.shape[:-1]).copy()
    predicted = np.empty(rain.shape)
    for day in range(rain.shape[-1]):
        now = p_rain[..., day]
        total = posterior.sum(0)
        # Where no hypothesis is left, which takes a sequence of no known kind, nothing is known.
        predicted[:, day] = np.divide((posterior * now).sum(0), total, out=np.full(len(rain), 0.5), where=total > 0)
        posterior *= np.where(rain[:, day] == 1, now, 1 - now)
        posterior /= np.maximum(posterior.sum(0), np.finfo(float).tiny)
    return predicted


def frequency(rain: ArrayLike) -> np.ndarray:
    """Probability of rain on each day by how often it rained before, (rainy days + 1) / (days + 2): (episode, days)."""
    rain = np.asarray(rain, dtype=float)
    before = np.arange(rain.shape[-1])
    return (rain.cumsum(-1) - rain + 1) / (before + 2)
