"""Daw's two-step task (beyond the paper; Daw et al. 2011, Miranda et al. 2026)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.daw_two_step.claims import CLAIMS
from replications.daw_two_step.settings import SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="daw_two_step",
    title="Daw's two-step task",
    question="Do networks plan on the task that people and monkeys were given, and do they choose "
    "like them?",
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=TEST_EPISODES,
    claims=CLAIMS,
)
