"""Draw animals next to networks: behaviour, fitted models, and parameter recovery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pandas as pd

from prefrontal.animals import fit_panels, panels
from prefrontal.animals.families import Family, network_tables, parameters_of
from prefrontal.animals.panels import NETWORKS, Groups, Tables
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from prefrontal.tables import storage

HIDDEN = ("bias_2", "bias_3")
"""Parameters that are not plotted; there is one for each further option."""

MOST_PARAMETERS = 8


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
    panels.name_groups(figure, groups("stay_probability"))
    rows: dict[str, Any] = {"height_ratios": (1, 0.95, 1.1)} if fitted else {}
    place: dict[str, Any] = {"left": 0.09, "right": 0.985, "top": 0.93 if fitted else 0.82}
    place["bottom"] = 0.065 if fitted else 0.17
    grid = figure.add_gridspec(3 if fitted else 1, 1, hspace=0.55, **place, **rows)
    drawn = draw_behaviour(figure, grid[0], groups, family)
    if fitted:
        drawn += draw_fits(figure, grid, groups, family)
    lettered = dict(zip(ascii_lowercase, drawn, strict=False))
    return plotting.lettered(name, figure, lettered, split=False, about=dict(about))


def draw_behaviour(figure: Any, place: Any, groups: Groups, family: Family) -> list[Any]:
    """Draw the upper panels, which need no models except for learning rates; return them."""
    published: Mapping[str, Sequence[pd.DataFrame]] = family.published()
    with_networks = "lag_weights" in groups.networks
    by_block = not family.matches and "fits_by_block" in groups.animals
    widths = [1.5, 1, *[1] * with_networks, *[1, 0.45] * family.matches, *[1.5] * by_block]
    row = place.subgridspec(1, len(widths), wspace=0.5, width_ratios=widths)
    drawn: list[Any] = [figure.add_subplot(row[column]) for column in range(len(widths))]
    panels.draw_stays(drawn[0], groups)
    weights = published.get("lag_weights", (None, None))
    panels.draw_weights(drawn[1], groups.animals["lag_weights"], groups.species, weights[0])
    drawn[1].set_ylabel("weight on choice (log odds)")
    if with_networks:
        panels.draw_weights(drawn[2], groups.networks["lag_weights"], NETWORKS, weights[1])
    if family.matches:
        panels.draw_matching(drawn[-2], groups)
        panels.draw_slopes(drawn[-1], groups, published.get("matching_slopes", ()))
    if by_block:
        panels.draw_blocks(drawn[-1], groups, published.get("fits_by_block", ()))
    return drawn


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
    drawn: list[Any] = [figure.add_subplot(middle[0])]
    fit_panels.draw_comparison(drawn[0], groups, baseline)
    parameters = parameters_of(groups.animals["fits"], family.main)["parameter"]
    names = [name for name in dict.fromkeys(parameters) if name not in HIDDEN][:MOST_PARAMETERS]
    bottom = grid[2].subgridspec(1 + recovered, len(names), wspace=0.55, hspace=0.35)
    axes = [
        [figure.add_subplot(bottom[row, column]) for column in range(len(names))]
        for row in range(1 + recovered)
    ]
    fit_panels.draw_parameters(axes[0], groups, family, names)
    axes[0][0].set_ylabel("fitted")
    if not recovered:
        return [*drawn, axes[0]]
    confusion = figure.add_subplot(middle[1])
    fit_panels.draw_confusion(confusion, groups.animals["confusion"])
    fit_panels.draw_recovery(axes[1], groups.animals["recovery"], names)
    return [*drawn, confusion, *axes]


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
    texts = [*BEHAVIOUR, *([NETWORK_WEIGHTS] if "lag_weights" in networks else [])]
    texts += MATCHING if family.matches else []
    if not family.matches and "fits_by_block" in animals:
        texts.append(BLOCKS)
        fields["by_block"] = animals["fits_by_block"]["model"].iloc[0]
    if "fits" in animals:
        fields["baseline"] = animals["fits"]["model"].iloc[0]
        recovered = "recovery" in animals
        texts += [COMPARISON, RECOVERY, PARAMETERS, RECOVERED] if recovered else []
        texts += [] if recovered else [COMPARISON, PARAMETERS]
    lettered = zip(ascii_lowercase, texts, strict=False)
    return (CAPTION + " ".join(f"**{k}**, {text}" for k, text in lettered) + END) % fields
