"""Let an agent play a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from prefrontal.networks.network import NetworkAgent
from prefrontal.task import RandomStreams, State, Task, sample

EPISODES_AT_ONCE = 100
"""Episodes per network that are played in parallel; limits the memory that a recording needs."""


class Agent(Protocol):
    """Anything that can be recorded: it turns observation, last reward and last action into a
    policy."""

    def reset(self, seeds: int, episodes: int) -> Any:
        """Memory at the start of an episode."""

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step.

        Returns
        -------
        memory, probabilities, value, activity
            Probabilities are (network, episode, actions), the value is (network, episode).
        """


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
    episode: Tensor
    """Number of the episode of each entry, (network, episode); see ``play``, ``drop_done``."""


class History(NamedTuple):
    """Actions and rewards that the agent is forced to replay, each (network, episode, step)."""

    action: Tensor
    reward: Tensor


@torch.inference_mode()
def play(
    agent: Agent,
    task: Task,
    noise: RandomStreams,
    episodes: int,
    forced: History | None = None,
    *,
    drop_done: bool = False,
) -> Iterator[Step]:
    """Let an agent play whole episodes in parallel, one time step per iteration.

    Actions are sampled from the policy, as in training (Methods: "sampled also at test"), unless
    they are forced.

    Parameters
    ----------
    agent, task, noise, episodes, forced
    drop_done : bool
        Leave out finished episodes once they make up a tenth, which is faster. Entries of a step
        are then those of its ``episode``, some of which may be finished. The agent's memory must be
        a dictionary of tensors (network, episode, ...).
    """
    seeds = len(noise.generators)
    state, observation = task.reset(noise.uniform(episodes, task.reset_noise))
    memory = agent.reset(seeds, episodes)
    reward = torch.zeros(seeds, episodes, dtype=torch.float32)
    action = torch.full((seeds, episodes), -1)
    episode = torch.arange(episodes).expand(seeds, -1)
    for t in range(task.episode_steps):
        memory, probabilities, value, activity = agent.step(memory, observation, reward, action)
        uniform = _entries(noise.uniform(episodes, 1 + task.step_noise), episode)
        if forced is None:
            action = sample(probabilities, uniform[..., 0])
        else:
            action = _entries(forced.action[..., t], episode)
        after, following, reward = task.step(state, action, uniform[..., 1:])
        if forced is not None:
            reward = _entries(forced.reward[..., t], episode)
            after = after | {"reward": reward}
        yield Step(
            state, observation, probabilities, value, activity, action, reward, after, episode
        )
        if after["done"].all():
            return
        state, observation = after, following
        kept = _unfinished(after["done"]) if drop_done else None
        if kept is not None:
            state = {name: _entries(values, kept) for name, values in state.items()}
            memory = {name: _entries(values, kept) for name, values in memory.items()}
            observation, reward = _entries(observation, kept), _entries(reward, kept)
            action, episode = _entries(action, kept), _entries(episode, kept)


def _entries(values: Tensor, index: Tensor) -> Tensor:
    """Select entries (network, episode) of a tensor (network, episode, ...)."""
    if index.shape == values.shape[:2]:
        return values
    return values[torch.arange(len(index))[:, None], index]


def _unfinished(done: Tensor) -> Tensor | None:
    """Index the unfinished episodes, (network, episode); None while fewer than a tenth are done.

    Networks with fewer of them also get finished ones. The rows of a matrix product are
    bit-identical for any number of rows that is a multiple of 8 (MKL).
    """
    width = -(-int((~done).sum(1).max()) // 8) * 8
    if width > 0.9 * done.shape[1]:
        return None
    return done.int().argsort(dim=1, stable=True)[:, :width]


def evaluate(
    agent: NetworkAgent, task: Task, seeds: list[int], episodes: int, purpose: str
) -> np.ndarray:
    """Mean reward per episode of each network, (network,), over episodes of stream ``purpose``."""
    total = torch.zeros(len(seeds), dtype=torch.float32)
    for step in play(agent, task, RandomStreams(seeds, purpose), episodes, drop_done=True):
        total += (step.reward * ~step.state["done"]).sum(1) / episodes
    return total.numpy()
