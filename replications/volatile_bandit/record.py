"""Record the trained networks, weights frozen, on the volatile bandit (Methods, simulation 2: 400 test episodes).

python -m replications.volatile_bandit.record --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from prefrontal import recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from prefrontal.recording import NetworkAgent, Tables
from replications.volatile_bandit.task import VolatileBanditTask
from replications.volatile_bandit.train import VARIANTS, Config

TRAINING_EPISODES = "training generator"
"""Condition of the networks of the figure when they play episodes of the training generator."""


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 400
    """Test episodes per network (Methods, simulation 2: 400); half of them for variants, a quarter for snapshots."""


def test_task(config: Config) -> VolatileBanditTask:
    """Human test schedule, shown to the network as its training episodes were."""
    return VolatileBanditTask("test", magnitude_scale=config.magnitude_scale)


def record_figure(folder: Path, seeds: list[int], episodes: int) -> tuple[list[Tables], list[Config]]:
    """Record the networks of the figure, with activity, once more on episodes of the training generator, and as they were."""
    agent, configs = training.load_agent(folder / "networks", Config, Config().condition, seeds)
    discount = [config.discount for config in configs]
    main = recording.record(
        agent, test_task(configs[0]), seeds, configs[0].condition, episodes, discount=discount, activity_periods=("choice",)
    )
    own = recording.record(agent, configs[0].task(), seeds, TRAINING_EPISODES, max(1, episodes // 2), steps=False)
    return [main, own, *record_snapshots(folder, configs, max(1, episodes // 4))], configs


def record_variant(folder: Path, config: Config, seeds: list[int], episodes: int) -> tuple[list[Tables], list[Config]]:
    """Record the networks of a variant of the training on the test schedule, at the end of training and as they were."""
    agent, configs = training.load_agent(folder / "networks", Config, config.condition, seeds)
    end = recording.record(agent, test_task(configs[0]), seeds, config.condition, max(1, episodes // 2), steps=False)
    return [end, *record_snapshots(folder, configs, max(1, episodes // 4))], configs


def record_snapshots(folder: Path, configs: list[Config], episodes: int) -> list[Tables]:
    """Record networks as they were during training; the condition names the episodes trained."""
    task, scale = test_task(configs[0]), torch.tensor([config.reward_scale for config in configs])
    seeds, parts = [config.seed for config in configs], []
    for trained in configs[0].snapshot_episodes:
        network = training.load_networks(folder / "snapshots" / str(trained), configs[0].condition, seeds, task)
        agent = NetworkAgent(network, scale)
        condition = f"{configs[0].condition} after {trained} episodes"
        parts.append(recording.record(agent, task, seeds, condition, episodes, steps=False))
    return parts


def main(options: Options) -> None:
    """Write trials of all networks, and steps and activity of those of the figure."""
    folder, seeds = options.data / "volatile_bandit", list(range(options.seeds))
    recorded, configs = record_figure(folder, seeds, options.episodes)
    used = list(configs)
    for variant in VARIANTS[1:]:
        tables, own = record_variant(folder, Config(**variant), seeds, options.episodes)
        recorded += tables
        used += own
    recording.write(recording.join(recorded), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
