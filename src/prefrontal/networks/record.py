"""Record behaviour and activity of frozen networks, or of cognitive models, on a task, as
tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from prefrontal.errors import check, check_count, require_memory
from prefrontal.networks.network import NetworkAgent
from prefrontal.networks.play import EPISODES_AT_ONCE, Agent, History, Step, play
from prefrontal.networks.predict import predict
from prefrontal.settings import Settings
from prefrontal.tables import recording, storage
from prefrontal.tables.recording import Recording
from prefrontal.task import RandomStreams, Task


def record(
    agent: Agent,
    task: Task,
    seeds: list[int],
    variant: str,
    episodes: int,
    *,
    discount: float | Tensor = math.nan,
    columns: dict[str, Any] | None = None,
    activity_periods: tuple[str, ...] = (),
    purpose: str = "test episodes",
    steps: bool = True,
    forced: History | None = None,
) -> Recording[Any]:
    """Play episodes and record what happens.

    Parameters
    ----------
    agent : Agent
    task : Task
    seeds : list of int
        One per network: fixes its test episodes.
    variant : str
        Name for the column variant.
    episodes : int
        Episodes per network.
    discount : float or Tensor (network,)
        For the reward prediction errors, reward + discount * next value - value, which are NaN
        without it; the value after an episode is 0.
    columns : dict, optional
        Further columns, the same in all rows, that name the test condition: {"test": "drawn"}.
    activity_periods : tuple of str
        Periods whose unit activity is kept.
    purpose : str
        Names the stream of test episodes; the same name and seeds give the same episodes,
        whatever the agent.
    steps : bool
        Keep the steps table.
    forced : History, optional
        Choices and their outcomes, which replace the agent's own.
    """
    check_count("episodes", episodes)
    for name in activity_periods:
        check(name in task.periods, "activity_periods", name, f"of {', '.join(task.periods)}")
    task, noise = task.for_networks(seeds), RandomStreams(seeds, purpose)
    gamma = torch.as_tensor(discount, dtype=torch.float64).expand(len(seeds))
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in recording.RECORDED}
    tested = " ".join(str(value) for value in (columns or {}).values())
    with tqdm(
        total=episodes,
        desc=f"record {variant} {tested}".strip(),
        unit="episode",
        leave=False,
        disable=None,
    ) as bar:
        for first in range(0, episodes, EPISODES_AT_ONCE):
            count = min(EPISODES_AT_ONCE, episodes - first)
            # Tables do not need observations, and pixel views are large.
            history = (
                None
                if forced is None
                else History(*(part[:, first : first + count] for part in forced))
            )
            drop = isinstance(agent, NetworkAgent)
            steps_played = play(agent, task, noise, count, history, drop_done=drop)
            batch = [replace(step, observation=None) for step in steps_played]
            index = _Index(seeds, variant, columns or {}, first, count)
            parts["trials"].append(_trials(task, batch, index))
            if steps:
                parts["steps"].append(_steps(task, batch, index, gamma))
            if activity_periods:
                parts["activity"].append(_activity(task, batch, index, activity_periods))
            bar.update(count)
            if first == 0:
                size = sum(
                    frame.memory_usage().sum() for tables in parts.values() for frame in tables
                )
                require_memory(size / count * episodes, f"episodes {episodes:,}")
    frames: dict[str, Any] = {name: storage.concat(tables) for name, tables in parts.items()}
    for name, frame in frames.items():
        if len(frame):
            last = ["trial"] if name == "trials" else ["step"]
            frames[name] = frame.sort_values(["subject", "episode", *last], ignore_index=True)
    return Recording(**frames)


@dataclass(frozen=True)
class _Index:
    """Key columns for selected entries of a (network, episode) batch."""

    seeds: list[int]
    variant: str
    columns: dict[str, Any]
    first: int
    count: int

    def keys(self, where: np.ndarray, step: Step) -> dict[str, Any]:
        return {
            "subject": np.asarray(self.seeds)[np.nonzero(where)[0]],
            "variant": self.variant,
            "episode": step.episode.numpy()[where] + self.first,
            "trial": step.state["trial"].numpy()[where],
            **self.columns,
        }


def _concat(columns: list[dict[str, Any]]) -> pd.DataFrame:
    sizes = [len(part["trial"]) for part in columns]
    return pd.DataFrame(
        {name: _column([part[name] for part in columns], sizes) for name in columns[0]}
    )


def _column(parts: list[Any], sizes: list[int]) -> np.ndarray | pd.Categorical:
    """Join columns of successive time steps, one value per row or for all; text as categories."""
    if isinstance(parts[0], pd.Categorical):
        return pd.api.types.union_categoricals(parts).remove_unused_categories()
    if isinstance(parts[0], str) and len(set(parts)) == 1:
        return pd.Categorical.from_codes(np.zeros(sum(sizes), dtype=np.int8), pd.Index(parts[:1]))
    joined = np.concatenate(
        [np.broadcast_to(np.asarray(part), size) for part, size in zip(parts, sizes, strict=True)]
    )
    return pd.Categorical(joined) if joined.dtype.kind in "OU" else joined


def _trials(task: Task, batch: list[Step], index: _Index) -> pd.DataFrame:
    columns = []
    for step in batch:
        running = ~step.state["done"]
        moved = step.after["trial"] > step.state["trial"]
        ended = (moved & running).numpy()
        trial_columns = {
            name: np.asarray(values)[ended]
            for name, values in task.trial_columns(step.after).items()
        }
        columns.append(index.keys(ended, step) | trial_columns)
    return _concat(columns)


def _steps(task: Task, batch: list[Step], index: _Index, discount: Tensor) -> pd.DataFrame:
    columns = []
    for t, step in enumerate(batch):
        following = torch.zeros(len(index.seeds), index.count, dtype=step.value.dtype)
        if t + 1 < len(batch):
            following.scatter_(1, batch[t + 1].episode, batch[t + 1].value)
        following = following.gather(1, step.episode) * ~step.after["done"]
        rpe = step.reward + discount[:, None] * following - step.value
        where = (~step.state["done"]).numpy()
        step_columns = {
            "step": t,
            "period": pd.Categorical.from_codes(
                step.state["period"].numpy()[where], pd.Index(task.periods)
            ),
            "action": step.action.numpy()[where].astype(np.int8),
            "reward": step.reward.numpy()[where],
            "value": step.value.numpy()[where].astype(np.float32),
            "rpe": rpe.numpy()[where].astype(np.float32),
        }
        probabilities = step.probabilities.numpy()[where].astype(np.float32)
        policy = {f"p_{name}": probabilities[:, k] for k, name in enumerate(task.actions)}
        columns.append(index.keys(where, step) | step_columns | policy)
    return _concat(columns)


def _activity(
    task: Task, batch: list[Step], index: _Index, periods: tuple[str, ...]
) -> pd.DataFrame:
    kept = [task.periods.index(name) for name in periods]
    columns = []
    for t, step in enumerate(batch):
        period = step.state["period"].numpy()
        where = (~step.state["done"]).numpy() & np.isin(period, kept)
        if step.activity is None or not where.any():
            continue
        units = step.activity.numpy()[where].astype(np.float32)
        period_columns = {
            "step": t,
            "period": pd.Categorical.from_codes(period[where], pd.Index(task.periods)),
        }
        of_units = {f"unit_{k:02d}": values for k, values in enumerate(units.T)}
        columns.append(index.keys(where, step) | period_columns | of_units)
    return _concat(columns) if columns else pd.DataFrame()


@dataclass(frozen=True)
class Trained:
    """Trained networks of one variant, ready to play; their weights are frozen.

    Attributes
    ----------
    variant : str
    batch : list of Settings
        Settings with which each network was trained; they differ only in the seed.
    agent : NetworkAgent
    """

    variant: str
    batch: list[Settings[Any]]
    agent: NetworkAgent

    def __repr__(self) -> str:
        return f"Trained({self.variant!r}, {len(self.batch)} networks)"

    @property
    def settings(self) -> Settings[Any]:
        """Settings shared by the networks."""
        return self.batch[0]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the networks."""
        return [each.seed for each in self.batch]

    @property
    def task(self) -> Task:
        """Task on which they were trained."""
        return self.settings.task.build()

    def check_task(self, task: Task | None) -> None:
        """Raise UserError unless a task fits the networks' inputs and actions; None means their own
        task."""
        if task is None:
            return
        check(isinstance(task, Task), "task", task, "a Task, such as TwoStep().build()")
        trained_task = self.task
        for name in ("observations", "actions"):
            sizes = [len(getattr(each, name)) for each in (task, trained_task)]
            expected = f"{sizes[1]}, as in {type(trained_task).__name__}, the task of the training"
            legal = sizes[0] == sizes[1]
            check(legal, f"task: number of {name} of {type(task).__name__}", sizes[0], expected)

    def record(
        self,
        episodes: int,
        task: Task | None = None,
        *,
        agent: Agent | None = None,
        **options: Any,
    ) -> Recording[Any]:
        """Record the networks on the task that they were trained on, or on another task.

        Parameters
        ----------
        episodes : int
            Per network.
        task : Task, optional
        agent : Agent, optional
            Plays instead of the networks, to change what they see or do.
        **options
            As in ``record``; discount and settings are those of the training.
        """
        self.check_task(task)
        recording = record(
            agent or self.agent,
            task or self.task,
            self.seeds,
            self.variant,
            episodes,
            discount=self.agent.discount,
            **options,
        )
        return replace(recording, settings={self.variant: self.settings})

    def predict(
        self,
        trials: pd.DataFrame,
        task: Task | None = None,
        *,
        steps: pd.DataFrame | None = None,
        periods: Sequence[str] = (),
        activity: bool = True,
    ) -> pd.DataFrame:
        """Replay subjects' trials with the networks, with frozen weights.

        Every network replays every subject's trials: it sees what the subject saw, and receives the
        subject's choices and outcomes as its own. Actions that trials do not record, such as that
        at fixation, are its likeliest valid ones. A missed choice (-1) is an invalid response; if
        the task has none, the network continues as if the trial had not occurred.

        Parameters
        ----------
        trials : DataFrame
            Trials table, with the task's columns for what was shown.
        task : Task, optional
            By default that of the training.
        steps : DataFrame, optional
            Steps table of these trials, for the actions that trials do not record.
        periods : sequence of str
            Time steps of a trial to return; by default that of the choice.
        activity : bool
            Return unit activity as well.

        Returns
        -------
        DataFrame
            Per network, trial and period, in the trials' order: ``network`` (its seed), the trial's
            variant, subject, episode, trial, choice and reward, ``period``, ``value`` and ``rpe``
            (in the task's units; the value after an episode is 0), policy ``p_<action>``, and
            activity ``unit_<k>``. NaN where a trial did not get to this period.

        Raises
        ------
        UserError
            The table is not one of this task, or the task cannot be replayed.

        Examples
        --------
        >>> predicted = load("two_step").predict(trials)  # doctest: +SKIP
        >>> predicted.groupby("network")["p_left"].mean()  # doctest: +SKIP
        """
        self.check_task(task)
        table = predict(self.agent, task or self.task, trials, steps, periods, activity)
        table["network"] = np.asarray(self.seeds)[table["network"]]
        return table
