"""Harlow's learning sets (Harlow 1949), as in Wang et al. 2018, Methods, simulation 5.

The subject stands before a screen and turns its view left or right. A cross appears; when it has been fixated, two images
appear. The subject chooses one by turning towards it. The same image is rewarded in all trials of an episode, on whichever side
it appears, and every episode brings two new images: what can be learned over episodes is to learn from a single trial.

What the subject sees is the view in pixels, or its symbolic counterpart: where it looks, and a vector per image in view.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prefrontal.task import State
from replications.harlow.images import IMAGE_PIXELS, SCREEN, VIEW_PIXELS, atlas, image_codes

TURN = 4.4
"""Degrees that one action turns the view, its repeats and its after-run taken together (Methods: about 4.4)."""

MOMENTUM = 0.5
"""Share of the turning velocity that is left after a step (Methods: slight momentum)."""

ECCENTRICITY = 13.5
"""Degrees between an image's centre and the cross: the images stand side by side, 34 of 84 pixels wide each (not stated)."""

FIXATION_TOLERANCE, FIXATION_STEPS, FIXATION_REWARD = 3.5, 4, 0.2
"""Degrees; steps in succession; reward (Methods)."""

CHOICE_TOLERANCE, CHOICE_REWARD = 7.0, 1.0
"""Degrees; reward of the right image, and minus that of the wrong one (Methods)."""

INTERVAL_STEPS = 10
"""Steps until the next cross (Methods)."""

CODE_LENGTH = 16
"""Entries of the vector that stands for an image in the symbolic version."""

FIXATION, CHOICE, INTERVAL = range(3)
LEFT, RIGHT, NONE = range(3)


@dataclass(frozen=True, eq=False)
class HarlowTask:
    """Choose between two images, one of which is rewarded throughout an episode.

    Parameters
    ----------
    images : Tensor
        Images to be seen in pixels, (images, column, row, colour), uint8; or the vectors that stand for them in the symbolic
        version, (images, CODE_LENGTH), whose observation is listed in ``observations``.
    view_size : int
        Pixels along each side of the view (Methods: 84).
    repeat : int
        Steps that an action is repeated (Methods: 4).
    trials, longest : int
        An episode ends after so many trials (Methods: 6), or so many steps (Methods: 3,600).
    new_wrong_image : bool
        Control of the paper: every trial has a new unrewarded image.
    still_view : bool
        Simplification: the view stays on the middle of the screen while the images are shown, until one is chosen.
    pixels : torch.dtype
        Views in uint8, 0 to 255, or in a floating-point type, -1 to 1: what a network computes with needs no conversion.
    """

    images: Tensor = field(default_factory=lambda: image_codes("training", CODE_LENGTH))
    view_size: int = VIEW_PIXELS
    repeat: int = 4
    trials: int = 6
    longest: int = 3600
    new_wrong_image: bool = False
    still_view: bool = False
    pixels: torch.dtype = torch.uint8

    actions = ("left", "right", "none")
    periods = ("fixation", "choice", "interval")
    observation_bound = 5.0  # vectors of the symbolic version are standard normal numbers
    reset_noise = 4
    step_noise = 2

    def __post_init__(self) -> None:
        expected = round(IMAGE_PIXELS * self.view_size / VIEW_PIXELS)
        if not self.symbolic and self.image_size != expected:
            raise ValueError(f"images of {self.image_size} pixels, expected {expected} for views of {self.view_size}")

    @property
    def symbolic(self) -> bool:
        """Whether vectors stand for the images."""
        return self.images.ndim == 2

    @property
    def observations(self) -> tuple[str, ...]:
        """Entries of a symbolic observation; of a view in pixels, its colours (its shape is column, row, colour)."""
        if not self.symbolic:
            return ("red", "green", "blue")
        slots = [f"{side}_image_{k}" for side in ("left", "right") for k in range(self.images.shape[1])]
        return ("sine_of_heading", "cosine_of_heading", "heading_on_screen", "cross", *slots)

    @property
    def image_size(self) -> int:
        """Pixels along each side of an image."""
        return self.images.shape[1]

    @property
    def surround_columns(self) -> int:
        """Pixels of a full turn."""
        return round(360 / SCREEN * self.view_size)

    @functools.cached_property
    def brightness(self) -> Tensor:
        """Mean of each image's values; in the symbolic version the first entry of its vector."""
        return self.images[:, 0] if self.symbolic else self.images.float().flatten(1).mean(1)

    @functools.cached_property
    def _atlas(self) -> dict[torch.device, Tensor]:
        """What observations are put together from, on every device that asked for it."""
        if self.symbolic:
            return {self.images.device: self.images}
        columns = atlas(self.images, self.view_size)
        return {self.images.device: columns if self.pixels == torch.uint8 else (columns / 127.5 - 1).to(self.pixels)}

    def _shown(self, device: torch.device) -> Tensor:
        """Columns of views, or vectors, where the state is."""
        if device not in self._atlas:
            self._atlas[device] = self._atlas[self.images.device].to(device)
        return self._atlas[device]

    @property
    def episode_steps(self) -> int:
        """Actions in the longest episode."""
        return -(-self.longest // self.repeat)

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Draw two images and open the first trial, looking at the middle of the screen."""
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
        """Turn for ``repeat`` steps; -> state, the view after them, the sum of their rewards."""
        reward = torch.zeros_like(state["heading"])
        push = (action == RIGHT).to(reward.dtype) - (action == LEFT).to(reward.dtype)
        for _ in range(self.repeat):
            state, paid = self._turn(state, push, noise)
            reward = reward + paid
        return state, self.observe(state), reward

    def _turn(self, state: State, push: Tensor, noise: Tensor) -> tuple[State, Tensor]:
        """Take one step of turning; see what has been fixated or chosen."""
        going = ~state["done"]
        velocity = MOMENTUM * state["velocity"] + (1 - MOMENTUM) * push * (TURN / self.repeat)
        heading = torch.remainder(state["heading"] + velocity + 180, 360) - 180
        period = state["period"]

        held = torch.where(heading.abs() <= FIXATION_TOLERANCE, state["held"] + 1, 0) * (period == FIXATION)
        fixated = (held >= FIXATION_STEPS) & going
        redraw = fixated & (state["trial"] > 0)
        side = torch.where(redraw, (noise[..., 0] < 0.5).long(), state["rewarded_side"])
        wrong = state["wrong_image"]
        if self.new_wrong_image:
            others = len(self.images) - 1
            drawn = (noise[..., 1] * others).long().clamp_max(others - 1)
            wrong = torch.where(redraw, drawn + (drawn >= state["rewarded_image"]), wrong)

        to_left, to_right = ((heading - x).abs() <= CHOICE_TOLERANCE for x in (-ECCENTRICITY, ECCENTRICITY))
        chosen = (period == CHOICE) & (to_left | to_right) & going
        choice = torch.where(chosen, to_right.long(), state["choice"])
        right = chosen & (choice == side)
        wait = torch.where(chosen, INTERVAL_STEPS, state["wait"] - 1)
        waited = (period == INTERVAL) & (wait <= 0)

        trial, steps = state["trial"] + chosen, state["steps"] + going
        reward = FIXATION_REWARD * fixated + CHOICE_REWARD * right.to(heading.dtype) - CHOICE_REWARD * (chosen & ~right)
        period = torch.where(fixated, CHOICE, torch.where(chosen, INTERVAL, torch.where(waited, FIXATION, period)))
        after = {
            "trial": trial,
            "period": period,
            "done": state["done"] | (trial >= self.trials) | (steps >= self.longest),
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

    def observe(self, state: State) -> Tensor:
        """Return what is seen: (network, episode, column, row, colour), or (network, episode, observations)."""
        return self._symbols(state) if self.symbolic else self.render(state)

    def image_on(self, state: State, side: int) -> Tensor:
        """Index of the image on a side of the screen, (network, episode)."""
        return torch.where(state["rewarded_side"] == side, state["rewarded_image"], state["wrong_image"])

    def _symbols(self, state: State) -> Tensor:
        heading = state["heading"]
        angle = torch.deg2rad(heading)
        on_screen = (heading / (SCREEN / 2)).clamp(-1, 1)
        cross = (state["period"] == FIXATION) & (heading.abs() <= SCREEN / 2)
        parts = [torch.stack([angle.sin(), angle.cos(), on_screen, cross.to(heading.dtype)], dim=-1)]
        for side, x in ((LEFT, -ECCENTRICITY), (RIGHT, ECCENTRICITY)):
            seen = (state["period"] == CHOICE) & ((heading - x).abs() <= SCREEN / 2)
            parts.append(self._shown(heading.device)[self.image_on(state, side)] * seen[..., None])
        return torch.cat(parts, dim=-1)

    def render(self, state: State) -> Tensor:
        """Draw views: (network, episode, column, row, colour).

        A view is put together from whole columns of the atlas: those of the surround, of the surround with the cross, and of
        the images on the screen.
        """
        width, around = self.image_size, self.surround_columns
        degrees_per_pixel = SCREEN / self.view_size
        heading = state["heading"]
        if self.still_view:
            heading = torch.where((state["period"] == CHOICE) & (heading.abs() < ECCENTRICITY), 0.0, heading)
        offset = torch.arange(self.view_size, device=heading.device) - self.view_size // 2
        column = torch.round(heading / degrees_per_pixel).long()[..., None] + offset
        index = column % around + around * (state["period"] == FIXATION)[..., None]
        for side, x in ((LEFT, -ECCENTRICITY), (RIGHT, ECCENTRICITY)):
            within = column - round(x / degrees_per_pixel) + width // 2
            inside = (within >= 0) & (within < width) & (state["period"] == CHOICE)[..., None]
            index = torch.where(inside, 2 * around + self.image_on(state, side)[..., None] * width + within, index)
        rows = self._shown(heading.device).index_select(0, index.flatten())
        return rows.view(*index.shape, self.view_size, 3)

    def trial_columns(self, state: State) -> dict[str, Any]:
        """Columns of trials that just ended: whether the rewarded image was chosen, where it was, and which images there were."""
        correct = state["choice"] == state["rewarded_side"]
        return {
            "choice": state["choice"],
            "reward": torch.where(correct, CHOICE_REWARD, -CHOICE_REWARD),
            "correct": correct,
            "rewarded_side": np.array(["left", "right"])[state["rewarded_side"].numpy()],
            "rewarded_image": state["rewarded_image"],
            "wrong_image": state["wrong_image"],
            "steps": state["steps"],
            # What one can know of the rewarded image before the images come: how it differs from the other.
            "rewarded_is_brighter": self.brightness[state["rewarded_image"]] > self.brightness[state["wrong_image"]],
        }
