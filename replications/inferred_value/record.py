"""Record the trained networks, weights frozen, on the inferred-value task (Methods, simulation 3: 1,200 test episodes).

Two ideal observers play the same task, so that every analysis runs on them too.

python -m replications.inferred_value.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from prefrontal.networks import load, record

pass  # moved
from prefrontal.tables.recording import Recording
from replications.inferred_value.observer import IdealObserver
from replications.inferred_value.variants import MAIN, OBSERVERS, SESSION_BLOCKS, WARM_UP_BLOCKS


def sessions(task: Any, episodes: int, blocks: int = SESSION_BLOCKS) -> tuple[Any, int]:
    """Arrange test blocks in sessions, each after a warm-up; in as many single blocks where the state is reset."""
    return (task, episodes * blocks) if task.blocks == 1 else (replace(task, blocks=blocks + WARM_UP_BLOCKS), episodes)


def record(networks: load.Networks, episodes: int) -> Iterator[Recording]:
    """Record all networks, units of those that see the reward, and the observers on the task of the main networks."""
    for variant in networks.variants:
        trained = networks(variant)
        task, count = sessions(trained.task, episodes)
        # The units of the networks that see reward prediction errors are not analysed.
        yield trained.record(count, task, activity_periods=task.periods if trained.config.network_input == "reward" else ())
    main = networks(MAIN)
    task, count = sessions(main.task, episodes)
    for name, boundary_known in OBSERVERS.items():
        observer = IdealObserver(task, boundary_known, main.config.discount)
        seen = record.record(observer, task, [0], name, count, discount=main.config.discount)
        yield replace(seen, settings={name: main.config.settings()})


if __name__ == "__main__":
    load.main(__file__)
