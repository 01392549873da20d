"""Tasks as Gymnasium environments, for external agents.

``import prefrontal`` registers them: ``gymnasium.make("prefrontal/two_step-v0", trials=50)``, and
``gymnasium.make_vec("prefrontal/two_step-v0", num_envs=512)`` for many episodes in one call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import torch
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor
from tqdm import tqdm

from prefrontal import experiments
from prefrontal.errors import UserError, check
from prefrontal.tables.schema import EPISODE, check_columns
from prefrontal.task import State, Task, one_hot

LARGEST = float(np.finfo(np.float32).max)
"""Bound of the last reward in an observation space; Gymnasium's checker warns about infinity."""


class _View:
    """The agent's view of a task: its spaces, and its observations as arrays.

    Parameters
    ----------
    task : Task
    last : bool
        Add the last action (one-hot) and the last reward to the observations.
    """

    def __init__(self, task: Task, last: bool) -> None:
        example = task.reset(torch.zeros(1, 1, task.reset_noise, dtype=torch.float32))[1][0, 0]
        pixels = example.dtype == torch.uint8
        check(not (last and pixels), "last", last, "False where the observation is in pixels")
        self.last, self.actions = last, len(task.actions)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8 if pixels else np.float32)
        low, high = (0.0, 255.0) if pixels else (-task.observation_bound, task.observation_bound)
        bounds: list[Any] = [
            np.full(tuple(example.shape), bound, self.dtype) for bound in (low, high)
        ]
        if last:
            added = ([0.0] * self.actions + [-LARGEST], [1.0] * self.actions + [LARGEST])
            bounds = [np.append(bound, more) for bound, more in zip(bounds, added, strict=True)]
        low_array, high_array = (bound.astype(self.dtype) for bound in bounds)
        self.observation_space = gymnasium.spaces.Box(low_array, high_array, dtype=self.dtype)
        self.action_space = gymnasium.spaces.Discrete(self.actions)

    def array(self, observation: Tensor, action: Tensor, reward: Tensor) -> np.ndarray:
        """Observations of many episodes after an action (-1 at the start) and its reward."""
        if self.last:
            parts = [observation, one_hot(action, self.actions), reward[..., None]]
            observation = torch.cat(parts, dim=-1)
        return np.array(observation.numpy()[0], dtype=self.dtype)


class TaskEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One episode of a task at a time; ``reset(seed=s)`` fixes all its random numbers.

    ``info`` holds the index of the current ``trial`` and the name of its ``period``; after a step
    that ended a trial, ``finished`` holds that trial's index and its columns of the trials table.

    Parameters
    ----------
    task : Task
    last : bool
        Add the last action and reward to the observations. On a bandit there is no other
        information.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own attribute)

    def __init__(self, task: Task, last: bool = False) -> None:
        self.task, self._view = task, _View(task, last)
        self.observation_space = self._view.observation_space
        self.action_space = self._view.action_space
        self.state: State | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode -> observation, info."""
        super().reset(seed=seed)
        self.state, observation = self.task.reset(self._noise(self.task.reset_noise))
        nothing = torch.full((1, 1), -1), torch.zeros(1, 1, dtype=torch.float32)
        return self._view.array(observation, *nothing)[0], self._info(self.state)

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take an action -> observation, reward, terminated, truncated, info."""
        before = self.state
        if before is None:
            raise gymnasium.error.ResetNeeded("call reset() before the first step()")
        if before["done"]:
            raise gymnasium.error.ResetNeeded("the episode is done: call reset() before step()")
        check_action(self.task, action)
        taken, noise = torch.tensor([[int(action)]]), self._noise(self.task.step_noise)
        self.state, observation, reward = self.task.step(before, taken, noise)
        info = self._info(self.state)
        if self.state["trial"] > before["trial"]:
            columns = {"trial": before["trial"], **self.task.trial_columns(self.state)}
            info["finished"] = {name: np.asarray(values).item() for name, values in columns.items()}
        array = self._view.array(observation, taken, reward)[0]
        return array, float(reward), bool(self.state["done"]), False, info

    def _noise(self, numbers: int) -> Tensor:
        return torch.from_numpy(self.np_random.random((1, 1, numbers), dtype=np.float32))

    def _info(self, state: State) -> dict[str, Any]:
        return {"trial": int(state["trial"]), "period": self.task.periods[int(state["period"])]}


def check_action(task: Task, action: Any, name: str = "action") -> None:
    """Raise UserError unless an action is one of the task's."""
    legal = range(len(task.actions))
    expected = f"0 to {legal[-1]}: {', '.join(task.actions)}"
    check(np.ndim(action) == 0 and action in legal, name, action, expected)


def check_actions(
    task: Task, actions: Any, running: np.ndarray, name: str = "action"
) -> np.ndarray:
    """Return the actions of many episodes; raise UserError if an action in a running episode is
    illegal."""
    array = np.asarray(actions)
    shape = running.shape
    check(array.shape == shape, f"shape of {name}s", array.shape, f"{shape}, one per episode")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= len(task.actions):
        for action in array[running].tolist():
            check_action(task, action, name)
        array = np.where(running, array, 0)
    return array.astype(np.int64)


class _Streams:
    """Random numbers for many episodes, each from its own generator, as ``TaskEnv`` draws them.

    Parameters
    ----------
    generators : sequence of numpy.random.Generator
    largest : int
        Largest number that one draw takes.
    """

    def __init__(self, generators: Sequence[np.random.Generator], largest: int) -> None:
        self.generators = generators
        self.numbers = np.empty((len(generators), max(64 * largest, 1)), dtype=np.float32)
        self.used = np.full(len(generators), self.numbers.shape[1])

    def draw(self, count: int, episodes: np.ndarray) -> Tensor:
        """Draw numbers (1, episode, count); those of episodes outside the mask are not consumed."""
        if self.used.max() + count > self.numbers.shape[1]:
            for row, used, generator in zip(self.numbers, self.used, self.generators, strict=True):
                left = len(row) - used
                row[:left] = row[used:]
                generator.random(out=row[left:], dtype=np.float32)
            self.used[:] = 0
        first = self.used[0]
        if (self.used == first).all():
            drawn = self.numbers[:, first : first + count].copy()
        else:
            index = self.used[:, None] + np.arange(count)
            drawn = np.take_along_axis(self.numbers, index, axis=1)
        self.used += count * episodes
        return torch.from_numpy(drawn)[None]


class TaskVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many episodes of a task, advanced together by one call.

    Episode k of ``reset(seed=s)`` is that of ``TaskEnv.reset(seed=s + k)``. The step after an
    episode's end starts its next one, whatever the action (``AutoresetMode.NEXT_STEP``). ``infos``
    holds arrays, with masks in ``_trial`` etc. as Gymnasium has them: ``trial``, ``period``, and
    where trials ended, ``finished`` with their columns of the trials table.

    Parameters
    ----------
    task : Task
    num_envs : int
        Number of episodes.
    last : bool
        Add the last action and reward to the observations.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, task: Task, num_envs: int, last: bool = False) -> None:
        legal = isinstance(num_envs, int | np.integer) and num_envs >= 1
        check(legal, "num_envs", num_envs, "a whole number, 1 or more")
        self.task, self.num_envs, self._view = task, int(num_envs), _View(task, last)
        self.single_observation_space = self._view.observation_space
        self.single_action_space = self._view.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.state: State | None = None
        self._streams: _Streams | None = None
        self._ended = np.zeros(self.num_envs, dtype=bool)

    def reset(  # type: ignore[override]  # Gymnasium's own ones also take a sequence of seeds
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start all episodes -> observations, infos.

        Parameters
        ----------
        seed : int or sequence of int, optional
            One for each episode, or that of the first, from which the others count up. Without it
            the random streams continue, as in a single environment.
        """
        if seed is not None or self._streams is None:
            if isinstance(seed, int | np.integer):
                seed = range(seed, seed + self.num_envs)
            seeds: Sequence[int | None] = [None] * self.num_envs if seed is None else seed
            check(len(seeds) == self.num_envs, "number of seeds", len(seeds), str(self.num_envs))
            generators = [seeding.np_random(None if s is None else int(s))[0] for s in seeds]
            self._streams = _Streams(generators, max(self.task.reset_noise, self.task.step_noise))
        everywhere = np.ones(self.num_envs, dtype=bool)
        noise = self._streams.draw(self.task.reset_noise, everywhere)
        with torch.inference_mode():
            self.state, observation = self.task.reset(noise)
            self._ended = ~everywhere
            action = torch.full((1, self.num_envs), -1)
            reward = torch.zeros(1, self.num_envs, dtype=torch.float32)
            return self._view.array(observation, action, reward), self._infos(self.state)

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take actions -> observations, rewards, terminated, truncated, infos."""
        before, streams, running = self.state, self._streams, ~self._ended
        if before is None or streams is None:
            raise gymnasium.error.ResetNeeded("call reset() before the first step()")
        taken = torch.from_numpy(check_actions(self.task, actions, running))[None]
        with torch.inference_mode():
            noise = streams.draw(self.task.step_noise, running)
            state, observation, reward = self.task.step(before, taken, noise)
            finished = (state["trial"] > before["trial"]).numpy()[0] & running
            infos: dict[str, Any] = {}
            if finished.any():
                infos = {"finished": self._finished(before, state, finished), "_finished": finished}
            if not running.all():
                ended = torch.from_numpy(self._ended)[None]
                fresh, first = self.task.reset(streams.draw(self.task.reset_noise, self._ended))
                state = {name: _where(ended, tensor, state[name]) for name, tensor in fresh.items()}
                observation = _where(ended, first, observation)
                reward, taken = torch.where(ended, 0.0, reward), torch.where(ended, -1, taken)
            self.state = state
            self._ended = state["done"].numpy()[0].copy()
            array = self._view.array(observation, taken, reward)
        rewards = reward.numpy()[0].astype(np.float64)
        truncated = np.zeros(self.num_envs, dtype=bool)
        return array, rewards, self._ended.copy(), truncated, self._infos(state) | infos

    def _finished(self, before: State, after: State, finished: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of the trials table for all episodes, to be read where trials finished."""
        columns = {"trial": before["trial"], **self.task.trial_columns(after)}
        arrays = {name: np.array(np.asarray(values)[0]) for name, values in columns.items()}
        return arrays | {f"_{name}": finished.copy() for name in arrays}

    def _infos(self, state: State) -> dict[str, Any]:
        period = np.array(self.task.periods)[state["period"].numpy()[0]]
        infos = {"trial": state["trial"].numpy()[0].copy(), "period": period}
        return infos | {f"_{name}": np.ones(self.num_envs, dtype=bool) for name in infos}


def _where(episodes: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    """Select between tensors (1, episode, ...) for each episode."""
    mask = episodes.reshape(*episodes.shape, *(1,) * (there.ndim - episodes.ndim))
    return torch.where(mask, there, elsewhere)


def build(experiment: str, problem: str = "", **settings: Any) -> Task:
    """Build an experiment's task.

    Parameters
    ----------
    experiment : str
        Name of its folder, such as "two_step".
    problem : str
        One of the fixed problems on which the figures test networks
        (``TaskSettings.test_problems``), such as "hard" of the bandit; by default the task of the
        training.
    **settings
        Settings of the task that differ from those of the main variant, such as ``trials=50``.

    Raises
    ------
    UserError
        There is no such experiment, problem or setting, or its value is not legal.
    """
    task = dataclasses.replace(experiments.get(experiment).variant().task, **settings)
    if not problem:
        return task.build()
    problems = task.test_problems()
    if not problems:
        raise UserError(f"problem is {problem!r}, but {experiment} has no test problems")
    check(problem in problems, "problem", problem, f"one of {', '.join(problems)}")
    return problems[problem]()


def make(
    experiment: str,
    *,
    problem: str = "",
    last: bool = False,
    render_mode: None = None,
    **settings: Any,
) -> TaskEnv:
    """Make an experiment's task an environment, one episode at a time.

    Parameters
    ----------
    experiment : str
        Name of its folder, such as "two_step".
    problem : str
        A fixed test problem (``build``); by default the task of the training.
    last : bool
        Add the last action and reward to the observations, as networks receive them.
    render_mode : None
        Not supported; there is nothing to draw.
    **settings
        Settings of the task, such as ``trials=50``.

    Raises
    ------
    UserError
        There is no such experiment, problem or setting, or its value is not legal.
    TypeError
        A render mode was given.
    """
    _check_render_mode(render_mode)
    env = TaskEnv(build(experiment, problem, **settings), last)
    spec = gymnasium.registry.get(f"prefrontal/{experiment}-v0")
    if spec is not None:  # as ``gymnasium.make`` does
        given = {"experiment": experiment, "problem": problem, "last": last, **settings}
        env.spec = dataclasses.replace(spec, kwargs=given)
    return env


def make_vec(
    experiment: str,
    num_envs: int = 1,
    *,
    problem: str = "",
    last: bool = False,
    render_mode: None = None,
    **settings: Any,
) -> TaskVectorEnv:
    """Make an experiment's task an environment, ``num_envs`` episodes at a time; see ``make``."""
    _check_render_mode(render_mode)
    return TaskVectorEnv(build(experiment, problem, **settings), num_envs, last)


def _check_render_mode(render_mode: object) -> None:
    if render_mode is not None:  # on a TypeError other libraries try again without it
        raise TypeError(
            f"render_mode is {render_mode!r}; it must be None, since there is nothing to draw"
        )


Act = Callable[[np.ndarray], Any]


def play(
    env: str | gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any],
    agent: Any,
    episodes: int,
    *,
    seed: int = 0,
    variant: str = "agent",
    num_envs: int | None = None,
) -> pd.DataFrame:
    """Let an agent play, and record its trials in the format of the networks' trials.

    Parameters
    ----------
    env : str, Env or VectorEnv
        Name of an experiment, whose task is then made with ``last=True``; or an environment from
        ``make`` or ``make_vec``, possibly wrapped.
    agent : callable, or object with a method ``act``
        Observation -> action. A method ``reset``, if there is one, is called before each episode.
        With a vector environment the agent gets a batch of observations and returns as many
        actions, and ``reset`` is called before each batch of episodes.
    episodes : int
    seed : int
        Number of the subject; fixes its episodes.
    variant : str
        Name of the agent, for the column of that name.
    num_envs : int, optional
        Make the named experiment's task a vector environment with this many episodes.

    Returns
    -------
    DataFrame
        Trials table: variant, subject (the seed), episode, trial, choice, reward and the task's own
        columns.

    Raises
    ------
    UserError
        An action is not legal, or the environment is of another kind.
    """
    for name, number, least in (("episodes", episodes, 1), ("seed", seed, 0)):
        legal = isinstance(number, int) and number >= least
        check(legal, name, number, f"a whole number, {least} or more")
    if isinstance(env, str):
        env = make(env, last=True) if num_envs is None else make_vec(env, num_envs, last=True)
    elif num_envs is not None:
        raise UserError("num_envs needs an experiment's name; this environment has its own number")
    ours = isinstance(getattr(env, "unwrapped", None), TaskEnv | TaskVectorEnv)
    check(ours, "env", env, "an experiment's name, or made by prefrontal.make or make_vec")
    act = getattr(agent, "act", agent)
    check(callable(act), "agent", agent, "a function observation -> action, or have a method act")
    batch = env.num_envs if isinstance(env, VectorEnv) else 1
    seeds = [int(np.random.SeedSequence([seed, k]).generate_state(1)[0]) for k in range(episodes)]
    tables: list[pd.DataFrame] = []
    with tqdm(total=episodes, desc=f"play {variant}", unit="episode", leave=False, delay=2) as bar:
        for first in range(0, episodes, batch):
            if hasattr(agent, "reset"):
                agent.reset()
            count = min(batch, episodes - first)
            if isinstance(env, VectorEnv):
                frame = pd.concat(_play_batch(env, act, seeds[first : first + count]))
            else:
                frame = pd.DataFrame(_play_episode(env, act, seeds[first])).assign(episode=0)
            tables.append(frame.assign(episode=frame["episode"] + first))
            bar.update(count)
    trials = pd.concat(tables).sort_values(["episode", "trial"], ignore_index=True)
    trials = trials.assign(variant=variant, subject=seed)
    check_columns(trials, "trials", variant)
    return trials[[*EPISODE, *(name for name in trials.columns if name not in EPISODE)]]


def _play_episode(env: gymnasium.Env[Any, Any], act: Act, seed: int) -> Iterator[dict[str, Any]]:
    """Trials of one episode."""
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    observation, _ = env.reset(seed=seed)
    done = False
    while not done:
        action = act(observation)
        check_action(task, action, "the agent's action")
        observation, _, terminated, truncated, info = env.step(action)
        done = terminated or truncated
        if "finished" in info:
            yield info["finished"]


def _play_batch(
    env: VectorEnv[Any, Any, Any], act: Act, seeds: list[int]
) -> Iterator[pd.DataFrame]:
    """Trials of a batch of episodes, numbered in column ``episode`` by their position in the
    batch."""
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    observation, _ = env.reset(seed=[*seeds, *seeds[:1] * (env.num_envs - len(seeds))])  # type: ignore[arg-type]
    running = np.arange(env.num_envs) < len(seeds)
    everywhere = np.ones(env.num_envs, dtype=bool)
    while running.any():
        actions = check_actions(task, act(observation), everywhere, "the agent's action")
        observation, _, terminated, truncated, infos = env.step(actions)
        if "finished" in infos:
            index = np.flatnonzero(infos["_finished"] & running)
            finished = infos["finished"]
            columns = {name: finished[name][index] for name in finished if f"_{name}" in finished}
            yield pd.DataFrame({"episode": index, **columns})
        running = running & ~(terminated | truncated)
