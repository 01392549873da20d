"""Rebuild everything from the trained networks, in a folder of its own, and compare every table with the one in data/.

python -m prefrontal.verify              all experiments
python -m prefrontal.verify two_step     one of them
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from prefrontal import experiment, paths, plotting, tables
from prefrontal.errors import UserError, require, run
from prefrontal.recording import record_experiment


@dataclass(frozen=True)
class Options:
    """What to rebuild, and where."""

    experiment: Annotated[str, tyro.conf.Positional] = ""
    """Only this one; by default all."""
    data: Path = paths.DATA
    """Data folder to compare with."""
    figures: Path = paths.FIGURES
    """Figures folder to compare with."""
    folder: Path = paths.ROOT / ".make" / "verify"
    """Where everything is rebuilt; what is there is removed first."""


def link(data: Path, rebuilt: Path, chosen: Collection[str]) -> None:
    """Show what is not rebuilt in the folder for what is: the networks, and all of the experiments that are not chosen."""
    for path in data.glob("*/*"):
        if path.is_dir() and not (path.name == "results" and path.parent.name in chosen):
            point(rebuilt / path.relative_to(data), path)
    for name in set(chosen) - set(experiment.names("record")):
        point(rebuilt / name / "results" / "networks.csv", data / name / "results" / "networks.csv")


def point(name: Path, path: Path) -> None:
    """Make a symbolic link to a path."""
    name.parent.mkdir(parents=True, exist_ok=True)
    name.symlink_to(path.resolve(), target_is_directory=path.is_dir())


def compare(old: Path, new: Path) -> tuple[str, bool]:
    """Compare two versions of a table -> in words, and whether they are equal within ``tables.TOLERANCE``."""
    if not old.exists() or not new.exists():
        return "not rebuilt" if old.exists() else "new", False
    found = tables.difference(tables.read(old), tables.read(new))
    return (str(found), found.share <= tables.TOLERANCE) if found else ("equal", True)


def main(options: Options) -> None:
    """Rebuild, print the largest difference of every table, and raise UserError if one is beyond the tolerance."""
    recorded = experiment.names("record")
    everything = sorted(experiment.names("analysis"), key=lambda name: name not in recorded)  # those about the others come last
    require(options.experiment in ("", *everything), "experiment", options.experiment, " or ".join(everything))
    chosen = [options.experiment] if options.experiment else everything
    data, figures = options.folder / "data", options.folder / "figures"
    others = {path.name for path in options.folder.glob("*")} - {"data", "figures"}
    compared = {options.data.resolve(), options.figures.resolve()} & {data.resolve(), figures.resolve()}
    require(not others and not compared, "folder", str(options.folder), "one of its own: everything there is removed first")
    shutil.rmtree(options.folder, ignore_errors=True)
    link(options.data, data, chosen)
    for name in chosen:
        if name in recorded:
            record_experiment(name, data)
        experiment.analyse(name, data)
    for name in chosen if options.experiment else experiment.names("figure"):
        experiment.draw(name, experiment.Folders(data, figures))
    found = {path.relative_to(top) for top in (options.data, data) for path in top.glob("*/results/*.csv")}
    results = sorted(path for path in found if path.parts[0] in chosen)
    beyond = 0
    for path in results:
        words, equal = compare(options.data / path, data / path)
        beyond += not equal
        print(f"{path.parts[0] + '/' + path.name:<50}{words}{'' if equal else '  !'}")
    for drawn in sorted(figures.glob("*.png")):
        old = options.figures / drawn.name
        if not old.exists() or not plotting.same_image(old, drawn):
            print(f"{drawn.name:<50}looks different")
    if beyond:
        raise UserError(f"{beyond} of {len(results)} tables differ from {options.data} by more than {tables.TOLERANCE:g}")
    print(f"all {len(results)} tables equal {options.data} within {tables.TOLERANCE:g}")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
