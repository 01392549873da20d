"""Train networks on probability matching (Wang et al. 2018, simulation 1).

python -m replications.probability_matching.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from prefrontal import config, train
from prefrontal.errors import require
from prefrontal.learners import matching
from replications.probability_matching.task import MatchingTask, held_out


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the matching networks; what is not listed here is the paper's default (Methods, "Learning")."""

    episodes: int = 15_000
    """Training episodes (Methods, simulation 1: about 15,000)."""
    shortest: int = config.count(50)
    """Trials of the shortest episode (Methods, simulation 1: 50)."""
    longest: int = config.count(100)
    """Trials of the longest episode (Methods, simulation 1: 100)."""
    baseline_sum: float = config.share(0.5)
    """Baselines of both sides together (Methods, simulation 1: 0.5)."""
    learning_rate: float = 2e-3
    """RMSProp learning rate (paper: 7e-4, at which these networks are unfinished; README, "Deviations and choices")."""
    discount: float = 0.75
    """Discount factor per time step (Methods, simulation 1: 0.75)."""
    steps_per_trial: Literal[2, 3] = 2
    """Time steps per trial: fixation and choice; 3 adds one that shows the reward (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.longest >= self.shortest, "longest", self.longest, f"at least shortest, {self.shortest}")

    def task(self) -> MatchingTask:
        """Build the training task."""
        return MatchingTask(
            "trained", self.shortest, self.longest, self.steps_per_trial, self.invalid_response, self.baseline_sum
        )

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of choosing by coin toss, and of the best cycle that knows the baselines."""
        left = np.linspace(0, self.baseline_sum, 501)
        left = left[~held_out(left, self.baseline_sum)]
        trials, right = (self.shortest + self.longest) / 2, self.baseline_sum - left
        rates = matching.coin_toss(left, right), matching.best_cycle(left, right)["reward"]
        return trials * float(rates[0].mean()), trials * float(rates[1].mean())


if __name__ == "__main__":
    train.main(__file__)
