"""The training loop, and the command line of an experiment's train.py."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import pandas as pd
import torch
import tyro
from tqdm import tqdm

from prefrontal import experiment, paths, store, tables
from prefrontal.config import Config
from prefrontal.errors import UserError, require, run
from prefrontal.population import Population, populations

CURVE_POINTS = 200
"""Rows of a learning curve, unless an experiment's train.py says otherwise; each is a mean since the row before."""

CHECKPOINT_SECONDS = 30

Measure = Callable[[Population], pd.DataFrame]
"""Networks as they stand -> a row per network, in their order; columns that join the learning curve."""


@dataclass
class Curve:
    """Learning curve so far.

    Attributes
    ----------
    points : int
        Rows that it will have.
    rows : list
        Closed rows, each a list of columns by network.
    sums : dict
        What was monitored since the last row, summed over updates, by name and network.
    updates : int
        Updates since the last row.
    reached : int
        How many rows the share of training that was done at the last one asked for.
    """

    points: int
    rows: list[list[dict[str, float]]] = field(default_factory=list)
    sums: dict[str, list[float]] = field(default_factory=dict)
    updates: int = 0
    reached: int = 0

    def add(self, monitor: dict[str, torch.Tensor]) -> None:
        """Take in an update."""
        self.updates += 1
        for name, values in monitor.items():
            before = self.sums.get(name, [0.0] * len(values))
            self.sums[name] = [a + b for a, b in zip(before, values.tolist(), strict=True)]

    def asked(self, share: float) -> int:
        """Rows that the share of training that is done asks for."""
        return int(share * self.points + 1e-9)

    def close(self, population: Population, measure: Measure | None) -> None:
        """Add a row."""
        measured: list[Any] = measure(population).to_dict("records") if measure else [{} for _ in population.configs]
        row = []
        for index, (config, own) in enumerate(zip(population.configs, measured, strict=True)):
            total = {name: values[index] for name, values in self.sums.items()}
            played = total["ended"] if population.at_once else self.updates * population.episodes / population.unrolls
            reward = total["reward"] * population.episodes / max(1, played) / config.reward_scale
            means = {name: total[name] / self.updates for name in ("entropy", "value_error")}
            episode = population.ended if population.at_once else round(population.share * config.episodes)
            row.append({"episode": episode, "reward": reward, **means, **own})
        self.rows.append(row)
        self.sums, self.updates, self.reached = {}, 0, self.asked(population.share)

    def tables(self) -> list[pd.DataFrame]:
        """Learning curve of every network (``tables.COLUMNS["learning_curve"]``)."""
        return [pd.DataFrame(list(own)) for own in zip(*self.rows, strict=True)]


def train(
    population: Population,
    name: str,
    checkpoint: Path,
    *,
    points: int = CURVE_POINTS,
    measure: Measure | None = None,
    snapshot: Callable[[int], None] | None = None,
) -> list[pd.DataFrame]:
    """Train a population to the end of its episodes, from a checkpoint of the same settings if there is one.

    Parameters
    ----------
    population : Population
    name : str
        What is trained, for the progress bar.
    checkpoint : Path
        Written on the way.
    points : int
        Rows of the learning curve.
    measure : Measure, optional
        Brings further columns of the learning curve.
    snapshot : function, optional
        Called with the episodes trained, where the settings ask for snapshots.

    Returns
    -------
    list of DataFrame
        Learning curve of every network.
    """
    paths.prepare_folder(checkpoint.parent)
    curve = Curve(points if population.at_once else min(points, population.updates))
    if checkpoint.exists():
        curve = Curve(**store.resume(population, checkpoint))
    config, saved_at = population.config, time.monotonic()
    snapshots = [(max(1, population.updates * e // config.episodes), e) for e in config.snapshot_episodes]
    done = round(population.share * config.episodes)
    with tqdm(total=config.episodes, initial=done, desc=name, unit="episode") as bar:
        if population.compiles:
            bar.set_description(f"{name}: compiling")
        while population.share < 1:
            compiles = population.compiles
            curve.add(population.update())
            if compiles:
                bar.set_description(name)
                bar.unpause()
            bar.update(round(population.share * config.episodes) - bar.n)
            for update, episode in snapshots:
                if snapshot is not None and update == population.done:
                    snapshot(episode)
            closes, due = curve.asked(population.share) > curve.reached, time.monotonic() - saved_at > CHECKPOINT_SECONDS
            if closes or due:
                refuse_divergence(population, curve)
            if closes:
                curve.close(population, measure)
                bar.set_postfix(reward=f"{np.mean([own['reward'] for own in curve.rows[-1]]):.3g}", refresh=False)
            if due:
                store.save_checkpoint(population, dataclasses.asdict(curve), checkpoint)
                saved_at = time.monotonic()
    untrained = pd.DataFrame(columns=list(tables.COLUMNS["learning_curve"]))
    return curve.tables() or [untrained] * len(population.configs)


def refuse_divergence(population: Population, curve: Curve) -> None:
    """Stop training with a message if a network's loss or weights are no longer finite."""
    finite = population.flat.isfinite().all(dim=1).cpu() & torch.tensor(list(curve.sums.values())).isfinite().all(dim=0)
    if not finite.all():
        config = population.configs[int((~finite).nonzero()[0])]
        episode = round(population.share * config.episodes)
        raise UserError(
            f"seed {config.seed}: loss or weights not finite at episode {episode:,}; "
            f"try learning_rate below {config.learning_rate:g}, or a gradient_clip"
        )


@dataclass(frozen=True)
class Options:
    """Train networks. The options say how to run, the settings what to train: by default a condition's."""

    condition: str | None = None
    """What to train, by its name in conditions.py; what the command line sets departs from it. By default the main condition."""
    all: bool = False
    """Train every condition, one after the other."""
    seeds: int = 8
    """Number of networks, seeded ``seed``, ``seed`` + 1, ... (paper: 8 wherever it shows spread)."""
    replace: bool = False
    """Replace networks that were trained with other settings."""
    data: Path = paths.DATA
    """Data folder."""
    device: str = "cpu"
    """cpu or cuda."""
    threads: int = 1
    """CPU threads; more than one helps only from about 100 episodes at once."""
    compile: bool | None = None
    """Compile the inner loops; by default where the training is long enough to gain by it."""


ConfigType = TypeVar("ConfigType", bound=Config)
OptionsType = TypeVar("OptionsType")


def command_line(
    default: ConfigType, options: type[OptionsType], module: str, arguments: list[str] | None
) -> tuple[ConfigType, OptionsType]:
    """Read settings, by default those of a condition, and a command's options from the command line."""
    flat = tyro.conf.OmitArgPrefixes
    parts: list[Any] = [("options", Annotated[options, flat]), ("config", Annotated[type(default), flat], field(default=default))]
    command = dataclasses.make_dataclass("Command", parts)
    parsed: Any = tyro.cli(command, args=arguments, prog=f"python -m {module}", description=options.__doc__)
    return parsed.config, parsed.options


def settings_of(name: str, condition: str | None) -> Config:
    """Settings of a condition, by default the main one, or of a variation."""
    known = experiment.trained(name) | experiment.variations(name)
    asked = condition or experiment.module(name, "conditions").MAIN
    require(asked in known, "condition", asked, f"one of {', '.join(known)}")
    return experiment.module(name, "train").Config(**known[asked])


def require_device(device: str) -> None:
    """Raise UserError unless this machine has the device."""
    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    require(device in available, "device", device, f"one of those found here: {', '.join(available)}")


def replicate(config: ConfigType, seeds: int) -> list[ConfigType]:
    """Settings of ``seeds`` networks, seeded in succession."""
    return [dataclasses.replace(config, seed=config.seed + k) for k in range(seeds)]


def keep(population: Population, condition: str, folder: Path, episode: int) -> None:
    """Keep the weights as they are after so many episodes."""
    store.save_weights(population, condition, folder / str(episode))


def train_condition(name: str, condition: str, configs: list[Config], options: Options) -> None:
    """Train networks of one condition and write them to data/<experiment>/networks, or /variations."""
    own, folder = experiment.module(name, "train"), options.data / name
    networks = folder / ("networks" if condition in experiment.trained(name) else "variations")
    if not options.replace:
        store.refuse_replacing(configs, condition, networks)
    measure, final = getattr(own, "measure", None), getattr(own, "final", None)
    for together in populations(configs):
        began = time.monotonic()
        population = Population(together, options.device, options.compile)
        checkpoint = store.checkpoint_path(together, condition, folder / "checkpoints")
        curves = train(
            population,
            condition,
            checkpoint,
            points=getattr(own, "CURVE_POINTS", CURVE_POINTS),
            measure=measure,
            snapshot=functools.partial(keep, population, condition, folder / "snapshots"),
        )
        if together[0].half_precision:
            population.flat = population.flat.half().float()  # what is tested is what is saved
        for config, tested in zip(together, final(population) if final else [], strict=final is not None):
            tables.write(tested, networks / f"{store.stem(config, condition)}_test.csv")
        store.save(population, condition, curves, networks, time.monotonic() - began)
        checkpoint.unlink(missing_ok=True)


def train_experiment(name: str, arguments: list[str] | None = None) -> None:
    """Do what the command line of an experiment's train.py asks for."""
    module = f"replications.{name}.train"
    _, options = command_line(settings_of(name, next(iter(experiment.trained(name)))), Options, module, arguments)
    for count in ("seeds", "threads"):
        require(getattr(options, count) >= 1, count, getattr(options, count), "at least 1")
    require_device(options.device)
    torch.set_num_threads(options.threads)
    main = experiment.module(name, "conditions").MAIN
    for condition in experiment.trained(name) if options.all else [options.condition or main]:
        config, _ = command_line(settings_of(name, condition), Options, module, arguments)
        train_condition(name, condition, replicate(config, options.seeds), options)


def main(file: str, arguments: list[str] | None = None) -> None:
    """Command line of an experiment's train.py."""
    run(lambda: train_experiment(experiment.name_of(file), arguments))
