"""Causal self-attention over the episode's history, two layers, one head (Vaswani et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.networks.cores.base import Memory, Parameters, Shapes

LAYERS = ("first", "second")
"""A single layer cannot relate events at neighbouring time steps."""


@dataclass(frozen=True)
class Attention:
    """Self-attention over the last ``length`` time steps of the episode."""

    units: int
    length: int = 100

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network.

        A layer maps to query, key and value. Keys have no bias, since it would add the same to all
        scores, which the softmax cancels.
        """
        units = self.units
        shapes: Shapes = {"input_weight": (inputs, units), "input_bias": (units,)}
        for layer in LAYERS:
            shapes |= {f"{layer}_weight": (units, 3 * units), f"{layer}_bias": (2 * units,)}
            shapes |= {f"{layer}_age_weight": (self.length, 1)}
            shapes |= {f"{layer}_mix_weight": (2 * units, units), f"{layer}_mix_bias": (units,)}
        return shapes

    def reset(self, p: Parameters, episodes: int) -> Memory:
        """Return an empty history."""
        activity = p["input_bias"].new_zeros(len(p["input_bias"]), episodes, self.units)
        past = activity[:, :, None].expand(-1, -1, self.length, -1)
        memory = {f"{layer}_past": past.contiguous() for layer in LAYERS}
        x = activity.new_zeros(*activity.shape[:2], p["input_weight"].shape[1])
        position = torch.zeros_like(x[..., 0], dtype=torch.int64)
        return memory | {"activity": activity, "input": x, "position": position}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        position = memory["position"]
        # In inference mode (``networks.play``) earlier memories are not needed again, so memory is
        # overwritten in place, and read only as far as it is filled.
        in_place = torch.is_inference_mode_enabled()
        filled = min(int(position.max()) + 1, self.length) if in_place else self.length
        place = torch.arange(filled, device=x.device)
        age = (position[..., None] - place) % self.length
        known = age <= position[..., None]
        here = (age == 0)[..., None]
        slot = (position % self.length)[..., None, None].expand(-1, -1, 1, self.units)
        after = {"position": position + 1, "input": x}
        signal = torch.bmm(x, p["input_weight"]) + p["input_bias"][:, None]
        for layer in LAYERS:
            past, now = memory[f"{layer}_past"], signal[:, :, None]
            past = past.scatter_(2, slot, now) if in_place else torch.where(here, now, past)
            after[f"{layer}_past"], past = past, past[:, :, : len(place)]
            to_query, to_key, to_value = p[f"{layer}_weight"].chunk(3, dim=-1)
            query_bias, value_bias = p[f"{layer}_bias"][:, None].chunk(2, dim=-1)
            # Keys and values are linear in the past, so mapping query and result gives the same.
            query = torch.bmm(torch.bmm(signal, to_query) + query_bias, to_key.transpose(1, 2))
            by_age = p[f"{layer}_age_weight"][:, None, :, 0].expand(-1, x.shape[1], -1)
            score = _product(past, query[..., None])[..., 0] / self.units**0.5
            score = score + by_age.gather(-1, age)
            weight = torch.softmax(torch.where(known, score, -torch.inf), dim=-1)
            read = _product(weight[:, :, None], past)[:, :, 0]
            retrieved = torch.bmm(read, to_value) + value_bias
            mixed = torch.bmm(torch.cat([signal, retrieved], dim=-1), p[f"{layer}_mix_weight"])
            signal = signal + torch.tanh(mixed + p[f"{layer}_mix_bias"][:, None])
        return after | {"activity": signal}

    def forward_sequence(self, p: Parameters, memory: Memory, x: Tensor) -> Tensor:
        """Compute the activity of many time steps at once (``Parallel``)."""
        position, steps, past = memory["position"][..., None], x.shape[1], self.length
        if not position.any():
            past = 0
        place = torch.arange(past, device=x.device)
        now = position + torch.arange(steps, device=x.device)
        when = torch.cat([position - 1 - (position - 1 - place) % self.length, now], dim=-1)
        age = now[..., None] - when[:, :, None]
        known = (when >= 0)[:, :, None] & (age >= 0) & (age < self.length)
        age = age.clamp(0, self.length - 1).flatten(2)
        signal = x.transpose(1, 2) @ p["input_weight"][:, None] + p["input_bias"][:, None, None]
        for layer in LAYERS:
            history = torch.cat([memory[f"{layer}_past"][:, :, :past], signal], dim=2)
            query, keys, values = (history @ p[f"{layer}_weight"][:, None]).chunk(3, dim=-1)
            query_bias, value_bias = p[f"{layer}_bias"][:, None, None].chunk(2, dim=-1)
            query = query[:, :, past:] + query_bias
            by_age = p[f"{layer}_age_weight"][:, None, :, 0].expand(-1, x.shape[2], -1)
            bias = by_age.gather(-1, age).view(known.shape)
            score = query @ keys.transpose(2, 3) / self.units**0.5 + bias
            weight = torch.softmax(torch.where(known, score, -torch.inf), dim=-1)
            retrieved = weight @ values + value_bias
            mix, bias = p[f"{layer}_mix_weight"][:, None], p[f"{layer}_mix_bias"][:, None, None]
            signal = signal + torch.tanh(torch.cat([signal, retrieved], dim=-1) @ mix + bias)
        return signal.transpose(1, 2)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply many small matrices; in play on a CPU, NumPy takes half the time."""
    if torch.is_inference_mode_enabled() and left.device.type == "cpu":
        return torch.from_numpy(left.numpy() @ right.numpy())
    return left @ right
