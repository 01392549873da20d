"""Long short-term memory (Hochreiter and Schmidhuber 1997; with forget gate, Gers et al. 2000): the paper's core."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.cores.protocol import Memory, Parameters, Shapes, at_start


@dataclass(frozen=True)
class LSTM:
    """LSTM; ``lstm_weight`` maps [input, last activity] to input gate, forget gate, output gate and candidate.

    With ``learned_start`` activity and cell at the start of an episode are parameters, else zeros.
    """

    units: int
    learned_start: bool = True

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network."""
        start = {"initial_activity": (self.units,), "initial_cell": (self.units,)} if self.learned_start else {}
        return {"lstm_weight": (inputs + self.units, 4 * self.units), "lstm_bias": (4 * self.units,), **start}

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Memory at the start of an episode."""
        if self.learned_start:
            return {name: at_start(p[f"initial_{name}"], episodes) for name in ("activity", "cell")}
        zeros = p["lstm_bias"].new_zeros(len(p["lstm_bias"]), episodes, self.units)
        return {"activity": zeros, "cell": zeros}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        inputs = torch.cat([x, memory["activity"]], dim=-1)
        i, f, o, g = (torch.bmm(inputs, p["lstm_weight"]) + p["lstm_bias"][:, None]).chunk(4, dim=-1)
        i, f, o, g = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(g)
        cell = f * memory["cell"] + i * g
        return {"activity": o * torch.tanh(cell), "cell": cell}


def from_lstm_cell(weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Parameters:
    """Turn the tensors of one ``torch.nn.LSTMCell`` into ``lstm_weight`` and ``lstm_bias``, without the (seed) axis."""

    def gates(tensor: Tensor) -> Tensor:  # PyTorch's order is input, forget, candidate, output
        i, f, g, o = tensor.chunk(4, dim=-1)
        return torch.cat([i, f, o, g], dim=-1)

    return {"lstm_weight": gates(torch.cat([weight_ih, weight_hh], dim=1).T), "lstm_bias": gates(bias_ih + bias_hh)}
