"""Trained networks of an experiment, by variant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.experiments import Experiment
from prefrontal.networks.build import agent_of
from prefrontal.networks.fetch import fetch
from prefrontal.networks.files import load
from prefrontal.networks.record import Trained
from prefrontal.settings import Settings
from prefrontal.tables.networks import descriptions
from prefrontal.tables.storage import provenance


class Networks:
    """Trained networks of an experiment, read on demand.

    Parameters
    ----------
    experiment : Experiment
    data : Path
        Data folder.
    seeds : sequence of int, optional
        Read only these networks; by default all.

    Attributes
    ----------
    variants : list of str
        Variants to record that have networks.
    missing : list of str
        Variants to record that have none.
    used : list of Settings
        Settings of the networks read so far.
    """

    def __init__(
        self,
        experiment: Experiment[Any],
        data: Path = files.DATA,
        seeds: Sequence[int] | None = None,
    ) -> None:
        self.experiment, self.data, self.seeds = experiment, data, seeds
        trained = {each.variant for each in descriptions(data / experiment.name / "networks")}
        asked = experiment.variants if experiment.recorded is None else experiment.recorded
        self.variants = [name for name in asked if name in trained]
        self.missing = [name for name in asked if name not in trained]
        self.used: list[Settings[Any]] = []

    def __call__(self, variant: str, experiment: str = "", snapshot: int | None = None) -> Trained:
        """Read all networks of a variant.

        Parameters
        ----------
        variant : str
        experiment : str
            Another experiment, from which networks are read.
        snapshot : int, optional
            Networks after this number of training episodes.

        Raises
        ------
        UserError
            There are none, or not all; a file is missing or damaged; their settings differ in more
            than the seed, or differ from the experiment's present settings.
        """
        source = experiments.get(experiment) if experiment else self.experiment
        folder = files.experiment_folder(self.data, source.name, self.experiment.name) / "networks"
        of_suite = folder == files.DATA / source.name / "networks"
        if files.CHECKOUT is None and of_suite:
            fetch(source.name)
        if self.seeds is None:
            check_finished([variant], folder.with_name("checkpoints"))
        batch, network, flat = load(
            folder, type(source.settings.task), variant, snapshot, self.seeds
        )
        if of_suite and variant in source.variants:
            source.check_current(variant, batch[0], folder)
        self.used += batch
        return Trained(variant, batch, agent_of(network, flat, batch))

    def provenance(self) -> dict[str, Any]:
        """Provenance of tables made from the networks read so far."""
        return settings_provenance(self.used)


def settings_provenance(batch: Sequence[Settings[Any]]) -> dict[str, Any]:
    """Provenance of files made from networks with these settings."""
    text = "[" + ", ".join(each.json() for each in batch) + "]"
    return provenance(text, sorted({each.seed for each in batch}))


def checkpoints_of(variant: str, folder: Path) -> list[Path]:
    """Checkpoints of unfinished trainings of a variant."""
    return sorted(folder.glob(f"{variant}_{'[0-9a-f]' * 12}.safetensors"))


def check_finished(variants: Sequence[str], folder: Path) -> None:
    """Raise UserError if there is a checkpoint of an unfinished training of these variants."""
    for variant in variants:
        for path in checkpoints_of(variant, folder):
            raise UserError(
                f"{path}: the training of {variant!r} is not finished; run it again, or "
                "delete this file"
            )
