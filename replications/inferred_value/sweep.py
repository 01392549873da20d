"""Follow reward prediction errors over training, for every combination of settings that the paper leaves open.

Reward says little here, since a valid response needs no knowledge of which cue pays. The sweep therefore stops training
at regular intervals, freezes the weights, and measures the cue's reward prediction error around reversals.

python -m replications.inferred_value.sweep --name rates --seeds 2 --vary learning_rate=7e-4,2e-3 value_cost=.05,.5
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import tyro

from prefrontal import tables
from prefrontal.errors import require, run
from prefrontal.paths import DATA
from prefrontal.recording import NetworkAgent, record
from prefrontal.training import NUMERIC, Population, grid
from replications.inferred_value.analysis import PANELS, WARM_UP_BLOCKS, cue_differences, reversal_rpes
from replications.inferred_value.train import Config

VALIDATION_SESSIONS, VALIDATION_BLOCKS = 40, WARM_UP_BLOCKS + 8


@dataclass(frozen=True)
class Options:
    """What to sweep."""

    vary: tuple[str, ...] = ()
    """Settings to combine, such as learning_rate=7e-4,2e-3 value_cost=.05,.5."""
    seeds: int = 2
    """Networks per combination."""
    stages: int = 10
    """Measurements over training, at equal distances."""
    name: str = "sweep"
    """Name of the table, data/inferred_value/sweeps/<name>.csv; <name>_end.csv has its last stage alone."""
    data: Path = DATA
    """Data folder."""


def measure(population: Population) -> pd.DataFrame:
    """Old minus new cue's RPE on trials 1 and 2 of reversed blocks, and reward per trial; one row per network."""
    carried = population.configs[0].blocks > 1
    task = dataclasses.replace(population.task, blocks=VALIDATION_BLOCKS if carried else 1)
    sessions = VALIDATION_SESSIONS if carried else VALIDATION_SESSIONS * VALIDATION_BLOCKS
    agent = NetworkAgent(population.network, population.costs.reward_scale)
    index = list(range(len(population.configs)))
    recording = record(
        agent, task, index, "validation", sessions, discount=population.costs.discount.tolist(), purpose="validation sessions"
    )
    trials, steps = recording.trials, recording.steps
    rpes = reversal_rpes(trials, steps, WARM_UP_BLOCKS if carried else 0)
    wide = cue_differences(rpes).set_index("seed").reindex(index)[PANELS]
    return wide.assign(reward=trials.groupby("seed").reward.mean())


def develop(configs: list[Config], stages: int) -> pd.DataFrame:
    """Train a population and measure it at the end of each of ``stages`` equal parts."""
    population = Population(list(configs))
    varied = [f.name for f in dataclasses.fields(Config) if len({getattr(c, f.name) for c in configs}) > 1 or f.name == "seed"]
    settings = pd.DataFrame([{name: getattr(config, name) for name in varied} for config in configs])
    rows = []
    for stop in np.linspace(0, population.updates, stages + 1).round().astype(int)[1:]:
        while population.done < stop:
            population.update()
        steps = population.done * population.steps * population.episodes
        rows.append(settings.assign(steps=steps, **measure(population)))
        print(rows[-1].drop(columns="seed").groupby([n for n in varied if n != "seed"] or "steps").mean().to_string(), flush=True)
    return pd.concat(rows, ignore_index=True)


def main(config: Config, options: Options) -> None:
    """Sweep numeric settings together, structural ones one after the other."""
    require(options.seeds >= 1, "seeds", options.seeds, "at least 1")
    torch.set_num_threads(1)
    points = grid(config, options.vary)
    configs = [dataclasses.replace(point, seed=point.seed + k) for point in points for k in range(options.seeds)]
    structure = [name for name in (f.name for f in dataclasses.fields(Config)) if name not in (*NUMERIC, "seed")]
    groups: dict[tuple, list[Config]] = {}
    for one in configs:
        groups.setdefault(tuple(getattr(one, name) for name in structure), []).append(one)
    frames = []
    for key, group in groups.items():
        about = {n: v for n, v in zip(structure, key, strict=True) if len({k[structure.index(n)] for k in groups}) > 1}
        frames.append(develop(group, options.stages).assign(**about))
    about = tables.provenance(json.dumps([one.json() for one in configs]), sorted({one.seed for one in configs}))
    frame = pd.concat(frames, ignore_index=True)
    folder = options.data / "inferred_value" / "sweeps"
    tables.write(frame, folder / f"{options.name}.csv", about=about)
    end = frame[frame["steps"] == frame["steps"].max()].drop(columns="steps")
    tables.write(end, folder / f"{options.name}_end.csv", about=about)


if __name__ == "__main__":
    Plain = tyro.conf.OmitArgPrefixes

    def command(config: Annotated[Config, Plain], options: Annotated[Options, Plain]) -> None:
        """Sweep the settings that the paper leaves open."""
        main(config, options)

    run(lambda: tyro.cli(command))
