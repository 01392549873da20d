"""Draw which ingredients make a learning algorithm emerge.

python -m replications.ingredients.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal import experiments
from prefrontal.analysis.statistics import interval, summarize
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing import plotting
from replications.ingredients.variants import MEMORIES, NONE, ONE_TRIAL, THOMPSON

WORDS = {
    **MEMORIES,
    "forgets": "LSTM reset every trial",
    NONE: "feedforward",
    "visible": "feedforward, outcomes shown",
    "no_reward": "LSTM, sees no reward",
    "no_action": "LSTM, sees no action",
    "one_problem": "LSTM, trained on one problem",
    "imitation": "LSTM, supervised",
    "untrained": "LSTM, not trained",
}
"""Variant -> its label; those of the ingredients, top to bottom."""

YARDSTICKS = {"random": 0.0, "one trial": ONE_TRIAL, "Thompson": THOMPSON, "best": 1.0}
"""Share of the gain of reference agents."""

MEMORY_COLORS = dict(zip((*MEMORIES, NONE), ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#d55e00"), strict=True))
"""Okabe and Ito's colours, safe for colour-blind eyes."""
MARKERS = dict(zip(MEMORY_COLORS, "os^DvX", strict=True))


def draw_shares(ax: Axes, shares: pd.DataFrame) -> None:
    """Panel a: share of the gain by ingredient, every network a dot, mean and 95 % interval as a line."""
    for name, at in YARDSTICKS.items():
        ax.axvline(at, color="#777777", lw=0.6, ls="--", zorder=0)
        ax.text(at, len(WORDS) - 0.35, name, ha="center", va="bottom", fontsize=5.5, color="#555555", rotation=30)
    for row, variant in enumerate(reversed(WORDS)):
        own = np.sort(shares.loc[shares["variant"] == variant, "share"])
        mean, low, high = interval(own)
        ax.plot([low, high], [row, row], color="black", lw=0.8)
        ax.scatter(own, row + np.linspace(-0.25, 0.25, len(own)), s=6, color=plotting.COLORS["network"], lw=0, alpha=0.8)
        ax.plot(mean, row, "|", color="black", ms=7)
    ax.set(ylim=(-0.6, len(WORDS) - 0.4), xlabel="share of the gain on the bandit")
    ax.set_yticks(range(len(WORDS)), [WORDS[name] for name in reversed(WORDS)])


def draw_curves(ax: Axes, curves: pd.DataFrame) -> None:
    """Panel b: expected reward over the trials of an episode, by memory."""
    for core, color in MEMORY_COLORS.items():
        mean = summarize(curves[curves["variant"] == core], ["trial"], "reward")
        ax.plot(mean["trial"], mean["mean"], color=color, label=WORDS[core], ls="--" if core == NONE else "-")
    ax.set(xlabel="trial", ylabel="expected reward per trial", xlim=(0, curves["trial"].max() + 1))
    ax.legend(loc="lower right", fontsize=5.5)


def draw_lags(ax: Axes, weights: pd.DataFrame) -> None:
    """Panel c: lag-1 weights in the two-step task, by memory, every network a dot."""
    kinds = [" ".join(kind) for kind in TRIAL_TYPES]
    for number, core in enumerate(MEMORY_COLORS):
        own, offset = weights[weights["variant"] == f"{core}_two_step"], (number - 2.5) * 0.14
        for x, kind in enumerate(kinds):
            ax.plot([x + offset] * len(own), own[kind], ".", color=MEMORY_COLORS[core], ms=2.5, alpha=0.6, mew=0)
            mean, low, high = interval(own[kind])
            ax.plot([x + offset] * 2, [low, high], color=MEMORY_COLORS[core], lw=0.9)
            ax.plot(x + offset, mean, MARKERS[core], color=MEMORY_COLORS[core], ms=3)
    ax.axhline(0, color="black", lw=0.5)
    ax.set_xticks(range(len(kinds)), [kind.replace(" ", "\n") for kind in kinds])
    ax.set(ylabel="lag-1 weight, two-step task\n(log odds)")


def draw_cost(ax: Axes, hyperparameters: pd.DataFrame, column: str, label: str) -> None:
    """Panels d, e: what training hyperparameters, by memory and task."""
    cores = list(MEMORY_COLORS)
    for suffix, marker, words in (("", "o", "bandit"), ("_two_step", "^", "two-step task")):
        for x, core in enumerate(cores):
            own = hyperparameters.loc[hyperparameters["variant"] == core + suffix, column].dropna()
            offset = -0.15 if suffix == "" else 0.15
            ax.plot([x + offset] * len(own), own, marker, color=MEMORY_COLORS[core], ms=2.5, alpha=0.8, mew=0)
        ax.plot([], [], marker, color="black", ms=2.5, label=words)
    ax.set(yscale="log", ylabel=label, xlim=(-0.5, len(cores) - 0.5))
    ax.set_xticks(range(len(cores)), [WORDS[core].removesuffix(" network") for core in cores], rotation=30, ha="right")
    ax.legend(fontsize=5.5, handletextpad=0)


def draw(results: experiments.Results) -> Iterator[experiments.Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 130)
    grid = figure.add_gridspec(2, 1, hspace=0.42, left=0.205, right=0.985, top=0.94, bottom=0.11)
    top = grid[0].subgridspec(1, 2, width_ratios=(1.15, 1), wspace=0.25)
    a, b = figure.add_subplot(top[0]), figure.add_subplot(top[1])
    bottom = figure.add_gridspec(1, 3, left=0.075, right=0.985, top=0.44, bottom=0.11, wspace=0.36, width_ratios=(1.3, 1, 1))
    c, d, e = (figure.add_subplot(bottom[k]) for k in range(3))
    shares, weights, hyperparameters = (results[name] for name in ("shares", "two_step_finite", "hyperparameters"))
    draw_shares(a, shares)
    draw_curves(b, results["reward_curves"])
    draw_lags(c, weights)
    draw_cost(d, hyperparameters, "updates_to_80", "updates to 80 %\nof the final share")
    draw_cost(e, hyperparameters, "steps_per_second", "time steps per second\n(8 networks)")
    panels = dict(zip("abcde", (a, b, c, d, e), strict=True))
    for letter, ax in panels.items():
        plotting.panel_label(ax, letter)
    yield experiments.Drawing("fig_ingredients", figure, {letter: [ax] for letter, ax in panels.items()})


if __name__ == "__main__":
    experiments.figure_main(__file__)
