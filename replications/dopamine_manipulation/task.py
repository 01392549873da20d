"""Choice between a safe and a risky arm (Stopper et al. 2014; Wang et al. 2018, simulation 6)."""

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
from replications.dopamine_manipulation.settings import RiskyChoice

if TYPE_CHECKING:
    import pandas as pd

FIXATION, CHOICE = 0, 1
LEFT, RIGHT, CENTRE = 0, 1, 2
FREE = -1
"""Value, instead of the side of a forced pull, if both arms are on offer."""

SHOW_BOTH, SHOW_LEFT = 1, 2
"""Entries of the observation at the choice step; the right arm's follows the left one's."""


class RiskTask(Task):
    """Choose between a safe arm and a risky one, which pays either more or nothing.

    That probability, ``p_low`` or ``p_high``, and the side of the risky arm are drawn per episode.
    A trial is fixation (centre required) and choice (left or right required). An episode starts
    with forced trials, in pairs of one safe and one risky pull in random order, which show both
    arms' payoffs (or with ``forced_wins`` "uninformative", only which arm is the risky one); free
    trials follow.

    Parameters
    ----------
    settings : RiskyChoice
    """

    observations = ("fixation", "both arms", "left arm", "right arm")
    actions = ("left", "right", "centre")
    periods = ("fixation", "choice")
    step_noise = 1

    def __init__(self, settings: RiskyChoice) -> None:
        self.settings = settings

    @property
    def episode_steps(self) -> int:
        """Two time steps per trial.

        Repeated steps leave time for fewer trials; aborted trials end the episode earlier.
        """
        return 2 * self.settings.trials

    @property
    def reset_noise(self) -> int:
        """The risky arm's probability and side, and the order of every forced pair."""
        return 2 + self.settings.forced_trials // 2

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Draw the risky arm's probability and side, and the order of the forced pulls."""
        p_low, p_high = self.settings.probabilities
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        risky_side = (noise[..., 1] < 0.5).long()
        first = torch.where(noise[..., 2:] < 0.5, risky_side[..., None], 1 - risky_side[..., None])
        pairs = torch.stack([first, 1 - first], dim=-1).flatten(-2)
        free = pairs.new_full((*zero.shape, self.settings.free_trials), FREE)
        state: State = {
            "trial": zero,
            "period": zero + FIXATION,
            "done": zero > 0,
            "time": zero,
            "p_risky": torch.where(noise[..., 0] < 0.5, p_low, p_high).to(noise.dtype),
            "risky_side": risky_side,
            "schedule": torch.cat([pairs, free], dim=-1),
            "forced": zero < 0,
            "choice": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every episode."""
        settings, forced_side = self.settings, self._forced_side(state)
        at_choice, side, forced = state["period"] == CHOICE, action != CENTRE, forced_side != FREE
        allowed = ~forced | (action == forced_side) | (settings.forced_pull == "imposed")
        valid = torch.where(at_choice, side & allowed, ~side)

        pulled = torch.where(forced, forced_side, action)
        choice = torch.where(at_choice & valid, pulled, -1)
        p_win = state["p_risky"]
        if settings.forced_wins == "uninformative":
            p_win = torch.where(forced, sum(settings.probabilities) / 2, p_win)
        won = noise[..., 0] < p_win
        risky = choice == state["risky_side"]
        paid = torch.where(risky, won * settings.risky_reward, settings.safe_reward)
        reward = torch.where(valid, torch.where(at_choice, paid, 0.0), INVALID_REWARD)
        reward = reward.to(noise.dtype)

        completed = at_choice & valid
        ends, period = proceed(state["period"], valid, completed, settings.invalid_response)
        trial, time = state["trial"] + ends, state["time"] + 1
        after: State = state | {
            "trial": trial,
            "period": period,
            "done": (trial >= settings.trials) | (time >= self.episode_steps),
            "time": time,
            "forced": forced,
            "choice": choice,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, arm, reward and kind of pull of trials that just ended, and the risky arm."""
        choice, risky_side = state["choice"].numpy(), state["risky_side"].numpy()
        return {
            "choice": choice,
            "reward": state["reward"].numpy(),
            "arm": np.where(choice < 0, "none", np.where(choice == risky_side, "risky", "safe")),
            "pull": np.where(state["forced"].numpy(), "forced", "free"),
            "p_risky": state["p_risky"].numpy(),
            "risky_side": np.array(["left", "right"])[risky_side],
        }

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials; a missed choice is an invalid response to the arms.

        The arm of a missed forced pull is not the one of its pair's other pull. If both were
        missed, neither is known, and networks continue as if these trials had not occurred.
        """
        check_values(trials, pull=("forced", "free"))
        choice, missed = trials["choice"].to_numpy(), (trials["choice"] < 0).to_numpy()
        forced = (trials["pull"] == "forced").to_numpy()
        pulls = trials.assign(pair=trials["trial"] // 2, pulled=trials["choice"].where(~missed))
        pairs = pulls.groupby(["variant", "subject", "episode", "pair"], observed=True)
        partner = pairs["pulled"].transform("first").to_numpy()
        side = np.where(missed, 1 - partner, choice)
        unknown, imposed = (
            forced & np.isnan(side),
            forced & (self.settings.forced_pull == "imposed"),
        )
        arm = SHOW_LEFT + np.where(unknown, LEFT, side)
        observed = np.stack([0 * choice + FIXATION, np.where(forced, arm, SHOW_BOTH)], axis=1)
        pulled = np.where(missed, CENTRE, np.where(imposed, -1, choice))
        repeated = follows_missed(trials) & (self.settings.invalid_response == "repeat")
        paid = np.where(missed, INVALID_REWARD, trials["reward"])
        return Replay(
            happened=np.stack([~repeated, np.ones_like(missed)], axis=1),
            observation=np.eye(len(self.observations), dtype=np.float32)[observed.astype(int)],
            action=np.stack([0 * choice - 1, pulled], axis=1),
            reward=np.stack([0 * paid, paid], axis=1),
            legal=np.array([[False, False, True], [True, True, False]]),
            choice=CHOICE,
            experienced=~unknown,
        )

    def _forced_side(self, state: State) -> Tensor:
        now = state["trial"].clamp(max=self.settings.trials - 1)
        return state["schedule"].gather(-1, now[..., None])[..., 0]

    def _observe(self, state: State) -> Tensor:
        offer = SHOW_LEFT + self._forced_side(state)
        observed = torch.where(state["period"] == CHOICE, offer, FIXATION)
        return one_hot(observed, len(self.observations), state["reward"].dtype)
