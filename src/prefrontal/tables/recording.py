"""Recordings of frozen networks: trials, steps and activity, written and read as one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic

import pandas as pd

from prefrontal.errors import UserError
from prefrontal.files import atomic
from prefrontal.settings import Settings, TaskSettings, TaskT
from prefrontal.tables.networks import learning_curves
from prefrontal.tables.schema import check_columns
from prefrontal.tables.storage import concat, read, read_provenance, write_parquet


@dataclass(frozen=True)
class Recording(Generic[TaskT]):
    """Recorded tables, as in the data dictionary; a table that was not requested is empty.

    Attributes
    ----------
    trials, steps, activity : DataFrame
    settings : dict
        Variant -> settings that its networks were trained with. Ideal observers are built from
        these.
    about : dict
        Provenance.
    folder : Path
        Folder it was read from; the networks are in its subfolder "networks".
    curves : DataFrame
        Learning curves of these networks, read on demand.
    """

    trials: pd.DataFrame
    steps: pd.DataFrame = field(default_factory=pd.DataFrame)
    activity: pd.DataFrame = field(default_factory=pd.DataFrame)
    settings: dict[str, Settings[TaskT]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def curves(self) -> pd.DataFrame:
        """Learning curves of all networks in the folder of the recording."""
        return learning_curves(self.folder / "networks")


RECORDED = ("trials", "steps", "activity")


def join(recordings: Iterable[Recording[Any]]) -> Recording[Any]:
    """Join recordings of several variants or tests."""
    parts = list(recordings)
    frames: dict[str, Any] = {
        name: concat([getattr(part, name) for part in parts]) for name in RECORDED
    }
    settings = {
        variant: variant_settings
        for part in parts
        for variant, variant_settings in part.settings.items()
    }
    return Recording(**frames, settings=settings)


def write_recording(recording: Recording[Any], folder: Path) -> None:
    """Write the tables that are not empty as <folder>/trials.parquet, steps.parquet and
    activity.parquet, as one.

    All are written before any replaces its predecessor, trials last. After an interruption they
    carry different marks and are not read together.
    """
    kept = [name for name in RECORDED if name == "trials" or len(getattr(recording, name))]
    settings = {
        name: _described(variant_settings) for name, variant_settings in recording.settings.items()
    }
    about = recording.about | {"settings": settings, "tables": kept, "mark": uuid.uuid4().hex}
    with ExitStack() as last_in_first_out:
        for name in kept:
            check_columns(getattr(recording, name), name, folder / f"{name}.parquet")
            temporary = last_in_first_out.enter_context(atomic(folder / f"{name}.parquet"))
            write_parquet(getattr(recording, name), temporary, about)
    for name in set(RECORDED) - set(kept):
        (folder / f"{name}.parquet").unlink(missing_ok=True)


def _described(settings: Settings[Any]) -> dict[str, Any]:
    return {"task_class": type(settings.task).__name__} | settings.to_dict()


def read_recording(folder: Path, tasks: Mapping[str, type[TaskSettings]]) -> Recording[Any]:
    """Read a recording; text columns come as strings.

    Parameters
    ----------
    folder : Path
    tasks : mapping
        Classes of task settings by their name, from which the settings of each variant are built.

    Raises
    ------
    UserError
        A table is missing, unreadable, changed since it was written, or belongs to another
        recording; or there are no trials of a variant.
    """
    files = {name: folder / f"{name}.parquet" for name in RECORDED}
    frames: dict[str, Any] = {"trials": read(files["trials"], "trials", sealed=True)}
    about = read_provenance(files["trials"])
    try:
        mark, kept, saved = about.pop("mark"), about.pop("tables"), about.pop("settings")
        classes = {variant: tasks[values.pop("task_class")] for variant, values in saved.items()}
    except (KeyError, AttributeError) as error:
        raise UserError(
            f"{files['trials']}: not a recording of this version ({error}); record again"
        ) from error
    for name in kept[1:]:
        frames[name] = read(files[name], name, sealed=True)
        if read_provenance(files[name]).get("mark") != mark:
            raise UserError(
                f"{files[name]}: from a different recording than trials.parquet; record again"
            )
    settings = {
        v: Settings.from_dict(values, classes[v], files["trials"]) for v, values in saved.items()
    }
    for variant in settings.keys() - set(frames["trials"]["variant"].unique()):
        raise UserError(f"{files['trials']}: no trials of variant {variant!r}; record again")
    return with_strings(Recording(**frames, settings=settings, about=about, folder=folder))


def with_strings(recording: Recording[TaskT]) -> Recording[TaskT]:
    """Turn text columns, recorded as categories, into strings, as analyses expect them."""
    frames: dict[str, Any] = {}
    for name in RECORDED:
        frame = getattr(recording, name)
        frames[name] = frame.astype({column: str for column in frame.select_dtypes("category")})
    return replace(recording, **frames)
