"""What stands between an observation and the core: nothing, or convolutions for pixels."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from prefrontal.cores.protocol import Parameters, Shapes
from prefrontal.task import NoiseStream


class Encoder(Protocol):
    """Turns observations into features, for many networks in one tensor."""

    @property
    def features(self) -> int:
        """How many features come out."""

    @property
    def shapes(self) -> Shapes:
        """Parameters of one network; names start with "encoder"."""

    def initial(self, stream: NoiseStream, dtype: torch.dtype) -> Parameters:
        """Draw initial parameters."""

    def encode(self, p: Parameters, observation: Tensor) -> Tensor:
        """Observation (seed, episode, ...) -> features (seed, episode, features)."""


@dataclass(frozen=True)
class Identity:
    """Observations of ``features`` numbers reach the core as they are."""

    features: int

    @property
    def shapes(self) -> Shapes:
        """No parameters."""
        return {}

    def initial(self, stream: NoiseStream, dtype: torch.dtype) -> Parameters:
        """Nothing to draw."""
        return {}

    def encode(self, p: Parameters, observation: Tensor) -> Tensor:
        """Return the observation."""
        return observation


@dataclass(frozen=True)
class Convolutions:
    """Mnih et al. (2016): 16 filters of 8 x 8 with stride 4, 32 of 4 x 4 with stride 2, a layer of ``features`` units.

    Views are (seed, episode, column, row, colour), squares of ``view_size`` pixels. Parameters are named and shaped as those of
    a ``torch.nn.Sequential``.
    """

    view_size: int
    features: int

    @property
    def shapes(self) -> Shapes:
        """Parameter names and shapes of one network."""
        side = ((self.view_size - 8) // 4 + 1 - 4) // 2 + 1
        weights = {"0": (16, 3, 8, 8), "2": (32, 16, 4, 4), "5": (self.features, 32 * side**2)}
        shapes: Shapes = {}
        for layer, shape in weights.items():
            shapes |= {f"encoder_{layer}_weight": shape, f"encoder_{layer}_bias": shape[:1]}
        return shapes

    def initial(self, stream: NoiseStream, dtype: torch.dtype) -> Parameters:
        """Draw weights as in He et al. (2015), which keeps the differences between views as large as they come in.

        With PyTorch's defaults they fade from layer to layer, and the policy stayed uniform.
        """
        parameters = {}
        for name, shape in self.shapes.items():
            if name.endswith("weight"):
                parameters[name] = (stream.normal(*shape) * math.sqrt(2 / math.prod(shape[1:]))).to(dtype)
            else:
                parameters[name] = torch.zeros(len(stream.generators), *shape, dtype=dtype)
        return parameters

    def encode(self, p: Parameters, observation: Tensor) -> Tensor:
        """Encode views, one network after the other."""
        views = observation / 127.5 - 1 if observation.dtype == torch.uint8 else observation
        return torch.stack([self._features({name: p[name][s] for name in self.shapes}, view) for s, view in enumerate(views)])

    def _features(self, p: Parameters, views: Tensor) -> Tensor:
        """Encode one network's views (episode, column, row, colour)."""
        signal = views.permute(0, 3, 1, 2)
        for layer in ("0", "2", "5"):
            signal = torch.relu(_layer(p, layer, signal))
        return signal


def _layer(p: Parameters, layer: str, signal: Tensor) -> Tensor:
    """What the filters or units of one network's layer receive."""
    weight, bias = p[f"encoder_{layer}_weight"], p[f"encoder_{layer}_bias"]
    if weight.ndim == 2:
        return functional.linear(signal.flatten(1), weight, bias)
    return functional.conv2d(signal, weight.contiguous(memory_format=torch.channels_last), bias, {"0": 4, "2": 2}[layer])


@torch.no_grad()
def normalise(p: Parameters, views: Tensor) -> Parameters:
    """Scale and shift each filter and unit so that, over some views, what it receives has mean 0 and variance 1.

    Salimans and Kingma (2016), "Weight normalization", section 3: the initial weights depend on data. Otherwise all views look
    alike to the core, and what tells two images apart is a fiftieth of its input.

    Parameters
    ----------
    p : Parameters
        Of ``Convolutions``, (seed, ...); other entries are returned as they are.
    views : Tensor
        (view, column, row, colour), the same for all networks.
    """
    p = {name: tensor.clone() for name, tensor in p.items()}
    # Actor and critic apart have an encoder each.
    prefixes = [name.removesuffix("encoder_0_bias") for name in p if name.endswith("encoder_0_bias")]
    for prefix, s in itertools.product(prefixes, range(len(p["encoder_0_bias"]))):
        own = {name.removeprefix(prefix): tensor for name, tensor in p.items() if name.startswith(f"{prefix}encoder")}
        one, signal = {name: tensor[s] for name, tensor in own.items()}, views.permute(0, 3, 1, 2)
        for layer in ("0", "2", "5"):
            weight, bias = one[f"encoder_{layer}_weight"], one[f"encoder_{layer}_bias"]
            received = _layer(one, layer, signal).transpose(0, 1).flatten(1)
            mean, deviation = received.mean(1), received.std(1).clamp_min(1e-3)
            weight /= deviation.reshape(-1, *(1,) * (weight.ndim - 1))
            bias.sub_(mean).div_(deviation)
            signal = torch.relu(_layer(one, layer, signal))
    return p
