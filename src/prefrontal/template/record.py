"""Record the trained networks of NAME, weights frozen.

python -m replications.NAME.record --help
"""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal import recording
from prefrontal.tables import Recording


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Record every condition on the task of its training."""
    for condition in networks.conditions:
        yield networks(condition).record(episodes)


if __name__ == "__main__":
    recording.main(__file__)
