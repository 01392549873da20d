"""A layer without memory, the control: it knows the last action and reward, and nothing before."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.cores.protocol import Memory, Parameters, Shapes


@dataclass(frozen=True)
class Feedforward:
    """Units that take the hyperbolic tangent of a weighted sum of the input."""

    units: int

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        return {"layer_weight": (inputs, self.units), "layer_bias": (self.units,)}

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Nothing is remembered; the activity that is recorded starts at zero."""
        return {"activity": p["layer_bias"].new_zeros(len(p["layer_bias"]), episodes, self.units)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        return {"activity": torch.tanh(torch.bmm(x, p["layer_weight"]) + p["layer_bias"][:, None])}
