"""The experiment on the algorithm inside the networks (beyond the paper)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.inner_algorithm.claims import CLAIMS
from replications.inner_algorithm.settings import (
    LOCATES,
    MOST,
    SETTINGS,
    TASKS,
    TEST_EPISODES,
    VARIANTS,
)

EXPERIMENT = Experiment(
    name="inner_algorithm",
    title="The algorithm inside",
    question="Do the networks perform Bayesian inference, or follow simpler rules?",
    settings=SETTINGS,
    variants=VARIANTS,
    uses=(*TASKS, "ingredients"),
    test_episodes=TEST_EPISODES,
    fresh=32,
    fresh_variants=(LOCATES, MOST),
    claims=CLAIMS,
)
