"""Draw activity: Fig. 1e, f of Wang et al. 2018, and the development of the payoff code."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from replications.bandit.settings import CORRELATED, MAIN

TRIAL_COLORS, PAYOFF_COLORS = mpl.colormaps["copper"], mpl.colormaps["viridis"]
MARKERS = {0: ("left", "*"), 1: ("right", "^")}
FIFTHS = {
    1: "right arm much better",
    2: None,
    3: "arms about equal",
    4: None,
    5: "left arm much better",
}
"""Quintiles of episodes by p_left - p_right, and their names in the legend."""


def present(frame: pd.DataFrame) -> list[str]:
    """List the variants with rewards as input in a table."""
    return [variant for variant in (MAIN, CORRELATED) if variant in set(frame["variant"])]


def draw_trajectories(axes: list[Axes], activity: pd.DataFrame) -> None:
    """Draw activity over single episodes, dark to copper from first to last trial (Fig. 1e)."""
    trials = int(activity["trial"].max()) + 1
    colors: dict[str, Any] = {"cmap": TRIAL_COLORS, "vmin": 0, "vmax": trials}
    episodes = activity.groupby(["p_left", "p_right"], sort=False)
    for ax, ((p_left, p_right), episode) in zip(axes, episodes, strict=True):
        ax.plot(episode["pc1"], episode["pc2"], color="#cccccc", lw=0.4, zorder=0)
        for choice, (_, marker) in MARKERS.items():
            made = episode[episode["choice"] == choice]
            style: dict[str, Any] = {"marker": marker, "s": 7, "lw": 0.3, **colors}
            ax.scatter(made["pc1"], made["pc2"], c=made["trial"], **style)
        for x, name, p_reward, arms in ((0, "L", p_left, MAIN), (1, "R", p_right, CORRELATED)):
            place: dict[str, Any] = {"transform": ax.transAxes, "ha": "right" if x else "left"}
            ax.text(x, 1.02, f"$p_{name}$ {p_reward:.2f}", color=COLORS[arms], **place)
        ax.set(xlabel="PC 1")
    for name, marker in MARKERS.values():
        axes[-1].scatter([], [], marker=marker, color="black", s=7, lw=0.3, label=name)
    axes[-1].legend(loc="upper right", handletextpad=0)
    text = f"dark to copper:\ntrial 1 to {trials}"
    axes[0].text(0.03, 0.03, text, transform=axes[0].transAxes, fontsize=5)
    axes[0].set_ylabel("PC 2")


def draw_plane(ax: Axes, last: pd.DataFrame, values: pd.Series, label: str, **colors: Any) -> Axes:
    """Draw activity at the last trial, coloured by values; return the axes of the colour bar."""
    points = ax.scatter(last["pc1"], last["pc2"], c=values, cmap=PAYOFF_COLORS, s=4, lw=0, **colors)
    ticks = None if colors else MaxNLocator(3)
    bar = ax.figure.colorbar(points, ax=ax, pad=0.02, aspect=12, ticks=ticks).ax
    bar.set_title(label, pad=3)
    ax.set(xlabel="PC 1", ylabel="PC 2")
    return bar


def draw_payoffs(ax: Axes, last: pd.DataFrame, correlations: pd.DataFrame) -> list[Axes]:
    """Draw Fig. 1f: activity at the last trial by p_left; return its axes and the colour bar's."""
    bar = draw_plane(ax, last, last["p_left"], "$p_L$", vmin=0, vmax=1)
    mean, low = correlations["rank_correlation"].mean(), correlations["rank_correlation"].min()
    text = f"|rank correlation| {mean:.2f} over\n{len(correlations)} networks (lowest {low:.2f})"
    ax.set_title(text, fontsize=5.5, pad=2)
    return [ax, bar]


def draw_fan(ax: Axes, paths: pd.DataFrame, arms: str) -> None:
    """Draw the mean first component by trial, for quintiles of episodes."""
    paths = paths[paths["variant"] == arms]
    for fifth, label in FIFTHS.items():
        path = paths[paths["fifth"] == fifth]
        ax.plot(path["trial"], path["pc1"], color=PAYOFF_COLORS((fifth - 1) / 4), label=label)
    ax.set(xlabel="trial", ylabel="PC 1", title=f"one network, {arms}")
    ax.set_ylim(None, 1.6 * paths["pc1"].max())


def draw_codes(ax: Axes, codes: pd.DataFrame) -> None:
    """Draw rank correlations with the payoffs over the trials."""
    curves = [
        (arms, column, style, f"{name}, {arms}")
        for arms in reversed(present(codes))
        for column, style, name in (("pc1", "-", "PC 1"), ("expected", ":", "best estimate"))
    ]
    for arms, column, style, label in (
        *curves,
        (MAIN, "pc2", "--", f"PC 2 with $p_L+p_R$, {MAIN}"),
    ):
        rows = codes[codes["variant"] == arms]
        plotting.curve(ax, rows, "trial", column, COLORS[arms], band=0.2, ls=style, label=label)
    ax.set(xscale="log", xlabel="trial", ylabel="rank correlation\nwith $p_L-p_R$", ylim=(0, 1.1))
    ax.set_xticks([x for x in (2, 5, 10, 20, 50, 100) if x <= codes["trial"].max()])
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.minorticks_off()
    ax.legend(loc="lower right", fontsize=5)
    plotting.count(ax, plotting.networks_each(codes), "networks each", x=0.02, y=1.0)


def draw_variance(ax: Axes, variance: pd.DataFrame) -> None:
    """Draw the share of variance explained by each component; dots, networks."""
    for shift, arms in zip((-0.12, 0.12), present(variance), strict=False):
        shares = variance[variance["variant"] == arms].set_index("component")["share"]
        for component in shares.index.unique():
            values = shares.loc[[component]]
            plotting.dots(ax, component + shift, values, COLORS[arms], width=0.08, size=4)
        ax.scatter([], [], s=8, lw=0, color=COLORS[arms], label=arms)
    ax.set(xlabel="component", ylabel="share of variance,\nlast trial", ylim=(0, 1))
    ax.set_xticks(range(1, variance["component"].max() + 1))
    ax.legend(loc="upper right", handletextpad=0)


def supplement(results: Results) -> Drawing:
    """Draw the supplement of Fig. 1e, f: activity for independent arms, and the development of the
    code."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 92)
    grid: Any = figure.add_gridspec(
        2, 1, hspace=0.6, left=0.065, right=0.975, top=0.92, bottom=0.12
    )
    paths, planes = grid[0].subgridspec(1, 2, width_ratios=(3.3, 2.7), wspace=0.16)
    a = list(paths.subgridspec(1, 4, wspace=0.12).subplots(sharex=True, sharey=True))
    b, c = planes.subgridspec(1, 2, wspace=0.5).subplots()
    below = grid[1].subgridspec(1, 4, wspace=0.4, width_ratios=(1, 1, 1.4, 1)).subplots()
    panels = dict(zip("abcdefg", (a, b, c, *below), strict=True))
    draw_trajectories(a, results[f"code_examples_{MAIN}"])
    last, means = results[f"code_last_{MAIN}"], results["code_paths"]
    draw_plane(b, last, last["p_left"] - last["p_right"], "$p_L-p_R$")
    draw_plane(c, last, last["p_left"] + last["p_right"], "$p_L+p_R$")
    c.set_ylabel("")
    draw_fan(panels["d"], means, MAIN)
    legend: dict[str, Any] = {"handlelength": 1, "borderaxespad": 0, "labelspacing": 0.2}
    panels["d"].legend(loc="upper right", fontsize=5, **legend)
    if CORRELATED in present(means):
        draw_fan(panels["e"], means, CORRELATED)
    else:
        panels.pop("e").remove()
    draw_codes(panels["f"], results["code_by_trial"])
    draw_variance(panels["g"], results["code_variance"])
    return plotting.lettered("fig1_supplement", figure, panels, split=False)
