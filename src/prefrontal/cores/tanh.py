"""Plain recurrent network (Elman 1990)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.cores.protocol import Memory, Parameters, Shapes, at_start


@dataclass(frozen=True)
class Tanh:
    """Units that take the hyperbolic tangent of a weighted sum of input and last activity."""

    units: int

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        weight, row = (inputs + self.units, self.units), (self.units,)
        return {"recurrent_weight": weight, "recurrent_bias": row, "initial_activity": row}

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode: learned."""
        return {"activity": at_start(p["initial_activity"], episodes)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        inputs = torch.cat([x, memory["activity"]], dim=-1)
        return {"activity": torch.tanh(torch.bmm(inputs, p["recurrent_weight"]) + p["recurrent_bias"][:, None])}
