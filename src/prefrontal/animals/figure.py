"""Draw animals next to networks: behaviour, fitted models, and parameter recovery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from prefrontal.animals.families import Family, gains, network_tables, parameters_of
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
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

HIDDEN = ("bias_2", "bias_3")
"""Parameters that are not plotted; there is one for each further option."""

MOST_PARAMETERS = 8


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


def draw_comparison(ax: Axes, groups: Groups, baseline: str) -> None:
    """Draw how much better each model predicts choices than the baseline."""
    gain = {
        label: (gains(fits, baseline), color) for label, (fits, color) in groups("fits").items()
    }
    animals = set(groups.animals["fits"]["model"])
    gain = {
        label: (table[table["model"].isin(animals)], color)
        for label, (table, color) in gain.items()
    }
    places = bars(ax, gain, "model", "gain")
    ax.set_xticklabels([short(place) for place in places], fontsize=5.5)
    ax.set_ylabel(f"log likelihood per choice\nabove {baseline} (nats)")


def draw_confusion(ax: Axes, confusion: pd.DataFrame) -> None:
    """Draw how often each model fits best, by simulated model."""
    names = list(dict.fromkeys(confusion["simulated"]))
    table = confusion.pivot(index="simulated", columns="best", values="percentage")
    percentages = table.reindex(index=names, columns=names).fillna(0).to_numpy(float)
    ax.imshow(percentages, cmap="Purples", vmin=0, vmax=100, aspect="auto")
    for (row, column), number in np.ndenumerate(percentages):
        style: dict[str, Any] = {"fontsize": 5, "color": "white" if number > 60 else "black"}
        ax.text(column, row, f"{number:.0f}", ha="center", va="center", **style)
    ax.set(xticks=range(len(names)), yticks=range(len(names)))
    ax.set_title("simulated by (row), fits best (column), %", fontsize=6)
    labels = [short(name).replace("\n", " ").replace("delta rule", "δ") for name in names]
    ax.set_xticklabels(labels, rotation=30, ha="right", fontsize=5)
    ax.set_yticklabels(labels, fontsize=5)
    ax.spines[:].set_visible(False)


def draw_parameters(axes: Sequence[Axes], groups: Groups, family: Family, names: list[str]) -> None:
    """Draw fitted parameters, each on its own axis, above true and recovered ones."""
    tables = {
        label: (parameters_of(fits, family.main), color)
        for label, (fits, color) in groups("fits").items()
    }
    for ax, name in zip(axes, names, strict=True):
        plotted: list[pd.Series] = []
        for x, (table, color) in enumerate(tables.values()):
            values = table.loc[table["parameter"] == name, "value"].dropna()
            if len(values) > CROWD:
                cloud(ax, x, values, color, 0.28)
            else:
                plotting.dots(ax, x, values, color, 0.25)
            plotted.append(values)
            if len(values):
                plotting.mean_interval(ax, x, values, half=0.32)
        ax.axhline(0, color="black", lw=0.4, ls=":")
        low, high = pd.concat(plotted).agg(["min", "max"])
        margin = 0.15 * (high - low) + 0.02 * abs(high) + 0.01
        ax.set(xlim=(-0.6, len(tables) - 0.4), xticks=[], ylim=(low - margin, high + margin))
        ax.set_title(short(name), fontsize=5.5, pad=2)
        ax.locator_params(axis="y", nbins=4)


def draw_recovery(axes: Sequence[Axes], recovery: pd.DataFrame, names: list[str]) -> None:
    """Draw recovered against true parameters of simulated subjects."""
    for ax, name in zip(axes, names, strict=True):
        fits = recovery[recovery["parameter"] == name]
        ax.set_visible(len(fits) > 0)
        both = fits[["true", "recovered"]].to_numpy()
        if len(both):
            ends = [both.min(), both.max()]
            ax.plot(ends, ends, color=COLORS["published"], lw=0.6, zorder=0)
        ax.scatter(fits["true"], fits["recovered"], s=4, color=COLORS["animal"], lw=0, alpha=0.7)
        ax.set_xlabel("true")
        ax.locator_params(nbins=3)
    axes[0].set_ylabel("recovered")


def draw(
    family: Family, animals: Tables, networks: Tables, about: Mapping[str, Any], name: str
) -> Drawing:
    """Draw animals next to networks; without fits, behaviour only.

    Parameters
    ----------
    family : Family
    animals, networks : dict of DataFrame
        Tables by name.
    about : dict
        Provenance, with the species.
    name : str
        Of the figure.
    """
    groups = Groups(animals, networks, str(about["species"]))
    fitted = "fits" in animals
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 170 if fitted else 63)
    name_groups(figure, groups("stay_probability"))
    rows: dict[str, Any] = {"height_ratios": (1, 0.95, 1.1)} if fitted else {}
    place: dict[str, Any] = {"left": 0.09, "right": 0.985, "top": 0.93 if fitted else 0.82}
    place["bottom"] = 0.065 if fitted else 0.17
    grid = figure.add_gridspec(3 if fitted else 1, 1, hspace=0.55, **place, **rows)
    panels = draw_behaviour(figure, grid[0], groups, family)
    if fitted:
        panels += draw_fits(figure, grid, groups, family)
    lettered = dict(zip(ascii_lowercase, panels, strict=False))
    return plotting.lettered(name, figure, lettered, split=False, about=dict(about))


def draw_behaviour(figure: Any, place: Any, groups: Groups, family: Family) -> list[Any]:
    """Draw the upper panels, which need no models except for learning rates; return them."""
    published: Mapping[str, Sequence[pd.DataFrame]] = family.published()
    with_networks = "lag_weights" in groups.networks
    by_block = not family.matches and "fits_by_block" in groups.animals
    widths = [1.5, 1, *[1] * with_networks, *[1, 0.45] * family.matches, *[1.5] * by_block]
    row = place.subgridspec(1, len(widths), wspace=0.5, width_ratios=widths)
    panels: list[Any] = [figure.add_subplot(row[column]) for column in range(len(widths))]
    draw_stays(panels[0], groups)
    weights = published.get("lag_weights", (None, None))
    draw_weights(panels[1], groups.animals["lag_weights"], groups.species, weights[0])
    panels[1].set_ylabel("weight on choice (log odds)")
    if with_networks:
        draw_weights(panels[2], groups.networks["lag_weights"], NETWORKS, weights[1])
    if family.matches:
        draw_matching(panels[-2], groups)
        draw_slopes(panels[-1], groups, published.get("matching_slopes", ()))
    if by_block:
        draw_blocks(panels[-1], groups, published.get("fits_by_block", ()))
    return panels


def draw_folder(family: Family, folder: Path, results: Results) -> Iterator[Drawing]:
    """Draw the animals whose tables are in a folder, if there is one, next to the networks."""
    if folder.exists():
        tables = {path.stem: storage.read(path) for path in sorted(folder.glob("*.csv"))}
        about = storage.manifest(folder)["lag_weights.csv"]
        yield draw(family, tables, network_tables(family, results), about, family.figure_name)


def draw_fits(figure: Any, grid: Any, groups: Groups, family: Family) -> list[Any]:
    """Draw the lower panels, which show models; return them in order."""
    baseline = groups.animals["fits"]["model"].iloc[0]
    recovered = "recovery" in groups.animals
    middle = grid[1].subgridspec(1, 2, wspace=0.4, width_ratios=(1.5, 1))
    panels: list[Any] = [figure.add_subplot(middle[0])]
    draw_comparison(panels[0], groups, baseline)
    parameters = parameters_of(groups.animals["fits"], family.main)["parameter"]
    names = [name for name in dict.fromkeys(parameters) if name not in HIDDEN][:MOST_PARAMETERS]
    bottom = grid[2].subgridspec(1 + recovered, len(names), wspace=0.55, hspace=0.35)
    axes = [
        [figure.add_subplot(bottom[row, column]) for column in range(len(names))]
        for row in range(1 + recovered)
    ]
    draw_parameters(axes[0], groups, family, names)
    axes[0][0].set_ylabel("fitted")
    if not recovered:
        return [*panels, axes[0]]
    confusion = figure.add_subplot(middle[1])
    draw_confusion(confusion, groups.animals["confusion"])
    draw_recovery(axes[1], groups.animals["recovery"], names)
    return [*panels, confusion, *axes]


CAPTION = """**%(title)s: {{ animals.species }} and networks.** {{ animals.subjects }}
{{ animals.species }} (file {{ animals.file }}; {{ animals.file_source }};
{{ animals.file_licence }}) and the networks of Fig. %(figure)s {{ cite("wang2018") }}, analysed
in the same way.
"""
BEHAVIOUR = (
    "Probability of repeating a choice after each kind of trial.",
    "Weights of the last trials on the choice of {{ animals.species }} (logistic regression).",
)
NETWORK_WEIGHTS = "The same for networks."
MATCHING = (
    "Log ratios of choices and of rewards, one dot per session, or per block without its first "
    "trials; lines, mean slopes.",
    "Slope for each subject; 1 is matching.",
)
BLOCKS = 'Learning rate of the model "%(by_block)s", fitted to each block.'
COMPARISON = """Cross-validated log-likelihood per choice of models fitted to each subject, relative
to that of %(baseline)s."""
RECOVERY = """Model recovery: for subjects simulated from each model (rows), the percentage for
which each model (columns) has the lowest BIC."""
PARAMETERS = 'Parameters of the model "%(main)s" in each subject.'
RECOVERED = "Recovered against true parameters of simulated subjects."
END = """

Purple, {{ animals.species }}; blue, networks. Dots, subjects; bars and lines, means with their
95 %% t intervals over subjects%(published)s. The tables next to this file have all numbers."""


def caption(family: Family, animals: Tables, networks: Tables) -> str:
    """Write the template of the caption, for the panels that exist."""
    fields = {"title": family.title, "figure": family.figure, "main": family.main, "baseline": ""}
    fields["published"] = "; diamonds, published means" if family.published() else ""
    panels = [*BEHAVIOUR, *([NETWORK_WEIGHTS] if "lag_weights" in networks else [])]
    panels += MATCHING if family.matches else []
    if not family.matches and "fits_by_block" in animals:
        panels.append(BLOCKS)
        fields["by_block"] = animals["fits_by_block"]["model"].iloc[0]
    if "fits" in animals:
        fields["baseline"] = animals["fits"]["model"].iloc[0]
        recovered = "recovery" in animals
        panels += [COMPARISON, RECOVERY, PARAMETERS, RECOVERED] if recovered else []
        panels += [] if recovered else [COMPARISON, PARAMETERS]
    lettered = zip(ascii_lowercase, panels, strict=False)
    return (CAPTION + " ".join(f"**{k}**, {text}" for k, text in lettered) + END) % fields
