"""Draw Fig. 2 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.animals import figure as animals_figure
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables.storage import published
from replications.probability_matching import supplement
from replications.probability_matching.animals import MATCHING
from replications.probability_matching.claims import PUBLISHED
from replications.probability_matching.settings import COVARIATES, LAGS, MAIN
from replications.probability_matching.supplement import KIND_COLORS, LABELS, draw_interval

BASELINES = {
    name: COLORS[color]
    for name, color in (("all", "network"), ("trained", "trained"), ("held out", "held out"))
}


def example_network(networks: pd.DataFrame) -> int:
    """Seed of the network whose episodes and units are drawn one by one: the first."""
    return int(networks["subject"].min())


def ratio_axes(ax: Axes, title: str) -> None:
    """Set up axes of log ratios with the identity line and the monkeys' fit."""
    ax.plot([-5, 5], [-5, 5], color="black", lw=0.7)
    ends = published("fig2a").query("series.str.startswith('dashed')").astype({"x": float})
    ax.plot(ends["x"], ends["y"], color="black", lw=0.7, ls="--")
    ax.set(xlim=(-5, 5), ylim=(-5, 5), xticks=[-5, 0, 5], yticks=[-5, 0, 5], title=title)
    ax.set(xlabel="log2 reward ratio (right / left)", ylabel="log2 choice ratio (right / left)")
    ax.set_aspect("equal", anchor="N")


def draw_monkey_matching(ax: Axes) -> None:
    """Fig. 2a: monkeys' choice and reward ratios (Lau & Glimcher 2005)."""
    ratio_axes(ax, "monkeys")
    points = published("fig2a").query("series.str.startswith('monkeys')").astype({"x": float})
    ax.scatter(points["x"], points["y"], s=8, color=COLORS["animal"], lw=0)
    ax.text(-4.7, 4.6, "solid: matching", fontsize=5.5, va="top")
    ax.text(-4.7, 3.75, "dashed: monkeys' fit (a, d)", fontsize=5.5, va="top")


def draw_matching(ax: Axes, points: pd.DataFrame) -> None:
    """Fig. 2d: every test episode of one network."""
    ratio_axes(ax, "one network")
    points = points[points["subject"] == example_network(points)]
    for held_out, label in ((False, "trained"), (True, "held out")):
        group = points[points["held_out"].astype(bool) == held_out]
        x, y, color = group["reward_ratio"], group["choice_ratio"], COLORS[label]
        ax.scatter(x, y, s=3, color=color, lw=0, alpha=0.7)
        height, text = 4.6 - 0.85 * held_out, f"{label.replace(' ', '-')} baselines"
        ax.text(-4.7, height, text, color=color, fontsize=5.5, va="top")


def draw_slopes(ax: Axes, slopes: pd.DataFrame) -> None:
    """Fig. 2d, right: slope of every network next to the published network's."""
    slopes = slopes[slopes["variant"] == MAIN]
    for x, (name, color) in enumerate(BASELINES.items()):
        draw_interval(ax, x, slopes[slopes["baselines"] == name]["slope"], color)
        plotting.published_marker(ax, [x + 0.34], [PUBLISHED[f"slope, {name} baselines"]])
    ax.axhline(1, color="black", lw=0.7)
    ax.set(ylim=(0, 1.05), ylabel="slope", xlim=(-0.5, 2.6), xticks=range(len(BASELINES)))
    ax.set_title(f"{slopes['subject'].nunique()} networks")
    ax.set_xticklabels(list(BASELINES), rotation=45, ha="right", rotation_mode="anchor")


def draw_neurons(ax: Axes) -> None:
    """Fig. 2b: share of monkeys' DLPFC neurons that code each variable (Tsutsui et al. 2016)."""
    shares = published("fig2b")["y"]
    ax.bar(range(len(shares)), shares, 0.7, color=COLORS["animal"])
    ax.set(ylim=(0, 0.6), xlim=(-0.6, 4.6), ylabel="share of neurons")
    ax.set_title("monkeys, 205 neurons")
    ax.set_xticks(range(len(COVARIATES)), [LABELS[name] for name in COVARIATES])


def draw_units(ax: Axes, means: pd.DataFrame, units: pd.DataFrame) -> None:
    """Fig. 2e: absolute partial rank correlation of units with each variable."""
    means, units = (
        frame[(frame["variant"] == MAIN) & (frame["kind"] == "Spearman")]
        for frame in (means, units)
    )
    for x, name in enumerate(LABELS):
        networks, codes = (frame[frame["covariate"] == name] for frame in (means, units))
        plotting.bar(ax, x, networks["mean_abs_r"], KIND_COLORS["Spearman"], 0.7)
        one = codes[codes["subject"] == example_network(codes)]["r"].abs()
        offset = 0.24 * np.sin(np.arange(len(one)) * 2.4)
        ax.scatter(x + offset, one, s=2.5, color=COLORS["held out"], lw=0, alpha=0.8, zorder=2)
        null = networks["null_95"].mean()
        ax.plot([x - 0.4, x + 0.4], [null, null], color="black", lw=0.8, ls=":", zorder=4)
        if name in COVARIATES:
            plotting.published_marker(ax, [x + 0.46], [PUBLISHED[f"Spearman, {name}"]])
    ax.axvline(len(COVARIATES) - 0.35, ymax=0.83, color=COLORS["published"], lw=0.5)
    ax.set(ylim=(0, 1.2), yticks=np.arange(0, 1.1, 0.2), xlim=(-0.6, 4.6))
    ax.set_ylabel("|partial rank correlation|")
    ax.set_title(f"network units (n = {means['subject'].nunique()} networks)")
    ax.set_xticks(range(len(LABELS)), list(LABELS.values()))
    ax.scatter([], [], s=4, color=COLORS["held out"], lw=0, label="unit of one network")
    ax.scatter([], [], s=5, color="black", lw=0, label="network (mean)")
    ax.plot([], [], color="black", lw=0.8, ls=":", label="95 % of shift null")
    plotting.published_marker(ax, [], [], "published network")
    spacing = {"borderaxespad": 0, "labelspacing": 0.3, "columnspacing": 0.8, "handletextpad": 0.3}
    ax.legend(loc="upper left", ncols=2, fontsize=5, **spacing)


def lag_axes(ax: Axes, ylabel: str) -> None:
    """Set up axes of weights over lags, the longest at the left, as in the paper."""
    ax.axhline(0, color="black", lw=0.6, ls="--")
    ax.set(xlim=(LAGS + 0.6, -0.2), xticks=[LAGS, 10, 5, 1], ylabel=ylabel)
    ax.yaxis.set_label_position("right")
    ax.yaxis.tick_right()
    ax.spines["right"].set_visible(True)
    ax.spines["left"].set_visible(False)


def draw_monkey_history(reward: Axes, choice: Axes) -> None:
    """Fig. 2c: monkeys' weights of past rewards and choices (Lau & Glimcher 2005)."""
    history = published("fig2c").astype({"x": float})
    for ax, signal in ((reward, "reward"), (choice, "choice")):
        lag_axes(ax, f"{signal} weight\n(log odds)")
        curve = history[history["series"].str.startswith(signal)].sort_values("x")
        ax.plot(curve["x"], curve["y"], color=COLORS["animal"], marker="o", ms=2)
    reward.set_title("monkeys")
    choice.set_xlabel("trials ago")


def draw_history(reward: Axes, choice: Axes, weights: pd.DataFrame) -> None:
    """Fig. 2f: networks' weights of past rewards and choices."""
    weights, lags = weights[weights["variant"] == MAIN], np.arange(1, LAGS + 1)
    for ax, signal in ((reward, "reward"), (choice, "choice")):
        lag_axes(ax, f"{signal} weight\n(log odds)")
        rows = weights[weights["signal"] == signal]
        plotting.curve(ax, rows, "lag", "weight", COLORS["network"], each=(0.12, 3))
        paper = [PUBLISHED[f"{signal} lag {lag}"] for lag in lags]
        plotting.published_marker(ax, lags, paper, "published network")
        ax.margins(y=0.1)
    reward.set_title(f"networks (n = {weights['subject'].nunique()})")
    reward.legend(loc="upper left", handletextpad=0.2, borderaxespad=0)
    choice.set_xlabel("trials ago")
    note = "positive: repeats a choice\nnegative: alternates"
    choice.text(0.02, 0.05, note, transform=choice.transAxes, fontsize=5.5, va="bottom")


def draw_figure(results: Results) -> Drawing:
    """Fig. 2."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 118)
    ratios = {"width_ratios": (1, 0.42, 1.3, 1.0), "height_ratios": (1, 1.1)}
    outer: Any = figure.add_gridspec(2, 4, hspace=0.42, wspace=0.4, **ratios)
    figure.subplots_adjust(left=0.06, right=0.93, top=0.945, bottom=0.1)
    a, b = figure.add_subplot(outer[0, 0]), figure.add_subplot(outer[0, 2])
    d, slopes, e = (figure.add_subplot(outer[1, column]) for column in range(3))
    c1, c2 = outer[0, 3].subgridspec(2, 1, hspace=0.25).subplots(sharex=True)
    f1, f2 = outer[1, 3].subgridspec(2, 1, hspace=0.25).subplots(sharex=True)
    draw_monkey_matching(a)
    draw_neurons(b)
    draw_monkey_history(c1, c2)
    draw_matching(d, results["matching_points"])
    draw_slopes(slopes, results["matching_slopes"])
    draw_units(e, results["code_strengths"], results["unit_codes"])
    draw_history(f1, f2, results["lag_weights"])
    panels = {"a": [a], "b": [b], "c": [c1, c2], "d": [d, slopes], "e": [e], "f": [f1, f2]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter, x_mm=-6 if letter in "cf" else -9)
    return Drawing("fig2", figure, panels)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure, its supplement, choice in detail, and animals next to the networks."""
    yield draw_figure(results)
    yield supplement.draw_supplement(results)
    yield supplement.draw_choice(results)
    folder = results.data / results.experiment / "animals"
    yield from animals_figure.draw_folder(MATCHING, folder, results)
