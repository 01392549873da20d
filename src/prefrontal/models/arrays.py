"""Trials as arrays, for models that go through many episodes at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.tables.schema import check_trials


def by_length(trials: pd.DataFrame) -> list[np.ndarray]:
    """Arrange trials by episodes of similar length, so that few long ones do not make all others as
    long.

    Returns
    -------
    list of array (episode, trial)
        Positions of the table's rows; -1 beyond an episode's end. The longest of an array's
        episodes has at most twice as many trials as the shortest.

    Raises
    ------
    UserError
        A column is missing, or a trial is there twice.
    """
    check_trials(trials)
    episode = trials.groupby(["seed", "variant", "episode"], observed=True).ngroup().to_numpy()
    trial = trials["trial"].to_numpy()
    lengths = pd.Series(trial).groupby(episode).max().to_numpy(int) + 1
    size = np.ceil(np.log2(lengths)).astype(int)
    place = np.empty(len(lengths), dtype=int)
    arrays = []
    for own in np.unique(size):
        together = np.flatnonzero(size == own)
        place[together] = np.arange(len(together))
        rows = np.full((len(together), lengths[together].max()), -1)
        inside = np.flatnonzero(size[episode] == own)
        rows[place[episode[inside]], trial[inside]] = inside
        arrays.append(rows)
    return arrays
