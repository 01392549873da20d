"""Statistics across networks: thin calls to SciPy and statsmodels. The network is the unit of
replication."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and its t interval.

    Parameters
    ----------
    values : array (n,)
        One number per network; NaN counts as missing.
    confidence : float
        Coverage.

    Returns
    -------
    mean, low, high : float
        The interval is unbounded for fewer than two values.
    """
    from scipy import stats  # slow to import, and not needed by recordings

    sample = np.asarray(values, dtype=float)
    sample = sample[~np.isnan(sample)]
    if len(sample) == 0:
        return np.nan, np.nan, np.nan
    mean = float(sample.mean())
    if len(sample) == 1:
        return mean, -np.inf, np.inf
    sem = float(stats.sem(sample))
    if sem == 0:
        return mean, mean, mean
    low, high = stats.t.interval(confidence, len(sample) - 1, loc=mean, scale=sem)
    return mean, float(low), float(high)


def pooled(estimates: ArrayLike, errors: ArrayLike) -> dict[str, float]:
    """Random-effects mean of subjects' estimates (Paule & Mandel; statsmodels): subjects may
    differ, and precise estimates have more weight.

    Parameters
    ----------
    estimates, errors : array (n,)
        One number per subject with its standard error; NaN counts as missing.

    Returns
    -------
    dict
        pooled; pooled_low, pooled_high, its 95 % t interval, unbounded for fewer than two subjects;
        between, the standard deviation between subjects.
    """
    from statsmodels.stats.meta_analysis import (
        combine_effects,  # slow to import, and not needed by figures
    )

    sample, error = np.asarray(estimates, dtype=float), np.asarray(errors, dtype=float)
    known = np.isfinite(sample) & np.isfinite(error) & (error > 0)
    if known.sum() < 2:
        alone = sample[known][0] if known.any() else np.nan
        return {"pooled": alone, "pooled_low": -np.inf, "pooled_high": np.inf, "between": np.nan}
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")  # warnings about measures that are not used
        found = combine_effects(sample[known], error[known] ** 2, method_re="iterated")
        low, high = found.conf_int(use_t=True)[1]
    return {
        "pooled": found.mean_effect_re,
        "pooled_low": low,
        "pooled_high": high,
        "between": max(found.tau2, 0.0) ** 0.5,
    }


def summarize(
    frame: pd.DataFrame, by: Sequence[str], value: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean over networks with its t interval per group: columns ``by``, mean, ci_low, ci_high, n
    (not missing)."""
    rows = []
    for keys, group in frame.groupby(list(by), sort=False, observed=True):
        mean, low, high = interval(group[value], confidence)
        keys = keys if isinstance(keys, tuple) else (keys,)
        rows.append(
            dict(zip(by, keys, strict=True))
            | {"mean": mean, "ci_low": low, "ci_high": high, "n": group[value].count()}
        )
    return pd.DataFrame(rows)


def normalised_reward(reward: ArrayLike, random: ArrayLike, best: ArrayLike) -> np.ndarray:
    """Normalise reward: 0 is random choice, 1 the best possible."""
    random = np.asarray(random, dtype=float)
    return (np.asarray(reward, dtype=float) - random) / (np.asarray(best, dtype=float) - random)


def trend(values: ArrayLike) -> np.ndarray:
    """Least-squares slope of values over equally spaced points, per point, along the first axis."""
    values = np.asarray(values, dtype=float)
    centred = np.arange(len(values)) - (len(values) - 1) / 2
    return centred @ values / (centred @ centred)
