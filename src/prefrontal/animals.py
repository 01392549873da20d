"""Trials of real subjects, from any CSV file, in the format of the networks' trials, for the same analyses.

python -m prefrontal.animals rats.csv --map choice=resp reward=rew subject=rat session=day --values choice=l:0,r:1
python -m prefrontal.animals --help
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from prefrontal import tables
from prefrontal.errors import UserError, require, run

Codes = Mapping[str, Mapping[str, Any]]
"""For a column, what each value in the file stands for: {"choice": {"l": 0, "r": 1}}."""


def parse_mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``choice=resp reward=rew``: our column = the file's column."""
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        require(bool(ours and equals and theirs), "map", pair, "<column>=<column of the file>, such as choice=resp")
    return dict(pair.split("=", 1) for pair in pairs)


def parse_values(rules: tuple[str, ...]) -> Codes:
    """Read ``choice=l:0,r:1``: our column = what its values in the file stand for."""
    codes: dict[str, dict[str, Any]] = {}
    for rule in rules:
        column, _, listed = rule.partition("=")
        pairs = [pair.partition(":")[::2] for pair in listed.split(",")]
        require(all(all(pair) for pair in pairs), "values", rule, "<column>=<in the file>:<meaning>,..., such as choice=l:0,r:1")
        codes[column] = dict(pairs)
    return codes


def _text(value: Any) -> str:
    """A value as the file shows it; whole numbers without a decimal point, missing values as "nan"."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value).strip()


@dataclass(frozen=True)
class _Sheet:
    """A table with what is needed to say where something in it is wrong."""

    path: Path
    frame: pd.DataFrame
    source: Mapping[str, str]

    def refuse(self, column: str, wrong: pd.Series, expected: str) -> None:
        """Raise UserError naming the first row that is wrong, if any is."""
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            theirs = self.source.get(column, column)
            value = _text(self.frame[column].iloc[row])
            raise UserError(f"{self.path}: column {theirs!r}, row {row + 1} (header not counted): {value!r} is not {expected}")

    def decode(self, column: str, meaning: Mapping[str, Any]) -> None:
        """Replace the values of a column by what they stand for."""
        text = self.frame[column].map(_text)
        self.refuse(column, ~text.isin(list(meaning)), f"one of {', '.join(meaning)}")
        self.frame[column] = text.map(meaning)

    def numbers(self, column: str) -> pd.Series:
        """Return a column as numbers, NaN where it holds none."""
        return pd.to_numeric(self.frame[column], errors="coerce").astype(float)


def _open(path: Path, mapping: Mapping[str, str]) -> _Sheet:
    """Read a file and rename its columns."""
    frame = tables.read(path)
    for ours, theirs in mapping.items():
        if theirs not in frame.columns:
            raise UserError(f"{path}: no column {theirs!r} for {ours!r}; there are {', '.join(map(str, frame.columns))}")
    renamed = frame[list(mapping.values())].set_axis(list(mapping), axis=1)
    frame = pd.concat([renamed, frame.drop(columns=[*mapping, *mapping.values()], errors="ignore")], axis=1)
    for ours in ("choice", "reward"):
        if ours not in frame.columns:
            columns = ", ".join(map(str, frame.columns))
            raise UserError(f"{path}: no column {ours!r}; say which it is by --map {ours}=<column>. There are {columns}")
    require(len(frame) > 0, str(path), "empty", "a table of trials")
    return _Sheet(path, frame, mapping)


def _check_outcomes(sheet: _Sheet) -> None:
    """Check choices and rewards, and make them numbers; a trial without valid choice needs no reward."""
    frame = sheet.frame
    choice, reward = sheet.numbers("choice"), sheet.numbers("reward")
    sheet.refuse(
        "choice", ~choice.isin([0, 1, -1]), "0 (left), 1 (right) or -1 (invalid); --values choice=<left>:0,<right>:1 maps others"
    )
    sheet.refuse("reward", ~np.isfinite(reward) & (choice >= 0), "a number")
    frame["choice"], frame["reward"] = choice.astype(int), reward.where(np.isfinite(reward), 0.0)
    if "forced" in frame.columns:
        words = frame["forced"].map(_text).str.lower()
        sheet.refuse("forced", ~words.isin(["true", "false", "1", "0"]), "true or false")
        frame["forced"] = words.isin(["true", "1"])


def _number(sheet: _Sheet) -> pd.DataFrame:
    """Turn subjects, sessions and trials into the numbers that the analyses use."""
    frame = sheet.frame
    for column in ("subject", "session", "condition"):
        if column in frame.columns:
            sheet.refuse(column, frame[column].isna(), "a name or number")
        else:
            frame[column] = "animals" if column == "condition" else "1"
        frame[column] = frame[column].map(_text)
    frame["seed"] = pd.factorize(frame["subject"])[0]
    frame["episode"] = frame.groupby("seed")["session"].transform(lambda names: pd.factorize(names)[0])
    session = ["seed", "episode"]
    if "trial" in frame.columns:
        frame["trial"] = sheet.numbers("trial")
        sheet.refuse("trial", frame["trial"].isna(), "a number")
        sheet.refuse("trial", frame.duplicated([*session, "trial"]), "new in this session of this subject")
    order = [*session, "trial"] if "trial" in frame.columns else session
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    frame["trial"] = frame.groupby(session).cumcount()
    return tables.leading(frame, *tables.KEYS, "subject", "session", "choice", "reward")


def read(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    values: Codes | None = None,
    words: Mapping[str, tuple[str, ...]] | None = None,
) -> pd.DataFrame:
    """Read a CSV file with a row per trial.

    Parameters
    ----------
    path : Path
    mapping : dict of str, optional
        Our column -> the file's, where the names differ. ``choice`` and ``reward`` must be there; ``subject``, ``session``,
        ``trial``, ``condition`` and ``forced`` (an instructed choice) have a meaning, all other columns are kept as they are.
    values : dict of dict, optional
        Our column -> what its values in the file stand for, such as {"choice": {"l": 0, "r": 1}}. All values must be listed.
    words : dict of tuple, optional
        Our column -> the words that it may hold.

    Returns
    -------
    DataFrame
        A trials table: ``subject`` and ``session`` as the file names them; beside them ``seed``, the subject's number, and
        ``episode``, the number of the session within the subject, both in order of appearance; ``trial`` counts from 0 in each
        session, in the order of the file's trial column, or of its rows.

    Raises
    ------
    UserError
        A column is missing, or a value is illegal; the message names the file, column and row.
    """
    sheet = _open(path, mapping or {})
    for column, meaning in (values or {}).items():
        require(column in sheet.frame.columns, "values", column, f"for a column: {', '.join(map(str, sheet.frame.columns))}")
        sheet.decode(column, meaning)
    _check_outcomes(sheet)
    for column, legal in (words or {}).items():
        if column in sheet.frame.columns:
            sheet.decode(column, {word: word for word in legal})
    return _number(sheet)


@dataclass(frozen=True)
class Options:
    """What to read."""

    file: tyro.conf.Positional[Path]
    """CSV file, a row per trial."""
    map: tuple[str, ...] = ()
    """Our column = the file's: choice=resp reward=rew subject=rat session=day trial=n condition=group forced=instructed."""
    values: tuple[str, ...] = ()
    """Our column = what its values in the file stand for: choice=l:0,r:1,none:-1."""
    out: Path = Path("trials.parquet")
    """Trials table to write, Parquet or CSV."""


def main(options: Options) -> None:
    """Read a file and write it as a trials table."""
    trials = read(options.file, parse_mapping(options.map), parse_values(options.values))
    about = tables.provenance(str(options), sorted(map(int, trials["seed"].unique()))) | {"source": options.file.name}
    tables.write(trials, options.out, "trials", about)
    print(f"{options.out}: {describe(trials)}")


def describe(trials: pd.DataFrame) -> str:
    """Say in a line what a trials table of animals holds."""
    sessions = len(trials[["seed", "episode"]].drop_duplicates())
    invalid = int((trials["choice"] < 0).sum())
    return f"{trials['seed'].nunique()} subjects, {sessions} sessions, {len(trials)} trials ({invalid} without a valid choice)"


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
