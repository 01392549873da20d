"""Draw how the claims depend on what the paper does not state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from prefrontal.publishing import claims, plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from replications.multiverse.analysis import ROW
from replications.multiverse.universes import (
    ALPHA,
    DISAGREEING,
    MULTIVERSES,
    NETWORKS,
    SHARED,
    UNIVERSES,
    universes,
)

FARTHEST = 4.0
"""Largest distance from the published value that is drawn, in tolerances; larger ones are drawn at
the edge."""

HOLDS, AGREES = COLORS["network"], COLORS["volatile"]

LEGEND: dict[str, Any] = {"loc": "lower left", "borderpad": 0.1, "fontsize": 5}
CELLS = {
    "agrees": COLORS["volatility"],
    "does not": "#f1d5d0",
    "first value": "#eeeeee",
    "other value": "#555555",
}
"""Meanings of the cells in the panel of universes, and their colours."""


def separate(ax: Axes, names: pd.Series) -> None:
    """Draw lines between experiments; ``names`` has the experiment of every row."""
    for row in np.flatnonzero(names.to_numpy()[1:] != names.to_numpy()[:-1]):
        ax.axhline(row + 0.5, color="black", lw=0.4)


def numbered(frame: pd.DataFrame) -> Iterator[tuple[int, Any]]:
    """Rows of a table with their number from the top."""
    yield from enumerate(frame.itertuples())


def compared() -> pd.DataFrame:
    """Claims that are compared with the paper, with their tolerance and label."""
    rows = []
    for name, multiverse in MULTIVERSES.items():
        for claim in multiverse.claims:
            if claim.tolerance is not None:
                key = (name, claim.claim, claim.measure, claim.variant or multiverse.main)
                label = f"{claim.panel} {claim.claim.partition('-')[2]}: {claim.measure}"
                rows.append((*key, claim.tolerance, label))
    return pd.DataFrame(rows, columns=[*ROW, "tolerance", "label"])


def draw_shares(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw the number of universes in which each claim holds and agrees, the share of subsets of
    the main networks in which it holds, and the main networks' verdicts."""
    labels = []
    for row, share in numbered(shares):
        labels.append(share.claim + " (bandit)" * (share.experiment == "bandit_rpe"))
        for count, color, offset in ((share.holds, HOLDS, -0.16), (share.agrees, AGREES, 0.2)):
            if pd.notna(count):
                ax.barh(row + offset, count, height=0.32, color=color, lw=0)
        if pd.notna(share.subsets) and share.subsets > 0:
            power = UNIVERSES * share.subsets_hold / share.subsets
            ax.plot([power] * 2, [row - 0.36, row + 0.04], color="black", lw=1, clip_on=False)
        verdicts = ((share.main_holds, HOLDS, 1.035), (share.main_agrees, AGREES, 1.1))
        for verdict, color, x in verdicts:
            mark = {True: "✓", False: "✗", None: "–"}[claims.holds(verdict)]
            place: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "center"}
            ax.text(x, row, mark, va="center", color=color, fontsize=6, **place)
    separate(ax, shares["experiment"])
    ax.set_yticks(range(len(shares)), labels, fontsize=5)
    ax.set(xlim=(0, UNIVERSES), ylim=(len(shares) - 0.5, -0.5), xlabel="universes")
    ax.set_xticks(range(0, UNIVERSES + 1, 8))
    for label, color in (("holds", HOLDS), ("agrees", AGREES)):
        ax.barh([0], [0], color=color, label=label)
    ax.plot([], [], color="black", lw=1, label=f"{NETWORKS} of the main networks")
    ax.legend(bbox_to_anchor=(-0.25, 1.0), ncols=3, handlelength=0.8, columnspacing=0.8, **LEGEND)
    ax.text(1.07, 1.01, "main", transform=ax.transAxes, ha="center", va="bottom", fontsize=5)


def draw_values(ax: Axes, values: pd.DataFrame, networks: pd.DataFrame) -> None:
    """Draw means of universes and of the main networks, in tolerances from the published value."""
    means = {
        key: rows.groupby("universe")["value"].mean().dropna()
        for key, rows in networks.groupby(ROW)
    }
    for row, value in numbered(values):
        of_universes = means[tuple(getattr(value, column) for column in ROW)]
        distances = (of_universes - value.published) / value.tolerance
        spread = np.linspace(-0.28, 0.28, len(distances))
        x = distances.sort_values().clip(-FARTHEST, FARTHEST)
        ax.scatter(x, row + spread, s=2.2, color=HOLDS, lw=0, alpha=0.7)
        main = np.clip((value.main - value.published) / value.tolerance, -FARTHEST, FARTHEST)
        ax.plot([main, main], [row - 0.42, row + 0.42], color="black", lw=1.2)
    rows = np.arange(len(values))
    plotting.published_marker(ax, np.zeros(len(rows)), rows, "published", size=5)
    ax.scatter([], [], s=4, color=HOLDS, lw=0, label="universes")
    ax.plot([], [], color="black", lw=1.2, label="main networks")
    ax.legend(bbox_to_anchor=(-0.1, 1.0), ncols=3, handlelength=1.0, columnspacing=0.8, **LEGEND)
    ax.axvspan(-1, 1, color=COLORS["published"], alpha=0.2, lw=0, zorder=0)
    separate(ax, values["experiment"])
    ax.set_yticks(range(len(values)), values["label"], fontsize=4.6)
    ax.set(xlim=(-1.06 * FARTHEST, 1.06 * FARTHEST), ylim=(len(values) - 0.5, -0.5))
    ax.set_xlabel("(ours − published) / tolerance")


def draw_effects(ax: Axes, values: pd.DataFrame, effects: pd.DataFrame) -> None:
    """Draw each setting's share of the variance over universes, signed by its effect."""
    names = [*SHARED, *(name for name in effects["setting"].unique() if name not in SHARED)]
    sign = np.sign(effects["at_other"] - effects["at_first"])
    signed = effects.assign(share=effects["share"] * sign)
    index = pd.MultiIndex.from_frame(values[ROW])
    grid, strong = (
        signed.pivot(index=ROW, columns="setting", values=column).reindex(index, columns=names)
        for column in ("share", "p_holm")
    )
    colors = colormaps["RdBu_r"].with_extremes(bad="#e4e4e4")
    style: dict[str, Any] = {"vmin": -1, "vmax": 1, "aspect": "auto", "interpolation": "nearest"}
    image = ax.imshow(grid.to_numpy(float), cmap=colors, **style)
    rows, columns = np.nonzero(strong.to_numpy(float) < ALPHA)
    ax.plot(columns, rows, ".", color="black", ms=1.8)
    separate(ax, values["experiment"])
    labels = [name.replace("_", " ") for name in names]
    rotated: dict[str, Any] = {"rotation": 55, "rotation_mode": "anchor", "ha": "right"}
    ax.set_xticks(range(len(names)), labels, fontsize=5, **rotated)
    ax.set_yticks([])
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.02, 0.3, 0.025, 0.4)))
    bar.set_label("share of variance, signed", fontsize=5.5)
    bar.ax.tick_params(labelsize=5)


def draw_agreement(ax: Axes, agreement: pd.DataFrame) -> None:
    """Draw the values that agree in each universe, and its settings in all experiments."""
    ordered = agreement.sort_values(["agree", "universe"], ascending=[False, True])
    names = [name for name in DISAGREEING if ordered[name].notna().any()]
    agrees = ordered[names].map(claims.holds).eq(True).T.to_numpy()
    name = next(name for name, each in MULTIVERSES.items() if len(each.shared) == len(SHARED))
    settings = universes(name).loc[ordered["universe"], list(SHARED)]
    first = pd.Series({column: axis.levels[0] for column, axis in SHARED.items()})
    other = settings.ne(first).T.to_numpy()
    gap = np.full((1, len(ordered)), np.nan)
    cells = np.vstack([np.where(agrees, 0, 1), gap, np.where(other, 3, 2)])
    style: dict[str, Any] = {"vmin": -0.5, "vmax": 3.5, "edgecolor": "white", "lw": 0.4}
    ax.pcolormesh(cells, cmap=ListedColormap(list(CELLS.values())), **style)
    labels = [*names, "", *(column.replace("_", " ") for column in SHARED)]
    ax.set_yticks(np.arange(len(labels)) + 0.5, labels, fontsize=5)
    ax.set_xticks(np.arange(len(ordered)) + 0.5, ordered["universe"], fontsize=4, rotation=90)
    ax.tick_params(length=0)
    ax.set(xlim=(0, len(ordered)), ylim=(len(labels), 0), xlabel="universe")
    for label, color in CELLS.items():
        ax.bar([0], [0], color=color, label=label)
    ax.legend(bbox_to_anchor=(0, 1.0), ncols=4, handlelength=0.8, columnspacing=0.8, **LEGEND)


PLACES = {
    "a": (0.15, 0.64, 0.27, 0.325),
    "b": (0.63, 0.70, 0.36, 0.265),
    "c": (0.2, 0.08, 0.3, 0.495),
    "d": (0.515, 0.08, 0.39, 0.495),
}
"""Left, bottom, width and height of each panel, as shares of the figure."""


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure; panels without rows, where experiments have no results, are left out."""
    values = results["values"].merge(compared(), on=ROW)
    present = {"a": True, "b": len(results["agreement"]), "c": len(values), "d": len(values)}
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 225.0)
    panels = {letter: figure.add_axes(PLACES[letter]) for letter in PLACES if present[letter]}
    draw_shares(panels["a"], results["shares"])
    if "b" in panels:
        draw_agreement(panels["b"], results["agreement"])
    if "c" in panels:
        draw_values(panels["c"], values, results["networks"])
        draw_effects(panels["d"], values, results["effects"])
    yield plotting.lettered("fig_multiverse", figure, panels)
