"""Initial weights of the encoder, normalised over typical views.

Salimans and Kingma (2016), "Weight normalization", section 3. Without it all views look alike to
the core: the difference between two images is a fiftieth of its input.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Parameters
from prefrontal.networks.encoders import LAYERS, apply_layer
from prefrontal.task import RandomStreams
from replications.harlow.task import CHOICE, HarlowTask


def typical_views(task: HarlowTask, seed: int, count: int = 1024) -> Tensor:
    """Draw views (view, column, row, colour) from within 20 degrees of the middle of the screen.

    They show two images, or in one of twelve the cross.
    """
    noise = RandomStreams([seed], "typical views")
    state, _ = task.reset(noise.uniform(count, task.reset_noise))
    period, heading = noise.uniform(count, 2).unbind(-1)
    state["period"] = (3 * period).long().clamp(max=CHOICE)
    state["period"][0, : count * 3 // 4] = CHOICE
    state["heading"] = 40 * heading - 20
    return task.render(state)[0]


@torch.no_grad()
def normalise(p: Parameters, views: Tensor) -> Parameters:
    """Give the input of each filter and unit mean 0 and variance 1 over some views.

    Parameters
    ----------
    p : Parameters
        Of a network with ``Convolutions``, (network, ...); other entries are returned as they are.
    views : Tensor
        (view, column, row, colour), the same for all networks.
    """
    p = {name: tensor.clone() for name, tensor in p.items()}
    # A separate actor and critic have an encoder each.
    first = "encoder_0_bias"
    prefixes = [name.removesuffix(first) for name in p if name.endswith(first)]
    for prefix, n in itertools.product(prefixes, range(len(p[first]))):
        encoder = {
            name.removeprefix(prefix): tensor[n]
            for name, tensor in p.items()
            if name.startswith(f"{prefix}encoder")
        }
        signal = views.permute(0, 3, 1, 2)
        for layer in LAYERS:
            weight, bias = encoder[f"encoder_{layer}_weight"], encoder[f"encoder_{layer}_bias"]
            received = apply_layer(encoder, layer, signal).transpose(0, 1).flatten(1)
            mean, deviation = received.mean(1), received.std(1).clamp_min(1e-3)
            weight /= deviation.reshape(-1, *(1,) * (weight.ndim - 1))
            bias.sub_(mean).div_(deviation)
            signal = torch.relu(apply_layer(encoder, layer, signal))
    return p
