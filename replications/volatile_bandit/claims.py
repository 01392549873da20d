"""Claims about Fig. 3, each with its criterion (Wang et al. 2018, Fig. 3)."""

from __future__ import annotations

import numpy as np

from prefrontal.publishing.claims import (
    EXTENSION,
    RPE_DESCRIPTION,
    Claim,
    above,
    around,
    for_variants,
    register,
)
from prefrontal.publishing.claims import RPE_INPUT as RPE
from prefrontal.tables.storage import published
from replications.volatile_bandit.settings import (
    ALPHA,
    BLOCKS,
    CONTROL_RATE,
    FAST,
    FIXED,
    MAIN,
    OBSERVER,
    PEOPLE,
    RISE,
    RISES,
    UNTIED,
)

RPE_VARIANTS = {MAIN: "tied_rpe"}


def published_rates() -> dict[str, float]:
    """Read the published mean learning rates of the networks, by block (Fig. 3d)."""
    bars = published("fig3d").query("series == 'meta-RL mean learning rate (bar)'")
    return dict(zip(bars["x"].str.lower(), bars["y"], strict=True))


RATES, UNITS = published_rates(), 0.37
"""Published learning rates, and share of units that code volatility (text)."""

ORDER = "lowest block's learning rate / that of the weights"
CODING = "share of units that code true volatility, mean over episodes"
NULL = "the same less the share with volatility turned round by half a block"
DEPARTURES = {MAIN: "", FAST: ", ten times faster weights", UNTIED: ", untied generator"}
GAPS = {rise: RATES[volatile] - RATES[stable] for rise, (volatile, stable) in RISES.items()}

CLAIMS = [
    Claim(
        "volatility-rate",
        rise,
        "3d",
        f"learning rate, {rise}{departure}",
        above(0),
        gap if name == MAIN else np.nan,
        variant=name,
    )
    for name, departure in DEPARTURES.items()
    for rise, gap in GAPS.items()
]
CLAIMS += [
    Claim("volatility-rate", block, "3d", f"learning rate, {block}", above(0), RATES[block], 0.12)
    for block in BLOCKS
]
statement = "correlation of learning-rate curves, network and Bayesian agent"
CLAIMS += [
    Claim("volatility-orders", "lowest block / weights", "3d", ORDER, above(1000)),
    Claim(
        "volatility-orders",
        "lowest block / weights",
        "3d",
        f"{ORDER}{DEPARTURES[FAST]}",
        variant=FAST,
    ),
    Claim("volatility-bayes", "correlation", "3b", statement, above(0.7)),
    Claim("volatility-units", "share", "3b", CODING, above(ALPHA), UNITS, 0.1),
    Claim("volatility-units", "share - null", "3b", NULL, above(0)),
]
CLAIMS += for_variants(
    CLAIMS, RPE, RPE_VARIANTS, RPE_DESCRIPTION, [("volatility-rate", rise) for rise in RISES]
)

# The fit of Fig. 3d with a window as long as the block. In windows of ten trials of one person it
# is biased: the learning rate of agents with a fixed one seems to rise with volatility.
BY_BLOCK = "learning rate, volatile minus stable block, one fit per block"
statement = f"networks minus people ({PEOPLE[0]}): {BY_BLOCK}"
CLAIMS += [
    Claim("animals-volatility", RISE, EXTENSION, f"people ({group}): {BY_BLOCK}", variant=group)
    for group in PEOPLE[1:]
]
CLAIMS += [
    Claim(
        "animals-volatility",
        RISE,
        EXTENSION,
        f"{who}: {BY_BLOCK}",
        criterion,
        variant=variant,
    )
    for variant, who, criterion in (
        (PEOPLE[0], f"people ({PEOPLE[0]})", above(0)),
        (
            FIXED,
            f"agents with a fixed rate of {CONTROL_RATE:g} on these people's trials",
            around(0),
        ),
        (OBSERVER, "Bayesian agent on these people's trials", above(0)),
    )
]
CLAIMS += [
    Claim(
        "animals-volatility",
        RISE,
        EXTENSION,
        statement,
        variant=MAIN,
        summary="difference",
        versus=PEOPLE[0],
    )
]

CLAIMS = register(
    CLAIMS,
    {
        "af78393 2026-11-21": [
            "volatility-bayes",
            "volatility-units",
            "volatility-rate",
            "volatility-orders",
        ],
        "bf5c0ae 2026-11-21": ["rpe-input"],
        "b02df02 2026-11-30": ["animals-volatility"],
    },
)
