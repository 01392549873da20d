"""Analyses of unit and neuron activity: decoding, components, coding, predictivity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import fft
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def units(activity: pd.DataFrame) -> np.ndarray:
    """Activity as a matrix (rows, units)."""
    return activity.filter(regex=r"^unit_\d+$").to_numpy(np.float64)


def principal_components(activity: pd.DataFrame, components: int = 2) -> tuple[pd.DataFrame, PCA]:
    """Project activity on its first principal components.

    Returns
    -------
    scores : DataFrame
        The keys of the activity table with pc1, pc2, ...
    pca : PCA
        The fitted scikit-learn model, for projecting other activity into the same space.
    """
    pca = PCA(components, svd_solver="covariance_eigh")
    scores = pca.fit_transform(units(activity))
    keys = activity[
        [name for name in activity.columns if not name.startswith("unit_")]
    ].reset_index(drop=True)
    return keys.assign(**{f"pc{k + 1}": column for k, column in enumerate(scores.T)}), pca


def decode_state(
    activity: np.ndarray, state: np.ndarray, groups: np.ndarray, folds: int = 5
) -> np.ndarray:
    """Cross-validated probability of a binary latent state, by logistic regression on standardised
    activity.

    Parameters
    ----------
    activity : array (rows, units)
    state : array (rows,) of bool
        What to decode.
    groups : array (rows,)
        Rows of one group, such as an episode, are held out together, since they resemble each
        other.
    folds : int
        Parts of the cross-validation.

    Returns
    -------
    array (rows,)
        P(state is True) for held-out rows; NaN throughout if a training set contains only one
        state.
    """
    groups = np.unique(groups, return_inverse=True)[1]
    folds = min(folds, groups.max(initial=0) + 1)
    if folds < 2:
        return np.full(len(state), np.nan)
    split = list(GroupKFold(folds).split(activity, state, groups))
    if any(len(np.unique(state[train])) < 2 for train, _ in split):
        return np.full(len(state), np.nan)
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky", tol=1e-8))
    return cross_val_predict(
        model, activity, state, groups=groups, cv=split, method="predict_proba"
    )[:, 1]


def decode_value(
    activity: np.ndarray, value: np.ndarray, groups: np.ndarray, folds: int = 5
) -> np.ndarray:
    """Cross-validated prediction of a measure by multiple linear regression on activity
    (scikit-learn).

    Parameters
    ----------
    activity : array (rows, units)
    value : array (rows,)
        What to decode.
    groups : array (rows,)
        Rows of one group, such as an episode, are held out together.
    folds : int
        Parts of the cross-validation.

    Returns
    -------
    array (rows,)
        Prediction for held-out rows; NaN throughout with fewer than two groups.
    """
    folds = min(folds, len(np.unique(groups)))
    if folds < 2:
        return np.full(len(value), np.nan)
    return cross_val_predict(
        LinearRegression(), activity, value, groups=groups, cv=GroupKFold(folds)
    )


def slow_trend(trials: int, components: int = 4) -> np.ndarray:
    """Slow drift over a session: cosines of up to half as many cycles as components, (trials,
    components)."""
    time = (np.arange(trials) + 0.5) / trials
    return np.cos(np.pi * np.outer(time, np.arange(1, components + 1)))


def shift_test(
    activity: np.ndarray,
    regressors: np.ndarray,
    covariates: np.ndarray,
    further: Mapping[str, tuple[int, np.ndarray]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Partial correlation of activity with each regressor, tested against all circular shifts.

    Activity and task variables both drift, which makes ordinary tests too liberal; shifting the
    activity against the trials keeps its drift.

    Parameters
    ----------
    activity : array (trials, series)
        Of one session: spike counts of neurons, or activity of units.
    regressors : array (trials, regressors)
        Each is tested given all others.
    covariates : array (trials, covariates)
        Held constant as well; an intercept is added.
    further : mapping, optional
        Further tests: number of a regressor, and covariates (trials, k) that are held constant too.

    Returns
    -------
    r, p : array (regressors + further tests, series)
        p is the share of shifts, 0 included, with as large an absolute partial correlation. Series
        without variance have r = 0 and p = 1.
    """
    design = np.column_stack([np.ones(len(activity)), covariates, regressors])
    centred = (activity - activity.mean(0)).astype(activity.dtype)
    spectrum = np.conj(fft.rfft(centred, axis=0))
    first = design.shape[1] - regressors.shape[1]

    def at_all_shifts(direction: np.ndarray) -> np.ndarray:
        frequencies = fft.rfft(direction.astype(centred.dtype))[:, None]
        return fft.irfft(frequencies * spectrum, len(activity), axis=0)

    def test(weights: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        part = at_all_shifts(weights / np.linalg.norm(weights))
        shifted = part / np.sqrt(np.maximum(left, 0) + part**2 + np.finfo(part.dtype).tiny)
        larger = np.abs(shifted) >= np.abs(shifted[0]) * (1 - 1e-6)
        varies = (centred**2).sum(0) > 0
        return np.where(varies, shifted[0], 0), np.where(varies, larger.mean(0), 1)

    basis = np.linalg.qr(design)[0]
    left = (centred**2).sum(0) - sum(at_all_shifts(each) ** 2 for each in basis.T)
    tests = [test(weights, left) for weights in np.linalg.pinv(design)[first:]]
    for regressor, more in (further or {}).values():
        beyond = np.linalg.qr(more - basis @ (basis.T @ more))[0]
        weights = np.linalg.pinv(np.column_stack([design, more]))[first + regressor]
        tests.append(test(weights, left - sum(at_all_shifts(each) ** 2 for each in beyond.T)))
    r, p = np.stack(tests, axis=1)
    return r, p


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


PENALTIES = np.array([0.001, 0.01, 0.1, 1.0, 10.0, np.inf])
"""Ridge penalties per training trial, of standardised predictors."""


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
