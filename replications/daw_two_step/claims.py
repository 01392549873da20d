"""Claims about networks on Daw's two-step task, each with its criterion.

Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, below
from replications.daw_two_step.settings import LEVELS, MAIN

TASKS = {MAIN: "Daw's task", LEVELS: "the monkeys' version"}
"""Variant -> the task in words."""

REPORTED = {
    "animals-twostep": {
        "networks, planning": "planning weight (log odds, lag 1)",
        "networks, model-free": "model-free weight (log odds, lag 1)",
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
    claim, measure = "animals-twostep", "networks, model-free minus planning"
    CLAIMS.append(Claim(claim, measure, EXTENSION, statement, below(0), variant=variant))
    CLAIMS += [
        Claim(claim, measure, EXTENSION, f"networks on {task}: {words}", variant=variant)
        for claim, measures in REPORTED.items()
        for measure, words in measures.items()
    ]
