"""The Harlow experiment (Wang et al. 2018, Fig. 6)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.harlow.claims import CLAIMS
from replications.harlow.settings import (
    FURTHER_VARIANTS,
    RECORDED,
    SETTINGS,
    TEST_EPISODES,
    VARIANTS,
)

EXPERIMENT = Experiment(
    name="harlow",
    title="Harlow's learning sets",
    figure="6",
    question="Do networks with frozen weights learn from a single trial which image is rewarded?",
    settings=SETTINGS,
    variants=VARIANTS,
    further_variants=FURTHER_VARIANTS,
    recorded=RECORDED,
    test_episodes=TEST_EPISODES,
    claims=CLAIMS,
)
