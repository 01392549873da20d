"""Draw learning with and without reward: prediction of, and bets on, the weather.

python -m replications.weather.figure --help
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from prefrontal import experiments
from prefrontal.analysis.statistics import interval, summarize
from prefrontal.publishing import plotting
from replications.weather.ideal_observer import KINDS
from replications.weather.variants import BETS, LATE, MAIN, TESTS

COLORS = {MAIN: plotting.COLORS["network"], BETS: plotting.COLORS["volatile"], "mixture": "#222222", "frequency": "#8a8a8a"}
WORDS = {MAIN: "predictor", BETS: "bets", "mixture": "exact mixture", "frequency": "running frequency"}


def draw_curve(ax: Axes, curves: pd.DataFrame, variant: str, column: str, label: str) -> None:
    """Panels a, b: over the days of a sequence, networks with 95 % intervals beside the references."""
    for learner in ("network", "mixture", "frequency"):
        own = curves[(curves["variant"] == variant) & (curves["learner"] == learner)]
        mean, name = summarize(own, ["day"], column), variant if learner == "network" else learner
        ax.plot(mean["day"], mean["mean"], color=COLORS[name], label=WORDS[name], ls="-" if learner == "network" else "--")
        if learner == "network":
            ax.fill_between(mean["day"], mean["ci_low"], mean["ci_high"], color=COLORS[name], alpha=0.25, lw=0)
    ax.set(xlabel="day", ylabel=label, title=f"n = {own['seed'].nunique()} networks")
    ax.legend(fontsize=5.5)


def draw_networks(ax: Axes, x: float, networks: pd.Series, color: str) -> None:
    """Every network as a dot, and their mean with its 95 % interval."""
    mean, low, high = interval(networks)
    ax.plot([x] * 2, [low, high], color=color, lw=0.9)
    ax.plot([x - 0.06, x + 0.06], [mean] * 2, color=color, lw=0.9)
    plotting.dots(ax, x, networks, color, width=0.08, size=3.5)


def draw_kinds(ax: Axes, scores: pd.DataFrame) -> None:
    """Panel c: accuracy late in sequences of each kind."""
    own = scores[(scores["test"] == next(iter(TESTS))) & (scores["kind"] != "all")]
    for x, kind in enumerate(KINDS):
        of_kind = own[own["kind"] == kind]
        for offset, variant in ((-0.15, MAIN), (0.15, BETS)):
            networks = of_kind[(of_kind["variant"] == variant) & (of_kind["learner"] == "network")]["accuracy"].dropna()
            draw_networks(ax, x + offset, networks, COLORS[variant])
        for learner in ("mixture", "frequency"):
            mean = of_kind.loc[of_kind["learner"] == learner, "accuracy"].mean()
            ax.plot([x - 0.35, x + 0.35], [mean, mean], color=COLORS[learner], lw=1, ls="--")
    ax.set_xticks(range(len(KINDS)), [kind.replace(" ", "\n") for kind in KINDS])
    ax.set(ylabel=f"accuracy, days {LATE + 1}-100", ylim=(0.45, 1.02))


def draw_outside(ax: Axes, scores: pd.DataFrame) -> None:
    """Panel d: accuracy late in the sequences of each test."""
    for x, test in enumerate(TESTS):
        own = scores[(scores["test"] == test) & (scores["kind"] == "all")]
        for offset, variant in ((-0.15, MAIN), (0.15, BETS)):
            networks = own[(own["variant"] == variant) & (own["learner"] == "network")]["accuracy"].dropna()
            draw_networks(ax, x + offset, networks, COLORS[variant])
        for learner in ("mixture", "frequency"):
            mean = own.loc[own["learner"] == learner, "accuracy"].mean()
            ax.plot([x - 0.35, x + 0.35], [mean, mean], color=COLORS[learner], lw=1, ls="--")
    ax.set_xticks(range(len(TESTS)), ["as in\ntraining", "patterns of 5\nand 6 days,\nnever met"])
    ax.set(ylabel=f"accuracy, days {LATE + 1}-100", xlim=(-0.5, len(TESTS) - 0.5), ylim=(0.45, 1.02))


def draw(results: experiments.Results) -> Iterator[experiments.Drawing]:
    """Draw the figure."""
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 105)
    axes = figure.subplots(2, 2, width_ratios=(1, 1))
    figure.subplots_adjust(left=0.085, right=0.985, top=0.94, bottom=0.11, wspace=0.27, hspace=0.48)
    curves, scores = results["curves"], results["scores"]
    draw_curve(axes[0, 0], curves, MAIN, "log_loss", "log loss (nats per day)")
    draw_curve(axes[0, 1], curves, BETS, "accuracy", "share of bets that are right")
    draw_kinds(axes[1, 0], scores)
    draw_outside(axes[1, 1], scores)
    panels = dict(zip("abcd", axes.flat, strict=True))
    for letter, ax in panels.items():
        plotting.panel_label(ax, letter)
    yield experiments.Drawing("fig_weather", figure, {letter: [ax] for letter, ax in panels.items()})


if __name__ == "__main__":
    experiments.figure_main(__file__)
