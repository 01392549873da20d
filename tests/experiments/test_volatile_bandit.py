"""Volatile bandit: task, Bayesian agent, sliding learning-rate fit, and unit coding."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

from prefrontal.analysis import neural
from prefrontal.errors import UserError
from prefrontal.models import rescorla_wagner
from prefrontal.models.volatility import VolatilityObserver
from prefrontal.tables.recording import Recording
from prefrontal.task import RandomStreams
from replications.volatile_bandit import analysis, learning_rate
from replications.volatile_bandit.settings import (
    ALPHA,
    BLOCK,
    BLOCKS,
    HUMAN,
    ORDERS,
    SETTINGS,
    WINDOW,
    VolatileBandit,
)
from replications.volatile_bandit.task import HumanScheduleTask, VolatileBanditTask

TRIALS = 2 * BLOCK


def build(**settings: object) -> VolatileBanditTask:
    """The training task, but for some settings."""
    return replace(SETTINGS.task, **settings).build()


def human() -> VolatileBanditTask:
    return HumanScheduleTask(SETTINGS.task)


def observer() -> VolatilityObserver:
    return VolatilityObserver(**SETTINGS.task.process)


def play(task: VolatileBanditTask, episodes: int) -> dict[str, np.ndarray]:
    """Columns (episodes, trials) of episodes in which the choice is random."""
    noise = RandomStreams([0], "test")
    state, _ = task.reset(noise.uniform(episodes, task.reset_noise))
    columns = []
    for _ in range(task.episode_steps):
        action = (noise.uniform(episodes) < 0.5).long()
        state, _, _ = task.step(state, action, noise.uniform(episodes, task.step_noise))
        columns.append(
            {name: np.asarray(value)[0] for name, value in task.trial_columns(state).items()}
        )
    assert bool(state["done"].all())
    return {name: np.stack([column[name] for column in columns], axis=1) for name in columns[0]}


def as_episodes(columns: dict[str, np.ndarray]) -> analysis.Episodes:
    points = (columns[name] / 100 for name in ("reward", "magnitude_left", "magnitude_right"))
    rest = (columns["p_left"], columns["volatile"], columns["order"][:, 0])
    return analysis.Episodes(observer(), columns["choice"], *points, *rest)


def test_magnitudes_follow_beta_4_4() -> None:
    columns = play(build(), 200)
    for name in ("magnitude_left", "magnitude_right"):
        assert columns[name].mean() == pytest.approx(50, abs=0.5)
        assert columns[name].std() == pytest.approx(
            100 / 6, abs=0.3
        )  # variance of Beta(4, 4): 1 / 36


def test_the_chosen_arm_pays_its_magnitude_with_its_probability() -> None:
    columns = play(human(), 400)
    left = columns["choice"] == 0
    stake = np.where(left, columns["magnitude_left"], columns["magnitude_right"])
    paid = columns["reward"] > 0
    assert_allclose(columns["reward"][paid], stake[paid])
    for p in (0.2, 0.25, 0.75, 0.8):
        where = np.isclose(columns["p_left"], p)
        assert paid[where & left].mean() == pytest.approx(p, abs=0.03)
        assert paid[where & ~left].mean() == pytest.approx(1 - p, abs=0.03)


def test_training_generator_ties_reward_to_volatility() -> None:
    columns = play(build(), 2_000)
    p, volatile = columns["p_left"], columns["volatile"]
    assert set(np.unique(p[volatile])) == {0.0, 1.0}
    assert set(np.unique(p[~volatile])) == {0.25, 0.75}
    both = volatile[:, :-1] & volatile[:, 1:]
    swapped = (p[:, 1:] > 0.5) != (p[:, :-1] > 0.5)
    assert swapped[both].mean() == pytest.approx(0.2, abs=0.01)
    assert not swapped[~volatile[:, :-1]].any()
    grid = observer().hazard_grid
    assert (volatile[:, 1:] != volatile[:, :-1]).mean() == pytest.approx(grid.mean(), rel=0.05)


def test_untied_generator_ignores_volatility() -> None:
    columns = play(build(generator="untied"), 500)
    p, volatile = columns["p_left"], columns["volatile"]
    assert p[volatile].std() == pytest.approx(12**-0.5, abs=0.03)
    assert p[~volatile].std() == pytest.approx(12**-0.5, abs=0.03)
    changed = p[:, 1:] != p[:, :-1]
    assert changed[volatile[:, :-1]].mean() == pytest.approx(0.2, abs=0.01)
    assert not changed[~volatile[:, :-1]].any()


def test_schedule_is_that_of_the_human_experiment() -> None:
    columns = play(human(), 40)
    changes = np.arange(TRIALS)[1:]
    for p, volatile, order in zip(
        columns["p_left"], columns["volatile"], columns["order"][:, 0], strict=True
    ):
        reversals = changes[(p[1:] > 0.5) != (p[:-1] > 0.5)]
        if order == "stable first":
            assert list(reversals) == [100, 125, 150, 175]
            assert not volatile[:100].any() and volatile[100:].all()
        else:
            assert list(reversals) == [25, 50, 75, 100]
            assert volatile[:100].all() and not volatile[100:].any()
        assert_allclose(np.abs(p - 0.5), np.where(volatile, 0.3, 0.25), atol=1e-6)


@pytest.mark.parametrize(
    "changes", [{}, {"generator": "untied"}, {"better_volatile": 0.9}], ids=str
)
def test_oracle_reward_of_the_learning_curves(changes: dict[str, object]) -> None:
    task = VolatileBandit(**changes)
    episodes = as_episodes(play(task.build(), 1_000))
    sides = episodes.expected(np.zeros(1)), episodes.expected(np.ones(1))
    random, oracle = task.reward_range()
    mean = sum(side.mean() for side in sides) / 2
    assert 100 * mean == pytest.approx(random / task.trials, abs=0.4)
    assert 100 * np.maximum(*sides).mean() == pytest.approx(oracle / task.trials, abs=0.4)


def test_illegal_settings_are_named() -> None:
    with pytest.raises(UserError, match=r"^task\.volatility is 1\.5"):
        VolatileBandit(volatility=1.5)
    with pytest.raises(UserError, match=r"^task\.log_hazard_high is -2"):
        VolatileBandit(log_hazard_low=-1.0, log_hazard_high=-2.0)
    with pytest.raises(UserError, match=r"^task\.log_hazard_high is 1"):
        VolatileBandit(log_hazard_high=1.0)


def test_human_schedule_is_the_same_whatever_the_training() -> None:
    task = VolatileBandit(generator="untied", better_stable=0.6, trials=50, magnitude_scale=0.1)
    schedule, columns = HumanScheduleTask(task), play(human(), 6)
    for name, column in play(schedule, 6).items():
        assert (column == columns[name]).all()
    assert schedule.settings.magnitude_scale == 0.1


def test_observer_equals_brute_force_enumeration() -> None:
    process = SETTINGS.task.process | {"volatility": 0.3, "better_volatile": 0.9}
    observer, trials = VolatilityObserver(**process, hazards=3), 4
    sequences = np.array(list(itertools.product([False, True], repeat=trials)))
    probability, volatility = observer.infer(sequences)
    states = list(itertools.product(range(2), range(2)))
    for sequence, p, v in zip(sequences, probability, volatility, strict=True):
        for trial in range(trials):
            weights, pays, volatile = [], [], []
            for hazard, *path in itertools.product(
                range(observer.hazards), *[states] * (trial + 1)
            ):
                weight = 1.0
                for t, (now, following) in enumerate(itertools.pairwise(path)):
                    left = observer.pays_left[now]
                    weight *= (left if sequence[t] else 1 - left) * observer.transition[
                        (hazard, *now, *following)
                    ]
                weights.append(weight)
                pays.append(observer.pays_left[path[-1]])
                volatile.append(path[-1][1])
            assert p[trial] == pytest.approx(np.average(pays, weights=weights))
            assert v[trial] == pytest.approx(
                observer.volatility * np.average(volatile, weights=weights)
            )


def test_observer_tells_volatile_from_stable() -> None:
    episodes = as_episodes(play(build(), 200))
    volatility = observer().infer(episodes.pays_left)[1]
    assert volatility[episodes.volatile].mean() > 2 * volatility[~episodes.volatile].mean()
    flat = observer().infer(episodes.pays_left[0])[1]
    assert_allclose(flat, volatility[0])


def test_rescorla_wagner_by_hand() -> None:
    assert_allclose(rescorla_wagner.values([1, 0, 1], 0.5), [0.5, 0.75, 0.375])
    assert rescorla_wagner.values(np.ones((2, 3)), np.array([[0.1], [0.2]])).shape == (2, 2, 3)


@functools.cache
def likelihood_of(rate: float) -> np.ndarray:
    """Of the choices of a learner with this rate."""
    episodes = as_episodes(play(human(), 200))
    stakes = (episodes.pays_left, episodes.left, episodes.right)
    choice = rescorla_wagner.simulate(*stakes, rate, 16.0, np.random.default_rng(1))
    return learning_rate.learning_rate_likelihood(
        episodes.pays_left, choice, episodes.left, episodes.right
    )


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("rate", [0.1, 0.4, 0.7])
def test_known_learning_rate_is_recovered_in_every_window(rate: float, shared: bool) -> None:
    rates, temperatures = learning_rate.sliding_learning_rates(
        likelihood_of(rate), shared_temperature=shared
    )
    assert len(rates) == TRIALS + 1 - WINDOW
    assert np.abs(rates - rate).max() < 0.12
    assert rates.mean() == pytest.approx(rate, abs=0.02)
    assert np.median(temperatures) == pytest.approx(16, rel=0.2)


def test_bayesian_agent_learns_faster_in_volatile_blocks() -> None:
    episodes = as_episodes(play(human(), 200))
    curves = analysis.fit_orders({"variant": "x", "subject": 0}, episodes, episodes.bayesian[0])
    rates = analysis.block_rates(curves).set_index("block")["learning_rate"]
    for blocks in ORDERS.values():
        stable, volatile = sorted(blocks)
        assert rates[volatile] > rates[stable] + 0.1


def test_observer_and_weights_are_those_of_the_settings() -> None:
    columns = play(human(), 6)
    rows = {name: array.ravel() for name, array in columns.items()}
    episode, trial = np.divmod(np.arange(6 * TRIALS), TRIALS)
    trials = pd.DataFrame(
        {"subject": 0, "variant": "mine", "episode": episode, "trial": trial, "test": HUMAN, **rows}
    )
    settings = SETTINGS.vary({"task.better_volatile": 0.8, "training.learning_rate": 1e-3})
    recording = Recording(trials, settings={"mine": settings})
    ((_, episodes),) = analysis.subjects(recording, trials)
    assert episodes.observer.better_volatile == 0.8
    tables = analysis.analyse(recording)
    values = analysis.claim_measures(tables).set_index(["claim", "measure"])["value"]
    lowest = min(values["volatility-rate", block] for block in BLOCKS)
    assert values["volatility-orders", "lowest block / weights"] == pytest.approx(lowest / 1e-3)


def test_constant_choices_have_no_learning_rate_that_stands_out() -> None:
    episodes = as_episodes(play(human(), 3))
    blank = np.zeros_like(episodes.left)
    likelihood = learning_rate.learning_rate_likelihood(
        episodes.pays_left, np.zeros_like(episodes.choice), blank, blank
    )
    assert np.isnan(learning_rate.sliding_learning_rates(likelihood)[0]).all()


def test_unit_p_values_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    predictors, activity = rng.normal(size=(3, 40, 2)), rng.normal(size=(3, 40, 4))
    activity[..., 0] += predictors[..., 1]
    activity[1, :, 2] = 1
    predictors[2, :, 0] = 0
    p_values = analysis.unit_p_values(activity, predictors)
    for unit in range(4):
        fit = sm.OLS(activity[0, :, unit], sm.add_constant(predictors[0])).fit()
        assert_allclose(p_values[0, unit], fit.pvalues[1:])
    assert np.isnan(p_values[1, 2]).all() and np.isfinite(p_values[1, 1]).all()
    assert np.isnan(p_values[2]).all()


def test_planted_volatility_units_are_found_and_others_are_not() -> None:
    episodes = as_episodes(play(human(), 20))
    activity = np.random.default_rng(0).normal(size=(*episodes.choice.shape, 48))
    activity[..., :12] += 2 * episodes.volatile[..., None]
    coding = analysis.unit_coding(activity, episodes, np.array([ALPHA]))
    assert coding["share"].item() == pytest.approx(0.25, abs=0.01)
    assert coding["share_null"].item() < ALPHA
    assert len(analysis.unit_coding_over_time(activity, episodes)) == TRIALS


def test_decoding_is_cross_validated() -> None:
    rng = np.random.default_rng(0)
    groups, value = np.repeat(np.arange(20), 10), rng.normal(size=200)
    activity = rng.normal(size=(200, 5))
    assert abs(np.corrcoef(neural.decode_value(activity, value, groups), value)[0, 1]) < 0.3
    activity[:, 0] += 3 * value
    assert np.corrcoef(neural.decode_value(activity, value, groups), value)[0, 1] > 0.9
    assert np.isnan(neural.decode_value(activity, value, np.zeros(200))).all()
