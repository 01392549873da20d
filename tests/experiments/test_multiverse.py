"""The multiverse: distinct universes, trained once, evaluated by the experiments' own criteria."""

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

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.networks.load import Networks
from prefrontal.pipeline import steps
from prefrontal.publishing import claims
from prefrontal.settings import Settings, structure
from prefrontal.tables import recording, schema, storage
from prefrontal.training import checkpoints, sweep
from prefrontal.training.batch import NetworkBatch
from replications.multiverse import analysis, run, universes
from replications.multiverse.universes import (
    DISAGREEING,
    MULTIVERSES,
    NETWORKS,
    PLANNED,
    SHARED,
    TRAINING,
    UNIVERSES,
)
from tests.helpers import write_results

FULL = run.Size()
UNTRAINED = dataclasses.replace(run.SMOKE_TEST, training_episodes=0)


def signs(name: str) -> np.ndarray:
    """+1 where a universe has a setting's first level, else -1: (universe, setting)."""
    frame = universes.universes(name)
    columns = MULTIVERSES[name].axes.items()
    return np.array([np.where(frame[name] == axis.levels[0], 1, -1) for name, axis in columns]).T


@pytest.mark.parametrize("name", MULTIVERSES)
def test_universes_are_balanced_and_settings_orthogonal(name):
    design = signs(name)
    settings = len(MULTIVERSES[name].axes)
    assert design.shape == (UNIVERSES, settings) and (design.sum(0) == 0).all()
    assert (design.T @ design == UNIVERSES * np.eye(settings)).all()
    pairs = [design[:, a] * design[:, b] for a in range(settings) for b in range(a)]
    assert not (np.array(pairs) @ design).any(), "an interaction looks like a third setting"


def test_a_universe_takes_the_same_side_everywhere():
    for name, multiverse in MULTIVERSES.items():
        for place, column in enumerate(multiverse.axes):
            if column in SHARED:
                first = next(other for other, each in MULTIVERSES.items() if column in each.shared)
                expected = signs(first)[:, list(MULTIVERSES[first].axes).index(column)]
                assert (signs(name)[:, place] == expected).all()


@pytest.mark.parametrize("name", PLANNED)
def test_seeds_are_those_of_no_claim_and_no_sweep(name):
    experiment, count = experiments.get(PLANNED[name].experiment), PLANNED[name].universes
    settings = [experiment.variant(variant) for variant in experiment.variants]
    taken = {each.seed + experiment.networks for each in settings} | {sweep.FIRST_SEED}
    seeds = [seed for number in range(count) for seed in universes.seeds(number)]
    assert len(set(seeds)) == count * NETWORKS and min(seeds) > max(taken) + 100


@pytest.mark.parametrize("name", PLANNED)
def test_batches_share_structure_and_hold_all_universes(name):
    batches = run.batches(name, FULL)
    assert sorted(number for batch in batches for number in batch) == list(
        range(PLANNED[name].universes)
    )
    for variant, numbers in itertools.product(PLANNED[name].variants, batches):
        batch = run.batch_settings(name, variant, numbers, FULL)
        assert len(batch) == len(numbers) * NETWORKS <= run.BATCH
        assert len({structure(each) for each in batch}) == 1


@pytest.mark.parametrize("name", PLANNED)
def test_only_what_varies_departs_from_the_experiment(name):
    multiverse = PLANNED[name]
    legal = {axis.setting for axis in multiverse.axes.values()} | {*multiverse.fixed}
    for variant in multiverse.variants:
        base = experiments.get(multiverse.experiment).variant(variant)
        for each in run.batch_settings(name, variant, range(multiverse.universes), FULL):
            assert {*each.differences(base)} <= legal


def test_updates_that_average_are_scaled():
    """Ten blocks in parallel are averaged where a session sums them: a tenth of the gradient."""
    for number in range(UNIVERSES):
        carried, reset = (
            universes.settings("inferred_value", variant, number).training
            for variant in ("carried", "reset")
        )
        assert reset.rms_epsilon == pytest.approx(carried.rms_epsilon / 10)
        if carried.gradient_clip is None:
            assert reset.gradient_clip is None
        else:
            assert reset.gradient_clip == pytest.approx(carried.gradient_clip / 10)


def test_claims_are_the_papers():
    for multiverse in PLANNED.values():
        assert multiverse.claims
        for claim in multiverse.claims:
            assert claim.panel != claims.EXTENSION and claim.summary == "mean"
            assert (claim.variant or multiverse.main) in multiverse.variants


def write_untrained(name: str, number: int, data: Path, bias: int | None = None) -> None:
    """Write a universe's initial networks; with a ``bias``, they always take that action."""
    experiment = MULTIVERSES[name].experiment
    for variant in MULTIVERSES[name].variants:
        batch = NetworkBatch(run.batch_settings(name, variant, [number], UNTRAINED), compiled=False)
        views = batch.network.views(batch.flat)
        if bias is not None:
            key = next(key for key in views if key.endswith("policy_bias"))
            views[key][..., bias] = 1e4
        curve = pd.DataFrame(columns=list(schema.COLUMNS["learning_curve"]), dtype=float)
        curves = [curve] * len(batch.settings)
        folder = run.trained_folder(name, data) / experiment / "networks"
        checkpoints.save(batch, experiment, variant, curves, folder)


@pytest.mark.parametrize("invalid", ["abort", "repeat"])
@pytest.mark.parametrize("bias", [0, 2])
@pytest.mark.parametrize("name", ["probability_matching", "inferred_value"])
def test_networks_without_valid_choice_have_no_value(name, bias, invalid, tmp_path):
    number = next(
        number
        for number in range(UNIVERSES)
        if universes.levels(name, number)["invalid_response"] == invalid
    )
    write_untrained(name, number, tmp_path, bias)
    rows = run.evaluate(name, number, tmp_path, UNTRAINED)
    rows = rows[rows["claim"] != TRAINING]
    assert len(rows) == len(MULTIVERSES[name].claims) * UNTRAINED.networks
    assert rows["value"].isna().all()


def test_values_are_those_of_the_experiments_analysis(tmp_path, monkeypatch):
    """The experiment's own steps give the same numbers, also in the suite's data folder."""
    monkeypatch.setattr(files, "DATA", tmp_path)
    name, number = "volatile_bandit", 5
    write_untrained(name, number, tmp_path)
    keys = ["variant", "claim", "measure", "subject"]
    rows = run.evaluate(name, number, tmp_path, UNTRAINED).set_index(keys)["value"]
    experiment, folder = experiments.get(name), run.trained_folder(name, tmp_path)
    record = experiments.module(name, "record").record
    recordings = record(Networks(experiment, folder), UNTRAINED.test_episodes)
    recording.write_recording(recording.join(recordings), folder / name)
    read = recording.read_recording(folder / name, steps.task_classes(experiment))
    analysis_of = experiments.analysis(name)
    measures = analysis_of.measures(analysis_of.analyse(read)).set_index(keys)["value"]
    compared = rows.drop(TRAINING, level="claim")
    np.testing.assert_array_equal(compared.to_numpy(), measures.reindex(compared.index).to_numpy())
    assert compared.notna().sum() > len(compared) / 2


def smoke_test(out: Path, name: str = "volatile_bandit") -> pd.DataFrame:
    """Run the smoke test of one experiment -> the table of its networks."""
    run.main(["--experiment", name, "--smoke-test", "--out", str(out), "--workers", "1"])
    return storage.read(run.table_path(out / "data"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MULTIVERSES)
def test_every_smoke_test_runs_to_its_figure(name, tmp_path):
    networks = smoke_test(tmp_path, name)
    claimed = networks[networks["claim"] != TRAINING]
    size = run.SMOKE_TEST
    assert len(claimed) == len(MULTIVERSES[name].claims) * size.universes * size.networks
    assert claimed["value"].notna().any() and {*networks["experiment"]} == {name}
    tables = steps.analyse("multiverse", tmp_path / "data")
    assert (tables["shares"]["universes"] == size.universes).all()
    drawn = steps.draw("multiverse", tmp_path / "data", tmp_path / "figures")
    assert drawn and all(path.exists() for path in drawn)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a small multiverse that was trained and evaluated."""
    out = tmp_path_factory.mktemp("small")
    smoke_test(out)
    return out


def test_a_multiverse_is_trained_and_evaluated_once(small, monkeypatch):
    path = run.table_path(small / "data")
    networks = storage.read(path)
    assert tuple(networks) == run.TABLE_COLUMNS and set(networks["universe"]) == {0, 1}
    keys = networks.groupby(["universe", "variant", "claim", "measure"])["subject"].nunique()
    assert (keys == run.SMOKE_TEST.networks).all()
    for number, rows in networks.groupby("universe"):
        levels = universes.levels("volatile_bandit", number)
        assert rows[list(levels)].iloc[0].to_dict() == levels
    assert not list(small.rglob("checkpoints/*")) and path.name in storage.manifest(path.parent)
    monkeypatch.setattr(NetworkBatch, "update", lambda self: pytest.fail("trained again"))
    before = path.read_bytes()
    smoke_test(small)
    assert path.read_bytes() == before


def test_what_was_interrupted_is_not_trained_again(tmp_path, monkeypatch):
    """A universe's rows come together; weights are kept until its whole batch is evaluated."""
    evaluate = run.evaluate

    def interrupted(name, number, data, size):
        if number == 1:
            raise KeyboardInterrupt
        return evaluate(name, number, data, size)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "evaluate", interrupted)
        smoke_test(tmp_path)
    path = run.table_path(tmp_path / "data")
    first = storage.read(path)
    assert set(first["universe"]) == {0}
    monkeypatch.setattr(NetworkBatch, "update", lambda self: pytest.fail("trained again"))
    whole = smoke_test(tmp_path)
    assert set(whole["universe"]) == {0, 1}
    kept = whole[whole["universe"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, first, check_dtype=False)
    seeds = storage.manifest(path.parent)["networks.csv"]["seeds"]
    assert seeds == sorted(whole["subject"].unique())


def test_results_of_other_settings_are_refused(small, tmp_path):
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    path = run.table_path(tmp_path / "data")
    storage.write(storage.read(path).assign(init_scale=7.0), path)
    message = "networks.csv: init_scale of volatile_bandit is 'another in universe 0, 1'; it must"
    with pytest.raises(UserError, match=message):
        smoke_test(tmp_path)


def test_results_of_new_networks_are_analysed_again(small, tmp_path):
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    data = tmp_path / "data"
    study = experiments.study("multiverse")
    before = steps.analysis_inputs(study, data)
    networks = storage.read(run.table_path(data))
    storage.write(networks.assign(value=networks["value"] + 1), run.table_path(data))
    assert steps.analysis_inputs(study, data) != before


Shift = Callable[[str, dict[str, Any], claims.Claim], float]
"""Experiment, settings of the universe, claim -> number to add to the values of its networks."""


def benchmark(bound: float | str, number: float) -> float:
    """Bound of a criterion, with a number for the name of a benchmark."""
    return number if isinstance(bound, str) else bound


def synthetic(names: Collection[str], shift: Shift = lambda *of: 0.0) -> pd.DataFrame:
    """Table of networks that meet every criterion, as close to the published values as it allows.

    A ``shift`` moves them from there.
    """
    rows: list[dict[str, Any]] = []
    planned = [(name, number) for name in names for number in range(PLANNED[name].universes)]
    for name, number in planned:
        multiverse, levels = PLANNED[name], universes.levels(name, number)
        keys = {"experiment": name, "universe": number, **levels}
        for claim in multiverse.claims:
            criterion = claim.criterion or claims.Criterion()
            low, high = benchmark(criterion.low, 0.01), benchmark(criterion.high, 9.0)
            room = min(0.01, (high - low) / 4)
            value = float(np.clip(np.nan_to_num(claim.published), low + room, high - room))
            value += shift(name, levels, claim)
            row = {"claim": claim.claim, "measure": claim.measure, "above": low, "below": high}
            row |= keys | {"variant": claim.variant or multiverse.main}
            for seed in universes.seeds(number):
                rows.append(row | {"subject": seed, "value": value + 1e-4 * (seed % NETWORKS)})
        for variant, seed in itertools.product(multiverse.variants, universes.seeds(number)):
            row = keys | {"variant": variant, "subject": seed, "claim": TRAINING}
            rows.append(row | {"measure": "share of possible gain", "value": 0.8})
            rows.append(row | {"measure": "processor seconds", "value": 60.0})
    return pd.DataFrame(rows).reindex(columns=list(run.TABLE_COLUMNS))


def summarised(networks: pd.DataFrame, data: Path) -> dict[str, pd.DataFrame]:
    """Tables of results, from these networks and claims of the experiments' own."""
    for name in universes.EXPERIMENTS:
        write_results(name, data)
    storage.write(networks, run.table_path(data), about={"commit": "none"})
    return steps.analyse("multiverse", data)


@pytest.mark.slow
def test_claims_hold_where_all_networks_meet_criteria(tmp_path):
    tables = summarised(synthetic(MULTIVERSES), tmp_path)
    share, by_input = tables["shares"], tables["bandit_by_input"]
    assert {*share["experiment"]} == {*MULTIVERSES} and (share["universes"] == UNIVERSES).all()
    assert (share["holds"].dropna() == UNIVERSES).all() and share["setting"].isna().all()
    assert tables["effects_on_claims"]["p"].isna().all()
    assert (by_input["holds"] == UNIVERSES).all()
    assert {*by_input["arms"]} == {"independent", "correlated"}
    keys = ["claim", "measure"]
    two_step = tables["values"].query("experiment == 'two_step'").set_index(keys)["main"]
    assert len(two_step.dropna())
    np.testing.assert_allclose(two_step.dropna(), 1.05, err_msg="as written")
    drawn = steps.draw("multiverse", tmp_path, tmp_path / "figures")
    assert drawn and all(path.exists() for path in drawn)


def test_a_main_effect_is_found_where_it_is(tmp_path):
    """Large initial weights lower the lag-1 weight by 1; a large epsilon inverts an interaction."""

    def shift(name: str, levels: dict[str, Any], claim: claims.Claim) -> float:
        if (claim.claim, claim.measure) == ("twostep-lags", "common rewarded"):
            return -1.0 * (levels.get("init_scale") == 2.5)
        return -5.0 * (claim.measure == "interaction" and levels.get("rms_epsilon") == 0.1)

    tables = summarised(synthetic(["two_step", "two_step_schedule"], shift), tmp_path)
    assert (
        set(tables["shares"]["experiment"]) == {"two_step"} == set(tables["pooled"]["experiment"])
    )
    of_row = "claim == 'twostep-lags' and measure == 'common rewarded'"
    effects = tables["effects"].query(of_row).set_index("setting")
    scale, others = effects.loc["init_scale"], effects.drop("init_scale")
    assert scale["at_other"] - scale["at_first"] == pytest.approx(-1)
    assert scale["share"] == pytest.approx(1) and scale["p_holm"] < 1e-6
    assert (others["share"] < 1e-9).all() and (others["p_holm"] > 0.05).all()
    share = tables["shares"].set_index(["experiment", "claim"])
    stay = share.loc[("two_step", "twostep-stay")]
    assert (stay["holds"], stay["setting"]) == (UNIVERSES // 2, "rms_epsilon")
    assert (stay["with_first"], stay["with_other"]) == (1, 0)
    assert share.loc[("two_step", "twostep-lags"), "holds"] == UNIVERSES
    assert tables["bandit_by_input"].empty
    value = tables["values"].query("measure == 'common rewarded'").iloc[0]
    assert value["highest"] - value["lowest"] == pytest.approx(1)
    assert value["agrees"] == UNIVERSES // 2


def test_an_effect_of_the_schedule_is_found_where_it_is():
    """Annealing lowers one weight below 0."""

    def shift(name: str, levels: dict[str, Any], claim: claims.Claim) -> float:
        row = (claim.claim, claim.measure) == ("twostep-lags", "common rewarded")
        return -9.0 * (row and levels["lr_decay_start"] == 0.5)

    compared = analysis.schedules(synthetic(["two_step_schedule"], shift))
    rows = compared.set_index(["claim", "measure"])
    changed = rows.loc[("twostep-lags", "common rewarded")]
    assert set(rows["experiment"]) == {"two_step"} and set(rows["variant"]) == {"scales_1_3"}
    assert changed["annealed"] - changed["constant"] == pytest.approx(-9)
    assert changed["p_holm"] < 1e-6 and changed["constant_holds"] and not changed["annealed_holds"]
    assert (rows.drop(changed.name)["p_holm"] > 0.5).all()
    verdicts = analysis.schedule_verdicts(compared).set_index("claim")
    assert verdicts["constant_holds"].all()
    assert verdicts.index[~verdicts["annealed_holds"]].tolist() == ["twostep-lags"]


def test_equally_strong_settings_keep_their_order():
    claim = pd.DataFrame({"experiment": ["e"], "claim": ["c"]})
    for less, more in ((0.25, 0.25 + 1e-15), (0.25 + 1e-15, 0.25)):
        effects = pd.DataFrame({"setting": ["one", "two", "three"], "share": [less, more, 0.5]})
        effects = effects.assign(experiment="e", claim="c", at_first=0.0, at_other=1.0)
        effects["p_holm"] = [0.01, 0.01, 0.001]
        assert analysis.decisive(claim, effects)["setting"].tolist() == ["three, one, two"]


def test_a_network_without_a_value_fails_its_universe():
    networks = synthetic(["two_step"])
    rows = (networks["universe"] == 7) & (networks["claim"] == "twostep-rpe-mb")
    networks.loc[networks.index[rows][0], "value"] = np.nan
    verdicts = analysis.verdicts(analysis.evaluate_universes(networks))
    verdicts = verdicts[verdicts["claim"] == "twostep-rpe-mb"].set_index("universe")
    failed = ~verdicts["reproduced_verdict"].astype(bool)
    assert verdicts.index[failed].tolist() == [7]


@pytest.mark.slow
def test_values_that_agree_together_are_found():
    """Universe 3 alone agrees with all of them; universe 4 with all but one."""
    failing = {3: 0, 4: 1}

    def shift(name: str, levels: dict[str, Any], claim: claims.Claim) -> float:
        number = next(n for n in range(UNIVERSES) if universes.levels(name, n) == levels)
        named = [each[:2] == (name, claim.claim) for each in DISAGREEING.values()]
        count = failing.get(number, len(DISAGREEING))
        return 100.0 * (any(named) and named.index(True) < count)

    names = {name for name, _, _ in DISAGREEING.values()}
    evaluated = analysis.evaluate_universes(synthetic(names, shift))
    agree = analysis.agreement(evaluated).set_index("universe")["agree"]
    count = len(DISAGREEING)
    assert agree.to_dict() == {n: count - failing.get(n, count) for n in range(UNIVERSES)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experiment": "harlow"}, "experiment is 'harlow'; it must be one of bandit, bandit_rpe"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        run.run(run.Options(**options))


def test_the_smoke_test_has_a_folder_of_its_own():
    assert run.Options(smoke_test=True).data == Path("runs/multiverse_smoke_test/data")
    assert run.Options(smoke_test=True, out=Path("x")).data == Path("x/data")
    assert run.Options().data == files.DATA


def test_no_gradient_clip_survives_a_file():
    """In tables, an empty cell stands for a setting that does not vary."""
    number = next(
        number
        for number in range(UNIVERSES)
        if universes.levels("two_step", number)["gradient_clip"] == math.inf
    )
    settings = run.batch_settings("two_step", "default", [number], FULL)[0]
    assert settings.training.gradient_clip is None
    saved = json.loads(settings.json())
    assert Settings.from_dict(saved, type(settings.task), "here") == settings
