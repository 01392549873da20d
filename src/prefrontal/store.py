"""Files of networks: weights, settings and learning curves of trained ones, checkpoints of those in training.

Per network: weights (``<condition>_<seed>.safetensors``), settings and versions (``.json``) and learning curve (``.csv``).
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from prefrontal import tables
from prefrontal.config import Config, digest
from prefrontal.errors import UserError, require
from prefrontal.network import Network
from prefrontal.paths import atomic
from prefrontal.population import Population, network_of

LEARNING = ("a2c", "compiling", "config", "cores/*", "encoders", "network", "population", "task", "train")
"""Modules of the library that the numbers of a training rest on."""

IMPORT = r"^from ((?:replications|prefrontal\.learners)[\w.]*) import (\([^)]*\)|.+)"
"""What may hold further ones: a module, and the names that are imported from it."""


def stem(config: Config, condition: str) -> str:
    """Name of a network's files, without ending."""
    return f"{condition}_{config.seed}"


def provenance(configs: Sequence[Config]) -> dict[str, Any]:
    """Provenance of files made from networks with these settings."""
    return tables.provenance(json.dumps([config.json() for config in configs]), sorted({config.seed for config in configs}))


def save(population: Population, condition: str, curves: list[pd.DataFrame], folder: Path) -> None:
    """Write weights, settings and learning curve of every network to ``folder``; settings, which say it is there, come last."""
    save_weights(population, condition, folder)
    for config, curve in zip(population.configs, curves, strict=True):
        name = stem(config, condition)
        weights = [weights_path(folder, name, snapshot) for snapshot in (None, *config.snapshot_episodes)]
        about = {
            "config": config.settings(),
            "condition": condition,
            "training_seconds": round(population.seconds, 1),
            "processor_seconds": round(population.processor_seconds, 1),
            "networks_in_population": len(population.configs),
            "actions": population.trained_steps,
            "provenance": provenance([config]),
            "sha256": {str(path.relative_to(folder.parent)): sha256(path.read_bytes()) for path in weights if path.exists()},
        }
        tables.write(curve, folder / f"{name}.csv", "learning_curve")
        with atomic(folder / f"{name}.json") as path:
            path.write_text(json.dumps(about, indent=1, default=str) + "\n")


def save_weights(population: Population, condition: str, folder: Path) -> None:
    """Write the weights of every network to ``folder``."""
    parameters = population.network.views(population.flat.cpu())
    for index, config in enumerate(population.configs):
        kind = torch.float16 if config.half_precision else torch.float32
        with atomic(folder / f"{stem(config, condition)}.safetensors") as path:
            own = {name: tensor[index].to(kind).clone() for name, tensor in parameters.items()}
            path.write_bytes(to_bytes(own, {"config": config.json()}))  # one entry: several are written in any order


def weights_path(folder: Path, name: str, snapshot: int | None = None) -> Path:
    """Where a network's weights are, at the end of its training or as they were after so many episodes."""
    where = folder if snapshot is None else folder.parent / "snapshots" / str(snapshot)
    return where / f"{name}.safetensors"


def sha256(content: bytes) -> str:
    """Fingerprint of what a file holds."""
    return hashlib.sha256(content).hexdigest()


def refuse_replacing(configs: list[Config], condition: str, folder: Path) -> None:
    """Raise UserError if training would replace networks that were trained with other settings."""
    for config in configs:
        path = folder / f"{stem(config, condition)}.json"
        if path.exists():
            there = read_settings(path, type(config))[1].settings()
            other = [name for name, value in config.settings().items() if there[name] != value]
            if other:
                raise UserError(
                    f"{path}: a network with {other[0]} {there[other[0]]!r} is there, not {getattr(config, other[0])!r}; "
                    "write elsewhere with --data, or say --replace"
                )


def read_settings(path: Path, kind: type[Config]) -> tuple[str, Config]:
    """Read what a network's JSON file says -> condition, settings."""
    about = tables.network(path)
    return about["condition"], kind.read(about["config"], path)


def trained_configs(folder: Path, kind: type[Config], condition: str, seeds: Sequence[int] | None = None) -> list[Config]:
    """Settings of all networks of a condition, or of those with these seeds, whose weights are in ``folder``, by seed.

    Raises
    ------
    UserError
        There are none, one that is asked for is missing, or their settings differ in more than the seed.
    """
    read = [read_settings(path, kind) for path in sorted(folder.glob("*.json")) if path.with_suffix(".safetensors").exists()]
    configs = [config for name, config in read if name == condition and (seeds is None or config.seed in seeds)]
    configs = sorted(configs, key=lambda config: config.seed)
    if not configs or len(configs) < len(seeds or ()):
        others = sorted({name for name, _ in read} - {condition})
        there = f", or take {' or '.join(others)}" if others else ""
        raise UserError(f"{folder}: no trained network of condition {condition!r}; train it first{there}")
    first = configs[0].settings()
    for config in configs:
        for name, value in config.settings().items():
            if name != "seed" and value != first[name]:
                path = folder / f"{stem(config, condition)}.json"
                raise UserError(f"{path}: {name} is {value!r}, but {first[name]!r} in the other networks of {condition!r}")
    return configs


def load(
    folder: Path, kind: type[Config], condition: str, snapshot: int | None = None, seeds: Sequence[int] | None = None
) -> tuple[list[Config], Network, Tensor]:
    """Read all trained networks of a condition -> settings, network, parameters (seed, size).

    Parameters
    ----------
    folder : Path
        data/<experiment>/networks.
    kind : type
        The experiment's Config.
    condition : str
    snapshot : int, optional
        Weights as they were after so many training episodes, from data/<experiment>/snapshots.
    seeds : sequence of int, optional
        Of which networks; by default of all.

    Raises
    ------
    UserError
        As ``trained_configs``; or a file is missing, unreadable, or belongs to other settings.
    """
    configs = trained_configs(folder, kind, condition, seeds)
    network = network_of(configs[0], configs[0].task())
    flats = []
    for config in configs:
        name = stem(config, condition)
        path = weights_path(folder, name, snapshot)
        flats.append(read_weights(path, network, config))
        hashes = tables.network(folder / f"{name}.json")["sha256"]
        if hashes.get(str(path.relative_to(folder.parent))) not in (None, sha256(path.read_bytes())):
            raise UserError(f"{path}: not the weights that its JSON file tells of; bring them back, or train the network again")
    return configs, network, torch.cat(flats)


def read_weights(path: Path, network: Network, config: Config) -> Tensor:
    """Read one network's parameters, (1, size), and check that they fit its settings."""
    if not path.exists():
        raise UserError(f"{path}: no such network; train it first")
    try:
        with safe_open(path, "pt") as file:
            saved = json.loads(file.metadata()["config"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        if "lstm.weight_ih" in tensors:  # the first Harlow networks were made of PyTorch's modules
            parameters = network.from_torch(tensors)
        else:
            parameters = {name: tensor.float()[None] for name, tensor in tensors.items()}
    except Exception as error:  # safetensors raises kinds of its own
        raise UserError(f"{path}: not a readable network ({str(error).splitlines()[0]})") from error
    shapes = {name: tuple(tensor.shape[1:]) for name, tensor in parameters.items()}
    if shapes != network.shapes:
        raise UserError(f"{path}: a network with {shapes} does not fit its settings, which need {network.shapes}")
    settings = json.loads(config.json())
    other = [name for name, value in saved.items() if settings.get(name) != value]
    if other:
        raise UserError(f"{path}: {other[0]} is {saved[other[0]]!r}, but {settings.get(other[0])!r} in its JSON file")
    flat = network.flatten(parameters)
    require(bool(flat.isfinite().all()), f"{path}: weights", "not finite", "finite")
    return flat


def checkpoint_path(configs: list[Config], condition: str, folder: Path) -> Path:
    """Where training with exactly these settings keeps its checkpoint."""
    return folder / f"{condition}_{digest(configs)}.safetensors"


def refuse_unfinished(conditions: Iterable[str], folder: Path) -> None:
    """Raise UserError if there is a checkpoint of such a training: of its networks, some may be there and others not."""
    for condition in conditions:
        for path in sorted(folder.glob(f"{condition}_{'[0-9a-f]' * 12}.safetensors")):
            raise UserError(f"{path}: the training of {condition!r} is not finished; run it again, or delete this file")


def sources(kind: type[Config]) -> list[Path]:
    """Files that the numbers of a training rest on: the library's, and what train.py imports of experiments and learners."""
    files = {path for pattern in LEARNING for path in Path(__file__).parent.glob(f"{pattern}.py")}
    todo = [kind.__module__]
    while todo:
        path = Path(getattr(importlib.import_module(todo.pop()), "__file__", __file__))  # a notebook has no file
        if path not in files:
            files.add(path)
            for module, names in re.findall(IMPORT, path.read_text(), re.MULTILINE):
                package = getattr(find_spec(module), "submodule_search_locations", None) is not None
                inside = [f"{module}.{name}" for name in re.findall(r"\w+", names)] if package else [module]
                todo += [name for name in inside if find_spec(name)]
    return sorted(files)


def code(kind: type[Config]) -> str:
    """Fingerprint of the code that a training's numbers rest on, as it stands in the files now."""
    return sha256(b"".join(path.read_bytes() for path in sources(kind)))


def checksum(tensors: dict[str, Tensor], *about: Any) -> str:
    """Fingerprint of a checkpoint's content."""
    return sha256(to_bytes(tensors) + json.dumps(about).encode())


def save_checkpoint(population: Population, progress: dict[str, Any], began: str, path: Path) -> None:
    """Write everything that training needs to go on: the learning curve so far, and the ``code`` that it ``began`` with."""
    tensors = population.tensors()
    about = {"progress": progress, "code": began, "sha256": checksum(tensors, progress, began)}
    with atomic(path) as temporary:
        temporary.write_bytes(to_bytes(tensors, {"checkpoint": json.dumps(about)}))


def resume(population: Population, now: str, path: Path) -> dict[str, Any]:
    """Continue a population from a checkpoint, with the ``code`` as it is ``now`` -> progress.

    Raises
    ------
    UserError
        It is unreadable or damaged, or the code that a training rests on has changed since it began.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["checkpoint"])
        tensors = load_file(path)
        if checksum(tensors, about["progress"], about["code"]) != about["sha256"]:
            raise ValueError("checksum differs")
        population.load_tensors(tensors)
    except Exception as error:  # safetensors raises kinds of its own
        raise UserError(f"{path}: not a readable checkpoint ({error}); delete it to train from the start") from error
    if about["code"] != now:
        raise UserError(f"{path}: this training was begun with other code; bring that back, or delete the file to train anew")
    return about["progress"]
