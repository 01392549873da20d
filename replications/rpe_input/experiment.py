"""Reward prediction errors in place of rewards as input, in several experiments."""

from __future__ import annotations

from prefrontal.experiments import Study

EXPERIMENT = Study(
    name="rpe_input",
    title="Reward prediction error as input",
    figure="Methods, simulation 6",
    question="Can the reward prediction error replace the reward as input?",
    uses=("bandit", "probability_matching", "volatile_bandit", "inferred_value", "two_step"),
)
