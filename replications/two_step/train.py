"""Train networks on the two-step task (Wang et al. 2018, simulation 4).

python -m replications.two_step.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefrontal import config, train
from prefrontal.learners import two_step
from replications.two_step.task import TwoStepTask


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the two-step networks; what is not listed here is the paper's default (Methods, "Learning")."""

    episodes: int = 10_000
    """Training episodes (Methods, simulation 4: 10,000)."""
    init_scale: float = 2.5
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated; README, "Deviations and choices")."""
    output_scale: float = 3.0
    """Initial policy and value weights in the same units (not stated; README, "Deviations and choices")."""
    trials: int = config.count(TwoStepTask.trials)
    """Trials per episode (Methods, simulation 4: 100)."""
    common: float = config.share(TwoStepTask.common)
    """Probability of the common transition (Methods, simulation 4: 0.8)."""
    rich: float = config.share(TwoStepTask.rich)
    """Reward probability of the rich second-stage state; the poor one has 1 - rich (Methods, simulation 4: 0.9)."""
    reversal: float = config.share(TwoStepTask.reversal)
    """Probability per trial that rich and poor state swap (Methods, simulation 4: 0.025)."""
    steps_per_trial: Literal[2, 3] = 3
    """Time steps per trial: fixation, stage 1, stage 2; 2 leaves out fixation (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""
    stage_2_response: Literal["any", "side"] = "any"
    """Stage 2 accepts any action, or asks for left or right (not stated)."""

    def task(self) -> TwoStepTask:
        """Build the task."""
        return config.build(TwoStepTask, self.settings())

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of the best planner (0.706 per trial at the paper's settings)."""
        return two_step.reward_range(self.settings())


if __name__ == "__main__":
    train.main(__file__)
