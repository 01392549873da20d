"""Feedforward controller with an external memory that is read by content (Santoro et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Memory, Parameters, Shapes

FORGETTING = 0.95
"""Decay of a row's usage per time step (Santoro et al. 2016: between .95 and .99)."""


@dataclass(frozen=True)
class MemorySlots:
    """Memory of ``rows`` rows; only the rows and their usage persist across time steps."""

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

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Empty, unused rows."""
        zeros, networks = p["key_bias"].new_zeros, len(p["key_bias"])
        return {
            "activity": zeros(networks, episodes, self.units),
            "rows": zeros(networks, episodes, self.rows, self.units),
            "usage": zeros(networks, episodes, self.rows),
        }

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Read by content, act, and write to the rows just read or over the least used row."""

        def linear(name: str, signal: Tensor) -> Tensor:
            return torch.bmm(signal, p[f"{name}_weight"]) + p[f"{name}_bias"][:, None]

        rows = memory["rows"]
        score = (rows @ linear("key", x)[..., None])[..., 0]
        reading = torch.softmax(score, dim=-1)
        retrieved = (reading[:, :, None] @ rows)[:, :, 0]
        activity = torch.tanh(linear("layer", torch.cat([x, retrieved], dim=-1)))

        usage = memory["usage"]
        places = torch.arange(self.rows, device=x.device)
        least = (usage.argmin(-1, keepdim=True) == places).to(x.dtype)
        gate = torch.sigmoid(linear("gate", activity))
        writing = gate * reading + (1 - gate) * least
        content = torch.tanh(linear("row", activity))[:, :, None]
        rows = rows * (1 - (1 - gate) * least)[..., None] + writing[..., None] * content
        usage = FORGETTING * usage + (reading + writing).detach()
        return {"activity": activity, "rows": rows, "usage": usage}
