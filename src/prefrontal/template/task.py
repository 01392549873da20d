"""The task of NAME, for a start: one of two arms pays more often than the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from prefrontal.task import State


@dataclass(frozen=True)
class ArmsTask:
    """Pull one of two arms; the better one, drawn for each episode, pays with probability ``rich``, the other with 1 - ``rich``.

    A trial is one time step; the observation is the trial's index as a share of the episode.
    """

    trials: int = 20
    rich: float = 0.9

    observations = ("trial",)
    actions = ("left", "right")
    periods = ("choice",)
    begin_noise = 1
    step_noise = 1

    @property
    def episode_steps(self) -> int:
        """One time step per trial."""
        return self.trials

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes, each with its better arm."""
        better = (noise[..., 0] < 0.5).long()
        zero = torch.zeros_like(better)
        reward = torch.zeros_like(noise[..., 0])
        state = {"trial": zero, "period": zero, "over": zero > 0, "better_arm": better, "choice": zero - 1, "reward": reward}
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm in every episode."""
        probability = torch.where(action == state["better_arm"], self.rich, 1 - self.rich)
        reward = (noise[..., 0] < probability).to(noise.dtype)
        trial = state["trial"] + 1
        after = state | {"trial": trial, "over": trial >= self.trials, "choice": action, "reward": reward}
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of the trials that just ended."""
        return {name: state[name].numpy() for name in ("choice", "reward", "better_arm")}

    def _observe(self, state: State) -> Tensor:
        return (state["trial"] / self.trials).to(state["reward"].dtype)[..., None]
