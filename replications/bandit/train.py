"""Train networks on two-armed bandits (Wang et al. 2018, Fig. 1; Wang et al. 2016, arXiv 1611.05763).

python -m replications.bandit.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefrontal import config, train
from prefrontal.learners import bandit
from prefrontal.task import Task
from replications.bandit.task import BanditTask


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the bandit networks; what is not listed here is the paper's default (Methods, "Learning")."""

    arms: Literal["independent", "correlated"] = "independent"
    """Training distribution: both payoffs from U[0, 1], or p_right = 1 - p_left (arXiv 1611.05763, section 3.1)."""
    episodes: int = 20_000
    """Training episodes (arXiv 1611.05763: 20,000)."""
    trials: int = config.count(100)
    """Trials per episode (arXiv 1611.05763: 100)."""
    unroll: int = 100
    """Longest unroll in time steps (arXiv 1611.05763: 100)."""
    learning_rate: float = 5e-3
    """RMSProp learning rate (paper: tuned; README, "Deviations and choices")."""
    discount: float = 0.8
    """Discount factor per time step (paper: tuned; README, "Deviations and choices")."""
    entropy_cost: float = 1.0
    """Weight beta_e at the start of training (arXiv 1611.05763: 1)."""
    entropy_cost_end: float | None = 0.0
    """Weight beta_e at the end of training, approached linearly (arXiv 1611.05763: 0)."""

    def task(self) -> Task:
        """Build the training task."""
        return BanditTask(self.arms, self.trials)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and of an oracle that knows the better arm."""
        return 0.5 * self.trials, bandit.oracle_reward(self.arms, self.trials)


if __name__ == "__main__":
    train.main(__file__)
