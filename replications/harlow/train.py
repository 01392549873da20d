"""Train networks on Harlow's learning sets, from pixels or symbols (Wang et al. 2018, simulation 5).

python -m replications.harlow.train --help

Per network: weights (<condition>_<seed>.safetensors), settings and versions (.json), learning curve with the accuracy on
held-out images (.csv), and the final test (_test.csv).
"""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from prefrontal import tables, training
from prefrontal.errors import UserError, require, run
from prefrontal.paths import DATA, atomic, prepare_folder
from prefrontal.recording import play
from prefrontal.task import NoiseStream
from replications.harlow.images import VIEW_PIXELS, image_bank, image_codes, read_folder
from replications.harlow.learning import Learner
from replications.harlow.network import HarlowAgent, HarlowNetwork, normalise
from replications.harlow.task import CHOICE, CODE_LENGTH, FIXATION_REWARD, HarlowTask

CURVE_POINTS = 60
"""Rows of a learning curve."""

CHECKPOINT_SECONDS = 60

NOT_OFFERED = (
    "init_scale",
    "output_scale",
    "reward_scale",
    "network_input",
    "rpe_scale",
    "negative_rpe_scale",
    "rpe_noise",
    "snapshots",
)
"""Settings of the other experiments that networks with an encoder do not have."""

TESTS = ("held out", "photographs", "new wrong image")
"""Final tests: held-out images, those of another kind (pixels only), and the paper's control on held-out images."""


@dataclass(frozen=True)
class Config(training.Config):
    """Settings of the Harlow networks (Methods, simulation 5; deviations are in the README)."""

    view: Literal["pixels", "symbols"] = "pixels"
    """What the network sees: a view in pixels, or where it looks and a vector per image in view."""
    view_size: int = VIEW_PIXELS
    """Pixels along each side of the view (Methods: 84)."""
    repeat: int = 4
    """Steps that an action is repeated (Methods: 4)."""
    trials: int = 6
    """Trials per episode (Methods: 6)."""
    longest: int = 3600
    """Steps of the longest episode (Methods: 3,600)."""
    new_wrong_image: bool = False
    """Every trial has a new unrewarded image (the paper's control; whether for training too is not stated)."""
    still_episodes: int = 0
    """So many episodes come first in which the view stays on the middle of the screen while images are shown (paper: none)."""
    images: str = ""
    """Folder of pictures to use in place of the drawn ones; every other one is held out."""
    normalised: bool = True
    """Scale the encoder's initial weights by typical views (not stated; README, "Deviations and choices")."""
    half_precision: bool = True
    """Encode views in bfloat16, about twice as fast (not stated)."""
    episodes: int = 300_000
    """Training episodes (paper: about 100,000 per thread, 32 threads)."""
    episodes_per_update: int = 64
    """Episodes played side by side (paper: 32 asynchronous threads of one)."""
    unroll: int = 25
    """Actions per unroll (paper: 100; README, "Deviations and choices")."""
    units: int = 256
    """LSTM units and features of the encoder (Methods: 256)."""
    learning_rate: float = 1.5e-3
    """RMSProp learning rate (paper: 7.5e-4; README, "Deviations and choices")."""
    constant_rate: float = 0.5
    """Share of training after which the learning rate falls linearly to zero (not stated; Mnih et al. 2016 anneal throughout)."""
    encoder_rate: float = 0.3
    """Learning rate of the encoder as a share of the rest's; 0 leaves it as it starts (README, "Deviations and choices")."""
    discount: float = 0.91
    """Discount factor per action (Methods: 0.91)."""
    value_cost: float = 0.4
    """Weight beta_v of the value gradient (Methods: 0.4)."""
    entropy_cost: float = 0.03
    """Weight beta_e at the start of training (Methods: 0.001; README, "Deviations and choices")."""
    entropy_cost_end: float | None = 0.01
    """Weight beta_e at the end of training, approached linearly (Methods: 0.001 throughout)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.still_episodes >= 0, "still_episodes", self.still_episodes, "0 or more")
        for name in ("repeat", "trials", "longest"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        require(0 <= self.constant_rate <= 1, "constant_rate", self.constant_rate, "a share between 0 and 1")
        require(0 <= self.encoder_rate < np.inf, "encoder_rate", self.encoder_rate, "0 or more, and finite")
        require(self.view_size >= 36, "view_size", self.view_size, "at least 36, for the encoder's filters")
        offered = {entry.name: entry.default for entry in dataclasses.fields(training.Config)}
        for name in NOT_OFFERED:
            require(getattr(self, name) == offered[name], name, getattr(self, name), f"{offered[name]!r} in this experiment")

    @property
    def condition(self) -> str:
        """What the network sees, whether an easier version came first, and whether it was trained on the paper's control."""
        first = "_still_first" if self.still_episodes else ""
        return self.view + first + ("_new_wrong_image" if self.new_wrong_image else "")

    def task(
        self,
        images: str = "training",
        new_wrong_image: bool | None = None,
        device: str = "cpu",
        pixels: torch.dtype = torch.uint8,
        still_view: bool = False,
    ) -> HarlowTask:
        """Build the task with a set of images: "training", "held out" or "photographs".

        ``new_wrong_image`` is as in training unless given; ``pixels`` is the type of a view's values.
        """
        bank = codes = None
        if self.view == "symbols":
            codes = image_codes(images, CODE_LENGTH)
        elif self.images and images != "photographs":
            pictures = read_folder(Path(self.images), self.view_size)
            bank = pictures[::2] if images == "training" else pictures[1::2]
        else:
            bank = image_bank(images, self.view_size)
        return HarlowTask(
            images=bank,
            codes=codes,
            view_size=self.view_size,
            repeat=self.repeat,
            trials=self.trials,
            longest=self.longest,
            new_wrong_image=self.new_wrong_image if new_wrong_image is None else new_wrong_image,
            still_view=still_view,
            pixels=pixels,
            device=device,
        )

    @property
    def precision(self) -> torch.dtype:
        """Type that views are encoded in."""
        return torch.bfloat16 if self.half_precision else torch.float32

    def network(self) -> HarlowNetwork:
        """Build a network of these sizes."""
        pixels = self.view == "pixels"
        return HarlowNetwork(self.view_size if pixels else None, 0 if pixels else 4 + 2 * CODE_LENGTH, self.units)

    def initial_network(self) -> HarlowNetwork:
        """Build a network as it is before training."""
        network = self.network()
        if network.encoder is not None and self.normalised:
            normalise(network.encoder, typical_views(self.task(pixels=self.precision)))
        return network

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of fixating and choosing by coin toss, and of the best strategy, which knows after one trial."""
        fixation = FIXATION_REWARD * self.trials
        return fixation, fixation + self.trials - 1


PIXELS: dict[str, Any] = {"view_size": 42}
"""What a processor without accelerator can train (README, "Deviations and choices")."""

STILL_FIRST: dict[str, Any] = PIXELS | {"still_episodes": 40_000, "episodes": 100_000}
"""A third as long, with an easier version first."""

CONTROL: dict[str, Any] = PIXELS | {"new_wrong_image": True}
"""The paper's control."""

SYMBOLS: dict[str, Any] = {"view": "symbols", "episodes": 80_000}
"""The learning problem without that of seeing."""

VARIANTS: tuple[dict[str, Any], ...] = (PIXELS, CONTROL, STILL_FIRST, SYMBOLS)
"""Networks that see pixels, the paper's control, those with an easier version first, and networks that see symbols."""


def typical_views(task: HarlowTask, count: int = 1024) -> torch.Tensor:
    """Views of two images, or in one of twelve the cross, from within 20 degrees of the middle of the screen."""
    state, _ = task.begin(torch.rand(1, count, task.begin_noise))
    state["period"] = torch.randint(0, 3, (1, count)).clamp(max=CHOICE)
    state["period"][0, : count * 3 // 4] = CHOICE
    state["heading"] = 40 * torch.rand(1, count) - 20
    return task.render(state)[0].float()


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what to train."""

    seeds: int = 8
    """Number of networks, seeded ``seed``, ``seed`` + 1, ... (paper: 50)."""
    all: bool = False
    """Train every variant that the experiment's figure needs, one after the other."""
    test_episodes: int = 1000
    """Episodes of each final test, and five times those of a point of the learning curve."""
    data: Path = DATA
    """Data folder."""
    device: str = "cpu"
    """cpu or cuda."""
    threads: int = 1
    """CPU threads."""


@torch.no_grad()
def accuracy(network: HarlowNetwork, task: HarlowTask, seed: int, episodes: int, purpose: str) -> pd.DataFrame:
    """Play test episodes with frozen weights.

    Returns
    -------
    DataFrame
        By trial (from 0) and ``first`` ("right" or "wrong": the outcome of the episode's first trial): ``n`` completed trials
        and how many of them were ``correct``.
    """
    right = np.full((episodes, task.trials), np.nan)
    for step in play(HarlowAgent([network]), task, NoiseStream([seed], purpose), episodes):
        ended = ((step.after["trial"] > step.state["trial"]) & ~step.state["over"])[0].numpy()
        trial = step.state["trial"][0].numpy()
        correct = (step.after["choice"] == step.after["rewarded_side"])[0].numpy()
        right[ended, trial[ended]] = correct[ended]
    frame = pd.DataFrame(right).assign(first=np.where(right[:, 0] == 1, "right", "wrong"))
    long = frame.melt("first", var_name="trial", value_name="correct").dropna()
    counts = long.groupby(["trial", "first"], as_index=False)["correct"].agg(["sum", "count"])
    return counts.rename(columns={"sum": "correct", "count": "n"}).astype({"trial": int, "correct": int})


def by_trial(counts: pd.DataFrame, trials: int) -> dict[str, float]:
    """Share of correct choices of each trial, "trial_1" first; NaN where no episode came so far."""
    total = counts.groupby("trial")[["correct", "n"]].sum().reindex(range(trials))
    return {f"trial_{trial + 1}": share for trial, share in (total["correct"] / total["n"]).items()}


@dataclass
class Progress:
    """Learning curve so far, and what happened since its last point."""

    rows: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    updates: int = 0

    def add(self, monitor: dict[str, float]) -> None:
        """Take in an update."""
        self.updates += 1
        for name, value in monitor.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def close(self, learner: Learner, held_out: dict[str, float]) -> None:
        """Add a point to the curve."""
        sums, self.sums = self.sums, {}
        row = {
            "episode": learner.episodes,
            "reward": sums["reward"] / max(1, sums["episodes"]),
            "entropy": sums["entropy"] / self.updates,
            "value_error": sums["value_error"] / self.updates,
            "actions": learner.steps,
            "updates": learner.updates,
        }
        self.updates = 0
        self.rows.append(row | held_out)


def train(config: Config, folder: Path, options: Options) -> tuple[Learner, pd.DataFrame]:
    """Train one network, resuming from a checkpoint of the same settings if there is one -> learner, learning curve."""
    moving, still = (config.task(device=options.device, pixels=config.precision, still_view=held) for held in (False, True))
    learner, progress = Learner(config, moving), Progress()
    held_out = config.task("held out", pixels=config.precision)
    prepare_folder(folder)
    checkpoint = training.checkpoint_path([config], folder)
    if checkpoint.exists():
        resume(learner, progress, checkpoint)
    every, saved_at = config.episodes / CURVE_POINTS, time.monotonic()
    with tqdm(total=config.episodes, initial=learner.episodes, desc=f"{config.condition} {config.seed}", unit="episode") as bar:
        while learner.episodes < config.episodes:
            before = learner.episodes
            learner.task = still if before < config.still_episodes else moving
            progress.add(learner.update())
            bar.update(learner.episodes - before)
            if not np.isfinite(progress.sums["value_error"]):
                raise UserError(
                    f"seed {config.seed}: loss not finite at episode {learner.episodes:,}; "
                    f"try learning_rate below {config.learning_rate:g}, or a gradient_clip"
                )
            if learner.episodes // every > before // every:
                network = copy.deepcopy(learner.network).cpu()
                counts = accuracy(network, held_out, config.seed, max(1, options.test_episodes // 5), "learning curve")
                progress.close(learner, by_trial(counts, config.trials))
                bar.set_postfix(trial_2=f"{progress.rows[-1].get('trial_2', np.nan):.2f}", refresh=False)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                save_checkpoint(learner, progress, checkpoint)
                saved_at = time.monotonic()
    return learner, pd.DataFrame(progress.rows)


def save_checkpoint(learner: Learner, progress: Progress, path: Path) -> None:
    """Write everything that training needs to go on."""
    with atomic(path) as temporary:
        save_file(learner.tensors(), temporary, metadata={"progress": json.dumps(dataclasses.asdict(progress))})


def resume(learner: Learner, progress: Progress, path: Path) -> None:
    """Continue from a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["progress"])
        learner.load_tensors(load_file(path))
    except Exception as error:  # safetensors raises kinds of its own
        raise UserError(f"{path}: not a readable checkpoint ({error}); delete it to train from the start") from error
    progress.rows, progress.sums, progress.updates = about["rows"], about["sums"], about["updates"]


def test(network: HarlowNetwork, config: Config, episodes: int) -> pd.DataFrame:
    """Test a trained network on the ``TESTS`` -> counts as in ``accuracy``, by test."""
    parts = []
    for name in TESTS:
        if name == "photographs" and config.view == "symbols":
            continue
        images = "photographs" if name == "photographs" else "held out"
        task = config.task(images, name == "new wrong image", pixels=config.precision)
        parts.append(accuracy(network, task, config.seed, episodes, "test episodes").assign(test=name))
    return pd.concat(parts, ignore_index=True)


def save(learner: Learner, curve: pd.DataFrame, tested: pd.DataFrame, folder: Path, condition: str, seconds: float) -> None:
    """Write a network's files."""
    config = learner.config
    stem = f"{condition}_{config.seed}"
    about = {
        "config": dataclasses.asdict(config),
        "condition": condition,
        "training_seconds": round(seconds, 1),
        "actions": learner.steps,
        "provenance": training.provenance([config]),
    }
    # Half precision halves the files; the test below is that of the weights as they are saved.
    with atomic(folder / f"{stem}.safetensors") as path:
        weights = {name: tensor.half().cpu().contiguous() for name, tensor in learner.network.state_dict().items()}
        save_file(weights, path, metadata={"config": config.json()})
    tables.write(curve, folder / f"{stem}.csv", "learning_curve")
    tables.write(tested, folder / f"{stem}_test.csv")
    with atomic(folder / f"{stem}.json") as path:
        path.write_text(json.dumps(about, indent=1, default=str) + "\n")


def load(folder: Path, condition: str, seed: int) -> tuple[HarlowNetwork, Config]:
    """Read a trained network and its settings.

    Raises
    ------
    UserError
        A file is missing, unreadable, or not of such a network.
    """
    stem = folder / f"{condition}_{seed}"
    for path in (stem.with_suffix(".safetensors"), stem.with_suffix(".json")):
        if not path.exists():
            raise UserError(f"{path}: no trained network for seed {seed} of condition {condition!r}; train it first")
    try:
        config = Config(**json.loads(stem.with_suffix(".json").read_text())["config"])
        network = config.network()
        network.load_state_dict({name: tensor.float() for name, tensor in load_file(stem.with_suffix(".safetensors")).items()})
    except Exception as error:  # safetensors and torch raise kinds of their own
        raise UserError(f"{stem}.safetensors: not a readable network ({str(error).splitlines()[0]})") from error
    return network.eval(), config


def train_and_save(config: Config, options: Options, networks: str = "networks", condition: str | None = None) -> None:
    """Train a network, test it on held-out images, and write its files, named by condition and seed, to folder ``networks``."""
    began = time.monotonic()
    folder = options.data / "harlow"
    learner, curve = train(config, folder / "checkpoints", options)
    network = learner.network.cpu()
    network.load_state_dict({name: tensor.half().float() for name, tensor in network.state_dict().items()})
    tested = test(network, config, options.test_episodes)
    save(learner, curve, tested, folder / networks, condition or config.condition, time.monotonic() - began)
    training.checkpoint_path([config], folder / "checkpoints").unlink(missing_ok=True)


def prepare(options: Options) -> None:
    """Refuse options that cannot be, and set the number of threads."""
    require(options.seeds >= 1, "seeds", options.seeds, "at least 1")
    require(options.test_episodes >= 1, "test_episodes", options.test_episodes, "at least 1")
    training.require_device(options.device)
    torch.set_num_threads(options.threads)


def main(arguments: list[str] | None = None) -> None:
    """Train ``seeds`` networks, one after the other."""
    config, options = training.command_line(
        Config, Options, "replications.harlow.train", arguments, "Train networks on Harlow's learning sets."
    )
    prepare(options)
    for variant in VARIANTS if options.all else ({},):
        for one in training.replicate([training.depart(config, variant)], options.seeds):
            train_and_save(one, options)


if __name__ == "__main__":
    run(main)
