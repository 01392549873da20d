"""Where files live, and how they are written: completely or not at all."""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from prefrontal.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
PUBLISHED = DATA / "published"

PART = ".part"
"""Ending of a file that is still being written, after its name, the machine and the process: .fig5.png.machine.123.part."""


def prepare_folder(folder: Path) -> None:
    """Make a folder, remove what killed runs left half written, and raise UserError if no file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        for path in folder.glob(f".*{PART}"):
            if abandoned(path):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error


def abandoned(path: Path) -> bool:
    """Whether a half-written file is of a process of this machine that runs no more."""
    written, process, _ = path.name.rsplit(".", 2)
    if not written.endswith(f".{platform.node()}"):
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return True
    except PermissionError:
        pass
    return False


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of ``path`` only when the block succeeds."""
    prepare_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}{PART}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"{path}: cannot be written ({why}); the previous version is kept") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, unless it holds this text already."""
    prepare_folder(path.parent)
    if not path.exists() or path.read_text() != text:
        with atomic(path) as temporary:
            temporary.write_text(text)
