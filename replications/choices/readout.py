"""Predict a subject's choices from log odds by a readout of three parameters.

They are a bias, perseveration (a weight of the last choice) and an inverse temperature (a weight of
the log odds, which may be negative: an untrained network can only gain by that).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, log_expit

from prefrontal.tables.schema import EPISODE, free_choices
from replications.choices.settings import LARGEST, PRIOR

STEPS, LARGEST_STEP = 50, 5.0
"""Largest number of Newton steps, and largest step."""


def last_choice(trials: pd.DataFrame) -> np.ndarray:
    """Choice of the trial before, -1 for option 0 and 1 for option 1; 0 in the first, (trial,)."""
    before = trials.groupby(EPISODE, observed=True, sort=False)["choice"].shift()
    return (2 * before - 1).fillna(0.0).to_numpy(float)


def fit(design: np.ndarray, choice: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Fit logistic regressions of the same choices by Newton's method, all at once.

    Parameters
    ----------
    design : array (model, trial, weight)
    choice : array (trial,)
        0 or 1.
    counted : array (fold, trial)
        True for the choices to which a fold's regression is fitted.

    Returns
    -------
    array (model, fold, weight)
        Most probable weights under a normal prior, see ``PRIOR``.
    """
    models, _, size = design.shape
    weights, penalty = np.zeros((models, len(counted), size)), np.eye(size) / PRIOR**2
    for _ in range(STEPS):
        p = expit(np.einsum("mtk,mfk->mft", design, weights))
        error, slope = (choice - p) * counted, p * (1 - p) * counted
        gradient = error @ design - weights @ penalty
        products = (design[..., None] * design[..., None, :]).reshape(models, -1, size**2)
        curvature = (slope @ products).reshape(*weights.shape, size) + penalty
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        longest = np.abs(step).max(axis=-1, keepdims=True)
        weights += step * np.minimum(1, LARGEST_STEP / np.maximum(longest, 1e-300))
        if longest.max() < 1e-9:
            break
    return weights


def read_out(trials: pd.DataFrame, fold: np.ndarray, log_odds: np.ndarray | None) -> np.ndarray:
    """Log probability of every choice under readouts fitted to the other folds' choices.

    Parameters
    ----------
    trials : DataFrame
        Of one subject, sorted by trial within sessions.
    fold : array (trial,)
        Fold of each trial.
    log_odds : array (model, trial) or None
        Of choosing option 1, by networks or models; None for the readout alone, without them.

    Returns
    -------
    array (model, trial)
        In nats; NaN where the choice was forced.
    """
    choice, free = trials["choice"].to_numpy(), free_choices(trials).to_numpy()
    columns = [np.ones(len(trials)), last_choice(trials)]
    design = np.column_stack(columns)[None]
    if log_odds is not None:
        odds = np.clip(log_odds, -LARGEST, LARGEST)
        spread = odds.std(axis=1, keepdims=True)
        odds = odds / np.where(spread > 0, spread, 1.0)
        shared = np.broadcast_to(design, (len(odds), *design.shape[1:]))
        design = np.concatenate([shared, odds[..., None]], axis=2)
    parts = np.unique(fold[free])
    test = free & (fold == parts[:, None])
    weights = fit(design, choice, free & ~test)
    fitted = np.einsum("mtk,mfk->mft", design, weights)
    log_p = log_expit(np.where(choice == 1, fitted, -fitted))
    return np.where(free, (log_p * test).sum(axis=1), np.nan)
