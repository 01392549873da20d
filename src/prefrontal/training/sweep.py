"""Sweeps: training with every combination of some settings.

Networks are compared by their reward. If reward does not separate strategies, an experiment's
``train.py`` adds columns that are measured at equal intervals during training with frozen weights.
Settings are chosen on networks that no claim is about: a sweep's seeds start at ``FIRST_SEED``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.errors import UserError, check, check_count, shown
from prefrontal.networks.load import settings_provenance
from prefrontal.networks.play import evaluate
from prefrontal.place import Place
from prefrontal.settings import Settings
from prefrontal.statistics import normalised_reward
from prefrontal.tables import storage
from prefrontal.tables.schema import COLUMNS
from prefrontal.training.batch import NetworkBatch, batches, check_memory, is_short, labels
from prefrontal.training.checkpoints import checkpoint_path
from prefrontal.training.jobs import Job, Machines, Processing, run_jobs
from prefrontal.training.loop import Training, train, use

VALIDATION_EPISODES = 300
"""Episodes per network on which a sweep compares networks; different from those of training and
test."""

FIRST_SEED = 100
"""Seed of the first network of a sweep; the networks that claims are about start at 0."""


@dataclass(frozen=True, kw_only=True)
class Combinations(Machines):
    """Combinations of settings, the machines that train their networks, and the tables' name."""

    vary: tuple[str, ...]
    """Settings to combine, such as training.learning_rate=7e-4,2e-3 training.value_cost=.05,.5."""
    variant: str = ""
    """Variant whose other settings are used; by default the main one."""
    networks: int = 2
    """Networks per combination."""
    curve_points: int = 20
    """Rows of the learning curves over training."""
    name: str = "sweep"
    """Name of the tables, data/<experiment>/sweeps/<name>.csv and <name>_curves.csv."""
    overwrite: bool = False
    """Replace tables of that name."""


@dataclass(frozen=True, kw_only=True)
class Options(Processing, Place, Combinations):
    """Train every combination of some settings and compare how networks learn."""


REMEDY = "try a smaller training.learning_rate, or a training.gradient_clip"

HELPS = {
    "out": "Folder of a run of your own; by default tables are written to the suite's data folder.",
    "threads": "CPU threads.",
}
"""Help texts of options that other commands have too."""


def grid(settings: Settings[Any], vary: Sequence[str]) -> list[Settings[Any]]:
    """Combine settings, such as ("network.init_scale=1,2.5",
    "training.learning_rate=7e-4,2e-3")."""
    check(len(vary) > 0, "vary", "empty", "one or more of setting=value,value")
    flat = settings.flat()
    axes: list[list[tuple[str, Any]]] = []
    for axis in vary:
        name, _, values = axis.partition("=")
        if name not in flat or not values:
            raise UserError(
                f"vary {shown(axis)}: write setting=value,value with a setting among "
                f"{', '.join(flat)}"
            )
        try:
            axes.append([(name, parse(flat[name], value)) for value in values.split(",")])
        except ValueError as error:
            raise UserError(
                f"vary {shown(axis)}: {error}; {name} is of type {type(flat[name]).__name__}"
            ) from error
    points = [settings.vary(dict(point)) for point in itertools.product(*axes)]
    check(
        len({point.json() for point in points}) == len(points),
        "vary",
        " ".join(vary),
        "combinations that all differ",
    )
    return points


def parse(example: Any, text: str) -> Any:
    """Read a value of the type that ``example`` has; where that is None, a number."""
    if isinstance(example, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{text!r} is not true or false")
        return text.lower() == "true"
    return float(text) if example is None else type(example)(text)


def learned(
    batch: NetworkBatch, curve: pd.DataFrame, index: int, validation: float
) -> dict[str, float]:
    """Summarise how one network learned, from its learning curve with column ``share``, the
    normalised reward.

    Returns
    -------
    dict
        share_end and value_error_end: over the last tenth of training; share_validation: on
        validation episodes with frozen weights; episodes_to_80_percent: until the learning curve
        first reaches 0.8, NaN if it does not; training_episodes.
    """
    settings = batch.settings[index]
    end = curve.iloc[-max(1, len(curve) // 10) :]
    reached = np.flatnonzero(curve["share"] >= 0.8)
    return {
        "share_end": end["share"].mean(),
        "value_error_end": end["value_error"].mean(),
        "share_validation": float(normalised_reward(validation, *settings.task.reward_range())),
        "episodes_to_80_percent": curve["episode"].iloc[reached[0]] if len(reached) else np.nan,
        "training_episodes": settings.training.episodes,
    }


def short_names(names: Sequence[str], every: Sequence[str]) -> dict[str, str]:
    """Dotted names -> column names: without the group, unless two settings share a name."""
    leaves = [name.rpartition(".")[2] for name in every]
    return {
        name: leaf if leaves.count(leaf := name.rpartition(".")[2]) == 1 else name for name in names
    }


def learn(
    experiment: str,
    settings: list[Settings[Any]],
    varied: list[str],
    options: Options,
    progress: type[tqdm] = tqdm,
) -> tuple[Any, list[Path]]:
    """Train one batch of a sweep -> (a row per network, their learning curves, seconds),
    checkpoints."""
    training: Training = experiments.module(experiment, "train").TRAINING
    use(options.device, options.threads)
    batch = NetworkBatch(settings, options.device, options.compile)
    checkpoint = checkpoint_path(settings, options.name, options.data / experiment / "checkpoints")
    learning_curves = train(
        batch,
        options.name,
        checkpoint,
        points=options.curve_points,
        measure=training.sweep_columns,
        progress=progress,
        sets_aside=True,
    )
    validation = evaluate(
        batch.agent, batch.task, batch.seeds, VALIDATION_EPISODES, "validation episodes"
    )
    rows: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    columns = short_names(varied, list(settings[0].flat()))
    for index, (each, curve) in enumerate(zip(settings, learning_curves, strict=True)):
        values = {column: each.flat()[name] for name, column in columns.items()}
        measured: dict[str, Any] = dict(
            curve.drop(columns=list(COLUMNS["learning_curve"])).iloc[-1]
        )
        curve = curve.assign(share=normalised_reward(curve["reward"], *each.task.reward_range()))
        curves.append(curve.assign(**values))
        results = learned(batch, curve, index, validation[index]) | measured
        if np.isnan(curve["reward"].iloc[-1]):  # it diverged
            results |= dict.fromkeys(results.keys() - {"training_episodes"}, np.nan)
        rows.append(values | results)
    return (rows, curves, (batch.seconds, batch.processor_seconds)), [checkpoint]


def compare(experiment: str, networks: list[Settings[Any]], options: Options) -> pd.DataFrame:
    """Train the networks of a sweep and write how each learned."""
    flat = [each.flat() for each in networks]
    named = {axis.partition("=")[0] for axis in options.vary} - {"seed"}
    differ = {name for name in flat[0] if len({values[name] for values in flat}) > 1}
    varied = [name for name in flat[0] if name in named | differ]
    folder, parts = options.data / experiment, batches(networks)
    jobs = [
        Job(
            label,
            learn,
            (experiment, part, varied, options),
            part[0].training.episodes,
            is_short(part[0]),
        )
        for label, part in zip(labels(parts), parts, strict=True)
    ]
    done = run_jobs(jobs, options)
    frame = pd.DataFrame([row for rows, _, _ in done for row in rows])
    if frame["value_error_end"].isna().all():
        raise UserError(f"every network diverged: loss or weights not finite; {REMEDY}")
    seconds, processor_seconds = (
        round(sum(part), 1) for part in zip(*(taken for _, _, taken in done), strict=True)
    )
    about = settings_provenance(networks) | {
        "seconds": seconds,
        "processor_seconds": processor_seconds,
    }
    storage.write(frame, folder / "sweeps" / f"{options.name}.csv", about=about)
    joined = pd.concat([curve for _, curves, _ in done for curve in curves], ignore_index=True)
    joined = storage.leading(joined, *short_names(varied, list(flat[0])).values())
    storage.write(joined, folder / "sweeps" / f"{options.name}_curves.csv", about=about)
    return frame


def sweep(experiment: str, settings: Settings[Any], options: Options) -> pd.DataFrame:
    """Check a sweep, run it, and return a row per network."""
    if options.out is not None:  # workers may run elsewhere
        options = replace(options, out=options.out.resolve())
    for name in ("networks", "curve_points"):
        check_count(name, getattr(options, name))
    legal = re.fullmatch(r"\w[\w.-]*", options.name) is not None and not options.name.endswith(
        "_curves"
    )
    check(legal, "name", options.name, "letters, digits, _, . and -, and not ending in _curves")
    table = options.data / experiment / "sweeps" / f"{options.name}.csv"
    if table.exists() and not options.overwrite:
        raise UserError(f"{table} exists; choose another --name, or replace it (--overwrite)")
    use(options.device, options.threads)
    points = grid(settings, options.vary)
    for point in points:
        episodes = point.training.episodes
        check(episodes >= 1, "training.episodes", episodes, "at least 1 in a sweep")
        check_memory(point, options.networks)
    networks = [p.vary({"seed": p.seed + k}) for p in points for k in range(options.networks)]
    once = len({each.json() for each in networks}) == len(networks)
    what = f"combinations that all differ, with {options.networks} seeds each"
    check(once, "vary", " ".join(options.vary), what)
    mark = options.data / experiment / "checkpoints" / f".sweep_{options.name}.lock"
    with files.reserved(mark, [0], f"another command runs sweep {options.name!r} here"):
        return compare(experiment, networks, options)


def means(frame: pd.DataFrame, vary: Sequence[str], settings: Settings[Any]) -> pd.DataFrame:
    """Mean over the networks of every combination, NaN where one diverged; empty if only seeds are
    varied."""
    names = [axis.partition("=")[0] for axis in vary]
    columns = short_names([name for name in names if name != "seed"], list(settings.flat()))
    if not columns:
        return pd.DataFrame()
    numbers = frame.drop(columns="seed", errors="ignore")
    combinations = numbers.groupby(list(columns.values()), dropna=False)
    finite = combinations["value_error_end"].count() == combinations.size()
    return combinations.mean().where(finite, axis=0)


def diverged(frame: pd.DataFrame) -> str:
    """Name the networks that diverged, in one line; empty if there are none."""
    settings = frame.loc[frame["value_error_end"].isna(), :"share_end"].iloc[:, :-1]
    named = [
        ", ".join(f"{name} {value}" for name, value in row.items())
        for row in settings.to_dict("records")
    ]
    return f"diverged (loss or weights not finite): {'; '.join(named)}; {REMEDY}" if named else ""
