"""Record trained networks, weights frozen, on held-out images (Wang et al. 2018, simulation 5).

Only networks whose weights are kept are recorded, with their units. All networks were tested at the end of their training:
data/harlow/networks/*_test.csv.

python -m replications.harlow.record --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from prefrontal import recording, training
from prefrontal.errors import UserError, run
from prefrontal.paths import DATA
from replications.harlow.network import HarlowAgent
from replications.harlow.train import VARIANTS, Config, load


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 3
    """Networks per condition, the first whose weights are kept (paper: 50, of which 14 reached ceiling)."""
    episodes: int = 200
    """Test episodes per network."""


def kept(folder: Path, condition: str) -> list[int]:
    """Seeds of the networks whose weights are there."""
    return sorted(int(path.stem.rpartition("_")[2]) for path in folder.glob(f"{condition}_[0-9]*.safetensors"))


@torch.no_grad()
def record_condition(options: Options, condition: str) -> tuple[recording.Tables, list[Config]]:
    """Record networks that see pixels, or symbols, on held-out images."""
    folder = options.data / "harlow" / "networks"
    seeds = kept(folder, condition)[: options.seeds]
    if not seeds:
        raise UserError(f"{folder}: no trained network of condition {condition!r}; train it first")
    loaded = [load(folder, condition, seed) for seed in seeds]
    config = loaded[0][1]
    task = config.task("held out")
    tables = recording.record(
        HarlowAgent([network for network, _ in loaded]),
        task,
        seeds,
        condition,
        options.episodes,
        discount=[own.discount for _, own in loaded],
        activity_periods=("fixation", "choice"),
        steps=False,
    )
    # What a network can know of the rewarded image before the images come: how it differs from the other.
    bank = task.images if task.images is not None else task.codes[:, :1]
    size = bank.float().flatten(1).mean(1).numpy()
    trials = tables.trials
    larger = size[trials["rewarded_image"]] > size[trials["wrong_image"]]
    trials["rewarded_is_brighter"] = np.asarray(larger)
    return tables, [own for _, own in loaded]


def main(options: Options) -> None:
    """Write trials and activity of the kept networks."""
    parts = [record_condition(options, Config(**variant).condition) for variant in VARIANTS]
    configs = [config for _, used in parts for config in used]
    recording.write(recording.join([tables for tables, _ in parts]), options.data / "harlow", training.provenance(configs))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
