"""Inferred-value task (Bromberg-Martin et al. 2010; Wang et al. 2018, simulation 3)."""

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
from replications.inferred_value.settings import TRIAL_STEPS, InferredValue

if TYPE_CHECKING:
    import pandas as pd

FIXATION, CUE, SACCADE, REWARD = 0, 1, 2, 3
LEFT, RIGHT, CENTRE = 0, 1, 2


class InferredValueTask(Task):
    """Look at whichever cue appears; only one of the two pays, and which one may switch between
    blocks.

    A session is a sequence of blocks; a block is what the paper calls an episode. At the start of
    each block the rewarded cue switches with probability ``switch``, then it stays. A trial is
    fixation (centre required), a cue on the left or right (equally often), a saccade that must go
    to the cue, and the step in which the network sees its reward, 1 if the cue was the rewarded
    one, else
    0. The reward is that of the saccade step: it is the reward input of the step that follows.
    Of cue and saccade step, the one that does not require the response accepts any action.

    Parameters
    ----------
    settings : InferredValue
    """

    observations = ("fixation", "left cue", "right cue", "outcome")
    actions = ("left", "right", "centre")
    periods = ("fixation", "cue", "saccade", "reward")
    reset_noise = 1
    step_noise = 2

    def __init__(self, settings: InferredValue) -> None:
        self.settings = settings

    @property
    def episode_steps(self) -> int:
        """Time steps of a session. Aborted trials leave time for more than ``blocks`` blocks."""
        return self.settings.session_steps

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start sessions; either cue may have been rewarded before."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        rewarded = (noise[..., 0] < 0.5).long()
        state: State = {
            "trial": zero,
            "period": zero + FIXATION,
            "done": zero > 0,
            "time": zero,
            "new_trial": zero == 0,
            "rewarded_cue": rewarded,
            "previous_rewarded_cue": rewarded,
            "cue": zero,
            "choice": zero - 1,
            "valid": zero == 0,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every session."""
        period, new_trial = state["period"], state["new_trial"]
        new_block = new_trial & (state["trial"] % self.settings.block_trials == 0)
        switches = new_block & (noise[..., 0] < self.settings.switch)
        previous = torch.where(new_block, state["rewarded_cue"], state["previous_rewarded_cue"])
        rewarded = torch.where(switches, 1 - state["rewarded_cue"], state["rewarded_cue"])
        cue = torch.where(new_trial, (noise[..., 1] < 0.5).long(), state["cue"])

        responds = period == (SACCADE if self.settings.response == "saccade" else CUE)
        invalid_response = self.settings.invalid_response
        legal = torch.where(period == FIXATION, action == CENTRE, ~responds | (action == cue))
        valid = legal & (new_trial | state["valid"] | (invalid_response == "repeat"))
        choice = torch.where(new_trial, -1, state["choice"])
        choice = torch.where(responds & legal, action, choice)

        paid = ((period == SACCADE) & valid & (cue == rewarded)).to(noise.dtype)
        reward = torch.where(legal, paid, INVALID_REWARD)
        earned = torch.where(new_trial, torch.zeros_like(reward), state["reward"]) + reward

        moves = legal | (invalid_response == "continue")
        ends, following = proceed(period, moves, (period == REWARD) & moves, invalid_response)
        time = state["time"] + 1
        after: State = {
            "trial": state["trial"] + ends,
            "period": following,
            "done": time >= self.episode_steps,
            "time": time,
            "new_trial": ends,
            "rewarded_cue": rewarded,
            "previous_rewarded_cue": previous,
            "cue": cue,
            "choice": choice,
            "valid": valid,
            "reward": earned,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Cue, choice, reward, block and rewarded cues of the trials that just ended."""
        sides = np.array(["left", "right"])
        block, block_trial = np.divmod(state["trial"].numpy() - 1, self.settings.block_trials)
        choice = np.where(state["valid"].numpy(), state["choice"].numpy(), -1)
        return {
            "choice": choice,
            "reward": state["reward"].numpy(),
            "cue": sides[state["cue"].numpy()],
            "block": block,
            "block_trial": block_trial,
            "rewarded_cue": sides[state["rewarded_cue"].numpy()],
            "previous_rewarded_cue": sides[state["previous_rewarded_cue"].numpy()],
        }

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials; a choice other than the cue is an invalid response."""
        check_values(trials, cue=("left", "right"))
        cue = (trials["cue"] == "right").to_numpy().astype(np.int64)
        choice, invalid_response = trials["choice"].to_numpy(), self.settings.invalid_response
        valid, responds = choice == cue, SACCADE if self.settings.response == "saccade" else CUE
        period, shape = np.arange(TRIAL_STEPS), (len(trials), TRIAL_STEPS)
        # After an invalid response the trial ends or runs on, or the step is repeated.
        missed = trials.assign(choice=np.where(valid, choice, -1))
        repeated = follows_missed(missed) & (invalid_response == "repeat")
        ends = ~valid & (invalid_response != "continue")
        action, reward = np.full(shape, -1), np.zeros(shape)
        action[:, responds] = np.where(choice < 0, CENTRE, choice)
        reward[:, SACCADE] = valid & (trials["reward"] > 0)
        reward[~valid, responds] = INVALID_REWARD
        legal = np.ones((TRIAL_STEPS, len(self.actions)), dtype=bool)
        legal[FIXATION], legal[responds] = [False, False, True], [True, True, False]
        observed = np.stack([0 * cue + FIXATION, 1 + cue, 1 + cue, 0 * cue + REWARD], axis=1)
        return Replay(
            happened=~(repeated[:, None] & (period < responds))
            & ~(ends[:, None] & (period > responds)),
            observation=np.eye(len(self.observations), dtype=np.float32)[observed],
            action=action,
            reward=reward,
            legal=legal,
            choice=responds,
        )

    def _observe(self, state: State) -> Tensor:
        period = state["period"]
        observed = torch.where((period == CUE) | (period == SACCADE), 1 + state["cue"], period)
        return one_hot(observed, len(self.observations), state["reward"].dtype)
