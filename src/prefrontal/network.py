"""Networks: LSTM actor-critics, many in one tensor.

A population holds the parameters of all its networks stacked along a leading (seed) axis, so that one batched tensor
program advances all of them. The networks never mix: entry s of every result depends on entry s of every argument only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
        Length of the observation, number of actions, number of units of an LSTM.
    separate : bool
        Two LSTMs in place of a shared one: a critic, which sees the last reward, and an actor, which sees the critic's reward
        prediction error in its place (Wang et al. 2018, Methods, simulation 6).
    """

    observations: int
    actions: int
    units: int
    separate: bool = False

    @property
    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Prefix of each LSTM's parameters -> what is read from it. The actor's have none."""
        return {"": ("policy",), "critic_": ("value",)} if self.separate else {"": ("policy", "value")}

    @property
    def inputs(self) -> int:
        """Length of an LSTM's input: observation, last reward (or reward prediction error), last action (one-hot)."""
        return self.observations + 1 + self.actions

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter names and shapes of one network.

        ``lstm_weight`` maps [input, activity of the previous step] to the input gate, forget gate, output gate and candidate.
        """
        units = self.units
        shapes: dict[str, tuple[int, ...]] = {}
        for prefix, outputs in self.readouts.items():
            shapes |= {f"{prefix}lstm_weight": (self.inputs + units, 4 * units), f"{prefix}lstm_bias": (4 * units,)}
            for name in outputs:
                size = self.actions if name == "policy" else 1
                shapes |= {f"{name}_weight": (units, size), f"{name}_bias": (size,)}
            shapes |= {f"{prefix}initial_activity": (units,), f"{prefix}initial_cell": (units,)}
        return shapes

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
        scale = (init_scale if name.endswith("lstm_weight") else output_scale).to(dtype)
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


Memory = dict[str, Tensor]
"""What networks carry from step to step: ``activity`` and ``cell`` (seed, episode, units); separate networks also
``critic_activity``, ``critic_cell`` and their last ``value`` (seed, episode)."""

Manipulation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Reward prediction error, last reward and last action, each (seed, episode) -> the error that the actor receives."""


def begin(layout: Layout, parameters: Parameters, episodes: int) -> Memory:
    """Memory at the start of an episode: the learned initial states."""
    memory = {}
    for prefix in layout.readouts:
        for part in ("activity", "cell"):
            initial = parameters[f"{prefix}initial_{part}"][:, None]
            memory[prefix + part] = initial.expand(-1, episodes, -1).contiguous()
    if layout.separate:
        memory["value"] = torch.zeros_like(memory["cell"][..., 0])
    return memory


def advance(
    layout: Layout,
    parameters: Parameters,
    discount: Tensor,
    memory: Memory,
    observation: Tensor,
    reward: Tensor,
    action: Tensor,
    manipulate: Manipulation | None = None,
) -> tuple[Memory, Tensor, Tensor, dict[str, Tensor]]:
    """Advance networks by one time step.

    Parameters
    ----------
    discount : Tensor
        (seed,); separate networks need it for the reward prediction error.
    observation, reward, action : Tensor
        (seed, episode, observations); last reward and action, (seed, episode), the action -1 at the start.
    manipulate : Manipulation, optional
        Changes the reward prediction error on its way to the actor.

    Returns
    -------
    memory : Memory
    logits, value : Tensor
        Policy (seed, episode, actions) and value (seed, episode).
    trace : dict
        Inputs, gates, cells and activity of every LSTM, for the backward pass.
    """
    trace: dict[str, Tensor] = {}

    def run(prefix: str, signal: Tensor) -> Tensor:
        inputs = torch.cat(
            [observation, signal[..., None], one_hot(action, layout.actions, observation.dtype), memory[f"{prefix}activity"]],
            dim=-1,
        )
        previous = memory[f"{prefix}cell"]
        weight, bias = parameters[f"{prefix}lstm_weight"], parameters[f"{prefix}lstm_bias"]
        activity, cell, gates = lstm_step(weight, bias, inputs, previous)
        step = {"inputs": inputs, "gates": gates, "previous_cell": previous, "cell": cell, "activity": activity}
        trace.update({prefix + name: entry for name, entry in step.items()})
        return activity

    if layout.separate:
        value = read(parameters, "value", run("critic_", reward))[..., 0]
        error = torch.where(action >= 0, reward + discount[:, None] * value - memory["value"], 0.0)
        activity = run("", error if manipulate is None else manipulate(error, reward, action))
    else:
        activity = run("", reward)
        value = read(parameters, "value", activity)[..., 0]
    after = {prefix + part: trace[prefix + part] for prefix in layout.readouts for part in ("activity", "cell")}
    if layout.separate:
        after["value"] = value
    return after, read(parameters, "policy", activity), value, trace


def read(parameters: Parameters, name: str, activity: Tensor) -> Tensor:
    """Linear readout "policy" or "value" of an LSTM's activity: (seed, episode, size)."""
    return torch.bmm(activity, parameters[f"{name}_weight"]) + parameters[f"{name}_bias"][:, None]


class PrefrontalNetwork:
    """A population of LSTM actor-critics (Wang et al. 2018, Methods, "Architecture").

    Parameters
    ----------
    layout : Layout
        Sizes.
    flat : Tensor
        All parameters, (seed, layout.size).
    discount : Tensor, optional
        (seed,), as in training; only separate networks need it.
    """

    def __init__(self, layout: Layout, flat: Tensor, discount: Tensor | None = None) -> None:
        if flat.ndim != 2 or flat.shape[1] != layout.size:
            raise ValueError(f"parameters have shape {tuple(flat.shape)}, expected (seeds, {layout.size}) for {layout}")
        self.layout = layout
        self.flat = flat
        self.parameters = layout.views(flat)
        self.discount = torch.zeros(len(flat)) if discount is None else discount

    def begin(self, episodes: int) -> Memory:
        """Memory at the start of an episode: the learned initial state."""
        return begin(self.layout, self.parameters, episodes)

    def step(
        self,
        memory: Memory,
        observation: Tensor,
        last_reward: Tensor,
        last_action: Tensor,
        manipulate: Manipulation | None = None,
    ) -> tuple[Memory, Tensor, Tensor]:
        """Advance by one time step, as ``advance``.

        Returns
        -------
        memory : Memory
        probabilities : Tensor
            Policy, (seed, episode, actions).
        value : Tensor
            (seed, episode).
        """
        memory, logits, value, _ = advance(
            self.layout, self.parameters, self.discount, memory, observation, last_reward, last_action, manipulate
        )
        return memory, torch.softmax(logits, dim=-1), value
