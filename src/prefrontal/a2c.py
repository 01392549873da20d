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

from prefrontal.network import Layout, Memory, Parameters, advance, begin, lstm_step_backward, read
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
    rpe_scale: Tensor
    negative_rpe_scale: Tensor
    rpe_noise: Tensor


@dataclass
class Stream:
    """Where the running episodes stand between two updates; every tensor is (seed, episode, ...)."""

    state: State
    memory: Memory
    observation: Tensor
    reward: Tensor
    action: Tensor

    def where(self, mask: Tensor, other: Stream) -> Stream:
        """Take ``other`` where mask (seed, episode) holds and self elsewhere."""
        mine = self.flatten()

        def pick(name: str, new: Tensor) -> Tensor:
            return torch.where(mask.reshape(mask.shape + (1,) * (new.ndim - 2)), new, mine[name])

        return Stream.unflatten({name: pick(name, new) for name, new in other.flatten().items()})

    def flatten(self) -> dict[str, Tensor]:
        """All tensors by name, such as "state.trial", "memory.cell" or "reward"."""
        state, memory = ({f"{kind}.{name}": t for name, t in getattr(self, kind).items()} for kind in ("state", "memory"))
        return state | memory | {"observation": self.observation, "reward": self.reward, "action": self.action}

    @staticmethod
    def unflatten(tensors: dict[str, Tensor]) -> Stream:
        """Inverse of ``flatten``."""
        parts: dict[str, Any] = {"state": {}, "memory": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            if rest:
                parts[kind][rest] = tensor
            else:
                parts[kind] = tensor
        return Stream(**parts)


def fresh_stream(task: Task, layout: Layout, parameters: Parameters, noise: Tensor) -> Stream:
    """Open an episode in every slot, with the learned initial LSTM state."""
    state, observation = task.begin(noise)
    blank = torch.zeros_like(observation[..., 0])
    memory = begin(layout, parameters, observation.shape[1])
    return Stream(state, memory, observation, blank, torch.full_like(blank, -1, dtype=torch.int64))


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions from softmax policies with one uniform number each."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(dim=-1)[..., :-1]
    return (uniform[..., None] >= cumulative).sum(dim=-1)


def rollout_chunk(
    task: Task, layout: Layout, parameters: Parameters, costs: Costs, stream: dict[str, Any], noise: Tensor
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Play as many time steps as noise (seed, steps, episode, 1 + step_noise) has.

    Returns where the episodes stand, and what the backward pass needs, each (seed, steps, episode, ...). ``running`` tells
    which steps belong to an episode that had not ended.
    """
    state, memory, observation, reward, action = stream.values()
    record: list[dict[str, Tensor]] = []
    for t in range(noise.shape[1]):
        memory, logits, _, trace = advance(layout, parameters, costs.discount, memory, observation, reward, action)
        action = sample(logits, noise[:, t, :, 0])
        running = ~state["over"]
        state, observation, reward = task.step(state, action, noise[:, t, :, 1:])
        reward = reward * costs.reward_scale[:, None] * running
        record.append(trace | {"action": action, "reward": reward, "running": running})
    after = dict(zip(stream, (state, memory, observation, reward, action), strict=True))
    return after, {name: torch.stack([step[name] for step in record], dim=1) for name in record[0]}


def backward_chunk(
    recurrent_weight: Tensor,
    record: dict[str, Tensor],
    d_read: Tensor,
    d_activity: Tensor,
    d_cell: Tensor,
    d_weight: Tensor,
    d_bias: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Carry gradients back through a chunk.

    Returns the gradients at its first activity and cell, and those of the LSTM's weight and bias with the chunk's share added.
    """
    d_gates: list[Tensor] = []
    for t in reversed(range(d_read.shape[1])):
        gates, cell, previous_cell = (record[name][:, t] for name in ("gates", "cell", "previous_cell"))
        d_activity, d_cell, d_gate = lstm_step_backward(
            recurrent_weight, gates, cell, previous_cell, d_activity + d_read[:, t], d_cell
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


def interfere(delta: Tensor, costs: Costs, normal: Tensor) -> Tensor:
    """Reward prediction errors (seed, n) as they drive learning under interference with dopamine.

    All are scaled, negative ones once more (0 clips them at zero), then noise is added: ``normal`` (seed, n), standard normal.
    """
    scale = costs.rpe_scale[:, None] * torch.where(delta < 0, costs.negative_rpe_scale[:, None], 1.0)
    return scale * delta + costs.rpe_noise[:, None] * normal


def readout_gradients(
    layout: Layout,
    parameters: Parameters,
    record: dict[str, Tensor],
    rest: Tensor,
    costs: Costs,
    entropy_cost: Tensor,
    rpe_noise: Tensor | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of the loss at policy and value, for the whole unroll at once.

    Learning is interfered with where ``rpe_noise`` (seed, steps, episode) is given.

    Returns
    -------
    gradients : dict
        Of the policy's and the value's weights and biases.
    d_activity : dict
        By prefix of the LSTM, (seed, steps, episode, units).
    monitor : dict
        Reward per episode, entropy in nats and squared value error per step, each (seed,).
    """
    outputs = {
        name: read(parameters, name, record[f"{prefix}activity"].flatten(1, 2))
        for prefix, names in layout.readouts.items()
        for name in names
    }
    value = outputs["value"][..., 0]
    running = record["running"].flatten(1, 2)
    weight = running.to(value.dtype) / record["running"].shape[2]
    returns = discounted_returns(record["reward"], rest, costs.discount).flatten(1, 2)
    log_policy = torch.log_softmax(outputs["policy"], dim=-1)
    policy = log_policy.exp()
    entropy = -(policy * log_policy).sum(-1)
    delta = returns - value
    if rpe_noise is not None:
        delta = interfere(delta, costs, rpe_noise.flatten(1, 2))
    delta = delta * weight

    chosen = torch.zeros_like(policy).scatter_(-1, record["action"].flatten(1, 2)[..., None], 1)
    d_logits = delta[..., None] * (policy - chosen)
    d_logits += (entropy_cost[:, None] * weight)[..., None] * policy * (log_policy + entropy[..., None])
    d_outputs = {"policy": d_logits, "value": -(costs.value_cost[:, None] * delta)[..., None]}

    gradients: dict[str, Tensor] = {}
    d_activity: dict[str, Tensor] = {}
    for prefix, names in layout.readouts.items():
        d_read = torch.cat([d_outputs[name] for name in names], dim=-1)  # one product for all that is read from an LSTM
        weights = torch.cat([parameters[f"{name}_weight"] for name in names], dim=-1)
        sizes = [d_outputs[name].shape[-1] for name in names]
        d_weight = torch.bmm(record[f"{prefix}activity"].flatten(1, 2).mT, d_read)
        for name, w, b in zip(names, d_weight.split(sizes, dim=-1), d_read.sum(1).split(sizes, dim=-1), strict=True):
            gradients |= {f"{name}_weight": w, f"{name}_bias": b}
        d_activity[prefix] = torch.bmm(d_read, weights.mT).unflatten(1, record["running"].shape[1:])
    steps = running.sum(1)
    monitor = {
        "reward": record["reward"].sum((1, 2)) / record["reward"].shape[2],
        "entropy": (entropy * running).sum(1) / steps,
        "value_error": ((returns - value) ** 2 * running).sum(1) / steps,
    }
    return gradients, d_activity, monitor


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

        # PyTorch compiles one function for at most eight programs, then runs it uncompiled; forget those of populations before.
        torch.compiler.reset()

        def prepare(function: Callable[..., Any]) -> Callable[..., Any]:
            return torch.compile(function, dynamic=False) if compiled and compiler_found() else function

        self._play = prepare(functools.partial(rollout_chunk, task, layout))
        self._back = prepare(backward_chunk)
        self._readouts = prepare(functools.partial(readout_gradients, layout))
        self.rmsprop = prepare(rmsprop)

    def play(self, parameters: Parameters, costs: Costs, stream: Stream, noise: Tensor) -> tuple[Stream, list[dict[str, Tensor]]]:
        """Play one unroll with noise (seed, steps, episode, 1 + step_noise)."""
        now = dict(vars(stream))
        chunks = []
        for part in noise.split(self.chunk, dim=1):
            now, record = self._play(parameters, costs, now, part.contiguous())
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
        rpe_noise: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradient of the loss, flat (seed, size), and what the learning curve shows.

        ``fresh`` (seed, episode) tells which episodes began with this unroll, from the learned initial state. Learning is
        interfered with (see ``interfere``) where ``rpe_noise``, standard normal numbers (seed, steps, episode), is given.
        """
        prefixes = list(self.layout.readouts)
        names = ("action", "reward", "running", *(f"{prefix}activity" for prefix in prefixes))
        whole = {name: torch.cat([chunk[name] for chunk in chunks], dim=1) for name in names}
        rest = self._rest(parameters, costs, after)
        gradients, d_activity, monitor = self._readouts(parameters, whole, rest, costs, entropy_cost, rpe_noise)
        for prefix in prefixes:
            gradients |= self._through_time(parameters, prefix, chunks, d_activity[prefix], fresh)
        return self.layout.flatten(gradients), monitor

    def _through_time(
        self, parameters: Parameters, prefix: str, chunks: list[dict[str, Tensor]], d_read: Tensor, fresh: Tensor
    ) -> dict[str, Tensor]:
        """Gradients of one LSTM, given those at its activity (seed, steps, episode, units)."""
        weight, bias = parameters[f"{prefix}lstm_weight"], parameters[f"{prefix}lstm_bias"]
        recurrent = weight[:, self.layout.inputs :].mT.contiguous()
        d_activity = d_cell = torch.zeros_like(d_read[:, 0])
        d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        for chunk, d_chunk in zip(reversed(chunks), reversed(d_read.split(self.chunk, dim=1)), strict=True):
            trace = {name: chunk[prefix + name] for name in ("inputs", "gates", "previous_cell", "cell")}
            d_activity, d_cell, d_weight, d_bias = self._back(
                recurrent, trace, d_chunk.contiguous(), d_activity, d_cell, d_weight, d_bias
            )
        return {
            f"{prefix}lstm_weight": d_weight,
            f"{prefix}lstm_bias": d_bias,
            f"{prefix}initial_activity": (d_activity * fresh[..., None]).sum(1),
            f"{prefix}initial_cell": (d_cell * fresh[..., None]).sum(1),
        }

    def _rest(self, parameters: Parameters, costs: Costs, after: Stream) -> Tensor:
        """Value of the step that follows the unroll; zero where the episode is over."""
        last = after.memory, after.observation, after.reward, after.action
        _, _, value, _ = advance(self.layout, parameters, costs.discount, *last)
        return value * ~after.state["over"]


@functools.cache
def compiler_found() -> bool:
    """Tell whether chunks can be compiled; if not, say so once."""
    found = shutil.which(os.environ.get("CXX", "g++")) is not None
    if not found:
        warnings.warn("no C++ compiler found: training runs uncompiled, about five times slower", stacklevel=2)
    return found
