"""Volatile bandit (Behrens et al. 2007; Wang et al. 2018, simulation 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import State

MAGNITUDE_DRAWS = 7
"""The median of seven uniform numbers follows Beta(4, 4), the distribution of magnitudes / 100 (Methods, simulation 2)."""


@dataclass(frozen=True)
class VolatileBanditTask:
    """Choose between two arms, one of which pays; how many points each would pay is shown before every choice.

    Left pays its magnitude with probability r, right with 1 - r. ``generator`` says how r and the volatility v change:

    "tied"      r -> 1 - r with probability v; v switches between 0 and ``volatility`` with probability k, where log k is uniform
                between ``log_hazard_low`` and ``log_hazard_high`` and drawn per episode; the better arm pays with probability
                ``better_stable`` while v = 0 and ``better_volatile`` while v > 0
    "untied"    the same changes of v, but each change of r draws it anew from U[0, 1], whatever v (after the generative model
                of Behrens et al. 2007, in which every reward probability occurs at every volatility)
    "human"     schedule of the human experiment: stable and volatile blocks of ``block`` trials take turns, either kind first; r
                is ``better_stable`` or ``better_volatile`` or 1 less these, and reverses at the start of every block, and every
                ``volatile_run`` trials of a volatile one

    A trial is one time step. The observation is the magnitude of left and right times ``magnitude_scale``.
    """

    generator: str
    trials: int
    better_stable: float
    better_volatile: float
    volatility: float
    log_hazard_low: float
    log_hazard_high: float
    magnitude_scale: float
    block: int = 0
    volatile_run: int = 0

    observations = ("left magnitude", "right magnitude")
    actions = ("left", "right")
    periods = ("choice",)
    begin_noise = 3 + 2 * MAGNITUDE_DRAWS
    step_noise = 4 + 2 * MAGNITUDE_DRAWS

    @property
    def episode_steps(self) -> int:
        """One time step per trial."""
        return self.trials

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes: side of the better arm, volatility (human schedule: order of the blocks) and hazard are random."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        volatile = noise[..., 1] < 0.5
        better_left = noise[..., 0] < 0.5
        spread = self.log_hazard_high - self.log_hazard_low
        state: State = {
            "trial": zero,
            "period": zero,
            "over": zero > 0,
            "volatile": volatile,
            "volatile_first": volatile,
            "p_left": noise[..., 0] if self.generator == "untied" else self._probability(better_left, volatile),
            "hazard": torch.exp(self.log_hazard_low + spread * noise[..., 2]),
            "offer": _magnitudes(noise[..., 3:]),
            "magnitude": torch.zeros_like(noise[..., :2]),
            "choice": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm in every episode."""
        volatile, p_left = self._drift(state, noise)
        pays_left = noise[..., 3] < p_left
        chosen = torch.where(action == 0, state["offer"][..., 0], state["offer"][..., 1])
        reward = chosen * (pays_left == (action == 0))
        trial = state["trial"] + 1
        after: State = state | {
            "trial": trial,
            "over": trial >= self.trials,
            "volatile": volatile,
            "p_left": p_left,
            "offer": _magnitudes(noise[..., 4:]),
            "magnitude": state["offer"],
            "choice": action,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, reward, magnitudes, reward probability, volatility and order of the blocks of trials that just ended."""
        left, right = state["magnitude"].unbind(-1)
        order = np.array(["stable first", "volatile first"]) if self.generator == "human" else np.array(["random", "random"])
        return {
            "choice": state["choice"].numpy(),
            "reward": state["reward"].numpy(),
            "magnitude_left": left.numpy(),
            "magnitude_right": right.numpy(),
            "p_left": state["p_left"].numpy(),
            "volatile": state["volatile"].numpy(),
            "order": order[state["volatile_first"].long().numpy()],
        }

    def _drift(self, state: State, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Volatility and reward probability of the running trial, given those of the trial before."""
        volatile, p_left, trial = state["volatile"], state["p_left"], state["trial"]
        if self.generator == "human":
            block = trial // self.block
            volatile = state["volatile_first"] == (block % 2 == 0)
            reverses = (trial > 0) & ((trial % self.block == 0) | (volatile & (trial % self.volatile_run == 0)))
            return volatile, self._probability((p_left > 0.5) != reverses, volatile)
        started = trial > 0
        reverses = started & volatile & (noise[..., 0] < self.volatility)
        volatile = volatile != (started & (noise[..., 1] < state["hazard"]))
        if self.generator == "untied":
            return volatile, torch.where(reverses, noise[..., 2], p_left)
        return volatile, self._probability((p_left > 0.5) != reverses, volatile)

    def _probability(self, better_left: Tensor, volatile: Tensor) -> Tensor:
        """Reward probability of the left arm."""
        level = torch.where(volatile, self.better_volatile, self.better_stable)
        return torch.where(better_left, level, 1 - level)

    def _observe(self, state: State) -> Tensor:
        return state["offer"] * self.magnitude_scale


def _magnitudes(noise: Tensor) -> Tensor:
    """Points at stake on the left and the right, 100 x Beta(4, 4)."""
    return 100 * noise.unflatten(-1, (2, MAGNITUDE_DRAWS)).median(dim=-1).values
