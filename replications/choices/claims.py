"""Claims about networks as models of animals, each with its criterion.

Written before any of these likelihoods was computed.
"""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, Criterion, above, below, register
from replications.choices.settings import GROUPS, PLANNERS, Q_LEARNERS

CLAIM = "animals-likelihood"

GAIN = "log likelihood per held-out choice (nats)"

MINUS_TEXTBOOK, MINUS_UNTRAINED, MINUS_GRU = "minus textbook", "minus untrained", "minus GRU"
MINUS_Q = "minus Q-learning"

COMPARED: dict[str, tuple[str, Criterion | None]] = {
    MINUS_TEXTBOOK: ("trained networks minus the best textbook model", None),
    MINUS_UNTRAINED: ("trained minus untrained networks", above(0)),
    MINUS_GRU: ("trained networks minus GRUs fitted to the subjects", None),
}
"""Measure -> the comparison in words, and its criterion."""

CLAIMS = [
    Claim(
        CLAIM,
        measure,
        EXTENSION,
        f"{GAIN}, {group.species} ({group.task}): {words}",
        criterion,
        variant=name,
    )
    for name, group in GROUPS.items()
    for measure, (words, criterion) in COMPARED.items()
]

CLAIMS += [
    Claim(
        CLAIM,
        MINUS_Q,
        EXTENSION,
        f"{GAIN}, {name}: trained networks minus Q-learning ({kind} control)",
        criterion,
        variant=name,
    )
    for name, kind, criterion in (
        (PLANNERS, "positive", above(0)),
        (Q_LEARNERS, "negative", below(0)),
    )
]

CLAIMS = register(CLAIMS, {"3b23ffe0 2026-11-30": [CLAIM]})
