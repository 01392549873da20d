"""What tests of several files share."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefrontal import files

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}


def prefrontal(
    *arguments: str, root: Path = files.ROOT, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with the code of a checkout, and return what it printed."""
    paths = os.pathsep.join([str(root / "src"), str(root)])
    variables = os.environ | ENVIRONMENT | {"PYTHONPATH": paths} | environment
    command = [sys.executable, "-m", "prefrontal", *arguments]
    return subprocess.run(
        command, cwd=folder or root, env=variables, capture_output=True, text=True
    )


def copy_repository(target: Path, *experiments: str) -> Path:
    """Copy code and texts, and the data of some experiments, as a checkout of its own."""
    ignored = shutil.ignore_patterns("__pycache__", "*.parquet", "checkpoints")
    for name in (
        "src",
        "replications",
        "data/published",
        *(f"data/{name}" for name in experiments),
    ):
        shutil.copytree(files.ROOT / name, target / name, ignore=ignored)
    for name in ("pyproject.toml", "CITATION.cff", "README.md", "Makefile"):
        shutil.copy(files.ROOT / name, target)
    return target


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server(folder: Path, handler: type[_Quiet] = _Quiet) -> Iterator[str]:
    """Serve a folder on this machine; gives the address."""
    running = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()


class Interrupted(_Quiet):
    """Announces a whole file, and sends half of it."""

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        content = source.read()
        outputfile.write(content[: len(content) // 2])
        self.close_connection = True
