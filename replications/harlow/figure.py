"""Draw Fig. 6 of Wang et al. 2018 from our results, and what the paper does not show.

python -m replications.harlow.figure --help
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
import tyro
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prefrontal import plotting, tables
from prefrontal.errors import run
from prefrontal.paths import DATA, FIGURES
from prefrontal.plotting import COLORS
from prefrontal.statistics import interval

VIEWS = ("fixation", "choice", "turned")
LAST = "final"
COLUMNS = 4
"""Panels of the variations side by side."""

LOWEST = 24
"""Lower end of Fig. 6b-d, percent; the paper's 40 leaves no room for the legend."""

CONDITIONS = {
    "pixels": "networks that see pixels",
    "pixels_new_wrong_image": "pixels, new wrong image",
    "pixels_still_first": "pixels, view still first",
    "symbols": "networks that see symbols",
}
"""What networks see, and whether they were trained on the paper's control."""

SHADES = {
    "pixels": COLORS["network"],
    "pixels_new_wrong_image": COLORS["animal"],
    "pixels_still_first": COLORS["stable"],
    "symbols": COLORS["volatile"],
}


@dataclass(frozen=True)
class Options:
    """Where results are and figures go."""

    data: Path = DATA
    """Data folder."""
    figures: Path = FIGURES
    """Figures folder."""


def stage_colors(count: int) -> list[tuple[float, float, float]]:
    """From red to violet to pink, as in the paper."""
    return list(sns.color_palette("hls", count + 1)[:count])


def performance_axes(ax: Axes, low: float, title: str) -> None:
    """Axes of Fig. 6b and c."""
    ax.axhline(50, ls="--", lw=0.6, color="black")
    ax.set(xlim=(0.7, 6.3), ylim=(low, 102), xticks=range(1, 7), xlabel="trial", ylabel="correct choices (%)")
    ax.set_title(title, fontsize=7)


def draw_views(axes: list[Axes], results: Path) -> None:
    """Fig. 6a: the view during fixation, with the images, and turned to one side."""
    for ax, name in zip(axes, VIEWS, strict=True):
        ax.imshow(plt.imread(results / f"view_{name}.png"))
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(name if name != "turned" else "turned to the right", fontsize=6)


def draw_monkeys(ax: Axes) -> None:
    """Fig. 6b: Harlow's monkeys, by stage of training."""
    frame = plotting.published("fig6b")
    names = sorted(frame["series"].unique(), key=lambda name: (int(name.split("problems ")[1].split("-")[0]), -len(name)))
    names = [name for name in names if "1-100" not in name]
    for name, color in zip(names, stage_colors(len(names)), strict=True):
        own = frame[frame["series"] == name]
        label = name.removeprefix("monkeys, ").removesuffix(" (Harlow 1949)")
        ax.plot(own["x"], own["y"], "o-", ms=2, lw=1, color=color, label=label)
    performance_axes(ax, LOWEST, "monkeys (Harlow 1949)")
    ax.legend(fontsize=5, loc="lower right", frameon=False, handlelength=1, ncols=2)


def draw_stages(ax: Axes, condition: str, results: Path) -> None:
    """Fig. 6c: accuracy by trial at six stages of training and at the end; if no network is at ceiling, of all at the end."""
    staged = tables.read(results / "fig6c.csv", needs=("condition", "stage", "trial", "accuracy"))
    networks = tables.read(results / "networks.csv", needs=("condition", "at_ceiling"))
    networks = networks[networks["condition"] == condition]
    reached = int(networks["at_ceiling"].sum())
    performance_axes(ax, LOWEST, f"{CONDITIONS[condition]}\n{reached} of {len(networks)} at ceiling")
    staged = staged[staged["condition"] == condition].assign(stage=lambda frame: frame["stage"].astype(str))
    stages = list(dict.fromkeys(staged["stage"]))
    for stage, color in zip(stages, stage_colors(len(stages)), strict=True):
        mean, low, high = spread(staged[staged["stage"] == stage])
        error = np.nan_to_num(np.clip([mean - low, high - mean], 0, 50))
        label = LAST if stage == LAST else f"stage {stage}"
        ax.errorbar(mean.index, mean, error, fmt="o-", ms=2, lw=1, elinewidth=0.6, color=color, label=label)
    if not stages:
        final = tables.read(results / "final.csv", needs=("condition", "test", "trial", "accuracy"))
        own = final[(final["condition"] == condition) & (final["test"] == "held out")]
        for _, network in own.groupby("seed"):
            ax.plot(network["trial"] + 1, 100 * network["accuracy"], lw=0.7, color=SHADES[condition])
    published = plotting.published("fig6c")
    final_series = published[published["series"] == "meta-RL Final quantile"]
    plotting.published_marker(ax, final_series["x"], final_series["y"], "published, final")
    ax.legend(fontsize=5, loc="lower right", frameon=False, handlelength=1, ncols=2)


def spread(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Mean percentage over networks by trial, and its 95 % interval; the interval of one network is empty."""
    found = {trial: interval(100 * own["accuracy"]) for trial, own in frame.groupby("trial")}
    table = pd.DataFrame(found, index=["mean", "low", "high"]).T
    return table["mean"], table["low"].replace(-np.inf, np.nan), table["high"].replace(np.inf, np.nan)


def later_trials(curves: pd.DataFrame) -> pd.Series:
    """Percentage of correct choices in trials 2 to 6."""
    return 100 * curves.filter(like="trial_").drop(columns="trial_1").mean(axis=1)


def draw_curves(ax: Axes, curves: pd.DataFrame, color: str, label: str | None = None) -> None:
    """Accuracy on trials 2 to 6 over training, every network a line."""
    for k, (_, own) in enumerate(curves.groupby("seed")):
        ax.plot(own["episode"] / 1000, later_trials(own), lw=0.7, color=color, label=None if k else label)
    ax.set(ylim=(35, 102))


def draw_learning(ax: Axes, view: str, results: Path) -> None:
    """Accuracy over training of all networks with a view; change points, as dots, of those of Fig. 6."""
    curves = tables.read(results / "learning.csv", needs=("condition", "seed", "episode", "trial_2"))
    networks = tables.read(results / "networks.csv", needs=("condition", "seed", "episodes_to_above_chance"))
    ax.axhline(50, ls="--", lw=0.6, color="black")
    for condition in shown(networks):
        if condition.startswith(view):
            draw_curves(ax, curves[curves["condition"] == condition], SHADES[condition], CONDITIONS[condition])
    percent = later_trials(curves.set_index(["condition", "seed", "episode"]))
    for row in networks[networks["condition"] == view].dropna(subset="episodes_to_above_chance").itertuples():
        for at in (row.episodes_to_above_chance, row.episodes_to_above_chance + row.episodes_from_there_to_ceiling):
            ax.plot(at / 1000, percent[view, row.seed, int(at)], "o", ms=2.5, color="black", zorder=3)
    ax.set(ylim=(22, 102), xlabel="training episodes (thousands)", ylabel="correct, trials 2-6 (%)")
    ax.legend(fontsize=5, loc="lower right", frameon=False, handlelength=1)


def shown(frame: pd.DataFrame) -> list[str]:
    """Conditions that a table has, in our order."""
    return [condition for condition in CONDITIONS if condition in set(frame["condition"])]


def draw_second_trial(ax: Axes, results: Path) -> None:
    """Accuracy on trial 2 after a right and after a wrong first choice; every network a dot."""
    frame = tables.read(results / "second_trial.csv", needs=("condition", "seed", "first", "accuracy"))
    draw_bars(ax, frame, "first", ("right", "wrong"), results)
    ax.set(ylabel="correct on trial 2 (%)", xlabel="choice on trial 1")


def draw_tests(ax: Axes, results: Path) -> None:
    """Accuracy on trials 2 to 6 in the final tests; every network a dot."""
    final = tables.read(results / "final.csv", needs=("condition", "seed", "test", "trial", "accuracy"))
    later = final[final["trial"] > 0].groupby(["condition", "seed", "test"], as_index=False)["accuracy"].mean()
    draw_bars(ax, later, "test", ("held out", "photographs", "new wrong image"), results)
    ax.set(ylabel="correct, trials 2-6 (%)")


def draw_bars(ax: Axes, frame: pd.DataFrame, by: str, values: tuple[str, ...], results: Path) -> None:
    """Accuracy for each value of a column, a bar per condition over its networks at ceiling; the others are open dots."""
    networks = tables.read(results / "networks.csv", needs=("condition", "seed", "at_ceiling"))
    frame = frame.merge(networks[["condition", "seed", "at_ceiling"]], on=["condition", "seed"])
    conditions = shown(frame)
    middle = 0.4 * (len(conditions) - 1)
    for k, value in enumerate(values):
        for j, condition in enumerate(conditions):
            own = frame[(frame[by] == value) & (frame["condition"] == condition)]
            at = k * (2 * middle + 1.4) + 0.8 * j
            reached, others = (100 * own.loc[own["at_ceiling"] == state, "accuracy"] for state in (True, False))
            if len(reached):
                plotting.bar(ax, at, reached, SHADES[condition])
            ax.scatter([at] * len(others), others, s=9, facecolor="white", edgecolor=SHADES[condition], lw=0.8, zorder=3)
    ax.axhline(50, ls="--", lw=0.6, color="black")
    ax.set(ylim=(0, 105), yticks=range(0, 101, 20), xticks=[k * (2 * middle + 1.4) + middle for k in range(len(values))])
    ax.set_xticklabels([value.replace(" ", "\n", 1) for value in values])


def draw_decoding(ax: Axes, results: Path) -> None:
    """What can be decoded from the units, by trial; every network a line."""
    frame = tables.read(results / "decoding.csv", needs=("condition", "seed", "trial", "what", "accuracy"))
    words = {"side": "rewarded side, images seen", "brighter": "rewarded is brighter, before"}
    for condition in shown(frame):
        for what, style in (("side", "-"), ("brighter", ":")):
            own = frame[(frame["condition"] == condition) & (frame["what"] == what)]
            for k, (_, network) in enumerate(own.groupby("seed")):
                label = f"{words[what]} ({condition})" if k == 0 else None
                ax.plot(network["trial"], 100 * network["accuracy"], style, lw=0.9, color=SHADES[condition], label=label)
    performance_axes(ax, 0, "decoded from the LSTM")
    ax.set(ylabel="decoded (%)")
    ax.legend(fontsize=4.8, loc="lower right", frameon=False, handlelength=1.4)


def compose(options: Options) -> tuple[Figure, dict[str, list[Axes]]]:
    """Put the panels of Fig. 6 together."""
    results = options.data / "harlow" / "results"
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 100)
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.9), left=0.08, right=0.98, bottom=0.1, top=0.94, hspace=0.4, wspace=0.35)
    views = [figure.add_subplot(grid[0, k]) for k in range(3)]
    draw_views(views, results)
    monkeys, pixels, symbols = (figure.add_subplot(grid[1, k]) for k in range(3))
    draw_monkeys(monkeys)
    draw_stages(pixels, "pixels", results)
    draw_stages(symbols, "symbols", results)
    for ax, letter in ((views[0], "a"), (monkeys, "b"), (pixels, "c"), (symbols, "d")):
        plotting.panel_label(ax, letter, x_mm=-20 if letter == "a" else -9, y_mm=0 if letter == "a" else 3)
    return figure, {"a": views, "b": [monkeys], "c": [pixels], "d": [symbols]}


def compose_supplement(options: Options) -> Figure:
    """Put together what the paper does not show."""
    results = options.data / "harlow" / "results"
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 110)
    grid = figure.add_gridspec(2, 6, left=0.08, right=0.98, bottom=0.11, top=0.93, hspace=0.55, wspace=2.2)
    learning = [figure.add_subplot(grid[0, :3]), figure.add_subplot(grid[0, 3:])]
    for ax, view in zip(learning, ("pixels", "symbols"), strict=True):
        draw_learning(ax, view, results)
    second, tested, decoded = (figure.add_subplot(grid[1, 2 * k : 2 * k + 2]) for k in range(3))
    draw_second_trial(second, results)
    draw_tests(tested, results)
    draw_decoding(decoded, results)
    for ax, letter in zip((*learning, second, tested, decoded), "abcde", strict=True):
        plotting.panel_label(ax, letter)
    return figure


def origin(variation: str) -> str:
    """Condition of the networks of which a variation changes a setting."""
    return "symbols" if variation.startswith("symbols") else "pixels_still_first"


def compose_variations(results: Path) -> Figure:
    """Learning curves with one setting changed at a time, each with those of the networks that it is changed from behind it."""
    needs = ("condition", "seed", "episode", "trial_2")
    settled, curves = (tables.read(results / f"{name}.csv", needs=needs) for name in ("learning", "variations_learning"))
    names = list(curves["condition"].unique())
    rows = -(-len(names) // COLUMNS)
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 20 + 36 * rows)
    spacing = {"hspace": 0.75, "wspace": 0.2}
    axes = list(figure.subplots(rows, COLUMNS, sharey=True, squeeze=False, gridspec_kw=spacing).flat)
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.06 + 0.09 / rows, top=0.98 - 0.14 / rows)
    for ax, name in zip(axes, names, strict=False):
        ax.axhline(50, ls="--", lw=0.6, color="black")
        draw_curves(ax, settled[settled["condition"] == origin(name)], "#cccccc")
        draw_curves(ax, curves[curves["condition"] == name], COLORS["independent"])
        ax.set_title(textwrap.fill(name.replace("_", " "), 30), fontsize=6)
        ax.set_xlabel("training episodes (thousands)", fontsize=6)
    for ax in axes[::COLUMNS]:
        ax.set_ylabel("correct, trials 2-6 (%)")
    for ax in axes[len(names) :]:
        ax.remove()
    return figure


def main(options: Options) -> None:
    """Write fig6 and its supplement."""
    about = tables.manifest(options.data / "harlow" / "results")["claims.csv"]
    figure, panels = compose(options)
    plotting.save(figure, "fig6", options.figures, about, panels)
    plotting.save(compose_supplement(options), "fig6_supplement", options.figures, about)
    results = options.data / "harlow" / "results"
    if (results / "variations_learning.csv").exists():
        plotting.save(compose_variations(results), "fig6_variations", options.figures, about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
