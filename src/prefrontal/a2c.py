"""Advantage actor-critic for a population of networks (Mnih et al. 2016; Wang et al. 2018, Methods, "Learning").

For every time step t of an unroll, the gradient that is followed upwards is

    delta_t * grad log pi(a_t)  +  beta_v * delta_t * grad V_t  +  beta_e * grad H(pi_t),

with delta_t = R_t - V_t, and R_t the discounted rewards to the end of the episode, or of the unroll, where the value of the
next step stands for the rest. Contributions are summed over the unroll and averaged over episodes played side by side.

Backpropagation through time is written out, since this loop is where the time goes: the recurrent part runs in compiled chunks
of time steps, everything else is one tensor operation for the whole unroll. The tests hold it to autograd.
"""

from __future__ import annotations

import functools
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from prefrontal.network import Layout, Parameters, heads, lstm_step, lstm_step_backward, network_input
from prefrontal.task import State, Task

LONGEST_CHUNK = 10
"""Time steps compiled into one program: longer chunks run little faster and compile slower."""


@dataclass(frozen=True)
class Costs:
    """Numeric hyperparameters, one entry per network, each (seed,)."""

    discount: Tensor
    value_cost: Tensor
    reward_scale: Tensor
    learning_rate: Tensor
    rms_decay: Tensor
    rms_epsilon: Tensor
    gradient_clip: Tensor


@dataclass
class Stream:
    """Where the running episodes stand between two updates; every tensor is (seed, episode, ...)."""

    state: State
    observation: Tensor
    reward: Tensor
    action: Tensor
    activity: Tensor
    cell: Tensor

    def where(self, mask: Tensor, other: Stream) -> Stream:
        """Take ``other`` where mask (seed, episode) holds and self elsewhere."""

        def pick(old: Tensor, new: Tensor) -> Tensor:
            return torch.where(mask.reshape(mask.shape + (1,) * (old.ndim - 2)), new, old)

        state = {name: pick(old, other.state[name]) for name, old in self.state.items()}
        rest = (pick(getattr(self, n), getattr(other, n)) for n in self.tensors())
        return Stream(state, *rest)

    @staticmethod
    def tensors() -> tuple[str, ...]:
        """Names of the entries beside ``state``."""
        return "observation", "reward", "action", "activity", "cell"


def fresh_stream(task: Task, parameters: Parameters, noise: Tensor) -> Stream:
    """Open an episode in every slot, with the learned initial LSTM state."""
    state, observation = task.begin(noise)
    seeds, episodes = observation.shape[:2]
    activity, cell = (
        parameters[name][:, None].expand(seeds, episodes, -1).contiguous() for name in ("initial_activity", "initial_cell")
    )
    blank = observation.new_zeros(seeds, episodes)
    return Stream(state, observation, blank, torch.full_like(blank, -1, dtype=torch.int64), activity, cell)


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions from softmax policies with one uniform number each."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(dim=-1)[..., :-1]
    return (uniform[..., None] >= cumulative).sum(dim=-1)


def rollout_chunk(
    task: Task, parameters: Parameters, reward_scale: Tensor, stream: dict[str, Any], noise: Tensor
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Play as many time steps as noise (seed, steps, episode, 1 + step_noise) has.

    Returns where the episodes stand, and what the backward pass needs, each (seed, steps, episode, ...). ``running`` tells
    which steps belong to an episode that had not ended.
    """
    actions = len(task.actions)
    state, observation, reward, action, activity, cell = stream.values()
    record: dict[str, list[Tensor]] = {
        name: [] for name in ("inputs", "gates", "previous_cell", "cell", "activity", "action", "reward", "running")
    }
    for t in range(noise.shape[1]):
        inputs = network_input(observation, reward, action, activity, actions)
        previous_cell = cell
        activity, cell, gates = lstm_step(parameters["lstm_weight"], parameters["lstm_bias"], inputs, cell)
        logits, _ = heads(parameters, activity)
        action = sample(logits, noise[:, t, :, 0])
        running = ~state["over"]
        state, observation, reward = task.step(state, action, noise[:, t, :, 1:])
        reward = reward * reward_scale[:, None] * running
        step = (inputs, gates, previous_cell, cell, activity, action, reward, running)
        for name, entry in zip(record, step, strict=True):
            record[name].append(entry)
    after = dict(zip(stream, (state, observation, reward, action, activity, cell), strict=True))
    return after, {name: torch.stack(entries, dim=1) for name, entries in record.items()}


def backward_chunk(
    recurrent_weight: Tensor,
    record: dict[str, Tensor],
    d_heads: Tensor,
    d_activity: Tensor,
    d_cell: Tensor,
    d_weight: Tensor,
    d_bias: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Carry gradients back through a chunk.

    Returns the gradients at its first activity and cell, and those of the LSTM's weight and bias with the chunk's share added.
    """
    d_gates: list[Tensor] = []
    for t in reversed(range(d_heads.shape[1])):
        gates, cell, previous_cell = (record[name][:, t] for name in ("gates", "cell", "previous_cell"))
        d_activity, d_cell, d_gate = lstm_step_backward(
            recurrent_weight, gates, cell, previous_cell, d_activity + d_heads[:, t], d_cell
        )
        d_gates.append(d_gate)
    d_gate = torch.stack(d_gates[::-1], dim=1).flatten(1, 2)
    d_weight = d_weight + torch.bmm(record["inputs"].flatten(1, 2).mT, d_gate)
    return d_activity, d_cell, d_weight, d_bias + d_gate.sum(1)


def discounted_returns(reward: Tensor, rest: Tensor, discount: Tensor) -> Tensor:
    """Sum discounted rewards to the end of the episode or of the unroll.

    Parameters
    ----------
    reward : Tensor
        (seed, steps, episode), zero after the end of an episode.
    rest : Tensor
        (seed, episode): value of the step after the unroll; zero where the episode has ended.
    discount : Tensor
        (seed,).

    Returns
    -------
    Tensor
        R_t, (seed, steps, episode).
    """
    steps = reward.shape[1]
    total = torch.cat([reward, rest[:, None]], dim=1)
    reach = 1
    while reach <= steps:  # total holds the next `reach` rewards of each step, then twice as many
        later = torch.nn.functional.pad(total[:, reach:], (0, 0, 0, reach))
        total = total + (discount**reach)[:, None, None] * later
        reach *= 2
    return total[:, :steps]


def head_gradients(
    parameters: Parameters, record: dict[str, Tensor], rest: Tensor, discount: Tensor, value_cost: Tensor, entropy_cost: Tensor
) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
    """Gradients of the loss at policy and value, for the whole unroll at once.

    Returns
    -------
    gradients : dict
        Of the policy's and the value's weights and biases.
    d_activity : Tensor
        (seed, steps, episode, units).
    monitor : dict
        Reward per episode, entropy in nats and squared value error per step, each (seed,).
    """
    activity = record["activity"].flatten(1, 2)
    logits, value = heads(parameters, activity)
    running = record["running"].flatten(1, 2)
    weight = running.to(activity.dtype) / record["running"].shape[2]
    returns = discounted_returns(record["reward"], rest, discount).flatten(1, 2)
    log_policy = torch.log_softmax(logits, dim=-1)
    policy = log_policy.exp()
    entropy = -(policy * log_policy).sum(-1)
    delta = (returns - value) * weight

    chosen = torch.zeros_like(policy).scatter_(-1, record["action"].flatten(1, 2)[..., None], 1)
    d_logits = delta[..., None] * (policy - chosen)
    d_logits += (entropy_cost[:, None] * weight)[..., None] * policy * (log_policy + entropy[..., None])
    d_value = -value_cost[:, None] * delta

    d_heads = torch.cat([d_logits, d_value[..., None]], dim=-1)  # both heads in one product
    d_weight, d_bias = torch.bmm(activity.mT, d_heads), d_heads.sum(1)
    gradients = {
        "policy_weight": d_weight[..., :-1],
        "policy_bias": d_bias[:, :-1],
        "value_weight": d_weight[..., -1:],
        "value_bias": d_bias[:, -1:],
    }
    weights = torch.cat([parameters["policy_weight"], parameters["value_weight"]], dim=-1)
    d_activity = torch.bmm(d_heads, weights.mT)
    steps = running.sum(1)
    monitor = {
        "reward": record["reward"].sum((1, 2)) / record["reward"].shape[2],
        "entropy": (entropy * running).sum(1) / steps,
        "value_error": ((returns - value) ** 2 * running).sum(1) / steps,
    }
    return gradients, d_activity.unflatten(1, record["running"].shape[1:]), monitor


def rmsprop(flat: Tensor, square: Tensor, gradient: Tensor, costs: Costs) -> tuple[Tensor, Tensor]:
    """Take one RMSProp step down the gradient: -> parameters and running mean square, each (seed, size)."""
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    gradient = gradient * (costs.gradient_clip[:, None] / norm.clamp_min(1e-12)).clamp_max(1)
    decay = costs.rms_decay[:, None]
    square = decay * square + (1 - decay) * gradient * gradient
    step = costs.learning_rate[:, None] * gradient / (square.sqrt() + costs.rms_epsilon[:, None])
    return flat - step, square


class Unroll:
    """Plays unrolls of one task and returns their gradients, with the inner loops compiled where a compiler is found.

    Parameters
    ----------
    task : Task
    layout : Layout
    steps : int
        Time steps of an unroll (t_max).
    compiled : bool
        Compile the chunks of time steps. Without a C++ compiler they run eagerly, with a warning and the same results.
    """

    def __init__(self, task: Task, layout: Layout, steps: int, compiled: bool = True) -> None:
        self.task, self.layout, self.steps = task, layout, steps
        self.chunk = max(k for k in range(1, LONGEST_CHUNK + 1) if steps % k == 0)

        def play(
            parameters: Parameters, reward_scale: Tensor, stream: dict[str, Any], noise: Tensor
        ) -> tuple[dict[str, Any], dict[str, Tensor]]:
            return rollout_chunk(task, parameters, reward_scale, stream, noise)

        def prepare(function: Callable[..., Any]) -> Callable[..., Any]:
            return torch.compile(function, dynamic=False) if compiled and compiler_found() else function

        self._play = prepare(play)
        self._back = prepare(backward_chunk)
        self._heads = prepare(head_gradients)
        self.rmsprop = prepare(rmsprop)

    def play(
        self, parameters: Parameters, reward_scale: Tensor, stream: Stream, noise: Tensor
    ) -> tuple[Stream, list[dict[str, Tensor]]]:
        """Play one unroll with noise (seed, steps, episode, 1 + step_noise)."""
        now: dict[str, Any] = {"state": stream.state, **{name: getattr(stream, name) for name in Stream.tensors()}}
        chunks = []
        for part in noise.split(self.chunk, dim=1):
            now, record = self._play(parameters, reward_scale, now, part.contiguous())
            chunks.append(record)
        return Stream(**now), chunks

    def gradients(
        self,
        parameters: Parameters,
        chunks: list[dict[str, Tensor]],
        after: Stream,
        fresh: Tensor,
        costs: Costs,
        entropy_cost: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradient of the loss, flat (seed, size), and what the learning curve shows.

        ``fresh`` (seed, episode) tells which episodes began with this unroll, from the learned initial state.
        """
        whole = {
            name: torch.cat([chunk[name] for chunk in chunks], dim=1) for name in ("activity", "action", "reward", "running")
        }
        rest = self._rest(parameters, after)
        grads, d_heads, monitor = self._heads(parameters, whole, rest, costs.discount, costs.value_cost, entropy_cost)
        recurrent = parameters["lstm_weight"][:, self.layout.inputs :].mT.contiguous()
        d_activity = d_cell = torch.zeros_like(after.activity)
        d_weight, d_bias = (torch.zeros_like(parameters[name]) for name in ("lstm_weight", "lstm_bias"))
        for chunk, d_chunk in zip(reversed(chunks), reversed(d_heads.split(self.chunk, dim=1)), strict=True):
            d_activity, d_cell, d_weight, d_bias = self._back(
                recurrent, chunk, d_chunk.contiguous(), d_activity, d_cell, d_weight, d_bias
            )
        grads["lstm_weight"], grads["lstm_bias"] = d_weight, d_bias
        grads["initial_activity"] = (d_activity * fresh[..., None]).sum(1)
        grads["initial_cell"] = (d_cell * fresh[..., None]).sum(1)
        return self.layout.flatten(grads), monitor

    def _rest(self, parameters: Parameters, after: Stream) -> Tensor:
        """Value of the step that follows the unroll; zero where the episode is over."""
        inputs = network_input(after.observation, after.reward, after.action, after.activity, self.layout.actions)
        activity, _, _ = lstm_step(parameters["lstm_weight"], parameters["lstm_bias"], inputs, after.cell)
        return heads(parameters, activity)[1] * ~after.state["over"]


@functools.cache
def compiler_found() -> bool:
    """Tell whether chunks can be compiled; if not, say so once."""
    found = shutil.which(os.environ.get("CXX", "g++")) is not None
    if not found:
        warnings.warn("no C++ compiler found: training runs uncompiled, about five times slower", stacklevel=2)
    return found
