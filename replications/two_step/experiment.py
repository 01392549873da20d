"""The two-step experiment (Wang et al. 2018, Fig. 5)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.two_step.claims import CLAIMS, RPE_VARIANTS
from replications.two_step.settings import MAIN, SEARCH, SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="two_step",
    title="The two-step task",
    figure="5",
    question="Do the networks plan, and are their reward prediction errors model-based?",
    settings=SETTINGS,
    variants=VARIANTS,
    rpe_variants=RPE_VARIANTS,
    main_panel="5e",
    test_episodes=TEST_EPISODES,
    fresh=32,
    fresh_variants=(MAIN, *RPE_VARIANTS.values()),
    search=SEARCH,
    claims=CLAIMS,
)
