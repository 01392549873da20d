"""Train and judge the universes whose results are not there yet (hours; goes on where it was cut short).

Networks are trained, recorded and analysed by the experiments' own code. Their weights go to data/multiverse/trained, a data
folder for each experiment.

python -m replications.multiverse.run --help
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import experiments, files
from prefrontal.analysis.statistics import normalised_reward
from prefrontal.errors import check, run
from prefrontal.networks import files
from prefrontal.networks.load import Networks
from prefrontal.publishing.claims import Criterion
from prefrontal.settings import Config, structure
from prefrontal.tables import recording, storage
from prefrontal.tables.recording import Recording
from prefrontal.training import loop
from prefrontal.training.jobs import Machines
from replications.multiverse.variants import (
    MULTIVERSES,
    NETWORKS,
    SETTINGS,
    TRAINING,
    UNIVERSES,
    seeds,
    settings,
    universes,
    varied,
)

TOGETHER = 64
"""Networks of a batch, at most."""


@dataclass(frozen=True)
class Size:
    """How much of it all."""

    universes: int = UNIVERSES
    networks: int = NETWORKS
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings in place of the universes'."""
    test_episodes: int | None = None
    """In place of the experiment's."""


SMALL = Size(universes=2, networks=2, training={"episodes": 4}, test_episodes=6)
"""To see that everything runs."""

COLUMNS = ("experiment", "universe", "variant", "seed", *SETTINGS, "claim", "measure", "value", "above", "below")
"""Of networks.csv: ``above`` and ``below`` bound the interval over a universe's networks where the claim holds."""


@dataclass(frozen=True)
class Options(Machines):
    """Train and judge the universes whose results are not in data/multiverse/results/networks.csv."""

    experiment: str | None = None
    """Those of one experiment only."""
    small: bool = False
    """A few tiny networks, to see that everything runs; goes with a data folder of their own."""
    data: Path = files.DATA
    """Data folder."""


def results(data: Path) -> Path:
    """Table of results."""
    return data / "multiverse" / "results" / "networks.csv"


def trained(name: str, data: Path) -> Path:
    """Data folder of an experiment's universes."""
    return data / "multiverse" / "trained" / name


def configs(name: str, variant: str, numbers: Sequence[int], size: Size) -> list[Config]:
    """Settings of all networks of some universes."""
    kind = experiments.module(MULTIVERSES[name].experiment, "train").Config
    each = {number: settings(name, variant, number) | size.training for number in numbers}
    return [kind(**own | {"seed": seed}) for number, own in each.items() for seed in seeds(number, size.networks)]


def groups(name: str, size: Size) -> list[list[int]]:
    """Universes whose networks train as one batch, variant by variant."""
    main = MULTIVERSES[name].variants[0]
    kinds = {number: structure(configs(name, main, [number], size)[0]) for number in range(size.universes)}
    same = [[number for number in kinds if kinds[number] == kind] for kind in sorted(set(kinds.values()))]
    most = TOGETHER // size.networks
    return [part[first : first + most] for part in same for first in range(0, len(part), most)]


def judged(name: str, data: Path) -> set[int]:
    """Universes whose results are there.

    Raises
    ------
    UserError
        They are those of other settings.
    """
    if not results(data).exists():
        return set()
    frame = storage.read(results(data), needs=COLUMNS)
    there = frame[frame["experiment"] == name].drop_duplicates("universe").set_index("universe")
    planned = universes(name).reindex(there.index)
    for setting in planned:
        other = there.index[there[setting].to_numpy() != planned[setting].to_numpy()]
        check(
            other.empty, f"{results(data)}: {setting} of {name}", f"another in universe {', '.join(map(str, other))}", "as today"
        )
    return set(there.index)


def add(rows: pd.DataFrame, data: Path, size: Size) -> None:
    """Add rows to the table of results; one process does at a time."""
    path, folder = results(data), data / "multiverse" / "trained"
    with files.locked(folder):
        before = [storage.read(path)] if path.exists() else []
        frame = pd.concat([*before, rows])[list(COLUMNS)]
        frame = frame.sort_values(["experiment", "universe"], kind="stable", ignore_index=True)
        storage.write(frame, path, about=about(frame, size))


def about(frame: pd.DataFrame, size: Size) -> dict[str, Any]:
    """Provenance of a table of results: of all networks that it judges, in its order."""
    there = frame[["experiment", "universe"]].drop_duplicates()
    each = [(name, variant, number) for name, number in there.to_numpy() for variant in MULTIVERSES[name].variants]
    return files.provenance([config for name, variant, number in each for config in configs(name, variant, [number], size)])


def training(name: str, variant: str, number: int, data: Path, size: Size) -> pd.DataFrame:
    """How far a universe's networks came in training, and their share of the time that it took."""
    own, rows = configs(name, variant, [number], size), []
    for config in own:
        path = trained(name, data) / MULTIVERSES[name].experiment / "networks" / f"{files.stem(config, variant)}.json"
        about, curve = recording.network(path), storage.read(path.with_suffix(".csv"), "learning_curve")
        end = curve["reward"].tail(max(1, len(curve) // 10)).mean()
        measured = {
            "share of possible gain": float(normalised_reward(end, *config.reward_range())),
            "processor seconds": about["processor_seconds"] / about["networks_in_batch"],
        }
        rows += [(variant, config.seed, TRAINING, measure, value) for measure, value in measured.items()]
    return pd.DataFrame(rows, columns=["variant", "seed", "claim", "measure", "value"])


def acting(recording: Recording) -> Recording | None:
    """Leave out networks that never made a valid choice, of which analyses have nothing to say; None if there is no other."""
    trials = recording.trials
    chose = trials.loc[trials["choice"] >= 0, ["variant", "seed"]].drop_duplicates() if len(trials) else trials
    frames = {name: frame for name in recording.RECORDED if len(frame := getattr(recording, name))}
    return replace(recording, **{name: frame.merge(chose) for name, frame in frames.items()}) if len(chose) else None


def measures(name: str, recording: Recording) -> pd.DataFrame:
    """Analyse a universe's recording as the experiment does its own: variant, claim, measure, seed, value, above, below."""
    multiverse = MULTIVERSES[name]
    measured = experiments.module(multiverse.experiment, "analysis").measure(recording)
    found = experiments.module(multiverse.experiment, "analysis").measures(measured)
    benchmarks = experiments.benchmarks(multiverse.experiment, measured)
    main, rows = experiments.module(multiverse.experiment, "variants").MAIN, []
    for claim in multiverse.claims:
        above, below = (claim.criterion or Criterion()).bounds(benchmarks)
        rows.append((claim.variant or main, claim.claim, claim.measure, claim.measured or claim.claim, above, below))
    keys = pd.DataFrame(rows, columns=["variant", "claim", "measure", "measured", "above", "below"])
    return keys.merge(found.rename(columns={"claim": "measured"}), on=["variant", "measured", "measure"])


def judge(name: str, number: int, data: Path, size: Size) -> pd.DataFrame:
    """Record and judge one universe's networks -> rows of the table of results.

    Every network has a row for every claim; where it never made a valid choice, without a value.
    """
    multiverse, folder, own = MULTIVERSES[name], trained(name, data), seeds(number, size.networks)
    variants, record = (experiments.module(multiverse.experiment, part) for part in ("variants", "record"))
    networks = Networks(multiverse.experiment, folder, multiverse.variants, own)
    recording = acting(recording.join(record.record(networks, size.test_episodes or variants.TEST_EPISODES)))
    rows = [(c.variant or variants.MAIN, c.claim, c.measure, seed) for c in multiverse.claims for seed in own]
    frame = pd.DataFrame(rows, columns=["variant", "claim", "measure", "seed"])
    if recording is not None:
        values = measures(name, replace(recording, folder=folder / multiverse.experiment))
        frame = frame.merge(values, how="left", on=list(frame.columns))
    parts = [frame, *(training(name, variant, number, data, size) for variant in multiverse.variants)]
    keys = {"experiment": name, "universe": number, **varied(name, number)}
    return pd.concat(parts, ignore_index=True).assign(**keys).reindex(columns=list(COLUMNS))


def evaluate_claim(name: str, numbers: list[int], data: Path, small: bool, progress: type[tqdm] = tqdm) -> None:
    """Train universes that make one batch for each variant, and judge those that are not judged yet."""
    multiverse, options, size = MULTIVERSES[name], loop.Options(data=trained(name, data)), SMALL if small else Size()
    own = {variant: configs(name, variant, numbers, size) for variant in multiverse.variants}
    checkpoints = []
    for variant, together in own.items():
        bar = type("Bar", (progress,), {"job": f"{name}, {variant}, universes {numbers}"})
        each = [config.settings() for config in together]
        checkpoints.append(loop.train_batch(multiverse.experiment, variant, each, options, bar))
    for number in sorted(set(numbers) - judged(name, data)):
        with contextlib.redirect_stderr(io.StringIO()):  # bars of many processes at once
            rows = judge(name, number, data, size)
        add(rows, data, size)
        print(f"{name}: universe {number} is judged")
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)


def main(options: Options) -> None:
    """Do all of it, or the part that is asked for."""
    check(options.experiment in (None, *MULTIVERSES), "experiment", options.experiment, f"one of {', '.join(MULTIVERSES)}")
    check(not options.small or options.data != files.DATA, "data", options.data, "another folder, beside --small")
    data, size = options.data.resolve(), SMALL if options.small else Size()
    files.prepare_folder(data / "multiverse" / "trained")
    jobs, total = {}, 0
    for name in [options.experiment] if options.experiment else MULTIVERSES:
        done = judged(name, data)
        for numbers in groups(name, size):
            if set(numbers) - done:
                label = f"{name}, universes {', '.join(map(str, numbers))}"
                jobs[label] = "multiverse", "run", "evaluate_claim", name, numbers, data, options.small
                total += sum(configs(name, own, numbers[:1], size)[0].episodes for own in MULTIVERSES[name].variants)
    if jobs:
        jobs.spread(experiments.call, jobs, total, options, options.small)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options, description=__doc__)))
