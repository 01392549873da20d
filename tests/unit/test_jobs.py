"""Trainings on a real cluster of two worker processes: the same bits as in one process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
import torch
from safetensors.torch import load_file

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.files import ROOT
from prefrontal.pipeline import commands
from prefrontal.pipeline.train import TrainingOptions, train_variants
from prefrontal.settings import NetworkSettings, Settings, TrainingSettings
from prefrontal.training import jobs, loop, sweep
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.jobs import Job, Machines
from replications.two_step.settings import TwoStep

TINY = ["--task.trials=4", "--network.units=4", "--training.episodes=30", "--networks=2"]
VARY = (
    "--vary task.steps_per_trial=2,3 training.learning_rate=7e-4,2e-3 --name both --curve-points 2"
)


def swept(folder: Path, *arguments: str) -> dict[str, bytes]:
    """Tables of a small sweep of two batches."""
    commands.sweep(["two_step", *VARY.split(), *TINY, "--out", str(folder), *arguments])
    tables = folder / "data" / "two_step" / "sweeps"
    return {name: (tables / name).read_bytes() for name in ("both.csv", "both_curves.csv")}


CREDENTIALS = [f"distributed.comm.tls.{name}" for name in ("ca-file", "client.cert", "client.key")]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a scheduler with two worker processes, which take seconds to start.

    Its credentials are in Dask's configuration, as CONTRIBUTING.md says.
    """
    with jobs.client(None, 2) as connection:
        security = connection.security
        values = security.tls_ca_file, security.tls_client_cert, security.tls_client_key
        with dask.config.set(dict(zip(CREDENTIALS, values, strict=True))):
            yield connection.scheduler.address


STRANGER = """
import sys
from distributed import Client
from prefrontal.errors import UserError
from prefrontal.training import jobs
jobs.STARTING_SECONDS = 2
address = sys.argv[1]
for each in (address, address.replace("tls://", "tcp://")):
    try:
        Client(each, timeout=2, set_as_default=False)
    except (OSError, TypeError, ValueError, RuntimeError):
        print("refused")
for each in (address, "tcp://127.0.0.1:9", "localhost"):
    try:
        with jobs.client(each, 1):
            pass
    except UserError as error:
        print(error)
"""
"""Connects without credentials, and to what is no scheduler, in a process of its own, where failed
clients do no harm."""


@pytest.mark.slow
def test_only_schedulers_with_credentials_are_connected_to(scheduler):
    assert scheduler.startswith("tls://127.0.0.1:")
    command = [sys.executable, "-c", STRANGER, scheduler]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["refused", "refused"], done.stderr
    assert "asks for credentials" in lines[2]
    assert lines[3].startswith("scheduler 'tcp://127.0.0.1:9' does not answer")
    assert lines[4].startswith("scheduler is 'localhost'; it must be an address such as tcp://")


@pytest.fixture(scope="module")
def in_one_process(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of the small sweep, from one process that was never interrupted."""
    return swept(tmp_path_factory.mktemp("one"), "--workers", "1")


@pytest.mark.slow
def test_a_cluster_gives_the_tables_of_one_process(tmp_path, scheduler, in_one_process):
    assert swept(tmp_path, "--scheduler", scheduler) == in_one_process


@pytest.mark.slow
def test_a_cluster_trains_the_networks_of_one_process(tmp_path, scheduler):
    experiment = experiments.get("two_step")
    small = {"task.trials": 4, "network.units": 4, "training.episodes": 30}
    variants = {name: experiment.variant(name).vary(small) for name in experiment.variants}
    for folder, machines in (("one", {"workers": 1}), ("two", {"scheduler": scheduler})):
        options = TrainingOptions(networks=2, **machines)
        train_variants(experiment, variants, options, tmp_path / folder)
    paths = list((tmp_path / "one").rglob("networks/*.safetensors"))
    assert len(paths) == 2 * len(variants)
    for path in paths:
        weights = load_file(path)
        other = load_file(tmp_path / "two" / "two_step" / "networks" / path.name)
        assert all(torch.equal(tensor, other[key]) for key, tensor in weights.items())


def settings_of(seed: int) -> Settings:
    return Settings(
        task=TwoStep(trials=3),
        network=NetworkSettings(units=4),
        training=TrainingSettings(episodes=6),
        seed=seed,
    )


def sum_of_weights(batch: NetworkBatch) -> str:
    return str(batch.flat.double().sum().item())


def die_once(folder: str, settings: Settings, progress: type) -> tuple[str, list[Path]]:
    """Train a batch whose worker is killed halfway, the first time.

    All workers keep freed memory.
    """
    assert int(os.environ["MALLOC_TRIM_THRESHOLD_"]) == 2**30
    batch = NetworkBatch([settings], compiled=False)
    flag = Path(folder) / f"died_{settings.seed}"
    checkpoint = Path(folder) / f"{settings.seed}.safetensors"
    loop.CHECKPOINT_SECONDS = 0
    if not flag.exists():
        flag.touch()
        update = NetworkBatch.update

        def dying(self):
            if self.done == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return update(self)

        NetworkBatch.update = dying  # type: ignore[method-assign]
    loop.train(batch, "dying", checkpoint, points=4, progress=progress)
    return sum_of_weights(batch), [checkpoint]


def train_alone(settings: Settings) -> str:
    """The same without a death."""
    batch = NetworkBatch([settings], compiled=False)
    while batch.progress < 1:
        batch.update()
    return sum_of_weights(batch)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_resumes(tmp_path):
    dying = [Job(str(seed), die_once, (str(tmp_path), settings_of(seed)), 6) for seed in range(2)]
    assert jobs.run_jobs(dying, Machines(workers=2)) == [
        train_alone(settings_of(seed)) for seed in range(2)
    ]
    assert len(list(tmp_path.glob("died_*"))) == 2
    assert not list(tmp_path.glob("*.safetensors")), "checkpoints go when all have finished"


def fail_on_odd(number: int, progress: type) -> tuple[int, list[Path]]:
    if number % 2:
        raise UserError(f"seed {number}: loss or weights not finite")
    return 10 * number, []


def numbered(*numbers: int) -> list[Job]:
    return [Job(f"job {number}", fail_on_odd, (number,), 1) for number in numbers]


@pytest.mark.parametrize("parallel", [False, True])
def test_failed_jobs_are_named_and_the_others_finish(parallel, scheduler):
    machines = Machines(scheduler=scheduler) if parallel else Machines(workers=1)
    message = (
        r"2 of 4 trainings failed, the others are finished: (?=.*job 1: seed 1)(?=.*job 3: seed 3)"
    )
    with pytest.raises(UserError, match=message):
        jobs.run_jobs(numbered(0, 1, 2, 3), machines)
    assert jobs.run_jobs(numbered(2), machines) == [20]


def keep_checkpoint(path: Path, progress: type) -> tuple[None, list[Path]]:
    path.touch()
    return None, [path]


def test_checkpoints_stay_until_all_jobs_have_finished(tmp_path):
    kept = Job("kept", keep_checkpoint, (tmp_path / "checkpoint",), 1)
    with pytest.raises(UserError, match="1 of 2 trainings failed"):
        jobs.run_jobs([kept, *numbered(1)], Machines(workers=1))
    assert (tmp_path / "checkpoint").exists()
    jobs.run_jobs([kept, *numbered(2)], Machines(workers=1))
    assert not (tmp_path / "checkpoint").exists()


def test_a_killed_command_trains_nothing_twice(tmp_path, monkeypatch, in_one_process):
    learn, trained = sweep.learn, []

    def interrupted(experiment, settings, varied, options, progress):
        if trained:
            raise KeyboardInterrupt
        trained.append(settings)
        return learn(experiment, settings, varied, options, progress)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sweep, "learn", interrupted)
        swept(tmp_path / "parts", "--workers", "1")
    updates = []
    update = NetworkBatch.update

    def counted(self):
        updates.append(self.shared.task.steps_per_trial)
        return update(self)

    monkeypatch.setattr(NetworkBatch, "update", counted)
    assert swept(tmp_path / "parts", "--workers", "1") == in_one_process
    assert len(set(updates)) == 1
    assert not list((tmp_path / "parts").rglob("checkpoints/*"))


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        ({"workers": 0}, "workers is 0; it must be at least 1"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "left out with --scheduler"),
    ],
)
def test_impossible_machines_are_refused(machines, message):
    with pytest.raises(UserError, match=message):
        Machines(**machines)


class WithoutWorkers:
    """Connection to a cluster whose workers are gone."""

    def scheduler_info(self) -> dict:
        return {"workers": {}}

    def as_current(self) -> contextlib.nullcontext:
        return contextlib.nullcontext()


def test_lost_workers_end_the_command(monkeypatch):
    """Under a memory limit workers may end without a word, and nobody replaces them."""

    def wait(*given, **options):
        raise TimeoutError

    monkeypatch.setattr("distributed.wait", wait)
    monkeypatch.setattr(jobs, "LOST_SECONDS", -1)
    with pytest.raises(UserError, match="all workers are lost; is there enough memory"):
        next(jobs.finished(["future"], WithoutWorkers(), local=True))


def test_workers_that_cannot_start_give_one_line(monkeypatch):
    def cluster(**options):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", cluster)
    message = r"2 workers cannot start \(Nanny failed to start\.\); is there enough memory"
    with pytest.raises(UserError, match=message), jobs.client(None, 2):
        pass
