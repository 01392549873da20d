"""Rebuild everything from the weights in a separate folder, and compare it with the committed
results."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefrontal import experiments, files
from prefrontal.errors import UserError, check
from prefrontal.pipeline import orchestrate
from prefrontal.tables import storage


@dataclass(frozen=True, kw_only=True)
class Options:
    """Play all networks again, analyse, draw, and compare with the suite's results and figures."""

    data: Path = files.DATA
    """Data folder to compare with."""
    figures: Path = files.FIGURES
    """Figures folder to compare with."""
    folder: Path = files.ROOT / ".make" / "reproduce"
    """Folder to rebuild in; its content is removed first."""


def link(data: Path, rebuilt: Path, chosen: Collection[str]) -> None:
    """Link what is not rebuilt into the folder: networks, measures of those whose weights are not
    kept, and everything of experiments not chosen."""
    for path in data.glob("*/*"):
        if path.is_dir() and not (path.name == "results" and path.parent.name in chosen):
            point(rebuilt / path.relative_to(data), path)
    for name in chosen:
        kept = "fresh.csv" if name in experiments.names("record") else "networks.csv"
        results = data / name / "results"
        if (results / kept).exists():
            for path in (results / kept, *results.glob("manifest.json")):
                point(rebuilt / path.relative_to(data), path)


def point(name: Path, path: Path) -> None:
    """Make a symbolic link to a path."""
    name.parent.mkdir(parents=True, exist_ok=True)
    name.symlink_to(path.resolve(), target_is_directory=path.is_dir())


def compare(old: Path, new: Path) -> tuple[str, bool]:
    """Compare two versions of a table: a description, and whether they are equal within the
    tolerance."""
    if not old.exists() or not new.exists():
        return "not rebuilt" if old.exists() else "new", False
    difference = storage.difference(storage.read(old), storage.read(new))
    if difference is None:
        return "equal", True
    return str(difference), difference.share <= storage.TOLERANCE


def reproduce(names: Sequence[str], options: Options) -> None:
    """Rebuild experiments, print how much each table changed, and raise UserError if one changed
    too much."""
    from prefrontal.publishing import plotting  # imports matplotlib

    data, figures = options.folder / "data", options.folder / "figures"
    others = {path.name for path in options.folder.glob("*")} - {"data", "figures"}
    compared = {options.data.resolve(), options.figures.resolve()} & {
        data.resolve(),
        figures.resolve(),
    }
    legal = not others and not compared
    check(legal, "folder", str(options.folder), "a separate one: everything in it is removed first")
    shutil.rmtree(options.folder, ignore_errors=True)
    chosen = [name for name in names if name in experiments.names("analysis")]
    link(options.data, data, chosen)
    orchestrate.run(orchestrate.plan(names, data, everything=True), data, figures)
    for name in set(chosen) & set(experiments.names("replay")):
        print(f"{name}: committed statistics used; from raw data: prefrontal record {name}")
    tables = {
        path.relative_to(top)
        for top in (options.data, data)
        for path in top.glob("*/results/*.csv")
    }
    results = sorted(path for path in tables if path.parts[0] in chosen)
    moved = 0
    for path in results:
        text, equal = compare(options.data / path, data / path)
        moved += not equal
        print(f"{path.parts[0] + '/' + path.name:<60}{text}{'' if equal else '  !'}")
    for drawn in sorted(figures.glob("*.png")):
        old = options.figures / drawn.name
        if not old.exists() or not plotting.same_image(old, drawn):
            print(f"{drawn.name:<60}looks different")
    if moved:
        raise UserError(
            f"{moved} of {len(results)} tables differ from {options.data} by more "
            f"than {storage.TOLERANCE:g}"
        )
    print(f"all {len(results)} tables equal {options.data} within {storage.TOLERANCE:g}")
