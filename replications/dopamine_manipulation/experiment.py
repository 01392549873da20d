"""The dopamine manipulation (Wang et al. 2018, Fig. 7)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.dopamine_manipulation.claims import CLAIMS
from replications.dopamine_manipulation.settings import MAIN, SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="dopamine_manipulation",
    title="Dopamine manipulation",
    figure="7",
    question="Does changing the reward prediction error shift choices while weights are frozen?",
    settings=SETTINGS,
    variants=VARIANTS,
    main_panel="7b",
    test_episodes=TEST_EPISODES,
    fresh=32,
    fresh_variants=(MAIN,),
    claims=CLAIMS,
)
