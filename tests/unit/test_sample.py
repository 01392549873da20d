"""Larger samples are trained, measured and evaluated like the networks of the figures."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.networks.load import Networks
from prefrontal.pipeline import sample
from prefrontal.pipeline.train import TrainingOptions
from prefrontal.publishing import claims
from prefrontal.tables import recording, storage

NAME, EPISODES, FRESH = "volatile_bandit", 4, 3


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An experiment with three fresh networks of a few episodes, one more than in a group."""
    monkeypatch.setattr(files, "DATA", tmp_path)
    monkeypatch.setattr(sample, "RECORDED_TOGETHER", 2)
    found = experiments.get(NAME)
    settings = found.settings.vary({"training.episodes": 3})
    made = dataclasses.replace(
        found, settings=settings, fresh=FRESH, fresh_variants=("tied",), test_episodes=EPISODES
    )
    monkeypatch.setattr(experiments, "get", lambda name: made)
    return made


def test_fresh_networks_are_measured_as_the_experiments_own(small, tmp_path):
    options = TrainingOptions(workers=1)
    path = sample.train_fresh(small, (), options, tmp_path)
    frame = storage.read(path, "measures", needs=("above", "below"))
    assert set(frame["subject"]) == {600, 601, 602} and set(frame["variant"]) == {"tied"}
    record = experiments.module(NAME, "record").record
    networks = Networks(small, tmp_path / "fresh")
    played = recording.with_strings(recording.join(record(networks, EPISODES)))
    analysis = experiments.analysis(NAME)
    measures = analysis.measures(analysis.analyse(dataclasses.replace(played, folder=tmp_path)))
    keys = ["variant", "claim", "measure", "subject"]
    expected = measures.set_index(keys)["value"].reindex(frame.set_index(keys).index)
    np.testing.assert_allclose(frame["value"], expected, rtol=1e-4)
    assert frame["value"].notna().mean() > 0.5
    about = storage.manifest(path.parent)["fresh.csv"]
    assert about["variants"]["tied"]["networks"] == FRESH
    assert about["variants"]["tied"]["processor_seconds"] > 0
    weights = sorted((tmp_path / "fresh" / NAME / "networks").glob("*.safetensors"))
    before = [weight.stat().st_mtime_ns for weight in weights]
    sample.train_fresh(small, (), options, tmp_path)
    assert [weight.stat().st_mtime_ns for weight in weights] == before

    evaluated = claims.in_sample(small.claims, frame, small.main)
    assert evaluated and all(claim.variant in ("", "tied") for claim in evaluated)


def test_rows_of_networks_that_are_gone_stay_while_their_settings_do(small, tmp_path, capsys):
    small = dataclasses.replace(small, fresh_variants=("tied", "tied_fast"))
    path = sample.train_fresh(small, ("tied",), TrainingOptions(workers=1), tmp_path)
    first, before = storage.read(path), storage.manifest(path.parent)["fresh.csv"]["variants"]
    shutil.rmtree(tmp_path / "fresh")
    sample.train_fresh(small, ("tied_fast",), TrainingOptions(workers=1), tmp_path)
    both, after = storage.read(path), storage.manifest(path.parent)["fresh.csv"]
    pd.testing.assert_frame_equal(both[both["variant"] == "tied"], first)
    assert set(both["variant"]) == {"tied", "tied_fast"} == set(after["variants"])
    assert after["variants"]["tied"] == before["tied"]

    shutil.rmtree(tmp_path / "fresh")
    changed = small.settings.vary({"training.discount": 0.5})
    capsys.readouterr()
    edited = dataclasses.replace(small, settings=changed)
    sample.train_fresh(edited, ("tied_fast",), TrainingOptions(workers=1), tmp_path)
    assert set(storage.read(path)["variant"]) == {"tied_fast"}
    assert "without 'tied'" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [each for each in experiments.names("train") if experiments.get(each).fresh]
)
def test_a_fresh_variant_is_measured_without_the_others(name, tmp_path, monkeypatch):
    found = experiments.get(name)
    settings = found.settings.vary({"training.episodes": 2})
    small = dataclasses.replace(found, settings=settings, fresh=2, test_episodes=12)
    monkeypatch.setattr(experiments, "get", lambda name: small)
    variant = found.fresh_variants[-1]
    path = sample.train_fresh(small, (variant,), TrainingOptions(workers=1), tmp_path)
    assert set(storage.read(path)["variant"]) == {variant}


def test_a_variant_without_larger_sample_is_named(small, tmp_path):
    with pytest.raises(UserError, match="one of tied with --fresh"):
        sample.train_fresh(small, ("untied",), TrainingOptions(), tmp_path)


@pytest.mark.parametrize("name", ["bandit", "two_step"])
def test_searches_name_settings_and_apply_their_rule(name):
    rules = {
        "bandit": (
            {"learning_rate": 0.005, "discount": [0.7, 0.8, 0.8], "lr_decay_start": [1, 0.5, 0.5]},
            {"share_validation": [0.9, 0.95, 0.87]},
            {"learning_rate": 0.005, "discount": 0.8, "lr_decay_start": 0.5},
        ),
        "two_step": (
            {"init_scale": [1, 1, 2.5, 2.5], "output_scale": [1, 3, 1, 3]},
            {"share_end": [0.89, 0.95, 0.97, 0.99]},
            {"init_scale": 2.5, "output_scale": 1.0},
        ),
    }
    columns, rewards, expected = rules[name]
    search = experiments.get(name).search
    assert search.choose(pd.DataFrame(columns | rewards)) == expected
    assert {axis.partition("=")[0].partition(".")[2] for axis in search.vary} == set(expected)


def test_reference_agents_of_every_group_count_once():
    def table(*subjects):
        return pd.DataFrame(
            [(*each, 1.0) for each in subjects], columns=["variant", "subject", "x"]
        )

    groups = [
        {"a": table(("v", 600), ("observer", 0)), "b": pd.DataFrame({"x": [1]})},
        {"a": table(("v", 601), ("observer", 0)), "b": pd.DataFrame({"x": [1]})},
    ]
    joined = sample.join(groups)
    assert joined["a"]["subject"].tolist() == [600, 0, 601] and len(joined["b"]) == 1
    assert list(joined["a"]) == ["variant", "subject", "x"] and sample.join([]) == {}
