"""Run experiments from settings to figures, repeating only steps that are missing or out of
date."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefrontal import experiments
from prefrontal.errors import UserError, check
from prefrontal.experiments import Experiment
from prefrontal.networks.load import checkpoints_of
from prefrontal.pipeline import orchestrate
from prefrontal.pipeline.train import TrainingOptions, networks_folder, replicate, train_variants
from prefrontal.place import Place
from prefrontal.settings import Settings
from prefrontal.tables.networks import descriptions, read_description

SMOKE_TEST = {
    "training.episodes": 20,
    "training.episodes_per_update": 2,
    "task.test_episodes": 2,
}
SMOKE_NETWORKS, SMOKE_TEST_EPISODES = 2, 4
"""Budget of a smoke test: networks learn nothing, but every step runs."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrainingOptions, Place):
    """Train if needed, record, analyse and draw. Other settings need a separate folder
    (--out)."""

    variants: tuple[str, ...] = ()
    """Variants to train in addition to the main one."""
    test_episodes: int | None = None
    """Test episodes per network; by default those of the experiment."""
    smoke_test: bool = False
    """Run every step with a tiny budget, by default in runs/EXPERIMENT_smoke_test."""


def run_suite(names: Sequence[str], place: Place) -> list[Path]:
    """Record and analyse what is out of date, and draw the figures of several experiments."""
    for name in names:
        if name in experiments.names("train"):
            train_missing(experiments.get(name), place.data)
    made = orchestrate.run(orchestrate.plan(names, place.data), place.data, place.figures)
    if place.out is None:
        from prefrontal.publishing import (
            readmes,
        )  # slow to import, and not needed by runs elsewhere

        readmes.main(readmes.Options(experiment=names[0] if len(names) == 1 else ""))
    return made


def run_experiment(
    experiment: Experiment[Any],
    variants: Mapping[str, Settings[Any]],
    options: RunOptions,
    changed: bool,
) -> list[Path]:
    """Train, record, analyse and draw one experiment.

    Parameters
    ----------
    experiment : Experiment
    variants : mapping
        Variant -> settings; the main one first.
    options : RunOptions
    changed : bool
        True if settings differ from those of the suite.
    """
    for name in ("networks", "test_episodes"):
        value = getattr(options, name)
        check(value is None or value >= 1, name, value, "at least 1")
    own_budget = options.networks is not None or options.test_episodes is not None
    if options.smoke_test:
        options, variants = smoke_test(experiment, options, variants)
    elif options.out is None:
        if not (changed or own_budget or options.variants):
            return run_suite([experiment.name], options)
        raise UserError(
            "out is missing: name a folder for networks and results of other "
            "settings, such as --out runs/r1"
        )
    todo = missing(experiment, variants, options)
    if todo:
        train_variants(experiment, todo, options, options.data)
    plans = orchestrate.plan([experiment.name], options.data, options.test_episodes)
    return orchestrate.run(plans, options.data, options.figures, options.test_episodes)


def smoke_test(
    experiment: Experiment[Any], options: RunOptions, variants: Mapping[str, Settings[Any]]
) -> tuple[RunOptions, dict[str, Settings[Any]]]:
    """Reduce the budget to a minimum, and start from scratch."""
    out = options.out or Path("runs") / f"{experiment.name}_smoke_test"
    if options.out is None:
        shutil.rmtree(out, ignore_errors=True)
    options = dataclasses.replace(
        options,
        out=out,
        networks=options.networks or SMOKE_NETWORKS,
        test_episodes=options.test_episodes or SMOKE_TEST_EPISODES,
    )
    small = {}
    for name, settings in variants.items():
        flat = settings.flat()
        changes = {key: min(most, flat[key]) for key, most in SMOKE_TEST.items() if key in flat}
        small[name] = settings.vary(changes)
    return options, small


def missing(
    experiment: Experiment[Any], variants: Mapping[str, Settings[Any]], options: RunOptions
) -> dict[str, Settings[Any]]:
    """Variants whose networks are missing, or were trained with other settings."""
    todo = {}
    for name, settings in variants.items():
        folder = networks_folder(experiment, name, options.data)
        networks = experiment.networks if options.networks is None else options.networks
        for each in replicate(settings, networks):
            path = folder / f"{name}_{each.seed}.json"
            if not path.exists():
                todo[name] = settings
                continue
            known = read_description(path).settings
            if Settings.from_dict(known, type(settings.task), path) != each:
                todo[name] = settings
    return todo


def train_missing(experiment: Experiment[Any], data: Path) -> None:
    """Train the networks of an experiment that has none, or whose training was interrupted."""
    folder = data / experiment.name
    begun = [name for name in experiment.variants if checkpoints_of(name, folder / "checkpoints")]
    trained = {each.variant for each in descriptions(folder / "networks")}
    if begun or not trained:
        names = [name for name in experiment.variants if name in begun or name not in trained]
        print(f"{experiment.name}: training {', '.join(names)}, which may take hours")
        variants = {name: experiment.variant(name) for name in names}
        train_variants(experiment, variants, TrainingOptions(), data)
