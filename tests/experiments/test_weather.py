"""Weather: the task, and the exact mixture against brute-force enumeration."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from scipy import integrate

from prefrontal.networks.record import record
from prefrontal.tables import recording
from prefrontal.task import RandomStreams
from replications.weather import analysis, ideal_observer
from replications.weather.settings import BETS, MAIN, SETTINGS, TESTS, Weather
from replications.weather.task import WeatherTask, sequences

TASK = SETTINGS.task

SHORT = np.array(list(itertools.product([0, 1], repeat=6)))
"""All sequences of six days."""


def likelihood(kind: str, number: float, days: np.ndarray) -> float:
    """Probability of a sequence, day by day from the words of the task."""
    p, streak = 1.0, 0
    for day, rain in enumerate(days):
        if kind == "independent":
            p_rain = number
        elif day == 0:
            p_rain = 0.5
        else:
            if kind == "sticky":
                repeats = number
            else:
                repeats = 1 - number / streak if kind == "growing streaks" else number / streak
            p_rain = repeats if days[day - 1] else 1 - repeats
        p *= p_rain if rain else 1 - p_rain
        streak = streak + 1 if day and rain == days[day - 1] else 1
    return p


def probability(days: np.ndarray) -> float:
    """Probability of a sequence: numerical integration, and a list of all patterns."""
    total = 0.0
    for kind, prior in zip(ideal_observer.KINDS[:-1], ideal_observer.PRIOR, strict=False):
        integral, _ = integrate.quad(
            lambda u, kind=kind: likelihood(kind, u, days), 0, 1, epsabs=1e-13
        )
        total += prior * integral
    for period in ideal_observer.PERIODS:
        fits = [
            all(days[day] == pattern[day % period] for day in range(len(days)))
            for pattern in SHORT[:, :period]
        ]
        total += ideal_observer.PRIOR[-1] / len(ideal_observer.PERIODS) * np.mean(fits)
    return total


def test_mixture_equals_brute_force_enumeration():
    known = {tuple(days): probability(days) for days in SHORT}
    assert abs(sum(known.values()) - 1) < 1e-10
    predicted = ideal_observer.mixture(SHORT)
    for row, days in enumerate(SHORT):
        for day in range(len(days)):
            alike = {other: p for other, p in known.items() if other[:day] == tuple(days[:day])}
            rained = [p for other, p in alike.items() if other[day]]
            assert predicted[row, day] == pytest.approx(sum(rained) / sum(alike.values()), abs=1e-9)


def test_mixture_knows_the_kinds_over_many_days():
    pattern = np.tile([0, 0, 1], 34)[:100]
    np.testing.assert_allclose(
        ideal_observer.mixture(pattern[None])[0, 50:], pattern[50:], atol=5e-3
    )
    assert ideal_observer.mixture(np.ones((1, 100)))[0, -1] > 0.98
    independent = (np.random.default_rng(0).random((1, 400)) < 0.7).astype(int)
    assert abs(ideal_observer.mixture(independent)[0, -1] - 0.7) < 0.1


@pytest.mark.slow
def test_mixture_is_calibrated_and_beats_the_frequency():
    rain = sequences(TASK.build(), 3_000)
    p, q = ideal_observer.mixture(rain), ideal_observer.frequency(rain)
    loss, other = (-np.log(np.where(rain == 1, x, 1 - x).clip(1e-12)).mean() for x in (p, q))
    assert loss < other - 0.1
    for low in np.arange(0, 1, 0.1):
        there = (p >= low) & (p < low + 0.1)
        assert abs(rain[there].mean() - p[there].mean()) < 0.02


def test_kinds_have_their_prior_and_their_structure():
    noise = RandomStreams([0], "test").uniform(20_000, 3)
    state, shown = TASK.build().reset(noise)
    share = torch.bincount(state["kind"][0]) / 20_000
    torch.testing.assert_close(share, torch.tensor(ideal_observer.PRIOR), rtol=0, atol=0.02)
    assert not shown.any()
    for days in ideal_observer.PERIODS:
        rain = sequences(WeatherTask(TASK, "pattern", (days,)), 200)
        assert (rain[:, days:] == rain[:, :-days]).all()
        assert len(np.unique(rain[:, :days], axis=0)) == 2**days
    for kind, sign in (("growing streaks", 1), ("fading streaks", -1)):
        rain = sequences(WeatherTask(TASK, kind), 5_000)
        streak, same = ideal_observer.streaks(rain)[:, :-1], rain[:, 1:] == rain[:, :-1]
        assert sign * (same[streak >= 3].mean() - same[streak == 1].mean()) > 0.1


def test_weather_ignores_guesses_and_right_ones_pay():
    task, noise = Weather(days=20).build(), RandomStreams([0], "test")
    opening, chances = noise.uniform(50, 3), noise.uniform(20, 50, 1)
    seen = []
    for say in (0, 1):
        state, _ = task.reset(opening)
        for chance in chances.unbind(1):
            state, shown, reward = task.step(state, torch.full((1, 50), say), chance)
            assert torch.equal(reward, (state["weather"] == say).float())
            assert torch.equal(shown.argmax(-1), state["weather"])
            assert torch.equal(task.target(state), state["weather"])
        seen.append(state["weather"])
        assert state["done"].all()
    assert torch.equal(*seen)


def test_reward_range_lies_between_chance_and_certainty():
    low, high = TASK.reward_range()
    assert low == 50 and 65 < high < 100


class Forecaster:
    """Says what a reference says of the weather so far, and bets on the likelier one."""

    def __init__(self, rule) -> None:
        self.rule = rule

    def reset(self, seeds, episodes):
        return np.zeros((seeds * episodes, 0), dtype=int)

    def step(self, memory, observation, last_reward, last_action):
        shape = last_reward.shape
        if observation.any():
            memory = np.column_stack([memory, observation.argmax(-1).numpy().ravel()])
        today = np.zeros(len(memory), dtype=int)
        p_rain = self.rule(np.column_stack([memory, today]))[:, -1]
        p_rain = torch.tensor(p_rain).float().reshape(shape)
        return memory, torch.stack([1 - p_rain, p_rain], dim=-1), torch.zeros(shape), None


@pytest.mark.parametrize(
    ("rule", "expected"), [(ideal_observer.mixture, 1.0), (ideal_observer.frequency, 0.0)]
)
def test_references_close_all_of_the_gap_or_none(rule, expected):
    parts = []
    settings = SETTINGS.vary({"task.days": 60})
    for variant in (MAIN, BETS):
        for test, problem in TESTS.items():
            task, columns = WeatherTask(settings.task, **problem), {"test": test}
            played = record(Forecaster(rule), task, [0, 1], variant, 20, columns=columns)
            parts.append(dataclasses.replace(played, settings={variant: settings}))
    tables = analysis.analyse(recording.join(parts))
    found = analysis.claim_measures(tables).set_index(["variant", "claim"])["value"]
    np.testing.assert_allclose(found.loc[MAIN, "weather-predictor"], expected, atol=1e-5)
    np.testing.assert_allclose(found.loc[MAIN, "weather-agree"], 1)
    if rule is ideal_observer.mixture:
        np.testing.assert_allclose(found.loc[MAIN, "weather-outside"], 0, atol=1e-9)


def weighted(days: np.ndarray, context: tuple[int, ...], depth: int) -> float:
    """Probability of the days that follow a context, most recent day first, by the recursion of
    Willems, Shtarkov & Tjalkens (1995)."""
    past = np.concatenate([np.zeros(depth, dtype=int), days])
    after = [
        past[day]
        for day in range(depth, len(past))
        if tuple(past[day - length - 1] for length in range(len(context))) == context
    ]
    estimate, counts = 1.0, [0.5, 0.5]
    for rain in after:
        estimate *= counts[rain] / sum(counts)
        counts[rain] += 1
    if len(context) == depth:
        return estimate
    split = [weighted(days, (*context, day), depth) for day in range(2)]
    return 0.5 * estimate + 0.5 * split[0] * split[1]


def test_context_tree_equals_the_textbook_recursion():
    predicted = ideal_observer.context_tree(SHORT, depth=3)
    before = np.array([weighted(days[:-1], (), 3) for days in SHORT])
    rain = np.array([weighted(np.append(days[:-1], 1), (), 3) for days in SHORT])
    np.testing.assert_allclose(predicted[:, -1], rain / before, rtol=1e-12)
