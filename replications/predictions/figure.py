"""Draw the predictions: dopamine perturbed in training, and the value silenced at test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.settings import Settings, number
from prefrontal.statistics import summarize
from replications.predictions.analysis import course
from replications.predictions.settings import PERTURBATION, RECEIVES, SEES, SILENCED, STRENGTHS

TITLES = {
    "rpe_scale": ("RPEs in training scaled", "factor"),
    "negative_rpe_scale": ("negative RPEs scaled", "factor"),
    "rpe_noise": ("noise added to RPEs", "standard deviation (rewards)"),
}
"""Kind of perturbation -> title, label of the x axis."""

LEVEL_LABELS = {
    "best possible": (1, 1, "right", "bottom"),
    "chance": (0.02, -1.5, "left", "top"),
}
"""Reference level -> position of its name: axes fraction, offset in points, alignment."""

AFTER = {
    "": ("black", "all outcomes"),
    ", common": (COLORS["network"], "common transitions"),
    ", uncommon": (COLORS["volatile"], "uncommon transitions"),
}
"""Ending of a column of the table ``outcomes`` -> colour, label of these outcomes."""

INPUT_COLORS = dict(zip(SEES, (COLORS["network"], COLORS["volatile"]), strict=True))
"""Intact variant -> colour."""


def draw_course(
    ax: Axes, frame: pd.DataFrame, by: str, column: str, color: str, label: str | None = None
) -> None:
    """Draw the mean over networks with its 95 % interval along ``by``, and every network."""
    plotting.curve(ax, frame, by, column, color, each=(0.16, 3.5), label=label)
    means = summarize(frame, [by], column)
    ax.vlines(means[by], means["ci_low"], means["ci_high"], color=color, lw=1.2)


def draw_levels(ax: Axes, levels: pd.DataFrame) -> None:
    """Draw reference levels of reward, named where there are no data."""
    for name, level in levels.itertuples(index=False):
        x, shift, ha, va = LEVEL_LABELS[name]
        ax.axhline(level, color=COLORS["published"], lw=0.8, ls="--", zorder=0)
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": ha, "va": va}
        ax.annotate(name, (x, level), (0, shift), textcoords="offset points", fontsize=5.5, **place)


def strength_labels(kind: str, settings: Mapping[str, Settings[Any]]) -> dict[int, str]:
    """Ranks of a kind's strengths, of the networks that are there -> their values."""
    trained = {
        rank: f"{number(settings[variant], f'training.{kind}'):g}"
        for variant, (of, rank) in PERTURBATION.items()
        if of == kind and variant in settings
    }
    return {0: "intact", **trained}


def draw_interference(
    ax: Axes, indices: pd.DataFrame, kind: str, column: str, labels: Mapping[int, str]
) -> None:
    """One measure against the strength of one kind of perturbation."""
    draw_course(ax, course(indices, kind), "strength", column, COLORS["network"])
    plotting.count(ax, plotting.networks_each(indices), x=0.02, y=0.02)
    ax.set_xticks(list(labels), list(labels.values()))
    ax.set(xlim=(-0.4, max(labels) + 0.4), xlabel=TITLES[kind][1])


def draw_silencing(ax: Axes, frame: pd.DataFrame, column: str, variants: tuple[str, ...]) -> None:
    """One measure with the value intact and silenced, a line per input of the network."""
    placed = frame.assign(place=frame["silenced"].map(SILENCED.index))
    for variant in variants:
        networks, label = placed[placed["variant"] == variant], f"input: {SEES[variant]}"
        draw_course(ax, networks, "place", column, INPUT_COLORS[variant], label.removesuffix("s"))
    plotting.count(ax, plotting.networks_each(frame), x=0.02, y=0.02)
    ax.set_xticks(range(len(SILENCED)), ["intact", "mean of\nperiod", "one\nmean"])
    ax.set(xlim=(-0.4, len(SILENCED) - 0.6), xlabel="value at test")


def draw_outcomes(ax: Axes, outcomes: pd.DataFrame) -> None:
    """Effect of the RPE and of the reward at the outcome on the next choice, by network input."""
    trained = [variant for variant in RECEIVES if variant in set(outcomes["variant"])]
    ticks: dict[float, str] = {}
    for group, variant in enumerate(trained):
        networks = outcomes[outcomes["variant"] == variant]
        for place, signal in enumerate(("RPE", "reward")):
            centre = 2.4 * group + place
            ticks[centre] = f"{signal} +1"
            for shift, (suffix, (color, _)) in zip((-0.25, 0, 0.25), AFTER.items(), strict=True):
                values = networks[f"{signal}{suffix}"]
                plotting.dots(ax, centre + shift, values, color, width=0.08, size=4)
                plotting.mean_interval(ax, centre + shift, values, color)
        words: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "ha": "center"}
        ax.text(2.4 * group + 0.5, 1.03, f"input: {RECEIVES[variant]}", fontsize=7, **words)
    for color, label in AFTER.values():
        ax.scatter([], [], s=6, color=color, lw=0, label=label)
    ax.legend(loc="upper left", handletextpad=0, borderaxespad=0)
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set(xlim=(-0.6, max(ticks) + 0.6), ylabel="change in log odds of\nrepeating the choice")
    plotting.count(ax, plotting.networks_each(outcomes), x=0.01, y=0.02)


def share_limits(row: Any) -> None:
    """Give several axes the same limits."""
    low, high = min(ax.get_ylim()[0] for ax in row), max(ax.get_ylim()[1] for ax in row)
    for ax in row:
        ax.set_ylim(low - 0.05 * (high - low), high)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    indices = results["indices"]
    strengths = {kind: strength_labels(kind, results.settings) for kind in STRENGTHS}
    kinds = [kind for kind, labels in strengths.items() if len(labels) > 1]
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN * (len(kinds) + 1) / 4, 145)
    grid = figure.add_gridspec(3, len(kinds) + 1)
    places = [(row, column) for row in range(2) for column in range(len(kinds) + 1)]
    axes = np.array([figure.add_subplot(grid[place]) for place in places]).reshape(2, -1)
    for column, kind in enumerate(kinds):
        planning, reward = axes[:, column]
        planning.axhline(0, color="black", lw=0.5, ls=":")
        draw_levels(reward, results["reward_levels"])
        draw_interference(planning, indices, kind, "planning_index", strengths[kind])
        draw_interference(reward, indices, kind, "reward_per_trial", strengths[kind])
        planning.set_title(TITLES[kind][0])
    for row in axes[:, :-1]:
        share_limits(row)
    axes[0, 0].set_ylabel("planning index (log odds)")
    axes[1, 0].set_ylabel("reward per trial")
    errors, behaviour = axes[:, -1]
    both = results["silencing"].query("event == 'both'")
    draw_silencing(errors, both, "r2_model_based", tuple(SEES))
    errors.set(ylim=(0, 1.02), ylabel="$r^2$ with model-based RPE", title="value silenced")
    errors.legend(loc="upper right")
    draw_silencing(behaviour, indices, "planning_index", ("default_rpe",))
    behaviour.set(ylabel="planning index (log odds)", ylim=(0, None))
    outcomes = figure.add_subplot(grid[2, :])
    draw_outcomes(outcomes, results["outcomes"])
    panels = {"a": axes[0, 0], "c": errors, "b": axes[1, 0], "d": behaviour, "e": outcomes}
    drawing = plotting.lettered("fig_predictions", figure, panels, split=False)
    figure.tight_layout(w_pad=1.2, h_pad=2)
    yield drawing
