"""The bandit with the environment as memory."""

from __future__ import annotations

import torch
from torch import Tensor

from prefrontal.task import State
from replications.bandit.task import BanditTask


class VisibleBanditTask(BanditTask):
    """The bandit whose arms show their last outcome: 1 paid, -1 did not, 0 not yet pulled."""

    observations = ("trial", "left's last outcome", "right's last outcome")

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes, with no outcome yet."""
        state, _ = super().reset(noise)
        outcomes = torch.zeros_like(noise[..., :1]).expand(*noise.shape[:-1], 2)
        state["outcomes"] = outcomes.contiguous()
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm, which then shows its outcome."""
        after, _, reward = super().step(state, action, noise)
        pulled = action[..., None] == torch.arange(2, device=action.device)
        after["outcomes"] = torch.where(pulled, 2 * reward[..., None] - 1, state["outcomes"])
        return after, self._observe(after), reward

    def _observe(self, state: State) -> Tensor:
        trial = super()._observe(state)
        return torch.cat([trial, state["outcomes"]], dim=-1) if "outcomes" in state else trial
