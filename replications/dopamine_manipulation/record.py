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


def conditions(everything: bool) -> list[tuple[str, str, float, str, bool]]:
    """Test conditions: name, event, size, pulls, and whether it belongs to Fig. 7 itself (else to the supplement)."""
    chosen = [(CONTROL, "safe", 0.0, "all", True)]
    chosen += [(m.name, m.event, m.size, pulls, pulls == "all") for pulls in PULLS for m in MANIPULATIONS]
    if everything:
        chosen += [(f"dose: {m.event}", m.event, size, "all", False) for m in MANIPULATIONS for size in DOSES]
    return chosen


def main(options: Options) -> None:
    """Write the trials of all networks and conditions: the same episodes, with the same luck, in every condition."""
    folder, seeds = options.data / "dopamine_manipulation", list(range(options.seeds))
    few = min(options.episodes, options.extra_episodes)
    recorded, used = [], []
    for variant in VARIANTS:
        condition = Config(**variant).condition
        agent, configs = training.load_agent(folder / "networks", Config, condition, seeds)
        before, discount = digests(agent, seeds), [config.discount for config in configs]
        for name, event, size, pulls, main_figure in conditions(everything=not variant):
            kind = FreePullsAgent if pulls == "free" else recording.NetworkAgent
            subject = kind(agent.network, manipulate=shift(event, size))
            episodes = few if variant or name.startswith("dose") else options.episodes
            keep = main_figure and not variant and name == CONTROL
            tables = recording.record(subject, configs[0].task(), seeds, condition, episodes, discount=discount, steps=keep)
            after = digests(subject, seeds)
            changed = {seed: after[seed] != before[seed] for seed in seeds}
            trials = tables.trials.assign(
                manipulation=name, size=size, pulls=pulls, weights_changed=tables.trials["seed"].map(changed)
            )
            recorded.append(
                recording.Tables(trials.astype({"manipulation": "category", "pulls": "category"}), tables.steps, tables.activity)
            )
        used += configs
    recording.write(recording.join(recorded), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
