"""Record the trained networks, weights frozen, with the activity of their units."""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.daw_two_step.settings import BEHAVIOUR, UNIT_EPISODES, UNITS, DawTwoStep


def record(networks: Networks, episodes: int) -> Iterator[Recording[DawTwoStep]]:
    """Record choices of every variant, and unit activity in the first episodes."""
    for variant in networks.variants:
        trained = networks(variant)
        yield trained.record(episodes, steps=False, columns={"test": BEHAVIOUR})
        yield trained.record(
            min(episodes, UNIT_EPISODES),
            steps=False,
            columns={"test": UNITS},
            activity_periods=trained.task.periods,
        )
