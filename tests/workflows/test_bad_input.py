"""A catalogue of bad input: each row gives one line that names the problem, and nothing on disk
changes.

A row is a command, the words that its line must contain, and what is wrong on disk, if anything is.
Commands run in a folder that holds ``run``, a tiny run of the two-step task.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from prefrontal import cli
from prefrontal.tables import storage

Spoil = Callable[[], None]

DATA = "run/data/two_step"
JSON, WEIGHTS = f"{DATA}/networks/scales_1_3_0.json", f"{DATA}/networks/scales_1_3_0.safetensors"
TRIALS, STEPS, CLAIMS = (
    f"{DATA}/trials.parquet",
    f"{DATA}/steps.parquet",
    f"{DATA}/results/claims.csv",
)
TINY = "--task.trials 8 --network.units 4 --training.unroll 12 --training.episodes 4 --networks 2"


def holds(path: str, content: str | bytes) -> Spoil:
    """Replace a file's content."""

    def spoil() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if Path(path).is_dir():
            shutil.rmtree(path)
        Path(path).unlink(missing_ok=True)  # it may be a link
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def lacks(path: str) -> Spoil:
    """Remove a file or folder."""
    return lambda: shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()


def truncated(path: str, size: int) -> Spoil:
    """Keep only the first bytes of a file."""
    return lambda: holds(path, Path(path).read_bytes()[:size])()


def flipped(path: str, place: int) -> Spoil:
    """Flip a bit of a file."""

    def spoil() -> None:
        content = bytearray(Path(path).read_bytes())
        content[place] ^= 1
        holds(path, bytes(content))()

    return spoil


def edited(path: str, old: str, new: str) -> Spoil:
    """Replace a pattern in a text file."""

    def spoil() -> None:
        text, count = re.subn(old, new, Path(path).read_text())
        assert count, f"{path} has no {old!r}"
        holds(path, text)()

    return spoil


def all_edited(old: str, new: str) -> Spoil:
    """Replace a pattern in the descriptions of both networks."""
    return lambda: [edited(JSON.replace("_0", f"_{k}"), old, new)() for k in range(2)]  # type: ignore[return-value]


def without(path: str, column: str) -> Spoil:
    """Remove a column of a table, and keep its provenance."""

    def spoil() -> None:
        about = storage.read_provenance(Path(path))
        frame = storage.read(Path(path)).drop(columns=column)
        Path(path).unlink()
        storage.write(frame, Path(path), about=about)

    return spoil


def weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Spoil:
    """Change weights, and their hash in the description."""

    def spoil() -> None:
        from prefrontal.networks.files import sha256

        content = save(change(load_file(WEIGHTS)))
        before = sha256(Path(WEIGHTS).read_bytes())
        holds(WEIGHTS, content)()
        edited(JSON, before, sha256(content))()

    return spoil


def further() -> None:
    """Of a further variant, one of two networks is there; their weights need not be."""
    text = re.sub('"scales_1_3"', '"training"', Path(JSON).read_text())
    holds(f"{DATA}/variations/training_0.json", text)()


COMMANDS: list[tuple[str, str]] = [
    ("rnu two_step", "no command 'rnu'; did you mean 'run'?"),
    ("run", "usage: prefrontal run EXPERIMENT"),
    ("run three_step", "experiment is 'three_step'; it must be one of bandit"),
    ("run two_step --out r --task.reversals 0.1", "task.reversals"),
    ("run two_step --task.reversal 0.1", "out is missing"),
    ("train multiverse_", "experiment is 'multiverse_'; it must be one of bandit"),
    (
        "train two_step --out r --task.reversal 7",
        "task.reversal is 7.0: input should be less than or equal to 1",
    ),
    (
        "train two_step --out r --task.trials 0",
        "task.trials is 0: input should be greater than or equal to 1",
    ),
    ("train two_step --out r --task.trials 2.5", "task.trials"),
    ("train two_step --out r --network.core transistor", "transistor"),
    ("train two_step --out r --training.learning-rate nan", "training.learning_rate is nan"),
    ("train two_step --out r --seed=-1", "seed is -1; it must be a whole number between 0"),
    ("train two_step --out r --networks 0", "networks is 0; it must be at least 1"),
    (
        "train two_step --out r --variants none",
        "variant is 'none'; it must be one of scales_1_3, default",
    ),
    (
        "train two_step --out r --all --variants side",
        "variants is ('side',); it must be left out with --all",
    ),
    ("train two_step --training.discount .5", "suite's networks (training.discount)"),
    ("train two_step --out r --threads 0", "threads is 0; it must be at least 1 and at most"),
    ("train two_step --out r --device tpu", "device is 'tpu'; it must be one of those found here"),
    (
        "train two_step --out r --variants ''",
        "variant is ''; it must be one of scales_1_3, default",
    ),
    *(
        (f"{command} {10**18}", f"{option} is {10**18}")
        for command, option in (
            ("train two_step --out r --training.episodes", "training.episodes"),
            ("train two_step --out r --task.trials", "task.trials"),
            ("train two_step --out r --training.unroll", "training.unroll"),
            ("train two_step --out r --networks", "networks"),
            ("train two_step --out r --workers", "workers"),
            ("record two_step --out run --test-episodes", "episodes"),
            ("sweep two_step --out run --vary task.trials=3 --curve-points", "curve_points"),
        )
    ),
    ("train two_step --out r --training.value-cost 1e18", "training.value_cost is 1e+18"),
    ("train two_step --out r --workers 0", "workers is 0; it must be at least 1"),
    (
        "train two_step --out r --workers 2 --scheduler tcp://x:1",
        "workers is 2; it must be left out",
    ),
    ("train two_step --out r --scheduler nowhere", "scheduler"),
    ("train two_step --out r --networks 1000000000", "networks 1,000,000,000, units 48,"),
    ("train two_step --out r --network.units 1000000", "takes at least"),
    (
        "train two_step --out r --training.objective supervised",
        "does not say which action is correct",
    ),
    ("record two_step --out nowhere", "nowhere/data/two_step/networks: no trained networks"),
    ("record two_step --out run --test-episodes 0", "episodes is 0; it must be at least 1"),
    ("record two_step --out run --test-episodes 1000000000", "takes at least"),
    (
        "sweep two_step --out run --vary task.reversal",
        "vary 'task.reversal': write setting=value,value",
    ),
    (
        "sweep two_step --out run --vary reversal=.1,.2",
        "vary 'reversal=.1,.2': write setting=value,value",
    ),
    ("sweep two_step --out run --vary task.trials=2,many", "task.trials is of type int"),
    ("sweep two_step --out run --vary training.discount=.5,0.5", "combinations that all differ"),
    (
        "sweep two_step --out run --vary training.discount=.5 --curve-points 0",
        "curve_points is 0; it must be at least 1",
    ),
    (
        "sweep two_step --out run --vary training.discount=.5,.6 --name ../x",
        "name is '../x'; it must be letters",
    ),
    ("sweep two_step --out run --vary training.discount=.5,.6 --name side", "different from every"),
    ("compare nowhere", "folder is 'nowhere'; it must be that of a run with results"),
    ("claims --out nowhere", "out is 'nowhere'; it must be that of a run with results"),
    ("reproduce two_step --folder .", "folder is '.'; it must be a separate one"),
    *(
        (f"new {name} --root suite", f"NAME is {name!r}; it must be")
        for name in ("my-task", "class", "numpy", "run")
    ),
]

FILES: list[tuple[str, str, Spoil]] = [
    *(
        (
            "record two_step --out run",
            "scales_1_3_0.json: not the description of a trained network",
            holds(JSON, text),
        )
        for text in ("", "[]", "null", '{"variant": "scales_1_3"}', b"\xff\xfe")
    ),
    ("record two_step --out run", "no setting 'task.tirals'", all_edited('"trials"', '"tirals"')),
    (
        "record two_step --out run",
        "task.reversal is 7",
        all_edited('"reversal": 0.025', '"reversal": 7'),
    ),
    (
        "record two_step --out run",
        "network.units is 'many'",
        all_edited('"units": 4', '"units": "many"'),
    ),
    (
        "record two_step --out run",
        "scales_1_3_0.json: network is 'scales_1_3_5'",
        edited(JSON, '"seed": 0,|"seed": 0', '"seed": 5'),
    ),
    (
        "record two_step --out run",
        "settings differ from those of scales_1_3_0.json",
        edited(JSON, '"reversal": 0.025', '"reversal": 0.1'),
    ),
    ("record two_step --out run", "scales_1_3_0.safetensors: no such network", lacks(WEIGHTS)),
    (
        "record two_step --out run",
        "not the weights that its JSON file describes",
        flipped(WEIGHTS, -1),
    ),
    (
        "record two_step --out run",
        "not the weights that its JSON file describes",
        truncated(WEIGHTS, 100),
    ),
    (
        "record two_step --out run",
        "weights is 'not finite'; it must be finite",
        weights(lambda own: {name: tensor * np.nan for name, tensor in own.items()}),
    ),
    (
        "record two_step --out run",
        "does not fit its settings",
        weights(lambda own: own | {"more": torch.zeros(5)}),
    ),
    (
        "record two_step --out run",
        "the training of 'scales_1_3' is not finished; run it again",
        holds(f"{DATA}/checkpoints/scales_1_3_0123456789ab.safetensors", "half a training"),
    ),
    (
        f"train two_step --out run {TINY} --training.discount .5",
        "training.discount 0.9 is there, not 0.5",
        lambda: None,
    ),
    (
        f"train two_step --out run {TINY}",
        "run/data/two_step/checkpoints: cannot be written",
        holds(f"{DATA}/checkpoints", "a file"),
    ),
    (
        "analyse two_step --out run --test-episodes 8",
        "no recording of these networks",
        lacks(TRIALS),
    ),
    ("analyse two_step --out run --test-episodes 8", "steps.parquet: no such table", lacks(STEPS)),
    (
        "analyse two_step --out run --test-episodes 8",
        "steps.parquet: not a readable table",
        truncated(STEPS, 999),
    ),
    (
        "analyse two_step --out run --test-episodes 8",
        "steps.parquet: changed since it was written",
        flipped(STEPS, -600),  # in the footer, beyond the data
    ),
    (
        "analyse two_step --out run --test-episodes 8",
        "steps.parquet: a steps table needs column 'rpe'",
        without(STEPS, "rpe"),
    ),
    (
        "analyse two_step --out run --test-episodes 8",
        "variations: network 1 of variant 'training' is missing (training_1.json); restore it",
        further,
    ),
    (
        "draw two_step --out run",
        "stay_probability.csv: no such table",
        lacks(f"{DATA}/results/stay_probability.csv"),
    ),
    (
        "draw two_step --out run",
        "lag_weights.csv: not a readable table",
        holds(f"{DATA}/results/lag_weights.csv", ""),
    ),
    (
        "claims --out run",
        "claims.csv: a claims table needs column 'claim'",
        edited(CLAIMS, "^claim,", "clam,"),
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny run."""
    top = tmp_path_factory.mktemp("world")
    (top / "suite" / "replications").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        cli.main(shlex.split(f"train two_step --out run {TINY} --variants scales_1_3"))
        cli.main(shlex.split("record two_step --out run --test-episodes 8"))
        cli.main(shlex.split("analyse two_step --out run --test-episodes 8"))
    return top


@pytest.fixture
def folder(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, made of links, as the working directory."""
    copy = tmp_path / "copy"
    shutil.copytree(world, copy, copy_function=os.link)
    monkeypatch.chdir(copy)
    return copy


def contents(folder: Path) -> dict[str, tuple[int, ...]]:
    """Identity, size and time of every file."""
    paths = [
        path for path in folder.rglob("*") if "__pycache__" not in path.parts and path.is_file()
    ]
    return {
        str(path): (path.stat().st_ino, path.stat().st_size, path.stat().st_mtime_ns)
        for path in paths
    }


def assert_one_line(command: str, words: str, folder: Path, capsys) -> None:
    """Run a command, which must fail in one line and leave every file as it is."""
    before = contents(folder)
    with pytest.raises(SystemExit) as stop:
        cli.main(shlex.split(command))
    line = stop.value.code
    if line == 2:  # tyro's own message
        line = "error: " + " ".join(capsys.readouterr().err.split())
    assert isinstance(line, str) and line.startswith("error: ") and "\n" not in line, line
    assert words in line
    assert contents(folder) == before


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row[0])
def test_bad_commands(row, folder, capsys):
    assert_one_line(*row, folder, capsys)


@pytest.mark.parametrize("row", FILES, ids=lambda row: f"{row[0]}: {row[1]}")
def test_bad_files(row, folder, capsys):
    command, words, spoil = row
    spoil()
    assert_one_line(command, words, folder, capsys)


def test_missing_figures_name_the_command(folder, capsys):
    shutil.rmtree("run/data/two_step/results")
    assert_one_line("draw two_step --out run", "no results; run prefrontal analyse", folder, capsys)
