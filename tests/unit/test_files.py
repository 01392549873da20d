"""Files that several commands want at once, and checkouts that are not the one imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from prefrontal import files
from prefrontal.errors import UserError
from tests.helpers import ENVIRONMENT

HOLD = """
import sys
from pathlib import Path
from prefrontal import files
with files.reserved(Path(sys.argv[1]), range(2), "in use"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A mark of which another process has numbers 0 and 1."""
    mark = tmp_path / "folder" / ".mark.lock"
    command = [sys.executable, "-c", HOLD, str(mark)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=files.ROOT
    ) as other:
        assert other.stdout.readline() == b"held\n"
        yield mark
        other.stdin.close()
        other.wait()


def test_numbers_of_another_process_are_not_free(held):
    with (
        pytest.raises(UserError, match="folder: in use; wait for it, or end it"),
        files.reserved(held, [1, 2], "in use"),
    ):
        pass
    with files.reserved(held, [2, 3], "in use"):
        assert held.exists()
    assert held.exists(), "the other process still has its numbers"


def test_mark_goes_when_nobody_has_a_number(tmp_path):
    with files.reserved(tmp_path / ".mark.lock", [5], "in use"):
        assert (tmp_path / ".mark.lock").exists()
    assert not list(tmp_path.iterdir())


def test_code_of_another_checkout_is_refused(tmp_path):
    (tmp_path / "src" / "prefrontal").mkdir(parents=True)
    (tmp_path / "inside").mkdir()
    files.check_checkout(tmp_path)  # no pyproject.toml: no checkout
    files.check_checkout(files.PACKAGE_FOLDER)
    (tmp_path / "pyproject.toml").touch()
    paths = os.pathsep.join([str(files.ROOT / "src"), str(files.ROOT)])
    for folder, code in ((tmp_path, 1), (tmp_path / "inside", 1), (tmp_path.parent, 0)):
        done = subprocess.run(
            [sys.executable, "-m", "prefrontal", "--version"]
            if not code
            else [sys.executable, "-m", "prefrontal", "claims"],
            cwd=folder,
            env=os.environ | ENVIRONMENT | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code
        assert bool(code) == (f"error: {tmp_path} is a checkout, but this" in done.stderr)
        assert len(done.stderr.splitlines()) <= 1


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not there")
def test_make_names_a_colon_in_the_path(tmp_path):
    for name, code in (("a:b", 2), ("ab", 0)):
        (tmp_path / name).mkdir()
        shutil.copy(files.ROOT / "Makefile", tmp_path / name)
        done = subprocess.run(["make", "help"], cwd=tmp_path / name, capture_output=True, text=True)
        assert done.returncode == code
        assert (f"{name}: Python makes no environment in a folder with a colon" in done.stderr) == (
            code == 2
        )
