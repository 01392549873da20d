"""Probability matching (Tsutsui et al. 2016; Lau & Glimcher 2005; Wang et al. 2018, simulation 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import INVALID_REWARD, State, one_hot, proceed

FIXATION, CHOICE, OUTCOME = 0, 1, 2
LEFT, RIGHT, CENTRE = 0, 1, 2
RANGES = 5
"""Ranges of the left baseline, of equal width, trained and held out in turn (Methods, simulation 1)."""


def reward_probability(baseline: Tensor, since: Tensor) -> Tensor:
    """Probability of reward on a side that was last chosen ``since`` + 1 trials ago: 1 - (1 - baseline) ** (since + 1)."""
    return 1 - (1 - baseline) ** (since + 1)


def held_out(baseline_left: np.ndarray, baseline_sum: float) -> np.ndarray:
    """Tell which left baselines were not trained on: those in the second and fourth of five ranges (Methods, simulation 1)."""
    return (baseline_left / (baseline_sum / RANGES)).astype(int) % 2 == 1


@dataclass(frozen=True)
class MatchingTask:
    """Choose between two sides whose reward probabilities grow until the side is chosen.

    A side pays 1 with probability 1 - (1 - p0)^(n + 1), n counting the trials since it was last chosen. The baselines p0 of
    left and right sum to ``baseline_sum`` and are fixed within an episode. A trial is fixation (centre required) and choice
    (left or right required), which the reward follows at once, so that the next fixation already shows it; with
    ``steps_per_trial`` 3 a step of its own shows it, at which any action will do.

    ``baselines`` draws the left baseline from "trained", the first, third and fifth of five ranges, or "all" of them.
    The paper leaves open what an invalid response does (``invalid_response``: "abort" goes on to the next trial, for which
    both sides have waited; "repeat" repeats the step). A session of repeats ends with the time of the planned trials.
    """

    baselines: str = "trained"
    shortest: int = 50
    longest: int = 100
    steps_per_trial: int = 2
    invalid_response: str = "abort"
    baseline_sum: float = 0.5

    observations = ("fixation", "choice", "outcome")
    actions = ("left", "right", "centre")
    periods = ("fixation", "choice", "outcome")
    begin_noise = 2
    step_noise = 1

    @property
    def episode_steps(self) -> int:
        """Time steps of the longest episode."""
        return self.longest * self.steps_per_trial

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes with new baselines and a length drawn uniformly."""
        uniform = noise[..., 0]
        if self.baselines == "trained":
            trained = (RANGES + 1) // 2 * uniform
            left = self.baseline_sum / RANGES * (trained + trained.floor())
        else:
            left = self.baseline_sum * uniform
        zero = torch.zeros_like(uniform, dtype=torch.int64)
        trials = self.shortest + (noise[..., 1] * (self.longest - self.shortest + 1)).long()
        state: State = {
            "trial": zero,
            "period": zero + FIXATION,
            "over": zero > 0,
            "time": zero,
            "opens": zero > 0,
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
        period, opens, last_choice = state["period"], state["opens"], state["choice"]
        at_fixation, at_choice, at_outcome = period == FIXATION, period == CHOICE, period == OUTCOME
        side = action != CENTRE
        valid = (at_fixation & ~side) | (at_choice & side) | at_outcome

        since_left = torch.where(opens, torch.where(last_choice == LEFT, 0, state["since_left"] + 1), state["since_left"])
        since_right = torch.where(opens, torch.where(last_choice == RIGHT, 0, state["since_right"] + 1), state["since_right"])

        chosen = at_choice & valid
        choice = torch.where(chosen, action, torch.where(opens, -1, last_choice))
        left = state["baseline_left"]
        baseline = torch.where(action == LEFT, left, self.baseline_sum - left)
        probability = reward_probability(baseline, torch.where(action == LEFT, since_left, since_right))
        paid = (chosen & (noise[..., 0] < probability)).to(left.dtype)
        reward = torch.where(valid, paid, INVALID_REWARD)
        outcome = torch.where(at_outcome, state["outcome"], reward)

        last = at_outcome if self.steps_per_trial == 3 else chosen
        ends, following = proceed(period, valid, last, self.invalid_response)
        trial, time = state["trial"] + ends, state["time"] + 1
        after = state | {
            "trial": trial,
            "period": following,
            "over": (trial >= state["trials"]) | (time >= self.episode_steps),
            "time": time,
            "opens": ends,
            "since_left": since_left,
            "since_right": since_right,
            "choice": choice,
            "outcome": outcome,
        }
        return after, self._observe(after), reward

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice and reward of trials that just ended, the baselines, and what either side would have paid."""
        left = state["baseline_left"]
        return {
            "choice": state["choice"].numpy(),
            "reward": state["outcome"].numpy(),
            "trials": state["trials"].numpy(),
            "baseline_left": left.numpy(),
            "held_out": held_out(left.numpy(), self.baseline_sum),
            "p_left": reward_probability(left, state["since_left"]).numpy(),
            "p_right": reward_probability(self.baseline_sum - left, state["since_right"]).numpy(),
        }

    def _observe(self, state: State) -> Tensor:
        return one_hot(state["period"], len(self.observations), state["outcome"].dtype)
