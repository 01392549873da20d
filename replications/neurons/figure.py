"""Draw network units next to neurons: variables coded, time course, and predictivity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.claims import find
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from replications.neurons.claims import CODING, POOLED, PREDICTIVITY
from replications.neurons.settings import (
    ALPHA,
    AREAS,
    AT_CHOICE,
    CHOSEN,
    DAW,
    EPOCHS,
    GIVEN_VALUES,
    INTERACTION,
    MODEL_FREE,
    NETWORK_EPOCHS,
    PLANNER,
    TRAINED,
    UNTRAINED,
)

AREA_COLORS = dict(zip(AREAS, ("#7a4fa3", "#c2418e", "#3a9d5d", "#e8923a"), strict=True))

KINDS = {
    **AREA_COLORS,
    TRAINED: COLORS["network"],
    DAW: "#7fb0e0",
    UNTRAINED: "#bbbbbb",
    PLANNER: COLORS["model-based"],
    MODEL_FREE: COLORS["model-free"],
    CHOSEN: COLORS["model-free"],
}
"""What is compared -> its colour."""

LABELS = {
    TRAINED: "networks",
    DAW: "networks,\nmonkeys' task",
    UNTRAINED: "untrained",
    PLANNER: "planner",
    MODEL_FREE: "model-free",
    CHOSEN: "model-free,\nchosen",
}

TIMED = {
    "previous reward": "previous reward",
    INTERACTION: "previous transition\n× reward",
    "choice": "choice",
    "transition": "transition",
    "reward": "reward",
}
"""Variables whose time course is drawn, and their titles."""

EPOCH_LABELS = ("fixation", "choice 1", "1 made", "transition", "choice 2", "2 made", "reward")


def pooled(shares: pd.DataFrame, variable: str) -> pd.Series:
    """Share of all neurons, or of all units, by variant and epoch."""
    weighted = shares.assign(neurons=shares["neurons"].fillna(1))
    product = weighted[variable] * weighted["neurons"]
    keys = [weighted["variant"], weighted["epoch"]]
    return product.groupby(keys).sum() / weighted.groupby(["variant", "epoch"])["neurons"].sum()


def draw_interaction(
    ax: Axes, shares: pd.DataFrame, claims: pd.DataFrame, variable: str, measure: str
) -> None:
    """Share of units that code the interaction at the first choice, with 95 % intervals: Wilson's
    over all neurons, or over networks and groups of simulated units, which are dots."""
    at_choice = shares[shares["epoch"] == AT_CHOICE]
    present = [name for name in KINDS if (at_choice["variant"] == name).any()]
    every = pooled(at_choice, variable)
    for x, name in enumerate(present):
        variant_shares = at_choice.loc[at_choice["variant"] == name, variable]
        ax.bar(x, every[name, AT_CHOICE], 0.7, color=KINDS[name], zorder=1)
        if name in AREAS:
            row = find(claims, CODING, measure, name)
            ax.plot([x, x], row[["ci_low", "ci_high"]].to_list(), color="black", lw=0.8)
        else:
            plotting.mean_interval(ax, x, variant_shares)
            plotting.dots(ax, x, variant_shares, size=3)
    ax.axhline(ALPHA, color="black", ls=":", lw=0.8)
    sizes = at_choice.groupby("variant")["neurons"].sum()
    names = [f"{name} ({sizes[name]:.0f})" if name in AREAS else LABELS[name] for name in present]
    ax.set_xticks(range(len(present)), [name.replace("\n", " ") for name in names])
    ax.tick_params("x", labelsize=5.5, rotation=50)
    for label in ax.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    ax.set(ylim=(0, None), ylabel="share of units, p < .01")
    networks = at_choice.loc[at_choice["variant"] == TRAINED, "subject"].nunique()
    plotting.count(ax, networks, "networks", x=0.02, y=1.0)


def draw_course(
    row: Mapping[str, Axes], shares: pd.DataFrame, variants: Mapping[str, str], ylabel: str
) -> None:
    """Share of coding units along the epochs of a trial, a panel per variable."""
    for k, (variable, ax) in enumerate(row.items()):
        every = pooled(shares, variable)
        for name, color in variants.items():
            if (shares["variant"] == name).any():
                variant_shares = every[name].reindex(EPOCHS)
                first = [EPOCHS.index(NETWORK_EPOCHS_FIRST[epoch]) for epoch in EPOCHS]
                line = (
                    variant_shares.to_numpy()[first]
                    if name not in AREAS
                    else variant_shares.to_numpy()
                )
                ax.plot(line, "-o", color=color, ms=2, lw=1, label=LABELS.get(name, name))
        ax.axhline(ALPHA, color="black", ls=":", lw=0.8)
        ax.set(ylim=(0, 1 if "unit" in ylabel else 0.6), xlim=(-0.4, len(EPOCHS) - 0.6))
        ax.set_xticks(range(len(EPOCHS)), EPOCH_LABELS, rotation=60, ha="right", fontsize=5)
        ax.set_title(TIMED[variable], fontsize=6)
        if k:
            ax.set_yticklabels([])
        else:
            ax.set_ylabel(ylabel)


NETWORK_EPOCHS_FIRST = {
    epoch: next(other for other in EPOCHS if NETWORK_EPOCHS[other] == NETWORK_EPOCHS[epoch])
    for epoch in EPOCHS
}
"""Epoch -> first of those that correspond to the same time step of the networks."""


def draw_predictivity(ax: Axes, measures: pd.DataFrame) -> None:
    """Held-out variance that predictors explain, by area; dots, sessions."""
    gains = measures[measures["claim"] == PREDICTIVITY]
    present = [
        name for name in (TRAINED, DAW, PLANNER, MODEL_FREE) if (gains["measure"] == name).any()
    ]
    difference = {"minus untrained": "networks −\nuntrained"}
    for x, area in enumerate(AREAS):
        for k, name in enumerate((*present, *difference)):
            session_gains = gains.loc[
                (gains["variant"] == area) & (gains["measure"] == name), "value"
            ]
            place = x + (k - (len(present)) / 2) * 0.17
            color = "#c0392b" if name in difference else KINDS[name]
            label = difference.get(name, LABELS.get(name, name)).replace("\n", " ")
            plotting.mean_interval(ax, place, session_gains * 100, color, half=0.06)
            ax.plot([], [], color=color, label=label if x == 0 else None)
    ax.axhline(0, color="black", lw=0.6)
    sizes = [int((gains[gains["measure"] == TRAINED]["variant"] == area).sum()) for area in AREAS]
    labels = [f"{area}\nn = {size}" for area, size in zip(AREAS, sizes, strict=True)]
    ax.set_xticks(range(len(AREAS)), labels, fontsize=5.5)
    ax.set(xlabel="area (n, sessions)", ylabel="held-out variance (%)\nbeyond task and drift")
    ax.set(ylim=(-0.4, 2.4), yticks=(0, 0.5, 1))
    ax.legend(fontsize=5, handlelength=0.7, loc="upper right")


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure from the committed statistics."""
    shares, measures = results["shares"], results["measures"]
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 172.0)
    outer = figure.add_gridspec(3, 1, hspace=0.98, left=0.08, right=0.99, top=0.95, bottom=0.08)
    top = outer[0].subgridspec(1, 3, width_ratios=(1, 1, 1.1), wspace=0.42)
    a, b, c = (figure.add_subplot(top[k]) for k in range(3))
    draw_interaction(a, shares, results.claims, INTERACTION, "pooled")
    a.set_title("previous transition × reward\nat the first choice")
    draw_interaction(b, shares, results.claims, GIVEN_VALUES, POOLED)
    b.set_title("the same, given the values\nbefore the outcome")
    draw_predictivity(c, measures)
    rows = {}
    for row, (letter, variants, ylabel) in enumerate(
        (
            ("d", AREA_COLORS, "share of neurons"),
            (
                "e",
                {name: KINDS[name] for name in (TRAINED, DAW, UNTRAINED)},
                "share of network units",
            ),
        ),
        start=1,
    ):
        grid = outer[row].subgridspec(1, len(TIMED), wspace=0.12)
        axes = {name: figure.add_subplot(grid[k]) for k, name in enumerate(TIMED)}
        draw_course(axes, shares, variants, ylabel)
        list(axes.values())[-1].legend(fontsize=5, loc="upper left", handlelength=1)
        rows[letter] = list(axes.values())
    yield plotting.lettered("fig_neurons", figure, {"a": a, "b": b, "c": c, **rows})
