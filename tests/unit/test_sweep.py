"""Sweeps: every combination of settings, compared by learning and by the experiment's measures."""

from __future__ import annotations

import pytest
import torch

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.pipeline import commands
from prefrontal.tables import storage
from prefrontal.training import sweep
from prefrontal.training.batch import NetworkBatch
from tests.unit.test_train import SMALL, batch_of

TINY = ["--task.trials=4", "--network.units=4", "--training.episodes=6", "--curve-points=2"]
FIRST = sweep.FIRST_SEED
MEASURED = [
    name
    for name in experiments.names("train")
    if experiments.module(name, "train").TRAINING.sweep_columns is not None
]
"""Experiments with columns of their own in sweeps."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Play fewer episodes at each point of the curve and at its end."""
    modules = [sweep, *(experiments.module(name, "train") for name in MEASURED)]
    for module in modules:
        for constant, value in (("VALIDATION_EPISODES", 10), ("VALIDATION_SESSIONS", 4)):
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, value)


@pytest.mark.slow
def test_every_combination_is_trained_and_written(tmp_path, capsys):
    vary = (
        "network.init_scale=1,2.5",
        "training.learning_rate=7e-4,2e-3",
        "task.steps_per_trial=2,3",
    )
    words = [*TINY, "--networks", "2", "--name", "all", "--out", str(tmp_path)]
    commands.sweep(["two_step", "--vary", *vary, *words])
    folder = tmp_path / "data" / "two_step" / "sweeps"
    frame = storage.read(folder / "all.csv")
    columns = ["init_scale", "learning_rate", "steps_per_trial"]
    assert len(frame) == 16 and len(frame.groupby(columns)) == 8
    seeds = frame.groupby(columns)["seed"].apply(sorted).map(tuple)
    assert (seeds == (FIRST, FIRST + 1)).all()
    learned = {"share_end", "value_error_end", "share_validation", "episodes_to_80_percent"}
    assert learned | {"training_episodes"} <= set(frame.columns)
    assert storage.manifest(folder)["all.csv"]["processor_seconds"] > 0
    curves = storage.read(folder / "all_curves.csv")
    assert set(curves.columns) >= {*columns, "seed", "episode", "share"}
    assert not (tmp_path / "data" / "two_step" / "networks").exists()
    assert not list((tmp_path / "data" / "two_step" / "checkpoints").iterdir())
    assert "share_validation" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_the_experiments_own_measures_are_taken(name, tmp_path):
    words = ["--training.episodes", "6", "--curve-points", "2", "--out", str(tmp_path)]
    commands.sweep([name, "--vary", "training.learning_rate=1e-3,2e-3", *words])
    folder = tmp_path / "data" / name / "sweeps"
    frame, curves = (storage.read(folder / f"{table}.csv") for table in ("sweep", "sweep_curves"))
    assert len(frame) == 2 * 2 and len(curves) == 2 * 2 * 2
    assert set(curves["learning_rate"]) == {1e-3, 2e-3}
    assert set(curves["seed"]) == {FIRST, FIRST + 1}
    settings = experiments.get(name).variant().vary({"training.episodes": 1})
    batch = NetworkBatch([settings], compiled=False)
    measured = experiments.module(name, "train").TRAINING.sweep_columns(batch)
    assert len(measured) == 1 and set(measured.columns) <= set(frame.columns)
    assert "sweep.csv" in storage.manifest(folder)


@pytest.mark.parametrize(
    ("vary", "columns"),
    [
        (["training.learning_rate=1e-3"], ["learning_rate"]),
        (["task.trials=3"], ["trials"]),
        (["seed=3"], []),
        (["seed=3,9"], []),
    ],
)
def test_a_single_value_may_be_varied(vary, columns, tmp_path, capsys):
    commands.sweep(["bandit", "--vary", *vary, *TINY, "--networks", "1", "--out", str(tmp_path)])
    frame = storage.read(tmp_path / "data" / "bandit" / "sweeps" / "sweep.csv")
    assert set(columns) <= set(frame.columns) and len(frame) == len(vary[0].split(","))
    printed = capsys.readouterr().out
    assert all(name in printed for name in columns) and bool(printed) == bool(columns)


def test_a_sweep_in_which_no_run_succeeds_is_one_line(tmp_path):
    words = ["--vary", "task.trials=2,3", "--training.learning-rate=9e17", *TINY]
    with pytest.raises(UserError, match=r"^every network diverged: .*; try a smaller training"):
        commands.sweep(["two_step", *words, "--out", str(tmp_path)])
    assert not (tmp_path / "data" / "two_step" / "sweeps").exists()


def test_networks_that_diverge_are_nan_and_named(tmp_path, capsys):
    words = ["bandit", *TINY, "--training.episodes", "40", "--curve-points", "4"]
    for name, rates in (("one", "1e-3"), ("both", "1e-3,1e17")):
        vary = ["--vary", f"training.learning_rate={rates}", "--name", name]
        commands.sweep([*words, *vary, "--out", str(tmp_path)])
    folder = tmp_path / "data" / "bandit" / "sweeps"
    frame, curves = (storage.read(folder / f"both{end}.csv") for end in ("", "_curves"))
    results = frame.drop(columns=["learning_rate", "seed", "training_episodes"])
    diverged = frame["learning_rate"] == 1e17
    assert results[diverged].isna().all(axis=None) and diverged.sum() == 2
    assert results[~diverged]["share_end"].notna().all()
    last = curves[curves["episode"] == 40].set_index("learning_rate")["reward"]
    assert last[1e17].isna().all() and last[1e-3].notna().all()
    printed = capsys.readouterr().out.strip().splitlines()
    named = "; ".join(f"learning_rate 1e+17, seed {seed}" for seed in (FIRST, FIRST + 1))
    assert named in printed[-1] and not any("diverged" in line for line in printed[:-1])
    means = sweep.means(frame, ["training.learning_rate=1e-3,1e17"], SMALL)
    assert means.loc[1e17].isna().all() and means.loc[1e-3, "share_end"] > 0


def test_sweep_equals_the_same_networks_trained_alone():
    grid = sweep.grid(SMALL, ("network.init_scale=1,2.5", "training.learning_rate=1e-3,3e-3"))
    batched = batch_of(grid, 4).flat
    for index, settings in enumerate(grid):
        alone = batch_of([settings], 4).flat[0]
        torch.testing.assert_close(batched[index], alone, rtol=1e-4, atol=1e-6)


def test_every_point_is_trained_where_networks_train_alone(tmp_path):
    """Episodes that are reset immediately end at different times, so each network trains alone."""
    immediate = ["--training.episode-reset", "immediate", "--training.unroll", "5"]
    words = ["--vary", "training.learning_rate=1e-3,2e-3", *immediate, *TINY, "--name", "alone"]
    commands.sweep(["bandit", *words, "--out", str(tmp_path)])
    frame = storage.read(tmp_path / "data" / "bandit" / "sweeps" / "alone.csv")
    points = set(zip(frame["learning_rate"], frame["seed"], strict=True))
    assert points == {(rate, seed) for rate in (1e-3, 2e-3) for seed in (FIRST, FIRST + 1)}


def test_tables_are_not_replaced_unless_told(tmp_path):
    words = ["bandit", "--vary", "task.trials=2,3", *TINY, "--out", str(tmp_path)]
    commands.sweep(words)
    with pytest.raises(UserError, match=r"sweep\.csv exists; .*--name, or .*--overwrite"):
        commands.sweep(words)
    commands.sweep([*words, "--overwrite"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: prefrontal sweep EXPERIMENT"),
        (["three_step", "--vary", "a=1"], "experiment is 'three_step'; it must be one of bandit"),
        (["two_step", "--vary", "speed=1,2"], r"with a setting among task\.trials"),
        (["two_step", "--vary", "training.learning_rate"], "write setting=value,value"),
        (["two_step", "--vary", "training.learning_rate=fast"], "'fast'; .* is of type float"),
        (["two_step", "--vary", "seed=0,0"], "combinations that all differ"),
        (["two_step", "--vary", "seed=0,1"], "combinations that all differ, with 2 seeds each"),
        (["two_step", "--vary", "training.learning_rate=0"], r"training\.learning_rate is 0\.0"),
        (
            ["two_step", "--vary", "task.trials=3", "--curve-points", "0"],
            "curve_points is 0; .* at least 1",
        ),
        (["two_step", "--vary", "task.trials=3", "--name", "repeat"], "different from every"),
        (["two_step", "--vary", "task.trials=3", "--name", "a_curves"], "not ending in _curves"),
        (
            ["two_step", "--vary", "task.trials=3,4", "--training.episodes", "0"],
            "training.episodes is 0; it must be at least 1 in a sweep",
        ),
        (
            ["two_step", "--vary", f"training.episodes=9,{'9' * 400}"],
            r"training.episodes is 9+\.\.\.9+: input should be less than or equal to 10+",
        ),
        (["two_step", "--vary", f"training.discount=.5,{'9' * 400}"], "training.discount is inf"),
    ],
)
def test_bad_input_is_named(arguments, message, tmp_path):
    with pytest.raises(UserError, match=message):
        commands.sweep([*arguments, "--out", str(tmp_path)] if arguments else [])
    assert not list(tmp_path.iterdir())
