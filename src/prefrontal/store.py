"""Files of networks: weights, settings and learning curves of trained ones, checkpoints of those in training.

Per network: weights (``<condition>_<seed>.safetensors``), settings and versions (``.json``) and learning curve (``.csv``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from prefrontal import tables
from prefrontal.config import Config, digest
from prefrontal.errors import UserError, require
from prefrontal.network import Network
from prefrontal.paths import atomic
from prefrontal.population import Population, network_of


def stem(config: Config, condition: str) -> str:
    """Name of a network's files, without ending."""
    return f"{condition}_{config.seed}"


def provenance(configs: Sequence[Config]) -> dict[str, Any]:
    """Provenance of files made from networks with these settings."""
    return tables.provenance(json.dumps([config.json() for config in configs]), sorted({config.seed for config in configs}))


def save(population: Population, condition: str, curves: list[pd.DataFrame], folder: Path, seconds: float) -> None:
    """Write weights, settings and learning curve of every network to ``folder``; settings, which say it is there, come last."""
    save_weights(population, condition, folder)
    for config, curve in zip(population.configs, curves, strict=True):
        name = stem(config, condition)
        about = {
            "config": config.settings(),
            "condition": condition,
            "training_seconds": round(seconds, 1),
            "networks_in_population": len(population.configs),
            "actions": population.trained_steps,
            "provenance": provenance([config]),
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
            save_file(own, path, metadata={"config": config.json()})  # one entry: several are written in any order


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
    try:
        about = json.loads(path.read_text())
        return about["condition"], kind.read(about["config"], path)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the settings of a trained network ({type(error).__name__}: {error})") from error


def trained_configs(folder: Path, kind: type[Config], condition: str) -> list[Config]:
    """Settings of all networks of a condition whose weights are in ``folder``, by seed.

    Raises
    ------
    UserError
        There are none, or their settings differ in more than the seed.
    """
    read = [read_settings(path, kind) for path in sorted(folder.glob("*.json")) if path.with_suffix(".safetensors").exists()]
    configs = sorted((config for name, config in read if name == condition), key=lambda config: config.seed)
    if not configs:
        raise UserError(f"{folder}: no trained network of condition {condition!r}; train it first")
    first = configs[0].settings()
    for config in configs:
        for name, value in config.settings().items():
            if name != "seed" and value != first[name]:
                path = folder / f"{stem(config, condition)}.json"
                raise UserError(f"{path}: {name} is {value!r}, but {first[name]!r} in the other networks of {condition!r}")
    return configs


def load(folder: Path, kind: type[Config], condition: str, snapshot: int | None = None) -> tuple[list[Config], Network, Tensor]:
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

    Raises
    ------
    UserError
        As ``trained_configs``; or a file is missing, unreadable, or belongs to other settings.
    """
    configs = trained_configs(folder, kind, condition)
    network = network_of(configs[0], configs[0].task())
    where = folder if snapshot is None else folder.parent / "snapshots" / str(snapshot)
    flats = [read_weights(where / f"{stem(config, condition)}.safetensors", network, config) for config in configs]
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


def save_checkpoint(population: Population, progress: dict[str, Any], path: Path) -> None:
    """Write everything that training needs to go on; ``progress`` is the learning curve so far."""
    with atomic(path) as temporary:
        save_file(population.tensors(), temporary, metadata={"progress": json.dumps(progress)})


def resume(population: Population, path: Path) -> dict[str, Any]:
    """Continue a population from a checkpoint -> progress."""
    try:
        with safe_open(path, "pt") as file:
            progress = json.loads(file.metadata()["progress"])
        population.load_tensors(load_file(path))
    except Exception as error:  # safetensors raises kinds of its own
        raise UserError(f"{path}: not a readable checkpoint ({error}); delete it to train from the start") from error
    return progress
