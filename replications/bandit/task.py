"""Two-armed bandits (Wang et al. 2016, arXiv 1611.05763; Wang et al. 2018, Fig. 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import Replay, State, Task, by_episode, check_values, replay_choices
from replications.bandit.settings import Bandit

if TYPE_CHECKING:
    import pandas as pd


class BanditTask(Task):
    """Pull one of two arms, which pay 1 with probabilities that are fixed within an episode.

    A trial is one time step; the observation is the trial's index as a share of the episode.

    Parameters
    ----------
    settings : Bandit
        Reward probabilities are drawn anew in every episode: "independent" arms each from U[0, 1];
        for "correlated" arms the left one is drawn, and p_right = 1 - p_left.
    problem : tuple of float, optional
        (p_left, p_right) of every episode instead.
    """

    observations: tuple[str, ...] = ("trial",)
    actions = ("left", "right")
    periods = ("choice",)
    reset_noise = 2
    step_noise = 1

    def __init__(self, settings: Bandit, problem: tuple[float, float] | None = None) -> None:
        self.settings, self.problem = settings, problem

    @property
    def episode_steps(self) -> int:
        """One time step per trial."""
        return self.settings.trials

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes with new reward probabilities."""
        left, right = noise[..., 0], noise[..., 1]
        if self.problem is not None:
            left, right = (torch.full_like(left, p_reward) for p_reward in self.problem)
        elif self.settings.arms == "correlated":
            right = 1 - left
        zero = torch.zeros_like(left, dtype=torch.int64)
        state: State = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
            "p_left": left,
            "p_right": right,
            "choice": zero - 1,
            "reward": torch.zeros_like(left),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Pull an arm in every episode."""
        probability = torch.where(action == 0, state["p_left"], state["p_right"])
        reward = (noise[..., 0] < probability).to(noise.dtype)
        trial = state["trial"] + 1
        done = trial >= self.episode_steps
        after = state | {"trial": trial, "done": done, "choice": action, "reward": reward}
        return after, self._observe(after), reward

    def target(self, state: State) -> Tensor:
        """The better arm."""
        return (state["p_right"] > state["p_left"]).long()

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Choice, reward and reward probabilities of the trials that just ended."""
        return {name: state[name].numpy() for name in ("choice", "reward", "p_left", "p_right")}

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials; an episode is as long as in training, or longer."""
        check_values(trials[trials["choice"] >= 0], reward=(0, 1))
        longest = by_episode(trials)["trial"].transform("max") + 1
        share = trials["trial"].to_numpy() / np.maximum(longest.to_numpy(), self.episode_steps)
        return replay_choices(trials, share.astype(np.float32)[:, None], len(self.actions))

    def _observe(self, state: State) -> Tensor:
        return (state["trial"].to(state["p_left"].dtype) / self.episode_steps)[..., None]
