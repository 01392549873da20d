"""Sweeps that follow a measure over training."""

import importlib
import itertools

import pandas as pd
import pytest

from prefrontal import paths, sweep, tables
from prefrontal.errors import UserError

EXPERIMENTS = sorted(path.parent.name for path in (paths.ROOT / "replications").glob("*/sweep.py"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_combination_is_measured_at_every_stage(experiment, tmp_path):
    module = importlib.import_module(f"replications.{experiment}.sweep")
    arguments = ["--vary", "learning_rate=1e-3,2e-3", "--episodes", "6", "--stages", "2", "--seeds", "2", "--no-compile"]
    sweep.main(module.Config, experiment, module.measure, [*arguments, "--data", str(tmp_path)])
    folder = tmp_path / experiment / "sweeps"
    frame, end = tables.read(folder / "sweep.csv"), tables.read(folder / "sweep_end.csv")
    assert len(frame) == 2 * 2 * 2 and len(end) == 4
    assert set(frame["learning_rate"]) == {1e-3, 2e-3} and set(frame["seed"]) == {0, 1}
    assert frame["steps"].nunique() == 2
    assert "sweep.csv" in tables.manifest(folder)


def test_measure_sees_the_networks_as_they_learn(tmp_path):
    module = importlib.import_module("replications.bandit.train")
    seen = []

    def measure(population):
        seen.append(population.flat.clone())
        return pd.DataFrame({"size": [float(w.abs().sum()) for w in population.flat]})

    arguments = ["--episodes", "4", "--trials", "5", "--stages", "4", "--seeds", "1", "--no-compile", "--data", str(tmp_path)]
    sweep.main(module.Config, "bandit", measure, arguments)
    assert len(seen) == 4
    assert all((a != b).any() for a, b in itertools.pairwise(seen))


def test_wrong_settings_are_named(tmp_path):
    module = importlib.import_module("replications.bandit.train")
    with pytest.raises(UserError, match="speed"):
        sweep.main(module.Config, "bandit", lambda p: pd.DataFrame(), ["--vary", "speed=1,2", "--data", str(tmp_path)])
    with pytest.raises(UserError, match="stages"):
        sweep.main(module.Config, "bandit", lambda p: pd.DataFrame(), ["--stages", "0", "--data", str(tmp_path)])
