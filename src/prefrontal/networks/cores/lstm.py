"""Long short-term memory, the paper's core (Hochreiter and Schmidhuber 1997; Gers et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Memory, Parameters, Shapes, expand_initial


@dataclass(frozen=True)
class LSTM:
    """LSTM; ``lstm_weight`` maps [input, last activity] to [input, forget, output gate, candidate].

    Attributes
    ----------
    units : int
    learned_initial_state : bool
        Activity and cell at the start of an episode are parameters; otherwise zeros.
    """

    units: int
    learned_initial_state: bool = True

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        units, initial = self.units, ("initial_activity", "initial_cell")
        shapes: Shapes = {"lstm_weight": (inputs + units, 4 * units), "lstm_bias": (4 * units,)}
        return shapes | (dict.fromkeys(initial, (units,)) if self.learned_initial_state else {})

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode."""
        if self.learned_initial_state:
            activity, cell = p["initial_activity"], p["initial_cell"]
            return {
                "activity": expand_initial(activity, episodes),
                "cell": expand_initial(cell, episodes),
            }
        zeros = p["lstm_bias"].new_zeros(len(p["lstm_bias"]), episodes, self.units)
        return {"activity": zeros, "cell": zeros}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        inputs = torch.cat([x, memory["activity"]], dim=-1)
        gates = torch.bmm(inputs, p["lstm_weight"]) + p["lstm_bias"][:, None]
        i, f, o, g = gates.chunk(4, dim=-1)
        i, f, o, g = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(g)
        cell = f * memory["cell"] + i * g
        return {"activity": o * torch.tanh(cell), "cell": cell}
