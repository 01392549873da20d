"""The steps from trained networks to figures, and whether their results are up to date.

The results of a step carry a hash of everything they depend on: networks, imported code, published
values, and results of other experiments. Hashes, never times, decide whether they are up to date.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from prefrontal import experiments, files
from prefrontal.errors import UserError, check_count
from prefrontal.experiments import PACKAGE, Experiment, Study
from prefrontal.publishing import claims, evidence
from prefrontal.publishing.results import Results
from prefrontal.settings import Settings, TaskSettings
from prefrontal.sources import code_hash
from prefrontal.tables import recording, storage
from prefrontal.tables.networks import check_complete, descriptions, fingerprint
from prefrontal.tables.schema import COLUMNS

INPUTS = "inputs.json"
"""File next to results with hashes of their inputs and of every table."""


def _sha256(*parts: str | bytes) -> str:
    content = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(content).hexdigest()[:16]


def _folder_hash(paths: Iterable[Path]) -> str:
    return _sha256(*(part for path in sorted(paths) for part in (path.name, path.read_bytes())))


def record_inputs(study: Study, data: Path, episodes: int | None = None) -> dict[str, str]:
    """Hashes of what a recording depends on; none where an experiment records nothing."""
    if not isinstance(study, Experiment):
        return {}
    package = f"{PACKAGE}.{study.name}"
    ignored = ["prefrontal.publishing", "prefrontal.networks.predict", f"{package}.claims"]
    code = code_hash([f"{package}.record", f"{package}.experiment"], ignored)
    networks = {
        f"networks of {name}": fingerprint(
            files.experiment_folder(data, name, study.name) / "networks"
        )
        for name in (study.name, *study.uses)
    }
    count = str(episodes or study.test_episodes)
    return {"the code of record.py": code, **networks, "the number of test episodes": count}


def analysis_inputs(study: Study, data: Path, episodes: int | None = None) -> dict[str, str]:
    """Hashes of what an experiment's results depend on."""
    package = f"{PACKAGE}.{study.name}"
    inputs = record_inputs(study, data, episodes)
    modules = [f"{package}.{part}" for part in ("analysis", "experiment", "claims")]
    inputs["the code of analysis.py"] = code_hash(
        [*modules, evidence.__name__], ["prefrontal.publishing.plotting"]
    )
    inputs["published values"] = _folder_hash(files.PUBLISHED.glob("*.csv"))
    for name in (study.name, *study.uses):
        folder = files.experiment_folder(data, name, study.name)
        curves = [*folder.glob("networks/*.csv"), *folder.glob("variations/*.csv")]
        inputs[f"learning curves of {name}"] = _folder_hash(curves)
        if name != study.name:
            inputs[f"results of {name}"] = _folder_hash(folder.glob("results/*.csv"))
    if not isinstance(study, Experiment):  # computed from networks or data that are not kept
        folder = data / study.name
        inputs["results/networks.csv"] = _folder_hash(folder.glob("results/networks.csv"))
    folders = {data / study.name, files.DATA / study.name}
    animals = {path for folder in folders for path in folder.glob("animals/*.csv")}
    if animals:
        inputs["statistics of animals"] = _folder_hash(animals)
    return inputs


def _changed(about: Mapping[str, Any], now: Mapping[str, str]) -> str:
    """Name the inputs that differ from those recorded in a file."""
    made = about.get("inputs")
    before: Mapping[str, str] = made if isinstance(made, dict) else {}
    names = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    return f"{', '.join(names)} changed" if before and names else "" if before else "there are none"


def outdated_recording(study: Study, data: Path, episodes: int | None = None) -> str:
    """Say why the present recording is out of date; empty if it is up to date."""
    path = data / study.name / "trials.parquet"
    try:
        about = storage.read_provenance(path) if path.exists() else {}
    except (OSError, ValueError):  # damaged files are recorded again
        about = {}
    return _changed(about, record_inputs(study, data, episodes))


def outdated_results(study: Study, data: Path, episodes: int | None = None) -> str:
    """Say why the present results are out of date, or were changed by hand; empty if they are up to
    date."""
    folder = data / study.name / "results"
    about = read_inputs(folder)
    edited = [
        name
        for part in ("sha256", "sha256_read")
        for name, sha256 in about.get(part, {}).items()
        if not (folder / name).exists() or _sha256((folder / name).read_bytes()) != sha256
    ]
    return _changed(about, analysis_inputs(study, data, episodes)) or (
        f"{', '.join(edited)} was edited or deleted" if edited else ""
    )


def read_inputs(results: Path) -> dict[str, Any]:
    """Read the hashes of a folder of results; empty if there are none."""
    try:
        return dict(json.loads((results / INPUTS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def task_classes(study: Study) -> dict[str, type[TaskSettings]]:
    """Classes of task settings, by name, of an experiment and of those whose networks it
    records."""
    known = [
        experiments.get(name)
        for name in (study.name, *study.uses)
        if name in experiments.names("train")
    ]
    return {type(each.settings.task).__name__: type(each.settings.task) for each in known}


def record(
    name: str, data: Path = files.DATA, episodes: int | None = None
) -> recording.Recording[Any]:
    """Record an experiment's networks and write the tables.

    Parameters
    ----------
    name : str
    data : Path
        Data folder.
    episodes : int, optional
        Test episodes per network, by default those of the experiment.
    """
    from prefrontal.networks.load import Networks, check_finished  # imports torch

    experiment = experiments.get(name)
    if episodes is not None:
        check_count("episodes", episodes)
    networks = Networks(experiment, data)
    check_finished(list(experiment.variants), data / name / "checkpoints")
    if not networks.variants:
        raise UserError(
            f"{data / name / 'networks'}: no trained networks; run prefrontal train {name}"
        )
    if networks.missing:
        print(f"{name}: left out because not trained: {', '.join(networks.missing)}")
    count = episodes or experiment.test_episodes
    began = time.monotonic()
    made = recording.join(experiments.module(name, "record").record(networks, count))
    about = networks.provenance() | {
        "test_episodes": count,
        "inputs": record_inputs(experiment, data, episodes),
    }
    about["seconds"] = round(time.monotonic() - began, 1)
    made = replace(made, about=about)
    recording.write_recording(made, data / name)
    return made


def check_settings(study: Study, data: Path) -> None:
    """Raise UserError if networks of the suite, whose weights may be absent, were trained with
    settings other than the present ones."""
    for name in (study.name, *study.uses) if data == files.DATA else ():
        experiment = experiments.study(name)
        if not isinstance(experiment, Experiment):
            continue
        known = {**experiment.variants, **experiment.further_variants}
        for folder in ("networks", "variations"):
            for each in descriptions(data / name / folder, known):
                task = type(experiment.settings.task)
                trained = Settings.from_dict(each.settings, task, each.path)
                experiment.check_current(each.variant, trained, each.path.parent)


def analyse(
    name: str, data: Path = files.DATA, episodes: int | None = None
) -> dict[str, pd.DataFrame]:
    """Analyse an experiment's recording, or the results of others, and write the tables of
    results."""
    study, began = experiments.study(name), time.monotonic()
    check_settings(study, data)
    if isinstance(study, Experiment):
        made, about = analyse_recording(study, data, episodes)
    else:
        results = Results(name, data)
        summarise = experiments.analysis(name).summarise
        made, about = (summarise(results) if summarise else {}), results.about
    folder = data / name / "results"
    recording_seconds = about.pop("seconds", 0.0)
    for table, frame in made.items():
        kind = table if table in COLUMNS else None
        storage.write(frame, folder / f"{table}.csv", kind, about)
    for table in set(read_inputs(folder).get("sha256", {})) - {f"{table}.csv" for table in made}:
        (folder / table).unlink(missing_ok=True)  # a table of variants that no longer exist
    tables = {path.name: _sha256(path.read_bytes()) for path in sorted(folder.glob("*.csv"))}
    written = {name for name in tables if name.removesuffix(".csv") in made}
    seconds = {"record": recording_seconds, "analyse": round(time.monotonic() - began, 1)}
    stamp = {
        "inputs": analysis_inputs(study, data, episodes),
        "seconds": seconds,
        "sha256": {name: tables[name] for name in tables if name in written},
        "sha256_read": {name: tables[name] for name in tables if name not in written},
    }
    files.write_text(folder / INPUTS, json.dumps(stamp, indent=1) + "\n")
    return made


def analyse_recording(
    study: Experiment[Any], data: Path, episodes: int | None
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Analyse a recording -> tables of results, among them measures and claims; provenance."""
    outdated = outdated_recording(study, data, episodes)
    if outdated:
        raise UserError(
            f"{data / study.name}: no recording of these networks and this code ({outdated}); "
            f"run prefrontal record {study.name}"
        )
    for folder in ("networks", "variations"):
        check_complete(descriptions(data / study.name / folder))
    made = recording.read_recording(data / study.name, task_classes(study))
    analysis = experiments.analysis(study.name)
    if analysis.analyse is None or analysis.measures is None:
        raise UserError(f"{PACKAGE}/{study.name}/analysis.py: ANALYSIS needs analyse and measures")
    tables = analysis.analyse(made)
    results = dict(tables)
    if analysis.further_tables is not None:
        results |= analysis.further_tables(made, tables)
    results["measures"] = analysis.measures(tables)
    benchmarks: Mapping[str, float] = analysis.benchmarks(tables) if analysis.benchmarks else {}
    # Of some variants only the results are kept, not the weights; of animals there may be none.
    named = set(study.variants)
    if not (files.DATA / study.name / "animals").exists():
        named |= {name for claim in study.claims for name in (claim.variant, claim.versus)} - {""}
    absent = named - set(made.settings) - set(results["measures"]["variant"])
    present = [
        claim
        for claim in study.claims
        if not {claim.variant or study.main, claim.versus, *claim.needs} & absent
    ]
    results |= evaluate(present, results["measures"], study.main, benchmarks, data / study.name)
    about = {key: value for key, value in made.about.items() if key != "inputs"}
    return results, about


def evaluate(
    present: list[claims.Claim],
    measures: pd.DataFrame,
    main: str,
    benchmarks: Mapping[str, float],
    folder: Path,
) -> dict[str, pd.DataFrame]:
    """Evaluate claims on the networks of the figures, and on a larger sample if there is one."""
    table = claims.evaluate_claims(present, measures, main, benchmarks)
    rows = [evidence.table(present, measures, main, benchmarks, "paper")]
    path = folder / "results" / "fresh.csv"
    if path.exists():
        fresh = storage.read(path, "measures", needs=("above", "below"))
        measured = claims.in_sample(present, fresh, main)
        table = claims.add_fresh(table, claims.evaluate_claims(measured, fresh, main, {}))
        rows.append(evidence.table(measured, fresh, main, {}, "fresh"))
    return {"claims": table, "evidence": pd.concat(rows, ignore_index=True)}


def draw(name: str, data: Path = files.DATA, figures: Path = files.FIGURES) -> list[Path]:
    """Draw an experiment's figures -> the image files."""
    from prefrontal.publishing import plotting  # imports matplotlib

    results, drawn = Results(name, data), []
    study = experiments.study(name)
    check_settings(study, data)
    if has_analysis(name) and not any(results.folder.glob("*.csv")):
        raise UserError(f"{results.folder}: no results; run prefrontal analyse {name}")
    if isinstance(study, Experiment) and study.main not in results.settings:
        folder = data / name / "networks"
        raise UserError(f"{folder}: no networks of {study.main!r}, whose settings the figures show")
    main = results.settings.get(study.main) if isinstance(study, Experiment) else None
    settings = {"settings": main.flat()} if main else {}
    for drawing in experiments.module(name, "figure").draw(results):
        about = (results.about if drawing.about is None else drawing.about) | settings
        plotting.save(drawing.figure, drawing.name, figures, about, drawing.panels)
        drawn.append(figures / f"{drawing.name}.png")
    return drawn


def due(
    name: str,
    data: Path,
    episodes: int | None = None,
    everything: bool = False,
    renewed: Collection[str] = (),
) -> tuple[list[str], str]:
    """Steps that an experiment needs to be up to date, and why; figures are always drawn.

    Parameters
    ----------
    name : str
    data : Path
        Data folder.
    episodes : int, optional
        Test episodes per network, by default those of the experiment.
    everything : bool
        Record and analyse even if up to date.
    renewed : collection of str
        Experiments whose results are about to change.
    """
    study = experiments.study(name)
    if not has_analysis(name):
        return ["draw"], ""
    why = "everything is rebuilt" if everything else outdated_results(study, data, episodes)
    used = sorted({*study.uses} & {*renewed})
    if used and not why:
        why = f"results of {', '.join(used)} change"
    if not why:
        return ["draw"], ""
    records = isinstance(study, Experiment) and (
        everything or bool(outdated_recording(study, data, episodes))
    )
    return [*(["record"] if records else []), "analyse", "draw"], why


def has_analysis(name: str) -> bool:
    """True unless an experiment only draws results of other experiments."""
    return name in experiments.names("analysis")
