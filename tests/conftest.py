"""Fixtures shared by several files, and which tests are skipped if data or history are absent."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from prefrontal import files
from prefrontal.networks import fetch
from prefrontal.pipeline import steps
from tests.helpers import write_networks

COMMITTED = Path(__file__).with_name("committed")
HISTORY = COMMITTED / "test_history.py"


@functools.cache
def has_data() -> bool:
    """Whether networks and results of the suite are there: a fork may lack them."""
    names = json.loads(fetch.RELEASE.read_text(encoding="utf-8"))["archives"]
    parts = ("networks", "results")
    return all((files.DATA / name / part).exists() for name in names for part in parts)


@functools.cache
def has_history() -> bool:
    """Whether this is a full clone: neither a shallow one nor an archive."""
    command = ["git", "-C", str(files.ROOT), "rev-parse"]
    asked = ["--is-shallow-repository", "--show-toplevel"]
    try:
        done = subprocess.run([*command, *asked], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.splitlines() == ["false", str(files.ROOT)]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Skip tests of committed data or of the history if these are absent."""
    about_data = collection_path.is_relative_to(COMMITTED) and not has_data()
    return True if about_data or (collection_path == HISTORY and not has_history()) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Executing a notebook is slow, and needs the suite's networks."""
    notebooks = [item for item in items if item.path.suffix == ".ipynb"]
    for item in notebooks:
        item.add_marker(pytest.mark.slow)
    if not has_data():
        config.hook.pytest_deselected(items=notebooks)
        items[:] = [item for item in items if item not in notebooks]


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder with networks and results of the experiment that takes the least time.

    Made once for all processes of the test run; tests only read it.
    """
    base = tmp_path_factory.getbasetemp()
    data = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "suite"
    data.mkdir(exist_ok=True)
    with files.locked(data):
        if not (data / "weather" / "results" / steps.INPUTS).exists():
            write_networks("weather", data)
            steps.record("weather", data, 6)
            steps.analyse("weather", data, 6)
    return data


@pytest.fixture(scope="module")
def coarse() -> Iterator[None]:
    """Draw figures with a fifth of their pixels along each side, and empty PDF files, in tests that
    examine neither."""
    savefig = Figure.savefig

    def coarsely(figure: Figure, target: Any, **options: Any) -> None:
        if options.get("format") == "pdf":
            target.touch()
        else:
            savefig(figure, target, **{**options, "dpi": 60})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", coarsely)
        yield
