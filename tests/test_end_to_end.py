"""Every experiment, from training to figure, with tiny budgets: the steps fit together and write what they promise."""

import importlib
from pathlib import Path

import pytest

from prefrontal import claims, paths, tables

EXPERIMENTS = sorted(path.parent.name for path in (paths.ROOT / "replications").glob("*/figure.py"))


def run_all(experiment: str, data: Path, figures: Path) -> None:
    train, record, analysis, figure = (
        importlib.import_module(f"replications.{experiment}.{step}") for step in ("train", "record", "analysis", "figure")
    )
    tiny = ["--all", "--episodes", "20", "--seeds", "2", "--no-compile", "--data", str(data)]
    importlib.import_module("prefrontal.training").main(train.Config, experiment, train.VARIANTS, tiny)
    record.main(record.Options(data=data, seeds=2, episodes=6))
    analysis.main(analysis.Options(data=data))
    figure.main(figure.Options(data=data, figures=figures))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_runs_from_training_to_figure(experiment, tmp_path):
    data, figures = tmp_path / "data", tmp_path / "figures"
    run_all(experiment, data, figures)
    drawn = list(figures.glob("fig*.png"))
    assert drawn and all(path.with_suffix(".pdf").exists() for path in drawn if "_" not in path.stem)
    frame = claims.collect(data)
    committed = tables.read(paths.DATA / experiment / "results" / "claims.csv", "claims")
    assert set(frame["claim"]) == set(committed["claim"])
    assert not list(data.rglob(".*")), "temporary files are left behind"
    manifest = tables.manifest(data / experiment / "results")
    assert {"claims.csv"} <= set(manifest)
    assert all({"commit", "config_sha256", "seeds", "versions"} <= set(about) for about in manifest.values())


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_committed_networks_are_eight_per_variant(experiment):
    train = importlib.import_module(f"replications.{experiment}.train")
    for variant in train.VARIANTS:
        condition = train.Config(**variant).condition
        found = list((paths.DATA / experiment / "networks").glob(f"{condition}_[0-9].safetensors"))
        assert len(found) == 8, condition
