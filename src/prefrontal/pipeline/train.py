"""Train the networks of an experiment."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.errors import check, check_count
from prefrontal.experiments import Experiment
from prefrontal.settings import Settings
from prefrontal.training.batch import NetworkBatch, batches, check_memory, is_short, labels
from prefrontal.training.checkpoints import check_overwrite
from prefrontal.training.jobs import Job, Machines, Processing, run_jobs
from prefrontal.training.loop import Training, train_and_save, use


@dataclass(frozen=True, kw_only=True)
class Replicas(Machines):
    """Networks of a variant, and the machines that train them."""

    networks: int | None = None
    """Networks per variant, with seeds ``seed``, ``seed`` + 1, ...; by default those of the
    experiment."""
    overwrite: bool = False
    """Replace networks that were trained with other settings."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(Processing, Replicas):
    """How to train."""


def networks_folder(experiment: Experiment[Any], variant: str, data: Path) -> Path:
    """Folder of the networks of a variant."""
    return data / experiment.name / ("networks" if variant in experiment.variants else "variations")


def replicate(settings: Settings[Any], networks: int) -> list[Settings[Any]]:
    """Settings of networks with successive seeds."""
    return [dataclasses.replace(settings, seed=settings.seed + k) for k in range(networks)]


def train_batch(
    name: str,
    variant: str,
    settings: Sequence[Settings[Any]],
    options: TrainingOptions,
    data: Path,
    progress: type[tqdm] = tqdm,
    seeds: Sequence[int] = (),
) -> tuple[None, list[Path]]:
    """Train networks that make one batch and write them to data/<experiment>/networks.

    Seeds are those of all networks that the command trains; by default those of the batch.
    """
    experiment, training = experiments.get(name), experiments.module(name, "train").TRAINING
    check(isinstance(training, Training), f"{name}/train.py: TRAINING", training, "a Training")
    use(options.device, options.threads)
    batch = NetworkBatch(settings, options.device, options.compile)
    folder = networks_folder(experiment, variant, data)
    checkpoint = train_and_save(
        batch, name, variant, training, data / name, folder, progress, seeds
    )
    return None, [checkpoint]


def train_variants(
    experiment: Experiment[Any],
    variants: Mapping[str, Settings[Any]],
    options: TrainingOptions,
    data: Path = files.DATA,
) -> None:
    """Train networks of several variants.

    Parameters
    ----------
    experiment : Experiment
    variants : mapping
        Variant -> settings of its first network.
    options : TrainingOptions
    data : Path
        Data folder.
    """
    networks = experiment.networks if options.networks is None else options.networks
    check_count("networks", networks)
    use(options.device, options.threads)
    data, jobs = data.resolve(), []
    replicas = {}
    for variant, settings in variants.items():
        check_memory(settings, networks)
        replicas[variant] = replicate(settings, networks)

    def check_place() -> None:
        for variant, batch in replicas.items():
            if not options.overwrite:
                check_overwrite(batch, variant, networks_folder(experiment, variant, data))

    for variant, batch in replicas.items():
        seeds, groups = [each.seed for each in batch], batches(batch)
        for label, group in zip(labels(groups), groups, strict=True):
            arguments = (experiment.name, variant, group, options, data)
            jobs.append(
                Job(
                    f"{variant}, {label}",
                    functools.partial(train_batch, seeds=seeds),
                    arguments,
                    group[0].training.episodes,
                    is_short(group[0]),
                )
            )
    check_place()
    with ExitStack() as reservations:
        for variant, batch in replicas.items():
            mark = data / experiment.name / "checkpoints" / f".{variant}.lock"
            what = f"another command trains networks of {variant!r} with these seeds here"
            reservations.enter_context(files.reserved(mark, [each.seed for each in batch], what))
        check_place()  # check again: another command may have ended in the meantime
        run_jobs(jobs, options)
