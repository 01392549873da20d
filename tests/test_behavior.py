"""Behavioural analyses on learners whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from prefrontal import behavior, neural, statistics
from prefrontal.learners import two_step


def play(learner, seed=0, episodes=300, temperature=3.0):
    trials = two_step.simulate(learner, temperature, episodes, 100, np.random.default_rng(seed))
    return trials.assign(condition="learner", seed=seed)


def lag_1(weights):
    return weights.query("lag == 1").set_index("signal")["weight"]


def test_planner_reverses_the_sign_after_uncommon_trials():
    weights = lag_1(behavior.two_step_weights(play(two_step.Planner())))
    assert weights["common/rewarded"] > 0 and weights["uncommon/unrewarded"] > 0
    assert weights["common/unrewarded"] < 0 and weights["uncommon/rewarded"] < 0


def test_model_free_learner_fails_the_model_based_test():
    trials = play(two_step.ModelFree(learning_rate=0.5, eligibility=1.0))
    weights = lag_1(behavior.two_step_weights(trials))
    assert weights["uncommon/rewarded"] > 0


def test_stay_probability_counts_by_hand():
    trials = pd.DataFrame(
        {
            "condition": "c",
            "seed": 0,
            "episode": [0, 0, 0, 0, 1, 1],
            "trial": [0, 1, 2, 3, 0, 1],
            "choice": [0, 0, 1, -1, 1, 1],
            "reward": [1.0, 0.0, 1.0, -1.0, 1.0, 0.0],
            "transition": ["common", "common", "uncommon", "none", "common", "common"],
            "rich_state": "S1",
        }
    )
    stay = behavior.stay_probability(trials).set_index(["transition", "outcome"])["stay_probability"]
    # No pair crosses episodes or contains the invalid trial.
    assert stay.to_dict() == {("common", "rewarded"): 1.0, ("common", "unrewarded"): 0.0}


def test_planted_lag_weights_are_recovered():
    rng = np.random.default_rng(1)
    episodes, length, planted = 400, 100, np.array([1.5, -0.8, 0.4])
    signal, choice = np.zeros((episodes, length)), np.zeros((episodes, length), dtype=int)
    for t in range(length):
        drive = 0.3 + sum(w * signal[:, t - lag] for lag, w in enumerate(planted, 1) if t >= lag)
        choice[:, t] = rng.random(episodes) < expit(drive)
        signal[:, t] = rng.normal(size=episodes)
    trials = pd.DataFrame(
        {
            "condition": "c",
            "seed": 0,
            "episode": np.repeat(np.arange(episodes), length),
            "trial": np.tile(np.arange(length), episodes),
            "choice": choice.ravel(),
        }
    )
    found = behavior.lagged_regression(trials, {"x": pd.Series(signal.ravel())}, 3)
    assert found.query("signal == 'x'")["weight"].to_numpy() == pytest.approx(planted, abs=0.08)
    assert found.query("signal == 'bias'")["weight"].item() == pytest.approx(0.3, abs=0.05)


def test_degenerate_choices_give_nan_not_an_error():
    trials = play(two_step.Planner(), episodes=2).assign(choice=0)
    assert behavior.two_step_weights(trials)["weight"].isna().all()
    assert behavior.stay_interaction(trials)["interaction"].isna().all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 3), st.floats(-2, 2))
def test_residual_has_nothing_of_the_predictor(seed, scale, offset):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=50)
    y = scale * x + offset + rng.normal(size=50)
    assert behavior.explained_variance(y, [x]) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    assert behavior.explained_variance(behavior.residual(y, x), [x]) < 1e-9


def test_standardized_weights_of_orthogonal_predictors_are_correlations():
    rng = np.random.default_rng(0)
    a = rng.normal(size=5000)
    b = behavior.residual(rng.normal(size=5000), a)
    y = 2 * a + b + rng.normal(size=5000)
    weights = behavior.standardized_weights(y, {"a": a, "b": b})
    assert weights["weight_a"] == pytest.approx(np.corrcoef(a, y)[0, 1])
    assert weights["weight_b"] == pytest.approx(np.corrcoef(b, y)[0, 1])


def test_principal_components_find_the_planted_axis():
    rng = np.random.default_rng(0)
    latent, axis = rng.normal(size=200), rng.normal(size=8)
    activity = pd.DataFrame(
        np.outer(latent, axis) + 0.01 * rng.normal(size=(200, 8)), columns=[f"unit_{k:02d}" for k in range(8)]
    )
    scores, pca = neural.principal_components(activity.assign(trial=range(200)))
    assert abs(np.corrcoef(scores["pc1"], latent)[0, 1]) > 0.999
    assert pca.explained_variance_ratio_[0] > 0.99
    assert list(scores["trial"]) == list(range(200))


def test_interval_covers_the_mean_at_its_rate():
    rng = np.random.default_rng(0)
    inside = 0
    for sample in rng.normal(3.0, 2.0, size=(2000, 8)):
        _, low, high = statistics.interval(sample)
        inside += low <= 3.0 <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_summary_counts_the_networks_that_have_a_value():
    frame = pd.DataFrame({"by": list("aaab"), "value": [1.0, 2.0, np.nan, 5.0]})
    summary = statistics.summarize(frame, ["by"], "value").set_index("by")
    assert summary["n"].tolist() == [2, 1] and summary["mean"].tolist() == [1.5, 5.0]
