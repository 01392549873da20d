"""Draw Fig. 3 and Supplementary Fig. 5 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.settings import Settings
from prefrontal.statistics import interval, summarize
from prefrontal.tables.storage import published
from replications.volatile_bandit.claims import RATES, UNITS
from replications.volatile_bandit.settings import (
    ALPHA,
    BLOCK,
    BLOCKS,
    CONTROL_RATES,
    FAST,
    GENERATOR,
    HUMAN,
    MAIN,
    ORDERS,
    UNTIED,
    WINDOW,
)

AGENTS = {"Bayesian agent": "fig3a", "network": "fig3b"}
REWARDED_AGENTS = {
    "best fixed rate": COLORS["published"],
    "network": COLORS["network"],
    "Bayesian agent": COLORS["model-based"],
}
RATE_LIMITS = (0.03, 1.0)


def block_color(block: str) -> str:
    """Colour of a kind of block."""
    return COLORS[block.split()[0]]


def draw_episode(ax: Axes, results: pd.DataFrame, agent: str) -> None:
    """Fig. 3a, b: an example episode, with learning rates fitted over all episodes of its kind."""
    own = results[results["agent"] == agent]
    trial = own["trial"]
    grey = COLORS["published"]
    ax.scatter(
        trial,
        np.where(own["chose_left"], 1.14, -0.14),
        s=3,
        facecolor="none",
        edgecolor=grey,
        lw=0.4,
        label="choice",
    )
    ax.scatter(
        trial,
        np.where(own["left_paid"], 1.06, -0.06),
        s=3,
        marker="x",
        color=grey,
        lw=0.4,
        label="outcome",
    )
    ax.plot(
        trial,
        own["p_left"],
        color=COLORS["network"],
        lw=0.8,
        drawstyle="steps-mid",
        label="true reward probability",
    )
    if agent in AGENTS:
        line = published(AGENTS[agent]).query("series == 'learning rate'")
        ax.plot(
            line["x"].astype(float),
            line["y"],
            color=grey,
            lw=0.8,
            ls="--",
            label="learning rate, published",
        )
    ax.plot(
        trial, own["learning_rate"], color=COLORS["learning rate"], lw=1.8, label="learning rate"
    )
    label = "inferred volatility" if agent == "Bayesian agent" else "decoded volatility"
    ax.plot(trial, own["volatility"], color=COLORS["volatility"], lw=0.6, label=label)
    ax.set(
        xlim=(0, len(own) + 1),
        ylim=(-0.2, 1.2),
        yticks=[0, 0.5, 1],
        title=agent.replace("network", "network (example)"),
    )
    ax.set_ylabel("probability, learning rate,\nP(volatile)")


def rate_axes(ax: Axes, title: str, ylabel: str = "learning rate") -> None:
    """Set up axes of block learning rates."""
    ax.set(yscale="log", ylim=RATE_LIMITS, title=title, ylabel=ylabel, xticks=range(4))
    ax.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.set_xticklabels([block.replace(" ", "\n") for block in BLOCKS])


def draw_humans(ax: Axes) -> None:
    """Fig. 3c: learning rates of humans, mean ± s.e.m."""
    animal = (
        published("fig3c").assign(block=lambda frame: frame["x"].str.lower()).set_index("block")
    )
    for x, block in enumerate(BLOCKS):
        row = animal.loc[block]
        ax.bar(x, row["y"] - RATE_LIMITS[0], 0.7, bottom=RATE_LIMITS[0], color=block_color(block))
        ax.errorbar(x, row["y"], row["err"], color="black", elinewidth=0.8)
    rate_axes(ax, "humans (Behrens et al. 2007)")


def draw_networks(ax: Axes, results: pd.DataFrame) -> None:
    """Fig. 3d: learning rates of the networks."""
    own = results[results["variant"] == MAIN]
    for x, block in enumerate(BLOCKS):
        plotting.bar(
            ax,
            x,
            own.loc[own["block"] == block, "learning_rate"],
            block_color(block),
            base=RATE_LIMITS[0],
        )
    plotting.published_marker(
        ax, np.arange(4) + 0.25, [RATES[block] for block in BLOCKS], "published networks"
    )
    rate_axes(ax, f"networks (n = {own['seed'].nunique()})")
    ax.legend(loc="upper left", handletextpad=0.1)


def draw_coding_over_time(ax: Axes, results: pd.DataFrame) -> None:
    """Supplementary Fig. 5a: share of units coding volatility at each trial, across episodes."""
    means = summarize(results, ["trial"], "share")
    ax.fill_between(
        means["trial"], means["ci_low"], means["ci_high"], color=COLORS["network"], alpha=0.25, lw=0
    )
    ax.plot(means["trial"], means["mean"], color=COLORS["network"], lw=0.8)
    plotting.count(ax, results["seed"].nunique(), x=0.02, y=1.0)
    ax.axvline(BLOCK + 0.5, color="black", lw=0.5, ls=":")
    ax.text(BLOCK + 3, 0.98, "volatility\nchanges", fontsize=5.5, va="top")
    ax.set(
        xlabel="trial",
        ylabel="share of units",
        ylim=(0, 1),
        title="units coding volatility, over time",
    )


def draw_coding_over_threshold(ax: Axes, results: pd.DataFrame) -> None:
    """Supplementary Fig. 5b: share of units coding volatility against the level of significance."""
    null = f"turned round by {BLOCK // 2} trials"
    lines = {
        "share": (COLORS["network"], "true volatility"),
        "share_null": (COLORS["published"], null),
    }
    for column, (color, label) in lines.items():
        means = summarize(results, ["threshold"], column)
        ax.fill_between(
            means["threshold"], means["ci_low"], means["ci_high"], color=color, alpha=0.25, lw=0
        )
        ax.plot(means["threshold"], means["mean"], color=color, label=label)
    plotting.published_marker(ax, [ALPHA], [UNITS], "published, p < .05")
    ax.set(
        xscale="log",
        xlabel="threshold (Bonferroni-corrected p)",
        ylabel="share of units",
        ylim=(0, 1),
    )
    ax.set_title("units coding volatility, by threshold")
    ax.legend(loc="upper left")
    plotting.count(ax, results["seed"].nunique(), y=1.0)


def draw_control(ax: Axes, results: pd.DataFrame) -> None:
    """Learning rates recovered from simulated learners with a known one."""
    for rate in CONTROL_RATES:
        label = "true" if rate == CONTROL_RATES[0] else None
        ax.axhline(rate, color=COLORS["learning rate"], lw=0.5, ls=":", zorder=0, label=label)
    for order, style in zip(ORDERS, ("-", "--"), strict=True):
        rows = results[results["order"] == order]
        curves = rows.pivot(index="window", columns="true_rate", values="learning_rate")
        for line in ax.plot(curves.index, curves, color="0.3", lw=0.7, ls=style)[:1]:
            line.set_label(f"fitted, {order}")
    ax.set(
        xlabel="first trial of the window",
        ylabel="learning rate",
        ylim=(0, 1.15),
        title="control: fixed-rate learners",
    )
    ax.legend(loc="upper right")


def draw_stages(ax: Axes, results: pd.DataFrame, settings: dict[str, Settings[Any]]) -> None:
    """Learning rate within episodes over training, and that of the weights."""
    kinds = results.assign(kind=results["block"].astype(str).str.split().str[0])
    keys = ["variant", "kind", "episodes", "seed"]
    per_network = kinds.groupby(keys, as_index=False)["learning_rate"].mean()
    outer = {variant: own.training.learning_rate for variant, own in settings.items()}
    for variant, style in zip((MAIN, FAST), ("-", ":"), strict=True):
        if variant not in set(results["variant"]):
            continue
        for kind in ("stable", "volatile"):
            rows = per_network[(per_network["variant"] == variant) & (per_network["kind"] == kind)]
            means = summarize(rows, ["episodes"], "learning_rate")
            x, color = means["episodes"] / 1000, COLORS[kind]
            label = f"{kind} blocks" if variant == MAIN else None
            ax.plot(x, means["mean"], color=color, ls=style, label=label)
            ax.fill_between(x, means["ci_low"], means["ci_high"], color=color, alpha=0.2, lw=0)
        faster = f"all at {outer[variant] / outer[MAIN]:.3g} x faster weights"
        label = "weights" if variant == MAIN else faster
        ax.axhline(outer[variant], color="black", lw=0.8, ls=style, label=label)
    ax.set(yscale="log", ylim=(min(2e-5, outer[MAIN] / 2), 2), xlim=(0, None))
    ax.set(xlabel="training episodes (thousands)", ylabel="learning rate")
    ax.set_title("inner and outer learning rate")
    if len(results):
        ax.legend(loc="center", bbox_to_anchor=(0.5, 0.5))
    plotting.count(ax, per_network["seed"].nunique(), "networks each", y=1.0)


def draw_rewards(ax: Axes, results: pd.DataFrame) -> None:
    """Normalised reward of the networks, the Bayesian agent and the best fixed learning rate."""
    for group, test in enumerate((HUMAN, GENERATOR)):
        for k, (agent, color) in enumerate(REWARDED_AGENTS.items()):
            which = (
                (results["variant"] == MAIN)
                & (results["test"] == test)
                & (results["agent"] == agent)
            )
            own = results.loc[which, "share"]
            x = group * 3.6 + k
            mean, low, high = interval(own)
            ax.bar(x, mean, 0.8, color=color, label=agent if group == 0 else None)
            ax.plot([x, x], [low, high], color="red", lw=0.8)
            plotting.dots(ax, x, own, "orange", size=3)
    ax.set(
        ylim=(0, 1.3),
        xticks=[1, 4.6],
        yticks=np.arange(0, 1.1, 0.2),
        ylabel="share of the oracle's gain\nover random choice",
    )
    ax.set_title("reward")
    ax.set_xticklabels(["test schedule", "training generator"])
    ax.legend(
        loc="upper left", borderaxespad=0.2, handlelength=0.8, handletextpad=0.4, labelspacing=0.2
    )
    plotting.count(ax, results.loc[results["variant"] == MAIN, "seed"].nunique(), y=1.0)


def draw_variants(ax: Axes, results: pd.DataFrame) -> None:
    """Learning rates of every trained variant."""
    labels = {MAIN: "tied", FAST: "faster\nweights", UNTIED: "untied"}
    trained = [variant for variant in labels if variant in set(results["variant"])]
    for group, variant in enumerate(trained):
        for k, block in enumerate(BLOCKS):
            rows = results[(results["variant"] == variant) & (results["block"] == block)]
            values, x = rows["learning_rate"], group * 5 + k
            plotting.bar(ax, x, values, block_color(block), 0.85, base=RATE_LIMITS[0])
    networks = results.loc[results["variant"] == MAIN, "seed"].nunique()
    rate_axes(ax, f"all trained networks (n = {networks} each)")
    ticks = [1.5 + 5 * group for group in range(len(trained))]
    ax.set_xticks(ticks, [labels[variant] for variant in trained])


def main_figure(results: Results) -> Drawing:
    """Fig. 3."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 105)
    place = {"left": 0.07, "right": 0.985, "top": 0.93, "bottom": 0.12}
    grid = figure.add_gridspec(2, 2, width_ratios=(3.2, 1), hspace=0.42, wspace=0.2, **place)
    a, c, b, d = (figure.add_subplot(grid[row, column]) for row in range(2) for column in range(2))
    draw_episode(a, results["example_episode"], "Bayesian agent")
    draw_episode(b, results["example_episode"], "network")
    b.set_xlabel(f"trial (learning rate: first of the window's {WINDOW} trials)")
    handles, labels = a.get_legend_handles_labels()
    labels = [
        "volatility, inferred (a) or decoded (b)" if label.endswith("volatility") else label
        for label in labels
    ]
    figure.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.06, -0.005), ncol=6, columnspacing=1.2
    )
    draw_humans(c)
    draw_networks(d, results["learning_rates_by_block"])
    panels = {"a": [a], "b": [b], "c": [c], "d": [d]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    return Drawing("fig3", figure, panels)


def supplement(results: Results) -> Figure:
    """Supplementary Fig. 5; control of the fit, learning rates over training, rewards, variants."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 108)
    axes = figure.subplots(2, 3).ravel()
    draw_coding_over_time(axes[0], results["unit_coding_by_trial"])
    draw_coding_over_threshold(axes[1], results["unit_coding_by_threshold"])
    draw_control(axes[2], results["control"])
    draw_stages(axes[3], results["stages"], results.settings)
    draw_rewards(axes[4], results["reward"])
    draw_variants(axes[5], results["learning_rates_by_block"])
    for ax, letter in zip(axes, "abcdef", strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout()
    return figure


def draw(results: Results) -> Iterator[Drawing]:
    """Yield the figure and its supplement."""
    yield main_figure(results)
    yield Drawing("fig3_supplement", supplement(results), {})
