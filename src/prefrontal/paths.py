"""Where files live, and how they are written: completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefrontal.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
PUBLISHED = DATA / "published"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of ``path`` only when the block succeeds."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot make this folder ({error.strerror})") from error
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); the previous version is kept") from error
    finally:
        temporary.unlink(missing_ok=True)
