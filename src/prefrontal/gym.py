"""Any task as a Gymnasium environment, for people who bring their own agent."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from prefrontal.config import Config
from prefrontal.errors import require
from prefrontal.experiment import module
from prefrontal.task import State, Task


def _array(observation: Tensor) -> np.ndarray:
    """Observation of one episode of one subject: pixels in uint8, or numbers in single precision."""
    own = observation[0, 0]
    return (own if own.dtype == torch.uint8 else own.float()).numpy()


class TaskEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One running episode of a task; ``reset(seed=s)`` fixes all its randomness.

    ``info`` holds the index of the running ``trial`` and the name of its ``period``; when a step ended a trial, ``finished``
    holds that trial's index and its columns of the trials table.

    Parameters
    ----------
    task : Task
        Its observations lie within ±1, or ± the ``observation_bound`` that it names; pixels in uint8, within 0 to 255.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own attribute)

    def __init__(self, task: Task) -> None:
        self.task = task
        example = _array(task.begin(torch.zeros(1, 1, task.begin_noise))[1])
        bound = getattr(task, "observation_bound", 1.0)
        low, high = (0, 255) if example.dtype == np.uint8 else (-bound, bound)
        self.observation_space = gymnasium.spaces.Box(low, high, example.shape, example.dtype.type)
        self.action_space = gymnasium.spaces.Discrete(len(task.actions))
        self.state: State | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Open an episode -> observation, info."""
        super().reset(seed=seed)
        self.state, observation = self.task.begin(self._noise(self.task.begin_noise))
        return _array(observation), self._about(self.state)

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
        return _array(observation), float(reward), bool(self.state["over"]), False, info

    def _noise(self, numbers: int) -> Tensor:
        return torch.from_numpy(self.np_random.random((1, 1, numbers), dtype=np.float32))

    def _about(self, state: State) -> dict[str, Any]:
        return {"trial": int(state["trial"]), "period": self.task.periods[int(state["period"])]}


def make(experiment: str, **settings: Any) -> TaskEnv:
    """Open an experiment's training task as an environment.

    Parameters
    ----------
    experiment : str
        Name of its folder, such as "two_step".
    **settings
        Those of the experiment's ``Config`` (``python -m replications.<experiment>.train --help``) that the task has of its
        own, such as ``trials=50``; the defaults are the paper's.

    Raises
    ------
    UserError
        There is no such experiment or setting, or its value is impossible.
    """
    config = module(experiment, "train").Config
    of_any_training = {field.name for field in fields(Config)}
    own = [field.name for field in fields(config) if field.name not in of_any_training]
    for name in settings:
        require(name in own, "setting", name, " or ".join(own))
    return TaskEnv(config(**settings).task())
