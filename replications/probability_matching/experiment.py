"""The probability-matching experiment (Wang et al. 2018, Fig. 2)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.probability_matching.claims import CLAIMS, RPE_VARIANTS
from replications.probability_matching.settings import MAIN, SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="probability_matching",
    title="Probability matching",
    figure="2",
    question="Do the networks match their choices to rewards, and do their units code what "
    "prefrontal neurons code?",
    settings=SETTINGS,
    variants=VARIANTS,
    rpe_variants=RPE_VARIANTS,
    main_panel="2d",
    test_episodes=TEST_EPISODES,
    fresh=32,
    fresh_variants=(MAIN, *RPE_VARIANTS.values()),
    claims=CLAIMS,
)
