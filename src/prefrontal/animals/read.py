"""Trials of real subjects, from any table with a row per trial, in the format of the networks' trials, for the same analyses.

python -m prefrontal.animals rats.csv --map choice=resp reward=rew subject=rat session=day --values choice=l:0,r:1
python -m prefrontal.animals --help
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
from prefrontal.errors import UserError, check, run
from prefrontal.tables import schema, storage

Codes = Mapping[str, Mapping[str, Any]]
"""For a column, what each value in the file stands for: {"choice": {"l": 0, "r": 1}}."""

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
"""What may stand between the fields of a text file."""

NAMES = ("subject", "session", "variant", "block")
"""Columns of names, which are text: 007 is not 7."""

MISSING = ("", "NA", "NaN")
"""Texts that say "missing"; in messages and for --values they are "nan"."""


def _pairs(name: str, pairs: tuple[str, ...], form: str) -> dict[str, str]:
    """Split ``a=b``; each ``a`` comes once."""
    found: dict[str, str] = {}
    for pair in pairs:
        ours, _, theirs = pair.partition("=")
        check(bool(ours and theirs), name, pair, form)
        check(ours not in found, name, pair, f"given once for {ours!r}")
        found[ours] = theirs
    return found


def parse_mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``choice=resp reward=rew``: our column = the file's column."""
    return _pairs("map", pairs, "<column>=<column of the file>, such as choice=resp")


def parse_values(rules: tuple[str, ...]) -> Codes:
    """Read ``choice=l:0,r:1``: our column = what its values in the file stand for."""
    form = "<column>=<in the file>:<meaning>,..., such as choice=l:0,r:1, each value once"
    codes: dict[str, dict[str, Any]] = {}
    for column, listed in _pairs("values", rules, form).items():
        pairs = [pair.partition(":")[::2] for pair in listed.split(",")]
        codes[column] = dict(pairs)
        check(all(all(pair) for pair in pairs) and len(codes[column]) == len(pairs), "values", f"{column}={listed}", form)
    return codes


def _text(value: Any) -> str:
    """A value as text; whole numbers without a decimal point, truth as 1 or 0, missing values as "nan"."""
    if isinstance(value, str):
        value = value.strip()
        return "nan" if value in MISSING else value
    if value is None or value is pd.NA or value != value:
        return "nan"
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)


def _plain(text: str) -> str:
    """A whole number without its decimal point, 1 for 1.0; other text as it is."""
    try:
        return str(int(float(text))) if float(text).is_integer() else text
    except ValueError:
        return text


def _inferred(column: pd.Series) -> pd.Series:
    """A column of text as numbers, where all of it is: 007 is a name."""
    text = column.map(_text)
    if text.str.fullmatch(r"-?(0|[1-9]\d{0,17})").all():
        return text.astype("int64")
    return text.astype("float64") if text.str.fullmatch(r"nan|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?").all() else column


def _unlike(names: list[str], where: str) -> None:
    """Raise UserError if two columns have one name."""
    doubled = [name for k, name in enumerate(names) if name in names[:k]]
    if doubled:
        raise UserError(f"{where}: column {doubled[0]!r} is there twice, in the row of names; give each a name of its own")


def _read_text(path: Path) -> pd.DataFrame:
    """Read a text file, all fields as text; say what separates them."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        header = text.lstrip("\n").partition("\n")[0]
        separator = max(SEPARATORS, key=header.count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a readable text file in UTF-8 ({error})") from error
    rows = [line for line in lines if line and line != [""]]
    check(len(rows) > 1, str(path), "empty", "a table of trials, its first row the names of the columns")
    names = [name.strip() for name in rows[0]]
    _unlike(names, str(path))
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            fields = f"{len(row)} fields for {len(names)} columns, separated by {SEPARATORS[separator]}"
            raise UserError(f"{path}: row {number} (header not counted) has {fields}")
    print(f"{path.name}: {len(rows) - 1} rows, separated by {SEPARATORS[separator]}")
    return pd.DataFrame(rows[1:], columns=names, dtype=object)


def _read_table(source: Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Read a file, or take a table in memory; and how messages call it."""
    if isinstance(source, pd.DataFrame):
        frame, where = source, "table"
    else:
        check(source.is_file(), "file", str(source), "an existing file")
        frame, where = storage.read(source) if source.suffix == ".parquet" else _read_text(source), str(source)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    _unlike(list(frame.columns), where)
    return frame, where


@dataclass(frozen=True)
class Sheet:
    """A table that is being read, with what is needed to say where something in it is wrong.

    Attributes
    ----------
    where : str
        How messages call it: the file.
    frame : DataFrame
        Its rows, under our names; what has a meaning is text.
    source : dict of str
        Our column -> the file's.
    """

    where: str
    frame: pd.DataFrame
    source: Mapping[str, str]

    def refuse(self, column: str, wrong: pd.Series, expected: str) -> None:
        """Raise UserError naming the first row that is wrong, if any is."""
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            theirs, value = self.source.get(column, column), _text(self.frame[column].iloc[row])
            raise UserError(f"{self.where}: column {theirs!r}, row {row + 1} (header not counted): {value!r} is not {expected}")

    def decode(self, column: str, meaning: Mapping[str, Any]) -> None:
        """Replace the values of a column by what they stand for."""
        plain = {_plain(value): own for value, own in meaning.items()}
        text = self.frame[column].map(_text)
        found = text.map(lambda value: meaning.get(value, plain.get(_plain(value))))
        self.refuse(column, found.isna(), f"one of {', '.join(meaning)}")
        self.frame[column] = found.map(_text)

    def numbers(self, column: str) -> pd.Series:
        """Return a column as numbers, NaN where it holds none."""
        return pd.to_numeric(self.frame[column].map(_text), errors="coerce").astype(float)

    def check_choices(self, arms: int | None) -> None:
        """Check choices, and make them whole numbers."""
        choice = self.numbers("choice")
        if arms == 2:
            legal = "0 (left), 1 (right) or -1 (invalid); --values choice=<left>:0,<right>:1 maps others"
        else:
            legal = "an arm's number, from 0, or -1 (invalid); --values choice=<one>:0,<another>:1,<a third>:2 maps others"
        self.refuse("choice", ~((choice >= -1) & (choice % 1 == 0) & (choice < (arms or np.inf))), legal)
        if arms is None:
            chosen = set(choice[choice >= 0])
            gap = next(k for k in range(len(chosen) + 1) if k not in chosen)
            never = (
                f"there while arm {gap} is never chosen: number arms from 0 (--values choice=1:0,2:1,...), or say how many --arms"
            )
            self.refuse("choice", choice > gap, never)
        self.frame["choice"] = choice.astype(int)

    def check_rewards(self) -> None:
        """Check rewards of valid choices, and make them numbers; a trial without valid choice has none."""
        valid, reward = self.frame["choice"] >= 0, self.numbers("reward")
        legal = "0 or 1, which all learners take a reward for; --values reward=-1:0,1:1 maps others"
        self.refuse("reward", valid & ~reward.isin([0, 1]), legal)
        self.frame["reward"] = reward.where(valid, 0.0)

    def trials(self) -> pd.DataFrame:
        """Trials table, with subjects, sessions and trials turned into the numbers that the analyses use."""
        frame, mine = self.frame, ["variant", "seed", "session"]
        defaults = {"subject": frame.get("seed", "1"), "session": "1", "variant": "animals"}
        for column in NAMES:
            if column in frame.columns:
                self.refuse(column, frame[column].map(_text) == "nan", "a name")
            elif column in defaults:
                frame[column] = defaults[column]
        names = [name for name in NAMES if name in frame.columns]
        frame[names] = frame[names].map(_text)
        if "forced" in frame.columns:
            words = frame["forced"].map(_text).str.lower()
            self.refuse("forced", ~words.isin(["true", "false", "1", "0"]), "true or false")
            frame["forced"] = words.isin(["true", "1"])
        if "episode" in frame.columns:  # a trials table, whose sessions were broken up before
            mine = [*mine, "episode"]
        frame["seed"] = pd.factorize(frame["subject"])[0]
        session = frame.groupby(mine, sort=False).ngroup()
        if "trial" in frame.columns:
            trial = self.numbers("trial")
            self.refuse("trial", ~(trial % 1 == 0), "a whole number")
            self.refuse(
                "trial", pd.DataFrame({"session": session, "trial": trial}).duplicated(), "new in this session of this subject"
            )
        else:
            trial = session.groupby(session).cumcount().astype(float)
        frame = frame.assign(session_number=session, trial=trial)
        frame = frame.sort_values(["seed", "session_number", "trial"], kind="stable", ignore_index=True)
        # A trial that is missing breaks the sequence: what follows is an episode of its own.
        begins = frame.groupby("session_number")["trial"].diff() != 1
        frame["episode"] = begins.groupby(frame["seed"]).cumsum() - 1
        frame["trial"] = frame.groupby(["seed", "episode"]).cumcount()
        return storage.leading(frame.drop(columns="session_number"), *schema.KEYS, "subject", "session", "choice", "reward")


def open_sheet(
    source: Path | pd.DataFrame,
    mapping: Mapping[str, str] | None = None,
    values: Codes | None = None,
    words: Mapping[str, tuple[str, ...]] | None = None,
    arms: int | None = 2,
) -> Sheet:
    """Open a table and check its columns; see ``read``, which then numbers subjects, sessions and trials."""
    mapping, values, words = mapping or {}, values or {}, words or {}
    frame, where = _read_table(source)
    listed = ", ".join(frame.columns)
    for ours, theirs in mapping.items():
        if theirs not in frame.columns:
            raise UserError(f"{where}: no column {theirs!r} for {ours!r}; there are {listed}")
    named = frame[list(mapping.values())].set_axis(list(mapping), axis=1)
    frame = pd.concat([named, frame.drop(columns=[*mapping, *mapping.values()], errors="ignore")], axis=1)
    for ours in ("choice", "reward"):
        if ours not in frame.columns:
            raise UserError(f"{where}: no column {ours!r}; say which it is by --map {ours}=<column>. There are {listed}")
    check(len(frame) > 0, where, "empty", "a table of trials")
    known = {*NAMES, *values, *words, "choice", "reward", "trial", "forced"}
    if not isinstance(source, pd.DataFrame) and source.suffix != ".parquet":
        others = [name for name in frame.columns if name not in known]
        frame = frame.assign(**{name: _inferred(frame[name]) for name in others})
    sheet = Sheet(where, frame, mapping)
    for column, meaning in values.items():
        check(column in frame.columns, "values", column, f"for a column: {', '.join(frame.columns)}")
        sheet.decode(column, meaning)
    sheet.check_choices(arms)
    sheet.check_rewards()
    for column, legal in words.items():
        if column in frame.columns:
            sheet.decode(column, {word: word for word in legal})
    return sheet


def read(
    source: Path | pd.DataFrame,
    mapping: Mapping[str, str] | None = None,
    values: Codes | None = None,
    words: Mapping[str, tuple[str, ...]] | None = None,
    arms: int | None = 2,
) -> pd.DataFrame:
    """Read a table with a row per trial.

    Parameters
    ----------
    source : Path or DataFrame
        Text file whose fields are separated by commas, semicolons or tabs (found from its first row, the names), Parquet file
        (.parquet), or a table in memory.
    mapping : dict of str, optional
        Our column -> the file's, where the names differ. ``choice`` and ``reward`` must be there; ``subject``, ``session``,
        ``trial``, ``variant``, ``block`` (a part of the experiment) and ``forced`` (an instructed choice) have a meaning, all
        other columns are kept as they are.
    values : dict of dict, optional
        Our column -> what its values in the file stand for, such as {"choice": {"l": 0, "r": 1}}. All values must be listed.
    words : dict of tuple, optional
        Our column -> the words that it may hold.
    arms : int, optional
        Number of arms; None to count those that are chosen.

    Returns
    -------
    DataFrame
        A trials table: ``subject`` and ``session`` as the file names them; beside them ``seed``, the subject's number in order
        of appearance, and ``episode``, the number of an unbroken sequence of trials within the subject: a session, or the
        part of it up to a gap in the file's trial numbers. ``trial`` counts from 0 in each, in the order of the file's trial
        column, or of its rows. Rewards are 0 or 1, and 0 where there was no valid choice.

    Raises
    ------
    UserError
        A column is missing, or a value is illegal; the message names the file, column and row.
    """
    return open_sheet(source, mapping, values, words, arms).trials()


@dataclass(frozen=True)
class Options:
    """What to read."""

    file: tyro.conf.Positional[Path]
    """Text file with a row per trial, separated by commas, semicolons or tabs; or Parquet (.parquet)."""
    map: tuple[str, ...] = ()
    """Our column = the file's: choice=resp reward=rew subject=rat session=day trial=n variant=group forced=instructed."""
    values: tuple[str, ...] = ()
    """Our column = what its values in the file stand for: choice=l:0,r:1,none:-1 reward=-1:0,1:1."""
    arms: int = 2
    """Number of arms."""
    out: Path = Path("trials.parquet")
    """Trials table to write, Parquet or CSV."""


def main(options: Options) -> None:
    """Read a file and write it as a trials table."""
    check(options.arms >= 2, "arms", options.arms, "at least 2")
    check(options.out.suffix in (".parquet", ".csv"), "out", str(options.out), "a file that ends in .parquet or .csv")
    check(options.out.resolve() != options.file.resolve(), "out", str(options.out), "another file than the one that is read")
    trials = read(options.file, parse_mapping(options.map), parse_values(options.values), arms=options.arms)
    if options.out.suffix == ".parquet":
        about = storage.provenance(str(options), sorted(map(int, trials["seed"].unique())))
        storage.write(trials, options.out, "trials", about | {"source": options.file.name})
    else:  # data, which are not rounded as results are
        files.write_text(options.out, trials.to_csv(index=False, lineterminator="\n"))
    print(f"{options.out}: {describe(trials)}")


def describe(trials: pd.DataFrame) -> str:
    """Say in a line what a trials table of animals holds."""
    session = "session" if "session" in trials.columns else "episode"
    sessions, unbroken = (len(trials[["variant", "seed", name]].drop_duplicates()) for name in (session, "episode"))
    invalid = int((trials["choice"] < 0).sum())
    parts = f"{sessions} sessions" if sessions == unbroken else f"{sessions} sessions in {unbroken} unbroken sequences"
    return f"{trials['seed'].nunique()} subjects, {parts}, {len(trials)} trials ({invalid} without a valid choice)"


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
