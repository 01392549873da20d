"""Harlow's learning sets (Harlow 1949; Wang et al. 2018, Methods, simulation 5).

The subject faces a screen and turns its gaze left or right. A cross appears; once it has been
fixated, two images appear, and the subject chooses one by turning towards it. The same image is
rewarded in all trials of an episode, on whichever side it appears, and every episode has two new
images: across episodes one can learn to learn from a single trial.

The observation is the view in pixels, or its symbolic counterpart: the direction of gaze, and a
vector per image in view.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import State, Task
from replications.harlow.images import CODE_LENGTH, SCREEN, atlas, read_images
from replications.harlow.settings import CHOICE_REWARD, FIXATION_REWARD, Harlow, ImageSet

TURN = 4.4
"""Degrees by which one action turns the view, including repeats and momentum (Methods: about
4.4)."""

MOMENTUM = 0.5
"""Fraction of the turning velocity that is left after a step (Methods: slight momentum)."""

ECCENTRICITY = 13.5
"""Degrees between an image's centre and the cross; images are side by side (not stated)."""

FIXATION_TOLERANCE, FIXATION_STEPS = 3.5, 4
"""Degrees; steps in succession (Methods)."""

CHOICE_TOLERANCE = 7.0
"""Degrees (Methods)."""

INTERVAL_STEPS = 10
"""Steps until the next cross (Methods)."""

FIXATION, CHOICE, INTERVAL = range(3)
LEFT, RIGHT, NONE = range(3)


class HarlowTask(Task):
    """Choose between two images, one of which is rewarded throughout an episode.

    Parameters
    ----------
    settings : Harlow
    image_set : {"training", "held out", "photographs"}
    still_view : bool
        Simplification: the view stays centred while the images are shown, until one is chosen.
    pixels : torch.dtype
        Views in uint8, 0 to 255, or in a floating-point type, -1 to 1.

    Attributes
    ----------
    images : Tensor
        (images, column, row, colour), uint8; in the symbolic version the vectors that represent
        them, (images, length).
    """

    actions = ("left", "right", "none")
    periods = ("fixation", "choice", "interval")
    observation_bound = 5.0  # vectors of the symbolic version are standard normal numbers
    reset_noise = 4
    step_noise = 2

    def __init__(
        self,
        settings: Harlow,
        image_set: ImageSet = "training",
        still_view: bool = False,
        pixels: torch.dtype = torch.uint8,
    ) -> None:
        self.settings, self.image_set = settings, image_set
        self.still_view, self.pixels = still_view, pixels

    @functools.cached_property
    def images(self) -> Tensor:
        """Images, or the vectors that represent them."""
        return read_images(self.settings, self.image_set)

    @property
    def symbolic(self) -> bool:
        """True if vectors represent the images."""
        return self.settings.view == "symbols"

    @property
    def observations(self) -> tuple[str, ...]:
        """Entries of a symbolic observation; colours of a view (column, row, colour)."""
        if not self.symbolic:
            return ("red", "green", "blue")
        vectors = [f"{side}_image_{k}" for side in ("left", "right") for k in range(CODE_LENGTH)]
        return ("sine_of_heading", "cosine_of_heading", "heading_on_screen", "cross", *vectors)

    @property
    def surround_columns(self) -> int:
        """Pixels of a full turn."""
        return round(360 / SCREEN * self.settings.view_size)

    @functools.cached_property
    def brightness(self) -> Tensor:
        """Mean of each image's values; in the symbolic version the first entry of its vector."""
        return self.images[:, 0] if self.symbolic else self.images.float().flatten(1).mean(1)

    @functools.cached_property
    def _atlas(self) -> dict[torch.device, Tensor]:
        """Columns of views, or vectors, from which observations are composed, by device."""
        if self.symbolic:
            return {self.images.device: self.images}
        columns = atlas(self.images, self.settings.view_size)
        if self.pixels != torch.uint8:
            columns = (columns.float() / 127.5 - 1).to(self.pixels)
        return {self.images.device: columns}

    def _atlas_on(self, device: torch.device) -> Tensor:
        if device not in self._atlas:
            self._atlas[device] = self._atlas[self.images.device].to(device)
        return self._atlas[device]

    @property
    def episode_steps(self) -> int:
        """Actions in the longest episode."""
        return -(-self.settings.longest // self.settings.repeat)

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Draw two images and start the first trial, facing the middle of the screen."""
        count = len(self.images)
        first = (noise[..., 0] * count).long().clamp_max(count - 1)
        other = (noise[..., 1] * (count - 1)).long().clamp_max(count - 2)
        blank = torch.zeros_like(first)
        state = {
            "trial": blank,
            "period": blank + FIXATION,
            "done": blank > 0,
            "steps": blank,
            "heading": torch.zeros_like(noise[..., 0]),
            "velocity": torch.zeros_like(noise[..., 0]),
            "held": blank,
            "wait": blank,
            "rewarded_image": first,
            "wrong_image": other + (other >= first),
            "rewarded_side": (noise[..., 2] < 0.5).long(),
            "choice": blank - 1,
        }
        return state, self.observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Turn for ``repeat`` steps; rewards are summed over these."""
        reward = torch.zeros_like(state["heading"])
        push = (action == RIGHT).to(reward.dtype) - (action == LEFT).to(reward.dtype)
        for _ in range(self.settings.repeat):
            state, paid = self._turn(state, push, noise)
            reward = reward + paid
        return state, self.observe(state), reward

    def _turn(self, state: State, push: Tensor, noise: Tensor) -> tuple[State, Tensor]:
        """Take one step of turning, which may fixate the cross or choose an image."""
        going, period = ~state["done"], state["period"]
        velocity = (1 - MOMENTUM) * push * (TURN / self.settings.repeat)
        velocity = MOMENTUM * state["velocity"] + velocity
        heading = torch.remainder(state["heading"] + velocity + 180, 360) - 180

        at_cross = heading.abs() <= FIXATION_TOLERANCE
        held = torch.where(at_cross, state["held"] + 1, 0) * (period == FIXATION)
        fixated = (held >= FIXATION_STEPS) & going
        side, wrong = self._next_pair(state, fixated & (state["trial"] > 0), noise)

        to_left = (heading + ECCENTRICITY).abs() <= CHOICE_TOLERANCE
        to_right = (heading - ECCENTRICITY).abs() <= CHOICE_TOLERANCE
        chosen = (period == CHOICE) & (to_left | to_right) & going
        choice = torch.where(chosen, to_right.long(), state["choice"])
        correct = chosen & (choice == side)
        wait = torch.where(chosen, INTERVAL_STEPS, state["wait"] - 1)
        waited = (period == INTERVAL) & (wait <= 0)

        trial, steps = state["trial"] + chosen, state["steps"] + going
        reward = FIXATION_REWARD * fixated.to(heading.dtype)
        reward = reward + CHOICE_REWARD * correct.to(heading.dtype)
        reward = reward - CHOICE_REWARD * (chosen & ~correct).to(heading.dtype)
        period = torch.where(waited, FIXATION, period)
        period = torch.where(fixated, CHOICE, torch.where(chosen, INTERVAL, period))
        after = {
            "trial": trial,
            "period": period,
            "done": state["done"]
            | (trial >= self.settings.trials)
            | (steps >= self.settings.longest),
            "steps": steps,
            "heading": heading,
            "velocity": velocity,
            "held": held,
            "wait": wait,
            "rewarded_image": state["rewarded_image"],
            "wrong_image": wrong,
            "rewarded_side": side,
            "choice": choice,
        }
        return after, reward

    def _next_pair(self, state: State, redraw: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the side of the rewarded image, and the wrong image of the next trial, where
        ``redraw``."""
        side = torch.where(redraw, (noise[..., 0] < 0.5).long(), state["rewarded_side"])
        wrong = state["wrong_image"]
        if self.settings.new_wrong_image:
            others = len(self.images) - 1
            drawn = (noise[..., 1] * others).long().clamp_max(others - 1)
            wrong = torch.where(redraw, drawn + (drawn >= state["rewarded_image"]), wrong)
        return side, wrong

    def observe(self, state: State) -> Tensor:
        """Return views (network, episode, column, row, colour), or (network, episode, symbols)."""
        return self._symbols(state) if self.symbolic else self.render(state)

    def image_on(self, state: State, side: int) -> Tensor:
        """Index of the image on a side of the screen, (network, episode)."""
        return torch.where(
            state["rewarded_side"] == side, state["rewarded_image"], state["wrong_image"]
        )

    def _symbols(self, state: State) -> Tensor:
        heading = state["heading"]
        angle = torch.deg2rad(heading)
        on_screen = (heading / (SCREEN / 2)).clamp(-1, 1)
        cross = (state["period"] == FIXATION) & (heading.abs() <= SCREEN / 2)
        parts = [
            torch.stack([angle.sin(), angle.cos(), on_screen, cross.to(heading.dtype)], dim=-1)
        ]
        for side, x in ((LEFT, -ECCENTRICITY), (RIGHT, ECCENTRICITY)):
            seen = (state["period"] == CHOICE) & ((heading - x).abs() <= SCREEN / 2)
            parts.append(
                self._atlas_on(heading.device)[self.image_on(state, side)] * seen[..., None]
            )
        return torch.cat(parts, dim=-1)

    def render(self, state: State) -> Tensor:
        """Draw views (network, episode, column, row, colour).

        A view is composed of whole columns of the atlas: those of the surround, of the surround
        with the cross, and of the images on the screen.
        """
        size, around, width = self.settings.view_size, self.surround_columns, self.images.shape[1]
        degrees_per_pixel = SCREEN / size
        heading = state["heading"]
        if self.still_view:
            still = (state["period"] == CHOICE) & (heading.abs() < ECCENTRICITY)
            heading = torch.where(still, 0.0, heading)
        offset = torch.arange(size, device=heading.device) - size // 2
        column = torch.round(heading / degrees_per_pixel).long()[..., None] + offset
        index = column % around + around * (state["period"] == FIXATION)[..., None]
        for side, x in ((LEFT, -ECCENTRICITY), (RIGHT, ECCENTRICITY)):
            within = column - round(x / degrees_per_pixel) + width // 2
            inside = (within >= 0) & (within < width) & (state["period"] == CHOICE)[..., None]
            first = 2 * around + self.image_on(state, side)[..., None] * width
            index = torch.where(inside, first + within, index)
        columns = self._atlas_on(heading.device).index_select(0, index.flatten())
        return columns.view(*index.shape, size, 3)

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of trials that just ended: the choice, its outcome, and the two images."""
        correct = state["choice"] == state["rewarded_side"]
        return {
            "choice": state["choice"],
            "reward": torch.where(correct, CHOICE_REWARD, -CHOICE_REWARD).float(),
            "correct": correct,
            "rewarded_side": np.array(["left", "right"])[state["rewarded_side"].numpy()],
            "rewarded_image": state["rewarded_image"],
            "wrong_image": state["wrong_image"],
            "steps": state["steps"],
            # Known about the rewarded image before the images appear: how it differs from the
            # other.
            "rewarded_is_brighter": self.brightness[state["rewarded_image"]]
            > self.brightness[state["wrong_image"]],
        }
