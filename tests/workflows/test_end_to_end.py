"""Every experiment, from training to figure, with tiny budgets: the steps fit together.

``test_figures.py`` runs main variants alone, through the command.
"""

from __future__ import annotations

import functools
import pkgutil
from pathlib import Path

import pytest

from prefrontal import experiments
from prefrontal.pipeline import steps
from prefrontal.pipeline.train import TrainingOptions, train_variants
from prefrontal.publishing import claims
from prefrontal.tables import storage

EXPERIMENTS = experiments.names("train")

QUICK = ("bandit", "weather")
"""Experiments that run here whenever tests do; the others when all tests do."""

SMALL = {"training.episodes": 3, "training.episodes_per_update": 8, "task.longest": 400}
"""Largest values of settings, of those that an experiment has."""

TEST_EPISODES = 10

FEWER = {
    "bandit.analysis.TEXTBOOK_EPISODES": 100,
    "bandit.analysis.TUNING_EPISODES": 100,
    "bandit.analysis.PARAMETERS": {"Gittins indices, tuned": (0.9, 0.95), "UCB, tuned": (0.1, 0.5)},
    "probability_matching.analysis.SHIFTS": 10,
    "two_step.analysis.FITTED_STARTS": 1,
    "two_step.cue.CUE_TRIALS": 400,
    "two_step.cue.play.__defaults__": (50,),
}
"""Simulations and fits that take most of an analysis' time."""

CACHED = ("bandit.analysis.tuning", "bandit.analysis.textbook_curves")
"""What is kept for the process; results from so few simulations must not reach other tests."""


def small(settings):
    """The same settings, with a tiny budget."""
    values = settings.flat()
    return settings.vary(
        {name: min(most, values[name]) for name, most in SMALL.items() if name in values}
    )


def train_tiny(name: str, data: Path) -> None:
    """Train two networks of each variant, and of the last further one."""
    experiment = experiments.get(name)
    chosen = [*experiment.variants, *list(experiment.further_variants)[-1:]]
    variants = {variant: small(experiment.variant(variant)) for variant in chosen}
    train_variants(experiment, variants, TrainingOptions(networks=2, workers=1), data)


@pytest.fixture
def fewer(name, monkeypatch):
    """Shorten an experiment's analysis."""
    for path, value in FEWER.items():
        if path.startswith(f"{name}."):
            monkeypatch.setattr(f"replications.{path}", value)
    for path in CACHED:
        if path.startswith(f"{name}."):
            function = pkgutil.resolve_name(f"replications.{path}")
            fresh = functools.lru_cache(function.__wrapped__)
            monkeypatch.setattr(f"replications.{path}", fresh)


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in EXPERIMENTS],
)
def test_experiment_runs_from_training_to_figure(name, tmp_path, fewer, coarse):
    data, figures, experiment = tmp_path / "data", tmp_path / "figures", experiments.get(name)
    train_tiny(name, data)
    for other in experiment.uses:
        train_tiny(other, data)
    assert steps.due(name, data, TEST_EPISODES)[0] == ["record", "analyse", "draw"]
    steps.record(name, data, TEST_EPISODES)
    results = steps.analyse(name, data, TEST_EPISODES)
    drawn = steps.draw(name, data, figures)
    assert steps.due(name, data, TEST_EPISODES) == (["draw"], "")
    assert drawn and all(path.exists() and path.with_suffix(".pdf").exists() for path in drawn)
    assert len(results["claims"]) == len(experiment.claims)
    claimed = {claim.variant or experiment.main for claim in experiment.claims}
    assert claimed <= set(results["measures"]["variant"])
    in_order = results["claims"].sort_values("panel", kind="stable")["claim"].unique()
    assert list(claims.collect(data, name)["claim"].unique()) == list(in_order)
    assert not list(data.rglob(".*")), "temporary files are left behind"
    manifest = storage.manifest(data / name / "results")
    assert {f"{result}.csv" for result in results} <= set(manifest)
    about = {"commit", "settings_sha256", "seeds", "versions"}
    assert all(about <= set(each) for each in manifest.values())
