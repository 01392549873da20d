"""Test the trained networks with manipulated reward prediction errors, weights frozen (Methods, simulation 6: 1,333 episodes).

python -m replications.dopamine_manipulation.record --help
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor

from prefrontal import network, recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.dopamine_manipulation.conditions import CONTROL, DOSES, MANIPULATIONS, PULLS
from replications.dopamine_manipulation.task import CENTRE, RISKY_REWARD, SAFE_REWARD
from replications.dopamine_manipulation.train import VARIANTS, Config

REWARDS = {"risky win": RISKY_REWARD, "safe": SAFE_REWARD, "risky loss": 0.0}
"""Outcomes after a response to a side, and the reward that tells them apart."""


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 1333
    """Test episodes per network and condition (Methods, simulation 6: 1,333)."""
    extra_episodes: int = 300
    """Episodes per size of the dose-response, and per condition of the networks that depart from the default."""


def shift(event: str, size: float) -> network.Manipulation:
    """Add ``size`` to the error after one kind of outcome."""

    def manipulate(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
        pulled = (action >= 0) & (action != CENTRE)
        return torch.where(pulled & (reward == REWARDS[event]), error + size, error)

    return manipulate


class FreePullsAgent(recording.NetworkAgent):
    """Networks whose error is manipulated after free pulls alone; memory keeps whether both arms were on offer."""

    def begin(self, seeds: int, episodes: int) -> Any:
        """Return the learned initial state."""
        return super().begin(seeds, episodes) | {"free": torch.zeros(seeds, episodes, dtype=torch.bool)}

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""

        def manipulate(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
            changed = error if self.manipulate is None else self.manipulate(error, reward, action)
            return torch.where(memory["free"], changed, error)

        after, probabilities, value = self.network.step(memory, observation, last_reward, last_action, manipulate)
        return after | {"free": observation[..., 1] > 0}, probabilities, value, after["activity"]


def digests(agent: recording.NetworkAgent, seeds: list[int]) -> dict[int, str]:
    """Fingerprint of every network's weights, to the bit."""
    rows = agent.network.flat.numpy()
    return {seed: hashlib.sha256(row.tobytes()).hexdigest()[:16] for seed, row in zip(seeds, rows, strict=True)}


@dataclass(frozen=True)
class Condition:
    """One test condition: ``size`` is added to the error after ``event``, in all ``pulls`` or in free ones alone."""

    name: str
    event: str
    size: float
    pulls: str = "all"


NAMED = [
    Condition(CONTROL, "safe", 0.0),
    *(Condition(m.name, m.event, m.size, pulls) for pulls in PULLS for m in MANIPULATIONS),
]
"""Control, and the conditions of Fig. 7 with manipulation after all pulls and after free ones alone."""

DOSED = [Condition(f"dose: {m.event}", m.event, size) for m in MANIPULATIONS for size in DOSES]
"""The dose-response."""


def play_condition(
    agent: recording.NetworkAgent, config: Config, seeds: list[int], condition: Condition, episodes: int, steps: bool
) -> recording.Tables:
    """Record networks in one condition, and whether it changed any weight."""
    before = digests(agent, seeds)
    kind = FreePullsAgent if condition.pulls == "free" else recording.NetworkAgent
    subject = kind(agent.network, manipulate=shift(condition.event, condition.size))
    tables = recording.record(
        subject, config.task(), seeds, config.condition, episodes, discount=agent.network.discount.tolist(), steps=steps
    )
    after = digests(subject, seeds)
    changed = {seed: after[seed] != before[seed] for seed in seeds}
    trials = tables.trials.assign(
        manipulation=condition.name,
        size=condition.size,
        pulls=condition.pulls,
        weights_changed=tables.trials["seed"].map(changed),
    )
    return recording.Tables(trials, tables.steps, tables.activity)


def main(options: Options) -> None:
    """Write the trials of all networks and conditions: the same episodes, with the same luck, in every condition."""
    folder, seeds = options.data / "dopamine_manipulation", list(range(options.seeds))
    few = min(options.episodes, options.extra_episodes)
    recorded, used = [], []
    for variant in VARIANTS:
        agent, configs = training.load_agent(folder / "networks", Config, Config(**variant).condition, seeds)
        episodes = few if variant else options.episodes
        for condition in NAMED:
            steps = condition.name == CONTROL and not variant
            recorded.append(play_condition(agent, configs[0], seeds, condition, episodes, steps))
        recorded += [play_condition(agent, configs[0], seeds, condition, few, False) for condition in DOSED if not variant]
        used += configs
    recording.write(recording.join(recorded), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
