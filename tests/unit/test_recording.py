"""Frozen networks on tasks, written down as tables."""

from __future__ import annotations

import contextlib
import dataclasses
import os

import numpy as np
import pandas as pd
import pytest
import torch

import prefrontal
from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.networks import record as record_module
from prefrontal.networks.cores import LSTM
from prefrontal.networks.encoders import Identity
from prefrontal.networks.network import Network, NetworkAgent, initial_parameters
from prefrontal.networks.play import evaluate, play
from prefrontal.networks.record import record
from prefrontal.settings import Settings
from prefrontal.tables import recording, schema, storage
from prefrontal.task import RandomStreams
from replications.bandit.settings import Bandit
from replications.two_step.settings import TwoStep
from tests.unit.test_a2c import WanderingTask
from tests.unit.test_train import train_two

SEEDS = [3, 8]
DISCOUNT = [0.9, 0.6]
TWO_STEP = TwoStep(trials=7).build()


REVERSAL = Settings(task=TwoStep(reversal=0.1))
TASKS = {"TwoStep": TwoStep}


class WanderingTrials(WanderingTask):
    """Episodes of random length, with the columns of a trials table."""

    def trial_columns(self, state):
        length = state["trial"].numpy()
        return {
            "choice": np.zeros_like(length),
            "reward": np.zeros(length.shape, dtype=np.float32),
            "length": length,
        }


def random_agent(
    task, reward_scale: torch.Tensor | None = None, seeds: list[int] = SEEDS
) -> NetworkAgent:
    network, ones = (
        Network(Identity(len(task.observations)), LSTM(6), len(task.actions)),
        torch.ones(len(seeds)),
    )
    parameters = network.views(initial_parameters(network, seeds, 2 * ones, 3 * ones))
    return NetworkAgent(
        network, parameters, 0.9 * ones, ones if reward_scale is None else reward_scale
    )


def record_two_step(episodes: int = 5, **options) -> recording.Recording:
    options = {
        "discount": torch.tensor(DISCOUNT),
        "activity_periods": ("stage 1", "stage 2"),
    } | options
    return record(random_agent(TWO_STEP), TWO_STEP, SEEDS, "test", episodes, **options)


def test_tables_are_those_of_the_data_dictionary(tmp_path):
    recorded = dataclasses.replace(
        record_two_step(columns={"test": "own"}), settings={"test": REVERSAL}
    )
    recording.write_recording(dataclasses.replace(recorded, about={"commit": "here"}), tmp_path)
    read = recording.read_recording(tmp_path, TASKS)
    assert read.about == {"commit": "here"} and read.settings == {"test": REVERSAL}
    for kind in recording.RECORDED:
        frame = storage.read(tmp_path / f"{kind}.parquet", kind)
        pd.testing.assert_frame_equal(frame, getattr(recorded, kind))
        pd.testing.assert_frame_equal(
            getattr(read, kind), frame, check_dtype=False, check_categorical=False
        )
        assert list(frame.columns[:5]) == [*schema.KEYS, "test"]
        assert frame["subject"].unique().tolist() == SEEDS
        assert (frame["variant"] == "test").all() and (frame["test"] == "own").all()
        assert not frame.isna().any().any()
    assert {"transition", "outcome_state", "rich_state"} <= set(recorded.trials.columns)
    assert {"p_left", "p_right", "p_centre"} <= set(recorded.steps.columns)
    np.testing.assert_allclose(
        recorded.steps[["p_left", "p_right", "p_centre"]].sum(axis=1), 1, atol=1e-6
    )
    units = recorded.activity.filter(like="unit_")
    assert (
        list(units.columns) == [f"unit_{k:02d}" for k in range(6)]
        and (units.dtypes == np.float32).all()
    )
    assert set(recorded.activity["period"]) == {"stage 1", "stage 2"}


@pytest.mark.parametrize("renamed", [0, 1, 2, 3])
def test_interrupted_recordings_are_not_read_together(tmp_path, monkeypatch, renamed):
    """Cut short after so many of the three tables have taken their place."""
    one, other = record_two_step(2), record_two_step(2, purpose="other episodes")
    recording.write_recording(one, tmp_path)
    replace, done = os.replace, []

    def cut_short(source, target):
        if len(done) == renamed:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(os, "replace", cut_short)
        recording.write_recording(other, tmp_path)
    if renamed in (1, 2):
        with pytest.raises(
            UserError,
            match=r"\w+\.parquet: from a different recording than trials\.parquet; record again",
        ):
            recording.read_recording(tmp_path, TASKS)
    else:
        assert (
            recording.read_recording(tmp_path, TASKS)
            .steps["value"]
            .equals((other if renamed else one).steps["value"])
        )
    assert not list(tmp_path.glob(".*"))


def test_recording_of_fewer_tables_leaves_none_of_another(tmp_path):
    recording.write_recording(record_two_step(2), tmp_path)
    recording.write_recording(record_two_step(2, steps=False), tmp_path)
    assert not len(recording.read_recording(tmp_path, TASKS).steps)
    recording.write_recording(record_two_step(2), tmp_path)
    (tmp_path / "steps.parquet").unlink()
    with pytest.raises(UserError, match=r"steps\.parquet: no such table"):
        recording.read_recording(tmp_path, TASKS)


def test_recordings_beyond_memory_are_not_started():
    with pytest.raises(
        UserError,
        match=r"episodes 1,000,000,000: takes at least [\d,]+ GB of memory, of which",
    ):
        record_two_step(10**9)


def test_reward_prediction_errors_follow_from_the_table_itself():
    steps = record_two_step().steps
    following = steps.groupby(["subject", "episode"]).value.shift(-1, fill_value=0)
    discount = steps["subject"].map(dict(zip(SEEDS, DISCOUNT, strict=True)))
    np.testing.assert_allclose(
        steps["rpe"], steps["reward"] + discount * following - steps["value"], atol=1e-5
    )


def test_each_finished_trial_is_one_row():
    recorded = record_two_step()
    for _, trials in recorded.trials.groupby(["subject", "episode"]):
        assert trials["trial"].tolist() == list(range(len(trials)))
    steps = recorded.steps.groupby(["subject", "episode"])
    assert (steps.size() == TWO_STEP.episode_steps).all()
    # The last trial of the steps table may have been cut off by the end of the session.
    finished = recorded.trials.groupby(["subject", "episode"]).size()
    assert ((steps["trial"].max() + 1 - finished).isin([0, 1])).all()
    assert (recorded.trials["choice"] == -1).any(), "an untrained network makes invalid choices"


def test_trial_reward_is_that_of_its_last_step():
    recorded = record_two_step()
    keys = ["subject", "episode", "trial"]
    last = recorded.steps.groupby(keys)["reward"].last()
    trials = recorded.trials.set_index(keys)["reward"]
    pd.testing.assert_series_equal(trials, last.loc[trials.index], check_names=False)


def test_activity_gives_the_recorded_values():
    recorded = record_two_step()
    agent = random_agent(TWO_STEP)
    keys = ["subject", "episode", "step"]
    joined = recorded.activity.merge(
        recorded.steps, on=keys, suffixes=("", "_steps"), validate="one_to_one"
    )
    assert (joined["period"].astype(str) == joined["period_steps"].astype(str)).all()
    assert len(joined) == recorded.steps["period"].isin(["stage 1", "stage 2"]).sum()
    for index, seed in enumerate(SEEDS):
        own = joined[joined["subject"] == seed]
        p = {name: tensor[index].numpy() for name, tensor in agent.parameters.items()}
        value = own.filter(like="unit_").to_numpy() @ p["value_weight"] + p["value_bias"]
        np.testing.assert_allclose(own["value"], value[:, 0], atol=1e-5)


@pytest.mark.parametrize("at_once", [100, 3])
def test_nothing_is_recorded_after_the_end_of_an_episode(monkeypatch, at_once):
    monkeypatch.setattr(record_module, "EPISODES_AT_ONCE", at_once)
    task = WanderingTrials()
    options = {"discount": 0.9, "activity_periods": ("step",)}
    recorded = record(random_agent(task), task, SEEDS, "test", 8, **options)
    lengths = recorded.trials.groupby(["subject", "episode"])["length"]
    assert (lengths.max() == lengths.size()).all() and lengths.max().nunique() > 3
    for frame in (recorded.steps, recorded.activity):
        assert (frame.groupby(["subject", "episode"]).size() == lengths.size()).all()
    final = recorded.steps.groupby(["subject", "episode"]).last()
    np.testing.assert_allclose(final["rpe"], final["reward"] - final["value"], atol=1e-6)


def test_same_seeds_and_purpose_give_the_same_table():
    one, other = record_two_step(), record_two_step()
    for kind in ("trials", "steps", "activity"):
        pd.testing.assert_frame_equal(getattr(one, kind), getattr(other, kind))
    assert not one.trials.equals(record_two_step(purpose="other episodes").trials)


def test_every_agent_meets_the_same_episodes():
    task = Bandit(trials=6).build()
    agents = random_agent(task), random_agent(task, seeds=[11, 12])
    one, other = (record(agent, task, SEEDS, "test", 5).trials for agent in agents)
    columns = ["subject", "episode", "trial", "p_left", "p_right"]
    pd.testing.assert_frame_equal(one[columns], other[columns])
    assert not one["choice"].equals(other["choice"])


def test_recording_is_the_same_alone_and_in_a_batch():
    alone = record(random_agent(TWO_STEP, seeds=SEEDS[1:]), TWO_STEP, SEEDS[1:], "test", 4)
    company = record(random_agent(TWO_STEP), TWO_STEP, SEEDS, "test", 4)
    own = company.trials[company.trials["subject"] == SEEDS[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone.trials, check_categorical=False)


def test_weights_stay_as_they_are():
    agent = random_agent(TWO_STEP)
    before = {name: tensor.clone() for name, tensor in agent.parameters.items()}
    record(agent, TWO_STEP, SEEDS, "test", 3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in agent.parameters.items())


@pytest.mark.parametrize("at_once", [100, 4, 1])
def test_tables_do_not_depend_on_batching(monkeypatch, at_once):
    monkeypatch.setattr(record_module, "EPISODES_AT_ONCE", at_once)
    recorded = record_two_step(episodes=10)
    for kind, last in (("trials", "trial"), ("steps", "step"), ("activity", "step")):
        frame = getattr(recorded, kind)
        keys = ["subject", "episode", last]
        assert not frame.duplicated(keys).any()
        assert frame[keys].equals(frame[keys].sort_values(keys, ignore_index=True))
        assert (
            frame.groupby("subject", observed=True)["episode"].unique().map(list).tolist()
            == [list(range(10))] * 2
        )
        assert frame["variant"].dtype == "category"


def test_steps_and_activity_are_kept_on_demand():
    recorded = record_two_step(steps=False, activity_periods=())
    assert len(recorded.trials) and not len(recorded.steps) and not len(recorded.activity)


def test_values_come_in_the_tasks_units():
    """A network trained on a tenth of the reward predicts a tenth; the table multiplies by ten."""
    task, scale = Bandit(trials=4).build(), torch.tensor([0.1, 0.1])
    scaled, plain = random_agent(task, scale), random_agent(task)
    seen = list(play(scaled, task, RandomStreams(SEEDS, "test"), 3))
    memory = plain.reset(2, 3)
    reward, action = torch.zeros(2, 3), torch.full((2, 3), -1)
    for step in seen:
        memory, probabilities, value, _ = plain.step(memory, step.observation, reward * 0.1, action)
        torch.testing.assert_close(step.probabilities, probabilities)
        torch.testing.assert_close(step.value, value * 10)
        reward, action = step.reward, step.action


def test_actions_are_sampled_from_the_policy():
    task = Bandit(trials=1).build()
    steps = record(random_agent(task), task, SEEDS, "test", 4000).steps
    by_network = steps.groupby("subject")
    expected, frequency = by_network["p_right"].mean(), by_network["action"].mean()
    assert (abs(frequency - expected) < 5 * 0.5 / 4000**0.5).all()


def test_evaluation_is_the_mean_reward_per_episode():
    task = WanderingTrials()
    agent = random_agent(task)
    steps = record(agent, task, SEEDS, "test", 20, purpose="validation").steps
    expected = steps.groupby("subject")["reward"].sum() / 20
    np.testing.assert_allclose(evaluate(agent, task, SEEDS, 20, "validation"), expected, rtol=1e-5)


def test_leaving_out_finished_episodes_changes_no_number():
    class Undropped:
        """Plays as the networks do, but is none of them, so that no episode is left out."""

        def __init__(self, agent):
            self.reset, self.step = agent.reset, agent.step

    task = WanderingTrials()
    agent = random_agent(task)
    steps = list(play(agent, task, RandomStreams(SEEDS, "test"), 64, drop_done=True))
    assert steps[-1].action.shape[1] < steps[0].action.shape[1] == 64
    options = {"episodes": 64, "activity_periods": task.periods}
    dropped, whole = (
        record(each, task, SEEDS, "test", **options) for each in (agent, Undropped(agent))
    )
    for name in recording.RECORDED:
        pd.testing.assert_frame_equal(getattr(dropped, name), getattr(whole, name), atol=1e-6)


def test_recordings_join():
    one, other = record_two_step(episodes=2), record_two_step(episodes=3, steps=False)
    joined = recording.join([one, other])
    assert len(joined.trials) == len(one.trials) + len(other.trials)
    assert len(joined.steps) == len(one.steps)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Data folder with two small two-step networks."""
    folder = tmp_path_factory.mktemp("data")
    train_two(folder)
    return folder


def test_loaded_networks_play_anywhere(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    trained = prefrontal.load("two_step", data=data)
    assert trained.variant == experiments.get("two_step").main
    recorded = trained.record(2)
    assert recorded.trials["subject"].unique().tolist() == trained.seeds
    assert recorded.settings[trained.variant] == trained.settings
    following = recorded.steps.groupby(["subject", "episode"])["value"].shift(-1, fill_value=0)
    rpe = (
        recorded.steps["reward"]
        + trained.settings.training.discount * following
        - recorded.steps["value"]
    )
    np.testing.assert_allclose(
        recorded.steps["rpe"], rpe, atol=1e-5, err_msg="networks bring their discount"
    )
    with pytest.raises(UserError, match="experiment is 'three_step'; it must be one of bandit"):
        prefrontal.load("three_step")
    with pytest.raises(UserError, match="experiment is 'multiverse'; it must be one of bandit"):
        prefrontal.load("multiverse")
    with pytest.raises(UserError, match="no trained network of variant 'none'"):
        prefrontal.load("two_step", "none", data)


def test_trained_networks_play_in_double_precision(data):
    """So that no action depends on how a processor rounds; tables stay in single precision."""
    trained = prefrontal.load("two_step", data=data)
    step = next(play(trained.agent, trained.task, RandomStreams(trained.seeds, "test"), 3))
    assert {tensor.dtype for tensor in (step.probabilities, step.value, step.activity)} == {
        torch.float64
    }
    recorded = trained.record(1, activity_periods=("stage 1",))
    for frame, columns in (
        (recorded.steps, ["value", "rpe", "p_left"]),
        (recorded.activity, ["unit_00"]),
    ):
        assert (frame[columns].dtypes == np.float32).all()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"episodes": 2.5}, r"episodes is 2\.5; it must be a whole number, at least 1"),
        ({"episodes": None}, "episodes is None; it must be a whole number, at least 1"),
        ({"episodes": True}, "episodes is True; it must be a whole number"),
        ({"episodes": 10**18}, "episodes is 1000000000000000000; it must be at most"),
        ({"activity_periods": ("rest",)}, "activity_periods is 'rest'; it must be of fixation, "),
        ({"task": Bandit(arms="correlated").build()}, "number of observations of BanditTask is"),
        ({"task": TwoStep(reversal=0.1)}, r"task is .*; it must be a Task, such as"),
    ],
)
def test_python_interface_names_what_is_wrong(asked, message, tmp_path):
    train_two(tmp_path)
    networks = prefrontal.load("two_step", data=str(tmp_path))
    with pytest.raises(UserError, match=message):
        networks.record(**{"episodes": 2} | asked)
    with pytest.raises(UserError, match="data is 7; it must be a folder"):
        prefrontal.load("two_step", data=7)
    with pytest.raises(UserError, match="experiment is 3; it must be one of"):
        prefrontal.load(3)
    with pytest.raises(UserError, match="variant is 3; it must be the name of one"):
        prefrontal.load("two_step", 3)


def test_a_recording_that_lacks_a_variant_is_refused(tmp_path):
    recorded = record_two_step(2)
    both = {"test": REVERSAL, "other": REVERSAL}
    recording.write_recording(dataclasses.replace(recorded, settings=both), tmp_path)
    with pytest.raises(UserError, match=r"trials\.parquet: no trials of variant 'other'"):
        recording.read_recording(tmp_path, TASKS)
