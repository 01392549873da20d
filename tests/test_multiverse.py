"""The multiverse: universes that can be told apart, trained once, and judged by the experiments' own criteria."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from prefrontal import claims, experiment, recording, store, sweep, tables
from prefrontal.config import structure
from prefrontal.errors import UserError
from prefrontal.paths import DATA
from prefrontal.population import Population
from replications.multiverse import conditions, run
from replications.multiverse.conditions import MULTIVERSES, NETWORKS, SETTINGS, UNIVERSES

FULL = run.Size()
TINY = dataclasses.replace(run.SMALL, training={"episodes": 0})


def signs(name: str) -> np.ndarray:
    """+1 where a universe has a setting's first level, else -1: (universe, setting)."""
    axes = MULTIVERSES[name].axes
    return np.array([np.where(conditions.universes(name)[s] == axis.levels[0], 1, -1) for s, axis in axes.items()]).T


@pytest.mark.parametrize("name", MULTIVERSES)
def test_universes_are_balanced_and_settings_stay_apart(name):
    design = signs(name)
    assert design.shape == (UNIVERSES, len(MULTIVERSES[name].axes))
    assert (design.T @ design == UNIVERSES * np.eye(design.shape[1])).all() and (design.sum(0) == 0).all()
    pairs = [design[:, a] * design[:, b] for a in range(design.shape[1]) for b in range(a)]
    assert not (np.array(pairs) @ design).any(), "an interaction of two settings looks like the effect of a third"
    pd.testing.assert_frame_equal(conditions.universes(name), conditions.universes(name))


def test_a_universe_takes_the_same_side_in_all_experiments():
    for name, multiverse in MULTIVERSES.items():
        columns = {setting: signs(name)[:, k] for k, setting in enumerate(multiverse.axes) if setting in conditions.SHARED}
        for setting, column in columns.items():
            other = next(own for own, them in MULTIVERSES.items() if setting in them.shared)
            assert (column == signs(other)[:, list(MULTIVERSES[other].axes).index(setting)]).all()


@pytest.mark.parametrize("name", MULTIVERSES)
def test_networks_are_those_of_no_judgement_and_no_sweep(name):
    multiverse = MULTIVERSES[name]
    taken = {about["config"]["seed"] for _, about in tables.networks(DATA / multiverse.experiment / "networks")}
    own = [seed for number in range(UNIVERSES) for seed in conditions.seeds(number)]
    assert len(set(own)) == UNIVERSES * NETWORKS
    assert min(own) > max(taken | {sweep.APART}) + 100


@pytest.mark.parametrize("name", MULTIVERSES)
def test_populations_share_structure_and_hold_every_universe_once(name):
    groups = run.groups(name, FULL)
    assert sorted(number for group in groups for number in group) == list(range(UNIVERSES))
    for condition in MULTIVERSES[name].conditions:
        for group in groups:
            together = run.configs(name, condition, group, FULL)
            assert len(together) == len(group) * NETWORKS <= run.TOGETHER and len({structure(own) for own in together}) == 1


@pytest.mark.parametrize("name", MULTIVERSES)
def test_only_what_varies_departs_from_the_experiment(name):
    multiverse = MULTIVERSES[name]
    for condition in multiverse.conditions:
        base = experiment.module(multiverse.experiment, "train").Config(**experiment.trained(multiverse.experiment)[condition])
        for config in run.configs(name, condition, range(UNIVERSES), FULL):
            departs = {key for key, value in config.settings().items() if value != base.settings()[key]}
            assert departs <= {*multiverse.axes, *multiverse.fixed, "seed"}


def test_updates_that_average_are_scaled():
    """Ten blocks side by side are averaged where a session sums them: a gradient ten times as small."""
    for number in range(UNIVERSES):
        carried, reset = (conditions.settings("inferred_value", condition, number) for condition in ("carried", "reset"))
        assert reset["rms_epsilon"] == pytest.approx(carried["rms_epsilon"] / 10)
        assert reset["gradient_clip"] == pytest.approx(carried["gradient_clip"] / 10)


def test_claims_are_the_papers():
    for name, multiverse in MULTIVERSES.items():
        assert multiverse.claims and all(claim.panel != claims.BEYOND and claim.summary == "mean" for claim in multiverse.claims)
        assert {
            claim.condition or experiment.module(multiverse.experiment, "conditions").MAIN for claim in multiverse.claims
        } <= {*multiverse.conditions}, name


def frozen(name: str, number: int, data: Path, bias: int | None = None) -> None:
    """Write a universe's networks as they start; with a ``bias``, they take that action whatever they see."""
    multiverse = MULTIVERSES[name]
    for condition in multiverse.conditions:
        configs = run.configs(name, condition, [number], TINY)
        population = Population(configs, compiled=False)
        views = population.network.views(population.flat)
        if bias is not None:
            next(view for key, view in views.items() if key.endswith("policy_bias"))[..., bias] = 1e4
        curve = pd.DataFrame(columns=list(tables.COLUMNS["learning_curve"]), dtype=float)
        store.save(population, condition, [curve] * len(configs), run.trained(name, data) / multiverse.experiment / "networks")


@pytest.mark.parametrize("invalid", ["abort", "repeat"])
@pytest.mark.parametrize("bias", [0, 2])
@pytest.mark.parametrize("name", ["probability_matching", "inferred_value"])
def test_networks_that_never_respond_validly_count_without_a_value(name, bias, invalid, tmp_path):
    number = next(n for n in range(UNIVERSES) if conditions.varied(name, n)["invalid_response"] == invalid)
    frozen(name, number, tmp_path, bias)
    rows = run.judge(name, number, tmp_path, TINY)
    rows = rows[rows["claim"] != conditions.TRAINING]
    assert len(rows) == len(MULTIVERSES[name].claims) * TINY.networks and rows["value"].isna().all()


def test_values_are_those_of_the_experiments_own_analysis(tmp_path):
    """A universe's folder is a data folder: the experiment's own commands give the same numbers there."""
    name, number = "volatile_bandit", 5
    frozen(name, number, tmp_path)
    rows = run.judge(name, number, tmp_path, TINY).set_index(["condition", "claim", "quantity", "seed"])["value"]
    folder, analysis = run.trained(name, tmp_path), experiment.module(name, "analysis")
    played = experiment.module(name, "record").record(recording.Networks(name, folder, ["tied"]), TINY.test_episodes)
    joined = dataclasses.replace(tables.join(played), folder=folder / name)
    found = analysis.quantities(analysis.measure(joined)).set_index(["condition", "claim", "quantity", "seed"])["value"]
    both = rows.drop(conditions.TRAINING, level="claim")
    np.testing.assert_array_equal(both.to_numpy(), found.reindex(both.index).to_numpy())
    assert both.notna().sum() > len(both) / 2


def test_a_small_multiverse_is_trained_and_judged_once(tmp_path, monkeypatch):
    arguments = run.Options(experiment="volatile_bandit", small=True, data=tmp_path)
    run.main(arguments)
    frame = tables.read(run.results(tmp_path))
    assert list(frame.columns) == list(run.COLUMNS) and set(frame["universe"]) == {0, 1}
    keys = frame.groupby(["universe", "condition", "claim", "quantity"])["seed"].nunique()
    assert (keys == run.SMALL.networks).all()
    for number, own in frame.groupby("universe"):
        assert own[list(conditions.varied("volatile_bandit", number))].iloc[0].to_dict() == conditions.varied(
            "volatile_bandit", number
        )
    assert not list(tmp_path.rglob("checkpoints/*")) and run.results(tmp_path).name in tables.manifest(
        run.results(tmp_path).parent
    )
    monkeypatch.setattr(Population, "update", lambda self: pytest.fail("trained again"))
    before = run.results(tmp_path).read_bytes()
    run.main(arguments)
    assert run.results(tmp_path).read_bytes() == before


def test_what_was_cut_short_while_judging_is_not_trained_again(tmp_path, monkeypatch):
    """Rows of a universe come whole; what is trained stays so until all universes of its population are judged."""
    arguments = run.Options(experiment="volatile_bandit", small=True, data=tmp_path)
    judge = run.judge

    def cut(name, number, data, size):
        if number == 1:
            raise KeyboardInterrupt
        return judge(name, number, data, size)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "judge", cut)
        run.main(arguments)
    first = tables.read(run.results(tmp_path))
    assert set(first["universe"]) == {0}
    monkeypatch.setattr(Population, "update", lambda self: pytest.fail("trained again"))
    run.main(arguments)
    whole = tables.read(run.results(tmp_path))
    assert set(whole["universe"]) == {0, 1}
    pd.testing.assert_frame_equal(whole[whole["universe"] == 0].reset_index(drop=True), first, check_dtype=False)


def test_results_of_other_settings_are_refused(tmp_path):
    arguments = run.Options(experiment="volatile_bandit", small=True, data=tmp_path)
    run.main(arguments)
    frame = tables.read(run.results(tmp_path))
    tables.write(frame.assign(init_scale=7.0), run.results(tmp_path))
    with pytest.raises(UserError, match=r"networks.csv: init_scale of volatile_bandit is 'another in universe 0, 1'; it must be"):
        run.main(arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"experiment": "harlow"}, "experiment is 'harlow'; it must be one of bandit, bandit_rpe"),
        ({"small": True}, "data is .*; it must be another folder, beside --small"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        run.main(run.Options(**options))


def test_no_clip_survives_a_file():
    """None would be an empty cell, which stands for a setting that does not vary."""
    config = run.configs(
        "two_step",
        "default",
        [next(n for n in range(UNIVERSES) if conditions.varied("two_step", n)["gradient_clip"] == math.inf)],
        FULL,
    )[0]
    assert type(config)(**json.loads(config.json())) == config and set(SETTINGS) <= {*run.COLUMNS}
