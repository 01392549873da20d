"""The bandit experiment (Wang et al. 2018, Fig. 1)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.bandit.claims import CLAIMS, RPE_VARIANTS
from replications.bandit.settings import SEARCH, SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="bandit",
    title="Bandits",
    figure="1",
    question="Do networks with frozen weights learn new bandits as well as textbook algorithms do?",
    settings=SETTINGS,
    variants=VARIANTS,
    rpe_variants=RPE_VARIANTS,
    main_panel="1d",
    test_episodes=TEST_EPISODES,
    fresh=64,
    fresh_variants=tuple(VARIANTS),
    search=SEARCH,
    claims=CLAIMS,
)
