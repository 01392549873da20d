"""Draw networks that see the reward beside networks that see reward prediction errors in its place (Methods, simulation 6).

python -m replications.rpe_input.figure --help
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
from prefrontal.statistics import interval

INPUTS = {"reward": (-0.17, COLORS["network"]), "rpe": (0.17, COLORS["volatile"])}
"""Input of the network -> offset from the quantity's place, colour."""


@dataclass(frozen=True)
class Options:
    """Where results are and figures go."""

    data: Path = DATA
    """Data folder."""
    figures: Path = FIGURES
    """Figures folder."""


@dataclass(frozen=True)
class Panel:
    """One experiment's main panel: title, label of the y axis, and quantities of its rpe_input.csv with their tick labels."""

    experiment: str
    title: str
    label: str
    quantities: dict[str, str]


PANELS = (
    Panel(
        "bandit",
        "bandit (Fig. 1d)",
        "cumulative regret",
        {f"cumulative regret at the last trial, {arms}": f"{arms}\narms" for arms in ("independent", "correlated")},
    ),
    Panel(
        "probability_matching",
        "matching (Fig. 2d)",
        "slope, choice on reward ratio",
        {"slope of log choice ratio on log reward ratio": "all\nbaselines"},
    ),
    Panel(
        "volatile_bandit",
        "volatile bandit (Fig. 3d)",
        "learning rate",
        {f"learning rate, {block}": block.replace(" ", "\n") for block in ("stable 1", "volatile 2", "volatile 1", "stable 2")},
    ),
    Panel(
        "inferred_value",
        "inferred value (Fig. 4b)",
        "reward prediction error",
        {
            f"RPE to the {role}, {panel}": f"{role}\n{label}"
            for panel, label in (("before", "trial 1"), ("experienced", "experienced"), ("inferred", "inferred"))
            for role in ("old cue", "new cue")
        },
    ),
    Panel(
        "two_step",
        "two-step task (Fig. 5e)",
        "lag-1 weight (log odds)",
        {
            f"lag-1 weight of {transition} {outcome} trials": f"{transition}\n{outcome}"
            for transition in ("common", "uncommon")
            for outcome in ("rewarded", "unrewarded")
        },
    ),
)


def draw(ax: Axes, panel: Panel, frame: pd.DataFrame) -> None:
    """Draw every network as a dot, means with 95 % intervals as bars, published values as diamonds."""
    for x, quantity in enumerate(panel.quantities):
        own = frame[frame["quantity"] == quantity]
        for network_input, (offset, color) in INPUTS.items():
            values = own.loc[own["network_input"] == network_input, "value"]
            mean, low, high = interval(values)
            ax.plot([x + offset - 0.13, x + offset + 0.13], [mean, mean], color=color, lw=1.3)
            ax.plot([x + offset] * 2, [low, high], color=color, lw=0.8)
            plotting.dots(ax, x + offset, values, color, width=0.09, size=3.5)
        plotting.published_marker(ax, [x - 0.4], own["published"].iloc[:1])
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xlim=(-0.65, len(panel.quantities) - 0.5), ylabel=panel.label, title=panel.title)
    ax.set_xticks(range(len(panel.quantities)), list(panel.quantities.values()), fontsize=5.5)


def draw_key(ax: Axes) -> None:
    """Say which colour is which."""
    for words, color in (("input: reward", INPUTS["reward"][1]), ("input: RPE", INPUTS["rpe"][1])):
        ax.plot([], [], "o", color=color, ms=2, label=words)
    plotting.published_marker(ax, [], [], "published")
    ax.legend(loc="lower left", handletextpad=0.2)


def main(options: Options) -> None:
    """Draw the figure."""
    about = {}
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 95)
    rows = figure.subfigures(2, 1, hspace=0)
    top = rows[0].subplots(1, 3, width_ratios=[2.4, 1.6, 4])
    bottom = rows[1].subplots(1, 2, width_ratios=[6, 4.5])
    for letter, ax, panel in zip("abcde", (*top, *bottom), PANELS, strict=True):
        folder = options.data / panel.experiment / "results"
        draw(ax, panel, tables.read(folder / "rpe_input.csv", needs=("quantity", "network_input", "value", "published")))
        plotting.panel_label(ax, letter)
        about[panel.experiment] = tables.manifest(folder)["rpe_input.csv"]
    draw_key(top[0])
    for row in rows:
        row.subplots_adjust(left=0.065, right=0.99, bottom=0.17, top=0.86, wspace=0.3)
    top[0].set_ylim(bottom=0)
    top[1].set_ylim(0, 1)
    plotting.save(figure, "fig_rpe_input", options.figures, about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
