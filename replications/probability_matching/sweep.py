"""Follow behaviour over training, for every combination of settings that the paper leaves open.

Reward hardly tells strategies apart here: the best cycle pays a fifth more than a coin toss. The sweep therefore stops training
at regular intervals, freezes the weights, and measures matching and the weights of history as in Fig. 2.

python -m replications.probability_matching.sweep --name rates --seeds 2 --vary learning_rate=7e-4,2e-3
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
from replications.probability_matching.analysis import episode_points, history_weights, rewards, slopes
from replications.probability_matching.train import Config

VALIDATION_EPISODES = 200
REPORTED = (("reward", 1), ("reward", 3), ("choice", 1))
"""Signal and lag of the history weights in the table."""


@dataclass(frozen=True)
class Options:
    """What to sweep."""

    vary: tuple[str, ...] = ()
    """Settings to combine, such as learning_rate=7e-4,2e-3 steps_per_trial=2,3."""
    seeds: int = 2
    """Networks per combination."""
    stages: int = 5
    """Measurements over training, at equal distances."""
    name: str = "sweep"
    """Name of the table, data/probability_matching/sweeps/<name>.csv."""
    data: Path = DATA
    """Data folder."""


def measure(population: Population) -> pd.DataFrame:
    """Matching slope, history weights and reward on validation episodes with all baselines; one row per network."""
    task = dataclasses.replace(population.task, baselines="all")
    agent = NetworkAgent(population.network, population.costs.reward_scale)
    index = list(range(len(population.configs)))
    trials = record(agent, task, index, "validation", VALIDATION_EPISODES, steps=False, purpose="validation episodes").trials
    slope = slopes(episode_points(trials)).query("baselines == 'all'").set_index("seed")["slope"]
    weights = history_weights(trials).set_index(["signal", "lag", "seed"])["weight"]
    chosen = {f"{signal}_lag_{lag}": weights[signal, lag] for signal, lag in REPORTED}
    reward = rewards(trials).set_index("seed")[["share_of_gain", "invalid"]]
    return reward.assign(slope=slope, **chosen).reindex(index)


def develop(configs: list[Config], stages: int) -> pd.DataFrame:
    """Train a population and measure it at the end of each of ``stages`` equal parts."""
    population = Population(configs)
    varied = [f.name for f in dataclasses.fields(Config) if len({getattr(c, f.name) for c in configs}) > 1 or f.name == "seed"]
    settings = pd.DataFrame([{name: getattr(config, name) for name in varied} for config in configs])
    rows = []
    for stop in np.linspace(0, population.updates, stages + 1).round().astype(int)[1:]:
        while population.done < stop:
            population.update()
        episodes = round(population.done / population.updates * configs[0].episodes)
        rows.append(settings.assign(training_episodes=episodes, **measure(population)))
        by = [name for name in varied if name != "seed"] or ["training_episodes"]
        print(rows[-1].drop(columns="seed").groupby(by).mean().to_string(float_format="%.3g"), flush=True)
    return pd.concat(rows, ignore_index=True)


def main(config: Config, options: Options) -> None:
    """Sweep numeric settings together, structural ones one after the other."""
    require(options.seeds >= 1, "seeds", options.seeds, "at least 1")
    require(options.stages >= 1, "stages", options.stages, "at least 1")
    torch.set_num_threads(1)
    points = grid(config, options.vary)
    configs = [dataclasses.replace(point, seed=point.seed + k) for point in points for k in range(options.seeds)]
    structure = [f.name for f in dataclasses.fields(Config) if f.name not in (*NUMERIC, "seed")]
    groups: dict[tuple, list[Config]] = {}
    for one in configs:
        groups.setdefault(tuple(getattr(one, name) for name in structure), []).append(one)
    frames = []
    for key, group in groups.items():
        about = {n: v for n, v in zip(structure, key, strict=True) if len({k[structure.index(n)] for k in groups}) > 1}
        print(about, flush=True)
        frames.append(develop(group, options.stages).assign(**about))
    about = tables.provenance(json.dumps([one.json() for one in configs]), sorted({one.seed for one in configs}))
    frame = pd.concat(frames, ignore_index=True)
    tables.write(frame, options.data / "probability_matching" / "sweeps" / f"{options.name}.csv", about=about)


if __name__ == "__main__":
    Plain = tyro.conf.OmitArgPrefixes

    def command(config: Annotated[Config, Plain], options: Annotated[Options, Plain]) -> None:
        """Sweep the settings that the paper leaves open."""
        main(config, options)

    run(lambda: tyro.cli(command))
