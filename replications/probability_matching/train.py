"""Train networks on probability matching (Wang et al. 2018, simulation 1).

python -m replications.probability_matching.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from prefrontal import training
from prefrontal.errors import require, run
from prefrontal.learners import matching
from replications.probability_matching.task import MatchingTask, held_out

STATED_RATE = 7e-4
"""Learning rate that the paper states (Methods, "Learning")."""


@dataclass(frozen=True)
class Config(training.Config):
    """Settings of the matching networks; what is not listed here is the paper's default (Methods, "Learning")."""

    episodes: int = 15_000
    """Training episodes (Methods, simulation 1: about 15,000)."""
    shortest: int = 50
    """Trials of the shortest episode (Methods, simulation 1: 50)."""
    longest: int = 100
    """Trials of the longest episode (Methods, simulation 1: 100)."""
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
        require(self.shortest >= 1, "shortest", self.shortest, "at least 1")
        require(self.longest >= self.shortest, "longest", self.longest, f"at least shortest, {self.shortest}")

    @property
    def variant(self) -> str:
        """How long a trial is, and whether the rate is the stated one."""
        return f"{self.steps_per_trial}_steps" + ("_stated_rate" if self.learning_rate == STATED_RATE else "")

    def task(self) -> MatchingTask:
        """Build the training task."""
        return MatchingTask("trained", self.shortest, self.longest, self.steps_per_trial, self.invalid_response)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of choosing by coin toss, and of the best cycle that knows the baselines."""
        baselines = np.linspace(0, 0.5, 501)
        baselines = baselines[~held_out(baselines)]
        trials = (self.shortest + self.longest) / 2
        rates = matching.coin_toss(baselines), matching.best_cycle(baselines)["reward"]
        return trials * float(rates[0].mean()), trials * float(rates[1].mean())


VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"steps_per_trial": 3, "episodes": 10_000},
    {"learning_rate": STATED_RATE},
    {"network_input": "rpe"},
)
"""The networks of Fig. 2, the longer trial with as many time steps in all, the stated learning rate, and reward prediction errors
in place of reward as input."""

if __name__ == "__main__":
    run(lambda: training.main(Config, "probability_matching", VARIANTS))
