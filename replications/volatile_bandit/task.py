"""Volatile bandit (Behrens et al. 2007; Wang et al. 2018, simulation 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import Replay, State, Task, check_values, replay_choices
from replications.volatile_bandit.settings import (
    BLOCK,
    HUMAN_SCHEDULE,
    VOLATILE_RUN,
    VolatileBandit,
)

if TYPE_CHECKING:
    import pandas as pd

MAGNITUDE_DRAWS = 7
"""The median of seven uniform numbers follows Beta(4, 4), the distribution of magnitudes / 100
(Methods, simulation 2)."""


class VolatileBanditTask(Task):
    """Choose between two arms, one of which pays; the points at stake are shown before each choice.

    Left pays its magnitude with probability r, right with 1 - r. The setting ``generator`` selects
    how r and the volatility v change:

    "tied"    r -> 1 - r with probability v. v switches between 0 and ``volatility`` with
              probability k; log k is drawn per episode, uniform between ``log_hazard_low`` and
              ``log_hazard_high``. The better arm pays with probability ``better_stable`` while
              v = 0 and ``better_volatile`` while v > 0.
    "untied"  v changes as above, but each change of r draws it anew from U[0, 1], whatever v (after
              the generative model of Behrens et al. 2007, in which every reward probability occurs
              at every volatility).

    A trial is one time step. The observation is the magnitude of left and right times
    ``magnitude_scale``.

    Parameters
    ----------
    settings : VolatileBandit
    """

    observations = ("left magnitude", "right magnitude")
    actions = ("left", "right")
    periods = ("choice",)
    reset_noise = 3 + 2 * MAGNITUDE_DRAWS
    step_noise = 4 + 2 * MAGNITUDE_DRAWS

    def __init__(self, settings: VolatileBandit) -> None:
        self.settings = settings

    @property
    def episode_steps(self) -> int:
        """One time step per trial."""
        return self.settings.trials

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes with a random better arm, volatility and hazard."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        volatile = noise[..., 1] < 0.5
        better_left = noise[..., 0] < 0.5
        low, high = self.settings.log_hazard_low, self.settings.log_hazard_high
        untied = self.settings.generator == "untied"
        state: State = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
            "volatile": volatile,
            "volatile_first": volatile,
            "p_left": noise[..., 0] if untied else self._probability(better_left, volatile),
            "hazard": torch.exp(low + (high - low) * noise[..., 2]),
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
            "done": trial >= self.settings.trials,
            "volatile": volatile,
            "p_left": p_left,
            "offer": _magnitudes(noise[..., 4:]),
            "magnitude": state["offer"],
            "choice": action,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, reward, magnitudes, probability and volatility of trials that just ended."""
        left, right = state["magnitude"].unbind(-1)
        return {
            "choice": state["choice"].numpy(),
            "reward": state["reward"].numpy(),
            "magnitude_left": left.numpy(),
            "magnitude_right": right.numpy(),
            "p_left": state["p_left"].numpy(),
            "volatile": state["volatile"].numpy(),
            "order": np.full(state["choice"].shape, "random"),
        }

    def _drift(self, state: State, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Volatility and reward probability of the running trial, given the trial before."""
        volatile, p_left, started = state["volatile"], state["p_left"], state["trial"] > 0
        reverses = started & volatile & (noise[..., 0] < self.settings.volatility)
        volatile = volatile != (started & (noise[..., 1] < state["hazard"]))
        if self.settings.generator == "untied":
            return volatile, torch.where(reverses, noise[..., 2], p_left)
        return volatile, self._probability((p_left > 0.5) != reverses, volatile)

    def _probability(self, better_left: Tensor, volatile: Tensor) -> Tensor:
        """Reward probability of the left arm."""
        level = torch.where(volatile, self.settings.better_volatile, self.settings.better_stable)
        return torch.where(better_left, level, 1 - level).float()

    @property
    def observation_bound(self) -> float:  # type: ignore[override]
        """Largest magnitude that may be shown."""
        return max(1.0, abs(100 * self.settings.magnitude_scale))

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials."""
        check_values(trials, magnitude_left=None, magnitude_right=None)
        points = trials[["magnitude_left", "magnitude_right"]].to_numpy(np.float32)
        return replay_choices(trials, points * self.settings.magnitude_scale, len(self.actions))

    def _observe(self, state: State) -> Tensor:
        return state["offer"] * self.settings.magnitude_scale


class HumanScheduleTask(VolatileBanditTask):
    """Schedule of the human experiment (Behrens et al. 2007).

    Stable and volatile blocks of ``BLOCK`` trials alternate, and either may come first. r is
    ``better_stable`` or ``better_volatile``, or 1 minus it; it reverses at the start of every
    block, and every ``VOLATILE_RUN`` trials of a volatile one. Magnitudes are shown as in training.

    Parameters
    ----------
    training : VolatileBandit
        Settings of the networks' training.
    """

    def __init__(self, training: VolatileBandit) -> None:
        super().__init__(replace(training, **HUMAN_SCHEDULE))

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of trials that just ended, with the order of the blocks."""
        order = np.where(state["volatile_first"].numpy(), "volatile first", "stable first")
        return super().trial_columns(state) | {"order": order}

    def _drift(self, state: State, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Volatility and reward probability of the running trial, by the schedule."""
        trial = state["trial"]
        volatile = state["volatile_first"] == (trial // BLOCK % 2 == 0)
        reverses = (trial > 0) & ((trial % BLOCK == 0) | (volatile & (trial % VOLATILE_RUN == 0)))
        return volatile, self._probability((state["p_left"] > 0.5) != reverses, volatile)


def _magnitudes(noise: Tensor) -> Tensor:
    """Points at stake on the left and the right, 100 x Beta(4, 4)."""
    return 100 * noise.unflatten(-1, (2, MAGNITUDE_DRAWS)).median(dim=-1)[0]
