"""Run the steps of several experiments in parallel, and show their progress."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.pipeline import steps

PRELOADED = [
    "prefrontal.pipeline.steps",
    "prefrontal.publishing.plotting",
    "prefrontal.networks.load",
    "statsmodels.api",
]
"""Modules that all steps import; workers are forked from a process that has imported them once."""

SECONDS = {"record": 20.0, "analyse": 10.0, "draw": 3.0}
"""Expected duration of a step that was never timed."""


@dataclass
class Plan:
    """Steps to do for one experiment.

    Attributes
    ----------
    name : str
    needs : list of str
        Steps still to do, in order.
    after : set of str
        Experiments whose steps must be done before this one is analysed; recording needs only
        networks.
    why : str
        Why more than drawing has to be done.
    """

    name: str
    needs: list[str]
    after: set[str] = field(default_factory=set)
    why: str = ""


def plan(
    names: Sequence[str], data: Path, episodes: int | None = None, everything: bool = False
) -> list[Plan]:
    """Find the steps that experiments need."""
    plans, renewed = [], set[str]()
    for name in sorted(names, key=lambda name: (name not in experiments.names("record"), name)):
        needs, why = steps.due(name, data, episodes, everything, renewed)
        if "analyse" in needs:
            renewed.add(name)
        plans.append(Plan(name, needs, {*experiments.study(name).uses} & {*names}, why))
    return plans


def _quiet() -> None:
    """Show no progress bars in workers."""
    os.environ["TQDM_DISABLE"] = "1"


def _work(
    name: str, step: str, data: Path, figures: Path, episodes: int | None
) -> tuple[list[Path], float]:
    """Do one step in a worker -> figures that it made, seconds."""
    began = time.monotonic()
    made: list[Path] = []
    if step == "record":
        steps.record(name, data, episodes)
    elif step == "analyse":
        steps.analyse(name, data, episodes)
    else:
        made = steps.draw(name, data, figures)
    return made, time.monotonic() - began


def run(
    plans: Sequence[Plan],
    data: Path = files.DATA,
    figures: Path = files.FIGURES,
    episodes: int | None = None,
    workers: int | None = None,
) -> list[Path]:
    """Do the steps of experiments; results are made after those that they use.

    An error in one step stops the command once the running steps have ended; an interruption stops
    it at once. Finished steps are kept.

    Returns
    -------
    list of Path
        The figures.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    made: list[Path] = []
    expected = expected_seconds(plans, data)
    running: dict[Future[tuple[list[Path], float]], tuple[Plan, str]] = {}
    todo = {each.name: each for each in plans if each.needs}
    for each in plans:
        if each.why:
            print(f"{each.name}: {', '.join(each.needs)}, since {each.why}", file=sys.stderr)
    count = workers or os.cpu_count() or 1
    pool = ProcessPoolExecutor(count, context, _quiet)
    with pool, Overview(sum(expected.values())) as overview:
        try:
            while todo or running:
                busy = {each.name for each, _ in running.values()}
                ready = [
                    each
                    for each in todo.values()
                    if each.name not in busy
                    and (each.needs[0] == "record" or not each.after & todo.keys())
                ]
                ready.sort(key=lambda each: -sum(expected[each.name, step] for step in each.needs))
                for each in ready[: count - len(running)]:
                    step = each.needs[0]
                    running[pool.submit(_work, each.name, step, data, figures, episodes)] = (
                        each,
                        step,
                    )
                    overview.start(each.name, step, expected[each.name, step])
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                overview.show()
                for future in done:
                    each, step = running.pop(future)
                    images, _ = _result(future)
                    made += images
                    overview.finish(each.name, step)
                    each.needs.pop(0)
                    if not each.needs:
                        del todo[each.name]
        except BrokenProcessPool as error:
            raise UserError("a step's process was killed; is there enough memory?") from error
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return made


def _result(future: Future[tuple[list[Path], float]]) -> tuple[list[Path], float]:
    """Result of a step; an unexpected error shows the traceback of its worker."""
    try:
        return future.result()
    except (UserError, BrokenProcessPool):
        raise
    except Exception as error:
        if error.__cause__ is None:
            raise
        sys.exit(str(error.__cause__).strip('"\n'))


def expected_seconds(plans: Sequence[Plan], data: Path) -> dict[tuple[str, str], float]:
    """Duration of every step when the present results were made."""
    expected: dict[tuple[str, str], float] = {}
    for each in plans:
        measured = steps.read_inputs(files.experiment_folder(data, each.name) / "results").get(
            "seconds", {}
        )
        expected |= {
            (each.name, step): max(1.0, measured.get(step, SECONDS[step])) for step in each.needs
        }
    return expected


class Overview:
    """One line that shows running steps, progress, and remaining time."""

    def __init__(self, total: float) -> None:
        form = "{percentage:3.0f}%|{bar}| {elapsed} elapsed, {remaining} left{postfix}"
        self.bar = tqdm(
            total=total, bar_format=form, file=sys.stderr, dynamic_ncols=True, disable=None
        )
        self.steps: dict[tuple[str, str], tuple[float, float]] = {}
        self.finished = 0.0

    def __enter__(self) -> Overview:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def start(self, name: str, step: str, seconds: float) -> None:
        """Add a step that has started."""
        self.steps[name, step] = time.monotonic(), seconds

    def finish(self, name: str, step: str) -> None:
        """Remove a step that has finished."""
        began, seconds = self.steps.pop((name, step))
        self.finished += seconds
        tqdm.write(f"{name}: {step} done ({time.monotonic() - began:.0f} s)", file=sys.stderr)

    def show(self) -> None:
        """Draw the line."""
        now = time.monotonic()
        partial = [
            min(0.95, (now - began) / seconds) * seconds for began, seconds in self.steps.values()
        ]
        self.bar.n = self.finished + sum(partial)
        self.bar.set_postfix_str(
            ", ".join(f"{name}: {step}" for name, step in self.steps), refresh=False
        )
        self.bar.refresh()
