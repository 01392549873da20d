"""Advantage actor-critic as usually written: one network, one environment, step by step, autograd.

The library's gradients are tested against it, and its speed is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from prefrontal.networks.network import Network


class TextbookNetwork(nn.Module):
    """LSTM actor-critic with a learned initial state."""

    def __init__(self, observations: int, actions: int, units: int) -> None:
        super().__init__()
        self.actions = actions
        self.cell = nn.LSTMCell(observations + 1 + actions, units)
        self.policy = nn.Linear(units, actions)
        self.value = nn.Linear(units, 1)
        self.initial_activity = nn.Parameter(torch.zeros(units))
        self.initial_cell = nn.Parameter(torch.zeros(units))

    @classmethod
    def from_parameters(cls, ours: Network, parameters: dict[str, Tensor]) -> TextbookNetwork:
        """Build a network from the library's parameters of one network, without the (network)
        axis."""
        units = ours.core.units
        network = cls(ours.encoder.features, ours.actions, units).to(parameters["lstm_bias"].dtype)
        weight_ih, weight_hh = gate_order(parameters["lstm_weight"]).T.split(
            [ours.inputs(), units], dim=1
        )
        bias = gate_order(parameters["lstm_bias"])
        with torch.no_grad():
            for target, values in {
                network.cell.weight_ih: weight_ih,
                network.cell.weight_hh: weight_hh,
                network.cell.bias_ih: bias,
                network.cell.bias_hh: torch.zeros_like(bias),
                network.policy.weight: parameters["policy_weight"].T,
                network.policy.bias: parameters["policy_bias"],
                network.value.weight: parameters["value_weight"].T,
                network.value.bias: parameters["value_bias"],
                network.initial_activity: parameters["initial_activity"],
                network.initial_cell: parameters["initial_cell"],
            }.items():
                target.copy_(values)
        network.cell.bias_hh.requires_grad_(False)  # PyTorch's second bias, which adds nothing
        return network

    def to_parameters(self, of: Callable[[Tensor], Tensor] = Tensor.detach) -> dict[str, Tensor]:
        """Inverse of ``from_parameters``; ``of`` may return gradients instead of values."""
        cell = self.cell
        return {
            "lstm_weight": gate_order(torch.cat([of(cell.weight_ih), of(cell.weight_hh)], dim=1).T),
            "lstm_bias": gate_order(of(cell.bias_ih)),
            "policy_weight": of(self.policy.weight).T,
            "policy_bias": of(self.policy.bias),
            "value_weight": of(self.value.weight).T,
            "value_bias": of(self.value.bias),
            "initial_activity": of(self.initial_activity),
            "initial_cell": of(self.initial_cell),
        }

    def forward(self, episode: Episode) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
        """Return memory, policy logits (actions,) and value ()."""
        observation = torch.as_tensor(episode.observation, dtype=self.policy.weight.dtype)
        last_action = torch.zeros_like(self.policy.bias)
        if episode.action >= 0:
            last_action[episode.action] = 1
        inputs = torch.cat([observation, observation.new_tensor([episode.reward]), last_action])
        memory = self.cell(inputs[None], episode.memory)
        return memory, self.policy(memory[0])[0], self.value(memory[0])[0, 0]


def gate_order(tensor: Tensor) -> Tensor:
    """Swap output gate and candidate in the last axis.

    PyTorch's order is input, forget, candidate, output.
    """
    i, f, a, b = tensor.chunk(4, dim=-1)
    return torch.cat([i, f, b, a], dim=-1)


@dataclass
class Episode:
    """A running episode."""

    observation: np.ndarray
    reward: float
    action: int
    memory: tuple[Tensor, Tensor]
    done: bool = False


def reset(network: TextbookNetwork, env: gymnasium.Env) -> Episode:
    """Start an episode."""
    observation, _ = env.reset()
    return Episode(
        observation, 0.0, -1, (network.initial_activity[None], network.initial_cell[None])
    )


def sample(logits: Tensor) -> int:
    """Draw an action from the policy."""
    return int(torch.distributions.Categorical(logits=logits).sample())


def unroll(
    network: TextbookNetwork,
    env: gymnasium.Env,
    episode: Episode,
    steps: int,
    *,
    discount: float,
    value_cost: float,
    entropy_cost: float,
    reward_scale: float = 1.0,
    choose: Callable[[Tensor], int] = sample,
) -> tuple[Tensor, Episode]:
    """Play at most ``steps`` time steps; return the sum of their losses, and the episode."""
    log_policies, values, chosen, rewards = [], [], [], []
    for _ in range(steps):
        memory, logits, value = network(episode)
        action = choose(logits)
        observation, reward, done, _, _ = env.step(action)
        episode = Episode(observation, reward * reward_scale, action, memory, done)
        log_policies.append(functional.log_softmax(logits, dim=0))
        values.append(value)
        chosen.append(action)
        rewards.append(episode.reward)
        if done:
            break
    with torch.no_grad():
        total = values[0].new_zeros(()) if episode.done else network(episode)[2]
    loss = values[0].new_zeros(())
    for log_policy, value, action, reward in reversed(
        list(zip(log_policies, values, chosen, rewards, strict=True))
    ):
        total = reward + discount * total
        delta = total - value
        entropy = -(log_policy.exp() * log_policy).sum()
        loss = (
            loss
            - log_policy[action] * delta.detach()
            + value_cost * delta**2 / 2
            - entropy_cost * entropy
        )
    episode.memory = tuple(tensor.detach() for tensor in episode.memory)
    return loss, episode


def train(
    network: TextbookNetwork,
    env: gymnasium.Env,
    updates: int,
    steps: int,
    *,
    learning_rate: float = 7e-4,
    discount: float = 0.9,
    value_cost: float = 0.05,
    entropy_cost: float = 0.05,
    choose: Callable[[Tensor], int] = sample,
) -> None:
    """Train with one update per unroll; the defaults are the paper's."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.99, eps=1e-5)
    episode = None
    for _ in range(updates):
        if episode is None or episode.done:
            episode = reset(network, env)
        hyperparameters = {
            "discount": discount,
            "value_cost": value_cost,
            "entropy_cost": entropy_cost,
        }
        loss, episode = unroll(network, env, episode, steps, **hyperparameters, choose=choose)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
