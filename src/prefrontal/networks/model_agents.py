"""Models and policies as agents that play a task and are recorded like networks
(``prefrontal.networks.record``)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from prefrontal.models.bandit import Policy, tally
from prefrontal.models.model import Model, Player

Counts = tuple[np.ndarray, np.ndarray]


def _tensor(array: np.ndarray) -> Tensor:
    return torch.as_tensor(np.asarray(array, dtype=np.float32))


class BanditAgent:
    """A bandit policy as an agent, for tasks whose trial is one time step and whose actions are the
    arms.

    Its value is the expected reward of the current trial, under uniform priors and its policy;
    later trials do not count, so recorded values are comparable to a network's only with a discount
    of 0. Its activity is its counts: successes of every arm, then failures.

    Parameters
    ----------
    policy : Policy
        See ``prefrontal.models.bandit``.
    arms : int
        Number of arms.
    """

    def __init__(self, policy: Policy, arms: int = 2) -> None:
        self.policy, self.arms = policy, arms

    def reset(self, seeds: int, episodes: int) -> Counts:
        """No pulls yet: successes and failures, each (network, episode, arms)."""
        none = np.zeros((seeds, episodes, self.arms), dtype=int)
        return none, none

    def step(
        self, memory: Counts, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Counts, Tensor, Tensor, Tensor]:
        """Count the last pull and choose the next one."""
        successes, failures = tally(*memory, last_action.numpy(), last_reward.numpy())
        probabilities = self.policy(successes, failures)
        value = (probabilities * (successes + 1) / (successes + failures + 2)).sum(-1)
        counts = np.concatenate([successes, failures], axis=-1)
        return (successes, failures), _tensor(probabilities), _tensor(value), _tensor(counts)


class ModelAgent:
    """A model of bandits as an agent, for tasks whose trial is one time step.

    Its actions are the arms; its activity is its memory of the arms and, if it perseverates, the
    last choice; its value is 0.

    Parameters
    ----------
    model : Model
    parameters : mapping
        Of the model.
    """

    def __init__(self, model: Model, parameters: Mapping[str, float]) -> None:
        self.model, self.parameters = model, parameters

    def reset(self, seeds: int, episodes: int) -> Player:
        """Start every episode."""
        return Player(self.model, self.parameters, seeds * episodes)

    def step(
        self, memory: Player, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Player, Tensor, Tensor, Tensor]:
        """Learn from the last trial and choose."""
        shape, model = last_action.shape, self.model
        choice, reward = last_action.numpy().ravel(), last_reward.numpy().ravel()
        memory.learn({"choice": choice, "reward": reward})
        p = softmax(memory.preferences(), axis=-1)
        arms = [name for name in model.memory if name not in model.errors]
        shown = [memory.memory[name] for name in arms]
        if "perseveration" in model.parameters:
            shown.append(memory.memory["last_choice"][:, None] == np.arange(model.options))
        activity = np.concatenate(shown, axis=-1)
        return (
            memory,
            _tensor(p.reshape(*shape, -1)),
            torch.zeros_like(last_reward),
            _tensor(activity.reshape(*shape, -1)),
        )
