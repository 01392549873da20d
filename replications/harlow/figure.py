"""Draw Fig. 6 of Wang et al. 2018 from our results, and what the paper does not show.

python -m replications.harlow.figure --help
"""

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

from prefrontal import experiments
from prefrontal.analysis.statistics import summarize
from prefrontal.experiments import Drawing, Results
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS
from prefrontal.tables.storage import published
from replications.harlow.analysis import LAST, later_trials
from replications.harlow.variants import CONTROL, FINAL, MAIN, STILL_FIRST, SYMBOLS, TESTS, VARIED

VIEWS = ("fixation", "choice", "turned")
COLUMNS = 4
"""Panels of the variations side by side."""

LOWEST = 24
"""Lower end of Fig. 6b-d, percent; the paper's 40 leaves no room for the legend."""

CONDITIONS = {
    MAIN: "networks that see pixels",
    CONTROL: "pixels, new wrong image",
    STILL_FIRST: "pixels, view still first",
    SYMBOLS: "networks that see symbols",
}
"""What networks see, and whether they were trained on the paper's control."""

SHADES = {
    MAIN: COLORS["network"],
    CONTROL: COLORS["animal"],
    STILL_FIRST: COLORS["stable"],
    SYMBOLS: COLORS["volatile"],
}

VARIATION_WORDS = {
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
    "symbols_constant_learning_rate_and_entropy_cost_to_0": "symbols: constant learning rate,\nentropy cost to 0",
}
"""Variations in words."""

TOGETHER = ((MAIN, CONTROL, STILL_FIRST), (SYMBOLS,))
"""Variants whose learning curves share a panel; change points are those of the first."""


MARKERS = "osv^DPX"


def stage_styles(count: int) -> list[dict[str, Any]]:
    """From light to dark, a marker each, so that stages are told apart without colour too."""
    colors = sns.color_palette("viridis_r", count)
    return [{"color": color, "marker": marker} for color, marker in zip(colors, itertools.cycle(MARKERS), strict=False)]


def performance_axes(ax: Axes, low: float, title: str) -> None:
    """Axes of Fig. 6b and c."""
    ax.axhline(50, ls="--", lw=0.6, color="black")
    ax.set(xlim=(0.7, 6.3), ylim=(low, 102), xticks=range(1, 7), xlabel="trial", ylabel="correct choices (%)")
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
    names = sorted(frame["series"].unique(), key=lambda name: (int(name.split("problems ")[1].split("-")[0]), -len(name)))
    names = [name for name in names if "1-100" not in name]
    for name, style in zip(names, stage_styles(len(names)), strict=True):
        own = frame[frame["series"] == name]
        label = name.removeprefix("monkeys, ").removesuffix(" (Harlow 1949)")
        ax.plot(own["x"], own["y"], ms=3, lw=1, label=label, **style)
    performance_axes(ax, LOWEST, "monkeys (Harlow 1949)")
    ax.legend(fontsize=5, loc="lower right", frameon=False, handlelength=1, ncols=2)


def draw_stages(ax: Axes, variant: str, results: Results) -> None:
    """Fig. 6c: accuracy by trial at six stages of training and at the end, over all networks."""
    staged, networks = (table[table["variant"] == variant] for table in (results["fig6c"], results["networks"]))
    reached = networks["at_ceiling"].eq(True).sum()
    performance_axes(ax, LOWEST, f"{CONDITIONS[variant]}\nn = {len(networks)} networks, {reached} at ceiling")
    stages = list(dict.fromkeys(staged["stage"]))
    for stage, style in zip(stages, stage_styles(len(stages)), strict=True):
        means = summarize(staged[staged["stage"] == stage], ["trial"], "accuracy").replace([np.inf, -np.inf], np.nan)
        low, mean, high = (100 * means[name] for name in ("ci_low", "mean", "ci_high"))
        error = np.nan_to_num([mean - low, high - mean])
        label = LAST if stage == LAST else f"stage {stage}"
        ax.errorbar(means["trial"], mean, error, ms=3, lw=1, elinewidth=0.6, label=label, **style)
    plotting.published_marker(ax, FINAL.index, FINAL, "published, final")
    ax.legend(fontsize=5, loc="lower right", frameon=False, handlelength=1, ncols=2)


def draw_curves(ax: Axes, curves: pd.DataFrame, color: str, label: str | None = None) -> None:
    """Accuracy on trials 2 to 6 over training, every network a line."""
    for k, (_, own) in enumerate(curves.groupby("seed")):
        ax.plot(own["episode"] / 1000, 100 * later_trials(own), lw=0.7, color=color, label=None if k else label)
    ax.set(ylim=(35, 102))


def draw_learning(ax: Axes, variants: tuple[str, ...], results: Results) -> None:
    """Accuracy over training of all networks of some variants; change points, as dots, of those of the first."""
    curves, networks = results["learning"], results["networks"]
    ax.axhline(50, ls="--", lw=0.6, color="black")
    for variant in shown(networks):
        if variant in variants:
            label = f"{CONDITIONS[variant]}, n = {(networks['variant'] == variant).sum()}"
            draw_curves(ax, curves[curves["variant"] == variant], SHADES[variant], label)
    percent = 100 * later_trials(curves.groupby(["variant", "seed", "episode"]).last())
    found = networks[networks["variant"] == variants[0]].dropna(subset="episodes_to_above_chance")
    start = found["episodes_to_above_chance"]
    for at in (start, start + found["episodes_from_there_to_ceiling"]):
        points = percent.reindex(pd.MultiIndex.from_arrays([found["variant"], found["seed"], at]))
        ax.plot(at / 1000, points, "o", ms=2.5, color="black", zorder=3)
    ax.set(ylim=(22, 102), xlabel="training episodes (thousands)", ylabel="correct, trials 2-6 (%)")
    ax.legend(fontsize=5, loc="lower right", frameon=False, handlelength=1)


def shown(frame: pd.DataFrame) -> list[str]:
    """Variants that a table has, in our order."""
    return [variant for variant in CONDITIONS if variant in set(frame["variant"])]


def draw_second_trial(ax: Axes, results: Results) -> None:
    """Accuracy on trial 2 after a right and after a wrong first choice; every network a dot."""
    draw_bars(ax, results["second_trial"], "first", ("right", "wrong"))
    ax.set(ylabel="correct on trial 2 (%)", xlabel="choice on trial 1")


def draw_tests(ax: Axes, results: Results) -> None:
    """Accuracy on trials 2 to 6 in the final tests; every network a dot."""
    final = results["final"]
    later = final[final["trial"] > 0].groupby(["variant", "seed", "test"])["accuracy"].mean().reset_index()
    draw_bars(ax, later, "test", tuple(TESTS))
    ax.set(ylabel="correct, trials 2-6 (%)")


def draw_bars(ax: Axes, frame: pd.DataFrame, by: str, values: tuple[str, ...]) -> None:
    """Accuracy for each value of a column, a bar per variant over all its networks.

    There are no intervals: where one network is at chance and others at ceiling, a t interval leaves the scale.
    """
    variants = shown(frame)
    middle = 0.4 * (len(variants) - 1)
    for k, value in enumerate(values):
        for j, variant in enumerate(variants):
            own = 100 * frame.loc[(frame[by] == value) & (frame["variant"] == variant), "accuracy"]
            at = k * (2 * middle + 1.4) + 0.8 * j
            if len(own):
                ax.bar(at, own.mean(), 0.7, color=SHADES[variant])
                plotting.dots(ax, at, own, width=0.2)
    ax.axhline(50, ls="--", lw=0.6, color="black")
    ax.set(ylim=(0, 105), yticks=range(0, 101, 20), xticks=[k * (2 * middle + 1.4) + middle for k in range(len(values))])
    ax.set_xticklabels([value.replace(" ", "\n", 1) for value in values])


def draw_decoding(ax: Axes, results: Results) -> None:
    """What can be decoded from the units, by trial; every network a line."""
    frame = results["decoding"]
    words = {"side": "rewarded side, images seen", "brighter": "rewarded is brighter, before"}
    for variant in shown(frame):
        for what, style in (("side", "-"), ("brighter", ":")):
            own = frame[(frame["variant"] == variant) & (frame["what"] == what)]
            for k, (_, network) in enumerate(own.groupby("seed")):
                label = f"{words[what]} ({variant})" if k == 0 else None
                ax.plot(network["trial"], 100 * network["accuracy"], style, lw=0.9, color=SHADES[variant], label=label)
    performance_axes(ax, 0, "decoded from the LSTM")
    ax.set(ylabel="decoded (%)")
    ax.legend(fontsize=4.8, loc="lower right", frameon=False, handlelength=1.4)


def compose(results: Results) -> Drawing:
    """Put the panels of Fig. 6 together."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.9), left=0.08, right=0.98, bottom=0.1, top=0.94, hspace=0.4, wspace=0.35)
    views = [figure.add_subplot(grid[0, k]) for k in range(3)]
    draw_views(views, results)
    monkeys, pixels, symbols = (figure.add_subplot(grid[1, k]) for k in range(3))
    draw_monkeys(monkeys)
    draw_stages(pixels, MAIN, results)
    draw_stages(symbols, SYMBOLS, results)
    for ax, letter in ((views[0], "a"), (monkeys, "b"), (pixels, "c"), (symbols, "d")):
        plotting.panel_label(ax, letter, x_mm=-20 if letter == "a" else -9, y_mm=0 if letter == "a" else 3)
    return Drawing("fig6", figure, {"a": views, "b": [monkeys], "c": [pixels], "d": [symbols]})


def compose_supplement(results: Results) -> Figure:
    """Put together what the paper does not show."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 110)
    grid = figure.add_gridspec(2, 6, left=0.08, right=0.98, bottom=0.11, top=0.93, hspace=0.55, wspace=2.2)
    learning = [figure.add_subplot(grid[0, :3]), figure.add_subplot(grid[0, 3:])]
    for ax, variants in zip(learning, TOGETHER, strict=True):
        draw_learning(ax, variants, results)
    second, tested, decoded = (figure.add_subplot(grid[1, 2 * k : 2 * k + 2]) for k in range(3))
    draw_second_trial(second, results)
    draw_tests(tested, results)
    draw_decoding(decoded, results)
    for ax, letter in zip((*learning, second, tested, decoded), "abcde", strict=True):
        plotting.panel_label(ax, letter)
    return figure


def compose_variations(results: Results) -> Figure:
    """Learning curves with one setting changed at a time, each with those of the networks that it is changed from behind it."""
    settled, curves = results["learning"], results["variations_learning"]
    origins = {name: variant for variant, varied in VARIED.items() for name in varied}
    names = list(curves["variant"].unique())
    rows = -(-len(names) // COLUMNS)
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 20 + 36 * rows)
    spacing = {"hspace": 0.75, "wspace": 0.2}
    axes = list(figure.subplots(rows, COLUMNS, sharey=True, squeeze=False, gridspec_kw=spacing).flat)
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.06 + 0.09 / rows, top=0.98 - 0.14 / rows)
    for letter, ax, name in zip("abcdefghijklmnop", axes, names, strict=False):
        own = curves[curves["variant"] == name]
        ax.axhline(50, ls="--", lw=0.6, color="black")
        draw_curves(ax, settled[settled["variant"] == origins[name]], "#cccccc")
        draw_curves(ax, own, COLORS["independent"])
        ax.set_ylim(0, 102)
        ax.set_title(VARIATION_WORDS.get(name, name), fontsize=6)
        plotting.count(ax, own["seed"].nunique(), "")
        plotting.panel_label(ax, letter, x_mm=-4)
        ax.set_xlabel("training episodes (thousands)", fontsize=6)
    for ax in axes[::COLUMNS]:
        ax.set_ylabel("correct, trials 2-6 (%)")
    for ax in axes[len(names) :]:
        ax.remove()
    return figure


def draw(results: Results) -> Iterator[Drawing]:
    """Fig. 6, its supplement, and the variations."""
    yield compose(results)
    yield Drawing("fig6_supplement", compose_supplement(results), {})
    if (results.folder / "variations_learning.csv").exists():
        yield Drawing("fig6_variations", compose_variations(results), {})


if __name__ == "__main__":
    experiments.figure_main(__file__)
