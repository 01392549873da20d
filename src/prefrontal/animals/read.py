"""Read trials of animals or people, from any table with one row per trial, into a trials table.

The analyses of the networks' trials then apply to them. ``prefrontal trials`` writes the table::

    prefrontal trials rats.csv --columns choice=resp reward=rew --recode choice=l:0,r:1
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from prefrontal import files
from prefrontal.errors import UserError, check
from prefrontal.tables import schema, storage

Recoding = Mapping[str, Mapping[str, Any]]
"""Column -> value in the file -> its meaning, such as {"choice": {"l": 0, "r": 1}}."""

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
"""Field separators of text files."""

NAMES = ("subject", "session", "variant", "block")
"""Columns that hold names, which are read as text: 007 is not 7."""

MISSING = ("", "NA", "NaN")
"""Texts for a missing value; messages and --recode call it "nan"."""


def _pairs(name: str, pairs: tuple[str, ...], form: str) -> dict[str, str]:
    """Split pairs ``a=b``; each ``a`` may be given once."""
    split: dict[str, str] = {}
    for pair in pairs:
        ours, _, theirs = pair.partition("=")
        check(bool(ours and theirs), name, pair, form)
        check(ours not in split, name, pair, f"given once for {ours!r}")
        split[ours] = theirs
    return split


def parse_columns(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``choice=resp reward=rew``: our column = the file's column."""
    return _pairs("columns", pairs, "<column>=<column of the file>, such as choice=resp")


def parse_recoding(rules: tuple[str, ...]) -> Recoding:
    """Read ``choice=l:0,r:1``: our column = meanings of its values in the file."""
    form = "<column>=<in the file>:<meaning>,..., such as choice=l:0,r:1, each value once"
    recoding: dict[str, dict[str, Any]] = {}
    for column, listed in _pairs("recode", rules, form).items():
        pairs = [pair.partition(":")[::2] for pair in listed.split(",")]
        recoding[column] = dict(pairs)
        legal = all(all(pair) for pair in pairs) and len(recoding[column]) == len(pairs)
        check(legal, "recode", f"{column}={listed}", form)
    return recoding


def _text(value: Any) -> str:
    """Value as text: whole numbers without decimal point, booleans as 1 or 0, missing "nan"."""
    if isinstance(value, str):
        value = value.strip()
        return "nan" if value in MISSING else value
    if value is None or value is pd.NA or value != value:
        return "nan"
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return (
        str(int(value))
        if isinstance(value, (float, np.floating)) and float(value).is_integer()
        else str(value)
    )


def _plain(text: str) -> str:
    """Whole number without its decimal point, 1 for 1.0; other text unchanged."""
    try:
        return str(int(float(text))) if float(text).is_integer() else text
    except ValueError:
        return text


def _inferred(column: pd.Series) -> pd.Series:
    """Turn a column of text into numbers if all of it is numeric; 007 is a name."""
    text = column.map(_text)
    if text.str.fullmatch(r"-?(0|[1-9]\d{0,17})").all():
        return text.astype("int64")
    decimal = text.str.fullmatch(r"nan|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?").all()
    return text.astype("float64") if decimal else column


def _check_unique(names: list[str], where: str) -> None:
    """Raise UserError if two columns have the same name."""
    doubled = [name for k, name in enumerate(names) if name in names[:k]]
    if doubled:
        raise UserError(f"{where}: column {doubled[0]!r} occurs twice in the header; rename one")


def _read_text(path: Path) -> pd.DataFrame:
    """Read a text file, all fields as text, and print the separator."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        header = text.lstrip("\n").partition("\n")[0]
        separator = max(SEPARATORS, key=header.count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a readable text file in UTF-8 ({error})") from error
    rows = [line for line in lines if line and line != [""]]
    check(len(rows) > 1, str(path), "empty", "a table of trials with the column names first")
    names = [name.strip() for name in rows[0]]
    _check_unique(names, str(path))
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            fields = f"{len(row)} fields for {len(names)} columns"
            raise UserError(
                f"{path}: row {number} (header not counted) has {fields}, "
                f"separated by {SEPARATORS[separator]}"
            )
    print(f"{path.name}: {len(rows) - 1} rows, separated by {SEPARATORS[separator]}")
    return pd.DataFrame(rows[1:], columns=names, dtype=object)


def _read_table(source: Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Read a file, or take a table in memory, and return it with its name for messages."""
    if isinstance(source, pd.DataFrame):
        frame, where = source, "table"
    else:
        check(source.is_file(), "file", str(source), "an existing file")
        frame, where = (
            storage.read(source) if source.suffix == ".parquet" else _read_text(source),
            str(source),
        )
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    _check_unique(list(frame.columns), where)
    return frame, where


@dataclass(frozen=True)
class TrialSheet:
    """A table while it is read; its errors name file, column and row.

    Attributes
    ----------
    where : str
        Name of the file, for messages.
    frame : DataFrame
        Its rows, with our column names.
    source : dict of str
        Our column -> the file's.
    """

    where: str
    frame: pd.DataFrame
    source: Mapping[str, str]

    def check_rows(self, column: str, wrong: pd.Series, expected: str) -> None:
        """Raise UserError for the first row that is wrong, if there is one."""
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            theirs, value = self.source.get(column, column), _text(self.frame[column].iloc[row])
            raise UserError(
                f"{self.where}: column {theirs!r}, row {row + 1} (header not counted): "
                f"{value!r} is not {expected}"
            )

    def decode(self, column: str, meaning: Mapping[str, Any]) -> None:
        """Replace the values of a column by their meanings."""
        plain = {_plain(value): code for value, code in meaning.items()}
        text = self.frame[column].map(_text)
        decoded = text.map(lambda value: meaning.get(value, plain.get(_plain(value))))
        self.check_rows(column, decoded.isna(), f"one of {', '.join(meaning)}")
        self.frame[column] = decoded.map(_text)

    def numbers(self, column: str) -> pd.Series:
        """Return a column as numbers, NaN where it holds something else."""
        return pd.to_numeric(self.frame[column].map(_text), errors="coerce").astype(float)

    def check_choices(self, arms: int | None) -> None:
        """Check choices and convert them to whole numbers."""
        choice = self.numbers("choice")
        if arms == 2:
            legal = (
                "0 (left), 1 (right) or -1 (invalid); "
                "recode with --recode choice=<left>:0,<right>:1"
            )
        else:
            legal = (
                "the number of an arm, from 0, or -1 (invalid); "
                "recode with --recode choice=<first>:0,<second>:1,<third>:2"
            )
        self.check_rows(
            "choice", ~((choice >= -1) & (choice % 1 == 0) & (choice < (arms or np.inf))), legal
        )
        if arms is None:
            chosen = set(choice[choice >= 0])
            gap = next(k for k in range(len(chosen) + 1) if k not in chosen)
            expected = (
                f"possible, since arm {gap} is never chosen: number arms from 0 "
                "(--recode choice=1:0,2:1,...), or give their number with --arms"
            )
            self.check_rows("choice", choice > gap, expected)
        self.frame["choice"] = choice.astype(int)

    def check_rewards(self) -> None:
        """Check rewards of valid choices; a trial without a valid choice has reward 0."""
        valid, reward = self.frame["choice"] >= 0, self.numbers("reward")
        legal = "0 or 1, as the models require; recode with --recode reward=-1:0,1:1"
        self.check_rows("reward", valid & ~reward.isin([0, 1]), legal)
        self.frame["reward"] = reward.where(valid, 0.0)

    def trials(self) -> pd.DataFrame:
        """Build the trials table, with numbered subjects, sessions and trials."""
        frame, keys = self.frame, ["variant", "seed", "session"]
        defaults = {"subject": frame.get("seed", "1"), "session": "1", "variant": "animals"}
        for column in NAMES:
            if column in frame.columns:
                self.check_rows(column, frame[column].map(_text) == "nan", "a name")
            elif column in defaults:
                frame[column] = defaults[column]
        names = [name for name in NAMES if name in frame.columns]
        frame[names] = frame[names].map(_text)
        if "forced" in frame.columns:
            forced = frame["forced"].map(_text).str.lower()
            self.check_rows("forced", ~forced.isin(["true", "false", "1", "0"]), "true or false")
            frame["forced"] = forced.isin(["true", "1"])
        if "episode" in frame.columns:  # a trials table whose sessions are already split
            keys.append("episode")
        frame["seed"] = pd.factorize(frame["subject"])[0]
        session = frame.groupby(keys, sort=False).ngroup()
        if "trial" in frame.columns:
            trial = self.numbers("trial")
            self.check_rows("trial", ~(trial % 1 == 0), "a whole number")
            repeated = pd.DataFrame({"session": session, "trial": trial}).duplicated()
            self.check_rows("trial", repeated, "new in this session of this subject")
        else:
            trial = session.groupby(session).cumcount().astype(float)
        frame = frame.assign(session_number=session, trial=trial)
        frame = frame.sort_values(
            ["seed", "session_number", "trial"], kind="stable", ignore_index=True
        )
        # A missing trial splits a session: the trials after it are an episode of their own.
        begins = frame.groupby("session_number")["trial"].diff() != 1
        frame["episode"] = begins.groupby(frame["seed"]).cumsum() - 1
        frame["trial"] = frame.groupby(["seed", "episode"]).cumcount()
        first = (*schema.KEYS, "subject", "session", "choice", "reward")
        return storage.leading(frame.drop(columns="session_number"), *first)


def open_sheet(
    source: Path | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    recoding: Recoding | None = None,
    words: Mapping[str, tuple[str, ...]] | None = None,
    arms: int | None = 2,
) -> TrialSheet:
    """Open a table and check its columns; takes the arguments of ``read``."""
    columns, recoding, words = columns or {}, recoding or {}, words or {}
    frame, where = _read_table(source)
    listed = ", ".join(frame.columns)
    for ours, theirs in columns.items():
        if theirs not in frame.columns:
            raise UserError(f"{where}: no column {theirs!r} for {ours!r}; there are {listed}")
    named = frame[list(columns.values())].set_axis(list(columns), axis=1)
    others = frame.drop(columns=[*columns, *columns.values()], errors="ignore")
    frame = pd.concat([named, others], axis=1)
    for ours in ("choice", "reward"):
        if ours not in frame.columns:
            raise UserError(
                f"{where}: no column {ours!r}; name it with --columns {ours}=<column>. "
                f"There are {listed}"
            )
    check(len(frame) > 0, where, "empty", "a table of trials")
    known = {*NAMES, *recoding, *words, "choice", "reward", "trial", "forced"}
    if not isinstance(source, pd.DataFrame) and source.suffix != ".parquet":
        kept = [name for name in frame.columns if name not in known]
        frame = frame.assign(**{name: _inferred(frame[name]) for name in kept})
    sheet = TrialSheet(where, frame, columns)
    for column, meaning in recoding.items():
        check(column in frame.columns, "recode", column, f"one of {', '.join(frame.columns)}")
        sheet.decode(column, meaning)
    sheet.check_choices(arms)
    sheet.check_rewards()
    for column, legal in words.items():
        if column in frame.columns:
            sheet.decode(column, {word: word for word in legal})
    return sheet


def read(
    source: Path | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    recoding: Recoding | None = None,
    words: Mapping[str, tuple[str, ...]] | None = None,
    arms: int | None = 2,
) -> pd.DataFrame:
    """Read a table with one row per trial.

    Parameters
    ----------
    source : Path or DataFrame
        Text file with fields separated by commas, semicolons or tabs (detected from the header),
        Parquet file (.parquet), or a table in memory.
    columns : dict of str, optional
        Our column -> the file's, where the names differ. ``choice`` and ``reward`` are required;
        ``subject``, ``session``, ``trial``, ``variant``, ``block`` (part of the experiment) and
        ``forced`` (instructed choice) have a meaning; all others are kept unchanged.
    recoding : dict of dict, optional
        Our column -> meanings of its values in the file, such as {"choice": {"l": 0, "r": 1}}. All
        values must be listed.
    words : dict of tuple, optional
        Our column -> words that it may hold.
    arms : int, optional
        Number of arms; None counts those that are chosen.

    Returns
    -------
    DataFrame
        A trials table: ``subject`` and ``session`` as in the file; ``seed``, the subject's number
        in order of appearance; ``episode``, the number of an unbroken sequence of trials of the
        subject: a session, or the part of it up to a gap in the file's trial numbers. ``trial``
        counts from 0 in each episode, in the order of the file's trial column or of its rows.
        Rewards are 0 or 1, and 0 where there was no valid choice.

    Raises
    ------
    UserError
        A column is missing, or a value is illegal; the message names the file, column and row.
    """
    return open_sheet(source, columns, recoding, words, arms).trials()


@dataclass(frozen=True)
class Options:
    """Write the trials table of a data file."""

    file: tyro.conf.Positional[Path]
    """Text file with one row per trial, separated by commas, semicolons or tabs; or Parquet."""
    columns: tuple[str, ...] = ()
    """Our column = the file's: choice=resp reward=rew subject=rat session=day trial=n variant=group
    forced=instructed."""
    recode: tuple[str, ...] = ()
    """Our column = meanings of its values in the file: choice=l:0,r:1,none:-1 reward=-1:0,1:1."""
    arms: int = 2
    """Number of arms."""
    out: Path = Path("trials.parquet")
    """Trials table to write, Parquet or CSV."""


def main(options: Options) -> None:
    """Read a file and write it as a trials table."""
    out, name = options.out, str(options.out)
    check(options.arms >= 2, "arms", options.arms, "at least 2")
    check(out.suffix in (".parquet", ".csv"), "out", name, "a file that ends in .parquet or .csv")
    other = out.resolve() != options.file.resolve()
    check(other, "out", name, "another file than the one that is read")
    columns, recoding = parse_columns(options.columns), parse_recoding(options.recode)
    trials = read(options.file, columns, recoding, arms=options.arms)
    if out.suffix == ".parquet":
        about = storage.provenance(str(options), sorted(map(int, trials["seed"].unique())))
        storage.write(trials, out, "trials", about | {"source": options.file.name})
    else:  # data, unlike results, are not rounded
        files.write_text(out, trials.to_csv(index=False, lineterminator="\n"))
    print(f"{out}: {describe(trials)}")


def describe(trials: pd.DataFrame) -> str:
    """Summarise a trials table of animals in one line."""
    session = "session" if "session" in trials.columns else "episode"
    sessions, unbroken = (
        len(trials[["variant", "seed", name]].drop_duplicates()) for name in (session, "episode")
    )
    subjects, invalid = trials["seed"].nunique(), int((trials["choice"] < 0).sum())
    split = "" if sessions == unbroken else f" in {unbroken} unbroken sequences"
    return (
        f"{subjects} subjects, {sessions} sessions{split}, {len(trials)} trials "
        f"({invalid} without a valid choice)"
    )
