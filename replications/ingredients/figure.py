"""Draw which ingredients the emergence of a learning algorithm needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval
from replications.ingredients.settings import MEMORIES, NONE, ONE_TRIAL, THOMPSON

LABELS = {
    **MEMORIES,
    "tanh": "vanilla RNN",
    "slots": "slot memory",
    "forgets": "LSTM, reset every trial",
    NONE: "feedforward",
    "visible": "feedforward, outcomes visible",
    "no_reward": "LSTM, no reward input",
    "no_action": "LSTM, no action input",
    "one_problem": "LSTM, trained on one problem",
    "imitation": "LSTM, supervised",
    "untrained": "LSTM, untrained",
}
"""Variant -> its label; those of the ingredients, top to bottom."""

BENCHMARKS = {"random": 0.0, "one trial": ONE_TRIAL, "Thompson": THOMPSON, "best": 1.0}
"""Normalised reward of other agents."""

OKABE_ITO = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#d55e00")
"""Colours that are safe for colour-blind readers."""
MEMORY_COLORS = dict(zip((*MEMORIES, NONE), OKABE_ITO, strict=True))
MARKERS = dict(zip(MEMORY_COLORS, "os^DvX", strict=True))


def draw_shares(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw normalised reward by ingredient: networks as dots, mean and 95 % interval as a line."""
    by_variant = dict(list(shares.groupby("variant")["share"]))
    variants = [variant for variant in LABELS if variant in by_variant]
    for name, x in BENCHMARKS.items():
        ax.axvline(x, color="#777777", lw=0.6, ls="--", zorder=0)
        place: dict[str, Any] = {"ha": "center", "va": "bottom", "rotation": 30}
        ax.text(x, len(variants) - 0.35, name, fontsize=5.5, color="#555555", **place)
    for row, variant in enumerate(reversed(variants)):
        values = np.sort(by_variant[variant])
        mean, low, high = interval(values)
        ax.plot([low, high], [row, row], color="black", lw=0.8)
        y = row + np.linspace(-0.25, 0.25, len(values))
        ax.scatter(values, y, s=6, color=plotting.COLORS["network"], lw=0, alpha=0.8)
        ax.plot(mean, row, "|", color="black", ms=7)
    ax.set(ylim=(-0.6, len(variants) - 0.4), xlabel="normalised reward on the bandit")
    ax.set_yticks(range(len(variants)), [LABELS[name] for name in reversed(variants)])


def draw_curves(ax: Axes, curves: pd.DataFrame) -> None:
    """Draw expected reward over the trials of an episode, by memory."""
    for memory, color in MEMORY_COLORS.items():
        networks = curves[curves["variant"] == memory]
        line: dict[str, Any] = {"ls": "--" if memory == NONE else "-", "label": LABELS[memory]}
        plotting.curve(ax, networks, "trial", "reward", color, **line)
    ax.set(xlabel="trial", ylabel="expected reward per trial", xlim=(0, curves["trial"].max() + 1))
    ax.legend(loc="lower right", fontsize=5.5)


def draw_lags(ax: Axes, weights: pd.DataFrame, suffix: str) -> None:
    """Draw lag-1 weights in the two-step task, by memory, every network a dot."""
    kinds = [" ".join(kind) for kind in TRIAL_TYPES]
    for number, (memory, color) in enumerate(MEMORY_COLORS.items()):
        networks = weights[weights["variant"] == memory + suffix]
        for tick, kind in enumerate(kinds if len(networks) else []):
            x, values = tick + (number - 2.5) * 0.14, networks[kind]
            ax.plot([x] * len(values), values, ".", color=color, ms=2.5, alpha=0.6, mew=0)
            plotting.mean_interval(ax, x, values, color, widths=(0, 0.9))
            ax.plot(x, interval(values)[0], MARKERS[memory], color=color, ms=3)
    ax.axhline(0, color="black", lw=0.5)
    ax.set_xticks(range(len(kinds)), [kind.replace(" ", "\n") for kind in kinds])
    ax.set(ylabel="lag-1 weight, two-step task\n(log odds)")


def draw_cost(ax: Axes, costs: pd.DataFrame, column: str, label: str) -> None:
    """Draw the costs of training, by memory and task."""
    by_variant = dict(list(costs.groupby("variant")[column]))
    memories = [memory for memory in MEMORY_COLORS if memory in by_variant]
    for suffix, marker, task in (("", "o", "bandit"), ("_two_step", "^", "two-step task")):
        for x, memory in enumerate(memories):
            values = by_variant.get(memory + suffix, pd.Series(dtype=float)).dropna()
            place, color = x + (0.15 if suffix else -0.15), MEMORY_COLORS[memory]
            ax.plot([place] * len(values), values, marker, color=color, ms=2.5, alpha=0.8, mew=0)
        ax.plot([], [], marker, color="black", ms=2.5, label=task)
    ax.set(yscale="log", ylabel=label, xlim=(-0.5, len(memories) - 0.5))
    labels = [LABELS[memory] for memory in memories]
    ax.set_xticks(range(len(memories)), labels, rotation=30, ha="right")
    ax.legend(fontsize=5.5, handletextpad=0)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 180)
    right = {"right": 0.985}
    rows: list[Any] = [
        figure.add_gridspec(1, 2, left=0.205, top=0.955, bottom=0.7, width_ratios=(1.15, 1)),
        figure.add_gridspec(1, 2, left=0.075, top=0.62, bottom=0.395, **right),
        figure.add_gridspec(1, 2, left=0.075, top=0.32, bottom=0.08, wspace=0.25, **right),
    ]
    rows[0].update(wspace=0.25, **right)
    axes = dict(zip("abcdef", [ax for row in rows for ax in row.subplots()], strict=True))
    shares, costs = results["shares"], results["costs"]
    draw_shares(axes["a"], shares)
    draw_curves(axes["b"], results["reward_curves"])
    weights = results["two_step_finite"] if "two_step_finite" in results else pd.DataFrame()
    for letter, suffix in (("c", "_two_step"), ("d", "_two_step_long")):
        variants = [memory + suffix for memory in MEMORIES]
        if weights.empty or not weights["variant"].isin(variants).any():
            axes.pop(letter).remove()
            continue
        draw_lags(axes[letter], weights, suffix)
        trained = next(results.settings[name] for name in variants if name in results.settings)
        axes[letter].set_title(f"{trained.training.episodes:,} training episodes")
    if {"c", "d"} <= set(axes):
        axes["d"].sharey(axes["c"])
        axes["d"].set_ylabel("")
    draw_cost(axes["e"], costs, "updates_to_80", "updates to 80 % of\nfinal normalised reward")
    together = plotting.networks_each(shares)
    draw_cost(axes["f"], costs, "steps_per_second", f"time steps per second\n({together} networks)")
    yield plotting.lettered("fig_ingredients", figure, axes)
