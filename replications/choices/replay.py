"""Compute how well networks and models predict the choices of animals: ``prefrontal record
choices``.

Networks live through the subjects' trials. Statistics, not data, go to data/choices/animals, and
are committed; tables and figure are made of them without the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.animals import datasets
from prefrontal.models import fitting
from prefrontal.networks.load import Networks, settings_provenance
from prefrontal.networks.record import Trained
from prefrontal.pipeline.place import Place
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT
from prefrontal.training.batch import NetworkBatch
from replications.choices import models, readout, subjects
from replications.choices.settings import (
    GROUPS,
    MONKEYS,
    NETWORK,
    PLANNERS,
    Q_LEARNERS,
    READOUT,
    UNTRAINED,
)

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


def textbook(name: str, trials: pd.DataFrame) -> pd.DataFrame:
    """Likelihoods of textbook models, each fitted to every subject; see ``by_unit``."""
    compared, parts = models.textbook(name, trials), []
    for rows in each_subject(name, trials):
        own = rows.reset_index(drop=True)
        fold = fitting.folds(own)
        columns = {each.name: fitting.cross_validate(each, own, fold) for each in compared}
        parts.append(pd.DataFrame(columns, rows.index))
    return by_unit(name, trials, pd.concat(parts))


def log_odds(trained: Trained, trials: pd.DataFrame) -> np.ndarray:
    """Log odds of choosing option 1, by networks that live through the trials, (network, trial)."""
    predicted = trained.predict(subjects.seen(trials), activity=False)
    p = predicted[["p_left", "p_right"]].to_numpy(float).clip(np.finfo(float).tiny)
    return np.log(p[:, 1] / p[:, 0]).reshape(len(trained.seeds), len(trials))


def networks(name: str, trials: pd.DataFrame, trained: Trained) -> pd.DataFrame:
    """Likelihoods of trained and untrained networks, and of the readout alone; see ``by_unit``.

    Networks are numbered in the column ``network``.
    """
    untrained = replace(trained, agent=NetworkBatch(trained.batch, compiled=False).agent)
    odds = {NETWORK: log_odds(trained, trials), UNTRAINED: log_odds(untrained, trials)}
    parts: dict[tuple[str, int], list[pd.Series]] = {}
    for rows in each_subject(name, trials):
        own = rows.reset_index(drop=True)
        fold = fitting.folds(own)
        found = {READOUT: readout.read_out(own, fold, None)}
        found |= {
            model: readout.read_out(own, fold, every[:, rows.index])
            for model, every in odds.items()
        }
        for model, log_p in found.items():
            for network, each in zip(trained.seeds, log_p, strict=False):
                parts.setdefault((model, network), []).append(pd.Series(each, rows.index))
    units = [
        by_unit(name, trials, pd.concat(each).to_frame(model)).assign(network=network)
        for (model, network), each in parts.items()
    ]
    return pd.concat(units, ignore_index=True)
