"""Record the trained networks of NAME, weights frozen."""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.NAME.settings import ArmsSettings


def record(networks: Networks, episodes: int) -> Iterator[Recording[ArmsSettings]]:
    """Record every variant on the task of its training."""
    for variant in networks.variants:
        yield networks(variant).record(episodes)
