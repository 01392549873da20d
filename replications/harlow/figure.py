"""Draw Fig. 6 of Wang et al. 2018 from our results."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import summarize
from prefrontal.tables.storage import published
from replications.harlow import supplement
from replications.harlow.analysis import LAST
from replications.harlow.claims import FINAL
from replications.harlow.settings import MAIN, SYMBOLS
from replications.harlow.supplement import (
    LABELS,
    LEGEND,
    of_variant,
    performance_axes,
    variants_of,
)

VIEWS = ("fixation", "choice", "turned")
LOWEST = 24
"""Lower end of Fig. 6b-d, percent; the paper's 40 leaves no room for the legend."""
MARKERS = "osv^DPX"


def stage_styles(count: int) -> list[dict[str, Any]]:
    """Colours from light to dark, each with a marker, so that stages can also be told apart without
    colour."""
    colors, markers = sns.color_palette("viridis_r", count), itertools.cycle(MARKERS)
    return [{"color": c, "marker": m} for c, m in zip(colors, markers, strict=False)]


def draw_views(axes: list[Axes], results: Results) -> None:
    """Fig. 6a: the view during fixation, with the images, and turned to one side."""
    for ax, name in zip(axes, VIEWS, strict=True):
        ax.imshow(plt.imread(results.folder / f"view_{name}.png"))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.set_xlabel(name if name != "turned" else "turned to the right", fontsize=6)


def draw_monkeys(ax: Axes) -> None:
    """Fig. 6b: Harlow's monkeys, by stage of training."""
    frame = published("fig6b")

    def order(name: str) -> tuple[int, int]:
        return int(name.split("problems ")[1].split("-")[0]), -len(name)

    names = [name for name in sorted(frame["series"].unique(), key=order) if "1-100" not in name]
    for name, style in zip(names, stage_styles(len(names)), strict=True):
        series = frame[frame["series"] == name]
        label = name.removeprefix("monkeys, ").removesuffix(" (Harlow 1949)")
        ax.plot(series["x"], series["y"], ms=3, lw=1, label=label, **style)
    performance_axes(ax, LOWEST, "monkeys (Harlow 1949)")
    ax.legend(fontsize=5, ncols=2, **LEGEND)


def draw_stages(ax: Axes, variant: str, results: Results) -> None:
    """Fig. 6c: accuracy by trial at six stages of training and at the end, over all networks."""
    staged = of_variant(results["accuracy_by_stage"], variant)
    networks = of_variant(results["networks"], variant)
    reached = networks["at_ceiling"].eq(True).sum()
    count = f"n = {len(networks)} networks, {reached} at ceiling"
    performance_axes(ax, LOWEST, f"{LABELS[variant]}\n{count}")
    stages = list(dict.fromkeys(staged["stage"]))
    for stage, style in zip(stages, stage_styles(len(stages)), strict=True):
        means = summarize(staged[staged["stage"] == stage], ["trial"], "accuracy")
        means = means.replace([np.inf, -np.inf], np.nan)
        low, mean, high = (100 * means[name] for name in ("ci_low", "mean", "ci_high"))
        error = np.nan_to_num([mean - low, high - mean])
        label = LAST if stage == LAST else f"stage {stage}"
        size: dict[str, Any] = {"ms": 3, "lw": 1, "elinewidth": 0.6}
        ax.errorbar(means["trial"], mean, error, label=label, **size, **style)
    plotting.published_marker(ax, FINAL.index, FINAL, "published, final")
    ax.legend(fontsize=5, ncols=2, **LEGEND)


def compose(results: Results) -> Drawing:
    """Compose Fig. 6; networks that see symbols are left out where there are none."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    margins = {"left": 0.08, "right": 0.98, "bottom": 0.1, "top": 0.94}
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.9), hspace=0.4, wspace=0.35, **margins)
    views = [figure.add_subplot(grid[0, k]) for k in range(3)]
    draw_views(views, results)
    panels = {"a": views, "b": [figure.add_subplot(grid[1, 0])]}
    draw_monkeys(panels["b"][0])
    present = variants_of(results["networks"])
    for k, (letter, variant) in enumerate({"c": MAIN, "d": SYMBOLS}.items(), 1):
        if variant in present:
            panels[letter] = [figure.add_subplot(grid[1, k])]
            draw_stages(panels[letter][0], variant, results)
    for letter, axes in panels.items():
        x, y = (-20, 0) if letter == "a" else (-9, 3)
        plotting.panel_label(axes[0], letter, x_mm=x, y_mm=y)
    return Drawing("fig6", figure, panels)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw Fig. 6, its supplement, and the further variants."""
    yield compose(results)
    yield supplement.draw_supplement(results)
    if "variations_learning" in results:
        yield supplement.draw_further_variants(results)
