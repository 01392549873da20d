"""Draw which algorithm runs inside the networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from replications.inner_algorithm.settings import (
    BAYES,
    CHANGES,
    FIXED_RATES,
    HEURISTIC,
    INFERENCE,
    LEAST_R2,
    MOST_SHARED,
    NETWORKS,
    PREDICTING,
    PREDICTS,
    PREDICTS_NOISE,
    PREDICTS_WEAKLY,
    PROBLEMS,
    Q_LEARNING,
    TASKS,
    UNTRAINED,
)

NETWORK, OTHER, SECOND = plotting.COLORS["network"], "#777777", plotting.COLORS["volatile"]
AGENTS = {
    NETWORKS: "networks",
    UNTRAINED: "untrained",
    BAYES: "Bayes-optimal",
    Q_LEARNING: "fixed rate",
    HEURISTIC: "WSLS",
}
"""Variant -> its label."""
LEARNS = {
    NETWORKS: "nothing",
    PREDICTS_WEAKLY: "reward (.1)",
    PREDICTS: "reward (1)",
    PREDICTS_NOISE: "noise (1)",
}
"""Variant -> what it learns to predict, and with which weight."""
ROTATED: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
LABELLED = [1, 16, 256]
"""Labelled numbers of problems."""
ALL_AT = 4 * max(PROBLEMS)
"""Position, on the axis of problems, of networks that were trained on all of them."""


def draw_structure(
    ax: Axes, structure: pd.DataFrame, columns: dict[str, tuple[str, str]], bound: float
) -> None:
    """Panels a-c: one measure of every agent, and its criterion; column -> colour, label."""
    shifts = np.linspace(-0.18, 0.18, len(columns))
    for shift, (column, (color, label)) in zip(shifts, columns.items(), strict=True):
        for x, variant in enumerate(AGENTS):
            values = structure.loc[structure["variant"] == variant, column].dropna()
            dot_color = OTHER if variant != NETWORKS and color == NETWORK else color
            plotting.dots(ax, x + shift * (len(columns) > 1), values, dot_color)
        ax.scatter([], [], s=6, color=color, lw=0, label=label)
    ax.axhline(bound, color="black", lw=0.6, ls="--")
    ax.set_xticks(range(len(AGENTS)), list(AGENTS.values()), **ROTATED)
    ax.set(xlim=(-0.6, len(AGENTS) - 0.4))
    plotting.count(ax, int((structure["variant"] == NETWORKS).sum()), y=1.1, x=1.0)


def draw_rules(ax: Axes, rules: pd.DataFrame) -> None:
    """Panel d: log likelihood per choice of every rule below that of inference, by task."""
    ticks, x = {}, 0.0
    for task, variant in TASKS.items():
        rows = rules[(rules["variant"] == variant) & (rules["task"] == task)]
        wide = rows.pivot(index="subject", columns="rule", values="log_likelihood")
        first = x
        fixed = [rule for rule in FIXED_RATES if rule in wide]
        for rule in [*wide.columns.drop([INFERENCE, *fixed]), *fixed]:
            color = NETWORK if rule in fixed else SECOND
            plotting.dots(ax, x, wide[rule] - wide[INFERENCE], color, width=0.25)
            label = rule.replace("win-stay lose-shift", "WSLS")
            ticks[x], x = label.replace("fixed learning rate", "fixed rate"), x + 1
        place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "fontsize": 6}
        name = task.replace("two_step", "two-step\ntask").replace("_", "\n")
        ax.text((first + x - 1) / 2, 1.02, name, ha="center", va="bottom", **place)
        x += 0.7
    ax.axhline(0, color="black", lw=0.6, ls="--")
    ax.set_xticks(list(ticks), list(ticks.values()), **ROTATED)
    ax.set(ylabel="log likelihood per choice\nminus inference's (nats)")


def draw_against_problems(ax: Axes, frame: pd.DataFrame, column: str, color: str) -> None:
    """Panels e, f: one measure of every network against the problems of its training."""
    placed = frame.assign(at=frame["trained_on"].fillna(ALL_AT))
    for at in np.sort(placed["at"].unique()):
        values = np.sort(placed.loc[placed["at"] == at, column].dropna())
        x = at * np.geomspace(0.85, 1.18, len(values))
        ax.scatter(x, values, s=5, color=color, lw=0, alpha=0.8)
    plotting.curve(ax, placed[placed["at"] < ALL_AT], "at", column, color, band=0.2)
    ax.axhline(0, color="black", lw=0.5, ls=":")
    labels = {at: f"{at}" for at in LABELLED}
    if placed["at"].max() == ALL_AT:
        labels[ALL_AT] = "all"
    ax.set(xscale="log", xlabel="training problems")
    ax.set_xticks(list(labels), list(labels.values()))
    ax.minorticks_off()
    plotting.count(ax, plotting.networks_each(frame), y=1.06)


def draw_outside(ax: Axes, outside: pd.DataFrame) -> None:
    """Panel g: reward as a share of the best agent's, inside and outside the training's range;
    dashes, random choice."""
    labels = ("as trained", "300 trials", "similar arms", "arms swap")
    for x, change in enumerate(["drawn", *CHANGES]):
        rows = outside[outside["change"] == change]
        plotting.dots(ax, x, rows["share"], NETWORK, width=0.2)
        plotting.mean_interval(ax, x, rows["share"])
        chance = (rows["random"] / rows["best"]).mean()
        ax.plot([x - 0.3, x + 0.3], [chance] * 2, color=OTHER, lw=0.8, ls="--")
    ax.axhline(1, color="black", lw=0.6, ls="--")
    ax.set_xticks(range(len(labels)), labels, **ROTATED)
    ax.set(ylabel="reward relative to\nthe best agent's", ylim=(0.7, 1.02))
    plotting.count(ax, plotting.networks_each(outside), y=1.06)


def draw_predicting(ax: Axes, structure: pd.DataFrame) -> None:
    """Panel h: share of activity that the Bayesian state explains in networks that also predict."""
    for x, variant in enumerate(LEARNS):
        values = structure.loc[structure["variant"] == variant, "minimal"]
        plotting.dots(ax, x, values, OTHER if variant == PREDICTS_NOISE else SECOND, width=0.2)
        plotting.mean_interval(ax, x, values)
    ax.set_xticks(range(len(LEARNS)), list(LEARNS.values()), **ROTATED)
    ax.set(xlim=(-0.6, len(LEARNS) - 0.4), ylim=(0, 1.02))
    ax.set(ylabel="held-out R2 of activity\nfrom Bayesian state", xlabel="predicted (weight)")
    plotting.count(ax, int((structure["variant"] == NETWORKS).sum()), y=1.06)


def draw_comparison(axes: list[Axes], structure: pd.DataFrame) -> None:
    """Panels a-c: state and policy of every agent compared with the Bayesian agent's."""
    both = {
        "statistics": (NETWORK, "state from activity"),
        "minimal": (SECOND, "activity from state"),
    }
    draw_structure(axes[0], structure, both, LEAST_R2)
    lowest = min(0.0, structure[list(both)].min().min())
    axes[0].set(ylabel="held-out R2", ylim=(lowest, 1.02))
    axes[0].legend(fontsize=5, loc="lower left", handletextpad=0, borderpad=0.1)
    draw_structure(axes[1], structure, {"policy": (NETWORK, "")}, LEAST_R2)
    lowest = min(0.0, structure["policy"].min())
    axes[1].set(ylabel="held-out R2 of log odds\nfrom Bayesian state", ylim=(lowest, 1.02))
    clipped = structure.assign(exchangeable=structure["exchangeable"].clip(1e-3))
    draw_structure(axes[2], clipped, {"exchangeable": (NETWORK, "")}, MOST_SHARED)
    axes[2].set(yscale="log", ylabel="variance over orders,\nrelative to counts")


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 130)
    margins: dict[str, Any] = {"left": 0.075, "right": 0.985, "top": 0.94, "bottom": 0.67}
    above = margins | {"wspace": 0.62, "width_ratios": (1.25, 1, 1, 2.1)}
    below = margins | {"wspace": 0.7, "top": 0.43, "bottom": 0.17}
    axes = figure.subplot_mosaic("abcd", gridspec_kw=above)
    axes |= figure.subplot_mosaic("efgh", gridspec_kw=below)
    draw_comparison([axes[letter] for letter in "abc"], results["structure"])
    draw_rules(axes["d"], results["rules"])
    location = results["location"]
    location = location[~location["variant"].isin(PREDICTING)]
    draw_against_problems(axes["e"], location, "share", NETWORK)
    axes["e"].set(ylabel="normalised reward,\nnew problems")
    trained_on = location[["variant", "subject", "trained_on"]]
    observed = results["observers"].merge(trained_on, on=["variant", "subject"])
    draw_against_problems(axes["f"], observed, "problems minus family", SECOND)
    label = "log likelihood per choice (nats),\ntraining minus family prior"
    axes["f"].set_ylabel(label)
    draw_outside(axes["g"], results["outside"])
    draw_predicting(axes["h"], results["structure"])
    yield plotting.lettered("fig_inner_algorithm", figure, axes)
