"""Any experiment's task by name, and an agent from outside the suite that learns on it."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from prefrontal import gym
from prefrontal.errors import UserError
from prefrontal.experiment import names

QUICK = {"harlow": {"view": "symbols"}}
"""Settings for this test: in pixels the task draws a thousand images first."""


@pytest.mark.parametrize("experiment", names("train"))
@pytest.mark.filterwarnings("ignore:.*Box.*:UserWarning")
def test_every_experiment_opens_by_its_folder_name(experiment):
    check_env(gym.make(experiment, **QUICK.get(experiment, {})), skip_render_check=True)


def test_settings_reach_the_task():
    env = gym.make("two_step", trials=3, steps_per_trial=2)
    env.reset(seed=0)
    steps = 1
    while not env.step(np.int64(0))[2]:
        steps += 1
    assert steps == 6


@pytest.mark.parametrize(
    ("experiment", "settings", "named"),
    [
        ("twostep", {}, "two_step"),
        ("two_step", {"trails": 3}, "trials"),
        ("two_step", {"learning_rate": 1e-3}, "trials"),
        ("two_step", {"common": 1.2}, "between 0 and 1"),
    ],
)
def test_unknown_names_and_impossible_values_are_refused_in_one_line(experiment, settings, named):
    with pytest.raises(UserError, match=named) as error:
        gym.make(experiment, **settings)
    assert "\n" not in str(error.value)


def test_an_agent_from_outside_learns_the_bandit():
    """REINFORCE on a table of preferences, by the wins of either arm so far: nothing of the suite but ``make``."""
    env, rng = gym.make("bandit", trials=10), np.random.default_rng(0)
    preferences, earned, baseline = {}, [], 5.0
    for episode in range(2_500):
        env.reset(seed=episode)
        score, total, over, taken = (0, 0), 0.0, False, []
        while not over:
            p_right = 1 / (1 + np.exp(-preferences.get(score, 0.0)))
            action = int(rng.random() < p_right)
            _, reward, over, _, _ = env.step(np.int64(action))
            taken.append((score, action - p_right))
            total += reward
            left, right = score
            gain = 1 if reward > 0 else -1
            score = (left, np.clip(right + gain, -3, 3)) if action else (np.clip(left + gain, -3, 3), right)
        for score, gradient in taken:
            preferences[score] = preferences.get(score, 0.0) + 0.1 * (total - baseline) * gradient
        baseline += 0.02 * (total - baseline)
        earned.append(total / 10)
    assert np.mean(earned[:300]) == pytest.approx(0.5, abs=0.05)
    late = np.array(earned[-500:])
    assert late.mean() - 3 * late.std() / np.sqrt(len(late)) > 0.52
