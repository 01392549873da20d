"""Every experiment, from training to figure, with tiny budgets: the steps fit together and write what they promise."""

from __future__ import annotations

import dataclasses
import functools
import json
import pkgutil
import shutil
from pathlib import Path

import pytest

from prefrontal import experiments
from prefrontal.files import DATA, ROOT
from prefrontal.networks import load
from prefrontal.publishing import claims
from prefrontal.tables import recording, storage
from prefrontal.training import loop
from replications.bandit.variants import GITTINS, TUNED_UCB
from tests.test_imports import BUILDS_ON

EXPERIMENTS = experiments.names("train")
SUMMARIES = sorted(set(experiments.names("figure")) - set(EXPERIMENTS))
TRAINED = [name for name in EXPERIMENTS if (DATA / name / "networks").exists()]
"""Experiments whose networks are there; a new one may still be without."""

QUICK = ("bandit", "weather")
"""Experiments that run here whenever tests do; the others when all tests do."""

SMALL = {"episodes": 3, "episodes_per_update": 8, "longest": 400, "test_episodes": 10}
"""Settings that make a training tiny, of those that an experiment has."""

FEWER = {
    "bandit.analysis.TEXTBOOK_EPISODES": 100,
    "bandit.analysis.TUNING_EPISODES": 100,
    "bandit.analysis.PARAMETERS": {GITTINS: (0.9, 0.95), TUNED_UCB: (0.1, 0.5)},
    "probability_matching.analysis.SHIFTS": 10,
    "two_step.analysis.FITTED_STARTS": 1,
    "two_step.cue.CUE_TRIALS": 400,
    "two_step.cue.play.__defaults__": (50,),
}
"""Simulations and fits that take most of an analysis' time; the steps fit together with few as with many."""

REMEMBERED = ("bandit.analysis.tuning", "bandit.analysis.textbook_curves")
"""What is kept for the process: what was worked out from so few must not be found by tests of what it says."""


def train_tiny(name: str, data: Path) -> None:
    """Train two networks of each variant, and of the last variation."""
    file = str(ROOT / "replications" / name / "train.py")
    known = {entry.name: entry.default for entry in dataclasses.fields(experiments.module(name, "train").Config)}
    tiny = [f"--{key.replace('_', '-')}={min(value, known[key])}" for key, value in SMALL.items() if key in known]
    for asked in (["--all"], *(["--variant", varied] for varied in list(experiments.variations(name))[-1:])):
        loop.main(file, [*asked, *tiny, "--seeds", "2", "--data", str(data)])


def copy_two(source: Path, target: Path) -> None:
    """Copy the first two networks of each variant."""
    target.mkdir(parents=True)
    found: dict[str, list[tuple[int, Path]]] = {}
    for path, about in recording.networks(source):
        found.setdefault(about["variant"], []).append((about["config"]["seed"], path))
    for networks in found.values():
        for _, path in sorted(networks)[:2]:
            for part in source.glob(f"{path.stem}.*"):
                shutil.copy(part, target)


@pytest.fixture
def fewer(name, monkeypatch):
    """Shorten an experiment's analysis."""
    for path, value in FEWER.items():
        if path.startswith(f"{name}."):
            monkeypatch.setattr(f"replications.{path}", value)
    for path in REMEMBERED:
        if path.startswith(f"{name}."):
            own = pkgutil.resolve_name(f"replications.{path}")
            monkeypatch.setattr(f"replications.{path}", functools.lru_cache(own.__wrapped__))


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in EXPERIMENTS])
def test_experiment_runs_from_training_to_figure(name, tmp_path, fewer, coarse):
    data, figures = tmp_path / "data", tmp_path / "figures"
    train_tiny(name, data)
    for other in BUILDS_ON.get(name, ()):
        copy_two(DATA / other / "networks", data / other / "networks")
    load.main(str(ROOT / "replications" / name / "record.py"), ["--episodes", "6", "--data", str(data)])
    results = experiments.analyse(name, data)
    drawn = experiments.draw(name, experiments.Folders(data, figures))
    assert drawn and all((figures / f"{figure}.{kind}").exists() for figure in drawn for kind in ("png", "pdf"))
    assert len(results["claims"]) == len(experiments.module(name, "variants").CLAIMS)
    assert experiments.module(name, "variants").MAIN in set(results["measures"]["variant"])
    assert list(claims.collect(data)["claim"].unique()) == list(
        results["claims"].sort_values("panel", kind="stable")["claim"].unique()
    )
    assert not list(data.rglob(".*")), "temporary files are left behind"
    manifest = storage.manifest(data / name / "results")
    assert {f"{result}.csv" for result in results} <= set(manifest)
    assert all({"commit", "config_sha256", "seeds", "versions"} <= set(about) for about in manifest.values())


@pytest.mark.parametrize("name", SUMMARIES)
def test_summary_is_drawn_from_committed_results(name, tmp_path, coarse):
    assert experiments.draw(name, experiments.Folders(DATA, tmp_path)) and list(tmp_path.glob("fig*.png"))


@pytest.mark.parametrize("name", TRAINED)
def test_networks_of_every_condition_are_committed(name):
    found: dict[str, set[int]] = {}
    for path in (DATA / name / "networks").glob("*.json"):
        about = json.loads(path.read_text())
        found.setdefault(about["variant"], set()).add(about["config"]["seed"])
        assert path.with_suffix(".csv").exists(), path
    assert set(found) == set(experiments.trained(name))
    assert all(len(seeds) > 1 for seeds in found.values())


@pytest.mark.parametrize("name", TRAINED)
def test_committed_results_are_about_what_is_claimed(name):
    """Committed claims are those that variants.py declares, row by row."""
    variants = experiments.module(name, "variants")
    frame = experiments.Results(name, DATA).claims
    declared = [(claim.claim, claim.measure, claim.variant or variants.MAIN) for claim in variants.CLAIMS]
    assert list(frame[["claim", "measure", "variant"]].itertuples(index=False, name=None)) == declared
