"""Every experiment, from training to figure, with tiny budgets: the steps fit together and write what they promise."""

import importlib
import shutil
from pathlib import Path

import pytest

from prefrontal import claims, paths, tables
from tests.test_imports import BUILDS_ON

DRAWN = sorted(path.parent for path in (paths.ROOT / "replications").glob("*/figure.py"))
EXPERIMENTS = [folder.name for folder in DRAWN if (folder / "train.py").exists()]
SUMMARIES = [folder.name for folder in DRAWN if not (folder / "train.py").exists()]


SMALL_VIEWS = ["--view-size", "42", "--longest", "200", "--episodes-per-update", "8", "--test-episodes", "10"]


def run_all(experiment: str, data: Path, figures: Path) -> None:
    train, record, analysis, figure = (
        importlib.import_module(f"replications.{experiment}.{step}") for step in ("train", "record", "analysis", "figure")
    )
    tiny = ["--all", "--episodes", "10", "--seeds", "2", "--data", str(data)]
    if experiment == "harlow":
        train.main([*tiny, *SMALL_VIEWS])
        importlib.import_module("replications.harlow.variations").main(
            [*tiny[1:], *SMALL_VIEWS, "--names", "unroll_100", "symbols_new_wrong_image"]
        )
    else:
        importlib.import_module("prefrontal.training").main(train.Config, experiment, train.VARIANTS, [*tiny, "--no-compile"])
    if experiment in BUILDS_ON:
        networks = Path(BUILDS_ON[experiment]) / "networks"
        shutil.copytree(paths.DATA / networks, data / networks)
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


@pytest.mark.parametrize("summary", SUMMARIES)
def test_summary_is_drawn_from_committed_results(summary, tmp_path):
    figure = importlib.import_module(f"replications.{summary}.figure")
    figure.main(figure.Options(figures=tmp_path))
    assert list(tmp_path.glob("fig*.png"))


@pytest.mark.parametrize("experiment", [name for name in EXPERIMENTS if name != "harlow"])
def test_committed_networks_are_eight_per_variant(experiment):
    train = importlib.import_module(f"replications.{experiment}.train")
    for variant in train.VARIANTS:
        condition = train.Config(**variant).condition
        found = list((paths.DATA / experiment / "networks").glob(f"{condition}_[0-9].safetensors"))
        assert len(found) == 8, condition


def test_weights_of_three_harlow_networks_are_committed_and_results_of_all():
    folder = paths.DATA / "harlow" / "networks"
    for condition in ("pixels", "symbols"):
        assert {f"{condition}_{seed}.safetensors" for seed in range(3)} <= {path.name for path in folder.iterdir()}
    for path in folder.glob("*.json"):
        assert path.with_suffix(".csv").exists() and path.with_name(f"{path.stem}_test.csv").exists(), path
