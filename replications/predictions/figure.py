"""Draw the predictions: interference with dopamine in training, and the value silenced at test.

python -m replications.predictions.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from prefrontal import experiments
from prefrontal.analysis.statistics import summarize
from prefrontal.experiments import Drawing
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS
from replications.predictions.analysis import course
from replications.predictions.variants import SEES, SILENCED, STRENGTHS

TITLES = {
    "rpe_scale": ("RPEs in training scaled", "factor"),
    "negative_rpe_scale": ("negative RPEs scaled", "factor"),
    "rpe_noise": ("noise added to RPEs", "standard deviation (rewards)"),
}
"""Kind of interference -> title, label of the x axis."""

LEVEL_LABELS = {
    "best possible": (1, 1, "right", "bottom"),
    "chance": (0.02, -1.5, "left", "top"),
}
"""Reference level -> where its name stands: axes fraction, offset in points, alignment."""

INPUT_COLORS = dict(zip(SEES, (COLORS["network"], COLORS["volatile"]), strict=True))
"""Intact variant -> colour."""


def draw_course(ax: Axes, frame: pd.DataFrame, by: str, column: str, color: str, label: str | None = None) -> None:
    """Draw the mean over networks with its 95 % interval along ``by`` (from 0), and every network as a dot."""
    means = summarize(frame, [by], column).sort_values(by)
    ax.plot(means[by], means["mean"], color=color, label=label)
    ax.vlines(means[by], means["ci_low"], means["ci_high"], color=color, lw=1.2)
    for _, block in frame.groupby(by):
        plotting.dots(ax, block[by].iloc[0], block[column], color, width=0.16, size=3.5)


def draw_levels(ax: Axes, levels: pd.DataFrame) -> None:
    """Draw reference levels of reward, named where no data are."""
    for name, level in levels.itertuples(index=False):
        x, shift, ha, va = LEVEL_LABELS[name]
        ax.axhline(level, color=COLORS["published"], lw=0.8, ls="--", zorder=0)
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        ax.annotate(name, (x, level), (0, shift), ha=ha, va=va, fontsize=5.5, **place)


def draw_interference(ax: Axes, measured: pd.DataFrame, kind: str, column: str) -> None:
    """One measure against the strength of one kind of interference."""
    draw_course(ax, course(measured, kind), "strength", column, COLORS["network"])
    plotting.count(ax, plotting.networks_each(measured), x=0.02, y=0.02)
    settings = ["intact", *(f"{setting:g}" for setting in STRENGTHS[kind])]
    ax.set_xticks(range(len(settings)), settings)
    ax.set(xlim=(-0.4, len(settings) - 0.6), xlabel=TITLES[kind][1])


def draw_silencing(ax: Axes, measured: pd.DataFrame, column: str, variants: tuple[str, ...]) -> None:
    """One measure with the value intact and silenced, a line per input of the network."""
    placed = measured.assign(place=measured["silenced"].map(SILENCED.index))
    for variant in variants:
        own = placed[placed["variant"] == variant]
        draw_course(ax, own, "place", column, INPUT_COLORS[variant], f"input: {SEES[variant]}".removesuffix("s"))
    plotting.count(ax, plotting.networks_each(measured), x=0.02, y=0.02)
    ax.set_xticks(range(len(SILENCED)), ["intact", "mean of\nperiod", "one\nmean"])
    ax.set(xlim=(-0.4, len(SILENCED) - 0.6), xlabel="value at test")


def draw(results: experiments.Results) -> Iterator[Drawing]:
    """Draw the figure."""
    indices = results["indices"]
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    axes = figure.subplots(2, 4)
    for column, kind in enumerate(STRENGTHS):
        axes[0, column].axhline(0, color="black", lw=0.5, ls=":")
        draw_levels(axes[1, column], results["reward_levels"])
        draw_interference(axes[0, column], indices, kind, "planning_index")
        draw_interference(axes[1, column], indices, kind, "reward_per_trial")
        axes[0, column].set_title(TITLES[kind][0])
    for row in axes[:, :3]:
        low, high = min(ax.get_ylim()[0] for ax in row), max(ax.get_ylim()[1] for ax in row)
        for ax in row:
            ax.set_ylim(low - 0.05 * (high - low), high)
    axes[0, 0].set_ylabel("planning index (log odds)")
    axes[1, 0].set_ylabel("reward per trial")
    draw_silencing(axes[0, 3], results["silencing"].query("event == 'both'"), "r2_model_based", tuple(SEES))
    axes[0, 3].set(ylim=(0, 1.02), ylabel="$r^2$ with model-based RPE", title="value silenced")
    axes[0, 3].legend(loc="upper right")
    draw_silencing(axes[1, 3], indices, "planning_index", ("default_rpe",))
    axes[1, 3].set(ylabel="planning index (log odds)", ylim=(0, None))
    for letter, ax in zip("acbd", (axes[0, 0], axes[0, 3], axes[1, 0], axes[1, 3]), strict=True):
        plotting.panel_label(ax, letter)
    figure.tight_layout(w_pad=1.2, h_pad=2)
    yield Drawing("fig_predictions", figure, {})


if __name__ == "__main__":
    experiments.figure_main(__file__)
