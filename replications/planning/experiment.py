"""The planning experiment: time to think before the first move (beyond the paper)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.planning.claims import CLAIMS
from replications.planning.settings import SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="planning",
    title="Planning: time to think",
    question="Do networks search: does time to think help, and more so for distant goals?",
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=TEST_EPISODES,
    claims=CLAIMS,
)
