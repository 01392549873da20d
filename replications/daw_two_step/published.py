"""Statistics of people and monkeys on Daw's two-step task, from published data sets:

    python -m replications.daw_two_step.published [--people CLONE] [--monkeys CLONE]

Data are downloaded unless clones of their repositories are given. Statistics are written to
data/daw_two_step/animals and committed, so that results and figure can be made without the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tyro

from prefrontal import files
from prefrontal.animals import datasets
from prefrontal.tables import storage
from replications.daw_two_step import analysis
from replications.daw_two_step.settings import PEOPLE, PRIOR, SETTINGS


@dataclass(frozen=True)
class Options:
    """Compute the statistics of people and monkeys on Daw's two-step task."""

    people: Path | None = None
    """Clone of the repository of shahar_2019."""
    monkeys: Path | None = None
    """Clone of the repository of miranda_2026."""
    data: Path = files.DATA
    """Data folder to write to."""


def by_session(trials: pd.DataFrame) -> pd.DataFrame:
    """Make each session of a monkey a subject, under the monkey's name as variant."""
    return trials.assign(variant=trials["subject"], subject=trials["episode"], episode=0)


def main(options: Options) -> None:
    """Write the statistics."""
    people = datasets.load_data("shahar_2019", options.people).assign(variant=PEOPLE)
    monkeys = by_session(datasets.load_data("miranda_2026", options.monkeys))
    trials = pd.concat([people, monkeys], ignore_index=True)
    forced = trials[["forced", "forced2"]].astype("boolean").fillna(False).astype(bool)
    trials = trials.assign(**forced)
    used = [datasets.get(name) for name in ("shahar_2019", "miranda_2026")]
    about = {
        "data": [f"{each.repository}, commit {each.commit}" for each in used],
        "license": [each.license for each in used],
        "citation": [each.citation for each in used],
    }

    def write(name: str, table: pd.DataFrame) -> None:
        path = options.data / "daw_two_step" / "animals" / f"{name}.csv"
        storage.write(table.round(4), path, about=about)

    tables = analysis.behaviour(trials, PRIOR)
    tables["lag_weights"] = tables["lag_weights"].query("lag == 1")
    for name, table in tables.items():
        write(name, table)
    fitted = analysis.fits(trials, SETTINGS.task.common, starts=2, validate=False)
    write("fits", fitted.filter(regex="^(?!.*_error$)"))


if __name__ == "__main__":
    main(tyro.cli(Options))
