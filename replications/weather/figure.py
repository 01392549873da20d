"""Draw learning with and without reward: prediction of, and bets on, the weather."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from replications.weather.analysis import TREE
from replications.weather.ideal_observer import KINDS
from replications.weather.settings import BETS, DRAWN, MAIN, OUTSIDE, Weather

COLORS = {
    MAIN: plotting.COLORS["network"],
    BETS: plotting.COLORS["volatile"],
    "mixture": "#222222",
    TREE: plotting.COLORS["volatility"],
    "frequency": "#8a8a8a",
}
LABELS = {
    MAIN: "predictor",
    BETS: "bets",
    "mixture": "exact mixture",
    TREE: "context-tree weighting",
    "frequency": "running frequency",
}
REFERENCES = ("mixture", TREE, "frequency")
OFFSETS = {MAIN: -0.15, BETS: 0.15}
"""Place of each variant's networks next to the tick."""


def draw_curve(ax: Axes, curves: pd.DataFrame, variant: str, column: str, label: str) -> None:
    """Panels a, b: networks, with 95 % intervals, and references over the days of a sequence."""
    for learner in ("network", *REFERENCES):
        rows = curves[(curves["variant"] == variant) & (curves["learner"] == learner)]
        name, dashes, band = learner, "--", 0.0
        if learner == "network":
            name, dashes, band = variant, "-", 0.25
        line: dict[str, Any] = {"label": LABELS[name], "ls": dashes}
        plotting.curve(ax, rows, "day", column, COLORS[name], band=band, **line)
    ax.set(xlabel="day", ylabel=label, title=f"n = {rows['subject'].nunique()} networks")
    ax.legend(fontsize=5.5)


def draw_accuracy(
    ax: Axes, groups: Sequence[pd.DataFrame], labels: Sequence[str], task: Weather
) -> None:
    """Panels c, d: accuracy late in sequences, networks and references, a tick per group."""
    for x, group in enumerate(groups):
        networks = group[group["learner"] == "network"]
        for variant, offset in OFFSETS.items():
            values, color = (
                networks.loc[networks["variant"] == variant, "accuracy"],
                COLORS[variant],
            )
            plotting.dots(ax, x + offset, values.dropna(), color, width=0.08, size=3.5)
            plotting.mean_interval(ax, x + offset, values, color, half=0.06, widths=(0.9, 0.9))
        for learner in REFERENCES:
            mean = group.loc[group["learner"] == learner, "accuracy"].mean()
            ax.plot([x - 0.35, x + 0.35], [mean, mean], color=COLORS[learner], lw=1, ls="--")
    ax.set_xticks(range(len(labels)), labels)
    ax.set(ylabel=f"accuracy, days {task.late_days}", ylim=(0.45, 1.02))


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    margins = {"left": 0.085, "right": 0.985, "top": 0.94, "bottom": 0.11}
    figure, axes = plotting.mosaic("ab;cd", 105, wspace=0.27, hspace=0.48, **margins)
    curves, scores, task = results["curves"], results["scores"], results.settings[MAIN].task
    draw_curve(axes["a"], curves, MAIN, "log_loss", "log loss (nats per day)")
    if BETS in results.settings:
        draw_curve(axes["b"], curves, BETS, "accuracy", "share of correct bets")
    else:
        axes.pop("b").remove()
    drawn = scores[scores["test"] == DRAWN]
    kinds = [drawn[drawn["kind"] == kind] for kind in KINDS]
    draw_accuracy(axes["c"], kinds, [kind.replace(" ", "\n") for kind in KINDS], task)
    overall = scores[scores["kind"] == "all"]
    tests = [overall[overall["test"] == test] for test in (DRAWN, OUTSIDE)]
    labels = ["as in\ntraining", f"{OUTSIDE},\nnot in training".replace(" and", "\nand")]
    draw_accuracy(axes["d"], tests, labels, task)
    axes["d"].set_xlim(-0.5, len(tests) - 0.5)
    yield plotting.lettered("fig_weather", figure, axes)
