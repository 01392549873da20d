"""Draw Fig. 1 of Wang et al. 2018 from our results.

python -m replications.bandit.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from prefrontal import experiment, plotting, tables
from prefrontal.plotting import COLORS
from prefrontal.statistics import interval, summarize
from replications.bandit.conditions import CORRELATED, EXAMPLES, GITTINS, MAIN, OPTIMAL, PROBLEMS, THOMPSON, TUNED_UCB, UCB

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


def box(ax: Axes, x: float, y: float, text: str, width: float = 0.34, height: float = 0.14, color: str = "white") -> None:
    """Draw a labelled box around (x, y)."""
    shape = FancyBboxPatch((x - width / 2, y - height / 2), width, height, "round,pad=.02", fc=color, ec="black", lw=0.7)
    ax.add_patch(shape)
    ax.text(x, y, text, ha="center", va="center")


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str = "black", bend: float = 0.0) -> None:
    """Draw an arrow from start to end."""
    style = f"arc3,rad={bend}"
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=6, lw=0.9, color=color, connectionstyle=style))


def draw_loop(ax: Axes) -> None:
    """Fig. 1a: the recurrent network, its inputs and outputs, and the dopamine signal that trains it."""
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


def draw_layers(ax: Axes) -> None:
    """Fig. 1b: the layers, and the gates of one LSTM unit."""
    box(ax, 0.3, 0.13, "observation,\nlast action, last reward", 0.54, 0.18)
    box(ax, 0.3, 0.48, "48 LSTM units", 0.46, 0.14, "#e6eef8")
    box(ax, 0.14, 0.9, "policy", 0.2, 0.1)
    box(ax, 0.46, 0.9, "value", 0.2, 0.1)
    arrow(ax, (0.3, 0.25), (0.3, 0.39))
    arrow(ax, (0.24, 0.57), (0.15, 0.82))
    arrow(ax, (0.36, 0.57), (0.45, 0.82))
    arrow(ax, (0.1, 0.55), (0.1, 0.41), bend=2.5)
    ax.add_patch(FancyBboxPatch((0.72, 0.25), 0.42, 0.5, "round,pad=.03", fc="#f6f6f6", ec=COLORS["published"], lw=0.6))
    ax.plot([0.555, 0.69], [0.55, 0.76], [0.555, 0.69], [0.41, 0.24], color=COLORS["published"], lw=0.5)
    ax.text(0.93, 0.72, "one unit", ha="center", va="top", fontsize=5.5)
    ax.text(0.93, 0.48, "cell", ha="center", va="center", bbox={"boxstyle": "circle", "fc": "white", "ec": "black", "lw": 0.7})
    arrow(ax, (0.93, 0.24), (0.93, 0.4))
    arrow(ax, (0.93, 0.56), (0.93, 0.66))
    arrow(ax, (0.99, 0.54), (0.99, 0.42), bend=-1.6)
    for x, y, name in ((0.81, 0.33, "input\ngate"), (0.81, 0.6, "output\ngate"), (1.115, 0.48, "forget\ngate")):
        ax.text(x, y, name, ha="center", va="center", fontsize=4.5)
    ax.set(xlim=(-0.02, 1.18), ylim=(0, 1))
    ax.axis("off")


def draw_choices(axes: list[Axes], results: pd.DataFrame) -> None:
    """Fig. 1c: choices in example episodes, one row per episode."""
    colors = ListedColormap([COLORS["left"], COLORS["right"]])
    for ax, (problem, (left, right)) in zip(axes, PROBLEMS.items(), strict=True):
        raster = results[results["problem"] == problem].pivot(index="episode", columns="trial", values="choice")
        ax.imshow(raster, aspect="auto", cmap=colors, vmin=0, vmax=1, extent=(0.5, raster.shape[1] + 0.5, 0, len(raster)))
        ax.set_title(f"$p_L$ = {left}, $p_R$ = {right}", pad=2)
        ax.set(yticks=[], ylabel="episode")
    axes[0].tick_params(labelbottom=False)
    axes[1].set_xlabel("trial")
    for x, side in enumerate(("left", "right")):
        axes[1].text(0.3 + 0.4 * x, -0.62, side, color=COLORS[side], transform=axes[1].transAxes, ha="center", fontweight="bold")


def draw_regret(ax: Axes, results: pd.DataFrame, textbook: pd.DataFrame) -> None:
    """Fig. 1d: cumulative regret of networks, means with 95 % intervals and each, and of textbook algorithms on top."""
    published = tables.published("fig1d")
    for arms in (MAIN, CORRELATED):
        networks = results[results["condition"] == arms]
        means = summarize(networks, ["trial"], "regret")
        for _, one in networks.groupby("seed"):
            ax.plot(one["trial"], one["regret"], color=COLORS[arms], lw=0.4, alpha=0.6)
        ax.plot(means["trial"], means["mean"], color=COLORS[arms], label=f"networks, {arms}")
        ax.fill_between(means["trial"], means["ci_low"], means["ci_high"], color=COLORS[arms], alpha=0.2, lw=0)
        own = published[published["series"] == f"meta-RL {arms} bandits"]
        marks = own[own["x"].isin([10, 25, 50, 75, 100])]
        plotting.published_marker(ax, marks["x"], marks["y"], "published networks" if arms == CORRELATED else None)
    for name, (color, dashes) in TEXTBOOK_STYLES.items():
        own = textbook[textbook["algorithm"] == name]
        ax.plot(own["trial"], own["regret"], color=color, ls=dashes, label=name)
    ax.set_xlabel("trial")


def draw_regrets(whole: Axes, end: Axes, results: pd.DataFrame, textbook: pd.DataFrame) -> None:
    """Fig. 1d whole, and its end enlarged, where curves lie close together."""
    for ax in (whole, end):
        draw_regret(ax, results, textbook)
    highest = results["regret"].max()
    whole.set(ylabel="cumulative regret\n(expected reward)", xlim=(0, 101), ylim=(0, max(3.7, 1.05 * highest)))
    end.set(xlim=(60, 101), ylim=(1, 3.1), title="the same, enlarged")
    plotting.count(whole, plotting.networks_each(results), "networks each", x=0.02, y=1)
    end.legend(loc="center left", bbox_to_anchor=(1.03, 0.5))


def draw_trajectories(axes: list[Axes], results: pd.DataFrame) -> None:
    """Fig. 1e: unit activity over single episodes, dark to copper from first to last trial."""
    for ax, ((p_left, p_right), own) in zip(axes, results.groupby(["p_left", "p_right"], sort=False), strict=True):
        ax.plot(own["pc1"], own["pc2"], color="#cccccc", lw=0.4, zorder=0)
        for choice, (_, marker) in MARKERS.items():
            made = own[own["choice"] == choice]
            ax.scatter(made["pc1"], made["pc2"], c=made["trial"], cmap=TRIAL_COLORS, vmin=0, vmax=100, marker=marker, s=7, lw=0.3)
        ax.text(0, 1.02, f"$p_L$ {p_left:.2f}", color=COLORS["independent"], transform=ax.transAxes)
        ax.text(1, 1.02, f"$p_R$ {p_right:.2f}", color=COLORS["correlated"], transform=ax.transAxes, ha="right")
        ax.set(xlabel="PC 1")
    for name, marker in MARKERS.values():
        axes[-1].scatter([], [], marker=marker, color="black", s=7, lw=0.3, label=name)
    axes[-1].legend(loc="upper right", handletextpad=0)
    axes[0].text(0.03, 0.03, "dark to copper:\ntrial 1 to 100", transform=axes[0].transAxes, fontsize=5)
    axes[0].set_ylabel("PC 2")
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)


def draw_payoffs(ax: Axes, results: pd.DataFrame, correlations: pd.DataFrame) -> Axes:
    """Fig. 1f: unit activity at the last trial, by the left arm's reward probability -> axes of the colour bar."""
    points = ax.scatter(results["pc1"], results["pc2"], c=results["p_left"], cmap=PAYOFF_COLORS, vmin=0, vmax=1, s=4, lw=0)
    bar = ax.figure.colorbar(points, ax=ax, pad=0.02, aspect=12).ax
    bar.set_title("$p_L$", pad=3)
    ax.set(xlabel="PC 1", ylabel="PC 2")
    mean, low = correlations["rank_correlation"].mean(), correlations["rank_correlation"].min()
    text = f"|rank correlation| {mean:.2f} over\n{len(correlations)} networks (lowest {low:.2f})"
    ax.set_title(text, fontsize=5.5, pad=2)
    return bar


def draw_share(ax: Axes, results: pd.DataFrame) -> None:
    """Beyond the paper: expected reward as a share of what a Bayes-optimal agent expects."""
    for x, arms in enumerate((MAIN, CORRELATED)):
        own = 100 * results.loc[results["condition"] == arms, "share"]
        mean, low, high = interval(own)
        plotting.dots(ax, x, own, COLORS[arms], width=0.18)
        ax.plot([x + 0.32] * 2, [low, high], color="black", lw=0.8)
        ax.plot([x + 0.22, x + 0.42], [mean, mean], color="black", lw=1.2)
    ax.axhline(100, color="black", lw=0.6, ls="--")
    ax.set(xlim=(-0.5, 1.7), xticks=[0, 1], ylabel="reward\n(% of Bayes-optimal)")
    ax.set_xticklabels(["indep-\nendent", "corre-\nlated"])
    ax.set_title(f"n = {plotting.networks_each(results)} each", fontsize=5.5, pad=2)


def draw_plane(ax: Axes, results: pd.DataFrame, values: pd.Series, label: str) -> None:
    """Activity at the last trial on the first two components, by what the payoffs are."""
    points = ax.scatter(results["pc1"], results["pc2"], c=values, cmap=PAYOFF_COLORS, s=4, lw=0)
    ax.figure.colorbar(points, ax=ax, pad=0.02, aspect=12, ticks=MaxNLocator(3)).ax.set_title(label, pad=3)
    ax.set(xlabel="PC 1", ylabel="PC 2")


def draw_fan(ax: Axes, results: pd.DataFrame, arms: str) -> None:
    """Mean path of the first component over the trials, by fifths of the episodes."""
    own = results[results["condition"] == arms]
    for fifth in FIFTHS:
        path = own[own["fifth"] == fifth]
        ax.plot(path["trial"], path["pc1"], color=PAYOFF_COLORS((fifth - 1) / 4), label=FIFTHS[fifth])
    ax.set(xlabel="trial", ylabel="PC 1", title=f"one network, {arms}", ylim=(None, 1.6 * own["pc1"].max()))


def draw_code(ax: Axes, results: pd.DataFrame, column: str, arms: str, style: str, label: str) -> None:
    """How closely something follows the payoffs over the trials, means with 95 % intervals."""
    means = summarize(results[results["condition"] == arms], ["trial"], column)
    ax.plot(means["trial"], means["mean"], color=COLORS[arms], ls=style, label=label)
    ax.fill_between(means["trial"], means["ci_low"], means["ci_high"], color=COLORS[arms], alpha=0.2, lw=0)


def draw_variance(ax: Axes, results: pd.DataFrame) -> None:
    """Share of the variance that each component explains, every network a dot."""
    for k, arms in enumerate((MAIN, CORRELATED)):
        own = results[results["condition"] == arms]
        for component in own["component"].unique():
            values = own.loc[own["component"] == component, "share"]
            plotting.dots(ax, component + 0.24 * (k - 0.5), values, COLORS[arms], width=0.08, size=4)
        ax.scatter([], [], s=8, lw=0, color=COLORS[arms], label=arms)
    ax.set(
        xlabel="component", ylabel="share of variance,\nlast trial", ylim=(0, 1), xticks=range(1, results["component"].max() + 1)
    )
    ax.legend(loc="upper right", handletextpad=0)


FIFTHS = {1: "right arm much better", 2: None, 3: "arms about equal", 4: None, 5: "left arm much better"}
"""Fifths of the episodes by p_left - p_right, and what the legend calls them."""


def supplement(results: experiment.Results) -> experiment.Drawing:
    """More of Fig. 1e, f: how activity codes independent arms, and how the code builds up."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 92)
    grid = figure.add_gridspec(2, 1, hspace=0.6, left=0.065, right=0.975, top=0.92, bottom=0.12)
    top = GridSpecFromSubplotSpec(1, 2, grid[0], width_ratios=(3.3, 2.7), wspace=0.16)
    paths, planes = (GridSpecFromSubplotSpec(1, n, cell, wspace=w) for n, cell, w in ((4, top[0], 0.12), (2, top[1], 0.5)))
    a = [figure.add_subplot(paths[column]) for column in range(4)]
    for ax in a[1:]:
        ax.sharex(a[0])
        ax.sharey(a[0])
    b, c = (figure.add_subplot(planes[column]) for column in range(2))
    below = GridSpecFromSubplotSpec(1, 4, grid[1], wspace=0.4, width_ratios=(1, 1, 1.4, 1))
    d, e, f, g = (figure.add_subplot(below[column]) for column in range(4))
    draw_trajectories(a, results["code_examples"])
    last, codes = results["code_last"], results["code_by_trial"]
    draw_plane(b, last, last["p_left"] - last["p_right"], "$p_L-p_R$")
    draw_plane(c, last, last["p_left"] + last["p_right"], "$p_L+p_R$")
    c.set_ylabel("")
    for ax, arms in ((d, MAIN), (e, CORRELATED)):
        draw_fan(ax, results["code_paths"], arms)
    d.legend(loc="upper right", fontsize=5, handlelength=1, borderaxespad=0, labelspacing=0.2)
    for arms in (CORRELATED, MAIN):
        draw_code(f, codes, "pc1", arms, "-", f"PC 1, {arms}")
        draw_code(f, codes, "expected", arms, ":", f"best estimate, {arms}")
    draw_code(f, codes, "pc2", MAIN, "--", f"PC 2 with $p_L+p_R$, {MAIN}")
    f.set(xscale="log", xlabel="trial", ylabel="rank correlation\nwith $p_L-p_R$", ylim=(0, 1.1), xticks=(2, 5, 10, 20, 50, 100))
    f.xaxis.set_major_formatter(ScalarFormatter())
    f.minorticks_off()
    f.legend(loc="lower right", fontsize=5)
    plotting.count(f, plotting.networks_each(codes), "networks each", x=0.02, y=1.0)
    draw_variance(g, results["code_variance"])
    for letter, ax in zip("abcdefg", (a[0], b, c, d, e, f, g), strict=True):
        plotting.panel_label(ax, letter)
    return experiment.Drawing("fig1_supplement", figure, {})


def draw(results: experiment.Results) -> Iterator[experiment.Drawing]:
    """Draw the figure and its supplement."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 135)
    grid = figure.add_gridspec(3, 1, hspace=0.62, left=0.065, right=0.985, top=0.95, bottom=0.075, height_ratios=(1, 1, 0.95))
    top = GridSpecFromSubplotSpec(1, 3, grid[0], width_ratios=(0.75, 1.35, 1.2), wspace=0.22)
    a, b = figure.add_subplot(top[0]), figure.add_subplot(top[1])
    rasters = GridSpecFromSubplotSpec(2, 1, top[2], hspace=0.45)
    c = [figure.add_subplot(rasters[row]) for row in range(2)]
    middle = GridSpecFromSubplotSpec(1, 3, grid[1], width_ratios=(1.6, 1, 0.62), wspace=0.16)
    d = [figure.add_subplot(middle[column]) for column in range(2)]
    bottom = GridSpecFromSubplotSpec(1, 3, grid[2], width_ratios=(3.7, 1.6, 0.75), wspace=0.45)
    paths = GridSpecFromSubplotSpec(1, len(EXAMPLES), bottom[0], wspace=0.12)
    e = [figure.add_subplot(paths[column]) for column in range(len(EXAMPLES))]
    f, g = (figure.add_subplot(bottom[column]) for column in (1, 2))
    for ax in e[1:]:
        ax.sharex(e[0])
        ax.sharey(e[0])
    draw_loop(a)
    draw_layers(b)
    draw_choices(c, results["fig1c"])
    draw_regrets(d[0], d[1], results["fig1d"], results["fig1d_textbook"])
    draw_trajectories(e, results["fig1e"].assign(p_right=lambda own: 1 - own["p_left"]))
    bar = draw_payoffs(f, results["fig1f"], results["payoff_code"])
    draw_share(g, results["bayes_share"])
    panels = {"a": [a], "b": [b], "c": c, "d": d, "e": e, "f": [f, bar], "g": [g]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    yield experiment.Drawing("fig1", figure, panels)
    yield supplement(results)


if __name__ == "__main__":
    experiment.figure_main(__file__)
