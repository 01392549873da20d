"""Cross-validation identifies models: each simulated agent is best explained by its own."""

import numpy as np
import pytest
from scipy.special import expit, log_expit

from prefrontal.errors import UserError
from prefrontal.models import bandit, fitting
from prefrontal.models.fitting import WIN_STAY_LOSE_SHIFT, Rule


def q_learning(data, learning_rate, inverse_temperature):
    values = bandit.action_values(data["choice"], data["reward"], learning_rate)
    return inverse_temperature * (values[..., 1] - values[..., 0])


def bayesian(data, inverse_temperature):
    mean, _ = bandit.posterior(data["choice"], data["reward"])
    return inverse_temperature * (mean[..., 1] - mean[..., 0])


RULES = {
    "win-stay lose-shift": WIN_STAY_LOSE_SHIFT,
    "Q-learning": Rule(
        q_learning, {"learning_rate": (0.0, 1.0), "inverse_temperature": (0.0, 20.0)}
    ),
    "Bayesian": Rule(bayesian, {"inverse_temperature": (0.0, 40.0)}),
}
PARAMETERS = {
    "win-stay lose-shift": {"after_win": 2.0, "after_loss": -1.0},
    "Q-learning": {"learning_rate": 0.3, "inverse_temperature": 5.0},
    "Bayesian": {"inverse_temperature": 15.0},
}


def simulate(rule, parameters, episodes, trials, rng):
    """Simulate with the fitted rule, which must not depend on the current or later trials."""
    data = {"choice": np.full((episodes, trials), -1), "reward": np.zeros((episodes, trials))}
    pays = rng.random((episodes, 1, 2))
    for t in range(trials):
        right = rule.log_odds(data, **parameters)[:, t]
        data["choice"][:, t] = rng.random(episodes) < expit(right)
        chance = np.take_along_axis(pays[:, 0], data["choice"][:, [t]], axis=1)[:, 0]
        data["reward"][:, t] = rng.random(episodes) < chance
    return data


@pytest.mark.parametrize("truth", RULES)
def test_agent_is_explained_best_by_its_own_rule(truth):
    rng = np.random.default_rng(1)
    data = simulate(RULES[truth], PARAMETERS[truth], 40, 40, rng)
    held_out = {
        name: fitting.cross_validate(rule, data, rng).mean() for name, rule in RULES.items()
    }
    assert max(held_out, key=held_out.get) == truth
    own = fitting.log_likelihoods(RULES[truth], data, PARAMETERS[truth]).mean()
    assert own - 0.02 < held_out[truth] < own + 0.02
    fitted = fitting.fit(RULES[truth], data, rng)
    assert fitted == pytest.approx(PARAMETERS[truth], rel=0.3)


def test_fit_does_not_depend_on_starting_points():
    data = simulate(
        RULES["Q-learning"],
        PARAMETERS["Q-learning"] | {"learning_rate": 0.01},
        20,
        40,
        np.random.default_rng(3),
    )
    one, other = (
        fitting.fit(RULES["Q-learning"], data, np.random.default_rng(seed)) for seed in (0, 1)
    )
    assert one == pytest.approx(other, rel=1e-6)


def test_idle_parameters_are_not_rewarded():
    rng = np.random.default_rng(2)
    held_out, in_sample = [], []
    for _ in range(40):
        data = {"choice": rng.integers(2, size=(4, 20)), "reward": rng.integers(2, size=(4, 20))}
        held_out.append(fitting.cross_validate(WIN_STAY_LOSE_SHIFT, data, rng, starts=1).mean())
        fitted = fitting.fit(WIN_STAY_LOSE_SHIFT, data, rng, starts=1)
        in_sample.append(fitting.log_likelihoods(WIN_STAY_LOSE_SHIFT, data, fitted).mean())
    assert np.mean(held_out) < np.log(0.5) < np.mean(in_sample)


def test_likelihood_of_win_stay_lose_shift_by_hand():
    data = {"choice": np.array([[1, 1, -1, 0]]), "reward": np.array([[1.0, 0.0, 0.0, 1.0]])}
    log_p = fitting.log_likelihoods(
        WIN_STAY_LOSE_SHIFT, data, {"after_win": 2.0, "after_loss": -1.0}
    )
    assert log_p[0] == pytest.approx(
        [np.log(0.5), log_expit(2.0), np.nan, np.log(0.5)], nan_ok=True
    )


def test_action_values_and_posterior_by_hand():
    choice, reward = np.array([[0, 1, 0, -1, 0]]), np.array([[1.0, 0.0, 0.0, 0.0, 0.0]])
    values = bandit.action_values(choice, reward, 0.5)
    assert values[0] == pytest.approx(
        np.array([[0.5, 0.5], [0.75, 0.5], [0.75, 0.25], [0.375, 0.25], [0.375, 0.25]])
    )
    mean, deviation = bandit.posterior(choice, reward)
    assert mean[0] == pytest.approx(
        np.array([[1 / 2, 1 / 2], [2 / 3, 1 / 2], [2 / 3, 1 / 3], [1 / 2, 1 / 3], [1 / 2, 1 / 3]])
    )
    assert deviation[0, 0] == pytest.approx([12**-0.5, 12**-0.5])


def test_bad_input_is_named():
    data = {"choice": np.full((3, 2), -1), "reward": np.zeros((3, 2))}
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match="invalid or forced in all trials"):
        fitting.fit(WIN_STAY_LOSE_SHIFT, data, rng)
    with pytest.raises(UserError, match="folds is 4"):
        fitting.cross_validate(WIN_STAY_LOSE_SHIFT, data, rng, folds=4)
