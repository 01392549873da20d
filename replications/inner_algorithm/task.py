"""Bandits drawn anew for every episode from a few problems that are each network's own."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from prefrontal.task import RandomStreams, State
from replications.bandit.task import BanditTask


@functools.lru_cache
def problems_of(seeds: tuple[int, ...], problems: int) -> Tensor:
    """Payoffs of each network's problems, (seed, problem, arm): drawn from U[0, 1], those of fewer problems first among more."""
    return RandomStreams(list(seeds), "problems").uniform(problems, 2)


@dataclass(frozen=True)
class FewBanditsTask(BanditTask):
    """The bandit of replications/bandit, whose every episode is one of ``problems`` that do not change.

    They are the problems of the networks of these ``seeds``; one seed stands for all networks.
    """

    problems: int = 1
    seeds: tuple[int, ...] = (0,)

    reset_noise = 1

    def of(self, seeds: Sequence[int]) -> Self:
        """Let each network meet its own problems."""
        return replace(self, seeds=tuple(seeds))

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open episodes, each with one of the network's problems."""
        payoffs = problems_of(self.seeds, self.problems).to(noise)
        return super().reset(torch.take_along_dim(payoffs, (noise * self.problems).long(), dim=1))
