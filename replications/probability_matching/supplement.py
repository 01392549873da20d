"""Draw supplements to Fig. 2: definitions of value, training settings, choice in detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from replications.probability_matching.claims import PUBLISHED
from replications.probability_matching.settings import (
    AGENTS,
    ALL_COVARIATES,
    COVARIATES,
    KINDS,
    LONGEST_WAIT,
    MAIN,
    POORER_RANGES,
    RPE,
    STATED_RATE,
    VALUES,
    VARIANTS,
)

SYMBOLS = ("$a_{t-1}$", "$r_{t-1}$", "$a_{t-1}$\n$\\times r_{t-1}$", "$v_t$", "$a_t$")
LABELS = dict(zip(ALL_COVARIATES, SYMBOLS, strict=True))
KIND_COLORS = dict(zip(KINDS, ("#9bb7dd", "#dcdcdc"), strict=True))

AGENT_LINES = ((COLORS["animal"], ":"), (COLORS["published"], "-."), ("black", "--"))
AGENT_STYLES = dict(zip(AGENTS, AGENT_LINES, strict=True))
"""Colour and dashes of the agents next to the networks."""
RANGE_COLORS = mpl.colormaps["viridis"]

LEAST_TRIALS = 100
"""Smallest number of trials per subject for a probability to be drawn."""


def draw_interval(ax: Axes, x: float, values: pd.Series, color: str) -> None:
    """Draw a mean with its 95 % interval over networks, and every network as a dot."""
    plotting.dots(ax, x, values, color, width=0.18)
    plotting.mean_interval(ax, x, values, half=0.26, widths=(1, 0.7))


def draw_kinds(
    ax: Axes, strengths: pd.DataFrame, column: str, labels: dict[str, str], title: str
) -> None:
    """Draw rank and plain correlations of units side by side, for every value of a column."""
    for x, name in enumerate(labels):
        for offset, kind in zip((-0.2, 0.2), KINDS, strict=True):
            rows = strengths[(strengths[column] == name) & (strengths["kind"] == kind)]
            plotting.bar(ax, x + offset, rows["mean_abs_r"], KIND_COLORS[kind], 0.36)
    ax.set_xticks(range(len(labels)), list(labels.values()))
    ax.set_title(title)


def draw_value_readings(ax: Axes, readings: pd.DataFrame) -> None:
    """Supplement a: coding of value under each reading of it, for both kinds of correlation."""
    readings = readings[(readings["variant"] == MAIN) & (readings["covariate"] == "value")]
    labels = {value: value.replace(" ", "\n") for value in VALUES}
    draw_kinds(ax, readings, "value", labels, "definitions of value")
    paper, color = PUBLISHED["Spearman, value"], COLORS["published"]
    ax.axhline(paper, color=color, lw=0.8, ls="--", label="published")
    for kind, color in KIND_COLORS.items():
        ax.bar([0], [0], color=color, label=kind)
    ax.legend(loc="upper right")
    ax.set_ylabel("mean |partial correlation|\nof units with $v_t$")
    ax.set_ylim(0, ax.get_ylim()[1] * 1.15)
    plotting.count(ax, readings["subject"].nunique(), x=0.02, y=1.0)


def draw_covariates(ax: Axes, strengths: pd.DataFrame) -> None:
    """Supplement b: rank and plain correlations of all covariates."""
    strengths = strengths[strengths["variant"] == MAIN]
    draw_kinds(ax, strengths, "covariate", LABELS, "kind of correlation")
    for x, name in enumerate(LABELS):
        if name in COVARIATES:
            plotting.published_marker(ax, [x + 0.45], [PUBLISHED[f"Spearman, {name}"]])
    plotting.count(ax, strengths["subject"].nunique(), y=1.0)
    ax.set_ylabel("mean |partial correlation|\nof units")


def variant_labels(results: Results) -> dict[str, str]:
    """Variants of the supplement that were measured, with their names in the figure."""
    measured, labels = set(results["reward"]["variant"]), {}
    for variant in VARIANTS:
        if variant in measured and variant != RPE:
            steps = f"{results.settings[variant].task.steps_per_trial} steps"
            labels[variant] = f"{steps},\nstated rate" if variant == STATED_RATE else steps
    return labels


def draw_variants(axes: list[Axes], results: Results) -> None:
    """Supplement c-f: slope, reward and choice weight, and normalised reward, by variant."""
    slopes, reward, labels = results["matching_slopes"], results["reward"], variant_labels(results)
    last = results["lag_weights"].query("lag == 1")
    rewards, choices = (last[last["signal"] == signal] for signal in ("reward", "choice"))
    overall = slopes[slopes["baselines"] == "all"]
    measures = (
        (overall, "slope", "slope", PUBLISHED["slope, all baselines"]),
        (rewards, "weight", "reward weight, lag 1\n(log odds)", PUBLISHED["reward lag 1"]),
        (choices, "weight", "choice weight, lag 1\n(log odds)", PUBLISHED["choice lag 1"]),
        (reward, "normalised_reward", "normalised reward", None),
    )
    for ax, (frame, column, label, reference) in zip(axes, measures, strict=True):
        for x, variant in enumerate(labels):
            draw_interval(ax, x, frame[frame["variant"] == variant][column], COLORS["network"])
        if reference is not None:
            ax.axhline(reference, color=COLORS["published"], lw=0.8, ls="--", label="published")
        plotting.count(ax, plotting.networks_each(frame), "each", y=1.0)
        ax.set(xlim=(-0.5, len(labels) - 0.5), ylabel=label)
        ax.set_xticks(range(len(labels)), list(labels.values()), fontsize=5.5)
    axes[2].legend(loc="center right")


def draw_supplement(results: Results) -> Drawing:
    """Draw definitions of value, kinds of correlation, and effects of training settings."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    halves: Any = figure.subfigures(2, 1)
    top, bottom = halves
    axes = [*top.subplots(1, 2), *bottom.subplots(1, 4)]
    draw_value_readings(axes[0], results["value_readings"])
    draw_covariates(axes[1], results["code_strengths"])
    draw_variants(axes[2:], results)
    top.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.87, wspace=0.3)
    bottom.subplots_adjust(left=0.09, right=0.98, bottom=0.2, top=0.92, wspace=0.6)
    panels = dict(zip("abcdef", axes, strict=True))
    return plotting.lettered("fig2_supplement", figure, panels, split=False)


def draw_beside(
    ax: Axes, table: pd.DataFrame, x: str, y: str, agents: Sequence[str] = AGENTS
) -> None:
    """Draw networks, their mean, and agents, over ranges of baselines or a measure."""
    networks = table[table["variant"] == MAIN]
    means = networks.groupby("poorer").mean(numeric_only=True).reset_index()
    ax.scatter(networks[x], networks[y], s=4, color=COLORS["network"], lw=0, alpha=0.6)
    ax.plot(means[x], means[y], color=COLORS["network"], label="networks")
    for name in agents:
        color, dashes = AGENT_STYLES[name]
        agent = table[table["variant"] == name]
        ax.plot(agent[x], agent[y], color=color, ls=dashes, marker="o", ms=2, label=name)


def draw_over(
    ax: Axes, table: pd.DataFrame, x: str, y: str, styles: dict[str, str], half: float
) -> None:
    """Draw curves by range of the poorer baseline, ``half`` to either side; styles, subject ->
    dashes, where solid curves have bands."""
    ranges = sorted(table["poorer"].unique())[::2]
    for k, poorer in enumerate(ranges):
        color, name = RANGE_COLORS(k / len(ranges)), f"{poorer - half:g}-{poorer + half:g}"
        for variant, dashes in styles.items():
            rows = table[(table["variant"] == variant) & (table["poorer"] == poorer)]
            if len(rows):
                solid = dashes == "-"
                line: dict[str, Any] = {"ls": dashes, "label": name if solid else None}
                plotting.curve(ax, rows, x, y, color, band=0.2 * solid, **line)


def well_known(waits: pd.DataFrame) -> pd.DataFrame:
    """Rows of waits that occurred often enough in every network, or in the agent."""
    subjects = ["variant", "poorer"]
    known = waits[waits["trials"] >= LEAST_TRIALS]
    everyone = waits.groupby(subjects)["subject"].nunique().rename("everyone")
    count = known.groupby([*subjects, "wait"])["subject"].transform("size")
    return known[count == known.join(everyone, on=subjects)["everyone"]]


def draw_choice(results: Results) -> Drawing:
    """Choice in more detail: networks, agents with published weights, and the best cycle."""
    figure, axes = plotting.mosaic("abc;def", 98)
    a, b, c, d, e, f = axes.values()
    shares, runs, waits = (results[f"choice_{name}"] for name in ("shares", "runs", "waits"))
    half = results.settings[MAIN].task.baseline_sum / 4 / POORER_RANGES
    a.plot([0.5, 1], [0.5, 1], color="black", lw=0.5)
    draw_beside(a, shares, "rewards", "choices")
    a.set(xlabel="share of rewards on the richer side", ylim=(None, 1.08))
    a.legend(loc="upper left", fontsize=5, borderaxespad=0, labelspacing=0.3)
    draw_beside(b, runs, "poorer", "richer")
    b.set(yscale="log", ylabel="run on the richer side\n(trials)", yticks=(1, 2, 5, 10, 20))
    b.yaxis.set_major_formatter(ScalarFormatter())
    draw_beside(c, runs, "poorer", "poorer_side", AGENTS[:1] + AGENTS[2:])
    c.set(ylabel="run on the poorer side\n(trials)", ylim=(0.9, None))
    draw_over(d, well_known(waits), "wait", "probability", {MAIN: "-", AGENTS[2]: "--"}, half)
    d.set(xlabel="trials since the poorer side was chosen", ylabel="P(poorer side)")
    d.set(ylim=(-0.02, 1.02), xticks=range(1, LONGEST_WAIT + 1, 2))
    d.legend(title="poorer baseline", loc="upper right", fontsize=5, title_fontsize=5)
    trials, styles = results["choice_trials"], {MAIN: "-", AGENTS[0]: ":"}
    draw_over(e, trials, "trial", "richer", styles, half)
    e.set(xlabel="trial of the episode", ylim=(0.45, 1.0))
    for ax in (a, e):
        ax.set_ylabel("share of choices\non the richer side")
    draw_beside(f, shares, "poorer", "reward_per_trial")
    f.set_ylabel("reward per trial")
    for ax in (b, c, f):
        ax.set_xlabel("baseline of the poorer side")
    plotting.count(f, plotting.networks_each(shares[shares["variant"] == MAIN]), x=0.02)
    drawing = plotting.lettered("fig2_choice", figure, axes, split=False)
    figure.tight_layout()
    return drawing
