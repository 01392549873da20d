"""Claims about networks on Daw's two-step task, each with its criterion.

Criteria on networks were written before any of these networks was trained.
"""

from __future__ import annotations

from prefrontal.analysis.staying import PLANNER_STAYS, TRIAL_TYPES
from prefrontal.publishing.claims import EXTENSION, Claim, above, below, register
from replications.daw_two_step.settings import LEVELS, MAIN, MONKEYS, PEOPLE

TASKS = {MAIN: "Daw's task", LEVELS: "the monkeys' version"}
"""Variant -> the task in words."""

REPORTED = {
    "animals-twostep": {
        "planning": "planning weight (log odds, lag 1)",
        "model_free": "model-free weight (log odds, lag 1)",
    },
    "daw-reward": {
        "normalised": "reward, from random choice (0) to a planner that knows the task (1)"
    },
    "daw-models": {
        "likelihood": "log likelihood per choice (nats): model-based minus model-free learner",
        "weight": "weight of model-based values in the hybrid model (Daw et al. 2011)",
    },
    "daw-units": {
        "interaction": "share of units that code previous transition x previous reward at the "
        "first choice"
    },
}
"""Claim -> its measures without a criterion, in words."""

CLAIMS = []
for variant, task in TASKS.items():
    statement = f"networks on {task}: model-free minus planning weight (log odds, lag 1)"
    claim, measure = "animals-twostep", "model-free minus planning"
    CLAIMS.append(Claim(claim, measure, EXTENSION, statement, below(0), variant=variant))
    CLAIMS += [
        Claim(claim, measure, EXTENSION, f"networks on {task}: {words}", variant=variant)
        for claim, measures in REPORTED.items()
        for measure, words in measures.items()
    ]

# Stay probabilities and results of pilot runs were known when these were written.
for measure in ("planning", "model_free"):
    statement = f"people: {REPORTED['animals-twostep'][measure]}"
    CLAIMS.append(Claim("animals-twostep", measure, EXTENSION, statement, above(0), variant=PEOPLE))
for monkey in MONKEYS:
    for transition, outcome in TRIAL_TYPES:
        signal = f"{transition}/{outcome}"
        statement = (
            f"sessions of {monkey}: lag-1 weight (log odds) of {transition} {outcome} trials"
        )
        criterion = above(0) if signal in PLANNER_STAYS else below(0)
        CLAIMS.append(
            Claim("animals-twostep", signal, EXTENSION, statement, criterion, variant=monkey)
        )

CLAIMS = register(CLAIMS, {"d735e9e 2026-11-29": ["animals-twostep"]})
