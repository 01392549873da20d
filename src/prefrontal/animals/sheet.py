"""Read trials of animals or people, from any table with one row per trial, into a trials table.

The analyses of the networks' trials then apply to them. ``prefrontal trials`` writes the table::

    prefrontal trials rats.csv --columns choice=resp reward=rew --recode choice=l:0,r:1
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from prefrontal import files
from prefrontal.animals import text as text_files
from prefrontal.animals.columns import KNOWN, NAMES, Format, Recoding
from prefrontal.errors import UserError, check
from prefrontal.tables import schema, storage

THRESHOLD = re.compile(r"sign|>\s*(-?\d+(?:\.\d+)?)")
"""Recoding of rewards by their size."""

MAGNITUDE = re.compile(r"magnitude_\d+")
"""Column of what is at stake on an arm."""

MISSING = ("", "NA", "N/A", "#N/A", "n/a", "<NA>", "NaN", "nan", "None", "NULL", "null")
"""Texts for a missing value; messages call it "nan", and --recode by any of them."""

MOSTLY = 0.5
"""Share of rows without a choice above which they may be rows of other screens."""

SUBJECT_NAME = re.compile(r"subj|partic|person|animal|rat(_?id)?$|mouse|monkey|(^|_)id$", re.I)
"""Names of columns that are likely to name subjects."""

MOST_ARMS = 16
"""Largest number of arms; every arm adds a bias to every model, and fits would not end."""


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
    """Read ``choice=l:0,r:1``, ``reward=sign`` or ``reward=>50``: our column = meanings."""
    form = "<column>=<in the file>:<meaning>,..., such as choice=l:0,r:1, each value once"
    recoding: dict[str, Mapping[Any, Any] | str] = {}
    for column, listed in _pairs("recode", rules, form).items():
        if THRESHOLD.fullmatch(listed):
            recoding[column] = listed
            continue
        pairs = [pair.rpartition(":")[::2] for pair in listed.split(",")]
        meaning = dict(pairs)
        legal = all(all(pair) for pair in pairs) and len(meaning) == len(pairs)
        check(legal, "recode", f"{column}={listed}", form)
        recoding[column] = meaning
    return recoding


def parse_rows(rules: tuple[str, ...]) -> list[tuple[str, bool, str]]:
    """Read ``screen == bandit`` or ``screen != bandit``: column, whether equal, and value."""
    conditions = []
    for rule in rules:
        match = re.fullmatch(r"(.+?)\s*(==|!=)\s*(.*)", rule.strip())
        if match is None:
            raise UserError(
                f"rows is {rule!r}; it must be '<column> == <value>' or '<column> != <value>'"
            )
        conditions.append((match[1], match[2] == "==", match[3].strip("\"'")))
    return conditions


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


def _texts(column: pd.Series) -> pd.Series:
    """Values of a column as text; each distinct value is written once."""
    codes, values = pd.factorize(column)
    texts = np.array([*map(_text, values), "nan"], dtype=object)  # -1, the last, is missing
    return pd.Series(texts[codes], column.index, name=column.name)


def _plain_texts(column: pd.Series) -> pd.Series:
    """Values of a column as ``_plain`` text."""
    texts = _texts(column)
    plain = {text: _plain(text) for text in texts.unique()}
    return texts.map(plain)


def _plain(text: str) -> str:
    """Whole number without its decimal point, 1 for 1.0 and true; other text unchanged."""
    if text.lower() in ("true", "false"):
        return str(int(text.lower() == "true"))
    try:
        return str(int(float(text))) if float(text).is_integer() else text
    except ValueError:
        return text


def _inferred(column: pd.Series) -> pd.Series:
    """Turn a column of text into numbers if all of it is numeric; 007 is a name."""
    text = _texts(column)
    if text.str.fullmatch(r"-?(0|[1-9]\d{0,17})").all():
        return text.astype("int64")
    decimal = text.str.fullmatch(r"nan|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?").all()
    return text.astype("float64") if decimal else column


def _read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file, written by any program."""
    content = path.read_bytes()
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError, TypeError) as error:  # pyarrow's are among them
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: not a readable table ({reason})") from error
    storage.check_seal(content, path)
    return frame


def _read_table(source: Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Read a file, or take a table in memory, and return it with its name for messages.

    Its index is the number of each row, from 1.
    """
    if isinstance(source, pd.DataFrame):
        frame, where = source, "table"
    else:
        check(source.is_file(), "file", str(source), "an existing file")
        parquet, where = source.suffix == ".parquet", str(source)
        frame = _read_parquet(source) if parquet else text_files.read(source)
    if isinstance(source, pd.DataFrame) or source.suffix == ".parquet":
        numbered = frame.index.nlevels == 1 and pd.api.types.is_integer_dtype(frame.index)
        frame = frame.reset_index(drop=numbered and frame.index.name is None)
        frame.index += 1
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    text_files.check_unique(list(frame.columns), where)
    return frame, where


def _selected(frame: pd.DataFrame, rows: tuple[str, ...], where: str) -> pd.DataFrame:
    """Rows that fulfil all conditions."""
    for column, equal, value in parse_rows(rows):
        if column not in frame.columns:
            listed = ", ".join(frame.columns)
            raise UserError(f"{where}: no column {column!r} for --rows; there are {listed}")
        text = _texts(frame[column])
        matches = _plain_texts(text) == _plain(_text(value))
        if not (matches == equal).any():
            some = ", ".join(map(repr, dict.fromkeys(text.head(1000))))
            raise UserError(f"{where}: --rows selects no row; column {column!r} holds {some[:200]}")
        frame = frame[matches == equal]
    # A table of several groups may name the sessions of only one of them.
    unnamed = [name for name in NAMES if name in frame and (_texts(frame[name]) == "nan").all()]
    return frame.drop(columns=unnamed) if rows else frame


def _combined(frame: pd.DataFrame, ours: str, theirs: str, where: str) -> pd.Series:
    """A column of the file, or for numbers the sum or difference of some: gain+loss."""
    listed = ", ".join(frame.columns)
    if theirs in frame.columns:
        return frame[theirs]
    terms = re.findall(r"([+-]?)([^+-]+)", theirs)
    if len(terms) < 2 or not all(name.strip() in frame.columns for _, name in terms):
        raise UserError(f"{where}: no column {theirs!r} for {ours!r}; there are {listed}")
    total = pd.Series(0.0, frame.index)
    for sign, name in terms:
        column = name.strip()
        sheet = TrialSheet(where, frame, {})
        numbers = sheet.numbers(column)
        sheet.check_rows(column, ~np.isfinite(numbers), "a number")
        if sign == "+" and re.search("loss|lose|cost", column, re.I):
            sheet.check_rows(
                column, numbers > 0, f"a loss to be added; write {ours}=...-{column} to subtract it"
            )
        total += -numbers if sign == "-" else numbers
    return total


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
                f"{self.where}: column {theirs!r}, row {self.frame.index[row]} "
                f"(header not counted): {value!r} is not {expected}"
            )

    def decode(self, column: str, meaning: Mapping[Any, Any] | str) -> None:
        """Replace the values of a column by their meanings; missing choices may stay so."""
        if isinstance(meaning, str):
            threshold = THRESHOLD.fullmatch(meaning)
            legal = "meanings of values; only reward may be 'sign' or '>50'"
            if column != "reward" or threshold is None:
                raise UserError(f"recode is {column}={meaning}; it must be {legal}")
            reward = self.numbers(column)
            stated = _texts(self.frame[column]) != "nan"
            self.check_rows(column, stated & ~np.isfinite(reward), "a number")
            above = reward > float(threshold[1] or 0)
            self.frame[column] = above.astype(float).where(stated)
            return
        exact = {_text(value): code for value, code in meaning.items()}
        plain = {_plain(value): code for value, code in exact.items()}
        if column == "choice":
            exact = {"nan": -1, **exact}
        text = _texts(self.frame[column])
        meanings = {value: exact.get(value, plain.get(_plain(value))) for value in text.unique()}
        decoded = text.map(meanings)
        self.check_rows(column, decoded.isna(), f"one of {', '.join(map(str, meaning))}")
        self.frame[column] = _texts(decoded)

    def numbers(self, column: str) -> pd.Series:
        """Return a column as numbers, NaN where it holds something else."""
        text = _plain_texts(self.frame[column])
        return pd.to_numeric(text, errors="coerce").astype(float)

    def check_choices(self, arms: int | None, recoded: bool = False) -> None:
        """Check choices and convert them to whole numbers; missing ones are missed trials."""
        missing = _texts(self.frame["choice"]) == "nan"
        choice = self.numbers("choice").mask(missing, -1.0)
        sides = "<left>:0,<right>:1" if arms == 2 else "<first>:0,<second>:1,<third>:2"
        named = "0 (left), 1 (right)" if arms == 2 else "the number of an arm, from 0,"
        legal = f"{named} or -1 (invalid); recode with --recode choice={sides}"
        wrong = ~((choice >= -1) & (choice % 1 == 0) & (choice < (arms or np.inf)))
        self.check_rows("choice", wrong, legal)
        sides = "--recode choice=<left>:0,<right>:1,<missed>:-1"
        expected = f"a missed trial (-1), since it is rewarded; if it is a side, write {sides}"
        self.check_rows("choice", (choice < 0) & (self.numbers("reward") > 0), expected)
        if not recoded and not missing.any() and set(choice) == {-1, 1}:
            expected = f"clear: -1 is a missed trial here, or a side; say which with {sides}"
            self.check_rows("choice", choice < 0, expected)
        if arms is None:
            chosen = set(choice[choice >= 0])
            gap = next(k for k in range(len(chosen) + 1) if k not in chosen)
            expected = (
                f"possible, since arm {gap} is never chosen: number arms from 0 "
                "(--recode choice=1:0,2:1,...), or give their number with --arms"
            )
            self.check_rows("choice", choice > gap, expected)
            check(gap <= MOST_ARMS, f"{self.where}: number of arms", gap, f"at most {MOST_ARMS}")
        if (choice < 0).mean() > MOSTLY:
            share = f"{100 * (choice < 0).mean():.0f} % of the rows have no choice"
            print(f"{self.where}: {share}; to leave out rows of other screens, use --rows")
        self.frame["choice"] = choice.astype(int)

    def check_rewards(self, binary: bool) -> None:
        """Check rewards of valid choices; a trial without a valid choice has reward 0."""
        valid, reward = self.frame["choice"] >= 0, self.numbers("reward")
        legal = (
            "0 or 1, as the planner requires; recode with --recode reward=-1:0,1:1, or "
            "reward=sign (gains are 1, all else 0), or 'reward=>50' (1 above 50, else 0)"
        )
        wrong = ~reward.isin([0, 1]) if binary else ~np.isfinite(reward)
        expected = legal if binary else "a number; recode with --recode reward=<no>:0,<yes>:1"
        self.check_rows("reward", valid & wrong, expected)
        self.frame["reward"] = reward.where(valid, 0.0)

    def check_magnitudes(self) -> None:
        """Check what is at stake, and convert it to numbers."""
        for column in filter(MAGNITUDE.fullmatch, self.frame.columns):
            magnitude = self.numbers(column)
            self.check_rows(column, ~np.isfinite(magnitude), "a finite number")
            self.frame[column] = magnitude

    def check_one_subject(self, used: set[str]) -> None:
        """Raise UserError if a column that is not used may name subjects."""
        others = [name for name in self.frame.columns if name not in used]
        texts = self.frame[others].apply(_texts)
        for name in others:
            starts = texts[name] != texts[name].shift()
            several = 1 < texts[name].nunique() <= len(texts) / 2
            contiguous = int(starts.sum()) == texts[name].nunique()
            if several and (contiguous or SUBJECT_NAME.search(name)):
                raise UserError(
                    f"{self.where}: no column 'subject' or 'trial', so that all rows would be of "
                    f"one subject; if {name!r} names subjects, add --columns subject={name}, if "
                    f"their sessions, session={name}, or block={name}"
                )
        print(f"{self.where}: no subject column; all {len(texts)} rows belong to one subject")

    def check_sessions(self) -> None:
        """Raise UserError if a session reappears after another one of the same subject."""
        animal = [self.frame[name] for name in schema.SUBJECT]
        session = self.frame["session"]
        starts = session != session.groupby(animal).shift()
        runs = self.frame.loc[starts, [*schema.SUBJECT, "session"]].duplicated()
        returned = runs.reindex(starts.index, fill_value=False)
        if returned.any():
            row = self.frame[returned].iloc[0]
            theirs = self.source.get("session", "session")
            raise UserError(
                f"{self.where}: column {theirs!r}, row {row.name} (header not counted): session "
                f"{row['session']!r} of subject {row['subject']!r} reappears after another one; "
                "number each subject's sessions 1, 2, 3, ... and keep their rows together (if the "
                "column marks first trials, use its running sum)"
            )

    def trial_numbers(self, session: pd.Series) -> tuple[pd.Series, bool]:
        """Order of the trials in their sessions, and whether their numbers increase by one."""
        if "trial" not in self.frame.columns:
            return session.groupby(session).cumcount().astype(float), True
        trial, theirs = self.numbers("trial"), self.source.get("trial", "trial")
        self.check_rows("trial", ~np.isfinite(trial), "a number")
        repeated = pd.DataFrame({"session": session, "trial": trial}).duplicated()
        expected = "new in this session of this subject (are subject and session named?)"
        self.check_rows("trial", repeated, expected)
        ordered = pd.DataFrame({"session": session, "trial": trial}).sort_values(
            ["session", "trial"]
        )
        steps = ordered.groupby("session")["trial"].diff().dropna()
        if not len(steps) or (steps == 1).mean() >= 0.5:
            return trial, True
        backwards = trial.groupby(session).diff() < 0
        if backwards.sum() <= len(trial) / 10:
            expected = "after the row before; if sessions restart, name them: session=<column>"
            self.check_rows("trial", backwards, expected)
        print(
            f"{self.where}: column {theirs!r} does not increase by one per trial (typical step "
            f"{steps.median():g}): it only orders the trials, which are numbered from 0"
        )
        return trial, False

    def trials(self) -> pd.DataFrame:
        """Build the trials table, with numbered sessions and trials."""
        frame, keys = self.frame, [*schema.SUBJECT, "session"]
        ours = {*schema.KEYS} <= {*frame.columns} - {*self.source}
        if not ours and "episode" in frame.columns:  # of the file's own; ours is made below
            frame = frame.rename(columns={"episode": "episode_in_file"})
            print(f"{self.where}: column 'episode' is kept as 'episode_in_file'")
        session = frame["episode"] if ours else "1"
        defaults = {"subject": "1", "session": session, "variant": "animals"}
        for column in NAMES:
            if column in frame.columns:
                self.check_rows(column, _texts(frame[column]) == "nan", "a name")
            elif column in defaults:
                frame[column] = defaults[column]
        names = [name for name in NAMES if name in frame.columns]
        frame[names] = frame[names].apply(_texts)
        if "forced" in frame.columns:
            forced = _texts(frame["forced"]).str.lower()
            self.check_rows("forced", ~forced.isin(["true", "false", "1", "0"]), "true or false")
            frame["forced"] = forced.isin(["true", "1"])
        if ours:  # a trials table, whose sessions are already split
            keys.append("episode")
        sheet = TrialSheet(self.where, frame, self.source)
        sheet.check_sessions()
        session = frame.groupby(keys, sort=False).ngroup()
        trial, counted = sheet.trial_numbers(session)
        first_seen = pd.factorize(frame["subject"])[0]
        frame = frame.assign(first_seen=first_seen, session_number=session, trial=trial)
        order = ["first_seen", "session_number", "trial"]
        frame = frame.sort_values(order, kind="stable", ignore_index=True)
        # A missing trial splits a session: the trials after it are an episode of their own.
        step = frame.groupby("session_number")["trial"].diff()
        begins = step != 1 if counted else step.isna()
        frame["episode"] = begins.groupby(frame["subject"]).cumsum() - 1
        frame["trial"] = frame.groupby(["subject", "episode"]).cumcount()
        first = (*schema.KEYS, "session", "choice", "reward")
        return storage.leading(frame.drop(columns=order[:2]), *first)


def read(
    source: Path | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    recoding: Recoding | None = None,
    rows: tuple[str, ...] = (),
    form: Format | None = None,
) -> pd.DataFrame:
    """Read a table with one row per trial.

    Parameters
    ----------
    source : Path or DataFrame
        Text file with fields separated by commas, semicolons, tabs or spaces (detected from the
        header), Parquet file (.parquet), or a table in memory.
    columns : dict of str, optional
        Our column -> the file's, where the names differ. ``choice`` and ``reward`` are required;
        ``subject``, ``session``, ``trial``, ``variant``, ``block`` (part of the experiment),
        ``forced`` (instructed choice) and ``magnitude_<arm>`` (what is at stake) have a meaning;
        all others are kept unchanged. Columns of numbers may be added up: reward=gain+loss.
    recoding : dict of dict, optional
        Our column -> meanings of its values in the file, such as {"choice": {"l": 0, "r": 1}}. All
        values must be listed except missing choices, which are missed trials (-1). Rewards may
        also be recoded by size: "sign" makes gains 1 and all else 0; ">50", rewards above 50.
    rows : tuple of str
        Conditions on rows of the file, such as "screen == bandit"; the others are left out.
    form : Format, optional
        What the task's trials hold; by default choices between two options.

    Returns
    -------
    DataFrame
        A trials table, in the order in which subjects first appear: ``subject`` and ``session`` as
        in the file; ``episode``, the number of an unbroken sequence of trials of the
        subject: a session, or a part of one between gaps in the file's trial numbers. ``trial``
        counts from 0 in each episode, in the order of the file's trial column or of its rows; a
        trial column of times, or that counts by twos, only orders them. Rewards are 0 where there
        was no valid choice. A column ``episode`` of the file itself is kept as ``episode_in_file``.

    Raises
    ------
    UserError
        A column is missing, or a value is illegal; the message names the file, column and row.
    """
    form, columns, recoding = form or Format(), columns or {}, recoding or {}
    check(form.arms is None or 2 <= form.arms <= MOST_ARMS, "arms", form.arms, f"2 to {MOST_ARMS}")
    sheet = _open(source, columns, rows, {*form.words, *recoding}, [*form.words])
    for column, meaning in recoding.items():
        known = ", ".join(sheet.frame.columns)
        check(column in sheet.frame.columns, "recode", column, f"one of {known}")
        sheet.decode(column, meaning)
    sheet.check_choices(form.arms, "choice" in recoding)
    sheet.check_rewards(form.binary)
    sheet.check_magnitudes()
    for column, legal in form.words.items():
        if column in sheet.frame.columns and legal:
            sheet.decode(column, {word: word for word in legal})
    if form.complete:
        form.complete(sheet, recoding)
    return sheet.trials()


def _open(
    source: Path | pd.DataFrame,
    columns: Mapping[str, str],
    rows: tuple[str, ...],
    coded: set[str],
    further: list[str],
) -> TrialSheet:
    """Open a table, select rows and rename columns."""
    frame, where = _read_table(source)
    legal = list(dict.fromkeys([*KNOWN, *further]))
    for ours in columns:
        expected = f"one of {', '.join(legal)}, magnitude_<arm>"
        check(ours in legal or bool(MAGNITUDE.fullmatch(ours)), "columns", ours, expected)
    frame = _selected(frame, rows, where)
    named = {ours: _combined(frame, ours, theirs, where) for ours, theirs in columns.items()}
    others = frame.drop(columns=[*columns, *columns.values()], errors="ignore")
    listed = ", ".join(frame.columns)
    frame = pd.concat([pd.DataFrame(named, frame.index), others], axis=1)
    for ours in ("choice", "reward"):
        if ours not in frame.columns:
            raise UserError(
                f"{where}: no column {ours!r}; name it with --columns {ours}=<column>. "
                f"There are {listed}"
            )
    check(len(frame) > 0, where, "empty", "a table of trials")
    typed = {*NAMES, *coded, "choice", "reward", "trial", "forced"}
    if not isinstance(source, pd.DataFrame) and source.suffix != ".parquet":
        kept = [name for name in frame.columns if name not in typed]
        frame = frame.assign(**{name: _inferred(frame[name]) for name in kept})
    sheet = TrialSheet(where, frame, columns)
    if "subject" not in frame.columns and "trial" not in frame.columns:
        sheet.check_one_subject({*legal})
    return sheet


@dataclass(frozen=True)
class TableOptions:
    """How to read a data file."""

    file: tyro.conf.Positional[Path]
    """Table with one row per trial: text separated by commas, semicolons, tabs or spaces, or
    Parquet."""
    columns: tuple[str, ...] = ()
    """Our column = the file's column: choice=resp reward=gain+loss subject=rat session=day
    trial=n variant=group forced=instructed."""
    recode: tuple[str, ...] = ()
    """Our column = meanings of its values in the file: choice=l:0,r:1,none:-1 reward=-1:0,1:1, or
    reward=sign (gains are 1, all else 0), or "reward=>50" (1 above 50, else 0)."""
    rows: tuple[str, ...] = ()
    """Rows to read: "screen == bandit" or "screen != fixation"; if several, all must hold."""

    def trials(self, form: Format) -> pd.DataFrame:
        """Read the file."""
        columns, recoding = parse_columns(self.columns), parse_recoding(self.recode)
        return read(self.file, columns, recoding, self.rows, form)


@dataclass(frozen=True)
class Options(TableOptions):
    """Convert a data file to a trials table."""

    arms: int = 2
    """Number of arms."""
    out: Path = Path("trials.parquet")
    """Trials table to write, Parquet or CSV."""


def check_out(out: Path, data: Path = files.DATA) -> None:
    """Raise UserError if the project's own networks or results would be overwritten."""
    for folder in {data.resolve(), files.DATA.resolve()}:
        place = out.resolve()
        inside = place.is_relative_to(folder) and "animals" not in place.relative_to(folder).parts
        check(not inside, "out", str(out), f"outside {folder}, which holds the project's results")


def main(options: Options) -> None:
    """Read a file and write it as a trials table."""
    out, name = options.out, str(options.out)
    check(out.suffix in (".parquet", ".csv"), "out", name, "a file that ends in .parquet or .csv")
    other = out.resolve() != options.file.resolve()
    check(other, "out", name, "a file other than the one that is read")
    check_out(out)
    trials = options.trials(Format(arms=options.arms))
    if out.suffix == ".parquet":
        about = storage.provenance(str(options), [])
        storage.write(trials, out, "trials", about | {"source": options.file.name})
    else:  # data, unlike results, are not rounded
        files.write_text(out, trials.to_csv(index=False, lineterminator="\n"))
    print(f"{out}: {describe(trials)}")


def describe(trials: pd.DataFrame) -> str:
    """Summarise a trials table of animals in one line."""
    session = "session" if "session" in trials.columns else "episode"
    sessions, unbroken = (
        len(trials[[*schema.SUBJECT, name]].drop_duplicates()) for name in (session, "episode")
    )
    subjects, invalid = trials["subject"].nunique(), int((trials["choice"] < 0).sum())
    split = "" if sessions == unbroken else f" in {unbroken} unbroken sequences"
    return (
        f"{subjects} subjects, {sessions} sessions{split}, {len(trials)} trials "
        f"({invalid} without a valid choice)"
    )
