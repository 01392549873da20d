"""Read a delimited text file, as written by Excel, R or the software that runs experiments."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from pathlib import Path

import pandas as pd

from prefrontal.errors import UserError, check

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "spaces"}
"""Field separators of text files; spaces only where no other occurs in the header."""

GZIP, ZIP = b"\x1f\x8b", b"PK"
"""First bytes of compressed files, and of Excel's workbooks."""


def check_unique(names: list[str], where: str) -> None:
    """Raise UserError if two columns have the same name."""
    doubled = [name for k, name in enumerate(names) if name in names[:k]]
    if doubled:
        raise UserError(f"{where}: column {doubled[0]!r} occurs twice in the header; rename one")


def decoded(path: Path) -> str:
    """Text of a file in UTF-8, or in UTF-16 with a byte-order mark, compressed by gzip or not."""
    content = path.read_bytes()
    if content[:2] == ZIP:
        raise UserError(f"{path}: not a text file but a workbook; save it as 'CSV UTF-8'")
    try:
        content = gzip.decompress(content) if content[:2] == GZIP else content
        wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except (UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"{path}: not a readable text file in UTF-8 ({error}); save it as 'CSV UTF-8', "
            "or convert it: iconv -f latin1 -t utf-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def separator_of(header: str) -> str:
    """Separator that occurs most often in a header, outside quotation marks."""
    bare = re.sub(r'"[^"]*"', "x", header).strip(" ")
    separator = max("\t;,", key=bare.count)
    return " " if separator not in bare and " " in bare else separator


def split(text: str, path: Path) -> tuple[list[list[str]], str]:
    """Split a text into rows of fields, and return its separator.

    A first line ``sep=;`` and comments (#) before the header are left out.
    """
    lines = text.split("\n")
    named = re.match(r'"?sep=(.)"?', lines[0])
    lines = lines[1:] if named else lines
    while lines and (not lines[0].strip() or lines[0].startswith("#")):
        del lines[0]
    separator = named[1] if named else separator_of(lines[0] if lines else "")
    expected = f"separated by {', '.join(SEPARATORS.values())}"
    check(separator in SEPARATORS, str(path), f"separated by {separator!r}", expected)
    if separator == " ":
        lines = [line.strip(" ") for line in lines]
    reader = csv.reader(
        io.StringIO("\n".join(lines), newline=""),
        delimiter=separator,
        strict=True,
        skipinitialspace=separator == " ",
    )
    try:
        return [row for row in reader if row and row != [""]], separator
    except csv.Error as error:
        raise UserError(f"{path}: not a readable text file ({error})") from error


def with_decimal_points(frame: pd.DataFrame) -> list[str]:
    """Write decimal commas as points, in place, and return the columns that had them."""
    changed = []
    for name in frame.columns:
        filled = frame[name][frame[name] != ""]
        numeric = filled.str.fullmatch(r"-?\d+(,\d+)?").all()
        if numeric and filled.str.contains(",").any():
            frame[name] = frame[name].str.replace(",", ".")
            changed.append(name)
    return changed


def read(path: Path) -> pd.DataFrame:
    """Read a text file, all fields as text, and print what was found.

    Returns
    -------
    DataFrame
        Its index is the number of each row in the file, from 1, the header not counted. Empty rows
        and lines of comment are left out, and row names as R writes them.
    """
    lines, separator = split(decoded(path), path)
    names, numbered = [name.strip() for name in (lines or [[]])[0]], lines[1:]
    rows = {
        number: row
        for number, row in enumerate(numbered, 1)
        if any(field.strip() for field in row)
        and not (row[0].startswith("#") and len(row) != len(names))
    }
    check(bool(rows), str(path), "empty", "a table of trials with the column names first")
    numeric = [name for name in names if re.fullmatch(r"[-+]?\d+([.,]\d+)?", name)]
    if numeric:
        raise UserError(
            f"{path}: no header: the first line has {numeric[0]!r} where the name of a column "
            "should be; write the names of the columns, such as subject,choice,reward, above it"
        )
    if all(len(row) == len(names) + 1 and row[-1].strip() for row in rows.values()):
        names = ["", *names]  # R writes no name for the column of row names
    while names and not names[-1]:  # columns that Excel adds at the right
        del names[-1]
    for number, row in rows.items():
        while len(row) > len(names) and not row[-1].strip():
            del row[-1]
        if len(row) != len(names):
            fields = f"{len(row)} fields for {len(names)} columns"
            raise UserError(
                f"{path}: row {number} (header not counted) has {fields}, "
                f"separated by {SEPARATORS[separator]}"
            )
    unnamed = bool(names) and names[0] == ""
    frame = pd.DataFrame(list(rows.values()), list(rows), names, dtype=object)
    frame = frame.iloc[:, 1:] if unnamed else frame
    check_unique(list(frame.columns), str(path))
    frame = frame.copy()
    decimals = [] if separator == "," else with_decimal_points(frame)
    notes = [f"{path.name}: {len(frame)} rows, separated by {SEPARATORS[separator]}"]
    left_out = len(numbered) - len(rows)
    notes += [f"{left_out} empty or comment rows left out"] if left_out else []
    notes += ["row names left out"] if unnamed else []
    notes += [f"decimal commas in {', '.join(decimals)}"] if decimals else []
    print("; ".join(notes))
    return frame
