"""Networks: an encoder, a core and a wiring, with policy and value; many in one tensor.

A population holds the parameters of all its networks stacked along a leading (seed) axis, so that one batched tensor
program advances all of them. The networks never mix: entry s of every result depends on entry s of every argument only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from prefrontal.cores.lstm import from_lstm_cell
from prefrontal.cores.protocol import Core, Memory, Parallel, Parameters, Shapes
from prefrontal.encoders import Encoder
from prefrontal.task import NoiseStream, one_hot

Manipulation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Reward prediction error, last reward and last action, each (seed, episode) -> the error that the actor receives."""


class Moment(NamedTuple):
    """What a network is told at a time step."""

    observation: Tensor
    """(seed, episode, observations), or views (seed, episode, column, row, colour)."""
    reward: Tensor
    """Last reward, (seed, episode)."""
    action: Tensor
    """Last action, (seed, episode), int64; -1 at the start."""


class Output(NamedTuple):
    """What a network makes of it."""

    memory: Memory
    """Each (seed, episode, ...). Actor and critic apart: the critic's is prefixed, and ``value`` (seed, episode) is kept."""
    logits: Tensor
    """Policy before the softmax, (seed, episode, actions)."""
    value: Tensor
    """(seed, episode)."""


@dataclass(frozen=True)
class Network:
    """Actor-critics (Wang et al. 2018, Methods, "Architecture").

    Attributes
    ----------
    encoder : Encoder
    core : Core
    actions : int
        Number of actions.
    apart : bool
        Two encoders and cores in place of shared ones: a critic, which sees the last reward, and an actor, which sees the
        critic's reward prediction error in its place (Wang et al. 2018, Methods, simulation 6).
    sees_reward, sees_action : bool
        Whether the last reward (or error) and the last action are among the inputs.
    remembers : bool
        Whether the core's state outlives a time step; where not, every step begins as an episode does.
    """

    encoder: Encoder
    core: Core
    actions: int
    apart: bool = False
    sees_reward: bool = True
    sees_action: bool = True
    remembers: bool = True

    @property
    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Prefix of each core's parameters -> what is read from it. The actor's have none."""
        return {"": ("policy",), "critic_": ("value",)} if self.apart else {"": ("policy", "value")}

    @property
    def inputs(self) -> int:
        """Length of a core's input: features, last reward (or reward prediction error), last action (one-hot)."""
        return self.encoder.features + self.sees_reward + self.sees_action * self.actions

    @property
    def shapes(self) -> Shapes:
        """Parameter names and shapes of one network."""
        shapes: Shapes = {}
        for prefix, outputs in self.readouts.items():
            own = self.encoder.shapes | self.core.shapes(self.inputs)
            shapes |= {f"{prefix}{name}": shape for name, shape in own.items()}
            for name in outputs:
                size = self.actions if name == "policy" else 1
                shapes |= {f"{name}_weight": (self.core.units, size), f"{name}_bias": (size,)}
        return shapes

    @property
    def size(self) -> int:
        """Number of parameters of one network."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def views(self, flat: Tensor) -> Parameters:
        """Parameters by name, as views into a flat tensor (seed, size)."""
        if flat.ndim != 2 or flat.shape[1] != self.size:
            raise ValueError(f"parameters have shape {tuple(flat.shape)}, expected (seeds, {self.size}) for {self}")
        pieces = flat.split([math.prod(shape) for shape in self.shapes.values()], dim=1)
        return {name: piece.unflatten(1, shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def flatten(self, parameters: Parameters) -> Tensor:
        """Inverse of ``views``: one flat tensor (seed, size)."""
        return torch.cat([parameters[name].flatten(1) for name in self.shapes], dim=1)

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode."""
        memory: Memory = {}
        for prefix in self.readouts:
            own = self.core.begin(_part(p, prefix), episodes)
            memory |= {f"{prefix}{name}": tensor for name, tensor in own.items()}
        if self.apart:
            memory["value"] = torch.zeros_like(memory["activity"][..., 0])
        return memory

    @property
    def parallel(self) -> bool:
        """Whether activity can be computed for many time steps at once: by the core, and from inputs that are not learned."""
        return isinstance(self.core, Parallel) and self.remembers and not self.encoder.shapes

    def follow(self, p: Parameters, memory: Memory, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Activity of every core over time steps, as ``step`` gives it, from their inputs (seed, steps, episode, inputs)."""
        core = cast(Parallel, self.core)
        return {
            f"{prefix}activity": core.follow(_part(p, prefix), _part(memory, prefix), inputs[f"{prefix}input"])
            for prefix in self.readouts
        }

    def step(
        self, p: Parameters, memory: Memory, moment: Moment, discount: Tensor, manipulate: Manipulation | None = None
    ) -> Output:
        """Advance by one time step.

        Parameters
        ----------
        discount : Tensor
            (seed,), for the reward prediction error of actor and critic apart.
        manipulate : Manipulation, optional
            Changes the reward prediction error on its way to the actor.
        """
        if not self.apart:
            memory = self._advance("", p, memory, moment)
            return Output(memory, read(p, "policy", memory["activity"]), read(p, "value", memory["activity"])[..., 0])
        critic = self._advance("critic_", p, memory, moment)
        value = read(p, "value", critic["critic_activity"])[..., 0]
        error = torch.where(moment.action >= 0, moment.reward + discount[:, None] * value - memory["value"], 0.0).detach()
        if manipulate is not None:
            error = manipulate(error, moment.reward, moment.action)
        actor = self._advance("", p, memory, moment._replace(reward=error))
        return Output({**actor, **critic, "value": value.detach()}, read(p, "policy", actor["activity"]), value)

    def _advance(self, prefix: str, p: Parameters, memory: Memory, moment: Moment) -> Memory:
        """Advance one core -> its memory, prefixed."""
        p = _part(p, prefix)
        inputs = [self.encoder.encode(p, moment.observation)]
        if self.sees_reward:
            inputs.append(moment.reward[..., None])
        if self.sees_action:
            inputs.append(one_hot(moment.action, self.actions, inputs[0].dtype))
        before = _part(memory, prefix) if self.remembers else self.core.begin(p, len(moment.action[0]))
        after = self.core.step(p, before, torch.cat(inputs, dim=-1))
        return {f"{prefix}{name}": tensor for name, tensor in after.items()}

    def from_torch(self, tensors: dict[str, Tensor]) -> Parameters:
        """Turn the tensors of one network made of PyTorch's own modules into ours, (seed = 1, ...), float32.

        Its modules are "encoder" (a Sequential, if there is one), "lstm" (LSTMCell), "policy" and "value" (Linear).
        """
        tensors = {name: tensor.float() for name, tensor in tensors.items()}
        lstm = {name.removeprefix("lstm."): tensor for name, tensor in tensors.items() if name.startswith("lstm.")}
        parameters = from_lstm_cell(**lstm)
        for name, tensor in tensors.items():
            if not name.startswith("lstm."):
                transposed = name in ("policy.weight", "value.weight")
                parameters[name.replace(".", "_")] = tensor.T if transposed else tensor
        return {name: parameters[name][None].contiguous() for name in self.shapes}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Entries of one core, without the prefix. The actor, which has none, also gets the critic's, and leaves them alone."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def read(p: Parameters, name: str, activity: Tensor) -> Tensor:
    """Linear readout "policy" or "value" of a core's activity: (seed, episode, size)."""
    return torch.bmm(activity, p[f"{name}_weight"]) + p[f"{name}_bias"][:, None]


def initial_parameters(
    network: Network, seeds: list[int], init_scale: Tensor, output_scale: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw initial weights, flat (seed, size).

    Uniform in ±1/sqrt(units), PyTorch's default for an LSTM of this size, times ``init_scale`` (seed,) for the core's
    weights and ``output_scale`` (seed,) for those of the policy and the value. Everything else starts at zero. Encoders
    draw their own. The paper does not state its initialisation.
    """
    stream = NoiseStream(seeds, "initial weights")
    parameters: Parameters = {}
    for prefix in network.readouts:
        parameters |= {f"{prefix}{name}": tensor for name, tensor in network.encoder.initial(stream, dtype).items()}
    for name, shape in network.shapes.items():
        if name in parameters:
            continue
        if not name.endswith("weight"):
            parameters[name] = torch.zeros(len(seeds), *shape, dtype=dtype)
            continue
        scale = (output_scale if name in ("policy_weight", "value_weight") else init_scale).to(dtype)
        uniform = 2 * stream.uniform(*shape, dtype=dtype) - 1
        parameters[name] = uniform * (scale / math.sqrt(network.core.units))[:, None, None]
    return network.flatten(parameters)


class NetworkAgent:
    """Trained networks with frozen weights.

    Parameters
    ----------
    network : Network
    parameters : Parameters
        By name, (seed, ...). The networks play in the precision of these.
    discount, reward_scale : Tensor
        With which each network was trained, (seed,). Values are given in the task's units.
    manipulate : Manipulation, optional
        Changes the reward prediction error on its way to the actor of separate networks.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        discount: Tensor,
        reward_scale: Tensor,
        manipulate: Manipulation | None = None,
    ) -> None:
        self.network, self.parameters = network, parameters
        self.discount, self.reward_scale = discount, reward_scale
        self.manipulate = manipulate

    def begin(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        return self.network.begin(self.parameters, episodes)

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        scale, dtype = self.reward_scale[:, None], self.parameters["policy_weight"].dtype
        if observation.is_floating_point():  # views in bytes are scaled by the encoder
            observation = observation.to(dtype)
        moment = Moment(observation, last_reward.to(dtype) * scale, last_action)
        memory, logits, value = self.network.step(self.parameters, memory, moment, self.discount, self.manipulate)
        return memory, torch.softmax(logits, dim=-1), value / scale, memory["activity"]
