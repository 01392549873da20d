"""Data flow one way, and so do imports (``make lint`` checks the layers of the library)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from prefrontal import experiments
from prefrontal.files import ROOT

FOLDERS = [ROOT / "replications" / name for name in experiments.names()]
TORCH_FREE = ("settings", "claims", "experiment", "analysis", "figure")


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules, or of the names in them, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def loaded(statement: str) -> set[str]:
    """Modules that are loaded after a statement, in a process of its own."""
    code = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("part", TORCH_FREE)
def test_definitions_and_readers_do_without_torch(part):
    modules = [f"replications.{name}.{part}" for name in experiments.names(part)]
    assert "torch" not in loaded(f"import {', '.join(modules)}")


def test_training_loads_no_publishing_and_networks_no_training(suite):
    training = loaded(
        "import prefrontal.training.loop, prefrontal.training.jobs, prefrontal.training.sweep"
    )
    assert not [name for name in training if name.startswith("prefrontal.publishing")]
    networks = loaded(f"import prefrontal; prefrontal.load('weather', data={str(suite)!r})")
    assert not [name for name in networks if name.startswith("prefrontal.training")]


def test_package_and_command_load_little():
    modules = loaded("import prefrontal, prefrontal.cli")
    assert not {"torch", "pandas", "matplotlib", "pydantic", "gymnasium"} & modules


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_experiments_import_only_those_that_they_use(folder):
    allowed = {folder.name, *experiments.study(folder.name).uses}
    for path in folder.rglob("*.py"):
        others = [name.split(".")[1] for name in imports(path) if name.startswith("replications.")]
        assert set(others) <= allowed, f"{path}: {others}"


def test_library_knows_no_experiment():
    for path in (ROOT / "src" / "prefrontal").rglob("*.py"):
        if "template" not in path.parts:
            assert not any(
                name.split(".")[0] in ("replications", "tests") for name in imports(path)
            ), path


@pytest.mark.parametrize("name", experiments.names("train"))
def test_experiments_have_the_same_files(name):
    folder = ROOT / "replications" / name
    parts = ("settings", "claims", "experiment", "record", "analysis", "figure")
    assert not [part for part in parts if not (folder / f"{part}.py").exists()]
    assert (folder / "captions.md").exists() and (folder / "README.md").exists()


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["cluster"]]
    declared = {canonicalize_name(Requirement(each).name) for each in asked}
    distributions = packages_distributions()
    for folder in ("src", "replications"):
        for path in (ROOT / folder).rglob("*.py"):
            packages = {name.partition(".")[0] for name in imports(path)}
            packages -= {"prefrontal", "replications", *sys.stdlib_module_names}
            for package in packages:
                found = {canonicalize_name(name) for name in distributions[package]}
                assert found & declared, f"{path} imports {package}"


def test_layers_of_the_library_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:]
