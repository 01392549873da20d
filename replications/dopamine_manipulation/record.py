"""Test the trained networks with manipulated reward prediction errors, weights frozen (Methods, simulation 6).

python -m replications.dopamine_manipulation.record --help
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from prefrontal import recording
from prefrontal.network import Manipulation, NetworkAgent
from prefrontal.tables import Recording
from replications.dopamine_manipulation.conditions import (
    CONTROL,
    DOSES,
    EVENTS,
    FEW_EPISODES,
    FREE,
    MAIN,
    NAMED,
    Treatment,
)
from replications.dopamine_manipulation.task import CENTRE, SHOW_BOTH


def shift(event: str, size: float, settings: Mapping[str, Any]) -> Manipulation:
    """Add ``size`` to the error after one kind of outcome, which is told by its reward."""
    paid = dict(zip(EVENTS, (settings["risky_reward"], settings["safe_reward"], 0.0), strict=True))[event]

    def manipulate(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
        pulled = (action >= 0) & (action != CENTRE)
        return torch.where(pulled & (reward == paid), error + size, error)

    return manipulate


class FreePullsAgent(NetworkAgent):
    """Networks whose error is manipulated after free pulls alone; memory keeps whether both arms were on offer."""

    def begin(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        return super().begin(seeds, episodes) | {"free": torch.zeros(seeds, episodes, dtype=torch.bool)}

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""

        def manipulate(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
            changed = error if self.manipulate is None else self.manipulate(error, reward, action)
            return torch.where(memory["free"], changed, error)

        own = manipulated(self, manipulate)
        after, probabilities, value, activity = own.step(memory, observation, last_reward, last_action)
        return after | {"free": observation[..., SHOW_BOTH] > 0}, probabilities, value, activity


def manipulated(agent: NetworkAgent, manipulate: Manipulation, kind: type[NetworkAgent] = NetworkAgent) -> NetworkAgent:
    """Return the same networks with a manipulated error."""
    return kind(agent.network, agent.parameters, agent.discount, agent.reward_scale, manipulate)


def digests(agent: NetworkAgent, seeds: list[int]) -> dict[int, str]:
    """Fingerprint of every network's weights, to the bit."""
    rows = agent.network.flatten(agent.parameters).numpy()
    return {seed: hashlib.sha256(row.tobytes()).hexdigest()[:16] for seed, row in zip(seeds, rows, strict=True)}


def play(trained: recording.Trained, treatment: Treatment, episodes: int) -> Recording:
    """Record networks under one treatment, and whether it changed any weight."""
    before = digests(trained.agent, trained.seeds)
    kind = FreePullsAgent if treatment.pulls == FREE else NetworkAgent
    agent = manipulated(trained.agent, shift(treatment.event, treatment.size, trained.config.settings()), kind)
    steps = treatment.manipulation == CONTROL and trained.condition == MAIN
    played = trained.record(episodes, agent=agent, columns=dataclasses.asdict(treatment), steps=steps)
    after = digests(agent, trained.seeds)
    changed = {seed: after[seed] != before[seed] for seed in trained.seeds}
    return dataclasses.replace(played, trials=played.trials.assign(weights_changed=played.trials["seed"].map(changed)))


def record(networks: recording.Networks, episodes: int) -> Iterator[Recording]:
    """Yield all networks under every treatment: the same episodes, with the same luck."""
    few = min(episodes, FEW_EPISODES)
    for condition in networks.conditions:
        trained, main = networks(condition), condition == MAIN
        for treatment in NAMED:
            yield play(trained, treatment, episodes if main else few)
        for treatment in DOSES if main else ():
            yield play(trained, treatment, few)


if __name__ == "__main__":
    recording.main(__file__)
