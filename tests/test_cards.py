"""Cards of networks and the table of compute say what the files of trainings say, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from prefrontal import cards, experiment, paths, readme, tables
from prefrontal.errors import UserError

CURVE = pd.DataFrame({"episode": [50, 100], "reward": [1.0, 3.0], "entropy": 0.5, "value_error": 0.1})


def write_network(data, seed, condition="main", **about):
    """Files of a network, as training leaves them."""
    folder = data / "toy" / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    provenance = {"commit": "0123456789abcdef", "python": "3.11", "versions": {"torch": "2.13"}}
    config = {"seed": seed, "units": 48, "discount": 0.9, "width": seed % 2}
    about = {"config": config, "condition": condition, "training_seconds": 7200.0, "provenance": provenance} | about
    (folder / f"{condition}_{seed}.json").write_text(json.dumps(about))
    tables.write(CURVE, folder / f"{condition}_{seed}.csv", "learning_curve")


@pytest.fixture
def data(tmp_path):
    """Two networks that trained as one program, one by itself, and a sweep."""
    for seed in (0, 1):
        write_network(tmp_path, seed, networks_in_population=2, processor_seconds=1800.0)
    write_network(tmp_path, 2, "alone")
    frame = pd.DataFrame({"seed": range(3), "training_episodes": 40})
    tables.write(frame, tmp_path / "toy" / "sweeps" / "rates.csv", about={"seconds": 60.0, "processor_seconds": 36.0})
    tables.write(frame, tmp_path / "toy" / "sweeps" / "rates_curves.csv")
    return tmp_path


def test_what_trained_as_one_is_counted_once_and_nothing_is_made_up(data):
    cost = cards.cost(data).set_index("condition")
    np.testing.assert_allclose(cost["hours"], [2.0, 2.0, 1 / 60])  # alone, main, sweep
    np.testing.assert_allclose(cost.loc[["main", "sweep rates"], "core_hours"], [0.5, 0.01])
    assert np.isnan(cost.loc["alone", "core_hours"])
    assert list(cost["networks"]) == [1, 2, 3] and list(cost["episodes"]) == [100, 100, 40]
    words, shown = cards.compute(data)
    assert words.startswith("6 networks. Core hours, where recorded: 0.5 (5 networks); hours on the clock, where recorded: 4.0 (")
    assert list(shown["core hours"]) == [cards.UNKNOWN, "0.50", "0.01"]


def test_networks_of_universes_count_by_what_results_say(data):
    took = {"experiment": ["toy", "toy"], "condition": ["a", "b"], "networks": [128, 128], "processor_hours": [1.5, 0.5]}
    tables.write(pd.DataFrame(took), data / "multiverse" / "results" / "trainings.csv")
    cost = cards.cost(data).set_index("condition")
    np.testing.assert_allclose(cost.loc[["toy, a", "toy, b"], "core_hours"], [1.5, 0.5])
    assert cards.compute(data)[0].startswith("262 networks. Core hours, where recorded: 2.5 (261 networks)")


def test_a_condition_counts_as_recorded_only_if_every_network_is(data):
    write_network(data, 1, networks_in_population=2)
    assert np.isnan(cards.training_cost(data / "toy" / "networks").set_index("condition").loc["main", "core_hours"])


def test_no_network_at_all_is_told(tmp_path):
    with pytest.raises(UserError, match="no trained networks"):
        cards.cost(tmp_path)


def test_a_card_tells_what_sets_its_condition_apart(data, tmp_path):
    (tmp_path / "replications" / "toy").mkdir(parents=True)
    (tmp_path / "replications" / "toy" / "README.md").write_text("# A toy\n\nWhat for?\n")
    (data / "toy" / "networks" / "main_1.safetensors").touch()
    cards.write("toy", data, tmp_path)
    common, alone, main = (data / "toy" / "networks" / "README.md").read_text().split("\n## `")
    assert common.startswith("# Trained networks: A toy\n")
    assert "1 networks of 48 units, seeds 2; none with their weights here" in alone and "core hours not recorded" in alone
    assert "2 networks of 48 units, seeds 0, 1; 1 with their weights here" in main and "0.50." in main
    assert "`width`" in main and "| `discount` | 0.9 |" in main and "`seed`" not in main
    assert "reward per episode 3 [3, 3]" in main


def test_settings_that_a_card_needs_are_named_where_they_are_missing():
    about = {"config": {"seed": 0, "units": 48}, "provenance": {"python": "3.11"}}
    with pytest.raises(UserError, match=r"main: not the settings of a trained network \(KeyError: 'versions'\)"):
        cards.describe("main", [about], [])


@pytest.mark.parametrize("name", experiment.names("train"))
def test_committed_cards_are_as_they_would_be_written(name):
    card = paths.DATA / name / "networks" / "README.md"
    assert card.read_text() == cards.cards(name, paths.DATA, paths.ROOT), "run python -m prefrontal.readme"
    headings = [line.strip("#` ") for line in card.read_text().splitlines() if line.startswith("## `")]
    assert sorted(headings) == sorted(experiment.trained(name))


def test_committed_table_of_compute_is_as_it_would_be_written():
    page = (paths.DATA / "compute.md").read_text()
    assert readme.table("compute", paths.DATA, None) in page, "run python -m prefrontal.readme"
