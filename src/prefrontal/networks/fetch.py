"""Trained networks of an installed package: downloaded on demand, with checksums.

For a release, ``python -m prefrontal.networks.fetch`` packs the networks of this checkout into
``dist/``, one archive per experiment, and writes their checksums into ``release.json``.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

from prefrontal import experiments, files
from prefrontal.errors import UserError, check, run

RELEASE = Path(__file__).with_name("release.json")
"""Address of the release, and the checksum of every archive."""

ADDRESS = "PREFRONTAL_RELEASE"
"""Environment variable with another address, such as a mirror."""

PACKED = ("networks", "snapshots")
"""Folders of an experiment's data that an archive holds."""


def fetch(experiment: str, data: Path = files.DATA) -> Path:
    """Download the networks of an experiment if they are missing.

    Parameters
    ----------
    experiment : str
    data : Path
        Data folder to unpack into.

    Returns
    -------
    Path
        Folder of the networks.

    Raises
    ------
    UserError
        There is no such experiment or address, no connection, no space, or the checksum is wrong.
    """
    folder = data / experiment / "networks"
    if any(folder.glob("*.json")):
        return folder
    release = json.loads(RELEASE.read_text(encoding="utf-8"))
    archives, address = release["archives"], os.environ.get(ADDRESS) or release["address"]
    check(experiment in archives, "experiment", experiment, f"one of {', '.join(archives)}")
    if not address:
        raise UserError(
            f"no address to download networks from; set {ADDRESS} to that of a "
            "release, or work in a checkout"
        )
    archive = data.parent / "archives" / f"networks-{experiment}.zip"
    files.download(f"{address.rstrip('/')}/{archive.name}", archive, archives[experiment])
    unpack(archive, data / experiment)
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive; descriptions, which mark networks as complete, come last."""
    with zipfile.ZipFile(archive) as packed:
        for name in sorted(packed.namelist(), key=lambda name: name.endswith(".json")):
            target = (folder / name).resolve()
            check(
                target.is_relative_to(folder.resolve()),
                f"{archive}: file",
                name,
                "inside its folder",
            )
            with files.atomic(target) as temporary:
                temporary.write_bytes(packed.read(name))


def pack(experiment: str, data: Path, target: Path) -> str:
    """Write the archive of an experiment's networks; equal networks give equal bytes.

    Returns
    -------
    str
        SHA-256 of the archive.
    """
    root = data / experiment
    paths = sorted(path for part in PACKED for path in (root / part).rglob("*") if path.is_file())
    with files.atomic(target) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for path in paths:
            entry = zipfile.ZipInfo(str(path.relative_to(root)), (1980, 1, 1, 0, 0, 0))
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_STORED)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def main() -> None:
    """Pack the networks of the suite for a release, and write their checksums."""
    release: dict[str, Any] = json.loads(RELEASE.read_text(encoding="utf-8"))
    folder = files.ROOT / "dist"
    for name in experiments.suite("train"):
        release["archives"][name] = pack(name, files.DATA, folder / f"networks-{name}.zip")
        print(folder / f"networks-{name}.zip")
    files.write_text(RELEASE, json.dumps(release, indent=1) + "\n")
    print(f"{RELEASE}: set the address of the release, then build the wheel", file=sys.stderr)


if __name__ == "__main__":
    run(main)
