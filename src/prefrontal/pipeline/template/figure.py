"""The figure of NAME."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import summarize
from replications.NAME.settings import MAIN, ArmsSettings


def draw_choices(ax: Axes, choices: pd.DataFrame, task: ArmsSettings) -> None:
    """Draw choices of the better arm over an episode: mean and 95 % interval over networks."""
    mean = summarize(choices, ["trial"], "p_better")
    trial, color = mean["trial"] + 1, COLORS["network"]
    ax.fill_between(trial, mean["ci_low"], mean["ci_high"], color=color, alpha=0.3, lw=0)
    ax.plot(trial, mean["mean"], color=color)
    ax.set(xlabel="trial", ylabel="P(better arm)", ylim=(0, 1))
    ax.set_title(f"better arm pays with p = {task.rich:g}")
    plotting.count(ax, choices["seed"].nunique())
    plotting.panel_label(ax, "a")


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.SINGLE_COLUMN, 60)
    ax = figure.add_subplot()
    choices = results["choices"].query("variant == @MAIN")
    draw_choices(ax, choices, results.settings[MAIN].task)
    yield Drawing("fig_NAME", figure, {"a": [ax]})
