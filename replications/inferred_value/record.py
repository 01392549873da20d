"""Record the trained networks, weights frozen, on the inferred-value task (Methods, simulation 3: 1,200 test episodes).

Two ideal observers play the same task, so that every analysis runs on them too.

python -m replications.inferred_value.record --help
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import tyro

from prefrontal import recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.inferred_value.analysis import OBSERVERS, WARM_UP_BLOCKS
from replications.inferred_value.observer import IdealObserver
from replications.inferred_value.task import InferredValueTask
from replications.inferred_value.train import VARIANTS, Config

SESSION_BLOCKS = 12
"""Analysed blocks of a test session; the warm-up blocks before them come on top."""


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks per variant, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 1_200
    """Test blocks per network, the paper's episodes, beside the warm-up (Methods, simulation 3: 1,200)."""


def sessions(task: InferredValueTask, blocks: int) -> tuple[InferredValueTask, int]:
    """Arrange ``blocks`` test blocks in sessions: single blocks where the state is reset, else with a warm-up each."""
    if task.blocks == 1:
        return task, blocks
    return dataclasses.replace(task, blocks=SESSION_BLOCKS + WARM_UP_BLOCKS), math.ceil(blocks / SESSION_BLOCKS)


def main(options: Options) -> None:
    """Write trials, steps and unit activity of the networks of all variants, and behaviour of the observers."""
    folder, seeds = options.data / "inferred_value", list(range(options.seeds))
    recordings, used = [], []
    for variant in VARIANTS:
        condition = Config(**variant).condition
        agent, configs = training.load_agent(folder / "networks", Config, condition, seeds)
        task, count = sessions(configs[0].task(), options.episodes)
        discount = [config.discount for config in configs]
        # The units of the networks that see reward prediction errors are not analysed.
        periods = task.periods if configs[0].network_input == "reward" else ()
        recordings.append(recording.record(agent, task, seeds, condition, count, discount=discount, activity_periods=periods))
        used += configs
    task, count = sessions(Config().task(), options.episodes)
    for condition, boundary_known in OBSERVERS.items():
        recordings.append(recording.record(IdealObserver(task, boundary_known), task, [0], condition, count))
    recording.write(recording.join(recordings), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
