"""Record the trained networks, weights frozen, on the two-step task (Methods, simulation 4: 300 test episodes).

python -m replications.two_step.record --help
"""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal import recording
from prefrontal.tables import Recording
from replications.two_step.conditions import MAIN, TRAINING


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Record every condition on the task of its training, one of them as its networks were at each stage of it."""
    third, tenth = (max(1, episodes // part) for part in (3, 10))
    for condition in networks.conditions:
        trained = networks(condition)
        if condition == TRAINING:
            for stage in trained.config.snapshot_episodes:
                yield networks(TRAINING, snapshot=stage).record(tenth, columns={"trained_episodes": stage})
        else:
            yield trained.record(episodes if condition == MAIN else third)


if __name__ == "__main__":
    recording.main(__file__)
