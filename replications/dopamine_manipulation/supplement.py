"""Draw dose-response, effects over an episode, the critic's errors, and variants."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from replications.dopamine_manipulation.claims import PUBLISHED
from replications.dopamine_manipulation.settings import (
    ALL,
    MAIN,
    MANIPULATIONS,
    PULLS,
    UNINFORMATIVE,
    Manipulation,
    RiskyChoice,
)

PLACES = {"high": 0.0, "low": 1.0}
"""Position of each probability, the higher one at the left as in the paper."""

TITLES = {
    "block risky win": "block DA at\nrisky win",
    "block safe reward": "block DA at\nsafe reward",
    "stimulate risky loss": "stimulate DA at\nrisky loss",
}

LEVEL_COLORS = {"high": COLORS["right"], "low": COLORS["volatile"]}
PULL_STYLES = {"all": "-", "free": "--"}

KIND_COLORS = ("experimental", "volatility", "learning rate", "volatile", "animal", "new cue")
"""Colours of the kinds of forced pull, each with all or only free pulls manipulated."""

FORCED = {
    MAIN: ("informative forced pulls", -0.2, COLORS["control"]),
    UNINFORMATIVE: ("uninformative", 0.2, COLORS["animal"]),
}
"""Variant -> label, offset and colour in control."""


def probabilities(task: RiskyChoice) -> dict[str, str]:
    """Write the high and the low probability of the risky arm."""
    return {"high": f"{task.p_high:g}", "low": f"{task.p_low:g}"}


def at_test(frame: pd.DataFrame, manipulation: Manipulation) -> pd.DataFrame:
    """Rows about a manipulation, at the probability at which it is tested."""
    level = frame["level"] == manipulation.level
    return frame[(frame["manipulation"] == manipulation.name) & level]


def choice_axes(ax: Axes, labels: dict[str, str]) -> None:
    """Set up axes of risky choice against the risky arm's probability, labelled by level."""
    ax.set(xlim=(-0.5, 1.5), ylim=(0, 104), yticks=range(0, 101, 20), xticks=list(PLACES.values()))
    ax.set_xticklabels([labels[level] for level in PLACES])


def draw_doses(
    ax: Axes, doses: pd.DataFrame, manipulation: Manipulation, task: RiskyChoice
) -> None:
    """Risky choice against the size of the manipulation."""
    doses = doses[doses["event"] == manipulation.event]
    ax.axvline(manipulation.size, color=COLORS["published"], lw=0.8, ls=":")
    ax.axvline(0, color="black", lw=0.5)
    for level, color in LEVEL_COLORS.items():
        rows, label = doses[doses["level"] == level], f"p = {probabilities(task)[level]}"
        plotting.curve(ax, rows, "size", "percent", color, each=(0.22, 2), label=label)
    ax.set(ylim=(0, 104), xlim=(-6.5, 3.5), xticks=range(-6, 4, 2))
    ax.set_xlabel(f"added at {manipulation.event}\n(units of reward)")
    ax.set_title(TITLES[manipulation.name])


def draw_course(
    ax: Axes, course: pd.DataFrame, manipulation: Manipulation, task: RiskyChoice
) -> None:
    """Effect over the free pulls of an episode, at the probability at which it is tested."""
    tested = at_test(course, manipulation)
    ax.axhline(0, color="black", lw=0.5)
    for pulls, color in zip(PULLS, (COLORS["experimental"], COLORS["volatility"]), strict=True):
        effects = tested[tested["pulls"] == pulls]
        columns = "free_pull", "difference"
        plotting.lines(ax, effects, *columns, color=color, lw=0.3, alpha=0.5)
        label = "forced and free pulls" if pulls == ALL else "free pulls alone"
        line: dict[str, Any] = {"lw": 1.3, "ls": PULL_STYLES[pulls], "label": label}
        plotting.curve(ax, effects, *columns, color, **line)
    ticks = [1, *range(5, task.free_trials + 1, 5)]
    ax.set(xlabel="free pull in episode", xlim=(0.5, task.free_trials + 0.5), xticks=ticks)
    ax.set_ylim(-100, 100)
    ax.set_title(f"{TITLES[manipulation.name]}, p = {probabilities(task)[manipulation.level]}")


def draw_errors(ax: Axes, errors: pd.DataFrame, task: RiskyChoice) -> None:
    """Draw the critic's errors in free pulls, and their values under the manipulation."""
    free = errors[errors["pull"] == "free"]
    ax.axhline(0, color="black", lw=0.5)
    for place, manipulation in enumerate(MANIPULATIONS):
        after = free[free["event"] == manipulation.event]
        for shift, (level, color) in zip((-0.2, 0.2), LEVEL_COLORS.items(), strict=True):
            x, values = place + shift, after.loc[after["level"] == level, "rpe"].to_numpy()
            plotting.dots(ax, x, values, color, width=0.09, size=3)
            if len(values):
                start, end = values.mean(), values.mean() + manipulation.size
                arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "lw": 0.8}
                arrow |= {"mutation_scale": 6, "shrinkA": 3, "shrinkB": 0}
                ax.add_patch(FancyArrowPatch((x, start), (x, end), **arrow))
    for level, color in LEVEL_COLORS.items():
        ax.plot([], [], "o", color=color, ms=2, label=f"p = {probabilities(task)[level]}")
    ax.legend(loc="upper right", handletextpad=0.2)
    labels = [manipulation.event.replace(" ", "\n") for manipulation in MANIPULATIONS]
    ax.set_xticks(range(len(labels)), labels)
    limit = task.risky_reward + 0.5
    ax.set(xlim=(-0.5, 2.5), ylim=(-limit, limit), ylabel="reward prediction error\nof the critic")
    ax.set_title("free pulls: natural (dots)\nand manipulated (arrows)")


def draw_variants(ax: Axes, effects: pd.DataFrame, task: RiskyChoice) -> None:
    """Draw effects at the tested probability, by kind of forced pull and pulls manipulated."""
    kinds = effects[["variant", "pulls"]].drop_duplicates()
    main_first = kinds.sort_values(
        ["variant", "pulls"], key=lambda column: column.astype(str) != MAIN, kind="stable"
    )
    ax.axhline(0, color="black", lw=0.5)
    width = 0.76 / len(kinds)
    for index, (kind, name) in enumerate(zip(main_first.itertuples(), cycle(KIND_COLORS))):
        color, of_variant = COLORS[name], effects[effects["variant"] == kind.variant]
        of_kind = of_variant[of_variant["pulls"] == kind.pulls]
        for place, manipulation in enumerate(MANIPULATIONS):
            values = at_test(of_kind, manipulation)["difference"]
            x = place + (index - (len(kinds) - 1) / 2) * width
            plotting.dots(ax, x, values, color, width=0.35 * width, size=3)
            ax.plot([x - 0.4 * width, x + 0.4 * width], [values.mean()] * 2, color=color, lw=1.2)
        ax.plot([], [], color=color, lw=1.2, label=f"{kind.variant}, {kind.pulls} pulls")
    published = PUBLISHED.set_index(["series", "level"])
    shift = published["experimental"] - published["control"]
    for place, each in enumerate(MANIPULATIONS):
        plotting.published_marker(ax, [place + 0.47], [shift[each.series, each.level]])
    labels = zip(("block win", "block safe", "stimulate\nloss"), MANIPULATIONS, strict=True)
    texts = [f"{label}\np = {probabilities(task)[each.level]}" for label, each in labels]
    ax.set_xticks(range(len(texts)), texts)
    ax.set(xlim=(-0.5, 2.65), ylim=(-100, 100), ylabel="risky choice,\nminus control (points)")
    ax.legend(loc="lower right", fontsize=5, handlelength=1.2, labelspacing=0.25, borderaxespad=0.2)


def draw_control(ax: Axes, effects: pd.DataFrame, ideal: pd.DataFrame, task: RiskyChoice) -> None:
    """Draw risky choice in control next to ideal observers' and the published networks', by what
    forced pulls tell."""
    first = (effects["manipulation"] == MANIPULATIONS[0].name) & (effects["pulls"] == ALL)
    control = effects[first].set_index(["variant", "level"])["control"]
    published = PUBLISHED.groupby("level")["control"].mean()
    best = ideal.set_index(["variant", "level"])["percent"]
    for variant, (label, shift, color) in FORCED.items():
        if variant not in control.index:
            continue
        for level, x in PLACES.items():
            plotting.dots(ax, x + shift, control[variant, level], color, width=0.1, size=4)
            ends = [x + shift - 0.17, x + shift + 0.17]
            ax.plot(ends, [best[variant, level]] * 2, color="black", lw=1, ls="--")
        ax.plot([], [], "o", color=color, ms=2, label=label)
    for level, x in PLACES.items():
        plotting.published_marker(ax, [x + 0.45], [published[level]])
    choice_axes(ax, probabilities(task))
    ax.plot([], [], color="black", lw=1, ls="--", label="ideal observer")
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.47), handletextpad=0.4)
    ax.set(ylabel="risky choice in control (%)", xlabel="probability of risky reward")


def draw(results: Results, task: RiskyChoice) -> Drawing:
    """Draw dose-response, effects over an episode, errors, alternative protocols and the ideal
    observer."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 170)
    axes = figure.subplots(3, 3)
    for column, manipulation in enumerate(MANIPULATIONS):
        draw_doses(axes[0, column], results["dose_response"], manipulation, task)
        draw_course(axes[1, column], results["effect_by_pull"], manipulation, task)
    axes[0, 0].set_ylabel("risky choice (%)")
    axes[0, 0].legend(loc="upper left", frameon=True, framealpha=1, edgecolor="none")
    axes[1, 0].set_ylabel("risky choice,\nminus control (points)")
    axes[1, 0].legend(loc="upper right", handlelength=2.5)
    draw_errors(axes[2, 0], results["natural_errors"], task)
    draw_variants(axes[2, 1], results["manipulation_effects"], task)
    draw_control(axes[2, 2], results["manipulation_effects"], results["ideal_observer"], task)
    panels = dict(zip("abcde", (axes[0, 0], axes[1, 0], *axes[2]), strict=True))
    drawing = plotting.lettered("fig7_supplement", figure, panels, split=False)
    figure.tight_layout(h_pad=2, w_pad=1.5)
    return drawing
