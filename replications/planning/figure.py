"""Draw time to think: paths, gains by distance, and decoding of the next-but-one cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.sparse import csgraph

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from replications.planning.analysis import FARTHEST
from replications.planning.settings import (
    DISTANT,
    FEEDFORWARD,
    GREEDY,
    LONG,
    MAIN,
    NEAR,
    NONE,
    SEARCH,
    THINKING,
    UNTRAINED,
    Maze,
)

COLORS = {
    "distant": plotting.COLORS["network"],
    "near": plotting.COLORS["left"],
    MAIN: plotting.COLORS["network"],
    FEEDFORWARD: plotting.COLORS["control"],
    SEARCH: "#222222",
    GREEDY: "#8a8a8a",
    UNTRAINED: "#8a8a8a",
}
LABELS = {
    MAIN: "LSTM",
    FEEDFORWARD: "feedforward",
    SEARCH: "search, a cell per step",
    GREEDY: "greedy",
    UNTRAINED: "untrained",
}


STYLES = {FEEDFORWARD: "-", SEARCH: "--", GREEDY: ":"}
"""Lines of the controls."""


def example(task: Maze, seed: int = 3) -> tuple[np.ndarray, list[int]]:
    """Draw a maze by the rules of the task: open doors (cells, cells), and its longest way."""
    rng, cell = np.random.default_rng(seed), np.arange(task.rows * task.columns)
    row, column = np.divmod(cell, task.columns)
    apart = abs(row[:, None] - row) + abs(column[:, None] - column)
    weights = np.where(np.triu(apart == 1), rng.uniform(0.1, 1, apart.shape), 0)
    opened = csgraph.minimum_spanning_tree(weights).toarray() > 0
    distance, before = csgraph.shortest_path(opened, directed=False, return_predecessors=True)
    start, goal = np.unravel_index(distance.argmax(), distance.shape)
    way = [int(goal)]
    while way[-1] != start:
        way.append(int(before[start, way[-1]]))
    return opened | opened.T, way[::-1]


def draw_maze(ax: Axes, task: Maze) -> None:
    """Panel a: an example maze with the way from position to goal."""
    opened, way = example(task)
    row, column = np.divmod(np.arange(len(opened)), task.columns)
    for here in range(len(opened)):
        for down, right in ((0, 1), (1, 0)):
            there = here + down * task.columns + right
            inside = column[here] + right < task.columns and row[here] + down < task.rows
            if inside and not opened[here, there]:
                x, y = column[here] + 0.5 * right, row[here] + 0.5 * down
                half = np.array([-0.5, 0.5])
                ax.plot(x + half * down, y + half * right, color="black", lw=1.2)
    wide, high = task.columns - 0.5, task.rows - 0.5
    ax.plot([-0.5, wide, wide, -0.5, -0.5], [-0.5, -0.5, high, high, -0.5], color="black", lw=1.2)
    ax.plot(column[way], row[way], color=plotting.COLORS["network"], lw=1, ls=":")
    for cell, marker, name in ((way[0], "o", "start"), (way[-1], "*", "goal")):
        ax.plot(column[cell], row[cell], marker, color="black", ms=5, label=name)
    ax.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2)
    ax.set(aspect="equal", xlim=(-0.6, wide + 0.1), ylim=(high + 0.1, -0.6), anchor="N")
    ax.axis("off")


def draw_shares(ax: Axes, shares: pd.DataFrame, task: Maze) -> None:
    """Panel b: shortest paths found by thinking time."""
    shares = shares.assign(place=shares["thinking"].map(THINKING.index))
    for goals, words in (("near", f"distance {NEAR}"), ("distant", f"distance {DISTANT} or more")):
        rows = shares[shares["goals"] == goals]
        style: dict[str, Any] = {"each": (0.1, 3.0), "label": f"LSTM, {words}"}
        plotting.curve(ax, rows[rows["variant"] == MAIN], "place", "found", COLORS[goals], **style)
    for variant, dashes in STYLES.items():
        others = rows[rows["variant"] == variant]
        style = {"ls": dashes, "lw": 0.9, "label": LABELS[variant]}
        plotting.curve(ax, others, "place", "found", COLORS[variant], **style)
    trained = sum(thinking <= task.longest_thinking for thinking in THINKING)
    ax.axvspan(trained - 0.5, len(THINKING) - 0.5, color="#eeeeee", lw=0, zorder=0)
    ax.set_xticks(range(len(THINKING)), list(map(str, THINKING)))
    ax.set(xlabel="silent time steps before the first move", ylim=(0, 1.02))
    ax.set(ylabel="share of shortest paths found", xlim=(-0.5, len(THINKING) - 0.5))


def draw_gains(ax: Axes, by_distance: pd.DataFrame) -> None:
    """Panel c: gain by long thinking, by distance of the goal."""
    for variant, dashes in {MAIN: "-", **STYLES}.items():
        rows = by_distance[by_distance["variant"] == variant]
        each = (0.15, 3.0) if variant == MAIN else None
        plotting.curve(ax, rows, "distance", "gain", COLORS[variant], each=each, ls=dashes, lw=0.9)
    ax.axhline(0, color="black", lw=0.5)
    ticks = list(range(1, FARTHEST + 1))
    ax.set_xticks(ticks, [*map(str, ticks[:-1]), f"{FARTHEST}+"])
    ax.set(xlabel="distance of the goal (moves)")
    ax.set(ylabel=f"share found after {LONG} silent steps\nminus after {NONE}")


def draw_decoding(ax: Axes, decoding: pd.DataFrame) -> None:
    """Panel d: accuracy of decoding the next-but-one cell."""
    places = {}
    for group, variant in enumerate((MAIN, UNTRAINED)):
        for offset, thinking in enumerate((NONE, LONG)):
            rows = decoding[(decoding["variant"] == variant) & (decoding["thinking"] == thinking)]
            places[2.5 * group + offset] = str(thinking)
            x, known = 2.5 * group + offset, rows["first move"].mean()
            plotting.bar(ax, x, rows["activity"], COLORS[variant])
            ax.plot([x - 0.4, x + 0.4], [known, known], color="black", lw=1, ls=":", zorder=4)
        middle = (2.5 * group + 0.5, 1.0)
        ax.annotate(LABELS[variant], middle, ha="center", va="top", fontsize=6)
    ax.set_xticks(list(places), list(places.values()))
    ax.set(xlabel="silent time steps", ylabel="accuracy, next-but-one cell")
    ax.set_ylim(0, 1)


def draw(results: Results) -> Iterator[Drawing]:
    """Draw the figure."""
    margins = {"left": 0.055, "right": 0.985, "top": 0.9, "bottom": 0.29}
    ratios = {"width_ratios": [0.75, 1.2, 1.1, 0.85], "wspace": 0.55}
    figure, axes = plotting.mosaic("abcd", 68, **ratios, **margins)
    task = results.settings[MAIN].task
    draw_maze(axes["a"], task)
    draw_shares(axes["b"], results["shares"], task)
    handles, labels = axes["b"].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=6, loc="lower center", ncols=5)
    draw_gains(axes["c"], results["by_distance"])
    draw_decoding(axes["d"], results["decoding"])
    yield plotting.lettered("fig_planning", figure, axes, split=False)
