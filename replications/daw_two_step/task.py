"""Daw's two-step task: two choices, outcomes that drift (Daw et al. 2011; Miranda et al. 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import INVALID_REWARD, Replay, State, Task, check_values, one_hot, proceed
from replications.daw_two_step.settings import DawTwoStep

if TYPE_CHECKING:
    import pandas as pd

FIXATION, STAGE_1, STAGE_2 = 0, 1, 2
LEFT, RIGHT, CENTRE = 0, 1, 2
OPTIONS = 4
"""Second-stage options: left and right in S1, left and right in S2."""


class DawTwoStepTask(Task):
    """Choose twice per trial: between two actions, then between the two options of the second
    state.

    A trial is fixation (centre required), stage 1 and stage 2 (left or right required), after which
    the reward comes. At stage 1, left leads to S1 and right to S2 with probability ``common``,
    otherwise to the other state. From one trial to the next the four second-stage options change
    independently of each other: their reward probabilities drift, or their reward levels are
    redrawn. An invalid response costs 1 and ends the trial.

    Parameters
    ----------
    settings : DawTwoStep
    """

    observations = ("fixation", "stage 1", "S1", "S2")
    actions = ("left", "right", "centre")
    periods = ("fixation", "stage 1", "stage 2")
    reset_noise = OPTIONS
    step_noise = 2 + OPTIONS

    def __init__(self, settings: DawTwoStep) -> None:
        self.settings = settings

    @property
    def episode_steps(self) -> int:
        """Time steps of an episode. Aborted trials leave time for more than ``trials`` trials."""
        return 3 * self.settings.trials

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes; drifting probabilities start anywhere between their boundaries."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        low, high = self.settings.lowest, self.settings.highest
        payoff, remaining = low + (high - low) * noise, torch.zeros_like(noise, dtype=torch.int64)
        if self.settings.outcomes == "levels":
            payoff, remaining = self._draw(noise)
        state: State = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
            "time": zero,
            "new_trial": zero > 0,
            "payoff": payoff,
            "remaining": remaining,
            "choice": zero - 1,
            "outcome_state": zero - 1,
            "choice2": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every episode."""
        period, new_trial, side = state["period"], state["new_trial"], action != CENTRE
        valid = (period == FIXATION) ^ side
        at_stage_1, at_stage_2 = valid & (period == STAGE_1), valid & (period == STAGE_2)
        payoff, remaining = self._change(state, noise[..., 2:])

        choice, outcome_state, choice2 = (
            torch.where(new_trial, -1, state[name])
            for name in ("choice", "outcome_state", "choice2")
        )
        choice = torch.where(at_stage_1, action, choice)
        destination = torch.where(noise[..., 0] < self.settings.common, action, 1 - action)
        outcome_state = torch.where(at_stage_1, destination, outcome_state)
        choice2 = torch.where(at_stage_2, action, choice2)
        option = (2 * outcome_state + choice2).clamp(min=0)
        paid = payoff.gather(-1, option[..., None])[..., 0]
        if self.settings.outcomes == "walk":
            paid = (noise[..., 1] < paid).to(noise.dtype)
        reward = torch.where(valid, paid * at_stage_2, INVALID_REWARD)

        ends, following = proceed(period, valid, at_stage_2, "abort")
        time = state["time"] + 1
        after: State = {
            "trial": state["trial"] + ends,
            "period": following,
            "done": time >= self.episode_steps,
            "time": time,
            "new_trial": ends,
            "payoff": payoff,
            "remaining": remaining,
            "choice": choice,
            "outcome_state": outcome_state,
            "choice2": choice2,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def _change(self, state: State, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Change the options where a trial begins; return payoffs and trials until they are
        redrawn."""
        begins, low, high = (
            state["new_trial"][..., None],
            self.settings.lowest,
            self.settings.highest,
        )
        payoff, remaining = state["payoff"], state["remaining"]
        if self.settings.outcomes == "levels":
            drawn, trials = self._draw(noise)
            redrawn = begins & (remaining == 1)
            remaining = torch.where(redrawn, trials, remaining - begins.long())
            return torch.where(redrawn, drawn, payoff), remaining
        low, high = self.settings.lowest, self.settings.highest
        normal = torch.special.ndtri(noise.clamp(1e-7, 1 - 1e-7))
        moved = payoff + self.settings.walk_sd * normal
        moved = torch.where(moved < low, 2 * low - moved, moved)
        moved = torch.where(moved > high, 2 * high - moved, moved).clamp(low, high)
        return torch.where(begins, moved, payoff), remaining

    def _draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draw levels and their durations in trials, from one uniform number each."""
        lengths = self.settings.longest - self.settings.shortest + 1
        index = (noise * (3 * lengths)).long().clamp(max=3 * lengths - 1)
        levels = torch.tensor([0.0, self.settings.medium, 1.0], dtype=noise.dtype)
        return levels[index % 3], self.settings.shortest + index // 3

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choices, transition, second-stage state and reward of trials that just ended, and the
        better action at stage 1."""
        choice, outcome_state, choice2 = (
            state[name].numpy() for name in ("choice", "outcome_state", "choice2")
        )
        transition = np.where(
            outcome_state < 0, "none", np.where(choice == outcome_state, "common", "uncommon")
        )
        payoff = state["payoff"].numpy()
        return {
            "choice": choice,
            "reward": state["reward"].numpy(),
            "transition": transition,
            "outcome_state": np.array(["S1", "S2", "none"])[outcome_state],
            "choice2": choice2,
            "rich_state": np.where(payoff[..., :2].max(-1) >= payoff[..., 2:].max(-1), "S1", "S2"),
        }

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials; a missed choice is an invalid response."""
        check_values(
            trials, reward=None, outcome_state=("S1", "S2", "none"), choice2=(LEFT, RIGHT, -1)
        )
        choice, choice2 = trials["choice"].to_numpy(), trials["choice2"].to_numpy()
        missed, to_s2 = choice < 0, (trials["outcome_state"] == "S2").to_numpy()
        check_values(trials[~missed], outcome_state=("S1", "S2"))
        reward = np.where(choice2 < 0, INVALID_REWARD, trials["reward"].to_numpy())
        zero, true = np.zeros_like(choice), np.ones_like(missed)
        observed = np.stack([zero + FIXATION, zero + STAGE_1, STAGE_2 + to_s2], axis=1)
        acted = [np.where(made < 0, CENTRE, made) for made in (choice, choice2)]
        return Replay(
            happened=np.stack([true, true, ~missed], axis=1),
            observation=np.eye(len(self.observations), dtype=np.float32)[observed],
            action=np.stack([zero + CENTRE, *acted], axis=1),
            reward=np.stack([zero, np.where(missed, INVALID_REWARD, 0), reward], axis=1),
            legal=np.array([[False, False, True], [True, True, False], [True, True, False]]),
            choice=STAGE_1,
        )

    def _observe(self, state: State) -> Tensor:
        observed = torch.where(
            state["period"] == STAGE_2, STAGE_2 + state["outcome_state"], state["period"]
        )
        return one_hot(observed, len(self.observations), state["reward"].dtype)
