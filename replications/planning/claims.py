"""Claims about time to think, each with its criterion.

Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, Criterion, above, not_above, register
from replications.planning.settings import (
    DECODED,
    DISTANT,
    FEEDFORWARD,
    GREEDY,
    LONG,
    LONGER,
    NEAR,
    NONE,
    SEARCH,
)

SHARE = "share of shortest paths found"
TIME = f"{SHARE}, {LONG} minus {NONE} silent time steps"
DISTANT_TIME = f"{TIME}, goals at distance {DISTANT} or more"
DEPTH = f"{TIME}: goals at distance {DISTANT} or more, minus goals at distance {NEAR}"
BEYOND = (
    f"{SHARE}, {LONGER} silent time steps, never met in training, minus {LONG}, "
    f"goals at distance {DISTANT} or more"
)
WITHOUT_BUMPS = f"{DISTANT_TIME}, moves into walls not counted"
DECODING = (
    f"accuracy with which the next-but-one cell of the path (distance {DECODED} or more) is "
    f"decoded from activity before the first move, {LONG} silent time steps"
)
GIVEN_FIRST = f"{DECODING}, minus from position, goal and first move"


def extension(
    claim: str,
    measure: str,
    statement: str,
    criterion: Criterion | None = None,
    variant: str = "",
) -> Claim:
    """Make a claim that goes beyond the paper."""
    return Claim(claim, measure, EXTENSION, statement, criterion, variant=variant)


CLAIMS = [
    extension("planning-time", "gain", DISTANT_TIME, above(0)),
    extension("planning-time", "gain without bumps", WITHOUT_BUMPS),
    extension("planning-depth", "distant minus near", DEPTH, above(0)),
    extension("planning-beyond", "longer minus long", BEYOND),
    extension("planning-path", "minus untrained", f"{DECODING}, minus untrained", above(0)),
    extension("planning-path", "minus first move", GIVEN_FIRST),
    extension("planning-path", "long minus none", f"{DECODING}, minus without silent time"),
    extension("planning-controls", "gain", f"{DISTANT_TIME}: search", above(0), SEARCH),
    extension("planning-controls", "distant minus near", f"{DEPTH}: search", above(0), SEARCH),
    extension("planning-controls", "gain", f"{DISTANT_TIME}: greedy moves", not_above(0), GREEDY),
    extension(
        "planning-controls", "gain", f"{DISTANT_TIME}: feedforward", not_above(0), FEEDFORWARD
    ),
    extension(
        "planning-controls",
        "minus untrained",
        f"{DECODING}, minus untrained: search, activity is its plan",
        above(0),
        SEARCH,
    ),
    extension(
        "planning-controls",
        "minus untrained",
        f"{DECODING}, minus untrained: greedy moves, no plan",
        not_above(0),
        GREEDY,
    ),
]

CLAIMS = register(
    CLAIMS,
    {
        "0b5facdd 2026-11-30": [
            "planning-time",
            "planning-depth",
            "planning-path",
            "planning-controls",
        ],
        "a4012e43 2026-12-01": [("planning-controls", "minus untrained")],
    },
)
