"""Train actor and critic networks on the safe and the risky arm (Wang et al. 2018, simulation 6).

python -m replications.dopamine_manipulation.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefrontal import config, train
from prefrontal.errors import require
from replications.dopamine_manipulation.task import RiskTask


@dataclass(frozen=True)
class Config(config.Config):
    """Settings of the risk networks; what is not listed here is the paper's default (Methods, "Learning")."""

    episodes: int = 66_667
    """Training episodes: 4e6 steps of 60 each (Methods, simulation 6)."""
    init_scale: float = 2.5
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated; README, "Deviations and choices")."""
    output_scale: float = 3.0
    """Initial policy and value weights in the same units (not stated; README, "Deviations and choices")."""
    network_input: Literal["reward", "rpe"] = "rpe"
    """Two LSTMs; the actor sees the critic's reward prediction error in place of the reward (Methods, simulation 6)."""
    safe_reward: float = config.number(1.0)
    """Reward of the safe arm (Methods, simulation 6: 1)."""
    risky_reward: float = config.number(4.0)
    """Reward of a win on the risky arm (Methods, simulation 6: 4)."""
    p_low: float = config.share(0.125)
    """Lower of the two probabilities that the risky arm may pay with, drawn per episode (Methods, simulation 6: 0.125)."""
    p_high: float = config.share(0.5)
    """Higher of the two (Methods, simulation 6: 0.5)."""
    forced_trials: int = config.setting(10, lambda x: x >= 0 and x % 2 == 0, "even, and 0 or more")
    """Trials at the start of an episode, in pairs of one pull of each arm (Methods, simulation 6: 10)."""
    free_trials: int = config.count(20)
    """Trials of free choice that follow (Methods, simulation 6: 20)."""
    forced_pull: Literal["cued", "imposed"] = "cued"
    """In a forced trial one arm is shown and only a response to it is valid, or any response to a side pulls it (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.network_input == "rpe", "network_input", self.network_input, "'rpe', for there to be an error to change")
        require(self.p_low < self.p_high, "p_high", self.p_high, "above p_low")
        require(self.reward_scale == 1, "reward_scale", self.reward_scale, "1: manipulations are in the task's units of reward")

    def task(self) -> RiskTask:
        """Build the task."""
        return config.build(RiskTask, self.settings())

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of an oracle that knows the better arm."""
        risky = [self.risky_reward * p for p in (self.p_low, self.p_high)]
        random = (self.safe_reward + sum(risky) / len(risky)) / 2
        best = sum(max(self.safe_reward, value) for value in risky) / len(risky)
        trials = self.forced_trials + self.free_trials
        return trials * random, self.forced_trials * random + self.free_trials * best


if __name__ == "__main__":
    train.main(__file__)
