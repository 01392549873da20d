"""The data dictionary as code: which columns each table has, what they mean, and checked reading and writing.

Large tables are Parquet, small ones CSV. Every file says where it comes from: Parquet in its metadata, CSV in the folder's
``manifest.json``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from prefrontal.errors import UserError
from prefrontal.paths import ROOT, atomic

KEYS = {
    "seed": "network, by the seed it was trained with; or the number of an animal",
    "condition": "what the network was trained on or is tested under",
    "episode": "episode, from 0",
    "trial": "trial in the episode, from 0",
}

COLUMNS: dict[str, dict[str, str]] = {
    "trials": {
        **KEYS,
        "choice": "0 left, 1 right, -1 invalid",
        "reward": "reward of the trial, in the task's units",
    },
    "steps": {
        **KEYS,
        "step": "time step in the episode, from 0",
        "period": "kind of time step, by the task's name for it",
        "action": "index of the action taken",
        "reward": "reward that followed the action",
        "value": "value V of the network, discounted reward to come",
        "rpe": "reward prediction error: reward + discount * next value - value",
    },
    "activity": {**KEYS, "step": "time step in the episode, from 0", "period": "kind of time step"},
    "learning_curve": {
        "episode": "training episodes so far",
        "reward": "reward per episode, mean since the row before",
        "entropy": "entropy of the policy in nats per time step",
        "value_error": "squared difference of return and value, per time step",
    },
    "claims": {
        "claim": "identifier",
        "panel": "panel of the paper that shows it",
        "statement": "the claim in words",
        "published": "value in the paper, NaN where it gives none",
        "reproduced": "ours: mean over networks",
        "ci_low": "lower end of the 95 % interval over networks",
        "ci_high": "upper end",
        "n_networks": "networks that the interval is over",
        "criterion": "rule, written down before the result was seen",
        "reproduced_verdict": "True where the criterion holds; empty where a row is only compared with the published value",
        "agrees_verdict": "True where the published value lies within tolerance or in our networks' range; empty if none",
    },
}
"""Required columns by kind of table; trials may have the task's own columns beside them, steps one p_<action> per action,
activity one unit_<k> per unit (float32)."""

LIBRARIES = ("torch", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn")


def provenance(config: str, seeds: list[int]) -> dict[str, Any]:
    """Say where a file comes from: commit, hash of the settings, library versions, seeds."""
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "src", "replications"], capture_output=True, text=True, check=True
        )
        commit += "+changes" if changed.stdout.strip() else ""
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {
        "commit": commit,
        "config_sha256": hashlib.sha256(config.encode()).hexdigest()[:16],
        "seeds": seeds,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def check(frame: pd.DataFrame, kind: str, where: object) -> None:
    """Raise UserError unless the table has the columns of its kind."""
    if kind not in COLUMNS:
        raise UserError(f"{kind!r} is no kind of table; there are {', '.join(COLUMNS)}")
    missing = [name for name in COLUMNS[kind] if name not in frame.columns]
    if missing:
        raise UserError(f"{where}: a {kind} table needs column {missing[0]!r} ({COLUMNS[kind][missing[0]]})")


def write(frame: pd.DataFrame, path: Path, kind: str | None = None, about: dict[str, Any] | None = None) -> None:
    """Write a table, as Parquet or CSV by the path's ending, atomically.

    Parameters
    ----------
    kind : str, optional
        Kind of table to check against; None for a panel's results.
    about : dict, optional
        Provenance. In Parquet it goes into the metadata; beside a CSV into manifest.json.
    """
    if kind is not None:
        check(frame, kind, path)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            table = pa.Table.from_pandas(frame, preserve_index=False)
            meta = {**(table.schema.metadata or {}), b"provenance": json.dumps(about or {}, default=str).encode()}
            pq.write_table(table.replace_schema_metadata(meta), temporary, compression="zstd")
        else:
            frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    if path.suffix == ".csv" and about is not None:
        manifest = path.parent / "manifest.json"
        entries = json.loads(manifest.read_text()) if manifest.exists() else {}
        entries[path.name] = about
        with atomic(manifest) as temporary:
            temporary.write_text(json.dumps(dict(sorted(entries.items())), indent=1, default=str) + "\n")


def read(path: Path, kind: str | None = None, needs: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table and check that it has the columns of its kind, and those of the task that the reader ``needs``.

    Raises
    ------
    UserError
        The file is missing or unreadable, or a column is missing.
    """
    if not path.exists():
        raise UserError(f"{path}: no such table; run the step that writes it first")
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except Exception as error:  # pyarrow and pandas raise many kinds
        raise UserError(f"{path}: not a readable table ({str(error).splitlines()[0]})") from error
    if kind is not None:
        check(frame, kind, path)
    missing = [name for name in needs if name not in frame.columns]
    if missing:
        raise UserError(f"{path}: column {missing[0]!r} is missing; run the step that writes this table again")
    return frame


def free_choices(trials: pd.DataFrame) -> pd.Series:
    """True where the subject chose: the choice is valid and not ``forced``, by the column of that name if there is one."""
    free = trials["choice"] >= 0
    return free & ~trials["forced"].astype(bool) if "forced" in trials.columns else free


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance of a Parquet table."""
    meta = pq.read_schema(path).metadata or {}
    return json.loads(meta.get(b"provenance", b"{}"))


def manifest(folder: Path) -> dict[str, Any]:
    """Return the provenance of the CSV files of a folder, by file name."""
    path = folder / "manifest.json"
    if not path.exists():
        raise UserError(f"{path}: no such file; run the analysis first")
    return json.loads(path.read_text())
