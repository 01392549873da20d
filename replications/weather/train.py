"""Train networks that predict the weather, or bet on it.

python -m replications.weather.train --help
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefrontal import config, train
from prefrontal.learners import weather
from prefrontal.task import NoiseStream
from replications.weather.task import WeatherTask

SEQUENCES = 2_000
"""Sequences over which the best possible accuracy is estimated."""


def sequences(task: WeatherTask, count: int, seed: int = 0) -> np.ndarray:
    """Draw sequences: (count, days), 1 rain, 0 sun."""
    noise = NoiseStream([seed], "sequences")
    state, _ = task.begin(noise.uniform(count, task.begin_noise))
    rain = []
    for _ in range(task.days):
        state, *_ = task.step(state, state["weather"], noise.uniform(count, task.step_noise))
        rain.append(state["weather"][0].numpy())
    return np.stack(rain, axis=-1)


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the weather networks; the core is the paper's."""

    episodes: int = 160_000
    """Training sequences."""
    episodes_per_update: int = 16
    """Sequences side by side."""
    unroll: int = 100
    """Longest unroll in time steps: a sequence."""
    learning_rate: float = 5e-3
    """RMSProp learning rate (README, "Deviations and choices")."""
    constant_rate: float = 0.5
    """Share of training after which the learning rate falls linearly to zero."""
    entropy_cost: float = 0.05
    """Weight beta_e at the start of training (Wang et al. 2018: 0.05)."""
    entropy_cost_end: float | None = 0.0
    """Weight beta_e at the end of training, approached linearly."""
    days: int = config.count(100)
    """Days per sequence."""

    def task(self) -> WeatherTask:
        """Build the training task."""
        return WeatherTask(self.days)

    def reward_range(self) -> tuple[float, float]:
        """Days guessed right per sequence by chance, and by the exact mixture."""
        rain = sequences(self.task(), SEQUENCES)
        p_rain = weather.mixture(rain)
        return 0.5 * self.days, float(np.where(p_rain > 0.5, rain, 1 - rain).sum(-1).mean())


if __name__ == "__main__":
    train.main(__file__)
