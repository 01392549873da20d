"""Figures as in the paper: one style, sizes in millimetres, colours by meaning, files with provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from prefrontal import paths, tables
from prefrontal.statistics import interval

SINGLE_COLUMN, DOUBLE_COLUMN = 89.0, 183.0
"""Widths of the journal's columns, mm."""

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
}
"""Colour of everything that a figure distinguishes."""


def new_figure(width_mm: float = DOUBLE_COLUMN, height_mm: float = 120.0) -> Figure:
    """Open a figure in the paper's style."""
    mpl.use("Agg")
    plt.style.use(Path(__file__).with_name("paper.mplstyle"))
    return plt.figure(figsize=(width_mm / 25.4, height_mm / 25.4))


def panel_label(ax: Axes, label: str, x_mm: float = -9.0, y_mm: float = 3.0) -> None:
    """Write a panel's bold letter at its upper left corner, offset in mm."""
    offset = (x_mm / 25.4 * 72, y_mm / 25.4 * 72)
    ax.annotate(
        label, (0, 1), offset, xycoords="axes fraction", textcoords="offset points", fontsize=9, fontweight="bold", va="bottom"
    )


def dots(ax: Axes, x: float, values: ArrayLike, color: str = "black", width: float = 0.12, size: float = 5) -> None:
    """Draw every network as a dot beside x, spread evenly by rank so that none hides another."""
    values = np.sort(np.asarray(values, dtype=float))
    spread = np.linspace(-width, width, len(values)) if len(values) > 1 else np.zeros(1)
    order = np.argsort(np.abs(spread), kind="stable")
    ax.scatter(x + spread[np.argsort(order)] if len(values) > 2 else x + spread, values, s=size, color=color, lw=0, zorder=3)


def bar(ax: Axes, x: float, values: ArrayLike, color: str, width: float = 0.7, base: float = 0.0) -> None:
    """Draw the mean over networks as a bar with its 95 % interval, and every network as a dot."""
    mean, low, high = interval(values)
    ax.bar(x, mean - base, width, bottom=base, color=color, zorder=1)
    ax.plot([x, x], [low, high], color="black", lw=0.8, zorder=2)
    dots(ax, x, values)


def published(name: str) -> pd.DataFrame:
    """Digitised values of a published panel, such as "fig5e": columns figure, panel, series, x, y, err.

    Read off the figures of Wang et al. 2018; see data/published/README.md for accuracy and the original experiments.
    """
    return tables.read(paths.PUBLISHED / f"{name}.csv")


def published_marker(ax: Axes, x: ArrayLike, y: ArrayLike, label: str | None = None) -> None:
    """Mark published model values: open grey diamonds, the same in every figure."""
    ax.scatter(x, y, marker="D", s=12, facecolor="white", edgecolor=COLORS["published"], lw=0.9, zorder=4, label=label)


def save(figure: Figure, name: str, folder: Path, about: dict[str, Any], panels: dict[str, Sequence[Axes]] | None = None) -> None:
    """Write <name>.png and .pdf, and every panel as <name>_<panel>.png, with provenance in their metadata and manifest.json.

    Parameters
    ----------
    about : dict
        Provenance.
    panels : dict, optional
        The axes that make up each panel, by its letter.
    """
    note = json.dumps(about, default=str)
    figure.canvas.draw()
    for suffix, metadata in ((".png", {"Description": note}), (".pdf", {"Subject": note, "CreationDate": None})):
        with paths.atomic(folder / f"{name}{suffix}") as path:
            figure.savefig(path, metadata=metadata)
    for letter, axes in (panels or {}).items():
        boxes = [ax.get_tightbbox() for ax in axes]
        box = mpl.transforms.Bbox.union([b for b in boxes if b is not None]).padded(6)
        with paths.atomic(folder / f"{name}_{letter}.png") as path:
            figure.savefig(path, bbox_inches=box.transformed(figure.dpi_scale_trans.inverted()), metadata={"Description": note})
    manifest = folder / "manifest.json"
    entries = json.loads(manifest.read_text()) if manifest.exists() else {}
    with paths.atomic(manifest) as path:
        path.write_text(json.dumps(dict(sorted((entries | {name: about}).items())), indent=1, default=str) + "\n")
    plt.close(figure)
