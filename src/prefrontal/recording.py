"""Frozen networks, or textbook learners, on a task: from behaviour and activity to tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from prefrontal import tables
from prefrontal.errors import require
from prefrontal.network import Manipulation, PrefrontalNetwork
from prefrontal.task import NoiseStream, State, Task

EPISODES_AT_ONCE = 100
"""Episodes per network that are played side by side; bounds the memory that a recording needs."""


class Agent(Protocol):
    """What can be recorded: it turns observation, last reward and last action into a policy, step by step."""

    def begin(self, seeds: int, episodes: int) -> Any:
        """Memory at the start of an episode."""

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step -> memory, probabilities (seed, episode, actions), value (seed, episode), activity."""


class NetworkAgent:
    """Trained networks with frozen weights.

    Parameters
    ----------
    network : PrefrontalNetwork
    reward_scale : Tensor, optional
        Factor on the reward that each network was trained with, (seed,). Values are given in the task's units.
    manipulate : Manipulation, optional
        Changes the reward prediction error on its way to the actor of separate networks.
    """

    def __init__(
        self, network: PrefrontalNetwork, reward_scale: Tensor | None = None, manipulate: Manipulation | None = None
    ) -> None:
        self.network = network
        self.manipulate = manipulate
        self.reward_scale = torch.ones(len(network.flat)) if reward_scale is None else reward_scale

    def begin(self, seeds: int, episodes: int) -> Any:
        """Return the learned initial state."""
        return self.network.begin(episodes)

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        scale = self.reward_scale[:, None]
        memory, probabilities, value = self.network.step(memory, observation, last_reward * scale, last_action, self.manipulate)
        return memory, probabilities, value / scale, memory["activity"]


@dataclass(frozen=True)
class Step:
    """One time step of a batch of episodes; every tensor is (seed, episode, ...)."""

    state: State
    observation: Tensor | None
    probabilities: Tensor
    value: Tensor
    activity: Tensor | None
    action: Tensor
    reward: Tensor
    after: State


@torch.no_grad()
def play(agent: Agent, task: Task, noise: NoiseStream, episodes: int) -> Iterator[Step]:
    """Let an agent play whole episodes side by side, one time step per iteration.

    Actions are sampled from the policy, as in training (Methods: "sampled also at test").
    """
    seeds = len(noise.generators)
    state, observation = task.begin(noise.uniform(episodes, task.begin_noise))
    memory = agent.begin(seeds, episodes)
    reward = torch.zeros(seeds, episodes)
    action = torch.full((seeds, episodes), -1)
    for _ in range(task.episode_steps):
        memory, probabilities, value, activity = agent.step(memory, observation, reward, action)
        uniform = noise.uniform(episodes, 1 + task.step_noise)
        action = (uniform[..., :1] >= probabilities.cumsum(-1)[..., :-1]).sum(-1)
        after, following, reward = task.step(state, action, uniform[..., 1:])
        yield Step(state, observation, probabilities, value, activity, action, reward, after)
        if after["over"].all():
            return
        state, observation = after, following


def evaluate(agent: Agent, task: Task, seeds: list[int], episodes: int, purpose: str) -> np.ndarray:
    """Mean reward per episode of each network, (seed,), over episodes of their own stream ``purpose``."""
    total = torch.zeros(len(seeds))
    for step in play(agent, task, NoiseStream(seeds, purpose), episodes):
        total += (step.reward * ~step.state["over"]).mean(1)
    return total.numpy()


@dataclass(frozen=True)
class Tables:
    """A recording: trials, steps and activity as in the data dictionary (``prefrontal.tables``)."""

    trials: pd.DataFrame
    steps: pd.DataFrame
    activity: pd.DataFrame


def record(
    agent: Agent,
    task: Task,
    seeds: list[int],
    condition: str,
    episodes: int,
    *,
    discount: float | list[float] = 0.9,
    activity_periods: tuple[str, ...] = (),
    purpose: str = "test episodes",
    steps: bool = True,
) -> Tables:
    """Play episodes and write down what happened.

    Parameters
    ----------
    agent : Agent
    task : Task
    seeds : list of int
        One per network: fixes its test episodes.
    condition : str
        Fills the condition column.
    episodes : int
        Episodes per network.
    discount : float or list of float
        One for all networks or one each;
        for the reward prediction errors, reward + discount * next value - value; the value after an episode is 0.
    activity_periods : tuple of str
        Periods whose unit activity is kept.
    purpose : str
        Names the stream of test episodes; the same name and seeds give the same episodes, whatever the agent.
    steps : bool
        Keep the steps table.

    Returns
    -------
    Tables
    """
    require(episodes >= 1, "episodes", episodes, "at least 1")
    noise = NoiseStream(seeds, purpose)
    gamma = torch.tensor(discount, dtype=torch.float32).expand(len(seeds))
    parts: dict[str, list[pd.DataFrame]] = {"trials": [], "steps": [], "activity": []}
    with tqdm(total=episodes, desc=f"record {condition}", unit="episode") as bar:
        for first in range(0, episodes, EPISODES_AT_ONCE):
            count = min(EPISODES_AT_ONCE, episodes - first)
            # No table needs the observations, and views in pixels are large.
            batch = [replace(step, observation=None) for step in play(agent, task, noise, count)]
            index = _Index(seeds, condition, first, count)
            parts["trials"].append(_trials(task, batch, index))
            if steps:
                parts["steps"].append(_steps(task, batch, index, gamma))
            if activity_periods:
                parts["activity"].append(_activity(task, batch, index, activity_periods))
            bar.update(count)
    frames = {name: pd.concat(frames, ignore_index=True) if frames else pd.DataFrame() for name, frames in parts.items()}
    for name, frame in frames.items():
        if len(frame):
            last = ["trial"] if name == "trials" else ["step"]
            frames[name] = frame.sort_values(["seed", "episode", *last], ignore_index=True)
    return Tables(**frames)


def write(recording: Tables, folder: Path, about: dict[str, Any]) -> None:
    """Write the tables that are not empty as <folder>/trials.parquet, steps.parquet and activity.parquet.

    Their provenance tells how many episodes each network played in the condition recorded first, the experiment's main one.
    """
    played = recording.trials.loc[recording.trials["condition"] == recording.trials["condition"].iloc[0], "episode"]
    about = about | {"test_episodes": int(played.nunique())}
    for name in ("trials", "steps", "activity"):
        frame = getattr(recording, name)
        if len(frame):
            tables.write(frame, folder / f"{name}.parquet", name, about)


def join(recordings: list[Tables]) -> Tables:
    """Join recordings of several conditions."""
    names = ("trials", "steps", "activity")
    return Tables(*(pd.concat([getattr(r, name) for r in recordings], ignore_index=True) for name in names))


@dataclass(frozen=True)
class _Index:
    """Key columns for selected entries of a (seed, episode) batch."""

    seeds: list[int]
    condition: str
    first: int
    count: int

    def keys(self, where: np.ndarray, trial: Tensor) -> dict[str, Any]:
        seed, episode = np.nonzero(where)
        return {
            "seed": np.asarray(self.seeds)[seed],
            "condition": self.condition,
            "episode": episode + self.first,
            "trial": trial.numpy()[where],
        }


def _frame(columns: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name]):
            frame[name] = frame[name].astype("category")
    return frame


def _concat(columns: list[dict[str, Any]]) -> pd.DataFrame:
    names = columns[0]
    sizes = [len(part["trial"]) for part in columns]
    joined = {
        name: np.concatenate([np.broadcast_to(np.asarray(part[name]), size) for part, size in zip(columns, sizes, strict=True)])
        for name in names
    }
    return _frame(joined)


def _trials(task: Task, batch: list[Step], index: _Index) -> pd.DataFrame:
    columns = []
    for step in batch:
        running = ~step.state["over"]
        moved = step.after["trial"] > step.state["trial"]
        ended = (moved & running).numpy()
        own = {name: np.asarray(values)[ended] for name, values in task.trial_columns(step.after).items()}
        columns.append(index.keys(ended, step.state["trial"]) | own)
    return _concat(columns)


def _steps(task: Task, batch: list[Step], index: _Index, discount: Tensor) -> pd.DataFrame:
    periods = np.array(task.periods)
    columns = []
    for t, step in enumerate(batch):
        following = batch[t + 1].value * ~step.after["over"] if t + 1 < len(batch) else torch.zeros_like(step.value)
        rpe = step.reward + discount[:, None] * following - step.value
        where = (~step.state["over"]).numpy()
        own = {
            "step": t,
            "period": periods[step.state["period"].numpy()[where]],
            "action": step.action.numpy()[where].astype(np.int8),
            "reward": step.reward.numpy()[where],
            "value": step.value.numpy()[where],
            "rpe": rpe.numpy()[where],
        }
        policy = {f"p_{name}": step.probabilities[..., k].numpy()[where] for k, name in enumerate(task.actions)}
        columns.append(index.keys(where, step.state["trial"]) | own | policy)
    return _concat(columns)


def _activity(task: Task, batch: list[Step], index: _Index, periods: tuple[str, ...]) -> pd.DataFrame:
    names = np.array(task.periods)
    columns = []
    for t, step in enumerate(batch):
        period = names[step.state["period"].numpy()]
        where = (~step.state["over"]).numpy() & np.isin(period, periods)
        if step.activity is None or not where.any():
            continue
        units = step.activity.numpy()[where].astype(np.float32)
        own = {"step": t, "period": period[where]}
        columns.append(index.keys(where, step.state["trial"]) | own | {f"unit_{k:02d}": u for k, u in enumerate(units.T)})
    return _concat(columns) if columns else pd.DataFrame()
