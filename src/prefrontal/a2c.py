"""Advantage actor-critic for a population of networks (Mnih et al. 2016; Wang et al. 2018, Methods, "Learning").

For every time step t of an unroll, the gradient that is followed upwards is

    delta_t * grad log pi(a_t)  +  beta_v * delta_t * grad V_t  +  beta_e * grad H(pi_t),

with delta_t = R_t - V_t, and R_t the discounted rewards to the end of the episode, or of the unroll, where the value of the
next step stands for the rest. Contributions are summed over the unroll and averaged over episodes played side by side.
Supervised networks follow grad log pi(a*_t) in place of the first term, where a*_t is the action that the task says was right.

A time step (network, sampling and task together) is compiled for the loop over an unroll; policy and value are then read from
the activity of the whole unroll at once, and PyTorch differentiates. Cores that can (attention) play without gradient first, and
then compute the activity of all steps at once.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from prefrontal.compiling import Loop, Tensors, compiler_found
from prefrontal.network import Memory, Moment, Network, Parameters, read
from prefrontal.task import State, Supervised, Task

Costs = dict[str, Tensor]
"""Numeric settings, one entry per network, each (seed,): discount, value_cost, reward_scale, learning_rate, rms_decay,
rms_epsilon, gradient_clip, rpe_scale, negative_rpe_scale and rpe_noise."""

Record = dict[str, Tensor]
"""What an unroll leaves, each (seed, steps, episode, ...): ``action``, ``reward`` (scaled; zero once the episode is over),
``running`` (the episode had not ended before the step), ``over`` (it had after the step), the activity of every core (and its
input, if it is among its memory), and for supervised networks ``target``, the right action."""


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


def open_stream(task: Task, network: Network, p: Parameters, noise: Tensor) -> Stream:
    """Open an episode in every slot: noise (seed, episode, begin_noise)."""
    state, observation = task.begin(noise)
    blank = torch.zeros_like(noise[..., 0])
    memory = network.begin(p, noise.shape[1])
    return Stream(state, memory, observation, blank, torch.full_like(blank, -1, dtype=torch.int64))


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions from softmax policies with one uniform number each."""
    each = logits.unbind(-1)  # action by action, which compiles into one loop with the task
    largest = functools.reduce(torch.maximum, each)
    weights = [torch.exp(logit - largest) for logit in each]
    threshold = uniform * sum(weights)
    action, reached = torch.zeros_like(uniform, dtype=torch.int64), torch.zeros_like(uniform)
    for weight in weights[:-1]:
        reached = reached + weight
        action = action + (threshold >= reached)
    return action


def step(
    task: Task, network: Network, p: Parameters, costs: Costs, stream: Stream, noise: Tensor, supervised: bool = False
) -> tuple[Stream, Record]:
    """Take one time step with noise (seed, episode, 1 + step_noise) -> where the episodes stand, and its record."""
    moment = Moment(stream.observation, stream.reward, stream.action)
    memory, logits, _ = network.step(p, stream.memory, moment, costs["discount"])
    action = sample(logits.detach(), noise[..., 0])
    running = ~stream.state["over"]
    state, observation, reward = task.step(stream.state, action, noise[..., 1:])
    reward = reward * costs["reward_scale"][:, None] * running
    kept = [f"{prefix}{name}" for prefix in network.readouts for name in ("activity", "input")]
    cores = {name: memory[name] for name in kept if name in memory}
    record = {"action": action, "reward": reward, "running": running, "over": state["over"], **cores}
    if supervised:
        record["target"] = cast(Supervised, task).target(state)
    return Stream(state, memory, observation, reward, action), record


def discounted_returns(reward: Tensor, over: Tensor, rest: Tensor, discount: Tensor) -> Tensor:
    """Sum discounted rewards to the end of the episode or of the unroll.

    Parameters
    ----------
    reward, over : Tensor
        (seed, steps, episode): reward of a step, and whether the episode was over after it.
    rest : Tensor
        (seed, episode): value of the step after the unroll.
    discount : Tensor
        (seed,).

    Returns
    -------
    Tensor
        R_t, (seed, steps, episode).
    """
    total, share = reward, discount[:, None, None] * ~over
    total = torch.cat([total[:, :-1], (total[:, -1] + share[:, -1] * rest)[:, None]], dim=1)
    reach = 1
    while reach < reward.shape[1]:  # total holds the next `reach` rewards of each step, then twice as many
        later, further = (torch.nn.functional.pad(x[:, reach:], (0, 0, 0, reach)) for x in (total, share))
        total, share = total + share * later, share * further
        reach *= 2
    return total


def interfere(delta: Tensor, costs: Costs, normal: Tensor) -> Tensor:
    """Reward prediction errors (seed, ...) as they drive learning under interference with dopamine.

    All are scaled, negative ones once more (0 clips them at zero), then noise is added: ``normal`` (seed, ...), standard normal.
    """

    def column(name: str) -> Tensor:
        return costs[name].reshape(-1, *(1,) * (delta.ndim - 1))

    scale = column("rpe_scale") * torch.where(delta < 0, column("negative_rpe_scale"), 1.0)
    return scale * delta + column("rpe_noise") * normal


def loss(
    network: Network,
    p: Parameters,
    record: Record,
    rest: Tensor,
    costs: Costs,
    entropy_cost: Tensor,
    rpe_noise: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What training descends, (seed,), and what the learning curve shows.

    Parameters
    ----------
    rest : Tensor
        (seed, episode): value of the step after the unroll.
    entropy_cost : Tensor
        beta_e now, (seed,).
    rpe_noise : Tensor, optional
        Standard normal numbers (seed, steps, episode); where they are given, learning is interfered with (``interfere``).

    Returns
    -------
    loss : Tensor
    monitor : dict
        Reward per episode played side by side, entropy in nats and squared value error per step, and how many episodes ended,
        each (seed,).
    """
    action, reward, running = (record[name] for name in ("action", "reward", "running"))
    outputs = {
        name: read(p, name, record[f"{prefix}activity"].flatten(1, 2)).unflatten(1, action.shape[1:])
        for prefix, names in network.readouts.items()
        for name in names
    }
    value, log_policy = outputs["value"][..., 0], torch.log_softmax(outputs["policy"], dim=-1)
    entropy = -(log_policy.exp() * log_policy).sum(-1)
    chosen = log_policy.gather(-1, record.get("target", action)[..., None])[..., 0]
    delta = discounted_returns(reward, record["over"], rest, costs["discount"]) - value.detach()
    drive = delta if rpe_noise is None else interfere(delta, costs, rpe_noise)
    scaled_value = costs["value_cost"][:, None, None] * value
    learned = chosen + drive * scaled_value if "target" in record else drive * (chosen + scaled_value)
    gain = learned + entropy_cost[:, None, None] * entropy
    episodes, steps = action.shape[2], running.sum((1, 2))
    monitor = {
        "reward": reward.sum((1, 2)) / episodes,
        "entropy": (entropy.detach() * running).sum((1, 2)) / steps,
        "value_error": (delta**2 * running).sum((1, 2)) / steps,
        "ended": (record["over"] & running).sum((1, 2)),
    }
    return -(gain * running).sum((1, 2)) / episodes, monitor


def rmsprop(flat: Tensor, square: Tensor, gradient: Tensor, costs: Costs, rate: Tensor) -> tuple[Tensor, Tensor]:
    """Take one RMSProp step down the gradient: -> parameters and running mean square, each (seed, size).

    ``rate`` multiplies the learning rate: a schedule, or rates of their own for some parameters; it broadcasts to (seed, size).
    """
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    gradient = gradient * (costs["gradient_clip"][:, None] / norm.clamp_min(1e-12)).clamp_max(1)
    decay = costs["rms_decay"][:, None]
    square = decay * square + (1 - decay) * gradient * gradient
    step = costs["learning_rate"][:, None] * rate * gradient / (square.sqrt() + costs["rms_epsilon"][:, None])
    return flat - step, square


class Unroll:
    """Plays unrolls of one task and returns their gradients.

    Parameters
    ----------
    task : Task
    network : Network
    at_once : bool
        A new episode begins as soon as one ends; else where the next unroll begins.
    compiled : bool
        Compile the time step. Without a C++ compiler it runs uncompiled, with a warning and the same results.
    supervised : bool
        Record the actions that the task says were right, which ``loss`` then follows.

    Attributes
    ----------
    noise : int
        How many uniform numbers ``gradient`` takes per episode and time step.
    loop : Loop or None
        The compiled loop; it compiles in the first call of ``gradient``.
    """

    def __init__(
        self, task: Task, network: Network, at_once: bool = False, compiled: bool = False, supervised: bool = False
    ) -> None:
        self.task, self.network, self.at_once, self.supervised = task, network, at_once, supervised
        self.parallel = network.parallel and not at_once
        self.noise = 1 + task.step_noise + (task.begin_noise if at_once else 0)
        compiled = compiled and compiler_found()
        self.loop = Loop(self._step, lambda name: name.startswith("memory.") and not self.parallel) if compiled else None

    def _step(self, fixed: Tensors, carried: Tensors, noise: Tensor) -> tuple[Tensors, Record]:
        """Take one time step, as ``Loop`` wants it."""
        after, record = self.advance(fixed, fixed, Stream.unflatten(carried), noise)
        return after.flatten(), record

    def advance(self, p: Parameters, costs: Costs, stream: Stream, noise: Tensor) -> tuple[Stream, Record]:
        """Take one time step with noise (seed, episode, ``self.noise``); where episodes reopen at once, open those that ended."""
        chance, opening = noise[..., : 1 + self.task.step_noise], noise[..., 1 + self.task.step_noise :]
        stream, record = step(self.task, self.network, p, costs, stream, chance, self.supervised)
        if self.at_once:
            stream = stream.where(record["over"], open_stream(self.task, self.network, p, opening))
        return stream, record

    def play(self, p: Parameters, costs: Costs, stream: Stream, noise: Tensor) -> tuple[Stream, Record]:
        """Play one unroll with noise (seed, steps, episode, ``self.noise``)."""
        if self.loop is not None:
            used = {name: costs[name] for name in ("discount", "reward_scale")}
            after, record = self.loop(p | used, stream.flatten(), noise)
            return Stream.unflatten(after), record
        steps: list[Record] = []
        for now in noise.unbind(1):
            stream, record = self.advance(p, costs, stream, now)
            steps.append(record)
        return stream, {name: torch.stack([record[name] for record in steps], dim=1) for name in steps[0]}

    def gradient(
        self,
        flat: Tensor,
        costs: Costs,
        stream: Stream | None,
        opening: Tensor,
        noise: Tensor,
        entropy_cost: Tensor,
        rpe_noise: Tensor | None = None,
    ) -> tuple[Tensor, Stream, dict[str, Tensor]]:
        """Play one unroll and differentiate.

        Parameters
        ----------
        flat : Tensor
            Parameters, (seed, size).
        stream : Stream or None
            Where the episodes stand; None at the start of training.
        opening : Tensor
            (seed, episode, begin_noise), for the episodes that begin with this unroll.
        noise : Tensor
            (seed, steps, episode, ``self.noise``).
        entropy_cost, rpe_noise
            As in ``loss``.

        Returns
        -------
        gradient : Tensor
            Of the loss, (seed, size).
        stream : Stream
            Where the episodes stand now.
        monitor : dict
            As in ``loss``.
        """
        p = {name: view.detach().requires_grad_() for name, view in self.network.views(flat.detach()).items()}
        with torch.enable_grad():
            if stream is None or stream.state["over"].any():
                fresh = open_stream(self.task, self.network, p, opening)
                stream = fresh if stream is None else stream.where(stream.state["over"], fresh)
            if self.parallel:
                with torch.no_grad():
                    after, record = self.play({name: view.detach() for name, view in p.items()}, costs, stream, noise)
                record |= self.network.follow(p, stream.memory, record)
            else:
                after, record = self.play(p, costs, stream, noise)
            with torch.no_grad():
                moment = Moment(after.observation, after.reward, after.action)
                rest = self.network.step(p, after.memory, moment, costs["discount"]).value
            total, monitor = loss(self.network, p, record, rest, costs, entropy_cost, rpe_noise)
            gradients = torch.autograd.grad(total.sum(), list(p.values()), materialize_grads=True)
        after.memory = {name: tensor.detach() for name, tensor in after.memory.items()}
        return self.network.flatten(dict(zip(p, gradients, strict=True))), after, monitor
