"""Two-armed bandits (Wang et al. 2016, arXiv 1611.05763; Wang et al. 2018, Fig. 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from prefrontal.task import State


@dataclass(frozen=True)
class BanditTask:
    """Pull one of two arms that pay 1 with a probability of their own, fixed within an episode.

    ``arms`` says where the probabilities come from: "independent" draws both from U[0, 1]; "correlated" draws the left one
    and gives the right one the rest, p_right = 1 - p_left; "fixed" takes ``p_left`` and ``p_right``. A trial is one time
    step; the observation is the trial's index as a share of the episode.
    """

    arms: str = "independent"
    trials: int = 100
    p_left: float = 0.5
    p_right: float = 0.5

    observations: ClassVar[tuple[str, ...]] = ("trial",)
    actions = ("left", "right")
    periods = ("choice",)
    begin_noise = 2
    step_noise = 1

    @property
    def episode_steps(self) -> int:
        """One time step per trial."""
        return self.trials

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes with new reward probabilities."""
        left, right = noise[..., 0], noise[..., 1]
        if self.arms == "correlated":
            right = 1 - left
        elif self.arms == "fixed":
            left, right = torch.full_like(left, self.p_left), torch.full_like(right, self.p_right)
        zero = torch.zeros_like(left, dtype=torch.int64)
        state: State = {
            "trial": zero,
            "period": zero,
            "over": zero > 0,
            "p_left": left,
            "p_right": right,
            "choice": zero - 1,
            "reward": torch.zeros_like(left),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm in every episode."""
        probability = torch.where(action == 0, state["p_left"], state["p_right"])
        reward = (noise[..., 0] < probability).to(noise.dtype)
        trial = state["trial"] + 1
        after = state | {"trial": trial, "over": trial >= self.trials, "choice": action, "reward": reward}
        return after, self._observe(after), reward

    def target(self, state: State) -> Tensor:
        """The better arm."""
        return (state["p_right"] > state["p_left"]).long()

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, reward and reward probabilities of the trials that just ended."""
        return {name: state[name].numpy() for name in ("choice", "reward", "p_left", "p_right")}

    def _observe(self, state: State) -> Tensor:
        return (state["trial"].to(state["p_left"].dtype) / self.trials)[..., None]
