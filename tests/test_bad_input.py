"""Bad input gives one line that names the thing and a non-zero exit, and existing results stay whole."""

from __future__ import annotations

import errno
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from prefrontal import tables, training
from prefrontal.errors import UserError, run
from prefrontal.network import Layout, PrefrontalNetwork
from prefrontal.paths import ROOT, atomic
from prefrontal.recording import NetworkAgent, record
from replications.bandit import train as bandit
from replications.two_step import record as two_step_record
from replications.two_step import train as two_step
from replications.two_step.task import TwoStepTask

QUICK = ["--trials", "4", "--units", "4", "--episodes", "4", "--unroll", "12", "--seeds", "1", "--no-compile"]


def train_two_step(*arguments: str) -> None:
    run(lambda: training.main(two_step.Config, "two_step", arguments=[*QUICK, *arguments]))


def message(*arguments: str) -> str:
    """Run training, which must fail; return its one line."""
    with pytest.raises(SystemExit) as stop:
        train_two_step(*arguments)
    assert isinstance(stop.value.code, str), "a message makes Python print it to stderr and exit with 1"
    assert stop.value.code.startswith("error: ") and "\n" not in stop.value.code
    return stop.value.code


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def trained(tmp_path) -> Path:
    """Data folder with one small network."""
    train_two_step("--data", str(tmp_path))
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
    ],
)
def test_impossible_values_are_refused_by_name(tmp_path, option, value):
    line = message(option, value, "--data", str(tmp_path))
    name = option.removeprefix("--").replace("-", "_")
    assert f"{name} is " in line and value.lstrip("-0.") in line and "must be" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [("--lerning-rate", "1e-3"), ("--units", "many"), ("--steps-per-trial", "7"), ("--invalid-response", "cry")]
)
def test_unknown_options_and_words_are_refused_by_name(tmp_path, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        train_two_step(*arguments, "--data", str(tmp_path))
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sweep", "named"),
    [
        ("learning_rate", "learning_rate"),
        ("lerning_rate=1,2", "lerning_rate"),
        ("learning_rate=", "learning_rate"),
        ("learning_rate=fast,slow", "fast"),
        ("learning_rate=1e-3,-1", "learning_rate is -1"),
        ("steps_per_trial=2,7", "steps_per_trial is 7"),
        ("invalid_response=cry", "invalid_response is 'cry'"),
        ("units=8.5", "8.5"),
        ("units=8,,9", "units"),
    ],
)
def test_invalid_sweeps_are_refused_by_name(tmp_path, sweep, named):
    assert named in message("--sweep", sweep, "--data", str(tmp_path))
    assert not list(tmp_path.iterdir())


def load(folder: Path, module=two_step, seeds: tuple[int, ...] = (0,)) -> None:
    training.load_agent(folder / "two_step" / "networks", module.Config, two_step.Config().condition, list(seeds))


def network_file(folder: Path, ending: str = ".safetensors") -> Path:
    return folder / "two_step" / "networks" / f"{two_step.Config().condition}_0{ending}"


def test_missing_network_is_named(trained):
    load(trained)
    with pytest.raises(UserError, match=r"_1\.\w+: no trained network for seed 1 of condition"):
        load(trained, seeds=(0, 1))
    network_file(trained).unlink()
    with pytest.raises(UserError, match="no trained network for seed 0"):
        load(trained)
    with pytest.raises(UserError, match="at least one network"):
        load(trained, seeds=())


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_weights_are_named(trained, keep):
    path = network_file(trained)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"_0\.safetensors: not a readable network"):
        load(trained)


def test_foreign_files_are_named(trained):
    path = network_file(trained)
    about = path.with_suffix(".json").read_text()
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=r"_0\.safetensors: not a readable network"):
        load(trained)
    path.write_text("a text file")
    with pytest.raises(UserError, match=r"_0\.safetensors: not a readable network"):
        load(trained)
    for broken in ("", "[]", "{}", "no json", about[: len(about) // 2], about.replace('"trials"', '"tirals"')):
        path.with_suffix(".json").write_text(broken)
        with pytest.raises(UserError, match=r"_0\.json: not the settings"):
            load(trained)


def test_network_of_another_task_or_size_is_named(trained):
    task = bandit.Config().task()
    folder, condition = trained / "two_step" / "networks", two_step.Config().condition
    with pytest.raises(UserError, match=r"observations=4, actions=3.*does not fit BanditTask.*observations=1, actions=2"):
        training.load_networks(folder, condition, [0], task)
    with pytest.raises(UserError, match=r"_0\.json: not the settings"):
        load(trained, bandit)
    train_two_step("--data", str(trained), "--seed", "1", "--units", "6")
    with pytest.raises(UserError, match=r"_1\.safetensors: a network with .*units=6.* needs .*units=4"):
        load(trained, seeds=(0, 1))


def test_weights_of_another_shape_than_the_file_says_are_named(trained):
    path = network_file(trained)
    parameters = training.load_file(path)
    layout = json.loads(path.with_suffix(".json").read_text())["layout"]
    save_file(parameters | {"policy_bias": torch.zeros(5)}, path, metadata={"layout": json.dumps(layout)})
    with pytest.raises(UserError, match=r"_0\.safetensors"):
        load(trained)


def test_unreadable_checkpoint_is_named(tmp_path):
    config = two_step.Config(trials=4, units=4, episodes=4, unroll=12)
    path = training.checkpoint_path([config], tmp_path / "two_step" / "checkpoints")
    path.parent.mkdir(parents=True)
    path.write_text("a text file")
    line = message("--data", str(tmp_path))
    assert str(path) in line and "checkpoint" in line


def test_recording_refuses_what_is_not_there_by_name(tmp_path):
    with pytest.raises(UserError, match=r"default_0\.\w+: no trained network for seed 0 of condition 'default'"):
        two_step_record.main(two_step_record.Options(data=tmp_path))
    agent, task = NetworkAgent(PrefrontalNetwork(Layout(4, 3, 5), torch.zeros(1, Layout(4, 3, 5).size))), TwoStepTask()
    with pytest.raises(UserError, match="episodes is 0; it must be at least 1"):
        record(agent, task, [0], "test", 0)


@pytest.mark.parametrize(("experiment", "column"), [("two_step", "transition"), ("bandit", "p_left")])
def test_analysis_names_the_column_that_its_table_lacks(tmp_path, experiment, column):
    row = {"seed": 0, "condition": "default", "episode": 0, "trial": 0, "choice": 1, "reward": 1.0}
    rest = {"outcome_state": "S1", "rich_state": "S1", "p_right": 0.5}
    analysis = importlib.import_module(f"replications.{experiment}.analysis")
    tables.write(pd.DataFrame([row | rest]), tmp_path / experiment / "trials.parquet", "trials")
    with pytest.raises(SystemExit, match=rf"^error: .*trials\.parquet: column '{column}' is missing"):
        run(lambda: analysis.main(analysis.Options(data=tmp_path)))
    tables.write(pd.DataFrame([row | rest]).drop(columns="choice"), tmp_path / experiment / "trials.parquet")
    with pytest.raises(SystemExit, match=r"^error: .*trials\.parquet: a trials table needs column 'choice'"):
        run(lambda: analysis.main(analysis.Options(data=tmp_path)))
    assert not (tmp_path / experiment / "results").exists()


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
    monkeypatch.setattr(training.Population, "update", lambda self: pytest.fail("trained without a place to write"))
    for arguments in ((), ("--sweep", "init_scale=1,2")):
        line = message(*arguments, "--data", str(tmp_path / "file" / "data"))
        assert str(tmp_path / "file") in line
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
from prefrontal import training
from prefrontal.errors import run
from replications.two_step.train import Config
training.CHECKPOINT_SECONDS = 0 if sys.argv[1] == "checkpoint" else 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
run(lambda: training.main(Config, "two_step", arguments=sys.argv[3:]))
"""


@pytest.mark.parametrize(("at", "limit"), [("checkpoint", 4_000), ("networks", 600)])
def test_files_that_cannot_grow_are_named_and_the_old_ones_kept(trained, at, limit):
    """Real failing writes, by the largest file size that the system allows."""
    before = contents(trained / "two_step" / "networks")
    command = [sys.executable, "-W", "ignore", "-c", FULL_DISK, at, str(limit), *QUICK, "--learning-rate", "1e-3"]
    done = subprocess.run([*command, "--data", str(trained)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and str(trained) in last and "cannot be written" in last, done.stderr
    assert "Traceback" not in done.stderr
    after = contents(trained / "two_step" / "networks")
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
