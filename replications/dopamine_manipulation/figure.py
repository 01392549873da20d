"""Draw Fig. 7 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from replications.dopamine_manipulation import supplement
from replications.dopamine_manipulation.claims import PUBLISHED, level_of
from replications.dopamine_manipulation.settings import (
    ALL,
    MAIN,
    MANIPULATIONS,
    Manipulation,
    RiskyChoice,
)
from replications.dopamine_manipulation.supplement import (
    PLACES,
    TITLES,
    at_test,
    choice_axes,
    probabilities,
)

KINDS = {"control": ("o", -0.1), "experimental": ("s", 0.1)}
"""Marker, and offset from the position of the probability."""


def draw_shift(ax: Axes, manipulation: Manipulation, start: float, end: float) -> None:
    """Draw a large pale arrow from control to manipulated choice, at the tested probability."""
    if not np.isfinite([start, end]).all():
        return
    x = PLACES[manipulation.level]
    style: dict[str, Any] = {
        "arrowstyle": "simple,head_length=7,head_width=14,tail_width=7",
        "color": "#f3d9a4",
        "lw": 0,
        "zorder": 0,
    }
    ax.add_patch(FancyArrowPatch((x, start), (x, end), shrinkA=0, shrinkB=0, **style))


def draw_rats(ax: Axes, manipulation: Manipulation) -> None:
    """Fig. 7a: rats, mean ± s.e.m. (Stopper et al. 2014)."""
    frame = storage.published("fig7a").astype({"x": float})
    frame = frame.assign(level=level_of(frame["x"]))
    levels = frame.groupby("level")["x"].first()
    choice_axes(ax, {str(level): f"{x:g}" for level, x in levels.items()})
    rats = frame[frame["panel"] == f"a {manipulation.series}"]
    shift = rats[rats["level"] == manipulation.level].set_index("series")["y"]
    draw_shift(ax, manipulation, shift["rats control"], shift["rats experimental"])
    for kind, (marker, offset) in KINDS.items():
        line = rats[rats["series"] == f"rats {kind}"].sort_values("x", ascending=False)
        x = line["level"].map(PLACES) + offset
        style: dict[str, Any] = {"color": COLORS[kind], "marker": marker, "ms": 3.5, "lw": 1}
        ax.errorbar(x, line["y"], line["err"], elinewidth=0.8, **style)
    ax.set_title(TITLES[manipulation.name])


def draw_networks(
    ax: Axes, effects: pd.DataFrame, manipulation: Manipulation, task: RiskyChoice
) -> None:
    """Fig. 7b: mean over networks with its 95 % interval, every network, the published networks."""
    choice_axes(ax, probabilities(task))
    networks = effects[effects["manipulation"] == manipulation.name]
    published = PUBLISHED.query("series == @manipulation.series").set_index("level")
    tested = at_test(networks, manipulation)
    draw_shift(ax, manipulation, tested["control"].mean(), tested["experimental"].mean())
    for kind, (marker, offset) in KINDS.items():
        color = COLORS[kind]
        for level, x in PLACES.items():
            values = networks.loc[networks["level"] == level, kind]
            plotting.dots(ax, x + 2.1 * offset, values, color, width=0.04, size=3)
            plotting.mean_interval(ax, x + offset, values, color)
        diamonds = [x + 3.2 * offset for x in PLACES.values()]
        ax.plot(diamonds, published.loc[list(PLACES), kind], color=color, lw=0.6, ls=":")
        plotting.published_marker(ax, diamonds, published.loc[list(PLACES), kind])
        placed = networks.assign(place=networks["level"].map(PLACES) + offset)
        plotting.curve(ax, placed, "place", kind, color, marker=marker, ms=3.5, lw=1)
    ax.set_xlabel("probability of\nrisky reward")
    plotting.count(ax, networks["subject"].nunique(), y=1)


def draw_key(ax: Axes) -> None:
    """Draw the legend of the markers."""
    for kind, (marker, _) in KINDS.items():
        ax.plot([], [], color=COLORS[kind], marker=marker, ms=3.5, lw=1, label=kind)
    ax.scatter([], [], s=3, color="black", lw=0, label="each network")
    diamond: dict[str, Any] = {"marker": "D", "ms": 3.3, "mfc": "white", "mec": COLORS["published"]}
    ax.plot([], [], color="black", lw=0.6, ls=":", label="published\nnetworks", **diamond)
    ax.legend(loc="center left", bbox_to_anchor=(1.05, 0.5), handletextpad=0.5, borderaxespad=0)


def main_figure(effects: pd.DataFrame, task: RiskyChoice) -> Drawing:
    """Fig. 7."""
    figure = plotting.new_figure(130, 105)
    axes = figure.subplots(2, 3, sharey=True)
    for column, manipulation in enumerate(MANIPULATIONS):
        draw_rats(axes[0, column], manipulation)
        draw_networks(axes[1, column], effects, manipulation, task)
    axes[0, 0].set_ylabel("rats: risky choice (%)")
    axes[1, 0].set_ylabel("networks: risky choice (%)")
    draw_key(axes[1, 2])
    panels = {"a": list(axes[0]), "b": list(axes[1])}
    figure.subplots_adjust(left=0.1, right=0.83, top=0.9, bottom=0.13, wspace=0.15, hspace=0.2)
    return plotting.lettered("fig7", figure, panels)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure and its supplement."""
    effects, task = results["manipulation_effects"], results.settings[MAIN].task
    effects = effects[(effects["variant"] == MAIN) & (effects["pulls"] == ALL)]
    yield main_figure(effects, task)
    yield supplement.draw(results, task)
