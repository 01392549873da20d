"""Data flow one way, and so do imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefrontal.paths import ROOT

EXPERIMENTS = sorted(path.parent for path in (ROOT / "replications").glob("*/__init__.py"))
WITH_TASK = [folder for folder in EXPERIMENTS if (folder / "task.py").exists()]
BUILDS_ON = {"predictions": "two_step"}
"""The one exception to the rule that experiments never import each other: the predictions are about two-step networks."""
TABLE_READERS = [path for folder in EXPERIMENTS for path in sorted(folder.glob("*.py")) if path.stem in ("analysis", "figure")]
FOR_TASKS = {"prefrontal.task", "prefrontal.errors"}


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules, or of the names in them, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return f"{path.parent.name}.{path.stem}"


def test_analysis_and_figure_never_import_torch():
    modules = [f"replications.{path.parent.name}.{path.stem}" for path in TABLE_READERS]
    check = f"""
import importlib, sys
for module in {modules}:
    importlib.import_module(module)
    if "torch" in sys.modules:
        sys.exit(module + " imports torch")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", EXPERIMENTS, ids=lambda folder: folder.name)
def test_experiments_never_import_each_other(folder):
    for path in folder.rglob("*.py"):
        others = [name for name in imports(path) if name.startswith("replications.")]
        allowed = {folder.name, BUILDS_ON.get(folder.name)}
        assert all(name.split(".")[1] in allowed for name in others), f"{name_of(path)}: {others}"


@pytest.mark.parametrize("folder", WITH_TASK, ids=lambda folder: folder.name)
def test_task_imports_only_the_librarys_task_tools(folder):
    own = [name for name in imports(folder / "task.py") if name.split(".")[0] in ("prefrontal", "replications")]
    allowed = FOR_TASKS | {f"replications.{folder.name}.images"}  # what a task shows may be a file of its own
    assert all(name.rpartition(".")[0] in allowed for name in own), own


def test_library_knows_no_experiment():
    paths = sorted((ROOT / "src").rglob("*.py"))
    assert paths
    for path in paths:
        assert not any(name.split(".")[0] in ("replications", "tests") for name in imports(path)), name_of(path)
