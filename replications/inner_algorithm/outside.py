"""Bandits outside the range of the training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.task import State
from replications.bandit.task import BanditTask


@dataclass(frozen=True)
class OutsideTask(BanditTask):
    """The bandit with payoffs from U[low, high], whose arms change places before trial ``swap_at``, counted from 0 (-1: never).

    What is observed is, as in the training, the trial's index as a share of the episode, however long that is.
    """

    low: float = 0.0
    high: float = 1.0
    swap_at: int = -1

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes."""
        return super().reset(self.low + (self.high - self.low) * noise)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Let the arms change places if it is time, and pull one."""
        swaps = state["trial"] == self.swap_at
        left, right = state["p_left"], state["p_right"]
        swapped = {"p_left": torch.where(swaps, right, left), "p_right": torch.where(swaps, left, right)}
        return super().step(state | swapped, action, noise)
