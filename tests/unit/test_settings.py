"""Settings: entered once, with their legal values; what they inherit; how they are read back."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass

import pytest

from prefrontal import experiments, files, settings
from prefrontal.errors import UserError
from prefrontal.settings import Config, legal_values, numeric, structure

EXPERIMENTS = experiments.names("train")


@dataclass(frozen=True)
class Own(Config):
    """Settings of some experiment."""

    learning_rate: float = 5e-3
    trials: int = settings.count(100)
    reversal: float = settings.share(0.025)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("discount", 1.1, "between 0 and 1"),
        ("entropy_cost_end", -1.0, "or None"),
        ("gradient_clip", 0.0, "above 0, or None"),
        ("core", "lstn", "'lstm', 'gru'"),
        ("network_input", "rewards", "'reward', 'rpe'"),
        ("episodes", -1, "0 or more"),
        ("seed", -1, "between 0 and"),
        ("trials", 0, "1 or more"),
        ("reversal", 2.0, "between 0 and 1"),
    ],
)
def test_illegal_values_are_refused_by_name(name, value, words):
    with pytest.raises(UserError, match=f"{name} is .*; it must be .*{words}"):
        Own(**{name: value})


def test_another_default_inherits_the_legal_values():
    assert legal_values(Own)["learning_rate"] is legal_values(Config)["learning_rate"]
    assert "learning_rate" in numeric(Own) and "trials" not in numeric(Own)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_of_every_experiment_has_a_rule_or_is_a_switch_or_a_path(name):
    kind = experiments.module(name, "train").Config
    rules = legal_values(kind)
    free = {entry.name for entry in dataclasses.fields(kind) if entry.name not in rules}
    assert all(isinstance(getattr(kind(), setting), bool | str) for setting in free), free


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_conditions_are_legal_settings(name):
    kind = experiments.module(name, "train").Config
    for settings in (experiments.trained(name) | experiments.variations(name)).values():
        made = kind(**settings)
        assert all(getattr(made, setting) == value for setting, value in settings.items())
        assert kind.read(json.loads(made.json()), "here") == made


def test_numeric_settings_share_a_program():
    assert structure(Own(seed=1, learning_rate=1.0, rpe_noise=2.0)) == structure(Own())
    assert structure(Own(trials=5)) != structure(Own())
    assert structure(Own(core="gru")) != structure(Own())


def test_settings_that_are_not_the_experiments_are_refused_with_their_file():
    with pytest.raises(UserError, match=r"x\.json: not the settings of such a network .*speed"):
        Own.read({"speed": 1}, "x.json")


def test_departures_in_the_readme_are_those_of_the_settings():
    """All are there of those that the paper's simulations never state apart; Harlow's task has its own table."""
    row = re.compile(r"^\| \d \| \[(\w+)\]\([^)]*\) \| `(\w+)` \| ([^|]+) \| ([\d.]+) \|$", re.MULTILINE)
    found = {(name, key): (paper, float(here)) for name, key, paper, here in row.findall((files.ROOT / "README.md").read_text())}
    for (name, key), (paper, here) in found.items():
        assert getattr(experiments.module(name, "train").Config(), key) == here, (name, key)
        if key in Config.__dataclass_fields__ and not paper.startswith(("tuned", "not stated")):
            assert getattr(Config(), key) == float(paper), (name, key)
    for name in sorted({*EXPERIMENTS} - {"harlow", "predictions"}):
        own = experiments.module(name, "train").Config()
        for key in ("value_cost", "init_scale", "output_scale", "reward_scale"):
            assert ((name, key) in found) == (getattr(own, key) != getattr(Config(), key)), (name, key)
