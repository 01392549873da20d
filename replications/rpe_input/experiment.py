"""Reward prediction errors in place of rewards as input, in several experiments."""

from __future__ import annotations

from prefrontal.experiments import Study

EXPERIMENT = Study(
    name="rpe_input",
    title="Reward prediction error as input",
    figure="Methods, simulation 6",
    question="Does the reward prediction error serve as input in place of the reward?",
    uses=("bandit", "probability_matching", "volatile_bandit", "inferred_value", "two_step"),
)
