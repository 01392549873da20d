"""Every experiment's task: a pure, batched state machine whose rates are what its settings say."""

from __future__ import annotations

import dataclasses
import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from prefrontal import experiments
from prefrontal.environments import TaskEnv
from prefrontal.task import RandomStreams, one_hot
from replications.bandit.task import BanditTask
from replications.two_step.task import CENTRE, LEFT, STAGE_1, STAGE_2, TwoStepTask


def find_tasks() -> list[object]:
    """Every experiment's task, in its first variant whose observations reach the core as they are."""
    tasks = []
    for name in experiments.names("task"):
        kind = experiments.module(name, "train").Config
        configs = [kind(**settings) for settings in experiments.trained(name).values()]
        tasks.append(next(config for config in configs if config.encoder() is None).task())
    return tasks


TASKS = find_tasks()
SEEDS, EPISODES, STEPS = 2, 3, 60

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)


def random_play(task, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise for the opening, actions and noise for the steps."""
    g = torch.Generator().manual_seed(seed)
    return (
        torch.rand(SEEDS, EPISODES, task.reset_noise, generator=g),
        torch.randint(len(task.actions), (STEPS, SEEDS, EPISODES), generator=g),
        torch.rand(STEPS, SEEDS, EPISODES, task.step_noise, generator=g),
    )


def test_tasks_are_found():
    assert {"BanditTask", "TwoStepTask"} <= {type(task).__name__ for task in TASKS}


@every_task
def test_task_has_what_a_task_has(task):
    state, observation = task.reset(torch.rand(SEEDS, EPISODES, task.reset_noise))
    assert observation.shape == (SEEDS, EPISODES, len(task.observations))
    assert observation.dtype == torch.float32
    for name, dtype in {"trial": torch.int64, "period": torch.int64, "done": torch.bool}.items():
        assert state[name].dtype == dtype, name
    assert all(entry.shape[:2] == (SEEDS, EPISODES) for entry in state.values())
    assert not state["done"].any() and not state["trial"].any()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(task, dataclasses.fields(task)[0].name, None)


@every_task
def test_task_is_pure_and_its_state_keeps_its_form(task):
    opening, actions, noise = random_play(task)
    (state, observation), (again, _) = task.reset(opening), task.reset(opening)
    assert all(torch.equal(state[name], again[name]) for name in state)
    form = {name: (entry.shape, entry.dtype) for name, entry in state.items()}
    for action, uniform in zip(actions, noise, strict=True):
        given = {name: entry.clone() for name, entry in state.items()}, action.clone(), uniform.clone()
        after, observation, reward = task.step(state, action, uniform)
        repeated, same_observation, same_reward = task.step(*given)
        assert torch.equal(action, given[1]) and torch.equal(uniform, given[2])
        assert all(torch.equal(state[name], given[0][name]) for name in state), "the state given was changed"
        assert torch.equal(observation, same_observation) and torch.equal(reward, same_reward)
        assert all(torch.equal(after[name], repeated[name]) for name in after)
        assert {name: (entry.shape, entry.dtype) for name, entry in after.items()} == form
        assert reward.shape == (SEEDS, EPISODES) and reward.dtype == torch.float32
        assert (after["trial"] >= state["trial"]).all() and (after["trial"] <= state["trial"] + 1).all()
        assert (after["done"] >= state["done"]).all(), "an episode that is over stays over"
        assert ((after["period"] >= 0) & (after["period"] < len(task.periods))).all()
        state = after


@every_task
def test_batched_equals_one_at_a_time(task):
    opening, actions, noise = random_play(task)

    def play(s: slice, e: slice) -> list[torch.Tensor]:
        state, observation = task.reset(opening[s, e])
        seen = [observation]
        for action, uniform in zip(actions, noise, strict=True):
            state, observation, reward = task.step(state, action[s, e], uniform[s, e])
            seen += [observation, reward, *state.values()]
        return seen

    together = play(slice(None), slice(None))
    for s in range(SEEDS):
        for e in range(EPISODES):
            alone = play(slice(s, s + 1), slice(e, e + 1))
            assert all(torch.equal(a[s, e], b[0, 0]) for a, b in zip(together, alone, strict=True))


@every_task
def test_episodes_end_in_time(task):
    """Whatever is done, all episodes are over after ``episode_steps``."""
    g = torch.Generator().manual_seed(1)
    state, _ = task.reset(torch.rand(1, 20, task.reset_noise, generator=g))
    for _ in range(task.episode_steps):
        action = torch.randint(len(task.actions), (1, 20), generator=g)
        state, _, _ = task.step(state, action, torch.rand(1, 20, task.step_noise, generator=g))
    assert state["done"].all()


@every_task
def test_trial_columns_fit_the_trials_table(task):
    opening, actions, noise = random_play(task)
    state, _ = task.reset(opening)
    for action, uniform in zip(actions, noise, strict=True):
        state, _, _ = task.step(state, action, uniform)
        columns = task.trial_columns(state)
        assert {"choice", "reward"} <= columns.keys()
        assert not columns.keys() & {"seed", "variant", "episode", "trial"}, "these are the table's own"
        assert all(np.shape(values) == (SEEDS, EPISODES) for values in columns.values())
        assert np.isin(columns["choice"], [-1, 0, 1]).all()


@pytest.fixture
def make_env():
    """Build environments as Gymnasium does, from a registered name."""
    names = []

    def make(task) -> gymnasium.Env:
        names.append(f"prefrontal/{type(task).__name__}-v0")
        gymnasium.register(names[-1], entry_point=lambda: TaskEnv(task))
        return gymnasium.make(names[-1])

    yield make
    for name in names:
        gymnasium.registry.pop(name, None)


@every_task
def test_gymnasium_environment_passes_check_env(task, make_env):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make_env(task).unwrapped)


@every_task
def test_gymnasium_environment_replays_from_a_seed(task):
    def replay(seed: int) -> list:
        env = TaskEnv(task)
        env.action_space.seed(3)
        seen = [env.reset(seed=seed)]
        for _ in range(STEPS):
            seen.append(env.step(env.action_space.sample()))
            if seen[-1][2]:
                seen.append(env.reset())
        return seen

    assert gymnasium.utils.env_checker.data_equivalence(replay(5), replay(5), exact=True)
    assert not gymnasium.utils.env_checker.data_equivalence(replay(5), replay(6), exact=True)


@every_task
def test_gymnasium_environment_plays_the_whole_episode(task):
    env = TaskEnv(task)
    env.action_space.seed(0)
    _, info = env.reset(seed=0)
    assert info == {"trial": 0, "period": info["period"]} and info["period"] in task.periods
    finished, over, steps = [], False, 0
    while not over:
        observation, _, over, truncated, info = env.step(env.action_space.sample())
        assert observation in env.observation_space and not truncated
        finished += [info["finished"]] if "finished" in info else []
        steps += 1
    assert steps <= task.episode_steps
    assert [trial["trial"] for trial in finished] == list(range(len(finished)))
    assert {"choice", "reward"} <= finished[0].keys()


def test_gymnasium_environment_must_be_reset_first():
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
        TaskEnv(BanditTask()).step(0)


def test_noise_of_a_network_depends_on_its_seed_alone():
    together = RandomStreams([4, 9, 4], "test").uniform(5, 2)
    assert torch.equal(together[1], RandomStreams([9], "test").uniform(5, 2)[0])
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(RandomStreams([4], "test").uniform(5), RandomStreams([4], "training").uniform(5))


def test_noise_goes_on_from_a_saved_state():
    stream = RandomStreams([1, 2], "test")
    stream.uniform(7)
    saved = stream.get_state()
    following = stream.uniform(3, 2)
    stream.set_state(saved)
    assert torch.equal(stream.uniform(3, 2), following)


def test_noise_is_uniform_and_unrelated_between_neighbouring_seeds():
    noise = RandomStreams([0, 1], "test").uniform(100_000).numpy()
    assert ((noise >= 0) & (noise < 1)).all()
    counts = np.stack([np.histogram(row, 20, (0, 1))[0] for row in noise])
    assert (abs(counts - 5000) < 5 * 5000**0.5).all()
    assert abs(np.corrcoef(noise)[0, 1]) < 5 / 100_000**0.5
    assert not np.isin(noise[0, :100], noise[1, :1000]).any(), "streams overlap"


def test_one_hot():
    expected = torch.tensor([[1.0, 0, 0], [0, 0, 1.0], [0, 0, 0]])
    assert torch.equal(one_hot(torch.tensor([0, 2, -1]), 3), expected)


def assert_rate(hits: torch.Tensor, rate: float) -> None:
    """Hits agree with a probability within five standard errors; certain ones exactly."""
    frequency, error = float(hits.double().mean()), 5 * (rate * (1 - rate) / hits.numel()) ** 0.5
    assert hits.numel() > 1000 and abs(frequency - rate) <= error, f"{frequency:.4f} of {hits.numel()}, not {rate}"


def test_bandit_arms_are_drawn_and_pay_as_they_say():
    stream = RandomStreams([0, 1], "test")
    for arms, p_left, p_right in (("independent", 0.5, 0.5), ("correlated", 0.5, 0.5), ("fixed", 0.25, 0.75)):
        task = BanditTask(arms, trials=3, p_left=p_left, p_right=p_right)
        state, _ = task.reset(stream.uniform(20_000, task.reset_noise))
        left, right = state["p_left"], state["p_right"]
        if arms == "independent":
            assert_rate(left < 0.3, 0.3)
            assert_rate((left < 0.5) == (right < 0.5), 0.5)
        if arms == "correlated":
            assert_rate(left < 0.3, 0.3)
            torch.testing.assert_close(left + right, torch.ones_like(left))
        for action, arm in enumerate((left, right)):
            chosen = torch.full(left.shape, action)
            _, _, reward = task.step(state, chosen, stream.uniform(20_000, task.step_noise))
            assert_rate(reward.bool(), p_left if action == 0 else p_right)
            low = arm <= arm.median()
            error = (reward - arm)[low].mean().abs()
            assert error < 5 * 0.5 / 20_000**0.5, "payoffs follow the arm's own probability"


@pytest.mark.parametrize(("common", "rich", "reversal"), [(0.8, 0.9, 0.025), (0.6, 0.7, 0.3), (1.0, 1.0, 0.0)])
def test_two_step_rates(common, rich, reversal):
    task = TwoStepTask(trials=5, common=common, rich=rich, reversal=reversal)
    stream, episodes = RandomStreams([0, 1], "test"), 20_000
    state, _ = task.reset(stream.uniform(episodes, task.reset_noise))
    assert_rate(state["rich_state"].bool(), 0.5)
    first = state
    for trial in range(5):
        before = state["rich_state"]
        action = torch.full_like(before, CENTRE)
        for step in range(3):
            if step > 0:
                action = (stream.uniform(episodes, 1)[..., 0] < 0.5).long()
            state, observation, reward = task.step(state, action, stream.uniform(episodes, task.step_noise))
            if step == 1:
                choice, outcome = action, state["outcome_state"]
                assert (observation.argmax(-1) == STAGE_2 + outcome).all()
        assert (state["trial"] == trial + 1).all()
        if trial > 0:
            assert_rate(state["rich_state"] != before, reversal)
        else:
            assert torch.equal(state["rich_state"], first["rich_state"]), "no reversal before the first trial"
        for side in (LEFT, 1 - LEFT):
            assert_rate((outcome == side)[choice == side], common)
        assert_rate(reward.bool()[outcome == state["rich_state"]], rich)
        assert_rate(reward.bool()[outcome != state["rich_state"]], 1 - rich)
    assert state["done"].all()


@pytest.mark.parametrize("invalid_response", ["abort", "repeat"])
def test_two_step_invalid_responses_cost_one(invalid_response):
    task = TwoStepTask(trials=4, invalid_response=invalid_response, stage_2_response="side")
    noise = torch.zeros(1, 1, 3)
    state, _ = task.reset(torch.zeros(1, 1, 1))
    for valid, invalid in ((CENTRE, LEFT), (LEFT, CENTRE), (LEFT, CENTRE)):
        period = int(state["period"])
        wrong, _, reward = task.step(state, torch.tensor([[invalid]]), noise)
        assert reward == -1
        assert int(wrong["period"]) == (0 if invalid_response == "abort" else period)
        assert int(wrong["trial"]) == int(state["trial"]) + (invalid_response == "abort")
        if period < STAGE_2 and invalid_response == "abort":
            assert task.trial_columns(wrong)["transition"][0, 0] == ("none" if period <= STAGE_1 else "common")
        state, _, reward = task.step(state, torch.tensor([[valid]]), noise)
    assert reward == 1 and int(state["trial"]) == 1
    columns = {name: values[0, 0] for name, values in task.trial_columns(state).items()}
    assert columns == {"choice": LEFT, "reward": 1, "transition": "common", "outcome_state": "S1", "rich_state": "S2"}
