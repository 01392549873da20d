"""Record the trained networks, weights frozen (Methods, simulation 1: 500 test episodes)."""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.probability_matching.settings import RPE, Matching
from replications.probability_matching.task import MatchingTask


def record(networks: Networks, episodes: int) -> Iterator[Recording[Matching]]:
    """Record all networks on all baselines, and units at fixation of those that are analysed."""
    for variant in networks.variants:
        trained = networks(variant)
        periods, task = ("fixation",), MatchingTask(trained.settings.task, "all")
        if variant == RPE:
            yield trained.record(episodes, task, steps=False)
        else:
            yield trained.record(episodes, task, activity_periods=periods)
