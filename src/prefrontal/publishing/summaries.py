"""Tables of claims, experiments, variants and trainings, for READMEs and the site."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.publishing import claims, evidence
from prefrontal.tables import storage
from prefrontal.tables.networks import Description, descriptions
from prefrontal.tables.schema import SUBJECT

STATUS = {"reproduced": "reproduced", "agree": "agree", "extensions": "extensions hold"}
"""Words for the counts in the table of experiments."""

NETWORKS = ("networks", "variations")
"""Folders of an experiment that hold descriptions of networks."""


def digits(number: float) -> str:
    """Write a number to three significant digits, large ones to whole numbers."""
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.3g}"


def markdown(value: Any) -> Any:
    """Write a table as Markdown, with numbers to three digits; return anything else unchanged."""

    def cell(entry: Any) -> str:
        if pd.isna(entry):
            return "—"
        return (
            digits(entry) if isinstance(entry, float) else re.sub(r"(?<!\\)\|", r"\|", str(entry))
        )

    if not isinstance(value, pd.DataFrame):
        return value
    rows = [list(value.columns), ["---"] * value.shape[1], *value.map(cell).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def group(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Average over networks: numbers as mean [lowest, highest], or a single number if all are the
    same."""
    for name in by:
        if name not in frame:
            raise UserError(f"no column {name!r}; there are {', '.join(frame.columns)}")
    keys = {*by, *SUBJECT, "seed"}  # sweeps tell networks apart by their seed
    numbers = [name for name in frame.select_dtypes("number").columns if name not in keys]

    def span(values: pd.Series) -> str:
        if values.isna().all():
            return "—"
        never = f" ({values.isna().sum()} never)" if values.isna().any() else ""
        if values.min() == values.max():
            return f"{values.min():.4g}{never}"
        mean, low, high = map(digits, (values.mean(), values.min(), values.max()))
        return f"{mean} [{low}, {high}]{never}"

    grouped = frame.groupby(list(by), sort=True)
    named = "subject" in frame.columns and not pd.api.types.is_numeric_dtype(frame["subject"])
    sizes = {"animals" if named else "networks": grouped.size()}
    return grouped[numbers].agg(span).assign(**sizes).reset_index()


def networks(folder: Path) -> list[Description]:
    """Read the descriptions of all networks in an experiment's folder of data."""
    return [each for name in NETWORKS for each in descriptions(folder / name)]


def training_seconds(network: Description, measure: str = "training_seconds") -> float:
    """Training time of one network in seconds, its share of the batch's time; NaN if unknown."""
    seconds = np.array(network.about.get(measure), dtype=float)
    return float(seconds) / (network.about.get("networks_in_batch") or 1)


def _trainings(folder: Path) -> Iterator[tuple[Any, ...]]:
    """Networks, wall-clock seconds and processor seconds of each training of an experiment."""
    for each in networks(folder):
        yield 1, training_seconds(each), training_seconds(each, "processor_seconds")
    for name, about in storage.manifest(folder / "sweeps").items():
        if not name.endswith("_curves.csv"):
            size = len(storage.read(folder / "sweeps" / name))
            yield size, about.get("seconds"), about.get("processor_seconds")
    larger = storage.manifest(folder / "results").get("fresh.csv", {})  # networks are not kept
    for about in larger.get("variants", {}).values():
        yield about["networks"], about["training_seconds"], about["processor_seconds"]
    universes = (
        folder / "results" / "trainings.csv"
    )  # for a multiverse, whose networks are not kept
    if universes.exists():
        frame = storage.read(universes, needs=("networks", "processor_hours"))
        for size, core in zip(frame["networks"], frame["processor_hours"] * 3600, strict=True):
            yield size, None, core


class Tables:
    """Tables for templates.

    Parameters
    ----------
    data : Path
        Data folder.
    animals : Path, optional
        Folder of the tables ``animals/...``; by default that of the experiment.
    """

    def __init__(self, data: Path, animals: Path | None = None) -> None:
        self._data, self._animals = data, animals

    @cached_property
    def _claims(self) -> pd.DataFrame:
        return claims.collect(self._data)

    @cached_property
    def _claims_of_suite(self) -> pd.DataFrame:
        return self._claims[self._claims["experiment"].isin(experiments.suite())]

    @cached_property
    def _positions(self) -> pd.Series:
        return evidence.positions(evidence.collect(self._data))

    def table(self, experiment: str, name: str, by: Sequence[str] = ()) -> pd.DataFrame:
        """Read a table of results, such as "lag_weights", or another with its folder, such as
        "sweeps/rates"; averaged over networks if there are columns to group ``by``."""
        folder, _, table = name.rpartition("/")
        path = self._data / experiment / (folder or "results")
        if folder == "animals" and self._animals:
            path = self._animals
        frame = storage.read(path / f"{table}.csv")
        return group(frame, by) if by else frame

    def score(self, experiment: str = "") -> str:
        """Counts of the claims that hold, of an experiment or of the suite, in words."""
        if not experiment:
            return claims.score(self._claims_of_suite)
        frame = self._claims
        scored = claims.scored_rows(frame, experiment)
        here = frame.loc[frame["experiment"] == experiment, "claim"].unique()
        shared = ", ".join(name for name in here if name not in set(scored["claim"]))
        text = claims.score(scored) or "no claim is evaluated yet"
        return text + (f"; evaluated by several experiments: {shared}" if shared else "")

    def claims(self, experiment: str = "", *names: str, every: bool = False) -> pd.DataFrame:
        """Claims of an experiment or of the suite, or those named: the row that decides each, or
        ``every`` row."""
        frame = self._claims
        rows = frame[frame["experiment"] == experiment] if experiment else self._claims_of_suite
        missing = set(names) - set(rows["claim"])
        if missing or rows.empty:
            wanted = f"claim {min(missing)!r}" if missing else f"claims of {experiment}"
            raise UserError(f"no {wanted} in the results; run the analysis first")
        rows = rows[rows["claim"].isin(names)] if names else rows
        if every:
            keys = pd.MultiIndex.from_frame(rows[["experiment", *claims.KEY]])
            found = self._positions.reindex(keys, fill_value="—")
            table = claims.readable(rows)
            place = list(table).index("agrees?") + 1
            table.insert(place, "published value in", found.to_numpy())
            return table
        return claims.short(claims.deciding_rows(rows))

    def experiments(self, base: str = "", beyond: bool | None = None) -> pd.DataFrame:
        """Experiments of the suite by figure of the paper; links start from the path ``base``.

        All, or only those ``beyond`` the paper, or only the others.
        """
        studies = [experiments.study(name) for name in experiments.suite()]
        rows = []
        for study in sorted(studies, key=lambda each: (not each.figure, each.figure, each.name)):
            counts = claims.counts(claims.scored_rows(self._claims_of_suite, study.name))
            words = STATUS | ({} if study.figure else {"extensions": "hold"})
            rows.append(
                {
                    "figure": study.figure or "beyond",
                    "question": study.question,
                    "folder": f"[{study.name}]({base}{study.name})",
                    "status": "; ".join(f"{count} {words[name]}" for name, count in counts.items())
                    or "no criterion",
                }
            )
        frame = pd.DataFrame(rows)
        if beyond is None:
            return frame
        chosen = frame[(frame["figure"] == "beyond") == beyond]
        return chosen.drop(columns="figure") if beyond else chosen

    def variants(self, experiment: str) -> pd.DataFrame:
        """Variants: settings that differ from the main one, trained networks, mean wall-clock
        seconds of training per network."""
        study = experiments.get(experiment)
        main, trained = study.variant(), networks(self._data / experiment)
        rows = []
        for name in (*study.variants, *study.further_variants):
            here = study.variant(name)
            changes = {setting: value for setting, (_, value) in main.differences(here).items()}
            changes |= {} if here.seed == main.seed else {"seed": here.seed}
            settings = [f"`{setting}` {json.dumps(value)}" for setting, value in changes.items()]
            seconds = [training_seconds(each) for each in trained if each.variant == name]
            rows.append(
                {
                    "variant": f"`{name}`",
                    "settings": ", ".join(settings) or "main variant",
                    "networks": len(seconds),
                    "training (s per network)": f"{np.mean(seconds):,.0f}" if seconds else "—",
                }
            )
        return pd.DataFrame(rows)

    def evidence(self) -> pd.DataFrame:
        """Effect sizes, tests and power of all rows of the suite's claims."""
        frame = evidence.collect(self._data, experiments.suite())
        return frame[["experiment", *claims.KEY, *evidence.COLUMNS, "holm"]]

    def evidence_summary(self) -> str:
        """Summary of how many criteria of the suite hold and published values agree."""
        return evidence.overview(self._data, experiments.suite())

    def compute(self) -> pd.DataFrame:
        """Total cost of the suite's trainings and sweeps; in brackets the number of networks with
        known cost, if not all."""
        suite = experiments.suite()
        rows = [(name, *row) for name in suite for row in _trainings(self._data / name)]
        frame = pd.DataFrame(rows, columns=["experiment", "networks", "clock", "core"])

        def hours(rows: pd.DataFrame, column: str) -> str:
            known = rows[rows[column].notna()]
            count, every = known["networks"].sum(), rows["networks"].sum()
            note = "" if count == every else f" ({count:,} networks)"
            return f"{known[column].sum() / 3600:,.2f}{note}" if count else "—"

        return pd.DataFrame(
            {
                "experiment": name,
                "networks": f"{rows['networks'].sum():,}",
                "hours on the clock": hours(rows, "clock"),
                "core hours": hours(rows, "core"),
            }
            for name, rows in [*frame.groupby("experiment"), ("all", frame)]
        )
