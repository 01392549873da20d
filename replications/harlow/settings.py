"""Settings of Harlow's task, the networks and the analyses (Wang et al. 2018, simulation 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field

from prefrontal.errors import check
from prefrontal.settings import (
    Count,
    CountOrZero,
    NetworkSettings,
    Settings,
    TaskSettings,
    TrainingSettings,
    validated,
)

if TYPE_CHECKING:
    from torch import Tensor

    from prefrontal.networks.encoders import Convolutions
    from prefrontal.networks.network import Network
    from prefrontal.task import Task
    from replications.harlow.task import HarlowTask

VIEW_PIXELS = 84
"""Pixels along each side of the paper's view (Methods, simulation 5)."""

FIXATION_REWARD, CHOICE_REWARD = 0.2, 1.0
"""Rewards of fixation and of the correct image; the wrong image costs as much (Methods)."""

ImageSet = Literal["training", "held out", "photographs"]


@validated
class Harlow(TaskSettings):
    """Settings of Harlow's task."""

    view: Literal["pixels", "symbols"] = "pixels"
    """The observation is a view in pixels, or the direction of gaze and a vector per image in
    view."""
    view_size: Annotated[int, Field(ge=36, le=512)] = VIEW_PIXELS
    """Pixels along each side of the view (Methods: 84); the encoder's filters need 36."""
    repeat: Count = 4
    """Steps for which an action is repeated (Methods: 4)."""
    trials: Count = 6
    """Trials per episode (Methods: 6)."""
    longest: Count = 3600
    """Steps of the longest episode (Methods: 3,600)."""
    new_wrong_image: bool = False
    """Every trial has a new unrewarded image (the paper's control; not stated whether in training
    too)."""
    still_episodes: CountOrZero = 0
    """Number of episodes, at the start of training, in which the view stays centred while images
    are shown (paper: none)."""
    images: str = ""
    """Folder of pictures to use instead of the generated ones; every other one is held out."""
    normalised: bool = True
    """Normalise the encoder's initial weights by typical views (not stated; evidence.md)."""
    test_episodes: Count = 1000
    """Episodes of each final test; a point of the learning curve has a fifth of them."""

    def __post_init__(self) -> None:
        for name in ("images", "still_episodes"):
            value = getattr(self, name)
            expected = f"{type(value)()!r} where task.view is symbols"
            check(self.view == "pixels" or not value, f"task.{name}", value, expected)

    def build(
        self, images: ImageSet = "training", *, still_view: bool = False, as_float: bool = False
    ) -> HarlowTask:
        """Build the task.

        Parameters
        ----------
        images : {"training", "held out", "photographs"}
        still_view : bool
            The view stays centred while images are shown.
        as_float : bool
            Views are numbers in ±1, as networks use them, instead of bytes; saves conversions.
        """
        import torch

        from replications.harlow.task import HarlowTask

        return HarlowTask(self, images, still_view, torch.float32 if as_float else torch.uint8)

    def curriculum(self) -> list[tuple[int, Task]]:
        """Tasks of the training, each with the episode from which it is trained."""
        first: list[tuple[int, Task]] = []
        if self.still_episodes:
            first.append((0, self.build(still_view=True, as_float=True)))
        return [*first, (self.still_episodes, self.build(as_float=True))]

    def encoder(self, units: int) -> Convolutions | None:
        """Return convolutions for pixels; symbols reach the core as they are."""
        from prefrontal.networks.encoders import Convolutions

        return Convolutions(self.view_size, units) if self.view == "pixels" else None

    def initial_weights(self, network: Network, flat: Tensor, seed: int) -> Tensor:
        """Normalise the encoder by typical views."""
        from replications.harlow.normalisation import normalise, typical_views

        if self.view == "symbols" or not self.normalised:
            return flat
        views = typical_views(self.build(as_float=True), seed)
        return network.flatten(normalise(network.views(flat), views))

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """The tests after training."""
        return {
            name.replace(" ", "_"): partial(
                replace(self, new_wrong_image=test.new_wrong_image).build, test.images
            )
            for name, test in TESTS.items()
        }

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice after fixation, and of one-shot learning."""
        fixation = FIXATION_REWARD * self.trials
        return fixation, fixation + CHOICE_REWARD * (self.trials - 1)


SETTINGS = Settings(
    # A view that a processor without accelerator can train on; evidence.md.
    task=Harlow(view_size=42),
    network=NetworkSettings(
        units=256,  # LSTM units, and features of the encoder (Methods)
        learned_initial_state=False,  # Methods
    ),
    training=TrainingSettings(
        episodes=600_000,  # paper: about 100,000 in each of 32 threads
        episodes_per_update=64,  # paper: 32 asynchronous threads
        unroll=25,  # actions; paper: 100; evidence.md
        episode_reset="immediate",
        learning_rate=1.5e-3,  # paper: 7.5e-4; evidence.md
        lr_decay_start=0.5,  # not stated; Mnih et al. (2016) anneal throughout
        encoder_rate=0.3,  # evidence.md
        discount=0.91,  # Methods, per action
        value_cost=0.4,  # Methods
        entropy_cost=0.03,  # Methods: 0.001 throughout; evidence.md
        entropy_cost_end=0.01,
        half_precision=True,
    ),
)

MAIN, CONTROL, STILL_FIRST, SYMBOLS = (
    "pixels",
    "pixels_new_wrong_image",
    "pixels_still_first",
    "symbols",
)
"""Networks that see pixels, the paper's control, networks with an easier version of the task first,
and networks that see symbols."""

Changes = dict[str, Any]

VARIANTS: dict[str, Changes] = {
    MAIN: {},
    CONTROL: {"task.new_wrong_image": True},
    STILL_FIRST: {"task.still_episodes": 40_000, "training.episodes": 100_000},
    SYMBOLS: {
        "task.view": "symbols",
        "task.view_size": VIEW_PIXELS,  # not used
        "training.episodes": 80_000,
    },
}

RECORDED = (MAIN, SYMBOLS)
"""Variants whose weights are kept; of all others only results are kept."""

PAPERS_ENTROPY_COST: Changes = {"training.entropy_cost": 0.001, "training.entropy_cost_end": None}
VARIED: dict[str, dict[str, Changes]] = {
    MAIN: {"half_as_long_pixels": {"training.episodes": 300_000}},
    CONTROL: {"half_as_long_pixels_new_wrong_image": {"training.episodes": 300_000}},
    STILL_FIRST: {
        "view_84": {"task.view_size": VIEW_PIXELS},
        "unroll_100": {"training.unroll": 100},
        "learning_rate_of_the_paper": {"training.learning_rate": 7.5e-4},
        "entropy_cost_of_the_paper": PAPERS_ENTROPY_COST,
        "episodes_per_update_32": {"training.episodes_per_update": 32},
        "one_rate_for_encoder_and_rest": {"training.encoder_rate": 1.0},
        "constant_learning_rate": {"training.lr_decay_start": 1.0},
        "encoder_not_normalised": {"task.normalised": False},
        "new_wrong_image": {"task.new_wrong_image": True},
        "twice_as_long_new_wrong_image": {
            "task.new_wrong_image": True,
            "training.episodes": 200_000,
        },
    },
    SYMBOLS: {
        "symbols_new_wrong_image": {"task.new_wrong_image": True},
        "symbols_constant_learning_rate_and_entropy_cost_to_0": {
            "training.lr_decay_start": 1.0,
            "training.entropy_cost_end": 0.0,
            "training.encoder_rate": 0.1,  # not used: symbols have no encoder
        },
    },
}
"""Variant -> further variants that change one or two of its settings, mostly to the paper's
values."""

FURTHER_VARIANTS = {
    name: VARIANTS[origin] | changes
    for origin, varied in VARIED.items()
    for name, changes in varied.items()
}

TEST_EPISODES = 200
"""Episodes of each network in the recording."""


class FinalTest(NamedTuple):
    """A test after training."""

    images: ImageSet
    new_wrong_image: bool

    def task(self, trained: Harlow) -> HarlowTask:
        """Build the task of this test for networks that were trained with these settings."""
        settings = replace(trained, new_wrong_image=self.new_wrong_image)
        return settings.build(self.images, as_float=True)


TESTS = {
    "held out": FinalTest("held out", new_wrong_image=False),
    "photographs": FinalTest("photographs", new_wrong_image=False),
    "new wrong image": FinalTest("held out", new_wrong_image=True),
}
"""Tests after every training: held-out images, photographs (pixels only), and the control."""

AS_TRAINED = {False: "held out", True: "new wrong image"}
"""Setting new_wrong_image -> the test that differs from training only in its images."""

CEILING = 0.9
"""Accuracy on trials 2 to 6 of held-out images at the end of training above which a network counts
as at ceiling."""
