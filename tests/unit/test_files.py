"""Files that several commands want at once, and checkouts that are not the one imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from prefrontal import files
from prefrontal.errors import UserError

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
