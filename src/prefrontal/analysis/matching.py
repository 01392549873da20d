"""Matching: choice ratios and weights of past rewards and choices."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from prefrontal.tables.schema import EPISODE, check_arms


def matching_points(trials: pd.DataFrame) -> pd.DataFrame:
    """Log ratios of choices and of rewards of every episode (Herrnstein's matching law; Lau &
    Glimcher 2005).

    Episodes in which one side was never chosen or never rewarded have no such ratio and are left
    out.

    Returns
    -------
    DataFrame
        variant, subject, episode, choice_ratio = log2(right / left choices), reward_ratio =
        log2(right / left rewards).
    """
    check_arms(trials["choice"], 2, "matching_points")
    right, left, paid = trials["choice"] == 1, trials["choice"] == 0, trials["reward"] > 0
    counts = trials[EPISODE].assign(
        choices_right=right, choices_left=left, rewards_right=right & paid, rewards_left=left & paid
    )
    counts = counts.groupby(EPISODE, observed=True).sum().reset_index()
    names = ["choices_right", "choices_left", "rewards_right", "rewards_left"]
    counts = counts[(counts[names] > 0).all(axis=1)]
    return (
        counts[EPISODE]
        .assign(
            choice_ratio=np.log2(counts["choices_right"] / counts["choices_left"]),
            reward_ratio=np.log2(counts["rewards_right"] / counts["rewards_left"]),
        )
        .reset_index(drop=True)
    )


def matching_slope(points: pd.DataFrame) -> float:
    """Slope of log choice ratio on log reward ratio: 1 is matching, less is undermatching; NaN
    where it is undetermined."""
    if points["reward_ratio"].nunique() < 2 or len(points) < 3:
        return np.nan
    return float(stats.linregress(points["reward_ratio"], points["choice_ratio"]).slope)


def history_signals(trials: pd.DataFrame) -> dict[str, pd.Series]:
    """Reward and choice of each trial by side, R_right - R_left and C_right - C_left (Lau &
    Glimcher 2005).

    A positive reward weight is a tendency to follow reward, a positive choice weight a tendency to
    repeat the choice.
    """
    check_arms(trials["choice"], 2, "history_signals")
    side = (trials["choice"] == 1).astype(float) - (trials["choice"] == 0)
    return {"reward": side * (trials["reward"] > 0), "choice": side}
