"""Settings check their own values, and are passed around as one object."""

import json
import pickle

import pytest

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.settings import (
    NetworkSettings,
    Settings,
    TrainingSettings,
    batched,
    digest,
    number,
    structure,
)
from replications.two_step.settings import TwoStep

EXPERIMENTS = experiments.names("train")
TASK = Settings(task=TwoStep())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("training.learning_rate", 0.0, "greater than 0"),
        ("training.learning_rate", float("nan"), "greater than 0|finite"),
        ("training.learning_rate", "fast", "number"),
        ("training.discount", 1.1, "less than or equal to 1"),
        ("training.entropy_cost_end", -1.0, "greater than or equal to 0"),
        ("training.gradient_clip", 0.0, "greater than 0"),
        ("training.episodes", -1, "greater than or equal to 0"),
        ("training.episodes", 2.5, "integer"),
        ("training.episodes", True, "integer"),
        ("network.core", "lstn", "'lstm', 'gru'"),
        ("network.input", "rewards", "'reward', 'rpe' or 'reward_and_rpe'"),
        ("task.trials", 0, "greater than or equal to 1"),
        ("task.reversal", 2.0, "less than or equal to 1"),
        ("seed", -1, "between 0 and"),
        ("seed", 1.0, "whole number"),
    ],
)
def test_illegal_values_are_named_with_their_setting(name, value, message):
    with pytest.raises(UserError, match=f"^{name} is .*({message})") as error:
        TASK.vary({name: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["task.reversals", "reversal", "training", "nothing.episodes", "GROUP"]
)
def test_unknown_names_are_errors_that_list_the_known(name):
    with pytest.raises(
        UserError, match=rf"no setting '{name}'; there are task\.trials, .*training\.episodes"
    ):
        TASK.vary({name: 0.1})
    with pytest.raises(UserError, match=r"no setting 'task\.reversals'; there are trials"):
        TwoStep(reversals=0.1)


def test_settings_that_exclude_each_other_are_checked():
    with pytest.raises(UserError, match=r"training\.snapshots is 3; it must be 0"):
        TrainingSettings(episode_reset="immediate", snapshots=3)


def test_vary_changes_only_what_it_names():
    changed = TASK.vary({"task.reversal": 0.1, "training.discount": 0.5, "seed": 3})
    assert changed.differences(TASK) == {
        "task.reversal": (0.1, 0.025),
        "training.discount": (0.5, 0.9),
    }
    assert changed.seed == 3 and TASK.task.reversal == 0.025


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_variants_survive_json_and_pickle(name):
    experiment = experiments.get(name)
    for variant in (*experiment.variants, *experiment.further_variants):
        made = experiment.variant(variant)
        task = type(made.task)
        assert Settings.from_dict(json.loads(made.json()), task, "here") == made
        assert pickle.loads(pickle.dumps(made)) == made


def test_batched_settings_share_a_program():
    other = TASK.vary({"seed": 1, "training.learning_rate": 1.0, "network.init_scale": 2.0})
    assert structure(other) == structure(TASK) and digest([other]) != digest([TASK])
    for changes in ({"task.trials": 5}, {"network.core": "gru"}, {"training.unroll": 5}):
        assert structure(TASK.vary(changes)) != structure(TASK)
    assert {"training.learning_rate", "network.init_scale"} <= set(batched())


def test_none_stands_for_a_number():
    assert number(TASK, "training.entropy_cost_end") == TASK.training.entropy_cost
    assert number(TASK, "training.gradient_clip") == float("inf")


def test_settings_of_something_else_name_their_file():
    with pytest.raises(UserError, match=r"x\.json: not the settings of such a network .*speed"):
        Settings.from_dict({**TASK.to_dict(), "task": {"speed": 1}}, TwoStep, "x.json")


def test_defaults_are_those_of_the_paper():
    """Methods, "Architecture" and "Learning"."""
    assert (NetworkSettings().units, NetworkSettings().core) == (48, "lstm")
    training = TrainingSettings()
    assert (training.learning_rate, training.discount) == (7e-4, 0.9)
    assert (training.value_cost, training.entropy_cost, training.episodes_per_update) == (
        0.05,
        0.05,
        1,
    )
