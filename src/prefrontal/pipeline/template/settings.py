"""Settings of the task of NAME, its networks and its analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefrontal.settings import (
    Count,
    NetworkSettings,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    validated,
)

if TYPE_CHECKING:
    from replications.NAME.task import Arms


@validated
class ArmsSettings(TaskSettings):
    """Settings of the task: one of two arms pays more often than the other."""

    trials: Count = 20
    """Trials per episode."""
    rich: Probability = 0.9
    """Reward probability of the better arm; the other has 1 - rich."""

    def build(self) -> Arms:
        """Build the task."""
        from replications.NAME.task import Arms

        return Arms(self)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and of an agent that knows the better arm."""
        return 0.5 * self.trials, max(self.rich, 1 - self.rich) * self.trials


SETTINGS = Settings(
    task=ArmsSettings(),
    network=NetworkSettings(),
    training=TrainingSettings(episodes=3_000, episodes_per_update=10, learning_rate=5e-3),
)

MAIN = "default"
VARIANTS: dict[str, dict[str, Any]] = {MAIN: {}}
"""Variant -> settings that differ from SETTINGS, such as {"task.rich": 0.7}; the main one first."""
