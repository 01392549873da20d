"""The training loop: updates, learning curves, snapshots and checkpoints of one batch of
networks."""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from prefrontal import files
from prefrontal.errors import UserError, check
from prefrontal.tables.schema import COLUMNS
from prefrontal.training import checkpoints
from prefrontal.training.batch import NetworkBatch

FIRST_CHECKPOINT_SECONDS, CHECKPOINT_SECONDS = 3, 30
"""Seconds to the first checkpoint, and between later ones."""

Measure = Callable[[NetworkBatch], pd.DataFrame]
"""Networks in training -> one row per network, in order; its columns are added to the learning
curve."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """Measures in training, defined in an experiment's ``train.py``.

    Attributes
    ----------
    curve_points : int
        Rows of a learning curve; each is a mean since the previous row.
    curve_columns : callable, optional
        Further columns of the learning curve.
    final_test : callable, optional
        Networks -> a table per network, written as ``<variant>_<seed>_test.csv``.
    sweep_columns : callable, optional
        Further columns of the learning curve in sweeps.
    """

    curve_points: int = 200
    curve_columns: Measure | None = None
    final_test: Callable[[NetworkBatch], list[pd.DataFrame]] | None = None
    sweep_columns: Measure | None = None


@dataclass
class Curve:
    """Learning curve so far.

    Attributes
    ----------
    points : int
        Final number of rows.
    rows : list
        Finished rows, each a list of columns by network.
    sums : dict
        Monitored quantities since the last row, summed over updates, by name and network.
    updates : int
        Updates since the last row.
    reached : int
        Rows due at the time of the last row.
    diverged : list of int
        Networks that were set aside, by index; their rows are NaN from then on.
    """

    points: int
    rows: list[list[dict[str, float]]] = field(default_factory=list)
    sums: dict[str, list[float]] = field(default_factory=dict)
    updates: int = 0
    reached: int = 0
    diverged: list[int] = field(default_factory=list)

    def add(self, monitor: dict[str, torch.Tensor]) -> None:
        """Add an update."""
        self.updates += 1
        for name, values in monitor.items():
            before = self.sums.get(name, [0.0] * len(values))
            self.sums[name] = [a + b for a, b in zip(before, values.tolist(), strict=True)]

    def due(self, progress: float) -> int:
        """Rows due after a fraction of the training."""
        return int(progress * self.points + 1e-9)

    def close(self, batch: NetworkBatch, measure: Measure | None) -> None:
        """Finish a row."""
        measured: list[Any] = (
            measure(batch).to_dict("records") if measure else [{} for _ in batch.settings]
        )
        row = []
        for index, (settings, further) in enumerate(zip(batch.settings, measured, strict=True)):
            total = {name: values[index] for name, values in self.sums.items()}
            played = (
                total["ended"]
                if batch.immediate_reset
                else self.updates * batch.episodes / batch.unrolls
            )
            reward = (
                total["reward"] * batch.episodes / max(1, played) / settings.training.reward_scale
            )
            means = {name: total[name] / self.updates for name in ("entropy", "value_error")}
            done = round(batch.progress * settings.training.episodes)
            episode = batch.ended if batch.immediate_reset else done
            columns = {"reward": reward, **means, **further}
            if index in self.diverged:
                columns = dict.fromkeys(columns, np.nan)
            row.append({"episode": episode, **columns})
        self.rows.append(row)
        self.sums, self.updates, self.reached = {}, 0, self.due(batch.progress)

    def tables(self) -> list[pd.DataFrame]:
        """Learning curve of every network (``tables.schema.COLUMNS``)."""
        return [pd.DataFrame(list(network_rows)) for network_rows in zip(*self.rows, strict=True)]


def train(
    batch: NetworkBatch,
    name: str,
    checkpoint: Path,
    *,
    points: int,
    measure: Measure | None = None,
    snapshot: Callable[[int], None] | None = None,
    progress: type[tqdm] = tqdm,
    sets_aside: bool = False,
) -> list[pd.DataFrame]:
    """Train a batch to the end, continuing from a checkpoint of the same settings if there is one.

    Parameters
    ----------
    batch : NetworkBatch
    name : str
        Title of the progress bar.
    checkpoint : Path
        Written during training and at the end; the caller removes it when it is no longer needed.
    points : int
        Rows of the learning curve.
    measure : Measure, optional
        Gives further columns of the learning curve.
    snapshot : callable, optional
        Called with the number of trained episodes when a snapshot is due.
    progress : type
        Class of the progress bar.
    sets_aside : bool
        Set a network aside if it diverges, and train the others on, rather than stop.

    Returns
    -------
    list of DataFrame
        Learning curve of every network.
    """
    files.prepare_folder(checkpoint.parent)
    code = checkpoints.training_code(batch.shared.task, measure)
    curve = Curve(points if batch.immediate_reset else min(points, batch.updates))
    if checkpoint.exists():
        asked, curve = curve.points, Curve(**checkpoints.resume(batch, code, checkpoint))
        check(
            curve.points == asked,
            f"{checkpoint}: points of the learning curve",
            curve.points,
            f"{asked}; delete it",
        )
    episodes, saved_at = batch.shared.training.episodes, time.monotonic()
    interval = min(FIRST_CHECKPOINT_SECONDS, CHECKPOINT_SECONDS)
    began, began_processor = saved_at - batch.seconds, time.process_time() - batch.processor_seconds
    times = batch.shared.training.snapshot_episodes if snapshot else []
    snapshots = [(max(1, batch.updates * episode // episodes), episode) for episode in times]
    with progress(
        total=episodes, initial=round(batch.progress * episodes), desc=name, unit="episode"
    ) as bar:
        if batch.compiles:
            bar.set_description(f"{name}: compiling")
        while batch.progress < 1:
            compiles = batch.compiles
            curve.add(batch.update())
            if compiles:
                bar.set_description(name)
                bar.unpause()
            bar.update(round(batch.progress * episodes) - bar.n)
            for update, episode in snapshots:
                if snapshot is not None and update == batch.done:
                    snapshot(episode)
            closes = curve.due(batch.progress) > curve.reached
            saves = time.monotonic() - saved_at > interval
            if closes or saves:
                check_divergence(batch, curve, sets_aside)
            if closes:
                curve.close(batch, measure)
                reward = pd.DataFrame(curve.rows[-1])["reward"].mean()
                bar.set_postfix(reward=f"{reward:.3g}", refresh=False)
            if saves or batch.progress == 1:
                saved_at, interval = time.monotonic(), CHECKPOINT_SECONDS
                batch.seconds, batch.processor_seconds = (
                    saved_at - began,
                    time.process_time() - began_processor,
                )
                checkpoints.save_checkpoint(batch, dataclasses.asdict(curve), code, checkpoint)
    untrained = pd.DataFrame(columns=list(COLUMNS["learning_curve"]))
    return curve.tables() or [untrained] * len(batch.settings)


def check_divergence(batch: NetworkBatch, curve: Curve, sets_aside: bool) -> None:
    """Stop training with a message if a network's loss or weights are no longer finite, or set it
    aside: its weights are 0 whenever networks are measured.

    Networks of a batch share no arithmetic, so the others keep their bits.
    """
    finite = batch.flat.isfinite().all(dim=1).cpu() & torch.tensor(
        list(curve.sums.values())
    ).isfinite().all(dim=0)
    diverged = (~finite).nonzero().flatten().tolist()
    if sets_aside:
        curve.diverged = sorted({*curve.diverged, *diverged})
        batch.flat[curve.diverged] = 0
    elif diverged:
        settings = batch.settings[diverged[0]]
        episode = round(batch.progress * settings.training.episodes)
        raise UserError(
            f"seed {settings.seed}: loss or weights not finite at episode {episode:,}; "
            f"try training.learning_rate below {settings.training.learning_rate:g}, "
            "or a training.gradient_clip"
        )


def use(device: str, threads: int) -> None:
    """Set the number of threads; raise UserError unless this machine has them and the device."""
    processors = os.cpu_count() or 1
    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    check(
        1 <= threads <= processors,
        "threads",
        threads,
        f"at least 1 and at most {processors}, the processors found here",
    )
    check(device in available, "device", device, f"one of those found here: {', '.join(available)}")
    torch.set_num_threads(threads)


def save_snapshot(batch: NetworkBatch, variant: str, folder: Path, episode: int) -> None:
    """Save the weights after this number of episodes."""
    checkpoints.save_weights(batch, variant, folder / str(episode))


def train_and_save(
    batch: NetworkBatch,
    experiment: str,
    variant: str,
    training: Training,
    folder: Path,
    networks: Path,
    progress: type[tqdm] = tqdm,
    seeds: Sequence[int] = (),
) -> Path:
    """Train a batch and write its networks.

    Parameters
    ----------
    batch : NetworkBatch
    experiment, variant : str
    training : Training
    folder : Path
        data/<experiment>, for checkpoints and snapshots.
    networks : Path
        Folder of the finished networks.
    progress : type
        Class of the progress bar.
    seeds : sequence of int
        Seeds of all networks of the variant that are trained; by default those of the batch.

    Returns
    -------
    Path
        The checkpoint, to be removed when all of a command's trainings are finished.
    """
    checkpoint = checkpoints.checkpoint_path(batch.settings, variant, folder / "checkpoints")
    curves = train(
        batch,
        variant,
        checkpoint,
        points=training.curve_points,
        measure=training.curve_columns,
        snapshot=functools.partial(save_snapshot, batch, variant, folder / "snapshots"),
        progress=progress,
    )
    if batch.shared.training.half_precision:
        batch.flat = batch.flat.half().float()  # test what is saved
    if training.final_test is not None:
        for settings, tested in zip(batch.settings, training.final_test(batch), strict=True):
            checkpoints.save_test(settings, variant, tested, networks)
    checkpoints.save(batch, experiment, variant, curves, networks, seeds)
    return checkpoint
