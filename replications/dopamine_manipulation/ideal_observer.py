"""Ideal observer of the risky-choice task: exact inference, and the plan that maximises reward."""

from __future__ import annotations

import numpy as np
from scipy import stats

from replications.dopamine_manipulation.settings import RiskyChoice


def posterior(
    wins: np.ndarray, pulls: np.ndarray, probabilities: tuple[float, float]
) -> np.ndarray:
    """Posterior probability of the higher of two equally likely reward probabilities."""
    low, high = (np.asarray(stats.binom.pmf(wins, pulls, p)) for p in probabilities)
    return high / (low + high)


def risky_choice(task: RiskyChoice, discount: float = 1.0) -> dict[float, float]:
    """Share of free pulls on the risky arm of an agent that maximises reward.

    Dynamic programming over wins and pulls of the risky arm. A safe pull is uninformative, so
    an agent that turns to the safe arm stays there.

    Parameters
    ----------
    task : RiskyChoice
        Settings of the task, which the agent knows except the risky arm's probability.
    discount : float
        Discount factor per trial.

    Returns
    -------
    dict
        Probability of the risky arm -> expected share.
    """
    probabilities, forced, free = task.probabilities, task.informative_pulls, task.free_trials
    worth = np.cumsum(discount ** np.arange(free))  # of a reward of 1 in each of the next trials
    value = np.zeros(forced + free + 1)
    plans = []
    for pulls in range(forced + free - 1, forced - 1, -1):
        wins = np.arange(pulls + 1)
        high = posterior(wins, np.full_like(wins, pulls), probabilities)
        win = probabilities[0] + high * (probabilities[1] - probabilities[0])
        later = discount * (win * value[1 : pulls + 2] + (1 - win) * value[: pulls + 1])
        risky = win * task.risky_reward + later
        safe = task.safe_reward * worth[forced + free - pulls - 1]
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
