"""Reference strategies for probability matching (Wang et al. 2018, simulation 1; Lau & Glimcher 2005).

A side with baseline p0 that was last chosen m trials ago (1: on the trial before) pays with probability 1 - (1 - p0) ** m.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LONGEST_RUN = 200
"""Longest run on the richer side that the best cycle may have."""


def coin_toss(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Reward per trial of choosing sides by coin toss, with baselines of left and right (n,)."""
    # A side waits m trials with probability 2 ** -m, and then fails to pay with (1 - p0) ** m.
    failed = [0.5 * (1 - baseline) / (1 - 0.5 * (1 - baseline)) for baseline in (left, right)]
    return 1 - 0.5 * (failed[0] + failed[1])


def best_cycle(left: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Choose the richer side k times, then the other once, with the k that pays most: the best that knows the baselines.

    Parameters
    ----------
    left, right : array (n,)
        Baselines of both sides.

    Returns
    -------
    DataFrame
        baseline_left, reward per trial, choice_ratio and reward_ratio = log2(right / left); the ratios are NaN where one
        side never pays.
    """
    rich, poor = np.maximum(left, right)[:, None], np.minimum(left, right)[:, None]
    run = np.arange(1, LONGEST_RUN + 1)
    from_poor = 1 - (1 - poor) ** (run + 1)
    from_rich = 1 - (1 - rich) ** 2 + (run - 1) * rich
    rate = (from_poor + from_rich) / (run + 1)
    best = rate.argmax(axis=1)
    at = np.arange(len(best)), best
    sign = np.where(left <= right, 1, -1)
    pays = from_poor[at] > 0
    ratio = np.divide(from_rich[at], from_poor[at], out=np.full(len(best), np.nan), where=pays)
    return pd.DataFrame(
        {
            "baseline_left": left,
            "reward": np.maximum(rate[at], rich[:, 0]),
            "choice_ratio": np.where(pays, sign * np.log2(run[best]), np.nan),
            "reward_ratio": sign * np.log2(ratio),
        }
    )
