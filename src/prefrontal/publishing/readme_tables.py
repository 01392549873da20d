"""Fill the tables in the READMEs from results, so that no number is typed.

A README shows a table between two comment lines:

    <!-- begin: results/reward.csv by variant -->
    <!-- end -->

The path is relative to data/<experiment>/ (the README's folder). With ``by``, numbers are averaged over networks within groups
and shown as mean [lowest, highest]; without, the table is shown as it is. ``<!-- begin: claims -->`` shows an experiment's claims
row by row, and in the README of the repository one line per claim of all; ``<!-- begin: claims rpe-input -->`` the rows of one
claim in all experiments, ``<!-- begin: claims inner-policy, inner-minimal -->`` one line for each of several;
``<!-- begin: every claim -->`` all rows; ``<!-- begin: compute -->`` what every training took;
``<!-- begin: licences -->`` what is under which licence. The cards of trained networks
(data/<experiment>/networks/README.md) are written as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import tyro

from prefrontal import cards, files
from prefrontal.errors import UserError, check, run
from prefrontal.publishing import bibliography, claims
from prefrontal.tables import storage

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


def overview(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per claim: the row that decides it, of how many, and both verdicts."""
    decisive = claims.worst(frame)
    shown = claims.readable(decisive).rename(columns={"statement": "the row that decides"}).assign(rows=decisive["rows"])
    return shown.drop(columns=["variant", "n", "criterion"])


def table(what: str, data: Path, experiment: str | None) -> str:
    """Return the Markdown that belongs between a block's markers."""
    if what == "licences":
        shown = pd.DataFrame(bibliography.licences(files.ROOT))
        where = shown["paths"].map(lambda own: ", ".join(f"`{path}`" for path in own))
        return markdown(shown.assign(paths=where, licence=shown["licence"].replace("", bibliography.NONE)))
    if what == "compute":
        words, shown = cards.compute(data)
        return f"{words}\n\n{markdown(shown)}"
    kind, _, named = what.partition(" ")
    names = [name.strip() for name in named.split(",") if name.strip()]
    if kind in ("claims", "every"):
        frame = own = counted = claims.collect(data)
        if what == "claims" and experiment:
            own, counted = frame[frame["experiment"] == experiment], claims.counted(frame, experiment)
        elif kind == "claims" and names:
            own = counted = frame[frame["claim"].isin(names)]
        if own.empty or (kind == "claims" and not set(names) <= set(own["claim"])):
            raise UserError(f"{what}: no such claims in {data}; run the analysis first")
        brief = len(names) > 1 or (what == "claims" and experiment is None)
        shown = overview(own) if brief else claims.readable(own)
        apart = [name for name in own["claim"].unique() if name not in set(counted["claim"])]
        words = f" Not counted here, since several experiments evaluate_claim it: {', '.join(apart)}." if apart else ""
        return f"{claims.score(counted) or 'No claim is settled yet'}.{words}\n\n{markdown(shown)}"
    path, _, by = what.partition(" by ")
    shown = storage.read(data / (experiment or "") / path)
    shown = group(shown, [name.strip() for name in by.split(",")]) if by else shown
    return markdown(shown.map(cell))


def cell(value: Any) -> Any:
    """Write a table's entry: numbers to three digits, a dash where there is nothing."""
    if pd.isna(value):
        return "—"
    return f"{value:.3g}" if isinstance(value, float) else value


def fill(readme: Path, data: Path, experiment: str | None) -> None:
    """Rewrite the tables of one README."""
    before = readme.read_text()
    if before.count("<!-- begin: ") != len(BLOCK.findall(before)):
        raise UserError(f"{readme}: a table begins (<!-- begin: ... -->) that does not end (<!-- end -->)")
    try:
        after = BLOCK.sub(lambda m: f"{m[1]}\n{table(m['what'], data, experiment)}\n{m[3]}", before)
    except UserError as error:
        raise UserError(f"{readme}: {error}") from error
    files.write_text(readme, after)


@dataclass(frozen=True)
class Options:
    """Where results and READMEs are."""

    experiment: Annotated[str, tyro.conf.Positional] = ""
    """Fill the README of this one only."""
    data: Path = files.DATA
    """Data folder; its claims.md and compute.md are filled too."""
    root: Path = files.ROOT
    """Folder of README.md and replications/."""


def main(options: Options) -> None:
    """Fill all READMEs, or that of one experiment."""
    known = sorted(path.parent.name for path in options.root.glob("replications/*/README.md"))
    check(options.experiment in ("", *known), "experiment", options.experiment, " or ".join(known))
    for path in (options.root / "README.md", options.data / "claims.md", options.data / "compute.md"):
        if path.exists() and not options.experiment:
            fill(path, options.data, None)
    for name in [options.experiment] if options.experiment else known:
        fill(options.root / "replications" / name / "README.md", options.data, name)
        cards.write(name, options.data, options.root)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
