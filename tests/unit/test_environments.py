"""Any experiment's task by name, and an agent from outside the suite that learns on it."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from prefrontal import environments
from prefrontal.errors import UserError
from prefrontal.experiments import names

QUICK = {"harlow": {"view": "symbols"}}
"""Settings for this test: in pixels the task draws a thousand images first."""


@pytest.mark.parametrize("experiment", names("train"))
@pytest.mark.filterwarnings("ignore:.*Box.*:UserWarning")
def test_every_experiment_opens_by_its_folder_name(experiment):
    check_env(environments.make(experiment, **QUICK.get(experiment, {})), skip_render_check=True)


def test_settings_reach_the_task():
    env = environments.make("two_step", trials=3, steps_per_trial=2)
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
        ("two_step", {"common": "often"}, "a number"),
        ("two_step", {"trials": 2.5}, "a whole number"),
        ("two_step", {"trials": 0}, "1 or more"),
        ("two_step", {"steps_per_trial": 5}, "2, 3"),
        ("harlow", {"last": True, "view": "pixels", "view_size": 36}, "pixels"),
    ],
)
def test_unknown_names_and_impossible_values_are_refused_in_one_line(experiment, settings, named):
    with pytest.raises(UserError, match=named) as error:
        environments.make(experiment, **settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("action", [-1, 2, 7, 0.5, np.nan, np.array([0, 1])])
def test_actions_that_are_none_are_refused(action):
    env = environments.make("bandit", trials=3)
    env.reset(seed=0)
    with pytest.raises(UserError, match=r"action is .* must be 0 to 1: left, right"):
        env.step(action)
    assert env.step(np.int64(1))[4]["trial"] == 1, "a refused action leaves the episode as it was"


def test_no_step_before_the_first_reset_or_after_the_end():
    env = environments.make("bandit", trials=2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.int64(0))
    env.reset(seed=0)
    assert [env.step(np.int64(0))[2] for _ in range(2)] == [False, True]
    with pytest.raises(gymnasium.error.ResetNeeded, match="done"):
        env.step(np.int64(0))
    env.reset(seed=0)
    assert not env.step(np.int64(0))[2]


@pytest.mark.filterwarnings("ignore:.*Box.*:UserWarning")
def test_observations_with_the_last_action_and_reward():
    env, plain = (environments.make("bandit", trials=30, last=last) for last in (True, False))
    check_env(env, skip_render_check=True)
    assert env.reset(seed=4)[0].tolist() == [*plain.reset(seed=4)[0], 0, 0, 0]
    rewards = set()
    for action in [0, 1, 1] * 10:
        seen, reward, *_ = env.step(np.int64(action))
        bare, *_ = plain.step(np.int64(action))
        assert seen.tolist() == [*bare, action == 0, action == 1, reward] and env.observation_space.contains(seen)
        rewards.add(reward)
    assert rewards == {0.0, 1.0}


@pytest.mark.filterwarnings("ignore:.*Box.*:UserWarning")
def test_tasks_have_ids_of_gymnasium():
    for experiment in names("train"):
        assert gymnasium.spec(f"prefrontal/{experiment}-v0").kwargs == {"experiment": experiment}
    env = gymnasium.make("prefrontal/two_step-v0", trials=3, last=True)
    assert env.unwrapped.task.trials == 3
    observation, _ = env.reset(seed=1)
    assert observation.shape == env.observation_space.shape == (len(env.unwrapped.task.observations) + 4,)


def test_an_agent_from_outside_learns_the_bandit():
    """REINFORCE on a table of preferences, by the wins of either arm so far: nothing of the suite but ``make``."""
    env, rng = environments.make("bandit", trials=10), np.random.default_rng(0)
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
