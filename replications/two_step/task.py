"""Two-step task (Daw et al. 2011, in the version of Miller et al. 2017; Wang et al. 2018,
simulation 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import (
    INVALID_REWARD,
    Replay,
    State,
    Task,
    check_values,
    follows_missed,
    one_hot,
    proceed,
)
from replications.two_step.settings import TwoStep

if TYPE_CHECKING:
    import pandas as pd

FIXATION, STAGE_1, STAGE_2 = 0, 1, 2
LEFT, RIGHT, CENTRE = 0, 1, 2


class TwoStepTask(Task):
    """Choose between two actions, each of which usually leads to its own second-stage state.

    A trial is fixation (centre required), stage 1 (left or right required) and stage 2, after which
    the reward comes. Left leads to S1 and right to S2 with probability ``common``, otherwise to the
    other state. The rich second-stage state pays 1 with probability ``rich``, the poor one with
    ``1 - rich``; at the start of each trial the two swap with probability ``reversal``.

    Parameters
    ----------
    settings : TwoStep
    """

    observations = ("fixation", "stage 1", "S1", "S2")
    actions = ("left", "right", "centre")
    periods = ("fixation", "stage 1", "stage 2")
    reset_noise = 1
    step_noise = 3

    def __init__(self, settings: TwoStep) -> None:
        self.settings = settings

    @property
    def episode_steps(self) -> int:
        """Time steps of an episode. Aborted trials leave time for more than ``trials`` trials."""
        return self.settings.trials * self.settings.steps_per_trial

    @property
    def first_period(self) -> int:
        """First period of a trial."""
        return FIXATION if self.settings.steps_per_trial == 3 else STAGE_1

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes; either second-stage state may be the rich one."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        state: State = {
            "trial": zero,
            "period": zero + self.first_period,
            "done": zero > 0,
            "time": zero,
            "new_trial": zero > 0,
            "rich_state": (noise[..., 0] < 0.5).long(),
            "choice": zero - 1,
            "outcome_state": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every episode."""
        period = state["period"]
        at_fixation, at_stage_1, at_stage_2 = (
            period == FIXATION,
            period == STAGE_1,
            period == STAGE_2,
        )
        side = action != CENTRE
        valid = (
            (at_fixation & ~side)
            | (at_stage_1 & side)
            | (at_stage_2 & (side | (self.settings.stage_2_response == "any")))
        )

        swaps = state["new_trial"] & (noise[..., 0] < self.settings.reversal)
        rich_state = torch.where(swaps, 1 - state["rich_state"], state["rich_state"])

        chosen = at_stage_1 & valid
        choice = torch.where(state["new_trial"], -1, state["choice"])
        choice = torch.where(chosen, action, choice)
        destination = torch.where(noise[..., 1] < self.settings.common, action, 1 - action)
        outcome_state = torch.where(state["new_trial"], -1, state["outcome_state"])
        outcome_state = torch.where(chosen, destination, outcome_state)

        probability = torch.where(
            outcome_state == rich_state, self.settings.rich, 1 - self.settings.rich
        )
        paid = (at_stage_2 & (noise[..., 2] < probability)).to(noise.dtype)
        reward = torch.where(valid, paid, INVALID_REWARD)

        ends, following = proceed(
            period, valid, at_stage_2 & valid, self.settings.invalid_response, self.first_period
        )
        time = state["time"] + 1
        after: State = {
            "trial": state["trial"] + ends,
            "period": following,
            "done": time >= self.episode_steps,
            "time": time,
            "new_trial": ends,
            "rich_state": rich_state,
            "choice": choice,
            "outcome_state": outcome_state,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, transition, second-stage state and reward of trials that just ended, and the
        state that was rich."""
        choice, outcome_state, rich_state = (
            state[n].numpy() for n in ("choice", "outcome_state", "rich_state")
        )
        states = np.array(["S1", "S2", "none"])
        transition = np.where(
            outcome_state < 0, "none", np.where(choice == outcome_state, "common", "uncommon")
        )
        return {
            "choice": choice,
            "reward": state["reward"].numpy(),
            "transition": transition,
            "outcome_state": states[outcome_state],
            "rich_state": states[rich_state],
        }

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials; a missed choice is an invalid response at stage 1."""
        check_values(trials, reward=(-1, 0, 1), outcome_state=("S1", "S2", "none"))
        reward, choice = trials["reward"].to_numpy(), trials["choice"].to_numpy()
        missed, to_s2 = choice < 0, (trials["outcome_state"] == "S2").to_numpy()
        check_values(trials[~missed], outcome_state=("S1", "S2"))
        zero, true = np.zeros_like(choice), np.ones_like(missed)
        # After an invalid response the step is repeated, or the next trial begins.
        repeated = follows_missed(trials) & (self.settings.invalid_response == "repeat")
        fixates = ~repeated & (self.first_period == FIXATION)
        observed = np.stack([zero + FIXATION, zero + STAGE_1, STAGE_2 + to_s2], axis=1)
        stage_1, stage_2 = np.where(missed, CENTRE, choice), np.where(reward < 0, CENTRE, -1)
        any_action = self.settings.stage_2_response == "any"
        return Replay(
            happened=np.stack([fixates, true, ~missed], axis=1),
            observation=np.eye(len(self.observations), dtype=np.float32)[observed],
            action=np.stack([zero - 1, stage_1, stage_2], axis=1),
            reward=np.stack([zero, np.where(missed, INVALID_REWARD, 0), reward], axis=1),
            legal=np.array([[False, False, True], [True, True, False], [True, True, any_action]]),
            choice=STAGE_1,
        )

    def _observe(self, state: State) -> Tensor:
        observed = torch.where(
            state["period"] == STAGE_2, STAGE_2 + state["outcome_state"], state["period"]
        )
        return one_hot(observed, len(self.observations), state["reward"].dtype)
