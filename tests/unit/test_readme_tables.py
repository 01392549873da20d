"""Tables of READMEs come from results, and those of training from the files that it left."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.publishing import readme_tables
from prefrontal.tables import storage
from tests.unit.test_claims import C, write


def fill(readme, block, **options):
    """Fill a README that has a single block."""
    readme.write_text(f"a\n<!-- begin: {block} -->\nold\n<!-- end -->\nz\n", encoding="utf-8")
    readme_tables.main(readme_tables.Options(**options))
    return readme.read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    """A suite with one experiment."""
    (tmp_path / "replications" / "x").mkdir(parents=True)
    (tmp_path / "replications" / "x" / "README.md").touch()
    return tmp_path


def test_readme_tables_come_from_results(root):
    rewards = {"seed": [0, 1, 0, 1], "rate": [1, 1, 2, 2], "reward": [0.5, 0.7, np.nan, 0.9]}
    storage.write(pd.DataFrame(rewards), root / "data" / "x" / "results" / "r.csv")
    readme = root / "replications" / "x" / "README.md"
    text = fill(readme, "results/r.csv by rate", data=root / "data", root=root)
    assert "old" not in text and text.startswith("a\n") and text.endswith("z\n")
    assert "0.6 [0.5, 0.7]" in text and "0.9 (1 never)" in text
    readme_tables.main(readme_tables.Options(data=root / "data", root=root))
    assert readme.read_text(encoding="utf-8") == text
    with pytest.raises(UserError, match="speed"):
        fill(readme, "results/r.csv by speed", data=root / "data", root=root)
    readme.write_text("<!-- begin: claims -->\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a table begins .* that does not end"):
        readme_tables.main(readme_tables.Options(data=root / "data", root=root))


def test_overview_has_a_line_per_claim_and_claims_md_every_row(root):
    data, readme = root / "data", root / "README.md"
    weak = dataclasses.replace(C, measure="p", statement="the weak one")
    write(data / "x", (C, [1.0, 1.1]), (weak, [-1.0, -1.1]))
    short = fill(readme, "claims", data=data, root=root)
    assert short.count("| c |") == 1 and "the weak one" in short
    assert fill(data / "claims.md", "every claim", data=data, root=root).count("| c |") == 2
    write(data / "x", (C, [1.0, 1.1]))
    readme_tables.main(readme_tables.Options(experiment="x", data=data, root=root))
    assert readme.read_text(encoding="utf-8") == short, "only one experiment's was asked for"


def test_a_table_may_list_some_claims(root):
    data, readme = root / "data", root / "README.md"
    claims = [C, dataclasses.replace(C, measure="p"), dataclasses.replace(C, claim="d")]
    write(data / "x", *((claim, [1.0, 1.1]) for claim in claims))
    some = fill(readme, "claims d, c", data=data, root=root)
    assert some.count("| c |") == some.count("| d |") == 1
    with pytest.raises(UserError, match="claims d, e: no such claims"):
        fill(readme, "claims d, e", data=data, root=root)


def test_the_score_and_the_map_of_experiments(root):
    data = root / "data"
    write(data / "two_step", (C, [1.0, 1.1]))
    score = fill(root / "README.md", "score", data=data, root=root)
    assert score == "a\n<!-- begin: score -->\n1 of 1 claims reproduced.\n<!-- end -->\nz\n"
    lines = fill(root / "README.md", "map", data=data, root=root).splitlines()
    (row,) = (line for line in lines if "| [two_step](replications/two_step) |" in line)
    assert row.startswith("| 5 |") and row.endswith("| 1 of 1 | — | — |")
    assert len(lines) == 8 + len(experiments.names())
    listed = fill(root / "replications" / "README.md", "map", data=data, root=root)
    assert "| [two_step](two_step) |" in listed


def write_network(data, seed, variant="default", experiment="two_step", **about):
    """Write the description of a network, as training leaves it."""
    known = {"experiment": experiment, "variant": variant, "settings": {"seed": seed}}
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
    frame = readme_tables.variants("two_step", data).set_index("variant")
    assert list(frame.index) == [f"`{name}`" for name in experiments.get("two_step").variants]
    assert list(frame.loc["`2_steps`"]) == ["`task.steps_per_trial` 2", 1, "7,200"]
    assert list(frame.loc["`default`"])[1:] == [2, "3,600"]
    assert list(frame.loc["`repeat`"]) == ['`task.invalid_response` "repeat"', 0, "—"]


def test_batches_count_once_and_nothing_is_made_up(data):
    frame = readme_tables.trainings(data)
    np.testing.assert_allclose(frame["hours"], [2.0, 1.0, 1.0, 1 / 60])  # 2_steps, default, sweep
    np.testing.assert_allclose(frame["core_hours"], [np.nan, 0.25, 0.25, 0.01])
    assert list(frame["networks"]) == [1, 1, 1, 3]
    text = readme_tables.compute(data)
    assert text.startswith("6 networks. Core hours, where recorded: 0.5 (5 networks); hours on")
    assert text.endswith("| two_step | 6 | 4.02 | 0.51 (5 networks) |\n")


def test_networks_of_universes_count_by_what_results_say(data):
    took = pd.DataFrame({"networks": [128, 128], "processor_hours": [1.5, 0.5]})
    storage.write(took, data / "multiverse" / "results" / "trainings.csv")
    assert "| multiverse | 256 | — | 2.00 |" in readme_tables.compute(data)


def test_files_that_do_not_tell_are_named(data, tmp_path):
    with pytest.raises(UserError, match="nowhere: no trained networks"):
        readme_tables.trainings(tmp_path / "nowhere")
    write_network(data, 3, training_seconds=None)
    with pytest.raises(UserError, match=r"default_3.json: does not say how long training took"):
        readme_tables.trainings(data)
