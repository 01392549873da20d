"""Attention over the history of the episode (Vaswani et al. 2017): causal, two layers, one head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from prefrontal.cores.protocol import Memory, Parameters, Shapes

LAYERS = ("first", "second")
"""One layer cannot bind what happened at neighbouring steps."""


@dataclass(frozen=True)
class Attention:
    """Self-attention over the last ``length`` time steps of the episode."""

    units: int
    length: int = 100

    def shapes(self, inputs: int) -> Shapes:
        """Parameter names and shapes of one network; a layer maps to query, key and value, with two biases.

        One of the keys would add the same to every score, which the softmax takes away.
        """
        units = self.units
        shapes: Shapes = {"input_weight": (inputs, units), "input_bias": (units,)}
        for layer in LAYERS:
            shapes |= {f"{layer}_weight": (units, 3 * units), f"{layer}_bias": (2 * units,)}
            shapes |= {f"{layer}_age_weight": (self.length, 1)}
            shapes |= {f"{layer}_mix_weight": (2 * units, units), f"{layer}_mix_bias": (units,)}
        return shapes

    def begin(self, p: Parameters, episodes: int) -> Memory:
        """Nothing has happened yet."""
        activity = p["input_bias"].new_zeros(len(p["input_bias"]), episodes, self.units)
        past = activity[:, :, None].expand(-1, -1, self.length, -1)
        memory = {f"{layer}_past": past.contiguous() for layer in LAYERS}
        told = activity.new_zeros(*activity.shape[:2], p["input_weight"].shape[1])
        return memory | {"activity": activity, "input": told, "position": torch.zeros_like(told[..., 0], dtype=torch.int64)}

    def step(self, p: Parameters, memory: Memory, x: Tensor) -> Memory:
        """Advance by one time step."""
        position = memory["position"]
        # In inference mode (``recording.play``) no earlier memory is asked for again: it is written to in place, and read
        # as far as it is filled.
        playing = torch.is_inference_mode_enabled()
        place = torch.arange(min(int(position.max()) + 1, self.length) if playing else self.length, device=x.device)
        age = (position[..., None] - place) % self.length
        known = age <= position[..., None]
        here = (age == 0)[..., None]
        slot = (position % self.length)[..., None, None].expand(-1, -1, 1, self.units)
        after = {"position": position + 1, "input": x}
        signal = torch.bmm(x, p["input_weight"]) + p["input_bias"][:, None]
        for layer in LAYERS:
            past, now = memory[f"{layer}_past"], signal[:, :, None]
            after[f"{layer}_past"] = past.scatter_(2, slot, now) if playing else torch.where(here, now, past)
            past = after[f"{layer}_past"][:, :, : len(place)]
            to_query, to_key, to_value = p[f"{layer}_weight"].chunk(3, dim=-1)
            query_bias, value_bias = p[f"{layer}_bias"][:, None].chunk(2, dim=-1)
            # Keys and values of the past are linear in it, so that query and result are mapped in their place.
            query = torch.bmm(torch.bmm(signal, to_query) + query_bias, to_key.transpose(1, 2))
            bias = p[f"{layer}_age_weight"][:, None, :, 0].expand(-1, x.shape[1], -1).gather(-1, age)
            score = (past @ query[..., None])[..., 0] / self.units**0.5 + bias
            weight = torch.softmax(torch.where(known, score, -torch.inf), dim=-1)
            found = torch.bmm((weight[:, :, None] @ past)[:, :, 0], to_value) + value_bias
            mixed = torch.bmm(torch.cat([signal, found], dim=-1), p[f"{layer}_mix_weight"]) + p[f"{layer}_mix_bias"][:, None]
            signal = signal + torch.tanh(mixed)
        return after | {"activity": signal}

    def follow(self, p: Parameters, memory: Memory, x: Tensor) -> Tensor:
        """Activity that ``step`` after ``step`` would give, (seed, steps, episode, units), from inputs of the same layout."""
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
            older = p[f"{layer}_age_weight"][:, None, :, 0].expand(-1, x.shape[2], -1).gather(-1, age).view(known.shape)
            score = query @ keys.transpose(2, 3) / self.units**0.5 + older
            found = torch.softmax(torch.where(known, score, -torch.inf), dim=-1) @ values + value_bias
            mix, bias = p[f"{layer}_mix_weight"][:, None], p[f"{layer}_mix_bias"][:, None, None]
            signal = signal + torch.tanh(torch.cat([signal, found], dim=-1) @ mix + bias)
        return signal.transpose(1, 2)
