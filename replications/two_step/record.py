"""Record the trained networks, weights frozen, on the two-step task (Methods, simulation 4: 300 test episodes).

python -m replications.two_step.record --help
"""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal import recording
from prefrontal.tables import Recording
from replications.two_step.conditions import MAIN, TRAINED, TRAINING


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Record every condition on the task of its training, one of them as its networks were at each stage of it."""
    third, tenth = (max(1, episodes // part) for part in (3, 10))
    for condition in [name for name in TRAINED if name != TRAINING]:
        yield networks(condition).record(episodes if condition == MAIN else third)
    for stage in networks(TRAINING).config.snapshot_episodes:
        yield networks(TRAINING, snapshot=stage).record(tenth, columns={"trained_episodes": stage})


if __name__ == "__main__":
    recording.main(__file__)
