"""Analyses of unit activity: what units code, and how the population moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import rankdata
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
    keys = activity[[name for name in activity.columns if not name.startswith("unit_")]].reset_index(drop=True)
    return keys.assign(**{f"pc{k + 1}": column for k, column in enumerate(scores.T)}), pca


def ranks(values: np.ndarray) -> np.ndarray:
    """Replace every column (trials, columns) by its ranks; plain correlations of ranks are Spearman's."""
    return rankdata(values, axis=0)


def _unit_columns(values: np.ndarray, rank: bool) -> np.ndarray:
    """Centre columns and scale them to length 1, after ranking them if asked; constant columns become NaN."""
    values = ranks(values) if rank else np.asarray(values, dtype=float)
    values = values - values.mean(axis=0)
    length = np.sqrt((values**2).sum(axis=0))
    return np.divide(values, length, out=np.full_like(values, np.nan), where=length > 1e-12)


def _partial(cross: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Partial correlations of (..., unit) with each covariate given the others.

    ``cross`` (..., unit, covariate) and ``within`` (covariate, covariate) hold plain correlations. The formula is that of the
    inverse of the joint correlation matrix, written out for one unit beside the covariates.
    """
    if not np.isfinite(within).all() or np.linalg.matrix_rank(within, tol=1e-9) < len(within):
        return np.full(cross.shape, np.nan)
    inverse = np.linalg.inv(within)
    weights = cross @ inverse
    unexplained = np.clip(1 - (weights * cross).sum(-1, keepdims=True), 0, None)
    scale = np.sqrt(unexplained * np.diag(inverse) + weights**2)
    return np.divide(weights, scale, out=np.full(cross.shape, np.nan), where=scale > 1e-12)


def partial_correlations(activity: np.ndarray, covariates: np.ndarray, rank: bool = True) -> np.ndarray:
    """Correlation of every unit with every covariate, the other covariates held constant.

    Parameters
    ----------
    activity : array (trials, units)
    covariates : array (trials, covariates)
    rank : bool
        Correlate ranks (Spearman) instead of values (Pearson).

    Returns
    -------
    array (units, covariates)
        NaN for constant units, and throughout where covariates are constant or collinear or trials too few.
    """
    if len(activity) < covariates.shape[1] + 3:
        return np.full((activity.shape[1], covariates.shape[1]), np.nan)
    unit, covariate = _unit_columns(activity, rank), _unit_columns(covariates, rank)
    return _partial(unit.T @ covariate, covariate.T @ covariate)


def shifted_partial_correlations(
    activity: np.ndarray, covariates: np.ndarray, shifts: int, rng: np.random.Generator, rank: bool = True
) -> np.ndarray:
    """Null distribution of ``partial_correlations``: the covariates are turned round against the activity.

    Turning the whole recording by a random number of trials keeps the order of trials on both sides. Shuffled single trials
    would lose it, and slow drift in both would pass for coding.

    Parameters
    ----------
    shifts : int
        How many random shifts.
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
    cross = np.stack([unit.T @ np.roll(covariate, shift, axis=0) for shift in by])
    return _partial(cross, covariate.T @ covariate)


def decode_state(activity: np.ndarray, state: np.ndarray, groups: np.ndarray, folds: int = 5) -> np.ndarray:
    """Cross-validated probability of a binary latent state, by logistic regression on standardised activity.

    Parameters
    ----------
    activity : array (rows, units)
    state : array (rows,) of bool
        What to decode.
    groups : array (rows,)
        Rows of one group, such as an episode, are held out together, since they resemble each other.
    folds : int
        Parts of the cross-validation.

    Returns
    -------
    array (rows,)
        P(state is True) for held-out rows; NaN throughout where a training set would hold one state only.
    """
    groups = np.unique(groups, return_inverse=True)[1]
    folds = min(folds, groups.max(initial=0) + 1)
    if folds < 2:
        return np.full(len(state), np.nan)
    split = list(GroupKFold(folds).split(activity, state, groups))
    if any(len(np.unique(state[train])) < 2 for train, _ in split):
        return np.full(len(state), np.nan)
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=10_000))
    return cross_val_predict(model, activity, state, groups=groups, cv=split, method="predict_proba")[:, 1]


def decode_value(activity: np.ndarray, value: np.ndarray, groups: np.ndarray, folds: int = 5) -> np.ndarray:
    """Cross-validated prediction of a quantity by multiple linear regression on activity (scikit-learn).

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
    return cross_val_predict(LinearRegression(), activity, value, groups=groups, cv=GroupKFold(folds))


def unit_p_values(activity: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    """Multiple linear regressions of unit activity, many at once: p values of every predictor.

    Ordinary least squares with a constant and two-tailed t tests, as statsmodels' OLS gives one regression at a time.

    Parameters
    ----------
    activity : array (regressions, rows, units)
    predictors : array (regressions, rows, predictors)

    Returns
    -------
    array (regressions, units, predictors)
        NaN where a regression is undetermined, or a unit constant.
    """
    x = predictors - predictors.mean(1, keepdims=True)
    y = activity - activity.mean(1, keepdims=True)
    freedom = x.shape[1] - x.shape[2] - 1
    p_values = np.full((len(x), y.shape[2], x.shape[2]), np.nan)
    if freedom < 1:
        return p_values
    full = np.linalg.matrix_rank(x) == x.shape[2]
    x, y = x[full], y[full]
    inverse = np.linalg.inv(x.mT @ x)
    weights = inverse @ (x.mT @ y)
    noise = ((y - x @ weights) ** 2).sum(1) / freedom
    error = np.sqrt(np.diagonal(inverse, axis1=1, axis2=2)[:, :, None] * noise[:, None])
    t = np.divide(weights, error, out=np.full_like(weights, np.nan), where=(np.ptp(y, axis=1) > 0)[:, None])
    p_values[full] = 2 * stats.t.sf(np.abs(t), freedom).mT
    return p_values
