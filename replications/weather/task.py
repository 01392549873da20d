"""Rain or sun: sequences of days with structure of several kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import (
    RandomStreams,
    Replay,
    State,
    Task,
    by_episode,
    check_values,
    one_hot,
    replay_choices,
)
from replications.weather import ideal_observer
from replications.weather.ideal_observer import KINDS, PERIODS, PRIOR, go_on
from replications.weather.settings import Weather

if TYPE_CHECKING:
    import pandas as pd

SUN, RAIN = 0, 1
INDEPENDENT, STICKY, GROWING, FADING, PATTERN = range(len(KINDS))


SEQUENCES = 2_000
"""Sequences over which the best possible accuracy is estimated."""


class WeatherTask(Task):
    """Say what the weather will be tomorrow; a day is one trial of one time step.

    The weather of a day is shown after it. Every sequence is of one kind, with a number u from
    U[0, 1] of its own: "independent" days with P(rain) = u; "sticky", tomorrow as today with
    probability u (alternating where it is small); "growing streaks" that end with probability u / n
    after n days of the same weather; "fading streaks" that continue with probability u / n; a
    "pattern" of so many ``pattern_days`` that repeats.

    Parameters
    ----------
    settings : Weather
    kind : str, optional
        Only sequences of this kind; by default all.
    pattern_days : tuple of int
        Lengths of patterns, each as likely.
    """

    observations = ("sun", "rain")
    actions = ("sun", "rain")
    periods = ("choice",)
    reset_noise = 3
    step_noise = 1

    def __init__(
        self, settings: Weather, kind: str | None = None, pattern_days: tuple[int, ...] = PERIODS
    ) -> None:
        self.settings, self.kind, self.pattern_days = settings, kind, pattern_days

    @property
    def episode_steps(self) -> int:
        """One time step per day."""
        return self.settings.days

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start sequences; no weather has been seen yet."""
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        kind = self._draw(noise[..., 0]) if self.kind is None else zero + KINDS.index(self.kind)
        lengths = torch.tensor(self.pattern_days, device=noise.device)
        period = lengths[(noise[..., 1] * len(lengths)).long()]
        state: State = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
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
        """Guess in every episode; then the day's weather is shown."""
        kind, number, streak, last = (
            state[name] for name in ("kind", "number", "streak", "weather")
        )
        repeats = torch.zeros_like(number)
        for code in (STICKY, GROWING, FADING):
            probability = go_on(KINDS[code], number, streak.clamp_min(1))
            repeats = torch.where(kind == code, probability, repeats)
        follows = torch.where(last == RAIN, repeats, 1 - repeats)
        in_pattern = (state["pattern"] >> (state["trial"] % state["length"])) & 1
        p_rain = torch.where(last < 0, 0.5, follows)
        p_rain = torch.where(kind == INDEPENDENT, number, p_rain)
        p_rain = torch.where(kind == PATTERN, in_pattern.to(noise.dtype), p_rain)
        weather = (noise[..., 0] < p_rain).long()
        trial, reward = state["trial"] + 1, (action == weather).to(noise.dtype)
        after = state | {
            "trial": trial,
            "done": trial >= self.settings.days,
            "streak": torch.where(weather == last, streak + 1, 1),
            "weather": weather,
            "choice": action,
            "reward": reward,
        }
        return after, self._observe(after), reward

    def target(self, state: State) -> Tensor:
        """Return the weather of the day."""
        return state["weather"]

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Guess, weather, and kind of sequence of days that just ended."""
        columns = {name: state[name].numpy() for name in ("choice", "reward", "kind")}
        return columns | {"rain": state["weather"].numpy()}

    def _draw(self, uniform: Tensor) -> Tensor:
        bounds = torch.tensor(PRIOR, device=uniform.device, dtype=uniform.dtype).cumsum(0)[:-1]
        return (uniform[..., None] >= bounds).sum(-1)

    def replay(self, trials: pd.DataFrame) -> Replay:
        """Return the time steps of trials, in which the weather of the day before is seen."""
        check_values(trials, rain=(0, 1))
        check_values(trials[trials["choice"] >= 0], reward=(0, 1))
        weather = by_episode(trials)["rain"].shift().to_numpy(np.float32)[:, None]
        seen = (weather == np.array([SUN, RAIN])).astype(np.float32)
        return replay_choices(trials, seen, len(self.actions))

    def _observe(self, state: State) -> Tensor:
        return one_hot(state["weather"], 2, state["reward"].dtype)


def sequences(task: WeatherTask, count: int, seed: int = 0) -> np.ndarray:
    """Draw sequences: (count, days), 1 rain, 0 sun."""
    noise = RandomStreams([seed], "sequences")
    state, _ = task.reset(noise.uniform(count, task.reset_noise))
    rain = []
    for _ in range(task.settings.days):
        state, *_ = task.step(state, state["weather"], noise.uniform(count, task.step_noise))
        rain.append(state["weather"][0].numpy())
    return np.stack(rain, axis=-1)


def best_guesses(settings: Weather) -> float:
    """Days per sequence that the exact mixture guesses right, mean of ``SEQUENCES`` sequences."""
    rain = sequences(settings.build(), SEQUENCES)
    p_rain = ideal_observer.mixture(rain)
    return float(np.where(p_rain > 0.5, rain, 1 - rain).sum(-1).mean())
