"""A catalogue of bad inputs: each gives one line that names the thing and a non-zero exit, and nothing on disk changes.

A row is a command as typed after ``python -m``, the words that its line must contain, and what is wrong on disk, if anything
is. Commands run in a folder of their own with tiny networks in ``data`` and a copy of the committed results, figures and texts.
"""

from __future__ import annotations

import errno
import json
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import safe_open
from safetensors.torch import load_file, save

from prefrontal import experiments, load
from prefrontal.errors import UserError, run
from prefrontal.files import DATA, FIGURES, ROOT, atomic
from prefrontal.networks import load
from prefrontal.tables import schema, storage
from prefrontal.training import checkpoints, loop
from prefrontal.training.batch import NetworkBatch
from replications.two_step.train import Config

Spoil = Callable[[], None]
Row = tuple[str, str] | tuple[str, str, Spoil]

MAIN = experiments.module("two_step", "variants").MAIN
NETWORKS, RESULTS = "data/two_step/networks", "data/two_step/results"
JSON, WEIGHTS, CURVE = (f"{NETWORKS}/{MAIN}_0{ending}" for ending in (".json", ".safetensors", ".csv"))
TRIALS, STEPS = "data/two_step/trials.parquet", "data/two_step/steps.parquet"
SMALL = {"trials": 4, "units": 4, "episodes": 4, "unroll": 12}
QUICK = " ".join(f"--{name} {value}" for name, value in SMALL.items()) + " --seeds 2"


def holds(path: str, text: str | bytes) -> Spoil:
    """Say what a file holds instead."""

    def spoil() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)  # it may be a link
        Path(path).write_bytes(text.encode() if isinstance(text, str) else text)

    return spoil


def lacks(path: str) -> Spoil:
    """Take a file or folder away."""
    return lambda: shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()


def cut(path: str, keep: int) -> Spoil:
    """Keep the first bytes of a file only."""
    return lambda: holds(path, Path(path).read_bytes()[:keep])()


def flipped(path: str, place: int) -> Spoil:
    """Flip a bit of a file."""

    def spoil() -> None:
        content = bytearray(Path(path).read_bytes())
        content[place] ^= 1
        holds(path, bytes(content))()

    return spoil


def edited(path: str, old: str, new: str) -> Spoil:
    """Replace every occurrence of a pattern in a text file."""

    def spoil() -> None:
        text, count = re.subn(old, new, Path(path).read_text())
        assert count, f"{path} has no {old!r}"
        holds(path, text)()

    return spoil


def without(path: str, column: str) -> Spoil:
    """Take a column out of a table, and leave its provenance."""

    def spoil() -> None:
        frame = storage.read(Path(path)).drop(columns=column)
        if path.endswith(".csv"):
            holds(path, frame.to_csv(index=False))()
        else:
            storage.write(frame, Path(path), about=storage.read_provenance(Path(path)))

    return spoil


def copied(source: str, target: str) -> Spoil:
    """Put a copy of one file in place of another."""
    return lambda: holds(target, Path(source).read_bytes())()


def weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Spoil:
    """Change weights behind the back of their JSON file, which then tells no hash."""

    def spoil() -> None:
        with safe_open(WEIGHTS, "pt") as file:
            metadata = file.metadata()
        holds(WEIGHTS, save(change(load_file(WEIGHTS)), metadata))()
        about = json.loads(Path(JSON).read_text())
        holds(JSON, json.dumps({name: own for name, own in about.items() if name != "sha256"}))()

    return spoil


def checkpoint(change: Callable[[str], Spoil] | None = None) -> Spoil:
    """A checkpoint of just the training that is asked for, by other code, or spoilt."""

    def spoil() -> None:
        configs = [Config(**SMALL, seed=seed) for seed in range(2)]
        path = checkpoints.checkpoint_path(configs, MAIN, Path("data/two_step/checkpoints"))
        checkpoints.save_checkpoint(NetworkBatch(configs, compiled=False), {}, "other", path)
        if change is not None:
            change(str(path))()

    return spoil


def pictures(*colors: int) -> Spoil:
    """A folder of pictures, one of each colour."""

    def spoil() -> None:
        Path("pictures").mkdir()
        for k, color in enumerate(colors):
            Image.new("RGB", (40, 40), (color, 0, 0)).save(f"pictures/{k}.png")

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """Several things are wrong."""
    return lambda: [spoil() for spoil in spoils] and None


IMPOSSIBLE: list[Row] = [
    *((f"two_step.train {option} {QUICK}", words) for option, words in (
        ("--learning-rate=-0.001", "learning_rate is -0.001; it must be above 0, and finite"),
        ("--learning-rate 0", "learning_rate is 0.0; it must be above 0"),
        ("--learning-rate nan", "learning_rate is nan; it must be above 0"),
        ("--learning-rate inf", "learning_rate is inf; it must be above 0, and finite"),
        ("--seed=-1", "seed is -1; it must be between 0 and 4,294,967,295"),
        ("--seed 4294967296", "seed is 4294967296; it must be between 0 and"),
        ("--episodes-per-update 0", "episodes_per_update is 0; it must be a whole number, 1 or more"),
        ("--constant-rate 1.5", "lr_decay_start is 1.5; it must be between 0 and 1"),
        ("--encoder-rate=-1", "encoder_rate is -1.0; it must be 0 or more, and finite"),
        ("--discount 1.5", "discount is 1.5; it must be between 0 and 1"),
        ("--discount nan", "discount is nan; it must be between 0 and 1"),
        ("--value-cost inf", "value_cost is inf; it must be 0 or more, and finite"),
        ("--entropy-cost=-1", "entropy_cost is -1.0; it must be 0 or more"),
        ("--entropy-cost-end=-1", "entropy_cost_end is -1.0; it must be 0 or more and finite, or None"),
        ("--rms-decay 2", "rms_decay is 2.0; it must be between 0 and 1"),
        ("--rms-epsilon 0", "rms_epsilon is 0.0; it must be above 0"),
        ("--gradient-clip 0", "gradient_clip is 0.0; it must be above 0, or None"),
        ("--gradient-clip nan", "gradient_clip is nan; it must be above 0, or None"),
        ("--init-scale=-1", "init_scale is -1.0; it must be 0 or more"),
        ("--output-scale nan", "output_scale is nan; it must be 0 or more"),
        ("--reward-scale 0", "reward_scale is 0.0; it must be above 0"),
        ("--rpe-scale=-1", "rpe_scale is -1.0; it must be 0 or more"),
        ("--negative-rpe-scale inf", "negative_rpe_scale is inf; it must be 0 or more"),
        ("--rpe-noise nan", "rpe_noise is nan; it must be 0 or more"),
        ("--snapshots=-1", "snapshots is -1; it must be between 0 and 1,000"),
        ("--snapshots 4 --episode_reset 'immediate'", "snapshots is 4; it must be 0 where episodes episode_reset at once"),
        ("--snapshots 1000000000", "snapshots is 1000000000; it must be between 0 and 1,000"),
        ("--common 1.2", "common is 1.2; it must be between 0 and 1"),
        ("--rich=-0.1", "rich is -0.1; it must be between 0 and 1"),
        ("--reversal nan", "reversal is nan; it must be between 0 and 1"),
        ("--threads 0", "threads is 0; it must be at least 1 and at most"),
        ("--threads 100000", "threads is 100000; it must be at least 1 and at most"),
        ("--device toaster", "device is 'toaster'; it must be one of those found here: cpu"),
        ("--variant nothing", f"variant is 'nothing'; it must be one of {MAIN}, "),
        (f"--all --variant {MAIN}", f"variant is '{MAIN}'; it must be left out beside --all"),
        ("--lerning-rate 1e-3", "--lerning-rate"),
        ("--learning-rate fast", "--learning-rate"),
        ("--steps-per-trial 7", "--steps-per-trial"),
        ("--core transistor", "--core"),
        ("--sees-reward maybe", "maybe"),
        ("--network-input money", "--network-input"),
    )),
    ("two_step.train --seeds 0", "seeds is 0; it must be at least 1"),
    ("two_step.train --seeds=-2", "seeds is -2; it must be at least 1"),
    ("two_step.train --seeds 2.5", "--seeds"),
    ("two_step.train --trials 0", "trials is 0; it must be a whole number, 1 or more"),
    ("two_step.train --trials 2.5", "--trials"),
    ("two_step.train --units 0", "units is 0; it must be a whole number, 1 or more"),
    ("two_step.train --units many", "--units"),
    ("two_step.train --episodes=-1", "episodes is -1; it must be a whole number, 0 or more"),
    ("two_step.train --unroll 0", "unroll is 0; it must be a whole number, 1 or more"),
    ("bandit.train --trials 0", "trials is 0; it must be a whole number, 1 or more"),
    ("bandit.train --arms three", "--arms"),
    ("bandit.train --variant default", "variant is 'default'; it must be one of independent, correlated"),
    ("probability_matching.train --shortest 0", "shortest is 0; it must be a whole number, 1 or more"),
    ("probability_matching.train --longest 10", "longest is 10; it must be at least shortest, 50"),
    ("probability_matching.train --baseline-sum 1.5", "baseline_sum is 1.5; it must be between 0 and 1"),
    ("volatile_bandit.train --volatility 2", "volatility is 2.0; it must be between 0 and 1"),
    ("volatile_bandit.train --better-stable=-1", "better_stable is -1.0; it must be between 0 and 1"),
    ("volatile_bandit.train --better-volatile nan", "better_volatile is nan; it must be between 0 and 1"),
    ("volatile_bandit.train --log-hazard-high 1", "log_hazard_high is 1.0; it must be a log probability"),
    ("volatile_bandit.train --log-hazard-low 0", "log_hazard_high is -3.5; it must be a log probability, log_hazard_low or more"),
    ("volatile_bandit.train --magnitude-scale inf", "magnitude_scale is inf; it must be a finite number"),
    ("volatile_bandit.train --generator loose", "--generator"),
    ("inferred_value.train --blocks 0", "blocks is 0; it must be a whole number, 1 or more"),
    ("inferred_value.train --block-trials=-5", "block_trials is -5; it must be a whole number, 1 or more"),
    ("inferred_value.train --switch 1.1", "switch is 1.1; it must be between 0 and 1"),
    ("inferred_value.train --response late", "--response"),
    ("dopamine_manipulation.train --network-input reward", "network_input is 'reward'; it must be 'rpe'"),
    ("dopamine_manipulation.train --p-low 0.9", "p_high is 0.5; it must be above p_low"),
    ("dopamine_manipulation.train --reward-scale 2", "reward_scale is 2.0; it must be 1: manipulations"),
    ("dopamine_manipulation.train --forced-trials 3", "forced_trials is 3; it must be even, and 0 or more"),
    ("dopamine_manipulation.train --free-trials 0", "free_trials is 0; it must be a whole number, 1 or more"),
    ("dopamine_manipulation.train --risky-reward inf", "risky_reward is inf; it must be a finite number"),
    ("predictions.train --rpe-noise=-1", "rpe_noise is -1.0; it must be 0 or more"),
    ("harlow.train --view-size 10", "view_size is 10; it must be between 36 and 512"),
    ("harlow.train --view-size 100000", "view_size is 100000; it must be between 36 and 512"),
    ("harlow.train --repeat 0", "repeat is 0; it must be a whole number, 1 or more"),
    ("harlow.train --longest 0", "longest is 0; it must be a whole number, 1 or more"),
    ("harlow.train --test-episodes 0", "test_episodes is 0; it must be a whole number, 1 or more"),
    ("harlow.train --still-episodes=-1", "still_episodes is -1; it must be a whole number, 0 or more"),
    ("harlow.train --variant symbols --still-episodes 5", "still_episodes is 5; it must be 0 where the view is symbols"),
    ("harlow.train --variant symbols --images pictures", "images is 'pictures'; it must be '' where the view is symbols"),
    ("harlow.train --images nowhere", "nowhere: 0 pictures (.png, .jpg, .jpeg) found; at least 4 are needed"),
    ("harlow.train --images pictures", "pictures: 2 pictures", pictures(0, 60)),
    ("harlow.train --images pictures", "pictures: 3 pictures (.png, .jpg, .jpeg) found; at least 4", pictures(0, 60, 120)),
    ("harlow.train --images pictures", "pictures/3.png: looks the same as another picture", pictures(0, 60, 120, 60)),
    ("harlow.train --images pictures", "pictures/2.png: not a readable PNG or JPEG picture",
        both(pictures(0, 60, 120, 180), cut("pictures/2.png", 60))),
    ("harlow.train --images pictures", "pictures/1.png: not a readable PNG or JPEG picture",
        both(pictures(0, 60, 120, 180), holds("pictures/1.png", "no picture"))),
]  # fmt: skip

TOO_LARGE: list[Row] = [
    ("two_step.train --seeds 1000000000", "seeds 1,000,000,000, units 48,"),
    ("two_step.train --units 1000000", "units 1,000,000,"),
    ("two_step.train --core gru --units 1000000", "units 1,000,000,"),
    ("two_step.train --core tanh --units 1000000", "units 1,000,000,"),
    ("two_step.train --core attention --units 1000000", "units 1,000,000,"),
    ("two_step.train --core slots --units 1000000", "units 1,000,000,"),
    ("two_step.train --core feedforward --units 10000000000", "units 10,000,000,000,"),
    ("two_step.train --network-input rpe --units 1000000", "units 1,000,000,"),
    ("two_step.train --episodes-per-update 10000000000", "episodes_per_update 10,000,000,000,"),
    ("two_step.train --trials 1000000000 --unroll 1000000000", "unroll 1,000,000,000"),
    ("harlow.train --units 10000000", "units 10,000,000,"),
    ("harlow.train --episodes-per-update 1000000000", "episodes_per_update 1,000,000,000,"),
    ("prefrontal.sweep two_step --vary units=48,1000000", "units 1,000,000,"),
    ("prefrontal.sweep two_step --vary discount=0.5,0.9 --seeds 1000000000", "seeds 1,000,000,000,"),
]

NETWORK_FILES: list[Row] = [
    *((f"two_step.record --data {where}", f"{where}/two_step/networks: no trained network of variant '{MAIN}'; train it first")
        for where in ("nowhere", "data/two_step", "figures")),
    *(("two_step.record", f"{MAIN}_0.json: not the settings of a trained network", holds(JSON, text))
        for text in ("", "[]", "{}", "null", "7", "no json", b"\xff\xfe\x00", '{"variant": "default"}', '{"config": {}}')),
    ("two_step.record", f"{MAIN}_0.json: not the settings", cut(JSON, 300)),
    ("two_step.record", f"{MAIN}_0.json: not the settings", edited(JSON, r'"sha256": \{', '"sha256": 7, "more": {')),
    ("two_step.record", "_0.json: not the settings of such a network", edited(JSON, '"trials"', '"tirals"')),
    ("two_step.record", "reversal is 7; it must be between 0 and 1", edited(JSON, '"reversal": 0.025', '"reversal": 7')),
    ("two_step.record", "units is 'many'; it must be a whole number", edited(JSON, '"units": 4', '"units": "many"')),
    ("two_step.record", "units is 4.5; it must be a whole number", edited(JSON, '"units": 4', '"units": 4.5')),
    ("two_step.record", "learned_initial_state is 'no'; it must be True or False", edited(JSON, '(learned_initial_state": )true', r'\1"no"')),
    ("two_step.record", "core is 'transistor'; it must be one of 'lstm'", edited(JSON, '"lstm"', '"transistor"')),
    ("two_step.record", f"{MAIN}_0.json: network is '{MAIN}_5'; it must be {MAIN}_0", edited(JSON, '"seed": 0', '"seed": 5')),
    ("two_step.record", "_0.json: network is 'side_0'", edited(JSON, f'"variant": "{MAIN}"', '"variant": "side"')),
    ("two_step.record", "reversal is 0.025, but 0.1 in the other networks", edited(JSON, '"reversal": 0.025', '"reversal": 0.1')),
    ("two_step.record", "_0.safetensors: reversal is 0.025, but 0.1 in its JSON file",
        both(*(edited(JSON.replace("_0", f"_{k}"), '"reversal": 0.025', '"reversal": 0.1') for k in range(2)))),
    *(("two_step.record", f"{MAIN}_0.safetensors: not a readable network", cut(WEIGHTS, keep)) for keep in (0, 5, 100, 1000, -1)),
    ("two_step.record", f"{MAIN}_0.safetensors: not a readable network", holds(WEIGHTS, "a text file")),
    ("two_step.record", f"{MAIN}_0.safetensors: not a readable network", holds(WEIGHTS, save({"weight": torch.zeros(3)}))),
    ("two_step.record", f"{MAIN}_0.safetensors: seed is 1, but 0", copied(WEIGHTS.replace("_0", "_1"), WEIGHTS)),
    ("two_step.record", "invalid_response is 'repeat', but 'abort'", copied(f"{NETWORKS}/repeat_0.safetensors", WEIGHTS)),
    ("two_step.record", "_0.safetensors: not the weights that its JSON file tells of", flipped(WEIGHTS, -1)),
    ("two_step.record", "_0.safetensors: weights is 'not finite'; it must be finite",
        weights(lambda own: {name: tensor * np.nan for name, tensor in own.items()})),
    ("two_step.record", "'policy_bias': (5,)", weights(lambda own: own | {"policy_bias": torch.zeros(5)})),
    ("two_step.record", "does not fit its settings", weights(lambda own: own | {"more": torch.zeros(5)})),
    ("two_step.record", "the training of 'side' is not finished; run it again, or delete this file",
        holds("data/two_step/checkpoints/side_0123456789ab.safetensors", "half a training")),
    ("two_step.record", f"no trained network of variant '{MAIN}'; train it first",
        both(*(lacks(f"{NETWORKS}/{MAIN}_{k}.json") for k in range(2)))),
    ("two_step.record", f"no trained network of variant '{MAIN}'; train it first",
        both(*(lacks(f"{NETWORKS}/{MAIN}_{k}.safetensors") for k in range(2)))),
    ("bandit.record", "/networks: no trained network of variant 'independent'"),
    ("bandit.record", "_0.json: not the settings of such a network",
        both(*(edited(f"{NETWORKS}/{MAIN}_{k}.json", f'"variant": "{MAIN}"', '"variant": "independent"') for k in range(2)),
            *(lambda k=k, ending=ending: Path(f"{NETWORKS}/{MAIN}_{k}.{ending}").rename(f"{NETWORKS}/independent_{k}.{ending}")
                for k in range(2) for ending in ("json", "safetensors")),
            lambda: (Path("data/bandit/networks").parent.mkdir(exist_ok=True), Path(NETWORKS).rename("data/bandit/networks")))),
    ("two_step.record", f"no trained network of variant '{MAIN}'; train it first, or take 2_steps or default_rpe or",
        both(*(lacks(f"{NETWORKS}/{MAIN}_{k}.json") for k in range(2)))),
    ("two_step.record --episodes 0", "episodes is 0; it must be at least 1"),
    ("two_step.record --episodes=-3", "episodes is -3; it must be at least 1"),
    ("two_step.record --episodes many", "--episodes"),
    ("two_step.record --episodes 1.5", "--episodes"),
    (f"two_step.train {QUICK} --episodes 3", f"{MAIN}_0.json: a network with episodes 4 is there, not 3; write elsewhere"),
    (f"two_step.train {QUICK} --discount 0.5", "a network with discount 0.9 is there, not 0.5"),
    (f"two_step.train --all {QUICK} --core gru", "a network with core 'lstm' is there, not 'gru'; write elsewhere"),
    (f"two_step.train {QUICK}", "_0.json: not the settings of a trained network", holds(JSON, "[]")),
    (f"two_step.train {QUICK}", "not a readable checkpoint", checkpoint(lambda path: holds(path, "a text file"))),
    (f"two_step.train {QUICK}", "not a readable checkpoint", checkpoint(lambda path: cut(path, 500))),
    (f"two_step.train {QUICK}", "not a readable checkpoint (checksum differs)", checkpoint(lambda path: flipped(path, -1))),
    (f"two_step.train {QUICK}", "this training was begun with other code; bring that back, or delete", checkpoint()),
    (f"two_step.train {QUICK} --data file", "file/two_step/checkpoints: cannot be written (Not a d", holds("file", "first")),
]  # fmt: skip

ANALYSES: list[Row] = [
    ("two_step.analysis --data nowhere", "trials.parquet: no such table; run the step that writes it first"),
    ("two_step.analysis", "trials.parquet: no such table", lacks(TRIALS)),
    ("two_step.analysis", "steps.parquet: no such table", lacks(STEPS)),
    *(("two_step.analysis", f"{Path(path).name}: not a readable table", cut(path, keep))
        for path in (TRIALS, STEPS) for keep in (0, 999)),
    ("two_step.analysis", "trials.parquet: not a readable table", holds(TRIALS, "seed,choice\n0,1\n")),
    *(("two_step.analysis", f"trials.parquet: a trials table needs column {name!r}", without(TRIALS, name))
        for name in schema.COLUMNS["trials"]),
    *(("two_step.analysis", f"steps.parquet: a steps table needs column {name!r}", without(STEPS, name))
        for name in schema.COLUMNS["steps"]),
    ("two_step.analysis", "recorded tables lack 'transition'; run the recording again", without(TRIALS, "transition")),
    ("two_step.analysis", "needs column 'outcome_state'", without(TRIALS, "outcome_state")),
    ("two_step.analysis", "steps.parquet: not of the same recording as trials.parquet; run the recording again",
        lambda: storage.write(storage.read(Path(STEPS)), Path(STEPS), about={"mark": "another"})),
    ("two_step.analysis", "networks: trained anew since trials.parquet was recorded; run the recording again",
        edited(JSON, r'safetensors": "[0-9a-f]{8}', 'safetensors": "00000000')),
    ("two_step.analysis --episodes 3", "--episodes"),
    *((f"{name}.figure --data nowhere", f"nowhere/{name}/results/" if name != "rpe_input" else "nowhere/bandit/results/")
        for name in experiments.names("figure")),
    ("two_step.figure", "fig5c.csv: not a readable table", holds(f"{RESULTS}/fig5c.csv", "")),
    ("rpe_input.figure", "tables lack 'value'; run the analysis again", without(f"{RESULTS}/measures.csv", "value")),
    ("two_step.figure --figures file", "file: cannot be written", holds("file", "first")),
]  # fmt: skip


TEXTS: list[Row] = [
    ("prefrontal.claims --data nowhere", "nowhere: no claims (<experiment>/results/claims.csv); run make figures first"),
    *(("prefrontal.claims", f"claims.csv: a claims table needs column {name!r}", without(f"{RESULTS}/claims.csv", name))
        for name in schema.COLUMNS["claims"]),
    ("prefrontal.claims", "claims.csv: not a readable table", holds(f"{RESULTS}/claims.csv", "")),
    ("prefrontal.claims", "claims.csv: not a readable table", holds(f"{RESULTS}/claims.csv", b"\x00\xff\xfe")),
    ("prefrontal.claims", "claims.csv: not a readable table (more fields than column names)",
        edited(f"{RESULTS}/claims.csv", r"(?m)^(twostep.*)$", r"1,\1")),
    ("prefrontal.claims", "column 'reproduced' of a claims table holds something else than numbers",
        lambda: holds(f"{RESULTS}/claims.csv", storage.read(Path(f"{RESULTS}/claims.csv")).assign(reproduced="much").to_csv())()),
    ("prefrontal.readme --data nowhere", "no claims"),
    ("prefrontal.readme --root nowhere two_step", "experiment is 'two_step'"),
    ("prefrontal.readme three_step", "experiment is 'three_step'; it must be bandit or"),
    ("prefrontal.readme two_step", "README.md: a table begins", edited("replications/two_step/README.md", "<!-- end -->", "")),
    ("prefrontal.readme two_step", "two_step/README.md: data/two_step/results/none.csv: no such table",
        edited("replications/two_step/README.md", "results/reward.csv", "results/none.csv")),
    ("prefrontal.readme two_step", "two_step/README.md: no column 'speed'; there are",
        edited("replications/two_step/README.md", "reward.csv by variant", "reward.csv by speed")),
    ("prefrontal.readme rpe_input", "rpe_input/README.md: claims tea-time: no such claims in data",
        edited("replications/rpe_input/README.md", "claims rpe-input", "claims tea-time")),
    ("prefrontal.readme two_step", "no such claims in data; run the analysis first", lacks(f"{RESULTS}/claims.csv")),
    ("prefrontal.cite fig99", "no figure 'fig99'; there are fig1, fig1_supplement, fig2"),
    ("prefrontal.cite --experiment three_step", "experiment is 'three_step'; it must be bandit or"),
    ("prefrontal.cite --figures nowhere", "nowhere: no figures; run make figures first"),
    ("prefrontal.cite --data nowhere", "no claims"),
    ("prefrontal.cite --root nowhere", "nowhere"),
    ("prefrontal.cite", "CITATION.cff", lacks("CITATION.cff")),
    ("prefrontal.cite", "CITATION.cff: not readable as YAML", holds("CITATION.cff", "title: [a\nb: }")),
    ("prefrontal.cite", "CITATION.cff: not readable as YAML", holds("CITATION.cff", b"\xff\xfe")),
    *(("prefrontal.cite", "CITATION.cff: not in the Citation File Format", holds("CITATION.cff", text))
        for text in ("", "- a\n- b\n", "title: x\n", "references: []\n", "references: 7\n")),
    *(("prefrontal.cite", "CITATION.cff: not in the Citation File Format", edited("CITATION.cff", rf"\b{name}:", f"no-{name}:"))
        for name in ("references", "authors", "year", "date-released", "family-names")),
    *(("prefrontal.cite", f"CITATION.cff: prefrontal has no {name}", edited("CITATION.cff", rf"(?m)^{name}:", f"no-{name}:"))
        for name in ("title", "type")),
    ("prefrontal.cite", "two_step/captions.md: no such file", lacks("replications/two_step/captions.md")),
    ("prefrontal.cite", "fig5 has no caption", edited("replications/two_step/captions.md", "## fig5\n", "## fig55\n")),
    ("prefrontal.cite fig5", "captions.md, fig5: @nobody1900 is not in CITATION.cff",
        edited("replications/two_step/captions.md", r"## fig5\n", "## fig5\n[@nobody1900]")),
    *(("prefrontal.cite fig5", f"captions.md, fig5: {{{braces}}}: {why}",
        edited("replications/two_step/captions.md", r"## fig5\n", f"## fig5\n{{{braces}}}")) for braces, why in (
        ("tea-time", "no claim 'tea-time'; there are"),
        ("twostep-lags", "twostep-lags has no single measure"),
        ("twostep-lags: rare", "twostep-lags has no single measure 'rare'"),
        ("none.csv: share", "none.csv"),
        ("reward.csv: shares", "reward.csv"),
        ("reward.csv: share where @pd.io", "reward.csv: '@pd.io' is not of the form"),
        ("reward.csv: share where speed == 1", "reward.csv: no column 'speed'"),
    )),
    ("prefrontal.cite", "manifest.json: not readable as JSON", holds(f"{RESULTS}/manifest.json", "{")),
    ("prefrontal.cite", "manifest.json: content is []", holds(f"{RESULTS}/manifest.json", "[]")),
    *(("prefrontal.cite", "fig5.png: not a readable figure", own)
        for own in (cut("figures/fig5.png", 0), cut("figures/fig5.png", 1_500), holds("figures/fig5.png", "no figure"))),
    ("prefrontal.report --data nowhere", "no claims"),
    ("prefrontal.report", "README.md: No such file or directory", lacks("README.md")),
    ("prefrontal.report", "replications/two_step/README.md: No such file", lacks("replications/two_step/README.md")),
    ("prefrontal.report", "two_step/README.md must begin with a heading", holds("replications/two_step/README.md", "no heading")),
    ("prefrontal.report", "figures/fig5.png: not drawn yet; run make figures first", lacks("figures/fig5.png")),
    ("prefrontal.report", "fig5.png: not a readable figure", cut("figures/fig5.png", 1_500)),
    ("prefrontal.report", "_0.json: not the settings of a trained network", holds(JSON, "{}")),
    ("prefrontal.report", "not the settings of a trained network (KeyError: 'commit')", edited(JSON, '"commit"', '"comit"')),
    ("prefrontal.report", f"{MAIN}_0.csv: no such table", lacks(CURVE)),
    ("prefrontal.report", f"{MAIN}_0.csv: a learning_curve table needs column 'reward'", without(CURVE, "reward")),
]  # fmt: skip

COMMANDS: list[Row] = [
    *((f"prefrontal.sweep {arguments}", words) for arguments, words in (
        ("--vary a=1", "experiment is '--vary'; it must be bandit or"),
        ("three_step --vary a=1", "experiment is 'three_step'; it must be bandit or"),
        ("multiverse --vary a=1", "experiment is 'multiverse'; it must be bandit or"),
        ("two_step", "vary"),
        ("two_step --vary", "vary is 'empty'; it must be one or more of setting=value,value"),
        ("two_step --vary speed=1,2", "write setting=value,value with a setting among seed"),
        ("two_step --vary learning_rate", "write setting=value,value"),
        ("two_step --vary learning_rate=", "write setting=value,value"),
        ("two_step --vary learning_rate=fast", "could not convert string to float: 'fast'; learning_rate is of type float"),
        ("two_step --vary learning_rate=1e-3,", "learning_rate is of type float"),
        ("two_step --vary trials=2.5", "trials is of type int"),
        ("two_step --vary learned_initial_state=perhaps", "'perhaps' is not true or false"),
        ("two_step --vary learning_rate=0", "learning_rate is 0.0; it must be above 0"),
        ("two_step --vary core=lstm,transistor", "core is 'transistor'; it must be one of 'lstm'"),
        ("two_step --vary seed=0,1 --seeds 2", "vary is 'seed=0,1'; it must be combinations that all differ, with 2 seeds each"),
        ("two_step --vary seed=0,0", "vary is 'seed=0,0'; it must be combinations that all differ"),
        ("two_step --vary discount=.5,0.5", "combinations that all differ"),
        ("two_step --vary discount=.5 --points 0", "points is 0; it must be at least 1"),
        ("two_step --vary discount=.5 --seeds 0", "seeds is 0; it must be at least 1"),
        ("two_step --vary discount=.5 --threads 99999", "threads is 99999; it must be at least 1 and at most"),
        ("two_step --vary discount=.5 --variant none", "variant is 'none'; it must be one of"),
        ("two_step --vary discount=.5 --name ../networks/x", "name is '../networks/x'; it must be letters, digits"),
        ("two_step --vary discount=.5 --name /tmp/x", "name is '/tmp/x'; it must be letters, digits"),
        ("two_step --vary discount=.5 --name ''", "name is ''; it must be letters, digits"),
        (f"two_step --vary discount=.5 --name {MAIN}", f"name is '{MAIN}'; it must be letters, digits"),
    )),
    *((f"prefrontal.new {name} --root .", f"NAME is {name!r}; it must be lower-case letters, digits and underscores")
        for name in ("my-task", "My_Task", "2_step", "class", "../x", "/tmp/x", "a.b")),
    ("prefrontal.new --root .", "NAME is ''; it must be lower-case letters"),
    ("prefrontal.new two_step --root .", "replications/two_step exists; choose another name"),
    *((f"prefrontal.new {name} --root .", f"NAME is {name!r}; it must be none of make's commands")
        for name in ("figures", "test", "report", "faults")),
    ("prefrontal.verify three_step", "experiment is 'three_step'; it must be bandit or"),
    ("prefrontal.verify two_step --folder .", "folder is '.'; it must be one of its own"),
    ("prefrontal.verify two_step --folder data", "folder is 'data'; it must be one of its own"),
    ("prefrontal.verify two_step --folder figures", "folder is 'figures'; it must be one of its own"),
    ("prefrontal.verify two_step --folder new --data new/data --figures new/figures", "folder is 'new'; it must be one"),
]  # fmt: skip

ROWS = [*IMPOSSIBLE, *TOO_LARGE, *NETWORK_FILES, *ANALYSES, *TEXTS, *COMMANDS]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny networks and their recording, and a copy of what is committed."""
    top = tmp_path_factory.mktemp("world")
    for name in ("README.md", "CITATION.cff", "Makefile"):
        shutil.copy(ROOT / name, top)
    shutil.copytree(ROOT / "replications", top / "replications", ignore=shutil.ignore_patterns("__pycache__"))
    (top / "figures").mkdir()
    for path in FIGURES.glob("fig*.png"):
        with Image.open(path) as image:  # which reads no pixel
            about = PngInfo()
            about.add_text("Description", image.info["Description"])
        Image.effect_noise((40, 40), 60).save(top / "figures" / path.name, pnginfo=about)
    shutil.copytree(
        DATA, top / "data", ignore=shutil.ignore_patterns("networks", "snapshots", "variations", "*.parquet", "checkpoints")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        loop.train_experiment("two_step", [*QUICK.split(), "--all", "--data", "data"])
        load.record_experiment("two_step", Path("data"), 2)
    return top


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be trained or played."""
    monkeypatch.setattr(NetworkBatch, "update", lambda self: pytest.fail("trained"))
    monkeypatch.setattr(recording, "play", lambda *arguments: pytest.fail("played"))


@pytest.fixture
def whole(world: Path, frozen: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder itself as the working directory, for tests that leave it as it is."""
    monkeypatch.chdir(world)
    return world


@pytest.fixture
def spoilt(world: Path, tmp_path: Path, frozen: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, which a test may spoil, as the working directory."""
    names = ("README.md", "CITATION.cff", "Makefile", "replications", "figures", "data")
    copy = tmp_path / "spoilt"
    shutil.copytree(world, copy, copy_function=os.link)
    monkeypatch.chdir(copy)
    assert {path.name for path in copy.iterdir()} == set(names)
    return copy


def contents(folder: Path) -> dict[str, tuple[int, ...]]:
    """What tells whether a file was touched."""
    found = (os.path.join(top, name) for top, folders, files in os.walk(folder) for name in (*folders, *files))
    stats = {path: os.lstat(path) for path in found if not path.endswith("__pycache__")}
    return {path: (own.st_ino, own.st_size, own.st_mtime_ns) for path, own in stats.items()}


def run_as_typed(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command line in this process."""
    module, *arguments = shlex.split(command)
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    runpy.run_module(
        module if module.startswith("prefrontal.") else f"replications.{module}", run_name="__main__", alter_sys=True
    )


def refuses(command: str, words: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Expect that a command fails in one line that holds these words, and leaves the folder as it is."""
    if "--data" not in command and "prefrontal.new" not in command:
        command += " --data data"
    if command.split()[0] in ("prefrontal.readme", "prefrontal.cite", "prefrontal.report") and "--root" not in command:
        command += " --root ."
    if command.split()[0] in ("prefrontal.cite", "prefrontal.report") and "--figures" not in command:
        command += " --figures figures"
    before = contents(folder)
    with pytest.raises(SystemExit) as stop:
        run_as_typed(command, monkeypatch)
    line = stop.value.code
    if line == 2:  # tyro's own refusal of words that it does not know
        line = "error: " + " ".join(capsys.readouterr().err.split())
    assert isinstance(line, str) and line.startswith("error: ") and "\n" not in line, line
    assert words in line
    assert contents(folder) == before


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 2], ids=lambda row: row[0])
def test_one_line_names_what_is_wrong_in_a_command_and_nothing_changes(row: Row, whole, monkeypatch, capsys):
    refuses(row[0], row[1], whole, monkeypatch, capsys)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 3], ids=lambda row: row[0])
def test_one_line_names_what_is_wrong_on_disk_and_nothing_changes(row: Row, spoilt, monkeypatch, capsys):
    command, words, spoil = row
    spoil()
    refuses(command, words, spoilt, monkeypatch, capsys)


def test_the_catalogue_is_long():
    assert len(ROWS) >= 200


def file_of(part: str) -> str:
    return str(ROOT / "replications" / "two_step" / f"{part}.py")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_networks_are_loaded_from_their_folder_or_named(spoilt):
    assert load("two_step", data=Path("data")).seeds == [0, 1]
    with pytest.raises(UserError, match="experiment is 'tow_step'; it must be bandit or"):
        load("tow_step", data=Path("data"))
    with pytest.raises(UserError, match="no trained network of variant 'none'"):
        load("two_step", "none", Path("data"))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_tables_are_refused_by_name(tmp_path, ending):
    path = tmp_path / f"trials{ending}"
    frame = pd.DataFrame({"seed": [0], "variant": ["default"], "episode": [0], "trial": [0], "choice": [1], "reward": [1.0]})
    with pytest.raises(UserError, match=r"trials\.\w+: no such table"):
        storage.read(path, "trials")
    storage.write(frame, path, "trials")
    pd.testing.assert_frame_equal(storage.read(path, "trials"), frame, check_dtype=False)
    whole = path.read_bytes()
    with pytest.raises(UserError, match=r"trials\.\w+: a trials table needs column 'choice'"):
        storage.write(frame.drop(columns="choice"), path, "trials")
    with pytest.raises(UserError, match=r"column 'choice' of a trials table holds something else than numbers"):
        storage.write(frame.assign(choice="left"), path, "trials")
    assert path.read_bytes() == whole
    storage.write(frame.drop(columns="reward"), path)
    with pytest.raises(UserError, match=r"trials\.\w+: a trials table needs column 'reward'"):
        storage.read(path, "trials")
    path.write_bytes(whole[: len(whole) // 2] if ending == ".parquet" else b"")
    with pytest.raises(UserError, match=r"trials\.\w+: not a readable table"):
        storage.read(path, "trials")


def test_full_disk_keeps_the_previous_version(tmp_path):
    path = tmp_path / "table.csv"
    frame = pd.DataFrame({"a": range(3)})
    storage.write(frame, path)
    whole = bytes_of(tmp_path)
    with pytest.raises(UserError, match=r"table\.csv: cannot be written \(No space left on device\)"), atomic(path) as temporary:
        temporary.write_text("half a li")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(UserError, match=r"table\.csv: cannot be written"), atomic(path), open("/dev/full", "w") as full:
        full.write("x" * 100_000)
    assert bytes_of(tmp_path) == whole


FULL_DISK = """
import resource, sys
from prefrontal import train
train.CHECKPOINT_SECONDS = 0 if sys.argv[1] == "checkpoint" else 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
train.main(sys.argv[3], sys.argv[4:])
"""


@pytest.mark.parametrize(
    ("at", "limit", "more", "words"),
    [
        ("checkpoint", 4_000, "", "checkpoints/{MAIN}_"),
        ("networks", 600, "--no-half-precision", "{MAIN}_"),
        pytest.param(
            "compiling",
            2_000,
            "--compile True",
            "cannot be written (File too large); name another folder in TORCHINDUCTOR_CACHE_DIR",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_files_that_cannot_grow_are_named_and_the_old_ones_kept(spoilt, tmp_path, at, limit, more, words):
    """Real failing writes, by the largest file size that the system allows."""
    before = bytes_of(Path(NETWORKS))
    asked = [*QUICK.split(), "--learning-rate", "1e-3", "--replace", *more.split(), "--data", str(spoilt / "data")]
    command = [sys.executable, "-W", "ignore", "-c", FULL_DISK, at, str(limit), file_of("train"), *asked]
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and words.format(MAIN=MAIN) in last and "cannot be written" in last, done.stderr
    assert "Traceback" not in done.stderr
    after = bytes_of(Path(NETWORKS))
    assert after == before, "no half-written file is left"


def test_error_is_one_line_on_stderr_and_exit_code_1(tmp_path):
    command = [sys.executable, "-m", "replications.bandit.train", "--learning-rate=-1", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: learning_rate is -1.0; it must be above 0, and finite\n"
    assert not done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_and_termination_say_how_to_go_on(number):
    before, at_interruption = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background without it
    with pytest.raises(SystemExit, match=r"interrupted; .* training resumes with the same command"):
        run(lambda: signal.raise_signal(number))
    assert signal.getsignal(signal.SIGTERM) == before
    signal.signal(signal.SIGINT, at_interruption)


def test_half_written_files_of_killed_runs_are_no_results_and_go_with_the_next_run(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    path = tmp_path / "default_0.json"
    with atomic(path) as temporary:
        left = temporary.with_name(temporary.name.replace(f".{os.getpid()}.", f".{killed.pid}."))
        elsewhere = temporary.with_name(f".{path.name}.another.machine.{killed.pid}.part")
        for part in (left, elsewhere, temporary):
            part.write_text("half")
        assert not [*tmp_path.glob("*.json"), *tmp_path.glob("*.safetensors")]
        with atomic(tmp_path / "other.csv") as other:
            other.touch()
        assert not left.exists() and elsewhere.exists() and temporary.exists()
    assert path.read_text() == "half"


WRITER = """
import sys, time
from pathlib import Path
import pandas as pd
from prefrontal import tables
for k in range(20):
    tables.write(pd.DataFrame({"a": [k]}), Path(sys.argv[1]) / f"{sys.argv[2]}_{k}.csv", about={"k": k})
"""


def test_two_writers_at_once_lose_no_entry_of_the_manifest(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert set(storage.manifest(tmp_path)) == {f"{name}_{k}.csv" for name in "ab" for k in range(20)}


@pytest.mark.parametrize("asked", ["PYTHON=", "PYTHON= figures", "PYTHON=' ' train"])
def test_make_without_python_does_nothing(asked):
    """An option would follow "-", which tells make to ignore errors."""
    done = subprocess.run(f"make -n {asked}", shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "PYTHON is empty; leave it out, or name a Python" in done.stderr
