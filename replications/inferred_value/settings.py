"""Settings of inferred value, its networks and its analyses (Wang et al. 2018, simulation 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from prefrontal.settings import (
    Count,
    NetworkSettings,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    from prefrontal.task import Task
    from replications.inferred_value.task import InferredValueTask

TRIAL_STEPS = 4
"""Time steps of a trial: fixation, cue, saccade, reward (Methods, simulation 3)."""


@validated
class InferredValue(TaskSettings):
    """Settings of the inferred-value task.

    An episode of these settings is a session of ``blocks`` blocks; a block is what the paper calls
    an episode. The network's state is carried through a session.
    """

    blocks: Count = 100
    """Blocks per session; 1 resets the network's state at the start of every block (not stated)."""
    block_trials: Count = 5
    """Trials per block (Methods, simulation 3: 5 trials, 20 steps)."""
    switch: Probability = 0.5
    """Probability that the rewarded cue switches at the start of a block (Methods, simulation 3:
    0.5)."""
    invalid_response: Literal["abort", "repeat", "continue"] = "abort"
    """After an invalid response the trial ends, its step is repeated, or it runs on unpaid (not
    stated)."""
    response: Literal["saccade", "cue"] = "saccade"
    """Step that requires the response: one step after the cue appears, or at once (not stated)."""

    def build(self) -> InferredValueTask:
        """Build the task."""
        from replications.inferred_value.task import InferredValueTask

        return InferredValueTask(self)

    @property
    def session_steps(self) -> int:
        """Time steps of a session."""
        return self.blocks * self.block_trials * TRIAL_STEPS

    @property
    def hazard(self) -> float:
        """Mean probability of a switch per trial."""
        return self.switch / self.block_trials

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """A test session, with fewer blocks than in training."""
        blocks = self.blocks if self.blocks == 1 else SESSION_BLOCKS + WARM_UP_BLOCKS
        return {"test_session": replace(self, blocks=blocks).build}

    def reward_range(self) -> tuple[float, float]:
        """Reward per session of random actions (aborted when invalid), and of valid responses."""
        # Two of three actions are invalid at fixation (after 1 step) and the saccade (3 steps).
        random_reward, random_steps = -2 / 3 - 2 / 9 + 0.5 / 9, 2 / 3 + 3 * 2 / 9 + TRIAL_STEPS / 9
        return (
            random_reward / random_steps * self.session_steps,
            0.5 / TRIAL_STEPS * self.session_steps,
        )


SETTINGS = Settings(
    task=InferredValue(),
    network=NetworkSettings(init_scale=2.5),  # not stated
    training=TrainingSettings(
        episodes=1_000,  # times 100 blocks = 100,000 blocks, 2e6 steps (Methods, simulation 3)
        unroll=200,  # ten blocks (Methods, simulation 3)
        value_cost=0.5,  # stated: 0.05, at which training ends before all values follow reversals
    ),
)

CHOSEN = {
    "learning_rate": SETTINGS.training.learning_rate,
    "value_cost": SETTINGS.training.value_cost,
    "init_scale": SETTINGS.network.init_scale,
}
STATED = CHOSEN | {"value_cost": TrainingSettings().value_cost}
"""Settings compared over training, by column of the sweep: ours, and the paper's learning rate and
value cost (Methods, "Learning") with our initial weights, which are not stated; evidence.md."""

MAIN, RESET, RPE = "carried", "reset", "carried_rpe"
VARIANTS: Variants = {
    MAIN: {},
    RESET: {
        "task.blocks": 1,
        "training.episodes": 100_000,
        "training.episodes_per_update": 10,
        "training.rms_epsilon": 1e-6,
    },
    "carried_stated_value_cost": {"training.value_cost": STATED["value_cost"]},
    RPE: {"network.input": "rpe"},
}
"""Network state carried through a session of many blocks, or reset at every block. ``RESET`` has
the same 200 steps in an update: ten blocks in parallel. Their losses are averaged, whereas one
unroll of ten blocks sums them; RMSProp's normalisation cancels this exactly if epsilon is a tenth
as large."""

OBSERVERS = {"observer: boundary known": True, "observer: constant hazard": False}
"""The ideal observers, and whether they know where blocks begin."""

TEST_EPISODES = 100
"""Test sessions per network, which makes 1,200 blocks (Methods, simulation 3: 1,200 episodes)."""
SESSION_BLOCKS = 12
"""Analysed blocks of a test session; the warm-up blocks come before them."""
WARM_UP_BLOCKS = 3
"""First blocks of a test session, left out: a session starts from the initial network state."""

PERIODS = ["fixation", "cue", "saccade", "reward"]
DRAWN = PERIODS[:3]
"""Steps of Fig. 4b."""
PANELS = ["before", "experienced", "inferred"]
"""Columns of Fig. 4b: the reversal trial, and the next one with the same cue or the other."""
ROLES = ["old cue", "new cue"]
"""The cue rewarded before the reversal, and the one rewarded after it."""
SERIES = dict(
    zip(("cue rewarded prior to reversal", "cue rewarded after reversal"), ROLES, strict=True)
)
"""Names of the roles in the digitised panels."""
