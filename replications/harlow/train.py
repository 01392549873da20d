"""Train networks on Harlow's learning sets, from pixels or symbols (Wang et al. 2018, simulation 5).

python -m replications.harlow.train --help

Learning curves also show the accuracy on held-out images, and every network ends with a final test (<variant>_<seed>_test.csv).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from prefrontal import settings
from prefrontal.errors import check
from prefrontal.networks.encoders import Convolutions, normalise
from prefrontal.networks.network import Network
from prefrontal.networks.play import Agent, play
from prefrontal.networks.record import Trained
from prefrontal.task import RandomStreams, Task
from prefrontal.training import loop
from prefrontal.training.batch import NetworkBatch
from replications.harlow.images import VIEW_PIXELS, image_bank, image_codes, read_folder
from replications.harlow.task import CHOICE, CODE_LENGTH, FIXATION_REWARD, HarlowTask
from replications.harlow.variants import TESTS

CURVE_POINTS = 60
"""Rows of a learning curve."""


@dataclass(frozen=True)
class Config(settings.Config):
    """Settings of the Harlow networks (Methods, simulation 5; deviations are in the README)."""

    view: Literal["pixels", "symbols"] = "pixels"
    """What the network sees: a view in pixels, or where it looks and a vector per image in view."""
    view_size: int = settings.setting(VIEW_PIXELS, lambda x: 36 <= x <= 512, "between 36 and 512")
    """Pixels along each side of the view (Methods: 84); the encoder's filters need 36."""
    repeat: int = settings.count(4)
    """Steps that an action is repeated (Methods: 4)."""
    trials: int = settings.count(6)
    """Trials per episode (Methods: 6)."""
    longest: int = settings.count(3600)
    """Steps of the longest episode (Methods: 3,600)."""
    new_wrong_image: bool = False
    """Every trial has a new unrewarded image (the paper's control; whether for training too is not stated)."""
    still_episodes: int = settings.count(0, least=0)
    """So many episodes come first in which the view stays on the middle of the screen while images are shown (paper: none)."""
    images: str = ""
    """Folder of pictures to use in place of the drawn ones; every other one is held out."""
    normalised: bool = True
    """Scale the encoder's initial weights by typical views (not stated; README, "Deviations and choices")."""
    test_episodes: int = settings.count(1000)
    """Episodes of each final test, and five times those of a point of the learning curve."""
    half_precision: bool = True
    """Save weights in float16, in half as much space; the final tests are those of the saved weights."""
    episodes: int = 600_000
    """Training episodes (paper: about 100,000 per thread, 32 threads)."""
    episodes_per_update: int = 64
    """Episodes played side by side (paper: 32 asynchronous threads of one)."""
    episode_reset: Literal["next_rollout", "immediate"] = "immediate"
    """When a new episode takes the place of one that has ended (not stated)."""
    unroll: int = 25
    """Actions per unroll (paper: 100; README, "Deviations and choices")."""
    units: int = 256
    """LSTM units and features of the encoder (Methods: 256)."""
    learned_initial_state: bool = False
    """Whether the core's state at the start of an episode is learned, or zero (Methods: zero)."""
    learning_rate: float = 1.5e-3
    """RMSProp learning rate (paper: 7.5e-4; README, "Deviations and choices")."""
    lr_decay_start: float = 0.5
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
        for name in ("images", "still_episodes"):
            own = getattr(self, name)
            check(self.view == "pixels" or not own, name, own, f"{type(own)()!r} where the view is symbols")

    def task(
        self,
        images: str = "training",
        new_wrong_image: bool | None = None,
        pixels: torch.dtype = torch.uint8,
        still_view: bool = False,
    ) -> HarlowTask:
        """Build the task with a set of images: "training", "held out" or "photographs".

        ``new_wrong_image`` is as in training unless given; ``pixels`` is the type of a view's values.
        """
        if self.view == "symbols":
            bank = image_codes(images, CODE_LENGTH)
        elif self.images and images != "photographs":
            bank = read_folder(Path(self.images), self.view_size)[images != "training" :: 2]
        else:
            bank = image_bank(images, self.view_size)
        return HarlowTask(
            images=bank,
            view_size=self.view_size,
            repeat=self.repeat,
            trials=self.trials,
            longest=self.longest,
            new_wrong_image=self.new_wrong_image if new_wrong_image is None else new_wrong_image,
            still_view=still_view,
            pixels=pixels,
        )

    def seen(self, **settings: Any) -> HarlowTask:
        """Build the task with views of the type that the network computes with, which saves converting them."""
        return self.task(pixels=torch.float32, **settings)

    def curriculum(self) -> list[tuple[int, Task]]:
        """Tasks of the training, each with the episode from which it is trained."""
        first: list[tuple[int, Task]] = [(0, self.seen(still_view=True))] if self.still_episodes else []
        return [*first, (self.still_episodes, self.seen())]

    def encoder(self) -> Convolutions | None:
        """Convolutions for pixels; symbols reach the core as they are."""
        return Convolutions(self.view_size, self.units) if self.view == "pixels" else None

    def initial(self, network: Network, flat: Tensor) -> Tensor:
        """Normalise the encoder by typical views."""
        if self.view == "symbols" or not self.normalised:
            return flat
        views = typical_views(self.seen(), RandomStreams([self.seed], "typical views"))
        return network.flatten(normalise(network.views(flat), views))

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of fixating and choosing by coin toss, and of the best strategy, which knows after one trial."""
        fixation = FIXATION_REWARD * self.trials
        return fixation, fixation + self.trials - 1


def typical_views(task: HarlowTask, noise: RandomStreams, count: int = 1024) -> Tensor:
    """Views of two images, or in one of twelve the cross, from within 20 degrees of the middle of the screen."""
    state, _ = task.reset(noise.uniform(count, task.reset_noise))
    period, heading = noise.uniform(count, 2).unbind(-1)
    state["period"] = (3 * period).long().clamp(max=CHOICE)
    state["period"][0, : count * 3 // 4] = CHOICE
    state["heading"] = 40 * heading - 20
    return task.render(state)[0]


def accuracy(agent: Agent, task: HarlowTask, seeds: list[int], episodes: int, purpose: str) -> list[pd.DataFrame]:
    """Play test episodes with frozen weights.

    Returns
    -------
    list of DataFrame
        Per network, by trial (from 0) and ``first`` ("right" or "wrong": the outcome of the episode's first trial): how many
        choices were ``correct``, of ``n`` completed trials.
    """
    right = np.full((len(seeds), episodes, task.trials), np.nan)
    for step in play(agent, task, RandomStreams(seeds, purpose), episodes):
        ended = ((step.after["trial"] > step.state["trial"]) & ~step.state["done"]).numpy()
        trial, correct = step.state["trial"].numpy(), (step.after["choice"] == step.after["rewarded_side"]).numpy()
        right[*np.nonzero(ended), trial[ended]] = correct[ended]
    tables = []
    for own in right:
        frame = pd.DataFrame(own).assign(first=np.where(own[:, 0] == 1, "right", "wrong"))
        long = frame.melt("first", var_name="trial", value_name="correct").dropna()
        counts = long.groupby(["trial", "first"], as_index=False)["correct"].agg(["sum", "count"])
        tables.append(counts.rename(columns={"sum": "correct", "count": "n"}).astype({"trial": int, "correct": int}))
    return tables


def by_trial(counts: pd.DataFrame, trials: int) -> dict[str, float]:
    """Share of correct choices of each trial, "trial_1" first; NaN where no episode came so far."""
    total = counts.groupby("trial")[["correct", "n"]].sum().reindex(range(trials))
    return {f"trial_{trial + 1}": share for trial, share in enumerate(total["correct"] / total["n"])}


def measure(batch: NetworkBatch) -> pd.DataFrame:
    """Actions and updates so far, and the accuracy on held-out images, of every network."""
    settings: Any = batch.config
    task = settings.seen(images="held out")
    counts = accuracy(batch.agent, task, batch.seeds, max(1, settings.test_episodes // 5), "learning curve")
    done: dict[str, float] = {"actions": batch.trained_steps, "updates": batch.done}
    return pd.DataFrame([done | by_trial(own, settings.trials) for own in counts])


def final(networks: NetworkBatch | Trained) -> list[pd.DataFrame]:
    """Test trained networks -> counts as in ``accuracy``, by test."""
    settings: Any = networks.config
    parts = []
    for name, test in TESTS.items():
        if name != "photographs" or settings.view == "pixels":
            tested = accuracy(networks.agent, settings.seen(**test), networks.seeds, settings.test_episodes, "test episodes")
            parts.append([own.assign(test=name) for own in tested])
    return [pd.concat(own, ignore_index=True) for own in zip(*parts, strict=True)]


if __name__ == "__main__":
    loop.main(__file__)
