"""Claims about perturbed dopamine in training and a silenced value, each with its criterion.

Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, below, register
from replications.predictions.settings import INTACT, MEASURES, PERTURBATION, SEES, SILENCED

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

CLAIMS = register(
    CLAIMS,
    {
        "ee41e60 2026-11-21": [
            "prediction-interference",
            "prediction-silencing",
            "prediction-silencing-behaviour",
        ],
    },
)
