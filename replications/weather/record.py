"""Record the trained networks, weights frozen, on weather as in training and on longer patterns.

Predictor and betting networks with the same seed get the same sequences.
"""

from __future__ import annotations

from collections.abc import Iterator

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.weather.settings import TESTS, Weather
from replications.weather.task import WeatherTask


def record(networks: Networks, episodes: int) -> Iterator[Recording[Weather]]:
    """Record every variant in every test."""
    for variant in networks.variants:
        trained = networks(variant)
        for test, problem in TESTS.items():
            task = WeatherTask(trained.settings.task, **problem)
            yield trained.record(episodes, task, columns={"test": test})
