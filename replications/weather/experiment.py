"""The weather experiment: learning without reward (beyond the paper)."""

from __future__ import annotations

from prefrontal.experiments import Experiment
from replications.weather.claims import CLAIMS
from replications.weather.settings import SETTINGS, TEST_EPISODES, VARIANTS

EXPERIMENT = Experiment(
    name="weather",
    title="Weather: learning without reward",
    question="Do networks trained to predict, without reward, acquire the same algorithm?",
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=TEST_EPISODES,
    claims=CLAIMS,
)
