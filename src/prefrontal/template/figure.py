"""The figure of NAME.

python -m replications.NAME.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from prefrontal import experiment, plotting
from prefrontal.statistics import summarize


def draw_choices(ax: Axes, choices: pd.DataFrame) -> None:
    """Panel a: choices of the better arm over an episode, mean and 95 % interval over networks."""
    mean = summarize(choices, ["trial"], "p_better")
    ax.fill_between(mean["trial"] + 1, mean["ci_low"], mean["ci_high"], color=plotting.COLORS["network"], alpha=0.3, lw=0)
    ax.plot(mean["trial"] + 1, mean["mean"], color=plotting.COLORS["network"])
    ax.set(xlabel="Trial", ylabel="P(better arm)", ylim=(0, 1), title=f"n = {choices['seed'].nunique()} networks")
    plotting.panel_label(ax, "a")


def draw(results: experiment.Results) -> Iterator[experiment.Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.SINGLE_COLUMN, 60)
    ax = figure.add_subplot()
    draw_choices(ax, results["choices"])
    yield experiment.Drawing("fig_NAME", figure, {"a": [ax]})


if __name__ == "__main__":
    experiment.figure_main(__file__)
