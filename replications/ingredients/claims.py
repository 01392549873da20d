"""Claims about the ingredients of a learning algorithm, written before any network was trained."""

from __future__ import annotations

from typing import Any

from prefrontal.analysis.staying import PLANNER_STAYS
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing.claims import EXTENSION, Claim, above, below, between, register
from replications.ingredients.settings import EQUAL, MARGIN, MEMORIES, NONE, ONE_TRIAL, THOMPSON

SHARE = "share of the gain on the bandit (random 0, best possible 1)"


def claim_about(
    claim: str,
    variant: str,
    words: str,
    criterion: Any,
    measure: str = "share",
    statement: str = SHARE,
) -> Claim:
    """Make a claim about one variant."""
    return Claim(claim, measure, EXTENSION, f"{statement}: {words}", criterion, variant=variant)


CLAIMS = [
    claim_about("ingredient-memory", core, words, above(ONE_TRIAL))
    for core, words in MEMORIES.items()
]
for claim, suffix, training in (
    ("ingredient-memory", "", ""),
    ("ingredient-memory-long", "_long", ", longer training"),
):
    for core, words in MEMORIES.items():
        for transition, outcome in TRIAL_TYPES:
            side = above(0) if f"{transition}/{outcome}" in PLANNER_STAYS else below(0)
            lag = f"lag-1 weight (log odds) of {transition} {outcome} trials in the two-step task"
            CLAIMS.append(
                claim_about(
                    claim,
                    f"{core}_two_step{suffix}",
                    words + training,
                    side,
                    f"{transition} {outcome}",
                    lag,
                )
            )
CLAIMS += [
    claim_about("ingredient-no-memory", NONE, "feedforward", below(ONE_TRIAL + MARGIN)),
    claim_about(
        "ingredient-no-memory",
        "forgets",
        "LSTM that begins anew at every trial",
        below(ONE_TRIAL + MARGIN),
    ),
    claim_about(
        "ingredient-no-memory",
        f"{NONE}_two_step",
        "feedforward",
        below(0.55),
        "reward",
        "reward per trial of the two-step task",
    ),
    claim_about(
        "ingredient-no-reward", "no_reward", "no reward among the inputs", between(-MARGIN, MARGIN)
    ),
    claim_about(
        "ingredient-no-action",
        "no_action",
        "no action among the inputs minus the full network, paired by seed",
        below(0),
        "minus full",
    ),
    claim_about(
        "ingredient-one-task",
        "one_problem",
        "trained on one problem, tested on drawn ones",
        between(-MARGIN, MARGIN),
    ),
    claim_about(
        "ingredient-one-task",
        "one_problem",
        "trained on one problem, tested on it with the arms exchanged",
        below(50),
        "mirrored",
        "expected reward of 100 trials",
    ),
    claim_about(
        "ingredient-one-task",
        "one_problem",
        "trained on one problem, tested on drawn ones",
        None,
        "right",
        "choices of the right arm, percent",
    ),
    claim_about("ingredient-untrained", "untrained", "initial weights", between(-MARGIN, MARGIN)),
    claim_about(
        "ingredient-imitation", "imitation", "supervised by the better arm", above(ONE_TRIAL)
    ),
    claim_about(
        "ingredient-imitation",
        "imitation",
        "supervised by the better arm",
        between(-MARGIN, MARGIN),
        "minus Thompson",
        f"{SHARE} minus Thompson sampling's, {THOMPSON:.3f}",
    ),
    claim_about(
        "ingredient-imitation",
        "imitation_long",
        "supervised by the better arm, three times as long",
        None,
    ),
    claim_about(
        "ingredient-visible", "visible", "no memory, the task shows each arm's last outcome", None
    ),
    *(
        claim_about(
            "ingredient-equal", f"{core}_equal", f"{core}, as many parameters as the LSTM", None
        )
        for core in EQUAL
    ),
]

CLAIMS = register(
    CLAIMS,
    {
        "1ea4f5c 2026-11-21": [
            "ingredient-memory",
            "ingredient-no-memory",
            "ingredient-no-reward",
            "ingredient-no-action",
            "ingredient-one-task",
            "ingredient-untrained",
            "ingredient-imitation",
        ],
        "3275b0a 2026-11-30": ["ingredient-memory-long"],
    },
)
