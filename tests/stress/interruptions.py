"""Kill trainings and pipelines at random file events, resume them, and compare bit by bit.

python -m tests.stress.interruptions --trainings 50 --pipelines 30

A kill is SIGKILL at a file event of Python's (open, rename, remove, make a folder), drawn at
random from all those of an uninterrupted run; in every other case the file that was written last
is left half written. Trainings are of every core; pipelines are ``prefrontal run`` of a new
experiment whose networks, settings or analysis changed. Commands run in forks of this process,
which spares them the imports, and do their steps one by one in it.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
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

ROOT = Path(__file__).resolve().parents[2]

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
"""Python's names for what a kill may precede."""

KINDS = [
    *([f"--network.core={core}"] for core in ("lstm", "gru", "rnn", "attention")),
    *([f"--network.core={core}"] for core in ("memory_slots", "feedforward")),
    ["--network.input=rpe"],
    ["--training.rpe-noise=1"],
    ["--training.snapshots=2"],
    ["--training.episode-reset=immediate"],
]
TINY = ["--task.trials=6", "--training.unroll=9", "--network.units=3", "--training.episodes=4"]
TINY += ["--networks=2", "--workers=1", "--compile=False"]
"""Two unrolls per episode, so that a checkpoint may fall inside an episode."""

NAME = "my_task"

MADE = ("data/**/*", "data/**/.*", "figures/*", "figures/.*", "replications/**/*.md", "*.md")
"""What a pipeline writes, files half written too."""


@dataclass
class Clock:
    """Counts file events in a folder over processes, and kills the one that meets the event
    ``fatal``."""

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


def command(folder: Path, arguments: Sequence[str]) -> None:
    """Run ``prefrontal <arguments>`` with the code of a folder, not yet imported in any fork.

    Checkpoints are written at every update; steps run one by one in this process.
    """
    os.chdir(folder)
    sys.path[:0] = [str(folder / "src"), str(folder)]
    from prefrontal import cli
    from prefrontal.pipeline import orchestrate, steps
    from prefrontal.training import loop

    def run(plans: Any, data: Path, figures: Path, episodes: int | None = None) -> list[Path]:
        made: list[Path] = []
        for each in plans:
            for step in each.needs:
                if step == "draw":
                    made += steps.draw(each.name, data, figures)
                else:
                    getattr(steps, step)(each.name, data, episodes)
        return made

    loop.CHECKPOINT_SECONDS, orchestrate.run = 0, run  # type: ignore[assignment]
    cli.main(arguments)


def content(path: Path) -> Any:
    """Content of a file without the time that it took to make, and the mark of a recording."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    if path.suffix == ".json":
        about = json.loads(path.read_text())
        return {key: value for key, value in about.items() if not key.endswith("seconds")}
    return path.read_bytes()


def contents(folder: Path, *patterns: str) -> dict[str, Any]:
    """Content of every file in a folder, those half written too."""
    patterns = patterns or ("**/*", "**/.*")
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {str(path.relative_to(folder)): content(path) for path in paths}


def check_equal(found: dict[str, Any], expected: dict[str, Any], what: str) -> None:
    """Stop with the files that differ."""
    names = sorted(found.keys() | expected.keys())
    differ = [name for name in names if found.get(name) != expected.get(name)]
    if differ:
        sys.exit(f"WRONG: {what}: {', '.join(differ)}")


def kill_trainings(kills: int, rng: np.random.Generator, top: Path) -> Counter[str]:
    """Kill trainings of every kind, each once or twice, and resume them."""
    counts: Counter[str] = Counter()
    log = top / "trainings.log"

    def run(kind: list[str], folder: Path, clock: Clock) -> int:
        words = ["train", "two_step", *TINY, *kind, "--out", str(folder)]
        return forked(lambda: command(ROOT, words), clock, log)

    @functools.cache
    def whole(index: int) -> tuple[int, dict[str, Any]]:
        folder = top / f"whole_{index}"
        clock = Clock(folder)
        if run(KINDS[index], folder, clock):
            sys.exit(f"WRONG: {KINDS[index]} does not run; {log}")
        return clock.count, contents(folder)

    while counts["kills"] < kills:
        index = counts["trainings"] % len(KINDS)
        kind, folder = KINDS[index], top / f"training_{counts['trainings']}"
        events, expected = whole(index)
        for _ in range(min(rng.integers(1, 3), kills - counts["kills"])):
            clock = Clock(folder, int(rng.integers(1, events + 1)), bool(rng.integers(2)))
            status = run(kind, folder, clock)
            if status not in (0, -signal.SIGKILL):
                sys.exit(f"WRONG: {kind} cannot go on; {log}")
            counts["kills"] += status != 0
        if run(kind, folder, Clock(folder)):
            sys.exit(f"WRONG: {kind} cannot go on; {log}")
        check_equal(contents(folder), expected, f"training {' '.join(kind)}, killed; {folder}")
        counts["trainings"] += 1
        shutil.rmtree(folder)
    return counts


@dataclass
class Suite:
    """A suite with one small experiment."""

    folder: Path
    log: Path

    def write(self) -> None:
        """Write the suite, with settings that make everything small."""
        self.folder.mkdir()
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / "src", self.folder / "src", ignore=ignored)
        for name in ("pyproject.toml", "CITATION.cff"):
            shutil.copy(ROOT / name, self.folder)
        (self.folder / "replications").mkdir()
        (self.folder / "replications" / "__init__.py").touch()
        (self.folder / "README.md").write_text("<!-- {{ claims() }} --><!-- end -->\n")
        if self.run("new", NAME):
            sys.exit(f"WRONG: prefrontal new {NAME} does not run; {self.log}")
        self.edit("settings.py", "episodes=3_000", "episodes=40")
        self.edit("settings.py", "NetworkSettings(),", "NetworkSettings(units=4),")
        self.edit("experiment.py", "test_episodes=100", "networks=2,\n    test_episodes=10")

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the experiment."""
        path = self.folder / "replications" / NAME / file
        assert old in path.read_text(), (file, old)
        path.write_text(path.read_text().replace(old, new))

    def run(self, *arguments: str, clock: Clock | None = None) -> int:
        """Run a command -> its exit status."""
        clock = clock or Clock(self.folder)
        return forked(lambda: command(self.folder, arguments), clock, self.log)


def kill_pipelines(kills: int, rng: np.random.Generator, top: Path) -> Counter[str]:
    """Kill ``prefrontal run`` after a change, look at what single steps make of it, and resume."""
    suite, base, other = Suite(top / "suite", top / "pipelines.log"), top / "base", top / "other"
    counts: Counter[str] = Counter()

    def restore(state: Path) -> None:
        shutil.rmtree(suite.folder, ignore_errors=True)
        shutil.copytree(state, suite.folder)

    def finish() -> bool:
        """Run again, and do what it says."""
        if suite.run("run", NAME) == 0:
            return True
        counts["asked to train again"] += 1
        return suite.run("train", NAME, "--all") == 0 and suite.run("run", NAME) == 0

    def replace_networks() -> None:
        suite.edit("settings.py", "episodes=40", "episodes=60")
        networks = suite.folder / "data" / NAME / "networks"
        shutil.copytree(other, networks, dirs_exist_ok=True, copy_function=shutil.copy)

    suite.write()
    shutil.copytree(suite.folder, base)
    trained = top / "first training"
    changes: dict[str, tuple[Path, Callable[[], Any]]] = {
        "first training": (base, lambda: None),
        "other networks": (trained, replace_networks),
        "test episodes": (
            trained,
            lambda: suite.edit("experiment.py", "test_episodes=10", "test_episodes=12"),
        ),
        "analysis": (
            trained,
            lambda: suite.edit("analysis.py", "- by_trial.first()", "- 2 * by_trial.first()"),
        ),
        "figure": (trained, lambda: suite.edit("figure.py", "alpha=0.3", "alpha=0.6")),
        "caption and claim": (trained, lambda: suite.edit("claims.py", "above(0)", "above(0.1)")),
    }
    longer = ("--training.episodes", "60", "--out", str(top / "longer"))
    suite.run("train", NAME, "--all", *longer)
    (top / "longer" / "data" / NAME / "networks").rename(other)

    @functools.cache
    def whole(change: str) -> tuple[int, dict[str, Any]]:
        state, apply = changes[change]
        restore(state)
        apply()
        clock = Clock(suite.folder)
        if suite.run("run", NAME, clock=clock):
            sys.exit(f"WRONG: {change} does not run; {suite.log}")
        shutil.copytree(suite.folder, top / change)
        return clock.count, contents(suite.folder, *MADE)

    def results(found: dict[str, Any]) -> dict[str, Any]:
        tables = {name for name in found if "/results/" in name and name.endswith(".csv")}
        return {name: found[name] for name in tables}

    while counts["kills"] < kills:
        change = list(changes)[counts["pipelines"] % len(changes)]
        events, expected = whole(change)
        state, apply = changes[change]
        restore(state)
        before = results(contents(suite.folder, "data/**/*"))
        apply()
        clock = Clock(suite.folder, int(rng.integers(1, events + 1)), bool(rng.integers(2)))
        counts["kills"] += suite.run("run", NAME, clock=clock) == -signal.SIGKILL
        counts["pipelines"] += 1
        if rng.integers(2):
            if suite.run("analyse", NAME) == 0:
                found = results(contents(suite.folder, "data/**/*"))
                if found not in (before, results(expected)):
                    sys.exit(f"WRONG: {change}, killed, then analysed: a mix in {suite.folder}")
                counts["analysed alone"] += 1
            else:
                counts["refused to analyse alone"] += 1
        if not finish():
            sys.exit(f"WRONG: {change}, killed: cannot go on; {suite.log}")
        check_equal(contents(suite.folder, *MADE), expected, f"{change}, killed; {suite.folder}")
    return counts


@dataclass(frozen=True)
class Options:
    """How often to kill."""

    trainings: int = 50
    """Kills of trainings."""
    pipelines: int = 30
    """Kills of pipelines."""
    seed: int = 0
    """Draws the moments."""


def main(options: Options) -> None:
    """Kill, resume, compare; stop at the first difference, and leave it to be looked at."""
    torch.set_num_threads(1)
    began, top = time.monotonic(), Path(tempfile.mkdtemp(prefix="interruptions_"))
    every = {"trainings": kill_trainings, "pipelines": kill_pipelines}
    for what, kill in every.items():
        counts = kill(getattr(options, what), np.random.default_rng(options.seed), top)
        print(f"{what}: {', '.join(f'{n} {name}' for name, n in counts.items())}; none wrong")
    shutil.rmtree(top)
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(tyro.cli(Options))
