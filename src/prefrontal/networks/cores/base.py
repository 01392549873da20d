"""The interface of a core, the part of a network that has memory."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

Parameters = dict[str, Tensor]
"""Parameters by name, each (network, ...)."""

Memory = dict[str, Tensor]
"""State carried from one time step to the next, each (network, episode, ...); policy and value are
read from ``activity`` (network, episode, units)."""

Shapes = dict[str, tuple[int, ...]]
"""Parameter names and shapes of one network."""


class Core(Protocol):
    """Interface of a core, for many networks in one tensor. Networks do not interact: entry n of
    every result depends only on entry n of every argument.
    """

    @property
    def units(self) -> int:
        """Length of the activity."""

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network.

        Parameters whose names end in "weight" are drawn at random, all others start at zero.
        """

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode: learned, or zeros."""

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step with input x (network, episode, inputs)."""


@runtime_checkable
class Parallel(Core, Protocol):
    """A core that can compute its activity at many time steps at once, for the gradient.

    Its memory has an entry ``input``, the last x.
    """

    def forward_sequence(self, p: Parameters, memory: Memory, x: Tensor) -> Tensor:
        """Compute what ``step`` would give step by step.

        Parameters
        ----------
        x : Tensor
            (network, steps, episode, inputs).

        Returns
        -------
        Tensor
            Activity, (network, steps, episode, units).
        """


def expand_initial(initial: Tensor, episodes: int) -> Tensor:
    """Copy a learned initial state (network, ...) to every episode: (network, episode, ...)."""
    return initial[:, None].expand(-1, episodes, *initial.shape[1:]).contiguous()
