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
from replications.two_step.train import VARIANTS, Config


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 300
    """Test episodes per network (Methods, simulation 4: 300); a third of them for variants of the trial."""


def main(options: Options) -> None:
    """Write trials and steps of the networks of all variants."""
    folder, seeds = options.data / "two_step", list(range(options.seeds))
    recorded, used = [], []
    for variant in VARIANTS:
        condition = Config(**variant).condition
        agent, configs = training.load_agent(folder / "networks", Config, condition, seeds)
        discount = [config.discount for config in configs]
        episodes = max(1, options.episodes // 3) if variant else options.episodes
        recorded.append(recording.record(agent, configs[0].task(), seeds, condition, episodes, discount=discount))
        used += configs
    recording.write(recording.join(recorded), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
