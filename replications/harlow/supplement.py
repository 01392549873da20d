"""Draw learning, tests and decoding in Harlow's task, which the paper does not show."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables.schema import SUBJECT
from replications.harlow.analysis import later_trials
from replications.harlow.settings import CONTROL, MAIN, STILL_FIRST, SYMBOLS, TESTS, VARIED

COLUMNS = 4
"""Panels per row in the figure of further variants."""

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

LEGEND: dict[str, Any] = {"loc": "lower right", "frameon": False, "handlelength": 1}


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


def draw_curves(ax: Axes, curves: pd.DataFrame, color: str, label: str | None = None) -> None:
    """Draw accuracy on trials 2 to 6 over training, one line per network."""
    curves = curves.assign(thousands=curves["episode"] / 1000, percent=100 * later_trials(curves))
    plotting.lines(ax, curves, "thousands", "percent", label=label, color=color, lw=0.7)
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
        keys = [at_ceiling["variant"], at_ceiling["subject"], episode]
        points = percent.reindex(pd.MultiIndex.from_arrays(keys))
        ax.plot(episode / 1000, points, "o", ms=2.5, color="black", zorder=3)
    ax.set(ylim=(22, 102), xlabel="training episodes (thousands)", ylabel="correct, trials 2-6 (%)")
    ax.legend(fontsize=5, **LEGEND)


def draw_bars(ax: Axes, frame: pd.DataFrame, by: str, values: tuple[str, ...]) -> None:
    """Draw accuracy for each value of a column, one bar per variant and one dot per network. There
    are no intervals: a t interval over networks at chance and at ceiling would leave the scale.
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
    ax.set_xticks(ticks, [value.replace(" ", "\n", 1) for value in values])
    ax.set(ylim=(0, 105), yticks=range(0, 101, 20))


def draw_decoding(ax: Axes, decoding: pd.DataFrame) -> None:
    """Draw accuracy of decoding from the units, by trial; one line per network."""
    decoding = decoding.assign(percent=100 * decoding["accuracy"])
    decoded = {
        "side": ("rewarded side, images seen", "-"),
        "brighter": ("rewarded is brighter, before", ":"),
    }
    for variant in variants_of(decoding):
        for what, (name, dashes) in decoded.items():
            rows = of_variant(decoding[decoding["what"] == what], variant)
            line: dict[str, Any] = {"color": VARIANT_COLORS[variant], "ls": dashes, "lw": 0.9}
            plotting.lines(ax, rows, "trial", "percent", label=f"{name} ({variant})", **line)
    performance_axes(ax, 0, "decoded from the LSTM")
    ax.set(ylabel="decoded (%)")
    ax.legend(fontsize=4.8, **LEGEND | {"handlelength": 1.4})


def draw_supplement(results: Results) -> Drawing:
    """Draw the supplement; panels of missing variants are left out."""
    margins = {"left": 0.08, "right": 0.98, "bottom": 0.11, "top": 0.93}
    figure, axes = plotting.mosaic("aaabbb;ccddee", 110, hspace=0.55, wspace=2.2, **margins)
    present = set(variants_of(results["networks"]))
    for letter, variants in zip("ab", TOGETHER, strict=True):
        if present & set(variants):
            draw_learning(axes[letter], variants, results)
        else:
            axes.pop(letter).remove()
    draw_bars(axes["c"], results["second_trial"], "first", ("right", "wrong"))
    axes["c"].set(ylabel="correct on trial 2 (%)", xlabel="choice on trial 1")
    tests = results["final_tests"]
    later = tests[tests["trial"] > 0].groupby([*SUBJECT, "test"])["accuracy"].mean().reset_index()
    draw_bars(axes["d"], later, "test", tuple(TESTS))
    axes["d"].set_ylabel("correct, trials 2-6 (%)")
    draw_decoding(axes["e"], results["decoding"])
    return plotting.lettered("fig6_supplement", figure, axes, split=False)


def draw_further_variants(results: Results) -> Drawing:
    """Draw learning curves of further variants, in front of those of the variants they depart
    from."""
    originals, curves = results["learning"], results["variations_learning"]
    origins = {name: variant for variant, varied in VARIED.items() for name in varied}
    names = list(curves["variant"].unique())
    rows = -(-len(names) // COLUMNS)
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 20 + 36 * rows)
    spacing = {"hspace": 0.75, "wspace": 0.2}
    axes = figure.subplots(rows, COLUMNS, sharey=True, gridspec_kw=spacing).ravel()
    bottom, top = 0.06 + 0.09 / rows, 0.98 - 0.14 / rows
    figure.subplots_adjust(left=0.08, right=0.98, bottom=bottom, top=top)
    for letter, ax, name in zip("abcdefghijklmnop", axes, names, strict=False):
        chance_line(ax)
        draw_curves(ax, of_variant(originals, origins[name]), "#cccccc")
        draw_curves(ax, of_variant(curves, name), COLORS["independent"])
        ax.set_ylim(0, 102)
        ax.set_title(FURTHER_LABELS.get(name, name), fontsize=6)
        plotting.count(ax, of_variant(curves, name)["subject"].nunique(), "")
        plotting.panel_label(ax, letter, x_mm=-4)
        ax.set_xlabel("training episodes (thousands)", fontsize=6)
    for ax in axes[::COLUMNS]:
        ax.set_ylabel("correct, trials 2-6 (%)")
    for ax in axes[len(names) :]:
        ax.remove()
    return Drawing("fig6_variations", figure, {})
