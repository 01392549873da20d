"""Record the trained networks, weights frozen, on the volatile bandit (Methods, simulation 2)."""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.volatile_bandit.settings import GENERATOR, HUMAN, MAIN, VolatileBandit
from replications.volatile_bandit.task import HumanScheduleTask


def record(networks: Networks, episodes: int) -> Iterator[Recording[VolatileBandit]]:
    """Record every variant on the human schedule, the main one also on its own task."""
    half, quarter = (max(1, episodes // part) for part in (2, 4))
    for variant in networks.variants:
        trained, main = networks(variant), variant == MAIN
        human = HumanScheduleTask(trained.settings.task)
        columns, periods = {"test": HUMAN}, ("choice",) if main else ()
        count = episodes if main else half
        yield trained.record(count, human, columns=columns, activity_periods=periods, steps=False)
        if main:
            yield trained.record(half, columns={"test": GENERATOR}, steps=False)
        for stage in trained.settings.training.snapshot_episodes:
            earlier = networks(variant, snapshot=stage)
            stage_columns = columns | {"trained_episodes": stage}
            yield earlier.record(quarter, human, columns=stage_columns, steps=False)
