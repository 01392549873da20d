"""Claims about Fig. 4, each with its criterion (Wang et al. 2018, Fig. 4)."""

from __future__ import annotations

import pandas as pd

from prefrontal.publishing.claims import (
    RPE_DESCRIPTION,
    RPE_INPUT,
    Claim,
    above,
    below,
    between,
    for_variants,
    register,
)
from prefrontal.tables.storage import published
from replications.inferred_value.settings import MAIN, PANELS, RESET, ROLES, RPE, SERIES

RPE_VARIANTS = {MAIN: RPE}

SIGNS = {"before": (1, -1), "experienced": (-1, 1), "inferred": (-1, 1)}
"""Published sign of the RPE to the old and the new cue."""
NO_EXPECTATION = 0.065
"""Largest trial-1 difference between cues that counts as zero: a tenth of the published one, 0.646
(Fig. 4b)."""


def published_rpes() -> pd.Series:
    """Published RPEs of the networks (Fig. 4b), by panel, role and period."""
    frame, names = published("fig4b"), ["panel", "role", "period"]
    panel = frame["panel"].str.extract(r": (\w+)", expand=False)
    keys = [panel, frame["series"].map(SERIES), frame["x"].str.split().str[1]]
    return frame["y"].astype(float).set_axis(pd.MultiIndex.from_arrays(keys, names=names))


PUBLISHED = published_rpes()


def rpe_claim(panel: str, role: str, sign: int) -> Claim:
    """Claim sign and size of one cue RPE of Fig. 4b."""
    trial = "trial 1" if panel == "before" else f"trial 2, {panel}"
    return Claim(
        "inferred-experienced",
        f"{role}, {panel}",
        "4b",
        f"RPE to the {role}, {trial}",
        above(0) if sign > 0 else below(0),
        float(PUBLISHED[panel, role, "cue"]),
        0.1,
    )


CLAIMS = [
    *(
        rpe_claim(panel, role, sign)
        for panel in PANELS
        for role, sign in zip(ROLES, SIGNS[panel], strict=True)
    ),
    Claim(
        "inferred-inferred",
        "inferred / experienced",
        "4b",
        "inferred / experienced difference between the cues' RPEs",
        between(0.8, 1.2),
    ),
    Claim(
        "inferred-state",
        "old state, reversal trial",
        "4c",
        "fixation of the reversal trial: old state decoded from held-out sessions",
        above(0.95),
    ),
    Claim(
        "inferred-state",
        "new state, next trial",
        "4c",
        "fixation of the next trial: new state decoded from held-out sessions",
        above(0.95),
    ),
    Claim(
        "inferred-carry",
        "difference, before",
        "4b",
        "state reset at every block: difference between the cues' RPEs on trial 1",
        between(-NO_EXPECTATION, NO_EXPECTATION),
        variant=RESET,
    ),
    Claim(
        "inferred-carry",
        "difference, before, minus reset",
        "4b",
        "carried minus reset: difference between the cues' RPEs on trial 1",
        above(0),
        needs=(RESET,),
    ),
]
INFERRED = [("inferred-experienced", f"{role}, inferred") for role in ROLES]
CLAIMS += for_variants(
    CLAIMS, RPE_INPUT, RPE_VARIANTS, RPE_DESCRIPTION, [*INFERRED, "inferred-inferred"]
)

CLAIMS = register(
    CLAIMS,
    {
        "ed26372 2026-11-21": [
            "inferred-experienced",
            "inferred-inferred",
            "inferred-carry",
            "inferred-state",
        ],
        "ee41e60 2026-11-21": ["rpe-input"],
        "a7aa9eb 2026-11-21": [
            ("inferred-experienced", "old cue, inferred"),
            ("inferred-experienced", "new cue, inferred"),
        ],
    },
)
