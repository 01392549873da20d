"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 4)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from prefrontal.publishing.claims import RPE_INPUT as RPE
from prefrontal.publishing.claims import RPE_WORDS, Claim, above, again, below, between
from prefrontal.tables.storage import published

MAIN, RESET = "carried", "reset"
"""LSTM state carried through a session of many blocks, or reset at every block."""

STATED = {"learning_rate": 7e-4, "value_cost": 0.05, "init_scale": 2.5}
CHOSEN = STATED | {"value_cost": 0.5}
"""Settings compared over training: the paper's learning rate and value cost (Methods, "Learning"), and ours; README, "Deviations
and choices". The initial weights, which are not stated, are ours in both."""

TRAINED: dict[str, dict[str, Any]] = {
    MAIN: {},
    RESET: {"blocks": 1, "episodes": 100_000, "episodes_per_update": 10, "rms_epsilon": 1e-6},
    "carried_stated_value_cost": {"value_cost": STATED["value_cost"]},
    "carried_rpe": {"network_input": "rpe"},
}
"""``RESET`` has the same 200 steps in an update: ten blocks side by side. Their losses are averaged where one unroll of ten
blocks sums them, which RMSProp's normalisation undoes exactly once epsilon is a tenth as large."""

RPE_INPUT = {MAIN: "carried_rpe"}

MAIN_PANEL = "4b"

OBSERVERS = {"observer: boundary known": True, "observer: constant hazard": False}
"""Variants of the ideal observers, and whether they know where blocks begin."""

TEST_EPISODES = 100
"""Test sessions per network, which makes 1,200 blocks, the paper's episodes (Methods, simulation 3: 1,200)."""
SESSION_BLOCKS = 12
"""Analysed blocks of a test session; the warm-up blocks before them come on top."""
WARM_UP_BLOCKS = 3
"""First blocks of a test session, left out: a session starts from the initial LSTM state, without a past."""

PERIODS = ["fixation", "cue", "saccade", "reward"]
DRAWN = PERIODS[:3]
"""Steps of Fig. 4b."""
PANELS = ["before", "experienced", "inferred"]
"""Columns of Fig. 4b: the reversal trial, and the next one with the same cue or the other."""
ROLES = ["old cue", "new cue"]
"""The cue rewarded before the reversal, and the one rewarded after it."""
SERIES = dict(zip(("cue rewarded prior to reversal", "cue rewarded after reversal"), ROLES, strict=True))
"""The same as the digitised panels name them."""

SIGNS = {"before": (1, -1), "experienced": (-1, 1), "inferred": (-1, 1)}
"""Published sign of the RPE to the old and the new cue."""
NO_EXPECTATION = 0.065
"""Largest trial-1 difference between cues that counts as none: a tenth of the published one, 0.646 (Fig. 4b)."""


def published_rpes() -> pd.Series:
    """Published RPEs of the networks (Fig. 4b), by panel, role and period."""
    frame = published("fig4b")
    keys = [frame["panel"].str.extract(r": (\w+)", expand=False), frame["series"].map(SERIES), frame["x"].str.split().str[1]]
    return frame["y"].astype(float).set_axis(pd.MultiIndex.from_arrays(keys, names=["panel", "role", "period"]))


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
    *(rpe_claim(panel, role, sign) for panel in PANELS for role, sign in zip(ROLES, SIGNS[panel], strict=True)),
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
    ),
]
INFERRED = [("inferred-experienced", f"{role}, inferred") for role in ROLES]
CLAIMS += again(CLAIMS, RPE, RPE_INPUT, RPE_WORDS, [*INFERRED, "inferred-inferred"])
