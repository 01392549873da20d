"""Claims about the inner algorithm. Is it Bayes-optimal in structure as it is in behaviour? Is it
learning, or a heuristic? Does it learn each new problem, or identify which of its training problems
it is in? Criteria were written before any of these networks was trained; evidence.md says what
pilot runs on the bandit networks had shown by then.
"""

from __future__ import annotations

from dataclasses import replace

from prefrontal.publishing.claims import (
    EXTENSION,
    Claim,
    Criterion,
    above,
    around,
    below,
    between,
    not_above,
    register,
)
from replications.inner_algorithm.settings import (
    AXIS,
    CONTROL_NETWORKS,
    DECODED,
    FEWEST,
    INFERENCE,
    LEAST_R2,
    LOCATES,
    MOST,
    MOST_SHARED,
    MOVED,
    NETWORKS,
    ONE_PROBLEM,
    PREDICTING,
    PREDICTS,
    PREDICTS_NOISE,
    TASKS,
    UNTRAINED,
)


def extension(
    claim: str,
    measure: str,
    statement: str,
    criterion: Criterion | None = None,
    variant: str = NETWORKS,
) -> Claim:
    """Make a claim that goes beyond the paper."""
    return Claim(claim, measure, EXTENSION, statement, criterion, variant=variant)


STATE = (
    "held-out R2 of the Bayesian agent's state (posterior means, log counts), "
    "read from activity and cell"
)
GIVEN = "given the Bayesian agent's state and the trial"
POLICY = f"held-out R2 of the policy's log odds, {GIVEN}"
EXCHANGED = (
    "variance of log odds between histories with equal counts in another order, "
    "as a share of that between counts"
)
RULES = f"log likelihood per choice (nats, cross-validated), {INFERENCE} minus best"
SHARE = "share of the gain on problems never met (random 0, best possible 1)"
OBSERVERS = (
    "log likelihood per choice (nats) on new problems, "
    "observer whose prior is the network's problems minus the family's"
)
OUTSIDE = "reward as a share of the best agent's that knows the change"
MOST_LOST = 0.02
"""Normalised reward that prediction may cost."""

CLAIMS = [
    extension("inner-statistics", "R2", STATE, above(LEAST_R2)),
    extension(
        "inner-statistics",
        "minus untrained",
        f"{STATE}, minus that of the untrained network",
        above(0),
    ),
    extension("inner-minimal", "R2", f"held-out R2 of activity and cell, {GIVEN}"),
    extension("inner-policy", "R2", POLICY, above(LEAST_R2)),
    extension("inner-exchangeable", "share", EXCHANGED, below(MOST_SHARED)),
]
for experiment, variant in TASKS.items():
    for measure, compared in {
        "minus heuristic": "heuristic of one trial",
        "minus fixed rate": "fixed learning rate",
    }.items():
        statement = f"{RULES} {compared}, {experiment.replace('_', ' ')}"
        CLAIMS.append(extension("inner-learning", measure, statement, above(0), variant))
statement = f"{RULES} planner with separate values of the states at a fixed rate, two step"
CLAIMS.append(
    extension("inner-learning", "minus separate values", statement, variant=TASKS["two_step"])
)
for control, (experiment, trained) in {**CONTROL_NETWORKS, UNTRAINED: ("", "")}.items():
    needs = (trained,) if experiment == "inner_algorithm" else ()
    for claim, statement in (("inner-statistics", STATE), ("inner-policy", POLICY)):
        row = extension(claim, "R2", f"{statement}: control, {control}", variant=control)
        CLAIMS.append(replace(row, needs=needs))
CAUSAL = (
    f"change of the next log odds when the belief in activity and cell (difference of the "
    f"posterior means) is moved by {MOVED:g}, as a share of the Bayesian agent's"
)
for claim, way, words in (
    ("inner-causal", DECODED, "along the weights that decode it"),
    ("inner-causal-axis", AXIS, "along the axis on which the state varies with it"),
):
    minus, random = f"{way}, {ONE_PROBLEM} minus networks", f"{way}, random"
    described = f"{CAUSAL}: networks trained on one problem, minus networks"
    CLAIMS += [
        extension(claim, way, f"{CAUSAL}: {words}", above(0.5)),
        extension(claim, random, f"{CAUSAL}: as far in a random direction", around(0)),
        extension(claim, minus, described, below(0), ONE_PROBLEM),
    ]
WITHOUT = "R2 minus without"
KEEPS = "share minus without"
LESS = {PREDICTS: above(0), PREDICTS_NOISE: not_above(0)}
for variant, changes in PREDICTING.items():
    what = {"reward": "the next reward", "random": "random numbers"}[changes["training.prediction"]]
    trained = f"networks that predict {what}, weight {changes['training.prediction_cost']:g}"
    statement = f"held-out R2 of activity and cell, {GIVEN}: {trained}, minus networks that do not"
    described = f"{SHARE}: {trained}, minus networks that do not"
    keeps = above(-MOST_LOST) if variant == PREDICTS else None
    CLAIMS += [
        extension("inner-minimal-predictive", WITHOUT, statement, LESS.get(variant), variant),
        extension("inner-minimal-predictive", KEEPS, described, keeps, variant),
    ]
minus_all, minus_family = "minus all", "problems minus family"
statement = f"{SHARE}, trained on 1024 minus on all (paired by seed)"
CLAIMS += [
    extension("inner-location", "share", f"{SHARE}, trained on 1", between(-0.1, 0.1), FEWEST),
    extension("inner-location", minus_all, statement, between(-0.05, 0.05), MOST),
    extension("inner-location", minus_family, f"{OBSERVERS}, trained on 4", above(0), LOCATES),
    extension("inner-location", minus_family, f"{OBSERVERS}, trained on 1024", not_above(0), MOST),
    extension("inner-outside", "300 trials", f"{OUTSIDE}: episodes of 300 trials"),
    extension("inner-outside", "alike", f"{OUTSIDE}: both arms within .45-.55"),
    extension("inner-outside", "swap", f"{OUTSIDE}: arms that swap once, at trial 50"),
]

CLAIMS = register(
    CLAIMS,
    {
        "5f846b5 2026-11-21": [
            "inner-statistics",
            "inner-policy",
            "inner-exchangeable",
            "inner-learning",
            "inner-location",
        ],
        "89383b0 2026-11-29": ["inner-causal"],
        "b02ff10 2026-11-29": ["inner-causal-axis"],
        "40a6d35 2026-11-30": ["inner-minimal-predictive"],
    },
)
