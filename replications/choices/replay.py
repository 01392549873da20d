"""Compute how well networks and models predict the choices of animals: ``prefrontal record
choices``.

Networks replay the subjects' trials. Statistics, not data, are written to data/choices/animals and
committed; tables and figure need only these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from scipy.special import log_expit
from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.animals import datasets
from prefrontal.models import fitting
from prefrontal.networks.load import Networks, settings_provenance
from prefrontal.networks.record import Trained
from prefrontal.place import Place
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT, free_choices
from prefrontal.training.batch import NetworkBatch
from replications.choices import gru, models, readout, subjects
from replications.choices.settings import (
    GROUPS,
    GRU,
    INNER,
    MONKEYS,
    NETWORK,
    PLANNERS,
    Q_LEARNERS,
    READOUT,
    UNTRAINED,
)

EVERY = (*GROUPS, PLANNERS, Q_LEARNERS)
"""Groups and controls."""


def by_unit(name: str, trials: pd.DataFrame, log_p: pd.DataFrame) -> pd.DataFrame:
    """Average log probabilities (trial, model) over the choices of each subject, or session of a
    monkey.

    Returns
    -------
    DataFrame
        variant, the subject's column, model, choices, likelihood (nats per choice).
    """
    unit = trials["episode" if name in MONKEYS else SUBJECT[1]].rename(SUBJECT[1])
    means = log_p.groupby(unit, sort=False).mean().reset_index()
    counts = log_p.iloc[:, 0].groupby(unit, sort=False).count().rename("choices")
    long = means.melt(SUBJECT[1], var_name="model", value_name="likelihood")
    long = long.merge(counts.reset_index()).assign(variant=name)
    return long[[*SUBJECT, "model", "choices", "likelihood"]]


def each_subject(name: str, trials: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the trials of each subject, with a progress bar."""
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
    """Log odds of choosing option 1, by networks that replay the trials, (network, trial)."""
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


def own_grus(trials: pd.DataFrame) -> np.ndarray:
    """Log probability of each choice, (trial,), by GRUs fitted to the other folds' sessions of the
    same subject."""
    jobs, tested = [], []
    for _, rows in trials.groupby(SUBJECT, observed=True, sort=False):
        own = rows.reset_index(drop=True)
        fold = fitting.folds(own)
        for part in np.unique(fold):
            training = fold != part
            inner = training.copy()
            inner[training] = fitting.folds(own[training], INNER) == 0
            jobs.append(gru.Job(own, training & ~inner, inner))
            tested.append(rows.index[fold == part])
    out = np.full(len(trials), np.nan)
    for job, rows, odds in zip(jobs, tested, gru.predict(jobs), strict=True):
        out[rows] = odds[~(job.fitted | job.stopping)]
    log_p = log_expit(np.where(trials["choice"] == 1, out, -out))
    return np.where(free_choices(trials), log_p, np.nan)


def pooled_grus(trials: pd.DataFrame) -> np.ndarray:
    """Log probability of each choice, (trial,), by a GRU fitted to half of the people; the choices
    of the other half are predicted from it by the readout, as from a network."""
    person = trials.groupby(SUBJECT, observed=True, sort=False).ngroup().to_numpy()
    jobs = []
    for half in range(2):
        training = person % 2 != half
        inner = training & (person // 2 % INNER == 0)
        jobs.append(gru.Job(trials, training & ~inner, inner))
    odds = np.where(person % 2 == 0, *gru.predict(jobs))
    out = np.full(len(trials), np.nan)
    for _, rows in trials.groupby(SUBJECT, observed=True, sort=False):
        own = rows.reset_index(drop=True)
        out[rows.index] = readout.read_out(own, fitting.folds(own), odds[None, rows.index])[0]
    return out


def grus(name: str, trials: pd.DataFrame) -> pd.DataFrame:
    """Likelihoods of GRUs that are fitted to subjects; see ``by_unit``."""
    log_p = pooled_grus(trials) if GROUPS[name].pooled else own_grus(trials)
    return by_unit(name, trials, pd.DataFrame({GRU: log_p}))


@dataclass(frozen=True)
class Options(Place):
    """Compute how well networks and models predict the choices of animals and people."""


def joined(by_network: pd.DataFrame, *others: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join likelihoods of a group's networks and other models.

    Returns
    -------
    likelihoods : DataFrame
        As from ``by_unit``, networks averaged.
    networks : DataFrame
        variant, model, network, likelihood: each network's, mean over subjects or sessions.
    """
    keys = [*SUBJECT, "model", "choices"]
    averaged = by_network.groupby(keys, sort=False)["likelihood"].mean().reset_index()
    each = by_network[by_network["model"] != READOUT]
    keys = [SUBJECT[0], "model", "network"]
    each_network = each.groupby(keys, sort=False)["likelihood"].mean().reset_index()
    return pd.concat([averaged, *others], ignore_index=True).round(5), each_network.round(5)


def write(parts: Sequence[tuple[pd.DataFrame, pd.DataFrame]], used: Any, data: Path) -> None:
    """Write the tables of all groups, with the settings of the networks that were used."""
    sources = [datasets.get(group.dataset) for group in GROUPS.values()]
    about = settings_provenance(used) | {
        "data": sorted({f"{each.repository}, commit {each.commit}" for each in sources}),
        "license": sorted({each.license for each in sources}),
    }
    for name, tables in zip(("likelihoods", "networks"), zip(*parts, strict=True), strict=True):
        table = pd.concat(tables, ignore_index=True)
        storage.write(table, folder(data) / f"{name}.csv", about=about)


def compute(options: Options) -> None:
    """Compute all statistics, and write them."""
    parts, used = [], []
    for name in EVERY:
        group, trials = GROUPS.get(name, GROUPS["rats"]), subjects.load(name)
        source = Networks(experiments.get(group.experiment), options.data)
        found = networks(name, trials, source(group.variant))
        others = [textbook(name, trials), *([grus(name, trials)] if name in GROUPS else [])]
        parts.append(joined(found, *others))
        used += source.used
    write(parts, used, options.data)


def folder(data: Path = files.DATA) -> Path:
    """Folder of the statistics."""
    return files.experiment_folder(data, "choices") / "animals"


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal record choices``."""
    compute(tyro.cli(Options, args=arguments, prog="prefrontal record choices"))
    print(folder())
