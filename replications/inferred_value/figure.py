"""Draw Fig. 4 of Wang et al. 2018 from our results.

python -m replications.inferred_value.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from prefrontal import experiments
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS
from prefrontal.tables import storage
from replications.inferred_value.variants import (
    CHOSEN,
    DRAWN,
    MAIN,
    OBSERVERS,
    PANELS,
    PERIODS,
    PUBLISHED,
    RESET,
    ROLES,
    SERIES,
    STATED,
)

TITLES = {"before": "reversal trial\n(before its outcome)", "experienced": "next trial, same cue\n(experienced)"}
TITLES["inferred"] = "next trial, other cue\n(inferred)"
SIDE_COLORS = {"left": COLORS["unrewarded"], "right": COLORS["rewarded"]}
SIDE_MARKERS = {"left": "x", "right": "o"}
OBSERVER_STYLES = dict(zip(OBSERVERS, (":", "-"), strict=True))


def draw_monkeys(axes: list[Axes]) -> None:
    """Fig. 4a: dopamine neurons of monkeys around the cue, digitised."""
    frame = storage.published("fig4a")
    for ax, panel in zip(axes, PANELS, strict=True):
        for series, role in SERIES.items():
            own = frame[frame["panel"].str.contains(panel) & (frame["series"] == series)].sort_values("x")
            ax.plot(own["x"].astype(float), own["y"], color=COLORS[role])
        ax.axvline(0, color="black", lw=0.5, ls=":")
        ax.set(xlim=(-100, 600), ylim=(0, 25), title=TITLES[panel], xlabel="time from cue (ms)")
    axes[0].set_ylabel("monkey dopamine neurons\n(spikes/s)")


def draw_rpes(axes: list[Axes], rpes: pd.DataFrame) -> None:
    """Fig. 4b: reward prediction errors of every network, beside the published ones and two ideal observers."""
    steps = np.arange(len(DRAWN), dtype=float)
    for ax, panel in zip(axes, PANELS, strict=True):
        ax.axhline(0, color="black", lw=0.5, ls=":")
        for role in ROLES:
            own = rpes[(rpes["panel"] == panel) & (rpes["role"] == role)]
            networks, color = own[own["variant"] == MAIN], COLORS[role]
            ax.plot(steps, networks[DRAWN].mean(), color=color, lw=1.2)
            for x, period in zip(steps, DRAWN, strict=True):
                plotting.dots(ax, x, networks[period], color, width=0.09)
            plotting.published_marker(ax, steps + 0.24, [PUBLISHED[panel, role, period] for period in DRAWN])
            for variant, style in OBSERVER_STYLES.items():
                level = own.loc[own["variant"] == variant, "cue"].mean()
                ax.plot([0.66, 1.34], [level, level], color="black", lw=0.8, ls=style, zorder=1)
        ax.set(xlim=(-0.4, 2.6), ylim=(-0.52, 0.52), xticks=steps)
        ax.set_xticklabels(DRAWN)
    axes[0].set_ylabel("networks' reward prediction error")


def label_rpes(ax: Axes) -> None:
    """Explain the marks of Fig. 4a, b."""
    lines = [Line2D([], [], color=COLORS[role]) for role in ROLES]
    marks = [
        Line2D([], [], color="black", marker="o", ms=2, lw=0),
        Line2D([], [], marker="D", ms=3, mfc="white", mec=COLORS["published"], lw=0),
        *(Line2D([], [], color="black", lw=0.8, ls=OBSERVER_STYLES[name]) for name in reversed(OBSERVERS)),
    ]
    names = ["cue rewarded before the reversal", "cue rewarded after the reversal", "one network each", "published networks"]
    names += ["ideal observer: hazard 0.1 per trial", "ideal observer: knows the block's start"]
    ax.legend([*lines, *marks], names, loc="center left", bbox_to_anchor=(-0.28, 0.5), labelspacing=0.8, fontsize=6)
    ax.axis("off")


def draw_differences(ax: Axes, differences: pd.DataFrame) -> None:
    """Old minus new cue's RPE with the LSTM state carried, and reset at every block."""
    shifts = {MAIN: (-0.2, COLORS["network"]), RESET: (0.2, COLORS["volatile"])}
    for x, panel in enumerate(PANELS):
        for variant, (shift, color) in shifts.items():
            plotting.bar(ax, x + shift, differences.loc[differences["variant"] == variant, panel], color, 0.36)
        published = PUBLISHED[panel, "old cue", "cue"] - PUBLISHED[panel, "new cue", "cue"]
        plotting.published_marker(ax, [x - 0.45], [published])
        for variant, style in OBSERVER_STYLES.items():
            level = differences.loc[differences["variant"] == variant, panel].mean()
            ax.plot([x - 0.45, x + 0.45], [level, level], color="black", lw=0.8, ls=style)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xticks=range(len(PANELS)), ylim=(-1.05, 1.05), ylabel="cue RPE, old minus new cue")
    ax.set_xticklabels(["reversal\ntrial", "experi-\nenced", "inferred"])
    for height, (variant, (_, color)) in zip((0.98, 0.86), shifts.items(), strict=True):
        ax.text(0.99, height, f"state {variant}", color=color, ha="right", va="top", transform=ax.transAxes)
    plotting.count(ax, differences.loc[differences["variant"] == MAIN, "seed"].nunique(), "networks each", x=0.99, y=0.74)


def draw_components(axes: np.ndarray, points: pd.DataFrame) -> None:
    """Fig. 4c: activity of one network on the reversal trial and the next, first two principal components."""
    for (row, column), ax in np.ndenumerate(axes):
        period = PERIODS[column]
        both = points[points["period"] == period]
        part, (low, high) = both[both["block_trial"] == row], both[["pc1", "pc2"]].agg(["min", "max"]).to_numpy(float)
        margin = 0.12 * (high - low)
        for (rewarded, cue), own in part.groupby(["rewarded_cue", "cue"]):
            marker, color = SIDE_MARKERS[cue], SIDE_COLORS[rewarded]
            style = {"facecolor": "none", "edgecolor": color} if marker == "o" else {"color": color}
            ax.scatter(own["pc1"], own["pc2"], s=5, marker=marker, lw=0.4, rasterized=True, **style)
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
    handles = [Line2D([], [], marker="s", ms=3, lw=0, color=SIDE_COLORS[side]) for side in SIDE_COLORS]
    handles += [Line2D([], [], marker=SIDE_MARKERS[s], ms=3, lw=0, mfc="none", color="black", mew=0.6) for s in SIDE_MARKERS]
    names = ["left cue rewarded", "right cue rewarded", "left cue shown", "right cue shown"]
    ax.legend(handles, names, loc="upper left", bbox_to_anchor=(-0.1, -0.2), ncol=4, columnspacing=1.2, handletextpad=0.2)


def draw_decoding(ax: Axes, decoded: pd.DataFrame) -> None:
    """Share of reversed blocks in which the decoder reads the new state, over the eight steps of two trials."""
    for variant, color in ((MAIN, COLORS["network"]), (RESET, COLORS["volatile"])):
        own = decoded[decoded["variant"] == variant]
        x = own["block_trial"] * len(PERIODS) + own["period"].map(PERIODS.index)
        means = own["new_state"].groupby(x).mean()
        ax.plot(means.index, means, color=color, label=f"state {variant}")
        for position, values in own["new_state"].groupby(x):
            plotting.dots(ax, float(position), values, color, width=0.15, size=3)
    ax.axhline(0.5, color="black", lw=0.5, ls=":")
    ax.axvline(2.5, color="black", lw=0.5, ls=":")
    ax.set(ylim=(-0.04, 1.04), xticks=range(2 * len(PERIODS)), ylabel="blocks decoded as\nthe new state (share)")
    ax.set_xticklabels(["fix.", "cue", "act.", "rew."] * 2, rotation=60)
    ax.set_xlabel("reversal trial              trial $n$ + 1")
    ax.text(2.4, 0.9, "outcome", ha="right", va="center", fontsize=5.5)
    ax.legend(loc="lower right")


def draw_training(ax: Axes, development: pd.DataFrame | None) -> None:
    """Difference between the cues' RPEs over training, at the stated and the chosen settings, every network a line."""
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xlabel="training steps (millions)", ylabel="cue RPE,\nold minus new cue", xlim=(0, 2.05), ylim=(-1.15, 1.15))
    if development is None:
        return
    for settings, style, name in ((STATED, ":", "stated"), (CHOSEN, "-", "chosen")):
        own = development[np.logical_and.reduce([np.isclose(development[key], value) for key, value in settings.items()])]
        for panel, color in (("before", COLORS["old cue"]), ("inferred", COLORS["network"])):
            for _, network in own.groupby("seed"):
                ax.plot(network["steps"] / 1e6, network[panel], color=color, ls=style, lw=0.7)
        ax.plot([], [], color="black", ls=style, label=f"{name} settings, n = {own['seed'].nunique()}")
    ax.text(0.02, 0.98, "reversal trial", color=COLORS["old cue"], transform=ax.transAxes, va="top")
    ax.text(0.02, 0.02, "next trial, inferred", color=COLORS["network"], transform=ax.transAxes)
    ax.legend(loc="lower center", bbox_to_anchor=(0.42, 0.98), labelspacing=0.2)


def draw(results: experiments.Results) -> Iterator[experiments.Drawing]:
    """Draw the figure."""
    development = results.folder.parent / "sweeps" / "rates_curves.csv"
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 190)
    grid: Any = figure.add_gridspec(3, 2, height_ratios=(1, 1.25, 1.9), width_ratios=(3, 1), hspace=0.42, wspace=0.26)
    figure.subplots_adjust(left=0.075, right=0.985, top=0.95, bottom=0.07)
    a, b = (list(grid[row, 0].subgridspec(1, 3, wspace=0.2).subplots()) for row in (0, 1))
    c = grid[2, 0].subgridspec(2, 4, wspace=0.06, hspace=0.06).subplots()
    d = figure.add_subplot(grid[1, 1])
    e, f = grid[2, 1].subgridspec(2, 1, hspace=0.95).subplots()
    draw_monkeys(a)
    draw_rpes(b, results["fig4b"])
    label_rpes(figure.add_subplot(grid[0, 1]))
    draw_components(c, results["fig4c"])
    label_components(c[1, 0])
    draw_differences(d, results["fig4b_differences"])
    draw_decoding(e, results["decoded_state"])
    draw_training(f, storage.read(development) if development.exists() else None)
    panels = {"a": a, "b": b, "c": list(c.flat), "d": [d], "e": [e], "f": [f]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    yield experiments.Drawing("fig4", figure, panels)


if __name__ == "__main__":
    experiments.figure_main(__file__)
