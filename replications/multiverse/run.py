"""Train and evaluate universes without results: ``prefrontal train multiverse`` (hours).

Networks are trained, recorded and analysed by the experiments' own code. Weights go to
data/multiverse/trained, a data folder for each experiment; an interrupted run continues.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.errors import check
from prefrontal.networks.files import stem
from prefrontal.networks.load import settings_provenance
from prefrontal.pipeline import sample
from prefrontal.pipeline.train import TrainingOptions, train_batch
from prefrontal.place import Place
from prefrontal.settings import Settings, structure
from prefrontal.statistics import normalised_reward
from prefrontal.tables import storage
from prefrontal.tables.networks import read_description
from prefrontal.training.jobs import Job, Machines, run_jobs
from replications.multiverse.universes import (
    COLUMNS,
    NETWORKS,
    PLANNED,
    TRAINING,
    UNIVERSES,
    levels,
    seeds,
    settings,
    universes,
)

BATCH = 64
"""Networks of a batch, at most."""

SMOKE_TEST_OUT = Path("runs") / "multiverse_smoke_test"

TABLE_COLUMNS = (
    *("experiment", "universe", "variant", "subject"),
    *COLUMNS,
    *("claim", "measure", "value", "above", "below"),
)
"""Of networks.csv: ``above`` and ``below`` bound the interval over a universe's networks where the
claim holds."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Size of a multiverse; a budget of None is the experiment's."""

    universes: int = UNIVERSES
    networks: int = NETWORKS
    training_episodes: int | None = None
    test_episodes: int | None = None


SMOKE_TEST = Size(universes=2, networks=2, training_episodes=4, test_episodes=6)


@dataclass(frozen=True, kw_only=True)
class Options(Place, Machines):
    """Train and evaluate universes without rows in data/multiverse/results/networks.csv."""

    experiment: str | None = None
    """Only the universes of one experiment."""
    smoke_test: bool = False
    """Run with a few tiny networks, by default in runs/multiverse_smoke_test."""

    @property
    def data(self) -> Path:
        """Data folder."""
        by_default = self.smoke_test and self.out is None
        return SMOKE_TEST_OUT / "data" if by_default else super().data

    @property
    def size(self) -> Size:
        """Size of the multiverse."""
        return SMOKE_TEST if self.smoke_test else Size()


def table_path(data: Path) -> Path:
    """Table of the measures of all networks."""
    return data / "multiverse" / "results" / "networks.csv"


def trained_folder(name: str, data: Path) -> Path:
    """Data folder of an experiment's universes."""
    return data / "multiverse" / "trained" / name


def batch_settings(
    name: str, variant: str, numbers: Sequence[int], size: Size
) -> list[Settings[Any]]:
    """Settings of all networks of some universes."""
    batch = []
    for number in numbers:
        shared = settings(name, variant, number)
        if size.training_episodes is not None:
            shared = shared.vary({"training.episodes": size.training_episodes})
        batch += [replace(shared, seed=seed) for seed in seeds(number, size.networks)]
    return batch


def batches(name: str, size: Size) -> list[list[int]]:
    """Group universes whose networks can be trained as one batch, variant by variant."""
    first = PLANNED[name].variants[0]
    groups: dict[str, list[int]] = {}
    for number in range(min(size.universes, PLANNED[name].universes)):
        kind = structure(batch_settings(name, first, [number], size)[0])
        groups.setdefault(kind, []).append(number)
    most = BATCH // size.networks
    return [
        numbers[start : start + most]
        for _, numbers in sorted(groups.items())
        for start in range(0, len(numbers), most)
    ]


def evaluated(name: str, data: Path) -> set[int]:
    """Universes whose results are there.

    Raises
    ------
    UserError
        They were obtained with other settings.
    """
    path = table_path(data)
    if not path.exists():
        return set()
    networks = storage.read(path, needs=TABLE_COLUMNS)
    networks = networks[networks["experiment"] == name]
    there = networks.drop_duplicates("universe").set_index("universe")
    planned = universes(name).reindex(there.index)
    for column in planned:
        differ = there.index[there[column].to_numpy() != planned[column].to_numpy()]
        others = f"another in universe {', '.join(map(str, differ))}"
        check(differ.empty, f"{path}: {column} of {name}", others, "as today")
    return set(there.index)


def add(rows: pd.DataFrame, data: Path, size: Size) -> None:
    """Add rows to the table of results, one process at a time."""
    path = table_path(data)
    with files.locked(data / "multiverse" / "trained"):
        before = [storage.read(path)] if path.exists() else []
        networks = pd.concat([*before, rows])[list(TABLE_COLUMNS)]
        order = ["experiment", "universe"]
        networks = networks.sort_values(order, kind="stable", ignore_index=True)
        storage.write(networks, path, about=provenance(networks, size))


def provenance(networks: pd.DataFrame, size: Size) -> dict[str, Any]:
    """Provenance of a table of results, from the settings of all its networks, in its order."""
    there = networks[["experiment", "universe"]].drop_duplicates()
    return settings_provenance(
        [
            each
            for name, number in there.to_numpy()
            for variant in PLANNED[name].variants
            for each in batch_settings(name, variant, [number], size)
        ]
    )


def describe_training(name: str, variant: str, number: int, data: Path, size: Size) -> pd.DataFrame:
    """Normalised reward at the end of a universe's training, and time per network."""
    folder = trained_folder(name, data) / PLANNED[name].experiment / "networks"
    rows: list[dict[str, Any]] = []
    for each in batch_settings(name, variant, [number], size):
        path = folder / f"{stem(each, variant)}.json"
        about, curve = read_description(path).about, storage.read(path.with_suffix(".csv"))
        end = curve["reward"].tail(max(1, len(curve) // 10)).mean()
        measured = {
            "share of possible gain": float(normalised_reward(end, *each.task.reward_range())),
            "processor seconds": about["processor_seconds"] / about["networks_in_batch"],
        }
        keys = {"variant": variant, "subject": each.seed, "claim": TRAINING}
        rows += [keys | {"measure": measure, "value": value} for measure, value in measured.items()]
    return pd.DataFrame(rows)


def evaluate(name: str, number: int, data: Path, size: Size) -> pd.DataFrame:
    """Record and analyse one universe's networks -> rows of the table of results.

    Every network has a row for every claim; without a value if it never made a valid choice.
    """
    multiverse, folder = PLANNED[name], trained_folder(name, data)
    frame = sample.evaluate(
        experiments.get(multiverse.experiment),
        multiverse.claims,
        multiverse.main,
        folder,
        seeds(number, size.networks),
        size.test_episodes,
    )
    trainings = [
        describe_training(name, variant, number, data, size) for variant in multiverse.variants
    ]
    columns = {"experiment": name, "universe": number, **levels(name, number)}
    joined = pd.concat([frame, *trainings], ignore_index=True).assign(**columns)
    return joined.reindex(columns=list(TABLE_COLUMNS))


def train_and_evaluate(
    name: str, numbers: list[int], data: Path, size: Size, progress: type[tqdm] = tqdm
) -> tuple[None, list[Path]]:
    """Train universes that make one batch per variant, and evaluate those without results.

    The checkpoints are removed here, since they are not needed once a universe has results.
    """
    experiment, folder = PLANNED[name].experiment, trained_folder(name, data)
    checkpoints: list[Path] = []
    for variant in PLANNED[name].variants:
        job = f"{name}, {variant}, universes {', '.join(map(str, numbers))}"
        bar = type("Bar", (progress,), {"job": job})
        batch = batch_settings(name, variant, numbers, size)
        checkpoints += train_batch(experiment, variant, batch, TrainingOptions(), folder, bar)[1]
    for number in sorted(set(numbers) - evaluated(name, data)):
        add(evaluate(name, number, data, size), data, size)
        print(f"{name}: universe {number} is evaluated")
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
    return None, []


def run(options: Options) -> None:
    """Train and evaluate what is missing."""
    names = list(PLANNED) if options.experiment is None else [options.experiment]
    check(names[0] in PLANNED, "experiment", names[0], f"one of {', '.join(PLANNED)}")
    if options.smoke_test and options.out is None:
        shutil.rmtree(options.data, ignore_errors=True)
    data, size, jobs = options.data.resolve(), options.size, []
    files.prepare_folder(data / "multiverse" / "trained")
    for name in names:
        done = evaluated(name, data)
        for numbers in batches(name, size):
            if not set(numbers) <= done:
                label = f"{name}, universes {', '.join(map(str, numbers))}"
                episodes = sum(
                    batch_settings(name, variant, numbers[:1], size)[0].training.episodes
                    for variant in PLANNED[name].variants
                )
                arguments = (name, numbers, data, size)
                jobs.append(Job(label, train_and_evaluate, arguments, episodes, options.smoke_test))
    if jobs:
        run_jobs(jobs, options)
    print(table_path(options.data))


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal train multiverse``."""
    run(tyro.cli(Options, args=arguments, prog="prefrontal train multiverse"))
