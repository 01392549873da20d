"""Larger samples of networks, of which only the measures are kept. Networks are trained, recorded
and analysed by the experiment's code, a few at a time.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from prefrontal import experiments
from prefrontal.errors import check
from prefrontal.experiments import FRESH_SEED, Experiment, Tables
from prefrontal.networks.files import stem
from prefrontal.networks.load import Networks, settings_provenance
from prefrontal.pipeline.train import TrainingOptions, replicate, train_variants
from prefrontal.publishing.claims import Claim, Criterion
from prefrontal.publishing.summaries import training_seconds
from prefrontal.settings import Settings
from prefrontal.tables import recording, storage
from prefrontal.tables.networks import read_description
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT

SETTINGS_HASH = "settings_sha256"

RECORDED_TOGETHER = 8
"""Number of networks that are recorded and analysed at a time."""

KEYS = ["variant", "claim", "measure", "subject"]
MEASURED = [*KEYS, "value", "above", "below"]
"""Columns of measures; ``above`` and ``below`` bound the interval over networks where a claim
holds."""


def responding(recorded: Recording[Any]) -> Recording[Any] | None:
    """Leave out networks that never made a valid choice, which analyses cannot measure.

    None if there are no others.
    """
    trials = recorded.trials
    if trials.empty or not (trials["choice"] >= 0).any():
        return None
    chose = trials.loc[trials["choice"] >= 0, SUBJECT].drop_duplicates()
    names = [name for name in recording.RECORDED if len(getattr(recorded, name))]
    return replace(recorded, **{name: getattr(recorded, name).merge(chose) for name in names})


def analyse(
    experiment: Experiment[Any], data: Path, seeds: Sequence[int], episodes: int
) -> Tables | None:
    """Record and analyse trained networks; None if none of them makes choices."""
    record = experiments.module(experiment.name, "record").record
    played = recording.join(record(Networks(experiment, data, seeds), episodes))
    recorded = responding(recording.with_strings(played))
    if recorded is None:
        return None
    analysis = experiments.analysis(experiment.name)
    assert analysis.analyse is not None
    return analysis.analyse(replace(recorded, folder=data / experiment.name))


def join(tables: Sequence[Tables]) -> Tables:
    """Join the tables of several groups of networks.

    Tables that do not concern networks, and rows of reference agents, are the same in all groups.
    """
    joined = {}
    for name, frame in (tables[0] if tables else {}).items():
        if set(SUBJECT) <= set(frame):
            frame = pd.concat(
                [each[name].assign(group=group) for group, each in enumerate(tables)],
                ignore_index=True,
            )
            first = frame.groupby(SUBJECT, observed=True)["group"].transform("min")
            frame = frame[frame["group"] == first].drop(columns="group")
        joined[name] = frame
    return joined


def measure(
    experiment: Experiment[Any], claims: Sequence[Claim], main: str, tables: Tables
) -> pd.DataFrame:
    """Value of each network for every claim, measured as for the experiment's main networks."""
    analysis = experiments.analysis(experiment.name)
    assert analysis.measures is not None
    benchmarks = analysis.benchmarks(tables) if analysis.benchmarks else {}
    rows = []
    for claim in claims:
        above, below = (claim.criterion or Criterion()).bounds(benchmarks)
        measured = claim.measured or claim.claim
        rows.append((claim.variant or main, claim.claim, claim.measure, measured, above, below))
    columns = ["variant", "claim", "measure", "measured", "above", "below"]
    numbers = analysis.measures(tables).rename(columns={"claim": "measured"})
    return pd.DataFrame(rows, columns=columns).merge(numbers, on=["variant", "measured", "measure"])


def evaluate(
    experiment: Experiment[Any],
    claims: Sequence[Claim],
    main: str,
    data: Path,
    seeds: Sequence[int],
    episodes: int | None = None,
) -> pd.DataFrame:
    """Record, analyse and measure trained networks.

    Parameters
    ----------
    experiment : Experiment
    claims : sequence of Claim
        What is measured.
    main : str
        Variant that claims without one are about.
    data : Path
        Data folder with the networks.
    seeds : sequence of int
    episodes : int, optional
        Test episodes; by default those of the experiment.

    Returns
    -------
    DataFrame
        ``MEASURED``: a row for every claim and network; without a value if the network never made a
        valid choice.
    """
    count = episodes or experiment.test_episodes
    groups = [
        seeds[first : first + RECORDED_TOGETHER]
        for first in range(0, len(seeds), RECORDED_TOGETHER)
    ]
    with contextlib.redirect_stderr(io.StringIO()):  # progress bars of many processes would overlap
        analysed = [analyse(experiment, data, group, count) for group in groups]
    rows = [(claim.variant or main, claim.claim, claim.measure) for claim in claims]
    frame = pd.DataFrame([(*row, seed) for row in rows for seed in seeds], columns=KEYS)
    tables = join([each for each in analysed if each is not None])
    if not tables:
        return frame.reindex(columns=MEASURED)
    measured = measure(experiment, claims, main, tables)
    return frame.merge(measured, how="left", on=KEYS)[MEASURED]


def fresh_settings(experiment: Experiment[Any], variant: str) -> list[Settings[Any]]:
    """Settings of an experiment's fresh networks, without snapshots."""
    first = experiment.variant(variant).vary({"seed": FRESH_SEED, "training.snapshots": 0})
    return replicate(first, experiment.fresh)


def train_fresh(
    experiment: Experiment[Any], variants: Sequence[str], options: TrainingOptions, data: Path
) -> Path:
    """Train a larger sample of networks and write their measures, results/fresh.csv.

    Weights go to data/fresh, where an interrupted run continues. Claims about variants that are not
    trained are left out.
    """
    known = experiment.fresh_variants if experiment.fresh else ()
    for name in variants:
        check(name in known, "variant", name, f"one of {', '.join(known) or 'none'} with --fresh")
    folder = data / "fresh"
    networks = folder / experiment.name / "networks"
    options = replace(options, networks=experiment.fresh)
    for name in variants or known:
        batch = fresh_settings(experiment, name)
        if not all((networks / f"{stem(each, name)}.json").exists() for each in batch):
            train_variants(experiment, {name: batch[0]}, options, folder)
    return write_fresh(experiment, data)


def cost(networks: Path, variant: str, seeds: Sequence[int]) -> dict[str, float]:
    """Number of trained networks of a variant, and their seconds of training."""
    described = [read_description(networks / f"{variant}_{seed}.json") for seed in seeds]
    spent = {
        measure: round(sum(training_seconds(each, measure) for each in described), 1)
        for measure in ("training_seconds", "processor_seconds")
    }
    return {"networks": len(described), **spent}


def write_fresh(experiment: Experiment[Any], data: Path) -> Path:
    """Measure the existing fresh networks and write results/fresh.csv.

    Rows of variants that were measured earlier, and whose networks are not here, stay if their
    settings do. The provenance has the settings and the cost of each variant.
    """
    folder, seeds = data / "fresh", range(FRESH_SEED, FRESH_SEED + experiment.fresh)
    networks = folder / experiment.name / "networks"
    settings = {name: fresh_settings(experiment, name) for name in experiment.fresh_variants}
    current = {name: settings_provenance(each) for name, each in settings.items()}
    trained = [
        name
        for name in settings
        if all((networks / f"{name}_{seed}.json").exists() for seed in seeds)
    ]
    claims = [
        claim
        for claim in experiment.claims
        if {claim.variant or experiment.main, *filter(None, [claim.versus]), *claim.needs}
        <= set(trained)
    ]
    frame = evaluate(experiment, claims, experiment.main, folder, seeds)
    variants = {
        name: {SETTINGS_HASH: current[name][SETTINGS_HASH], **cost(networks, name, seeds)}
        for name in trained
    }
    path = data / experiment.name / "results" / "fresh.csv"
    if path.exists():
        known = storage.manifest(path.parent)
        check(path.name in known, f"{path.parent}/manifest.json", "no entry", path.name)
        for name, about in known[path.name]["variants"].items():
            if name in trained:
                continue
            if name in current and about[SETTINGS_HASH] == current[name][SETTINGS_HASH]:
                variants[name] = about
            else:
                print(f"{path}: without {name!r}, which had other settings; train it again")
        earlier = storage.read(path, "measures", needs=("above", "below"))
        kept = earlier["variant"].isin(set(variants) - set(trained))
        frame = pd.concat([earlier[kept], frame], ignore_index=True)
    about = settings_provenance([each for name in variants for each in settings[name]])
    storage.write(frame, path, about=about | {"variants": variants})
    return path
