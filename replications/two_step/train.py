"""Train networks on the two-step task (Wang et al. 2018, simulation 4).

python -m replications.two_step.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefrontal import training
from prefrontal.errors import require, run
from replications.two_step.task import TwoStepTask


@dataclass(frozen=True)
class Config(training.Config):
    """Settings of the two-step networks; what is not listed here is the paper's default (Methods, "Learning")."""

    episodes: int = 10_000
    """Training episodes (Methods, simulation 4: 10,000)."""
    init_scale: float = 2.5
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated; README, "Deviations and choices")."""
    output_scale: float = 3.0
    """Initial policy and value weights in the same units (not stated; README, "Deviations and choices")."""
    trials: int = 100
    """Trials per episode (Methods, simulation 4: 100)."""
    common: float = 0.8
    """Probability of the common transition (Methods, simulation 4: 0.8)."""
    rich: float = 0.9
    """Reward probability of the rich second-stage state; the poor one has 1 - rich (Methods, simulation 4: 0.9)."""
    reversal: float = 0.025
    """Probability per trial that rich and poor state swap (Methods, simulation 4: 0.025)."""
    steps_per_trial: Literal[2, 3] = 3
    """Time steps per trial: fixation, stage 1, stage 2; 2 leaves out fixation (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""
    stage_2_response: Literal["any", "side"] = "any"
    """Stage 2 accepts any action, or asks for left or right (not stated)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.trials >= 1, "trials", self.trials, "at least 1")
        for name in ("common", "rich", "reversal"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a probability between 0 and 1")

    @property
    def variant(self) -> str:
        """What departs from the default trial: "default", "2_steps", "repeat", "side" or several of them."""
        names = [f"{self.steps_per_trial}_steps", self.invalid_response, self.stage_2_response]
        departures = [name for name in names if name not in ("3_steps", "abort", "any")]
        return "+".join(departures) or "default"

    def task(self) -> TwoStepTask:
        """Build the task."""
        return TwoStepTask(
            trials=self.trials,
            common=self.common,
            rich=self.rich,
            reversal=self.reversal,
            steps_per_trial=self.steps_per_trial,
            invalid_response=self.invalid_response,
            stage_2_response=self.stage_2_response,
        )

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of the best planner (0.706 per trial at the paper's settings)."""
        return 0.5 * self.trials, 0.706 * self.trials


VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"steps_per_trial": 2},
    {"invalid_response": "repeat"},
    {"stage_2_response": "side"},
    {"network_input": "rpe"},
)
"""The networks of Fig. 5, one departure from each choice that the paper leaves open about the trial, and reward prediction errors
in place of reward as input."""

if __name__ == "__main__":
    run(lambda: training.main(Config, "two_step", VARIANTS))
