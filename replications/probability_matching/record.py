"""Record the trained networks, weights frozen, on probability matching (Methods, simulation 1: 500 test episodes).

python -m replications.probability_matching.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from prefrontal import recording
from prefrontal.tables import Recording


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Record all networks on all baselines, and units at fixation of those that see the reward."""
    for condition in networks.conditions:
        trained = networks(condition)
        analysed = trained.config.network_input == "reward"  # the units of the others are not
        task: Any = trained.task
        task = replace(task, baselines="all")
        yield trained.record(episodes, task, activity_periods=("fixation",) if analysed else (), steps=analysed)


if __name__ == "__main__":
    recording.main(__file__)
