"""Vanilla recurrent network (Elman 1990)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Memory, Parameters, Shapes, expand_initial


@dataclass(frozen=True)
class RNN:
    """Tanh units; ``recurrent_weight`` maps [input, last activity] to the next activity."""

    units: int

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        weight, row = (inputs + self.units, self.units), (self.units,)
        return {"recurrent_weight": weight, "recurrent_bias": row, "initial_activity": row}

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode: learned."""
        return {"activity": expand_initial(p["initial_activity"], episodes)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        inputs = torch.cat([x, memory["activity"]], dim=-1)
        signal = torch.bmm(inputs, p["recurrent_weight"]) + p["recurrent_bias"][:, None]
        return {"activity": torch.tanh(signal)}
