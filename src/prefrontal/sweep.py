"""Many settings at once: how networks learn under every combination of settings that the paper leaves open.

Networks are compared by their reward. Where reward tells strategies badly apart, an experiment's ``sweep.py`` has a
``measure`` of its own, which is taken at equal distances over training with the weights frozen.

Settings are chosen on networks that no claim is about: those of a sweep are seeded from ``APART`` on.

python -m prefrontal.sweep two_step --vary init_scale=1,2.5 learning_rate=7e-4,2e-3 --seeds 4 --name scales
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from prefrontal import cluster, experiment, paths, store, tables
from prefrontal.cluster import Machines
from prefrontal.config import Config
from prefrontal.errors import UserError, require, run
from prefrontal.population import Population, is_short, labels, populations, refuse_too_large
from prefrontal.recording import evaluate
from prefrontal.statistics import share_of_gain
from prefrontal.train import command_line, replicate, settings_of, train, use

VALIDATION_EPISODES = 300
"""Episodes per network that a sweep is judged on; they differ from those of training and of the test."""

APART = 100
"""Seed of the first network of a sweep; those that are judged are seeded from 0 on."""

ConfigType = TypeVar("ConfigType", bound=Config)


@dataclass(frozen=True)
class Options(Machines):
    """Train every combination of some settings, and compare how networks learn. All other settings are a condition's."""

    vary: tuple[str, ...]
    """Settings to combine, such as learning_rate=7e-4,2e-3 value_cost=.05,.5."""
    condition: str | None = None
    """Whose settings are varied, by its name in conditions.py; by default the main condition."""
    seeds: int = 2
    """Networks per combination."""
    points: int = 20
    """Rows of the learning curves, and measurements, over training."""
    name: str = "sweep"
    """Name of the tables: data/<experiment>/sweeps/<name>.csv, a row per network, and <name>_curves.csv."""
    data: Path = paths.DATA
    """Data folder."""
    device: str = "cpu"
    """cpu or cuda."""
    threads: int = 1
    """CPU threads."""
    compile: bool | None = None
    """Compile the inner loops; by default where the training is long enough to gain by it."""


def grid(config: ConfigType, vary: tuple[str, ...]) -> list[ConfigType]:
    """Every combination of the settings in ``vary``, such as ("init_scale=1,2.5", "learning_rate=7e-4,2e-3")."""
    require(len(vary) > 0, "vary", "empty", "one or more of setting=value,value")
    fields = {field.name: field for field in dataclasses.fields(config)}
    axes: list[list[tuple[str, Any]]] = []
    for axis in vary:
        name, _, values = axis.partition("=")
        if name not in fields or not values:
            raise UserError(f"vary {axis!r}: write setting=value,value with a setting among {', '.join(fields)}")
        try:
            axes.append([(name, parse(getattr(config, name), value)) for value in values.split(",")])
        except ValueError as error:
            raise UserError(f"vary {axis!r}: {error}; {name} is of type {type(getattr(config, name)).__name__}") from error
    points = [dataclasses.replace(config, **dict(point)) for point in itertools.product(*axes)]
    require(len({point.json() for point in points}) == len(points), "vary", " ".join(vary), "combinations that all differ")
    return points


def parse(example: Any, text: str) -> Any:
    """Read a value of the type that ``example`` has; None stands for numbers."""
    if isinstance(example, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{text!r} is not true or false")
        return text.lower() == "true"
    return float(text) if example is None else type(example)(text)


def learned(population: Population, curve: pd.DataFrame, index: int, validation: float) -> dict[str, float]:
    """Summarize how one network learned, from its learning curve with column ``share``, that of the possible gain.

    Returns
    -------
    dict
        share_end and value_error_end: over the last tenth of training; share_validation: on validation episodes with frozen
        weights; episodes_to_80_percent: until a learning-curve point first reaches a share of 0.8, NaN if none does;
        training_episodes.
    """
    config = population.configs[index]
    end = curve.iloc[-max(1, len(curve) // 10) :]
    reached = np.flatnonzero(curve["share"] >= 0.8)
    return {
        "share_end": end["share"].mean(),
        "value_error_end": end["value_error"].mean(),
        "share_validation": float(share_of_gain(validation, *config.reward_range())),
        "episodes_to_80_percent": curve["episode"].iloc[reached[0]] if len(reached) else np.nan,
        "training_episodes": config.episodes,
    }


def learn(
    name: str, settings: list[dict[str, Any]], varied: list[str], options: Options, progress: type[tqdm] = tqdm
) -> tuple[list[dict[str, Any]], list[pd.DataFrame], tuple[float, float]]:
    """Train networks that make one population -> a row per network, their learning curves, seconds and processor seconds."""
    together = [experiment.module(name, "train").Config(**each) for each in settings]
    measure = experiment.module(name, "sweep").measure if name in experiment.names("sweep") else None
    use(options.device, options.threads)
    population = Population(together, options.device, options.compile)
    checkpoint = store.checkpoint_path(together, options.name, options.data / name / "checkpoints")
    own = train(population, options.name, checkpoint, points=options.points, measure=measure, progress=progress)
    validation = evaluate(population.agent, population.task, population.seeds, VALIDATION_EPISODES, "validation episodes")
    rows: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    for index, (config, curve) in enumerate(zip(together, own, strict=True)):
        about = {setting: getattr(config, setting) for setting in varied}
        measured: dict[str, Any] = dict(curve.drop(columns=tables.COLUMNS["learning_curve"]).iloc[-1])
        curve = curve.assign(share=share_of_gain(curve["reward"], *config.reward_range()))
        curves.append(curve.assign(**about))
        rows.append(about | learned(population, curve, index, validation[index]) | measured)
    return rows, curves, (population.seconds, population.processor_seconds)


def compare(name: str, configs: list[Config], options: Options) -> pd.DataFrame:
    """Train a grid and write how each network learned."""
    varied = [f.name for f in dataclasses.fields(configs[0]) if len({getattr(c, f.name) for c in configs}) > 1]
    options = dataclasses.replace(options, data=options.data.resolve())
    folder, parts = options.data / name, populations(configs)
    jobs = {
        label: (name, [config.settings() for config in own], varied, options)
        for label, own in zip(labels(parts), parts, strict=True)
    }
    short = all(is_short(own[0]) for own in parts)
    done = cluster.spread(learn, jobs, sum(own[0].episodes for own in parts), options, short)
    frame = pd.DataFrame([row for rows, _, _ in done for row in rows])
    seconds, processor_seconds = (round(sum(part), 1) for part in zip(*(taken for _, _, taken in done), strict=True))
    about = store.provenance(configs) | {"seconds": seconds, "processor_seconds": processor_seconds}
    tables.write(frame, folder / "sweeps" / f"{options.name}.csv", about=about)
    joined = tables.leading(pd.concat([curve for _, curves, _ in done for curve in curves], ignore_index=True), *varied)
    tables.write(joined, folder / "sweeps" / f"{options.name}_curves.csv", about=about)
    for together in parts:
        store.checkpoint_path(together, options.name, folder / "checkpoints").unlink(missing_ok=True)
    return frame


def main(arguments: list[str]) -> None:
    """Sweep an experiment, named by the first argument."""
    known = f"one of {', '.join(experiment.names('train'))}, as the first word"
    if arguments in (["-h"], ["--help"]):
        print(
            f"usage: python -m prefrontal.sweep EXPERIMENT [OPTIONS]\n\nEXPERIMENT is {known}; --help after it lists the options."
        )
        return
    require(bool(arguments), "experiment", "missing", known)
    name = arguments[0]
    module = f"prefrontal.sweep {name}"
    _, options = command_line(settings_of(name, next(iter(experiment.trained(name)))), Options, module, arguments[1:])
    for count in ("seeds", "points"):
        require(getattr(options, count) >= 1, count, getattr(options, count), "at least 1")
    taken = {**experiment.trained(name), **experiment.variations(name)}
    legal = re.fullmatch(r"\w[\w.-]*", options.name) is not None and options.name not in taken
    require(legal, "name", options.name, "letters, digits, _, . and -, and none of a condition")
    use(options.device, options.threads)
    default = dataclasses.replace(settings_of(name, options.condition), seed=APART)
    config, _ = command_line(default, Options, module, arguments[1:])
    points = grid(config, options.vary)
    for point in points:
        refuse_too_large(point, options.seeds)
    configs = [c for point in points for c in replicate(point, options.seeds)]
    once = len({each.json() for each in configs}) == len(configs)
    require(once, "vary", " ".join(options.vary), f"combinations that all differ, with {options.seeds} seeds each")
    frame = compare(name, configs, options)
    settings = [axis.partition("=")[0] for axis in options.vary if not axis.startswith("seed=")]
    if settings:
        print(frame.drop(columns="seed", errors="ignore").groupby(settings).mean().to_string(float_format="%.3f"))


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:]))
