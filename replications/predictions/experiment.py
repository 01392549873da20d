"""Predictions of the theory: perturbed dopamine, silenced value (beyond the paper)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.predictions.claims import CLAIMS
from replications.predictions.settings import SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="predictions",
    title="Predictions: perturbed dopamine, silenced value",
    question="Does planning depend on dopamine during training, and on the value signal at test?",
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=TEST_EPISODES,
    claims=CLAIMS,
    uses=("two_step",),
)
