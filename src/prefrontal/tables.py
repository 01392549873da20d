"""The data dictionary as code: which columns each table has, what they mean, and checked reading and writing.

Large tables are Parquet, small ones CSV. Every file says where it comes from: Parquet in its metadata, CSV in the folder's
``manifest.json``. A CSV that is rebuilt equal is left as it is; where a number moved, it is said which and by how much.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import platform
import subprocess
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from prefrontal.errors import UserError, require
from prefrontal.paths import PUBLISHED, ROOT, atomic, locked, prepare_folder

KEYS = {
    "seed": "network, by the seed it was trained with; or the number of an animal",
    "condition": "what was trained, by its name in the experiment's conditions.py",
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
    "quantities": {
        "condition": "what was trained",
        "claim": "claim that the quantity belongs to",
        "quantity": "name of the quantity within the claim; (claim, quantity) is its key everywhere",
        "seed": "network",
        "value": "the network's number",
    },
    "claims": {
        "claim": "identifier",
        "quantity": "which of the claim's quantities",
        "condition": "what was trained",
        "panel": "panel of the paper that shows it, or beyond",
        "statement": "the quantity in words",
        "published": "value in the paper, NaN where it gives none",
        "reproduced": "ours: mean over networks",
        "ci_low": "lower end of the 95 % interval over networks",
        "ci_high": "upper end",
        "n_networks": "networks that the interval is over",
        "above": "the criterion's lower bound of the interval",
        "below": "its upper bound",
        "criterion": "rule, written down before the result was seen",
        "reproduced_verdict": "True where the criterion holds; empty where a row is only compared with the published value",
        "agrees_verdict": "True where the published value lies within tolerance or in our networks' range; empty if none",
    },
}
"""Required columns by kind of table; trials may have the task's own columns beside them, steps one p_<action> per action,
activity one unit_<k> per unit (float32)."""

WORDS = ("condition", "period", "claim", "quantity", "panel", "statement", "criterion", "reproduced_verdict", "agrees_verdict")
"""Columns that hold words; all others of ``COLUMNS`` hold numbers."""

TOLERANCE = 1e-4
"""Numbers that differ by less than this share of the largest beside them are rebuilt equal: other processors round differently.
Beside a number are those of its column in rows with the same words, and at least a thousandth of the whole column's largest."""

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
    words = [name for name in COLUMNS[kind] if name not in WORDS and not pd.api.types.is_numeric_dtype(frame[name])]
    if words and len(frame):
        raise UserError(f"{where}: column {words[0]!r} of a {kind} table holds something else than numbers")


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
    prepare_folder(path.parent)
    if path.suffix == ".parquet":
        with atomic(path) as temporary:
            write_parquet(frame, temporary, about or {})
        return
    text = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    if path.exists():
        moved = difference(read(path), pd.read_csv(io.StringIO(text)))
        if not moved or moved.share <= TOLERANCE:
            return
        print(f"{path}: {moved}")
    with locked(path.parent):
        if about is not None:  # first: a table that is not written yet is written, with its entry, the next time
            entries = {name: own for name, own in manifest(path.parent).items() if (path.parent / name).exists()}
            entries = dict(sorted((entries | {path.name: about}).items()))
            with atomic(path.parent / "manifest.json") as temporary:
                temporary.write_text(json.dumps(entries, indent=1, default=str) + "\n")
        with atomic(path) as temporary:
            temporary.write_text(text)


def write_parquet(frame: pd.DataFrame, path: Path, about: dict[str, Any]) -> None:
    """Write a table with its provenance in the metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    meta = {**(table.schema.metadata or {}), b"provenance": json.dumps(about, default=str).encode()}
    pq.write_table(table.replace_schema_metadata(meta), path, compression="zstd")


@dataclass(frozen=True)
class Difference:
    """How far two versions of a table are apart, at most.

    Attributes
    ----------
    what : str
        Column, or what else differs.
    size : float
        Largest absolute difference; NaN where no number tells it.
    share : float
        The same as a share of the largest number beside it (see ``TOLERANCE``); infinite where rows, columns or words differ.
    """

    what: str
    size: float
    share: float

    def __str__(self) -> str:
        return f"{self.what} differ" if np.isinf(self.share) else f"{self.what} moved by up to {self.size:.3g} ({self.share:.1e})"


def difference(old: pd.DataFrame, new: pd.DataFrame) -> Difference | None:
    """Largest difference of two versions of a table; None where they are equal."""
    if list(old.columns) != list(new.columns):
        return Difference("columns", np.nan, np.inf)
    if len(old) != len(new):
        return Difference(f"numbers of rows, {len(old)} and {len(new)},", np.nan, np.inf)
    numbers = [name for name in old if all(pd.api.types.is_numeric_dtype(frame[name]) for frame in (old, new))]
    words = [name for name in old if name not in numbers]
    for name in words:
        if not old[name].equals(new[name]):
            return Difference(f"words of {name}", np.nan, np.inf)
    found = None
    for name in numbers:
        x, y = (frame[name].astype(float) for frame in (old, new))
        infinite = np.isinf(x) | np.isinf(y)
        if not x.isna().equals(y.isna()) or not x[infinite].equals(y[infinite]):
            return Difference(f"missing or infinite values of {name}", np.nan, np.inf)
        x, y = x.mask(infinite), y.mask(infinite)
        beside = x.abs().groupby([old[word] for word in words], dropna=False).transform("max") if words else x.abs().max()
        size = (x - y).abs()
        share = float((size / np.maximum(beside, max(x.abs().max() / 1000, 1e-12))).max())
        if share > (found.share if found else 0):
            found = Difference(name, float(size.max()), share)
    return found


@dataclass(frozen=True)
class Recording:
    """What was recorded, as in the data dictionary; a table that was not asked for is empty.

    Attributes
    ----------
    trials, steps, activity : DataFrame
    settings : dict
        Condition -> settings that its networks were trained with. References, such as the best possible agent, are built from
        these, never from today's defaults.
    about : dict
        Provenance.
    folder : Path
        Where it was read from; files of the networks are in its folder "networks".
    curves : DataFrame
        Learning curves of these, read when asked for.
    """

    trials: pd.DataFrame
    steps: pd.DataFrame = field(default_factory=pd.DataFrame)
    activity: pd.DataFrame = field(default_factory=pd.DataFrame)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def curves(self) -> pd.DataFrame:
        """Learning curves of all trained networks beside the recording."""
        return learning_curves(self.folder / "networks")


RECORDED = ("trials", "steps", "activity")


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables below one another; categories stay categories, where pandas makes text of them if they are not the same."""
    parts = [frame for frame in frames if len(frame)]
    if not parts:
        return pd.DataFrame()
    words: set[Any] = set.intersection(*(set(part.select_dtypes("category")) for part in parts))
    known = {name: list(dict.fromkeys(word for part in parts for word in part[name].cat.categories)) for name in words}
    alike = (part.assign(**{name: part[name].cat.set_categories(own) for name, own in known.items()}) for part in parts)
    return pd.concat(alike, ignore_index=True)


def join(recordings: Iterable[Recording]) -> Recording:
    """Join recordings of several conditions or tests."""
    parts = list(recordings)
    frames: dict[str, Any] = {name: concat([getattr(part, name) for part in parts]) for name in RECORDED}
    settings = {condition: own for part in parts for condition, own in part.settings.items()}
    return Recording(**frames, settings=settings)


def write_recording(recording: Recording, folder: Path) -> None:
    """Write the tables that are not empty as <folder>/trials.parquet, steps.parquet and activity.parquet, as one.

    All are written before the first takes the place of another recording's, trials last. Should that be cut short, they bear
    different marks, and are not read together.
    """
    kept = [name for name in RECORDED if name == "trials" or len(getattr(recording, name))]
    about = recording.about | {"settings": recording.settings, "tables": kept, "mark": uuid.uuid4().hex}
    with ExitStack() as last_in_first_out:
        for name in kept:
            check(getattr(recording, name), name, folder / f"{name}.parquet")
            temporary = last_in_first_out.enter_context(atomic(folder / f"{name}.parquet"))
            write_parquet(getattr(recording, name), temporary, about)
    for name in set(RECORDED) - set(kept):
        (folder / f"{name}.parquet").unlink(missing_ok=True)


def read_recording(folder: Path) -> Recording:
    """Read a recording; words that tell trials apart come as text.

    Raises
    ------
    UserError
        A table is missing, unreadable, or of another recording, or the networks were trained anew since.
    """
    files = {name: folder / f"{name}.parquet" for name in RECORDED}
    frames: dict[str, Any] = {"trials": read(files["trials"], "trials")}
    about = read_provenance(files["trials"])
    mark, settings, played = about.pop("mark", None), about.pop("settings", {}), about.pop("networks", None)
    if played not in (None, fingerprint(folder / "networks", settings)):
        raise UserError(f"{folder / 'networks'}: trained anew since {files['trials'].name} was recorded; run the recording again")
    for name in about.pop("tables", [name for name, path in files.items() if path.exists()])[1:]:
        frames[name] = read(files[name], name)
        if read_provenance(files[name]).get("mark") != mark:
            raise UserError(f"{files[name]}: not of the same recording as trials.parquet; run the recording again")
    for name, frame in frames.items():
        frames[name] = frame.astype({column: str for column in frame.select_dtypes("category").columns})
    return Recording(**frames, settings=settings, about=about, folder=folder)


def network(path: Path) -> dict[str, Any]:
    """Read what <condition>_<seed>.json says of a network.

    Raises
    ------
    UserError
        It is no such file, or another network's.
    """
    try:
        about = json.loads(path.read_text())
        name = f"{about['condition']}_{about['config']['seed']}"
        about["sha256"] = dict(about.get("sha256", {}))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the settings of a trained network ({type(error).__name__}: {error})") from error
    require(name == path.stem, f"{path}: network", name, path.stem)
    return about


def networks(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Files <condition>_<seed>.json of the networks in a folder, their weights kept or not, and what each says."""
    return [(path, network(path)) for path in sorted(folder.glob("*.json"))]


def fingerprint(folder: Path, conditions: Iterable[str]) -> str:
    """Tell the networks of these conditions in a folder from any others, by the hashes of their weights."""
    asked = set(conditions)
    weights = {path.stem: about["sha256"] for path, about in networks(folder) if about["condition"] in asked}
    return hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()[:16]


def learning_curves(folder: Path) -> pd.DataFrame:
    """Read the learning curves of all networks in a folder: condition, seed, and the columns of a learning curve."""
    parts = [pd.DataFrame(columns=["condition", "seed", *COLUMNS["learning_curve"]])]
    for path, about in networks(folder):
        curve = read(path.with_suffix(".csv"), "learning_curve")
        parts.append(curve.assign(condition=about["condition"], seed=about["config"]["seed"]))
    return leading(pd.concat(parts[1:] or parts, ignore_index=True), "condition", "seed")


def published(name: str) -> pd.DataFrame:
    """Digitised values of a published panel, such as "fig5e": columns figure, panel, series, x, y, err.

    Read off the figures of Wang et al. 2018; see data/published/README.md for accuracy and the original experiments.
    """
    return read(PUBLISHED / f"{name}.csv")


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
    if not isinstance(frame.index, pd.RangeIndex):
        raise UserError(f"{path}: not a readable table (more fields than column names)")
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


def check_trials(trials: pd.DataFrame, *needs: str) -> None:
    """Raise UserError unless learners can watch the trials.

    The table has the columns that they need besides, every trial once, and rewards of 0 or 1 where the choice was valid, or -1
    where the trial broke off later.
    """
    check(trials, "trials", "trials")
    odd = trials.loc[(trials["choice"] >= 0) & ~trials["reward"].isin([-1, 0, 1]), "reward"]
    if len(odd):
        raise UserError(f"trials: reward {odd.iloc[0]:g} is neither 0 nor 1, which learners take it for (--values reward=...)")
    for name in needs:
        if name not in trials.columns:
            raise UserError(f"trials: the table needs column {name!r}")
    if trials.duplicated(list(KEYS)).any():
        raise UserError(f"trials: some trial is there twice, by {', '.join(KEYS)}")


def by_length(trials: pd.DataFrame) -> list[np.ndarray]:
    """Arrange trials by episodes of similar length, so that few long ones do not make all others as long.

    Returns
    -------
    list of array (episode, trial)
        Positions of the table's rows; -1 beyond an episode's end. The longest of an array's episodes has at most twice as many
        trials as the shortest.

    Raises
    ------
    UserError
        A column is missing, or a trial is there twice.
    """
    check_trials(trials)
    episode = trials.groupby(["seed", "condition", "episode"], observed=True).ngroup().to_numpy()
    trial = trials["trial"].to_numpy()
    lengths = pd.Series(trial).groupby(episode).max().to_numpy(int) + 1
    size = np.ceil(np.log2(lengths)).astype(int)
    place = np.empty(len(lengths), dtype=int)
    arrays = []
    for own in np.unique(size):
        together = np.flatnonzero(size == own)
        place[together] = np.arange(len(together))
        rows = np.full((len(together), lengths[together].max()), -1)
        inside = np.flatnonzero(size[episode] == own)
        rows[place[episode[inside]], trial[inside]] = inside
        arrays.append(rows)
    return arrays


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance of a Parquet table."""
    meta = pq.read_schema(path).metadata or {}
    return json.loads(meta.get(b"provenance", b"{}"))


def manifest(folder: Path) -> dict[str, Any]:
    """Provenance of the CSV files of a folder, by file name."""
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise UserError(f"{path}: not readable as JSON ({error}); delete it and run the analysis again") from error
    require(isinstance(found, dict), f"{path}: content", found, "entries by file name; delete it and run the analysis again")
    return found


def leading(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Put these columns first."""
    return frame[[*names, *(name for name in frame.columns if name not in names)]]
