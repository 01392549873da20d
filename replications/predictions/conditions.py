"""What is done to dopamine in training and to the value at test, and what is claimed."""

from __future__ import annotations

from typing import Any

from prefrontal.publishing.claims import EXTENSION, Claim, below

MAIN = "default"
"""The intact two-step networks that see reward (replications/two_step)."""

SEES = {MAIN: "reward", "default_rpe": "RPEs"}
"""Intact networks of replications/two_step, whose value is silenced at test -> what they see."""

STRENGTHS: dict[str, tuple[float, ...]] = {
    "rpe_scale": (0.3, 0.1, 0.03),
    "negative_rpe_scale": (0.5, 0.2, 0.0),
    "rpe_noise": (1.0, 3.0, 10.0),
}
"""Kind of interference, which is a setting -> its strengths, mildest first, chosen before any network was trained."""

TRAINED: dict[str, dict[str, Any]] = {}
INTERFERENCE: dict[str, tuple[str, int]] = {}
"""Variant -> kind of interference, and rank of its strength; intact networks have rank 0 of every kind."""
for kind, strengths in STRENGTHS.items():
    for rank, strength in enumerate(strengths, start=1):
        TRAINED[f"{kind}_{strength:g}"] = {kind: strength}
        INTERFERENCE[f"{kind}_{strength:g}"] = kind, rank

TEST_EPISODES = 300
"""Test episodes per network and variant, those of replications/two_step (Methods, simulation 4: 300)."""

SILENCED = ("no", "by period", "throughout")
"""The value at test is left alone, or replaced by its mean in each period of a trial, or by one mean."""

WORDS = {"rpe_scale": "scaled down", "negative_rpe_scale": "scaled down where negative", "rpe_noise": "with noise added"}
"""Kind of interference in words; those are the measures' names."""

CLAIMS = []
for words in WORDS.values():
    statement = f"planning index per step of strength, reward prediction errors in training {words}"
    CLAIMS.append(Claim("prediction-interference", words, EXTENSION, statement, below(0)))
for variant, seen in SEES.items():
    for how in SILENCED[1:]:
        statement = f"r2 with model-based RPEs, value silenced {how} minus intact, networks that see {seen}"
        CLAIMS.append(Claim("prediction-silencing", how, EXTENSION, statement, below(0), variant=variant))
for how in SILENCED[1:]:
    statement = f"planning index, value silenced {how} minus intact, networks that see RPEs"
    CLAIMS.append(Claim("prediction-silencing-behaviour", how, EXTENSION, statement, below(0), variant="default_rpe"))
