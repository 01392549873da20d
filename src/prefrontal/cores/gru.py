"""Gated recurrent unit (Cho et al. 2014, in PyTorch's form)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.cores.protocol import Memory, Parameters, Shapes, at_start


@dataclass(frozen=True)
class GRU:
    """GRU; the weights map input and last activity to reset gate, update gate and candidate."""

    units: int

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        return {
            "input_weight": (inputs, 3 * self.units),
            "recurrent_weight": (self.units, 3 * self.units),
            "input_bias": (3 * self.units,),
            "recurrent_bias": (3 * self.units,),
            "initial_activity": (self.units,),
        }

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode: learned."""
        return {"activity": at_start(p["initial_activity"], episodes)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        last = memory["activity"]
        reset_x, update_x, candidate_x = (torch.bmm(x, p["input_weight"]) + p["input_bias"][:, None]).chunk(3, dim=-1)
        recurrent = torch.bmm(last, p["recurrent_weight"]) + p["recurrent_bias"][:, None]
        reset_h, update_h, candidate_h = recurrent.chunk(3, dim=-1)
        update = torch.sigmoid(update_x + update_h)
        candidate = torch.tanh(candidate_x + torch.sigmoid(reset_x + reset_h) * candidate_h)
        return {"activity": (1 - update) * candidate + update * last}
