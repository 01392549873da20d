"""Networks: LSTM actor-critics, many in one tensor.

A population holds the parameters of all its networks stacked along a leading (seed) axis, so that one batched tensor
program advances all of them. The networks never mix: entry s of every result depends on entry s of every argument only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.task import NoiseStream, one_hot

Parameters = dict[str, Tensor]
"""Weights by name, each with a leading (seed) axis; see ``Layout``."""


@dataclass(frozen=True)
class Layout:
    """Sizes of a network, and the names and shapes of its parameters.

    Attributes
    ----------
    observations, actions, units : int
        Length of the observation, number of actions, number of LSTM units.
    """

    observations: int
    actions: int
    units: int

    @property
    def inputs(self) -> int:
        """Length of the input: observation, last reward, last action (one-hot)."""
        return self.observations + 1 + self.actions

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter names and shapes of one network.

        ``lstm_weight`` maps [input, activity of the previous step] to the input gate, forget gate, output gate and candidate.
        """
        units = self.units
        return {
            "lstm_weight": (self.inputs + units, 4 * units),
            "lstm_bias": (4 * units,),
            "policy_weight": (units, self.actions),
            "policy_bias": (self.actions,),
            "value_weight": (units, 1),
            "value_bias": (1,),
            "initial_activity": (units,),
            "initial_cell": (units,),
        }

    @property
    def size(self) -> int:
        """Number of parameters of one network."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def views(self, flat: Tensor) -> Parameters:
        """Parameters by name, as views into a flat tensor (seed, size)."""
        pieces = flat.split([math.prod(shape) for shape in self.shapes.values()], dim=1)
        return {name: piece.unflatten(1, shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def flatten(self, parameters: Parameters) -> Tensor:
        """Inverse of ``views``: one flat tensor (seed, size)."""
        return torch.cat([parameters[name].flatten(1) for name in self.shapes], dim=1)


def initial_parameters(
    layout: Layout, seeds: list[int], init_scale: Tensor, output_scale: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw initial weights, flat (seed, size).

    Uniform in ±1/sqrt(units), PyTorch's default for an LSTM of this size, times ``init_scale`` (seed,) for the LSTM's
    weights and ``output_scale`` (seed,) for those of the policy and the value. Biases and the initial state start at zero.
    The paper does not state its initialisation.
    """
    stream = NoiseStream(seeds, "initial weights")
    parameters = {}
    for name, shape in layout.shapes.items():
        if not name.endswith("weight"):
            parameters[name] = torch.zeros(len(seeds), *shape, dtype=dtype)
            continue
        scale = (init_scale if name == "lstm_weight" else output_scale).to(dtype)
        uniform = 2 * stream.uniform(*shape, dtype=dtype) - 1
        parameters[name] = uniform * (scale / math.sqrt(layout.units))[:, None, None]
    return layout.flatten(parameters)


def lstm_step(weight: Tensor, bias: Tensor, inputs: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Advance LSTMs by one time step.

    Parameters
    ----------
    weight, bias : Tensor
        (seed, inputs + units, 4 units) and (seed, 4 units).
    inputs : Tensor
        (seed, episode, inputs + units): the input beside the activity of the previous step.
    cell : Tensor
        (seed, episode, units).

    Returns
    -------
    activity, cell : Tensor
        (seed, episode, units): the units' output, and their memory.
    gates : Tensor
        (seed, episode, 4 units): input, forget and output gate and candidate after their nonlinearities.
    """
    i, f, o, g = (torch.bmm(inputs, weight) + bias[:, None]).chunk(4, dim=-1)
    i, f, o, g = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(g)
    cell = f * cell + i * g
    return o * torch.tanh(cell), cell, torch.cat([i, f, o, g], dim=-1)


def lstm_step_backward(
    recurrent_weight: Tensor, gates: Tensor, cell: Tensor, previous_cell: Tensor, d_activity: Tensor, d_cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry gradients back over one time step: the derivative of ``lstm_step``.

    ``recurrent_weight`` (seed, 4 units, units) is the transposed part of the weight that reads the previous activity.
    Returns the gradients at the previous activity, the previous cell and the gates before their nonlinearities.
    """
    i, f, o, g = gates.chunk(4, dim=-1)
    squashed = torch.tanh(cell)
    d_cell = d_cell + d_activity * o * (1 - squashed * squashed)
    d_gates = torch.cat(
        [
            d_cell * g * i * (1 - i),
            d_cell * previous_cell * f * (1 - f),
            d_activity * squashed * o * (1 - o),
            d_cell * i * (1 - g * g),
        ],
        dim=-1,
    )
    return torch.bmm(d_gates, recurrent_weight), d_cell * f, d_gates


@dataclass(frozen=True)
class Memory:
    """What a network carries from step to step: activity and cell, each (seed, episode, units)."""

    activity: Tensor
    cell: Tensor


class PrefrontalNetwork:
    """A population of LSTM actor-critics with a shared body (Wang et al. 2018, Methods, "Architecture").

    Parameters
    ----------
    layout : Layout
        Sizes.
    flat : Tensor
        All parameters, (seed, layout.size).
    """

    def __init__(self, layout: Layout, flat: Tensor) -> None:
        if flat.ndim != 2 or flat.shape[1] != layout.size:
            raise ValueError(f"parameters have shape {tuple(flat.shape)}, expected (seeds, {layout.size}) for {layout}")
        self.layout = layout
        self.flat = flat
        self.parameters = layout.views(flat)

    def begin(self, episodes: int) -> Memory:
        """Memory at the start of an episode: the learned initial state."""
        activity, cell = (self.parameters[name][:, None] for name in ("initial_activity", "initial_cell"))
        return Memory(activity.expand(-1, episodes, -1), cell.expand(-1, episodes, -1))

    def step(
        self, memory: Memory, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Memory, Tensor, Tensor]:
        """Advance by one time step.

        Parameters
        ----------
        observation, last_reward, last_action : Tensor
            (seed, episode, observations), (seed, episode), (seed, episode); last_action is -1 at the start.

        Returns
        -------
        memory : Memory
        probabilities : Tensor
            Policy, (seed, episode, actions).
        value : Tensor
            (seed, episode).
        """
        inputs = network_input(observation, last_reward, last_action, memory.activity, self.layout.actions)
        p = self.parameters
        activity, cell, _ = lstm_step(p["lstm_weight"], p["lstm_bias"], inputs, memory.cell)
        logits, value = heads(p, activity)
        return Memory(activity, cell), torch.softmax(logits, dim=-1), value


def network_input(observation: Tensor, reward: Tensor, action: Tensor, activity: Tensor, actions: int) -> Tensor:
    """Concatenate observation, last reward, last action (one-hot) and last activity: (seed, episode, inputs + units)."""
    return torch.cat([observation, reward[..., None], one_hot(action, actions, activity.dtype), activity], dim=-1)


def heads(parameters: Parameters, activity: Tensor) -> tuple[Tensor, Tensor]:
    """Read policy logits (seed, episode, actions) and value (seed, episode) from the activity."""
    logits = torch.bmm(activity, parameters["policy_weight"]) + parameters["policy_bias"][:, None]
    value = torch.bmm(activity, parameters["value_weight"]) + parameters["value_bias"][:, None]
    return logits, value[..., 0]
