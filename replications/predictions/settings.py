"""Settings of two-step networks trained with perturbed errors, and of silencing at test."""

from __future__ import annotations

from typing import Any

from replications.two_step import settings as two_step

SETTINGS = two_step.SETTINGS
"""Settings of the two-step networks with larger initial weights, which are the intact control."""

TEST_EPISODES = two_step.TEST_EPISODES
"""Test episodes per network and variant, as many as for the two-step networks."""

INTACT = two_step.LARGE
"""The intact two-step networks that see reward."""

SEES = {INTACT: "reward", "default_rpe": "RPEs"}
"""Intact two-step networks, whose value is silenced at test -> what they see."""

STRENGTHS: dict[str, tuple[float, ...]] = {
    "rpe_scale": (0.3, 0.1, 0.03),
    "negative_rpe_scale": (0.5, 0.2, 0.0),
    "rpe_noise": (1.0, 3.0, 10.0),
}
"""Kind of perturbation, a training setting -> its strengths, mildest first, chosen before any
network was trained."""

VARIANTS: dict[str, dict[str, Any]] = {}
PERTURBATION: dict[str, tuple[str, int]] = {}
"""Variant -> kind of perturbation, and rank of its strength; intact networks have rank 0 of every
kind."""
for kind, strengths in STRENGTHS.items():
    for rank, strength in enumerate(strengths, start=1):
        VARIANTS[f"{kind}_{strength:g}"] = {f"training.{kind}": strength}
        PERTURBATION[f"{kind}_{strength:g}"] = kind, rank

BOTH = "both"
VARIANTS[BOTH] = {"network.input": "reward_and_rpe"}
RECEIVES = SEES | {BOTH: "reward and RPEs"}
"""Networks whose outcomes are changed at test -> what they receive."""

OUTCOMES: dict[str, tuple[float, float | None]] = {
    "RPE raised": (1.0, None),
    "RPE lowered": (-1.0, None),
    "reward 1": (0.0, 1.0),
    "reward 0": (0.0, 0.0),
}
"""Change of an outcome -> number added to its reward prediction error, and its reward if
changed."""

SILENCED = ("no", "by period", "throughout")
"""The value at test is intact, or replaced by its mean in each period of a trial, or by one overall
mean."""

MEASURES = {
    "rpe_scale": "scaled down",
    "negative_rpe_scale": "scaled down where negative",
    "rpe_noise": "with noise added",
}
"""Kind of perturbation -> name of its measure."""
