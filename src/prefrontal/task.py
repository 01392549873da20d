"""What a task is.

A task is a pure, batched state machine. ``begin`` opens episodes and ``step`` takes one action in each of them; both work
on tensors whose leading axes are (seed, episode), hold no state of their own, and receive their randomness as uniform
numbers. The same lines therefore run one trial in a notebook, thousands of episodes in training, compiled, and on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor

State = dict[str, Tensor]
"""Everything a task remembers, each entry (seed, episode, ...). Three entries are required:

``trial``   index of the running trial, from 0 (int64)
``period``  index into ``Task.periods`` of the running time step (int64)
``over``    True once the episode has ended (bool)
"""


class Task(Protocol):
    """One experiment's task, as the subject meets it.

    Attributes
    ----------
    observations, actions, periods : tuple of str
        Names of the entries of an observation, of the actions, and of the kinds of time steps of a trial.
    episode_steps : int
        Time steps of the longest episode.
    begin_noise, step_noise : int
        How many uniform numbers in [0, 1) ``begin`` and ``step`` consume per episode.
    """

    @property
    def observations(self) -> tuple[str, ...]:
        """Names of the entries of an observation."""

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions."""

    @property
    def periods(self) -> tuple[str, ...]:
        """Names of the kinds of time steps of a trial."""

    @property
    def episode_steps(self) -> int:
        """Time steps of the longest episode."""

    @property
    def begin_noise(self) -> int:
        """Uniform numbers that ``begin`` consumes per episode."""

    @property
    def step_noise(self) -> int:
        """Uniform numbers that ``step`` consumes per episode."""

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes: noise (seed, episode, begin_noise) -> state, observation (seed, episode, observations)."""

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Take actions (seed, episode; index into ``actions``) -> state, next observation, reward (seed, episode)."""

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of the trials table for trials that just ended, given the state after their last step."""


class Supervised(Task, Protocol):
    """A task that can say which action was right, whether or not it was rewarded."""

    def target(self, state: State) -> Tensor:
        """Right action of the step that led to this state, (seed, episode), int64."""


class Individual(Task, Protocol):
    """A task that is not the same for all networks."""

    def of(self, seeds: Sequence[int]) -> Task:
        """The task as the networks of these seeds meet it, (seed, episode) in their order."""


def of_networks(task: Task, seeds: Sequence[int]) -> Task:
    """Give a task as the networks of these seeds meet it: most are the same for all."""
    return cast(Individual, task).of(seeds) if hasattr(task, "of") else task


INVALID_REWARD = -1.0
"""Reward of an invalid response (Methods, "Simulations", trial protocol)."""


def proceed(period: Tensor, valid: Tensor, completed: Tensor, invalid_response: str, first: int = 0) -> tuple[Tensor, Tensor]:
    """Tell how a trial goes on after a response; what an invalid one does is not stated in the paper.

    Parameters
    ----------
    period : Tensor
        Running period of the trial, (seed, episode).
    valid, completed : Tensor
        Whether the response was valid, and whether it was the last of a trial, (seed, episode).
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

    ``torch.nn.functional.one_hot`` refuses -1 and does not trace into a compiled time step.
    """
    return (index[..., None] == torch.arange(size, device=index.device)).to(dtype)


def sample(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions from policies (..., actions) with one uniform number (...) each."""
    return (uniform[..., None] >= probabilities.cumsum(dim=-1)[..., :-1]).sum(dim=-1)


class NoiseStream:
    """Random numbers for a population, one generator per network.

    A network's stream depends on its seed alone, not on which networks run beside it. Numbers are always drawn on the
    CPU, so that the stream does not depend on the device either.

    Parameters
    ----------
    seeds : sequence of int
        One per network. Networks that share a seed see the same task episodes and the same luck.
    purpose : str
        Streams of different purposes ("train", "test", "initial weights", ...) are independent.
    """

    def __init__(self, seeds: list[int], purpose: str) -> None:
        words = list(purpose.encode())
        self.generators = []
        for seed in seeds:
            entropy = np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0]
            self.generators.append(torch.Generator().manual_seed(int(entropy >> np.uint64(1))))

    def uniform(self, *shape: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Tensor:
        """Draw numbers in [0, 1), shape (seed, *shape)."""
        return self._fill(torch.Tensor.uniform_, *shape).to(device=device, dtype=dtype)

    def normal(self, *shape: int, device: str = "cpu") -> Tensor:
        """Draw standard normal numbers, shape (seed, *shape)."""
        return self._fill(torch.Tensor.normal_, *shape).to(device=device)

    def _fill(self, draw: Callable[..., Tensor], *shape: int) -> Tensor:
        # Bring many networks' numbers into one buffer: one allocation, no copies.
        out = torch.empty(len(self.generators), *shape)
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
