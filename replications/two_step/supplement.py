"""Draw Supplementary Fig. 6 of Wang et al. 2018, the cue learner, and training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval
from replications.two_step.settings import IN_TRAINING, LARGE, MAIN, RESIDUAL

OUTCOMES = ("rewarded", "unrewarded")
TRANSITIONS = ("common", "uncommon")
REFERENCES = {"model-based": COLORS["model-based"], "model-free": COLORS["uncommon"]}
BY_RATE = {
    "correlation of reference RPEs": {"correlation": "model-based with model-free"},
    "standardised weight\n(multiple regression)": {
        "weight_model_based": "model-based",
        "weight_model_free": "model-free",
    },
    "explained variance $r^2$": {"r2_model_based": "model-based", "r2_model_free": "model-free"},
    "$r^2$ of model-free RPEs,\nmodel-based regressed out": {
        "r2_model_free_residual": "model-free"
    },
    "squared error of SARSA's\npredictions of reward": {"reward_error": "model-free"},
}
"""Panels by learning rate: label of the y axis -> columns, and the reference they belong to."""

CUE_FIGURE = {
    "r2_model_based": ("planner", COLORS["model-based"]),
    "r2_cue": ("cue", COLORS["cue"]),
    "r2_model_free": ("SARSA", COLORS["model-free"]),
    "cue": ("cue", COLORS["cue"]),
    "one trial back": ("one\nback", COLORS["control"]),
    "model-free": ("SARSA", COLORS["model-free"]),
}
"""Columns and rules of the figure about the cue learner -> label, colour."""

TRAINING_PANELS: dict[str, dict[str, tuple[str, str]]] = {
    "reward (share of the best\npossible agent's)": {"share": ("network", "")},
    "weight on choice,\nlag 1 (log odds)": {
        "planning": ("model-based", "planning"),
        "model_free": ("model-free", "model-free"),
    },
    "weight in a mixture (log\nodds per unit of value)": {
        "mixture_planning": ("model-based", "planner"),
        "mixture_model_free": ("model-free", "model-free learner"),
    },
    "explained variance\nof RPEs ($r^2$)": {
        "r2_model_based": ("model-based", "planner"),
        "r2_model_free": ("model-free", "SARSA"),
        "r2_unlearned": ("uncommon", "expectations that do not learn"),
    },
    "weight on RPEs (multiple\nregression, standardised)": {
        "weight_model_based": ("model-based", "planner"),
        "weight_model_free": ("model-free", "SARSA"),
        "weight_unlearned": ("uncommon", "expectations that do not learn"),
    },
}
"""Panels of the figure of training: label of the y axis -> column: its colour and name."""


def stay_bars(ax: Axes, title: str) -> dict[tuple[str, str], float]:
    """Set up axes of stay probabilities; return where each bar stands."""
    ax.set(ylim=(0, 1.05), xticks=[0.45, 2.75], title=title)
    ax.set_xticklabels(["rewarded", "un-\nrewarded"])
    return {
        (transition, outcome): 2.3 * group + 0.9 * k
        for group, outcome in enumerate(OUTCOMES)
        for k, transition in enumerate(TRANSITIONS)
    }


def draw_bars(axes: Sequence[Axes], stays: pd.DataFrame, agents: Sequence[str]) -> None:
    """Draw stay probabilities of reference learners."""
    for ax, agent in zip(axes, agents, strict=True):
        rows = stays[stays["variant"] == agent].set_index(["transition", "outcome"])
        for kind, x in stay_bars(ax, agent).items():
            ax.bar(x, rows["stay_probability"].get(kind, np.nan), 0.8, color=COLORS[kind[0]])
    axes[0].set_ylabel("stay probability")


def name_transitions(ax: Axes, step: float) -> None:
    """Write the types of transitions in their colours, one per line."""
    place: dict[str, Any] = {"ha": "right", "va": "top", "transform": ax.transAxes}
    for k, transition in enumerate(TRANSITIONS):
        ax.text(0.98, 0.98 - step * k, transition, color=COLORS[transition], **place)


def draw_by_rate(regressions: pd.DataFrame, fitted: float) -> Drawing:
    """Supplementary Fig. 6, by SARSA's learning rate: both references, and how the rate of Fig. 5g
    is found."""
    figure, axes = plotting.mosaic("abc;de.", 95)
    both = regressions[regressions["event"] == "both"]
    for (letter, ax), (label, columns) in zip(axes.items(), BY_RATE.items(), strict=True):
        for column, name in columns.items():
            color = REFERENCES.get(name, COLORS["network"])
            plotting.curve(ax, both, "sarsa_rate", column, color, each=(0.008, 3), label=name)
        ax.axvline(fitted, color=COLORS["published"], lw=0.6, ls="--", zorder=0)
        ax.set(xlabel="SARSA learning rate", ylabel=label, xlim=(0, 1))
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        if len(columns) > 1:
            ax.legend(loc="center right" if letter == "b" else "lower right", borderaxespad=1)
    small: dict[str, Any] = {"va": "bottom", "fontsize": 5.5}
    axes["d"].axhline(RESIDUAL, color="black", lw=0.6, ls=":")
    axes["d"].text(1, RESIDUAL, f"criterion: interval below {RESIDUAL:g}", ha="right", **small)
    axes["e"].text(fitted + 0.02, 0.02, f"least error, {fitted:g}:\nthe rate of Fig. 5g", **small)
    drawing = plotting.lettered("fig5_supplement", figure, axes, split=False)
    figure.tight_layout()
    return drawing


def draw_cue_lags(ax: Axes, lags: pd.DataFrame) -> None:
    """Draw planning weights by lag: networks, planner and cue learner."""
    ax.axhline(0, color="black", lw=0.5, ls=":")
    long = lags.melt(["variant", "subject"], var_name="lag")
    long["lag"] = long["lag"].str.removeprefix("lag ").astype(int)
    networks = long[long["variant"] == MAIN]
    color = COLORS["network"]
    plotting.curve(ax, networks, "lag", "value", color, each=(0.12, 3), label="networks")
    for agent, name in (("planner", "model-based"), ("cue learner", "cue")):
        rows, color = long[long["variant"] == agent], COLORS[name]
        plotting.curve(ax, rows, "lag", "value", color, marker="o", ms=2.5, label=agent)
    ax.set(xlabel="trials ago", xticks=range(1, 6), ylabel="planning weight (log odds)")
    ax.legend(loc="upper right")


def draw_by_name(ax: Axes, values: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw every network as a dot, and their mean with its interval, for each reference learner."""
    style: dict[str, Any] = {"fmt": "_", "color": "black", "ms": 6, "elinewidth": 0.8}
    for x, name in enumerate(names):
        plotting.dots(ax, x, values[name], CUE_FIGURE[name][1], width=0.2)
        mean, low, high = interval(values[name])
        ax.errorbar(x + 0.34, mean, np.array([[mean - low], [high - mean]]), **style)
    ax.set(xticks=range(len(names)), xlim=(-0.5, len(names) - 0.3))
    ax.set_xticklabels([CUE_FIGURE[name][0] for name in names], fontsize=5.5)
    plotting.count(ax, len(values), x=0.02)


def draw_cue(results: Results) -> Drawing:
    """Draw the model-free alternative of Akam, Costa & Dayan (2015), the last trial's outcome as a
    cue, next to the networks."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 58)
    margins: dict[str, Any] = {"left": 0.06, "right": 0.99, "top": 0.86, "bottom": 0.18}
    outer: Any = figure.add_gridspec(1, 3, wspace=0.24, width_ratios=(1.1, 0.75, 1.25), **margins)
    a = list(outer[0].subgridspec(1, 2, wspace=0.4).subplots())
    b = figure.add_subplot(outer[1])
    c, d = outer[2].subgridspec(1, 2, wspace=0.85).subplots()
    draw_bars(a, results["cue_stays"], sorted(results["cue_stays"]["variant"].unique()))
    name_transitions(a[0], 0.08)
    draw_cue_lags(b, results["cue_lags"])
    rpes = results["cue_rpes"].query("event == 'both'")
    draw_by_name(c, rpes, ["r2_model_based", "r2_cue", "r2_model_free"])
    c.set(ylabel="explained variance of RPEs ($r^2$)", ylim=(0, 1.05))
    likelihood = results["cue_rules"].pivot(
        index="subject", columns="rule", values="log_likelihood"
    )
    likelihood = likelihood.sub(likelihood["planner"], axis=0)
    draw_by_name(d, likelihood, ["cue", "one trial back", "model-free"])
    d.axhline(0, color="black", lw=0.5, ls=":")
    d.set(ylabel="log likelihood per choice,\nminus the planner's (nats)", ylim=(None, 0.01))
    return plotting.lettered("fig5_cue", figure, {"a": a, "b": b, "c": c, "d": d}, split=False)


def draw_training(training: pd.DataFrame) -> Drawing:
    """Draw planning and model-free control over training: means and networks (thin), and
    finished networks as dots."""
    figure, axes = plotting.mosaic("abc;def", 95)
    training = training.assign(thousands=training["trained_episodes"] / 1000)
    stages, finished = (training[training["variant"] == name] for name in (IN_TRAINING, LARGE))
    key = axes.pop("f")
    for (letter, ax), (label, columns) in zip(axes.items(), TRAINING_PANELS.items(), strict=True):
        for column, (color_name, name) in columns.items():
            color, end = COLORS[color_name], finished["thousands"].max()
            plotting.lines(ax, stages, "thousands", column, color=color, lw=0.4, alpha=0.5)
            plotting.curve(ax, stages, "thousands", column, color, label=name or None)
            plotting.dots(ax, end, finished[column], color, size=4)
        ax.axhline(0, color="black", lw=0.5, ls=":")
        ax.set(xlabel="training episodes (thousands)", ylabel=label)
        if letter in "bc":
            ax.legend(loc="upper left", borderaxespad=0.8)
    key.axis("off")
    place: dict[str, Any] = {"loc": "center left", "alignment": "left"}
    title = "references in d and e"
    key.legend(*axes["e"].get_legend_handles_labels(), title=title, **place)
    plotting.count(axes["a"], plotting.networks_each(training), y=0.06)
    drawing = plotting.lettered("fig5_training", figure, axes, split=False)
    figure.tight_layout()
    return drawing
