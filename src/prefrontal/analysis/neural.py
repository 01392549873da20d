"""Analyses of unit and neuron activity: decoding, components, coding."""

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
