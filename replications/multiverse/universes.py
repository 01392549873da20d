"""Settings that the paper leaves open, and universes that combine their values.

In a multiverse analysis (Steegen et al. 2016), a universe is one way to complete the Methods.
Settings shared by experiments have the same value in all of them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc

from prefrontal import experiments
from prefrontal.publishing.claims import EXTENSION, Claim
from prefrontal.settings import Settings

UNIVERSES, NETWORKS = 32, 4
"""Universes, and networks of each variant in each; the number of universes is a power of two, so
that every value occurs equally often."""

FIRST_SEED = 1_000
"""Seed of the first universe's first network, far from those of the experiments' own networks (from
0) and of sweeps (from 100)."""

ALPHA = 0.05
"""Significance level of a setting's effect, after Holm's correction over an experiment's
settings and rows."""

CONSTANT, ANNEALED = 0, 1
"""Universes of the schedules: a constant learning rate, and one that falls to 0 over the second
half of training."""

SOBOL_SEED = 0
"""Seed of the scrambling."""

TRAINING = "training"
"""Value of the column ``claim`` in rows that describe training."""


NOT_MEASURED = ("matching-units", ("matching-generalises", "held out minus interpolated"))
"""Claims, or rows of them, that were not measured in the universes, whose weights are not kept."""


@dataclass(frozen=True)
class Axis:
    """A setting that varies.

    Attributes
    ----------
    setting : str
        Dotted name.
    levels : tuple
        Its values: first the stated one or, if none is, a usual one. Infinity is used for None, so
        that tables distinguish it from a setting that does not vary.
    paper : str
        What the paper says.
    """

    setting: str
    levels: tuple[Any, ...]
    paper: str

    @property
    def column(self) -> str:
        """Name of the setting in tables, without its group."""
        return self.setting.rpartition(".")[2]


def by_column(*axes: Axis) -> dict[str, Axis]:
    """Axes by column; if two have the same setting, the later one counts."""
    return {axis.column: axis for axis in axes}


OPTIMISER = (
    Axis("network.init_scale", (1.0, 2.5), "not stated"),
    Axis("network.output_scale", (1.0, 3.0), "not stated"),
    Axis("training.learning_rate", (7e-4, 2e-3), "7e-4; raised here"),
    Axis("training.rms_decay", (0.99, 0.9), "not stated"),
    Axis("training.rms_epsilon", (1e-5, 0.1), "not stated"),
    Axis("training.gradient_clip", (math.inf, 40.0), "not stated"),
    Axis("training.entropy_cost", (0.05, 0.025), "0.05; halved here"),
)
INVALID_RESPONSE = Axis("task.invalid_response", ("abort", "repeat"), "not stated")
ANNEALED_ENTROPY = Axis("training.entropy_cost", (1.0, 0.5), "1, approaching 0; halved here")
BANDIT_RATE = Axis("training.learning_rate", (7e-4, 5e-3), "tuned, not printed; 7e-4 elsewhere")
BANDIT_DISCOUNT = Axis("training.discount", (0.9, 0.8), "tuned, not printed; 0.9 elsewhere")
VOLATILE_RATE = Axis("training.learning_rate", (5e-5, 5e-4), "5e-5; raised here")

SHARED = by_column(*OPTIMISER, INVALID_RESPONSE)
"""Settings shared by several experiments. A universe has the same level of each, first or other, in
all of them."""


@dataclass(frozen=True, kw_only=True)
class Multiverse:
    """One experiment in all universes.

    Attributes
    ----------
    experiment : str
        Whose networks are trained, tested and evaluated.
    variants : tuple of str
        What is trained in every universe.
    shared : mapping
        Those of ``SHARED`` that vary, some with values of their own.
    further : mapping
        Settings that vary in this experiment alone.
    fixed : mapping
        Settings of all universes, by dotted name.
    stands_for_main : str
        Variant on which claims about the experiment's main variant are evaluated, if it is another
        one.
    scaled : mapping
        Variant -> column -> factor on the universe's value.
    """

    experiment: str
    variants: tuple[str, ...]
    shared: Mapping[str, Axis]
    further: Mapping[str, Axis]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    stands_for_main: str = ""
    scaled: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def axes(self) -> dict[str, Axis]:
        """All settings that vary, by column."""
        return {**self.shared, **self.further}

    @property
    def universes(self) -> int:
        """Number of universes; of a single setting, one for each of its values."""
        return UNIVERSES if self.shared else len(next(iter(self.further.values())).levels)

    @property
    def main(self) -> str:
        """Variant that claims about the experiment's main one are evaluated on."""
        return self.stands_for_main or experiments.get(self.experiment).main

    @property
    def claims(self) -> list[Claim]:
        """Claims about the paper's figures on these variants, with criterion or published value."""
        return [
            claim
            for claim in experiments.get(self.experiment).claims
            if claim.panel != EXTENSION
            and not claim.named_in(NOT_MEASURED)
            and (claim.variant or self.main) in self.variants
            and (claim.criterion is not None or np.isfinite(claim.published))
        ]


MULTIVERSES: dict[str, Multiverse] = {
    "bandit": Multiverse(
        experiment="bandit",
        variants=("independent", "correlated"),
        shared=by_column(*OPTIMISER, BANDIT_RATE, ANNEALED_ENTROPY),
        further=by_column(BANDIT_DISCOUNT),
    ),
    "bandit_rpe": Multiverse(
        experiment="bandit",
        variants=("independent_rpe", "correlated_rpe"),
        shared=by_column(*OPTIMISER, BANDIT_RATE, ANNEALED_ENTROPY),
        further=by_column(BANDIT_DISCOUNT),
    ),
    "probability_matching": Multiverse(
        experiment="probability_matching",
        variants=("2_steps",),
        stands_for_main="2_steps",
        shared=SHARED,
        further=by_column(Axis("task.steps_per_trial", (2, 3), "not stated")),
    ),
    "volatile_bandit": Multiverse(
        experiment="volatile_bandit",
        variants=("tied",),
        shared=by_column(*OPTIMISER, VOLATILE_RATE, ANNEALED_ENTROPY),
        further=by_column(Axis("training.reward_scale", (0.01, 0.1), "not stated")),
        fixed={"training.snapshots": 0},
    ),
    "inferred_value": Multiverse(
        experiment="inferred_value",
        variants=("carried", "reset"),
        shared=SHARED,
        further=by_column(
            Axis("training.value_cost", (0.05, 0.5), "0.05"),
            Axis("task.response", ("saccade", "cue"), "not stated"),
        ),
        # An update averages over ten blocks where one of a session sums them; see VARIANTS of
        # replications/inferred_value/settings.py.
        scaled={"reset": {"rms_epsilon": 0.1, "gradient_clip": 0.1}},
    ),
    "two_step": Multiverse(
        experiment="two_step",
        variants=("default",),
        stands_for_main="default",
        shared=SHARED,
        further=by_column(
            Axis("task.steps_per_trial", (3, 2), "not stated"),
            Axis("task.stage_2_response", ("any", "side"), "not stated"),
        ),
    ),
    "dopamine_manipulation": Multiverse(
        experiment="dopamine_manipulation",
        variants=("cued",),
        shared=SHARED,
        further=by_column(Axis("task.forced_pull", ("cued", "imposed"), "not stated")),
    ),
}
"""The bandit occurs twice, with rewards and with reward prediction errors as input. Training lasts
as long as in the experiment. Settings that the paper states vary where an experiment's README
departs from them; learning rate and entropy cost vary everywhere."""

SCHEDULES: dict[str, Multiverse] = {
    f"{name}_schedule": Multiverse(
        experiment=MULTIVERSES[name].experiment,
        variants=variants,
        shared={},
        further=by_column(Axis("training.lr_decay_start", (1.0, 0.5), "not stated")),
        fixed={"training.snapshots": 0},
    )
    for name, variants in {
        "bandit": ("independent", "correlated"),
        "bandit_rpe": ("independent_rpe", "correlated_rpe"),
        "probability_matching": ("3_steps",),
        "volatile_bandit": ("tied",),
        "inferred_value": ("carried", "reset"),
        "two_step": ("scales_1_3",),
        "dopamine_manipulation": ("cued",),
    }.items()
}
"""Main variants whose training ends at a constant learning rate, with and without annealing; no
other setting varies."""

PLANNED = MULTIVERSES | SCHEDULES

EXPERIMENTS = tuple(sorted({multiverse.experiment for multiverse in MULTIVERSES.values()}))
"""Experiments whose networks are trained here."""

DISAGREEING = {
    "2e": ("probability_matching", "matching-units-last", ""),
    "2f, lag 1": ("probability_matching", "matching-reward-lags", "lag 1"),
    "5e, common unrewarded": ("two_step", "twostep-lags", "common unrewarded"),
    "7b, control at .125": ("dopamine_manipulation", "dopamine-control", "low"),
}
"""Published values with which the main networks disagreed when the multiverse was planned:
experiment, claim and measure (if empty, all that are compared)."""

COLUMNS = tuple(dict.fromkeys(name for each in PLANNED.values() for name in each.axes))
"""Columns of all settings that vary somewhere."""


@functools.cache
def universes(name: str) -> pd.DataFrame:
    """Settings of an experiment's universes.

    The values of a single setting, or points of one scrambled Sobol sequence, whose first
    coordinates belong to the shared settings and the next ones to the experiment's own. With two
    values per setting, no setting correlates with another, nor with the product of any two.

    Returns
    -------
    DataFrame
        Indexed by universe, a column per setting.
    """
    multiverse = PLANNED[name]
    numbers = pd.RangeIndex(multiverse.universes, name="universe")
    if not multiverse.shared:
        return pd.DataFrame({c: axis.levels for c, axis in multiverse.further.items()}, numbers)
    places = [*SHARED, *multiverse.further]
    dimensions = max(len(SHARED) + len(each.further) for each in MULTIVERSES.values())
    sequence = qmc.Sobol(dimensions, rng=np.random.default_rng(SOBOL_SEED))
    points = sequence.random_base2(UNIVERSES.bit_length() - 1)
    columns = {
        column: [axis.levels[int(x * len(axis.levels))] for x in points[:, places.index(column)]]
        for column, axis in multiverse.axes.items()
    }
    return pd.DataFrame(columns, numbers)


def seeds(universe: int, networks: int = NETWORKS) -> range:
    """Seeds of a universe's networks, which no other universe of its multiverse has."""
    first = FIRST_SEED + universe * NETWORKS
    return range(first, first + networks)


def levels(name: str, universe: int) -> dict[str, Any]:
    """Values of the settings of one universe, by column."""
    frame = universes(name)
    return {column: frame[column].tolist()[universe] for column in PLANNED[name].axes}


def settings(name: str, variant: str, universe: int) -> Settings[Any]:
    """Settings of a universe's networks; those that do not vary are the experiment's."""
    multiverse, values = PLANNED[name], levels(name, universe)
    for column, factor in multiverse.scaled.get(variant, {}).items():
        values[column] *= factor
    varied = {
        axis.setting: None if values[column] == math.inf else values[column]
        for column, axis in multiverse.axes.items()
    }
    trained = experiments.get(multiverse.experiment).variant(variant)
    return trained.vary({**multiverse.fixed, **varied})
