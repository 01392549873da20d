"""Draw Supplementary Fig. 5 of Wang et al. 2018, and rates over training, rewards and variants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.settings import Settings
from prefrontal.statistics import interval
from replications.volatile_bandit.claims import UNITS
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
)

REWARDED_AGENTS = {
    "best fixed rate": COLORS["published"],
    "network": COLORS["network"],
    "Bayesian agent": COLORS["model-based"],
}
RATE_LIMITS = (0.03, 1.0)


def block_color(block: str) -> str:
    """Colour of a kind of block."""
    return COLORS[block.split()[0]]


def rate_axes(ax: Axes, title: str) -> None:
    """Set up axes of block learning rates."""
    ax.set(yscale="log", ylim=RATE_LIMITS, title=title, ylabel="learning rate")
    ax.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.set_xticks(range(4), [block.replace(" ", "\n") for block in BLOCKS])


def draw_coding_over_time(ax: Axes, coding: pd.DataFrame) -> None:
    """Supplementary Fig. 5a: share of units coding volatility at each trial, across episodes."""
    plotting.curve(ax, coding, "trial", "share", COLORS["network"], band=0.25, lw=0.8)
    plotting.count(ax, coding["subject"].nunique(), x=0.02, y=1.0)
    ax.axvline(BLOCK + 0.5, color="black", lw=0.5, ls=":")
    ax.text(BLOCK + 3, 0.98, "volatility\nchanges", fontsize=5.5, va="top")
    ax.set(xlabel="trial", ylabel="share of units", ylim=(0, 1))
    ax.set_title("units coding volatility, over time")


def draw_coding_over_threshold(ax: Axes, coding: pd.DataFrame) -> None:
    """Supplementary Fig. 5b: share of units coding volatility against the significance level."""
    null = f"shifted by {BLOCK // 2} trials"
    lines = {
        "share": (COLORS["network"], "true volatility"),
        "share_null": (COLORS["published"], null),
    }
    for column, (color, label) in lines.items():
        plotting.curve(ax, coding, "threshold", column, color, band=0.25, label=label)
    plotting.published_marker(ax, [ALPHA], [UNITS], "published, p < .05")
    ax.set(xscale="log", ylim=(0, 1), ylabel="share of units")
    ax.set_xlabel("threshold (Bonferroni-corrected p)")
    ax.set_title("units coding volatility, by threshold")
    ax.legend(loc="upper left")
    plotting.count(ax, coding["subject"].nunique(), y=1.0)


def draw_control(ax: Axes, control: pd.DataFrame) -> None:
    """Draw learning rates recovered from simulated learners with a known one."""
    for rate in CONTROL_RATES:
        label = "true" if rate == CONTROL_RATES[0] else None
        ax.axhline(rate, color=COLORS["learning rate"], lw=0.5, ls=":", zorder=0, label=label)
    for order, style in zip(ORDERS, ("-", "--"), strict=True):
        rows = control[control["order"] == order]
        curves = rows.pivot(index="window", columns="true_rate", values="learning_rate")
        for line in ax.plot(curves.index, curves, color="0.3", lw=0.7, ls=style)[:1]:
            line.set_label(f"fitted, {order}")
    ax.set(xlabel="first trial of the window", ylabel="learning rate", ylim=(0, 1.15))
    ax.set_title("control: fixed-rate learners")
    ax.legend(loc="upper right")


def draw_stages(ax: Axes, stages: pd.DataFrame, settings: dict[str, Settings[Any]]) -> None:
    """Draw the learning rate within episodes over training, and that of the weights."""
    kinds = stages.assign(
        kind=stages["block"].astype(str).str.split().str[0], thousands=stages["episodes"] / 1000
    )
    keys = ["variant", "kind", "thousands", "subject"]
    per_network = kinds.groupby(keys, as_index=False)["learning_rate"].mean()
    outer = {variant: each.training.learning_rate for variant, each in settings.items()}
    for variant, style in ((MAIN, "-"), (FAST, ":")):
        rows = per_network[per_network["variant"] == variant]
        if rows.empty:
            continue
        for kind in ("stable", "volatile"):
            label = f"{kind} blocks" if variant == MAIN else None
            line: dict[str, Any] = {"band": 0.2, "ls": style, "label": label}
            of_kind, color = rows[rows["kind"] == kind], COLORS[kind]
            plotting.curve(ax, of_kind, "thousands", "learning_rate", color, **line)
        faster = f"all, weights {outer[variant] / outer[MAIN]:.3g} × faster"
        name = "weights" if variant == MAIN else faster
        ax.axhline(outer[variant], color="black", lw=0.8, ls=style, label=name)
    ax.set(yscale="log", ylim=(min(2e-5, outer[MAIN] / 2), 2), xlim=(0, None))
    ax.set(xlabel="training episodes (thousands)", ylabel="learning rate")
    ax.set_title("inner and outer learning rate")
    if len(stages):
        ax.legend(loc="center", bbox_to_anchor=(0.5, 0.5))
    plotting.count(ax, per_network["subject"].nunique(), "networks each", y=1.0)


def draw_rewards(ax: Axes, reward: pd.DataFrame) -> None:
    """Draw normalised reward of the networks, the Bayesian agent and the best fixed rate."""
    reward = reward[reward["variant"] == MAIN]
    for group, test in enumerate((HUMAN, GENERATOR)):
        for k, (agent, color) in enumerate(REWARDED_AGENTS.items()):
            rows = reward[(reward["test"] == test) & (reward["agent"] == agent)]
            shares, x, label = rows["share"], group * 3.6 + k, agent if group == 0 else None
            ax.bar(x, interval(shares)[0], 0.8, color=color, label=label)
            plotting.mean_interval(ax, x, shares, "red")
            plotting.dots(ax, x, shares, "orange", size=3)
    ax.set(ylim=(0, 1.3), yticks=np.arange(0, 1.1, 0.2), title="reward")
    ax.set_ylabel("normalised reward")
    ax.set_xticks([1, 4.6], ["test schedule", "training generator"])
    spacing = {"borderaxespad": 0.2, "handlelength": 0.8, "handletextpad": 0.4}
    ax.legend(loc="upper left", labelspacing=0.2, **spacing)
    plotting.count(ax, reward["subject"].nunique(), y=1.0)


def draw_variants(ax: Axes, rates: pd.DataFrame) -> None:
    """Draw learning rates of every trained variant."""
    labels = {MAIN: "tied", FAST: "faster\nweights", UNTIED: "untied"}
    trained = [variant for variant in labels if variant in set(rates["variant"])]
    for group, variant in enumerate(trained):
        for k, block in enumerate(BLOCKS):
            rows = rates[(rates["variant"] == variant) & (rates["block"] == block)]
            values, x = rows["learning_rate"], group * 5 + k
            plotting.bar(ax, x, values, block_color(block), 0.85, base=RATE_LIMITS[0])
    networks = rates.loc[rates["variant"] == MAIN, "subject"].nunique()
    rate_axes(ax, f"all trained networks (n = {networks} each)")
    ticks = [1.5 + 5 * group for group in range(len(trained))]
    ax.set_xticks(ticks, [labels[variant] for variant in trained])


def draw(results: Results) -> Drawing:
    """Draw Supplementary Fig. 5; control of the fit, rates over training, rewards, variants."""
    figure, axes = plotting.mosaic("abc;def", 108)
    draw_coding_over_time(axes["a"], results["unit_coding_by_trial"])
    draw_coding_over_threshold(axes["b"], results["unit_coding_by_threshold"])
    draw_control(axes["c"], results["control"])
    draw_stages(axes["d"], results["stages"], results.settings)
    draw_rewards(axes["e"], results["reward"])
    draw_variants(axes["f"], results["learning_rates_by_block"])
    drawing = plotting.lettered("fig3_supplement", figure, axes, split=False)
    figure.tight_layout()
    return drawing
