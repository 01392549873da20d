"""Helpers for figures as in the paper: style, sizes in millimetres, colours by meaning,
provenance."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from prefrontal import files
from prefrontal.errors import UserError
from prefrontal.statistics import interval, summarize

SINGLE_COLUMN, DOUBLE_COLUMN = 89.0, 183.0
"""Widths of the journal's columns, mm."""

VISIBLE = 16
"""Grey levels (of 255): pixels that differ by no more look the same, since processors round the
ends of lines differently, and a palette follows every pixel."""

COLORS = {
    "network": "#2b5fa8",
    "published": "#8a8a8a",
    "animal": "#7a4fa3",
    "independent": "#c0392b",
    "correlated": "#2b5fa8",
    "left": "#9ecae1",
    "right": "#1f4e8c",
    "common": "#2b5fa8",
    "uncommon": "#c0392b",
    "rewarded": "#2b5fa8",
    "unrewarded": "#c0392b",
    "held out": "#c0392b",
    "trained": "#2b5fa8",
    "stable": "#8fbfe0",
    "volatile": "#e8923a",
    "learning rate": "#c0392b",
    "volatility": "#3a9d5d",
    "old cue": "#2e8b57",
    "new cue": "#c2418e",
    "experimental": "#2b5fa8",
    "control": "#c0392b",
    "model-free": "#8a8a8a",
    "model-based": "#222222",
    "cue": "#e8923a",
}
"""Colours by meaning."""


def new_figure(width_mm: float = DOUBLE_COLUMN, height_mm: float = 120.0) -> Figure:
    """Open a figure in the paper's style."""
    mpl.use("Agg")
    plt.style.use(Path(__file__).with_name("paper.mplstyle"))
    return plt.figure(figsize=(width_mm / 25.4, height_mm / 25.4))


def mosaic(layout: str, height_mm: float, **grid: Any) -> tuple[Figure, dict[str, Axes]]:
    """Open a double-column figure with axes laid out by letters, such as "ab;cc";
    ``grid`` has margins and ratios."""
    figure = new_figure(DOUBLE_COLUMN, height_mm)
    return figure, figure.subplot_mosaic(layout, gridspec_kw=grid)


def panel_label(ax: Axes, label: str, x_mm: float = -9.0, y_mm: float = 3.0) -> None:
    """Write a panel's bold letter at its upper left corner, offset in mm."""
    offset = (x_mm / 25.4 * 72, y_mm / 25.4 * 72)
    ax.annotate(
        label,
        (0, 1),
        offset,
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        fontweight="bold",
        va="bottom",
    )


def dots(
    ax: Axes,
    x: float,
    values: ArrayLike,
    color: str = "black",
    width: float = 0.12,
    size: float = 5,
) -> None:
    """Draw every network as a dot next to x, spread evenly by rank so that dots do not overlap."""
    values = np.sort(np.asarray(values, dtype=float))
    spread = np.linspace(-width, width, len(values)) if len(values) > 1 else np.zeros(len(values))
    if len(values) > 2:
        spread = spread[np.argsort(np.argsort(np.abs(spread), kind="stable"))]
    ax.scatter(x + spread, values, s=size, color=color, lw=0, zorder=3)


def mean_interval(
    ax: Axes,
    x: float,
    values: ArrayLike,
    color: str = "black",
    half: float = 0.0,
    widths: tuple[float, float] = (1.2, 0.8),
) -> None:
    """Draw the 95 % interval over networks as a vertical line, and the mean as a horizontal line of
    half-width ``half``; line widths in points."""
    mean, low, high = interval(values)
    ax.plot([x, x], [low, high], color=color, lw=widths[1])
    if half:
        ax.plot([x - half, x + half], [mean, mean], color=color, lw=widths[0])


def bar(
    ax: Axes, x: float, values: ArrayLike, color: str, width: float = 0.7, base: float = 0.0
) -> None:
    """Draw the mean over networks as a bar with its 95 % interval, and every network as a dot."""
    ax.bar(x, interval(values)[0] - base, width, bottom=base, color=color, zorder=1)
    mean_interval(ax, x, values)
    dots(ax, x, values, width=min(0.12, 0.35 * width))


def curve(
    ax: Axes,
    frame: pd.DataFrame,
    x: str,
    y: str,
    color: Any,
    *,
    band: float = 0.0,
    each: tuple[float, float] | None = None,
    **line: Any,
) -> None:
    """Draw the mean of column y over networks along column x.

    Parameters
    ----------
    band : float
        Opacity of the 95 % interval; 0 for none.
    each : pair of float, optional
        Spread and size of the networks' dots.
    line
        Style of the mean's line.
    """
    if frame.empty:
        return
    means = summarize(frame, [x], y).sort_values(x)
    ax.plot(means[x], means["mean"], color=color, **line)
    if band:
        ax.fill_between(means[x], means["ci_low"], means["ci_high"], color=color, alpha=band, lw=0)
    if each:
        for place in means[x]:
            dots(ax, place, frame.loc[frame[x] == place, y], color, *each)


def lines(
    ax: Axes, frame: pd.DataFrame, x: str, y: str, *, label: str | None = None, **style: Any
) -> None:
    """Draw column y along column x, one line per network."""
    for _, network in frame.groupby("subject"):
        ax.plot(network[x], network[y], label=label, **style)
        label = None


def published_marker(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    label: str | None = None,
    color: str = COLORS["published"],
    size: float = 12,
) -> None:
    """Mark published model values by open diamonds, grey unless several would coincide."""
    ax.scatter(
        x, y, marker="D", s=size, facecolor="white", edgecolor=color, lw=0.9, zorder=4, label=label
    )


def networks_each(frame: pd.DataFrame) -> int:
    """Count the networks of the largest variant."""
    return int(frame.groupby("variant")["subject"].nunique().max())


def count(ax: Axes, n: int, what: str = "networks", x: float = 1.0, y: float = 0.0) -> None:
    """Write the number of networks in a corner of the axes, by default the lower right."""
    ha, va = "right" if x > 0.5 else "left", "top" if y > 0.5 else "bottom"
    ax.text(x, y, f"n = {n} {what}", transform=ax.transAxes, ha=ha, va=va, fontsize=5.5)


@dataclass(frozen=True)
class Drawing:
    """A figure that is ready to be saved.

    Attributes
    ----------
    name : str
        File name without suffix, such as "fig5", which is also the heading of its caption.
    figure : matplotlib Figure
    panels : dict
        The axes of each panel, by its letter; each panel is also saved as a separate file.
    about : dict, optional
        Provenance; by default that of the experiment's claims.
    """

    name: str
    figure: Any
    panels: dict[str, Any]
    about: dict[str, Any] | None = None


def lettered(
    name: str,
    figure: Figure,
    panels: Mapping[str, Any],
    split: bool = True,
    about: dict[str, Any] | None = None,
) -> Drawing:
    """Label the panels, each of one or several axes, with their letters.

    Parameters
    ----------
    split : bool
        Also save every panel as a separate file.
    """
    axes = {letter: [ax] if isinstance(ax, Axes) else list(ax) for letter, ax in panels.items()}
    for letter, (first, *_) in axes.items():
        panel_label(first, letter)
    return Drawing(name, figure, axes if split else {}, about)


def save(
    figure: Figure,
    name: str,
    folder: Path,
    about: dict[str, Any],
    panels: dict[str, Sequence[Axes]],
) -> None:
    """Write <name>.png and .pdf, and every panel as <name>_<panel>.png, with provenance in their
    metadata.

    Files that would look the same are left alone.

    Parameters
    ----------
    about : dict
        Provenance.
    panels : dict
        The axes that make up each panel, by its letter.
    """
    note = json.dumps(about, default=str)
    files.prepare_folder(folder)
    figure.draw_without_rendering()
    whole = pixels(figure, note)
    same = looks_like(folder / f"{name}.png", whole)
    if not same or not (folder / f"{name}.pdf").exists():
        with files.atomic(folder / f"{name}.pdf") as path:
            figure.savefig(path, format="pdf", metadata={"Subject": note, "CreationDate": None})
    extents = {ax: box for ax in figure.axes if (box := ax.get_tightbbox()) is not None}
    for letter, axes in panels.items():
        box = mpl.transforms.Bbox.union([extents[ax] for ax in axes if ax in extents]).padded(12)
        for ax in figure.axes:
            ax.set_visible(ax in axes)
        image = pixels(figure, note, bbox_inches=box.transformed(figure.dpi_scale_trans.inverted()))
        if not looks_like(folder / f"{name}_{letter}.png", image):
            write_pixels(image, folder / f"{name}_{letter}.png")
    if not same:  # last: as long as it is the old one, the others do not count as new
        write_pixels(whole, folder / f"{name}.png")
    plt.close(figure)


def pixels(figure: Figure, note: str, **options: Any) -> io.BytesIO:
    """Draw a PNG file in memory, with a palette of 256 colours, which makes it a third as large."""
    drawn, new, metadata = io.BytesIO(), io.BytesIO(), PngInfo()
    figure.savefig(drawn, format="png", **options)
    metadata.add_text("Description", note)
    with Image.open(drawn) as image:
        small = with_palette(image.convert("RGB"))
        small.save(new, "PNG", optimize=True, dpi=image.info["dpi"], pnginfo=metadata)
    return new


def with_palette(image: Image.Image) -> Image.Image:
    """Reduce an image to 256 colours: half of them the most frequent ones, which stay as they are,
    half a coarse cover of the others."""
    half = 128
    counted: Any = image.getcolors(image.width * image.height)  # (count, colour)
    colors = np.array([color for _, color in sorted(counted, reverse=True)])
    cover = image.quantize(half, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = np.concatenate([colors[:half], np.array(cover).reshape(-1, 3)])
    entry, places = np.zeros(1 << 24, np.uint8), np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    entry[colors @ places] = ((colors[:, None] - palette) ** 2).sum(-1).argmin(1)
    small = Image.fromarray(entry[np.asarray(image, dtype=np.int32) @ places], "P")
    small.putpalette(palette.ravel().tolist())
    return small


def write_pixels(new: io.BytesIO, path: Path) -> None:
    """Write a PNG file."""
    with files.atomic(path) as temporary:
        temporary.write_bytes(new.getvalue())


def looks_like(path: Path, new: io.BytesIO) -> bool:
    """Return whether an existing file looks the same as a new image."""
    try:
        return same_image(path, new)
    except OSError:  # missing or broken file
        return False


def same_image(a: Path | io.BytesIO, b: Path | io.BytesIO) -> bool:
    """Return whether two images look the same: no pixel differs by more than rounding could
    explain."""
    with Image.open(a) as first, Image.open(b) as second:
        if first.size != second.size or first.mode != second.mode:
            return False
        levels = [np.asarray(image.convert("RGB"), dtype=np.int16) for image in (first, second)]
        return int(np.abs(levels[0] - levels[1]).max(initial=0)) <= VISIBLE


def provenance(path: Path) -> dict[str, Any]:
    """Read the provenance in a figure's PNG file."""
    try:
        with Image.open(path) as image:
            image.load()
            return json.loads(image.info.get("Description", "{}"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises them for broken files
        raise UserError(
            f"{path}: not a readable figure ({error}); delete it and draw it again"
        ) from error
