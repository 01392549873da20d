"""The experiment NAME."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.NAME.claims import CLAIMS
from replications.NAME.settings import SETTINGS, VARIANTS

EXPERIMENT = Experiment(
    name="NAME",
    title="NAME",
    question="Do networks find the better of two arms within an episode, with frozen weights?",
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=100,
    claims=CLAIMS,
    in_suite=False,  # your own: not in the suite's tables, score and committed data
)
