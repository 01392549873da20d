"""The bandit with the environment as memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import Replay, State, by_episode
from replications.bandit.task import BanditTask

if TYPE_CHECKING:
    import pandas as pd


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

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials, with the last outcome of either arm."""
        replay = super().replay(trials)
        observations = [replay.observation]
        for arm in range(len(self.actions)):
            outcome = (2 * trials["reward"] - 1).where(trials["choice"] == arm)
            known = by_episode(trials.assign(outcome=outcome))["outcome"].ffill()
            last = by_episode(trials.assign(outcome=known))["outcome"].shift().fillna(0.0)
            observations.append(last.to_numpy(np.float32)[:, None, None])
        return replace(replay, observation=np.concatenate(observations, axis=-1))

    def _observe(self, state: State) -> Tensor:
        trial = super()._observe(state)
        return torch.cat([trial, state["outcomes"]], dim=-1) if "outcomes" in state else trial
