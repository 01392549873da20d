"""Draw Fig. 5 and Supplementary Fig. 6 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval, summarize
from prefrontal.tables import storage
from prefrontal.tables.storage import published
from replications.two_step import animals_figure
from replications.two_step.settings import IN_TRAINING, MAIN, RESIDUAL, TwoStep

OUTCOMES = ("rewarded", "unrewarded")
TRANSITIONS = ("common", "uncommon")
EVENT_COLORS = {"stage 2": COLORS["network"], "reward": COLORS["uncommon"]}


def draw_task(ax: Axes, task: TwoStep) -> None:
    """Fig. 5a: first-stage actions, second-stage states, reward."""
    nodes = {"A1": (0.15, 0.85), "A2": (0.75, 0.85), "S1": (0.15, 0.45), "S2": (0.75, 0.45)}
    for name, (x, y) in nodes.items():
        box = {
            "boxstyle": "circle,pad=.35" if name[0] == "S" else "square,pad=.4",
            "fc": "white",
            "ec": "black",
            "lw": 0.8,
        }
        ax.text(x, y, f"${name[0]}_{name[1]}$", ha="center", va="center", bbox=box, fontsize=7)

    def arrow(start: tuple[float, float], end: tuple[float, float], style: str, color: str) -> None:
        patch = FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=6,
            lw=1,
            ls=style,
            color=color,
            shrinkA=9,
            shrinkB=10,
        )
        ax.add_patch(patch)

    for action, state, style, color in (
        ("A1", "S1", "-", COLORS["common"]),
        ("A2", "S2", "-", COLORS["common"]),
        ("A1", "S2", "--", COLORS["uncommon"]),
        ("A2", "S1", "--", COLORS["uncommon"]),
    ):
        arrow(nodes[action], nodes[state], style, color)
    for state, payoff in (("S1", "p"), ("S2", "1 − p")):
        x, y = nodes[state]
        arrow((x, y), (x, 0.1), "-", "black")
        ax.text(x, 0.06, f"reward\nwith {payoff}", ha="center", va="top", fontsize=5.5)
    ax.text(0.85, 0.66, probability(task.common), color=COLORS["common"], ha="left", va="center")
    ax.text(
        0.45, 0.76, probability(1 - task.common), color=COLORS["uncommon"], ha="center", va="bottom"
    )
    payoffs = f"p = {probability(task.rich)} or {probability(1 - task.rich)}"
    ax.text(
        0.45,
        -0.17,
        f"{payoffs},\nswap: {probability(task.reversal)} per trial",
        ha="center",
        va="top",
        fontsize=5.5,
    )
    ax.text(-0.14, 0.85, "stage 1", rotation=90, ha="center", va="center")
    ax.text(-0.14, 0.45, "stage 2", rotation=90, ha="center", va="center")
    ax.set(xlim=(-0.2, 1.05), ylim=(-0.12, 1))
    ax.axis("off")


def probability(value: float) -> str:
    """Write a probability as in the paper, such as ".8"."""
    return f"{value:.3g}".replace("0.", ".", 1) if value < 1 else f"{value:g}"


def rats(panel: pd.DataFrame) -> int:
    """How many rats a published panel shows, which its series name."""
    return int(panel["series"].str.extract(r"rats n=(\d+)", expand=False).iloc[0])


def stay_bars(ax: Axes, title: str) -> dict[tuple[str, str], float]:
    """Set up axes of stay probabilities; return where each bar stands."""
    positions = {
        (t, o): i * 2.3 + j * 0.9 for i, o in enumerate(OUTCOMES) for j, t in enumerate(TRANSITIONS)
    }
    ax.set(ylim=(0, 1.05), xticks=[0.45, 2.75], title=title)
    ax.set_xticklabels(["rewarded", "unre-\nwarded"])
    return positions


def draw_schematic(axes: list[Axes], results: pd.DataFrame) -> None:
    """Fig. 5b: stay probabilities of a model-free and a model-based learner."""
    for ax, kind in zip(axes, ("model-free", "model-based"), strict=True):
        own = results[results["variant"] == kind].set_index(["transition", "outcome"])[
            "stay_probability"
        ]
        for (transition, outcome), x in stay_bars(ax, kind).items():
            ax.bar(x, own.get((transition, outcome), np.nan), 0.8, color=COLORS[transition])
    axes[0].set_ylabel("stay probability")


def draw_stays(animals: Axes, networks: Axes, results: pd.DataFrame) -> None:
    """Fig. 5c: stay probabilities of rats and networks."""
    animal = published("fig5c-left")
    for (transition, outcome), x in stay_bars(animals, f"rats (n = {rats(animal)})").items():
        row = animal[animal["x"] == f"{outcome}/{transition}"].iloc[0]
        animals.bar(
            x, row["y"], 0.8, color=COLORS[transition], yerr=row["err"], error_kw={"lw": 0.8}
        )
    animals.set_ylabel("stay probability")
    model = published("fig5c-right").query("series == 'meta-RL mean (bar)'").set_index("x")["y"]
    for (transition, outcome), x in stay_bars(
        networks, f"networks (n = {results['seed'].nunique()})"
    ).items():
        own = results.query("transition == @transition and outcome == @outcome")["stay_probability"]
        plotting.bar(networks, x, own, COLORS[transition], 0.8)
        plotting.published_marker(networks, [x + 0.36], [model[f"{outcome}/{transition}"]])


def lag_axes(ax: Axes, title: str) -> None:
    """Set up axes of regression weights over lags."""
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set(xlabel="trials ago", xticks=range(1, 6), title=title)


def line_style(transition: str, outcome: str) -> dict[str, Any]:
    """Line of a kind of trial."""
    return {"color": COLORS[outcome], "ls": "-" if transition == "common" else ":"}


def draw_rat_weights(ax: Axes) -> None:
    """Fig. 5d: lagged regression of the rats' choices, mean ± s.e.m."""
    lag_axes(ax, "rats (Miller et al. 2017)")
    animal = published("fig5d")
    for transition, outcome in TRIAL_TYPES:
        own = animal[animal["series"].str.contains(f" {transition}/{outcome} ", regex=False)]
        ax.errorbar(
            own["x"], own["y"], own["err"], elinewidth=0.8, **line_style(transition, outcome)
        )
    ax.set_ylabel("weight on choice (log odds)")
    plotting.count(ax, rats(animal), "rats", y=1.0)


def draw_weights(ax: Axes, results: pd.DataFrame) -> None:
    """Fig. 5e: lagged regression of the networks' choices, mean and every network, beside the
    published means.

    At every lag the kinds of trials stand side by side, the published mean of each among the
    networks' dots of its kind.
    """
    lag_axes(ax, "networks")
    model = published("fig5e")
    for k, (transition, outcome) in enumerate(TRIAL_TYPES):
        name, shift = f"{transition}/{outcome}", 0.17 * (k - 1.5)
        own = results[(results["signal"] == name) & (results["lag"] > 0)]
        means = summarize(own, ["lag"], "weight")
        style = line_style(transition, outcome)
        ax.plot(means["lag"] + shift, means["mean"], label=f"{transition}, {outcome}", **style)
        for _, block in own.groupby("lag"):
            plotting.dots(
                ax,
                block["lag"].iloc[0] + shift,
                block["weight"],
                style["color"],
                width=0.05,
                size=2,
            )
        paper = model[model["series"] == f"meta-RL mean {name}"]
        plotting.published_marker(ax, paper["x"] + shift, paper["y"], color=style["color"], size=8)
    plotting.published_marker(ax, [], [], "published networks")
    ax.set_ylim(top=2.2 * ax.get_ylim()[1])
    ax.legend(loc="upper right")
    plotting.count(ax, results["seed"].nunique())


def draw_rpes(ax: Axes, points: pd.DataFrame, column: str, r2: pd.Series, label: str) -> None:
    """Fig. 5f, g: reward prediction errors of a network against those of a reference learner."""
    for event, color in EVENT_COLORS.items():
        own = points[points["event"] == event]
        ax.scatter(
            own[column],
            own["network"],
            s=1,
            color=color,
            lw=0,
            alpha=0.5,
            rasterized=True,
            label=event,
        )
    ax.plot([-1, 1], [-1, 1], color=COLORS["published"], lw=0.6, zorder=0)
    mean, low, high = interval(r2)
    ax.set(xlabel=label, xlim=(-1.1, 1.1), ylim=(-1.2, 1.2))
    form = ".2f" if mean > 0.01 else ".1e"
    text = f"$r^2$ = {mean:{form}} [{low:{form}}, {high:{form}}]\nover {len(r2)} networks"
    ax.set_title(text, fontsize=5.5)


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
"""Panels of the supplement: label of the y axis -> columns, and whose they are."""


def supplement(results: pd.DataFrame, fitted: float) -> Drawing:
    """Supplementary Fig. 6, by SARSA's learning rate: both references, and how the rate of Fig. 5g
    is found."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 95)
    both = results[results["event"] == "both"]
    axes = figure.subplots(2, 3).flat
    for letter, ax, (label, columns) in zip("abcde", axes, BY_RATE.items(), strict=False):
        for column, name in columns.items():
            color, means = (
                REFERENCES.get(name, COLORS["network"]),
                summarize(both, ["sarsa_rate"], column),
            )
            ax.plot(means["sarsa_rate"], means["mean"], color=color, label=name)
            for _, block in both.groupby("sarsa_rate"):
                plotting.dots(
                    ax, block["sarsa_rate"].iloc[0], block[column], color, width=0.008, size=3
                )
        ax.axvline(fitted, color=COLORS["published"], lw=0.6, ls="--", zorder=0)
        ax.set(xlabel="SARSA learning rate", ylabel=label, xlim=(0, 1))
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        if len(columns) > 1:
            ax.legend(loc="center right" if letter == "b" else "lower right", borderaxespad=1)
        plotting.panel_label(ax, letter)
    residual = figure.axes[3]
    residual.axhline(RESIDUAL, color="black", lw=0.6, ls=":")
    residual.text(
        1,
        RESIDUAL,
        f"criterion: interval below {RESIDUAL:g}",
        ha="right",
        va="bottom",
        fontsize=5.5,
    )
    figure.axes[4].text(
        fitted + 0.02,
        0.02,
        f"least error, {fitted:g}:\nthe rate of Fig. 5g",
        va="bottom",
        fontsize=5.5,
    )
    figure.axes[5].remove()
    figure.tight_layout()
    return Drawing("fig5_supplement", figure, {})


def draw_cue_stays(axes: list[Axes], stays: pd.DataFrame) -> None:
    """Stay probabilities of the cue learner and of a planner that choose as randomly."""
    for ax, (name, own) in zip(axes, stays.groupby("variant"), strict=True):
        p = own.set_index(["transition", "outcome"])["stay_probability"]
        for kind, x in stay_bars(ax, str(name)).items():
            ax.bar(x, p[kind], 0.8, color=COLORS[kind[0]])
    axes[0].set_ylabel("stay probability")
    for x, transition in enumerate(TRANSITIONS):
        axes[0].text(
            0.98,
            0.98 - 0.08 * x,
            transition,
            color=COLORS[transition],
            ha="right",
            va="top",
            transform=axes[0].transAxes,
        )


def draw_cue_lags(ax: Axes, lags: pd.DataFrame) -> None:
    """How far back trials make a planner stay or leave: networks, planner and cue learner."""
    lag_axes(ax, "")
    long = lags.melt(["variant", "seed"], var_name="lag").assign(
        lag=lambda own: own["lag"].str.removeprefix("lag ").astype(int)
    )
    for variant, label, color in (
        (MAIN, "networks", COLORS["network"]),
        ("planner", "planner", COLORS["model-based"]),
        ("cue learner", "cue learner", COLORS["cue"]),
    ):
        own = long[long["variant"] == variant]
        means = summarize(own, ["lag"], "value")
        ax.plot(
            means["lag"],
            means["mean"],
            color=color,
            marker=None if variant == MAIN else "o",
            ms=2.5,
            label=label,
        )
        if variant == MAIN:
            for _, block in own.groupby("lag"):
                plotting.dots(ax, block["lag"].iloc[0], block["value"], color, size=3)
    ax.set_ylabel("planning weight (log odds)")
    ax.legend(loc="upper right")


def draw_by_name(ax: Axes, values: pd.DataFrame, names: Sequence[str]) -> None:
    """Every network as a dot, and their mean with its interval, for each reference learner."""
    for x, name in enumerate(names):
        plotting.dots(ax, x, values[name], CUE_FIGURE[name][1], width=0.2)
        mean, low, high = interval(values[name])
        ax.errorbar(
            x + 0.34,
            mean,
            np.array([[mean - low], [high - mean]]),
            fmt="_",
            color="black",
            ms=6,
            elinewidth=0.8,
        )
    ax.set(xticks=range(len(names)), xlim=(-0.5, len(names) - 0.3))
    ax.set_xticklabels([CUE_FIGURE[name][0] for name in names])
    plotting.count(ax, len(values), x=0.02)


CUE_FIGURE = {
    "r2_model_based": ("planner", COLORS["model-based"]),
    "r2_cue": ("cue", COLORS["cue"]),
    "r2_model_free": ("SARSA", COLORS["model-free"]),
    "cue": ("cue", COLORS["cue"]),
    "one trial back": ("one\nback", COLORS["control"]),
    "model-free": ("SARSA", COLORS["model-free"]),
}
"""Columns and rules of the figure about the cue learner: what they are called there, and their
colour."""


def cue(results: Results) -> Drawing:
    """Draw the model-free alternative of Akam, Costa & Dayan (2015), the last trial's outcome as a
    cue, beside the networks."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 58)
    layout: dict[str, Any] = {"left": 0.06, "right": 0.99, "top": 0.86, "bottom": 0.18}
    outer = figure.add_gridspec(1, 3, wspace=0.24, width_ratios=(1.1, 0.75, 1.25), **layout)
    stays, pairs = outer[0].subgridspec(1, 2, wspace=0.4), outer[2].subgridspec(1, 2, wspace=0.85)
    a1, a2, b, c, d = (
        figure.add_subplot(cell) for cell in (stays[0], stays[1], outer[1], pairs[0], pairs[1])
    )
    draw_cue_stays([a1, a2], results["cue_stays"])
    draw_cue_lags(b, results["cue_lags"])
    rpes = results["cue_rpes"].query("event == 'both'")
    draw_by_name(c, rpes, ["r2_model_based", "r2_cue", "r2_model_free"])
    c.set(ylabel="explained variance of RPEs ($r^2$)", ylim=(0, 1.05))
    likelihood = results["cue_rules"].pivot(index="seed", columns="rule", values="log_likelihood")
    draw_by_name(
        d, likelihood.sub(likelihood["planner"], axis=0), ["cue", "one trial back", "model-free"]
    )
    d.axhline(0, color="black", lw=0.5, ls=":")
    d.set(ylabel="log likelihood per choice,\nminus the planner's (nats)", ylim=(None, 0.01))
    for letter, ax in zip("abcd", (a1, b, c, d), strict=True):
        plotting.panel_label(ax, letter)
    return Drawing("fig5_cue", figure, {})


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


def draw_course(ax: Axes, results: pd.DataFrame, column: str, color: str, label: str) -> None:
    """One measure over training: every network (thin) and their mean, and the finished main
    networks as dots."""
    stages, finished = (
        results[results["variant"] == IN_TRAINING],
        results[results["variant"] == MAIN],
    )
    for _, network in stages.groupby("seed"):
        ax.plot(network["trained_episodes"] / 1000, network[column], color=color, lw=0.4, alpha=0.5)
    means = stages.groupby("trained_episodes")[column].mean()
    ax.plot(means.index / 1000, means, color=color, label=label or None)
    plotting.dots(ax, finished["trained_episodes"].max() / 1000, finished[column], color, size=4)


def training(results: pd.DataFrame) -> Drawing:
    """Planning and model-free control over training."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 95)
    axes = figure.subplots(2, 3).ravel()
    for letter, ax, (label, columns) in zip("abcde", axes, TRAINING_PANELS.items(), strict=False):
        for column, (color, name) in columns.items():
            draw_course(ax, results, column, COLORS[color], name)
        ax.axhline(0, color="black", lw=0.5, ls=":")
        ax.set(xlabel="training episodes (thousands)", ylabel=label)
        if letter in "bc":
            ax.legend(loc="upper left", borderaxespad=0.8)
        plotting.panel_label(ax, letter)
    axes[5].axis("off")
    axes[5].legend(
        *axes[4].get_legend_handles_labels(),
        loc="center left",
        title="references in d and e",
        alignment="left",
    )
    plotting.count(axes[0], plotting.networks_each(results), y=0.06)
    figure.tight_layout()
    return Drawing("fig5_training", figure, {})


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure, its supplements and, where there are animals, these beside the networks."""
    stays, weights, rpes = (
        own[own["variant"] == MAIN]
        for own in (results["stay_probability"], results["lag_weights"], results["rpe_regressions"])
    )
    points, pooled = results["rpe_examples"], rpes.query("event == 'both'")
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 118)
    grid = figure.add_gridspec(2, 1, hspace=0.5, left=0.075, right=0.985, top=0.93, bottom=0.12)
    top, bottom = grid[0].subgridspec(1, 5, wspace=0.5), grid[1].subgridspec(1, 4, wspace=0.36)
    a, b1, b2, c1, c2 = (figure.add_subplot(top[column]) for column in range(5))
    d, e, f, g = (figure.add_subplot(bottom[column]) for column in range(4))
    draw_task(a, results.settings[MAIN].task)
    draw_schematic([b1, b2], results["stay_probability_models"])
    draw_stays(c1, c2, stays)
    for x, transition in enumerate(TRANSITIONS):
        b1.text(
            0.98,
            0.98 - 0.1 * x,
            transition,
            color=COLORS[transition],
            ha="right",
            va="top",
            transform=b1.transAxes,
        )
    draw_rat_weights(d)
    draw_weights(e, weights)
    draw_rpes(f, points, "model_based", pooled["r2_model_based"], "model-based RPE")
    residual_label = "model-free RPE,\nmodel-based regressed out"
    draw_rpes(g, points, "model_free_residual", pooled["r2_model_free_residual"], residual_label)
    for ax in (f, g):
        ax.set_ylabel("network RPE")
    e.set_ylabel("weight on choice (log odds)")
    f.legend(loc="lower right", markerscale=5, handletextpad=0)
    panels = {"a": [a], "b": [b1, b2], "c": [c1, c2], "d": [d], "e": [e], "f": [f], "g": [g]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    yield Drawing("fig5", figure, panels)
    yield supplement(results["rpe_regressions_by_rate"], rpes["sarsa_rate"].iloc[0])
    yield cue(results)
    if "training" in results:
        yield training(results["training"])
    folder = animals_figure.folder(results.data)
    if folder.exists():
        about = storage.manifest(folder)["lag_weights.csv"]
        yield animals_figure.drawing(folder, animals_figure.networks(results), about)
