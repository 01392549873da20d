"""Draw Fig. 7 of Wang et al. 2018, and a supplement, from our results.

python -m replications.dopamine_manipulation.figure --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from prefrontal import plotting, tables
from prefrontal.errors import run
from prefrontal.paths import DATA, FIGURES
from prefrontal.plotting import COLORS
from prefrontal.statistics import interval, summarize
from replications.dopamine_manipulation.analysis import HIGH, LOW, MAIN, TESTED, published_percent
from replications.dopamine_manipulation.conditions import MANIPULATIONS, PULLS, Manipulation

PLACES = {HIGH: 0.0, LOW: 1.0}
"""Where each probability stands, the higher one at the left as in the paper."""

KINDS = {"control": ("o", -0.1), "experimental": ("s", 0.1)}
"""Marker, and offset from the probability's place."""

TITLES = {
    "block risky win": "block DA at\nrisky win",
    "block safe reward": "block DA at\nsafe reward",
    "stimulate risky loss": "stimulate DA at\nrisky loss",
}

PROBABILITY_COLORS = {HIGH: COLORS["right"], LOW: COLORS["volatile"]}
PULL_STYLES = {"all": "-", "free": "--"}


@dataclass(frozen=True)
class Options:
    """Where results are and figures go."""

    data: Path = DATA
    """Data folder."""
    figures: Path = FIGURES
    """Figures folder."""


def choice_axes(ax: Axes) -> None:
    """Set up axes of risky choice against the risky arm's probability."""
    ax.set(xlim=(-0.5, 1.5), ylim=(0, 104), yticks=range(0, 101, 20), xticks=list(PLACES.values()))
    ax.set_xticklabels([f"{p:g}" for p in PLACES])


def draw_shift(ax: Axes, manipulation: Manipulation, start: float, end: float) -> None:
    """Draw a large pale arrow from control to manipulated choice, where the condition is tested."""
    if not np.isfinite([start, end]).all():
        return
    x = PLACES[TESTED[manipulation.name][1]]
    style = {"arrowstyle": "simple,head_length=7,head_width=14,tail_width=7", "color": "#f3d9a4", "lw": 0, "zorder": 0}
    ax.add_patch(FancyArrowPatch((x, start), (x, end), shrinkA=0, shrinkB=0, **style))


def draw_rats(ax: Axes, manipulation: Manipulation) -> None:
    """Fig. 7a: rats, mean ± s.e.m. (Stopper et al. 2014)."""
    choice_axes(ax)
    frame = plotting.published("fig7a").astype({"x": float})
    own = frame[frame["panel"] == f"a {manipulation.series}"]
    tested = TESTED[manipulation.name][1]
    shift = own[own["x"] == tested].set_index("series")["y"]
    draw_shift(ax, manipulation, shift["rats control"], shift["rats experimental"])
    for kind, (marker, offset) in KINDS.items():
        line = own[own["series"] == f"rats {kind}"].sort_values("x", ascending=False)
        x = line["x"].map(PLACES) + offset
        ax.errorbar(x, line["y"], line["err"], color=COLORS[kind], marker=marker, ms=3.5, lw=1, elinewidth=0.8)
    ax.set_title(TITLES[manipulation.name])


def draw_networks(ax: Axes, paired: pd.DataFrame, manipulation: Manipulation) -> None:
    """Fig. 7b: mean over networks with its 95 % interval, every network as a dot, the published networks as diamonds."""
    choice_axes(ax)
    own = paired[paired["manipulation"] == manipulation.name]
    published = published_percent().query("series == @manipulation.series").set_index("x")
    at_test = own[own["p_risky"] == TESTED[manipulation.name][1]]
    draw_shift(ax, manipulation, at_test["control"].mean(), at_test["experimental"].mean())
    for kind, (marker, offset) in KINDS.items():
        means = []
        for p, x in PLACES.items():
            values = own.loc[own["p_risky"] == p, kind]
            mean, low, high = interval(values)
            plotting.dots(ax, x + 2.1 * offset, values, COLORS[kind], width=0.04, size=3)
            ax.plot([x + offset] * 2, [low, high], color=COLORS[kind], lw=0.8)
            means.append(mean)
        x = [place + 3.2 * offset for place in PLACES.values()]
        ax.plot(x, published.loc[list(PLACES), kind], color=COLORS[kind], lw=0.6, ls=":")
        plotting.published_marker(ax, x, published.loc[list(PLACES), kind])
        x = [place + offset for place in PLACES.values()]
        ax.plot(x, means, color=COLORS[kind], marker=marker, ms=3.5, lw=1)
    ax.set_xlabel("probability of\nrisky reward")


def draw_key(ax: Axes) -> None:
    """Say which marker is which."""
    for kind, (marker, _) in KINDS.items():
        ax.plot([], [], color=COLORS[kind], marker=marker, ms=3.5, lw=1, label=kind)
    ax.scatter([], [], s=3, color="black", lw=0, label="each network")
    ax.plot(
        [],
        [],
        color="black",
        marker="D",
        ms=3.3,
        mfc="white",
        mec=COLORS["published"],
        lw=0.6,
        ls=":",
        label="published\nnetworks",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.05, 0.5), handletextpad=0.5, borderaxespad=0)


def draw_doses(ax: Axes, doses: pd.DataFrame, manipulation: Manipulation) -> None:
    """Risky choice against the size of the manipulation."""
    own = doses[doses["event"] == manipulation.event]
    ax.axvline(manipulation.size, color=COLORS["published"], lw=0.8, ls=":")
    ax.axvline(0, color="black", lw=0.5)
    for p, color in PROBABILITY_COLORS.items():
        part = own[own["p_risky"] == p]
        means = summarize(part, ["size"], "percent")
        ax.plot(means["size"], means["mean"], color=color, label=f"p = {p:g}")
        for size, block in part.groupby("size"):
            plotting.dots(ax, float(size), block["percent"], color, width=0.22, size=2)
    ax.set(ylim=(0, 104), xlim=(-6.5, 3.5), xticks=range(-6, 4, 2), xlabel=f"added at {manipulation.event}\n(units of reward)")
    ax.set_title(TITLES[manipulation.name])


def draw_course(ax: Axes, course: pd.DataFrame, manipulation: Manipulation) -> None:
    """Effect over the free pulls of an episode, where the condition is tested."""
    tested = TESTED[manipulation.name][1]
    own = course[(course["manipulation"] == manipulation.name) & (course["p_risky"] == tested)]
    ax.axhline(0, color="black", lw=0.5)
    for pulls, color in zip(PULLS, (COLORS["experimental"], COLORS["volatility"]), strict=True):
        part = own[own["pulls"] == pulls]
        for _, network in part.groupby("seed"):
            ax.plot(network["free_pull"], network["difference"], color=color, lw=0.3, alpha=0.5)
        means = summarize(part, ["free_pull"], "difference")
        label = "forced and free pulls" if pulls == "all" else "free pulls alone"
        ax.plot(means["free_pull"], means["mean"], color=color, lw=1.3, ls=PULL_STYLES[pulls], label=label)
    ax.set(xlabel="free pull in episode", xlim=(0.5, 20.5), xticks=[1, 5, 10, 15, 20], ylim=(-100, 100))
    ax.set_title(f"{TITLES[manipulation.name]}, p = {tested:g}")


def draw_errors(ax: Axes, errors: pd.DataFrame) -> None:
    """Draw the critic's own reward prediction errors in free pulls, and what the manipulation makes of them."""
    free = errors[errors["pull"] == "free"]
    ax.axhline(0, color="black", lw=0.5)
    labels = []
    for place, manipulation in enumerate(MANIPULATIONS):
        for shift, (p, color) in zip((-0.2, 0.2), PROBABILITY_COLORS.items(), strict=True):
            values = free.loc[(free["event"] == manipulation.event) & (free["p_risky"] == p), "rpe"].to_numpy()
            plotting.dots(ax, place + shift, values, color, width=0.09, size=3)
            if len(values):
                start, end = values.mean(), values.mean() + manipulation.size
                arrow = {"arrowstyle": "-|>", "color": color, "lw": 0.8, "mutation_scale": 6, "shrinkA": 3, "shrinkB": 0}
                ax.add_patch(FancyArrowPatch((place + shift, start), (place + shift, end), **arrow))
        labels.append(manipulation.event.replace(" ", "\n"))
    ax.set(xticks=range(len(labels)), xlim=(-0.5, 2.5), ylim=(-4.5, 4.5), ylabel="reward prediction error\nof the critic")
    ax.set_xticklabels(labels)
    ax.set_title("free pulls: natural (dots)\nand manipulated (arrows)")


def draw_variants(ax: Axes, variants: pd.DataFrame) -> None:
    """Effect where each condition is tested, by how forced pulls are made and which pulls are manipulated."""
    kinds = variants[["condition", "pulls"]].drop_duplicates()
    kinds = kinds.sort_values(["condition", "pulls"], key=lambda column: column.astype(str) != MAIN, kind="stable")
    ax.axhline(0, color="black", lw=0.5)
    palette = (COLORS["experimental"], COLORS["volatility"], COLORS["learning rate"], COLORS["volatile"], "black", "#777777")
    width = 0.8 / len(kinds)
    for index, (kind, color) in enumerate(zip(kinds.itertuples(), palette, strict=False)):
        for place, manipulation in enumerate(MANIPULATIONS):
            own = variants[(variants["condition"] == kind.condition) & (variants["pulls"] == kind.pulls)]
            at_test = (own["manipulation"] == manipulation.name) & (own["p_risky"] == TESTED[manipulation.name][1])
            values = own.loc[at_test, "difference"]
            x = place + (index - (len(kinds) - 1) / 2) * width
            plotting.dots(ax, x, values, color, width=0.35 * width, size=3)
            ax.plot([x - 0.4 * width, x + 0.4 * width], [values.mean()] * 2, color=color, lw=1.2)
        words = f"{kind.condition.replace('_', ' ')}, {'all' if kind.pulls == 'all' else 'free'} pulls"
        ax.plot([], [], color=color, lw=1.2, label=words)
    published = published_percent().set_index(["series", "x"])
    for place, manipulation in enumerate(MANIPULATIONS):
        row = published.loc[(manipulation.series, TESTED[manipulation.name][1])]
        plotting.published_marker(ax, [place + 0.46], [row["experimental"] - row["control"]])
    ax.set(xticks=range(3), xlim=(-0.5, 2.6), ylim=(-100, 100), ylabel="risky choice,\nminus control (points)")
    ax.set_xticklabels([f"block win\np = {HIGH:g}", f"block safe\np = {LOW:g}", f"stimulate\nloss\np = {LOW:g}"])
    ax.legend(loc="lower right", fontsize=5, handlelength=1.2, labelspacing=0.25, borderaxespad=0.2)


def draw_control(ax: Axes, paired: pd.DataFrame, ideal: pd.DataFrame) -> None:
    """Draw risky choice in control beside the ideal observer's and the published networks'."""
    one = paired[paired["manipulation"] == MANIPULATIONS[0].name]
    published = published_percent().groupby("x")["control"].mean()
    for p, x in PLACES.items():
        plotting.dots(ax, x, one.loc[one["p_risky"] == p, "control"], COLORS["control"], width=0.12, size=4)
        ax.plot([x - 0.3, x + 0.3], [ideal.set_index("p_risky").loc[p, "percent"]] * 2, color="black", lw=1, ls="--")
        plotting.published_marker(ax, [x + 0.3], [published[p]])
    choice_axes(ax)
    ax.plot([], [], color="black", lw=1, ls="--", label="ideal observer")
    ax.legend(loc="upper right")
    ax.set(ylabel="risky choice in control (%)", xlabel="probability of risky reward")


def draw_supplement(results: dict[str, pd.DataFrame], options: Options, about: dict) -> None:
    """Dose-response, time course within episodes, prediction errors, open choices and the ideal observer."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 170)
    axes = figure.subplots(3, 3)
    for column, manipulation in enumerate(MANIPULATIONS):
        draw_doses(axes[0, column], results["fig7_dose"], manipulation)
        draw_course(axes[1, column], results["fig7_course"], manipulation)
    axes[0, 0].set_ylabel("risky choice (%)")
    axes[0, 0].legend(loc="upper left")
    axes[1, 0].set_ylabel("risky choice,\nminus control (points)")
    axes[1, 0].legend(loc="upper right", handlelength=2.5)
    draw_errors(axes[2, 0], results["fig7_errors"])
    draw_variants(axes[2, 1], results["variants"])
    draw_control(axes[2, 2], results["fig7b"], results["ideal_observer"])
    for letter, ax in zip("abcde", (axes[0, 0], axes[1, 0], *axes[2]), strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout(h_pad=2, w_pad=1.5)
    plotting.save(figure, "fig7_supplement", options.figures, about)


def main(options: Options) -> None:
    """Draw the figure and its supplement."""
    folder = options.data / "dopamine_manipulation" / "results"
    names = ("fig7b", "fig7_dose", "fig7_course", "fig7_errors", "variants", "ideal_observer")
    results = {name: tables.read(folder / f"{name}.csv") for name in names}
    about = tables.manifest(folder)["fig7b.csv"]
    figure = plotting.new_figure(130, 105)
    axes = figure.subplots(2, 3, sharey=True)
    for column, manipulation in enumerate(MANIPULATIONS):
        draw_rats(axes[0, column], manipulation)
        draw_networks(axes[1, column], results["fig7b"], manipulation)
    axes[0, 0].set_ylabel("rats: risky choice (%)")
    axes[1, 0].set_ylabel("networks: risky choice (%)")
    draw_key(axes[1, 2])
    panels = {"a": list(axes[0]), "b": list(axes[1])}
    for letter, row in panels.items():
        plotting.panel_label(row[0], letter)
    figure.subplots_adjust(left=0.1, right=0.83, top=0.9, bottom=0.13, wspace=0.15, hspace=0.2)
    plotting.save(figure, "fig7", options.figures, about, panels)
    draw_supplement(results, options, about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
