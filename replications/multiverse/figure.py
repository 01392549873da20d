"""Draw what hangs on what the paper leaves open.

python -m replications.multiverse.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from prefrontal import experiments
from prefrontal.experiments import Drawing, Results
from prefrontal.publishing import claims, plotting
from prefrontal.publishing.plotting import COLORS
from replications.multiverse.variants import (
    ALPHA,
    MULTIVERSES,
    SHARED,
    UNIVERSES,
    WANTED,
    universes,
)

FARTHEST = 4.0
"""Largest distance from the published value that is drawn, in tolerances; what is farther stands at the edge."""

HOLDS, AGREES = COLORS["network"], COLORS["volatile"]


def groups(ax: Axes, names: pd.Series) -> None:
    """Separate the rows of experiments by lines; ``names`` has the experiment of every row."""
    last = np.flatnonzero(names.to_numpy()[1:] != names.to_numpy()[:-1])
    for row in last:
        ax.axhline(row + 0.5, color="black", lw=0.4)


def rows_of(frame: pd.DataFrame) -> Iterator[tuple[int, Any]]:
    """Rows of a table with their number from the top."""
    yield from enumerate(frame.itertuples())


def compared() -> pd.DataFrame:
    """Rows of claims that are compared with the paper within a tolerance: key, tolerance and label."""
    rows = []
    for name, multiverse in MULTIVERSES.items():
        main = experiments.module(multiverse.experiment, "variants").MAIN
        for claim in multiverse.claims:
            if claim.tolerance is not None:
                key = (name, claim.claim, claim.measure, claim.variant or main)
                rows.append(
                    (
                        *key,
                        claim.tolerance,
                        f"{claim.panel} {claim.claim.partition('-')[2]}: {claim.measure}",
                    )
                )
    return pd.DataFrame(
        rows, columns=["experiment", "claim", "measure", "variant", "tolerance", "label"]
    )


def draw_shares(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw in how many universes each claim holds and agrees, with the main networks' verdicts beside."""
    for row, own in rows_of(shares):
        for count, color, offset in ((own.holds, HOLDS, -0.16), (own.agrees, AGREES, 0.2)):
            if pd.notna(count):
                ax.barh(row + offset, count, height=0.32, color=color, lw=0)
        for verdict, color, x in ((own.main_holds, HOLDS, 1.035), (own.main_agrees, AGREES, 1.1)):
            words = {True: "✓", False: "✗", None: "–"}[claims.holds(verdict)]
            ax.text(
                x,
                row,
                words,
                transform=ax.get_yaxis_transform(),
                ha="center",
                va="center",
                color=color,
                fontsize=6,
            )
    groups(ax, shares["experiment"])
    labels = [
        f"{row.claim}" + (" (bandit)" if row.experiment == "bandit_rpe" else "")
        for _, row in rows_of(shares)
    ]
    ax.set_yticks(range(len(shares)), labels, fontsize=5)
    ax.set(
        xlim=(0, UNIVERSES),
        ylim=(len(shares) - 0.5, -0.5),
        xlabel="universes",
        xticks=[0, 8, 16, 24, 32],
    )
    for words, color in (("holds", HOLDS), ("agrees with the published value", AGREES)):
        ax.barh([0], [0], color=color, label=words)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        fontsize=5,
        handlelength=0.8,
        borderpad=0.1,
    )
    ax.text(1.07, 1.01, "main", transform=ax.transAxes, ha="center", va="bottom", fontsize=5)


def draw_values(ax: Axes, values: pd.DataFrame, networks: pd.DataFrame) -> None:
    """Draw means of universes, and of the main networks, as distances from the published value in tolerances."""
    keys = ["experiment", "claim", "measure", "variant"]
    means = networks.groupby([*keys, "universe"])["value"].mean().dropna()
    for row, own in rows_of(values):
        at = (means.xs(tuple(getattr(own, key) for key in keys)) - own.published) / own.tolerance
        spread = np.linspace(-0.28, 0.28, len(at))
        ax.scatter(
            at.sort_values().clip(-FARTHEST, FARTHEST),
            row + spread,
            s=2.2,
            color=HOLDS,
            lw=0,
            alpha=0.7,
        )
        main = np.clip((own.main - own.published) / own.tolerance, -FARTHEST, FARTHEST)
        ax.plot([main, main], [row - 0.42, row + 0.42], color="black", lw=1.2)
    plotting.published_marker(
        ax, np.zeros(len(values)), np.arange(len(values)), "published", size=5
    )
    ax.scatter([], [], s=4, color=HOLDS, lw=0, label="universes")
    ax.plot([], [], color="black", lw=1.2, label="main networks")
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.1, 1.0),
        ncols=3,
        fontsize=5,
        borderpad=0.1,
        columnspacing=0.8,
        handlelength=1.0,
    )
    ax.axvspan(-1, 1, color=COLORS["published"], alpha=0.2, lw=0, zorder=0)
    groups(ax, values["experiment"])
    ax.set_yticks(range(len(values)), values["label"], fontsize=4.6)
    ax.set(xlim=(-1.06 * FARTHEST, 1.06 * FARTHEST), ylim=(len(values) - 0.5, -0.5))
    ax.set_xlabel("(ours − published) / tolerance")


def draw_effects(ax: Axes, values: pd.DataFrame, effects: pd.DataFrame) -> None:
    """Draw every setting's share of the variance over universes, with the sign of what its other value does."""
    names = [*SHARED, *(name for name in effects["setting"].unique() if name not in SHARED)]
    keys = ["experiment", "claim", "measure", "variant"]
    signed = effects.assign(
        share=effects["share"] * np.sign(effects["at_other"] - effects["at_first"])
    )
    index = pd.MultiIndex.from_frame(values[keys])
    grid, strong = (
        signed.pivot(index=keys, columns="setting", values=column).reindex(index, columns=names)
        for column in ("share", "p_holm")
    )
    image = ax.imshow(
        grid.to_numpy(float),
        cmap=colormaps["RdBu_r"].with_extremes(bad="#e4e4e4"),
        vmin=-1,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    rows, columns = np.nonzero(strong.to_numpy(float) < ALPHA)
    ax.plot(columns, rows, ".", color="black", ms=1.8)
    groups(ax, values["experiment"])
    ax.set_xticks(
        range(len(names)),
        [name.replace("_", " ") for name in names],
        rotation=55,
        ha="right",
        rotation_mode="anchor",
        fontsize=5,
    )
    ax.set_yticks([])
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.02, 0.3, 0.025, 0.4)))
    bar.set_label("share of variance, signed", fontsize=5.5)
    bar.ax.tick_params(labelsize=5)


def draw_together(ax: Axes, found: pd.DataFrame) -> None:
    """Draw which of the wanted values agree in each universe, and which settings all its experiments share."""
    ordered = found.sort_values(["agree", "universe"], ascending=[False, True])
    wanted = [name for name in WANTED if ordered[name].notna().any()]
    agree = ordered[wanted].map(claims.holds).eq(True).T.to_numpy()
    name = next(
        own for own, multiverse in MULTIVERSES.items() if len(multiverse.shared) == len(SHARED)
    )
    settings = universes(name).loc[ordered["universe"], list(SHARED)]
    first = pd.Series(
        {setting: axis.levels[0] for setting, axis in MULTIVERSES[name].shared.items()}
    )
    other = settings.ne(first).T.to_numpy()
    grid = np.vstack(
        [np.where(agree, 1, 0), np.full((1, len(ordered)), np.nan), np.where(other, 3, 2)]
    )
    ax.pcolormesh(
        grid,
        cmap=ListedColormap(["#f1d5d0", COLORS["volatility"], "#eeeeee", "#555555"]),
        vmin=-0.5,
        vmax=3.5,
        edgecolor="white",
        lw=0.4,
    )
    labels = [*wanted, "", *(setting.replace("_", " ") for setting in SHARED)]
    ax.set_yticks(np.arange(len(labels)) + 0.5, labels, fontsize=5)
    ax.set_xticks(np.arange(len(ordered)) + 0.5, ordered["universe"], fontsize=4, rotation=90)
    ax.tick_params(length=0)
    ax.set(xlim=(0, len(ordered)), ylim=(len(labels), 0), xlabel="universe")
    words = {
        "agrees": COLORS["volatility"],
        "does not": "#f1d5d0",
        "first value": "#eeeeee",
        "other value": "#555555",
    }
    for word, color in words.items():
        ax.bar([0], [0], color=color, label=word)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=4,
        fontsize=5,
        handlelength=0.8,
        borderpad=0.1,
        columnspacing=0.8,
    )


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    values = results["values"].merge(compared(), on=["experiment", "claim", "measure", "variant"])
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 225.0)
    a = figure.add_axes((0.15, 0.64, 0.27, 0.325))
    d = figure.add_axes((0.63, 0.70, 0.36, 0.265))
    b = figure.add_axes((0.2, 0.08, 0.3, 0.495))
    c = figure.add_axes((0.515, 0.08, 0.39, 0.495))
    draw_shares(a, results["shares"])
    draw_together(d, results["together"])
    draw_values(b, values, results["networks"])
    draw_effects(c, values, results["effects"])
    panels = {"a": [a], "b": [d], "c": [b], "d": [c]}
    for letter, (ax,) in panels.items():
        plotting.panel_label(ax, letter)
    yield Drawing("fig_multiverse", figure, {letter: axes for letter, axes in panels.items()})


if __name__ == "__main__":
    experiments.figure_main(__file__)
