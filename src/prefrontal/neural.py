"""Analyses of unit activity: what units code, and how the population moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA


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
