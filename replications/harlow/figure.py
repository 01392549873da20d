"""Draw Fig. 6 of Wang et al. 2018 from our results, and what the paper does not show."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import summarize
from prefrontal.tables.schema import SUBJECT
from prefrontal.tables.storage import published
from replications.harlow.analysis import LAST, later_trials
from replications.harlow.claims import FINAL
from replications.harlow.settings import CONTROL, MAIN, STILL_FIRST, SYMBOLS, TESTS, VARIED

VIEWS = ("fixation", "choice", "turned")
COLUMNS = 4
"""Panels per row in the figure of further variants."""

LOWEST = 24
"""Lower end of Fig. 6b-d, percent; the paper's 40 leaves no room for the legend."""

LABELS = {
    MAIN: "networks that see pixels",
    CONTROL: "pixels, new wrong image",
    STILL_FIRST: "pixels, view still first",
    SYMBOLS: "networks that see symbols",
}
"""Variants in titles and legends."""

VARIANT_COLORS = {
    MAIN: COLORS["network"],
    CONTROL: COLORS["animal"],
    STILL_FIRST: COLORS["stable"],
    SYMBOLS: COLORS["volatile"],
}

FURTHER_LABELS = {
    "half_as_long_pixels": "half as long",
    "half_as_long_pixels_new_wrong_image": "control, half as long",
    "view_84": "view of 84 x 84 pixels",
    "unroll_100": "unroll of 100 actions (paper's)",
    "learning_rate_of_the_paper": "learning rate 7.5e-4 (paper's)",
    "entropy_cost_of_the_paper": "entropy cost .001 (paper's)",
    "episodes_per_update_32": "32 episodes per update",
    "one_rate_for_encoder_and_rest": "one learning rate for\nencoder and rest",
    "constant_learning_rate": "constant learning rate",
    "encoder_not_normalised": "encoder not normalised",
    "new_wrong_image": "new wrong image on every trial",
    "twice_as_long_new_wrong_image": "new wrong image on every trial,\ntwice as long",
    "symbols_new_wrong_image": "symbols: new wrong image\non every trial",
    "symbols_constant_learning_rate_and_entropy_cost_to_0": "symbols: constant learning rate,\n"
    "entropy cost to 0",
}
"""Titles of further variants."""

TOGETHER = ((MAIN, CONTROL, STILL_FIRST), (SYMBOLS,))
"""Variants whose learning curves share a panel; change points are those of the first."""

MARKERS = "osv^DPX"

LEGEND: dict[str, Any] = {"loc": "lower right", "frameon": False, "handlelength": 1}


def stage_styles(count: int) -> list[dict[str, Any]]:
    """Colours from light to dark with a marker each, to tell stages apart without colour too."""
    colors, markers = sns.color_palette("viridis_r", count), itertools.cycle(MARKERS)
    return [{"color": c, "marker": m} for c, m in zip(colors, markers, strict=False)]


def variants_of(frame: pd.DataFrame) -> list[str]:
    """Variants that a table has, in our order."""
    present = set(frame["variant"])
    return [variant for variant in LABELS if variant in present]


def of_variant(frame: pd.DataFrame, variant: str) -> pd.DataFrame:
    """Rows of a variant."""
    return frame[frame["variant"] == variant]


def chance_line(ax: Axes) -> None:
    """Draw a dashed line at chance."""
    ax.axhline(50, ls="--", lw=0.6, color="black")


def performance_axes(ax: Axes, low: float, title: str) -> None:
    """Prepare axes as in Fig. 6b and c."""
    chance_line(ax)
    ax.set(xlim=(0.7, 6.3), ylim=(low, 102), xticks=range(1, 7))
    ax.set(xlabel="trial", ylabel="correct choices (%)")
    ax.set_title(title, fontsize=7)


def draw_views(axes: list[Axes], results: Results) -> None:
    """Fig. 6a: the view during fixation, with the images, and turned to one side."""
    for ax, name in zip(axes, VIEWS, strict=True):
        ax.imshow(plt.imread(results.folder / f"view_{name}.png"))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.set_xlabel(name if name != "turned" else "turned to the right", fontsize=6)


def draw_monkeys(ax: Axes) -> None:
    """Fig. 6b: Harlow's monkeys, by stage of training."""
    frame = published("fig6b")

    def order(name: str) -> tuple[int, int]:
        return int(name.split("problems ")[1].split("-")[0]), -len(name)

    names = [name for name in sorted(frame["series"].unique(), key=order) if "1-100" not in name]
    for name, style in zip(names, stage_styles(len(names)), strict=True):
        series = frame[frame["series"] == name]
        label = name.removeprefix("monkeys, ").removesuffix(" (Harlow 1949)")
        ax.plot(series["x"], series["y"], ms=3, lw=1, label=label, **style)
    performance_axes(ax, LOWEST, "monkeys (Harlow 1949)")
    ax.legend(fontsize=5, ncols=2, **LEGEND)


def draw_stages(ax: Axes, variant: str, results: Results) -> None:
    """Fig. 6c: accuracy by trial at six stages of training and at the end, over all networks."""
    staged = of_variant(results["accuracy_by_stage"], variant)
    networks = of_variant(results["networks"], variant)
    reached = networks["at_ceiling"].eq(True).sum()
    count = f"n = {len(networks)} networks, {reached} at ceiling"
    performance_axes(ax, LOWEST, f"{LABELS[variant]}\n{count}")
    stages = list(dict.fromkeys(staged["stage"]))
    for stage, style in zip(stages, stage_styles(len(stages)), strict=True):
        means = summarize(staged[staged["stage"] == stage], ["trial"], "accuracy")
        means = means.replace([np.inf, -np.inf], np.nan)
        low, mean, high = (100 * means[name] for name in ("ci_low", "mean", "ci_high"))
        error = np.nan_to_num([mean - low, high - mean])
        label = LAST if stage == LAST else f"stage {stage}"
        size: dict[str, Any] = {"ms": 3, "lw": 1, "elinewidth": 0.6}
        ax.errorbar(means["trial"], mean, error, label=label, **size, **style)
    plotting.published_marker(ax, FINAL.index, FINAL, "published, final")
    ax.legend(fontsize=5, ncols=2, **LEGEND)


def draw_curves(ax: Axes, curves: pd.DataFrame, color: str, label: str | None = None) -> None:
    """Accuracy on trials 2 to 6 over training, every network a line."""
    for _, curve in curves.groupby("seed"):
        percent = 100 * later_trials(curve)
        ax.plot(curve["episode"] / 1000, percent, lw=0.7, color=color, label=label)
        label = None
    ax.set(ylim=(35, 102))


def draw_learning(ax: Axes, variants: tuple[str, ...], results: Results) -> None:
    """Accuracy over training of all networks of some variants; dots, change points of the first."""
    curves, networks = results["learning"], results["networks"]
    chance_line(ax)
    for variant in variants_of(networks):
        if variant in variants:
            label = f"{LABELS[variant]}, n = {len(of_variant(networks, variant))}"
            draw_curves(ax, of_variant(curves, variant), VARIANT_COLORS[variant], label)
    percent = 100 * later_trials(curves.groupby([*SUBJECT, "episode"]).last())
    at_ceiling = of_variant(networks, variants[0]).dropna(subset="episodes_to_above_chance")
    start = at_ceiling["episodes_to_above_chance"]
    for episode in (start, start + at_ceiling["episodes_from_there_to_ceiling"]):
        keys = [at_ceiling["variant"], at_ceiling["seed"], episode]
        points = percent.reindex(pd.MultiIndex.from_arrays(keys))
        ax.plot(episode / 1000, points, "o", ms=2.5, color="black", zorder=3)
    ax.set(ylim=(22, 102), xlabel="training episodes (thousands)", ylabel="correct, trials 2-6 (%)")
    ax.legend(fontsize=5, **LEGEND)


def draw_second_trial(ax: Axes, results: Results) -> None:
    """Accuracy on trial 2 after a correct and after a wrong first choice; every network a dot."""
    draw_bars(ax, results["second_trial"], "first", ("right", "wrong"))
    ax.set(ylabel="correct on trial 2 (%)", xlabel="choice on trial 1")


def draw_tests(ax: Axes, results: Results) -> None:
    """Accuracy on trials 2 to 6 in the final tests; every network a dot."""
    tests = results["final_tests"]
    later = tests[tests["trial"] > 0].groupby([*SUBJECT, "test"])["accuracy"].mean().reset_index()
    draw_bars(ax, later, "test", tuple(TESTS))
    ax.set(ylabel="correct, trials 2-6 (%)")


def draw_bars(ax: Axes, frame: pd.DataFrame, by: str, values: tuple[str, ...]) -> None:
    """Accuracy for each value of a column, a bar per variant over all its networks.

    There are no intervals: a t interval over networks at chance and at ceiling leaves the scale.
    """
    variants = variants_of(frame)
    middle = 0.4 * (len(variants) - 1)
    for k, value in enumerate(values):
        for j, variant in enumerate(variants):
            rows = of_variant(frame[frame[by] == value], variant)
            x = k * (2 * middle + 1.4) + 0.8 * j
            if len(rows):
                percent = 100 * rows["accuracy"]
                ax.bar(x, percent.mean(), 0.7, color=VARIANT_COLORS[variant])
                plotting.dots(ax, x, percent, width=0.2)
    chance_line(ax)
    ticks = [k * (2 * middle + 1.4) + middle for k in range(len(values))]
    ax.set(ylim=(0, 105), yticks=range(0, 101, 20), xticks=ticks)
    ax.set_xticklabels([value.replace(" ", "\n", 1) for value in values])


def draw_decoding(ax: Axes, results: Results) -> None:
    """Accuracy of decoding from the units, by trial; every network a line."""
    frame = results["decoding"]
    decoded = {
        "side": ("rewarded side, images seen", "-"),
        "brighter": ("rewarded is brighter, before", ":"),
    }
    for variant in variants_of(frame):
        color = VARIANT_COLORS[variant]
        for what, (words, style) in decoded.items():
            label: str | None = f"{words} ({variant})"
            for _, network in of_variant(frame[frame["what"] == what], variant).groupby("seed"):
                percent = 100 * network["accuracy"]
                ax.plot(network["trial"], percent, style, lw=0.9, color=color, label=label)
                label = None
    performance_axes(ax, 0, "decoded from the LSTM")
    ax.set(ylabel="decoded (%)")
    ax.legend(fontsize=4.8, **LEGEND | {"handlelength": 1.4})


def compose(results: Results) -> Drawing:
    """Compose Fig. 6; networks that see symbols are left out where there are none."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    margins = {"left": 0.08, "right": 0.98, "bottom": 0.1, "top": 0.94}
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.9), hspace=0.4, wspace=0.35, **margins)
    views = [figure.add_subplot(grid[0, k]) for k in range(3)]
    draw_views(views, results)
    panels = {"a": views, "b": [figure.add_subplot(grid[1, 0])]}
    draw_monkeys(panels["b"][0])
    present = variants_of(results["networks"])
    for k, (letter, variant) in enumerate({"c": MAIN, "d": SYMBOLS}.items(), 1):
        if variant in present:
            panels[letter] = [figure.add_subplot(grid[1, k])]
            draw_stages(panels[letter][0], variant, results)
    for letter, axes in panels.items():
        x, y = (-20, 0) if letter == "a" else (-9, 3)
        plotting.panel_label(axes[0], letter, x_mm=x, y_mm=y)
    return Drawing("fig6", figure, panels)


def compose_supplement(results: Results) -> Figure:
    """Compose the supplement, which the paper does not have."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 110)
    margins = {"left": 0.08, "right": 0.98, "bottom": 0.11, "top": 0.93}
    grid = figure.add_gridspec(2, 6, hspace=0.55, wspace=2.2, **margins)
    present = set(variants_of(results["networks"]))
    axes = {}
    for letter, place, variants in zip("ab", (grid[0, :3], grid[0, 3:]), TOGETHER, strict=True):
        if present & set(variants):
            axes[letter] = figure.add_subplot(place)
            draw_learning(axes[letter], variants, results)
    below = {"c": draw_second_trial, "d": draw_tests, "e": draw_decoding}
    for k, (letter, draw_panel) in enumerate(below.items()):
        axes[letter] = figure.add_subplot(grid[1, 2 * k : 2 * k + 2])
        draw_panel(axes[letter], results)
    for letter, ax in axes.items():
        plotting.panel_label(ax, letter)
    return figure


def compose_further_variants(results: Results) -> Figure:
    """Compose learning curves of further variants, in front of those that they are changed from."""
    originals, curves = results["learning"], results["variations_learning"]
    origins = {name: variant for variant, varied in VARIED.items() for name in varied}
    names = list(curves["variant"].unique())
    rows = -(-len(names) // COLUMNS)
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 20 + 36 * rows)
    spacing = {"hspace": 0.75, "wspace": 0.2}
    grid = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False, gridspec_kw=spacing)
    axes = list(grid.flat)
    bottom, top = 0.06 + 0.09 / rows, 0.98 - 0.14 / rows
    figure.subplots_adjust(left=0.08, right=0.98, bottom=bottom, top=top)
    for letter, ax, name in zip("abcdefghijklmnop", axes, names, strict=False):
        chance_line(ax)
        draw_curves(ax, of_variant(originals, origins[name]), "#cccccc")
        draw_curves(ax, of_variant(curves, name), COLORS["independent"])
        ax.set_ylim(0, 102)
        ax.set_title(FURTHER_LABELS.get(name, name), fontsize=6)
        plotting.count(ax, of_variant(curves, name)["seed"].nunique(), "")
        plotting.panel_label(ax, letter, x_mm=-4)
        ax.set_xlabel("training episodes (thousands)", fontsize=6)
    for ax in axes[::COLUMNS]:
        ax.set_ylabel("correct, trials 2-6 (%)")
    for ax in axes[len(names) :]:
        ax.remove()
    return figure


def draw(results: Results) -> Iterator[Drawing]:
    """Draw Fig. 6, its supplement, and the further variants."""
    yield compose(results)
    yield Drawing("fig6_supplement", compose_supplement(results), {})
    if "variations_learning" in results:
        yield Drawing("fig6_variations", compose_further_variants(results), {})
