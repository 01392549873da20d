"""Partial correlations of units with covariates, and their null distribution."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def ranks(values: np.ndarray) -> np.ndarray:
    """Replace every column (trials, columns) by its ranks, for Spearman's correlations."""
    return rankdata(values, axis=0)


def _unit_columns(values: np.ndarray, rank: bool) -> np.ndarray:
    """Centre columns and scale them to length 1, ranked first if asked; constant ones give NaN."""
    values = ranks(values) if rank else np.asarray(values, dtype=float)
    values = values - values.mean(axis=0)
    length = np.sqrt((values**2).sum(axis=0))
    return np.divide(values, length, out=np.full_like(values, np.nan), where=length > 1e-12)


def _partial(cross: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Partial correlations of (..., unit) with each covariate given the others.

    ``cross`` (..., unit, covariate) and ``within`` (covariate, covariate) hold plain correlations.
    The formula is that of the inverse of the joint correlation matrix, written out for one unit
    with the covariates.
    """
    if not np.isfinite(within).all() or np.linalg.matrix_rank(within, tol=1e-9) < len(within):
        return np.full(cross.shape, np.nan)
    inverse = np.linalg.inv(within)
    weights = cross @ inverse
    unexplained = np.clip(1 - (weights * cross).sum(-1, keepdims=True), 0, None)
    scale = np.sqrt(unexplained * np.diag(inverse) + weights**2)
    return np.divide(weights, scale, out=np.full(cross.shape, np.nan), where=scale > 1e-12)


def partial_correlations(
    activity: np.ndarray, covariates: np.ndarray, rank: bool = True
) -> np.ndarray:
    """Correlate every unit with every covariate, the other covariates held constant.

    Parameters
    ----------
    activity : array (trials, units)
    covariates : array (trials, covariates)
    rank : bool
        Correlate ranks (Spearman) instead of values (Pearson).

    Returns
    -------
    array (units, covariates)
        NaN for constant units, and throughout where covariates are constant or collinear or trials
        too few.
    """
    if len(activity) < covariates.shape[1] + 3:
        return np.full((activity.shape[1], covariates.shape[1]), np.nan)
    unit, covariate = _unit_columns(activity, rank), _unit_columns(covariates, rank)
    return _partial(unit.T @ covariate, covariate.T @ covariate)


def shifted_partial_correlations(
    activity: np.ndarray,
    covariates: np.ndarray,
    shifts: int,
    rng: np.random.Generator,
    rank: bool = True,
) -> np.ndarray:
    """Draw from the null distribution of ``partial_correlations`` by circular shifts.

    Shifting the covariates by a random number of trials against the activity keeps the order of
    trials on both sides. Shuffling single trials would lose it, and slow drift in both would pass
    for coding.

    Parameters
    ----------
    activity, covariates, rank
        As in ``partial_correlations``.
    shifts : int
        Number of random shifts.
    rng : numpy.random.Generator
        Draws them, uniformly from 1 to trials - 1.

    Returns
    -------
    array (shifts, units, covariates)
    """
    if len(activity) < covariates.shape[1] + 3:
        return np.full((shifts, activity.shape[1], covariates.shape[1]), np.nan)
    unit, covariate = _unit_columns(activity, rank), _unit_columns(covariates, rank)
    by = rng.integers(1, len(activity), size=shifts)
    twice = np.concatenate([covariate, covariate])
    windows = np.lib.stride_tricks.sliding_window_view(twice, len(unit), axis=0)
    shifted = windows[len(unit) - by]  # (shifts, covariates, trials)
    cross = (shifted.reshape(-1, len(unit)) @ unit).reshape(shifts, -1, unit.shape[1])
    return _partial(cross.swapaxes(1, 2), covariate.T @ covariate)
