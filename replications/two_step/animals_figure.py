"""Draw animals next to networks on the two-step task: behaviour, and fitted models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.animals import report
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT
from replications.two_step.settings import MAIN

NAME = "fig5_animals"
COMPONENTS = {
    "planning_weight": "planning",
    "model_free_weight": "model-\nfree",
    "perseveration": "persev-\neration",
    "bias": "bias to\nright",
}
PARAMETERS = {
    "planning_rate": "planning rate",
    "learning_rate": "model-free rate",
    "planning_weight": "planning weight",
    "model_free_weight": "model-free weight",
    "perseveration": "perseveration",
    "bias": "bias",
}
GAINS = {
    "model-free, eligibility 1": "model-free,\neligibility 1",
    "model-based": "model-\nbased",
    "mixture": "mixture",
}
"""Models that are compared with the model-free one."""


def draw_bar(ax: Axes, x: float, values: pd.Series, width: float, **style: Any) -> None:
    """Draw mean ± s.e.m. as a bar, every subject a dot."""
    error: dict[str, Any] = {"yerr": report.sem(values), "error_kw": {"lw": 0.8}}
    ax.bar(x, values.mean(), width, **error, **style)
    plotting.dots(ax, x, values, width=0.12 if width > 0.5 else 0.1)


def draw_stays(ax: Axes, stays: pd.DataFrame, title: str) -> None:
    """Draw stay probabilities."""
    for k, outcome in enumerate(("rewarded", "unrewarded")):
        for j, transition in enumerate(("common", "uncommon")):
            after = (stays["transition"] == transition) & (stays["outcome"] == outcome)
            values, label = stays.loc[after, "stay_probability"], transition if k == 0 else None
            draw_bar(ax, 2.3 * k + 0.9 * j, values, 0.8, color=COLORS[transition], label=label)
    ax.set(ylim=(0, 1.02), xticks=[0.45, 2.75])
    ax.set_title(title, pad=14)
    ax.set_xticklabels(["rewarded", "unrewarded"])


def draw_weights(ax: Axes, weights: pd.DataFrame, title: str, published: str, label: str) -> None:
    """Draw the lagged regression: mean ± s.e.m., subjects as dots, published means as diamonds."""
    means = storage.published(published).query("~series.str.contains('replica')")
    for k, (transition, outcome) in enumerate(TRIAL_TYPES):
        name = f"{transition}/{outcome}"
        by_lag = weights[(weights["signal"] == name) & (weights["lag"] > 0)].groupby("lag")
        color, shift = COLORS[outcome], 0.09 * (k - 1.5)
        x = np.array(list(by_lag.groups)) + shift
        style: dict[str, Any] = {"color": color, "ls": "-" if transition == "common" else ":"}
        style |= {"elinewidth": 0.8, "label": f"{transition}, {outcome}"}
        sem = by_lag["weight"].sem().fillna(0)
        ax.errorbar(x, by_lag["weight"].mean(), sem, **style)
        for _, values in by_lag:
            ax.scatter(values["lag"] + shift, values["weight"], s=3, color=color, lw=0, alpha=0.6)
        mean = means[means["series"].str.contains(f" {name}", regex=False)]
        plotting.published_marker(ax, mean["x"] + shift, mean["y"])
    plotting.published_marker(ax, [], [], label)
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set(xlabel="trials ago", xticks=range(1, 6), title=title)


def draw_components(ax: Axes, mixtures: Mapping[str, pd.DataFrame], species: str) -> None:
    """Draw the weights on choice of the fitted mixtures' parts."""
    for k, (group, label) in enumerate(zip(report.GROUPS, (species, "networks"), strict=True)):
        for x, name in enumerate(COMPONENTS):
            style = {"color": report.GROUP_COLORS[group], "label": label if x == 0 else None}
            draw_bar(ax, x + 0.36 * (k - 0.5), mixtures[group][name], 0.34, alpha=0.8, **style)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xticks=range(len(COMPONENTS)), ylabel="weight in the fitted mixture (log odds)")
    ax.set_xticklabels(list(COMPONENTS.values()))
    ax.legend()


def gains(fits: pd.DataFrame) -> pd.DataFrame:
    """Log likelihood per choice of each model minus that of the model-free one, by subject."""
    per_choice = fits.assign(gain=fits["log_likelihood"] / fits["choices"])
    wide = per_choice.pivot(index=SUBJECT, columns="model", values="gain")
    return wide[list(GAINS)].sub(wide["model-free"], axis=0)


def folder(data: Path) -> Path:
    """Folder of the animals' tables."""
    return data / "two_step" / "animals"


def networks(results: Results) -> dict[str, pd.DataFrame]:
    """Tables of the networks that are shown for comparison."""
    tables = {name: results[name] for name in ("stay_probability", "lag_weights", "fits")}
    return {name: table[table["variant"] == MAIN] for name, table in tables.items()}


def drawing(source: Path, network: Mapping[str, pd.DataFrame], about: dict[str, Any]) -> Drawing:
    """Draw Fig. 5 for animals, whose tables are in ``source``, next to the networks."""
    names = ("stay_probability", "lag_weights", "fits", "recovery")
    animal = {name: storage.read(source / f"{name}.csv") for name in names}
    fits = {"animals": animal["fits"], "networks": network["fits"]}
    species = report.plain(about["species"])
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 125)
    grid: Any = figure.add_gridspec(
        2, 1, hspace=0.42, left=0.075, right=0.985, top=0.94, bottom=0.09
    )
    ratios: dict[str, Any] = {"width_ratios": (0.75, 0.75, 1.2, 1.2)}
    a1, a2, b, c = grid[0].subgridspec(1, 4, wspace=0.38, **ratios).subplots()
    bottom = grid[1].subgridspec(1, 3, wspace=0.38, width_ratios=(1.2, 1, 1.1))
    d, e = (figure.add_subplot(bottom[column]) for column in range(2))
    f = list(bottom[2].subgridspec(3, 2, wspace=0.45, hspace=0.75).subplots().flat)
    titles = [
        f"{group}, n = {frame.groupby(SUBJECT).ngroups}"
        for group, frame in zip((species, "networks"), fits.values(), strict=True)
    ]
    draw_stays(a1, animal["stay_probability"], titles[0])
    draw_stays(a2, network["stay_probability"], titles[1])
    a1.set_ylabel("stay probability")
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.15, 0.97), "ncols": 2}
    a1.legend(**place, columnspacing=1, handlelength=1)
    draw_weights(b, animal["lag_weights"], titles[0], "fig5d", "published rats (Fig. 5d)")
    draw_weights(c, network["lag_weights"], titles[1], "fig5e", "published networks (Fig. 5e)")
    b.set_ylabel("weight on choice (log odds)")
    b.legend(*(column[:1] for column in b.get_legend_handles_labels()), loc="upper right")
    c.set_ylim(top=2 * c.get_ylim()[1])
    c.legend(loc="upper right")
    mixtures = {group: frame[frame["model"] == "mixture"] for group, frame in fits.items()}
    draw_components(d, mixtures, species)
    all_gains = {group: gains(frame) for group, frame in fits.items()}
    report.draw_comparison(e, all_gains, list(GAINS.values()))
    e.set_ylabel("log likelihood per choice\nabove model-free (nats)")
    report.draw_recovery(f, animal["recovery"], PARAMETERS)
    for ax in f[-2:]:
        ax.set_xlabel("true")
    for ax in f[::2]:
        ax.set_ylabel("recovered")
    panels = {"a": [a1, a2], "b": b, "c": c, "d": d, "e": e, "f": f}
    return plotting.lettered(NAME, figure, panels, split=False, about=about)
