"""Kill trainings and pipelines at random file events, go on, and compare with what was never interrupted, bit by bit.

python -m tests.faults --trainings 50 --pipelines 30

A kill is SIGKILL at a file event of Python's (open, rename, remove, make a folder), drawn at random from all those of an
uninterrupted run; in every other case the file that was written last is left half written. Trainings are of every core; pipelines
are ``make figures`` of a new experiment whose networks, settings or analysis changed. Commands run in forks of this process,
which spares them the imports; make reaches them through a program that passes its command line on.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot  # noqa: F401 (imported once, for all forks)
import numpy as np
import pandas as pd
import safetensors.torch  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.decomposition  # noqa: F401
import statsmodels.api  # noqa: F401
import torch
import tyro
import yaml  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
"""Python's names for what a kill may precede."""

KINDS = [
    *(["--core", core] for core in ("lstm", "gru", "tanh", "attention", "slots", "feedforward")),
    ["--network-input", "rpe"],
    ["--rpe-noise", "1"],
    ["--snapshots", "2"],
    ["--episode_reset", "immediate"],
]
TINY = shlex.split("--trials 6 --unroll 9 --units 3 --episodes 4 --seeds 2 --compile False")
"""Two unrolls per episode, so that a checkpoint may fall inside an episode."""

NAME = "my_task"

CLIENT = """
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
server.sendall(json.dumps([os.getcwd(), sys.argv[2:]]).encode() + b"\\n")
answer = b"".join(iter(lambda: server.recv(65536), b""))
sys.exit(json.loads(answer) if answer else 1)
"""


@dataclass
class Clock:
    """Counts file events in a folder over processes, and kills the one that meets the event ``fatal``."""

    folder: Path
    fatal: int = 0
    half: bool = False

    def __post_init__(self) -> None:
        self.shared = mmap.mmap(-1, 8)

    @property
    def count(self) -> int:
        """Events so far."""
        return int.from_bytes(self.shared[:8], "little")

    def watch(self) -> None:
        """Count from now on, in this process."""
        busy, written = False, ""

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal busy, written
            if busy or event not in EVENTS or not str(arguments[0]).startswith(str(self.folder)):
                return
            if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
            busy = True
            self.shared[:8] = (self.count + 1).to_bytes(8, "little")
            if self.count == self.fatal:
                last = str(arguments[0]) if event == "os.rename" else written
                if self.half and os.path.isfile(last):
                    os.truncate(last, os.path.getsize(last) // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            written = str(arguments[0]) if event == "open" else written
            busy = False

        sys.addaudithook(hook)


def forked(action: Callable[[], Any], clock: Clock, log: Path) -> int:
    """Do something in a fork, watched -> its exit status, negative where it was killed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code: Any = 1
    try:
        with log.open("a") as output:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
        sys.dont_write_bytecode = True
        clock.watch()
        action()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
        if isinstance(code, str):
            os.write(2, f"{code}\n".encode())
            code = 1
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        os._exit(code)


def module(folder: Path, arguments: list[str]) -> None:
    """Run ``python -m <arguments>`` in a folder that has the library's source, which no fork has imported yet."""
    os.chdir(folder)
    sys.argv, sys.path[:0] = arguments, [str(folder / "src"), str(folder)]
    if arguments[0].endswith(".train"):
        from prefrontal.training import loop

        loop.CHECKPOINT_SECONDS = 0
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def told(path: Path) -> Any:
    """What a file holds, but for the time that a training took and the mark of a recording."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    if path.suffix == ".json" and path.parent.name == "networks":
        return {key: own for key, own in json.loads(path.read_text()).items() if not key.endswith("_seconds")}
    return path.read_bytes()


def contents(folder: Path, *patterns: str) -> dict[str, Any]:
    """Files in a folder, those half written too, and what each holds."""
    found = {path for pattern in patterns or ("**/*", "**/.*") for path in folder.glob(pattern) if path.is_file()}
    return {str(path.relative_to(folder)): told(path) for path in found}


def require_equal(found: dict[str, Any], expected: dict[str, Any], what: str) -> None:
    """Stop with the files that differ."""
    differ = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    if differ:
        sys.exit(f"WRONG: {what}: {', '.join(differ)}")


def kill_trainings(kills: int, rng: np.random.Generator, top: Path) -> Counter[str]:
    """Kill trainings of every kind, each once or twice, and resume them."""
    counts: Counter[str] = Counter()
    log = top / "trainings.log"

    def run(kind: list[str], folder: Path, clock: Clock) -> int:
        return forked(lambda: module(ROOT, ["replications.two_step.train", *TINY, *kind, "--data", str(folder)]), clock, log)

    @functools.cache
    def whole(index: int) -> tuple[int, dict[str, Any]]:
        folder = top / f"whole_{index}"
        clock = Clock(folder)
        if run(KINDS[index], folder, clock):
            sys.exit(f"WRONG: {KINDS[index]} does not run; {log}")
        return clock.count, contents(folder)

    while counts["kills"] < kills:
        index, folder = counts["trainings"] % len(KINDS), top / f"training_{counts['trainings']}"
        events, expected = whole(index)
        for _ in range(min(rng.integers(1, 3), kills - counts["kills"])):
            status = run(KINDS[index], folder, Clock(folder, int(rng.integers(1, events + 1)), bool(rng.integers(2))))
            if status not in (0, -signal.SIGKILL):
                sys.exit(f"WRONG: {KINDS[index]} cannot go on; {log}")
            counts["kills"] += status != 0
        if run(KINDS[index], folder, Clock(folder)):
            sys.exit(f"WRONG: {KINDS[index]} cannot go on; {log}")
        require_equal(contents(folder), expected, f"training {' '.join(KINDS[index])}, killed; {folder}")
        counts["trainings"] += 1
        shutil.rmtree(folder)
    return counts


@dataclass
class Suite:
    """A suite with one small experiment, and a server for the commands of its Makefile."""

    folder: Path
    log: Path

    def __post_init__(self) -> None:
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.log.with_suffix(".socket")))
        self.server.listen()
        self.server.settimeout(0.02)
        self.client = self.log.with_suffix(".client.py")
        self.client.write_text(CLIENT)

    def reset(self) -> None:
        """Write the suite, with settings that make everything small; its environment counts as ready."""
        self.folder.mkdir()
        for part in ("src", "Makefile", "pyproject.toml", "requirements.lock", "requirements-torch.lock", "CITATION.cff"):
            source = ROOT / part
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, self.folder / part, ignore=ignored) if source.is_dir() else shutil.copy(source, self.folder)
        (self.folder / "replications").mkdir()
        (self.folder / "replications" / "__init__.py").touch()
        (self.folder / "README.md").write_text("<!-- begin: claims -->\n<!-- end -->\n")
        self.run("-m", "prefrontal.new", NAME)
        self.edit("train.py", "episodes: int = 3_000", "episodes: int = 40")
        self.edit("train.py", "    trials: int", "    units: int = 4\n    trials: int")
        self.edit("variants.py", "TEST_EPISODES = 100", "TEST_EPISODES = 10")
        (self.folder / ".venv").mkdir()
        (self.folder / ".venv" / ".ready").touch()

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the experiment."""
        path = self.folder / "replications" / NAME / file
        assert old in path.read_text(), (file, old)
        path.write_text(path.read_text().replace(old, new))

    def run(self, *arguments: str, clock: Clock | None = None) -> int:
        """Run a Python command without make -> its exit status."""
        return forked(lambda: module(self.folder, list(arguments[1:])), clock or Clock(self.folder), self.log)

    def make(self, target: str, clock: Clock) -> int:
        """Run make; a kill kills everything that it started too -> its exit status."""
        python = f"{sys.executable} -S -E {self.client} {self.log.with_suffix('.socket')}"
        with self.log.open("a") as log:
            make = subprocess.Popen(
                ["make", target, f"PYTHON={python}"], cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        while make.poll() is None:
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                continue
            with connection:
                folder, arguments = json.loads(connection.makefile().readline())
                status = forked(lambda folder=folder, own=arguments: module(Path(folder), own[1:]), clock, self.log)
                if status < 0:
                    os.killpg(make.pid, signal.SIGKILL)
                else:
                    connection.sendall(json.dumps(status).encode())
        return make.wait()


def kill_pipelines(kills: int, rng: np.random.Generator, top: Path) -> Counter[str]:
    """Kill ``make figures`` after a change, look at what the steps make of it without make, then let make go on."""
    suite, base, other = Suite(top / "suite", top / "pipelines.log"), top / "base", top / "other"
    counts: Counter[str] = Counter()

    def bring(state: Path) -> None:
        shutil.rmtree(suite.folder, ignore_errors=True)
        shutil.copytree(state, suite.folder)

    def keep(state: Path) -> dict[str, Any]:
        shutil.copytree(suite.folder, state)
        return contents(suite.folder, "data/**/*", "data/**/.*", "figures/*", "figures/.*", "replications/**/*.md", "*.md")

    def finish() -> bool:
        """Let make go on, and do what it says."""
        if suite.make("figures", Clock(suite.folder)) == 0:
            return True
        counts["asked to train again"] += 1
        return suite.make(f"train-{NAME}", Clock(suite.folder)) == 0 and suite.make("figures", Clock(suite.folder)) == 0

    def replace_networks() -> None:
        shutil.copytree(other, suite.folder / "data" / NAME / "networks", dirs_exist_ok=True, copy_function=shutil.copy)

    suite.reset()
    shutil.copytree(suite.folder, base)
    changes: dict[str, tuple[Path, Callable[[], Any]]] = {
        "first training": (base, lambda: None),
        "other networks": (
            top / "first training",
            replace_networks,
        ),
        "test episodes": (top / "first training", lambda: suite.edit("variants.py", "EPISODES = 10", "EPISODES = 12")),
        "analysis": (top / "first training", lambda: suite.edit("analysis.py", "- by_trial.first()", "- 2 * by_trial.first()")),
        "figure": (top / "first training", lambda: suite.edit("figure.py", "alpha=0.3", "alpha=0.6")),
        "caption and claim": (top / "first training", lambda: suite.edit("variants.py", "above(0)", "above(0.1)")),
    }
    suite.run("-m", f"replications.{NAME}.train", "--all", "--episodes", "60", "--data", str(top / "other_data"))
    (top / "other_data" / NAME / "networks").rename(other)

    @functools.cache
    def whole(change: str) -> tuple[int, dict[str, Any]]:
        state, apply = changes[change]
        bring(state)
        apply()
        clock = Clock(suite.folder)
        if suite.make("figures", clock):
            sys.exit(f"WRONG: {change} does not run; {suite.log}")
        return clock.count, keep(top / change)

    def results(found: dict[str, Any]) -> dict[str, Any]:
        return {name: own for name, own in found.items() if "/results/" in name and name.endswith(".csv")}

    while counts["kills"] < kills:
        change = list(changes)[counts["pipelines"] % len(changes)]
        events, expected = whole(change)
        state, apply = changes[change]
        bring(state)
        before = results(contents(suite.folder, "data/**/*"))
        apply()
        clock = Clock(suite.folder, int(rng.integers(1, events + 1)), bool(rng.integers(2)))
        counts["kills"] += suite.make("figures", clock) == -signal.SIGKILL
        counts["pipelines"] += 1
        if rng.integers(2):
            if suite.run("-m", f"replications.{NAME}.analysis") == 0:
                found = results(contents(suite.folder, "data/**/*"))
                if found not in (before, results(expected)):
                    sys.exit(f"WRONG: {change}, killed, then analysed without make: a mixture in {suite.folder}")
                counts["analysed without make"] += 1
            else:
                counts["refused without make"] += 1
        if not finish():
            sys.exit(f"WRONG: {change}, killed: make cannot go on; {suite.log}")
        found = contents(suite.folder, "data/**/*", "data/**/.*", "figures/*", "figures/.*", "replications/**/*.md", "*.md")
        require_equal(found, expected, f"{change}, killed; {suite.folder}")
    return counts


@dataclass(frozen=True)
class Options:
    """How often to kill."""

    trainings: int = 50
    """Kills of trainings."""
    pipelines: int = 30
    """Kills of make."""
    seed: int = 0
    """Draws the moments."""


def main(options: Options) -> None:
    """Kill, go on, compare; stop at the first difference, and leave it to be looked at."""
    torch.set_num_threads(1)
    began, top = time.monotonic(), Path(tempfile.mkdtemp(prefix="faults_"))
    for what, kill, kills in (("trainings", kill_trainings, options.trainings), ("pipelines", kill_pipelines, options.pipelines)):
        counts = kill(kills, np.random.default_rng(options.seed), top)
        print(f"{what}: {', '.join(f'{count} {words}' for words, count in counts.items())}; none wrong")
    shutil.rmtree(top)
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(tyro.cli(Options))
