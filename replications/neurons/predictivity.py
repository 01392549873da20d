"""Variance of neurons that predictors explain beyond task variables, on held-out trials."""

from __future__ import annotations

import numpy as np

PENALTIES = np.array([0.001, 0.01, 0.1, 1.0, 10.0, np.inf])
"""Ridge penalties per training trial, of standardised predictors."""


def blocked_folds(trials: int, folds: int = 5, blocks: int = 10) -> np.ndarray:
    """Fold of each trial; a fold is made of blocks of successive trials."""
    return np.arange(trials) * blocks // trials % folds


def held_out_gain(
    activity: np.ndarray, regressors: np.ndarray, predictors: np.ndarray, components: int = 10
) -> np.ndarray:
    """Held-out variance that predictors explain beyond regressors.

    Predictors enter as their leading principal components, by ridge regression with a penalty for
    each series that minimises generalised cross-validation in the training blocks.

    Parameters
    ----------
    activity : array (trials, series)
    regressors : array (trials, regressors)
        Fitted without penalty; an intercept is added.
    predictors : array (trials, predictors)
    components : int
        Principal components, at most.

    Returns
    -------
    array (series,)
        Difference of squared error without and with predictors, as a share of the variance.
    """
    base = np.column_stack([np.ones(len(activity)), regressors])
    scores = predictors - predictors.mean(0)
    if scores.shape[1] > components:
        left, size, _ = np.linalg.svd(scores, full_matrices=False)
        scores = (left * size)[:, :components]
    gained, fold_of = np.zeros(activity.shape[1]), blocked_folds(len(activity))
    for fold in np.unique(fold_of):
        train, test = fold_of != fold, fold_of == fold
        both = np.column_stack([activity, scores])
        basis, triangle = np.linalg.qr(base[train])
        both = both - base @ np.linalg.solve(triangle, basis.T @ both[train])
        target, score = np.split(both, [activity.shape[1]], axis=1)
        scale = score[train].std(0) + np.finfo(float).tiny
        weights = _ridge(score[train] / scale, target[train], base.shape[1])
        error = target[test] - score[test] / scale @ weights
        gained += (target[test] ** 2 - error**2).sum(0)
    variance = ((activity - activity.mean(0)) ** 2).sum(0)
    return np.divide(gained, variance, out=np.zeros_like(gained), where=variance > 0)


def with_shifts(activity: np.ndarray, regressors: np.ndarray, shifts: int = 10) -> np.ndarray:
    """Append copies whose residuals from a regression are circularly shifted against the trials.

    Predictors explain variance in these copies by chance only: overfitting, and slow drift of both.

    Returns
    -------
    array (trials, (1 + shifts) series)
        The activity, and then each of the equally spaced shifts.
    """
    base = np.column_stack([np.ones(len(activity)), regressors])
    fitted = base @ (np.linalg.pinv(base) @ activity)
    at = [k * len(activity) // (shifts + 1) for k in range(1, shifts + 1)]
    shifted = [fitted + np.roll(activity - fitted, k, axis=0) for k in at]
    return np.concatenate([activity, *shifted], axis=1)


def beyond_chance(gain: np.ndarray, series: int) -> np.ndarray:
    """Gain of each series minus its mean gain on the shifted versions of ``with_shifts``."""
    unshifted, *shifted = gain.reshape(-1, series)
    return unshifted - np.mean(shifted, axis=0)


def _ridge(scores: np.ndarray, target: np.ndarray, used: int) -> np.ndarray:
    """Ridge weights (scores, series) with the best penalty for each series; ``used`` degrees of
    freedom are gone."""
    trials = len(scores)
    left, size, right = np.linalg.svd(scores, full_matrices=False)
    inside = left.T @ target
    shrunk = size**2 / (size**2 + PENALTIES[:, None] * trials)
    outside = (target**2).sum(0) - (inside**2).sum(0)
    squared = outside + np.einsum("pk,ks->ps", (1 - shrunk) ** 2, inside**2)
    criterion = squared / (trials - used - shrunk.sum(1))[:, None] ** 2
    best = shrunk[criterion.argmin(0)].T
    gain = np.divide(best, size[:, None], out=np.zeros_like(best), where=size[:, None] > 1e-9)
    return right.T @ (gain * inside)
