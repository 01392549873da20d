"""Experiments of one's own leave what the suite says about itself alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefrontal import files
from tests.helpers import prefrontal
from tests.workflows.test_new import FOLDER, NAME, checkout, passes

TRAINED = "trained_task"
"""Experiment without results, whose README still lacks them."""

CHECKED = ("citation", "claims", "networks", "release")
"""Tests of this folder that go through experiments, their networks, claims or READMEs."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Checkout with the committed data, an experiment that ran, and one that was only trained."""
    root, ignored = checkout(tmp_path), shutil.ignore_patterns("*.parquet", "checkpoints")
    for part in ("data", "figures"):
        shutil.copytree(files.ROOT / part, root / part, ignore=ignored)
    for path in (*files.ROOT.glob("requirements*.lock"), files.ROOT / "CHANGELOG.md"):
        shutil.copy(path, root)
    for command, name in (("run", NAME), ("train", TRAINED)):
        assert prefrontal("new", name, root=root).returncode == 0
        settings = root / "replications" / name / "settings.py"
        settings.write_text(settings.read_text().replace("episodes=3_000", "episodes=40"))
        done = prefrontal(command, name, root=root)
        assert done.returncode == 0, done.stderr
    return root


@pytest.mark.slow
def test_the_committed_tests_pass_beside_ones_own_experiments(clone):
    """Which ``prefrontal claims`` and their own READMEs show."""
    assert f"{NAME}-learns" in prefrontal("claims", root=clone).stdout
    assert f"| {NAME}-learns |" in (clone / FOLDER / "README.md").read_text()
    tests = [f"tests/committed/test_{part}.py" for part in CHECKED]
    passes(clone, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests)
