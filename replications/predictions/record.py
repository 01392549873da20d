"""Record networks trained with perturbed errors, and two-step networks with the value silenced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from prefrontal.errors import check
from prefrontal.networks.load import Networks
from prefrontal.networks.network import NetworkAgent
from prefrontal.tables.recording import Recording
from replications.predictions.settings import BOTH, INTACT, OUTCOMES, SEES, SILENCED
from replications.two_step.settings import TwoStep

PERIODS = ("fixation", "stage 1", "stage 2", "stage 2")
"""Period in which each observation of the two-step task is shown: fixation, stage 1, S1, S2."""


def mean_values(steps: pd.DataFrame, silenced: str) -> Tensor:
    """Mean value of each network while an observation is shown, (network, observation).

    Parameters
    ----------
    steps : DataFrame
        Steps of the intact networks.
    silenced : {"by period", "throughout"}
        Mean of the observation's period, or of all steps.
    """
    by_period = (
        steps.groupby(["subject", "period"], observed=True)["value"].mean().unstack("period")
    )
    means = by_period.reindex(columns=list(PERIODS), fill_value=0.0)
    if silenced == "throughout":
        means = means.apply(lambda _: steps.groupby("subject")["value"].mean())
    return torch.tensor(means.to_numpy(), dtype=torch.float32)


class SilencedAgent(NetworkAgent):
    """Networks whose value is replaced by a mean in the computation of reward prediction errors.

    Parameters
    ----------
    agent : NetworkAgent
    means : Tensor
        Replaces the value while an observation (one-hot) is shown, in the task's units, (network,
        observation).
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
        after, probabilities, _, activity = super().step(
            memory, observation, last_reward, last_action
        )
        return after | {"mean_value": mean_value}, probabilities, mean_value, activity


class OutcomeAgent(NetworkAgent):
    """Networks that also report how they would choose after a different last outcome. They play as
    usual. In parallel, copies receive a changed outcome of the last trial at fixation, and continue
    to stage 1; what is returned as activity is the log odds of right against left of the copies,
    one per entry of ``OUTCOMES``.
    """

    def __init__(self, agent: NetworkAgent) -> None:
        super().__init__(agent.network, agent.parameters, agent.discount, agent.reward_scale)

    def reset(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        memory = super().reset(seeds, episodes)
        copies = {f"{name}/{k}": memory[k] for name in OUTCOMES for k in memory}
        return memory | copies

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        network_memory = {name: tensor for name, tensor in memory.items() if "/" not in name}
        outcome = (observation[..., 0] == 1) & (last_action >= 0)

        def advance(before: Any, reward: Tensor, shift: float) -> Any:
            self.manipulate = lambda error, *_: error + shift * outcome
            return super(OutcomeAgent, self).step(before, observation, reward, last_action)

        after, probabilities, value, _ = advance(network_memory, last_reward, 0.0)
        copies: dict[str, Any] = {}
        log_odds = []
        for name, (shift, paid) in OUTCOMES.items():
            before = {
                k: torch.where(
                    outcome.reshape(*outcome.shape, *(1,) * (tensor.ndim - 2)),
                    tensor,
                    memory[f"{name}/{k}"],
                )
                for k, tensor in network_memory.items()
            }
            reward = last_reward if paid is None else torch.where(outcome, paid, last_reward)
            copy, policy, _, _ = advance(before, reward, shift)
            copies |= {f"{name}/{k}": tensor for k, tensor in copy.items()}
            log_odds.append((policy[..., 1] / policy[..., 0]).log())
        return after | copies, probabilities, value, torch.stack(log_odds, dim=-1)


def record(networks: Networks, episodes: int) -> Iterator[Recording[TwoStep]]:
    """Record intact networks, on the same episodes with the value silenced, and the others."""
    intact = {variant: networks(variant, "two_step") for variant in SEES}
    perturbed = [networks(variant) for variant in networks.variants]
    task = intact[INTACT].settings.task
    for trained in perturbed:
        same = "that of the intact two-step networks; train those in the same data folder first"
        check(
            trained.settings.task == task,
            f"task of {trained.variant!r}",
            trained.settings.task,
            same,
        )
    unsilenced = {"silenced": SILENCED[0]}
    for trained in intact.values():
        recording = trained.record(
            episodes,
            agent=OutcomeAgent(trained.agent),
            columns=unsilenced,
            activity_periods=("stage 1",),
        )
        yield recording
        for silenced in SILENCED[1:]:
            agent = SilencedAgent(trained.agent, mean_values(recording.steps, silenced))
            yield trained.record(episodes, agent=agent, columns={"silenced": silenced})
    for trained in perturbed:
        options: dict[str, Any] = {}
        if trained.variant == BOTH:
            options = {"agent": OutcomeAgent(trained.agent), "activity_periods": ("stage 1",)}
        yield trained.record(episodes, columns=unsilenced, steps=False, **options)
