"""A layer without memory, as a control: it sees the last action and reward, but nothing earlier."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Memory, Parameters, Shapes


@dataclass(frozen=True)
class Feedforward:
    """Tanh units driven by the input alone."""

    units: int

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        return {"layer_weight": (inputs, self.units), "layer_bias": (self.units,)}

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Activity of zero; the next step does not depend on it."""
        return {"activity": p["layer_bias"].new_zeros(len(p["layer_bias"]), episodes, self.units)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        signal = torch.bmm(x, p["layer_weight"]) + p["layer_bias"][:, None]
        return {"activity": torch.tanh(signal)}
