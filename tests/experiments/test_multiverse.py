"""The multiverse: universes that can be told apart, trained once, and judged by the experiments' own criteria."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.files import DATA
from prefrontal.networks import load
from prefrontal.publishing import claims
from prefrontal.settings import structure
from prefrontal.tables import recording, schema, storage
from prefrontal.training import checkpoints, sweep
from prefrontal.training.batch import NetworkBatch
from replications.multiverse import analysis, run, variants
from replications.multiverse.variants import MULTIVERSES, NETWORKS, SETTINGS, UNIVERSES, WANTED

FULL = run.Size()
TINY = dataclasses.replace(run.SMALL, training={"episodes": 0})


def signs(name: str) -> np.ndarray:
    """+1 where a universe has a setting's first level, else -1: (universe, setting)."""
    axes = MULTIVERSES[name].axes
    return np.array([np.where(variants.universes(name)[s] == axis.levels[0], 1, -1) for s, axis in axes.items()]).T


@pytest.mark.parametrize("name", MULTIVERSES)
def test_universes_are_balanced_and_settings_stay_apart(name):
    design = signs(name)
    assert design.shape == (UNIVERSES, len(MULTIVERSES[name].axes))
    assert (design.T @ design == UNIVERSES * np.eye(design.shape[1])).all() and (design.sum(0) == 0).all()
    pairs = [design[:, a] * design[:, b] for a in range(design.shape[1]) for b in range(a)]
    assert not (np.array(pairs) @ design).any(), "an interaction of two settings looks like the effect of a third"
    pd.testing.assert_frame_equal(variants.universes(name), variants.universes(name))


def test_a_universe_takes_the_same_side_in_all_experiments():
    for name, multiverse in MULTIVERSES.items():
        columns = {setting: signs(name)[:, k] for k, setting in enumerate(multiverse.axes) if setting in variants.SHARED}
        for setting, column in columns.items():
            other = next(own for own, them in MULTIVERSES.items() if setting in them.shared)
            assert (column == signs(other)[:, list(MULTIVERSES[other].axes).index(setting)]).all()


@pytest.mark.parametrize("name", MULTIVERSES)
def test_networks_are_those_of_no_judgement_and_no_sweep(name):
    multiverse = MULTIVERSES[name]
    taken = {about["config"]["seed"] for _, about in recording.networks(DATA / multiverse.experiment / "networks")}
    own = [seed for number in range(UNIVERSES) for seed in variants.seeds(number)]
    assert len(set(own)) == UNIVERSES * NETWORKS
    assert min(own) > max(taken | {sweep.APART}) + 100


@pytest.mark.parametrize("name", MULTIVERSES)
def test_populations_share_structure_and_hold_every_universe_once(name):
    groups = run.groups(name, FULL)
    assert sorted(number for group in groups for number in group) == list(range(UNIVERSES))
    for variant in MULTIVERSES[name].variants:
        for group in groups:
            together = run.configs(name, variant, group, FULL)
            assert len(together) == len(group) * NETWORKS <= run.TOGETHER and len({structure(own) for own in together}) == 1


@pytest.mark.parametrize("name", MULTIVERSES)
def test_only_what_varies_departs_from_the_experiment(name):
    multiverse = MULTIVERSES[name]
    for variant in multiverse.variants:
        base = experiments.module(multiverse.experiment, "train").Config(**experiments.trained(multiverse.experiment)[variant])
        for config in run.configs(name, variant, range(UNIVERSES), FULL):
            departs = {key for key, value in config.settings().items() if value != base.settings()[key]}
            assert departs <= {*multiverse.axes, *multiverse.fixed, "seed"}


def test_updates_that_average_are_scaled():
    """Ten blocks side by side are averaged where a session sums them: a gradient ten times as small."""
    for number in range(UNIVERSES):
        carried, reset = (variants.settings("inferred_value", variant, number) for variant in ("carried", "reset"))
        assert reset["rms_epsilon"] == pytest.approx(carried["rms_epsilon"] / 10)
        assert reset["gradient_clip"] == pytest.approx(carried["gradient_clip"] / 10)


def test_claims_are_the_papers():
    for name, multiverse in MULTIVERSES.items():
        assert multiverse.claims and all(claim.panel != claims.EXTENSION and claim.summary == "mean" for claim in multiverse.claims)
        assert {
            claim.variant or experiments.module(multiverse.experiment, "variants").MAIN for claim in multiverse.claims
        } <= {*multiverse.variants}, name


def frozen(name: str, number: int, data: Path, bias: int | None = None) -> None:
    """Write a universe's networks as they start; with a ``bias``, they take that action whatever they see."""
    multiverse = MULTIVERSES[name]
    for variant in multiverse.variants:
        configs = run.configs(name, variant, [number], TINY)
        batch = NetworkBatch(configs, compiled=False)
        views = batch.network.views(batch.flat)
        if bias is not None:
            next(view for key, view in views.items() if key.endswith("policy_bias"))[..., bias] = 1e4
        curve = pd.DataFrame(columns=list(schema.COLUMNS["learning_curve"]), dtype=float)
        checkpoints.save(batch, variant, [curve] * len(configs), run.trained(name, data) / multiverse.experiment / "networks")


@pytest.mark.parametrize("invalid", ["abort", "repeat"])
@pytest.mark.parametrize("bias", [0, 2])
@pytest.mark.parametrize("name", ["probability_matching", "inferred_value"])
def test_networks_that_never_respond_validly_count_without_a_value(name, bias, invalid, tmp_path):
    number = next(n for n in range(UNIVERSES) if variants.varied(name, n)["invalid_response"] == invalid)
    frozen(name, number, tmp_path, bias)
    rows = run.judge(name, number, tmp_path, TINY)
    rows = rows[rows["claim"] != variants.TRAINING]
    assert len(rows) == len(MULTIVERSES[name].claims) * TINY.networks and rows["value"].isna().all()


def test_values_are_those_of_the_experiments_own_analysis(tmp_path):
    """A universe's folder is a data folder: the experiment's own commands give the same numbers there."""
    name, number = "volatile_bandit", 5
    frozen(name, number, tmp_path)
    rows = run.judge(name, number, tmp_path, TINY).set_index(["variant", "claim", "measure", "seed"])["value"]
    folder, own = run.trained(name, tmp_path), experiments.module(name, "analysis")
    played = experiments.module(name, "record").record(load.Networks(name, folder, ["tied"]), TINY.test_episodes)
    joined = dataclasses.replace(recording.join(played), folder=folder / name)
    found = own.measures(own.measure(joined)).set_index(["variant", "claim", "measure", "seed"])["value"]
    both = rows.drop(variants.TRAINING, level="claim")
    np.testing.assert_array_equal(both.to_numpy(), found.reindex(both.index).to_numpy())
    assert both.notna().sum() > len(both) / 2


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of a small multiverse that was trained and judged."""
    data = tmp_path_factory.mktemp("small")
    run.main(run.Options(experiment="volatile_bandit", small=True, data=data))
    return data


def test_a_small_multiverse_is_trained_and_judged_once(small, monkeypatch):
    frame = storage.read(run.results(small))
    assert list(frame.columns) == list(run.COLUMNS) and set(frame["universe"]) == {0, 1}
    keys = frame.groupby(["universe", "variant", "claim", "measure"])["seed"].nunique()
    assert (keys == run.SMALL.networks).all()
    for number, own in frame.groupby("universe"):
        assert own[list(variants.varied("volatile_bandit", number))].iloc[0].to_dict() == variants.varied(
            "volatile_bandit", number
        )
    assert not list(small.rglob("checkpoints/*")) and run.results(small).name in storage.manifest(run.results(small).parent)
    monkeypatch.setattr(NetworkBatch, "update", lambda self: pytest.fail("trained again"))
    before = run.results(small).read_bytes()
    run.main(run.Options(experiment="volatile_bandit", small=True, data=small))
    assert run.results(small).read_bytes() == before


def test_what_was_cut_short_while_judging_is_not_trained_again(tmp_path, monkeypatch):
    """Rows of a universe come whole; what is trained stays so until all universes of its batch are judged."""
    arguments = run.Options(experiment="volatile_bandit", small=True, data=tmp_path)
    judge = run.judge

    def cut(name, number, data, size):
        if number == 1:
            raise KeyboardInterrupt
        return judge(name, number, data, size)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "judge", cut)
        run.main(arguments)
    first = storage.read(run.results(tmp_path))
    assert set(first["universe"]) == {0}
    monkeypatch.setattr(NetworkBatch, "update", lambda self: pytest.fail("trained again"))
    run.main(arguments)
    whole = storage.read(run.results(tmp_path))
    assert set(whole["universe"]) == {0, 1}
    pd.testing.assert_frame_equal(whole[whole["universe"] == 0].reset_index(drop=True), first, check_dtype=False)
    named = storage.manifest(run.results(tmp_path).parent)["networks.csv"]["seeds"]
    assert named == sorted(whole["seed"].unique())


def test_results_of_other_settings_are_refused(small, tmp_path):
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    arguments = run.Options(experiment="volatile_bandit", small=True, data=tmp_path)
    frame = storage.read(run.results(tmp_path))
    storage.write(frame.assign(init_scale=7.0), run.results(tmp_path))
    with pytest.raises(UserError, match=r"networks.csv: init_scale of volatile_bandit is 'another in universe 0, 1'; it must be"):
        run.main(arguments)


Shift = Callable[[str, dict[str, Any], claims.Claim], float]
"""Experiment, settings of the universe, claim -> how far its networks are from where they would be."""


def bound(value: float | str, instead: float) -> float:
    return instead if isinstance(value, str) else value


def synthetic(names: Collection[str], shift: Shift = lambda name, own, claim: 0.0) -> pd.DataFrame:
    """Table of networks that meet every criterion and have the published values as far as it lets them, but for a ``shift``."""
    rows = []
    for name in names:
        multiverse = MULTIVERSES[name]
        main = experiments.module(multiverse.experiment, "variants").MAIN
        for universe in range(UNIVERSES):
            own = variants.varied(name, universe)
            for claim in multiverse.claims:
                criterion = claim.criterion or claims.Criterion()
                low, high = bound(criterion.low, 0.01), bound(criterion.high, 9.0)
                room = min(0.01, (high - low) / 4)
                middle = float(np.clip(np.nan_to_num(claim.published), low + room, high - room)) + shift(name, own, claim)
                for seed in variants.seeds(universe):
                    about = {"experiment": name, "universe": universe, "variant": claim.variant or main, "seed": seed}
                    key = {"claim": claim.claim, "measure": claim.measure, "value": middle + 1e-4 * (seed % NETWORKS)}
                    rows.append(about | own | key | {"above": low, "below": high})
            for variant, seed in itertools.product(multiverse.variants, variants.seeds(universe)):
                about = {"experiment": name, "universe": universe, "variant": variant, "seed": seed}
                for measure, value in {"share of possible gain": 0.8, "processor seconds": 60.0}.items():
                    rows.append(about | own | {"claim": variants.TRAINING, "measure": measure, "value": value})
    return pd.DataFrame(rows).reindex(columns=list(run.COLUMNS))


def summarized(networks: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """Tables of results, from a data folder with these networks and the experiments' own results."""
    for name in {own.experiment for own in MULTIVERSES.values()}:
        (folder / name).mkdir(parents=True)
        (folder / name / "results").symlink_to(DATA / name / "results", target_is_directory=True)
    storage.write(networks, folder / "multiverse" / "results" / "networks.csv", about={"commit": "none"})
    return experiments.analyse("multiverse", folder)


@pytest.mark.slow
def test_where_all_networks_meet_the_criteria_all_claims_hold_everywhere(tmp_path):
    found = summarized(synthetic(MULTIVERSES), tmp_path)
    share = found["shares"]
    assert {*share["experiment"]} == {*MULTIVERSES} and (share["universes"] == UNIVERSES).all()
    assert (share["holds"].dropna() == UNIVERSES).all() and share["setting"].isna().all()
    assert found["effects_on_claims"]["p"].isna().all()
    assert (found["inputs"]["holds"] == UNIVERSES).all() and set(found["inputs"]["arms"]) == {"independent", "correlated"}
    main = experiments.Results("two_step", DATA).claims.set_index(["claim", "measure"])["reproduced"]
    own = found["values"].query("experiment == 'two_step'").set_index(["claim", "measure"])["main"]
    pd.testing.assert_series_equal(own, main.loc[own.index], check_names=False)
    drawn = experiments.draw("multiverse", experiments.Folders(tmp_path, tmp_path / "figures"))
    assert all((tmp_path / "figures" / f"{name}.png").exists() for name in drawn) and drawn


def test_a_main_effect_is_found_where_it_is(tmp_path):
    """The lag-1 weight falls by 1 with large initial weights; the interaction turns round with a large epsilon."""

    def shift(name: str, own: dict[str, Any], claim: claims.Claim) -> float:
        if (name, claim.claim, claim.measure) == ("two_step", "twostep-lags", "common rewarded"):
            return -1.0 * (own["init_scale"] == 2.5)
        return -5.0 * (own["rms_epsilon"] == 0.1) if (name, claim.measure) == ("two_step", "interaction") else 0.0

    found = summarized(synthetic(["two_step"], shift), tmp_path)
    effect = found["effects"].query("claim == 'twostep-lags' and measure == 'common rewarded'").set_index("setting")
    assert effect.loc["init_scale", "at_other"] - effect.loc["init_scale", "at_first"] == pytest.approx(-1)
    assert effect.loc["init_scale", "share"] == pytest.approx(1) and effect.loc["init_scale", "p_holm"] < 1e-6
    assert (effect["share"].drop("init_scale") < 1e-9).all() and (effect["p_holm"].drop("init_scale") > 0.05).all()
    share = found["shares"].set_index(["experiment", "claim"])
    stay = share.loc[("two_step", "twostep-stay")]
    assert (stay["holds"], stay["setting"], stay["with_first"], stay["with_other"]) == (UNIVERSES // 2, "rms_epsilon", 1, 0)
    assert share.loc[("two_step", "twostep-lags"), "holds"] == UNIVERSES
    assert found["inputs"].empty
    low = found["values"].query("measure == 'common rewarded'").iloc[0]
    assert low["highest"] - low["lowest"] == pytest.approx(1) and low["agrees"] == UNIVERSES // 2


def test_settings_that_are_as_strong_are_named_in_their_order():
    claim = pd.DataFrame({"experiment": ["e"], "claim": ["c"]})
    for less, more in ((0.25, 0.25 + 1e-15), (0.25 + 1e-15, 0.25)):
        strong = pd.DataFrame({"setting": ["one", "two", "three"], "share": [less, more, 0.5], "p_holm": [0.01, 0.01, 0.001]})
        effect = strong.assign(experiment="e", claim="c", at_first=0.0, at_other=1.0)
        assert analysis.decisive(claim, effect)["setting"].tolist() == ["three, one, two"]


def test_a_network_without_a_value_fails_its_universe():
    networks = synthetic(["two_step"])
    at = (networks["universe"] == 7) & (networks["claim"] == "twostep-rpe-mb")
    networks.loc[networks.index[at][0], "value"] = np.nan
    decided = analysis.verdicts(analysis.evaluate_claim(networks)).query("claim == 'twostep-rpe-mb'").set_index("universe")
    assert decided.index[~decided["reproduced_verdict"].astype(bool)].tolist() == [7]


@pytest.mark.slow
def test_values_that_agree_at_once_are_found_by_universe():
    """Universe 3 alone agrees with all of them; universe 4 with all but one."""
    spared = {3: 0, 4: 1}

    def shift(name: str, own: dict[str, Any], claim: claims.Claim) -> float:
        universe = next(n for n in range(UNIVERSES) if variants.varied(name, n) == own)
        wanted = [label for label, (of, claimed, _) in WANTED.items() if (of, claimed) == (name, claim.claim)]
        return 100.0 * (bool(wanted) and [*WANTED].index(wanted[0]) < spared.get(universe, len(WANTED)))

    found = analysis.together(analysis.evaluate_claim(synthetic({name for name, _, _ in WANTED.values()}, shift))).set_index("universe")
    assert found["agree"].to_dict() == {n: len(WANTED) - spared.get(n, len(WANTED)) for n in range(UNIVERSES)}


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
        [next(n for n in range(UNIVERSES) if variants.varied("two_step", n)["gradient_clip"] == math.inf)],
        FULL,
    )[0]
    assert type(config)(**json.loads(config.json())) == config and set(SETTINGS) <= {*run.COLUMNS}
