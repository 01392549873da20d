"""What is trained, what is tested and what is claimed about learning the weather with and without reward.

Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from typing import Any

from prefrontal.claims import BEYOND, Claim, above

MAIN, BETS = "predictor", "bets"
"""Predicts tomorrow: cross-entropy, no reward, no action. Bets on tomorrow: reinforcement as in the paper, 1 if right."""

BLIND = {"objective": "supervised", "sees_reward": False, "sees_action": False, "entropy_cost": 0.0, "entropy_cost_end": None}
TRAINED: dict[str, dict[str, Any]] = {MAIN: BLIND, BETS: {}}
"""The learning rate of each is chosen among 7e-4, 2e-3 and 5e-3, on two networks each that are not judged: the one with the
largest mean share of the gain on validation episodes (``share_validation``)."""

TEST_EPISODES = 300
"""Test sequences per network."""

LATE = 50
"""Days that are left out where it says late: 51 to 100 are judged."""

SURE = 0.6
"""The mixture is sure where it gives its better guess more than this."""

TESTS: dict[str, dict[str, Any]] = {
    "drawn": {},
    "patterns of 5 and 6 days": {"kind": "pattern", "pattern_days": (5, 6)},
}
"""What is tested -> settings of the task: kinds as in training, and patterns that were never met."""
OUTSIDE = "patterns of 5 and 6 days"

CLAIMS = [
    Claim(
        "weather-predictor",
        "share of the gap",
        BEYOND,
        "share of the gap in log loss between running frequency and exact mixture that the predictor closes, days 51-100",
        above(0.9),
    ),
    Claim(
        "weather-bets",
        "share of accuracy",
        BEYOND,
        "accuracy of the bets as a share of the exact mixture's, days 51-100",
        above(0.97),
        condition=BETS,
    ),
    Claim(
        "weather-agree",
        "alike",
        BEYOND,
        "share of days on which predictor and betting network decide alike, where the mixture is surer than .6",
        above(0.95),
    ),
    *(
        Claim(
            "weather-outside",
            "minus mixture",
            BEYOND,
            f"patterns of 5 and 6 days, never met: accuracy on days 51-100 minus that of the mixture over trained kinds, {words}",
            condition=condition,
        )
        for condition, words in ((MAIN, "predictor"), (BETS, "bets"))
    ),
]
