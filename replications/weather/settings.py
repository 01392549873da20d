"""Settings of the weather task, its networks and its tests (beyond the paper)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from prefrontal.settings import (
    Count,
    NetworkSettings,
    Settings,
    TaskSettings,
    TrainingSettings,
    validated,
)

if TYPE_CHECKING:
    from prefrontal.task import Task
    from replications.weather.task import WeatherTask


@validated
class Weather(TaskSettings):
    """Settings of the weather task."""

    days: Count = 100
    """Days per sequence."""

    def build(self) -> WeatherTask:
        """Build the training task."""
        from replications.weather.task import WeatherTask

        return WeatherTask(self)

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """Patterns that never occurred in training."""
        from replications.weather.task import WeatherTask

        return {"longer_patterns": partial(WeatherTask, self, **TESTS[OUTSIDE])}

    @property
    def late(self) -> int:
        """Day, from 0, from which predictions are evaluated: the second half of a sequence."""
        return self.days // 2

    @property
    def late_days(self) -> str:
        """Days that are evaluated, counted from 1, as in "51-100"."""
        return f"{self.late + 1}-{self.days}"

    def reward_range(self) -> tuple[float, float]:
        """Days guessed right per sequence by chance, and by the exact mixture."""
        from replications.weather.task import best_guesses

        return 0.5 * self.days, best_guesses(self)


SETTINGS = Settings(
    task=Weather(),
    network=NetworkSettings(),
    training=TrainingSettings(
        episodes=160_000,
        episodes_per_update=16,
        unroll=100,  # a sequence
        learning_rate=5e-3,  # evidence.md, "Choices"
        lr_decay_start=0.5,
        entropy_cost=0.05,  # as in the paper
        entropy_cost_end=0.0,  # so that bets are deterministic at the end
    ),
)

MAIN, BETS = "predictor", "bets"
"""Predictors: cross-entropy, no reward, no action. Betting networks: reinforcement learning as in
the paper, reward 1 if right."""

VARIANTS: dict[str, dict[str, Any]] = {
    MAIN: {
        "network.reward_input": False,
        "network.action_input": False,
        "training.objective": "supervised",
        "training.entropy_cost": 0.0,
        "training.entropy_cost_end": None,
    },
    BETS: {},
}
"""The learning rate of each was chosen among 7e-4, 2e-3 and 5e-3, on two networks each that are not
evaluated: the one with the largest normalised reward on validation episodes."""

TEST_EPISODES = 300
"""Test sequences per network."""

SURE = 0.6
"""The mixture is sure where it gives its better guess more than this."""

DRAWN, OUTSIDE = "drawn", "patterns of 5 and 6 days"
TESTS: dict[str, dict[str, Any]] = {
    DRAWN: {},
    OUTSIDE: {"kind": "pattern", "pattern_days": (5, 6)},
}
"""Tests: kinds of sequences as in training, and patterns that never occurred in training."""
