"""Tables of an experiment's results."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from prefrontal import experiments, files
from prefrontal.experiments import Experiment
from prefrontal.settings import Settings
from prefrontal.tables import storage
from prefrontal.tables.networks import descriptions


class Results:
    """Tables of an experiment's results by name, read on demand.

    Parameters
    ----------
    experiment : str
    data : Path
        Data folder.
    """

    def __init__(self, experiment: str, data: Path = files.DATA) -> None:
        self.experiment, self.data = experiment, data
        self.folder = files.experiment_folder(data, experiment) / "results"

    def __getitem__(self, name: str) -> pd.DataFrame:
        return storage.read(self.folder / f"{name}.csv")

    def __contains__(self, name: str) -> bool:
        return (self.folder / f"{name}.csv").exists()

    @property
    def claims(self) -> pd.DataFrame:
        """Claims of this experiment, with their verdicts."""
        return storage.read(self.folder / "claims.csv", "claims")

    @property
    def about(self) -> dict[str, Any]:
        """Provenance of the claims or, if there are none, of the networks or animals."""
        known = storage.manifest(self.folder.with_name("animals")) | storage.manifest(self.folder)
        return next((known[k] for k in ("claims.csv", *sorted(known)) if k in known), {})

    @cached_property
    def settings(self) -> dict[str, Settings[Any]]:
        """Settings of the networks by variant, for numbers in labels and schematics."""
        study = experiments.study(self.experiment)
        if not isinstance(study, Experiment):
            return {}
        task = type(study.settings.task)
        return {
            each.variant: Settings.from_dict(each.settings, task, each.path)
            for each in descriptions(self.data / self.experiment / "networks")
        }

    def of(self, experiment: str) -> Results:
        """Results of another experiment."""
        return Results(experiment, self.data)
