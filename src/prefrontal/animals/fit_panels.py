"""Panels of the animals' figure: comparison of models, their parameters, and recovery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.animals.families import Family, gains, parameters_of
from prefrontal.animals.panels import CROWD, Groups, bars, cloud, short
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS


def draw_comparison(ax: Axes, groups: Groups, baseline: str) -> None:
    """Draw how much better each model predicts choices than the baseline."""
    gain = {
        label: (gains(fits, baseline), color) for label, (fits, color) in groups("fits").items()
    }
    animals = set(groups.animals["fits"]["model"])
    gain = {
        label: (table[table["model"].isin(animals)], color)
        for label, (table, color) in gain.items()
    }
    places = bars(ax, gain, "model", "gain")
    ax.set_xticklabels([short(place) for place in places], fontsize=5.5)
    ax.set_ylabel(f"log likelihood per choice\nabove {baseline} (nats)")


def draw_confusion(ax: Axes, confusion: pd.DataFrame) -> None:
    """Draw how often each model fits best, by simulated model."""
    names = list(dict.fromkeys(confusion["simulated"]))
    table = confusion.pivot(index="simulated", columns="best", values="percentage")
    percentages = table.reindex(index=names, columns=names).fillna(0).to_numpy(float)
    ax.imshow(percentages, cmap="Purples", vmin=0, vmax=100, aspect="auto")
    for (row, column), number in np.ndenumerate(percentages):
        style: dict[str, Any] = {"fontsize": 5, "color": "white" if number > 60 else "black"}
        ax.text(column, row, f"{number:.0f}", ha="center", va="center", **style)
    ax.set(xticks=range(len(names)), yticks=range(len(names)))
    ax.set_title("simulated by (row), fits best (column), %", fontsize=6)
    labels = [short(name).replace("\n", " ").replace("delta rule", "δ") for name in names]
    ax.set_xticklabels(labels, rotation=30, ha="right", fontsize=5)
    ax.set_yticklabels(labels, fontsize=5)
    ax.spines[:].set_visible(False)


def draw_parameters(axes: Sequence[Axes], groups: Groups, family: Family, names: list[str]) -> None:
    """Draw fitted parameters, each on its own axis, above true and recovered ones."""
    tables = {
        label: (parameters_of(fits, family.main), color)
        for label, (fits, color) in groups("fits").items()
    }
    for ax, name in zip(axes, names, strict=True):
        plotted: list[pd.Series] = []
        for x, (table, color) in enumerate(tables.values()):
            values = table.loc[table["parameter"] == name, "value"].dropna()
            if len(values) > CROWD:
                cloud(ax, x, values, color, 0.28)
            else:
                plotting.dots(ax, x, values, color, 0.25)
            plotted.append(values)
            if len(values):
                plotting.mean_interval(ax, x, values, half=0.32)
        ax.axhline(0, color="black", lw=0.4, ls=":")
        low, high = pd.concat(plotted).agg(["min", "max"])
        margin = 0.15 * (high - low) + 0.02 * abs(high) + 0.01
        ax.set(xlim=(-0.6, len(tables) - 0.4), xticks=[], ylim=(low - margin, high + margin))
        ax.set_title(short(name), fontsize=5.5, pad=2)
        ax.locator_params(axis="y", nbins=4)


def draw_recovery(axes: Sequence[Axes], recovery: pd.DataFrame, names: list[str]) -> None:
    """Draw recovered against true parameters of simulated subjects."""
    for ax, name in zip(axes, names, strict=True):
        fits = recovery[recovery["parameter"] == name]
        ax.set_visible(len(fits) > 0)
        both = fits[["true", "recovered"]].to_numpy()
        if len(both):
            ends = [both.min(), both.max()]
            ax.plot(ends, ends, color=COLORS["published"], lw=0.6, zorder=0)
        ax.scatter(fits["true"], fits["recovered"], s=4, color=COLORS["animal"], lw=0, alpha=0.7)
        ax.set_xlabel("true")
        ax.locator_params(nbins=3)
    axes[0].set_ylabel("recovered")
