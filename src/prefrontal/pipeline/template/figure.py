"""The figure of NAME."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from replications.NAME.settings import MAIN, ArmsSettings


def draw_choices(ax: Axes, choices: pd.DataFrame, task: ArmsSettings) -> None:
    """Draw choices of the better arm over an episode: mean and 95 % interval over networks."""
    choices = choices.assign(trial=choices["trial"] + 1)
    plotting.curve(ax, choices, "trial", "p_better", COLORS["network"], band=0.3)
    ax.set(xlabel="trial", ylabel="P(better arm)", ylim=(0, 1))
    ax.set_title(f"better arm pays with p = {task.rich:g}")
    plotting.count(ax, choices["subject"].nunique())


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.SINGLE_COLUMN, 60)
    ax = figure.add_subplot()
    choices = results["choices"].query("variant == @MAIN")
    draw_choices(ax, choices, results.settings[MAIN].task)
    figure.tight_layout()
    yield plotting.lettered("fig_NAME", figure, {"a": ax})
