"""What the paper leaves open, and the universes in which it is settled otherwise (Steegen et al. 2016).

A universe settles every open setting, for all experiments alike as far as they share it.
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
from prefrontal.publishing import claims

UNIVERSES, NETWORKS = 32, 4
"""Universes, and networks in each; the number of universes is a power of two, so that values come equally often."""

FIRST_SEED = 1_000
"""Seed of the first universe's first network, far from those of networks that are judged (from 0) and of sweeps (from 100)."""

ALPHA = 0.05
"""Level at which the effect of a setting counts, after Holm's correction over an experiment's settings and rows."""

SOBOL_SEED = 0
"""Seed of the scrambling."""

TRAINING = "training"
"""In the place of a claim: how training went."""

CLIPS_NOT = math.inf
"""A gradient_clip that never clips."""


@dataclass(frozen=True)
class Axis:
    """A setting that varies.

    Attributes
    ----------
    levels : tuple
        Its values: first the stated one or, if none is, a usual one.
    paper : str
        What the paper says.
    """

    levels: tuple[Any, ...]
    paper: str


ANNEALED_ENTROPY = Axis((1.0, 0.5), "1, approaching 0; halved here")

SHARED: dict[str, Axis] = {
    "init_scale": Axis((1.0, 2.5), "not stated"),
    "output_scale": Axis((1.0, 3.0), "not stated"),
    "learning_rate": Axis((7e-4, 2e-3), "7e-4; raised here"),
    "rms_decay": Axis((0.99, 0.9), "not stated"),
    "rms_epsilon": Axis((1e-5, 0.1), "not stated"),
    "gradient_clip": Axis((CLIPS_NOT, 40.0), "not stated"),
    "entropy_cost": Axis((0.05, 0.025), "0.05; halved here"),
    "invalid_response": Axis(("abort", "repeat"), "not stated"),
}
"""Settings that several experiments have. A universe takes the same side of each, first or other value, in all of them."""

OPTIMISER = ("init_scale", "output_scale", "learning_rate", "rms_decay", "rms_epsilon", "gradient_clip", "entropy_cost")


@dataclass(frozen=True)
class Multiverse:
    """One experiment in all universes.

    Attributes
    ----------
    experiment : str
        Whose networks are trained, tested and judged.
    variants : tuple of str
        What is trained in every universe, by its names.
    shared : mapping
        Those of ``SHARED`` that vary, where values differ from there with their own.
    own : mapping
        Settings that vary in this experiment alone.
    fixed : mapping
        Settings of all universes.
    scaled : mapping
        Variant -> setting -> factor on the universe's value.
    """

    experiment: str
    variants: tuple[str, ...]
    shared: Mapping[str, Axis]
    own: Mapping[str, Axis]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    scaled: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def axes(self) -> dict[str, Axis]:
        """All settings that vary."""
        return {**self.shared, **self.own}

    @property
    def claims(self) -> list[claims.Claim]:
        """Claims of the paper that networks of these variants evaluate_claim, or that have a published value."""
        variants = experiments.module(self.experiment, "variants")
        return [
            claim
            for claim in variants.CLAIMS
            if claim.panel != claims.EXTENSION
            and (claim.variant or variants.MAIN) in self.variants
            and (claim.criterion is not None or np.isfinite(claim.published))
        ]


def shared(*names: str, **differing: Axis) -> dict[str, Axis]:
    """Choose shared settings, some with values of their own."""
    return {name: differing.get(name, axis) for name, axis in SHARED.items() if name in (*OPTIMISER, *names)}


BANDIT_AXES = (
    shared(
        learning_rate=Axis((7e-4, 5e-3), "tuned, not printed; 7e-4 elsewhere"),
        entropy_cost=ANNEALED_ENTROPY,
    ),
    {"discount": Axis((0.9, 0.8), "tuned, not printed; 0.9 elsewhere")},
)

MULTIVERSES: dict[str, Multiverse] = {
    "bandit": Multiverse("bandit", ("independent", "correlated"), *BANDIT_AXES),
    "bandit_rpe": Multiverse("bandit", ("independent_rpe", "correlated_rpe"), *BANDIT_AXES),
    "probability_matching": Multiverse(
        "probability_matching", ("2_steps",), shared("invalid_response"), {"steps_per_trial": Axis((2, 3), "not stated")}
    ),
    "volatile_bandit": Multiverse(
        "volatile_bandit",
        ("tied",),
        shared(learning_rate=Axis((5e-5, 5e-4), "5e-5; raised here"), entropy_cost=ANNEALED_ENTROPY),
        {"reward_scale": Axis((0.01, 0.1), "not stated")},
        fixed={"snapshots": 0},
    ),
    "inferred_value": Multiverse(
        "inferred_value",
        ("carried", "reset"),
        shared("invalid_response"),
        {"value_cost": Axis((0.05, 0.5), "0.05"), "response": Axis(("saccade", "cue"), "not stated")},
        # An update averages over ten blocks where one of a session sums them; replications/inferred_value/variants.py.
        scaled={"reset": {"rms_epsilon": 0.1, "gradient_clip": 0.1}},
    ),
    "two_step": Multiverse(
        "two_step",
        ("default",),
        shared("invalid_response"),
        {"steps_per_trial": Axis((3, 2), "not stated"), "stage_2_response": Axis(("any", "side"), "not stated")},
    ),
    "dopamine_manipulation": Multiverse(
        "dopamine_manipulation", ("cued",), shared("invalid_response"), {"forced_pull": Axis(("cued", "imposed"), "not stated")}
    ),
}
"""The bandit stands here twice, with rewards and with reward prediction errors as input. Training lasts as long as in the
experiment. Settings that the paper states vary where an experiment's README departs from them; learning rate and entropy cost
vary everywhere."""

WANTED = {
    "2e": ("probability_matching", "matching-units", ""),
    "2f, lag 1": ("probability_matching", "matching-reward-lags", "lag 1"),
    "5e, common unrewarded": ("two_step", "twostep-lags", "common unrewarded"),
    "7b, control at .125": ("dopamine_manipulation", "dopamine-control", "low"),
}
"""Published values with which the main networks do not agree: experiment, claim and measure (if empty,
all that are compared)."""

SETTINGS = tuple(dict.fromkeys(name for own in MULTIVERSES.values() for name in own.axes))
"""All settings that vary somewhere."""


@functools.cache
def universes(name: str) -> pd.DataFrame:
    """Settings of an experiment's universes.

    They are points of one scrambled Sobol sequence, whose first coordinates belong to the shared settings, the next ones to the
    experiment's own. With two values per setting no setting correlates with another, nor with the product of any two.

    Returns
    -------
    DataFrame
        Indexed by universe, a column per setting.
    """
    multiverse = MULTIVERSES[name]
    places = [*SHARED, *multiverse.own]
    points = qmc.Sobol(max(len(SHARED) + len(own.own) for own in MULTIVERSES.values()), rng=np.random.default_rng(SOBOL_SEED))
    sample = points.random_base2(UNIVERSES.bit_length() - 1)
    columns = {
        setting: [axis.levels[int(x * len(axis.levels))] for x in sample[:, places.index(setting)]]
        for setting, axis in multiverse.axes.items()
    }
    return pd.DataFrame(columns, pd.RangeIndex(UNIVERSES, name="universe"))


def seeds(universe: int, networks: int = NETWORKS) -> range:
    """Seeds of a universe's networks, which no other universe of the experiment has."""
    first = FIRST_SEED + universe * NETWORKS
    return range(first, first + networks)


def varied(name: str, universe: int) -> dict[str, Any]:
    """Settings of one universe."""
    frame = universes(name)
    return {setting: frame[setting].tolist()[universe] for setting in MULTIVERSES[name].axes}


def settings(name: str, variant: str, universe: int) -> dict[str, Any]:
    """Settings in which networks of a universe depart from the experiment's ``Config``, but for the seed."""
    multiverse, own = MULTIVERSES[name], varied(name, universe)
    scaled = {setting: factor * own[setting] for setting, factor in multiverse.scaled.get(variant, {}).items()}
    return {**experiments.trained(multiverse.experiment)[variant], **multiverse.fixed, **own, **scaled}
