"""Where files live, and how they are written: completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from safetensors import SafetensorError

from prefrontal.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
PUBLISHED = DATA / "published"


def prepare_folder(folder: Path) -> None:
    """Make a folder, and raise UserError if no file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of ``path`` only when the block succeeds."""
    prepare_folder(path.parent)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be written ({why}); the previous version is kept") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, unless it holds this text already."""
    if not path.exists() or path.read_text() != text:
        with atomic(path) as temporary:
            temporary.write_text(text)
