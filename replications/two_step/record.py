"""Record the trained networks, weights frozen, on the two-step task (Methods, simulation 4: 300 test episodes).

python -m replications.two_step.record --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from prefrontal import recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.two_step.train import Config


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 300
    """Test episodes per network (Methods, simulation 4: 300)."""


def main(options: Options) -> None:
    """Write trials and steps of all networks."""
    folder, seeds = options.data / "two_step", list(range(options.seeds))
    agent, configs = training.load_agent(folder / "networks", Config, "default", seeds)
    discount = [config.discount for config in configs]
    recorded = recording.record(agent, configs[0].task(), seeds, "default", options.episodes, discount=discount)
    recording.write(recorded, folder, training.provenance(configs))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
