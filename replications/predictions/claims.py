"""Claims about perturbed dopamine in training and a silenced value, each with its criterion.

Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, above, below, between, register
from replications.predictions.settings import (
    BOTH,
    INTACT,
    MEASURES,
    PERTURBATION,
    RECEIVES,
    SEES,
    SILENCED,
)

CLAIMS = []
for kind, measure in MEASURES.items():
    statement = (
        f"planning index per step of strength, reward prediction errors in training {measure}"
    )
    perturbed = tuple(variant for variant, (of, _) in PERTURBATION.items() if of == kind)
    CLAIMS.append(
        Claim(
            "prediction-interference",
            measure,
            EXTENSION,
            statement,
            below(0),
            variant=INTACT,
            needs=perturbed,
        )
    )

for variant, seen in SEES.items():
    for silenced in SILENCED[1:]:
        statement = (
            f"r2 with model-based RPEs, value silenced {silenced} minus intact, "
            f"networks that see {seen}"
        )
        claim = "prediction-silencing"
        CLAIMS.append(Claim(claim, silenced, EXTENSION, statement, below(0), variant=variant))

for silenced in SILENCED[1:]:
    statement = f"planning index, value silenced {silenced} minus intact, networks that see RPEs"
    claim = "prediction-silencing-behaviour"
    CLAIMS.append(Claim(claim, silenced, EXTENSION, statement, below(0), variant="default_rpe"))

CRITERIA = {INTACT: between(-0.05, 0.05), "default_rpe": above(0), BOTH: None}
for variant, seen in RECEIVES.items():
    claim, change = (
        "dopamine-bypass",
        "change of the log odds to repeat the first choice per unit of",
    )
    rows = {
        "RPE": ("RPE at the outcome", CRITERIA[variant]),
        "RPE, common": ("RPE at the outcome, after common transitions", None),
        "RPE, uncommon": ("RPE at the outcome, after uncommon transitions", None),
        "reward": ("reward", above(0)),
        "reward, common": ("reward, after common transitions", None),
        "reward, uncommon": ("reward, after uncommon transitions", None),
    }
    CLAIMS += [
        Claim(
            claim,
            measure,
            EXTENSION,
            f"{change} {words}, networks that see {seen}",
            criterion,
            variant=variant,
        )
        for measure, (words, criterion) in rows.items()
    ]

CLAIMS = register(
    CLAIMS,
    {
        "ee41e60 2026-11-21": [
            "prediction-interference",
            "prediction-silencing",
            "prediction-silencing-behaviour",
        ],
        "cc40925 2026-11-29": ["dopamine-bypass"],
    },
)
