"""The bandit with the environment as memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.task import State
from replications.bandit.task import BanditTask


@dataclass(frozen=True)
class VisibleBanditTask(BanditTask):
    """The bandit of replications/bandit, whose arms show what they last brought: 1 paid, -1 did not, 0 not yet pulled."""

    observations = ("trial", "left's last outcome", "right's last outcome")

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes: nothing to be seen yet."""
        state, _ = super().reset(noise)
        state["outcomes"] = torch.zeros_like(noise[..., :1]).expand(*noise.shape[:-1], 2).contiguous()
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm, which then shows its outcome."""
        after, _, reward = super().step(state, action, noise)
        pulled = action[..., None] == torch.arange(2, device=action.device)
        after["outcomes"] = torch.where(pulled, 2 * reward[..., None] - 1, state["outcomes"])
        return after, self._observe(after), reward

    def _observe(self, state: State) -> Tensor:
        shown = super()._observe(state)
        return torch.cat([shown, state["outcomes"]], dim=-1) if "outcomes" in state else shown
