"""Read trained networks: weights, and the JSON files that describe them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as from_bytes
from torch import Tensor

from prefrontal.errors import UserError, check
from prefrontal.networks.build import network_of
from prefrontal.networks.network import Network
from prefrontal.settings import Settings, TaskSettings
from prefrontal.tables.networks import Description, check_complete, descriptions


def stem(settings: Settings[Any], variant: str) -> str:
    """Name of a network's files, without ending."""
    return f"{variant}_{settings.seed}"


def weights_path(folder: Path, name: str, snapshot: int | None = None) -> Path:
    """Path of a network's weights, at the end of training or after so many episodes."""
    where = folder if snapshot is None else folder.parent / "snapshots" / str(snapshot)
    return where / f"{name}.safetensors"


def sha256(content: bytes) -> str:
    """Hash of a file's content."""
    return hashlib.sha256(content).hexdigest()


def trained_networks(
    folder: Path,
    variant: str,
    seeds: Sequence[int] | None = None,
) -> list[Description]:
    """Find the networks of a variant, or only those with these seeds, by seed.

    Without ``seeds``, all that were trained together must be there.

    Raises
    ------
    UserError
        There are none, one is missing, or their settings differ in more than the seed.
    """
    there = descriptions(folder)
    found = [
        each for each in there if each.variant == variant and (seeds is None or each.seed in seeds)
    ]
    found = sorted(found, key=lambda each: each.seed)
    if not found or len(found) < len(seeds or ()):
        others = sorted({each.variant for each in there} - {variant})
        hint = f"; trained variants are {', '.join(others)}" if others else ""
        raise UserError(
            f"{folder}: no trained network of variant {variant!r}; train it first{hint}"
        )
    if seeds is None:
        check_complete(found)
    first = {**found[0].settings, "seed": None}
    for each in found:
        if {**each.settings, "seed": None} != first:
            raise UserError(f"{each.path}: settings differ from those of {found[0].path.name}")
    return found


def load(
    folder: Path,
    task: type[TaskSettings],
    variant: str,
    snapshot: int | None = None,
    seeds: Sequence[int] | None = None,
) -> tuple[list[Settings[Any]], Network, Tensor]:
    """Read the trained networks of a variant.

    Parameters
    ----------
    folder : Path
        data/<experiment>/networks.
    task : type
        The experiment's task settings.
    variant : str
    snapshot : int, optional
        Weights after this number of training episodes, from data/<experiment>/snapshots.
    seeds : sequence of int, optional
        Networks to read; by default all.

    Returns
    -------
    settings : list of Settings
        One per network.
    network : Network
    parameters : Tensor
        (network, size).

    Raises
    ------
    UserError
        As ``trained_networks``; or a file is missing, damaged, or has other settings.
    """
    found = trained_networks(folder, variant, seeds)
    batch = [Settings.from_dict(each.settings, task, each.path) for each in found]
    network = network_of(batch[0], batch[0].task.build())
    flats = []
    for each in found:
        path = weights_path(folder, each.path.stem, snapshot)
        flats.append(
            read_weights(path, network, each.sha256.get(str(path.relative_to(folder.parent))))
        )
    return batch, network, torch.cat(flats)


def read_weights(path: Path, network: Network, expected: str | None) -> Tensor:
    """Read the parameters of one network, (1, size), and check them against the hash of its
    description."""
    if not path.exists():
        raise UserError(f"{path}: no such network; train it first")
    content = path.read_bytes()
    if sha256(content) != expected:
        raise UserError(
            f"{path}: not the weights that its JSON file describes; restore them, or train again"
        )
    try:
        parameters = {name: tensor.float()[None] for name, tensor in from_bytes(content).items()}
    except Exception as error:  # safetensors raises its own exceptions
        raise UserError(f"{path}: not a readable network ({str(error).splitlines()[0]})") from error
    shapes = {name: tuple(tensor.shape[1:]) for name, tensor in parameters.items()}
    if shapes != network.shapes:
        raise UserError(
            f"{path}: a network with {shapes} does not fit its settings, which need "
            f"{network.shapes}"
        )
    flat = network.flatten(parameters)
    check(bool(flat.isfinite().all()), f"{path}: weights", "not finite", "finite")
    return flat
