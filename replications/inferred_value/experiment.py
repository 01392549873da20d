"""The inferred-value experiment (Wang et al. 2018, Fig. 4)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.inferred_value.claims import CLAIMS, RPE_VARIANTS
from replications.inferred_value.settings import MAIN, RESET, SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="inferred_value",
    title="Inferred value",
    figure="4",
    question="When one cue loses its reward, do prediction errors also change for the other, "
    "unseen cue?",
    settings=SETTINGS,
    variants=VARIANTS,
    rpe_variants=RPE_VARIANTS,
    main_panel="4b",
    test_episodes=TEST_EPISODES,
    fresh=32,
    fresh_variants=(MAIN, RESET, *RPE_VARIANTS.values()),
    claims=CLAIMS,
)
