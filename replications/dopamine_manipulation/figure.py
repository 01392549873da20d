"""Draw Fig. 7 of Wang et al. 2018, and a supplement, from our results.

python -m replications.dopamine_manipulation.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from prefrontal import experiment, plotting, tables
from prefrontal.experiment import Drawing, Results
from prefrontal.plotting import COLORS
from prefrontal.statistics import interval, summarize
from replications.dopamine_manipulation.conditions import ALL, MAIN, MANIPULATIONS, PUBLISHED, PULLS, Manipulation, level_of

PLACES = {"high": 0.0, "low": 1.0}
"""Where each probability stands, the higher one at the left as in the paper."""

KINDS = {"control": ("o", -0.1), "experimental": ("s", 0.1)}
"""Marker, and offset from the probability's place."""

TITLES = {
    "block risky win": "block DA at\nrisky win",
    "block safe reward": "block DA at\nsafe reward",
    "stimulate risky loss": "stimulate DA at\nrisky loss",
}

LEVEL_COLORS = {"high": COLORS["right"], "low": COLORS["volatile"]}
PULL_STYLES = {"all": "-", "free": "--"}


def probabilities(frame: pd.DataFrame) -> dict[str, str]:
    """What the high and the low probability of the risky arm are."""
    first = frame.drop_duplicates("level").set_index("level")["p_risky"]
    return {level: f"{first[level]:g}" if level in first else "" for level in PLACES}


def choice_axes(ax: Axes, words: dict[str, str]) -> None:
    """Set up axes of risky choice against the risky arm's probability, which the words name."""
    ax.set(xlim=(-0.5, 1.5), ylim=(0, 104), yticks=range(0, 101, 20), xticks=list(PLACES.values()))
    ax.set_xticklabels([words[level] for level in PLACES])


def draw_shift(ax: Axes, manipulation: Manipulation, start: float, end: float) -> None:
    """Draw a large pale arrow from control to manipulated choice, where the condition is tested."""
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
    frame = tables.published("fig7a").astype({"x": float})
    frame = frame.assign(level=level_of(frame["x"]), p_risky=frame["x"])
    choice_axes(ax, probabilities(frame))
    own = frame[frame["panel"] == f"a {manipulation.series}"]
    shift = own[own["level"] == manipulation.level].set_index("series")["y"]
    draw_shift(ax, manipulation, shift["rats control"], shift["rats experimental"])
    for kind, (marker, offset) in KINDS.items():
        line = own[own["series"] == f"rats {kind}"].sort_values("x", ascending=False)
        x = line["level"].map(PLACES) + offset
        ax.errorbar(x, line["y"], line["err"], color=COLORS[kind], marker=marker, ms=3.5, lw=1, elinewidth=0.8)
    ax.set_title(TITLES[manipulation.name])


def draw_networks(ax: Axes, paired: pd.DataFrame, manipulation: Manipulation) -> None:
    """Fig. 7b: mean over networks with its 95 % interval, every network as a dot, the published networks as diamonds."""
    choice_axes(ax, probabilities(paired))
    own = paired[paired["manipulation"] == manipulation.name]
    published = PUBLISHED.query("series == @manipulation.series").set_index("level")
    at_test = own[own["level"] == manipulation.level]
    draw_shift(ax, manipulation, at_test["control"].mean(), at_test["experimental"].mean())
    for kind, (marker, offset) in KINDS.items():
        means = []
        for level, x in PLACES.items():
            values = own.loc[own["level"] == level, kind]
            mean, low, high = interval(values)
            plotting.dots(ax, x + 2.1 * offset, values, COLORS[kind], width=0.04, size=3)
            ax.plot([x + offset] * 2, [low, high], color=COLORS[kind], lw=0.8)
            means.append(mean)
        beside = [x + 3.2 * offset for x in PLACES.values()]
        ax.plot(beside, published.loc[list(PLACES), kind], color=COLORS[kind], lw=0.6, ls=":")
        plotting.published_marker(ax, beside, published.loc[list(PLACES), kind])
        ax.plot([x + offset for x in PLACES.values()], means, color=COLORS[kind], marker=marker, ms=3.5, lw=1)
    ax.set_xlabel("probability of\nrisky reward")
    plotting.count(ax, own["seed"].nunique(), y=1)


def draw_key(ax: Axes) -> None:
    """Say which marker is which."""
    for kind, (marker, _) in KINDS.items():
        ax.plot([], [], color=COLORS[kind], marker=marker, ms=3.5, lw=1, label=kind)
    ax.scatter([], [], s=3, color="black", lw=0, label="each network")
    diamond: dict[str, Any] = {"marker": "D", "ms": 3.3, "mfc": "white", "mec": COLORS["published"]}
    ax.plot([], [], color="black", lw=0.6, ls=":", label="published\nnetworks", **diamond)
    ax.legend(loc="center left", bbox_to_anchor=(1.05, 0.5), handletextpad=0.5, borderaxespad=0)


def draw_doses(ax: Axes, doses: pd.DataFrame, manipulation: Manipulation) -> None:
    """Risky choice against the size of the manipulation."""
    own = doses[doses["event"] == manipulation.event]
    ax.axvline(manipulation.size, color=COLORS["published"], lw=0.8, ls=":")
    ax.axvline(0, color="black", lw=0.5)
    words = probabilities(doses)
    for level, color in LEVEL_COLORS.items():
        part = own[own["level"] == level]
        means = summarize(part, ["size"], "percent")
        ax.plot(means["size"], means["mean"], color=color, label=f"p = {words[level]}")
        for size in part["size"].unique():
            plotting.dots(ax, size, part.loc[part["size"] == size, "percent"], color, width=0.22, size=2)
    ax.set(ylim=(0, 104), xlim=(-6.5, 3.5), xticks=range(-6, 4, 2), xlabel=f"added at {manipulation.event}\n(units of reward)")
    ax.set_title(TITLES[manipulation.name])


def draw_course(ax: Axes, course: pd.DataFrame, manipulation: Manipulation) -> None:
    """Effect over the free pulls of an episode, where the condition is tested."""
    own = course[(course["manipulation"] == manipulation.name) & (course["level"] == manipulation.level)]
    ax.axhline(0, color="black", lw=0.5)
    for pulls, color in zip(PULLS, (COLORS["experimental"], COLORS["volatility"]), strict=True):
        part = own[own["pulls"] == pulls]
        for _, network in part.groupby("seed"):
            ax.plot(network["free_pull"], network["difference"], color=color, lw=0.3, alpha=0.5)
        means = summarize(part, ["free_pull"], "difference")
        label = "forced and free pulls" if pulls == ALL else "free pulls alone"
        ax.plot(means["free_pull"], means["mean"], color=color, lw=1.3, ls=PULL_STYLES[pulls], label=label)
    ax.set(xlabel="free pull in episode", xlim=(0.5, 20.5), xticks=[1, 5, 10, 15, 20], ylim=(-100, 100))
    ax.set_title(f"{TITLES[manipulation.name]}, p = {probabilities(course)[manipulation.level]}")


def draw_errors(ax: Axes, errors: pd.DataFrame) -> None:
    """Draw the critic's own reward prediction errors in free pulls, and what the manipulation makes of them."""
    free = errors[errors["pull"] == "free"]
    ax.axhline(0, color="black", lw=0.5)
    labels = []
    for place, manipulation in enumerate(MANIPULATIONS):
        for shift, (level, color) in zip((-0.2, 0.2), LEVEL_COLORS.items(), strict=True):
            values = free.loc[(free["event"] == manipulation.event) & (free["level"] == level), "rpe"].to_numpy()
            plotting.dots(ax, place + shift, values, color, width=0.09, size=3)
            if len(values):
                start, end = values.mean(), values.mean() + manipulation.size
                arrow: dict[str, Any] = {
                    "arrowstyle": "-|>",
                    "color": color,
                    "lw": 0.8,
                    "mutation_scale": 6,
                    "shrinkA": 3,
                    "shrinkB": 0,
                }
                ax.add_patch(FancyArrowPatch((place + shift, start), (place + shift, end), **arrow))
        labels.append(manipulation.event.replace(" ", "\n"))
    for level, color in LEVEL_COLORS.items():
        ax.plot([], [], "o", color=color, ms=2, label=f"p = {probabilities(errors)[level]}")
    ax.legend(loc="upper right", handletextpad=0.2)
    ax.set(xticks=range(len(labels)), xlim=(-0.5, 2.5), ylim=(-4.5, 4.5), ylabel="reward prediction error\nof the critic")
    ax.set_xticklabels(labels)
    ax.set_title("free pulls: natural (dots)\nand manipulated (arrows)")


def draw_variants(ax: Axes, paired: pd.DataFrame) -> None:
    """Effect where each condition is tested, by how forced pulls are made and which pulls are manipulated."""
    kinds = paired[["condition", "pulls"]].drop_duplicates()
    kinds = kinds.sort_values(["condition", "pulls"], key=lambda column: column.astype(str) != MAIN, kind="stable")
    ax.axhline(0, color="black", lw=0.5)
    palette = (COLORS["experimental"], COLORS["volatility"], COLORS["learning rate"], COLORS["volatile"], "black", "#777777")
    width = 0.8 / len(kinds)
    for index, (kind, color) in enumerate(zip(kinds.itertuples(), palette, strict=False)):
        for place, manipulation in enumerate(MANIPULATIONS):
            own = paired[(paired["condition"] == kind.condition) & (paired["pulls"] == kind.pulls)]
            at_test = (own["manipulation"] == manipulation.name) & (own["level"] == manipulation.level)
            values = own.loc[at_test, "difference"]
            x = place + (index - (len(kinds) - 1) / 2) * width
            plotting.dots(ax, x, values, color, width=0.35 * width, size=3)
            ax.plot([x - 0.4 * width, x + 0.4 * width], [values.mean()] * 2, color=color, lw=1.2)
        ax.plot([], [], color=color, lw=1.2, label=f"{kind.condition}, {kind.pulls} pulls")
    published = PUBLISHED.set_index(["series", "level"])
    shift = published["experimental"] - published["control"]
    for place, manipulation in enumerate(MANIPULATIONS):
        plotting.published_marker(ax, [place + 0.46], [shift[manipulation.series, manipulation.level]])
    ax.set(xticks=range(3), xlim=(-0.5, 2.6), ylim=(-100, 100), ylabel="risky choice,\nminus control (points)")
    words = probabilities(paired)
    labels = zip(("block win", "block safe", "stimulate\nloss"), MANIPULATIONS, strict=True)
    ax.set_xticklabels([f"{label}\np = {words[manipulation.level]}" for label, manipulation in labels])
    ax.legend(loc="lower right", fontsize=5, handlelength=1.2, labelspacing=0.25, borderaxespad=0.2)


def draw_control(ax: Axes, paired: pd.DataFrame, ideal: pd.DataFrame) -> None:
    """Draw risky choice in control beside the ideal observer's and the published networks'."""
    one = paired[paired["manipulation"] == MANIPULATIONS[0].name]
    published, best = PUBLISHED.groupby("level")["control"].mean(), ideal.set_index("level")["percent"]
    for level, x in PLACES.items():
        plotting.dots(ax, x, one.loc[one["level"] == level, "control"], COLORS["control"], width=0.12, size=4)
        ax.plot([x - 0.3, x + 0.3], [best[level]] * 2, color="black", lw=1, ls="--")
        plotting.published_marker(ax, [x + 0.3], [published[level]])
    choice_axes(ax, probabilities(ideal))
    ax.plot([], [], color="black", lw=1, ls="--", label="ideal observer")
    ax.legend(loc="upper right")
    ax.set(ylabel="risky choice in control (%)", xlabel="probability of risky reward")


def main_figure(paired: pd.DataFrame) -> Drawing:
    """Fig. 7."""
    figure = plotting.new_figure(130, 105)
    axes = figure.subplots(2, 3, sharey=True)
    for column, manipulation in enumerate(MANIPULATIONS):
        draw_rats(axes[0, column], manipulation)
        draw_networks(axes[1, column], paired, manipulation)
    axes[0, 0].set_ylabel("rats: risky choice (%)")
    axes[1, 0].set_ylabel("networks: risky choice (%)")
    draw_key(axes[1, 2])
    panels = {"a": list(axes[0]), "b": list(axes[1])}
    for letter, row in panels.items():
        plotting.panel_label(row[0], letter)
    figure.subplots_adjust(left=0.1, right=0.83, top=0.9, bottom=0.13, wspace=0.15, hspace=0.2)
    return Drawing("fig7", figure, panels)


def supplement(results: Results, paired: pd.DataFrame) -> Figure:
    """Dose-response, time course within episodes, prediction errors, open choices and the ideal observer."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 170)
    axes = figure.subplots(3, 3)
    for column, manipulation in enumerate(MANIPULATIONS):
        draw_doses(axes[0, column], results["fig7_dose"], manipulation)
        draw_course(axes[1, column], results["fig7_course"], manipulation)
    axes[0, 0].set_ylabel("risky choice (%)")
    axes[0, 0].legend(loc="upper left", frameon=True, framealpha=1, edgecolor="none")
    axes[1, 0].set_ylabel("risky choice,\nminus control (points)")
    axes[1, 0].legend(loc="upper right", handlelength=2.5)
    draw_errors(axes[2, 0], results["fig7_errors"])
    draw_variants(axes[2, 1], results["fig7b"])
    draw_control(axes[2, 2], paired, results["ideal_observer"].query("condition == @MAIN"))
    for letter, ax in zip("abcde", (axes[0, 0], axes[1, 0], *axes[2]), strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout(h_pad=2, w_pad=1.5)
    return figure


def draw(results: Results) -> Iterator[Drawing]:
    """Yield the figure and its supplement."""
    paired = results["fig7b"]
    paired = paired[(paired["condition"] == MAIN) & (paired["pulls"] == ALL)]
    yield main_figure(paired)
    yield Drawing("fig7_supplement", supplement(results, paired), {})


if __name__ == "__main__":
    experiment.figure_main(__file__)
