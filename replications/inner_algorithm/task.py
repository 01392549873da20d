"""Bandits with a few problems per network, and bandits outside the training distribution."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from prefrontal.task import RandomStreams, State
from replications.bandit.settings import Bandit
from replications.bandit.task import BanditTask
from replications.inner_algorithm.settings import Change, FewBandits


@functools.lru_cache
def problems_of(seeds: tuple[int, ...], problems: int) -> Tensor:
    """Draw each network's problems from U[0, 1], (network, problem, arm).

    The problems of a smaller set are the first of a larger one.
    """
    return RandomStreams(list(seeds), "problems").uniform(problems, 2)


class FewBanditsTask(BanditTask):
    """The bandit of ``replications/bandit``, with one of a few fixed problems in every episode.

    Parameters
    ----------
    settings : FewBandits
    seeds : sequence of int
        Seeds of the networks whose problems these are; a single seed is used for all networks.
    """

    settings: FewBandits
    reset_noise = 1

    def __init__(self, settings: FewBandits, seeds: Sequence[int] = (0,)) -> None:
        super().__init__(settings)
        self.seeds = tuple(seeds)

    def for_networks(self, seeds: Sequence[int]) -> FewBanditsTask:
        """Return the task with the problems of each network."""
        return FewBanditsTask(self.settings, seeds)

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes, each with one of the network's problems."""
        problems = problems_of(self.seeds, self.settings.problems).to(noise)
        index = (noise * self.settings.problems).long()
        return super().reset(torch.take_along_dim(problems, index, dim=1))


class ChangedBanditTask(BanditTask):
    """The bandit with a change that did not occur in training.

    As in training, the observation is the trial's index as a share of the episode, however long.

    Parameters
    ----------
    training : Bandit
        Settings of the networks' training.
    change : Change
    """

    def __init__(self, training: Bandit, change: Change) -> None:
        super().__init__(replace(training, trials=change.trials or training.trials))
        self.change = change

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes with payoffs within the bounds."""
        low, high = self.change.low, self.change.high
        return super().reset(low + (high - low) * noise)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Swap the arms when it is time, and pull one."""
        swaps = state["trial"] == self.change.swap_at
        left, right = state["p_left"], state["p_right"]
        arms = {
            "p_left": torch.where(swaps, right, left),
            "p_right": torch.where(swaps, left, right),
        }
        return super().step(state | arms, action, noise)
