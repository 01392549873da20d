"""Inferred value: hand-computed trials, analyses of the ideal observers, decoding."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from prefrontal.analysis import neural
from prefrontal.networks import record
from replications.inferred_value import analysis
from replications.inferred_value.claims import PUBLISHED
from replications.inferred_value.experiment import EXPERIMENT
from replications.inferred_value.observer import IdealObserver
from replications.inferred_value.record import sessions
from replications.inferred_value.settings import (
    OBSERVERS,
    PANELS,
    RESET,
    SETTINGS,
    WARM_UP_BLOCKS,
    InferredValue,
)
from replications.inferred_value.task import (
    CENTRE,
    CUE,
    FIXATION,
    LEFT,
    REWARD,
    RIGHT,
    SACCADE,
    InferredValueTask,
)

BOUNDARY, HAZARD = OBSERVERS


@functools.cache
def observe(name, count=40, settings=SETTINGS):
    (task, count), discount = sessions(settings.task, count, 8), settings.training.discount
    observer = IdealObserver(task, OBSERVERS[name], discount)
    played = record.record(observer, task, [0], name, count, discount=discount)
    return replace(played, settings={name: settings})


def differences(played):
    return analysis.analyse(played)["cue_differences"][PANELS].to_numpy()


def start(task, rewarded=LEFT):
    """Start one session with a known rewarded cue."""
    state, observation = task.reset(torch.tensor([[[0.0 if rewarded == RIGHT else 0.9]]]))
    return state, observation


def take(task, state, action, switch=0.9, cue=LEFT):
    """Take one action, with given random numbers."""
    noise = torch.tensor([[[switch, 0.0 if cue == RIGHT else 0.9]]])
    return task.step(state, torch.tensor([[action]]), noise)


def test_trial_by_hand():
    task = InferredValueTask(InferredValue(blocks=1))
    state, shown = start(task)
    views, rewards = [int(shown.argmax())], []
    for action in (CENTRE, RIGHT, LEFT, RIGHT):  # at cue and reward any action is valid
        state, shown, reward = take(task, state, action)
        views.append(int(shown.argmax()))
        rewards.append(float(reward))
    assert views == [0, 1, 1, 3, 0]
    assert rewards == [0, 0, 1, 0]
    columns = {name: np.ravel(value)[0] for name, value in task.trial_columns(state).items()}
    assert (
        columns["choice"] == LEFT and columns["reward"] == 1 and columns["rewarded_cue"] == "left"
    )
    assert (columns["block"], columns["block_trial"]) == (0, 0)


def test_reversal_at_the_first_trial_of_a_block_only():
    task = InferredValueTask(InferredValue(blocks=3, block_trials=2))
    state, _ = start(task)
    rewarded = []
    for trial in range(6):
        for action in (CENTRE, LEFT, LEFT, LEFT):
            state, _, _ = take(task, state, action, switch=0.0)
        rewarded.append((int(state["rewarded_cue"]), int(state["previous_rewarded_cue"])))
        assert int(state["trial"]) == trial + 1
    assert rewarded == [(1, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 0)]
    assert bool(state["done"])


@pytest.mark.parametrize(
    ("invalid_response", "trial", "period"),
    [("abort", 1, FIXATION), ("repeat", 0, SACCADE), ("continue", 0, REWARD)],
)
def test_invalid_saccade(invalid_response, trial, period):
    task = InferredValueTask(InferredValue(blocks=1, invalid_response=invalid_response))
    state, _ = start(task)
    for action in (CENTRE, LEFT, RIGHT):
        state, _, reward = take(task, state, action)
    assert float(reward) == -1
    assert (int(state["trial"]), int(state["period"])) == (trial, period)
    assert int(state["choice"]) == -1


def test_invalid_fixation_leaves_a_continued_trial_unpaid():
    task = InferredValueTask(InferredValue(blocks=1, invalid_response="continue"))
    state, _ = start(task)
    for action in (LEFT, LEFT, LEFT, LEFT):
        state, _, _ = take(task, state, action)
    columns = {name: np.ravel(value)[0] for name, value in task.trial_columns(state).items()}
    assert columns["reward"] == -1 and columns["choice"] == -1


def test_response_at_cue():
    task = InferredValueTask(InferredValue(blocks=1, response="cue"))
    state, _ = start(task)
    for action, period in ((CENTRE, CUE), (LEFT, SACCADE), (CENTRE, REWARD)):
        state, _, reward = take(task, state, action)
        assert int(state["period"]) == period
    assert float(reward) == 1


def test_blocks_reverse_half_the_time_and_stay_fixed_inside():
    trials = observe(HAZARD).trials.astype({"rewarded_cue": str, "previous_rewarded_cue": str})
    inside = trials.groupby(["episode", "block"])["rewarded_cue"].nunique()
    assert (inside == 1).all()
    first = trials[trials["block_trial"] == 0]
    reverses = first["rewarded_cue"] != first["previous_rewarded_cue"]
    assert reverses.mean() == pytest.approx(0.5, abs=0.08)
    assert trials["reward"].mean() == pytest.approx(0.5, abs=0.05)
    assert (trials["reward"] == (trials["cue"].astype(str) == trials["rewarded_cue"])).all()


@pytest.mark.parametrize(
    ("name", "before", "after"), [(HAZARD, 0.648, -0.648), (BOUNDARY, 0.0, -0.81)]
)
def test_observer_differences(name, before, after):
    """gamma^2 times the difference in belief: .9 and .1 at constant hazard; else .5, then 1."""
    measured = analysis.analyse(observe(name))
    expected = np.array([[before, after, after]])
    assert measured["cue_differences"][PANELS].to_numpy() == pytest.approx(expected, abs=1e-5)
    rpes = measured["reversal_rpes"]
    assert rpes[["fixation", "saccade"]].to_numpy() == pytest.approx(0, abs=1e-5)


def test_observers_follow_the_settings():
    """An observer that expects a switch at every second trial has no difference but chance."""
    played = observe(HAZARD, settings=SETTINGS.vary({"task.block_trials": 2, "task.switch": 1.0}))
    assert differences(played) == pytest.approx(0, abs=1e-5)
    played = observe(BOUNDARY, settings=SETTINGS.vary({"training.discount": 0.8}))
    assert differences(played) == pytest.approx(np.array([[0, -0.64, -0.64]]), abs=1e-5)


def test_single_blocks_have_no_warm_up():
    played = observe(BOUNDARY, settings=EXPERIMENT.variant(RESET))
    assert not analysis.mark_warm_up(played)["warm_up"].any()
    assert played.trials["episode"].nunique() == 40 * 8
    carried = analysis.mark_warm_up(observe(BOUNDARY))
    assert carried.groupby("warm_up")["block"].agg(["min", "max"]).to_dict("index") == {
        True: {"min": 0, "max": WARM_UP_BLOCKS - 1},
        False: {"min": WARM_UP_BLOCKS, "max": WARM_UP_BLOCKS + 7},
    }


def test_observer_value_is_the_discounted_reward():
    played = observe(HAZARD, 200)
    rpes = played.steps[played.steps["step"] < played.steps["step"].max()]
    assert rpes["rpe"].mean() == pytest.approx(0, abs=0.01)


def test_invalid_trials_and_warm_up_are_left_out():
    played = observe(HAZARD, 2)
    warm_up = played.trials["block"] < WARM_UP_BLOCKS
    for trials in (played.trials.assign(choice=-1), played.trials[warm_up]):
        measured = analysis.analyse(replace(played, trials=trials))
        rpes = measured["reversal_rpes"]
        assert (rpes["trials"] == 0).all() and rpes["cue"].isna().all()
        assert measured["cue_differences"][PANELS].isna().all(axis=None)


def planted(strength, rows=600):
    rng = np.random.default_rng(0)
    state = rng.random(rows) < 0.5
    activity = rng.normal(size=(rows, 10))
    activity[:, 3] += strength * state
    return activity, state, np.arange(rows) // 20


def test_decoder_finds_a_planted_state_and_nothing_in_noise():
    for strength, low, high in ((6.0, 0.98, 1.0), (0.0, 0.4, 0.6)):
        activity, state, groups = planted(strength)
        correct = ((neural.decode_state(activity, state, groups) > 0.5) == state).mean()
        assert low <= correct <= high


def test_decoder_is_fitted_to_the_end():
    activity, state, groups = planted(1.0)
    found = neural.decode_state(activity, state, groups)
    for train, test in GroupKFold(5).split(activity, state, groups):
        scale = StandardScaler().fit(activity[train]).transform
        exact = LogisticRegression(tol=1e-12, max_iter=100_000)
        exact.fit(scale(activity[train]), state[train])
        probability = exact.predict_proba(scale(activity[test]))[:, 1]
        assert found[test] == pytest.approx(probability, abs=1e-6)


def test_decoder_does_not_learn_the_group():
    """Groups that are recognisable but each in one state: held-out groups must stay at chance."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 10)
    activity = np.eye(40)[groups] + 0.01 * rng.normal(size=(400, 40))
    state = (rng.random(40) < 0.5)[groups]
    assert ((neural.decode_state(activity, state, groups) > 0.5) == state).mean() < 0.75


def test_decoder_without_two_states_gives_nan():
    activity, state, groups = planted(0.0)
    assert np.isnan(neural.decode_state(activity, np.ones_like(state), groups)).all()
    assert np.isnan(neural.decode_state(activity, state, np.zeros_like(groups))).all()


def test_decoded_state_follows_a_planted_switch():
    trials = analysis.mark_warm_up(observe(HAZARD, 30))
    old = np.where(
        trials["block_trial"] == 0, trials["previous_rewarded_cue"], trials["rewarded_cue"]
    )
    keys = trials[analysis.TRIAL]
    parts = []
    for period, known in (("fixation", old), ("reward", trials["rewarded_cue"])):
        parts.append(keys.assign(period=period, unit_00=(known == "right") * 1.0, unit_01=0.0))
    decoded = analysis.decoded_state(trials, pd.concat(parts))
    shares = decoded.pivot(index="period", columns="block_trial", values="new_state").loc
    assert shares["fixation"].tolist() == [0, 1]
    assert shares["reward"].tolist() == [1, 1]


def test_published_values_are_the_papers():
    reference = PUBLISHED
    assert reference["before", "old cue", "cue"] == pytest.approx(0.301, abs=0.001)
    assert reference["experienced", "old cue", "cue"] == pytest.approx(-0.380, abs=0.001)
    assert reference["inferred", "new cue", "cue"] == pytest.approx(0.340, abs=0.001)
