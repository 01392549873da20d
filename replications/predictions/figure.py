"""Draw the predictions: interference with dopamine in training, and the value silenced at test.

python -m replications.predictions.figure --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tyro
from matplotlib.axes import Axes

from prefrontal import plotting, tables
from prefrontal.errors import run
from prefrontal.paths import DATA, FIGURES
from prefrontal.plotting import COLORS
from prefrontal.statistics import summarize
from replications.predictions.conditions import INTACT, SILENCED, STRENGTHS

TITLES = {
    "rpe_scale": ("RPEs in training scaled", "factor"),
    "negative_rpe_scale": ("negative RPEs scaled", "factor"),
    "rpe_noise": ("noise added to RPEs", "standard deviation (rewards)"),
}
"""Kind of interference -> title, label of the x axis."""

CHANCE, BEST = 0.5, 0.706
"""Reward per trial of random valid choice and of the planner that knows all probabilities (replications/two_step)."""

LEVEL_LABELS = {
    "model-based": (1, 1, "right", "bottom"),
    "model-free": (1, -1.5, "right", "top"),
    "best possible": (1, 1, "right", "bottom"),
    "chance": (0.02, -1.5, "left", "top"),
}
"""Reference level -> where its name stands: axes fraction, offset in points, alignment."""

INPUT_COLORS = {"reward": COLORS["network"], "rpe": COLORS["volatile"]}


@dataclass(frozen=True)
class Options:
    """Where results are and figures go."""

    data: Path = DATA
    """Data folder."""
    figures: Path = FIGURES
    """Figures folder."""


def draw_course(ax: Axes, frame: pd.DataFrame, by: str, column: str, color: str, label: str | None = None) -> None:
    """Draw the mean over networks with its 95 % interval along ``by`` (from 0), and every network as a dot."""
    means = summarize(frame, [by], column).sort_values(by)
    ax.plot(means[by], means["mean"], color=color, label=label)
    ax.vlines(means[by], means["ci_low"], means["ci_high"], color=color, lw=1.2)
    for place, block in frame.groupby(by):
        plotting.dots(ax, float(place), block[column], color, width=0.16, size=3.5)


def draw_levels(ax: Axes, levels: dict[str, float]) -> None:
    """Draw reference levels, named where no data are."""
    for name, level in levels.items():
        x, shift, ha, va = LEVEL_LABELS[name]
        ax.axhline(level, color=COLORS["published"], lw=0.8, ls="--", zorder=0)
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        ax.annotate(name, (x, level), (0, shift), ha=ha, va=va, fontsize=5.5, **place)


def draw_interference(ax: Axes, arranged: pd.DataFrame, kind: str, column: str, levels: dict[str, float]) -> None:
    """One measure against the strength of one kind of interference."""
    draw_levels(ax, levels)
    draw_course(ax, arranged[arranged["kind"] == kind], "strength", column, COLORS["network"])
    settings = ["intact", *(f"{setting:g}" for setting in STRENGTHS[kind])]
    ax.set_xticks(range(len(settings)), settings)
    ax.set(xlim=(-0.4, len(settings) - 0.6), xlabel=TITLES[kind][1])


def draw_silencing(ax: Axes, frame: pd.DataFrame, column: str, inputs: tuple[str, ...]) -> None:
    """One measure with the value intact and silenced, a line per input of the network."""
    order = ["intact", *SILENCED]
    placed = frame.assign(place=frame["value"].map(order.index))
    for network_input in inputs:
        own = placed[placed["network_input"] == network_input]
        draw_course(ax, own, "place", column, INPUT_COLORS[network_input], f"input: {network_input}".replace("rpe", "RPE"))
    ax.set_xticks(range(len(order)), ["intact", "mean of\nperiod", "one\nmean"])
    ax.set(xlim=(-0.4, len(order) - 0.6), xlabel="value at test")


def main(options: Options) -> None:
    """Draw the figure."""
    folder = options.data / "predictions" / "results"
    names = ("interference", "silencing", "silencing_behaviour", "textbook")
    results = {name: tables.read(folder / f"{name}.csv") for name in names}
    learners = results["textbook"].set_index("condition")["planning_index"].to_dict()
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    axes = figure.subplots(2, 4)
    for column, kind in enumerate(STRENGTHS):
        draw_interference(axes[0, column], results["interference"], kind, "planning_index", learners)
        draw_interference(
            axes[1, column], results["interference"], kind, "reward_per_trial", {"best possible": BEST, "chance": CHANCE}
        )
        axes[0, column].set_title(TITLES[kind][0])
    for row in axes[:, :3]:
        low, high = min(ax.get_ylim()[0] for ax in row), max(ax.get_ylim()[1] for ax in row)
        for ax in row:
            ax.set_ylim(low - 0.05 * (high - low), high)
    axes[0, 0].set_ylabel("planning index (log odds)")
    axes[1, 0].set_ylabel("reward per trial")
    errors = results["silencing"].query("event == 'both'")
    draw_silencing(axes[0, 3], errors, "r2_model_based", tuple(INTACT))
    axes[0, 3].set(ylim=(0, 1.02), ylabel="$r^2$ with model-based RPE", title="value silenced")
    axes[0, 3].legend(loc="upper right")
    draw_silencing(axes[1, 3], results["silencing_behaviour"], "planning_index", ("rpe",))
    axes[1, 3].set(ylabel="planning index (log odds)", ylim=(0, None))
    for letter, ax in zip("acbd", (axes[0, 0], axes[0, 3], axes[1, 0], axes[1, 3]), strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout(w_pad=1.2, h_pad=2)
    plotting.save(figure, "fig_predictions", options.figures, tables.manifest(folder)["interference.csv"])


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
