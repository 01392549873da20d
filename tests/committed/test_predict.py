"""Committed networks that replay their own trials choose as they did."""

from __future__ import annotations

import pytest

import prefrontal
from tests.unit.test_predict import TRIAL, assert_equal


@pytest.mark.parametrize(
    ("experiment", "variant"),
    [
        ("two_step", "default_rpe"),
        ("bandit", "independent"),
        ("probability_matching", "2_steps"),
        ("volatile_bandit", "tied"),
        ("inferred_value", "carried"),
        ("weather", "predictor"),
        ("dopamine_manipulation", "cued"),
        ("dopamine_manipulation", "imposed"),
    ],
)
def test_trained_networks_at_their_own_choices(experiment, variant):
    networks = prefrontal.load(experiment, variant)
    recorded = networks.record(1)
    predicted = networks.predict(recorded.trials, steps=recorded.steps)
    own = predicted[predicted["network"] == predicted["subject"]]
    steps = recorded.steps.merge(own[[*TRIAL, "period"]]).merge(recorded.trials[TRIAL])
    assert_equal(own, steps, ["value", f"p_{networks.task.actions[0]}"])
    assert predicted.columns[:8].tolist() == ["network", *TRIAL, "choice", "reward", "period"]
