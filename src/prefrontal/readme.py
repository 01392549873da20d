"""Fill the tables in the READMEs from results, so that no number is typed.

A README shows a table between two comment lines:

    <!-- begin: results/reward.csv by condition -->
    <!-- end -->

The path is relative to data/<experiment>/ (the README's folder). With ``by``, numbers are averaged over networks within groups
and shown as mean [lowest, highest]; without, the table is shown as it is. ``<!-- begin: claims -->`` shows the
claims, ``<!-- begin: claims rpe-input -->`` the rows of one claim in all experiments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tyro

from prefrontal import claims, paths, tables
from prefrontal.errors import UserError, run

BLOCK = re.compile(r"(<!-- begin: (?P<what>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(frame: pd.DataFrame) -> str:
    """Format a table of text as Markdown."""
    header = f"| {' | '.join(frame.columns)} |\n|{' --- |' * frame.shape[1]}\n"
    return header + "".join(f"| {' | '.join(map(str, row))} |\n" for row in frame.itertuples(index=False))


def group(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Average over networks: each number as mean [lowest, highest], or one number where all are the same."""
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
    counted = "animals" if "subject" in frame.columns else "networks"
    return grouped[numbers].agg(span).assign(**{counted: grouped.size()}).reset_index()


def table(what: str, data: Path, experiment: str | None) -> str:
    """Return the Markdown that belongs between a block's markers."""
    kind, _, claim = what.partition(" ")
    if kind == "claims":
        frame = claims.collect(data)
        by_experiment = pd.Series(True, frame.index) if experiment is None else frame["experiment"] == experiment
        own = frame[frame["claim"] == claim if claim else by_experiment]
        return f"{claims.score(own)}.\n\n{markdown(claims.readable(own))}"
    path, _, by = what.partition(" by ")
    frame = tables.read(data / (experiment or "") / path)
    frame = group(frame, [name.strip() for name in by.split(",")]) if by else frame
    return markdown(frame.map(lambda value: f"{value:.3g}" if isinstance(value, float) else value))


def fill(readme: Path, data: Path, experiment: str | None) -> None:
    """Rewrite the tables of one README; leave the file alone if nothing changed."""
    before = readme.read_text()
    try:
        after = BLOCK.sub(lambda m: f"{m[1]}\n{table(m['what'], data, experiment)}\n{m[3]}", before)
    except UserError as error:
        raise UserError(f"{readme}: {error}") from error
    if after != before:
        with paths.atomic(readme) as path:
            path.write_text(after)


@dataclass(frozen=True)
class Options:
    """Where results and READMEs are."""

    data: Path = paths.DATA
    """Data folder."""
    root: Path = paths.ROOT
    """Folder of README.md and replications/."""


def main(options: Options) -> None:
    """Fill all READMEs."""
    if (options.root / "README.md").exists():
        fill(options.root / "README.md", options.data, None)
    for readme in sorted(options.root.glob("replications/*/README.md")):
        fill(readme, options.data, readme.parent.name)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
