"""Draw Fig. 1 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.settings import NetworkSettings
from prefrontal.tables import storage
from replications.bandit import activity_figure
from replications.bandit.activity_figure import present
from replications.bandit.settings import (
    CORRELATED,
    EXAMPLES,
    GITTINS,
    MAIN,
    OPTIMAL,
    PROBLEMS,
    THOMPSON,
    TUNED_UCB,
    UCB,
)

TEXTBOOK_STYLES: dict[str, tuple[str, Any]] = {
    GITTINS: (COLORS["old cue"], (0, (4, 1.5))),
    THOMPSON: ("#9a9a9a", "--"),
    UCB: ("#222222", "--"),
    TUNED_UCB: ("#222222", ":"),
    OPTIMAL: (COLORS["volatile"], (0, (1, 1))),
}
"""Colour and dashes of textbook algorithms."""

Point = tuple[float, float]


def box(ax: Axes, center: Point, text: str, size: Point, color: str = "white") -> None:
    """Draw a labelled box."""
    (x, y), (width, height) = center, size
    style: dict[str, Any] = {"fc": color, "ec": "black", "lw": 0.7}
    corner = x - width / 2, y - height / 2
    ax.add_patch(FancyBboxPatch(corner, width, height, "round,pad=.02", **style))
    ax.text(x, y, text, ha="center", va="center")


def arrow(ax: Axes, start: Point, end: Point, color: str = "black", bend: float = 0.0) -> None:
    """Draw an arrow from start to end."""
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 6, "lw": 0.9, "color": color}
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", **style))


def draw_loop(ax: Axes) -> None:
    """Draw Fig. 1a: the network, its inputs and outputs, and the dopamine signal that trains it."""
    box(ax, (0.45, 0.5), "prefrontal\nnetwork", (0.44, 0.24), "#e6eef8")
    for x, name in ((0.2, "$o_t$"), (0.45, "$a_{t-1}$"), (0.7, "$r_{t-1}$")):
        ax.text(x, 0.06, name, ha="center", va="center")
        arrow(ax, (x, 0.12), (0.45 + (x - 0.45) * 0.6, 0.35))
    for x, name in ((0.3, "$a_t$"), (0.6, "$v_t$")):
        ax.text(x, 0.95, name, ha="center", va="center")
        arrow(ax, (0.45 + (x - 0.45) * 0.8, 0.65), (x, 0.89))
    arrow(ax, (0.68, 0.44), (0.68, 0.57), bend=2.2)
    arrow(ax, (-0.02, 0.5), (0.21, 0.5), COLORS["unrewarded"])
    ax.text(-0.03, 0.54, "DA\n$\\delta$", color=COLORS["unrewarded"], ha="center", va="bottom")
    ax.set(xlim=(-0.1, 1), ylim=(0, 1))
    ax.axis("off")


def draw_layers(ax: Axes, network: NetworkSettings) -> None:
    """Draw Fig. 1b: the layers, and the gates of one LSTM unit."""
    core = network.core.replace("_", " ").upper()
    box(ax, (0.3, 0.13), "observation,\nlast action, last reward", (0.54, 0.18))
    box(ax, (0.3, 0.48), f"{network.units} {core} units", (0.46, 0.14), "#e6eef8")
    box(ax, (0.14, 0.9), "policy", (0.2, 0.1))
    box(ax, (0.46, 0.9), "value", (0.2, 0.1))
    arrow(ax, (0.3, 0.25), (0.3, 0.39))
    arrow(ax, (0.24, 0.57), (0.15, 0.82))
    arrow(ax, (0.36, 0.57), (0.45, 0.82))
    arrow(ax, (0.1, 0.55), (0.1, 0.41), bend=2.5)
    if network.core == "lstm":
        draw_unit(ax)
    ax.set(xlim=(-0.02, 1.18), ylim=(0, 1))
    ax.axis("off")


def draw_unit(ax: Axes) -> None:
    """Draw one LSTM unit with its gates, next to the layers."""
    grey = COLORS["published"]
    frame = FancyBboxPatch((0.72, 0.25), 0.42, 0.5, "round,pad=.03", fc="#f6f6f6", ec=grey, lw=0.6)
    ax.add_patch(frame)
    ax.plot([0.555, 0.69], [0.55, 0.76], [0.555, 0.69], [0.41, 0.24], color=grey, lw=0.5)
    ax.text(0.93, 0.72, "one unit", ha="center", va="top", fontsize=5.5)
    circle = {"boxstyle": "circle", "fc": "white", "ec": "black", "lw": 0.7}
    ax.text(0.93, 0.48, "cell", ha="center", va="center", bbox=circle)
    arrow(ax, (0.93, 0.24), (0.93, 0.4))
    arrow(ax, (0.93, 0.56), (0.93, 0.66))
    arrow(ax, (0.99, 0.54), (0.99, 0.42), bend=-1.6)
    gates = {"input": (0.81, 0.33), "output": (0.81, 0.6), "forget": (1.115, 0.48)}
    for name, (x, y) in gates.items():
        ax.text(x, y, f"{name}\ngate", ha="center", va="center", fontsize=4.5)


def draw_choices(axes: list[Axes], choices: pd.DataFrame) -> None:
    """Draw Fig. 1c: choices in example episodes, one row per episode."""
    colors = ListedColormap([COLORS["left"], COLORS["right"]])
    for ax, (problem, (left, right)) in zip(axes, PROBLEMS.items(), strict=True):
        episodes = choices[choices["problem"] == problem]
        raster = episodes.pivot(index="episode", columns="trial", values="choice")
        extent = (0.5, raster.shape[1] + 0.5, 0, len(raster))
        ax.imshow(raster, aspect="auto", cmap=colors, vmin=0, vmax=1, extent=extent)
        ax.set_title(f"$p_L$ = {left}, $p_R$ = {right}", pad=2)
        ax.set(yticks=[], ylabel="episode")
    axes[0].tick_params(labelbottom=False)
    axes[1].set_xlabel("trial")
    for x, side in enumerate(("left", "right")):
        place: dict[str, Any] = {"transform": axes[1].transAxes, "ha": "center"}
        axes[1].text(0.3 + 0.4 * x, -0.62, side, color=COLORS[side], fontweight="bold", **place)


def draw_regret(ax: Axes, regret: pd.DataFrame, textbook: pd.DataFrame) -> None:
    """Draw cumulative regret: networks (each, and means with 95 % intervals) and textbook
    algorithms."""
    published = storage.published("fig1d")
    variants = present(regret)
    for arms in variants:
        networks, color = regret[regret["variant"] == arms], COLORS[arms]
        plotting.lines(ax, networks, "trial", "regret", color=color, lw=0.4, alpha=0.6)
        label = f"networks, {arms}"
        plotting.curve(ax, networks, "trial", "regret", color, band=0.2, label=label)
        curve = published[published["series"] == f"meta-RL {arms} bandits"]
        marks = curve[curve["x"].isin([10, 25, 50, 75, 100])]
        name = "published networks" if arms == variants[-1] else None
        plotting.published_marker(ax, marks["x"], marks["y"], name)
    for name, (color, dashes) in TEXTBOOK_STYLES.items():
        curve = textbook[textbook["algorithm"] == name]
        ax.plot(curve["trial"], curve["regret"], color=color, ls=dashes, label=name)
    ax.set_xlabel("trial")


def draw_regrets(whole: Axes, end: Axes, regret: pd.DataFrame, textbook: pd.DataFrame) -> None:
    """Draw Fig. 1d, and an enlargement of its end, where curves lie close together."""
    for ax in (whole, end):
        draw_regret(ax, regret, textbook)
    trials, highest = regret["trial"].max(), regret["regret"].max()
    label = "cumulative regret\n(expected reward)"
    whole.set(ylabel=label, xlim=(0, trials + 1), ylim=(0, max(3.7, 1.05 * highest)))
    end.set(xlim=(0.6 * trials, trials + 1), ylim=(1, 3.1), title="the same, enlarged")
    plotting.count(whole, plotting.networks_each(regret), "networks each", x=0.02, y=1)
    end.legend(loc="center left", bbox_to_anchor=(1.03, 0.5))


def draw_share(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw expected reward as a fraction of the Bayes-optimal agent's; not in the paper."""
    names = {MAIN: "indep-\nendent", CORRELATED: "corre-\nlated"}
    variants = present(shares)
    for x, arms in enumerate(variants):
        percent = 100 * shares.loc[shares["variant"] == arms, "share"]
        plotting.dots(ax, x, percent, COLORS[arms], width=0.18)
        plotting.mean_interval(ax, x + 0.32, percent, half=0.1)
    ax.axhline(100, color="black", lw=0.6, ls="--")
    ax.set(xlim=(-0.5, len(variants) - 0.3), ylabel="reward\n(% of Bayes-optimal)")
    ax.set_xticks(range(len(variants)), [names[arms] for arms in variants])
    ax.set_title(f"n = {plotting.networks_each(shares)} each", fontsize=5.5, pad=2)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure and its supplement."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 135)
    margins: dict[str, Any] = {"left": 0.065, "right": 0.985, "top": 0.95, "bottom": 0.075}
    grid: Any = figure.add_gridspec(3, 1, hspace=0.62, height_ratios=(1, 1, 0.95), **margins)
    top = grid[0].subgridspec(1, 3, width_ratios=(0.75, 1.35, 1.2), wspace=0.22)
    a, b = (figure.add_subplot(top[column]) for column in range(2))
    c = list(top[2].subgridspec(2, 1, hspace=0.45).subplots())
    middle = grid[1].subgridspec(1, 3, width_ratios=(1.6, 1, 0.62), wspace=0.16)
    d = [figure.add_subplot(middle[column]) for column in range(2)]
    bottom = grid[2].subgridspec(1, 3, width_ratios=(3.7, 1.6, 0.75), wspace=0.45)
    draw_loop(a)
    draw_layers(b, results.settings[MAIN].network)
    draw_choices(c, results["example_choices"])
    draw_regrets(d[0], d[1], results["regret_curves"], results["textbook_curves"])
    panels: dict[str, Any] = {"a": a, "b": b, "c": c, "d": d}
    if f"code_last_{CORRELATED}" in results:
        paths = bottom[0].subgridspec(1, len(EXAMPLES), wspace=0.12)
        panels["e"] = list(paths.subplots(sharex=True, sharey=True))
        examples = results[f"code_examples_{CORRELATED}"]
        examples = examples.assign(p_right=1 - examples["p_left"])
        activity_figure.draw_trajectories(panels["e"], examples)
        f, last = figure.add_subplot(bottom[1]), results[f"code_last_{CORRELATED}"]
        panels["f"] = activity_figure.draw_payoffs(f, last, results["payoff_code"])
    panels["g"] = figure.add_subplot(bottom[2])
    draw_share(panels["g"], results["bayes_share"])
    yield plotting.lettered("fig1", figure, panels)
    yield activity_figure.supplement(results)
