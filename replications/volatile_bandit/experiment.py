"""The volatile-bandit experiment (Wang et al. 2018, Fig. 3)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.volatile_bandit.claims import CLAIMS, RPE_VARIANTS
from replications.volatile_bandit.settings import (
    FAST,
    MAIN,
    SETTINGS,
    TEST_EPISODES,
    UNTIED,
    VARIANTS,
)

EXPERIMENT = Experiment(
    name="volatile_bandit",
    title="Volatile bandit",
    figure="3",
    question="Do networks with frozen weights learn faster when the environment is volatile?",
    settings=SETTINGS,
    variants=VARIANTS,
    rpe_variants=RPE_VARIANTS,
    main_panel="3d",
    test_episodes=TEST_EPISODES,
    fresh=32,
    fresh_variants=(MAIN, FAST, UNTIED, *RPE_VARIANTS.values()),
    claims=CLAIMS,
)
