"""Record the trained networks, weights frozen, on the volatile bandit (Methods, simulation 2).

python -m replications.volatile_bandit.record --help
"""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal import config, recording
from prefrontal.tables import Recording
from replications.volatile_bandit.conditions import GENERATOR, HUMAN, HUMAN_SCHEDULE, MAIN
from replications.volatile_bandit.task import VolatileBanditTask


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Yield all networks on the human schedule, those of the figure with activity, then on their own task, and as they were."""
    half, quarter = (max(1, episodes // part) for part in (2, 4))
    for condition in networks.conditions:
        trained, main = networks(condition), condition == MAIN
        # Magnitudes are shown as they were in training.
        human = config.build(VolatileBanditTask, trained.config.settings() | HUMAN_SCHEDULE)
        activity = ("choice",) if main else ()
        yield trained.record(episodes if main else half, human, columns={"test": HUMAN}, activity_periods=activity, steps=False)
        if main:
            yield trained.record(half, columns={"test": GENERATOR}, steps=False)
        for stage in trained.config.snapshot_episodes:
            columns = {"test": HUMAN, "trained_episodes": stage}
            yield networks(condition, snapshot=stage).record(quarter, human, columns=columns, steps=False)


if __name__ == "__main__":
    recording.main(__file__)
