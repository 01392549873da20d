"""Draw Fig. 4 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

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
    frame = storage.published("fig4a").sort_values("x")
    for ax, panel in zip(axes, PANELS, strict=True):
        for series, role in SERIES.items():
            curve = frame[frame["panel"].str.contains(panel) & (frame["series"] == series)]
            ax.plot(curve["x"].astype(float), curve["y"], color=COLORS[role])
        ax.axvline(0, color="black", lw=0.5, ls=":")
        ax.set(xlim=(-100, 600), ylim=(0, 25), title=TITLES[panel], xlabel="time from cue (ms)")
    axes[0].set_ylabel("monkey dopamine neurons\n(spikes/s)")


def draw_observers(ax: Axes, x: float, rows: pd.DataFrame, column: str, half: float) -> None:
    """Draw the ideal observers' means as lines of half-width ``half`` around x."""
    for name, dashes in OBSERVER_STYLES.items():
        level = rows.loc[rows["variant"] == name, column].mean()
        ax.plot([x - half, x + half], [level, level], color="black", lw=0.8, ls=dashes, zorder=1)


def draw_rpes(axes: list[Axes], rpes: pd.DataFrame) -> None:
    """Fig. 4b: RPEs of every network, the published networks and two ideal observers."""
    steps = np.arange(len(DRAWN), dtype=float)
    for ax, panel in zip(axes, PANELS, strict=True):
        ax.axhline(0, color="black", lw=0.5, ls=":")
        for role in ROLES:
            rows, color = rpes[(rpes["panel"] == panel) & (rpes["role"] == role)], COLORS[role]
            networks = rows[rows["variant"] == MAIN]
            ax.plot(steps, networks[DRAWN].mean(), color=color, lw=1.2)
            for x, period in zip(steps, DRAWN, strict=True):
                plotting.dots(ax, x, networks[period], color, width=0.09)
            paper = [PUBLISHED[panel, role, period] for period in DRAWN]
            plotting.published_marker(ax, steps + 0.24, paper)
            draw_observers(ax, 1, rows, "cue", 0.34)
        ax.set_xticks(steps, DRAWN)
        ax.set(xlim=(-0.4, 2.6), ylim=(-0.52, 0.52))
    axes[0].set_ylabel("networks' reward prediction error")


def label_rpes(ax: Axes, hazard: float) -> None:
    """Explain the marks of Fig. 4a, b."""
    for role, time in zip(ROLES, ("before", "after"), strict=True):
        ax.plot([], [], color=COLORS[role], label=f"cue rewarded {time} the reversal")
    ax.plot([], [], "o", color="black", ms=2, label="one network each")
    ax.plot([], [], "D", ms=3, mfc="white", mec=COLORS["published"], label="published networks")
    names = f"hazard {hazard:g} per trial", "knows the block's start"
    for name, dashes in zip(names, reversed(OBSERVER_STYLES.values()), strict=True):
        ax.plot([], [], color="black", lw=0.8, ls=dashes, label=f"ideal observer: {name}")
    ax.legend(loc="center left", bbox_to_anchor=(-0.28, 0.5), labelspacing=0.8, fontsize=6)
    ax.axis("off")


def states(table: pd.DataFrame) -> dict[str, str]:
    """Measured variants with carried and with reset state, and their colours."""
    return {name: STATE_COLORS[name] for name in STATE_COLORS if name in set(table["variant"])}


def draw_differences(ax: Axes, differences: pd.DataFrame) -> None:
    """Old minus new cue's RPE with the network's state carried, and reset at every block."""
    shifts, variants = {MAIN: -0.2, RESET: 0.2}, states(differences)
    for x, panel in enumerate(PANELS):
        for variant, color in variants.items():
            values = differences.loc[differences["variant"] == variant, panel]
            plotting.bar(ax, x + shifts[variant], values, color, 0.36)
        old, new = (PUBLISHED[panel, role, "cue"] for role in ("old cue", "new cue"))
        plotting.published_marker(ax, [x - 0.45], [old - new])
        draw_observers(ax, x, differences, panel, 0.45)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(ylim=(-1.05, 1.05), ylabel="cue RPE, old minus new cue")
    ax.set_xticks(range(len(PANELS)), ["reversal\ntrial", "experi-\nenced", "inferred"])
    place: dict[str, Any] = {"ha": "right", "va": "top", "transform": ax.transAxes}
    for height, variant in zip((0.98, 0.86), variants, strict=False):
        ax.text(0.99, height, f"state {variant}", color=variants[variant], **place)
    networks = differences.loc[differences["variant"] == MAIN, "subject"].nunique()
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
            pc1, pc2 = group["pc1"], group["pc2"]
            ax.scatter(pc1, pc2, s=5, lw=0.4, marker=marker, rasterized=True, **style)
        if (margin > 0).all():
            (left, bottom), (right, top) = low - margin, high + margin
            ax.set(xlim=(left, right), ylim=(bottom, top))
        title = {"fixation": "central fixation", "saccade": "action"}.get(period, period)
        ax.set(xticks=[], yticks=[], title="" if row else title, xlabel="PC1" if row else "")
    for row, name in enumerate(("reversal trial $n$", "trial $n$ + 1")):
        axes[row, 0].set_ylabel(f"{name}\nPC2")
    shape: dict[str, Any] = {"lw": 0, "ms": 3, "mfc": "none", "color": "black", "mew": 0.6}
    for side, color in SIDE_COLORS.items():
        axes[1, 0].plot([], [], "s", ms=3, color=color, label=f"{side} cue rewarded")
    for side, marker in SIDE_MARKERS.items():
        axes[1, 0].plot([], [], marker=marker, label=f"{side} cue shown", **shape)
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.2)}
    axes[1, 0].legend(ncol=4, columnspacing=1.2, handletextpad=0.2, **place)


def draw_decoding(ax: Axes, decoded: pd.DataFrame) -> None:
    """Share of reversed blocks in which the new state is decoded, over the steps of two trials."""
    step = decoded["block_trial"] * len(PERIODS) + decoded["period"].map(PERIODS.index)
    for name, color in states(decoded).items():
        rows, label = decoded[decoded["variant"] == name].assign(step=step), f"state {name}"
        plotting.curve(ax, rows, "step", "new_state", color, each=(0.15, 3), label=label)
    ax.axhline(0.5, color="black", lw=0.5, ls=":")
    ax.axvline(2.5, color="black", lw=0.5, ls=":")
    ax.set(ylim=(-0.04, 1.04), ylabel="blocks decoded as\nthe new state (share)")
    ax.set_xticks(range(2 * len(PERIODS)), ["fix.", "cue", "act.", "rew."] * 2, rotation=60)
    ax.set_xlabel("reversal trial              trial $n$ + 1")
    ax.text(2.4, 0.9, "outcome", ha="right", va="center", fontsize=5.5)
    ax.legend(loc="lower right")


def draw_training(ax: Axes, curves: pd.DataFrame) -> None:
    """Difference between the cues' RPEs over training, at the stated and the chosen settings."""
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xlim=(0, 2.05), ylim=(-1.15, 1.15), xlabel="training steps (millions)")
    ax.set_ylabel("cue RPE,\nold minus new cue")
    curves = curves.rename(columns={"seed": "subject"}).assign(millions=curves["steps"] / 1e6)
    for settings, style, name in ((STATED, ":", "stated"), (CHOSEN, "-", "chosen")):
        matches = [np.isclose(curves[key], value) for key, value in settings.items()]
        networks = curves[np.logical_and.reduce(matches)]
        for panel, color in (("before", COLORS["old cue"]), ("inferred", COLORS["network"])):
            plotting.lines(ax, networks, "millions", panel, color=color, ls=style, lw=0.7)
        label = f"{name} settings, n = {networks['subject'].nunique()}"
        ax.plot([], [], color="black", ls=style, label=label)
    ax.text(0.02, 0.98, "reversal trial", color=COLORS["old cue"], va="top", transform=ax.transAxes)
    ax.text(0.02, 0.02, "next trial, inferred", color=COLORS["network"], transform=ax.transAxes)
    ax.legend(loc="lower center", bbox_to_anchor=(0.42, 0.98), labelspacing=0.2)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure; the panel of training is left out if there is no such sweep."""
    sweep = results.folder.parent / "sweeps" / "rates_curves.csv"
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 190)
    ratios: Any = {"height_ratios": (1, 1.25, 1.9), "width_ratios": (3, 1)}
    grid: Any = figure.add_gridspec(3, 2, hspace=0.42, wspace=0.26, **ratios)
    figure.subplots_adjust(left=0.075, right=0.985, top=0.95, bottom=0.07)
    a, b = (grid[row, 0].subgridspec(1, 3, wspace=0.2).subplots() for row in (0, 1))
    c = grid[2, 0].subgridspec(2, 4, wspace=0.06, hspace=0.06).subplots()
    key, d = (figure.add_subplot(grid[row, 1]) for row in (0, 1))
    e, f = grid[2, 1].subgridspec(2, 1, hspace=0.95).subplots()
    panels = {"a": a, "b": b, "c": c.flat, "d": d, "e": e, "f": f}
    draw_monkeys(a)
    draw_rpes(b, results["reversal_rpes"])
    label_rpes(key, results.settings[MAIN].task.hazard)
    draw_components(c, results["principal_components"])
    draw_differences(d, results["cue_differences"])
    draw_decoding(e, results["decoded_state"])
    if sweep.exists():
        draw_training(f, storage.read(sweep))
    else:
        panels.pop("f").remove()
    yield plotting.lettered("fig4", figure, panels)
