"""Gated recurrent unit (Cho et al. 2014), as in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Memory, Parameters, Shapes, expand_initial


@dataclass(frozen=True)
class GRU:
    """GRU; the weights map input and last activity to [reset gate, update gate, candidate]."""

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

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode: learned."""
        return {"activity": expand_initial(p["initial_activity"], episodes)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        last = memory["activity"]
        from_input = torch.bmm(x, p["input_weight"]) + p["input_bias"][:, None]
        recurrent = torch.bmm(last, p["recurrent_weight"]) + p["recurrent_bias"][:, None]
        reset_x, update_x, candidate_x = from_input.chunk(3, dim=-1)
        reset_h, update_h, candidate_h = recurrent.chunk(3, dim=-1)
        update = torch.sigmoid(update_x + update_h)
        candidate = torch.tanh(candidate_x + torch.sigmoid(reset_x + reset_h) * candidate_h)
        return {"activity": (1 - update) * candidate + update * last}
