"""Any task as a Gymnasium environment, for people who bring their own agent.

Importing this module registers all tasks: ``gymnasium.make("prefrontal/bandit-v0")``.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from prefrontal.errors import check
from prefrontal.experiments import module, names
from prefrontal.settings import Config
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
        example = _array(task.reset(torch.zeros(1, 1, task.reset_noise))[1])
        bound = getattr(task, "observation_bound", 1.0)
        low, high = (0, 255) if example.dtype == np.uint8 else (-bound, bound)
        self.observation_space = gymnasium.spaces.Box(low, high, example.shape, example.dtype.type)
        self.action_space = gymnasium.spaces.Discrete(len(task.actions))
        self.state: State | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Open an episode -> observation, info."""
        super().reset(seed=seed)
        self.state, observation = self.task.reset(self._noise(self.task.reset_noise))
        return _array(observation), self._about(self.state)

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take an action -> observation, reward, terminated, truncated, info."""
        if self.state is None:
            raise gymnasium.error.ResetNeeded("call reset() before the first step()")
        if self.state["done"]:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() before the next step()")
        legal = range(len(self.task.actions))
        check(np.ndim(action) == 0 and action in legal, "action", action, f"0 to {legal[-1]}: {', '.join(self.task.actions)}")
        before = self.state
        self.state, observation, reward = self.task.step(before, torch.tensor([[int(action)]]), self._noise(self.task.step_noise))
        info = self._about(self.state)
        if self.state["trial"] > before["trial"]:
            columns = self.task.trial_columns(self.state)
            info["finished"] = {"trial": int(before["trial"])} | {
                name: np.asarray(values).item() for name, values in columns.items()
            }
        return _array(observation), float(reward), bool(self.state["done"]), False, info

    def _noise(self, numbers: int) -> Tensor:
        return torch.from_numpy(self.np_random.random((1, 1, numbers), dtype=np.float32))

    def _about(self, state: State) -> dict[str, Any]:
        return {"trial": int(state["trial"]), "period": self.task.periods[int(state["period"])]}


class LastActionAndReward(gymnasium.Wrapper[np.ndarray, np.int64, np.ndarray, np.int64]):
    """Observations with the last action (one-hot) and the last reward after them, which is what the networks see.

    Both are zero at the first step of an episode.
    """

    def __init__(self, env: TaskEnv) -> None:
        super().__init__(env)
        space: Any = env.observation_space
        check(space.dtype != np.uint8, "last", True, "False for views in pixels, which have no place for them")
        self.actions = len(env.task.actions)
        low, high = (np.append(bound, [end] * self.actions) for bound, end in ((space.low, 0), (space.high, 1)))
        self.observation_space = gymnasium.spaces.Box(np.append(low, -np.inf), np.append(high, np.inf), dtype=space.dtype.type)

    def _with(self, observation: np.ndarray, action: int, reward: float) -> np.ndarray:
        last = np.arange(self.actions) == action
        return np.concatenate([observation, last, [reward]]).astype(observation.dtype)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Open an episode -> observation, info."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._with(observation, -1, 0.0), info

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take an action -> observation, reward, terminated, truncated, info."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with(observation, int(action), float(reward)), float(reward), terminated, truncated, info


def make(experiment: str, last: bool = False, **settings: Any) -> gymnasium.Env[np.ndarray, np.int64]:
    """Open an experiment's training task as an environment.

    Parameters
    ----------
    experiment : str
        Name of its folder, such as "two_step".
    last : bool
        Add the last action and reward to the observations (``LastActionAndReward``): on a bandit nothing else tells.
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
        check(name in own, "setting", name, " or ".join(own))
    env = TaskEnv(config(**settings).task())
    return LastActionAndReward(env) if last else env


for _experiment in names("train"):
    gymnasium.register(f"prefrontal/{_experiment}-v0", "prefrontal.gym:make", kwargs={"experiment": _experiment})
