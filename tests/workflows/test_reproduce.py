from prefrontal.tables import storage

"""Rebuilding everything in a folder of its own finds what moved."""

import dataclasses
import shutil

import pandas as pd
import pytest

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.files import ROOT
from prefrontal.networks.load import record_experiment
from prefrontal.pipeline import reproduce
from prefrontal.training import loop

NAME = "weather"
"""The experiment that takes the least time."""


@pytest.fixture(scope="module")
def built(tmp_path_factory, coarse):
    """Two tiny networks of every variant, and what is made of them."""
    top = tmp_path_factory.mktemp("built")
    tiny = ["--all", "--episodes", "10", "--seeds", "2", "--data", str(top / "data")]
    loop.main(str(ROOT / "replications" / NAME / "train.py"), tiny)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments.module(NAME, "variants"), "TEST_EPISODES", 6)
        record_experiment(NAME, top / "data")
        experiments.analyse(NAME, top / "data")
        experiments.draw(NAME, experiments.Folders(top / "data", top / "figures"))
        yield reproduce.Options(NAME, top / "data", top / "figures", top / "verify")


def contents(options):
    return {path: path.read_bytes() for path in (*options.data.rglob("*.*"), *options.figures.iterdir())}


def rebuild_from(folder, monkeypatch):
    """Let what was rebuilt once be put in place where it would be rebuilt again."""
    monkeypatch.setattr(verify, "record_experiment", lambda name, data: None)
    results = folder / "data" / NAME / "results"
    monkeypatch.setattr(experiment, "analyse", lambda name, data: shutil.copytree(results, data / name / "results"))
    monkeypatch.setattr(experiment, "draw", lambda name, folders: shutil.copytree(folder / "figures", folders.figures))


def test_what_moved_is_named_with_its_size(built, capsys, monkeypatch, tmp_path):
    before = contents(built)
    reproduce.main(built)
    out = capsys.readouterr().out
    results = sorted((built.data / NAME / "results").glob("*.csv"))
    assert all(f"{NAME}/{path.name}".ljust(50) + "equal" in out for path in results) and "looks different" not in out
    rebuild_from(shutil.copytree(built.folder, tmp_path / "rebuilt", symlinks=True), monkeypatch)
    path = results[0].with_name("measures.csv")
    frame = storage.read(path)
    frame.loc[0, "value"] += 0.5
    frame.to_csv(path, index=False)
    (path.parent / "stale.csv").write_text("a\n1\n")
    with pytest.raises(UserError, match=rf"2 of {len(results) + 1} tables differ from .* by more than 0.0001"):
        reproduce.main(dataclasses.replace(built))
    out = capsys.readouterr().out
    assert "value moved by up to 0.5" in out and "stale.csv" in out and "not rebuilt" in out
    path.write_bytes(before[path])
    (path.parent / "stale.csv").unlink()
    assert contents(built) == before, "nothing outside its folder is written"


def test_tables_are_compared(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    pd.DataFrame({"a": [1.0, 2.0]}).to_csv(old, index=False)
    assert reproduce.compare(old, new) == ("not rebuilt", False) and reproduce.compare(new, old) == ("new", False)
    pd.DataFrame({"a": [1.0, 2.00001]}).to_csv(new, index=False)
    words, equal = reproduce.compare(old, new)
    assert equal and words.startswith("a moved by up to 1e-05")


def test_unknown_experiment_is_refused(tmp_path):
    with pytest.raises(UserError, match="experiment is 'nothing'; it must be bandit or"):
        reproduce.main(reproduce.Options("nothing", folder=tmp_path / "verify"))


def test_one_experiment_sees_the_results_of_the_others_but_not_its_own(tmp_path):
    written = [f"{name}/{part}/networks.csv" for name in ("two_step", "multiverse") for part in ("networks", "results")]
    for path in (tmp_path / "data" / each for each in (*written, "multiverse/results/effects.csv")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n")
    reproduce.link(tmp_path / "data", tmp_path / "rebuilt", ["multiverse"])
    seen = {str(path.relative_to(tmp_path / "rebuilt")) for path in (tmp_path / "rebuilt").glob("*/*/*")}
    assert seen == set(written), "of its own results, only what it starts from"
