"""Analyses of unit activity: decoding and principal components."""

from __future__ import annotations

import numpy as np
import pandas as pd
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
        P(state is True) for held-out rows; NaN throughout where a training set would hold one state
        only.
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
