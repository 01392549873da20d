"""Record the trained networks, weights frozen, on two-armed bandits (Wang et al. 2018, Fig. 1c-f).

The column ``test`` names the test: problems "fixed" in advance, "drawn" as in training, or single
episodes as an "example"; ``p_left`` and ``p_right`` are the reward probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.bandit.settings import (
    CORRELATED,
    EXAMPLES,
    FOLLOWED_EPISODES,
    INDEPENDENT_EXAMPLES,
    MAIN,
    PROBLEMS,
    Bandit,
)
from replications.bandit.task import BanditTask


def thinned(recorded: Recording[Bandit]) -> Recording[Bandit]:
    """Keep activity at every trial of a few episodes, and at the last trial of all."""
    activity = recorded.activity
    last_trial = activity["trial"] == activity["trial"].max()
    return replace(
        recorded, activity=activity[last_trial | (activity["episode"] < FOLLOWED_EPISODES)]
    )


def record(networks: Networks, episodes: int) -> Iterator[Recording[Bandit]]:
    """Record trials of all networks, and activity of those that see rewards."""
    examples = {CORRELATED: [(left, 1 - left) for left in EXAMPLES], MAIN: INDEPENDENT_EXAMPLES}
    for variant in networks.variants:
        trained = networks(variant)
        settings = trained.settings.task
        for problem in PROBLEMS.values():
            for order in (problem, problem[::-1]):
                task = BanditTask(settings, order)
                yield trained.record(episodes, task, columns={"test": "fixed"}, steps=False)
        if variant not in examples:
            yield trained.record(episodes, columns={"test": "drawn"}, steps=False)
            continue
        kept: dict[str, Any] = {"steps": False, "activity_periods": ("choice",)}
        yield thinned(trained.record(episodes, columns={"test": "drawn"}, **kept))
        for problem in examples[variant]:
            columns = {"test": "example", "p_left": np.float32(problem[0])}
            yield trained.record(1, BanditTask(settings, problem), columns=columns, **kept)
