"""The network of simulation 5: a convolutional encoder before an LSTM with policy and value (Mnih et al. 2016).

It learns as the others do (``prefrontal.a2c``), but from pixels; PyTorch's own layers and automatic differentiation serve it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prefrontal.task import one_hot

Memory = tuple[Tensor, Tensor]
"""Activity and cell of the LSTM, (episode, units)."""


def convolutional_encoder(view_size: int, features: int) -> nn.Sequential:
    """Mnih et al. (2016): 16 filters of 8 x 8 with stride 4, 32 of 4 x 4 with stride 2, a layer of ``features`` units.

    Weights start as in He et al. (2015), which keeps the differences between views as large as they come in: with PyTorch's
    defaults they fade from layer to layer, and the policy stayed uniform.
    """
    side = ((view_size - 8) // 4 + 1 - 4) // 2 + 1
    convolutions = nn.Conv2d(3, 16, 8, 4), nn.ReLU(), nn.Conv2d(16, 32, 4, 2), nn.ReLU()
    encoder = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(32 * side**2, features), nn.ReLU())
    for layer in encoder:
        if not isinstance(layer, nn.ReLU | nn.Flatten):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return encoder.to(memory_format=torch.channels_last)


@torch.no_grad()
def normalise(encoder: nn.Sequential, views: Tensor) -> None:
    """Scale and shift each filter and unit so that, over some views, what it receives has mean 0 and variance 1.

    Salimans and Kingma (2016), "Weight normalization", section 3: the initial weights depend on data. Otherwise all views look
    alike to the LSTM, and what tells two images apart is a fiftieth of its input.
    """
    signal = views.permute(0, 3, 1, 2)
    for layer in encoder:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            received = layer(signal).transpose(0, 1).flatten(1)
            mean, deviation = received.mean(1), received.std(1).clamp_min(1e-3)
            layer.weight /= deviation.reshape(-1, *(1,) * (layer.weight.ndim - 1))
            layer.bias -= mean
            layer.bias /= deviation
        signal = layer(signal)


class HarlowNetwork(nn.Module):
    """Actor-critic that sees views, its last reward and its last action.

    Parameters
    ----------
    view_size : int or None
        Pixels along each side of a view; None for symbolic observations, which reach the LSTM as they are.
    observations : int
        Entries of a symbolic observation.
    units : int
        LSTM units, and units of the encoder's last layer (Methods, simulation 5: 256).
    actions : int
    """

    def __init__(self, view_size: int | None, observations: int, units: int = 256, actions: int = 3) -> None:
        super().__init__()
        self.actions, self.units = actions, units
        self.encoder = None if view_size is None else convolutional_encoder(view_size, units)
        inputs = (observations if view_size is None else units) + 1 + actions
        self.lstm = nn.LSTMCell(inputs, units)
        self.policy = nn.Linear(units, actions)
        self.value = nn.Linear(units, 1)

    def begin(self, episodes: int, device: str | torch.device = "cpu") -> Memory:
        """Memory at the start of an episode: zeros (Methods, simulation 5)."""
        zeros = torch.zeros(episodes, self.units, device=device)
        return zeros, zeros

    def encode(self, observation: Tensor) -> Tensor:
        """Features of views (episode, column, row, colour), or symbolic observations (episode, observations) as they are.

        Views in bfloat16 are encoded in bfloat16, twice as fast where the processor has it.
        """
        if self.encoder is None:
            return observation
        view = observation / 127.5 - 1 if observation.dtype == torch.uint8 else observation
        with torch.autocast(view.device.type, torch.bfloat16, enabled=view.dtype == torch.bfloat16):
            return self.encoder(view.permute(0, 3, 1, 2)).float()

    def forward(self, memory: Memory, observation: Tensor, reward: Tensor, action: Tensor) -> tuple[Memory, Tensor, Tensor]:
        """Advance by one time step -> memory, logits (episode, actions), value (episode,)."""
        inputs = torch.cat([self.encode(observation), reward[:, None], one_hot(action, self.actions)], dim=-1)
        memory = self.lstm(inputs, memory)
        return memory, self.policy(memory[0]), self.value(memory[0])[:, 0]


class HarlowAgent:
    """Trained networks with frozen weights, as ``prefrontal.recording`` plays them."""

    def __init__(self, networks: list[HarlowNetwork]) -> None:
        self.networks = networks

    def begin(self, seeds: int, episodes: int) -> list[Memory]:
        """Memory of every network at the start of an episode."""
        return [network.begin(episodes) for network in self.networks]

    def step(
        self, memory: list[Memory], observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[list[Memory], Tensor, Tensor, Tensor]:
        """Advance by one time step."""
        moments = zip(self.networks, memory, observation, last_reward, last_action, strict=True)
        steps = [network(own, view, reward, action) for network, own, view, reward, action in moments]
        memory = [after for after, _, _ in steps]
        logits, value = (torch.stack(parts) for parts in zip(*((logits, value) for _, logits, value in steps), strict=True))
        return memory, torch.softmax(logits, -1), value, torch.stack([activity for activity, _ in memory])
