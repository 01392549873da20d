"""The interface of a task.

A task is a pure, batched state machine. ``reset`` starts episodes and ``step`` takes one action in
each of them; both work on tensors whose leading axes are (network, episode), are stateless, and
receive their randomness as uniform numbers. The same code therefore runs a single trial in a
notebook, thousands of episodes in training, compiled, and on a GPU.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.errors import UserError, check

if TYPE_CHECKING:
    import pandas as pd
    from pandas.api.typing import DataFrameGroupBy

State = dict[str, Tensor]
"""State of a task, each entry (network, episode, ...). Three entries are required:

``trial``   index of the current trial, from 0 (int64)
``period``  index into ``Task.periods`` of the running time step (int64)
``done``    True once the episode has ended (bool)
"""


@dataclass(frozen=True)
class Replay:
    """Trials of subjects as the time steps of a task.

    A trial consists of some of the task's periods, each once and in order.

    Attributes
    ----------
    happened : array (trial, period)
        True for the periods that a trial had.
    observation : array (trial, period, observations)
        What was shown.
    action : array (trial, period)
        Action, -1 if unknown; networks then take their likeliest legal action.
    reward : array (trial, period)
        What followed.
    legal : array (period, actions)
        True for valid actions.
    choice : int
        Period of the choice.
    experienced : array (trial,), optional
        False for trials without a counterpart in training, such as a missed choice in a task
        without invalid responses. Networks then continue as if the trial had not happened.
    """

    happened: np.ndarray
    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    legal: np.ndarray
    choice: int
    experienced: np.ndarray | None = None


def replay_choices(trials: pd.DataFrame, observation: np.ndarray, actions: int) -> Replay:
    """Replay trials that are one time step, in which every action is a choice.

    Parameters
    ----------
    trials : DataFrame
    observation : array (trial, observations)
    actions : int
        Number of actions.
    """
    choice, reward = trials["choice"].to_numpy()[:, None], trials["reward"].to_numpy()[:, None]
    made, legal = choice >= 0, np.ones((1, actions), dtype=bool)
    happened = np.ones_like(made)
    return Replay(happened, observation[:, None], choice, reward, legal, 0, made[:, 0])


def check_values(trials: pd.DataFrame, **legal: Sequence[Any] | None) -> None:
    """Raise UserError unless a trials table has these columns, with legal values; None: numbers."""
    for name, values in legal.items():
        words = "a number" if values is None else f"one of {', '.join(map(str, values))}"
        if name not in trials.columns:
            raise UserError(f"trials: the table needs column {name!r}, {words}")
        known = trials[name].notna() if values is None else trials[name].isin(values)
        for value in trials.loc[~known, name].astype(object).head(1):
            check(False, f"trials: {name}", value, words)


def by_episode(trials: pd.DataFrame) -> DataFrameGroupBy[Any, Any]:
    """Group trials by episode; nothing carries over between episodes."""
    return trials.groupby(["variant", "subject", "episode"], observed=True)


def follows_missed(trials: pd.DataFrame) -> np.ndarray:
    """True for trials that follow a missed choice in the same episode, (trial,)."""
    return (by_episode(trials)["choice"].shift() < 0).to_numpy()


class Task(ABC):
    """A task of an experiment, for many networks and episodes in parallel.

    Attributes
    ----------
    observations, actions, periods : tuple of str
        Names of the entries of an observation, of the actions, and of the time steps of a trial.
    episode_steps : int
        Time steps of the longest episode.
    reset_noise, step_noise : int
        Uniform numbers in [0, 1) that ``reset`` and ``step`` take per episode.
    observation_bound : float
        Observations lie within ± this number; views in pixels (uint8) within 0 to 255.
    """

    observation_bound: float = 1.0

    @property
    @abstractmethod
    def observations(self) -> tuple[str, ...]:
        """Names of the entries of an observation."""

    @property
    @abstractmethod
    def actions(self) -> tuple[str, ...]:
        """Names of the actions."""

    @property
    @abstractmethod
    def periods(self) -> tuple[str, ...]:
        """Names of the time steps of a trial."""

    @property
    @abstractmethod
    def episode_steps(self) -> int:
        """Time steps of the longest episode."""

    @property
    @abstractmethod
    def reset_noise(self) -> int:
        """Uniform numbers that ``reset`` takes per episode."""

    @property
    @abstractmethod
    def step_noise(self) -> int:
        """Uniform numbers that ``step`` takes per episode."""

    @abstractmethod
    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes.

        Parameters
        ----------
        noise : Tensor
            (network, episode, reset_noise).

        Returns
        -------
        state, observation : State, Tensor
            The observation is (network, episode, observations).
        """

    @abstractmethod
    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take one action in every episode.

        Parameters
        ----------
        state : State
        action : Tensor
            Index into ``actions``, (network, episode).
        noise : Tensor
            (network, episode, step_noise).

        Returns
        -------
        state, observation, reward : State, Tensor, Tensor
        """

    @abstractmethod
    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of the trials table for trials that just ended, from the state after they
        ended."""

    def for_networks(self, seeds: Sequence[int]) -> Task:
        """Return the task for the networks with these seeds; most tasks are the same for all
        networks."""
        return self

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of a subject's trials.

        Parameters
        ----------
        trials : DataFrame
            Trials table, sorted by subject, episode and trial.

        Raises
        ------
        UserError
            A column is missing, or has a value that is illegal for this task.
        """
        raise UserError(
            f"{type(self).__name__} cannot be replayed: trials do not tell what was seen in them, "
            "or the task does not say so (replay)"
        )

    def target(self, state: State) -> Tensor:
        """Return the correct action of the step that led to this state, (network, episode),
        int64."""
        raise UserError(
            f"{type(self).__name__} does not say which action is correct (target); "
            "train with training.objective reinforcement"
        )


INVALID_REWARD = -1.0
"""Reward of an invalid response (Methods, "Simulations", trial protocol)."""


def proceed(
    period: Tensor, valid: Tensor, completed: Tensor, invalid_response: str, first: int = 0
) -> tuple[Tensor, Tensor]:
    """Advance a trial after a response; the paper does not state the effect of an invalid response.

    Parameters
    ----------
    period : Tensor
        Running period of the trial, (network, episode).
    valid, completed : Tensor
        Whether the response was valid, and whether it completed the trial, (network, episode).
    invalid_response : {"abort", "repeat"}
        The trial ends, or its step is repeated.
    first : int
        Period in which a trial begins.

    Returns
    -------
    ends, period : Tensor
        Whether the trial is over, and the next period.
    """
    ends = completed | (~valid & (invalid_response == "abort"))
    return ends, torch.where(ends, first, period + valid)


def one_hot(index: Tensor, size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Encode integers as one-hot vectors; -1 gives zeros.

    ``torch.nn.functional.one_hot`` rejects -1 and cannot be traced into a compiled time step.
    """
    return (index[..., None] == torch.arange(size, device=index.device)).to(dtype)


def sample(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions from policies (..., actions) with one uniform number (...) each."""
    return (uniform[..., None] >= probabilities.cumsum(dim=-1)[..., :-1]).sum(dim=-1)


class RandomStreams:
    """Random numbers for a batch, one generator per network.

    A network's stream depends on its seed alone, not on the other networks of the batch. Numbers
    are always drawn on the CPU, so that the stream does not depend on the device either.

    Parameters
    ----------
    seeds : sequence of int
        One per network. Networks that share a seed see the same episodes and the same random
        outcomes.
    purpose : str
        Streams of different purposes ("train", "test", "initial weights", ...) are independent.
    """

    def __init__(self, seeds: list[int], purpose: str) -> None:
        words = list(purpose.encode())
        self.generators = []
        for seed in seeds:
            entropy = np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0]
            self.generators.append(torch.Generator().manual_seed(int(entropy >> np.uint64(1))))

    def uniform(
        self, *shape: int, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> Tensor:
        """Draw numbers in [0, 1), shape ``(seed, *shape)``."""
        return self._fill(torch.Tensor.uniform_, *shape).to(device=device, dtype=dtype)

    def normal(self, *shape: int, device: str = "cpu") -> Tensor:
        """Draw standard normal numbers, shape ``(seed, *shape)``."""
        return self._fill(torch.Tensor.normal_, *shape).to(device=device)

    def _fill(self, draw: Callable[..., Tensor], *shape: int) -> Tensor:
        # Draw all networks' numbers into one buffer: one allocation, no copies. A different
        # dtype would give different numbers.
        out = torch.empty(len(self.generators), *shape, dtype=torch.float32)
        if math.prod(shape):
            for row, generator in zip(out, self.generators, strict=True):
                draw(row, generator=generator)
        return out

    def get_state(self) -> Tensor:
        """Return the generators' states, (seed, bytes), for a checkpoint."""
        return torch.stack([generator.get_state() for generator in self.generators])

    def set_state(self, states: Tensor) -> None:
        """Continue from states returned by ``get_state``."""
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state.clone())
