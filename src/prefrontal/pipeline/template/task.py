"""The task of NAME, a starting point: one of two arms pays more often."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from prefrontal.task import State, Task
from replications.NAME.settings import ArmsSettings


class Arms(Task):
    """Pull one of two arms; the better one, drawn for each episode, pays with probability ``rich``.

    A trial is one time step; the observation is the fraction of the episode that is over.

    Parameters
    ----------
    settings : ArmsSettings
    """

    observations = ("time",)
    actions = ("left", "right")
    periods = ("choice",)
    reset_noise = 1
    step_noise = 1

    def __init__(self, settings: ArmsSettings) -> None:
        self.settings = settings

    @property
    def episode_steps(self) -> int:
        """One time step per trial."""
        return self.settings.trials

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes, each with its better arm."""
        better = (noise[..., 0] < 0.5).long()
        zero = torch.zeros_like(better)
        state: State = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
            "better_arm": better,
            "choice": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm in every episode."""
        rich = self.settings.rich
        probability = torch.where(action == state["better_arm"], rich, 1 - rich)
        reward = (noise[..., 0] < probability).to(noise.dtype)
        trial = state["trial"] + 1
        done = trial >= self.settings.trials
        after = state | {"trial": trial, "done": done, "choice": action, "reward": reward}
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of the trials that just ended."""
        return {name: state[name].numpy() for name in ("choice", "reward", "better_arm")}

    def _observe(self, state: State) -> Tensor:
        return (state["trial"] / self.settings.trials).to(state["reward"].dtype)[..., None]
