"""Record networks trained under interference with dopamine, and two-step networks with the value silenced; weights frozen.

python -m replications.predictions.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from prefrontal.networks import load

pass  # moved
from prefrontal.networks.network import NetworkAgent
from prefrontal.tables.recording import Recording
from replications.predictions.variants import SEES, SILENCED

SHOWN = ("fixation", "stage 1", "stage 2", "stage 2")
"""Period in which each observation of the two-step task is shown: fixation, stage 1, S1, S2."""


def mean_values(steps: pd.DataFrame, how: str) -> Tensor:
    """Mean value of each network while an observation is shown, (seed, observation): of its period, or of all steps."""
    by_period = steps.groupby(["seed", "period"], observed=True)["value"].mean().unstack("period")
    means = by_period[list(SHOWN)]
    if how == "throughout":
        means = means.apply(lambda _: steps.groupby("seed")["value"].mean())
    return torch.tensor(means.to_numpy(), dtype=torch.float32)


class SilencedAgent(NetworkAgent):
    """Networks whose value is replaced by a mean wherever a reward prediction error is computed from it.

    Parameters
    ----------
    agent : NetworkAgent
    means : Tensor
        (seed, observation): what stands for the value while an observation (one-hot) is shown, in the task's units.
    """

    def __init__(self, agent: NetworkAgent, means: Tensor) -> None:
        super().__init__(agent.network, agent.parameters, agent.discount, agent.reward_scale)
        self.means = means

    def reset(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        return super().reset(seeds, episodes) | {"mean_value": torch.zeros(seeds, episodes)}

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        scale, discount = self.reward_scale[:, None], self.discount[:, None]
        mean_value = (observation * self.means[:, None]).sum(-1)

        def silence(error: Tensor, reward: Tensor, action: Tensor) -> Tensor:
            silenced = reward + scale * (discount * mean_value - memory["mean_value"])
            return torch.where(action >= 0, silenced, error)

        self.manipulate = silence
        after, probabilities, _, activity = super().step(memory, observation, last_reward, last_action)
        return after | {"mean_value": mean_value}, probabilities, mean_value, activity


def record(networks: load.Networks, episodes: int) -> Iterator[Recording]:
    """Record intact networks as they are, and on the same episodes with the value silenced; then those interfered with."""
    intact, *silenced = SILENCED
    for variant in SEES:
        trained = networks(variant, "two_step")
        recorded = trained.record(episodes, columns={"silenced": intact})
        yield recorded
        for how in silenced:
            agent = SilencedAgent(trained.agent, mean_values(recorded.steps, how))
            yield trained.record(episodes, agent=agent, columns={"silenced": how})
    for variant in networks.variants:
        yield networks(variant).record(episodes, columns={"silenced": intact}, steps=False)


if __name__ == "__main__":
    load.main(__file__)
