"""Compute how well networks and models predict the choices of animals: ``prefrontal record
choices``.

Networks live through the subjects' trials. Statistics, not data, go to data/choices/animals, and
are committed; tables and figure are made of them without the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import files
from prefrontal.animals import datasets
from prefrontal.models import fitting
from prefrontal.pipeline.place import Place
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT
from replications.choices import models, subjects
from replications.choices.settings import GROUPS, MONKEYS, PLANNERS, Q_LEARNERS, READOUT

EVERY = (*GROUPS, PLANNERS, Q_LEARNERS)


def by_unit(name: str, trials: pd.DataFrame, log_p: pd.DataFrame) -> pd.DataFrame:
    """Average log probabilities (trial, model) over the choices of each subject, or session of a
    monkey.

    Returns
    -------
    DataFrame
        variant, the subject's column, model, choices, likelihood (nats per choice).
    """
    unit = trials["episode" if name in MONKEYS else SUBJECT[1]].rename(SUBJECT[1])
    means = log_p.groupby(unit, sort=False).mean().rename_axis(columns="model")
    counts = log_p.iloc[:, 0].groupby(unit, sort=False).count().rename("choices")
    long = means.stack().rename("likelihood").reset_index().merge(counts.reset_index())
    long = long.assign(variant=name, likelihood=long["likelihood"].round(5))
    return long[[*SUBJECT, "model", "choices", "likelihood"]]


def each_subject(name: str, trials: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Trials of one subject after the other, with a progress bar."""
    grouped = trials.groupby(SUBJECT, observed=True, sort=False)
    for _, rows in tqdm(grouped, name, grouped.ngroups, unit="subject", disable=None):
        yield rows


def textbook(name: str, data: Path) -> pd.DataFrame:
    """Likelihoods of textbook models, and of the readout alone; see ``by_unit``."""
    trials = subjects.load(name)
    compared, parts = models.textbook(name, trials), []
    for rows in each_subject(name, trials):
        own = rows.reset_index(drop=True)
        fold = fitting.folds(own)
        columns = {each.name: models.held_out(each, own, fold) for each in compared}
        columns[READOUT] = models.without_network(own, fold)
        parts.append(pd.DataFrame(columns, rows.index))
    return by_unit(name, trials, pd.concat(parts))
