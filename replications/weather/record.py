"""Record the trained networks, weights frozen, on weather as in training and on patterns that they never met.

Predictor and betting networks of the same seed meet the same sequences.

python -m replications.weather.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from prefrontal import recording
from prefrontal.tables import Recording
from replications.weather.conditions import TESTS
from replications.weather.train import Config


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Days and policies of every condition, on every test."""
    for condition in networks.conditions:
        trained = networks(condition)
        assert isinstance(trained.config, Config)
        for test, settings in TESTS.items():
            yield trained.record(episodes, replace(trained.config.task(), **settings), columns={"test": test})


if __name__ == "__main__":
    recording.main(__file__)
