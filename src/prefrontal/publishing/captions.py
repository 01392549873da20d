"""Captions of figures: text written once, in the folder that draws them, with numbers filled in from results.

replications/<name>/captions.md has a section per figure, headed by its name (``## fig5``). Braces stand for numbers, so that none
is typed, and ``[@daw2011]`` cites an entry of CITATION.cff:

    {twostep-rpe-mb}                              a claim: our mean [95 % interval over networks]
    {twostep-lags: common rewarded}               the same, where a claim has several measures
    {twostep-lags: common rewarded @ default_rpe} the same of networks trained on another variant than the first
    {published twostep-lags: common rewarded}     the published value
    {reward.csv: share where seed < 4 and test == "drawn"}
                                                  a column of a results file: mean [95 % interval over networks]
    {bandit/results/reward.csv: share}            the same of another experiment
    {animals: species}                            what the user said of the animals: file, species, source, licence, subjects
    {animals/lag_weights.csv: weight where lag == 1}
                                                  the same of a table of the animals, wherever these are
    {networks} {test_episodes}                    networks per claim, and episodes that each of them played

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

from prefrontal.analysis.statistics import interval
from prefrontal.errors import UserError
from prefrontal.publishing import claims
from prefrontal.tables import storage

HEADING = re.compile(r"^## +(\S+) *$", re.MULTILINE)
NUMBER = re.compile(r"\{([^{}]+)\}")
CITATION = re.compile(r"\[@[^\]]+\]")
CONDITION = re.compile(r"""(?:^|and )\s*(\w+)\s*([=!<>]=|[<>])\s*("[^"]*"|'[^']*'|[\w.+-]+)\s*""")
OPERATORS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


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
    found: dict[str, tuple[str, str]] = {}
    for folder in sorted(path.parent for path in root.glob("replications/*/figure.py")):
        path = folder / "captions.md"
        if not path.exists():
            raise UserError(f"{path}: no such file; every folder with a figure.py needs one, with a section '## <figure>' each")
        _, *parts = HEADING.split(path.read_text())
        found |= {figure: (folder.name, text.strip()) for figure, text in zip(parts[::2], parts[1::2], strict=True)}
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def citations(text: str) -> list[str]:
    """Keys that a text cites, in order, each once."""
    return list(dict.fromkeys(key for group in CITATION.findall(text) for key in re.findall(r"@([\w-]+)", group)))


def fill(text: str, experiment: str, data: Path, about: Mapping[str, Any] | None = None, animals: Path | None = None) -> str:
    """Put the numbers of an experiment's results into the braces of a caption; those of all where it has no claims.

    ``about`` is the figure's provenance, ``animals`` the folder of the animals' tables, by default that of the experiment.
    """
    animals = animals or data / experiment / "animals"

    @functools.cache
    def settled() -> pd.DataFrame:
        own = claims.collect(data, experiment)
        return own if len(own) else claims.collect(data)

    def number(match: re.Match[str]) -> str:
        try:
            what = " ".join(match[1].split())
            if what.startswith("animals:"):
                return _said(what.removeprefix("animals:").strip(), about or {})
            return _number(what, settled, experiment, data, animals)
        except UserError as error:
            raise UserError(f"{match[0]}: {error}") from error

    return NUMBER.sub(number, text)


def _said(word: str, about: Mapping[str, Any]) -> str:
    """What the user said of the animals."""
    if word not in about:
        raise UserError(f"the figure does not say; it says {', '.join(about)}")
    return str(about[word])


def _number(what: str, settled: Callable[[], pd.DataFrame], experiment: str, data: Path, animals: Path) -> str:
    """Text of one number, from what the braces say; only some ask for the claims."""
    folder = data / experiment / "results"
    if what == "test_episodes":
        return _text(storage.manifest(folder).get("claims.csv", {}).get(what, np.nan))
    if what == "networks":
        counts = settled()["n_networks"].unique()
        if len(counts) > 1:
            raise UserError(f"claims are about {', '.join(map(str, sorted(counts)))} networks; say which in words")
        return _text(*counts)
    name, _, rest = (part.strip() for part in what.partition(":"))
    if name.endswith(".csv"):
        column, _, variants = (part.strip() for part in rest.partition(" where "))
        if name.startswith("animals/"):
            return _column(animals / name.removeprefix("animals/"), column, variants, "undetermined")
        return _column(data / name if "/" in name else folder / name, column, variants)
    measure, _, variant = (part.strip() for part in rest.partition(" @ "))
    row = claims.find(settled(), name.removeprefix("published "), measure, variant)
    if name.startswith("published "):
        return _text(row["published"])
    return _text(row["reproduced"], row["ci_low"], row["ci_high"])


def select(frame: pd.DataFrame, variants: str) -> pd.DataFrame:
    """Rows that fulfil all variants, such as ``lag == 1 and task == "drawn"``; those without variants are all."""
    parsed = CONDITION.findall(variants)
    if CONDITION.sub("", variants):
        raise UserError(f"{variants!r} is not of the form: column == literal and column <= literal and ...")
    for column, compare, text in parsed:
        if column not in frame.columns:
            raise UserError(f"no column {column!r}; there are {', '.join(frame.columns)}")
        try:
            frame = frame[OPERATORS[compare](frame[column], ast.literal_eval(text))]
        except (ValueError, SyntaxError, TypeError) as error:
            raise UserError(f"{column} cannot be compared with {text}; words stand in quotation marks") from error
    return frame


def _column(path: Path, column: str, variants: str, missing: str = "") -> str:
    """Mean of a column with its interval over networks; a network's rows are averaged first.

    Where ``missing`` says what stands for it, a number may be missing, and those of other subjects are averaged.
    """
    try:
        rows = select(storage.read(path, needs=(column,)), variants)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error
    if not missing and rows[column].isna().any():
        raise UserError(f"{path.name}: {column} is missing for some networks; say which rows are meant")
    values = rows.groupby("seed")[column].mean() if "seed" in rows else rows[column]
    if missing:
        values = values.dropna()
        if values.empty:
            return missing
    return _text(values.iloc[0]) if len(values) == 1 else _text(*interval(values))


def _text(mean: float, *spread: float) -> str:
    """Write a number, with its interval if there is one, to three significant digits."""
    if not np.isfinite([mean, *spread]).all():
        raise UserError("this number is missing in the results; run the recording and the analysis again")
    words = (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" for value in (mean, *spread))
    mean_text, *ends = (word.replace("-", "−") for word in words)
    return f"{mean_text} [{ends[0]}, {ends[1]}]" if ends and ends[0] != ends[1] else mean_text
