"""Bad input gives one line that names the thing and a non-zero exit, and existing results stay whole."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from prefrontal import experiment, load, recording, store, tables, train
from prefrontal.errors import UserError, run
from prefrontal.paths import ROOT, atomic
from prefrontal.population import Population
from replications.two_step.train import Config

NAME, OTHER = "two_step", "bandit"
MAIN = experiment.module(NAME, "conditions").MAIN
SMALL = {"trials": 4, "units": 4, "episodes": 4, "unroll": 12}
QUICK = [f"--{name}={value}" for name, value in SMALL.items()] + ["--seeds=1"]


def file_of(part: str, name: str = NAME) -> str:
    return str(ROOT / "replications" / name / f"{part}.py")


def train_small(*arguments: str) -> None:
    train.main(file_of("train"), [*QUICK, *arguments])


def message(*arguments: str) -> str:
    """Run training, which must fail; return its one line."""
    with pytest.raises(SystemExit) as stop:
        train_small(*arguments)
    assert isinstance(stop.value.code, str), "a message makes Python print it to stderr and exit with 1"
    assert stop.value.code.startswith("error: ") and "\n" not in stop.value.code
    return stop.value.code


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def trained(tmp_path) -> Path:
    """Data folder with one small network."""
    train_small("--data", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--learning-rate", "-0.001"),
        ("--learning-rate", "0"),
        ("--learning-rate", "nan"),
        ("--learning-rate", "inf"),
        ("--seeds", "0"),
        ("--seeds", "-2"),
        ("--seed", "-1"),
        ("--episodes", "0"),
        ("--episodes-per-update", "0"),
        ("--unroll", "0"),
        ("--units", "0"),
        ("--discount", "1.5"),
        ("--discount", "nan"),
        ("--entropy-cost", "-1"),
        ("--entropy-cost-end", "-1"),
        ("--value-cost", "inf"),
        ("--gradient-clip", "0"),
        ("--init-scale", "-1"),
        ("--reward-scale", "0"),
        ("--rms-decay", "2"),
        ("--rms-epsilon", "0"),
        ("--trials", "0"),
        ("--common", "1.2"),
        ("--rich", "-0.1"),
        ("--reversal", "nan"),
        ("--threads", "0"),
        ("--device", "toaster"),
        ("--condition", "nothing"),
    ],
)
def test_impossible_values_are_refused_by_name(tmp_path, option, value):
    line = message(option, value, "--data", str(tmp_path))
    name = option.removeprefix("--").replace("-", "_")
    assert f"{name} is " in line and value.lstrip("-0.") in line and "must be" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [("--lerning-rate", "1e-3"), ("--units", "many"), ("--steps-per-trial", "7"), ("--core", "transistor")]
)
def test_unknown_options_and_words_are_refused_by_name(tmp_path, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        train_small(*arguments, "--data", str(tmp_path))
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def network_file(folder: Path, ending: str = ".safetensors") -> Path:
    return folder / NAME / "networks" / f"{MAIN}_0{ending}"


def test_missing_network_is_named(trained):
    assert load(NAME, data=trained).seeds == [0]
    with pytest.raises(UserError, match=r"networks: no trained network of condition 'repeat'"):
        load(NAME, "repeat", trained)
    with pytest.raises(UserError, match="experiment is 'tow_step'; it must be bandit or"):
        load("tow_step", data=trained)
    with pytest.raises(UserError, match=rf"{OTHER}/networks: no trained network"):
        load(OTHER, data=trained)
    network_file(trained).unlink()
    with pytest.raises(UserError, match=rf"no trained network of condition '{MAIN}'; train it first"):
        load(NAME, data=trained)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_weights_are_named(trained, keep):
    path = network_file(trained)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"_0\.safetensors: not a readable network"):
        load(NAME, data=trained)


def test_foreign_files_are_named(trained):
    path = network_file(trained)
    about = path.with_suffix(".json").read_text()
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=r"_0\.safetensors: not a readable network"):
        load(NAME, data=trained)
    path.write_text("a text file")
    with pytest.raises(UserError, match=r"_0\.safetensors: not a readable network"):
        load(NAME, data=trained)
    for broken in ("", "[]", "{}", "no json", about[: len(about) // 2], about.replace('"trials"', '"tirals"')):
        path.with_suffix(".json").write_text(broken)
        with pytest.raises(UserError, match=r"_0\.json: not the settings"):
            load(NAME, data=trained)


def test_networks_of_another_experiment_are_named(trained):
    (trained / NAME).rename(trained / OTHER)
    with pytest.raises(UserError, match=r"_0\.json: not the settings"):
        load(OTHER, experiment.module(OTHER, "conditions").MAIN, trained)


def test_weights_of_another_shape_than_the_file_says_are_named(trained):
    path = network_file(trained)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(path) | {"policy_bias": torch.zeros(5)}, path, metadata=metadata)
    with pytest.raises(UserError, match=r"_0\.safetensors: a network with .*'policy_bias': \(5,\).* does not fit its settings"):
        load(NAME, data=trained)


def test_unreadable_checkpoint_is_named(tmp_path):
    path = store.checkpoint_path([Config(**SMALL)], MAIN, tmp_path / NAME / "checkpoints")
    path.parent.mkdir(parents=True)
    path.write_text("a text file")
    line = message("--data", str(tmp_path))
    assert str(path) in line and "checkpoint" in line


def test_recording_refuses_what_is_not_there_by_name(tmp_path):
    with pytest.raises(SystemExit, match=rf"^error: .*no trained network of condition '{MAIN}'"):
        recording.main(file_of("record"), ["--data", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^error: episodes is 0; it must be at least 1"):
        recording.main(file_of("record"), ["--episodes", "0", "--data", str(tmp_path)])


ROW = {"seed": 0, "condition": MAIN, "episode": 0, "trial": 0, "choice": 1, "reward": 1.0}
ANALYSED = [
    (NAME, {"transition": "common", "outcome_state": "S1", "rich_state": "S1"}),
    (OTHER, {"test": "drawn", "p_left": 0.5, "p_right": 0.5}),
]


@pytest.mark.parametrize(("name", "own"), ANALYSED)
def test_analysis_names_the_column_that_its_table_lacks(tmp_path, name, own):
    frame = pd.DataFrame([ROW | own])
    for column in ("choice", *list(own)[:1]):
        tables.write(frame.drop(columns=column), tmp_path / name / "trials.parquet")
        with pytest.raises(SystemExit, match=rf"^error: .*{column}"):
            experiment.analysis_main(file_of("analysis", name), ["--data", str(tmp_path)])
    assert not (tmp_path / name / "results").exists()


def test_what_was_not_recorded_or_analysed_is_named(tmp_path):
    arguments = ["--data", str(tmp_path)]
    with pytest.raises(SystemExit, match=r"^error: .*trials\.parquet: no such table; run the step that writes it first"):
        experiment.analysis_main(file_of("analysis"), arguments)
    with pytest.raises(SystemExit, match=r"^error: .*results/\w+\.csv: no such table; run the step that writes it first"):
        experiment.figure_main(file_of("figure"), [*arguments, "--figures", str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_tables_are_refused_by_name(tmp_path, ending):
    path = tmp_path / f"trials{ending}"
    frame = pd.DataFrame({"seed": [0], "condition": ["default"], "episode": [0], "trial": [0], "choice": [1], "reward": [1.0]})
    with pytest.raises(UserError, match=r"trials\.\w+: no such table"):
        tables.read(path, "trials")
    tables.write(frame, path, "trials")
    pd.testing.assert_frame_equal(tables.read(path, "trials"), frame, check_dtype=False)
    whole = path.read_bytes()
    with pytest.raises(UserError, match=r"trials\.\w+: a trials table needs column 'choice'"):
        tables.write(frame.drop(columns="choice"), path, "trials")
    assert path.read_bytes() == whole
    tables.write(frame.drop(columns="reward"), path)
    with pytest.raises(UserError, match=r"trials\.\w+: a trials table needs column 'reward'"):
        tables.read(path, "trials")
    path.write_bytes(whole[: len(whole) // 2] if ending == ".parquet" else b"")
    with pytest.raises(UserError, match=r"trials\.\w+: not a readable table"):
        tables.read(path, "trials")


def test_unwritable_folder_is_named_before_training(tmp_path, monkeypatch):
    """A file stands where a folder should be; permissions would not stop root."""
    (tmp_path / "file").write_text("here first")
    monkeypatch.setattr(Population, "update", lambda self: pytest.fail("trained without a place to write"))
    assert str(tmp_path / "file") in message("--data", str(tmp_path / "file" / "data"))
    assert (tmp_path / "file").read_text() == "here first"


def test_full_disk_keeps_the_previous_version(tmp_path):
    path = tmp_path / "table.csv"
    frame = pd.DataFrame({"a": range(3)})
    tables.write(frame, path)
    whole = contents(tmp_path)
    with pytest.raises(UserError, match=r"table\.csv: cannot be written \(No space left on device\)"), atomic(path) as temporary:
        temporary.write_text("half a li")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(UserError, match=r"table\.csv: cannot be written"), atomic(path), open("/dev/full", "w") as full:
        full.write("x" * 100_000)
    assert contents(tmp_path) == whole


FULL_DISK = """
import resource, sys
from prefrontal import train
train.CHECKPOINT_SECONDS = 0 if sys.argv[1] == "checkpoint" else 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
train.main(sys.argv[3], sys.argv[4:])
"""


@pytest.mark.parametrize(("at", "limit"), [("checkpoint", 4_000), ("networks", 600)])
def test_files_that_cannot_grow_are_named_and_the_old_ones_kept(trained, at, limit):
    """Real failing writes, by the largest file size that the system allows."""
    before = contents(trained / NAME / "networks")
    more = ["--learning-rate", "1e-3", "--replace"]
    command = [sys.executable, "-W", "ignore", "-c", FULL_DISK, at, str(limit), file_of("train"), *QUICK, *more]
    done = subprocess.run([*command, "--data", str(trained)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and str(trained) in last and "cannot be written" in last, done.stderr
    assert "Traceback" not in done.stderr
    after = contents(trained / NAME / "networks")
    whole = {name: after[name] for name in before if name.endswith(".safetensors")}
    assert whole == {name: before[name] for name in whole}
    assert after.keys() == before.keys(), "no half-written file is left"


def test_error_is_one_line_on_stderr_and_exit_code_1(tmp_path):
    command = [sys.executable, "-m", "replications.bandit.train", "--learning-rate=-1", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: learning_rate is -1.0; it must be above 0, and finite\n"
    assert not done.stdout


def test_interruption_says_how_to_go_on():
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="resumes with the same command"):
        run(interrupted)
