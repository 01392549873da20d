"""A feedforward controller with an external memory (Santoro et al. 2016): rows are written, and read by content."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.cores.protocol import Memory, Parameters, Shapes

FORGETTING = 0.95
"""Share of a row's usage that is left after a time step (Santoro et al. 2016: between .95 and .99)."""


@dataclass(frozen=True)
class Slots:
    """Memory of ``rows`` rows; all that outlives a time step is in them."""

    units: int
    rows: int = 16

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        units = self.units
        return {
            "key_weight": (inputs, units),
            "key_bias": (units,),
            "layer_weight": (inputs + units, units),
            "layer_bias": (units,),
            "row_weight": (units, units),
            "row_bias": (units,),
            "gate_weight": (units, 1),
            "gate_bias": (1,),
        }

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Empty rows, unused."""
        zeros, seeds = p["key_bias"].new_zeros, len(p["key_bias"])
        return {
            "activity": zeros(seeds, episodes, self.units),
            "rows": zeros(seeds, episodes, self.rows, self.units),
            "usage": zeros(seeds, episodes, self.rows),
        }

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Read by content, act, and write to the rows just read or over the least used one."""

        def linear(name: str, signal: Tensor) -> Tensor:
            return torch.bmm(signal, p[f"{name}_weight"]) + p[f"{name}_bias"][:, None]

        rows = memory["rows"]
        score = (rows @ linear("key", x)[..., None])[..., 0]
        reading = torch.softmax(score, dim=-1)
        found = (reading[:, :, None] @ rows)[:, :, 0]
        activity = torch.tanh(linear("layer", torch.cat([x, found], dim=-1)))

        usage = memory["usage"]
        least = (usage.argmin(-1, keepdim=True) == torch.arange(self.rows, device=x.device)).to(x.dtype)
        gate = torch.sigmoid(linear("gate", activity))
        writing = gate * reading + (1 - gate) * least
        rows = rows * (1 - (1 - gate) * least)[..., None] + writing[..., None] * torch.tanh(linear("row", activity))[:, :, None]
        usage = FORGETTING * usage + (reading + writing).detach()
        return {"activity": activity, "rows": rows, "usage": usage}
