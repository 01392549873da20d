"""Record the trained networks, weights frozen, with the activity of their units."""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.daw_two_step.settings import DawTwoStep


def record(networks: Networks, episodes: int) -> Iterator[Recording[DawTwoStep]]:
    """Record every variant on the task of its training."""
    for variant in networks.variants:
        yield networks(variant).record(episodes)
