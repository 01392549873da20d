"""Draw networks with either input next to each other (Methods, simulation 6).

Every experiment whose definition names such networks (``rpe_variants``) and a main panel
(``main_panel``) has a panel here, with those measures of its main panel that are compared with the
paper.
"""

from __future__ import annotations

import string
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.experiments import Experiment
from prefrontal.publishing import plotting
from prefrontal.publishing.claims import Claim
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results

INPUTS = {"reward": (-0.17, COLORS["network"]), "RPE": (0.17, COLORS["volatile"])}
"""Input of the network -> offset from the measure's place, colour."""

ROW = 11
"""Measures, and one more for each panel, that fit into a row of panels."""

NARROWEST = 3
"""Width of a panel that has room for its title, in measures."""

JOINING = ("of", "to", "the", "at", "after")
"""Words that may not end a label."""

Panel = dict[Claim, tuple[pd.Series, pd.Series]]
"""Claims of a panel, and their values for networks that see rewards, and RPEs."""


def compared() -> list[Experiment[Any]]:
    """Experiments with networks of either input, in the order of their main panels."""
    trained = [experiments.get(name) for name in experiments.names("train")]
    both = [each for each in trained if each.rpe_variants and each.main_panel]
    return sorted(both, key=lambda experiment: experiment.main_panel)


def rewarded(experiment: Experiment[Any], claim: Claim) -> str:
    """Variant of the networks with rewards as input that a claim is about."""
    return claim.variant or next(iter(experiment.rpe_variants))


def main_claims(experiment: Experiment[Any]) -> list[Claim]:
    """Claims of the main panel that are compared with the paper, and measured with either input."""
    return [
        claim
        for claim in experiment.claims
        if claim.panel == experiment.main_panel
        and claim.tolerance is not None
        and rewarded(experiment, claim) in experiment.rpe_variants
    ]


def common_words(statements: list[str]) -> str:
    """Words with which all statements begin, for the y axis."""
    split = [statement.replace(",", " ,").split() for statement in statements]
    words = []
    for alternatives in map(set, zip(*split, strict=False)):
        if len(alternatives) > 1:
            break
        words.append(alternatives.pop())
    while words and words[-1] in (*JOINING, ","):
        words.pop()
    return textwrap.fill(" ".join(words).replace(" ,", ","), 26)


def values(measures: pd.DataFrame, claim: Claim, variant: str) -> pd.Series:
    """A claim's measure, for the networks of a variant."""
    key = {"claim": claim.measured or claim.claim, "measure": claim.measure, "variant": variant}
    return measures.loc[(measures[list(key)] == pd.Series(key)).all(axis=1), "value"]


def panel_values(experiment: Experiment[Any], results: Results) -> Panel:
    """Values of those claims of which there are networks with either input."""
    if "measures" not in results:
        return {}
    measures, panel = results["measures"], Panel()
    for claim in main_claims(experiment):
        variant = rewarded(experiment, claim)
        reward = values(measures, claim, variant)
        rpe = values(measures, claim, experiment.rpe_variants[variant])
        if len(reward) and len(rpe):
            panel[claim] = reward, rpe
    return panel


def draw_panel(ax: Axes, experiment: Experiment[Any], panel: Panel) -> None:
    """Draw networks as dots, means with 95 % intervals as bars, published values as diamonds."""
    labels = []
    for x, (claim, both) in enumerate(panel.items()):
        variant = rewarded(experiment, claim)
        label = [variant] * (len(experiment.rpe_variants) > 1) + [claim.measure]
        labels.append("\n".join(textwrap.fill(line, 12) for line in label))
        for numbers, (offset, color) in zip(both, INPUTS.values(), strict=True):
            plotting.mean_interval(ax, x + offset, numbers, color, half=0.13, widths=(1.3, 0.8))
            plotting.dots(ax, x + offset, numbers, color, width=0.09, size=3.5)
        plotting.published_marker(ax, [x - 0.4], [claim.published])
    plotting.count(ax, max(len(rpe) for _, rpe in panel.values()), "networks each")
    low, high = ax.get_ylim()
    ax.set_ylim(min(1.15 * low, 0), max(high, 0))
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xlim=(-0.65, len(panel) - 0.5), ylabel=common_words([c.statement for c in panel]))
    ax.set_title(f"{experiment.title} (Fig. {experiment.main_panel})")
    ax.set_xticks(range(len(panel)), labels, fontsize=5.5)


def draw_key(ax: Axes) -> None:
    """Draw the legend of colours."""
    for label, (_, color) in INPUTS.items():
        ax.plot([], [], "o", color=color, ms=2, label=f"input: {label}")
    plotting.published_marker(ax, [], [], "published")
    ax.legend(loc="best", handletextpad=0.2)


def arrange(widths: Mapping[str, int]) -> list[list[str]]:
    """Arrange panels in rows, in their order, so that rows are about equally full."""
    wide = np.array(list(widths.values()))
    rows = max(1, round(wide.sum() / ROW))
    row = ((wide.cumsum() - wide / 2) / wide.sum() * rows).astype(int)
    names = np.array(list(widths))
    return [list(names[row == one]) for one in np.unique(row)]


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure; experiments without networks of either input have no panel."""
    both = {each.name: each for each in compared()}
    panels = {name: panel_values(each, results.of(name)) for name, each in both.items()}
    panels = {name: panel for name, panel in panels.items() if panel}
    if not panels:
        raise UserError(
            "no experiment has results of networks with either input; record them first"
        )
    widths = {name: max(len(panel) + 1, NARROWEST) for name, panel in panels.items()}
    rows, axes = arrange(widths), dict[str, Axes]()
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 47.5 * len(rows))
    subfigures: Any = figure.subfigures(len(rows), 1, hspace=0, squeeze=False)
    for subfigure, names in zip(subfigures[:, 0], rows, strict=True):
        ratios = [widths[name] for name in names]
        row = subfigure.subplots(1, len(names), width_ratios=ratios, squeeze=False)[0]
        subfigure.subplots_adjust(left=0.065, right=0.99, bottom=0.17, top=0.86, wspace=0.3)
        axes |= dict(zip(names, row, strict=True))
    for name, ax in axes.items():
        draw_panel(ax, both[name], panels[name])
    draw_key(next(iter(axes.values())))
    letters = dict(zip(string.ascii_lowercase, axes.values(), strict=False))
    about = {name: results.of(name).about for name in panels}
    yield plotting.lettered("fig_rpe_input", figure, letters, split=False, about=about)
