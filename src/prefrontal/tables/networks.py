"""The JSON files that describe trained networks, ``<variant>_<seed>.json``, and learning curves.

Per network there are weights (``.safetensors``), this description and a learning curve (``.csv``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prefrontal.errors import UserError, check
from prefrontal.tables.schema import COLUMNS, SUBJECT
from prefrontal.tables.storage import leading, read


@dataclass(frozen=True)
class Description:
    """Content of the JSON file of one trained network.

    Attributes
    ----------
    path : Path
    experiment, variant : str
    seed : int
    settings : dict
        As ``Settings.to_dict`` gives them.
    seeds : list of int
        Seeds of all networks that were trained together with it.
    sha256 : dict
        File of weights, relative to the folder above, -> hash of its content.
    about : dict
        Everything in the file.
    """

    path: Path
    experiment: str
    variant: str
    seed: int
    settings: dict[str, Any]
    seeds: list[int]
    sha256: dict[str, str]
    about: dict[str, Any]


def read_description(path: Path) -> Description:
    """Read the JSON file of a trained network.

    Raises
    ------
    UserError
        It is not such a file, or its content and name disagree.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        settings, variant = about["settings"], about["variant"]
        name, hashes = f"{variant}_{settings['seed']}", dict(about["sha256"])
        seed, seeds = settings["seed"], list(about["seeds"])
        description = Description(
            path, about["experiment"], variant, seed, settings, seeds, hashes, about
        )
    except (ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: not the description of a trained network ({why})") from error
    check(name == path.stem, f"{path}: network", name, path.stem)
    return description


def descriptions(folder: Path, variants: Iterable[str] | None = None) -> list[Description]:
    """Read the descriptions of all networks in a folder, or of those of some variants, by file
    name."""
    asked = None if variants is None else set(variants)
    every = [read_description(path) for path in sorted(folder.glob("*.json"))]
    return [each for each in every if asked is None or each.variant in asked]


def check_complete(networks: Sequence[Description]) -> None:
    """Raise UserError if a network that was trained together with one of these is missing."""
    there = {(each.variant, each.seed) for each in networks}
    for each in networks:
        for seed in each.seeds:
            if (each.variant, seed) not in there:
                raise UserError(
                    f"{each.path.parent}: network {seed} of variant {each.variant!r} is missing "
                    f"({each.variant}_{seed}.json); restore it, or train again"
                )


def fingerprint(folder: Path, variants: Iterable[str] | None = None) -> str:
    """Hash of the present weights and settings of the networks of some variants."""
    content = {
        each.path.stem: [
            {
                name: _file_hash(folder.parent / name)
                for name in each.sha256
                if not name.endswith(".csv")
            },
            each.settings,
        ]
        for each in descriptions(folder, variants)
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def network_table(
    network: Description, ending: str = ".csv", kind: str | None = None, needs: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Read a table of one network, such as its learning curve.

    Raises
    ------
    UserError
        It is missing, unreadable, or does not match the hash in the network's description.
    """
    path = network.path.with_name(network.path.stem + ending)
    table = read(path, kind, needs)
    if network.sha256.get(f"{path.parent.name}/{path.name}") != _file_hash(path):
        raise UserError(
            f"{path}: not the table that {network.path.name} has the hash of; restore it, or "
            "train again"
        )
    return table


def learning_curves(folder: Path) -> pd.DataFrame:
    """Read the learning curves of all networks in a folder, with columns variant and subject."""
    parts = [pd.DataFrame(columns=[*SUBJECT, *COLUMNS["learning_curve"]])]
    networks = descriptions(folder)
    check_complete(networks)
    for each in networks:
        curve = network_table(each, kind="learning_curve")
        parts.append(curve.assign(variant=each.variant, subject=each.seed))
    return leading(pd.concat(parts[1:] or parts, ignore_index=True), *SUBJECT)
