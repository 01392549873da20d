"""Networks and results of the suite are complete, and are those that the code declares."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.files import DATA
from prefrontal.networks.load import Networks
from prefrontal.pipeline import steps
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from prefrontal.tables.networks import descriptions

TRAINED = [name for name in experiments.suite("train") if (DATA / name / "networks").exists()]
"""Experiments whose networks are there; a new one may still be without."""


@pytest.mark.parametrize("name", TRAINED)
def test_every_variant_is_there_and_loads(name):
    experiment, seeds = experiments.get(name), dict[str, list[int]]()
    for each in descriptions(DATA / name / "networks"):
        seeds.setdefault(each.variant, []).append(each.seed)
        assert each.path.with_suffix(".csv").exists(), each.path
    assert set(seeds) == set(experiment.variants)
    assert all(len(of_variant) > 1 for of_variant in seeds.values())
    networks = Networks(experiment)
    for variant in networks.variants:
        assert networks(variant).seeds == sorted(seeds[variant])


@pytest.mark.parametrize("name", experiments.suite())
def test_networks_have_the_declared_settings(name):
    steps.check_settings(experiments.study(name), DATA)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("harlow", "harlow/networks/pixels_new_wrong_image_0.json"),
        ("rpe_input", "two_step/networks/default_rpe_0.json"),
    ],
)
def test_results_of_other_settings_are_not_drawn(name, path, tmp_path, monkeypatch):
    """Neither those of networks whose weights were not kept, nor those of another experiment."""
    (tmp_path / path).parent.mkdir(parents=True)
    about = json.loads((DATA / path).read_text(encoding="utf-8"))
    about["settings"]["training"]["discount"] = 0.5
    (tmp_path / path).write_text(json.dumps(about), encoding="utf-8")
    monkeypatch.setattr(files, "DATA", tmp_path)
    for step in (steps.analyse, steps.draw):
        with pytest.raises(UserError, match=r"trained with training.discount 0.5, but the setting"):
            step(name, tmp_path)


@pytest.mark.parametrize("name", TRAINED)
def test_results_are_about_the_declared_claims(name):
    """Row by row, and in this order."""
    experiment, frame = experiments.get(name), Results(name, DATA).claims
    declared = [
        (claim.claim, claim.measure, claim.variant or experiment.main)
        for claim in experiment.claims
    ]
    columns = frame[["claim", "measure", "variant"]]
    assert list(columns.itertuples(index=False, name=None)) == declared


@pytest.mark.parametrize(
    "name", [n for n in experiments.suite("train") if experiments.get(n).search]
)
def test_main_variants_are_what_the_rule_of_a_search_chooses(name):
    experiment, folder = experiments.get(name), DATA / name / "sweeps"
    rows = [storage.read(folder / f"search_{each}.csv") for each in experiment.search.variants]
    chosen = experiment.search.choose(pd.concat(rows))
    settings = {setting.rpartition(".")[2]: v for setting, v in experiment.variant().flat().items()}
    assert chosen == {setting: settings[setting] for setting in chosen}
