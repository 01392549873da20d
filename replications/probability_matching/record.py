"""Record the trained networks, weights frozen, on probability matching (Methods, simulation 1: 500 test episodes).

python -m replications.probability_matching.record --help
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import tyro

from prefrontal import recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.probability_matching.train import VARIANTS, Config


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks per variant, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 500
    """Test episodes per network, over all baselines, trained and held out (Methods, simulation 1: 500)."""


def main(options: Options) -> None:
    """Write trials and steps of all networks, and their units' activity at fixation."""
    folder, seeds = options.data / "probability_matching", list(range(options.seeds))
    recordings, used = [], []
    for variant in VARIANTS:
        condition = Config(**variant).condition
        agent, configs = training.load_agent(folder / "networks", Config, condition, seeds)
        sees_reward = configs[0].network_input == "reward"  # the units of the others are not analysed
        recordings.append(
            recording.record(
                agent,
                dataclasses.replace(configs[0].task(), baselines="all"),
                seeds,
                condition,
                options.episodes,
                discount=[config.discount for config in configs],
                activity_periods=("fixation",) if sees_reward else (),
                steps=sees_reward,
            )
        )
        used += configs
    recording.write(recording.join(recordings), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
