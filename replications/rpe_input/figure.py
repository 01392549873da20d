"""Draw networks that see the reward beside networks that see reward prediction errors in its place (Methods, simulation 6).

Every experiment whose variants.py names such networks (``RPE_INPUT``) and its main panel (``MAIN_PANEL``) has a panel here,
with those measures of its main panel that are compared with the paper.

python -m replications.rpe_input.figure --help
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal import experiments, files
from prefrontal.analysis.statistics import interval
from prefrontal.experiments import Drawing, Results
from prefrontal.publishing import plotting
from prefrontal.publishing.claims import Claim
from prefrontal.publishing.plotting import COLORS

INPUTS = {"reward": (-0.17, COLORS["network"]), "RPE": (0.17, COLORS["volatile"])}
"""Input of the network -> offset from the measure's place, colour."""

ROW = 11
"""Measures, and one more for each panel, a row of panels has place for."""

JOINING = ("of", "to", "the", "at", "after")
"""Words that a label does not end with."""


def compared() -> dict[str, ModuleType]:
    """Experiments with networks of either input, in the order of their panels -> their variants."""
    found = {name: experiments.module(name, "variants") for name in experiments.names()}
    both = {name: own for name, own in found.items() if hasattr(own, "RPE_INPUT") and hasattr(own, "MAIN_PANEL")}
    return dict(sorted(both.items(), key=lambda item: item[1].MAIN_PANEL))


def main_claims(variants: ModuleType) -> list[Claim]:
    """Claims of the main panel that are compared with the paper, about networks that there are with either input."""
    own = [claim for claim in variants.CLAIMS if claim.panel == variants.MAIN_PANEL and claim.tolerance is not None]
    return [claim for claim in own if (claim.variant or variants.MAIN) in variants.RPE_INPUT]


def title(name: str, panel: str) -> str:
    """Heading of the experiment's README, with the panel."""
    heading = (files.ROOT / "replications" / name / "README.md").read_text().splitlines()[0]
    return f"{heading.lstrip('# ').partition(' (')[0]} (Fig. {panel})"


def common_words(statements: list[str]) -> str:
    """Words with which all statements begin, for the y axis."""
    at = zip(*(statement.replace(",", " ,").split() for statement in statements), strict=False)
    words = [same.pop() for same in itertools.takewhile(lambda same: len(same) == 1, map(set, at))]
    while words and words[-1] in (*JOINING, ","):
        words.pop()
    return textwrap.fill(" ".join(words).replace(" ,", ","), 26)


def values(measures: pd.DataFrame, claim: Claim, variant: str) -> pd.Series:
    """A claim's measure, for the networks of a variant."""
    key = {"claim": claim.measured or claim.claim, "measure": claim.measure, "variant": variant}
    return measures.loc[(measures[list(key)] == pd.Series(key)).all(axis=1), "value"]


def draw_panel(ax: Axes, name: str, variants: ModuleType, measures: pd.DataFrame) -> None:
    """Draw every network as a dot, means with 95 % intervals as bars, published values as diamonds."""
    shown, labels = main_claims(variants), []
    for x, claim in enumerate(shown):
        variant = claim.variant or variants.MAIN
        words = [variant] * (len(variants.RPE_INPUT) > 1) + [claim.measure]
        labels.append("\n".join(textwrap.fill(word, 12) for word in words))
        for source, (offset, color) in zip((variant, variants.RPE_INPUT[variant]), INPUTS.values(), strict=True):
            own = values(measures, claim, source)
            mean, low, high = interval(own)
            ax.plot([x + offset - 0.13, x + offset + 0.13], [mean, mean], color=color, lw=1.3)
            ax.plot([x + offset] * 2, [low, high], color=color, lw=0.8)
            plotting.dots(ax, x + offset, own, color, width=0.09, size=3.5)
        plotting.published_marker(ax, [x - 0.4], [claim.published])
    counts = {len(values(measures, claim, variants.RPE_INPUT[claim.variant or variants.MAIN])) for claim in shown}
    plotting.count(ax, max(counts), "networks each")
    low, high = ax.get_ylim()
    ax.set_ylim(min(1.15 * low, 0), max(high, 0))
    ax.axhline(0, color="black", lw=0.5)
    label = common_words([claim.statement for claim in shown])
    ax.set(xlim=(-0.65, len(shown) - 0.5), ylabel=label, title=title(name, variants.MAIN_PANEL))
    ax.set_xticks(range(len(shown)), labels, fontsize=5.5)


def draw_key(ax: Axes) -> None:
    """Say which colour is which."""
    for words, (_, color) in INPUTS.items():
        ax.plot([], [], "o", color=color, ms=2, label=f"input: {words}")
    plotting.published_marker(ax, [], [], "published")
    ax.legend(loc="best", handletextpad=0.2)


def rows_of(widths: Mapping[str, int]) -> list[list[str]]:
    """Spread panels over rows, in their order, so that rows are about equally full."""
    wide = np.array(list(widths.values()))
    rows = max(1, round(wide.sum() / ROW))
    row = ((wide.cumsum() - wide / 2) / wide.sum() * rows).astype(int)
    names = np.array(list(widths))
    return [list(names[row == one]) for one in np.unique(row)]


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    experiments, panels = compared(), dict[str, Axes]()
    widths = {name: len(main_claims(variants)) + 1 for name, variants in experiments.items()}
    rows = rows_of(widths)
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 47.5 * len(rows))
    parts: Any = figure.subfigures(len(rows), 1, hspace=0, squeeze=False)
    for part, names in zip(parts[:, 0], rows, strict=True):
        axes = part.subplots(1, len(names), width_ratios=[widths[name] for name in names], squeeze=False)[0]
        part.subplots_adjust(left=0.065, right=0.99, bottom=0.17, top=0.86, wspace=0.3)
        panels |= dict(zip(names, axes, strict=True))
    for letter, (name, ax) in zip("abcdefghijklmnopqrstuvwxyz", panels.items(), strict=False):
        draw_panel(ax, name, experiments[name], results.of(name)["measures"])
        plotting.panel_label(ax, letter)
    draw_key(next(iter(panels.values())))
    yield Drawing("fig_rpe_input", figure, {}, {name: results.of(name).about for name in panels})


if __name__ == "__main__":
    experiments.figure_main(__file__)
