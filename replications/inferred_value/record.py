"""Record the trained networks, weights frozen (Methods, simulation 3: 1,200 test episodes).

Two ideal observers play the same task, so that every analysis also applies to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from prefrontal.networks.load import Networks
from prefrontal.networks.record import record as record_agent
from prefrontal.tables.recording import Recording
from replications.inferred_value.observer import IdealObserver
from replications.inferred_value.settings import (
    MAIN,
    OBSERVERS,
    RPE,
    SESSION_BLOCKS,
    WARM_UP_BLOCKS,
    InferredValue,
)
from replications.inferred_value.task import InferredValueTask


def sessions(
    settings: InferredValue, episodes: int, blocks: int = SESSION_BLOCKS
) -> tuple[InferredValueTask, int]:
    """Arrange test blocks in sessions; return the task and the number of sessions.

    Each session begins with a warm-up; where the state is reset, a session is a single block.
    """
    if settings.blocks == 1:
        return settings.build(), episodes * blocks
    return replace(settings, blocks=blocks + WARM_UP_BLOCKS).build(), episodes


def record(networks: Networks, episodes: int) -> Iterator[Recording[InferredValue]]:
    """Record all networks, the analysed units, and the observers on the main task, if its networks
    are there."""
    for variant in networks.variants:
        trained = networks(variant)
        task, count = sessions(trained.settings.task, episodes)
        periods = () if variant == RPE else task.periods
        yield trained.record(count, task, activity_periods=periods)
    if MAIN not in networks.variants:
        return
    settings = networks(MAIN).settings
    (task, count), discount = sessions(settings.task, episodes), settings.training.discount
    for name, boundary_known in OBSERVERS.items():
        observer = IdealObserver(task, boundary_known, discount)
        played = record_agent(observer, task, [0], name, count, discount=discount)
        yield replace(played, settings={name: settings})
