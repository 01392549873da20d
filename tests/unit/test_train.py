"""Training batches: determinism, independence of the batch, resuming, files, and learning itself.

All of it for every core.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from prefrontal import cli, experiments, files, sources
from prefrontal.errors import UserError
from prefrontal.files import ROOT
from prefrontal.networks.cores import CORES
from prefrontal.networks.load import Networks
from prefrontal.pipeline import run
from prefrontal.pipeline.train import TrainingOptions, train_variants
from prefrontal.settings import NetworkSettings, Settings, TrainingSettings
from prefrontal.tables import schema, storage
from prefrontal.tables.networks import learning_curves, read_description
from prefrontal.training import checkpoints, loop
from prefrontal.training.batch import NetworkBatch
from replications.bandit.settings import Bandit
from replications.two_step.settings import TwoStep

SMALL = Settings(
    task=TwoStep(trials=10),
    network=NetworkSettings(units=5),
    training=TrainingSettings(unroll=15, episodes=6, learning_rate=3e-3),
)
"""Two unrolls per episode: a checkpoint may fall inside an episode."""

EXPERIMENT = experiments.get("two_step")
MAIN = EXPERIMENT.main


def batch_of(settings: list[Settings], updates: int = 0) -> NetworkBatch:
    batch = NetworkBatch(settings, compiled=False)
    for _ in range(updates):
        batch.update()
    return batch


def seeds(count: int, settings: Settings = SMALL) -> list[Settings]:
    return [settings.vary({"seed": k}) for k in range(count)]


def train_two(data: Path, settings: Settings = SMALL, **options) -> None:
    """Train two networks of the main variant, as the command does."""
    train_variants(EXPERIMENT, {MAIN: settings}, TrainingOptions(networks=2, **options), data)


def read(data: Path):
    """Networks of the main variant."""
    return Networks(EXPERIMENT, data)(MAIN)


def test_same_seed_gives_the_same_bits():
    assert torch.equal(batch_of(seeds(3), 5).flat, batch_of(seeds(3), 5).flat)


@pytest.mark.parametrize("core", CORES)
def test_network_in_a_batch_equals_the_network_alone(core):
    first = SMALL.vary({"network.core": core})
    second = {"seed": 7, "training.learning_rate": 1e-2, "network.init_scale": 2.5}
    third = {"seed": 3, "training.discount": 0.5, "training.entropy_cost": 1.0}
    settings = [
        first,
        first.vary(second | {"training.reward_scale": 0.5}),
        first.vary(third | {"training.gradient_clip": 0.1}),
    ]
    batched = batch_of(settings, 5).flat
    for index, each in enumerate(settings):
        # Sums of other sizes round differently on some processors; an update moves a weight a
        # hundred times as far.
        alone = batch_of([each], 5).flat[0]
        torch.testing.assert_close(batched[index], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"network.reward_input": False},
        {"network.action_input": False},
        {"network.reward_input": False, "network.input": "rpe"},
    ],
)
def test_inputs_can_be_taken_away(changes):
    whole, less = batch_of([SMALL]), batch_of([SMALL.vary(changes)], 3)
    no_reward = not changes.get("network.reward_input", True)
    no_action = not changes.get("network.action_input", True)
    missing = no_reward + len(whole.task.actions) * no_action
    assert whole.network.inputs() - less.network.inputs() == missing


def test_one_episode_per_update_takes_all_episodes():
    """Also where the last unroll of an episode is cut short by its end."""
    batch = batch_of([SMALL.vary({"training.unroll": 20})])
    started = 0
    while batch.progress < 1:
        started += batch.current is None or bool(batch.current.state["done"].all())
        batch.update()
    assert started == batch.ended == SMALL.training.episodes
    assert batch.current.state["done"].all()


def test_episodes_reset_immediately_count_when_they_end():
    immediate = {"training.episode_reset": "immediate", "training.episodes_per_update": 3}
    batch = batch_of([SMALL.vary(immediate | {"training.episodes": 20, "training.unroll": 7})])
    while batch.progress < 1:
        batch.update()
    played = batch.trained_steps / batch.task.episode_steps
    assert 20 <= batch.ended <= played and played - batch.ended < 3


def test_learning_rate_falls_to_zero_where_asked():
    batch = batch_of([SMALL.vary({"training.lr_decay_start": 0.5})])
    rates = []
    while batch.progress < 1:
        rates.append((batch.progress, float(batch.rate)))
        batch.update()
    for progress, rate in rates:
        assert rate == pytest.approx(1 if progress <= 0.5 else 2 * (1 - progress))


def curves_of(batch: NetworkBatch, folder: Path, **options) -> list[pd.DataFrame]:
    options = {"points": 200} | options
    return loop.train(batch, "test", folder / "checkpoint.safetensors", **options)


def test_learning_curve_counts_reward_per_episode(tmp_path):
    """Whatever part of an episode one unroll plays, and whatever scale of reward the network sees.

    Also whenever episodes are reset.
    """
    changes = {"training.reward_scale": 0.1, "training.learning_rate": 1e-30}
    settings = SMALL.vary(changes | {"training.episodes": 60})
    ways = {
        "whole": {"training.unroll": 30},
        "parts": {"training.unroll": 10},
        "immediate": {
            "training.unroll": 9,
            "training.episode_reset": "immediate",
            "training.episodes_per_update": 4,
        },
    }
    rewards = {}
    for name, way in ways.items():
        (curve,) = curves_of(batch_of([settings.vary(way)]), tmp_path / name, points=20)
        rewards[name] = curve["reward"]
    error = 3 * sum(reward.sem() for reward in rewards.values())
    for reward in rewards.values():
        assert abs(reward.mean() - rewards["whole"].mean()) < error


def test_no_episodes_leave_the_initial_weights(tmp_path):
    batch = batch_of([SMALL.vary({"training.episodes": 0})])
    before = batch.flat.clone()
    (curve,) = curves_of(batch, tmp_path)
    assert torch.equal(batch.flat, before) and batch.progress == 1
    assert curve.empty and {"episode", "reward"} <= {*curve.columns}


def test_learning_curve_has_the_experiments_columns(tmp_path):
    def measure(batch):
        return pd.DataFrame({"size": [float(w.abs().sum()) for w in batch.flat]})

    curves = curves_of(batch_of(seeds(2)), tmp_path, points=3, measure=measure)
    assert [len(curve) for curve in curves] == [3, 3]
    assert curves[0]["size"].nunique() == 3 and (curves[0]["size"] != curves[1]["size"]).all()
    assert set(schema.COLUMNS["learning_curve"]) <= set(curves[0].columns)


def test_the_first_checkpoint_comes_after_seconds(tmp_path, monkeypatch):
    """A training that is interrupted early goes on from there."""
    monkeypatch.setattr(loop, "FIRST_CHECKPOINT_SECONDS", 0)
    interrupt_training(monkeypatch, seeds(2), tmp_path, 5)
    counts = load_file(next(tmp_path.glob("*.safetensors")))["counts"]
    assert counts[0] == 1, "the next one would have come after 30 s"


@pytest.fixture
def checkpoint_each_update(monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)


def interrupt_after(monkeypatch, updates: int) -> None:
    update = NetworkBatch.update

    def interrupted(self):
        if self.done == updates:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(NetworkBatch, "update", interrupted)


def interrupt_training(monkeypatch, settings: list[Settings], folder: Path, updates: int) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, updates)
        curves_of(batch_of(settings), folder)


def changed_value(changes: dict) -> str:
    return str(next(iter(changes.values())))


WAYS = [
    *({"network.core": core} for core in CORES),
    {"network.input": "rpe"},
    {"network.input": "reward_and_rpe"},
    {"training.rpe_noise": 1.0},
    {"training.episode_reset": "immediate"},
]


@pytest.mark.parametrize("way", WAYS, ids=changed_value)
@pytest.mark.parametrize("updates", [1, 5])
def test_interrupted_training_resumes_to_the_same_bits(
    tmp_path, monkeypatch, checkpoint_each_update, way, updates
):
    settings = seeds(1 if "training.episode_reset" in way else 2, SMALL.vary(way))
    whole = batch_of(settings)
    curve = curves_of(whole, tmp_path / "whole")
    interrupt_training(monkeypatch, settings, tmp_path / "parts", updates)
    resumed = batch_of(settings)
    resumed_curve = curves_of(resumed, tmp_path / "parts")
    assert torch.equal(whole.flat, resumed.flat)
    assert all(one.equals(other) for one, other in zip(curve, resumed_curve, strict=True))


def pad(path: Path, characters: int) -> int:
    """Lengthen a checkpoint's metadata -> where in the file its tensors now start."""
    with checkpoints.safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["checkpoint"])
    metadata = json.dumps(about | {"padding": "x" * characters})
    content = to_bytes(load_file(path), {"checkpoint": metadata})
    path.write_bytes(content)
    return 8 + int.from_bytes(content[:8], "little")


@pytest.mark.parametrize("core", ["lstm", "attention"])
def test_resuming_does_not_depend_on_alignment(tmp_path, monkeypatch, checkpoint_each_update, core):
    """Tensors of a checkpoint start wherever the header ends; they end at the same bits."""
    changes = {"network.core": core, "network.units": 48, "training.episodes": 2}
    settings = seeds(2, SMALL.vary(changes))
    whole = batch_of(settings)
    curves_of(whole, tmp_path / "whole")
    interrupt_training(monkeypatch, settings, tmp_path / "parts", 1)
    (checkpoint,) = (tmp_path / "parts").iterdir()
    original, starts = checkpoint.read_bytes(), set()
    for characters in range(64):
        checkpoint.write_bytes(original)
        start = pad(checkpoint, characters) % 64
        if start not in starts:
            starts.add(start)
            resumed = batch_of(settings)
            curves_of(resumed, tmp_path / "parts")
            assert torch.equal(whole.flat, resumed.flat), f"tensors start at {start} modulo 64"
    assert starts == set(range(0, 64, 8)), "the header ends at a multiple of eight bytes"


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [{"network.core": "lstm"}, {"network.core": "memory_slots"}, {"network.input": "rpe"}],
    ids=changed_value,
)
def test_compiled_training_resumes_inside_an_episode(
    tmp_path, monkeypatch, checkpoint_each_update, way
):
    """The first episode after the resume brings its tensors in another order than the checkpoint.

    Checked for the usual core, the one with most tensors, and separate actor and critic; other
    tests show that compiled cores equal uncompiled ones and that checkpoints hold every core's
    state.
    """
    settings = seeds(2, SMALL.vary(way))
    whole, interrupted, resumed = (NetworkBatch(settings, compiled=True) for _ in range(3))
    interrupted.programs = resumed.programs = whole.programs  # compiled once
    curves_of(whole, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, 1)
        curves_of(interrupted, tmp_path / "parts")
    curves_of(resumed, tmp_path / "parts")
    assert torch.equal(whole.flat, resumed.flat)


KILLED = """
import sys
from prefrontal import cli
from prefrontal.training import loop
loop.CHECKPOINT_SECONDS = 0
cli.main(["train", "two_step", *sys.argv[1:]])
"""
WORDS = "--task.trials 10 --training.unroll 15 --network.units 5 --training.learning-rate 3e-3"


@pytest.mark.slow
def test_killed_training_resumes_to_the_same_bits(tmp_path):
    """SIGKILL at any moment, twice, against an uninterrupted run: weights and curves."""
    words = [*WORDS.split(), "--training.episodes", "100", "--networks", "2", "--out"]
    cli.main(["train", "two_step", *words, str(tmp_path / "whole")])
    command = [sys.executable, "-c", KILLED, *words, str(tmp_path / "parts")]
    folder = tmp_path / "parts" / "data" / "two_step"
    written = None
    for _ in range(2):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < give_up:
            saved = list((folder / "checkpoints").glob("*.safetensors"))
            if saved and saved[0].stat().st_mtime_ns != written:
                break
            time.sleep(0.005)
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
        written = saved[0].stat().st_mtime_ns
    assert not (folder / "networks").exists()
    cli.main(["train", "two_step", *words, str(tmp_path / "parts")])
    for seed in range(2):
        one, other = (
            tmp_path / part / "data" / "two_step" / "networks" / f"{MAIN}_{seed}"
            for part in ("whole", "parts")
        )
        assert one.with_suffix(".csv").read_bytes() == other.with_suffix(".csv").read_bytes()
        weights, resumed = (load_file(f"{each}.safetensors") for each in (one, other))
        assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    assert not list((folder / "checkpoints").iterdir()), "a finished run leaves no checkpoint"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Data folder with two small two-step networks."""
    data = tmp_path_factory.mktemp("data")
    train_two(data, SMALL.vary({"seed": 4}))
    return data


def test_training_writes_weights_settings_and_curve(trained, tmp_path):
    folder = trained / "two_step" / "networks"
    batch = batch_of([SMALL.vary({"seed": seed}) for seed in (4, 5)])
    curves = curves_of(batch, tmp_path)
    networks = read(trained)
    assert networks.batch == batch.settings
    agent = networks.agent
    assert torch.equal(agent.network.flatten(agent.parameters), batch.flat.double())
    written = storage.read(folder / f"{MAIN}_4.csv", "learning_curve")
    np.testing.assert_allclose(written["reward"], curves[0]["reward"], rtol=1e-5, atol=1e-6)
    assert written["episode"].iloc[-1] == 6
    assert load_file(folder / f"{MAIN}_4.safetensors").keys() == batch.network.shapes.keys()


def copy(trained: Path, tmp_path: Path) -> Path:
    target = tmp_path / "two_step" / "networks"
    target.mkdir(parents=True)
    for path in (trained / "two_step" / "networks").iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_networks_of_other_settings_are_not_replaced(trained, tmp_path):
    folder = copy(trained, tmp_path)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    shorter = SMALL.vary({"seed": 4, "training.episodes": 3})
    message = r"a network with training.episodes 6 is there, not 3; .*--out\), or .*--overwrite"
    with pytest.raises(UserError, match=message):
        train_two(tmp_path, shorter)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    train_two(tmp_path, shorter, overwrite=True)
    assert read(tmp_path).settings.training.episodes == 3


def test_networks_of_one_variant_have_the_same_settings(trained, tmp_path):
    path = copy(trained, tmp_path) / f"{MAIN}_5.json"
    path.write_text(path.read_text().replace('"reversal": 0.025', '"reversal": 0.1'))
    with pytest.raises(
        UserError, match=rf"{MAIN}_5\.json: settings differ from those of {MAIN}_4\.json"
    ):
        read(tmp_path)


def test_weights_of_another_network_are_refused(trained, tmp_path):
    folder = copy(trained, tmp_path)
    one, other = (folder / f"{MAIN}_{seed}.safetensors" for seed in (4, 5))
    other.write_bytes(one.read_bytes())
    with pytest.raises(UserError, match=rf"{MAIN}_5\.safetensors: not the weights that its JSON"):
        read(tmp_path)


def test_flipped_bits_of_weights_are_refused(trained, tmp_path):
    path = copy(trained, tmp_path) / f"{MAIN}_5.safetensors"
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match=rf"{MAIN}_5\.safetensors: "):
            read(tmp_path)
    path.write_bytes(whole)
    assert len(read(tmp_path).batch) == 2


@pytest.mark.parametrize(
    ("half", "weight", "message"),
    [
        (False, np.nan, "seed 1: weights not finite; try"),
        (False, np.inf, "seed 1: weights not finite; try"),
        (True, 70_000, "seed 1: weights not finite in half precision; try"),
    ],
)
def test_weights_that_are_not_finite_are_never_written(tmp_path, half, weight, message):
    batch = batch_of(seeds(2, SMALL.vary({"training.half_precision": half})))
    batch.flat[1, 3] = weight
    curves = [pd.DataFrame(columns=list(schema.COLUMNS["learning_curve"]))] * 2
    with pytest.raises(UserError, match=message):
        checkpoints.save(batch, "two_step", MAIN, curves, tmp_path / "two_step" / "networks")
    assert not list(tmp_path.rglob("*.*"))


def test_a_missing_network_is_named(tmp_path):
    """Of those that were trained together."""
    train_two(tmp_path)
    folder = tmp_path / "two_step" / "networks"
    assert read(tmp_path).seeds == [0, 1]
    for path in folder.glob(f"{MAIN}_1.*"):
        path.unlink()
    with pytest.raises(UserError, match=rf"network 1 of variant '{MAIN}' is missing"):
        read(tmp_path)
    assert Networks(EXPERIMENT, tmp_path, [0])(MAIN).seeds == [0], "this one was asked for"


def test_run_goes_on_where_a_training_was_interrupted(tmp_path, monkeypatch):
    """Variants with a checkpoint or without networks are trained; others are not."""
    trained, names = [], list(EXPERIMENT.variants)
    monkeypatch.setattr(
        run, "train_variants", lambda _, variants, *more: trained.append([*variants])
    )
    run.train_missing(EXPERIMENT, tmp_path)
    train_two(tmp_path)
    run.train_missing(EXPERIMENT, tmp_path)
    checkpoints_folder = tmp_path / "two_step" / "checkpoints"
    (checkpoints_folder / f"{names[2]}_0123456789ab.safetensors").touch()
    run.train_missing(EXPERIMENT, tmp_path)
    (checkpoints_folder / f"{names[0]}_0123456789ab.safetensors").touch()
    run.train_missing(EXPERIMENT, tmp_path)
    assert trained == [names, names[1:], names]


def test_only_networks_with_other_settings_are_trained_again(tmp_path):
    """Those from before a setting existed have its default."""
    train_two(tmp_path)
    path = tmp_path / "two_step" / "networks" / f"{MAIN}_0.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    settings = Settings.from_dict(about["settings"], TwoStep, path)
    options = SimpleNamespace(data=tmp_path, networks=2)
    del about["settings"]["training"]["prediction"]
    path.write_text(json.dumps(about), encoding="utf-8")
    assert not run.missing(EXPERIMENT, {MAIN: settings}, options)
    other = settings.vary({"task.common": 0.7})
    assert run.missing(EXPERIMENT, {MAIN: other}, options) == {MAIN: other}


def test_an_edited_learning_curve_is_found(tmp_path):
    train_two(tmp_path)
    folder = tmp_path / "two_step" / "networks"
    assert set(learning_curves(folder)["subject"]) == {0, 1}
    path = folder / f"{MAIN}_1.csv"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1  # another digit
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"{MAIN}_1\.csv: not the table that {MAIN}_1\.json"):
        learning_curves(folder)
    (folder / f"{MAIN}_0.json").unlink()
    with pytest.raises(UserError, match=rf"network 0 of variant '{MAIN}' is missing"):
        learning_curves(folder)


def test_a_second_training_of_the_same_networks_stops(tmp_path):
    mark = tmp_path / "two_step" / "checkpoints" / f".{MAIN}.lock"
    hold = (
        "import sys\nfrom pathlib import Path\nfrom prefrontal import files\n"
        "with files.reserved(Path(sys.argv[1]), [1], ''):\n print(flush=True)\n sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(mark)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT) as other:
        assert other.stdout.readline()
        message = f"another command trains networks of '{MAIN}' with these seeds here"
        with pytest.raises(UserError, match=message):
            train_two(tmp_path, SMALL.vary({"training.discount": 0.5}))
        train_two(tmp_path, SMALL.vary({"seed": 2}))
        other.stdin.close()
    train_two(tmp_path)
    assert not list(mark.parent.iterdir())


def test_same_training_gives_the_same_files(trained, tmp_path):
    """Byte for byte, and with ordinary permissions."""
    train_two(tmp_path, SMALL.vary({"seed": 4}))
    mask = os.umask(0)
    os.umask(mask)
    for path in (tmp_path / "two_step" / "networks").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        if path.suffix != ".json":
            other = trained / "two_step" / "networks" / path.name
            assert path.read_bytes() == other.read_bytes()


def test_finished_networks_are_not_trained_again(tmp_path, monkeypatch, checkpoint_each_update):
    """Networks that train one by one: interrupted within the second, the first is left as it is.

    The time before the interruption counts.
    """
    settings = SMALL.vary({"training.episode_reset": "immediate"})
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
        train_two(tmp_path, settings, workers=1)
    assert 0 < updates.count(1) < updates.count(0)
    message = (
        rf"{MAIN}_\w+\.safetensors: the training of '{MAIN}' is not finished; run it again, or"
    )
    with pytest.raises(UserError, match=message):
        read(tmp_path)
    updates[:] = updates[10:] = []
    train_two(tmp_path, settings, workers=1)
    assert not updates.count(0) and updates.count(1)
    assert not list((folder / "checkpoints").iterdir())
    for seed in (0, 1):
        about = json.loads((folder / "networks" / f"{MAIN}_{seed}.json").read_text())
        assert about["training_seconds"] >= 0.01 * 12
        assert read_description(folder / "networks" / f"{MAIN}_{seed}.json").seed == seed


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of a training that has begun."""
    batch, path = batch_of(seeds(2), 3), tmp_path / "checkpoint.safetensors"
    code = checkpoints.training_code(SMALL.task)
    checkpoints.save_checkpoint(batch, dataclasses.asdict(loop.Curve(5)), code, path)
    return path


def test_flipped_bits_of_a_checkpoint_are_refused(checkpoint):
    whole, code = checkpoint.read_bytes(), checkpoints.training_code(SMALL.task)
    batch = batch_of(seeds(2))
    message = r"checkpoint\.safetensors: not a readable checkpoint .*; delete it to train from"
    for place in [*range(200), *np.random.default_rng(0).integers(0, len(whole), 50)]:
        flipped = bytes([whole[place] ^ 1])
        checkpoint.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        with pytest.raises(UserError, match=message):
            checkpoints.resume(batch, code, checkpoint)


def test_checkpoint_of_other_code_is_refused(checkpoint):
    checkpoints.resume(batch_of(seeds(2)), checkpoints.training_code(SMALL.task), checkpoint)
    message = r"checkpoint\.safetensors: this training began with other code; restore that, or"
    with pytest.raises(UserError, match=message):
        checkpoints.resume(batch_of(seeds(2)), "changed", checkpoint)


@pytest.fixture
def training_sources(monkeypatch):
    """Function that gives the files on which a training of an experiment depends."""
    monkeypatch.setattr(checkpoints, "code_hash", sources.imported)

    def files_of(name: str) -> set[str]:
        measure = experiments.module(name, "train").TRAINING.curve_columns
        paths = checkpoints.training_code(experiments.get(name).settings.task, measure).values()
        return {str(path.relative_to(ROOT)) for path in paths}

    return files_of


def test_training_depends_on_the_code_that_it_runs(training_sources):
    """Also where an experiment builds on another, and where its task has modules of its own."""
    modules = ("task", "settings", "training/a2c", "training/batch", "training/loop")
    modules = (*modules, "networks/network", "networks/cores/gru")
    library = {f"src/prefrontal/{name}.py" for name in modules}
    two_step = {f"replications/two_step/{name}.py" for name in ("settings", "task")}
    assert training_sources("two_step") >= library | two_step
    assert training_sources("bandit") >= library
    assert training_sources("predictions") == training_sources("two_step")
    harlow = {f"replications/harlow/{name}.py" for name in ("settings", "task", "images")}
    assert training_sources("harlow") >= harlow | {"replications/harlow/train.py"}
    assert "replications/weather/task.py" in training_sources("weather")


@pytest.mark.parametrize("name", experiments.names("train"))
def test_training_does_not_depend_on_how_it_is_read(training_sources, name):
    reading = ("analysis", "figure", "claims", "text", "cite")
    assert not [path for path in training_sources(name) if Path(path).stem in reading]


def test_curve_of_a_checkpoint_has_the_points_asked_for(checkpoint):
    message = r"checkpoint\.safetensors: points of the learning curve is 5; it must be 7; delete it"
    with pytest.raises(UserError, match=message):
        loop.train(batch_of(seeds(2)), "test", checkpoint, points=7)


def test_other_settings_than_todays_stop_reading(trained, monkeypatch):
    """Networks of the suite are those of the settings that the code has now."""
    monkeypatch.setattr(files, "DATA", trained)
    with pytest.raises(
        UserError, match=r"trained with task\.trials 10, but the setting is now 100"
    ):
        read(trained)


def test_divergence_stops_training_with_its_seed(tmp_path):
    settings = [SMALL, SMALL.vary({"seed": 9, "training.learning_rate": 1e17})]
    message = (
        r"seed 9: loss or weights not finite at episode \d+; "
        r"try training\.learning_rate below 1e\+17"
    )
    with pytest.raises(UserError, match=message):
        curves_of(batch_of(settings), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("checked", [False, True], ids=["at points of the curve", "always"])
def test_a_network_that_is_set_aside_leaves_the_others_bits(checked, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "FIRST_CHECKPOINT_SECONDS", 0 if checked else 60)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0 if checked else 60)
    batches, curves = [], []
    for rate in (3e-3, 1e17):
        settings = seeds(3)
        settings[1] = settings[1].vary({"training.learning_rate": rate})
        batches.append(batch_of(settings))
        folder = tmp_path / str(rate)
        curves.append(curves_of(batches[-1], folder, points=12, sets_aside=True))
    (finite, diverging), kept = batches, [0, 2]
    assert torch.equal(finite.flat[kept], diverging.flat[kept])
    assert finite.flat.isfinite().all() and (diverging.flat[1] == 0).all()
    for k in kept:
        pd.testing.assert_frame_equal(curves[0][k], curves[1][k], check_exact=True)
    nothing = curves[1][1].drop(columns="episode").isna()
    assert not nothing.iloc[0].any() and nothing.iloc[-1].all()
    assert (nothing.any(axis=1) == nothing.any(axis=1).cummax()).all(), "NaN from then on"


def test_short_trainings_run_uncompiled_by_themselves():
    assert not NetworkBatch([SMALL]).compiles
    assert NetworkBatch([SMALL.vary({"training.episodes": 1_000_000})]).compiles


def test_checkpoint_names_tell_settings_apart(tmp_path):
    one = checkpoints.checkpoint_path([SMALL], MAIN, tmp_path)
    other = SMALL.vary({"training.discount": 0.8})
    assert one != checkpoints.checkpoint_path([other], MAIN, tmp_path)


def test_snapshots_are_the_weights_along_the_way(tmp_path):
    """After half the episodes, those of a training that stopped there."""
    train_two(tmp_path, SMALL.vary({"training.snapshots": 2}))
    folder = tmp_path / "two_step" / "snapshots"
    assert sorted(path.name for path in folder.iterdir()) == ["3", "6"]
    networks, half = Networks(EXPERIMENT, tmp_path), batch_of(seeds(2), 6)
    agent = networks(MAIN, snapshot=3).agent
    assert torch.equal(agent.network.flatten(agent.parameters), half.flat.double())
    whole, last = networks(MAIN).agent, networks(MAIN, snapshot=6).agent
    for name, weights in whole.parameters.items():
        assert torch.equal(weights, last.parameters[name])


@pytest.mark.slow
def test_networks_learn_to_pull_the_better_arm(tmp_path):
    """Correlated arms, ten trials: mean reward of four networks ends well above chance, .5."""
    settings = Settings(
        task=Bandit(arms="correlated", trials=10),
        network=NetworkSettings(units=16, init_scale=2.0),
        training=TrainingSettings(
            episodes=16_000,
            episodes_per_update=16,
            unroll=10,
            learning_rate=5e-3,
            discount=0.8,
            entropy_cost=0.1,
        ),
    )
    curves = curves_of(batch_of(seeds(4, settings)), tmp_path)
    reward = np.mean([curve["reward"] for curve in curves], axis=0) / settings.task.trials
    assert abs(reward[:4].mean() - 0.5) < 0.03
    assert reward[-20:].mean() > 0.6
    for curve in curves:
        assert curve["value_error"][-20:].mean() < curve["value_error"][:4].mean()
