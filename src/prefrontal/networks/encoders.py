"""Encoders between observation and core: identity, or convolutions for pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from prefrontal.networks.cores.base import Parameters, Shapes
from prefrontal.task import RandomStreams


class Encoder(Protocol):
    """Turns observations into features, for many networks in one tensor."""

    @property
    def features(self) -> int:
        """Number of features."""

    @property
    def shapes(self) -> Shapes:
        """Parameters of one network; their names start with "encoder"."""

    def initial(self, streams: RandomStreams, dtype: torch.dtype) -> Parameters:
        """Draw initial parameters."""

    def encode(self, p: Parameters, observation: Tensor) -> Tensor:
        """Turn observations (network, episode, ...) into features (network, episode, features)."""


@dataclass(frozen=True)
class Identity:
    """Passes on observations of ``features`` numbers unchanged."""

    features: int

    @property
    def shapes(self) -> Shapes:
        """No parameters."""
        return {}

    def initial(self, streams: RandomStreams, dtype: torch.dtype) -> Parameters:
        """Nothing to draw."""
        return {}

    def encode(self, p: Parameters, observation: Tensor) -> Tensor:
        """Return the observation."""
        return observation


@dataclass(frozen=True)
class Convolutions:
    """Convolutional encoder of Mnih et al. (2016).

    16 filters of 8 x 8 with stride 4, 32 of 4 x 4 with stride 2, and a layer of ``features`` units.
    Views are (network, episode, column, row, colour), squares of ``view_size`` pixels. Parameters
    have the names and shapes of a ``torch.nn.Sequential``.
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

    def initial(self, streams: RandomStreams, dtype: torch.dtype) -> Parameters:
        """Draw weights as in He et al. (2015), which preserves differences between views.

        With PyTorch's defaults these fade from layer to layer, and the policy stayed uniform.
        """
        parameters = {}
        for name, shape in self.shapes.items():
            if name.endswith("weight"):
                scale = math.sqrt(2 / math.prod(shape[1:]))
                parameters[name] = (streams.normal(*shape) * scale).to(dtype)
            else:
                parameters[name] = torch.zeros(len(streams.generators), *shape, dtype=dtype)
        return parameters

    def encode(self, p: Parameters, observation: Tensor) -> Tensor:
        """Encode views, one network after the other."""
        pixels = observation.dtype == torch.uint8
        views = observation.float() / 127.5 - 1 if pixels else observation
        features = [
            self._features({name: p[name][n] for name in self.shapes}, view)
            for n, view in enumerate(views)
        ]
        return torch.stack(features)

    def _features(self, p: Parameters, views: Tensor) -> Tensor:
        """Encode one network's views (episode, column, row, colour)."""
        signal = views.permute(0, 3, 1, 2)
        for layer in LAYERS:
            signal = torch.relu(apply_layer(p, layer, signal))
        return signal


LAYERS = ("0", "2", "5")
"""Layers of ``Convolutions``, by their place in the ``torch.nn.Sequential``."""


def apply_layer(p: Parameters, layer: str, signal: Tensor) -> Tensor:
    """Apply one network's filters or units to a signal (view, ...), without the rectifier."""
    weight, bias = p[f"encoder_{layer}_weight"], p[f"encoder_{layer}_bias"]
    if weight.ndim == 2:
        return functional.linear(signal.flatten(1), weight, bias)
    weight = weight.contiguous(memory_format=torch.channels_last)
    return functional.conv2d(signal, weight, bias, {"0": 4, "2": 2}[layer])
