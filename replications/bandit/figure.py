"""Draw Fig. 1 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.settings import NetworkSettings
from prefrontal.statistics import interval, summarize
from prefrontal.tables import storage
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
TRIAL_COLORS = mpl.colormaps["copper"]
MARKERS = {0: ("left", "*"), 1: ("right", "^")}
PAYOFF_COLORS = mpl.colormaps["viridis"]


def box(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    width: float = 0.34,
    height: float = 0.14,
    color: str = "white",
) -> None:
    """Draw a labelled box around (x, y)."""
    shape = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        "round,pad=.02",
        fc=color,
        ec="black",
        lw=0.7,
    )
    ax.add_patch(shape)
    ax.text(x, y, text, ha="center", va="center")


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str = "black",
    bend: float = 0.0,
) -> None:
    """Draw an arrow from start to end."""
    style = f"arc3,rad={bend}"
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=6,
            lw=0.9,
            color=color,
            connectionstyle=style,
        )
    )


def draw_loop(ax: Axes) -> None:
    """Draw Fig. 1a: the network, its inputs and outputs, and the dopamine signal that trains it."""
    box(ax, 0.45, 0.5, "prefrontal\nnetwork", 0.44, 0.24, "#e6eef8")
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
    box(ax, 0.3, 0.13, "observation,\nlast action, last reward", 0.54, 0.18)
    box(ax, 0.3, 0.48, f"{network.units} {core} units", 0.46, 0.14, "#e6eef8")
    box(ax, 0.14, 0.9, "policy", 0.2, 0.1)
    box(ax, 0.46, 0.9, "value", 0.2, 0.1)
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


def present(results: pd.DataFrame) -> list[str]:
    """List the variants with rewards as input that are in a table."""
    return [variant for variant in (MAIN, CORRELATED) if variant in set(results["variant"])]


def draw_choices(axes: list[Axes], results: pd.DataFrame) -> None:
    """Draw Fig. 1c: choices in example episodes, one row per episode."""
    colors = ListedColormap([COLORS["left"], COLORS["right"]])
    for ax, (problem, (left, right)) in zip(axes, PROBLEMS.items(), strict=True):
        episodes = results[results["problem"] == problem]
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


def draw_regret(ax: Axes, results: pd.DataFrame, textbook: pd.DataFrame) -> None:
    """Draw cumulative regret: networks, means with 95 % intervals and each; textbook algorithms."""
    published = storage.published("fig1d")
    variants = present(results)
    for arms in variants:
        networks = results[results["variant"] == arms]
        means = summarize(networks, ["trial"], "regret")
        for _, network in networks.groupby("seed"):
            ax.plot(network["trial"], network["regret"], color=COLORS[arms], lw=0.4, alpha=0.6)
        ax.plot(means["trial"], means["mean"], color=COLORS[arms], label=f"networks, {arms}")
        band = means["ci_low"], means["ci_high"]
        ax.fill_between(means["trial"], *band, color=COLORS[arms], alpha=0.2, lw=0)
        curve = published[published["series"] == f"meta-RL {arms} bandits"]
        marks = curve[curve["x"].isin([10, 25, 50, 75, 100])]
        label = "published networks" if arms == variants[-1] else None
        plotting.published_marker(ax, marks["x"], marks["y"], label)
    for name, (color, dashes) in TEXTBOOK_STYLES.items():
        curve = textbook[textbook["algorithm"] == name]
        ax.plot(curve["trial"], curve["regret"], color=color, ls=dashes, label=name)
    ax.set_xlabel("trial")


def draw_regrets(whole: Axes, end: Axes, results: pd.DataFrame, textbook: pd.DataFrame) -> None:
    """Draw Fig. 1d whole, and its end enlarged, where curves lie close together."""
    for ax in (whole, end):
        draw_regret(ax, results, textbook)
    trials, highest = results["trial"].max(), results["regret"].max()
    label = "cumulative regret\n(expected reward)"
    whole.set(ylabel=label, xlim=(0, trials + 1), ylim=(0, max(3.7, 1.05 * highest)))
    end.set(xlim=(0.6 * trials, trials + 1), ylim=(1, 3.1), title="the same, enlarged")
    plotting.count(whole, plotting.networks_each(results), "networks each", x=0.02, y=1)
    end.legend(loc="center left", bbox_to_anchor=(1.03, 0.5))


def draw_trajectories(axes: list[Axes], results: pd.DataFrame) -> None:
    """Draw activity over single episodes, dark to copper from first to last trial (Fig. 1e)."""
    trials = int(results["trial"].max()) + 1
    episodes = results.groupby(["p_left", "p_right"], sort=False)
    for ax, ((p_left, p_right), episode) in zip(axes, episodes, strict=True):
        ax.plot(episode["pc1"], episode["pc2"], color="#cccccc", lw=0.4, zorder=0)
        for choice, (_, marker) in MARKERS.items():
            made = episode[episode["choice"] == choice]
            colors: dict[str, Any] = {"cmap": TRIAL_COLORS, "vmin": 0, "vmax": trials}
            ax.scatter(
                made["pc1"], made["pc2"], c=made["trial"], marker=marker, s=7, lw=0.3, **colors
            )
        for x, name, p_reward, arms in ((0, "L", p_left, MAIN), (1, "R", p_right, CORRELATED)):
            text = f"$p_{name}$ {p_reward:.2f}"
            ha = "right" if x else "left"
            ax.text(x, 1.02, text, color=COLORS[arms], transform=ax.transAxes, ha=ha)
        ax.set(xlabel="PC 1")
    for name, marker in MARKERS.values():
        axes[-1].scatter([], [], marker=marker, color="black", s=7, lw=0.3, label=name)
    axes[-1].legend(loc="upper right", handletextpad=0)
    text = f"dark to copper:\ntrial 1 to {trials}"
    axes[0].text(0.03, 0.03, text, transform=axes[0].transAxes, fontsize=5)
    axes[0].set_ylabel("PC 2")
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)


def draw_payoffs(ax: Axes, results: pd.DataFrame, correlations: pd.DataFrame) -> Axes:
    """Draw Fig. 1f: activity at the last trial by p_left; return the axes of the colour bar."""
    colors: dict[str, Any] = {"cmap": PAYOFF_COLORS, "vmin": 0, "vmax": 1}
    points = ax.scatter(results["pc1"], results["pc2"], c=results["p_left"], s=4, lw=0, **colors)
    bar = ax.figure.colorbar(points, ax=ax, pad=0.02, aspect=12).ax
    bar.set_title("$p_L$", pad=3)
    ax.set(xlabel="PC 1", ylabel="PC 2")
    mean, low = correlations["rank_correlation"].mean(), correlations["rank_correlation"].min()
    text = f"|rank correlation| {mean:.2f} over\n{len(correlations)} networks (lowest {low:.2f})"
    ax.set_title(text, fontsize=5.5, pad=2)
    return bar


def draw_share(ax: Axes, results: pd.DataFrame) -> None:
    """Draw expected reward as a share of what a Bayes-optimal agent expects; not in the paper."""
    names = {MAIN: "indep-\nendent", CORRELATED: "corre-\nlated"}
    variants = present(results)
    for x, arms in enumerate(variants):
        percent = 100 * results.loc[results["variant"] == arms, "share"]
        mean, low, high = interval(percent)
        plotting.dots(ax, x, percent, COLORS[arms], width=0.18)
        ax.plot([x + 0.32] * 2, [low, high], color="black", lw=0.8)
        ax.plot([x + 0.22, x + 0.42], [mean, mean], color="black", lw=1.2)
    ax.axhline(100, color="black", lw=0.6, ls="--")
    ax.set(xlim=(-0.5, len(variants) - 0.3), ylabel="reward\n(% of Bayes-optimal)")
    ax.set_xticks(range(len(variants)), [names[arms] for arms in variants])
    ax.set_title(f"n = {plotting.networks_each(results)} each", fontsize=5.5, pad=2)


def draw_plane(ax: Axes, results: pd.DataFrame, values: pd.Series, label: str) -> None:
    """Draw activity at the last trial on the first two components, coloured by these values."""
    points = ax.scatter(results["pc1"], results["pc2"], c=values, cmap=PAYOFF_COLORS, s=4, lw=0)
    bar = ax.figure.colorbar(points, ax=ax, pad=0.02, aspect=12, ticks=MaxNLocator(3))
    bar.ax.set_title(label, pad=3)
    ax.set(xlabel="PC 1", ylabel="PC 2")


def draw_fan(ax: Axes, results: pd.DataFrame, arms: str) -> None:
    """Draw the mean path of the first component over the trials, by fifths of the episodes."""
    paths = results[results["variant"] == arms]
    for fifth, label in FIFTHS.items():
        path = paths[paths["fifth"] == fifth]
        ax.plot(path["trial"], path["pc1"], color=PAYOFF_COLORS((fifth - 1) / 4), label=label)
    ax.set(xlabel="trial", ylabel="PC 1", title=f"one network, {arms}")
    ax.set_ylim(None, 1.6 * paths["pc1"].max())


def draw_code(
    ax: Axes, results: pd.DataFrame, column: str, arms: str, style: str, label: str
) -> None:
    """Draw a rank correlation with the payoffs over the trials, means with 95 % intervals."""
    means = summarize(results[results["variant"] == arms], ["trial"], column)
    ax.plot(means["trial"], means["mean"], color=COLORS[arms], ls=style, label=label)
    band = means["ci_low"], means["ci_high"]
    ax.fill_between(means["trial"], *band, color=COLORS[arms], alpha=0.2, lw=0)


def draw_codes(ax: Axes, results: pd.DataFrame) -> None:
    """Draw how the code of the payoffs builds up over the trials."""
    for arms in reversed(present(results)):
        draw_code(ax, results, "pc1", arms, "-", f"PC 1, {arms}")
        draw_code(ax, results, "expected", arms, ":", f"best estimate, {arms}")
    draw_code(ax, results, "pc2", MAIN, "--", f"PC 2 with $p_L+p_R$, {MAIN}")
    ax.set(xscale="log", xlabel="trial", ylabel="rank correlation\nwith $p_L-p_R$", ylim=(0, 1.1))
    ax.set_xticks([x for x in (2, 5, 10, 20, 50, 100) if x <= results["trial"].max()])
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.minorticks_off()
    ax.legend(loc="lower right", fontsize=5)
    plotting.count(ax, plotting.networks_each(results), "networks each", x=0.02, y=1.0)


def draw_variance(ax: Axes, results: pd.DataFrame) -> None:
    """Draw the share of the variance that each component explains, every network a dot."""
    for shift, arms in zip((-0.12, 0.12), present(results), strict=False):
        shares = results[results["variant"] == arms].set_index("component")["share"]
        for component in shares.index.unique():
            values = shares.loc[[component]]
            plotting.dots(ax, component + shift, values, COLORS[arms], width=0.08, size=4)
        ax.scatter([], [], s=8, lw=0, color=COLORS[arms], label=arms)
    ax.set(xlabel="component", ylabel="share of variance,\nlast trial", ylim=(0, 1))
    ax.set_xticks(range(1, results["component"].max() + 1))
    ax.legend(loc="upper right", handletextpad=0)


FIFTHS = {
    1: "right arm much better",
    2: None,
    3: "arms about equal",
    4: None,
    5: "left arm much better",
}
"""Fifths of the episodes by p_left - p_right, and their names in the legend."""


def row_of_paths(figure: Figure, grid: GridSpecFromSubplotSpec) -> list[Axes]:
    """Add axes in a row that share both axes."""
    axes = [figure.add_subplot(grid[column]) for column in range(grid.ncols)]
    for ax in axes[1:]:
        ax.sharex(axes[0])
        ax.sharey(axes[0])
    return axes


def supplement(results: Results) -> Drawing:
    """Draw more of Fig. 1e, f: how activity codes independent arms, and how the code builds up."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 92)
    grid = figure.add_gridspec(2, 1, hspace=0.6, left=0.065, right=0.975, top=0.92, bottom=0.12)
    top = GridSpecFromSubplotSpec(1, 2, grid[0], width_ratios=(3.3, 2.7), wspace=0.16)
    a = row_of_paths(figure, GridSpecFromSubplotSpec(1, 4, top[0], wspace=0.12))
    planes = GridSpecFromSubplotSpec(1, 2, top[1], wspace=0.5)
    b, c = (figure.add_subplot(planes[column]) for column in range(2))
    below = GridSpecFromSubplotSpec(1, 4, grid[1], wspace=0.4, width_ratios=(1, 1, 1.4, 1))
    d, f, g = (figure.add_subplot(below[column]) for column in (0, 2, 3))
    panels = {"a": a[0], "b": b, "c": c, "d": d, "f": f, "g": g}
    draw_trajectories(a, results[f"code_examples_{MAIN}"])
    last, paths = results[f"code_last_{MAIN}"], results["code_paths"]
    draw_plane(b, last, last["p_left"] - last["p_right"], "$p_L-p_R$")
    draw_plane(c, last, last["p_left"] + last["p_right"], "$p_L+p_R$")
    c.set_ylabel("")
    draw_fan(d, paths, MAIN)
    d.legend(loc="upper right", fontsize=5, handlelength=1, borderaxespad=0, labelspacing=0.2)
    if CORRELATED in present(paths):
        panels["e"] = figure.add_subplot(below[1])
        draw_fan(panels["e"], paths, CORRELATED)
    draw_codes(f, results["code_by_trial"])
    draw_variance(g, results["code_variance"])
    for letter, ax in panels.items():
        plotting.panel_label(ax, letter)
    return Drawing("fig1_supplement", figure, {})


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure and its supplement."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 135)
    margins: dict[str, float] = {"left": 0.065, "right": 0.985, "top": 0.95, "bottom": 0.075}
    grid = figure.add_gridspec(3, 1, hspace=0.62, height_ratios=(1, 1, 0.95), **margins)
    top = GridSpecFromSubplotSpec(1, 3, grid[0], width_ratios=(0.75, 1.35, 1.2), wspace=0.22)
    a, b = figure.add_subplot(top[0]), figure.add_subplot(top[1])
    rasters = GridSpecFromSubplotSpec(2, 1, top[2], hspace=0.45)
    c = [figure.add_subplot(rasters[row]) for row in range(2)]
    middle = GridSpecFromSubplotSpec(1, 3, grid[1], width_ratios=(1.6, 1, 0.62), wspace=0.16)
    d = [figure.add_subplot(middle[column]) for column in range(2)]
    bottom = GridSpecFromSubplotSpec(1, 3, grid[2], width_ratios=(3.7, 1.6, 0.75), wspace=0.45)
    draw_loop(a)
    draw_layers(b, results.settings[MAIN].network)
    draw_choices(c, results["example_choices"])
    draw_regrets(d[0], d[1], results["regret_curves"], results["textbook_curves"])
    panels = {"a": [a], "b": [b], "c": c, "d": d}
    if f"code_last_{CORRELATED}" in results:
        paths = GridSpecFromSubplotSpec(1, len(EXAMPLES), bottom[0], wspace=0.12)
        panels["e"] = row_of_paths(figure, paths)
        examples = results[f"code_examples_{CORRELATED}"]
        draw_trajectories(panels["e"], examples.assign(p_right=1 - examples["p_left"]))
        f = figure.add_subplot(bottom[1])
        panels["f"] = [
            f,
            draw_payoffs(f, results[f"code_last_{CORRELATED}"], results["payoff_code"]),
        ]
    panels["g"] = [figure.add_subplot(bottom[2])]
    draw_share(panels["g"][0], results["bayes_share"])
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    yield Drawing("fig1", figure, panels)
    yield supplement(results)
