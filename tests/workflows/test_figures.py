"""Story 1: figures from results whose hashes match, and nothing else is done."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from prefrontal import experiments, sources
from prefrontal.pipeline import steps
from prefrontal.publishing import claims, evidence
from tests.helpers import copy_repository, prefrontal, start, write_results

NAME = "weather"


@pytest.fixture(scope="module")
def clone(tmp_path_factory, suite):
    """A checkout of one experiment, with networks, results and no recording."""
    root = copy_repository(tmp_path_factory.mktemp("clone"), suite, NAME)
    settings = root / "replications" / NAME / "settings.py"
    text = settings.read_text()
    assert "TEST_EPISODES = 300" in text
    settings.write_text(text.replace("TEST_EPISODES = 300", "TEST_EPISODES = 5"))
    (settings.parent / "README.md").write_text("# Weather\n")  # shows no tables of sweeps
    done = prefrontal("run", NAME, root=root)
    assert done.returncode == 0, done.stderr
    changed = "the code of record.py, the number of test episodes, the code of analysis.py"
    assert f"{NAME}: record, analyse, draw, since {changed} changed" in done.stderr
    for path in (root / "data").rglob("*.parquet"):
        path.unlink()
    return root


@pytest.mark.slow
def test_fresh_clone_draws_without_recording(clone):
    shutil.rmtree(clone / "figures")
    done = prefrontal("run", NAME, root=clone)
    assert done.returncode == 0, done.stderr
    assert "fig_weather.png" in done.stdout
    assert (clone / "figures" / "fig_weather.pdf").exists() and not list(
        (clone / "data").rglob("*.parquet")
    )
    assert "draw done" in done.stderr and "record done" not in done.stderr


@pytest.mark.slow
def test_edited_result_is_analysed_again(clone):
    path = clone / "data" / NAME / "results" / "claims.csv"
    before = path.read_text()
    path.write_text(before.replace("weather", "whether"))
    done = prefrontal("run", NAME, root=clone)
    assert done.returncode == 0 and "analyse done" in done.stderr
    assert "record, analyse, draw, since claims.csv was edited or deleted" in done.stderr
    assert path.read_text() == before


@pytest.mark.slow
def test_damaged_network_stops(clone):
    path = next((clone / "data" / NAME / "networks").glob("*.safetensors"))
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    done = prefrontal("run", NAME, root=clone)
    path.write_bytes(before)
    assert done.returncode == 1 and "not the weights that its JSON file describes" in done.stderr


@pytest.mark.slow
def test_a_terminated_command_ends_its_steps(clone):
    figure = clone / "replications" / NAME / "figure.py"
    before = figure.read_text()
    figure.write_text(
        "import pathlib, time\n\ndef draw(results):\n"
        "    pathlib.Path('drawing').touch()\n    time.sleep(120)\n"
    )
    with start("run", NAME, root=clone) as process:
        while not (clone / "drawing").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        process.terminate()
        _, printed = process.communicate(timeout=60)
    figure.write_text(before)
    assert process.returncode == 1 and "interrupted" in printed and "Traceback" not in printed


@pytest.mark.slow
def test_claims_are_printed_at_once_in_100_columns(clone):
    write_results("two_step", clone / "data")
    done = prefrontal("claims", root=clone)
    assert done.returncode == 0 and "claims reproduced" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_help_fits_a_screen_and_knows_every_command():
    text = prefrontal("--help").stdout
    assert len(text.splitlines()) <= 40 and all(
        f"  {word}" in text for word in ("run", "compare", "animals", "new")
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments.names("train"))
def test_main_variant_alone_runs_to_figures(name, tmp_path):
    done = prefrontal("run", name, "--smoke-test", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert list((tmp_path / "figures").glob("*.png"))


def test_hash_of_results_names_what_is_due(tmp_path):
    study = experiments.study("two_step")
    assert steps.analysis_inputs(study, tmp_path) != steps.analysis_inputs(
        study, tmp_path, episodes=7
    )


@pytest.mark.parametrize("module", [claims, evidence])
def test_results_depend_on_how_claims_are_judged(module, tmp_path, monkeypatch):
    study, statements = experiments.study("two_step"), sources.statements
    before = steps.analysis_inputs(study, tmp_path)
    edited = Path(module.__file__)
    monkeypatch.setattr(
        sources, "statements", lambda path: statements(path) + "1" * (path == edited)
    )
    assert steps.analysis_inputs(study, tmp_path) != before


@pytest.mark.parametrize(
    ("path", "step", "reason"),
    [
        ("data/weather/networks/bets_0.safetensors", "record", "networks of weather changed"),
        ("data/weather/networks/bets_0.csv", "analyse", "learning curves of weather changed"),
        ("src/prefrontal/published/fig5e.csv", "analyse", "published values changed"),
        ("data/weather/results/measures.csv", "analyse", "measures.csv was edited or deleted"),
        ("figures/fig_weather.png", "draw", ""),
    ],
)
def test_hashes_find_what_was_deleted_or_edited(path, step, reason, tmp_path, suite, monkeypatch):
    """Whatever its time says."""
    copy = copy_repository(tmp_path, suite, NAME)
    monkeypatch.setattr(steps.files, "PUBLISHED", copy / "src" / "prefrontal" / "published")
    data, study = copy / "data", experiments.study(NAME)
    results = data / NAME / "results"
    about = steps.read_inputs(results) | {"inputs": steps.analysis_inputs(study, data)}
    (results / steps.INPUTS).write_text(json.dumps(about))
    assert steps.due(NAME, data) == (["draw"], ""), "figures are always drawn"
    if (copy / path).exists():
        with (copy / path).open("ab") as file:
            file.write(b"1\n")
        os.utime(copy / path, (0, 0))
    needs, why = steps.due(NAME, data)
    assert step in needs and reason in why
