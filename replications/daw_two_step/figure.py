"""Draw networks, people and monkeys on Daw's two-step task side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.analysis.staying import TRIAL_TYPES
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval
from prefrontal.tables.schema import SUBJECT
from replications.daw_two_step.analysis import animal_tables, model_contrasts
from replications.daw_two_step.settings import ALPHA, INTERACTION, LEVELS, MAIN, MONKEYS, PEOPLE

GROUPS = {
    MAIN: ("networks", COLORS["network"]),
    PEOPLE: ("people", COLORS["animal"]),
    LEVELS: ("networks, 3 levels", COLORS["left"]),
    **dict(zip(MONKEYS, zip(MONKEYS, ("#d070b0", "#4a2c6f"), strict=True), strict=True)),
}
"""Variant -> label, colour."""

CROWD = 40
"""Subjects above which dots are pale."""

VARIABLES = {
    "previous reward": COLORS["learning rate"],
    "previous transition": COLORS["model-free"],
    INTERACTION: COLORS["network"],
    "choice": COLORS["volatile"],
}
"""Variable whose coding is shown -> colour."""


def subjects(ax: Axes, x: float, values: pd.Series, color: str) -> None:
    """Draw every subject as a dot next to x, and their mean with its 95 % interval."""
    if len(values) > CROWD:
        spread = 0.3 * (np.random.default_rng(0).random(len(values)) - 0.5)
        ax.scatter(x + spread, values, s=1, color=color, lw=0, alpha=0.35, rasterized=True)
    else:
        plotting.dots(ax, x, values, color)
    plotting.mean_interval(ax, x, values, "black", 0.3)


def draw_stays(ax: Axes, stays: pd.DataFrame, variants: tuple[str, ...], title: str) -> None:
    """Draw stay probabilities after each trial type."""
    group = stays[stays["variant"].isin(variants)]
    for k, (transition, outcome) in enumerate(TRIAL_TYPES):
        x = 2.4 * (k % 2) + k // 2
        rows = group[(group["transition"] == transition) & (group["outcome"] == outcome)]
        values, color = rows["stay_probability"], COLORS[transition]
        ax.bar(x, interval(values)[0], 0.8, color=color, alpha=0.55, lw=0, zorder=0)
        subjects(ax, x, values, color)
    count = len(group[SUBJECT].drop_duplicates())
    ax.set(ylim=(0, 1), title=f"{title} (n = {count})")
    ax.set_xticks([0.5, 2.9], ["rewarded", "unrewarded"])


def draw_weights(ax: Axes, weights: pd.DataFrame, variant: str) -> None:
    """Draw the lagged regression of choice, as in Fig. 5e."""
    ax.axhline(0, color="black", lw=0.5, ls=":")
    past = weights[(weights["variant"] == variant) & (weights["lag"] > 0)]
    for k, (transition, outcome) in enumerate(TRIAL_TYPES):
        rows = past[past["signal"] == f"{transition}/{outcome}"]
        rows = rows.assign(lag=rows["lag"] + 0.17 * (k - 1.5))
        style: dict[str, Any] = {"ls": "-" if transition == "common" else ":"}
        label = f"{transition}, {outcome}"
        plotting.curve(
            ax, rows, "lag", "weight", COLORS[outcome], each=(0.05, 2), label=label, **style
        )
    title = f"{GROUPS[variant][0]} (n = {past['subject'].nunique()})"
    ax.set(xlabel="trials ago", xticks=range(1, 6), title=title)
    ax.set_ylabel("weight (log odds)")


def draw_groups(ax: Axes, frame: pd.DataFrame, column: str, label: str) -> None:
    """Draw a measure of every subject, by group."""
    present = [variant for variant in GROUPS if (frame["variant"] == variant).any()]
    for x, variant in enumerate(present):
        subjects(ax, x, frame.loc[frame["variant"] == variant, column].dropna(), GROUPS[variant][1])
    counts = [(frame["variant"] == variant).sum() for variant in present]
    labels = [f"{GROUPS[v][0]} ({n})" for v, n in zip(present, counts, strict=True)]
    ax.set_xticks(
        range(len(present)), labels, fontsize=5, rotation=45, ha="right", rotation_mode="anchor"
    )
    ax.set_ylabel(label)


def draw_coding(ax: Axes, coding: pd.DataFrame, variant: str) -> None:
    """Draw shares of coding units over the time steps of a trial."""
    periods = list(dict.fromkeys(coding["period"]))
    shares = coding[coding["variant"] == variant]
    shares = shares.assign(place=shares["period"].map(periods.index))
    for name, color in VARIABLES.items():
        rows = shares[shares["variable"] == name]
        label = name.replace(" x ", " × ")
        plotting.curve(ax, rows, "place", "share", color, band=0.2, each=(0.08, 3), label=label)
    ax.axhline(ALPHA, color="black", lw=0.5, ls=":")
    ax.set_xticks(range(len(periods)), periods)
    title = f"{GROUPS[variant][0]} (n = {shares['subject'].nunique()})"
    ax.set(ylim=(0, 1.5), yticks=np.linspace(0, 1, 6), ylabel="share of units", title=title)


def draw_rows(axes: Mapping[str, Axes], results: Results) -> None:
    """Draw all panels."""
    animals = animal_tables(("stay_probability", "weights", "fits"))
    joined = {
        name: pd.concat([results[name], animals[name]]) for name in ("stay_probability", "weights")
    }
    monkeys = tuple(MONKEYS)
    panels = {
        "a": ((MAIN,), GROUPS[MAIN][0]),
        "b": ((PEOPLE,), "people"),
        "c": ((LEVELS,), GROUPS[LEVELS][0]),
        "d": (monkeys, "monkeys, sessions"),
    }
    for letter, (variants, title) in panels.items():
        draw_stays(axes[letter], joined["stay_probability"], variants, title)
    axes["a"].set_ylabel("stay probability")
    draw_weights(axes["e"], results["lag_weights"], MAIN)
    draw_weights(axes["f"], results["lag_weights"], LEVELS)
    axes["e"].set_ylim(top=2 * axes["e"].get_ylim()[1])
    axes["e"].legend(loc="upper right", fontsize=5)
    weights = joined["weights"]
    for letter, column, name in (("g", "planning", "planning"), ("h", "model_free", "model-free")):
        axes[letter].axhline(0, color="black", lw=0.5, ls=":")
        draw_groups(axes[letter], weights, column, "lag-1 weight (log odds)")
        axes[letter].set_title(name)
    contrasts = [model_contrasts(each["fits"]) for each in (results, animals)]
    axes["i"].axhline(0, color="black", lw=0.5, ls=":")
    draw_groups(axes["i"], pd.concat(contrasts).reset_index(), "bic", "nats per choice (BIC)")
    axes["i"].set_title("model-based − model-free")
    draw_coding(axes["j"], results["coding"], MAIN)
    draw_coding(axes["k"], results["coding"], LEVELS)
    axes["j"].legend(loc="upper left", fontsize=5)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    layout = "abcd;efgh;iijk"
    figure, axes = plotting.mosaic(
        layout, 155, hspace=0.75, wspace=0.5, left=0.08, right=0.985, top=0.955, bottom=0.12
    )
    draw_rows(axes, results)
    if LEVELS not in results.settings:
        for letter in "cfk":
            axes[letter].set_visible(False)
    yield plotting.lettered("fig_daw_two_step", figure, axes, split=False)
