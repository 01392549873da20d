"""Parallel training with dask.distributed: on this machine, or on the workers of a scheduler.

A job is a batch, the smallest unit that trains by itself. Jobs write weights and checkpoints into
the data folder, which all machines share, and return little. A worker that dies is replaced, and
its job continues from the checkpoint.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from prefrontal.errors import UserError, check, check_count

MEMORY = "is there enough memory (ulimit -v)? --workers 1 needs least"

TOPIC = "prefrontal"
"""Topic under which workers report progress."""

STARTING_SECONDS = 60
"""Seconds allowed for a scheduler to answer."""

LOST_SECONDS = 120
"""Seconds for which all workers on this machine may be gone; one that was killed is replaced within
seconds, unless there is not enough memory."""

WORKING = {
    "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**30,
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
    "distributed.worker.profile.enabled": False,
}
"""Settings of workers. By default Dask's workers return freed memory at once and profile the job a
hundred times per second, which took up to half of the training time."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Machines on which trainings run in parallel."""

    workers: int | None = None
    """Processes on this machine; by default one per processor, but a single one for trainings that
    take seconds."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers train, such as tcp://host:8786; they must see the
    same data folder."""

    def __post_init__(self) -> None:
        if self.workers is not None:
            check_count("workers", self.workers)
        check(
            self.workers is None or self.scheduler is None,
            "workers",
            self.workers,
            "left out with --scheduler",
        )


@dataclass(frozen=True, kw_only=True)
class Processing:
    """How each of the trainings runs."""

    device: str = "cpu"
    """cpu or cuda."""
    threads: int = 1
    """CPU threads; more than one helps only from about 100 episodes per update."""
    compile: bool | None = None
    """Compile the inner loops; by default if training is long enough to benefit."""


class Distant(tqdm):
    """A progress bar in a worker, which reports progress to the scheduler instead of drawing
    itself."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Report progress."""
        from distributed import get_worker

        get_worker().log_event(TOPIC, {"job": self.job, "done": self.n})

    job = ""


def in_worker(function: Callable[..., Result], job: str, arguments: tuple[Any, ...]) -> Result:
    """Run a job in a worker."""
    return function(*arguments, type("Bar", (Distant,), {"job": job}))


@contextmanager
def client(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Connect to the given scheduler, or start one here with this number of workers."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    if scheduler is not None:
        try:
            # With the credentials in Dask's configuration, if any (CONTRIBUTING.md).
            found = Client(scheduler, timeout=STARTING_SECONDS, set_as_default=False)
        except OSError as error:
            raise UserError(
                f"scheduler {scheduler!r} does not answer; start one with `dask scheduler`"
            ) from error
        except (TypeError, RuntimeError) as error:
            raise UserError(
                f"scheduler {scheduler!r} asks for credentials; name the folder of its dask.yaml "
                "in DASK_CONFIG (CONTRIBUTING.md)"
            ) from error
        except ValueError as error:
            raise UserError(
                f"scheduler is {scheduler!r}; it must be an address such as "
                f"tcp://host:8786 ({error})"
            ) from error
        with found:
            yield found
        return
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(WORKING):
        try:
            here = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                # Anybody who can reach the port of an open scheduler can run code in its workers.
                protocol="tls://",
                security=Security.temporary(),
            )
        except (RuntimeError, OSError) as error:
            raise UserError(f"{workers} workers cannot start ({error}); {MEMORY}") from error
    with here, Client(here, set_as_default=False) as found:
        yield found


@dataclass(frozen=True)
class Job:
    """A training that runs by itself: a batch of networks, or several in succession.

    Attributes
    ----------
    label : str
        Name in messages.
    function : callable
        Takes ``arguments`` and the class of the progress bar; returns a result and the checkpoints
        that are no longer needed once all jobs are finished. A function of a module, so that
        workers can import it.
    arguments : tuple
    episodes : int
        Training episodes, for the progress bar.
    short : bool
        True if it takes less time than starting a process.
    """

    label: str
    function: Callable[..., tuple[Any, list[Path]]]
    arguments: tuple[Any, ...]
    episodes: int
    short: bool = False


def run_jobs(jobs: Sequence[Job], machines: Machines) -> list[Any]:
    """Run trainings in parallel and return their results, in order.

    Checkpoints of finished trainings are kept until all are finished, so that nothing is trained
    twice if the command is interrupted.

    Raises
    ------
    UserError
        Trainings failed; it names them. The others are finished first.
    """
    named = {job.label: job for job in jobs}
    check(len(named) == len(jobs), "jobs", [job.label for job in jobs], "labelled differently")
    short = all(job.short for job in jobs)
    count = min(len(jobs), machines.workers or (1 if short else os.cpu_count()) or 1)
    if machines.scheduler is None and count == 1:
        results, failed = one_by_one(named)
    else:
        results, failed = side_by_side(named, machines.scheduler, count)
    if failed:
        first = next(iter(failed.values()))
        if len(jobs) == 1:
            raise first
        which = "; ".join(f"{name}: {error}" for name, error in failed.items())
        others = ", the others are finished" if results else ""
        raise UserError(
            f"{len(failed)} of {len(jobs)} trainings failed{others}: {which}"
        ) from first
    for _, checkpoints in results.values():
        for checkpoint in checkpoints:
            checkpoint.unlink(missing_ok=True)
    return [results[job.label][0] for job in jobs]


Results = dict[str, tuple[Any, list[Path]]]


def one_by_one(jobs: Mapping[str, Job]) -> tuple[Results, dict[str, UserError]]:
    """Run jobs in this process; return results and errors, by label."""
    results: Results = {}
    failed: dict[str, UserError] = {}
    for name, job in jobs.items():
        try:
            results[name] = job.function(*job.arguments, tqdm)
        except UserError as error:
            failed[name] = error
    return results, failed


def side_by_side(
    jobs: Mapping[str, Job], scheduler: str | None, workers: int
) -> tuple[Results, dict[str, UserError]]:
    """Run jobs in the workers of a scheduler; return results and errors, by label."""
    from distributed import KilledWorker

    results: Results = {}
    failed: dict[str, UserError] = {}
    total = sum(job.episodes for job in jobs.values())
    with (
        client(scheduler, workers) as connection,
        tqdm(total=total, desc=f"{len(jobs)} trainings", unit="episode") as bar,
    ):
        tqdm.write(f"progress of every worker: {connection.dashboard_link}", file=sys.stderr)
        done: dict[str, int] = {}

        def receive(event: tuple[float, dict[str, Any]]) -> None:
            done[event[1]["job"]] = event[1]["done"]
            bar.update(sum(done.values()) - bar.n)

        connection.subscribe_topic(TOPIC, receive)
        futures = {
            connection.submit(in_worker, job.function, name, job.arguments, pure=False): name
            for name, job in jobs.items()
        }
        for future in finished(futures, connection, local=scheduler is None):
            name = futures[future]
            error = future.exception()
            if error is None:
                results[name] = future.result()
            elif isinstance(error, UserError):
                failed[name] = error
            elif isinstance(error, KilledWorker):
                failed[name] = UserError(f"its worker died repeatedly; {MEMORY}")
            else:
                raise error
        connection.unsubscribe_topic(TOPIC)
    return results, failed


def finished(futures: Iterable[Any], connection: Any, local: bool) -> Iterator[Any]:
    """Yield jobs as they finish; raise UserError if all workers on this machine are lost."""
    from distributed import wait

    pending, seen = set(futures), time.monotonic()
    while pending:
        try:
            with connection.as_current():
                done, pending = wait(pending, timeout=5, return_when="FIRST_COMPLETED")
        except TimeoutError:
            if not local or connection.scheduler_info()["workers"]:
                seen = time.monotonic()
            elif time.monotonic() - seen > LOST_SECONDS:
                raise UserError(f"all workers are lost; {MEMORY}") from None
            continue
        seen = time.monotonic()
        yield from done
