"""Panels of the animals' figure: behaviour next to that of networks, which needs no models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS
from prefrontal.tables.schema import SUBJECT

Tables = Mapping[str, pd.DataFrame]

VARIANT_COLORS = (COLORS["animal"], "#c0a0d8", "#4a2c6f", "#d070b0")
NETWORKS = "networks"
CROWD = 40
"""Number of subjects above which dots are small and pale."""

FEW = 30
"""Largest number of subjects that are drawn as dots next to a mean over lags."""

SIGNALS = {
    "common/rewarded": (COLORS["rewarded"], "-"),
    "common/unrewarded": (COLORS["unrewarded"], "-"),
    "uncommon/rewarded": (COLORS["rewarded"], ":"),
    "uncommon/unrewarded": (COLORS["unrewarded"], ":"),
    "reward": (COLORS["rewarded"], "-"),
    "choice": (COLORS["model-based"], ":"),
}
"""Colour and line of the signals in lag weights."""


def plain(text: str) -> str:
    """Escape dollar signs, which would start a formula in a figure."""
    return text.replace("$", r"\$")


def short(name: str) -> str:
    """Short name of a model or parameter, on two lines if space is limited."""
    for long, brief in (("win-stay lose-shift", "WSLS"), ("_", " "), ("inverse temp", "inv. temp")):
        name = name.replace(long, brief)
    return name if len(name) < 12 else name.replace(", ", ",\n").replace(" ", "\n", 1)


class Groups:
    """Animals, by variant if there are several, and networks.

    Parameters
    ----------
    animals, networks : dict of DataFrame
        Tables by name.
    species : str
    """

    def __init__(self, animals: Tables, networks: Tables, species: str) -> None:
        self.animals, self.networks = animals, networks
        variants = list(dict.fromkeys(animals["stay_probability"]["variant"].astype(str)))
        self.variants = variants if 1 < len(variants) <= len(VARIANT_COLORS) else [""]
        self.species = plain(species)

    def __call__(self, name: str) -> dict[str, tuple[pd.DataFrame, str]]:
        """Label -> rows of a table, and colour."""
        labelled = {}
        for variant, color in zip(self.variants, VARIANT_COLORS, strict=False):
            rows = self.animals[name]
            if variant:
                rows = rows[rows["variant"].astype(str) == variant]
            labelled[plain(variant) or self.species] = rows, color
        if name in self.networks:
            labelled[NETWORKS] = self.networks[name], COLORS["network"]
        return labelled


def cloud(ax: Axes, x: float, values: pd.Series, color: str, width: float) -> None:
    """Draw many subjects as small dots, scattered next to x."""
    places = x + np.random.default_rng(0).uniform(-width, width, len(values))
    ax.scatter(places, values, s=1.2, color=color, lw=0, alpha=0.3, zorder=2)


def bars(
    ax: Axes,
    groups: Mapping[str, tuple[pd.DataFrame, str]],
    by: str,
    value: str,
    published: Sequence[pd.DataFrame] = (),
) -> list[str]:
    """Draw means with 95 % intervals side by side, and subjects as dots; return the positions.

    ``published`` values of animals and of networks are drawn at the first and last group, and
    determine the order along x.
    """
    frames = [*published, *(frame for frame, _ in groups.values())]
    places = list(dict.fromkeys(key for frame in frames for key in frame[by]))
    width = 0.8 / len(groups)
    centres = width * (np.arange(len(groups)) - (len(groups) - 1) / 2)
    for frame, centre in zip(published, (centres[0], centres[-1]), strict=False):
        for key, number in zip(frame[by], frame[value], strict=True):
            plotting.published_marker(ax, [places.index(key) + centre], [number])
    for (frame, color), centre in zip(groups.values(), centres, strict=True):
        for x, key in enumerate(places):
            values = frame.loc[frame[by] == key, value].dropna()
            place = x + centre
            if len(values) <= CROWD:
                plotting.bar(ax, place, values, color, 0.92 * width) if len(values) else None
                continue
            ax.bar(place, values.mean(), 0.92 * width, color=color, zorder=1)
            cloud(ax, place, values, "black", 0.38 * width)
            plotting.mean_interval(ax, place, values, widths=(1.2, 1.6))
    ax.set_xticks(range(len(places)))
    ax.axhline(0, color="black", lw=0.5)
    return places


def label_places(ax: Axes, names: Sequence[str]) -> None:
    """Label positions along the x axis; rotate or thin out labels that would overlap."""
    every = -(-len(names) // 12)
    lines = [plain(str(name)).replace(" ", "\n") for name in names][::every]
    crowded = len(lines) > 4 or max(map(len, "\n".join(lines).split("\n")), default=0) > 10
    style: dict[str, Any] = {"rotation": 90, "fontsize": 5} if crowded else {}
    ax.set_xticks(range(0, len(names), every))
    ax.set_xticklabels([line.replace("\n", " ") for line in lines] if crowded else lines, **style)


def name_groups(figure: Any, groups: Mapping[str, tuple[pd.DataFrame, str]]) -> None:
    """Write the groups' names and numbers of subjects above the figure, in their colours."""
    handles = [
        Patch(color=color, label=f"{label}, n = {frame.groupby(SUBJECT, observed=True).ngroups}")
        for label, (frame, color) in groups.items()
    ]
    figure.legend(handles=handles, loc="upper center", ncols=len(handles), fontsize=6)


def draw_stays(ax: Axes, groups: Groups) -> None:
    """Draw how often a choice was repeated, by its outcome."""
    labelled = {}
    for label, (frame, color) in groups("stay_probability").items():
        kinds = [name for name in ("transition", "outcome") if name in frame.columns]
        ordered = frame.sort_values(kinds)
        labelled[label] = ordered.assign(kind=ordered[kinds].agg("\n".join, axis=1)), color
    places = bars(ax, labelled, "kind", "stay_probability")
    ax.set_xticklabels(places, fontsize=5.5)
    ax.set(ylim=(0, 1.02), ylabel="stay probability")


def draw_weights(
    ax: Axes, weights: pd.DataFrame, title: str, published: pd.DataFrame | None = None
) -> None:
    """Draw the lagged regression: mean and 95 % interval at each lag, published means as
    diamonds."""
    known = weights[weights["lag"] > 0]
    signals = [signal for signal in SIGNALS if signal in set(known["signal"])]
    subjects = known.groupby(SUBJECT, observed=True).ngroups
    paper = pd.DataFrame(columns=["signal", "lag", "weight"]) if published is None else published
    size = 8 if known["lag"].max() <= 5 else 3
    for k, signal in enumerate(signals):
        color, line = SIGNALS[signal]
        shift = 0.1 * (k - (len(signals) - 1) / 2)
        rows = known[known["signal"] == signal]
        rows = rows.assign(lag=rows["lag"] + shift)
        each = (0.0, 2.0) if subjects <= FEW else None
        label = signal.replace("/", ", ")
        plotting.curve(ax, rows, "lag", "weight", color, each=each, ls=line, label=label)
        places: Any = rows.groupby("lag")["weight"]
        for place, values in places:
            plotting.mean_interval(ax, place, values, color)
        means = paper[paper["signal"] == signal]
        plotting.published_marker(ax, means["lag"] + shift, means["weight"], size=size)
    if len(paper):
        plotting.published_marker(ax, [], [], "published", size=size)
    ax.axhline(0, color="black", lw=0.5)
    ax.locator_params(axis="x", integer=True)
    ours = known.groupby(["signal", "lag"])["weight"].mean()
    numbers = pd.Series([0.0, *ours.dropna(), *paper["weight"]], dtype=float)
    low, high = numbers.min(), numbers.max()
    margin = 0.25 * (high - low) + 0.2
    lines = len(signals) + (len(paper) > 0)
    limits = low - margin, high + margin + 0.16 * lines * (high - low)  # legend
    ax.set(xlabel="trials ago", ylim=limits)
    ax.set_title(f"{title}, n = {subjects}", fontsize=5.5 if len(title) > 12 else None)
    ax.legend(loc="upper right", fontsize=5)


def draw_matching(ax: Axes, groups: Groups) -> None:
    """Draw log choice ratios against log reward ratios, one dot per session or block, with mean
    slopes."""
    points, slopes = groups("matching_points"), groups("matching_slopes")
    reach = max(frame["reward_ratio"].abs().quantile(0.98) for frame, _ in points.values())
    ends = np.array([-reach, reach])
    ax.plot(ends, ends, color=COLORS["published"], lw=0.6, ls=":", label="matching")
    for label, (frame, color) in reversed(points.items()):
        sample = frame.sample(min(len(frame), 400), random_state=0)
        ax.scatter(
            sample["reward_ratio"], sample["choice_ratio"], s=1.5, color=color, lw=0, alpha=0.4
        )
        ax.plot(ends, slopes[label][0]["slope"].mean() * ends, color=color)
    ax.set(xlabel="log₂ ratio of rewards", ylabel="log₂ ratio of choices")
    ax.set(xlim=1.05 * ends, ylim=1.05 * ends)
    ax.legend(fontsize=5, loc="upper left")


def draw_slopes(ax: Axes, groups: Groups, published: Sequence[pd.DataFrame]) -> None:
    """Draw the slope of every subject."""
    bars(ax, groups("matching_slopes"), "baselines", "slope", published)
    ax.axhline(1, color=COLORS["published"], lw=0.6, ls=":")
    ax.set(xticks=[], ylabel="matching slope")


def draw_blocks(ax: Axes, groups: Groups, published: Sequence[pd.DataFrame]) -> None:
    """Draw the learning rate in each block; also of networks, if they had the same blocks."""
    by_group, known = groups("fits_by_block"), set(groups.animals["fits_by_block"]["block"])
    if NETWORKS in by_group and not known & set(by_group[NETWORKS][0]["block"]):
        del by_group[NETWORKS]
        published = published[:1]
    places = bars(ax, by_group, "block", "learning_rate", published)
    label_places(ax, places)
    if all(str(place).isdigit() for place in places):
        ax.set_xlabel("block")
    ax.set(ylim=(0, 1.02), ylabel="learning rate")
