"""Sweeps: every combination of settings, compared by learning and by the experiment's own measure."""

from __future__ import annotations

import pytest
import torch

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.tables import storage
from prefrontal.training import sweep
from prefrontal.training.batch import NetworkBatch
from tests.test_train import SMALL, population_of

TINY = ("--trials", "4", "--units", "4", "--episodes", "6", "--points", "2")
VALIDATION = {"VALIDATION_EPISODES": 10, "VALIDATION_SESSIONS": 4}
"""How long networks play at each point of the curve and at its end, here, where no number is judged."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for module in (sweep, *(experiments.module(name, "sweep") for name in experiments.names("sweep"))):
        for constant, value in VALIDATION.items():
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, value)


@pytest.mark.slow
def test_every_combination_is_trained_and_written(tmp_path, capsys):
    vary = ["--vary", "init_scale=1,2.5", "learning_rate=7e-4,2e-3", "steps_per_trial=2,3"]
    sweep.main(["two_step", *vary, *TINY, "--seeds", "2", "--name", "both", "--data", str(tmp_path)])
    folder = tmp_path / "two_step" / "sweeps"
    frame = storage.read(folder / "both.csv")
    settings = ["init_scale", "learning_rate", "steps_per_trial"]
    assert len(frame) == 16
    assert (frame.groupby(settings)["seed"].apply(sorted).map(tuple) == (sweep.APART, sweep.APART + 1)).all()
    assert len(frame.groupby(settings)) == 8
    learned = {"share_end", "value_error_end", "share_validation", "episodes_to_80_percent", "training_episodes"}
    assert learned <= set(frame.columns)
    assert storage.manifest(folder)["both.csv"]["processor_seconds"] > 0
    assert set(storage.read(folder / "both_curves.csv").columns) >= {*settings, "seed", "episode", "share"}
    assert not (tmp_path / "two_step" / "networks").exists()
    assert not list((tmp_path / "two_step" / "checkpoints").iterdir())
    assert "share_validation" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments.names("sweep"))
def test_the_experiments_own_measure_is_taken_over_training(name, tmp_path):
    arguments = ["--vary", "learning_rate=1e-3,2e-3", "--episodes", "6", "--points", "2", "--seeds", "2", "--data", str(tmp_path)]
    sweep.main([name, *arguments])
    folder = tmp_path / name / "sweeps"
    frame, curves = storage.read(folder / "sweep.csv"), storage.read(folder / "sweep_curves.csv")
    assert len(frame) == 2 * 2 and len(curves) == 2 * 2 * 2
    assert set(curves["learning_rate"]) == {1e-3, 2e-3} and set(curves["seed"]) == {sweep.APART, sweep.APART + 1}
    batch = NetworkBatch([experiments.module(name, "train").Config(episodes=1)], compiled=False)
    measured = experiments.module(name, "sweep").measure(batch)
    assert len(measured) == 1 and set(measured.columns) <= set(frame.columns)
    assert "sweep.csv" in storage.manifest(folder)


def test_sweep_equals_the_same_networks_trained_by_themselves():
    grid = sweep.grid(SMALL, ("init_scale=1,2.5", "learning_rate=1e-3,3e-3"))
    together = population_of(grid, 4).flat
    for index, config in enumerate(grid):
        torch.testing.assert_close(together[index], population_of([config], 4).flat[0], rtol=1e-4, atol=1e-6)


def test_every_point_is_trained_where_networks_train_apart(tmp_path):
    """Episodes that episode_reset at once end at times of their own, so that every network is a program of its own."""
    points = ["--vary", "learning_rate=1e-3,2e-3", "--episode_reset", "immediate", "--unroll", "5", "--seeds", "2"]
    sweep.main(["bandit", *points, *TINY, "--name", "apart", "--data", str(tmp_path)])
    frame = storage.read(tmp_path / "bandit" / "sweeps" / "apart.csv")
    assert set(zip(frame["learning_rate"], frame["seed"], strict=True)) == {(r, s) for r in (1e-3, 2e-3) for s in (100, 101)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "experiment is 'missing'"),
        (["three_step", "--vary", "a=1"], "experiment is 'three_step'; it must be bandit or"),
        (["two_step", "--vary", "speed=1,2"], "write setting=value,value with a setting among seed"),
        (["two_step", "--vary", "learning_rate"], "write setting=value,value"),
        (["two_step", "--vary", "learning_rate=fast"], "could not convert .* 'fast'; learning_rate is of type float"),
        (["two_step", "--vary", "seed=0,0"], "combinations that all differ"),
        (["two_step", "--vary", "learning_rate=0"], "learning_rate is 0.0; it must be above 0"),
        (["two_step", "--vary", "learning_rate=1e-3", "--points", "0"], "points is 0; it must be at least 1"),
    ],
)
def test_what_is_wrong_is_named(arguments, words, tmp_path):
    with pytest.raises(UserError, match=words):
        sweep.main([*arguments, "--data", str(tmp_path)] if arguments else [])
    assert not list(tmp_path.iterdir())
