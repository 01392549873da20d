"""Paths, and atomic writing of files."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType

from platformdirs import user_cache_dir

from prefrontal.errors import UserError

PACKAGE_FOLDER = Path(__file__).resolve().parent


def _checkout() -> Path | None:
    """Folder of the repository, if the package is used from one."""
    root = PACKAGE_FOLDER.parents[1]
    return root if (root / "pyproject.toml").exists() and (root / "replications").is_dir() else None


def check_checkout(folder: Path) -> None:
    """Raise UserError in a checkout other than the one whose code runs."""
    for top in (folder, *folder.parents):
        if (top / "src" / "prefrontal").is_dir() and (top / "pyproject.toml").exists():
            if not os.path.samefile(top / "src" / "prefrontal", PACKAGE_FOLDER):
                raise UserError(
                    f"{top} is a checkout, but this command runs the code in {PACKAGE_FOLDER}; "
                    "delete its .venv and run make again, or work outside the checkout"
                )
            return


CHECKOUT = _checkout()
ROOT = CHECKOUT or Path.cwd()
DATA = CHECKOUT / "data" if CHECKOUT else Path(user_cache_dir("prefrontal")) / "data"
"""Networks and results of the suite; for an installed package, the downloaded ones."""
FIGURES = CHECKOUT / "figures" if CHECKOUT else Path.cwd() / "figures"
PUBLISHED = PACKAGE_FOLDER / "published"
"""Digitised values of the paper's figures; data/published is a link to them."""

PART = ".part"
"""Suffix of a file that is still being written, after its name, the machine and the process:
.fig5.png.machine.123.part."""


def experiment_folder(data: Path, experiment: str, by: str = "") -> Path:
    """Folder of an experiment's networks and results: in a data folder if they are used ``by`` the
    experiment itself, otherwise possibly in that of the suite."""
    folder = data / experiment
    return folder if experiment == by or folder.exists() else DATA / experiment


def prepare_folder(folder: Path) -> None:
    """Make a folder, remove partial files of killed runs, and raise UserError if no file can be
    written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        for path in folder.glob(f".*{PART}"):
            if abandoned(path):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from error


def abandoned(path: Path) -> bool:
    """Whether a partial file belongs to a process of this machine that no longer runs."""
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


def _file_locks() -> ModuleType:
    try:
        import fcntl
    except ImportError as error:
        raise UserError(
            "writing results needs Linux or macOS (file locks); on Windows, use WSL"
        ) from error
    return fcntl


@contextmanager
def reserved(path: Path, numbers: Iterable[int], what: str) -> Iterator[None]:
    """Reserve numbers for this process; raise UserError if another process has one of them.

    Parameters
    ----------
    path : Path
        A file that marks the numbers, one byte each, while some process holds any.
    numbers : iterable of int
    what : str
        For the error: what the other process does.
    """
    fcntl = _file_locks()
    prepare_folder(path.parent)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            for number in numbers:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:
            os.close(handle)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise UserError(f"{path.parent}: {what}; wait for it, or end it") from error
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                break
        os.close(handle)  # its last user has just removed the file
    try:
        yield
    finally:
        with suppress(OSError):  # other processes hold some of the numbers
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block."""
    fcntl = _file_locks()
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it replaces ``path`` only if the block succeeds."""
    prepare_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}{PART}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        why = error.strerror or error
        raise UserError(
            f"{path}: cannot be written ({why}); the previous version is kept"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def download(url: str, target: Path, sha256: str = "") -> None:
    """Download a file; it is kept only if it arrives completely and has the known checksum, if any.

    Raises
    ------
    UserError
        No connection, interrupted, no space, or another checksum.
    """
    import pooch  # slow to import, and only needed here

    with atomic(target) as temporary:
        try:
            pooch.HTTPDownloader()(url, str(temporary), None)
        except OSError as error:  # also the base class of errors in requests
            reason = str(error).splitlines()[0]
            raise UserError(f"{url}: cannot be downloaded ({reason}); nothing was kept") from error
        if sha256 not in ("", digest(temporary)):
            raise UserError(f"{url}: wrong checksum; nothing was kept")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a text file, unless it holds this text already."""
    prepare_folder(path.parent)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
