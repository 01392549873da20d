"""Tables of claims, experiments, variants and trainings, for READMEs and the site."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.publishing import claims
from prefrontal.tables import storage
from prefrontal.tables.networks import Description, descriptions

NETWORKS = ("networks", "variations")
"""Folders of an experiment that hold descriptions of networks."""


def markdown(frame: pd.DataFrame) -> str:
    """Write a table as Markdown: numbers to three digits, a dash where there is nothing."""

    def cell(value: Any) -> str:
        if pd.isna(value):
            return "—"
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    rows = [list(frame.columns), ["---"] * frame.shape[1]]
    rows += frame.map(cell).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def group(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Average over networks: numbers as mean [lowest, highest], or as one if all are the same."""
    missing = [name for name in by if name not in frame.columns]
    if missing:
        raise UserError(f"no column {missing[0]!r}; there are {', '.join(frame.columns)}")
    numbers = [n for n in frame.select_dtypes("number").columns if n not in (*by, "seed")]

    def span(values: pd.Series) -> str:
        if values.isna().all():
            return "—"
        never = f" ({values.isna().sum()} never)" if values.isna().any() else ""
        if values.min() == values.max():
            return f"{values.min():.4g}{never}"
        return f"{values.mean():.3g} [{values.min():.3g}, {values.max():.3g}]{never}"

    grouped = frame.groupby(list(by), sort=True)
    subjects = "animals" if "subject" in frame.columns else "networks"
    return grouped[numbers].agg(span).assign(**{subjects: grouped.size()}).reset_index()


def select(frame: pd.DataFrame, experiment: str, names: Sequence[str]) -> pd.DataFrame:
    """Rows of an experiment's claims, or of those named."""
    rows = frame[frame["experiment"] == experiment] if experiment else frame
    missing = set(names) - set(rows["claim"])
    if missing or rows.empty:
        wanted = f"claim {min(missing)!r}" if missing else f"claims of {experiment}"
        raise UserError(f"no {wanted} in the results; run the analysis first")
    return rows[rows["claim"].isin(names)] if names else rows


def overview(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per claim: the row that decides it, of how many, and both verdicts."""
    rows = claims.deciding_rows(frame)
    table = claims.readable(rows).rename(columns={"statement": "the row that decides"})
    return table.assign(rows=rows["rows"]).drop(columns=["variant", "n", "criterion"])


def score(frame: pd.DataFrame, experiment: str = "") -> str:
    """Counts of the claims that hold, of an experiment or of all, in words."""
    if not experiment:
        return claims.score(frame)
    scored = claims.scored_rows(frame, experiment)
    here = frame.loc[frame["experiment"] == experiment, "claim"].unique()
    shared = [name for name in here if name not in set(scored["claim"])]
    text = claims.score(scored) or "no claim is evaluated yet"
    return text + (f"; evaluated by several experiments: {', '.join(shared)}" if shared else "")


def experiments_map(frame: pd.DataFrame, base: str) -> pd.DataFrame:
    """List all experiments, by figure of the paper; links start from the path ``base``."""
    studies = [experiments.study(name) for name in experiments.names()]
    rows = []
    for study in sorted(studies, key=lambda study: (not study.figure, study.figure, study.name)):
        counts = claims.counts(claims.scored_rows(frame, study.name))
        rows.append(
            {
                "figure": study.figure or "beyond the paper",
                "experiment": f"[{study.name}]({base}{study.name})",
                "question": study.question,
                "reproduced": counts.get("reproduced", "—"),
                "agree": counts.get("agree", "—"),
                "extensions that hold": counts.get("extensions", "—"),
            }
        )
    return pd.DataFrame(rows)


def variants(experiment: str, data: Path) -> pd.DataFrame:
    """Describe the variants of an experiment.

    Returns
    -------
    DataFrame
        Columns variant, settings (that differ from the main variant's), networks (trained), and
        training (seconds on the clock per network, their mean).
    """
    study = experiments.get(experiment)
    trained: dict[str, list[float]] = {}
    for folder in NETWORKS:
        for each in descriptions(data / experiment / folder):
            trained.setdefault(each.variant, []).append(training_seconds(each))
    rows = []
    for name, changes in {**study.variants, **study.further_variants}.items():
        settings = [f"`{setting}` {json.dumps(value)}" for setting, value in changes.items()]
        seconds = trained.get(name, [])
        rows.append(
            {
                "variant": f"`{name}`",
                "settings": ", ".join(settings) or "as in [settings.py](settings.py)",
                "networks": len(seconds),
                "training (s per network)": f"{np.mean(seconds):,.0f}" if seconds else "—",
            }
        )
    return pd.DataFrame(rows)


def training_seconds(network: Description, measure: str = "training_seconds") -> float:
    """One network's share of the seconds that the training of its batch took."""
    try:
        return float(network.about[measure]) / int(network.about.get("networks_in_batch") or 1)
    except (KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"{network.path}: does not say how long training took ({why})") from error


def trainings(data: Path) -> pd.DataFrame:
    """Collect what trainings and sweeps took.

    Returns
    -------
    DataFrame
        Columns experiment, networks, hours (on the clock) and core_hours; NaN where a file does
        not say.
    """
    folders = sorted(path for path in data.glob("*") if path.is_dir())
    rows = [(folder.name, *row) for folder in folders for row in _trainings_of(folder)]
    if not rows:
        raise UserError(f"{data}: no trained networks")
    return pd.DataFrame(rows, columns=["experiment", "networks", "hours", "core_hours"])


def _trainings_of(folder: Path) -> Iterator[tuple[int, float, float]]:
    """Networks, hours and core hours of each training in an experiment's folder of data."""
    for name in NETWORKS:
        for each in descriptions(folder / name):
            core = np.nan
            if "processor_seconds" in each.about:
                core = training_seconds(each, "processor_seconds")
            yield 1, training_seconds(each) / 3600, core / 3600
    manifest = storage.manifest(folder / "sweeps")
    for path in sorted((folder / "sweeps").glob("*.csv")):
        if not path.stem.endswith("_curves"):
            about = manifest.get(path.name, {})
            hours, core = (about.get(k, np.nan) / 3600 for k in ("seconds", "processor_seconds"))
            yield len(storage.read(path)), hours, core
    universes = folder / "results" / "trainings.csv"  # of a multiverse, whose networks are not kept
    if universes.exists():
        frame = storage.read(universes, needs=("networks", "processor_hours"))
        for networks, core in zip(frame["networks"], frame["processor_hours"], strict=True):
            yield networks, np.nan, core


def compute(data: Path) -> pd.DataFrame:
    """Add up what all trainings and sweeps took, for each experiment and in all; in brackets, for
    how many networks the files say so, where not all do."""
    frame = trainings(data)

    def total(rows: pd.DataFrame, column: str) -> str:
        known = rows[rows[column].notna()]
        networks = known["networks"].sum()
        partial = networks < rows["networks"].sum()
        note = f" ({networks:,} networks)" if partial else ""
        return f"{known[column].sum():,.2f}{note}" if networks else "—"

    return pd.DataFrame(
        {
            "experiment": name,
            "networks": f"{rows['networks'].sum():,}",
            "hours on the clock": total(rows, "hours"),
            "core hours": total(rows, "core_hours"),
        }
        for name, rows in [*frame.groupby("experiment"), ("all", frame)]
    )
