"""Train networks on the inferred-value task (Wang et al. 2018, simulation 3).

python -m replications.inferred_value.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefrontal import training
from prefrontal.errors import require, run
from replications.inferred_value.task import TRIAL_STEPS, InferredValueTask

STATED_VALUE_COST = 0.05
"""Weight beta_v of the paper (Methods, "Learning")."""


@dataclass(frozen=True)
class Config(training.Config):
    """Settings of the inferred-value networks; what is not listed here is the paper's default (Methods, "Learning").

    An episode of these settings is a session of ``blocks`` blocks; a block is what the paper calls an episode. The LSTM
    state is carried through a session, and starts each session from the learned initial state.
    """

    episodes: int = 1_000
    """Training sessions; times ``blocks`` = 100,000 blocks, 2e6 steps (Methods, simulation 3)."""
    blocks: int = 100
    """Blocks per session; 1 resets the LSTM state at the start of every block (not stated)."""
    block_trials: int = 5
    """Trials per block (Methods, simulation 3: 5 trials, 20 steps)."""
    unroll: int = 200
    """Longest unroll in time steps (Methods, simulation 3: 200, ten blocks)."""
    learning_rate: float = 2e-3
    """RMSProp learning rate (paper: 7e-4; see README for what it does)."""
    value_cost: float = 0.5
    """Weight beta_v of the value gradient (paper: 0.05, at which training ends before all values follow reversals)."""
    init_scale: float = 2.5
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated)."""
    switch: float = 0.5
    """Probability that the rewarded cue switches at the start of a block (Methods, simulation 3: 0.5)."""
    invalid_response: Literal["abort", "repeat", "continue"] = "abort"
    """After an invalid response the trial ends, its step is repeated, or it runs on unpaid (not stated)."""
    response: Literal["saccade", "cue"] = "saccade"
    """Step at which the response to the cue is asked for (not stated)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("blocks", "block_trials"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        require(0 <= self.switch <= 1, "switch", self.switch, "a probability between 0 and 1")

    @property
    def variant(self) -> str:
        """Whether the LSTM state is carried over blocks, and whether the value cost is the paper's."""
        name = "carried" if self.blocks > 1 else "reset"
        return name + ("_stated_value_cost" if self.value_cost == STATED_VALUE_COST else "")

    def task(self) -> InferredValueTask:
        """Build the task."""
        return InferredValueTask(self.blocks, self.block_trials, self.switch, self.invalid_response, self.response)

    def reward_range(self) -> tuple[float, float]:
        """Reward per session of random actions (trials aborted at the first invalid one), and of valid responses."""
        steps = self.blocks * self.block_trials * TRIAL_STEPS
        # Two of three actions are invalid at fixation (after 1 step) and at the saccade (after 3 steps).
        random_reward, random_steps = -2 / 3 - 2 / 9 + 0.5 / 9, 2 / 3 + 3 * 2 / 9 + TRIAL_STEPS / 9
        return random_reward / random_steps * steps, 0.5 / TRIAL_STEPS * steps


RESET: dict[str, Any] = {"blocks": 1, "episodes": 100_000, "episodes_per_update": 10, "rms_epsilon": 1e-6}
"""State reset at every block, with the same 200 steps in an update: ten blocks side by side. Their losses are averaged where
one unroll of ten blocks sums them, which RMSProp's normalisation undoes exactly once epsilon is a tenth as large."""

VARIANTS: tuple[dict[str, Any], ...] = ({}, RESET, {"value_cost": STATED_VALUE_COST}, {"network_input": "rpe"})

if __name__ == "__main__":
    run(lambda: training.main(Config, "inferred_value", VARIANTS))
