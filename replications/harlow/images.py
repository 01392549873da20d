"""Images for Harlow's task: drawn from a seed, cut from photographs, or the user's own.

Sets of images are tensors (images, column, row, colour), uint8. Training and held-out images are
drawn by the same rules from different random streams; no image occurs in both.
"""

from __future__ import annotations

import colorsys
import functools
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, UnidentifiedImageError
from torch import Tensor

from prefrontal.errors import UserError
from replications.harlow.settings import VIEW_PIXELS, Harlow, ImageSet

IMAGE_PIXELS = 34
"""Side of an image in pixels, in a view of 84 (Wang et al. 2018, Methods, simulation 5)."""

CODE_LENGTH = 16
"""Length of the vector that stands for an image in the symbolic version."""

SCREEN = 65.0
"""Width of the screen in degrees (Methods), and of the view (our reading)."""

SCREEN_GREY, FRAME_GREY = 205, 60

SURROUND_CONTRAST = 0.15
"""Contrast of the surround, faint as if far behind a lit screen (not stated; evidence.md)."""

IMAGES = 1000
"""Images for training, and as many held out for the test (Methods, simulation 5)."""

SUPERSAMPLING = 4

LEAST_CONTRAST = 40
"""Smallest standard deviation, of 255, of a crop's values; excludes empty sky and dark leaves."""


def read_images(settings: Harlow, name: ImageSet) -> Tensor:
    """Return a set of images, drawn or the user's, or in the symbolic version their vectors."""
    if settings.view == "symbols":
        return image_codes(name)
    if settings.images and name != "photographs":
        pictures = read_folder(Path(settings.images), settings.view_size)
        return pictures[name != "training" :: 2]
    return image_bank(name, settings.view_size)


def generator(purpose: str) -> np.random.Generator:
    """Return random numbers for a purpose, always the same."""
    return np.random.default_rng([1949, *purpose.encode()])


@functools.cache
def image_bank(name: ImageSet, view_size: int = VIEW_PIXELS) -> Tensor:
    """Draw the images of a set, sized for a view.

    Parameters
    ----------
    name : {"training", "held out", "photographs"}
    view_size : int
        Pixels along each side of the view; images shrink with it.

    Returns
    -------
    Tensor
        (images, column, row, colour), uint8.
    """
    size = round(IMAGE_PIXELS * view_size / VIEW_PIXELS)
    rng = generator(f"{name} images")
    if name == "photographs":
        return to_bank([crop(rng, size) for _ in range(IMAGES)])
    return to_bank([draw(rng, size) for _ in range(IMAGES)])


def to_bank(images: list[Image.Image]) -> Tensor:
    """Stack pictures as (images, column, row, colour)."""
    return torch.from_numpy(
        np.stack([np.asarray(image) for image in images]).transpose(0, 2, 1, 3).copy()
    )


def color(rng: np.random.Generator) -> tuple[int, int, int]:
    """Draw a colour of any hue, mostly saturated and bright."""
    hue, saturation, value = rng.random(), rng.beta(2, 1), rng.uniform(0.25, 1)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw(rng: np.random.Generator, size: int) -> Image.Image:
    """Draw an image: a field of two colours, one to four shapes, and up to three strokes."""
    large = size * SUPERSAMPLING
    picture = field(rng, large)
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 5)):
        shape(rng, pen, large)
    for _ in range(rng.integers(0, 4)):
        corners = rng.uniform(0, large, (rng.integers(2, 5), 2))
        points = [(float(x), float(y)) for x, y in corners]
        fill, width = color(rng), int(rng.integers(large // 30, large // 8))
        pen.line(points, fill=fill, width=width, joint="curve")
    return picture.resize((size, size), Image.Resampling.BOX)


def field(rng: np.random.Generator, size: int) -> Image.Image:
    """Blend two colours by a gradient, a grating, a chequerboard or smooth noise."""
    y, x = np.mgrid[0:size, 0:size] / size
    angle, waves, phase = rng.uniform(0, np.pi), rng.uniform(0.5, 6), rng.uniform(0, 2 * np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    texture, frequency = rng.integers(4), 2 * np.pi * waves
    if texture == 0:
        blend = (along - along.min()) / np.ptp(along)
    elif texture == 1:
        blend = 0.5 + 0.5 * np.sin(frequency * along + phase)
    elif texture == 2:
        product = np.sin(frequency * along + phase) * np.sin(frequency * across)
        blend = 0.5 + 0.5 * np.sign(product)
    else:
        coarse = Image.fromarray((255 * rng.random((5, 5))).astype(np.uint8))
        blend = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)) / 255
    first, second = np.array(color(rng)), np.array(color(rng))
    return Image.fromarray((first + blend[..., None] * (second - first)).astype(np.uint8))


def shape(rng: np.random.Generator, pen: ImageDraw.ImageDraw, size: int) -> None:
    """Draw an ellipse, a ring, or a polygon with three to seven corners."""
    x, y = rng.uniform(0.2, 0.8, 2) * size
    a, b = rng.uniform(0.1, 0.4, 2) * size
    box = (x - a, y - b, x + a, y + b)
    form = rng.integers(3)
    if form == 0:
        pen.ellipse(box, fill=color(rng))
    elif form == 1:
        outline, width = color(rng), int(rng.integers(size // 20, size // 8))
        pen.ellipse(box, outline=outline, width=width)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        corners = [(float(x + a * np.cos(t)), float(y + b * np.sin(t))) for t in angles]
        pen.polygon(corners, fill=color(rng))


def crop(rng: np.random.Generator, size: int) -> Image.Image:
    """Cut a square out of one of the two photographs that scikit-learn ships."""
    while True:
        photograph = photographs()[rng.integers(2)]
        side = int(rng.integers(60, 200))
        left = int(rng.integers(0, photograph.width - side))
        top = int(rng.integers(0, photograph.height - side))
        picture = photograph.crop((left, top, left + side, top + side))
        picture = picture.resize((size, size), Image.Resampling.BOX)
        if np.asarray(picture).std() > LEAST_CONTRAST:
            return picture


@functools.cache
def photographs() -> list[Image.Image]:
    """Return a temple and a flower (427 x 640 pixels)."""
    from sklearn.datasets import load_sample_images  # slow to import

    return [Image.fromarray(array) for array in load_sample_images().images]


def read_folder(folder: Path, view_size: int = VIEW_PIXELS) -> Tensor:
    """Read the user's pictures, PNG or JPEG of any size, cut to squares.

    Raises
    ------
    UserError
        The folder has fewer than four pictures, one is unreadable, or two look the same.
    """
    paths = sorted(
        path for path in folder.glob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg")
    )
    if len(paths) < 4:
        raise UserError(
            f"{folder}: {len(paths)} pictures (.png, .jpg, .jpeg) found; "
            "at least 4 are needed, 2 to be held out"
        )
    size = round(IMAGE_PIXELS * view_size / VIEW_PIXELS)
    pictures: dict[bytes, Image.Image] = {}
    for path in paths:
        try:
            with Image.open(path) as picture:
                whole = picture.convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise UserError(f"{path}: not a readable PNG or JPEG picture ({error})") from error
        side = min(whole.size)
        left, top = (whole.width - side) // 2, (whole.height - side) // 2
        square = whole.crop((left, top, left + side, top + side))
        square = square.resize((size, size), Image.Resampling.LANCZOS)
        if square.tobytes() in pictures:
            raise UserError(f"{path}: looks the same as another picture of the folder")
        pictures[square.tobytes()] = square
    return to_bank([*pictures.values()])


@functools.cache
def image_codes(name: ImageSet, length: int = CODE_LENGTH) -> Tensor:
    """Draw the vectors that stand for the images of a set, (images, length), standard normal."""
    codes = generator(f"{name} codes").standard_normal((IMAGES, length))
    return torch.from_numpy(codes.astype(np.float32))


def panorama(view_size: int) -> np.ndarray:
    """Draw the subject's surroundings, all round: (column, row, colour) in 0-255.

    Sky, ground and a hilly horizon, so that every direction looks different, and in front of them
    the blank screen, whose middle is column 0.
    """
    columns = round(360 / SCREEN * view_size)
    angle = np.arange(columns) / columns * 2 * np.pi
    height = (np.arange(view_size) + 0.5) / view_size
    horizon = 0.45 + 0.08 * np.sin(3 * angle + 1) + 0.05 * np.sin(7 * angle + 2)
    horizon = horizon + 0.03 * np.sin(17 * angle)
    sky = np.array([120, 170, 220]) + 35 * np.sin(angle)[:, None] * np.array([1, 0, -1])
    ground = np.array([110, 130, 70]) + 35 * np.cos(angle)[:, None] * np.array([1, 0.3, -0.6])
    below = (height > horizon[:, None])[..., None]
    shade = (0.75 + 0.25 * np.abs(height - horizon[:, None]) / 0.55)[..., None]
    landscape = np.where(below, ground[:, None], sky[:, None]) * shade
    view = SCREEN_GREY + SURROUND_CONTRAST * (landscape - SCREEN_GREY)
    distance = np.minimum(np.arange(columns), columns - np.arange(columns))
    view[distance <= view_size // 2] = blank_column(view_size)
    return view


def blank_column(view_size: int) -> np.ndarray:
    """Draw one column of the blank screen and its frame: (row, colour)."""
    height = (np.arange(view_size) + 0.5) / view_size
    grey = np.where(np.abs(height - 0.5) < 0.42, SCREEN_GREY, FRAME_GREY)
    return grey[:, None].repeat(3, axis=1)


def atlas(images: Tensor, view_size: int) -> Tensor:
    """Draw all columns of views: of the surround, of the same with the cross, and of all images.

    Parameters
    ----------
    images : Tensor
        (images, column, row, colour), uint8.

    Returns
    -------
    Tensor
        (columns, row x colour), uint8.
    """
    around = panorama(view_size)
    with_cross = around.copy()
    arm, half, middle = max(2, view_size // 14), max(1, view_size // 56), view_size // 2
    for columns, rows in ((half, arm), (arm, half)):
        across, down = np.arange(-columns, columns), np.arange(middle - rows, middle + rows)
        with_cross[across[:, None], down] = (220, 20, 20)
    size = images.shape[1]
    top = (view_size - size) // 2
    on_screen = np.tile(blank_column(view_size), (len(images), size, 1, 1))
    on_screen[:, :, top : top + size] = images.numpy()
    whole = np.concatenate([around, with_cross, on_screen.reshape(-1, view_size, 3)])
    return torch.from_numpy(whole.clip(0, 255).astype(np.uint8)).flatten(1)
