"""Test the trained networks with manipulated errors, weights frozen (Methods, simulation 6)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from prefrontal.networks.load import Networks
from prefrontal.networks.network import Manipulation, NetworkAgent
from prefrontal.networks.record import Trained
from prefrontal.tables.recording import Recording
from replications.dopamine_manipulation.settings import (
    CONTROL,
    DOSES,
    EVENTS,
    FEW_EPISODES,
    FREE,
    MAIN,
    NAMED,
    RiskyChoice,
    Treatment,
)
from replications.dopamine_manipulation.task import CENTRE, SHOW_BOTH


def shift(event: str, size: float, task: RiskyChoice) -> Manipulation:
    """Add ``size`` to the error after one kind of outcome, which is recognised by its reward."""
    rewards = (task.risky_reward, task.safe_reward, 0.0)
    paid = dict(zip(EVENTS, rewards, strict=True))[event]

    def manipulate(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
        pulled = (action >= 0) & (action != CENTRE)
        return torch.where(pulled & (reward == paid), error + size, error)

    return manipulate


class FreePullsAgent(NetworkAgent):
    """Networks whose error is manipulated only after free pulls.

    Their memory also holds whether both arms were on offer at the last time step.
    """

    def reset(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        free = torch.zeros(seeds, episodes, dtype=torch.bool)
        return super().reset(seeds, episodes) | {"free": free}

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""

        def manipulate(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
            changed = error if self.manipulate is None else self.manipulate(error, reward, action)
            return torch.where(memory["free"], changed, error)

        agent = manipulated(self, manipulate)
        after, *outputs = agent.step(memory, observation, last_reward, last_action)
        return after | {"free": observation[..., SHOW_BOTH] > 0}, *outputs


def manipulated(
    agent: NetworkAgent, manipulate: Manipulation, kind: type[NetworkAgent] = NetworkAgent
) -> NetworkAgent:
    """Return the same networks with a manipulated error."""
    return kind(agent.network, agent.parameters, agent.discount, agent.reward_scale, manipulate)


def digests(agent: NetworkAgent, seeds: list[int]) -> dict[int, str]:
    """Hash the weights of every network."""
    rows = agent.network.flatten(agent.parameters).numpy()
    return {
        seed: hashlib.sha256(row.tobytes()).hexdigest()[:16]
        for seed, row in zip(seeds, rows, strict=True)
    }


def play(trained: Trained, treatment: Treatment, episodes: int) -> Recording[RiskyChoice]:
    """Record networks under one treatment, and whether any weight changed."""
    before = digests(trained.agent, trained.seeds)
    kind = FreePullsAgent if treatment.pulls == FREE else NetworkAgent
    manipulate = shift(treatment.event, treatment.size, trained.settings.task)
    agent = manipulated(trained.agent, manipulate, kind)
    steps = treatment.manipulation == CONTROL and trained.variant == MAIN
    columns = dataclasses.asdict(treatment)
    recording = trained.record(episodes, agent=agent, columns=columns, steps=steps)
    after = digests(agent, trained.seeds)
    changed = {seed: after[seed] != before[seed] for seed in trained.seeds}
    trials = recording.trials.assign(weights_changed=recording.trials["subject"].map(changed))
    return dataclasses.replace(recording, trials=trials)


def record(networks: Networks, episodes: int) -> Iterator[Recording[RiskyChoice]]:
    """Record all networks under every treatment, with the same episodes and random numbers."""
    few = min(episodes, FEW_EPISODES)
    for variant in networks.variants:
        trained, main = networks(variant), variant == MAIN
        for treatment in NAMED:
            yield play(trained, treatment, episodes if main else few)
        for treatment in DOSES if main else ():
            yield play(trained, treatment, few)
