"""Train networks on the volatile bandit (Wang et al. 2018, simulation 2).

python -m replications.volatile_bandit.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefrontal import training
from prefrontal.errors import require, run
from replications.volatile_bandit.task import VolatileBanditTask

RANDOM_REWARD = 25.0
"""Points per trial of random choice: mean magnitude 50, paid every other time."""

ORACLE_REWARD = {"tied": 43.80, "untied": 38.18}
"""Points per trial of a subject that knows the running reward probability and chooses the larger expected reward."""


FAST_RATE = 5e-4
"""RMSProp learning rate of a variant, ten times the paper's."""


@dataclass(frozen=True)
class Config(training.Config):
    """Settings of the volatile-bandit networks; what is not listed here is the paper's default (Methods, "Learning")."""

    generator: Literal["tied", "untied"] = "tied"
    """How training episodes change: reward probability tied to volatility, or not (Methods, simulation 2)."""
    episodes: int = 40_000
    """Training episodes (Methods, simulation 2: 40,000)."""
    trials: int = 200
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
    volatility: float = 0.2
    """Probability per trial that the reward probability changes in volatile periods (Methods, simulation 2: 0.2)."""
    log_hazard_low: float = -4.5
    """Lowest natural log of the probability per trial that the volatility changes (Methods, simulation 2: -4.5)."""
    log_hazard_high: float = -3.5
    """Highest natural log of that probability (Methods, simulation 2: -3.5)."""
    magnitude_scale: float = 0.01
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
        require(self.trials >= 1, "trials", self.trials, "at least 1")
        require(0 <= self.volatility <= 1, "volatility", self.volatility, "a probability between 0 and 1")
        low, high = self.log_hazard_low, self.log_hazard_high
        require(low <= high <= 0, "log_hazard_high", high, "a log probability, log_hazard_low or more and at most 0")

    @property
    def variant(self) -> str:
        """Short name: the training generator, and whether the learning rate is that of the fast variant."""
        return self.generator + ("_fast" if self.learning_rate == FAST_RATE else "")

    def task(self) -> VolatileBanditTask:
        """Build the training task."""
        return VolatileBanditTask(
            schedule=self.generator,
            trials=self.trials,
            volatility=self.volatility,
            log_hazard_low=self.log_hazard_low,
            log_hazard_high=self.log_hazard_high,
            magnitude_scale=self.magnitude_scale,
        )

    def reward_range(self) -> tuple[float, float]:
        """Points per episode of random choice, and of an oracle that knows the running reward probability."""
        return RANDOM_REWARD * self.trials, ORACLE_REWARD[self.generator] * self.trials


VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"learning_rate": FAST_RATE},
    {"generator": "untied", "snapshots": 0},
    {"network_input": "rpe", "snapshots": 0},
)

if __name__ == "__main__":
    run(lambda: training.main(Config, "volatile_bandit", VARIANTS))
