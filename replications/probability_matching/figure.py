"""Draw Fig. 2 of Wang et al. 2018, and a supplement, from our results.

python -m replications.probability_matching.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from prefrontal import experiments
from prefrontal.analysis.statistics import interval, summarize
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS
from prefrontal.tables.storage import published
from replications.probability_matching.analysis import ASKED, VALUES
from replications.probability_matching.variants import (
    AGENTS,
    COVARIATES,
    KINDS,
    LAGS,
    MAIN,
    POORER,
    PUBLISHED,
    TRAINED,
)

EXAMPLE = TRAINED[MAIN]["seed"]
"""Network whose episodes and units are drawn one by one in panels d and e, as in the paper: the first."""

LABELS = dict(
    zip(
        ASKED,
        ("$a_{t-1}$", "$r_{t-1}$", "$a_{t-1}$\n$\\times r_{t-1}$", "$v_t$", "$a_t$"),
        strict=True,
    )
)

VARIANTS = {MAIN: "2 steps", "3_steps": "3 steps", "2_steps_stated_rate": "2 steps,\nstated rate"}
"""Variants of the supplement, in words."""

BASELINES = {"all": COLORS["network"], "trained": COLORS["trained"], "held out": COLORS["held out"]}


KIND_COLORS = dict(zip(KINDS, ("#9bb7dd", "#dcdcdc"), strict=True))


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
    own = points[points["seed"] == EXAMPLE]
    for held_out, label in ((False, "trained"), (True, "held out")):
        part = own[own["held_out"].astype(bool) == held_out]
        ax.scatter(
            part["reward_ratio"], part["choice_ratio"], s=3, color=COLORS[label], lw=0, alpha=0.7
        )
        ax.text(
            -4.7,
            4.6 - 0.85 * held_out,
            f"{label} baselines",
            color=COLORS[label],
            fontsize=5.5,
            va="top",
        )


def draw_slopes(ax: Axes, slopes: pd.DataFrame) -> None:
    """Fig. 2d, right: slope of every network beside the published network's."""
    slopes = slopes[slopes["variant"] == MAIN]
    for x, (name, color) in enumerate(BASELINES.items()):
        own = slopes[slopes["baselines"] == name]["slope"]
        draw_interval(ax, x, own, color)
        plotting.published_marker(ax, [x + 0.34], [PUBLISHED[f"slope, {name} baselines"]])
    ax.axhline(1, color="black", lw=0.7)
    ax.set(
        ylim=(0, 1.05),
        ylabel="slope",
        xlim=(-0.5, 2.6),
        xticks=range(3),
        title=f"{slopes['seed'].nunique()} networks",
    )
    ax.set_xticklabels(
        ["all", "trained", "held out"], rotation=45, ha="right", rotation_mode="anchor"
    )


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
    for x, (name, _) in enumerate(LABELS.items()):
        own, dots = (frame[frame["covariate"] == name] for frame in (means, units))
        plotting.bar(ax, x, own["mean_abs_r"], KIND_COLORS["Spearman"], 0.7)
        one = dots[dots["seed"] == EXAMPLE]["r"].abs()
        offset = 0.24 * np.sin(np.arange(len(one)) * 2.4)
        ax.scatter(x + offset, one, s=2.5, color=COLORS["held out"], lw=0, alpha=0.8, zorder=2)
        ax.plot(
            [x - 0.4, x + 0.4], [own["null_95"].mean()] * 2, color="black", lw=0.8, ls=":", zorder=4
        )
        if name in COVARIATES:
            plotting.published_marker(ax, [x + 0.46], [PUBLISHED[f"Spearman, {name}"]])
    ax.axvline(len(COVARIATES) - 0.35, ymax=0.83, color=COLORS["published"], lw=0.5)
    ax.set(
        ylim=(0, 1.2),
        yticks=np.arange(0, 1.1, 0.2),
        xlim=(-0.6, 4.6),
        ylabel="|partial rank correlation|",
        xticks=range(len(LABELS)),
    )
    ax.set_title(f"network units (n = {means['seed'].nunique()} networks)")
    ax.set_xticklabels(list(LABELS.values()))
    ax.scatter([], [], s=4, color=COLORS["held out"], lw=0, label="unit of one network")
    ax.scatter([], [], s=5, color="black", lw=0, label="network (mean)")
    ax.plot([], [], color="black", lw=0.8, ls=":", label="95 % of shift null")
    plotting.published_marker(ax, [], [], "published network")
    ax.legend(
        loc="upper left",
        ncols=2,
        borderaxespad=0,
        labelspacing=0.3,
        columnspacing=0.8,
        handletextpad=0.3,
        fontsize=5,
    )


def lag_axes(ax: Axes, ylabel: str) -> None:
    """Set up axes of weights over lags: the longest at the left and the weights at the right, as in the paper."""
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
        own = history[history["series"].str.startswith(signal)].sort_values("x")
        ax.plot(own["x"], own["y"], color=COLORS["animal"], marker="o", ms=2)
    reward.set_title("monkeys")
    choice.set_xlabel("trials ago")


def draw_history(reward: Axes, choice: Axes, weights: pd.DataFrame) -> None:
    """Fig. 2f: networks' weights of past rewards and choices."""
    for ax, signal in ((reward, "reward"), (choice, "choice")):
        lag_axes(ax, f"{signal} weight")
        own = weights[(weights["variant"] == MAIN) & (weights["signal"] == signal)]
        means = summarize(own, ["lag"], "weight")
        ax.plot(means["lag"], means["mean"], color=COLORS["network"])
        for _, block in own.groupby("lag"):
            plotting.dots(
                ax, block["lag"].iloc[0], block["weight"], COLORS["network"], width=0.12, size=3
            )
        lags = np.arange(1, LAGS + 1)
        plotting.published_marker(
            ax, lags, [PUBLISHED[f"{signal} lag {lag}"] for lag in lags], "published network"
        )
    reward.set_title(f"networks (n = {weights.loc[weights['variant'] == MAIN, 'seed'].nunique()})")
    reward.legend(loc="upper left", handletextpad=0.2, borderaxespad=0)
    choice.set_xlabel("trials ago")
    for ax in (reward, choice):
        ax.margins(y=0.1)
    note = "positive: repeats a choice\nnegative: alternates"
    choice.text(0.02, 0.05, note, transform=choice.transAxes, fontsize=5.5, va="bottom")


def draw_value_readings(ax: Axes, readings: pd.DataFrame) -> None:
    """Supplement a: coding of value, by what is taken for the value of left, for both kinds of correlation."""
    own = readings[(readings["variant"] == MAIN) & (readings["covariate"] == "value")]
    for x, value in enumerate(VALUES):
        for offset, kind in zip((-0.2, 0.2), KINDS, strict=True):
            values = own[(own["value"] == value) & (own["kind"] == kind)]["mean_abs_r"]
            plotting.bar(ax, x + offset, values, KIND_COLORS[kind], 0.36)
    ax.axhline(
        PUBLISHED["Spearman, value"], color=COLORS["published"], lw=0.8, ls="--", label="published"
    )
    for kind, color in KIND_COLORS.items():
        ax.bar([0], [0], color=color, label=kind)
    ax.legend(loc="upper right")
    ax.set(
        xticks=range(len(VALUES)),
        ylabel="mean |partial correlation|\nof units with $v_t$",
        title="readings of the value",
    )
    ax.set_xticklabels([value.replace(" ", "\n") for value in VALUES])
    ax.set_ylim(0, ax.get_ylim()[1] * 1.15)
    plotting.count(ax, own["seed"].nunique(), x=0.02, y=1.0)


def draw_kinds(ax: Axes, means: pd.DataFrame) -> None:
    """Supplement b: rank and plain correlations of all covariates."""
    means = means[means["variant"] == MAIN]
    for x, name in enumerate(LABELS):
        for offset, kind in zip((-0.2, 0.2), KINDS, strict=True):
            own = means[(means["covariate"] == name) & (means["kind"] == kind)]["mean_abs_r"]
            plotting.bar(ax, x + offset, own, KIND_COLORS[kind], 0.36)
        if name in COVARIATES:
            plotting.published_marker(ax, [x + 0.45], [PUBLISHED[f"Spearman, {name}"]])
    plotting.count(ax, means["seed"].nunique(), y=1.0)
    ax.set(
        xticks=range(len(LABELS)),
        ylabel="mean |partial correlation|\nof units",
        title="kind of correlation",
    )
    ax.set_xticklabels(list(LABELS.values()))


def draw_variants(
    axes: list[Axes], slopes: pd.DataFrame, weights: pd.DataFrame, reward: pd.DataFrame
) -> None:
    """Supplement c-f: slope, first reward and choice weight, and share of the possible gain, by variant of the training."""
    first = weights[weights["lag"] == 1]
    measures = (
        (slopes[slopes["baselines"] == "all"], "slope", "slope", PUBLISHED["slope, all baselines"]),
        (
            first[first["signal"] == "reward"],
            "weight",
            "reward weight, lag 1",
            PUBLISHED["reward lag 1"],
        ),
        (
            first[first["signal"] == "choice"],
            "weight",
            "choice weight, lag 1",
            PUBLISHED["choice lag 1"],
        ),
        (reward, "normalised_reward", "share of possible gain\nover a coin toss", None),
    )
    for ax, (frame, column, label, reference) in zip(axes, measures, strict=True):
        for x, variant in enumerate(VARIANTS):
            draw_interval(ax, x, frame[frame["variant"] == variant][column], COLORS["network"])
        if reference is not None:
            ax.axhline(reference, color=COLORS["published"], lw=0.8, ls="--", label="published")
        plotting.count(ax, plotting.networks_each(frame), "each", y=1.0)
        ax.set(xlim=(-0.5, len(VARIANTS) - 0.5), xticks=range(len(VARIANTS)), ylabel=label)
        ax.set_xticklabels(list(VARIANTS.values()), fontsize=5.5)
    axes[2].legend(loc="center right")


AGENT_STYLES = dict(
    zip(
        AGENTS, ((COLORS["animal"], ":"), (COLORS["published"], "-."), ("black", "--")), strict=True
    )
)
"""Colour and dashes of the agents beside the networks."""
RANGE_COLORS = mpl.colormaps["viridis"]


def range_name(poorer: float) -> str:
    """Name a range of the poorer side's baseline."""
    half = (POORER[1] - POORER[0]) / 2
    return f"{poorer - half:g}-{poorer + half:g}"


def draw_beside(
    ax: Axes, table: pd.DataFrame, x: str, y: str, agents: Sequence[str] = AGENTS
) -> None:
    """Networks, each a dot, with their mean, and agents, over ranges of baselines or what they led to."""
    networks = table[table["variant"] == MAIN]
    means = (
        networks.groupby("poorer")[[x, y]].mean()
        if x != "poorer"
        else networks.groupby("poorer")[[y]].mean().reset_index()
    )
    ax.scatter(networks[x], networks[y], s=4, color=COLORS["network"], lw=0, alpha=0.6)
    ax.plot(means[x], means[y], color=COLORS["network"], label="networks")
    for name in agents:
        color, dashes = AGENT_STYLES[name]
        own = table[table["variant"] == name]
        ax.plot(own[x], own[y], color=color, ls=dashes, marker="o", ms=2, label=name)


def draw_over(ax: Axes, table: pd.DataFrame, x: str, y: str, styles: dict[str, str]) -> None:
    """Curves over trials or waits for three ranges of baselines, by colour, of some subjects each, by dashes."""
    ranges = sorted(table["poorer"].unique())[::2]
    for k, poorer in enumerate(ranges):
        for variant, dashes in styles.items():
            own = table[(table["variant"] == variant) & (table["poorer"] == poorer)]
            if own.empty:
                continue
            means = summarize(own, [x], y)
            color = RANGE_COLORS(k / len(ranges))
            ax.plot(
                means[x],
                means["mean"],
                color=color,
                ls=dashes,
                label=range_name(poorer) if dashes == "-" else None,
            )
            if dashes == "-":
                ax.fill_between(
                    means[x], means["ci_low"], means["ci_high"], color=color, alpha=0.2, lw=0
                )


def draw_choice(results: experiments.Results) -> experiments.Drawing:
    """Choice in more detail than Fig. 2d, f: networks, agents with published weights, and the best cycle."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 98)
    axes = figure.subplots(2, 3)
    (a, b, c), (d, e, f) = axes
    shares, runs, waits = (results[f"choice_{name}"] for name in ("shares", "runs", "waits"))
    a.plot([0.5, 1], [0.5, 1], color="black", lw=0.5)
    draw_beside(a, shares, "rewards", "choices")
    a.set(
        xlabel="share of rewards on the richer side", ylabel="share of choices\non the richer side"
    )
    a.legend(loc="upper left", fontsize=5, borderaxespad=0, labelspacing=0.3)
    a.set_ylim(top=1.08)
    draw_beside(b, runs, "poorer", "richer")
    b.set(yscale="log", ylabel="run on the richer side\n(trials)", yticks=(1, 2, 5, 10, 20))
    b.yaxis.set_major_formatter(ScalarFormatter())
    draw_beside(c, runs, "poorer", "poorer_side", AGENTS[:1] + AGENTS[2:])
    c.set(ylabel="run on the poorer side\n(trials)", ylim=(0.9, None))
    known = waits[waits["trials"] >= LEAST_TRIALS]
    subjects = ["variant", "poorer"]
    everyone = waits.groupby(subjects)["seed"].nunique().rename("everyone")
    known = known[
        known.groupby([*subjects, "wait"])["seed"].transform("size")
        == known.join(everyone, on=subjects)["everyone"]
    ]
    draw_over(d, known, "wait", "probability", {MAIN: "-", AGENTS[2]: "--"})
    d.set(
        xlabel="trials since the poorer side was chosen",
        ylabel="P(poorer side)",
        ylim=(-0.02, 1.02),
        xticks=range(1, 13, 2),
    )
    d.legend(title="poorer baseline", loc="upper right", fontsize=5, title_fontsize=5)
    draw_over(e, results["choice_trials"], "trial", "richer", {MAIN: "-", AGENTS[0]: ":"})
    e.set(
        xlabel="trial of the episode",
        ylabel="share of choices\non the richer side",
        ylim=(0.45, 1.0),
    )
    draw_beside(f, shares, "poorer", "reward_per_trial")
    f.set(ylabel="reward per trial")
    for ax in (b, c, f):
        ax.set(xlabel="baseline of the poorer side")
    plotting.count(f, plotting.networks_each(shares[shares["variant"] == MAIN]), x=0.02)
    for letter, ax in zip("abcdef", axes.flat, strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout()
    return experiments.Drawing("fig2_choice", figure, {})


LEAST_TRIALS = 100
"""Trials of every subject that a probability must rest on to be drawn."""


def draw_figure(results: experiments.Results) -> experiments.Drawing:
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
    draw_matching(d, results["fig2d"])
    draw_slopes(slopes, results["fig2d_slopes"])
    draw_units(e, results["fig2e"], results["fig2e_units"])
    draw_history(f1, f2, results["fig2f"])
    panels = {"a": [a], "b": [b], "c": [c1, c2], "d": [d, slopes], "e": [e], "f": [f1, f2]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter, x_mm=-6 if letter in "cf" else -9)
    return experiments.Drawing("fig2", figure, panels)


def draw_supplement(results: experiments.Results) -> experiments.Drawing:
    """Readings of the value, kinds of correlation, and what the choices about training change."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    halves: Any = figure.subfigures(2, 1)
    top, bottom = halves
    a, b = top.subplots(1, 2)
    axes = list(bottom.subplots(1, 4))
    draw_value_readings(a, results["value_readings"])
    draw_kinds(b, results["fig2e"])
    draw_variants(axes, results["fig2d_slopes"], results["fig2f"], results["reward"])
    top.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.87, wspace=0.3)
    bottom.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.92, wspace=0.6)
    for letter, ax in zip("abcdef", [a, b, *axes], strict=True):
        plotting.panel_label(ax, letter)
    return experiments.Drawing("fig2_supplement", figure, {})


def draw(results: experiments.Results) -> Iterator[experiments.Drawing]:
    """Draw the figure, its supplement, and choice in detail."""
    yield draw_figure(results)
    yield draw_supplement(results)
    yield draw_choice(results)


if __name__ == "__main__":
    experiments.figure_main(__file__)
