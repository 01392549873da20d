"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from prefrontal.claims import Claim, Criterion, above, below
from prefrontal.tables import published

MAIN = "cued"
TRAINED: dict[str, dict[str, Any]] = {MAIN: {}, "imposed": {"forced_pull": "imposed"}}
"""The networks of Fig. 7, and the other way to force a pull: condition -> settings that depart from those of Config."""

MAIN_PANEL = "7b"
"""Panel that shows the claims."""

TEST_EPISODES, FEW_EPISODES = 1333, 300
"""Test episodes per network and test (Methods, simulation 6: 1,333); per size of the dose-response, and per test of networks that
depart from the default."""

EVENTS = ("risky win", "safe", "risky loss")
"""Outcomes of a pull, after which the reward prediction error that the actor receives may be changed."""

ALL, FREE = PULLS = ("all", "free")
"""Pulls after which the error is changed: forced and free ones, or free ones alone (not stated)."""

PULL_WORDS = {ALL: "all pulls", FREE: "free pulls alone"}

CONTROL, DOSE = "control", "dose"


@dataclass(frozen=True)
class Treatment:
    """What is done to the error in a test; its fields are columns of the tables.

    Attributes
    ----------
    manipulation : str
        Control, a manipulation of Fig. 7, or dose.
    event : str
        Outcome after which the error is changed, of ``EVENTS``.
    size : float
        What is added, in units of reward.
    pulls : str
        After which pulls, of ``PULLS``.
    """

    manipulation: str
    event: str
    size: float
    pulls: str = ALL


@dataclass(frozen=True)
class Manipulation:
    """A manipulation of Fig. 7, and what is claimed of it.

    Attributes
    ----------
    name : str
        In the tables.
    event, size
        As in ``Treatment`` (Methods, simulation 6).
    series : str
        Its name in the digitised Fig. 7.
    claim : str
        Identifier.
    level : {"high", "low"}
        At which of the risky arm's probabilities it is tested.
    criterion : Criterion
        For the shift from control, in points.
    """

    name: str
    event: str
    size: float
    series: str
    claim: str
    level: str
    criterion: Criterion


LOWERS, RAISES = below(0), above(0)
MANIPULATIONS = (
    Manipulation("block risky win", "risky win", -4.0, "block DA at risky win (left)", "dopamine-block-win", "high", LOWERS),
    Manipulation("block safe reward", "safe", -1.0, "block DA at safe reward (middle)", "dopamine-block-safe", "low", RAISES),
    Manipulation("stimulate risky loss", "risky loss", 1.0, "DA at risky loss (right)", "dopamine-add-loss", "low", RAISES),
)
"""In the order of the columns of Fig. 7."""

NAMED = (
    Treatment(CONTROL, "safe", 0.0),
    *(Treatment(m.name, m.event, m.size, pulls) for pulls in PULLS for m in MANIPULATIONS),
)
"""Control, and the manipulations of Fig. 7 after all pulls and after free ones alone."""

DOSES = tuple(Treatment(DOSE, m.event, size) for m in MANIPULATIONS for size in np.arange(-6.0, 4.0))
"""The dose-response."""


def level_of(p_risky: pd.Series) -> np.ndarray:
    """Tell which of the published panels' two probabilities each is."""
    return np.where(p_risky == p_risky.max(), "high", "low")


def published_percent() -> pd.DataFrame:
    """Published risky choice of the networks (Fig. 7b), percent: series, level of the probability x, control, experimental."""
    frame = published("fig7b")
    series, kind = frame["panel"].str.removeprefix("b "), frame["series"].str.removeprefix("model ")
    wide = frame.assign(series=series, kind=kind, level=level_of(frame["x"]))
    return wide.pivot(index=["series", "level", "x"], columns="kind", values="y").reset_index()


TOLERANCE, CONTROL_TOLERANCE = 12.0, 8.0
"""Largest distance of a published percentage from our mean, in points, with and without manipulation."""

PUBLISHED = published_percent()
WORDS = {"high": f"p = {PUBLISHED['x'].max():g}", "low": f"p = {PUBLISHED['x'].min():g}"}
"""The risky arm's probabilities in the paper, for statements."""


def reading(quantity: str, pulls: str) -> str:
    """Name a quantity by the pulls after which the error was changed."""
    return quantity if pulls == ALL else f"{quantity}, {PULL_WORDS[pulls]}"


def manipulation_claims(manipulation: Manipulation, pulls: str) -> list[Claim]:
    """Claim the direction of a shift, and compare where it ends."""
    name, words = manipulation.name, f"{WORDS[manipulation.level]}, {PULL_WORDS[pulls]} manipulated"
    experimental = PUBLISHED.set_index(["series", "level"])["experimental"][manipulation.series, manipulation.level]
    verb = "lowers" if manipulation.criterion == LOWERS else "raises"
    shift = f"{name} {verb} risky choice: minus control, points at {words}"
    percent = f"risky choice under {name}, percent at {words}"
    return [
        Claim(manipulation.claim, reading("shift", pulls), "7b", shift, manipulation.criterion),
        Claim(manipulation.claim, reading("percent", pulls), "7b", percent, None, experimental, TOLERANCE),
    ]


CONTROLS = PUBLISHED.groupby("level")["control"].mean()
IN_CONTROL = "risky choice in control, percent at"

CLAIMS = [Claim("dopamine-control", "high - low", "7b", f"{IN_CONTROL} {WORDS['high']} minus {WORDS['low']}", above(0))]
CLAIMS += [
    Claim("dopamine-control", level, "7b", f"{IN_CONTROL} {words}", None, CONTROLS[level], CONTROL_TOLERANCE)
    for level, words in WORDS.items()
]
CLAIMS += [claim for manipulation in MANIPULATIONS for pulls in PULLS for claim in manipulation_claims(manipulation, pulls)]
CLAIMS += [Claim("dopamine-frozen", "changed", "7b", "tests after which a network's weights differ in any bit", below(1))]
