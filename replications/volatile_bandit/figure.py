"""Draw Fig. 3 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.animals import figure as animals_figure
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables.storage import published
from replications.volatile_bandit import supplement
from replications.volatile_bandit.animals import REVERSAL, VOLATILITY
from replications.volatile_bandit.claims import RATES
from replications.volatile_bandit.settings import BLOCKS, MAIN, WINDOW
from replications.volatile_bandit.supplement import RATE_LIMITS, block_color, rate_axes

AGENTS = {"Bayesian agent": "fig3a", "network": "fig3b"}
"""Agent of an example episode -> the paper's panel."""


def draw_episode(ax: Axes, episodes: pd.DataFrame, agent: str) -> None:
    """Fig. 3a, b: an example episode, with learning rates fitted over all episodes of its kind."""
    episode, grey = episodes[episodes["agent"] == agent], COLORS["published"]
    trial = episode["trial"]
    small: dict[str, Any] = {"s": 3, "lw": 0.4}
    choices, outcomes = (
        np.where(episode[column], 1 + distance, -distance)
        for column, distance in (("chose_left", 0.14), ("left_paid", 0.06))
    )
    ax.scatter(trial, choices, facecolor="none", edgecolor=grey, label="choice", **small)
    ax.scatter(trial, outcomes, marker="x", color=grey, label="outcome", **small)
    style: dict[str, Any] = {"drawstyle": "steps-mid", "label": "true reward probability"}
    ax.plot(trial, episode["p_left"], color=COLORS["network"], lw=0.8, **style)
    line = published(AGENTS[agent]).query("series == 'learning rate'")
    style = {"ls": "--", "label": "learning rate, published"}
    ax.plot(line["x"].astype(float), line["y"], color=grey, lw=0.8, **style)
    style = {"color": COLORS["learning rate"], "label": "learning rate"}
    ax.plot(trial, episode["learning_rate"], lw=1.8, **style)
    style = {"color": COLORS["volatility"], "label": "volatility, inferred (a) or decoded (b)"}
    ax.plot(trial, episode["volatility"], lw=0.6, **style)
    ax.set(xlim=(0, len(episode) + 1), ylim=(-0.2, 1.2), yticks=[0, 0.5, 1])
    ax.set_title(agent.replace("network", "network (example)"))
    ax.set_ylabel("probability, learning rate,\nP(volatile)")


def draw_humans(ax: Axes) -> None:
    """Fig. 3c: learning rates of humans, mean ± s.e.m."""
    humans = published("fig3c")
    humans = humans.set_index(humans["x"].str.lower())
    for x, block in enumerate(BLOCKS):
        row = humans.loc[block]
        ax.bar(x, row["y"] - RATE_LIMITS[0], 0.7, bottom=RATE_LIMITS[0], color=block_color(block))
        ax.errorbar(x, row["y"], row["err"], color="black", elinewidth=0.8)
    rate_axes(ax, "humans (Behrens et al. 2007)")


def draw_networks(ax: Axes, rates: pd.DataFrame) -> None:
    """Fig. 3d: learning rates of the networks."""
    rates = rates[rates["variant"] == MAIN]
    for x, block in enumerate(BLOCKS):
        values = rates.loc[rates["block"] == block, "learning_rate"]
        plotting.bar(ax, x, values, block_color(block), base=RATE_LIMITS[0])
    paper = [RATES[block] for block in BLOCKS]
    plotting.published_marker(ax, np.arange(4) + 0.25, paper, "published networks")
    rate_axes(ax, f"networks (n = {rates['subject'].nunique()})")
    ax.legend(loc="upper left", handletextpad=0.1)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure, its supplement, and people and monkeys next to the networks."""
    margins = {"left": 0.07, "right": 0.985, "top": 0.93, "bottom": 0.12}
    spacing = {"width_ratios": (3.2, 1), "hspace": 0.42, "wspace": 0.2}
    figure, axes = plotting.mosaic("ac;bd", 105, **margins, **spacing)
    draw_episode(axes["a"], results["example_episode"], "Bayesian agent")
    draw_episode(axes["b"], results["example_episode"], "network")
    axes["b"].set_xlabel(f"trial (learning rate: first of the window's {WINDOW} trials)")
    legend: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.06, -0.005), "ncol": 6}
    figure.legend(*axes["a"].get_legend_handles_labels(), columnspacing=1.2, **legend)
    draw_humans(axes["c"])
    draw_networks(axes["d"], results["learning_rates_by_block"])
    yield plotting.lettered("fig3", figure, axes)
    yield supplement.draw(results)
    folder = results.data / results.experiment / "animals"
    yield from animals_figure.draw_folder(VOLATILITY, folder, results)
    yield from animals_figure.draw_folder(REVERSAL, folder / "reversal", results)
