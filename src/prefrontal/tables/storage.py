"""Checked reading and writing of tables.

Large tables are Parquet, small ones CSV. Every file carries its provenance: Parquet in its
metadata, CSV in the folder's ``manifest.json``. Unchanged CSV files are left alone; every number
that changes is printed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from prefrontal.errors import UserError, check
from prefrontal.files import PUBLISHED, ROOT, atomic, locked, prepare_folder
from prefrontal.tables.schema import check_columns

TOLERANCE = 1e-4
"""Relative tolerance for treating a rebuilt number as unchanged, since processors round
differently."""

FLOOR = 1e-2
"""A number's magnitude is taken to be at least this fraction of the largest number in its column
among rows with the same labels: a difference of two numbers may be close to zero but carries the
rounding of both. The absolute tolerance is therefore a millionth of the largest, which is also the
precision with which tables are written."""

SEAL = b"sha256 of this file with zeros here: "
"""Key, in the metadata of a Parquet file, of the hash that detects changes."""


LIBRARIES = ("torch", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn")


def provenance(settings: str, seeds: list[int]) -> dict[str, Any]:
    """Return the provenance of a file: commit, hash of the settings, library versions, seeds."""
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "src", "replications"],
            capture_output=True,
            text=True,
            check=True,
        )
        commit += "+changes" if changed.stdout.strip() else ""
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {
        "commit": commit,
        "settings_sha256": hashlib.sha256(settings.encode()).hexdigest()[:16],
        "seeds": seeds,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def write(
    frame: pd.DataFrame, path: Path, kind: str | None = None, about: dict[str, Any] | None = None
) -> None:
    """Write a table, as Parquet or CSV by the path's ending, atomically.

    Parameters
    ----------
    kind : str, optional
        Kind of table to check against; None for a panel's results.
    about : dict, optional
        Provenance. In Parquet it goes into the metadata; next to a CSV into manifest.json.
    """
    if kind is not None:
        check_columns(frame, kind, path)
    prepare_folder(path.parent)
    if path.suffix == ".parquet":
        with atomic(path) as temporary:
            write_parquet(frame, temporary, about or {})
        return
    text = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    if path.exists():
        moved = difference(read(path), pd.read_csv(io.StringIO(text)))
        if moved and moved.share > TOLERANCE:
            print(f"{path}: {moved}")
        elif about is None or path.name in manifest(path.parent):
            return
        else:
            text = path.read_text(encoding="utf-8")
    with locked(path.parent):
        if (
            about is not None
        ):  # first: if writing the table fails, it is written with its entry the next time
            entries = {
                name: entry
                for name, entry in manifest(path.parent).items()
                if (path.parent / name).exists()
            }
            entries = dict(sorted((entries | {path.name: about}).items()))
            with atomic(path.parent / "manifest.json") as temporary:
                temporary.write_text(
                    json.dumps(entries, indent=1, default=str) + "\n", encoding="utf-8"
                )
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def write_parquet(frame: pd.DataFrame, path: Path, about: dict[str, Any]) -> None:
    """Write a table with its provenance in the metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    meta = {**(table.schema.metadata or {}), b"provenance": json.dumps(about, default=str).encode()}
    # Dictionaries of floating-point numbers, which rarely repeat, would take most of the time and a
    # third of the space.
    recurring = [column.name for column in table.schema if not pa.types.is_floating(column.type)]
    table = table.replace_schema_metadata(meta | {b"seal": SEAL + b"0" * 64})
    pq.write_table(table, path, compression="zstd", use_dictionary=recurring)
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(content.rindex(SEAL) + len(SEAL))
        file.write(hashlib.sha256(content).hexdigest().encode())


def check_seal(content: bytes, path: Path, required: bool = False) -> None:
    """Raise UserError if a Parquet file was changed since it was written, or lacks a required
    hash."""
    start = content.rfind(SEAL) + len(SEAL)
    if start < len(SEAL):
        if required:
            raise UserError(f"{path}: carries no hash of its content; record again")
        return
    view, end = memoryview(content), start + 64
    digest = hashlib.sha256(view[:start])
    digest.update(b"0" * 64)
    digest.update(view[end:])
    if digest.hexdigest().encode() != view[start:end]:
        raise UserError(f"{path}: changed since it was written; run the step that writes it again")


@dataclass(frozen=True)
class Difference:
    """Largest difference between two versions of a table.

    Attributes
    ----------
    what : str
        Column, or other part, that differs.
    size : float
        Largest absolute difference; NaN if not numeric.
    share : float
        Largest difference relative to the number's magnitude (``TOLERANCE``, ``FLOOR``); infinite
        if rows, columns or labels differ.
    """

    what: str
    size: float
    share: float

    def __str__(self) -> str:
        return (
            f"{self.what} differ"
            if np.isinf(self.share)
            else f"{self.what} moved by up to {self.size:.3g} ({self.share:.1e})"
        )


def difference(old: pd.DataFrame, new: pd.DataFrame) -> Difference | None:
    """Largest difference between two versions of a table; None if they are equal."""
    if list(old.columns) != list(new.columns):
        return Difference("columns", np.nan, np.inf)
    if len(old) != len(new):
        return Difference(f"numbers of rows, {len(old)} and {len(new)},", np.nan, np.inf)
    numbers = [
        name
        for name in old
        if all(pd.api.types.is_numeric_dtype(frame[name]) for frame in (old, new))
    ]
    labels = [name for name in old if name not in numbers]
    for name in labels:
        if not old[name].equals(new[name]):
            return Difference(f"words of {name}", np.nan, np.inf)
    largest = None
    for name in numbers:
        x, y = (frame[name].astype(float) for frame in (old, new))
        infinite = np.isinf(x) | np.isinf(y)
        if not x.isna().equals(y.isna()) or not x[infinite].equals(y[infinite]):
            return Difference(f"missing or infinite values of {name}", np.nan, np.inf)
        x, y = x.mask(infinite), y.mask(infinite)
        beside = (
            x.abs().groupby([old[word] for word in labels], dropna=False).transform("max")
            if labels
            else x.abs().max()
        )
        size = (x - y).abs()
        sizes = np.maximum(x.abs(), FLOOR * beside)
        share = float((size / np.maximum(sizes, 1e-12)).max())
        if share > (largest.share if largest else 0):
            largest = Difference(name, float(size.max()), share)
    return largest


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables; categories stay categories, which pandas would turn into text if they
    differ."""
    parts = [frame for frame in frames if len(frame)]
    if not parts:
        return pd.DataFrame()
    categorical: set[Any] = set.intersection(
        *(set(part.select_dtypes("category")) for part in parts)
    )
    known = {
        name: list(dict.fromkeys(word for part in parts for word in part[name].cat.categories))
        for name in categorical
    }
    alike = (
        part.assign(
            **{
                name: part[name].cat.set_categories(categories)
                for name, categories in known.items()
            }
        )
        for part in parts
    )
    return pd.concat(alike, ignore_index=True)


def published(name: str) -> pd.DataFrame:
    """Digitised values of a published panel, such as "fig5e": columns figure, panel, series, x, y,
    err.

    Read off the figures of Wang et al. 2018; see data/published/README.md for accuracy and the
    original experiments.
    """
    return read(PUBLISHED / f"{name}.csv")


def read(
    path: Path, kind: str | None = None, needs: tuple[str, ...] = (), sealed: bool = False
) -> pd.DataFrame:
    """Read a table and check that it has the columns of its kind, and any others that the caller
    ``needs``.

    Raises
    ------
    UserError
        The file is missing, unreadable or changed since it was written, or a column is missing. A
        Parquet file without a hash of its content is an error if ``sealed`` is required.
    """
    if not path.exists():
        raise UserError(f"{path}: no such table; run the step that writes it first")
    content = path.read_bytes()
    if path.suffix == ".parquet":
        check_seal(content, path)
    try:
        kinds = pd.read_parquet if path.suffix == ".parquet" else pd.read_csv
        frame = kinds(io.BytesIO(content))
    except MemoryError:
        raise
    except Exception as error:  # pyarrow and pandas raise many exceptions
        raise UserError(f"{path}: not a readable table ({str(error).splitlines()[0]})") from error
    if sealed:
        check_seal(content, path, required=True)
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"{path}: not a readable table (more fields than column names)")
    if kind is not None:
        check_columns(frame, kind, path)
    missing = [name for name in needs if name not in frame.columns]
    if missing:
        raise UserError(
            f"{path}: column {missing[0]!r} is missing; run the step that writes this table again"
        )
    return frame


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance of a Parquet table."""
    meta = pq.read_schema(path).metadata or {}
    return json.loads(meta.get(b"provenance", b"{}"))


def manifest(folder: Path) -> dict[str, Any]:
    """Provenance of the CSV files of a folder, by file name."""
    path = folder / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise UserError(
            f"{path}: not readable as JSON ({error}); delete it and run the analysis again"
        ) from error
    check(
        isinstance(entries, dict),
        f"{path}: content",
        entries,
        "entries by file name; delete it and run the analysis again",
    )
    return entries


def leading(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Put these columns first."""
    return frame[[*names, *(name for name in frame.columns if name not in names)]]
