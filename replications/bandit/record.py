"""Record the trained networks, weights frozen, on two-armed bandits (Wang et al. 2018, Fig. 1c-f).

Column ``test`` says what is tested: problems "fixed" in advance, "drawn" as in training, or single episodes as an "example".
``p_left`` and ``p_right`` tell the problem.

python -m replications.bandit.record --help
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prefrontal import recording
from prefrontal.tables import Recording
from replications.bandit.conditions import CORRELATED, EXAMPLES, PROBLEMS
from replications.bandit.task import BanditTask


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Trials of all networks, and activity of those trained on correlated arms, whose payoffs one number tells."""
    for condition in networks.conditions:
        trained = networks(condition)
        trials = trained.task.episode_steps
        for left, right in (order for problem in PROBLEMS.values() for order in (problem, problem[::-1])):
            task = BanditTask("fixed", trials, left, right)
            yield trained.record(episodes, task, columns={"test": "fixed"}, steps=False)
        kept = ("choice",) if condition == CORRELATED else ()
        yield trained.record(episodes, columns={"test": "drawn"}, steps=False, activity_periods=kept)
        for left in EXAMPLES if condition == CORRELATED else ():
            task, columns = BanditTask("fixed", trials, left, 1 - left), {"test": "example", "p_left": np.float32(left)}
            yield trained.record(1, task, columns=columns, steps=False, activity_periods=kept)


if __name__ == "__main__":
    recording.main(__file__)
