"""Draw Fig. 2 of Wang et al. 2018, and supplements, from our results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval, summarize
from prefrontal.tables.storage import published
from replications.probability_matching.claims import PUBLISHED
from replications.probability_matching.settings import (
    AGENTS,
    ALL_COVARIATES,
    COVARIATES,
    KINDS,
    LAGS,
    LONGEST_WAIT,
    MAIN,
    POORER_RANGES,
    RPE,
    STATED_RATE,
    VALUES,
    VARIANTS,
)

SYMBOLS = ("$a_{t-1}$", "$r_{t-1}$", "$a_{t-1}$\n$\\times r_{t-1}$", "$v_t$", "$a_t$")
LABELS = dict(zip(ALL_COVARIATES, SYMBOLS, strict=True))

BASELINES = {
    name: COLORS[color]
    for name, color in (("all", "network"), ("trained", "trained"), ("held out", "held out"))
}
KIND_COLORS = dict(zip(KINDS, ("#9bb7dd", "#dcdcdc"), strict=True))

LEAST_TRIALS = 100
"""Trials of every subject on which a probability must rest to be drawn."""


def example_network(networks: pd.DataFrame) -> int:
    """Seed of the network whose episodes and units are drawn one by one: the first."""
    return int(networks["seed"].min())


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
    points = points[points["seed"] == example_network(points)]
    for held_out, label in ((False, "trained"), (True, "held out")):
        group = points[points["held_out"].astype(bool) == held_out]
        x, y, color = group["reward_ratio"], group["choice_ratio"], COLORS[label]
        ax.scatter(x, y, s=3, color=color, lw=0, alpha=0.7)
        height, text = 4.6 - 0.85 * held_out, f"{label} baselines"
        ax.text(-4.7, height, text, color=color, fontsize=5.5, va="top")


def draw_slopes(ax: Axes, slopes: pd.DataFrame) -> None:
    """Fig. 2d, right: slope of every network next to the published network's."""
    slopes = slopes[slopes["variant"] == MAIN]
    for x, (name, color) in enumerate(BASELINES.items()):
        draw_interval(ax, x, slopes[slopes["baselines"] == name]["slope"], color)
        plotting.published_marker(ax, [x + 0.34], [PUBLISHED[f"slope, {name} baselines"]])
    ax.axhline(1, color="black", lw=0.7)
    ax.set(ylim=(0, 1.05), ylabel="slope", xlim=(-0.5, 2.6), xticks=range(len(BASELINES)))
    ax.set_title(f"{slopes['seed'].nunique()} networks")
    ax.set_xticklabels(list(BASELINES), rotation=45, ha="right", rotation_mode="anchor")


def draw_interval(ax: Axes, x: float, values: pd.Series, color: str) -> None:
    """Draw a mean with its 95 % interval over networks, and every network as a dot."""
    mean, low, high = interval(values)
    plotting.dots(ax, x, values, color, width=0.18, size=5)
    ax.plot([x - 0.26, x + 0.26], [mean, mean], color="black", lw=1)
    ax.plot([x, x], [low, high], color="black", lw=0.7)


def draw_neurons(ax: Axes) -> None:
    """Fig. 2b: share of monkeys' DLPFC neurons that code each variable (Tsutsui et al. 2016)."""
    shares = published("fig2b")["y"]
    ax.bar(range(len(shares)), shares, 0.7, color=COLORS["animal"])
    ax.set(
        ylim=(0, 0.6), xlim=(-0.6, 4.6), ylabel="share of neurons", xticks=range(len(COVARIATES))
    )
    ax.set_title("monkeys, 205 neurons")
    ax.set_xticklabels([LABELS[name] for name in COVARIATES])


def draw_units(ax: Axes, means: pd.DataFrame, units: pd.DataFrame) -> None:
    """Fig. 2e: absolute partial rank correlation of units with each variable."""
    means, units = (
        frame[(frame["variant"] == MAIN) & (frame["kind"] == "Spearman")]
        for frame in (means, units)
    )
    for x, name in enumerate(LABELS):
        networks, codes = (frame[frame["covariate"] == name] for frame in (means, units))
        plotting.bar(ax, x, networks["mean_abs_r"], KIND_COLORS["Spearman"], 0.7)
        one = codes[codes["seed"] == example_network(codes)]["r"].abs()
        offset = 0.24 * np.sin(np.arange(len(one)) * 2.4)
        ax.scatter(x + offset, one, s=2.5, color=COLORS["held out"], lw=0, alpha=0.8, zorder=2)
        null = networks["null_95"].mean()
        ax.plot([x - 0.4, x + 0.4], [null, null], color="black", lw=0.8, ls=":", zorder=4)
        if name in COVARIATES:
            plotting.published_marker(ax, [x + 0.46], [PUBLISHED[f"Spearman, {name}"]])
    ax.axvline(len(COVARIATES) - 0.35, ymax=0.83, color=COLORS["published"], lw=0.5)
    ax.set(ylim=(0, 1.2), yticks=np.arange(0, 1.1, 0.2), xlim=(-0.6, 4.6))
    ax.set(ylabel="|partial rank correlation|", xticks=range(len(LABELS)))
    ax.set_title(f"network units (n = {means['seed'].nunique()} networks)")
    ax.set_xticklabels(list(LABELS.values()))
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
        lag_axes(ax, f"{signal} weight")
        curve = history[history["series"].str.startswith(signal)].sort_values("x")
        ax.plot(curve["x"], curve["y"], color=COLORS["animal"], marker="o", ms=2)
    reward.set_title("monkeys")
    choice.set_xlabel("trials ago")


def draw_history(reward: Axes, choice: Axes, weights: pd.DataFrame) -> None:
    """Fig. 2f: networks' weights of past rewards and choices."""
    weights, color = weights[weights["variant"] == MAIN], COLORS["network"]
    for ax, signal in ((reward, "reward"), (choice, "choice")):
        lag_axes(ax, f"{signal} weight")
        chosen = weights[weights["signal"] == signal]
        means = summarize(chosen, ["lag"], "weight")
        ax.plot(means["lag"], means["mean"], color=color)
        for _, block in chosen.groupby("lag"):
            plotting.dots(ax, block["lag"].iloc[0], block["weight"], color, width=0.12, size=3)
        lags = np.arange(1, LAGS + 1)
        paper = [PUBLISHED[f"{signal} lag {lag}"] for lag in lags]
        plotting.published_marker(ax, lags, paper, "published network")
    reward.set_title(f"networks (n = {weights['seed'].nunique()})")
    reward.legend(loc="upper left", handletextpad=0.2, borderaxespad=0)
    choice.set_xlabel("trials ago")
    for ax in (reward, choice):
        ax.margins(y=0.1)
    note = "positive: repeats a choice\nnegative: alternates"
    choice.text(0.02, 0.05, note, transform=choice.transAxes, fontsize=5.5, va="bottom")


def draw_value_readings(ax: Axes, readings: pd.DataFrame) -> None:
    """Supplement a: coding of value under each reading of it, for both kinds of correlation."""
    readings = readings[(readings["variant"] == MAIN) & (readings["covariate"] == "value")]
    for x, value in enumerate(VALUES):
        for offset, kind in zip((-0.2, 0.2), KINDS, strict=True):
            chosen = readings[(readings["value"] == value) & (readings["kind"] == kind)]
            plotting.bar(ax, x + offset, chosen["mean_abs_r"], KIND_COLORS[kind], 0.36)
    paper, color = PUBLISHED["Spearman, value"], COLORS["published"]
    ax.axhline(paper, color=color, lw=0.8, ls="--", label="published")
    for kind, color in KIND_COLORS.items():
        ax.bar([0], [0], color=color, label=kind)
    ax.legend(loc="upper right")
    ax.set(xticks=range(len(VALUES)), title="readings of the value")
    ax.set_ylabel("mean |partial correlation|\nof units with $v_t$")
    ax.set_xticklabels([value.replace(" ", "\n") for value in VALUES])
    ax.set_ylim(0, ax.get_ylim()[1] * 1.15)
    plotting.count(ax, readings["seed"].nunique(), x=0.02, y=1.0)


def draw_kinds(ax: Axes, means: pd.DataFrame) -> None:
    """Supplement b: rank and plain correlations of all covariates."""
    means = means[means["variant"] == MAIN]
    for x, name in enumerate(LABELS):
        for offset, kind in zip((-0.2, 0.2), KINDS, strict=True):
            chosen = means[(means["covariate"] == name) & (means["kind"] == kind)]
            plotting.bar(ax, x + offset, chosen["mean_abs_r"], KIND_COLORS[kind], 0.36)
        if name in COVARIATES:
            plotting.published_marker(ax, [x + 0.45], [PUBLISHED[f"Spearman, {name}"]])
    plotting.count(ax, means["seed"].nunique(), y=1.0)
    ax.set(xticks=range(len(LABELS)), title="kind of correlation")
    ax.set_ylabel("mean |partial correlation|\nof units")
    ax.set_xticklabels(list(LABELS.values()))


def variant_labels(results: Results) -> dict[str, str]:
    """Variants of the supplement that were measured, with their names in the figure."""
    measured, labels = set(results["reward"]["variant"]), {}
    for variant in VARIANTS:
        if variant in measured and variant != RPE:
            steps = f"{results.settings[variant].task.steps_per_trial} steps"
            labels[variant] = f"{steps},\nstated rate" if variant == STATED_RATE else steps
    return labels


def draw_variants(axes: list[Axes], results: Results) -> None:
    """Supplement c-f: slope, reward and choice weight, and normalised reward, by variant."""
    slopes, reward, labels = results["matching_slopes"], results["reward"], variant_labels(results)
    last = results["history_weights"].query("lag == 1")
    rewards, choices = (last[last["signal"] == signal] for signal in ("reward", "choice"))
    overall = slopes[slopes["baselines"] == "all"]
    measures = (
        (overall, "slope", "slope", PUBLISHED["slope, all baselines"]),
        (rewards, "weight", "reward weight, lag 1", PUBLISHED["reward lag 1"]),
        (choices, "weight", "choice weight, lag 1", PUBLISHED["choice lag 1"]),
        (reward, "normalised_reward", "share of possible gain\nover a coin toss", None),
    )
    for ax, (frame, column, label, reference) in zip(axes, measures, strict=True):
        for x, variant in enumerate(labels):
            draw_interval(ax, x, frame[frame["variant"] == variant][column], COLORS["network"])
        if reference is not None:
            ax.axhline(reference, color=COLORS["published"], lw=0.8, ls="--", label="published")
        plotting.count(ax, plotting.networks_each(frame), "each", y=1.0)
        ax.set(xlim=(-0.5, len(labels) - 0.5), xticks=range(len(labels)), ylabel=label)
        ax.set_xticklabels(list(labels.values()), fontsize=5.5)
    axes[2].legend(loc="center right")


AGENT_LINES = ((COLORS["animal"], ":"), (COLORS["published"], "-."), ("black", "--"))
AGENT_STYLES = dict(zip(AGENTS, AGENT_LINES, strict=True))
"""Colour and dashes of the agents next to the networks."""
RANGE_COLORS = mpl.colormaps["viridis"]


def draw_beside(
    ax: Axes, table: pd.DataFrame, x: str, y: str, agents: Sequence[str] = AGENTS
) -> None:
    """Networks, each a dot, their mean, and agents, over ranges of baselines or a measure."""
    networks = table[table["variant"] == MAIN]
    means = networks.groupby("poorer").mean(numeric_only=True).reset_index()
    ax.scatter(networks[x], networks[y], s=4, color=COLORS["network"], lw=0, alpha=0.6)
    ax.plot(means[x], means[y], color=COLORS["network"], label="networks")
    for name in agents:
        color, dashes = AGENT_STYLES[name]
        agent = table[table["variant"] == name]
        ax.plot(agent[x], agent[y], color=color, ls=dashes, marker="o", ms=2, label=name)


def draw_over(
    ax: Axes, table: pd.DataFrame, x: str, y: str, styles: dict[str, str], half: float
) -> None:
    """Curves over trials or waits, of some subjects each, by range of the poorer baseline.

    Parameters
    ----------
    styles : dict
        Subject -> dashes.
    half : float
        Half the width of a range.
    """
    ranges = sorted(table["poorer"].unique())[::2]
    for k, poorer in enumerate(ranges):
        color, name = RANGE_COLORS(k / len(ranges)), f"{poorer - half:g}-{poorer + half:g}"
        for variant, dashes in styles.items():
            chosen = table[(table["variant"] == variant) & (table["poorer"] == poorer)]
            if chosen.empty:
                continue
            means, solid = summarize(chosen, [x], y), dashes == "-"
            label = name if solid else None
            ax.plot(means[x], means["mean"], color=color, ls=dashes, label=label)
            if solid:
                low, high = means["ci_low"], means["ci_high"]
                ax.fill_between(means[x], low, high, color=color, alpha=0.2, lw=0)


def well_known(waits: pd.DataFrame) -> pd.DataFrame:
    """Rows of waits that every network, or the agent, has met often enough."""
    subjects = ["variant", "poorer"]
    known = waits[waits["trials"] >= LEAST_TRIALS]
    everyone = waits.groupby(subjects)["seed"].nunique().rename("everyone")
    count = known.groupby([*subjects, "wait"])["seed"].transform("size")
    return known[count == known.join(everyone, on=subjects)["everyone"]]


def draw_choice(results: Results) -> Drawing:
    """Choice in more detail: networks, agents with published weights, and the best cycle."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 98)
    axes = figure.subplots(2, 3)
    (a, b, c), (d, e, f) = axes
    shares, runs, waits = (results[f"choice_{name}"] for name in ("shares", "runs", "waits"))
    half = results.settings[MAIN].task.baseline_sum / 4 / POORER_RANGES
    a.plot([0.5, 1], [0.5, 1], color="black", lw=0.5)
    draw_beside(a, shares, "rewards", "choices")
    a.set_xlabel("share of rewards on the richer side")
    a.set_ylabel("share of choices\non the richer side")
    a.legend(loc="upper left", fontsize=5, borderaxespad=0, labelspacing=0.3)
    a.set_ylim(top=1.08)
    draw_beside(b, runs, "poorer", "richer")
    b.set(yscale="log", ylabel="run on the richer side\n(trials)", yticks=(1, 2, 5, 10, 20))
    b.yaxis.set_major_formatter(ScalarFormatter())
    draw_beside(c, runs, "poorer", "poorer_side", AGENTS[:1] + AGENTS[2:])
    c.set(ylabel="run on the poorer side\n(trials)", ylim=(0.9, None))
    draw_over(d, well_known(waits), "wait", "probability", {MAIN: "-", AGENTS[2]: "--"}, half)
    d.set(xlabel="trials since the poorer side was chosen", ylabel="P(poorer side)")
    d.set(ylim=(-0.02, 1.02), xticks=range(1, LONGEST_WAIT + 1, 2))
    d.legend(title="poorer baseline", loc="upper right", fontsize=5, title_fontsize=5)
    styles = {MAIN: "-", AGENTS[0]: ":"}
    draw_over(e, results["choice_trials"], "trial", "richer", styles, half)
    e.set(xlabel="trial of the episode", ylim=(0.45, 1.0))
    e.set_ylabel("share of choices\non the richer side")
    draw_beside(f, shares, "poorer", "reward_per_trial")
    f.set(ylabel="reward per trial")
    for ax in (b, c, f):
        ax.set(xlabel="baseline of the poorer side")
    plotting.count(f, plotting.networks_each(shares[shares["variant"] == MAIN]), x=0.02)
    for letter, ax in zip("abcdef", axes.flat, strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout()
    return Drawing("fig2_choice", figure, {})


def draw_figure(results: Results) -> Drawing:
    """Fig. 2."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 118)
    outer: Any = figure.add_gridspec(
        2, 4, width_ratios=(1, 0.42, 1.3, 1.0), height_ratios=(1, 1.1), hspace=0.42, wspace=0.4
    )
    figure.subplots_adjust(left=0.06, right=0.945, top=0.945, bottom=0.1)
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
    draw_history(f1, f2, results["history_weights"])
    panels = {"a": [a], "b": [b], "c": [c1, c2], "d": [d, slopes], "e": [e], "f": [f1, f2]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter, x_mm=-6 if letter in "cf" else -9)
    return Drawing("fig2", figure, panels)


def draw_supplement(results: Results) -> Drawing:
    """Readings of the value, kinds of correlation, and what the choices about training change."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    halves: Any = figure.subfigures(2, 1)
    top, bottom = halves
    a, b = top.subplots(1, 2)
    axes = list(bottom.subplots(1, 4))
    draw_value_readings(a, results["value_readings"])
    draw_kinds(b, results["code_strengths"])
    draw_variants(axes, results)
    top.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.87, wspace=0.3)
    bottom.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.92, wspace=0.6)
    for letter, ax in zip("abcdef", [a, b, *axes], strict=True):
        plotting.panel_label(ax, letter)
    return Drawing("fig2_supplement", figure, {})


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure, its supplement, and choice in detail."""
    yield draw_figure(results)
    yield draw_supplement(results)
    yield draw_choice(results)
