"""Any experiment's task by name, one episode or many at a time, played by external agents."""

import subprocess
import sys
import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import prefrontal
from prefrontal.environments import TaskEnv, TaskVectorEnv
from prefrontal.errors import UserError
from prefrontal.experiments import get, names
from prefrontal.task import Task, one_hot

QUICK = {"harlow": {"view": "symbols"}}
"""Settings for these tests: in pixels the task draws a thousand images first."""


class FourOptions(Task):
    """Four options that gain 1 to 4 or lose 10; the observation is the last option."""

    observations = actions = ("a", "b", "c", "d")
    periods = ("choice",)
    reset_noise = step_noise = 1
    episode_steps = 5

    def reset(self, noise):
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        state = {"trial": zero, "period": zero, "done": zero > 0, "choice": zero - 1}
        return state | {"reward": torch.zeros_like(noise[..., 0])}, one_hot(zero - 1, 4)

    def step(self, state, action, noise):
        reward = torch.where(noise[..., 0] < 0.5, -10.0, 1.0 + action)
        trial = state["trial"] + 1
        # Short and long episodes, so that they end at different times.
        done = (trial >= 5) | ((trial >= 3) & (noise[..., 0] < 0.3))
        after = state | {"trial": trial, "done": done, "choice": action, "reward": reward}
        return after, one_hot(action, 4), reward

    def trial_columns(self, state):
        return {"choice": state["choice"].numpy(), "reward": state["reward"].numpy()}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("experiment", names("train"))
def test_checker_of_gymnasium_has_no_complaints(experiment, last):
    settings = QUICK.get(experiment, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(prefrontal.make(experiment, last=last, **settings))
        made = gymnasium.make(f"prefrontal/{experiment}-v0", last=last, **settings)
        check_env(made.unwrapped)
    assert repr(made.unwrapped.spec.id) == repr(f"prefrontal/{experiment}-v0")


@pytest.mark.parametrize("imports", ["gymnasium, prefrontal", "prefrontal, gymnasium"])
def test_importing_the_package_registers_tasks_without_torch(imports):
    program = (
        f"import sys, {imports}; gymnasium.spec('prefrontal/two_step-v0'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    alone = "import sys, prefrontal; assert 'gymnasium' not in sys.modules"
    subprocess.run([sys.executable, "-c", alone], check=True)
    with pytest.raises(AttributeError, match="no attribute 'mak'"):
        prefrontal.mak  # noqa: B018


def test_settings_reach_the_task():
    env = gymnasium.make("prefrontal/two_step-v0", trials=3, steps_per_trial=2)
    env.reset(seed=0)
    steps = 1
    while not env.step(np.int64(0))[2]:
        steps += 1
    assert steps == 6


def test_tasks_are_those_of_the_main_variant():
    main = get("probability_matching").variant().task
    assert prefrontal.make("probability_matching").task.settings == main
    assert main.steps_per_trial == 3 != get("probability_matching").settings.task.steps_per_trial


@pytest.mark.parametrize(
    ("experiment", "settings", "named"),
    [
        ("twostep", {}, "two_step"),
        ("two_step", {"trails": 3}, "trials"),
        ("two_step", {"learning_rate": 1e-3}, "trials"),
        ("two_step", {"common": 1.2}, "less than or equal to 1"),
        ("two_step", {"common": "often"}, "valid number"),
        ("two_step", {"trials": 2.5}, "valid integer"),
        ("two_step", {"trials": 0}, "greater than or equal to 1"),
        ("two_step", {"steps_per_trial": 5}, "2 or 3"),
        ("two_step", {"problem": "hard"}, "two_step has no test problems"),
        ("harlow", {"last": True, "view": "pixels", "view_size": 36}, "pixels"),
    ],
)
def test_illegal_names_and_values_give_one_line(experiment, settings, named):
    for make in (prefrontal.make, prefrontal.make_vec):
        with pytest.raises(UserError, match=named) as error:
            make(experiment, **settings)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("experiment", names("train"))
def test_test_problems_are_made_by_name(experiment):
    settings = QUICK.get(experiment, {})
    task = replace(get(experiment).variant().task, **settings)
    for problem in task.test_problems():
        if (experiment, problem) == ("harlow", "photographs"):
            continue  # needs views in pixels
        env = prefrontal.make(experiment, problem=problem, **settings)
        trials = prefrontal.play(env, lambda observation: 1, 1)
        assert env.spec.kwargs["problem"] == problem and len(trials.columns) > 5


def test_hard_problem_of_the_bandit():
    made = (
        prefrontal.make("bandit", problem="hard"),
        prefrontal.make_vec("bandit", 3, problem="hard"),
    )
    for env in (*made, gymnasium.make("prefrontal/bandit-v0", problem="hard")):
        trials = prefrontal.play(env, lambda observation: np.zeros(observation.shape[:-1], int), 3)
        problems = trials[["p_left", "p_right"]].astype(float).round(3).drop_duplicates()
        assert problems.to_numpy().tolist() == [[0.6, 0.4]]
    with pytest.raises(UserError, match="problem is 'harder'; it must be one of easy, hard"):
        prefrontal.make("bandit", problem="harder")


def test_render_modes_raise_type_errors():
    """Stable-baselines3 asks for a render mode, and on TypeError alone asks again without."""
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(TypeError, match="render_mode is 'rgb_array'"):
            make("prefrontal/two_step-v0", render_mode="rgb_array")
        assert make("prefrontal/two_step-v0", render_mode=None).render_mode is None


@pytest.mark.parametrize("action", [-1, 3, 7, 0.5, np.nan, np.array([0, 1])])
def test_illegal_actions_leave_the_episode_as_it_was(action):
    env = prefrontal.make("two_step", trials=3, steps_per_trial=2)
    env.reset(seed=0)
    with pytest.raises(UserError, match=r"action is .* must be 0 to 2: left, right, centre"):
        env.step(action)
    assert env.step(np.int64(1))[4] == {"trial": 0, "period": "stage 2"}


def test_no_step_before_the_first_reset_or_after_the_end():
    env = prefrontal.make("two_step", trials=1, steps_per_trial=2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.int64(0))
    env.reset(seed=0)
    assert [env.step(np.int64(0))[2] for _ in range(2)] == [False, True]
    with pytest.raises(gymnasium.error.ResetNeeded, match="done"):
        env.step(np.int64(0))
    env.reset(seed=0)
    assert not env.step(np.int64(0))[2]
    with pytest.raises(gymnasium.error.ResetNeeded):
        prefrontal.make_vec("two_step", 2).step(np.zeros(2, dtype=int))


def test_observations_with_the_last_action_and_reward():
    env, plain = (prefrontal.make("two_step", trials=30, last=last) for last in (True, False))
    assert env.reset(seed=4)[0].tolist() == [*plain.reset(seed=4)[0], 0, 0, 0, 0]
    rewards = set()
    for action in [2, 1, 1] * 30:
        seen, reward, *_ = env.step(np.int64(action))
        bare, *_ = plain.step(np.int64(action))
        assert seen.tolist() == [*bare, *(action == np.arange(3)), reward]
        assert env.observation_space.contains(seen)
        rewards.add(reward)
    assert rewards == {0.0, 1.0}


def test_any_number_of_actions_and_outcomes_of_any_size():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*not having a spec")
        check_env(TaskEnv(FourOptions(), last=True))
    trials = prefrontal.play(TaskEnv(FourOptions()), lambda observation: 3, 20)
    assert set(trials["reward"]) == {-10.0, 4.0} and set(trials["choice"]) == {3}


SEEDS = [3, 11, 4, 9]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", ["two_step", "four options"])
def test_vector_environment_equals_single_ones(kind, last):
    """Observations, rewards, ends and finished trials, over several episodes of any length."""
    short = get("two_step").settings.vary({"task.trials": 4}).task
    task = FourOptions() if kind == "four options" else short.build()
    vector, singles = TaskVectorEnv(task, len(SEEDS), last), [TaskEnv(task, last) for _ in SEEDS]
    observations, infos = vector.reset(seed=SEEDS)
    for k, (env, seed) in enumerate(zip(singles, SEEDS, strict=True)):
        observation, info = env.reset(seed=seed)
        assert (observations[k] == observation).all()
        assert {name: infos[name][k] for name in info} == info
    ended, rng = [False] * len(SEEDS), np.random.default_rng(0)
    for _ in range(300):
        actions = rng.integers(0, len(task.actions), len(SEEDS))
        observations, rewards, terminated, truncated, infos = vector.step(actions)
        for k, env in enumerate(singles):
            step = (*env.reset()[:1], 0.0, False, False, {}) if ended[k] else env.step(actions[k])
            observation, reward, done, _, info = step
            assert (observations[k] == observation).all(), "its random numbers are its own"
            assert (rewards[k], terminated[k], truncated[k]) == (reward, done, False)
            finished = info.get("finished")
            assert bool(finished) == bool("finished" in infos and infos["_finished"][k])
            if finished:
                assert {name: infos["finished"][name][k] for name in finished} == finished
            ended[k] = done


def test_vector_environment_through_gymnasium():
    envs = gymnasium.make_vec(
        "prefrontal/two_step-v0", num_envs=6, vectorization_mode="vector_entry_point", trials=2
    )
    assert isinstance(envs.unwrapped, TaskVectorEnv)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    first, infos = envs.reset(seed=5)
    assert envs.observation_space.contains(first) and first.shape == (6, 4)
    assert infos["period"].tolist() == ["fixation"] * 6 and infos["_period"].all()
    assert envs.action_space.contains(envs.action_space.sample())
    name, mode = "prefrontal/two_step-v0", "sync"
    one_by_one = gymnasium.make_vec(name, 6, vectorization_mode=mode, trials=2)
    one_by_one.reset(seed=5)
    for _ in range(40):
        actions = envs.action_space.sample()
        ours, theirs = envs.step(actions), one_by_one.step(actions)
        assert all((a == b).all() for a, b in zip(ours[:4], theirs[:4], strict=True))
    recorder = gymnasium.wrappers.vector.RecordEpisodeStatistics(envs)
    recorder.reset(seed=1)
    lengths = [recorder.step(envs.action_space.sample())[4].get("episode") for _ in range(6)]
    assert (lengths[-1]["l"] == 6).all()


@pytest.mark.parametrize("actions", [[0, 1], [0, 1, 3], [0, 1, -1], [0, 1, 0.5], [0, 1, None]])
def test_illegal_actions_of_a_batch_are_named(actions):
    envs = prefrontal.make_vec("two_step", 3)
    envs.reset(seed=0)
    with pytest.raises(UserError, match=r"action.* must be") as error:
        envs.step(np.array(actions))
    assert "\n" not in str(error.value)


def test_vector_environments_check_number_and_seeds():
    for number in (0, -1, 2.5):
        with pytest.raises(UserError, match="num_envs"):
            prefrontal.make_vec("two_step", number)
    with pytest.raises(UserError, match="number of seeds"):
        prefrontal.make_vec("two_step", 3).reset(seed=[1, 2])


class Planner:
    """Go left in even and right in odd trials; counts the observations since the last reset."""

    def __init__(self):
        self.seen = []

    def reset(self):
        self.seen.append(0)

    def act(self, observation):
        self.seen[-1] += 1
        fixation, stage_1 = observation[..., 0] > 0, observation[..., 1] > 0
        return np.where(fixation, 2, np.where(stage_1, (self.seen[-1] // 3) % 2, 1))


def test_agents_play_one_episode_or_many_at_a_time():
    task = {"trials": 7}
    single, vector = Planner(), Planner()
    one = prefrontal.play(prefrontal.make("two_step", **task), single, 5, seed=3, variant="planner")
    many = prefrontal.play(
        prefrontal.make_vec("two_step", 2, **task), vector, 5, seed=3, variant="planner"
    )
    assert single.seen == [21] * 5 and vector.seen == [21] * 3
    pd.testing.assert_frame_equal(one, many, check_dtype=False)
    assert one.columns[:6].tolist() == [
        "variant",
        "subject",
        "episode",
        "trial",
        "choice",
        "reward",
    ]
    assert len(one) == 35 and set(one["variant"]) == {"planner"} and set(one["subject"]) == {3}
    assert one["choice"].tolist() == [0, 1, 0, 1, 0, 1, 0] * 5
    wrapped = gymnasium.make("prefrontal/two_step-v0", **task)
    again = prefrontal.play(wrapped, Planner(), 5, seed=3, variant="planner")
    pd.testing.assert_frame_equal(one, again)
    other = prefrontal.play(prefrontal.make("two_step", **task), Planner(), 5, seed=4)
    assert (other["reward"] != one["reward"]).any(), "every subject has its own episodes"


def test_episodes_of_any_length_are_played_whole():
    one = prefrontal.play(TaskEnv(FourOptions()), lambda observation: 1, 20)
    many = prefrontal.play(TaskVectorEnv(FourOptions(), 6), lambda batch: [1] * len(batch), 20)
    pd.testing.assert_frame_equal(one, many, check_dtype=False)
    assert len(set(one.groupby("episode").size())) > 1


def test_tasks_by_name_show_the_last_action_and_reward():
    shapes = set()

    def agent(observation):
        shapes.add(observation.shape)
        return np.zeros(observation.shape[:-1], dtype=int)

    for batch in (None, 4):
        trials = prefrontal.play("two_step", agent, 1, num_envs=batch)
        assert len(trials) == 300, "left is invalid at fixation, and ends the trial"
    assert shapes == {(8,), (4, 8)}


def test_played_trials_pass_through_the_analyses():
    from prefrontal.analysis import staying

    trials = prefrontal.play("two_step", Planner(), 5)
    assert len(staying.stay_probability(trials)) == 4


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (
            {"agent": lambda observation: 7},
            "the agent's action is 7; .* 0 to 2: left, right, centre",
        ),
        ({"agent": lambda observation: "left"}, "the agent's action is 'left'"),
        ({"agent": lambda batch: batch, "num_envs": 2}, "shape of the agent's actions"),
        ({"agent": lambda batch: [0, 9], "num_envs": 2}, "the agent's action is 9"),
        ({"agent": "planner"}, "agent is 'planner'"),
        ({"env": "twostep"}, "two_step"),
        ({"env": 3}, "env is 3"),
        ({"env": TaskEnv(FourOptions()), "num_envs": 2}, "num_envs"),
        ({"episodes": 0}, "episodes is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_play_names_what_is_wrong(options, named):
    given = {"env": "two_step", "agent": lambda observation: 0, "episodes": 1} | options
    with pytest.raises(UserError, match=named) as error:
        prefrontal.play(**given)
    assert "\n" not in str(error.value)


def test_errors_of_an_agent_show_their_own_traceback():
    with pytest.raises(KeyError, match="values") as error:
        prefrontal.play("two_step", lambda observation: {}["values"], 1)
    assert error.traceback[-1].name == "<lambda>"


def test_an_agent_from_outside_learns_the_bandit():
    """REINFORCE on a table of preferences, by the wins of either arm so far."""
    env, rng = prefrontal.make("bandit", trials=10), np.random.default_rng(0)
    preferences, earned, baseline = {}, [], 5.0
    for episode in range(2_500):
        env.reset(seed=episode)
        score, total, done, taken = (0, 0), 0.0, False, []
        while not done:
            p_right = 1 / (1 + np.exp(-preferences.get(score, 0.0)))
            action = int(rng.random() < p_right)
            _, reward, done, _, _ = env.step(np.int64(action))
            taken.append((score, action - p_right))
            total += reward
            left, right = score
            gain = 1 if reward > 0 else -1
            left, right = (left, right + gain) if action else (left + gain, right)
            score = (np.clip(left, -3, 3), np.clip(right, -3, 3))
        for score, gradient in taken:
            preferences[score] = preferences.get(score, 0.0) + 0.1 * (total - baseline) * gradient
        baseline += 0.02 * (total - baseline)
        earned.append(total / 10)
    assert np.mean(earned[:300]) == pytest.approx(0.5, abs=0.05)
    late = np.array(earned[-500:])
    assert late.mean() - 3 * late.std() / np.sqrt(len(late)) > 0.52
