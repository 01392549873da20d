"""Choice between a safe and a risky arm (Stopper et al. 2014; Wang et al. 2018, simulation 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import INVALID_REWARD, State, one_hot, proceed

FIXATION, CHOICE = 0, 1
LEFT, RIGHT, CENTRE = 0, 1, 2
FREE = -1
"""In place of the side of a forced pull: both arms are on offer."""

SHOW_BOTH, SHOW_LEFT, SHOW_RIGHT = 1, 2, 3
"""Entries of the observation at the choice step."""


@dataclass(frozen=True)
class RiskTask:
    """Choose between an arm that always pays ``safe_reward`` and one that pays ``risky_reward`` with some probability.

    The probability, ``p_low`` or ``p_high``, and the side of the risky arm are drawn per episode. A trial is fixation (centre
    required) and choice (left or right required). An episode opens with forced trials, in pairs of one safe and one risky pull in
    random order, which show both arms' payoffs; free trials follow.

    The paper leaves open how a forced pull is imposed (``forced_pull``: "cued" shows one arm, and only a response to it is
    valid; "imposed" shows one arm, and pulls it whatever side the response is to) and what an invalid response does to the trial
    (``invalid_response``: "abort" goes on to the next trial, "repeat" repeats the step).
    """

    safe_reward: float
    risky_reward: float
    p_low: float
    p_high: float
    forced_trials: int
    free_trials: int
    forced_pull: str
    invalid_response: str

    observations = ("fixation", "both arms", "left arm", "right arm")
    actions = ("left", "right", "centre")
    periods = ("fixation", "choice")
    step_noise = 1

    @property
    def trials(self) -> int:
        """Trials of an episode."""
        return self.forced_trials + self.free_trials

    @property
    def episode_steps(self) -> int:
        """Two time steps per trial. Repeated steps leave time for fewer trials, aborted ones end the episode sooner."""
        return 2 * self.trials

    @property
    def begin_noise(self) -> int:
        """The risky arm's probability and side, and the order of every forced pair."""
        return 2 + self.forced_trials // 2

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes: draw the risky arm's probability and side, and the schedule of forced pulls."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        risky_side = (noise[..., 1] < 0.5).long()
        first = torch.where(noise[..., 2:] < 0.5, risky_side[..., None], 1 - risky_side[..., None])
        pairs = torch.stack([first, 1 - first], dim=-1).flatten(-2)
        state: State = {
            "trial": zero,
            "period": zero + FIXATION,
            "over": zero > 0,
            "time": zero,
            "p_risky": torch.where(noise[..., 0] < 0.5, self.p_low, self.p_high).to(noise.dtype),
            "risky_side": risky_side,
            "schedule": torch.cat([pairs, pairs.new_full((*zero.shape, self.free_trials), FREE)], dim=-1),
            "forced": zero < 0,
            "choice": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every episode."""
        at_choice, side, forced_side = state["period"] == CHOICE, action != CENTRE, self._forced_side(state)
        forced = forced_side != FREE
        allowed = ~forced | (action == forced_side) | (self.forced_pull == "imposed")
        valid = torch.where(at_choice, side & allowed, ~side)

        pulled = torch.where(forced, forced_side, action)
        choice = torch.where(at_choice & valid, pulled, -1)
        won = noise[..., 0] < state["p_risky"]
        paid = torch.where(choice == state["risky_side"], won * self.risky_reward, self.safe_reward)
        reward = torch.where(valid, torch.where(at_choice, paid, 0.0), INVALID_REWARD).to(noise.dtype)

        ends, period = proceed(state["period"], valid, at_choice & valid, self.invalid_response)
        trial, time = state["trial"] + ends, state["time"] + 1
        after: State = state | {
            "trial": trial,
            "period": period,
            "over": (trial >= self.trials) | (time >= self.episode_steps),
            "time": time,
            "forced": forced,
            "choice": choice,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, arm and reward of trials that just ended, whether the pull was forced or free, and what the risky arm is."""
        choice, risky_side = state["choice"].numpy(), state["risky_side"].numpy()
        return {
            "choice": choice,
            "reward": state["reward"].numpy(),
            "arm": np.where(choice < 0, "none", np.where(choice == risky_side, "risky", "safe")),
            "pull": np.where(state["forced"].numpy(), "forced", "free"),
            "p_risky": state["p_risky"].numpy(),
            "risky_side": np.array(["left", "right"])[risky_side],
        }

    def _forced_side(self, state: State) -> Tensor:
        now = state["trial"].clamp(max=self.trials - 1)
        return state["schedule"].gather(-1, now[..., None])[..., 0]

    def _observe(self, state: State) -> Tensor:
        shown = torch.where(state["period"] == CHOICE, SHOW_LEFT + self._forced_side(state), FIXATION)
        return one_hot(shown, len(self.observations), state["reward"].dtype)
