"""What a core is: the part of a network that remembers. Nothing else knows what is inside."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

Parameters = dict[str, Tensor]
"""Weights by name, each (seed, ...)."""

Memory = dict[str, Tensor]
"""What networks carry from step to step, each (seed, episode, ...); ``activity`` (seed, episode, units) is read out."""

Shapes = dict[str, tuple[int, ...]]
"""Parameter names and shapes of one network."""


class Core(Protocol):
    """One kind of memory, for many networks in one tensor.

    The networks never mix: entry s of every result depends on entry s of every argument only.
    """

    @property
    def units(self) -> int:
        """Length of the activity."""

    def shapes(self, inputs: int) -> Shapes:
        """Parameters of one network; names that end in "weight" are drawn at random, all others start at zero."""

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode: learned, or zeros."""

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step with input x (seed, episode, inputs)."""


@runtime_checkable
class Parallel(Core, Protocol):
    """A core whose activity over many time steps can be computed at once, for the gradient; ``memory["input"]`` is x."""

    def follow(self, p: Parameters, memory: Memory, x: Tensor) -> Tensor:
        """Activity that ``step`` after ``step`` would give, (seed, steps, episode, units), from inputs of the same layout."""


def at_start(initial: Tensor, episodes: int) -> Tensor:
    """Give a learned start (seed, ...) to every episode: (seed, episode, ...)."""
    return initial[:, None].expand(-1, episodes, *initial.shape[1:]).contiguous()
