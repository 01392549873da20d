"""An observer who knows the problems of a network's training."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax


def means_among(successes: np.ndarray, failures: np.ndarray, problems: np.ndarray) -> np.ndarray:
    """Posterior mean reward probability of each arm, under a uniform prior over a finite set of
    problems.

    Parameters
    ----------
    successes, failures : array of int (..., arms)
    problems : array (problem, arms)
        Reward probabilities.

    Returns
    -------
    array (..., arms)
    """
    known = np.clip(problems, 1e-9, 1 - 1e-9)
    return softmax(successes @ np.log(known).T + failures @ np.log1p(-known).T, axis=-1) @ known
