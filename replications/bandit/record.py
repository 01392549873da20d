"""Record the trained networks, weights frozen, on two-armed bandits (Wang et al. 2018, Fig. 1c-f).

Column ``test`` says what is tested: problems "fixed" in advance, "drawn" as in training, or single episodes as an "example".
``p_left`` and ``p_right`` tell the problem.

python -m replications.bandit.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from prefrontal import recording
from prefrontal.tables import Recording
from replications.bandit.conditions import CORRELATED, EXAMPLES, FOLLOWED_EPISODES, INDEPENDENT_EXAMPLES, MAIN, PROBLEMS
from replications.bandit.task import BanditTask


def thinned(recorded: Recording) -> Recording:
    """Keep activity at every trial of a few episodes, and at the last trial of all."""
    activity = recorded.activity
    kept = (activity["episode"] < FOLLOWED_EPISODES) | (activity["trial"] == activity["trial"].max())
    return replace(recorded, activity=activity[kept])


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Trials of all networks, and activity of those of either main condition."""
    examples = {CORRELATED: [(left, 1 - left) for left in EXAMPLES], MAIN: INDEPENDENT_EXAMPLES}
    for condition in networks.conditions:
        trained = networks(condition)
        trials = trained.task.episode_steps
        for left, right in (order for problem in PROBLEMS.values() for order in (problem, problem[::-1])):
            task = BanditTask("fixed", trials, left, right)
            yield trained.record(episodes, task, columns={"test": "fixed"}, steps=False)
        if condition not in examples:
            yield trained.record(episodes, columns={"test": "drawn"}, steps=False)
            continue
        kept: dict[str, Any] = {"steps": False, "activity_periods": ("choice",)}
        yield thinned(trained.record(episodes, columns={"test": "drawn"}, **kept))
        for left, right in examples[condition]:
            task, columns = BanditTask("fixed", trials, left, right), {"test": "example", "p_left": np.float32(left)}
            yield trained.record(1, task, columns=columns, **kept)


if __name__ == "__main__":
    recording.main(__file__)
