"""Story 2: change one number, run one command."""

import json
import shutil

import pandas as pd
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from prefrontal.publishing import text
from prefrontal.publishing.results import Results
from replications.two_step import figure
from tests.helpers import copy_repository, prefrontal, write_results

TINY = ["--training.episodes", "40", "--networks", "2", "--test-episodes", "6"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of the two-step task with another reversal probability."""
    folder = tmp_path_factory.mktemp("runs") / "r1"
    done = prefrontal("run", "two_step", "--task.reversal", "0.1", *TINY, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.mark.slow
def test_one_command_gives_networks_results_and_figures(run):
    folder, done = run
    assert "left out because not trained: default, 2_steps, repeat" in done.stdout
    assert str(folder / "figures" / "fig5.png") in done.stdout.splitlines()
    claims = pd.read_csv(folder / "data" / "two_step" / "results" / "claims.csv")
    assert set(claims["variant"]) == {"scales_1_3"} and set(claims["n_networks"]) == {2}


@pytest.mark.slow
def test_ideal_observer_knows_the_new_number(run):
    reward = pd.read_csv(run[0] / "data" / "two_step" / "results" / "reward.csv")
    assert reward["best_possible"].tolist() == pytest.approx([0.652] * 2, abs=5e-4)


@pytest.mark.slow
def test_new_number_is_in_label_and_metadata(run):
    with Image.open(run[0] / "figures" / "fig5.png") as image:
        about = json.loads(image.info["Description"])
    assert about["settings"]["task.reversal"] == 0.1
    figures = {each.name: each.figure for each in figure.draw(Results("two_step", run[0] / "data"))}
    labels = [label.get_text() for label in figures["fig5"].axes[0].texts]
    plt.close("all")
    assert any("swap: .1 per trial" in label for label in labels)
    caption = text.Template('{{ setting("two_step", "task.reversal") }}', run[0] / "captions.md", 1)
    assert caption.render(text.environment(run[0] / "data")) == "0.1"


@pytest.mark.slow
def test_second_run_trains_and_records_nothing(run):
    folder, _ = run
    paths = [*folder.rglob("*.safetensors"), *folder.rglob("*.parquet"), *folder.rglob("*.csv")]
    before = {path: path.stat().st_mtime_ns for path in paths}
    done = prefrontal("run", "two_step", "--task.reversal", "0.1", *TINY, "--out", str(folder))
    assert done.returncode == 0 and {path: path.stat().st_mtime_ns for path in paths} == before


@pytest.mark.slow
def test_other_settings_in_the_same_folder_stop(run):
    done = prefrontal("run", "two_step", "--task.reversal", "0.2", *TINY, "--out", str(run[0]))
    assert done.returncode == 1 and "task.reversal 0.1 is there, not 0.2" in done.stderr


@pytest.mark.slow
def test_compare_shows_both_and_what_changed(run, tmp_path):
    root = copy_repository(tmp_path)
    write_results("two_step", root / "data", value=7)
    done = prefrontal("compare", str(run[0]), root=root)
    assert done.returncode == 0, done.stderr
    assert "task.reversal 0.025 -> 0.1" in done.stdout and "twostep-lags" in done.stdout
    assert "7.05" in done.stdout, "the suite's"
    assert max(map(len, done.stdout.splitlines()[1:])) <= 100


@pytest.mark.slow
def test_edited_default_stops_and_draws_nothing_old(tmp_path, suite):
    root = copy_repository(tmp_path, suite, "weather")
    settings = root / "replications" / "weather" / "settings.py"
    declared = settings.read_text()
    assert "days: Count = 100" in declared
    settings.write_text(declared.replace("days: Count = 100", "days: Count = 50"))
    done = prefrontal("run", "weather", root=root)
    assert done.returncode == 1 and not (root / "figures").exists()
    assert "trained with task.days 100, but the setting is now 50" in done.stderr


@pytest.mark.slow
def test_a_users_own_error_shows_its_traceback(run, tmp_path):
    root, folder = copy_repository(tmp_path), tmp_path / "r"
    shutil.copytree(run[0], folder)
    analysis = root / "replications" / "two_step" / "analysis.py"
    code = analysis.read_text()
    analysis.write_text(
        code.replace('tables["lag_weights"]', 'tables["lag_wieghts"]', 1).replace(
            'measured["lag_weights"]', 'measured["lag_wieghts"]', 1
        )
    )
    assert analysis.read_text() != code
    reversal = ("--task.reversal", "0.1")
    done = prefrontal("run", "two_step", *reversal, *TINY, "--out", str(folder), root=root)
    assert done.returncode == 1 and "KeyError: 'lag_wieghts'" in done.stderr
    assert "replications/two_step/analysis.py" in done.stderr


def test_help_shows_the_task_first_on_two_screens():
    shown = prefrontal("train", "two_step", "--help", COLUMNS="100").stdout
    assert len(shown.splitlines()) <= 100
    assert shown.index("--task.reversal") < shown.index("--networks")
    assert "--training.learning-rate" in prefrontal("train", "two_step", "--help-all").stdout
