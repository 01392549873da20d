from prefrontal.networks import load
from prefrontal.tables import storage

"""A new experiment is a folder, written from the template, that runs at once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import replications
from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.pipeline import new
from prefrontal.publishing import bibliography, readme_tables
from prefrontal.training import loop

NAME = "my_task"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository without experiments but for the new one, whose folder can be imported."""
    for name in ("Makefile", "CITATION.cff"):
        shutil.copy(files.ROOT / name, tmp_path)
    (tmp_path / "README.md").write_text("<!-- begin: claims -->\n<!-- end -->\n")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(replications, "__path__", [str(tmp_path / "replications")])
    new.main(new.Options(NAME, tmp_path))
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith(f"replications.{NAME}")]:
        del sys.modules[module]


def test_new_experiment_runs_from_training_to_report(root, coarse):
    data, figures, folder = root / "data", root / "figures", root / "replications" / NAME
    loop.main(str(folder / "train.py"), ["--all", "--episodes", "20", "--seeds", "2", "--data", str(data)])
    load.main(str(folder / "record.py"), ["--episodes", "5", "--data", str(data)])
    experiments.analysis_main(str(folder / "analysis.py"), ["--data", str(data)])
    experiments.figure_main(str(folder / "figure.py"), ["--data", str(data), "--figures", str(figures)])
    readme_tables.main(readme_tables.Options(data=data, root=root))
    bibliography.main(bibliography.Options(write=True, data=data, figures=figures, root=root))
    assert f"fig_{NAME}.png" in {path.name for path in figures.iterdir()}
    assert f"A new experiment: {NAME}." in (figures / f"fig_{NAME}.txt").read_text()
    assert f"| {NAME}-learns |" in (folder / "README.md").read_text()
    assert "1 claims beyond the paper hold" in (root / "README.md").read_text()
    assert len(storage.read(data / NAME / "results" / "measures.csv", "measures")) == 2


@pytest.mark.slow
def test_new_experiment_keeps_the_house_rules(root):
    text = "".join(path.read_text() for path in root.rglob("*.py"))
    assert "NAME" not in text and f"replications.{NAME}.task" in text
    rules = ["--config", str(Path(new.__file__).parents[2] / "pyproject.toml")]
    for command in (["ruff", "check", *rules], ["ruff", "format", "--check", *rules], ["pytest", "-q", "-p", "no:cacheprovider"]):
        done = subprocess.run([sys.executable, "-m", *command, "."], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "my-task", "My_Task", "2_step", "class", "../x", "figures", "test"])
def test_impossible_names_are_refused(root, name):
    with pytest.raises(UserError, match=r"NAME is '.*'; it must be"):
        new.main(new.Options(name, root))


def test_nothing_is_overwritten(root):
    (root / "tests" / "test_other.py").write_text("here first")
    for name in (NAME, "other"):
        with pytest.raises(UserError, match="exists; choose another name"):
            new.main(new.Options(name, root))
    assert (root / "tests" / "test_other.py").read_text() == "here first" and not (root / "replications" / "other").exists()
