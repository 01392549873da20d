"""Probability matching (Tsutsui et al. 2016; Wang et al. 2018, simulation 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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
from replications.probability_matching.settings import RANGES, Matching

if TYPE_CHECKING:
    import pandas as pd

FIXATION, CHOICE, OUTCOME = 0, 1, 2
LEFT, RIGHT, CENTRE = 0, 1, 2


def reward_probability(baseline: Tensor, since: Tensor) -> Tensor:
    """Probability of reward on a side that was last chosen ``since`` + 1 trials ago."""
    return 1 - (1 - baseline) ** (since + 1)


class MatchingTask(Task):
    """Choose between two sides whose reward probabilities grow until the side is chosen.

    A side pays 1 with probability 1 - (1 - p0)^(n + 1), n counting the trials since it was last
    chosen. The baselines p0 of left and right sum to ``baseline_sum`` and are fixed within an
    episode. A trial is fixation (centre required) and choice (left or right required), followed
    immediately by the reward, which is an input at the next fixation; with ``steps_per_trial`` 3 it
    is shown in a separate step, at which any action is accepted. An aborted trial counts as one
    without a choice of either side; an episode of repeats ends with the time of the planned trials.

    Parameters
    ----------
    settings : Matching
    baselines : {"trained", "all"}
        Left baselines come from the first, third and fifth of five ranges, or from all of them.
    """

    observations = ("fixation", "choice", "outcome")
    actions = ("left", "right", "centre")
    periods = ("fixation", "choice", "outcome")
    reset_noise = 2
    step_noise = 1

    def __init__(
        self, settings: Matching, baselines: Literal["trained", "all"] = "trained"
    ) -> None:
        self.settings, self.baselines = settings, baselines

    @property
    def episode_steps(self) -> int:
        """Time steps of the longest episode."""
        return self.settings.longest * self.settings.steps_per_trial

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes with new baselines and a length drawn uniformly."""
        uniform, task = noise[..., 0], self.settings
        if self.baselines == "trained":
            trained = (RANGES + 1) // 2 * uniform
            left = task.baseline_sum / RANGES * (trained + trained.floor())
        else:
            left = task.baseline_sum * uniform
        zero = torch.zeros_like(uniform, dtype=torch.int64)
        trials = task.shortest + (noise[..., 1] * (task.longest - task.shortest + 1)).long()
        state: State = {
            "trial": zero,
            "period": zero + FIXATION,
            "done": zero > 0,
            "time": zero,
            "new_trial": zero > 0,
            "trials": trials,
            "baseline_left": left,
            "since_left": zero,
            "since_right": zero,
            "choice": zero - 1,
            "outcome": torch.zeros_like(uniform),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every episode."""
        period, new_trial, last_choice = state["period"], state["new_trial"], state["choice"]
        at_fixation, at_choice, at_outcome = period == FIXATION, period == CHOICE, period == OUTCOME
        chooses = action != CENTRE
        valid = (at_fixation & ~chooses) | (at_choice & chooses) | at_outcome

        since_left, since_right = state["since_left"], state["since_right"]
        waited = torch.where(last_choice == LEFT, 0, since_left + 1)
        since_left = torch.where(new_trial, waited, since_left)
        waited = torch.where(last_choice == RIGHT, 0, since_right + 1)
        since_right = torch.where(new_trial, waited, since_right)

        chosen = at_choice & valid
        choice = torch.where(chosen, action, torch.where(new_trial, -1, last_choice))
        left = state["baseline_left"]
        baseline = torch.where(action == LEFT, left, self.settings.baseline_sum - left)
        probability = reward_probability(
            baseline, torch.where(action == LEFT, since_left, since_right)
        )
        paid = (chosen & (noise[..., 0] < probability)).to(left.dtype)
        reward = torch.where(valid, paid, INVALID_REWARD)
        outcome = torch.where(at_outcome, state["outcome"], reward)

        last = at_outcome if self.settings.steps_per_trial == 3 else chosen
        ends, following = proceed(period, valid, last, self.settings.invalid_response)
        trial, time = state["trial"] + ends, state["time"] + 1
        after = state | {
            "trial": trial,
            "period": following,
            "done": (trial >= state["trials"]) | (time >= self.episode_steps),
            "time": time,
            "new_trial": ends,
            "since_left": since_left,
            "since_right": since_right,
            "choice": choice,
            "outcome": outcome,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice and reward of trials that just ended, and baselines and reward probabilities."""
        left = state["baseline_left"]
        return {
            "choice": state["choice"].numpy(),
            "reward": state["outcome"].numpy(),
            "trials": state["trials"].numpy(),
            "baseline_left": left.numpy(),
            "held_out": self.settings.held_out(left.numpy()),
            "p_left": reward_probability(left, state["since_left"]).numpy(),
            "p_right": reward_probability(
                self.settings.baseline_sum - left, state["since_right"]
            ).numpy(),
        }

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials; a missed choice is an invalid response to both sides."""
        choice, reward = trials["choice"].to_numpy(), trials["reward"].to_numpy()
        missed, none = choice < 0, np.zeros_like(choice)
        check_values(trials[~missed], reward=(0, 1))
        # After an invalid response the step is repeated, or the next trial begins.
        repeated = follows_missed(trials) & (self.settings.invalid_response == "repeat")
        shows_outcome = ~missed & (self.settings.steps_per_trial == 3)
        identity = np.eye(len(self.observations), dtype=np.float32)
        return Replay(
            happened=np.stack([~repeated, np.ones_like(missed), shows_outcome], axis=1),
            observation=np.broadcast_to(identity, (len(trials), *identity.shape)),
            action=np.stack([none - 1, np.where(missed, CENTRE, choice), none - 1], axis=1),
            reward=np.stack([none, np.where(missed, INVALID_REWARD, reward), none], axis=1),
            legal=np.array([[False, False, True], [True, True, False], [True, True, True]]),
            choice=CHOICE,
        )

    def _observe(self, state: State) -> Tensor:
        return one_hot(state["period"], len(self.observations), state["outcome"].dtype)
