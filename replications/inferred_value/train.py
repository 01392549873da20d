"""Train networks on the inferred-value task (Wang et al. 2018, simulation 3).

python -m replications.inferred_value.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefrontal import settings
from prefrontal.training import loop
from replications.inferred_value.task import TRIAL_STEPS, InferredValueTask
from replications.inferred_value.variants import CHOSEN


@dataclass(frozen=True)
class Config(settings.Config):
    """Settings of the inferred-value networks; what is not listed here is the paper's default (Methods, "Learning").

    An episode of these settings is a session of ``blocks`` blocks; a block is what the paper calls an episode. The LSTM
    state is carried through a session, and starts each session from the learned initial state.
    """

    episodes: int = 1_000
    """Training sessions; times ``blocks`` = 100,000 blocks, 2e6 steps (Methods, simulation 3)."""
    blocks: int = settings.count(100)
    """Blocks per session; 1 resets the LSTM state at the start of every block (not stated)."""
    block_trials: int = settings.count(5)
    """Trials per block (Methods, simulation 3: 5 trials, 20 steps)."""
    unroll: int = 200
    """Longest unroll in time steps (Methods, simulation 3: 200, ten blocks)."""
    value_cost: float = CHOSEN["value_cost"]
    """Weight beta_v of the value gradient (paper: 0.05, at which training ends before all values follow reversals)."""
    init_scale: float = CHOSEN["init_scale"]
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated)."""
    switch: float = settings.share(0.5)
    """Probability that the rewarded cue switches at the start of a block (Methods, simulation 3: 0.5)."""
    invalid_response: Literal["abort", "repeat", "continue"] = "abort"
    """After an invalid response the trial ends, its step is repeated, or it runs on unpaid (not stated)."""
    response: Literal["saccade", "cue"] = "saccade"
    """Step at which the response to the cue is asked for (not stated)."""

    def task(self) -> InferredValueTask:
        """Build the task."""
        return InferredValueTask(self.blocks, self.block_trials, self.switch, self.invalid_response, self.response)

    def reward_range(self) -> tuple[float, float]:
        """Reward per session of random actions (trials aborted at the first invalid one), and of valid responses."""
        steps = self.blocks * self.block_trials * TRIAL_STEPS
        # Two of three actions are invalid at fixation (after 1 step) and at the saccade (after 3 steps).
        random_reward, random_steps = -2 / 3 - 2 / 9 + 0.5 / 9, 2 / 3 + 3 * 2 / 9 + TRIAL_STEPS / 9
        return random_reward / random_steps * steps, 0.5 / TRIAL_STEPS * steps


if __name__ == "__main__":
    loop.main(__file__)
