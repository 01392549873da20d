"""Compute the statistics of neurons and units from the published data: ``prefrontal record
neurons``.

The networks replay the monkeys' trials. The same code regresses spike counts and activity.
Statistics, not data, are written to data/neurons/animals and committed; tables and figure need only
these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.analysis.neural import shift_test, slow_trend
from prefrontal.animals import datasets
from prefrontal.animals.formats import MISSING
from prefrontal.networks.load import Networks, settings_provenance
from prefrontal.place import Place
from prefrontal.tables import storage
from prefrontal.training.batch import NetworkBatch
from replications.neurons import models
from replications.neurons.predictivity import beyond_chance, held_out_gain, with_shifts
from replications.neurons.settings import (
    ALPHA,
    AREAS,
    AT_CHOICE,
    CHOSEN,
    DATASET,
    EPOCHS,
    FACTORS,
    GIVEN_STAYING,
    GIVEN_VALUES,
    INTERACTION,
    MODEL_FREE,
    MODEL_SEEDS,
    NETWORK_EPOCHS,
    NETWORKS,
    PLANNER,
    SHIFTED,
    TRAINED,
    VARIABLES,
)

SESSION = ["subject", "episode"]

PERIODS = ("fixation", "stage 1", "stage 2")
"""Periods of both tasks."""


@dataclass(frozen=True)
class Session:
    """Trials of a session except the first and last, and its neurons.

    Attributes
    ----------
    number : int
        Among all sessions, from 0.
    trials : DataFrame
        All of them.
    regressors : array (trials, variables)
    further : dict
        Further covariates (trials, k), by the name of the test of the interaction given them.
    trend : array (trials, components)
    neurons : DataFrame
        area, unit, subject, episode.
    counts : array (trials, neurons, epochs)
    """

    number: int
    trials: pd.DataFrame
    regressors: np.ndarray
    further: dict[str, np.ndarray]
    trend: np.ndarray
    neurons: pd.DataFrame
    counts: np.ndarray


def factors(trials: pd.DataFrame) -> np.ndarray:
    """Choice and transition as -1 or 1, reward from -1 to 1, (trials, 3)."""
    common = trials["transition"] == "common"
    return np.column_stack([2 * trials["choice"] - 1, 2 * common - 1, 2 * trials["reward"] - 1])


def design(trials: pd.DataFrame) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Regressors of the trials of a session except the first and last, and further covariates.

    Factors are centred before they are multiplied.

    Returns
    -------
    regressors : array (trials - 2, variables)
        In the order of ``VARIABLES``.
    further : dict
        As in ``Session``.
    """
    now = factors(trials)
    now = now - now.mean(0)
    choice, transition, reward = now[:-2].T
    combined = {
        "previous choice": choice,
        "previous transition": transition,
        "previous reward": reward,
        "previous choice x transition": choice * transition,
        "previous choice x reward": choice * reward,
        INTERACTION: transition * reward,
        "previous choice x transition x reward": choice * transition * reward,
    }
    combined |= dict(zip(FACTORS, now[1:-1].T, strict=True))
    stayed = (trials["choice"].diff()[1:-1] == 0).to_numpy(float)
    staying = np.column_stack([stayed, (stayed - stayed.mean()) * reward])
    values = [
        models.by_choice(value, trials["choice"].to_numpy()) for value in models.values(trials)
    ]
    further = {GIVEN_STAYING: staying, GIVEN_VALUES: np.column_stack(values)[:-2]}
    return np.column_stack([combined[name] for name in VARIABLES]), further


def filled(counts: np.ndarray) -> np.ndarray:
    """Spike counts (trials, epochs) as numbers; the mean of the epoch where one is missing."""
    known = np.where(counts == MISSING, np.nan, counts)
    mean = np.nan_to_num(np.nanmean(known, axis=0)) if len(known) else 0.0
    return np.where(np.isnan(known), mean, known)


def sessions(
    trials: pd.DataFrame, units: pd.DataFrame, counts: Sequence[np.ndarray]
) -> Iterator[Session]:
    """Sessions one after the other."""
    for number, (key, rows) in enumerate(trials.groupby(SESSION, sort=False)):
        regressors, further = design(rows)
        here = units[(units["subject"] == key[0]) & (units["episode"] == key[1])]
        spike_counts = [filled(counts[k][1:-1, :, 0]) for k in here.index]
        stacked = (
            np.stack(spike_counts, axis=1)
            if spike_counts
            else np.empty((len(rows) - 2, 0, len(EPOCHS)))
        )
        trend = slow_trend(len(rows) - 2)
        yield Session(number, rows, regressors, further, trend, here, stacked)


def networks_activity(
    data: Path, trials: pd.DataFrame
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Activity of networks that replay the trials, and provenance of the networks. For those of
    Fig. 5 only the highest of the three levels counts as reward.

    Returns
    -------
    activity : dict
        Name of the networks -> array (network, trial, period, unit).
    about : dict
    """
    activity, used = {}, []
    for name, (variant, *names) in NETWORKS.items():
        known = name in experiments.names("train")
        networks = Networks(experiments.get(name), data) if known else None
        if networks is None or variant not in networks.variants:
            print(f"{name}: left out, since its networks are not trained")
            continue
        trained = networks(variant)
        untrained = replace(trained, agent=NetworkBatch(trained.batch, compiled=False).agent)
        binary = (trials["reward"] == 1).astype(float)
        seen = trials.assign(reward=binary) if name == "two_step" else trials
        for label, each in zip(names, (trained, untrained), strict=True):
            predicted = each.predict(seen, periods=each.task.periods).filter(regex=r"^unit_")
            shape = (len(each.seeds), len(trials), len(each.task.periods), -1)
            activity[label] = predicted.to_numpy(np.float32).reshape(shape)
        used += networks.used
    return activity, settings_provenance(used)


def in_session(session: Session, network: np.ndarray) -> np.ndarray:
    """Activity of a network (trial, period, unit) in the epochs of a session's trials except the
    first and last, (trials, epochs, units)."""
    rows = session.trials.index.to_numpy()[1:-1]
    places = [NETWORK_EPOCHS[epoch] for epoch in EPOCHS]
    return np.stack([network[rows + ahead, PERIODS.index(name)] for name, ahead in places], axis=1)


def tested(session: Session, activity: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Test activity (trials, series) -> partial correlations (variable, series), and p values
    (series,) by the name of the variable, or of the test of the interaction."""
    tested = VARIABLES.index(INTERACTION)
    further = {name: (tested, values) for name, values in session.further.items()}
    r, p = shift_test(activity, session.regressors, session.trend, further)
    return r, dict(zip((*VARIABLES, *further), p, strict=True))


def neuron_rows(session: Session) -> Iterator[dict[str, Any]]:
    """Statistics of each neuron in each epoch."""
    series = session.counts.reshape(len(session.counts), -1)
    r, p = tested(session, series)
    places = [(neuron, epoch) for neuron in session.neurons.itertuples() for epoch in EPOCHS]
    for k, (neuron, epoch) in enumerate(places):
        keys = {"area": neuron.area, "monkey": neuron.subject, "session": session.number}
        strengths = {f"r {name}": round(r[j, k], 3) for j, name in enumerate(VARIABLES)}
        levels = {f"p {name}": round(each[k], 4) for name, each in p.items()}
        yield keys | {"unit": neuron.unit, "epoch": epoch} | strengths | levels


def coding_rows(
    session: Session, variant: str, subject: int, activity: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Share of the units, whose activity by epoch is (trials, units), that code each variable."""
    series = np.concatenate(list(activity.values()), axis=1)
    _, p = tested(session, series)
    coded = {name: each.reshape(len(activity), -1) < ALPHA for name, each in p.items()}
    for k, epoch in enumerate(activity):
        shares = {name: each[k].mean() for name, each in coded.items()}
        keys = {"variant": variant, "subject": subject, "epoch": epoch, "session": session.number}
        yield keys | shares


def model_units(session: Session, seed: int) -> dict[str, np.ndarray]:
    """Units simulated from values at the first choice: of the option chosen last, and of the other
    one. Those of the model-free value of the option chosen now show the effect of choice alone.
    """
    trials = session.trials
    choice = trials["choice"].to_numpy()
    planner, model_free = models.values(trials)
    made = {
        PLANNER: models.by_last_choice(planner, choice),
        MODEL_FREE: models.by_last_choice(model_free, choice),
        CHOSEN: models.by_choice(model_free, choice)[:, :1],
    }
    rng = np.random.default_rng([seed, session.number])
    return {name: models.made_of(value[1:-1], rng) for name, value in made.items()}


def all_coding(session: Session, activity: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Coding of the networks' units, simulated units, and shifted neurons, in one session."""
    for variant, values in activity.items():
        for subject, network in enumerate(values):
            unit_activity = in_session(session, network)
            by_epoch = {epoch: unit_activity[:, EPOCHS.index(epoch)] for epoch in same_period()}
            yield from coding_rows(session, variant, subject, by_epoch)
    for seed in range(MODEL_SEEDS):
        for variant, units in model_units(session, seed).items():
            yield from coding_rows(session, variant, seed, {AT_CHOICE: units})
    in_acc = (session.neurons["area"] == "ACC").to_numpy()
    if in_acc.any():
        moved = np.roll(session.counts[:, in_acc], len(session.counts) // 2, axis=0)
        by_epoch = {epoch: moved[:, :, k] for k, epoch in enumerate(EPOCHS)}
        yield from coding_rows(session, SHIFTED, session.number, by_epoch)


def same_period() -> dict[str, list[str]]:
    """First epoch of each time step of the networks -> all epochs that correspond to it."""
    epochs: dict[tuple[str, int], list[str]] = {}
    for epoch in EPOCHS:
        epochs.setdefault(NETWORK_EPOCHS[epoch], []).append(epoch)
    return {same[0]: same for same in epochs.values()}


def predictors(
    session: Session, activity: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Predictors of a session's spike counts: kind, network, array (trials, epochs, predictors)."""
    for variant, values in activity.items():
        for subject, network in enumerate(values):
            yield variant, subject, in_session(session, network)
    choice = session.trials["choice"].to_numpy()
    for name, value in zip((PLANNER, MODEL_FREE), models.values(session.trials), strict=True):
        both = np.column_stack([value, models.by_choice(value, choice)])[1:-1]
        yield name, 0, np.repeat(both[:, None], len(EPOCHS), axis=1)


def populations(
    session: Session, activity: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Spike counts to predict: those of each area, and of both controls."""
    area = session.neurons["area"].to_numpy()
    for name in AREAS:
        if (area == name).any():
            yield name, session.counts[:, area == name]
    if (area == "ACC").any():
        yield SHIFTED, np.roll(session.counts[:, area == "ACC"], len(session.counts) // 2, axis=0)
    rng = np.random.default_rng(session.number)
    first = in_session(session, activity[TRAINED][0])
    made = [models.made_of(first[:, k], rng, units=12) for k in range(len(EPOCHS))]
    yield "another network", np.stack(made, axis=2)


def predictivity_rows(
    session: Session, activity: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Held-out gain of each kind of predictors beyond chance, for each population and epoch.

    The network from which units of the positive control are simulated is not among their
    predictors.
    """
    regressors = np.column_stack([session.regressors, session.trend])
    counted = dict(populations(session, activity))
    sizes = [counts.shape[1] for counts in counted.values()]
    joined = np.concatenate(list(counted.values()), axis=1)
    with_null = [with_shifts(joined[:, :, k], regressors) for k in range(len(EPOCHS))]
    for kind, network, predicting in predictors(session, activity):
        gains: dict[str, np.ndarray] = {}
        for first, epochs in same_period().items():
            stacked = np.concatenate([with_null[EPOCHS.index(epoch)] for epoch in epochs], axis=1)
            gain = held_out_gain(stacked, regressors, predicting[:, EPOCHS.index(first)])
            gains |= dict(zip(epochs, np.split(gain, len(epochs)), strict=True))
        for epoch, gain in gains.items():
            beyond = beyond_chance(gain, joined.shape[1])
            parts = np.split(beyond, np.cumsum(sizes)[:-1])
            for variant, part in zip(counted, parts, strict=True):
                if variant != "another network" or network or kind not in activity:
                    keys = {"variant": variant, "session": session.number, "epoch": epoch}
                    yield keys | {"kind": kind, "network": network, "gain": part.mean()}


@dataclass(frozen=True)
class Options(Place):
    """Compute the statistics of neurons and units from the published data."""

    source: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Clone of the data's repository; by default they are fetched."""


def compute(options: Options) -> dict[str, pd.DataFrame]:
    """Tables of statistics, by name."""
    trials = datasets.load_data(DATASET, options.source)
    units, counts = datasets.load_units(DATASET, options.source)
    activity, about = networks_activity(options.data, trials)
    rows: dict[str, list[dict[str, Any]]] = {"neurons": [], "units": [], "predictivity": []}
    total = trials.groupby(SESSION).ngroups
    for session in tqdm(sessions(trials, units, counts), "sessions", total):
        rows["neurons"] += neuron_rows(session)
        rows["units"] += all_coding(session, activity)
        rows["predictivity"] += predictivity_rows(session, activity)
    tables = {name: pd.DataFrame(entries) for name, entries in rows.items()}
    shares = tables["units"].groupby(["variant", "subject", "epoch"], sort=False)
    tables["units"] = (
        shares[[*VARIABLES, GIVEN_STAYING, GIVEN_VALUES]].mean().round(4).reset_index()
    )
    keys = ["variant", "session", "epoch", "kind"]
    gains = tables["predictivity"].groupby(keys, sort=False)["gain"].mean()
    tables["predictivity"] = gains.unstack("kind").reset_index()
    dataset = datasets.get(DATASET)
    about |= {"data": f"{dataset.repository}, commit {dataset.commit}", "license": dataset.license}
    for name, table in tables.items():
        storage.write(table, folder(options.data) / f"{name}.csv", about=about)
    return tables


def folder(data: Path = files.DATA) -> Path:
    """Folder of the statistics."""
    return files.experiment_folder(data, "neurons") / "animals"


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal record neurons``."""
    compute(tyro.cli(Options, args=arguments, prog="prefrontal record neurons"))
    print(folder())
