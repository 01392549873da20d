"""Tables of READMEs, filled from results, so that no number is typed.

A README shows a table between two comment lines:

    <!-- begin: results/reward.csv by variant -->
    <!-- end -->

The path is relative to data/<experiment>/ (the README's folder). With ``by``, numbers are averaged
over networks within groups and shown as mean [lowest, highest]; without, the table is shown as it
is. Further blocks are

    claims                          an experiment's claims row by row; in the README of the
                                    repository one line for each claim
    claims rpe-input                the rows of one claim in all experiments
    claims inner-policy, inner-minimal
                                    one line for each of several claims
    every claim                     all rows of all claims
    score                           counts of all claims, in words
    map                             all experiments, by figure of the paper, with their counts
    variants                        an experiment's variants, and what their training took
    compute                         what all trainings took
    evidence                        effect sizes, tests and power of all rows of all claims
    licences                        licences of the parts of the repository
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import tyro

from prefrontal import experiments, files
from prefrontal.errors import UserError, check
from prefrontal.publishing import bibliography, claims, evidence
from prefrontal.tables import storage
from prefrontal.tables.networks import Description, descriptions

BLOCK = re.compile(r"(<!-- begin: (?P<block>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)

NETWORKS = ("networks", "variations")
"""Folders of an experiment that hold descriptions of networks."""


def markdown(frame: pd.DataFrame) -> str:
    """Format a table of text as Markdown."""
    header = f"| {' | '.join(frame.columns)} |\n|{' --- |' * frame.shape[1]}\n"
    rows = frame.itertuples(index=False)
    return header + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)


def group(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
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

    grouped = frame.groupby(by, sort=True)
    subjects = "animals" if "subject" in frame.columns else "networks"
    return grouped[numbers].agg(span).assign(**{subjects: grouped.size()}).reset_index()


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
    about = storage.manifest(folder / "results").get("fresh.csv")
    if about:
        seconds = about["training_seconds"], about["processor_seconds"]
        yield about["networks"], seconds[0] / 3600, seconds[1] / 3600
    universes = folder / "results" / "trainings.csv"  # of a multiverse, whose networks are not kept
    if universes.exists():
        frame = storage.read(universes, needs=("networks", "processor_hours"))
        for networks, core in zip(frame["networks"], frame["processor_hours"], strict=True):
            yield networks, np.nan, core


def compute(data: Path) -> str:
    """Write what all trainings and sweeps took: totals, and a row for each experiment."""
    frame = trainings(data)

    def total(rows: pd.DataFrame, column: str) -> tuple[float, Any]:
        known = rows[rows[column].notna()]
        return known[column].sum(), known["networks"].sum()

    def cell(rows: pd.DataFrame, column: str) -> str:
        hours, networks = total(rows, column)
        if not networks:
            return "—"
        complete = networks == rows["networks"].sum()
        return f"{hours:,.2f}" if complete else f"{hours:,.2f} ({networks:,} networks)"

    by_experiment = [
        {
            "experiment": name,
            "networks": f"{rows['networks'].sum():,}",
            "hours on the clock": cell(rows, "hours"),
            "core hours": cell(rows, "core_hours"),
        }
        for name, rows in frame.groupby("experiment", sort=True)
    ]
    (core, n_core), (hours, n_hours) = total(frame, "core_hours"), total(frame, "hours")
    summary = (
        f"{frame['networks'].sum():,} networks. Core hours, where recorded: {core:,.1f} "
        f"({n_core:,} networks); hours on the clock, where recorded: {hours:,.1f} "
        f"({n_hours:,} networks)."
    )
    return f"{summary}\n\n{markdown(pd.DataFrame(by_experiment))}"


def experiments_map(data: Path, base: str) -> pd.DataFrame:
    """List all experiments, by figure of the paper; links start from the path ``base``."""
    frame = claims.collect(data)
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


def licences() -> pd.DataFrame:
    """Licences of the parts of the repository, as a table for people."""
    frame = pd.DataFrame(bibliography.licences(files.ROOT))
    paths = frame["paths"].map(lambda paths: ", ".join(f"`{path}`" for path in paths))
    return frame.assign(paths=paths, licence=frame["licence"].replace("", bibliography.NONE))


def overview(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per claim: the row that decides it, of how many, and both verdicts."""
    rows = claims.deciding_rows(frame)
    table = claims.readable(rows).rename(columns={"statement": "the row that decides"})
    return table.assign(rows=rows["rows"]).drop(columns=["variant", "n", "criterion"])


def claims_table(block: str, data: Path, experiment: str | None) -> str:
    """Write a block of claims: their score, and a row for each claim or for each measure."""
    kind, _, listed = block.partition(" ")
    names = [name.strip() for name in listed.split(",") if name.strip()]
    frame = rows = scored = claims.collect(data)
    if block == "claims" and experiment:
        rows = frame[frame["experiment"] == experiment]
        scored = claims.scored_rows(frame, experiment)
    elif kind == "claims" and names:
        rows = scored = frame[frame["claim"].isin(names)]
    if rows.empty or (kind == "claims" and not set(names) <= set(rows["claim"])):
        raise UserError(f"{block}: no such claims in {data}; run the analysis first")
    brief = len(names) > 1 or (block == "claims" and experiment is None)
    shared = [name for name in rows["claim"].unique() if name not in set(scored["claim"])]
    score = f"{claims.score(scored) or 'No claim is evaluated yet'}."
    if shared:
        score += f" Evaluated by several experiments, so not counted here: {', '.join(shared)}."
    return f"{score}\n\n{markdown(overview(rows) if brief else claims.readable(rows))}"


def table(block: str, data: Path, experiment: str | None, base: str = "replications/") -> str:
    """Write the Markdown that belongs between a block's markers."""
    if block == "score":
        return f"{claims.score(claims.collect(data))}."
    if block == "map":
        return markdown(experiments_map(data, base))
    if block == "licences":
        return markdown(licences())
    if block == "compute":
        return compute(data)
    if block == "evidence":
        summary, rows = evidence.overview(data)
        return f"{summary}\n\n{markdown(rows.map(cell))}"
    if block == "variants" and experiment:
        return markdown(variants(experiment, data))
    if block.partition(" ")[0] in ("claims", "every"):
        return claims_table(block, data, experiment)
    path, _, by = block.partition(" by ")
    frame = storage.read(data / (experiment or "") / path)
    frame = group(frame, [name.strip() for name in by.split(",")]) if by else frame
    return markdown(frame.map(cell))


def cell(value: Any) -> Any:
    """Write a table's entry: numbers to three digits, a dash where there is nothing."""
    if pd.isna(value):
        return "—"
    return f"{value:.3g}" if isinstance(value, float) else value


def fill(readme: Path, data: Path, experiment: str | None) -> None:
    """Rewrite the tables of one README."""
    before = readme.read_text(encoding="utf-8")
    if before.count("<!-- begin: ") != len(BLOCK.findall(before)):
        raise UserError(
            f"{readme}: a table begins (<!-- begin: ... -->) that does not end (<!-- end -->)"
        )
    base = "replications/" if (readme.parent / "replications").exists() else ""

    def filled(match: re.Match[str]) -> str:
        text = table(match["block"], data, experiment, base)
        gap = "\n" if "\n" in text else ""
        return f"{match[1]}{gap}{text}\n{match[3]}"

    try:
        after = BLOCK.sub(filled, before)
    except UserError as error:
        raise UserError(f"{readme}: {error}") from error
    files.write_text(readme, after)


@dataclass(frozen=True)
class Options:
    """Where results and READMEs are."""

    experiment: Annotated[str, tyro.conf.Positional] = ""
    """Fill the README of this one only."""
    data: Path = files.DATA
    """Data folder; its claims.md, compute.md and evidence.md are filled too."""
    root: Path = files.ROOT
    """Folder of README.md and replications/."""


def main(options: Options) -> None:
    """Fill the tables of all READMEs, or of that of one experiment."""
    known = sorted(path.parent.name for path in options.root.glob("replications/*/README.md"))
    check(options.experiment in ("", *known), "experiment", options.experiment, " or ".join(known))
    shared = [options.root / "README.md", options.root / "replications" / "README.md"]
    shared += [options.data / f"{name}.md" for name in ("claims", "compute", "evidence")]
    for path in shared:
        if path.exists() and not options.experiment:
            fill(path, options.data, None)
    for name in [options.experiment] if options.experiment else known:
        fill(options.root / "replications" / name / "README.md", options.data, name)
