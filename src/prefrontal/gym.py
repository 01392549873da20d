"""Any task as a Gymnasium environment, for people who bring their own agent."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from prefrontal.task import State, Task


class TaskEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One running episode of a task; ``reset(seed=s)`` fixes all its randomness.

    ``info`` holds the index of the running ``trial`` and the name of its ``period``; when a step ended a trial, ``finished``
    holds that trial's index and its columns of the trials table.

    Parameters
    ----------
    task : Task
    low, high : float
        Bounds of the observation's entries.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own attribute)

    def __init__(self, task: Task, low: float = -1.0, high: float = 1.0) -> None:
        self.task = task
        self.observation_space = gymnasium.spaces.Box(low, high, (len(task.observations),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(task.actions))
        self.state: State | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Open an episode -> observation, info."""
        super().reset(seed=seed)
        self.state, observation = self.task.begin(self._noise(self.task.begin_noise))
        return observation[0, 0].numpy(), self._about(self.state)

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take an action -> observation, reward, terminated, truncated, info."""
        if self.state is None:
            raise gymnasium.error.ResetNeeded("call reset() before the first step()")
        before = self.state
        self.state, observation, reward = self.task.step(before, torch.tensor([[int(action)]]), self._noise(self.task.step_noise))
        info = self._about(self.state)
        if self.state["trial"] > before["trial"]:
            columns = self.task.trial_columns(self.state)
            info["finished"] = {"trial": int(before["trial"])} | {
                name: np.asarray(values).item() for name, values in columns.items()
            }
        return observation[0, 0].numpy(), float(reward), bool(self.state["over"]), False, info

    def _noise(self, numbers: int) -> Tensor:
        return torch.from_numpy(self.np_random.random((1, 1, numbers), dtype=np.float32))

    def _about(self, state: State) -> dict[str, Any]:
        return {"trial": int(state["trial"]), "period": self.task.periods[int(state["period"])]}
