"""Trainings on a real cluster of two worker processes: the same bits as in one process, whatever dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.training import jobs, loop, sweep
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.jobs import Machines

TINY = ("--trials", "4", "--units", "4", "--episodes", "30", "--seeds", "2")
VARY = ("--vary", "steps_per_trial=2,3", "learning_rate=7e-4,2e-3", "--name", "both", "--points", "2")


def swept(folder: Path, *arguments: str) -> dict[str, bytes]:
    """Tables of a small sweep of two batches."""
    sweep.main(["two_step", *VARY, *TINY, "--data", str(folder), *arguments])
    return {name: (folder / "two_step" / "sweeps" / name).read_bytes() for name in ("both.csv", "both_curves.csv")}


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a scheduler with two worker processes, which take seconds to start."""
    with jobs.client(None, 2) as connection:
        yield connection.scheduler.address


@pytest.fixture(scope="module")
def in_one_process(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of the small sweep, from one process that was left alone."""
    return swept(tmp_path_factory.mktemp("one"), "--workers", "1")


@pytest.mark.slow
def test_a_cluster_gives_the_same_tables_as_one_process(tmp_path, scheduler, in_one_process):
    assert swept(tmp_path, "--scheduler", scheduler) == in_one_process


@pytest.mark.slow
def test_a_cluster_trains_the_same_networks_as_one_process(tmp_path, scheduler):
    for folder, where in (("one", ("--workers", "1")), ("two", ("--scheduler", scheduler))):
        loop.train_experiment("two_step", ["--all", *TINY, "--data", str(tmp_path / folder), *where])
    found = {path.name: load_file(path) for path in (tmp_path / "one").rglob("networks/*.safetensors")}
    assert len(found) == 2 * len(experiments.trained("two_step"))
    for name, weights in found.items():
        other = load_file(tmp_path / "two" / "two_step" / "networks" / name)
        assert all(torch.equal(tensor, other[key]) for key, tensor in weights.items())


def die_once(folder: str, settings: dict, progress: type) -> str:
    """Train a batch whose worker is killed in the middle, the first time; all workers keep freed memory."""
    assert int(os.environ["MALLOC_TRIM_THRESHOLD_"]) == 2**30
    batch = NetworkBatch([loop.settings_of("two_step", None).read(settings, "test")], compiled=False)
    flag, checkpoint = Path(folder) / f"died_{batch.config.seed}", Path(folder) / f"{batch.config.seed}.safetensors"
    loop.CHECKPOINT_SECONDS = 0
    if not flag.exists():
        flag.touch()
        whole = NetworkBatch.update

        def dying(self):
            if self.done == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(self)

        NetworkBatch.update = dying  # type: ignore[method-assign]
    loop.train(batch, "dying", checkpoint, points=4, progress=progress)
    return str(batch.flat.double().sum().item())


def alone(config) -> str:
    """The same without a death."""
    batch = NetworkBatch([config], compiled=False)
    while batch.share < 1:
        batch.update()
    return str(batch.flat.double().sum().item())


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_its_training_goes_on(tmp_path):
    base = loop.settings_of("two_step", None).settings() | {"trials": 3, "units": 4, "episodes": 6}
    jobs = {str(seed): (str(tmp_path), base | {"seed": seed}) for seed in range(2)}
    found = jobs.spread(die_once, jobs, 12, Machines(workers=2))
    kind = type(loop.settings_of("two_step", None))
    assert found == [alone(kind(**(base | {"seed": seed}))) for seed in range(2)]
    assert len(list(tmp_path.glob("died_*"))) == 2


def fails_on_odd(number: int, progress: type) -> int:
    if number % 2:
        raise UserError(f"seed {number}: loss or weights not finite")
    return 10 * number


@pytest.mark.parametrize("together", [False, True])
def test_jobs_that_fail_are_named_and_the_others_finish(together, scheduler):
    jobs = {f"job {number}": (number,) for number in range(4)}
    machines = Machines(scheduler=scheduler) if together else Machines(workers=1)
    with pytest.raises(UserError, match=r"2 of 4 trainings failed, the others are finished: job 1: seed 1.*; job 3"):
        jobs.spread(fails_on_odd, jobs, 4, machines)
    assert jobs.spread(fails_on_odd, {"job 2": (2,)}, 1, machines) == [20]


def test_a_command_that_was_killed_trains_nothing_twice(tmp_path, monkeypatch, in_one_process):
    learn, trained = sweep.learn, []

    def cut(name, settings, varied, options, progress):
        if trained:
            raise KeyboardInterrupt
        trained.append(settings)
        return learn(name, settings, varied, options, progress)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sweep, "learn", cut)
        swept(tmp_path / "parts", "--workers", "1")
    updates = []
    update = NetworkBatch.update
    monkeypatch.setattr(NetworkBatch, "update", lambda self: updates.append(self.config.steps_per_trial) or update(self))
    assert swept(tmp_path / "parts", "--workers", "1") == in_one_process
    assert len(set(updates)) == 1
    assert not list((tmp_path / "parts").rglob("checkpoints/*"))


@pytest.mark.parametrize(
    ("machines", "words"),
    [
        ({"workers": 0}, "workers is 0; it must be 1 or more"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "left out beside --scheduler"),
    ],
)
def test_machines_that_cannot_be_are_refused(machines, words):
    with pytest.raises(UserError, match=words):
        Machines(**machines)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "STARTING_SECONDS", 1)
    with pytest.raises(UserError, match=r"scheduler 'tcp://127\.0\.0\.1:9' does not answer"):
        jobs.spread(fails_on_odd, {"job 0": (0,)}, 1, Machines(scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(UserError, match="scheduler is 'localhost'; it must be an address such as tcp://host:8786"):
        jobs.spread(fails_on_odd, {"job 0": (0,)}, 1, Machines(scheduler="localhost"))
