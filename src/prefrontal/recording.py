"""Frozen networks, or textbook learners, on a task: from behaviour and activity to tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import torch
import tyro
from torch import Tensor
from tqdm import tqdm

from prefrontal import experiment, paths, store, tables
from prefrontal.config import Config
from prefrontal.errors import require, require_memory, run
from prefrontal.network import NetworkAgent
from prefrontal.population import agent_of
from prefrontal.tables import Recording
from prefrontal.task import NoiseStream, State, Task, of_networks, sample

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


class History(NamedTuple):
    """Actions and rewards that are forced on whoever plays, each (seed, episode, step)."""

    action: Tensor
    reward: Tensor


@torch.inference_mode()
def play(agent: Agent, task: Task, noise: NoiseStream, episodes: int, forced: History | None = None) -> Iterator[Step]:
    """Let an agent play whole episodes side by side, one time step per iteration.

    Actions are sampled from the policy, as in training (Methods: "sampled also at test"), unless they are forced.
    """
    seeds = len(noise.generators)
    state, observation = task.begin(noise.uniform(episodes, task.begin_noise))
    memory = agent.begin(seeds, episodes)
    reward = torch.zeros(seeds, episodes)
    action = torch.full((seeds, episodes), -1)
    for t in range(task.episode_steps):
        memory, probabilities, value, activity = agent.step(memory, observation, reward, action)
        uniform = noise.uniform(episodes, 1 + task.step_noise)
        action = sample(probabilities, uniform[..., 0]) if forced is None else forced.action[..., t]
        after, following, reward = task.step(state, action, uniform[..., 1:])
        if forced is not None:
            reward = forced.reward[..., t]
            after = after | {"reward": reward}
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


def record(
    agent: Agent,
    task: Task,
    seeds: list[int],
    condition: str,
    episodes: int,
    *,
    discount: float | Tensor = 0.9,
    columns: dict[str, Any] | None = None,
    activity_periods: tuple[str, ...] = (),
    purpose: str = "test episodes",
    steps: bool = True,
    forced: History | None = None,
) -> Recording:
    """Play episodes and write down what happened.

    Parameters
    ----------
    agent : Agent
    task : Task
    seeds : list of int
        One per network: fixes its test episodes.
    condition : str
        What was trained; fills the condition column.
    episodes : int
        Episodes per network.
    discount : float or Tensor (seed,)
        For the reward prediction errors, reward + discount * next value - value; the value after an episode is 0.
    columns : dict, optional
        Further columns, the same in all rows, which tell what is tested: {"test": "drawn"}.
    activity_periods : tuple of str
        Periods whose unit activity is kept.
    purpose : str
        Names the stream of test episodes; the same name and seeds give the same episodes, whatever the agent.
    steps : bool
        Keep the steps table.
    forced : History, optional
        What is chosen, and what it brings, whatever the agent would choose.
    """
    require(episodes >= 1, "episodes", episodes, "at least 1")
    task, noise = of_networks(task, seeds), NoiseStream(seeds, purpose)
    gamma = torch.as_tensor(discount, dtype=torch.float64).expand(len(seeds))
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in tables.RECORDED}
    told = " ".join(str(word) for word in (columns or {}).values())
    with tqdm(total=episodes, desc=f"record {condition} {told}".strip(), unit="episode") as bar:
        for first in range(0, episodes, EPISODES_AT_ONCE):
            count = min(EPISODES_AT_ONCE, episodes - first)
            # No table needs the observations, and views in pixels are large.
            own = None if forced is None else History(*(part[:, first : first + count] for part in forced))
            batch = [replace(step, observation=None) for step in play(agent, task, noise, count, own)]
            index = _Index(seeds, condition, columns or {}, first, count)
            parts["trials"].append(_trials(task, batch, index))
            if steps:
                parts["steps"].append(_steps(task, batch, index, gamma))
            if activity_periods:
                parts["activity"].append(_activity(task, batch, index, activity_periods))
            bar.update(count)
            if first == 0:
                size = sum(frame.memory_usage().sum() for own in parts.values() for frame in own)
                require_memory(size / count * episodes, f"episodes {episodes:,}")
    frames: dict[str, Any] = {name: tables.concat(own) for name, own in parts.items()}
    for name, frame in frames.items():
        if len(frame):
            last = ["trial"] if name == "trials" else ["step"]
            frames[name] = frame.sort_values(["seed", "episode", *last], ignore_index=True)
    return Recording(**frames)


@dataclass(frozen=True)
class _Index:
    """Key columns for selected entries of a (seed, episode) batch."""

    seeds: list[int]
    condition: str
    columns: dict[str, Any]
    first: int
    count: int

    def keys(self, where: np.ndarray, trial: Tensor) -> dict[str, Any]:
        seed, episode = np.nonzero(where)
        return {
            "seed": np.asarray(self.seeds)[seed],
            "condition": self.condition,
            "episode": episode + self.first,
            "trial": trial.numpy()[where],
            **self.columns,
        }


def _concat(columns: list[dict[str, Any]]) -> pd.DataFrame:
    sizes = [len(part["trial"]) for part in columns]
    return pd.DataFrame({name: _column([part[name] for part in columns], sizes) for name in columns[0]})


def _column(parts: list[Any], sizes: list[int]) -> np.ndarray | pd.Categorical:
    """Join what was written down at successive time steps, one value per row or one for all rows; words become categories."""
    if isinstance(parts[0], pd.Categorical):
        return pd.api.types.union_categoricals(parts).remove_unused_categories()
    if isinstance(parts[0], str) and len(set(parts)) == 1:
        return pd.Categorical.from_codes(np.zeros(sum(sizes), dtype=np.int8), pd.Index(parts[:1]))
    joined = np.concatenate([np.broadcast_to(np.asarray(part), size) for part, size in zip(parts, sizes, strict=True)])
    return pd.Categorical(joined) if joined.dtype.kind in "OU" else joined


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
    columns = []
    for t, step in enumerate(batch):
        following = batch[t + 1].value * ~step.after["over"] if t + 1 < len(batch) else torch.zeros_like(step.value)
        rpe = step.reward + discount[:, None] * following - step.value
        where = (~step.state["over"]).numpy()
        own = {
            "step": t,
            "period": pd.Categorical.from_codes(step.state["period"].numpy()[where], pd.Index(task.periods)),
            "action": step.action.numpy()[where].astype(np.int8),
            "reward": step.reward.numpy()[where],
            "value": step.value.numpy()[where].astype(np.float32),
            "rpe": rpe.numpy()[where].astype(np.float32),
        }
        probabilities = step.probabilities.numpy()[where].astype(np.float32)
        policy = {f"p_{name}": probabilities[:, k] for k, name in enumerate(task.actions)}
        columns.append(index.keys(where, step.state["trial"]) | own | policy)
    return _concat(columns)


def _activity(task: Task, batch: list[Step], index: _Index, periods: tuple[str, ...]) -> pd.DataFrame:
    kept = [task.periods.index(name) for name in periods]
    columns = []
    for t, step in enumerate(batch):
        period = step.state["period"].numpy()
        where = (~step.state["over"]).numpy() & np.isin(period, kept)
        if step.activity is None or not where.any():
            continue
        units = step.activity.numpy()[where].astype(np.float32)
        own = {"step": t, "period": pd.Categorical.from_codes(period[where], pd.Index(task.periods))}
        columns.append(index.keys(where, step.state["trial"]) | own | {f"unit_{k:02d}": u for k, u in enumerate(units.T)})
    return _concat(columns) if columns else pd.DataFrame()


@dataclass(frozen=True)
class Trained:
    """Networks of one condition, ready to play; weights are frozen.

    Attributes
    ----------
    condition : str
    configs : list of Config
        Settings that each was trained with; they differ in the seed alone.
    agent : NetworkAgent
    """

    condition: str
    configs: list[Config]
    agent: NetworkAgent

    @property
    def config(self) -> Config:
        """Settings that the networks share."""
        return self.configs[0]

    @property
    def seeds(self) -> list[int]:
        """Which networks."""
        return [config.seed for config in self.configs]

    @property
    def task(self) -> Task:
        """Task that they were trained on."""
        return self.config.task()

    def record(
        self,
        episodes: int,
        task: Task | None = None,
        *,
        agent: Agent | None = None,
        columns: dict[str, Any] | None = None,
        activity_periods: tuple[str, ...] = (),
        purpose: str = "test episodes",
        steps: bool = True,
    ) -> Recording:
        """Record the networks, as ``record`` does, on the task of their training or another.

        ``agent`` stands in for them where what they see or do is changed. Discount and settings are those of the training.
        """
        recording = record(
            agent or self.agent,
            task or self.task,
            self.seeds,
            self.condition,
            episodes,
            discount=self.agent.discount,
            columns=columns,
            activity_periods=activity_periods,
            purpose=purpose,
            steps=steps,
        )
        return replace(recording, settings={self.condition: self.config.settings()})


class Networks:
    """Trained networks of an experiment, read by condition.

    Parameters
    ----------
    name : str
        Experiment.
    data : Path
        Data folder.
    conditions : sequence of str, optional
        What an experiment's ``record`` records; by default all that it trains, or its ``RECORDED`` where it keeps the weights of
        some only.
    seeds : sequence of int, optional
        Read only these networks, whatever settings their condition has today; by default all.
    """

    def __init__(
        self,
        name: str,
        data: Path = paths.DATA,
        conditions: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        self.name, self.data, self.seeds = name, data, seeds
        trained, declared = experiment.trained(name), experiment.module(name, "conditions")
        self.conditions = list(getattr(declared, "RECORDED", trained) if conditions is None else conditions)
        self.used: list[Config] = []

    def __call__(self, condition: str, name: str = "", snapshot: int | None = None) -> Trained:
        """Read all networks of a condition.

        Parameters
        ----------
        condition : str
            What was trained.
        name : str
            Another experiment, whose networks are read.
        snapshot : int, optional
            The networks as they were after so many training episodes.

        Raises
        ------
        UserError
            There are none, a file is missing or unreadable, or their settings differ in more than the seed.
        """
        name = name or self.name
        folder = self.data / name / "networks"
        if self.seeds is None:
            store.refuse_unfinished([condition], folder.with_name("checkpoints"))
        configs, network, flat = store.load(folder, experiment.module(name, "train").Config, condition, snapshot, self.seeds)
        today = experiment.trained(name)
        if self.seeds is None and snapshot is None and condition in today:
            say_departures(name, condition, configs[0], type(configs[0])(**today[condition]))
        self.used += configs
        return Trained(condition, configs, agent_of(network, flat, configs))

    def provenance(self) -> dict[str, Any]:
        """Provenance of tables made from the networks that were read."""
        return store.provenance(self.used)


def say_departures(name: str, condition: str, config: Config, today: Config) -> None:
    """Print in which settings networks depart from those that their condition has today."""
    now = today.settings() | {"seed": config.seed}
    departs = {key: value for key, value in config.settings().items() if value != now[key]}
    for key, value in departs.items():
        print(f"{name}, {condition}: networks were trained with {key} {value!r}, today's setting is {now[key]!r}")


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = paths.DATA
    """Data folder."""
    episodes: int | None = None
    """Test episodes per network; by default those of the experiment's conditions.py (the paper's, where it states them)."""


def record_experiment(name: str, data: Path = paths.DATA, episodes: int | None = None) -> Recording:
    """Record an experiment's networks and write the tables."""
    networks, conditions = Networks(name, data), experiment.module(name, "conditions")
    episodes = conditions.TEST_EPISODES if episodes is None else episodes
    require(episodes >= 1, "episodes", episodes, "at least 1")
    store.refuse_unfinished(conditions.TRAINED, data / name / "checkpoints")
    parts: Iterable[Recording] = experiment.module(name, "record").record(networks, episodes)
    recording = tables.join(parts)
    played = tables.fingerprint(data / name / "networks", recording.settings)
    recording = replace(recording, about=networks.provenance() | {"test_episodes": episodes, "networks": played})
    tables.write_recording(recording, data / name)
    return recording


def main(file: str, arguments: list[str] | None = None) -> None:
    """Command line of an experiment's record.py."""
    name = experiment.name_of(file)
    description = f"Record the networks of {name}, weights frozen."

    def command() -> None:
        options = tyro.cli(Options, args=arguments, prog=f"python -m replications.{name}.record", description=description)
        record_experiment(name, options.data, options.episodes)

    run(command)
