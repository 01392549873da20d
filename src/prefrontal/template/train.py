"""Train networks on NAME.

python -m replications.NAME.train --help
"""

from __future__ import annotations

from dataclasses import dataclass

from prefrontal import config, train
from replications.NAME.task import ArmsTask


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the networks of NAME; what is not listed here is the paper's default."""

    episodes: int = 3_000
    """Training episodes; a small budget, for a start."""
    episodes_per_update: int = 10
    """Episodes played side by side and averaged in one update."""
    learning_rate: float = 5e-3
    """RMSProp learning rate."""
    trials: int = config.count(20)
    """Trials per episode."""
    rich: float = config.share(0.9)
    """Reward probability of the better arm; the other has 1 - rich."""

    def task(self) -> ArmsTask:
        """Build the task."""
        return ArmsTask(self.trials, self.rich)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and of an agent that knows the better arm."""
        return 0.5 * self.trials, max(self.rich, 1 - self.rich) * self.trials


if __name__ == "__main__":
    train.main(__file__)
