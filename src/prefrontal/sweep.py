"""Follow a measure of behaviour over training, for every combination of settings that the paper leaves open.

``train --sweep`` compares networks by their reward. Where reward tells strategies badly apart, an experiment's ``sweep.py``
brings a measure of its own: training stops at regular intervals, the weights are frozen, and the measure is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from prefrontal import tables
from prefrontal.errors import require
from prefrontal.paths import DATA
from prefrontal.training import Config, Population, command_line, grid, populations, provenance, replicate

Measure = Callable[[Population], pd.DataFrame]
"""Networks as they stand -> one row per network, in their order."""


@dataclass(frozen=True)
class Options:
    """What to sweep."""

    vary: tuple[str, ...] = ()
    """Settings to combine, such as learning_rate=7e-4,2e-3 value_cost=.05,.5."""
    seeds: int = 2
    """Networks per combination."""
    stages: int = 5
    """Measurements over training, at equal distances."""
    name: str = "sweep"
    """Name of the tables: data/<experiment>/sweeps/<name>.csv, and <name>_end.csv with the last stage alone."""
    data: Path = DATA
    """Data folder."""
    compile: bool = True
    """Compile the inner loops."""


def develop(configs: list[Config], varied: list[str], measure: Measure, options: Options) -> pd.DataFrame:
    """Train a population and measure it at the end of each of ``options.stages`` equal parts.

    Returns
    -------
    DataFrame
        A row per network and stage: the ``varied`` settings, steps (time steps trained, per network), and the measure.
    """
    population = Population(configs, compiled=options.compile)
    settings = pd.DataFrame([{name: getattr(config, name) for name in varied} for config in configs])
    rows = []
    stops = np.linspace(0, population.updates, options.stages + 1).round().astype(int)[1:]
    with tqdm(total=population.updates, desc=configs[0].condition, unit="update") as bar:
        for stop in stops:
            while population.done < stop:
                population.update()
                bar.update()
            steps = population.done * population.steps * population.episodes
            rows.append(settings.assign(steps=steps, **measure(population).reset_index(drop=True)))
    return pd.concat(rows, ignore_index=True)


def main(config_type: type[Config], experiment: str, measure: Measure, arguments: list[str] | None = None) -> None:
    """Command line of an experiment's sweep.py."""
    config, options = command_line(config_type, Options, f"replications.{experiment}.sweep", arguments)
    for name in ("seeds", "stages"):
        require(getattr(options, name) >= 1, name, getattr(options, name), "at least 1")
    torch.set_num_threads(1)
    configs = replicate(grid(config, options.vary), options.seeds)
    names = [field.name for field in dataclasses.fields(config_type)]
    varied = [name for name in names if len({getattr(config, name) for config in configs}) > 1 or name == "seed"]
    frame = pd.concat([develop(together, varied, measure, options) for together in populations(configs)])
    folder, about = options.data / experiment / "sweeps", provenance(configs)
    tables.write(frame, folder / f"{options.name}.csv", about=about)
    end = frame[frame["steps"] == frame["steps"].max()].drop(columns="steps")
    tables.write(end, folder / f"{options.name}_end.csv", about=about)
    by = [name for name in varied if name != "seed"]
    if by:
        print(end.drop(columns="seed").groupby(by).mean().to_string(float_format="%.3g"))
