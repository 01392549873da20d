"""Draw how well networks and other models predict the choices of animals and people."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.files import experiment_folder
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from replications.choices.analysis import BEST, by_group
from replications.choices.claims import MINUS_Q, MINUS_TEXTBOOK, MINUS_UNTRAINED
from replications.choices.settings import (
    GROUPS,
    GRU,
    NETWORK,
    PLANNERS,
    Q_LEARNERS,
    READOUT,
    UNTRAINED,
)

MODELS = {
    UNTRAINED: "#b0b0b0",
    NETWORK: COLORS["network"],
    BEST: COLORS["model-based"],
    GRU: COLORS["volatility"],
}
"""Model -> colour."""

CROWD = 40
"""Subjects above which dots are small, pale and scattered at random."""


def ticks(ax: Axes, names: dict[str, int]) -> None:
    """Label groups, with the number of their subjects or sessions."""
    labels = [
        f"{GROUPS[name].species}\n{GROUPS[name].task}\nn = {n}" if name in GROUPS else f"{name}"
        for name, n in names.items()
    ]
    ax.set_xticks(range(len(names)), labels, fontsize=5)
    ax.set_xlim(-0.6, len(names) - 0.4)


def draw_gains(ax: Axes, tables: dict[str, pd.DataFrame]) -> None:
    """Log likelihood of each model above that of the readout alone, mean over subjects."""
    groups = {name: wide for name, wide in tables.items() if name in GROUPS}
    for x, wide in enumerate(groups.values()):
        for k, (model, color) in enumerate(MODELS.items()):
            place = x + (k - 1.5) * 0.17
            gain = wide[model] - wide[READOUT]
            label = model if model not in ax.get_legend_handles_labels()[1] else None
            ax.bar(place, gain.mean(), 0.15, color=color, label=label)
            plotting.mean_interval(ax, place, gain, "#c0392b")
    ax.axhline(0, color="black", lw=0.6)
    ax.set(
        ylabel="nats per choice", title="log likelihood minus that of bias and perseveration alone"
    )
    ax.set_ylim(top=1.25 * ax.get_ylim()[1])
    ax.legend(fontsize=5, ncols=4, loc="upper left", handlelength=1)
    ticks(ax, {name: len(wide) for name, wide in groups.items()})


def draw_differences(ax: Axes, measures: pd.DataFrame, measure: str, title: str) -> None:
    """Draw a difference of log likelihoods; dots, subjects."""
    rows = measures[measures["measure"] == measure]
    names = [name for name in (*GROUPS, PLANNERS, Q_LEARNERS) if (rows["variant"] == name).any()]
    if measure != MINUS_Q:
        names = [name for name in names if name in GROUPS]
    counts = {}
    for x, name in enumerate(names):
        values = rows.loc[rows["variant"] == name, "value"]
        counts[name] = len(values)
        if len(values) > CROWD:
            spread = 0.6 * (np.random.default_rng(0).random(len(values)) - 0.5)
            ax.scatter(x + spread, values, s=1, color=COLORS["network"], lw=0, alpha=0.35)
        else:
            plotting.dots(ax, x, values, COLORS["network"], 0.25, 4)
        plotting.mean_interval(ax, x, values, "black", 0.33)
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set(title=title, ylabel="nats per choice")
    ticks(ax, counts)


def draw_networks(ax: Axes, networks: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> None:
    """Log likelihood of each network above that of the best textbook model, mean over subjects."""
    groups = [name for name in GROUPS if name in tables]
    for x, name in enumerate(groups):
        for shift, model in ((-0.15, UNTRAINED), (0.15, NETWORK)):
            rows = networks[(networks["variant"] == name) & (networks["model"] == model)]
            gain = rows["likelihood"] - tables[name][BEST].mean()
            label = None if x else model.replace("network", "networks")
            ax.plot([], [], "o", ms=2.5, color=MODELS[model], label=label)
            plotting.dots(ax, x + shift, gain, MODELS[model], 0.1, 4)
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set(title="each network − best textbook model", ylabel="nats per choice")
    ax.legend(fontsize=5, loc="center left", handlelength=1)
    ticks(ax, {name: len(tables[name]) for name in groups})


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    folder = experiment_folder(results.data, results.experiment) / "animals"
    tables = by_group(storage.read(folder / "likelihoods.csv"))
    networks, measures = storage.read(folder / "networks.csv"), results["measures"]
    figure, axes = plotting.mosaic(
        "aaaa;bbbb;cccc;ddde", 200, hspace=0.75, wspace=0.8, left=0.09, right=0.985, top=0.955,
        bottom=0.06,
    )  # fmt: skip
    draw_gains(axes["a"], tables)
    draw_differences(axes["b"], measures, MINUS_TEXTBOOK, "networks − best textbook model")
    draw_differences(axes["c"], measures, MINUS_UNTRAINED, "trained − untrained networks")
    draw_networks(axes["d"], networks, tables)
    draw_differences(axes["e"], measures, MINUS_Q, "networks − Q-learning")
    axes["e"].set_xticklabels(["planners", "Q-learners"])
    axes["e"].set_xlabel("simulated subjects")
    yield plotting.lettered("fig_choices", figure, axes)
