"""Claims about neurons and units, each with its criterion.

Criteria were written before these analyses were run; rows whose result was known from pilot runs
say so.
"""

from __future__ import annotations

from dataclasses import replace

from prefrontal.publishing.claims import (
    EXTENSION,
    Claim,
    Criterion,
    above,
    not_above,
    register,
)
from replications.neurons.settings import (
    ALPHA,
    CHOSEN,
    DAW,
    GIVEN_VALUES,
    MODEL_FREE,
    PLANNER,
    SHIFTED,
    TRAINED,
)

CODING, PREDICTIVITY = "neurons-interaction", "neurons-predictivity"

SHARE = "share of units that code previous transition x reward at the first choice"
GAIN = "held-out variance of spike counts beyond task regressors and trend"


def coding(measure: str, variant: str, what: str, criterion: Criterion | None = None) -> Claim:
    """Make a row about the interaction of previous transition and reward."""
    return Claim(CODING, measure, EXTENSION, f"{SHARE}: {what}", criterion, variant=variant)


def predicted(measure: str, variant: str, what: str, criterion: Criterion | None = None) -> Claim:
    """Make a row about the prediction of spike counts."""
    return Claim(PREDICTIVITY, measure, EXTENSION, f"{GAIN}: {what}", criterion, variant=variant)


TRIED = "sessions; a trial run had shown"
CLAIMS = [
    coding("share", TRAINED, "networks", above(ALPHA)),
    coding("share", "ACC", f"ACC ({TRIED} .27)", above(ALPHA)),
    coding("minus DLPFC", "ACC", f"ACC minus DLPFC ({TRIED} .19)", above(0)),
    coding("minus putamen", "ACC", f"ACC minus putamen ({TRIED} .17)", above(0)),
    coding("minus untrained", TRAINED, "trained minus untrained networks", above(0)),
    coding("share", PLANNER, "units made of a planner's values (positive control)", above(ALPHA)),
    coding(
        "share", MODEL_FREE, "units made of model-free values (negative control)", not_above(ALPHA)
    ),
    coding("share", SHIFTED, "ACC, shifted by half a session (negative control)", not_above(ALPHA)),
    coding("share", CHOSEN, "units made of the model-free value of the chosen option"),
    coding("given staying", "ACC", "ACC, given whether the choice repeats, and that x reward"),
    *(coding("share", area, area) for area in ("DLPFC", "Caudate", "Putamen")),
    predicted("minus untrained", "ACC", "trained minus untrained networks, ACC", above(0)),
    predicted(
        "minus untrained",
        "another network",
        "units of another network (positive control)",
        above(0),
    ),
    predicted(
        "minus untrained",
        SHIFTED,
        "ACC, shifted by half a session (negative control)",
        not_above(0),
    ),
    *(
        predicted("minus untrained", area, f"trained minus untrained networks, {area}")
        for area in ("DLPFC", "Caudate", "Putamen")
    ),
    *(
        predicted(kind, "ACC", f"{what}, ACC")
        for kind, what in (
            (TRAINED, "trained networks"),
            (PLANNER, "a planner's values"),
            (MODEL_FREE, "model-free values"),
        )
    ),
]

ON_THEIR_TASK = [
    coding("share", DAW, "networks trained on the monkeys' task", above(ALPHA)),
    coding(
        "minus untrained", DAW, "networks trained on the monkeys' task, minus untrained", above(0)
    ),
    predicted(
        "minus untrained, monkeys' task",
        "ACC",
        "networks trained on the monkeys' task minus untrained, ACC",
        above(0),
    ),
]

POOLED = f"pooled, {GIVEN_VALUES}"
AFTER = "given the values before the outcome (post-hoc)"
POOLED_ROWS = {"pooled": "all neurons (post-hoc)", POOLED: f"all neurons, {AFTER}"}
POST_HOC = [
    *(coding(key, "ACC", f"ACC, {text}") for key, text in POOLED_ROWS.items()),
    coding(GIVEN_VALUES, PLANNER, f"units made of a planner's values, {AFTER}"),
    coding(GIVEN_VALUES, MODEL_FREE, f"units made of model-free values, {AFTER}"),
    coding(GIVEN_VALUES, CHOSEN, f"units made of the model-free value of the choice, {AFTER}"),
]
"""Rows without criterion, added after the others had been seen: the negative control had failed, as
explained by the values before the outcome."""

for area in ("DLPFC", "Caudate", "Putamen"):
    POST_HOC += [coding(measure, area, f"{area}, {text}") for measure, text in POOLED_ROWS.items()]

POST_HOC = [
    replace(row, summary="share") if row.measure.startswith("pooled") else row for row in POST_HOC
]

REGISTERED = [CODING, PREDICTIVITY]
CLAIMS = [
    *register(CLAIMS, {"2414cf6 2026-11-29": REGISTERED}),
    *register(ON_THEIR_TASK, {"43bac91 2026-11-29": REGISTERED}),
    *POST_HOC,
]
