"""Tables of READMEs come from results, and those of training from the files that it left."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.publishing import readmes, summaries, text
from prefrontal.tables import storage
from tests.unit.test_claims import C, write


def fill(readme, template, root):
    """Write a Markdown file that has a single template, and read what it says."""
    before = f"a <!-- {template} -->old<!-- end --> z\n"
    readme.parent.mkdir(parents=True, exist_ok=True)
    readme.write_text(before, encoding="utf-8")
    (root / "figures").mkdir(exist_ok=True)
    (root / "figures" / "fig9.png").touch()
    readmes.main(
        readmes.Options("two_step", data=root / "data", root=root, figures=root / "figures")
    )
    after = readme.read_text(encoding="utf-8")
    start, end = before.split("old")
    assert after.startswith(start) and after.endswith(end)
    return after.removeprefix(start).removesuffix(end)


@pytest.fixture
def readme(tmp_path):
    """README of an experiment, in a suite with results of this one."""
    write(tmp_path / "data" / "two_step", (C, [1.0, 1.1]))
    return tmp_path / "replications" / "two_step" / "README.md"


def test_files_of_hidden_folders_are_left_alone(tmp_path):
    root = tmp_path / ".clone"
    for folder in (root, root / ".pytest_cache", root / "notebooks"):
        folder.mkdir()
        (folder / "README.md").write_text("", encoding="utf-8")
    assert readmes.paths(root) == [root / "README.md", root / "notebooks" / "README.md"]


def test_tables_come_from_results(readme, tmp_path):
    rewards = {"seed": [0, 1, 0, 1], "rate": [1, 1, 2, 2], "reward": [0.5, 0.7, np.nan, 0.9]}
    path = tmp_path / "data" / "two_step" / "sweeps" / "r.csv"
    storage.write(pd.DataFrame(rewards), path)
    grouped = fill(readme, '{{ table("two_step", "sweeps/r", by=["rate"]) }}', tmp_path)
    assert grouped.startswith(
        "\n\n| rate | reward | networks |\n| --- | --- | --- |\n| 1 | 0.6 [0.5"
    )
    assert grouped.endswith("| 2 | 0.9 (1 never) | 2 |\n\n")
    assert "| 0 | 2 | — |" in fill(readme, '{{ table("two_step", "sweeps/r") }}', tmp_path)
    with pytest.raises(UserError, match=r"README.md, line 1: no column 'speed'"):
        fill(readme, '{{ table("two_step", "sweeps/r", by=["speed"]) }}', tmp_path)


def test_one_line_stays_in_its_sentence(readme, tmp_path):
    assert fill(readme, "{{ score() }}", tmp_path) == "1 of 1 claims reproduced"
    assert fill(readme, '{{ score("two_step") }}', tmp_path) == "1 of 1 claims reproduced"


def test_a_template_without_end_is_named(readme, tmp_path):
    readme.parent.mkdir(parents=True)
    readme.write_text("<!-- {{ score() }} -->\n<!-- {{ score() }} --><!-- end -->\n")
    with pytest.raises(UserError, match=r"README.md: a comment .* is not followed by <!-- end"):
        readmes.fill(readme, text.environment(tmp_path / "data"))


def test_claims_have_one_row_or_every_row(readme, tmp_path):
    weak = dataclasses.replace(C, measure="p", statement="the weak one", variant="v")
    write(tmp_path / "data" / "two_step", (C, [1.0, 1.1]), (weak, [-1.0, -1.1]))
    write(tmp_path / "data" / "weather", (dataclasses.replace(C, claim="d"), [1.0, 1.1]))
    short = fill(readme, '{{ claims("two_step") }}', tmp_path)
    assert "| c | p | −1.05 [" in short and short.count("| c |") == 1 and "| d |" not in short
    rows = pd.DataFrame({"claim": "c", "measure": ["p"], "variant": "v", "sample": "paper"})
    rows = rows.assign(p=0.01, in_interval=False, in_prediction=True)
    storage.write(rows, tmp_path / "data" / "two_step" / "results" / "evidence.csv")
    every = fill(readme, "{{ claims(every=True) }}", tmp_path)
    assert every.count("| c |") == 2 and every.count("prediction interval") == 1
    some = fill(readme, '{{ claims("", "d", "c") }}', tmp_path)
    assert some.count("| c |") == some.count("| d |") == 1
    with pytest.raises(UserError, match="line 1: no claim 'e' in the results"):
        fill(readme, '{{ claims("", "d", "e") }}', tmp_path)
    with pytest.raises(UserError, match="line 1: no claims of harlow in the results"):
        fill(readme, '{{ claims("harlow") }}', tmp_path)


def test_experiments_are_listed_with_links(readme, tmp_path):
    lines = fill(readme, '{{ experiments("replications/") }}', tmp_path).strip().splitlines()
    (row,) = (line for line in lines if "| [two_step](replications/two_step) |" in line)
    assert row.startswith("| 5 |") and row.endswith("| 1 of 1 reproduced |")
    assert len(lines) == 2 + len(experiments.suite())


def write_network(data, seed, variant="default", experiment="two_step", **about):
    """Write the description of a network, as training leaves it."""
    known = {"experiment": experiment, "variant": variant, "settings": {"seed": seed}}
    known["seeds"] = [seed]
    known |= {"sha256": {}, "training_seconds": 7200.0, "networks_in_batch": None}
    folder = data / experiment / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{variant}_{seed}.json"
    path.write_text(json.dumps(known | about), encoding="utf-8")


@pytest.fixture
def data(tmp_path):
    """Two networks that were trained as one batch, one by itself, and a sweep."""
    for seed in (0, 1):
        write_network(tmp_path, seed, networks_in_batch=2, processor_seconds=1800.0)
    write_network(tmp_path, 2, "2_steps")
    sweep, folder = pd.DataFrame({"seed": range(3)}), tmp_path / "two_step" / "sweeps"
    about = {"seconds": 60.0, "processor_seconds": 36.0}
    storage.write(sweep, folder / "rates.csv", about=about)
    storage.write(sweep, folder / "rates_curves.csv")
    return tmp_path


def test_variants_are_listed_with_what_differs_and_their_cost(data):
    frame = summaries.Tables(data).variants("two_step").set_index("variant")
    assert list(frame.index) == [f"`{name}`" for name in experiments.get("two_step").variants]
    large = "`network.init_scale` 2.5"
    assert list(frame.loc["`2_steps`"]) == [f"`task.steps_per_trial` 2, {large}", 1, "7,200"]
    assert list(frame.loc["`default`"])[1:] == [2, "3,600"]
    repeats = f'`task.invalid_response` "repeat", {large}'
    assert list(frame.loc["`repeat`"]) == [repeats, 0, "—"]


def test_batches_count_once_and_nothing_is_made_up(data):
    costs = summaries.Tables(data).compute().set_index("experiment")
    assert list(costs.loc["two_step"]) == ["6", "4.02", "0.51 (5 networks)"]
    assert list(costs.loc["all"]) == ["6", "4.02", "0.51 (5 networks)"]


def test_networks_of_universes_count_by_what_results_say(data):
    took = pd.DataFrame({"networks": [128, 128], "processor_hours": [1.5, 0.5]})
    storage.write(took, data / "multiverse" / "results" / "trainings.csv")
    costs = summaries.Tables(data).compute().set_index("experiment")
    assert list(costs.loc["multiverse"]) == ["256", "—", "2.00"]


def test_training_times_that_are_not_stated_are_left_out(data):
    write_network(data, 3, training_seconds=None)
    costs = summaries.Tables(data).compute().set_index("experiment")
    assert costs.loc["two_step", "hours on the clock"] == "4.02 (6 networks)"
