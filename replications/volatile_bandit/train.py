"""Train networks on the volatile bandit (Wang et al. 2018, simulation 2).

python -m replications.volatile_bandit.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from prefrontal import config, train
from prefrontal.errors import require
from replications.volatile_bandit.task import VolatileBanditTask

RANDOM_REWARD = 25.0
"""Points per trial of random choice: mean magnitude 50, paid every other time."""


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the volatile-bandit networks; what is not listed here is the paper's default (Methods, "Learning")."""

    generator: Literal["tied", "untied"] = "tied"
    """How training episodes change: reward probability tied to volatility, or not (Methods, simulation 2)."""
    episodes: int = 40_000
    """Training episodes (Methods, simulation 2: 40,000)."""
    trials: int = config.count(200)
    """Trials per episode (Methods, simulation 2: 200)."""
    unroll: int = 200
    """Longest unroll in time steps (Methods: between 100 and 300, by task; here the episode)."""
    learning_rate: float = 5e-5
    """RMSProp learning rate (Methods, simulation 2: 5e-5)."""
    discount: float = 0.1
    """Discount factor per time step (Methods, simulation 2: 0.1)."""
    entropy_cost: float = 1.0
    """Weight beta_e at the start of training (Methods, simulation 2: 1)."""
    entropy_cost_end: float | None = 0.0
    """Weight beta_e at the end of training, approached linearly (Methods, simulation 2: 0)."""
    volatility: float = config.share(0.2)
    """Probability per trial that the reward probability changes in volatile periods (Methods, simulation 2: 0.2)."""
    better_stable: float = config.share(0.75)
    """Reward probability of the better arm in stable periods of tied episodes (Methods, simulation 2: 0.75)."""
    better_volatile: float = config.share(1.0)
    """Reward probability of the better arm in their volatile periods (Methods, simulation 2: 1)."""
    log_hazard_low: float = config.number(-4.5)
    """Lowest natural log of the probability per trial that the volatility changes (Methods, simulation 2: -4.5)."""
    log_hazard_high: float = config.number(-3.5)
    """Highest natural log of that probability (Methods, simulation 2: -3.5)."""
    magnitude_scale: float = config.number(0.01)
    """Factor on the magnitudes (0 to 100 points) that the network is shown (not stated)."""
    reward_scale: float = 0.1
    """Factor on the rewards (0 to 100 points) that the network sees and learns from (not stated)."""
    init_scale: float = 2.5
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated)."""
    output_scale: float = 3.0
    """Initial policy and value weights in the same units (not stated)."""
    snapshots: int = 10
    """Times during training, evenly spaced, at which the weights are kept, for the learning rates over training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.log_hazard_low, self.log_hazard_high
        require(low <= high <= 0, "log_hazard_high", high, "a log probability, log_hazard_low or more and at most 0")

    def task(self) -> VolatileBanditTask:
        """Build the training task."""
        return config.build(VolatileBanditTask, self.settings())

    def reward_range(self) -> tuple[float, float]:
        """Points per episode of random choice, and of an oracle that knows the running reward probability.

        Either kind of tied period is as frequent as the other; the reward probability of untied ones is uniform.
        """
        grid = (np.arange(100) + 0.5) / 100
        probabilities = grid if self.generator == "untied" else (self.better_stable, self.better_volatile)
        points = 100 * stats.beta(4, 4).ppf(grid)
        oracle = np.mean([np.maximum(p * points[:, None], (1 - p) * points) for p in probabilities])
        return RANDOM_REWARD * self.trials, float(oracle) * self.trials


if __name__ == "__main__":
    train.main(__file__)
