"""Claims about Fig. 5, each with its criterion (Wang et al. 2018, Fig. 5)."""

from __future__ import annotations

from prefrontal.analysis.staying import PLANNER_STAYS
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing.claims import (
    EXTENSION,
    RPE_DESCRIPTION,
    Claim,
    above,
    below,
    for_variants,
    register,
)
from prefrontal.publishing.claims import RPE_INPUT as RPE
from prefrontal.tables.storage import published
from replications.two_step.settings import IN_TRAINING, LARGE, RESIDUAL, SARSA_RATES

RPE_VARIANTS = {LARGE: "default_rpe"}

lags = (
    published("fig5e")
    .query("series.str.startswith('meta-RL mean ') and x == 1")
    .set_index("series")["y"]
)
stays = published("fig5c-right").query("series == 'meta-RL mean (bar)'").set_index("x")["y"]

CLAIMS = []
for transition, outcome in TRIAL_TYPES:
    statement = f"lag-1 weight (log odds) of {transition} {outcome} trials"
    criterion = above(0) if f"{transition}/{outcome}" in PLANNER_STAYS else below(0)
    value = lags[f"meta-RL mean {transition}/{outcome}"]
    CLAIMS.append(
        Claim("twostep-lags", f"{transition} {outcome}", "5e", statement, criterion, value, 0.6)
    )

statement = "reward x transition interaction in staying (log odds), correct side as covariate"
CLAIMS.append(Claim("twostep-stay", "interaction", "5c", statement, above(0)))
for transition, outcome in TRIAL_TYPES:
    measure, value = f"after {outcome} {transition}", stays[f"{outcome}/{transition}"]
    CLAIMS.append(
        Claim(
            "twostep-stay", measure, "5c", f"stay probability {measure} trials", None, value, 0.08
        )
    )

# The published r2 are printed in the panels.
statement = "variance of the RPEs explained by model-based RPEs (r2)"
CLAIMS.append(Claim("twostep-rpe-mb", "r2", "5f", statement, above(0.8), 0.89, 0.05))
CLAIMS.append(
    Claim(
        "twostep-rpe-mb",
        "r2, last step too",
        "5f",
        f"{statement}, with the last time step of an episode",
    )
)
statement = "variance explained by model-free RPEs, model-based ones regressed out (r2)"
CLAIMS.append(
    Claim(
        "twostep-rpe-mf",
        "r2",
        "5g",
        f"{statement}, SARSA's learning rate fitted to rewards",
        below(RESIDUAL),
        5.8e-7,
    )
)
CLAIMS += [
    Claim(
        "twostep-rpe-mf", f"r2, rate {rate:g}", "5g", f"{statement}, SARSA's learning rate {rate:g}"
    )
    for rate in SARSA_RATES
]

# One regression over the trials of all networks instead of one each, without criterion.
CLAIMS += [
    Claim(
        "twostep-pooled",
        f"{transition} {outcome}",
        EXTENSION,
        f"lag-1 weight (log odds) of {transition} {outcome} trials, one regression over all "
        "networks' trials (jackknife over networks)",
        published=lags[f"meta-RL mean {transition}/{outcome}"],
    )
    for transition, outcome in TRIAL_TYPES
]

# The model-free alternative of Akam, Costa & Dayan (2015), without criterion.
learner = "learner to whom the last outcome is a cue"
CLAIMS += [
    Claim("twostep-cue", measure, EXTENSION, statement)
    for measure, statement in {
        "likelihood": f"log likelihood per unseen choice (nats): planner minus {learner}",
        "lags 2-5": "networks' planning weight (log odds), mean of lags 2-5, "
        "where such a learner has next to none",
        "r2": f"variance of the RPEs explained by RPEs of a {learner} (r2)",
        "r2, residual": f"variance explained by RPEs of a {learner}, "
        "model-based ones regressed out (r2)",
        "weight": f"standardised weight of RPEs of a {learner} beside those of planner and SARSA",
    }.items()
]

# Does a model-free phase come first (Supplementary Figs. 7 and 8 are cited for a coexistence)?
# Reported.
before = "mean of the stages before"
CLAIMS += [
    Claim("twostep-training", measure, EXTENSION, statement, variant=IN_TRAINING)
    for measure, statement in {
        "planning": "training episodes until the planning weight of a fitted mixture "
        "reaches half its last value",
        "weights": f"model-free minus planning weight (log odds, lag 1), {before}",
        "RPEs": "standardised weight of model-free RPEs minus that of model-based ones, "
        f"beside RPEs that do not learn, {before}",
        "unlearned": f"variance explained by RPEs of expectations that do not learn (r2), {before}",
        "mixture": "model-free minus planning weight of a fitted mixture "
        f"(log odds per unit of value), {before}",
    }.items()
]
CLAIMS += for_variants(
    CLAIMS, RPE, RPE_VARIANTS, RPE_DESCRIPTION, ("twostep-lags", "twostep-rpe-mb")
)

CLAIMS = register(
    CLAIMS,
    {
        "7243fc3 2026-11-21": ["twostep-stay", "twostep-lags", "twostep-rpe-mb", "twostep-rpe-mf"],
        "ee41e60 2026-11-21": ["rpe-input"],
    },
)
