"""Record networks, untrained networks and control agents in the same mazes, weights frozen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prefrontal.networks.load import Networks
from prefrontal.networks.play import Agent
from prefrontal.networks.record import record as record_agent
from prefrontal.tables.recording import Recording
from prefrontal.training.batch import NetworkBatch
from replications.planning.agents import SearchAgent
from replications.planning.settings import (
    GREEDY,
    LONG,
    MAIN,
    NONE,
    SEARCH,
    THINKING,
    UNTRAINED,
    Maze,
)
from replications.planning.task import MazeTask


def record(networks: Networks, episodes: int) -> Iterator[Recording[Maze]]:
    """Record every agent after every thinking time, and activity before the first move."""
    trained = [networks(variant) for variant in networks.variants]
    main = next(each for each in trained if each.variant == MAIN)
    untrained = NetworkBatch(main.batch, compiled=False).agent
    for thinking in THINKING:
        task = MazeTask(main.settings.task, thinking, held_out=True)
        options: dict[str, Any] = {"steps": False}
        if thinking in (NONE, LONG):
            options["activity_periods"] = ("first move",)
        for each in trained:
            yield each.record(episodes, task, **options)
        others: dict[str, Agent] = {
            UNTRAINED: untrained,
            SEARCH: SearchAgent(task),
            GREEDY: SearchAgent(task, searches=False),
        }
        for name, agent in others.items():
            yield record_agent(agent, task, main.seeds, name, episodes, **options)
