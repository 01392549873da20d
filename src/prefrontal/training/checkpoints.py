"""Files that training writes: weights, descriptions and learning curves of networks, and
checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from prefrontal.errors import UserError
from prefrontal.files import atomic
from prefrontal.networks.files import sha256, stem, weights_path
from prefrontal.networks.load import settings_provenance
from prefrontal.settings import Settings, TaskSettings, digest
from prefrontal.sources import code_hash
from prefrontal.tables import storage
from prefrontal.tables.networks import read_description
from prefrontal.training.batch import NetworkBatch


def save(
    batch: NetworkBatch,
    experiment: str,
    variant: str,
    curves: list[pd.DataFrame],
    folder: Path,
    seeds: Sequence[int] = (),
) -> None:
    """Write weights, description and learning curve of every network.

    The description is written last and marks the network as complete. It lists the seeds of all
    networks that were trained together, by default those of the batch; none of them may be missing
    later.
    """
    save_weights(batch, variant, folder)
    for settings, curve in zip(batch.settings, curves, strict=True):
        name = stem(settings, variant)
        weights = [
            weights_path(folder, name, episode)
            for episode in (None, *settings.training.snapshot_episodes)
        ]
        storage.write(curve, folder / f"{name}.csv", "learning_curve")
        tables = [folder / f"{name}.csv", folder / f"{name}_test.csv"]
        about = {
            "experiment": experiment,
            "variant": variant,
            "settings": settings.to_dict(),
            "seeds": list(seeds or batch.seeds),
            "training_seconds": round(batch.seconds, 1),
            "processor_seconds": round(batch.processor_seconds, 1),
            "networks_in_batch": len(batch.settings),
            "actions": batch.trained_steps,
            "provenance": settings_provenance([settings]),
            "sha256": {
                str(path.relative_to(folder.parent)): sha256(path.read_bytes())
                for path in (*weights, *tables)
                if path.exists()
            },
        }
        with atomic(folder / f"{name}.json") as path:
            path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def save_test(settings: Settings[Any], variant: str, tested: pd.DataFrame, folder: Path) -> None:
    """Write the final test of one network."""
    storage.write(tested, folder / f"{stem(settings, variant)}_test.csv")


def save_weights(batch: NetworkBatch, variant: str, folder: Path) -> None:
    """Write the weights of every network.

    Raises
    ------
    UserError
        Weights are not finite (or not in half precision); none are written.
    """
    parameters = batch.network.views(batch.flat.cpu())
    saved = []
    for index, settings in enumerate(batch.settings):
        half = settings.training.half_precision
        kind = torch.float16 if half else torch.float32
        tensors = {name: tensor[index].to(kind).clone() for name, tensor in parameters.items()}
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise UserError(
                f"seed {settings.seed}: weights not finite{' in half precision' if half else ''}; "
                "try a smaller training.learning_rate, or a training.gradient_clip"
            )
        saved.append(tensors)
    for settings, tensors in zip(batch.settings, saved, strict=True):
        with atomic(folder / f"{stem(settings, variant)}.safetensors") as path:
            path.write_bytes(to_bytes(tensors))


def check_overwrite(batch: Sequence[Settings[Any]], variant: str, folder: Path) -> None:
    """Raise UserError if training would replace networks that were trained with other settings."""
    for settings in batch:
        path = folder / f"{stem(settings, variant)}.json"
        if path.exists():
            there = Settings.from_dict(read_description(path).settings, type(settings.task), path)
            for name, (wanted, trained) in settings.differences(there).items():
                raise UserError(
                    f"{path}: a network with {name} {trained!r} is there, not {wanted!r}; "
                    "train elsewhere (--out), or replace it (--overwrite)"
                )


def checkpoint_path(batch: Sequence[Settings[Any]], variant: str, folder: Path) -> Path:
    """Path of the checkpoint of a training with exactly these settings."""
    return folder / f"{variant}_{digest(batch)}.safetensors"


def training_code(task: TaskSettings, measure: Callable[..., Any] | None = None) -> str:
    """Hash of the code that a training depends on: its task, and the measures of its learning
    curve."""
    modules = ["prefrontal.training.loop", type(task).__module__]
    modules += [measure.__module__] if measure else []
    return code_hash(modules, ignore=["prefrontal.training.jobs"])


def checksum(tensors: dict[str, Tensor], *about: Any) -> str:
    """Hash of a checkpoint's content."""
    return sha256(to_bytes(tensors) + json.dumps(about).encode())


def save_checkpoint(batch: NetworkBatch, progress: dict[str, Any], code: str, path: Path) -> None:
    """Write everything that training needs to continue.

    Parameters
    ----------
    batch : NetworkBatch
    progress : dict
        The learning curve so far.
    code : str
        Hash of the code with which the training began.
    path : Path
    """
    tensors = batch.tensors()
    about = {"progress": progress, "code": code, "sha256": checksum(tensors, progress, code)}
    with atomic(path) as temporary:
        temporary.write_bytes(to_bytes(tensors, {"checkpoint": json.dumps(about)}))


def resume(batch: NetworkBatch, code: str, path: Path) -> dict[str, Any]:
    """Continue a batch from a checkpoint.

    Returns
    -------
    dict
        The learning curve so far.

    Raises
    ------
    UserError
        The checkpoint is unreadable or damaged, or was written by other code.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["checkpoint"])
        tensors = load_file(path)
        if checksum(tensors, about["progress"], about["code"]) != about["sha256"]:
            raise ValueError("checksum differs")
        batch.load_tensors(tensors)
    except Exception as error:  # safetensors raises its own exceptions
        raise UserError(
            f"{path}: not a readable checkpoint ({error}); delete it to train from the start"
        ) from error
    if about["code"] != code:
        raise UserError(
            f"{path}: this training began with other code; restore that, or delete "
            "the file to start again"
        )
    return about["progress"]
