"""Draw Fig. 4 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from replications.inferred_value.claims import PUBLISHED
from replications.inferred_value.settings import (
    CHOSEN,
    DRAWN,
    MAIN,
    OBSERVERS,
    PANELS,
    PERIODS,
    RESET,
    ROLES,
    SERIES,
    STATED,
)

TITLES = {
    "before": "reversal trial\n(before its outcome)",
    "experienced": "next trial, same cue\n(experienced)",
    "inferred": "next trial, other cue\n(inferred)",
}
STATE_COLORS = {MAIN: COLORS["network"], RESET: COLORS["volatile"]}
SIDE_COLORS = {"left": COLORS["unrewarded"], "right": COLORS["rewarded"]}
SIDE_MARKERS = {"left": "x", "right": "o"}
OBSERVER_STYLES = dict(zip(OBSERVERS, (":", "-"), strict=True))


def draw_monkeys(axes: list[Axes]) -> None:
    """Fig. 4a: dopamine neurons of monkeys around the cue, digitised."""
    frame = storage.published("fig4a")
    for ax, panel in zip(axes, PANELS, strict=True):
        for series, role in SERIES.items():
            curve = frame[frame["panel"].str.contains(panel) & (frame["series"] == series)]
            curve = curve.sort_values("x")
            ax.plot(curve["x"].astype(float), curve["y"], color=COLORS[role])
        ax.axvline(0, color="black", lw=0.5, ls=":")
        ax.set(xlim=(-100, 600), ylim=(0, 25), title=TITLES[panel], xlabel="time from cue (ms)")
    axes[0].set_ylabel("monkey dopamine neurons\n(spikes/s)")


def draw_rpes(axes: list[Axes], rpes: pd.DataFrame) -> None:
    """Fig. 4b: RPEs of every network, the published networks and two ideal observers."""
    steps = np.arange(len(DRAWN), dtype=float)
    for ax, panel in zip(axes, PANELS, strict=True):
        ax.axhline(0, color="black", lw=0.5, ls=":")
        for role in ROLES:
            shown = rpes[(rpes["panel"] == panel) & (rpes["role"] == role)]
            networks, color = shown[shown["variant"] == MAIN], COLORS[role]
            ax.plot(steps, networks[DRAWN].mean(), color=color, lw=1.2)
            for x, period in zip(steps, DRAWN, strict=True):
                plotting.dots(ax, x, networks[period], color, width=0.09)
            paper = [PUBLISHED[panel, role, period] for period in DRAWN]
            plotting.published_marker(ax, steps + 0.24, paper)
            for variant, style in OBSERVER_STYLES.items():
                level = shown.loc[shown["variant"] == variant, "cue"].mean()
                ax.plot([0.66, 1.34], [level, level], color="black", lw=0.8, ls=style, zorder=1)
        ax.set(xlim=(-0.4, 2.6), ylim=(-0.52, 0.52), xticks=steps)
        ax.set_xticklabels(DRAWN)
    axes[0].set_ylabel("networks' reward prediction error")


def label_rpes(ax: Axes, hazard: float) -> None:
    """Explain the marks of Fig. 4a, b."""
    lines: dict[str, dict[str, Any]] = {
        "cue rewarded before the reversal": {"color": COLORS[ROLES[0]]},
        "cue rewarded after the reversal": {"color": COLORS[ROLES[1]]},
        "one network each": {"color": "black", "marker": "o", "ms": 2, "lw": 0},
        "published networks": {
            "marker": "D",
            "ms": 3,
            "mfc": "white",
            "mec": COLORS["published"],
            "lw": 0,
        },
    }
    known, constant = (
        dict[str, Any](color="black", lw=0.8, ls=OBSERVER_STYLES[name]) for name in OBSERVERS
    )
    lines[f"ideal observer: hazard {hazard:g} per trial"] = constant
    lines["ideal observer: knows the block's start"] = known
    handles = [Line2D([], [], **style) for style in lines.values()]
    place: Any = {"loc": "center left", "bbox_to_anchor": (-0.28, 0.5)}
    ax.legend(handles, list(lines), labelspacing=0.8, fontsize=6, **place)
    ax.axis("off")


def states(table: pd.DataFrame) -> dict[str, str]:
    """Variants with carried and with reset state that were measured, and their colours."""
    measured = set(table["variant"])
    return {name: color for name, color in STATE_COLORS.items() if name in measured}


def draw_differences(ax: Axes, differences: pd.DataFrame) -> None:
    """Old minus new cue's RPE with the network's state carried, and reset at every block."""
    shifts, variants = {MAIN: -0.2, RESET: 0.2}, states(differences)
    for x, panel in enumerate(PANELS):
        for variant, color in variants.items():
            values = differences.loc[differences["variant"] == variant, panel]
            plotting.bar(ax, x + shifts[variant], values, color, 0.36)
        published = PUBLISHED[panel, "old cue", "cue"] - PUBLISHED[panel, "new cue", "cue"]
        plotting.published_marker(ax, [x - 0.45], [published])
        for variant, style in OBSERVER_STYLES.items():
            level = differences.loc[differences["variant"] == variant, panel].mean()
            ax.plot([x - 0.45, x + 0.45], [level, level], color="black", lw=0.8, ls=style)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xticks=range(len(PANELS)), ylim=(-1.05, 1.05), ylabel="cue RPE, old minus new cue")
    ax.set_xticklabels(["reversal\ntrial", "experi-\nenced", "inferred"])
    right: Any = {"ha": "right", "va": "top", "transform": ax.transAxes}
    for height, (variant, color) in zip((0.98, 0.86), variants.items(), strict=False):
        ax.text(0.99, height, f"state {variant}", color=color, **right)
    networks = differences.loc[differences["variant"] == MAIN, "seed"].nunique()
    plotting.count(ax, networks, "networks each", x=0.99, y=0.74)


def draw_components(axes: np.ndarray, points: pd.DataFrame) -> None:
    """Fig. 4c: principal components of one network on the reversal trial and the next."""
    for (row, column), ax in np.ndenumerate(axes):
        period = PERIODS[column]
        both = points[points["period"] == period]
        low, high = both[["pc1", "pc2"]].agg(["min", "max"]).to_numpy(float)
        margin, trial = 0.12 * (high - low), both[both["block_trial"] == row]
        for (rewarded, cue), group in trial.groupby(["rewarded_cue", "cue"]):
            marker, color = SIDE_MARKERS[cue], SIDE_COLORS[rewarded]
            style = {"facecolor": "none", "edgecolor": color} if marker == "o" else {"color": color}
            x, y = group["pc1"], group["pc2"]
            ax.scatter(x, y, s=5, marker=marker, lw=0.4, rasterized=True, **style)
        if (margin > 0).all():
            (left, bottom), (right, top) = low - margin, high + margin
            ax.set(xlim=(left, right), ylim=(bottom, top))
        ax.set(xticks=[], yticks=[])
        if row == 0:
            ax.set_title({"fixation": "central fixation", "saccade": "action"}.get(period, period))
        else:
            ax.set_xlabel("PC1")
    for row, name in enumerate(("reversal trial $n$", "trial $n$ + 1")):
        axes[row, 0].set_ylabel(f"{name}\nPC2")


def label_components(ax: Axes) -> None:
    """Explain the marks of Fig. 4c below it."""
    marks: list[dict[str, Any]] = [
        *({"marker": "s", "ms": 3, "color": color} for color in SIDE_COLORS.values()),
        *(
            {"marker": marker, "ms": 3, "mfc": "none", "color": "black", "mew": 0.6}
            for marker in SIDE_MARKERS.values()
        ),
    ]
    handles = [Line2D([], [], lw=0, **mark) for mark in marks]
    names = ["left cue rewarded", "right cue rewarded", "left cue shown", "right cue shown"]
    place: Any = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.2)}
    ax.legend(handles, names, ncol=4, columnspacing=1.2, handletextpad=0.2, **place)


def draw_decoding(ax: Axes, decoded: pd.DataFrame) -> None:
    """Share of reversed blocks in which the new state is decoded, over the steps of two trials."""
    for variant, color in states(decoded).items():
        networks = decoded[decoded["variant"] == variant]
        x = networks["block_trial"] * len(PERIODS) + networks["period"].map(PERIODS.index)
        means = networks["new_state"].groupby(x).mean()
        ax.plot(means.index, means, color=color, label=f"state {variant}")
        for position, values in networks["new_state"].groupby(x):
            plotting.dots(ax, float(position), values, color, width=0.15, size=3)
    ax.axhline(0.5, color="black", lw=0.5, ls=":")
    ax.axvline(2.5, color="black", lw=0.5, ls=":")
    ax.set(ylim=(-0.04, 1.04), xticks=range(2 * len(PERIODS)))
    ax.set_ylabel("blocks decoded as\nthe new state (share)")
    ax.set_xticklabels(["fix.", "cue", "act.", "rew."] * 2, rotation=60)
    ax.set_xlabel("reversal trial              trial $n$ + 1")
    ax.text(2.4, 0.9, "outcome", ha="right", va="center", fontsize=5.5)
    ax.legend(loc="lower right")


def draw_training(ax: Axes, curves: pd.DataFrame) -> None:
    """Difference between the cues' RPEs over training, at the stated and the chosen settings."""
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xlim=(0, 2.05), ylim=(-1.15, 1.15))
    ax.set(xlabel="training steps (millions)", ylabel="cue RPE,\nold minus new cue")
    for settings, style, name in ((STATED, ":", "stated"), (CHOSEN, "-", "chosen")):
        matches = [np.isclose(curves[key], value) for key, value in settings.items()]
        networks = curves[np.logical_and.reduce(matches)]
        for panel, color in (("before", COLORS["old cue"]), ("inferred", COLORS["network"])):
            for _, network in networks.groupby("seed"):
                ax.plot(network["steps"] / 1e6, network[panel], color=color, ls=style, lw=0.7)
        label = f"{name} settings, n = {networks['seed'].nunique()}"
        ax.plot([], [], color="black", ls=style, label=label)
    text: Any = {"transform": ax.transAxes}
    ax.text(0.02, 0.98, "reversal trial", color=COLORS["old cue"], va="top", **text)
    ax.text(0.02, 0.02, "next trial, inferred", color=COLORS["network"], **text)
    ax.legend(loc="lower center", bbox_to_anchor=(0.42, 0.98), labelspacing=0.2)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure; the panel of training is left out where there is no such sweep."""
    sweep = results.folder.parent / "sweeps" / "rates_curves.csv"
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 190)
    ratios: Any = {"height_ratios": (1, 1.25, 1.9), "width_ratios": (3, 1)}
    grid: Any = figure.add_gridspec(3, 2, hspace=0.42, wspace=0.26, **ratios)
    figure.subplots_adjust(left=0.075, right=0.985, top=0.95, bottom=0.07)
    a, b = (list(grid[row, 0].subgridspec(1, 3, wspace=0.2).subplots()) for row in (0, 1))
    c = grid[2, 0].subgridspec(2, 4, wspace=0.06, hspace=0.06).subplots()
    d = figure.add_subplot(grid[1, 1])
    e, f = grid[2, 1].subgridspec(2, 1, hspace=0.95).subplots()
    panels = {"a": a, "b": b, "c": list(c.flat), "d": [d], "e": [e], "f": [f]}
    draw_monkeys(a)
    draw_rpes(b, results["reversal_rpes"])
    label_rpes(figure.add_subplot(grid[0, 1]), results.settings[MAIN].task.hazard)
    draw_components(c, results["principal_components"])
    label_components(c[1, 0])
    draw_differences(d, results["cue_differences"])
    draw_decoding(e, results["decoded_state"])
    if sweep.exists():
        draw_training(f, storage.read(sweep))
    else:
        panels.pop("f")[0].remove()
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    yield Drawing("fig4", figure, panels)
