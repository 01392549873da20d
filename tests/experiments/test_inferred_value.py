from prefrontal.networks import record

"""Inferred value: the task by hand, analyses on observers whose answer is known, decoding, the pipeline."""

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
from replications.inferred_value import analysis, variants
from replications.inferred_value.observer import IdealObserver
from replications.inferred_value.record import sessions
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
from replications.inferred_value.train import Config
from replications.inferred_value.variants import OBSERVERS, PANELS, WARM_UP_BLOCKS

BOUNDARY, HAZARD = OBSERVERS


@functools.cache
def observe(name, count=40, config=Config()):  # noqa: B008 (frozen)
    task, count = sessions(config.task(), count, 8)
    observer = IdealObserver(task, OBSERVERS[name], config.discount)
    seen = record.record(observer, task, [0], name, count, discount=config.discount)
    return replace(seen, settings={name: config.settings()})


def differences(seen):
    return analysis.measure(seen)["fig4b_differences"][PANELS].to_numpy()


def start(task, rewarded=LEFT):
    """Open one session with a known rewarded cue."""
    state, observation = task.reset(torch.tensor([[[0.0 if rewarded == RIGHT else 0.9]]]))
    return state, observation


def take(task, state, action, switch=0.9, cue=LEFT):
    """Take one action, with chance in our hands."""
    noise = torch.tensor([[[switch, 0.0 if cue == RIGHT else 0.9]]])
    return task.step(state, torch.tensor([[action]]), noise)


def test_trial_by_hand():
    task = InferredValueTask(blocks=1)
    state, shown = start(task)
    seen, rewards = [int(shown.argmax())], []
    for action in (CENTRE, RIGHT, LEFT, RIGHT):  # at cue and reward any action goes
        state, shown, reward = take(task, state, action)
        seen.append(int(shown.argmax()))
        rewards.append(float(reward))
    assert seen == [0, 1, 1, 3, 0]
    assert rewards == [0, 0, 1, 0]
    columns = {name: np.ravel(value)[0] for name, value in task.trial_columns(state).items()}
    assert columns["choice"] == LEFT and columns["reward"] == 1 and columns["rewarded_cue"] == "left"
    assert (columns["block"], columns["block_trial"]) == (0, 0)


def test_reversal_at_the_first_trial_of_a_block_only():
    task = InferredValueTask(blocks=3, block_trials=2)
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
    ("invalid_response", "trial", "period"), [("abort", 1, FIXATION), ("repeat", 0, SACCADE), ("continue", 0, REWARD)]
)
def test_invalid_saccade(invalid_response, trial, period):
    task = InferredValueTask(blocks=1, invalid_response=invalid_response)
    state, _ = start(task)
    for action in (CENTRE, LEFT, RIGHT):
        state, _, reward = take(task, state, action)
    assert float(reward) == -1
    assert (int(state["trial"]), int(state["period"])) == (trial, period)
    assert int(state["choice"]) == -1


def test_unpaid_after_invalid_fixation_when_the_trial_runs_on():
    task = InferredValueTask(blocks=1, invalid_response="continue")
    state, _ = start(task)
    for action in (LEFT, LEFT, LEFT, LEFT):
        state, _, _ = take(task, state, action)
    columns = {name: np.ravel(value)[0] for name, value in task.trial_columns(state).items()}
    assert columns["reward"] == -1 and columns["choice"] == -1


def test_response_at_cue():
    task = InferredValueTask(blocks=1, response="cue")
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
    assert (first["rewarded_cue"] != first["previous_rewarded_cue"]).mean() == pytest.approx(0.5, abs=0.08)
    assert trials["reward"].mean() == pytest.approx(0.5, abs=0.05)
    assert (trials["reward"] == (trials["cue"].astype(str) == trials["rewarded_cue"])).all()


@pytest.mark.parametrize(("name", "before", "after"), [(HAZARD, 0.648, -0.648), (BOUNDARY, 0.0, -0.81)])
def test_observer_differences(name, before, after):
    """gamma^2 times the difference in belief: .9 and .1 at constant hazard; .5 each, then certainty, at a known boundary."""
    measured = analysis.measure(observe(name))
    assert measured["fig4b_differences"][PANELS].to_numpy() == pytest.approx(np.array([[before, after, after]]), abs=1e-5)
    assert measured["fig4b"][["fixation", "saccade"]].to_numpy() == pytest.approx(0, abs=1e-5)


def test_observers_follow_the_settings():
    """Of an observer that expects a switch before every second trial, nothing is left of the difference but chance."""
    seen = observe(HAZARD, config=Config(discount=0.8, block_trials=2, switch=1.0))
    assert differences(seen) == pytest.approx(0, abs=1e-5)
    seen = observe(BOUNDARY, config=Config(discount=0.8))
    assert differences(seen) == pytest.approx(np.array([[0, -0.64, -0.64]]), abs=1e-5)


def test_single_blocks_have_no_warm_up():
    config = Config(**variants.TRAINED[variants.RESET])
    seen = observe(BOUNDARY, config=config)
    assert not analysis.mark_warm_up(seen)["warm_up"].any()
    assert seen.trials["episode"].nunique() == 40 * 8
    carried = analysis.mark_warm_up(observe(BOUNDARY))
    assert carried.groupby("warm_up")["block"].agg(["min", "max"]).to_dict("index") == {
        True: {"min": 0, "max": WARM_UP_BLOCKS - 1},
        False: {"min": WARM_UP_BLOCKS, "max": WARM_UP_BLOCKS + 7},
    }


def test_observer_value_is_the_discounted_reward():
    seen = observe(HAZARD, 200)
    rpes = seen.steps[seen.steps["step"] < seen.steps["step"].max()]
    assert rpes["rpe"].mean() == pytest.approx(0, abs=0.01)


def test_invalid_trials_and_warm_up_are_left_out():
    seen = observe(HAZARD, 2)
    warm_up = seen.trials["block"] < WARM_UP_BLOCKS
    for trials in (seen.trials.assign(choice=-1), seen.trials[warm_up]):
        measured = analysis.measure(replace(seen, trials=trials))
        assert (measured["fig4b"]["trials"] == 0).all() and measured["fig4b"]["cue"].isna().all()
        assert measured["fig4b_differences"][PANELS].isna().all(axis=None)


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
        exact = LogisticRegression(tol=1e-12, max_iter=100_000).fit(scale(activity[train]), state[train])
        assert found[test] == pytest.approx(exact.predict_proba(scale(activity[test]))[:, 1], abs=1e-6)


def test_decoder_does_not_learn_the_group():
    """Groups that are recognisable but each in one state: held-out groups must stay at chance."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 10)
    activity, state = np.eye(40)[groups] + 0.01 * rng.normal(size=(400, 40)), (rng.random(40) < 0.5)[groups]
    assert ((neural.decode_state(activity, state, groups) > 0.5) == state).mean() < 0.75


def test_decoder_without_two_states_gives_nan():
    activity, state, groups = planted(0.0)
    assert np.isnan(neural.decode_state(activity, np.ones_like(state), groups)).all()
    assert np.isnan(neural.decode_state(activity, state, np.zeros_like(groups))).all()


def test_decoded_state_follows_a_planted_switch():
    trials = analysis.mark_warm_up(observe(HAZARD, 30))
    old = np.where(trials["block_trial"] == 0, trials["previous_rewarded_cue"], trials["rewarded_cue"])
    keys = trials[analysis.TRIAL]
    parts = []
    for period, known in (("fixation", old), ("reward", trials["rewarded_cue"])):
        parts.append(keys.assign(period=period, unit_00=(known == "right") * 1.0, unit_01=0.0))
    decoded = analysis.decoded_state(trials, pd.concat(parts)).set_index(["period", "block_trial"])["new_state"]
    assert decoded.to_dict() == {("fixation", 0): 0, ("reward", 0): 1, ("fixation", 1): 1, ("reward", 1): 1}


def test_published_values_are_the_papers():
    reference = variants.PUBLISHED
    assert reference["before", "old cue", "cue"] == pytest.approx(0.301, abs=0.001)
    assert reference["experienced", "old cue", "cue"] == pytest.approx(-0.380, abs=0.001)
    assert reference["inferred", "new cue", "cue"] == pytest.approx(0.340, abs=0.001)
