"""Data flow one way, and so do imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from prefrontal.files import ROOT

EXPERIMENTS = sorted(path.parent for path in (ROOT / "replications").glob("*/__init__.py"))
WITH_TASK = [folder for folder in EXPERIMENTS if (folder / "task.py").exists()]
BUILDS_ON = {
    "predictions": ("two_step",),
    "inner_algorithm": ("bandit", "volatile_bandit", "two_step"),
    "ingredients": ("bandit", "two_step"),
}
"""The exceptions to the rule that experiments never import each other: those that are about the networks or tasks of others."""
TORCH_FREE = ("variants", "analysis", "figure")
FOR_TASKS = {"prefrontal.task", "prefrontal.errors"}
TEMPLATE = ROOT / "src" / "prefrontal" / "template"
"""Files of an experiment that is still to be named."""


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


def modules() -> dict[str, Path]:
    """Every module of the library and of the experiments: full name -> file."""
    found = {}
    for top in (ROOT / "src", ROOT):
        for path in sorted((top / ("prefrontal" if top.name == "src" else "replications")).rglob("*.py")):
            if path.parent != TEMPLATE:
                parts = path.relative_to(top).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_module_imports_itself_by_way_of_others():
    """Neither when it is imported nor later, in a function or for its types."""
    known = modules()
    graph = {
        name: {imported if imported in known else imported.rpartition(".")[0] for imported in imports(path)} & known.keys()
        for name, path in known.items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(known)


def test_what_reads_tables_never_imports_torch():
    readers = [name for name in modules() if name.startswith("replications.") and name.rpartition(".")[2] in TORCH_FREE]
    assert readers
    check = f"""
import importlib, sys
for module in {readers}:
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
        allowed = {folder.name, *BUILDS_ON.get(folder.name, ())}
        assert all(name.split(".")[1] in allowed for name in others), f"{name_of(path)}: {others}"


@pytest.mark.parametrize("folder", WITH_TASK, ids=lambda folder: folder.name)
def test_task_imports_only_the_librarys_task_tools(folder):
    own = [name for name in imports(folder / "task.py") if name.split(".")[0] in ("prefrontal", "replications")]
    allowed = FOR_TASKS | {f"replications.{folder.name}.images"}  # what a task shows may be a file of its own
    allowed |= {f"prefrontal.learners.{folder.name}"}  # what it shares with its ideal observer
    allowed |= {f"replications.{other}.task" for other in BUILDS_ON.get(folder.name, ())}
    assert all(name.rpartition(".")[0] in allowed for name in own), own


def test_library_knows_no_experiment():
    for name, path in modules().items():
        if name.startswith("prefrontal"):
            assert not any(imported.split(".")[0] in ("replications", "tests") for imported in imports(path)), name


def test_experiments_hold_what_their_contract_says():
    """Modules of an experiment that trains are found by name; nothing is registered."""
    for folder in EXPERIMENTS:
        if (folder / "train.py").exists():
            lacks = [part for part in ("variants", "record", "analysis", "figure") if not (folder / f"{part}.py").exists()]
            assert not lacks, f"{folder.name}: {lacks}"
        assert (folder / "captions.md").exists() and (folder / "README.md").exists(), folder.name
