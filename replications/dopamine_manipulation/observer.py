"""Ideal observer of the safe and the risky arm: exact inference on the arm's probability, best plan for the free pulls."""

from __future__ import annotations

import numpy as np
from scipy import stats


def posterior(wins: np.ndarray, pulls: np.ndarray, probabilities: tuple[float, float]) -> np.ndarray:
    """Posterior probability of the higher of two equally likely reward probabilities."""
    low, high = (np.asarray(stats.binom.pmf(wins, pulls, p)) for p in probabilities)
    return high / (low + high)


def risky_choice(
    probabilities: tuple[float, float], risky_reward: float, safe_reward: float, forced: int, free: int
) -> dict[float, float]:
    """Share of free pulls on the risky arm of an agent that earns the most possible reward, by true probability.

    Dynamic programming over wins and pulls of the risky arm. A safe pull teaches nothing, so that an agent that turns to the
    safe arm stays there.

    Parameters
    ----------
    probabilities : tuple of float
        The two probabilities that the risky arm may have, the lower one first.
    risky_reward, safe_reward : float
        Reward of a win and of a safe pull.
    forced, free : int
        Forced pulls of the risky arm, and free pulls.

    Returns
    -------
    dict
        Expected share by true probability.
    """
    value = np.zeros(forced + free + 1)
    plans = []
    for pulls in range(forced + free - 1, forced - 1, -1):
        wins = np.arange(pulls + 1)
        high = posterior(wins, np.full_like(wins, pulls), probabilities)
        win = probabilities[0] + high * (probabilities[1] - probabilities[0])
        risky = win * (risky_reward + value[1 : pulls + 2]) + (1 - win) * value[: pulls + 1]
        safe = safe_reward * (forced + free - pulls)
        plans.append(risky > safe)
        value = np.maximum(risky, safe)
    shares = {}
    for p in probabilities:
        reach = stats.binom.pmf(np.arange(forced + 1), forced, p)
        taken = 0.0
        for plan in reversed(plans):
            goes_on = reach * plan
            taken += goes_on.sum()
            reach = np.append(goes_on * (1 - p), 0) + np.insert(goes_on * p, 0, 0)
        shares[p] = taken / free
    return shares
