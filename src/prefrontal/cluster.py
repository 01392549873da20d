"""Many trainings at once, by dask.distributed: on the processors of this machine, or wherever a scheduler's workers are.

A job is a population, the smallest part that trains by itself. Jobs write weights and checkpoints into the data folder, which all
machines share, and return little. A worker that dies is replaced, and its job goes on from the checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from tqdm import tqdm

from prefrontal.errors import UserError, require

TOPIC = "prefrontal"
"""Under which workers tell how far they are."""

STARTING_SECONDS = 60
"""How long a scheduler may take to answer."""

WORKING = {
    "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**30,
    "distributed.worker.profile.enabled": False,
}
"""Settings of workers. By Dask's own they return freed memory at once and look a hundred times per second what the job is at,
which took up to half of a training's time."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Where trainings run that can run side by side."""

    workers: int | None = None
    """Processes on this machine; by default one per processor, and one alone for trainings that are over in seconds."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers train, such as tcp://host:8786; they must see the same data folder."""

    def __post_init__(self) -> None:
        require(self.workers is None or self.workers >= 1, "workers", self.workers, "1 or more")
        require(self.workers is None or self.scheduler is None, "workers", self.workers, "left out beside --scheduler")


class Distant(tqdm):
    """A progress bar in a worker: instead of drawing itself, it tells the scheduler how far it is."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Tell how far it is."""
        from distributed import get_worker

        get_worker().log_event(TOPIC, {"job": self.job, "done": self.n})

    job = ""


def in_worker(function: Callable[..., Result], job: str, arguments: tuple[Any, ...]) -> Result:
    """Do a job in a worker."""
    return function(*arguments, type("Bar", (Distant,), {"job": job}))


@contextmanager
def client(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Connect to the scheduler that was asked for, or start one here with so many workers."""
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            found = Client(scheduler, timeout=STARTING_SECONDS, set_as_default=False)
        except OSError as error:
            raise UserError(f"scheduler {scheduler!r} does not answer; start one with `dask scheduler`") from error
        except ValueError as error:
            raise UserError(f"scheduler is {scheduler!r}; it must be an address such as tcp://host:8786 ({error})") from error
        with found:
            yield found
        return
    with dask.config.set(WORKING):
        here = LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit=0, dashboard_address="127.0.0.1:0")
    with here, Client(here, set_as_default=False) as found:
        yield found


def spread(
    function: Callable[..., Result], jobs: Mapping[str, tuple[Any, ...]], total: int, machines: Machines, short: bool = False
) -> list[Result]:
    """Do jobs side by side -> their results, in order.

    Parameters
    ----------
    function : callable
        Takes a job's arguments, and what makes its progress bar (``tqdm`` or alike).
    jobs : mapping
        Name -> arguments, which travel to the workers.
    total : int
        Episodes of all jobs, for the progress bar.
    machines : Machines
    short : bool
        Whether jobs are over sooner than processes would start: they then run here, unless workers are asked for.

    Raises
    ------
    UserError
        Jobs failed; it names them. The others are finished first.
    """
    count = min(len(jobs), machines.workers or (1 if short else os.cpu_count()) or 1)
    if machines.scheduler is None and count == 1:
        results, failed = one_by_one(function, jobs)
    else:
        results, failed = side_by_side(function, jobs, total, machines.scheduler, count)
    if failed:
        first = next(iter(failed.values()))
        if len(jobs) == 1:
            raise first
        words = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise UserError(f"{len(failed)} of {len(jobs)} trainings failed, the others are finished: {words}") from first
    return [results[name] for name in jobs]


def one_by_one(
    function: Callable[..., Result], jobs: Mapping[str, tuple[Any, ...]]
) -> tuple[dict[str, Result], dict[str, UserError]]:
    """Do jobs in this process -> results, and errors, by name."""
    results: dict[str, Result] = {}
    failed: dict[str, UserError] = {}
    for name, arguments in jobs.items():
        try:
            results[name] = function(*arguments, tqdm)
        except UserError as error:
            failed[name] = error
    return results, failed


def side_by_side(
    function: Callable[..., Result], jobs: Mapping[str, tuple[Any, ...]], total: int, scheduler: str | None, workers: int
) -> tuple[dict[str, Result], dict[str, UserError]]:
    """Do jobs in the workers of a scheduler -> results, and errors, by name."""
    from distributed import KilledWorker, as_completed

    results: dict[str, Result] = {}
    failed: dict[str, UserError] = {}
    with client(scheduler, workers) as connection, tqdm(total=total, desc=f"{len(jobs)} trainings", unit="episode") as bar:
        tqdm.write(f"progress of every worker: {connection.dashboard_link}")
        done: dict[str, int] = {}

        def told(event: tuple[float, dict[str, Any]]) -> None:
            done[event[1]["job"]] = event[1]["done"]
            bar.update(sum(done.values()) - bar.n)

        connection.subscribe_topic(TOPIC, told)
        futures = {connection.submit(in_worker, function, name, own, pure=False): name for name, own in jobs.items()}
        for future in as_completed(futures, loop=connection.loop):
            name = futures[future]
            error = future.exception()
            if error is None:
                results[name] = future.result()
            elif isinstance(error, UserError):
                failed[name] = error
            elif isinstance(error, KilledWorker):
                failed[name] = UserError("its worker died again and again; is there memory enough?")
            else:
                raise error
        connection.unsubscribe_topic(TOPIC)
    return results, failed
