"""Networks: encoder, core, policy and value, with many networks in one tensor.

The parameters of a batch are stacked along a leading (network) axis, so that one program advances
all of its networks. Networks do not interact: entry n of every result depends only on entry
n of every argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Core, Memory, Parallel, Parameters, Shapes
from prefrontal.networks.encoders import Encoder
from prefrontal.task import RandomStreams, one_hot

Manipulation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Reward prediction error, last reward and last action, each (network, episode) -> the error that
the actor receives."""


class NetworkInput(NamedTuple):
    """Network input at one time step."""

    observation: Tensor
    """(network, episode, observations), or views (network, episode, column, row, colour)."""
    reward: Tensor
    """Last reward, (network, episode)."""
    action: Tensor
    """Last action, (network, episode), int64; -1 at the start."""


class Output(NamedTuple):
    """Network output at one time step."""

    memory: Memory
    """Each (network, episode, ...). A separate critic's entries start with ``critic_``, and the
    last ``value`` (network, episode) is kept."""
    logits: Tensor
    """Policy before the softmax, (network, episode, actions)."""
    value: Tensor
    """(network, episode)."""


@dataclass(frozen=True)
class Network:
    """Actor-critics (Wang et al. 2018, Methods, "Architecture").

    Attributes
    ----------
    encoder : Encoder
    core : Core
    actions : int
        Number of actions.
    separate_actor_critic : bool
        A critic, which receives the last reward, and an actor, which receives the critic's reward
        prediction error instead, each with its own encoder and core (Wang et al. 2018, Methods,
        simulation 6).
    reward_input, action_input : bool
        Include the last reward (or error) and the last action in the input.
    stateful : bool
        Keep the core's state from one time step to the next; otherwise every step is like the
        first.
    actor_reward : bool
        A separate actor also receives the last reward.
    predicts : bool
        The actor also predicts the reward of each action.
    """

    encoder: Encoder
    core: Core
    actions: int
    separate_actor_critic: bool = False
    reward_input: bool = True
    action_input: bool = True
    stateful: bool = True
    actor_reward: bool = False
    predicts: bool = False

    @property
    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Prefix of each core's parameters -> its readouts. The actor has no prefix."""
        prediction = ("prediction",) if self.predicts else ()
        if self.separate_actor_critic:
            return {"": ("policy", *prediction), "critic_": ("value",)}
        return {"": ("policy", "value", *prediction)}

    def inputs(self, prefix: str = "") -> int:
        """Length of a core's input: features, last reward (or error), last action (one-hot)."""
        rewards = self.reward_input * (2 if self.actor_reward and not prefix else 1)
        return self.encoder.features + rewards + self.action_input * self.actions

    @property
    def shapes(self) -> Shapes:
        """Parameter names and shapes of one network."""
        shapes: Shapes = {}
        for prefix, outputs in self.readouts.items():
            of_core = self.encoder.shapes | self.core.shapes(self.inputs(prefix))
            shapes |= {f"{prefix}{name}": shape for name, shape in of_core.items()}
            for name in outputs:
                size = 1 if name == "value" else self.actions
                shapes |= {f"{name}_weight": (self.core.units, size), f"{name}_bias": (size,)}
        return shapes

    @property
    def size(self) -> int:
        """Number of parameters of one network."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def views(self, flat: Tensor) -> Parameters:
        """Parameters by name, as views into a flat tensor (network, size)."""
        if flat.ndim != 2 or flat.shape[1] != self.size:
            expected = f"expected (networks, {self.size}) for {self}"
            raise ValueError(f"parameters have shape {tuple(flat.shape)}, {expected}")
        shapes = self.shapes
        pieces = flat.split([math.prod(shape) for shape in shapes.values()], dim=1)
        return {
            name: piece.unflatten(1, shapes[name])
            for name, piece in zip(shapes, pieces, strict=True)
        }

    def flatten(self, parameters: Parameters) -> Tensor:
        """Inverse of ``views``: one flat tensor (network, size)."""
        return torch.cat([parameters[name].flatten(1) for name in self.shapes], dim=1)

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode."""
        memory: Memory = {}
        for prefix in self.readouts:
            of_core = self.core.reset(without_prefix(p, prefix), episodes)
            memory |= {f"{prefix}{name}": tensor for name, tensor in of_core.items()}
        if self.separate_actor_critic:
            memory["value"] = torch.zeros_like(memory["activity"][..., 0])
        return memory

    @property
    def parallel(self) -> bool:
        """True if the core can compute many steps at once, from inputs without parameters."""
        return isinstance(self.core, Parallel) and self.stateful and not self.encoder.shapes

    def forward_sequence(
        self, p: Parameters, memory: Memory, rollout: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Compute every core's activity from its inputs (network, steps, episode, inputs)."""
        core = cast(Parallel, self.core)
        activity = {}
        for prefix in self.readouts:
            parameters, state = without_prefix(p, prefix), without_prefix(memory, prefix)
            inputs = rollout[f"{prefix}input"]
            activity[f"{prefix}activity"] = core.forward_sequence(parameters, state, inputs)
        return activity

    def step(
        self,
        p: Parameters,
        memory: Memory,
        network_input: NetworkInput,
        discount: Tensor,
        manipulate: Manipulation | None = None,
    ) -> Output:
        """Advance by one time step.

        Parameters
        ----------
        p : Parameters
        memory : Memory
        network_input : NetworkInput
        discount : Tensor
            (network,), for the reward prediction error that a separate actor receives.
        manipulate : Manipulation, optional
            Changes this error.
        """
        reward = network_input.reward
        if not self.separate_actor_critic:
            memory = self._advance("", p, memory, network_input, reward)
            activity = memory["activity"]
            return Output(memory, read(p, "policy", activity), read(p, "value", activity)[..., 0])
        critic = self._advance("critic_", p, memory, network_input, reward)
        value = read(p, "value", critic["critic_activity"])[..., 0]
        error = reward + discount[:, None] * value - memory["value"]
        error = torch.where(network_input.action >= 0, error, 0.0).detach()
        if manipulate is not None:
            error = manipulate(error, reward, network_input.action)
        received = (reward, error) if self.actor_reward else (error,)
        actor = self._advance("", p, memory, network_input, *received)
        logits = read(p, "policy", actor["activity"])
        return Output({**actor, **critic, "value": value.detach()}, logits, value)

    def _advance(
        self,
        prefix: str,
        p: Parameters,
        memory: Memory,
        network_input: NetworkInput,
        *rewards: Tensor,
    ) -> Memory:
        """Advance one core, which receives these rewards or errors; return its memory with
        prefix."""
        p = without_prefix(p, prefix)
        inputs = [self.encoder.encode(p, network_input.observation)]
        if self.reward_input:
            inputs += [reward[..., None] for reward in rewards]
        if self.action_input:
            inputs.append(one_hot(network_input.action, self.actions, inputs[0].dtype))
        if self.stateful:
            before = without_prefix(memory, prefix)
        else:
            before = self.core.reset(p, len(network_input.action[0]))
        after = self.core.step(p, before, torch.cat(inputs, dim=-1))
        return {f"{prefix}{name}": tensor for name, tensor in after.items()}


def without_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Entries of one core, without its prefix.

    The actor, which has no prefix, also gets the critic's entries and ignores them.
    """
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def read(p: Parameters, name: str, activity: Tensor) -> Tensor:
    """Read "policy", "value" or "prediction" linearly from a core's activity: (network, episode,
    size)."""
    return torch.bmm(activity, p[f"{name}_weight"]) + p[f"{name}_bias"][:, None]


def initial_parameters(
    network: Network,
    seeds: list[int],
    init_scale: Tensor,
    output_scale: Tensor,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw initial parameters, flat (network, size).

    Weights are uniform in ±1/sqrt(units), PyTorch's default for an LSTM of this size, times
    ``init_scale`` (network,) for the core and ``output_scale`` (network,) for the readouts.
    Everything else starts at zero; encoders draw their own. The paper does not state its
    initialisation.
    """
    streams = RandomStreams(seeds, "initial weights")
    parameters: Parameters = {}
    for prefix in network.readouts:
        of_encoder = network.encoder.initial(streams, dtype)
        parameters |= {f"{prefix}{name}": tensor for name, tensor in of_encoder.items()}
    for name, shape in network.shapes.items():
        if name in parameters:
            continue
        if not name.endswith("weight"):
            parameters[name] = torch.zeros(len(seeds), *shape, dtype=dtype)
            continue
        is_output = name in ("policy_weight", "value_weight", "prediction_weight")
        scale = (output_scale if is_output else init_scale).to(dtype)
        uniform = 2 * streams.uniform(*shape, dtype=dtype) - 1
        parameters[name] = uniform * (scale / math.sqrt(network.core.units))[:, None, None]
    return network.flatten(parameters)


class NetworkAgent:
    """Trained networks with frozen weights.

    Parameters
    ----------
    network : Network
    parameters : Parameters
        By name, (network, ...). Their precision is that of all computations.
    discount, reward_scale : Tensor
        As in each network's training, (network,). Values are returned in the task's units.
    manipulate : Manipulation, optional
        Changes the reward prediction error that a separate actor receives.
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

    def reset(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        return self.network.reset(self.parameters, episodes)

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        scale, dtype = self.reward_scale[:, None], self.parameters["policy_weight"].dtype
        if observation.is_floating_point():  # views in bytes are scaled by the encoder
            observation = observation.to(dtype)
        network_input = NetworkInput(observation, last_reward.to(dtype) * scale, last_action)
        memory, logits, value = self.network.step(
            self.parameters, memory, network_input, self.discount, self.manipulate
        )
        return memory, torch.softmax(logits, dim=-1), value / scale, memory["activity"]
