"""The experiment on the ingredients that an emerging learning algorithm needs."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.ingredients.claims import CLAIMS
from replications.ingredients.settings import SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="ingredients",
    title="Ingredients",
    question="Which ingredients make a learning algorithm emerge?",
    uses=("bandit", "two_step"),
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=TEST_EPISODES,
    claims=CLAIMS,
)
