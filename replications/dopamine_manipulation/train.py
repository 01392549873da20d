"""Train actor and critic networks on the safe and the risky arm (Wang et al. 2018, simulation 6).

python -m replications.dopamine_manipulation.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefrontal import training
from prefrontal.errors import require, run
from replications.dopamine_manipulation.task import RISKY_PROBABILITIES, RISKY_REWARD, SAFE_REWARD, RiskTask


@dataclass(frozen=True)
class Config(training.Config):
    """Settings of the risk networks; what is not listed here is the paper's default (Methods, "Learning")."""

    episodes: int = 66_667
    """Training episodes: 4e6 steps of 60 each (Methods, simulation 6)."""
    init_scale: float = 2.5
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated; README, "Deviations and choices")."""
    output_scale: float = 3.0
    """Initial policy and value weights in the same units (not stated; README, "Deviations and choices")."""
    network_input: Literal["reward", "rpe"] = "rpe"
    """Two LSTMs; the actor sees the critic's reward prediction error in place of the reward (Methods, simulation 6)."""
    forced_pull: Literal["cued", "imposed"] = "cued"
    """In a forced trial one arm is shown and only a response to it is valid, or any response to a side pulls it (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.network_input == "rpe", "network_input", self.network_input, "'rpe', for there to be an error to change")
        require(self.reward_scale == 1, "reward_scale", self.reward_scale, "1: manipulations are in the task's units of reward")

    @property
    def variant(self) -> str:
        """What departs from the default."""
        return self.forced_pull + ("_repeat" if self.invalid_response == "repeat" else "")

    def task(self) -> RiskTask:
        """Build the task."""
        return RiskTask(forced_pull=self.forced_pull, invalid_response=self.invalid_response)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of an oracle that knows the better arm."""
        task = self.task()
        risky = [RISKY_REWARD * p for p in RISKY_PROBABILITIES]
        random = (SAFE_REWARD + sum(risky) / len(risky)) / 2
        best = sum(max(SAFE_REWARD, value) for value in risky) / len(risky)
        return task.trials * random, task.forced_trials * random + task.free_trials * best


VARIANTS: tuple[dict[str, Any], ...] = ({}, {"forced_pull": "imposed"})
"""The networks of Fig. 7, and the other way to force a pull."""

if __name__ == "__main__":
    run(lambda: training.main(Config, "dopamine_manipulation", VARIANTS))
