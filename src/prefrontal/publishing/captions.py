"""Captions of figures: text in the folder that draws them, with numbers filled in from results.

replications/<name>/captions.md has a section per figure, headed by its name (``## fig5``). Braces
stand for numbers, so that none is typed, and ``[@daw2011]`` cites an entry of CITATION.cff:

    {twostep-rpe-mb}                  a claim: our mean [95 % interval over networks]
    {twostep-lags: common rewarded}   the same, where a claim has several measures
    {twostep-lags: common rewarded @ default_rpe}
                                      the same of networks of another variant than the first
    {published twostep-lags: common rewarded}
                                      the published value
    {reward.csv: share where seed < 4 and test == "drawn"}
                                      a column of a results file: mean [95 % interval over networks]
    {bandit/results/reward.csv: share}
                                      the same of another experiment
    {animals: species}                what the user said of the animals: file, species, source,
                                      licence, subjects
    {animals/lag_weights.csv: weight where lag == 1}
                                      a column of a table of the animals, wherever these are
    {networks} {test_episodes}        networks per claim, and episodes that each of them played

A number that is missing, or that has more than one row, is an error.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prefrontal.errors import UserError
from prefrontal.publishing import claims
from prefrontal.statistics import interval
from prefrontal.tables import storage

HEADING = re.compile(r"^## +(\S+) *$", re.MULTILINE)
NUMBER = re.compile(r"\{([^{}]+)\}")
CITATION = re.compile(r"\[@[^\]]+\]")
LITERAL = r"""("[^"]*"|'[^']*'|[\w.+-]+)"""
COMPARISON = re.compile(rf"(?:^|and )\s*(\w+)\s*([=!<>]=|[<>])\s*{LITERAL}\s*")
OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def natural(name: str) -> list[int | str]:
    """Sort key that puts fig10 after fig9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def read(root: Path) -> dict[str, tuple[str, str]]:
    """Read the captions of all experiments, numbers not yet filled in.

    Returns
    -------
    dict
        Figure -> experiment and text, in the order of the figures.

    Raises
    ------
    UserError
        A folder that draws figures has no captions.
    """
    captions: dict[str, tuple[str, str]] = {}
    for folder in sorted(path.parent for path in root.glob("replications/*/figure.py")):
        path = folder / "captions.md"
        if not path.exists():
            raise UserError(
                f"{path}: no such file; every folder with a figure.py needs one, "
                "with a section '## <figure>' each"
            )
        _, *sections = HEADING.split(path.read_text(encoding="utf-8"))
        for figure, text in zip(sections[::2], sections[1::2], strict=True):
            captions[figure] = (folder.name, text.strip())
    return dict(sorted(captions.items(), key=lambda item: natural(item[0])))


def citations(text: str) -> list[str]:
    """Keys that a text cites, in order, each once."""
    groups = CITATION.findall(text)
    return list(dict.fromkeys(key for group in groups for key in re.findall(r"@([\w-]+)", group)))


def fill(
    text: str,
    experiment: str,
    data: Path,
    about: Mapping[str, Any] | None = None,
    animals: Path | None = None,
) -> str:
    """Put numbers into the braces of a caption.

    Parameters
    ----------
    text : str
    experiment : str
        The numbers are those of its claims; of all claims if it has none.
    data : Path
        Data folder.
    about : mapping, optional
        The figure's provenance.
    animals : Path, optional
        Folder of the animals' tables; by default that of the experiment.

    Raises
    ------
    UserError
        A number is missing, or the braces do not name a single one.
    """
    animals = animals or data / experiment / "animals"

    @functools.cache
    def evaluated() -> pd.DataFrame:
        rows = claims.collect(data, experiment)
        return rows if len(rows) else claims.collect(data)

    def number(match: re.Match[str]) -> str:
        try:
            name = " ".join(match[1].split())
            if name.startswith("animals:"):
                return _stated(name.removeprefix("animals:").strip(), about or {})
            return _number(name, evaluated, experiment, data, animals)
        except UserError as error:
            raise UserError(f"{match[0]}: {error}") from error

    return NUMBER.sub(number, text)


def _stated(field: str, about: Mapping[str, Any]) -> str:
    """Return what the user said of the animals."""
    if field not in about:
        raise UserError(f"the figure does not say; it says {', '.join(about)}")
    return plain(str(about[field]))


MARKED = re.compile(r"[\\`*\[\]<>$~|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|(?<=www)\.")
"""Characters that Markdown or HTML would take for more than themselves."""


def plain(text: str) -> str:
    """Escape Markdown and HTML in what was not written as text, such as the name of a file."""
    return MARKED.sub(r"\\\g<0>", " ".join(text.split()))


def _number(
    name: str,
    evaluated: Callable[[], pd.DataFrame],
    experiment: str,
    data: Path,
    animals: Path,
) -> str:
    """Write the number that braces name; only some ask for the claims."""
    folder = data / experiment / "results"
    if name == "test_episodes":
        return _text(storage.manifest(folder).get("claims.csv", {}).get(name, np.nan))
    if name == "networks":
        counts = evaluated()["n_networks"].unique()
        if len(counts) > 1:
            known = ", ".join(map(str, sorted(counts)))
            raise UserError(f"claims are about {known} networks; say which in words")
        return _text(*counts)
    source, _, rest = (part.strip() for part in name.partition(":"))
    if source.endswith(".csv"):
        column, _, where = (part.strip() for part in rest.partition(" where "))
        if source.startswith("animals/"):
            path = animals / source.removeprefix("animals/")
            return _column(path, column, where, "undetermined")
        return _column((data if "/" in source else folder) / source, column, where)
    measure, _, variant = (part.strip() for part in rest.partition(" @ "))
    row = claims.find(evaluated(), source.removeprefix("published "), measure, variant)
    if source.startswith("published "):
        return _text(row["published"])
    return _text(row["reproduced"], row["ci_low"], row["ci_high"])


def select(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Rows that fulfil all comparisons, such as ``lag == 1 and task == "drawn"``; all for none."""
    if COMPARISON.sub("", where):
        raise UserError(
            f"{where!r} is not of the form: column == value and column <= value and ..."
        )
    for column, compare, text in COMPARISON.findall(where):
        if column not in frame.columns:
            raise UserError(f"no column {column!r}; there are {', '.join(frame.columns)}")
        try:
            frame = frame[OPERATORS[compare](frame[column], ast.literal_eval(text))]
        except (ValueError, SyntaxError, TypeError) as error:
            raise UserError(
                f"{column} cannot be compared with {text}; words stand in quotation marks"
            ) from error
    return frame


def _column(path: Path, column: str, where: str, missing: str = "") -> str:
    """Write the mean of a column with its interval over networks.

    The rows of one network are averaged first. With ``missing``, subjects without a number are left
    out, and this word is written if there are no others.
    """
    try:
        rows = select(storage.read(path, needs=(column,)), where)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error
    if not missing and rows[column].isna().any():
        raise UserError(
            f"{path.name}: {column} is missing for some networks; say which rows are meant"
        )
    values = rows.groupby("seed")[column].mean() if "seed" in rows else rows[column]
    if missing:
        values = values.dropna()
        if values.empty:
            return missing
    return _text(values.iloc[0]) if len(values) == 1 else _text(*interval(values))


def _text(mean: float, *spread: float) -> str:
    """Write a number, with its interval if there is one, to three significant digits."""
    if not np.isfinite([mean, *spread]).all():
        raise UserError(
            "this number is missing in the results; run the recording and the analysis again"
        )
    texts = [f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}" for x in (mean, *spread)]
    mean_text, *ends = (text.replace("-", "−") for text in texts)
    return f"{mean_text} [{ends[0]}, {ends[1]}]" if ends and ends[0] != ends[1] else mean_text
