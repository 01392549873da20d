"""Record the trained networks, weights frozen, on the two-step task (Methods, simulation 4: 300 test episodes).

python -m replications.two_step.record --help
"""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal import recording
from prefrontal.tables import Recording
from replications.two_step.conditions import MAIN


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Record every condition on the task of its training."""
    for condition in networks.conditions:
        yield networks(condition).record(episodes if condition == MAIN else max(1, episodes // 3))


if __name__ == "__main__":
    recording.main(__file__)
