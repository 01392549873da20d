"""Rebuilding everything in a folder of its own finds what moved."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.pipeline import commands, orchestrate, reproduce, steps
from prefrontal.pipeline.train import TrainingOptions, train_variants
from prefrontal.tables import storage

NAME = "weather"
"""The experiment that takes the least time."""

STEPS, TEST_EPISODES = ["record", "analyse", "draw"], 6


@pytest.fixture
def built(tmp_path, coarse, monkeypatch):
    """Two tiny networks of every variant, and what is made of them.

    Steps run in this process, with few test episodes.
    """
    data, figures = tmp_path / "data", tmp_path / "figures"
    experiment, tiny = experiments.get(NAME), {"training.episodes": 10}
    variants = {name: experiment.variant(name).vary(tiny) for name in experiment.variants}
    train_variants(experiment, variants, TrainingOptions(networks=2), data)

    def run(plans, data, figures):
        assert [(each.name, each.needs) for each in plans] == [(NAME, STEPS)]
        for step in (steps.record, steps.analyse):
            step(NAME, data, TEST_EPISODES)
        return steps.draw(NAME, data, figures)

    run([orchestrate.Plan(NAME, STEPS)], data, figures)
    monkeypatch.setattr(orchestrate, "run", run)
    return reproduce.Options(data=data, figures=figures, folder=tmp_path / "rebuilt")


def contents(options):
    paths = [*options.data.rglob("*.*"), *options.figures.iterdir()]
    return {path: path.read_bytes() for path in paths}


def rebuild_from(folder, monkeypatch):
    """Copy what was rebuilt once instead of rebuilding it again."""

    def run(plans, data, figures):
        shutil.copytree(folder / "data" / NAME / "results", data / NAME / "results")
        shutil.copytree(folder / "figures", figures)

    monkeypatch.setattr(orchestrate, "run", run)


def test_what_moved_is_named_with_its_size(built, capsys, monkeypatch, tmp_path):
    before = contents(built)
    reproduce.reproduce([NAME], built)
    out = capsys.readouterr().out
    results = sorted((built.data / NAME / "results").glob("*.csv"))
    assert all(f"{NAME}/{path.name}".ljust(60) + "equal" in out for path in results)
    assert "looks different" not in out and f"all {len(results)} tables equal" in out
    rebuild_from(shutil.copytree(built.folder, tmp_path / "copy", symlinks=True), monkeypatch)
    path = built.data / NAME / "results" / "measures.csv"
    frame = storage.read(path)
    frame.loc[0, "value"] += 0.5
    frame.to_csv(path, index=False)
    (path.parent / "stale.csv").write_text("a\n1\n")
    message = rf"2 of {len(results) + 1} tables differ from .* by more than 0.0001"
    with pytest.raises(UserError, match=message):
        reproduce.reproduce([NAME], built)
    out = capsys.readouterr().out
    assert "value moved by up to 0.5" in out and "stale.csv" in out and "not rebuilt" in out
    path.write_bytes(before[path])
    (path.parent / "stale.csv").unlink()
    assert contents(built) == before, "nothing outside its folder is written"


def test_tables_are_compared(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    pd.DataFrame({"a": [1.0, 2.0]}).to_csv(old, index=False)
    assert reproduce.compare(old, new) == ("not rebuilt", False)
    assert reproduce.compare(new, old) == ("new", False)
    pd.DataFrame({"a": [1.0, 2.00001]}).to_csv(new, index=False)
    description, equal = reproduce.compare(old, new)
    assert equal and description.startswith("a moved by up to 1e-05")


def test_unknown_experiment_is_refused():
    with pytest.raises(UserError, match="experiment is 'nothing'; it must be one of bandit"):
        commands.reproduce(["nothing"])


@pytest.mark.parametrize("folder", ["data", "data/.."])
def test_what_is_compared_is_never_removed(folder, tmp_path):
    (tmp_path / "data" / "data").mkdir(parents=True)
    (tmp_path / "data" / "figures").mkdir()
    (tmp_path / "data" / "data" / "kept.txt").touch()
    compared = tmp_path / "data" / "data", tmp_path / "data" / "figures"
    (tmp_path / "other.txt").touch()
    options = reproduce.Options(data=compared[0], figures=compared[1], folder=tmp_path / folder)
    with pytest.raises(UserError, match="a separate one: everything in it is removed first"):
        reproduce.reproduce([NAME], options)
    assert (compared[0] / "kept.txt").exists() and (tmp_path / "other.txt").exists()


def test_an_experiment_sees_the_results_of_others_only(tmp_path):
    written = [
        f"{name}/{folder}/networks.csv"
        for name in ("two_step", "multiverse")
        for folder in ("networks", "results")
    ]
    written.append("bandit/results/fresh.csv")
    for name in (*written, "multiverse/results/effects.csv", "bandit/results/measures.csv"):
        files.write_text(tmp_path / "data" / name, "a\n")
    reproduce.link(tmp_path / "data", tmp_path / "rebuilt", ["bandit", "multiverse"])
    rebuilt = (tmp_path / "rebuilt").glob("*/*/*")
    found = {str(path.relative_to(tmp_path / "rebuilt")) for path in rebuilt}
    assert found == set(written), "of its own results, only what it starts from"
