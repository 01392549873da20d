"""Training batches: determinism, independence of company, resuming, files, and learning itself; for every core."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.files import ROOT
from prefrontal.networks.cores import CORES
from prefrontal.networks.load import Networks
from prefrontal.tables import recording, schema, storage
from prefrontal.training import checkpoints, loop
from prefrontal.training.batch import NetworkBatch
from replications.bandit.train import Config as BanditConfig
from replications.two_step.train import Config

SMALL = Config(trials=10, unroll=15, units=5, episodes=6, learning_rate=3e-3)
"""Two unrolls per episode: a checkpoint may fall inside an episode."""
SETTINGS = ("--trials", "10", "--unroll", "15", "--units", "5", "--learning-rate", "3e-3")
MAIN = experiments.module("two_step", "variants").MAIN


def population_of(configs: list[Config], updates: int = 0) -> NetworkBatch:
    batch = NetworkBatch(configs, compiled=False)
    for _ in range(updates):
        batch.update()
    return batch


def seeds(count: int, config: Config = SMALL) -> list[Config]:
    return [dataclasses.replace(config, seed=k) for k in range(count)]


def test_same_seed_gives_the_same_bits():
    assert torch.equal(population_of(seeds(3), 5).flat, population_of(seeds(3), 5).flat)


@pytest.mark.parametrize("core", CORES)
def test_network_in_company_equals_the_network_alone(core):
    configs = [
        dataclasses.replace(SMALL, core=core),
        dataclasses.replace(SMALL, core=core, seed=7, learning_rate=1e-2, init_scale=2.5, reward_scale=0.5),
        dataclasses.replace(SMALL, core=core, seed=3, discount=0.5, entropy_cost=1.0, gradient_clip=0.1),
    ]
    together = population_of(configs, 5).flat
    for index, config in enumerate(configs):
        # Sums of other sizes round otherwise on some processors; an update moves a weight a hundred times as far.
        torch.testing.assert_close(together[index], population_of([config], 5).flat[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sees", [{"reward_input": False}, {"action_input": False}, {"reward_input": False, "network_input": "rpe"}])
def test_inputs_can_be_taken_away(sees):
    whole, less = population_of([SMALL]), population_of([dataclasses.replace(SMALL, **sees)], 3)
    missing = (not sees.get("reward_input", True)) + len(whole.task.actions) * (not sees.get("action_input", True))
    assert whole.network.inputs - less.network.inputs == missing


def test_one_episode_per_update_takes_all_episodes():
    """Also where the last unroll of an episode is cut short by its end."""
    batch = population_of([dataclasses.replace(SMALL, unroll=20)])
    openings = 0
    while batch.share < 1:
        openings += batch.stream is None or bool(batch.stream.state["done"].all())
        batch.update()
    assert openings == batch.ended == SMALL.episodes
    assert batch.stream.state["done"].all()


def test_episodes_that_reopen_at_once_are_counted_as_they_end():
    config = dataclasses.replace(SMALL, episode_reset="immediate", episodes_per_update=3, episodes=20, unroll=7)
    batch = population_of([config])
    while batch.share < 1:
        batch.update()
    played = batch.trained_steps / batch.task.episode_steps
    assert 20 <= batch.ended <= played and played - batch.ended < 3


def test_learning_rate_falls_to_zero_where_asked():
    batch = population_of([dataclasses.replace(SMALL, lr_decay_start=0.5)])
    rates = []
    while batch.share < 1:
        rates.append((batch.share, float(batch.rate)))
        batch.update()
    for share, rate in rates:
        assert rate == pytest.approx(1 if share <= 0.5 else 2 * (1 - share))


def curves_of(batch: NetworkBatch, folder, **options):
    return loop.train(batch, "test", folder / "checkpoint.safetensors", **options)


def test_learning_curve_counts_reward_per_episode(tmp_path):
    """Whatever part of an episode one unroll plays, whenever episodes episode_reset, and whatever scale of reward the network sees."""
    config = dataclasses.replace(SMALL, reward_scale=0.1, learning_rate=1e-30, episodes=60)
    immediate_reset = {"unroll": 9, "episode_reset": "immediate", "episodes_per_update": 4}
    kinds = {"whole": {"unroll": 30}, "parts": {"unroll": 10}, "immediate": immediate_reset}
    rewards = {}
    for name, kind in kinds.items():
        (curve,) = curves_of(population_of([dataclasses.replace(config, **kind)]), tmp_path / name, points=20)
        rewards[name] = curve["reward"]
    for values in rewards.values():
        assert abs(values.mean() - rewards["whole"].mean()) < 3 * sum(own.sem() for own in rewards.values())


def test_no_episodes_leave_the_initial_weights(tmp_path):
    batch = population_of([dataclasses.replace(SMALL, episodes=0)])
    before = batch.flat.clone()
    (curve,) = curves_of(batch, tmp_path)
    assert torch.equal(batch.flat, before) and batch.share == 1
    assert curve.empty and {"episode", "reward"} <= {*curve.columns}


def test_learning_curve_takes_in_the_experiments_own_measure(tmp_path):
    def measure(batch):
        return pd.DataFrame({"size": [float(w.abs().sum()) for w in batch.flat]})

    curves = curves_of(population_of(seeds(2)), tmp_path, points=3, measure=measure)
    assert [len(curve) for curve in curves] == [3, 3]
    assert curves[0]["size"].nunique() == 3 and (curves[0]["size"] != curves[1]["size"]).all()
    assert set(schema.COLUMNS["learning_curve"]) <= set(curves[0].columns)


@pytest.fixture
def checkpoint_each_update(monkeypatch):
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0)


def interrupt_after(monkeypatch, updates: int) -> None:
    update = NetworkBatch.update

    def interrupted(self):
        if self.done == updates:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(NetworkBatch, "update", interrupted)


def named(kind: dict) -> str:
    return str(next(iter(kind.values())))


KINDS = [*({"core": core} for core in CORES), {"network_input": "rpe"}, {"rpe_noise": 1.0}, {"episode_reset": "immediate"}]


@pytest.mark.parametrize("kind", KINDS, ids=named)
@pytest.mark.parametrize("updates", [1, 5])
def test_interrupted_training_resumes_to_the_same_bits(tmp_path, monkeypatch, checkpoint_each_update, kind, updates):
    configs = seeds(1 if "episode_reset" in kind else 2, dataclasses.replace(SMALL, **kind))
    whole = population_of(configs)
    curve = curves_of(whole, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, updates)
        curves_of(population_of(configs), tmp_path / "parts")
    resumed = population_of(configs)
    resumed_curve = curves_of(resumed, tmp_path / "parts")
    assert torch.equal(whole.flat, resumed.flat)
    assert all(one.equals(other) for one, other in zip(curve, resumed_curve, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [{"core": "lstm"}, {"core": "slots"}, {"network_input": "rpe"}], ids=named)
def test_compiled_training_resumes_inside_an_episode(tmp_path, monkeypatch, checkpoint_each_update, kind):
    """The first episode to open after the resume brings its tensors in another order than the checkpoint.

    Of the usual memory, the one of most tensors, and two side by side; that a compiled core is the same as an uncompiled one,
    and that checkpoints hold all that any core stateful, are tests of their own.
    """
    configs = seeds(2, dataclasses.replace(SMALL, **kind))
    whole, interrupted, resumed = (NetworkBatch(configs, compiled=True) for _ in range(3))
    interrupted.programs = resumed.programs = whole.programs  # compiled once
    curves_of(whole, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, 1)
        curves_of(interrupted, tmp_path / "parts")
    curves_of(resumed, tmp_path / "parts")
    assert torch.equal(whole.flat, resumed.flat)


KILLED = """
import sys
from prefrontal import train
train.CHECKPOINT_SECONDS = 0
train.train_experiment("two_step", sys.argv[1:])
"""


@pytest.mark.slow
def test_killed_training_resumes_to_the_same_bits(tmp_path):
    """SIGKILL wherever it happens to fall, twice, against an uninterrupted run: weights and curves."""
    settings = [*SETTINGS, "--episodes", "100", "--seeds", "2"]
    loop.train_experiment("two_step", [*settings, "--data", str(tmp_path / "whole")])
    command = [sys.executable, "-c", KILLED, *settings, "--data", str(tmp_path / "parts")]
    folder = tmp_path / "parts" / "two_step"
    written = None
    for _ in range(2):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < give_up:
            checkpoints = list((folder / "checkpoints").glob("*.safetensors"))
            if checkpoints and checkpoints[0].stat().st_mtime_ns != written:
                break
            time.sleep(0.005)
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
        written = checkpoints[0].stat().st_mtime_ns
    assert not (folder / "networks").exists()
    loop.train_experiment("two_step", [*settings, "--data", str(tmp_path / "parts")])
    for seed in range(2):
        one, other = (tmp_path / part / "two_step" / "networks" / f"{MAIN}_{seed}" for part in ("whole", "parts"))
        assert one.with_suffix(".csv").read_bytes() == other.with_suffix(".csv").read_bytes()
        weights, resumed = load_file(one.with_suffix(".safetensors")), load_file(other.with_suffix(".safetensors"))
        assert all(torch.equal(weights[part], resumed[part]) for part in weights)
    assert not list((folder / "checkpoints").iterdir()), "a finished run leaves no checkpoint"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Data folder with two small two-step networks."""
    data = tmp_path_factory.mktemp("data")
    loop.train_experiment("two_step", [*SETTINGS, "--episodes", "6", "--seed", "4", "--seeds", "2", "--data", str(data)])
    return data


def test_training_writes_weights_settings_and_curve(trained, tmp_path):
    folder = trained / "two_step" / "networks"
    batch = population_of([dataclasses.replace(SMALL, seed=seed) for seed in (4, 5)])
    curves = curves_of(batch, tmp_path)
    networks = Networks("two_step", trained)(MAIN)
    assert networks.configs == batch.configs
    assert torch.equal(networks.agent.network.flatten(networks.agent.parameters), batch.flat.double())
    written = storage.read(folder / f"{MAIN}_4.csv", "learning_curve")
    np.testing.assert_allclose(written["reward"], curves[0]["reward"], rtol=1e-5, atol=1e-6)
    assert written["episode"].iloc[-1] == 6
    assert load_file(folder / f"{MAIN}_4.safetensors").keys() == batch.network.shapes.keys()


def copy(trained, tmp_path):
    target = tmp_path / "two_step" / "networks"
    target.mkdir(parents=True)
    for path in (trained / "two_step" / "networks").iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_networks_of_other_settings_are_not_replaced_unless_told(trained, tmp_path):
    folder = copy(trained, tmp_path)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    arguments = [*SETTINGS, "--episodes", "3", "--seed", "4", "--seeds", "2", "--data", str(tmp_path)]
    with pytest.raises(UserError, match=r"a network with episodes 6 is there, not 3; .*--data, or say --replace"):
        loop.train_experiment("two_step", arguments)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    loop.train_experiment("two_step", [*arguments, "--replace"])
    assert Networks("two_step", tmp_path)(MAIN).config.episodes == 3


def test_networks_of_one_condition_have_the_same_settings(trained, tmp_path):
    folder = copy(trained, tmp_path)
    path = folder / f"{MAIN}_5.json"
    path.write_text(path.read_text().replace('"reversal": 0.025', '"reversal": 0.1'))
    with pytest.raises(UserError, match=rf"{MAIN}_5\.json: reversal is 0.1, but 0.025 in the other networks"):
        Networks("two_step", tmp_path)(MAIN)


def test_weights_of_other_settings_are_refused(trained, tmp_path):
    folder = copy(trained, tmp_path)
    one, other = (folder / f"{MAIN}_{seed}.safetensors" for seed in (4, 5))
    other.write_bytes(one.read_bytes())
    with pytest.raises(UserError, match=rf"{MAIN}_5\.safetensors: seed is 4, but 5 in its JSON file"):
        Networks("two_step", tmp_path)(MAIN)


def test_flipped_bits_of_weights_are_refused(trained, tmp_path):
    path = copy(trained, tmp_path) / f"{MAIN}_5.safetensors"
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match=rf"{MAIN}_5\.safetensors: "):
            Networks("two_step", tmp_path)(MAIN)
    path.write_bytes(whole)
    assert len(Networks("two_step", tmp_path)(MAIN).configs) == 2


def test_weights_that_are_not_finite_are_refused(trained, tmp_path):
    batch = population_of(seeds(1))
    batch.flat[0, 3] = np.nan
    checkpoints.save(
        batch, MAIN, [pd.DataFrame(columns=list(schema.COLUMNS["learning_curve"]))], tmp_path / "two_step" / "networks"
    )
    with pytest.raises(UserError, match=rf"{MAIN}_0\.safetensors: weights is 'not finite'"):
        Networks("two_step", tmp_path)(MAIN)


def test_the_same_training_gives_the_same_weights_byte_for_byte_with_ordinary_permissions(trained, tmp_path):
    loop.train_experiment("two_step", [*SETTINGS, "--episodes", "6", "--seed", "4", "--seeds", "2", "--data", str(tmp_path)])
    mask = os.umask(0)
    os.umask(mask)
    for path in (tmp_path / "two_step" / "networks").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        if path.suffix != ".json":
            assert path.read_bytes() == (trained / "two_step" / "networks" / path.name).read_bytes()


def test_finished_networks_are_not_trained_again_and_time_adds_up(tmp_path, monkeypatch, checkpoint_each_update):
    """Networks that train one at a time: interrupted within the second, the first is left as it is."""
    arguments = [*SETTINGS, "--episodes", "6", "--seeds", "2", "--episode_reset", "immediate", "--data", str(tmp_path)]
    folder, updates = tmp_path / "two_step", []
    update = NetworkBatch.update

    def slow(self):
        if len(updates) == 20:
            raise KeyboardInterrupt
        updates.append(self.seeds[0])
        time.sleep(0.01)
        return update(self)

    monkeypatch.setattr(NetworkBatch, "update", slow)
    with pytest.raises(KeyboardInterrupt):
        loop.train_experiment("two_step", arguments)
    assert 0 < updates.count(1) < updates.count(0)
    with pytest.raises(
        UserError, match=rf"{MAIN}_\w+\.safetensors: the training of '{MAIN}' is not finished; run it again, or delete"
    ):
        Networks("two_step", tmp_path)(MAIN)
    updates[:] = updates[10:] = []
    loop.train_experiment("two_step", arguments)
    assert not updates.count(0) and updates.count(1) and not list((folder / "checkpoints").iterdir())
    for seed in (0, 1):
        seconds = recording.network(folder / "networks" / f"{MAIN}_{seed}.json")["training_seconds"]
        assert seconds >= 0.01 * 12, "the time before the interruption counts"


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of a training that has begun."""
    batch, path = population_of(seeds(2), 3), tmp_path / "checkpoint.safetensors"
    checkpoints.save_checkpoint(batch, dataclasses.asdict(loop.Curve(5)), checkpoints.code(Config), path)
    return path


def test_flipped_bits_of_a_checkpoint_are_refused(checkpoint):
    whole = checkpoint.read_bytes()
    for place in [*range(200), *np.random.default_rng(0).integers(0, len(whole), 50)]:
        checkpoint.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(
            UserError, match=r"checkpoint\.safetensors: not a readable checkpoint .*; delete it to train from the start"
        ):
            checkpoints.resume(population_of(seeds(2)), checkpoints.code(Config), checkpoint)


def test_checkpoint_of_other_code_is_refused(checkpoint):
    checkpoints.resume(population_of(seeds(2)), checkpoints.code(Config), checkpoint)
    with pytest.raises(
        UserError, match=r"checkpoint\.safetensors: this training was begun with other code; bring that back, or delete"
    ):
        checkpoints.resume(population_of(seeds(2)), "changed", checkpoint)


def test_code_is_what_a_training_rests_on():
    """Also where an experiment builds on another, and where its task has modules of its own."""

    def rests_on(name):
        return {str(path.relative_to(ROOT)) for path in checkpoints.sources(experiments.module(name, "train").Config)}

    library = {f"src/prefrontal/{name}.py" for name in ("a2c", "network", "batch", "task", "train", "config", "cores/gru")}
    two_step = {f"replications/two_step/{name}.py" for name in ("train", "task")}
    assert rests_on("two_step") >= library | two_step and rests_on("bandit") >= library
    assert rests_on("predictions") == rests_on("two_step") | {"replications/predictions/train.py"}
    assert rests_on("harlow") >= {f"replications/harlow/{name}.py" for name in ("train", "task", "images")}
    assert rests_on("weather") >= {"replications/weather/task.py", "src/prefrontal/learners/weather.py"}
    reading = ("analysis", "figure", "record", "claims", "tables", "report")
    assert not [path for name in experiments.names("train") for path in rests_on(name) if Path(path).stem in reading]


def test_learning_curve_of_a_checkpoint_has_the_points_that_are_asked_for(checkpoint):
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: points of the learning curve is 5; it must be 7; delete it"):
        loop.train(population_of(seeds(2)), "test", checkpoint, points=7)


def test_command_line_departs_from_a_condition_also_back_to_the_default():
    """Settings that are given hold, even where they equal a default that the variant departs from."""
    read = functools.partial(loop.command_line, loop.settings_of("two_step", "2_steps"), loop.Options, "test")
    assert read([])[0].steps_per_trial == 2
    config, _ = read(["--steps-per-trial", "3", "--discount", "0.5"])
    assert (config.steps_per_trial, config.discount) == (3, 0.5)
    with pytest.raises(UserError, match="variant is 'none'; it must be one of default, 2_steps"):
        loop.settings_of("two_step", "none")


def test_settings_that_depart_from_today_are_said(trained, capsys):
    Networks("two_step", trained)(MAIN)
    assert f"two_step, {MAIN}: networks were trained with trials 10, today's setting is 100" in capsys.readouterr().out


def test_loss_that_is_not_finite_stops_training(tmp_path):
    configs = [SMALL, dataclasses.replace(SMALL, seed=9, learning_rate=1e38)]
    with pytest.raises(UserError, match=r"seed 9: loss or weights not finite at episode \d+; try learning_rate below 1e\+38"):
        curves_of(population_of(configs), tmp_path)
    assert not list(tmp_path.iterdir())


def test_short_trainings_run_uncompiled_by_themselves():
    assert not NetworkBatch([SMALL]).compiles
    assert NetworkBatch([dataclasses.replace(SMALL, episodes=1_000_000)]).compiles


def test_checkpoint_names_tell_settings_apart(tmp_path):
    one = checkpoints.checkpoint_path([SMALL], MAIN, tmp_path)
    assert one != checkpoints.checkpoint_path([dataclasses.replace(SMALL, discount=0.8)], MAIN, tmp_path)


@pytest.mark.slow
def test_networks_learn_to_pull_the_better_arm(tmp_path):
    """Correlated arms, ten trials: the mean over four networks ends well above chance, .5, where it began."""
    config = BanditConfig(
        arms="correlated", trials=10, units=16, episodes=16_000, episodes_per_update=16, unroll=10,
        learning_rate=5e-3, discount=0.8, entropy_cost=0.1, entropy_cost_end=None, init_scale=2.0,
    )  # fmt: skip
    curves = curves_of(population_of([dataclasses.replace(config, seed=k) for k in range(4)]), tmp_path)
    reward = np.mean([curve["reward"] for curve in curves], axis=0) / config.trials
    assert abs(reward[:4].mean() - 0.5) < 0.03
    assert reward[-20:].mean() > 0.6
    assert all(curve["value_error"][-20:].mean() < curve["value_error"][:4].mean() for curve in curves)
