"""Behavioural analyses on agents with known answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import expit, softmax
from statsmodels.discrete.conditional_models import ConditionalLogit

from prefrontal import statistics
from prefrontal.analysis import matching, neural, regression, staying
from prefrontal.errors import UserError
from prefrontal.models import model
from prefrontal.models.two_step_learners import REPLAYED, ModelFree, Planner, TwoStep

TASK = {"common": 0.8, "rich": 0.9, "reversal": 0.025}
PLANNER = Planner(**TASK)


def play(agent, seed=0, episodes=300, temperature=3.0):
    rng = np.random.default_rng(seed)
    rule = REPLAYED | {"inverse_temperature": temperature}
    trials = agent.simulate(TwoStep(episodes, 100, **TASK), rule, rng)
    return trials.assign(variant="agent", subject=seed)


def lag_1(weights):
    return weights.query("lag == 1").set_index("signal")["weight"]


def test_planner_reverses_the_sign_after_uncommon_trials():
    weights = lag_1(staying.two_step_weights(play(PLANNER)))
    assert weights["common/rewarded"] > 0 and weights["uncommon/unrewarded"] > 0
    assert weights["common/unrewarded"] < 0 and weights["uncommon/rewarded"] < 0


def test_model_free_learner_fails_the_model_based_test():
    trials = play(ModelFree(fixed={"learning_rate": 0.5, "eligibility": 1.0}))
    weights = lag_1(staying.two_step_weights(trials))
    assert weights["uncommon/rewarded"] > 0


def test_weights_with_a_prior_maximise_the_posterior():
    rng, prior = np.random.default_rng(0), 2.5
    x = rng.choice([-1.0, 0.0, 1.0], size=(400, 3))
    y = (rng.random(400) < expit(x @ [1.5, -0.5, 0.0])).astype(float)

    def against(weights):
        z = x @ weights
        return np.sum(np.logaddexp(0, z) - y * z) + np.sum(weights**2) / (2 * prior**2)

    most_probable = optimize.minimize(against, np.zeros(3), tol=1e-12).x
    np.testing.assert_allclose(
        regression.shrunken_logistic(y, x, prior).weights, most_probable, atol=1e-4
    )
    always = x[:, 0] > 0
    assert np.isnan(regression.logistic(always, x).weights).all()
    found = regression.shrunken_logistic(always, x, prior).weights
    assert found[0] > 2 * prior and np.isfinite(found).all()
    assert np.isnan(regression.shrunken_logistic(np.ones(400), x, prior).weights).all()


def test_stay_probability_counts_by_hand():
    trials = pd.DataFrame(
        {
            "variant": "c",
            "subject": 0,
            "episode": [0, 0, 0, 0, 1, 1],
            "trial": [0, 1, 2, 3, 0, 1],
            "choice": [0, 0, 1, -1, 1, 1],
            "reward": [1.0, 0.0, 1.0, -1.0, 1.0, 0.0],
            "transition": ["common", "common", "uncommon", "none", "common", "common"],
            "rich_state": "S1",
        }
    )
    stay = staying.stay_probability(trials).set_index(["transition", "outcome"])["stay_probability"]
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
            "variant": "c",
            "subject": 0,
            "episode": np.repeat(np.arange(episodes), length),
            "trial": np.tile(np.arange(length), episodes),
            "choice": choice.ravel(),
        }
    )
    found = regression.lagged_regression(trials, {"x": pd.Series(signal.ravel())}, 3)
    assert found.query("signal == 'x'")["weight"].to_numpy() == pytest.approx(planted, abs=0.08)
    assert found.query("signal == 'bias'")["weight"].item() == pytest.approx(0.3, abs=0.05)


def four_armed(weights, episodes=150, length=60, arms=4, seed=0):
    """A learner whose softmax choice is drawn by each arm's own rewards and choices, and by
    biases."""
    rng = np.random.default_rng(seed)
    history = np.zeros((2, episodes, length, arms))  # reward, choice
    choice, reward = np.zeros((2, episodes, length), dtype=int)
    for t in range(length):
        drive = np.array(weights["bias"]) + sum(
            w * history[k, :, t - lag]
            for k, name in enumerate(("reward", "choice"))
            for lag, w in enumerate(weights[name], 1)
            if t >= lag
        )
        choice[:, t] = model.sample(softmax(drive, -1), rng.random(episodes))
        reward[:, t] = rng.random(episodes) < np.array([0.2, 0.4, 0.6, 0.8])[choice[:, t]]
        history[1, :, t] = choice[:, t, None] == np.arange(arms)
        history[0, :, t] = history[1, :, t] * reward[:, t, None]
    keys = {
        "episode": np.repeat(np.arange(episodes), length),
        "trial": np.tile(np.arange(length), episodes),
    }
    return pd.DataFrame(
        {
            "variant": "c",
            "subject": seed,
            **keys,
            "choice": choice.ravel(),
            "reward": reward.ravel(),
        }
    )


def test_planted_weights_of_a_four_armed_learner_are_recovered():
    planted = {"reward": [1.2, 0.5], "choice": [0.6, -0.3], "bias": [0.0, 0.4, -0.2, 0.1]}
    trials = four_armed(planted)
    found = regression.arm_regression(trials, regression.arm_signals(trials, 4), 2).set_index(
        "signal"
    )["weight"]
    for name in ("reward", "choice"):
        assert found[name].to_numpy() == pytest.approx(planted[name], abs=0.1)
    assert found[["bias 1", "bias 2", "bias 3"]].to_numpy() == pytest.approx(
        planted["bias"][1:], abs=0.1
    )


def test_regression_by_arm_agrees_with_maximum_likelihood():
    """statsmodels' conditional logit, on few trials since it is slow."""
    trials = four_armed({"reward": [1.0], "choice": [0.5], "bias": [0.0] * 4}, episodes=10)
    signals = regression.arm_signals(trials, 4)
    ours = regression.arm_regression(trials, signals, 1).query("lag == 1")["weight"].to_numpy()
    inside = trials["trial"] > 0
    before = np.stack(
        [signals[name].shift()[inside].to_numpy() for name in ("reward", "choice")], -1
    )
    bias = np.broadcast_to(np.eye(4)[:, 1:], (len(before), 4, 3))
    design, group = (
        np.concatenate([bias, before], -1).reshape(-1, 5),
        np.repeat(np.arange(len(before)), 4),
    )
    fit = ConditionalLogit(signals["choice"][inside].to_numpy().ravel(), design, groups=group).fit(
        disp=0
    )
    found = regression.arm_regression(trials, signals, 1, errors=True)
    assert ours == pytest.approx(fit.params[3:], abs=1e-3)
    errors = found.query("lag == 1")["error"].to_numpy()
    assert errors == pytest.approx(fit.bse[3:], rel=1e-3)


def test_regression_by_arm_of_two_arms_is_the_one_for_two_sides():
    trials = four_armed(
        {"reward": [1.0, 0.5], "choice": [0.5, 0.2], "bias": [0.0, 0.3]}, 40, arms=2
    )
    sides = regression.lagged_regression(trials, matching.history_signals(trials), 2)
    arms = regression.arm_regression(trials, regression.arm_signals(trials, 2), 2)
    assert arms["weight"].to_numpy() == pytest.approx(sides["weight"].to_numpy(), abs=1e-6)


def test_analyses_of_two_sides_raise_for_a_third():
    trials = four_armed({"reward": [1.0], "choice": [0.0], "bias": [0.0] * 4}, episodes=2)
    for analysis in (
        matching.history_signals,
        matching.matching_points,
        lambda own: regression.lagged_regression(own, {}, 1),
    ):
        with pytest.raises(
            UserError, match=r"choice is 3; it must be below 2, as .* is for 2 arms"
        ) as error:
            analysis(trials)
        assert "\n" not in str(error.value)


def test_degenerate_choices_give_nan_not_an_error():
    trials = play(PLANNER, episodes=2).assign(choice=0)
    assert staying.two_step_weights(trials)["weight"].isna().all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 3), st.floats(-2, 2))
def test_residual_has_nothing_of_the_predictor(seed, scale, offset):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=50)
    y = scale * x + offset + rng.normal(size=50)
    assert regression.explained_variance(y, [x]) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    assert regression.explained_variance(regression.residual(y, x), [x]) < 1e-9


def test_principal_components_find_the_planted_axis():
    rng = np.random.default_rng(0)
    latent, axis = rng.normal(size=200), rng.normal(size=8)
    activity = pd.DataFrame(
        np.outer(latent, axis) + 0.01 * rng.normal(size=(200, 8)),
        columns=[f"unit_{k:02d}" for k in range(8)],
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
