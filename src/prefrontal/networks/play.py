"""Let an agent play a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import RandomStreams, State, Task, sample

EPISODES_AT_ONCE = 100
"""Episodes per network that are played side by side; bounds the memory that a recording needs."""


class Agent(Protocol):
    """What can be recorded: it turns observation, last reward and last action into a policy, step by step."""

    def reset(self, seeds: int, episodes: int) -> Any:
        """Memory at the start of an episode."""

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step -> memory, probabilities (network, episode, actions), value (network, episode), activity."""


@dataclass(frozen=True)
class Step:
    """One time step of a batch of episodes; every tensor is (network, episode, ...)."""

    state: State
    observation: Tensor | None
    probabilities: Tensor
    value: Tensor
    activity: Tensor | None
    action: Tensor
    reward: Tensor
    after: State


class History(NamedTuple):
    """Actions and rewards that are forced on whoever plays, each (network, episode, step)."""

    action: Tensor
    reward: Tensor


@torch.inference_mode()
def play(agent: Agent, task: Task, noise: RandomStreams, episodes: int, forced: History | None = None) -> Iterator[Step]:
    """Let an agent play whole episodes side by side, one time step per iteration.

    Actions are sampled from the policy, as in training (Methods: "sampled also at test"), unless they are forced.
    """
    seeds = len(noise.generators)
    state, observation = task.reset(noise.uniform(episodes, task.reset_noise))
    memory = agent.reset(seeds, episodes)
    reward = torch.zeros(seeds, episodes)
    action = torch.full((seeds, episodes), -1)
    for t in range(task.episode_steps):
        memory, probabilities, value, activity = agent.step(memory, observation, reward, action)
        uniform = noise.uniform(episodes, 1 + task.step_noise)
        action = sample(probabilities, uniform[..., 0]) if forced is None else forced.action[..., t]
        after, following, reward = task.step(state, action, uniform[..., 1:])
        if forced is not None:
            reward = forced.reward[..., t]
            after = after | {"reward": reward}
        yield Step(state, observation, probabilities, value, activity, action, reward, after)
        if after["done"].all():
            return
        state, observation = after, following


def evaluate(agent: Agent, task: Task, seeds: list[int], episodes: int, purpose: str) -> np.ndarray:
    """Mean reward per episode of each network, (network,), over episodes of their own stream ``purpose``."""
    total = torch.zeros(len(seeds))
    for step in play(agent, task, RandomStreams(seeds, purpose), episodes):
        total += (step.reward * ~step.state["done"]).mean(1)
    return total.numpy()
