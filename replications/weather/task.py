"""Rain or sun: sequences of days with structure of several kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from prefrontal.learners.weather import KINDS, PERIODS, PRIOR, go_on
from prefrontal.task import State, one_hot

SUN, RAIN = 0, 1
INDEPENDENT, STICKY, GROWING, FADING, PATTERN = range(len(KINDS))


@dataclass(frozen=True)
class WeatherTask:
    """Say what the weather will be tomorrow; a day is one trial of one time step, and the day's weather is shown after it.

    Every sequence is of one kind, with a number u from U[0, 1] of its own: "independent" days with P(rain) = u; "sticky",
    tomorrow as today with probability u (alternating where it is small); "growing streaks" that end with probability u / n
    after n days of the same weather; "fading streaks" that go on with probability u / n; a "pattern" of so many
    ``pattern_days`` that repeats.

    ``kind`` asks for one kind only.
    """

    days: int = 100
    kind: str = "any"
    pattern_days: tuple[int, ...] = PERIODS

    observations = ("sun", "rain")
    actions = ("sun", "rain")
    periods = ("choice",)
    begin_noise = 3
    step_noise = 1

    @property
    def episode_steps(self) -> int:
        """One time step per day."""
        return self.days

    def begin(self, noise: Tensor) -> tuple[State, Tensor]:
        """Open sequences of new kinds; no weather has been seen yet."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        kind = zero + KINDS.index(self.kind) if self.kind in KINDS else self._drawn(noise[..., 0])
        lengths = torch.tensor(self.pattern_days, device=noise.device)
        period = lengths[(noise[..., 1] * len(lengths)).long()]
        state: State = {
            "trial": zero,
            "period": zero,
            "over": zero > 0,
            "kind": kind,
            "number": noise[..., 2],
            "length": period,
            # The bits of a number below 2 ** length are the days of the pattern.
            "pattern": (noise[..., 2] * 2**period).long(),
            "streak": zero,
            "weather": zero - 1,
            "choice": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Bet, and see the day's weather."""
        kind, number, streak, last = (state[name] for name in ("kind", "number", "streak", "weather"))
        repeats = torch.zeros_like(number)
        for code in (STICKY, GROWING, FADING):
            repeats = torch.where(kind == code, go_on(KINDS[code], number, streak.clamp_min(1)), repeats)
        follows = torch.where(last == RAIN, repeats, 1 - repeats)
        shown = (state["pattern"] >> (state["trial"] % state["length"])) & 1
        p_rain = torch.where(last < 0, 0.5, follows)
        p_rain = torch.where(kind == INDEPENDENT, number, p_rain)
        p_rain = torch.where(kind == PATTERN, shown.to(noise.dtype), p_rain)
        weather = (noise[..., 0] < p_rain).long()
        trial, reward = state["trial"] + 1, (action == weather).to(noise.dtype)
        after = state | {
            "trial": trial,
            "over": trial >= self.days,
            "streak": torch.where(weather == last, streak + 1, 1),
            "weather": weather,
            "choice": action,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def target(self, state: State) -> Tensor:
        """The weather that came."""
        return state["weather"]

    def trial_columns(self, state: State) -> dict[str, Any]:
        """What was said, what came, and the kind of sequence."""
        own = {name: state[name].numpy() for name in ("choice", "reward", "kind")}
        return own | {"rain": state["weather"].numpy()}

    def _drawn(self, uniform: Tensor) -> Tensor:
        bounds = torch.tensor(PRIOR, device=uniform.device, dtype=uniform.dtype).cumsum(0)[:-1]
        return (uniform[..., None] >= bounds).sum(-1)

    def _observe(self, state: State) -> Tensor:
        return one_hot(state["weather"], 2, state["reward"].dtype)
