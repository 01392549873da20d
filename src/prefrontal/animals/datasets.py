"""Published data sets of animals and people, fetched by name: ``prefrontal data``.

``datasets.toml`` lists them, with sources and licences. Files are kept in the user's
cache, or in the folder that ``PREFRONTAL_DATASETS`` names, one folder per data set, as in its
repository.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import tyro
from platformdirs import user_cache_dir
from tqdm import tqdm

from prefrontal import files
from prefrontal.animals import formats
from prefrontal.errors import UserError, check
from prefrontal.tables.schema import SUBJECT, check_columns

CACHE = "PREFRONTAL_DATASETS"
"""Environment variable that names a folder to use instead of the user's cache."""

ADDRESS = "PREFRONTAL_DATASETS_ADDRESS"
"""Environment variable that names a mirror to use instead of ``RAW``."""

RAW = "https://raw.githubusercontent.com"

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "miller_2022": lambda folder: formats.read_rats(folder / "data/ofc_physdata.mat"),
    "miranda_2026": lambda folder: formats.read_monkeys(folder / "data/PreparedData.mat"),
    "shahar_2019": lambda folder: formats.read_people_in_words(
        folder / "shahar2019twosteptask/prompts.jsonl.zip"
    ),
    "trepka_2021": lambda folder: pd.concat(
        [
            formats.read_mice(folder / "datasets/preprocessed/all_stats_cohen.mat"),
            formats.read_monkeys_reversal(folder / "datasets/preprocessed/all_stats_costa.mat"),
        ],
        ignore_index=True,
    ),
    "gagne_2020": lambda folder: formats.read_volatility(folder / "data"),
}
"""Reader of each data set's folder."""


@dataclass(frozen=True)
class Dataset:
    """Entry of the registry."""

    name: str
    title: str
    task: str
    subjects: int
    trials: int
    megabytes: float
    repository: str
    commit: str
    license: str
    citation: str
    files: dict[str, str]
    units: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Folder of its files."""
        cache = os.environ.get(CACHE)
        return (
            Path(cache) if cache else Path(user_cache_dir("prefrontal")) / "datasets"
        ) / self.name

    def paths(self, units: bool = False) -> dict[str, str]:
        """Path of every file in the repository -> its SHA-256, empty where it is not known."""
        listed = {**self.files, **self.units} if units else self.files
        return {path: sha for pattern, sha in listed.items() for path in expand(pattern)}

    def missing(self, folder: Path, units: bool = False) -> list[str]:
        """Files that are not in a folder."""
        return [path for path in self.paths(units) if not (folder / path).exists()]


def expand(pattern: str) -> Iterator[str]:
    """Expand a pattern with {a,b} or {0..9} into paths."""
    pieces = re.split(r"\{(.*?)\}", pattern)
    choices = []
    for alternatives in pieces[1::2]:
        first, dots, last = alternatives.partition("..")
        choices.append(
            map(str, range(int(first), int(last) + 1)) if dots else alternatives.split(",")
        )
    for chosen in itertools.product(*choices):
        yield "".join(itertools.chain(*zip(pieces[::2], (*chosen, ""), strict=True)))


def registry() -> dict[str, Dataset]:
    """All data sets by name."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {name: Dataset(name, **entry) for name, entry in tomllib.loads(text).items()}


def get(name: str) -> Dataset:
    """Find a data set by its name."""
    known = registry()
    check(name in known, "data set", name, f"one of {', '.join(known)}")
    return known[name]


def fetch(name: str, units: bool = False, clone: Path | None = None) -> Path:
    """Fetch the missing files of a data set.

    Parameters
    ----------
    name : str
    units : bool
        Fetch spike times too.
    clone : Path, optional
        Clone of the repository to copy from, instead of downloading.

    Returns
    -------
    Path
        Folder of the files.

    Raises
    ------
    UserError
        No such data set, no connection, no space, a wrong checksum: no partial file is left, and
        complete files are kept.
    """
    dataset = get(name)
    if units and not dataset.units:
        raise UserError(f"data set {name!r} has no neurons (--units)")
    if clone is not None:
        check(clone.is_dir(), "from", str(clone), "the folder of a clone")
    known, address = dataset.paths(units), os.environ.get(ADDRESS) or RAW
    url = f"{address.rstrip('/')}/{dataset.repository}/{dataset.commit}"
    for path in tqdm(dataset.missing(dataset.folder, units), name, unit="file", delay=2):
        target = dataset.folder / path
        if clone is None:
            files.download(f"{url}/{path}", target, known[path])
            continue
        check((clone / path).is_file(), "from", str(clone), f"a clone that has {path}")
        if known[path] not in ("", files.digest(clone / path)):
            raise UserError(f"{clone / path}: wrong checksum; not as in commit {dataset.commit}")
        with files.atomic(target) as temporary:
            shutil.copyfile(clone / path, temporary)
    return dataset.folder


def load_data(name: str, folder: Path | str | None = None) -> pd.DataFrame:
    """Read the trials of a published data set, fetching them if necessary.

    Parameters
    ----------
    name : str
        Such as "miranda_2026"; ``prefrontal data list`` shows all.
    folder : Path or str, optional
        Clone of its repository to read from; by default the user's cache.

    Returns
    -------
    DataFrame
        Trials table; ``subject`` holds the published names.

    Raises
    ------
    UserError
        No such data set, or its files cannot be fetched or read.

    Examples
    --------
    >>> load_data("trepka_2021").query("variant == 'mice'")  # doctest: +SKIP
    """
    dataset = get(name)
    trials = READERS[name](_folder(dataset, folder))
    check_columns(trials, "trials", name)
    for what, count in (("subjects", len(trials[SUBJECT].drop_duplicates())), ("trials", None)):
        count, expected = count or len(trials), getattr(dataset, what)
        check(count == expected, f"{name}: number of {what}", count, f"{expected}, as published")
    return trials


def load_units(
    name: str, folder: Path | str | None = None
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Read the neurons of a published data set: a units table, and spike counts of each unit.

    Counting the spikes takes about a minute; the counts are cached next to the files.

    Returns
    -------
    units : DataFrame
        area, unit, and variant, subject, episode of the session.
    counts : list of array (trials, epochs, 2) of uint8
        Spikes in two windows of 500 ms after the events of ``formats.EVENTS``.
    """
    dataset = get(name)
    check(bool(dataset.units), "data set", name, "one with neurons")
    where = Path(folder) if folder is not None else dataset.folder
    table, archive = where / "units.csv", where / "counts.npz"
    if not archive.exists():
        where = _folder(dataset, folder, units=True)
        units, counts = formats.read_units(where / "data", load_data(name, folder))
        files.write_text(table, units.to_csv(index=False))
        with files.atomic(archive) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, *counts)
    with formats.reading(archive, "file of spike counts"), np.load(archive) as arrays:
        return pd.read_csv(table), [arrays[key] for key in arrays.files]


def _folder(dataset: Dataset, folder: Path | str | None, units: bool = False) -> Path:
    """Folder with the files: the given one, or the cache, filled if necessary."""
    if folder is None:
        return fetch(dataset.name, units)
    missing = dataset.missing(Path(folder), units)
    check(not missing, "folder", str(folder), f"a clone that has {(missing or [''])[0]}")
    return Path(folder)


@dataclass(frozen=True)
class Options:
    """Fetch a published data set into the user's cache."""

    name: tyro.conf.Positional[str]
    """Data set (prefrontal data list)."""
    units: bool = False
    """Fetch spike times too."""
    source: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Clone of its repository to copy from, instead of downloading."""


def listing() -> str:
    """Table of the data sets."""
    lines = []
    for dataset in registry().values():
        here = "fetched" if not dataset.missing(dataset.folder) else "not fetched"
        lines += [
            f"{dataset.name:<13} {dataset.title} ({here})",
            f"{'':13} {dataset.subjects} subjects, {dataset.trials:,} trials, "
            f"{dataset.megabytes:g} MB, licence {dataset.license}",
            f"{'':13} {dataset.citation}",
            f"{'':13} https://github.com/{dataset.repository}, commit {dataset.commit[:12]}",
            "",
        ]
    return "\n".join([*lines, "prefrontal data fetch NAME; in Python: prefrontal.load_data(NAME)"])


USAGE = """usage: prefrontal data list                                 list the data sets
       prefrontal data fetch NAME [--units] [--from CLONE]  download one, or copy it from a clone
       prefrontal data path NAME                            print the folder of its files"""


def main(given: Sequence[str]) -> None:
    """Run ``prefrontal data``."""
    actions: dict[str, Callable[[Sequence[str]], Any]] = {
        "list": lambda rest: listing(),
        "fetch": _fetch,
        "path": lambda rest: _path(tyro.cli(Options, args=rest, prog="prefrontal data path")),
    }
    if not given or given[0] in ("-h", "--help"):
        print(USAGE)
        return
    check(given[0] in actions, "action", given[0], f"one of {', '.join(actions)}")
    print(actions[given[0]](given[1:]))


def _fetch(rest: Sequence[str]) -> Path:
    options = tyro.cli(Options, args=rest, prog="prefrontal data fetch")
    return fetch(options.name, options.units, options.source)


def _path(options: Options) -> Path:
    dataset = get(options.name)
    if dataset.missing(dataset.folder, options.units):
        raise UserError(f"{options.name}: not fetched; run prefrontal data fetch {options.name}")
    return dataset.folder
