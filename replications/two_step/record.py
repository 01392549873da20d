"""Record the trained networks, weights frozen (Methods, simulation 4: 300 test episodes)."""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.two_step.settings import IN_TRAINING, MAIN, TwoStep


def record(networks: Networks, episodes: int) -> Iterator[Recording[TwoStep]]:
    """Record every variant on the task of its training; one of them at each stage of training."""
    third, tenth = (max(1, episodes // part) for part in (3, 10))
    for variant in networks.variants:
        trained = networks(variant)
        if variant == IN_TRAINING:
            for stage in trained.settings.training.snapshot_episodes:
                yield networks(IN_TRAINING, snapshot=stage).record(
                    tenth, columns={"trained_episodes": stage}
                )
        else:
            yield trained.record(episodes if variant == MAIN else third)
