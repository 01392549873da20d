"""Claims about Fig. 7, each with its criterion (Wang et al. 2018, Fig. 7)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.publishing.claims import EXTENSION, Claim, above, below, between, register
from prefrontal.tables.storage import published
from replications.dopamine_manipulation.settings import (
    ALL,
    FREE,
    MANIPULATIONS,
    PULLS,
    UNINFORMATIVE,
    Manipulation,
)

TOLERANCE, CONTROL_TOLERANCE = 12.0, 8.0
"""Largest distance of a published percentage from our mean, in points, with and without
manipulation."""

PULL_WORDS = {ALL: "all pulls", FREE: "free pulls alone"}


def level_of(p_risky: pd.Series) -> np.ndarray:
    """Label the higher of two probabilities "high", the other one "low"."""
    return np.where(p_risky == p_risky.max(), "high", "low")


def published_percent() -> pd.DataFrame:
    """Read the published risky choice of the networks (Fig. 7b).

    Returns
    -------
    DataFrame
        series, level and x (the risky arm's probability), control and experimental (percent).
    """
    frame = published("fig7b")
    series = frame["panel"].str.removeprefix("b ")
    kind = frame["series"].str.removeprefix("model ")
    wide = frame.assign(series=series, kind=kind, level=level_of(frame["x"]))
    return wide.pivot(index=["series", "level", "x"], columns="kind", values="y").reset_index()


PUBLISHED = published_percent()
PROBABILITY = {"high": f"p = {PUBLISHED['x'].max():g}", "low": f"p = {PUBLISHED['x'].min():g}"}
"""The risky arm's probabilities in the paper, for the statements of claims."""


def measure_name(measure: str, pulls: str) -> str:
    """Name a measure by the pulls after which the error is changed."""
    return measure if pulls == ALL else f"{measure}, {PULL_WORDS[pulls]}"


def manipulation_claims(manipulation: Manipulation, pulls: str) -> list[Claim]:
    """Claim the direction of a shift, and compare the resulting percentage."""
    claim, name, level = manipulation.claim, manipulation.name, manipulation.level
    criterion, verb = (above(0), "raises") if manipulation.raises else (below(0), "lowers")
    tested = f"{PROBABILITY[level]}, {PULL_WORDS[pulls]} manipulated"
    shift = f"{name} {verb} risky choice: minus control, points at {tested}"
    percent = f"risky choice under {name}, percent at {tested}"
    value = PUBLISHED.set_index(["series", "level"])["experimental"][manipulation.series, level]
    return [
        Claim(claim, measure_name("shift", pulls), "7b", shift, criterion),
        Claim(claim, measure_name("percent", pulls), "7b", percent, None, value, TOLERANCE),
    ]


CONTROLS = PUBLISHED.groupby("level")["control"].mean()

statement = "risky choice in control, percent at"
difference = f"{statement} {PROBABILITY['high']} minus {PROBABILITY['low']}"
CLAIMS = [Claim("dopamine-control", "high - low", "7b", difference, above(0))]
for level, p_risky in PROBABILITY.items():
    words, value = f"{statement} {p_risky}", CONTROLS[level]
    CLAIMS.append(Claim("dopamine-control", level, "7b", words, None, value, CONTROL_TOLERANCE))
for manipulation in MANIPULATIONS:
    for pulls in PULLS:
        CLAIMS += manipulation_claims(manipulation, pulls)
statement = "tests after which a network's weights differ in any bit"
CLAIMS.append(Claim("dopamine-frozen", "changed", "7b", statement, below(1)))

for level, p_risky in PROBABILITY.items():
    value = CONTROLS[level]
    row = Claim(
        "dopamine-uninformative",
        level,
        EXTENSION,
        f"risky choice in control, percent at {p_risky}: forced pulls carry no information",
        between(value - CONTROL_TOLERANCE, value + CONTROL_TOLERANCE),
        value,
        CONTROL_TOLERANCE,
        variant=UNINFORMATIVE,
        measured="dopamine-control",
    )
    CLAIMS.append(row)

CLAIMS = register(
    CLAIMS,
    {
        "3d0b32b 2026-11-21": [
            "dopamine-control",
            "dopamine-block-win",
            "dopamine-block-safe",
            "dopamine-add-loss",
            "dopamine-frozen",
        ],
        "a230285 2026-11-21": [
            ("dopamine-block-win", "shift, free pulls alone"),
            ("dopamine-block-safe", "shift, free pulls alone"),
            ("dopamine-add-loss", "shift, free pulls alone"),
        ],
        "6adab28 2026-11-30": ["dopamine-uninformative"],
    },
)
