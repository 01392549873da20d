"""Draw Fig. 5 of Wang et al. 2018 from our results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from prefrontal.animals import figure as animals_figure
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval
from prefrontal.tables.storage import published
from replications.two_step import supplement
from replications.two_step.animals import TWO_STEP
from replications.two_step.settings import MAIN, TwoStep
from replications.two_step.supplement import draw_bars, name_transitions, stay_bars

EVENT_COLORS = {"stage 2": COLORS["network"], "reward": COLORS["uncommon"]}
NODES = {"A1": (0.15, 0.85), "A2": (0.75, 0.85), "S1": (0.15, 0.45), "S2": (0.75, 0.45)}
"""Positions of first-stage actions and second-stage states in the schematic."""

ARROWS = (
    ("A1", "S1", "-", COLORS["common"]),
    ("A2", "S2", "-", COLORS["common"]),
    ("A1", "S2", "--", COLORS["uncommon"]),
    ("A2", "S1", "--", COLORS["uncommon"]),
)


def draw_task(ax: Axes, task: TwoStep) -> None:
    """Fig. 5a: first-stage actions, second-stage states, reward."""
    centered: dict[str, Any] = {"ha": "center", "va": "center"}
    small: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 5.5}
    for name, (x, y) in NODES.items():
        shape = "circle,pad=.35" if name[0] == "S" else "square,pad=.4"
        box = {"boxstyle": shape, "fc": "white", "ec": "black", "lw": 0.8}
        ax.text(x, y, f"${name[0]}_{name[1]}$", bbox=box, fontsize=7, **centered)
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 6, "lw": 1}
    arrow |= {"shrinkA": 9, "shrinkB": 10}
    for action, state, style, color in ARROWS:
        ends = NODES[action], NODES[state]
        ax.add_patch(FancyArrowPatch(*ends, ls=style, color=color, **arrow))
    for state, payoff in (("S1", "p"), ("S2", "1 − p")):
        x, y = NODES[state]
        ax.add_patch(FancyArrowPatch((x, y), (x, 0.1), color="black", **arrow))
        ax.text(x, 0.06, f"reward\nwith {payoff}", **small)
    common, uncommon = probability(task.common), probability(1 - task.common)
    ax.text(0.85, 0.66, common, color=COLORS["common"], ha="left", va="center")
    ax.text(0.45, 0.76, uncommon, color=COLORS["uncommon"], ha="center", va="bottom")
    payoffs = f"p = {probability(task.rich)} or {probability(1 - task.rich)}"
    ax.text(0.45, -0.17, f"{payoffs},\nswap: {probability(task.reversal)} per trial", **small)
    ax.text(-0.14, 0.85, "stage 1", rotation=90, **centered)
    ax.text(-0.14, 0.45, "stage 2", rotation=90, **centered)
    ax.set(xlim=(-0.2, 1.05), ylim=(-0.12, 1))
    ax.axis("off")


def probability(value: float) -> str:
    """Write a probability as in the paper, such as ".8"."""
    return f"{value:.3g}".replace("0.", ".", 1) if value < 1 else f"{value:g}"


def rats(panel: pd.DataFrame) -> int:
    """Read the number of rats of a published panel from the names of its series."""
    return int(panel["series"].str.extract(r"rats n=(\d+)", expand=False).iloc[0])


def draw_stays(animals: Axes, networks: Axes, stays: pd.DataFrame) -> None:
    """Fig. 5c: stay probabilities of rats and networks."""
    animal = published("fig5c-left")
    for (transition, outcome), x in stay_bars(animals, f"rats (n = {rats(animal)})").items():
        row = animal[animal["x"] == f"{outcome}/{transition}"].iloc[0]
        style: dict[str, Any] = {"color": COLORS[transition], "error_kw": {"lw": 0.8}}
        animals.bar(x, row["y"], 0.8, yerr=row["err"], **style)
    animals.set_ylabel("stay probability")
    model = published("fig5c-right").query("series == 'meta-RL mean (bar)'").set_index("x")["y"]
    positions = stay_bars(networks, f"networks (n = {stays['subject'].nunique()})")
    for (transition, outcome), x in positions.items():
        rows = stays.query("transition == @transition and outcome == @outcome")
        plotting.bar(networks, x, rows["stay_probability"], COLORS[transition], 0.8)
        plotting.published_marker(networks, [x + 0.36], [model[f"{outcome}/{transition}"]])


def lag_axes(ax: Axes, title: str) -> None:
    """Set up axes of regression weights over lags."""
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set(xlabel="trials ago", xticks=range(1, 6), title=title)


def draw_rat_weights(ax: Axes) -> None:
    """Fig. 5d: lagged regression of the rats' choices, mean ± s.e.m."""
    lag_axes(ax, "rats (Miller et al. 2017)")
    animal = published("fig5d")
    for transition, outcome in TRIAL_TYPES:
        rows = animal[animal["series"].str.contains(f" {transition}/{outcome} ", regex=False)]
        style: dict[str, Any] = {"color": COLORS[outcome], "elinewidth": 0.8}
        dashes = "-" if transition == "common" else ":"
        ax.errorbar(rows["x"], rows["y"], rows["err"], ls=dashes, **style)
    ax.set_ylabel("weight on choice (log odds)")
    plotting.count(ax, rats(animal), "rats", y=1.0)


def draw_weights(ax: Axes, weights: pd.DataFrame) -> None:
    """Fig. 5e: lagged regression of the networks' choices; at every lag the trial types are side by
    side, each with its published mean."""
    lag_axes(ax, "networks")
    model = published("fig5e")
    for k, (transition, outcome) in enumerate(TRIAL_TYPES):
        name, shift, color = f"{transition}/{outcome}", 0.17 * (k - 1.5), COLORS[outcome]
        rows = weights[(weights["signal"] == name) & (weights["lag"] > 0)]
        style: dict[str, Any] = {"ls": "-" if transition == "common" else ":"}
        rows, label = rows.assign(lag=rows["lag"] + shift), f"{transition}, {outcome}"
        plotting.curve(ax, rows, "lag", "weight", color, each=(0.05, 2), label=label, **style)
        paper = model[model["series"] == f"meta-RL mean {name}"]
        plotting.published_marker(ax, paper["x"] + shift, paper["y"], color=color, size=8)
    plotting.published_marker(ax, [], [], "published networks")
    ax.set_ylim(top=2.2 * ax.get_ylim()[1])
    ax.set_ylabel("weight on choice (log odds)")
    ax.legend(loc="upper right")
    plotting.count(ax, weights["subject"].nunique())


def draw_rpes(ax: Axes, points: pd.DataFrame, column: str, r2: pd.Series, label: str) -> None:
    """Fig. 5f, g: reward prediction errors of a network against those of a reference learner."""
    style: dict[str, Any] = {"s": 1, "lw": 0, "alpha": 0.5, "rasterized": True}
    for event, color in EVENT_COLORS.items():
        rows = points[points["event"] == event]
        ax.scatter(rows[column], rows["network"], color=color, label=event, **style)
    ax.plot([-1, 1], [-1, 1], color=COLORS["published"], lw=0.6, zorder=0)
    mean, low, high = interval(r2)
    ax.set(xlabel=label, ylabel="network RPE", xlim=(-1.1, 1.1), ylim=(-1.2, 1.2))
    form = ".2f" if mean > 0.01 else ".1e"
    text = f"$r^2$ = {mean:{form}} [{low:{form}}, {high:{form}}]\nover {len(r2)} networks"
    ax.set_title(text, fontsize=5.5)


def draw_figure(results: Results, rpes: pd.DataFrame) -> Drawing:
    """Fig. 5."""
    stays, weights = (
        frame[frame["variant"] == MAIN]
        for frame in (results["stay_probability"], results["lag_weights"])
    )
    points, pooled = results["rpe_examples"], rpes.query("event == 'both'")
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 118)
    grid: Any = figure.add_gridspec(
        2, 1, hspace=0.5, left=0.075, right=0.985, top=0.93, bottom=0.12
    )
    a, b1, b2, c1, c2 = grid[0].subgridspec(1, 5, wspace=0.5).subplots()
    d, e, f, g = grid[1].subgridspec(1, 4, wspace=0.36).subplots()
    draw_task(a, results.settings[MAIN].task)
    models = results["stay_probability_models"]
    draw_bars([b1, b2], models, ["model-free", "model-based"])
    name_transitions(b1, 0.1)
    draw_stays(c1, c2, stays)
    draw_rat_weights(d)
    draw_weights(e, weights)
    draw_rpes(f, points, "model_based", pooled["r2_model_based"], "model-based RPE")
    residual_label = "model-free RPE,\nmodel-based regressed out"
    draw_rpes(g, points, "model_free_residual", pooled["r2_model_free_residual"], residual_label)
    f.legend(loc="lower right", markerscale=5, handletextpad=0)
    panels = {"a": a, "b": [b1, b2], "c": [c1, c2], "d": d, "e": e, "f": f, "g": g}
    return plotting.lettered("fig5", figure, panels)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure, its supplements and, if there are any, animals next to the networks."""
    rpes = results["rpe_regressions"].query("variant == @MAIN")
    yield draw_figure(results, rpes)
    rate = rpes["sarsa_rate"].iloc[0]
    yield supplement.draw_by_rate(results["rpe_regressions_by_rate"], rate)
    yield supplement.draw_cue(results)
    if "training" in results:
        yield supplement.draw_training(results["training"])
    folder = results.data / results.experiment / "animals"
    yield from animals_figure.draw_folder(TWO_STEP, folder, results)
