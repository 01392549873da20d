"""Ideal observers of the inferred-value task: the prediction errors of optimal inference.

Both know the task's structure, so a single outcome reveals which cue pays. They differ in what they
know about time: one knows where blocks begin, and the probability of a switch there; the other
assumes the same probability of a switch before every trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from prefrontal.task import one_hot
from replications.inferred_value.settings import TRIAL_STEPS
from replications.inferred_value.task import (
    CENTRE,
    CUE,
    FIXATION,
    LEFT,
    REWARD,
    SACCADE,
    InferredValueTask,
)


@dataclass(frozen=True)
class Belief:
    """Memory of an observer: time step, and P(left cue pays), (network, episode)."""

    time: int
    left_pays: Tensor


@dataclass(frozen=True)
class IdealObserver:
    """An agent that responds validly in every trial and values states by exact inference.

    Attributes
    ----------
    task : InferredValueTask
        The observer knows its structure.
    boundary_known : bool
        True if it knows where blocks begin; otherwise it assumes a constant hazard rate.
    discount : float
        Per time step.
    """

    task: InferredValueTask
    boundary_known: bool
    discount: float

    def reset(self, seeds: int, episodes: int) -> Belief:
        """Start without a preference."""
        return Belief(0, torch.full((seeds, episodes), 0.5))

    def step(
        self, memory: Belief, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Belief, Tensor, Tensor, None]:
        """Advance by one time step."""
        period = memory.time % TRIAL_STEPS
        left_pays = memory.left_pays
        if period == FIXATION:
            left_pays = self._expect(left_pays, memory.time // TRIAL_STEPS)
        elif period == REWARD:
            # The saccade went to the cue, which paid or not: either way this reveals which cue
            # pays.
            left_pays = ((last_action == LEFT) == (last_reward > 0)).to(left_pays.dtype)
        cue = observation[..., 2].long()
        action = cue if period in (CUE, SACCADE) else torch.full_like(cue, CENTRE)
        value = self._value(period, torch.where(cue == LEFT, left_pays, 1 - left_pays))
        policy = one_hot(action, len(self.task.actions))
        return replace(memory, time=memory.time + 1, left_pays=left_pays), policy, value, None

    def _expect(self, left_pays: Tensor, trial: int) -> Tensor:
        """Carry the belief over to the next trial."""
        settings = self.task.settings
        if self.boundary_known:
            hazard = settings.switch if trial % settings.block_trials == 0 else 0.0
        else:
            hazard = settings.hazard
        return left_pays * (1 - hazard) + (1 - left_pays) * hazard

    def _value(self, period: int, pays: Tensor) -> Tensor:
        """Discounted reward to come, given the probability that the cue in view pays.

        Cues are equally frequent and one of them pays, so the value at fixation does not depend on
        the belief.
        """
        gamma = self.discount
        fixation = gamma**SACCADE * 0.5 / (1 - gamma**TRIAL_STEPS)
        later = gamma ** (TRIAL_STEPS - period) * fixation
        if period in (CUE, SACCADE):
            return gamma ** (SACCADE - period) * pays + later
        return torch.full_like(pays, fixation if period == FIXATION else later)
