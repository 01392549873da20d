"""Record networks trained under interference with dopamine, and two-step networks with the value silenced; weights frozen.

python -m replications.predictions.record --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import tyro
from torch import Tensor

from prefrontal import recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.predictions.conditions import INTACT, SILENCED
from replications.predictions.train import VARIANTS, Config
from replications.two_step import train as two_step

SHOWN = ("fixation", "stage 1", "stage 2", "stage 2")
"""Period in which each observation of the two-step task is shown: fixation, stage 1, S1, S2."""


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder; it also holds the two-step networks."""
    seeds: int = 8
    """Networks per condition, seeded 0, 1, ..."""
    episodes: int = 300
    """Test episodes per network and condition, those of replications/two_step (Methods, simulation 4: 300)."""


def mean_values(steps: pd.DataFrame, how: str) -> Tensor:
    """Mean value of each network while an observation is shown, (seed, observation): of its period, or of all steps."""
    by_period = steps.groupby(["seed", "period"], observed=True)["value"].mean().unstack("period")
    means = by_period[list(SHOWN)]
    if how == "throughout":
        means = means.apply(lambda _: steps.groupby("seed")["value"].mean())
    return torch.tensor(means.to_numpy(), dtype=torch.float32)


class SilencedAgent(recording.NetworkAgent):
    """Networks whose value is replaced by a mean wherever a reward prediction error is computed from it.

    Parameters
    ----------
    agent : NetworkAgent
    means : Tensor
        (seed, observation): what stands for the value while an observation (one-hot) is shown, in the task's units.
    """

    def __init__(self, agent: recording.NetworkAgent, means: Tensor) -> None:
        super().__init__(agent.network, agent.reward_scale)
        self.means = means

    def begin(self, seeds: int, episodes: int) -> Any:
        """Return the learned initial state."""
        return super().begin(seeds, episodes) | {"mean_value": torch.zeros(seeds, episodes)}

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        scale, discount = self.reward_scale[:, None], self.network.discount[:, None]
        mean_value = (observation * self.means[:, None]).sum(-1)

        def silence(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
            silenced = reward + scale * (discount * mean_value - memory["mean_value"])
            return torch.where(action >= 0, silenced, error)

        after, probabilities, _ = self.network.step(memory, observation, last_reward * scale, last_action, silence)
        return after | {"mean_value": mean_value}, probabilities, mean_value, after["activity"]


def record_silenced(options: Options, seeds: list[int], condition: str) -> tuple[list[recording.Tables], list[two_step.Config]]:
    """Record two-step networks as they are, and on the same episodes with the value silenced."""
    agent, configs = training.load_agent(options.data / "two_step" / "networks", two_step.Config, condition, seeds)
    task, discount = configs[0].task(), [config.discount for config in configs]
    parts = [recording.record(agent, task, seeds, condition, options.episodes, discount=discount)]
    for how in SILENCED:
        silenced = SilencedAgent(agent, mean_values(parts[0].steps, how))
        name = f"{condition} silenced {how}"
        parts.append(recording.record(silenced, task, seeds, name, options.episodes, discount=discount))
    return parts, configs


def main(options: Options) -> None:
    """Write trials of all networks, and steps of those that are intact in training."""
    folder, seeds = options.data / "predictions", list(range(options.seeds))
    recorded: list[recording.Tables] = []
    used: list[training.Config] = []
    for condition in INTACT.values():
        parts, configs = record_silenced(options, seeds, condition)
        recorded += parts
        used += configs
    for variant in VARIANTS:
        condition = Config(**variant).condition
        agent, own = training.load_agent(folder / "networks", Config, condition, seeds)
        recorded.append(recording.record(agent, own[0].task(), seeds, condition, options.episodes, steps=False))
        used += own
    recording.write(recording.join(recorded), folder, training.provenance(used))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
