"""Every experiment's task: a pure, batched state machine whose rates are those of its settings."""

from __future__ import annotations

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence

from prefrontal import experiments
from prefrontal.environments import TaskEnv
from prefrontal.networks.record import record
from prefrontal.tables.schema import KEYS
from prefrontal.task import RandomStreams, Task, one_hot
from prefrontal.training.batch import NetworkBatch
from replications.bandit.settings import Bandit
from replications.bandit.task import BanditTask
from replications.two_step.settings import TwoStep
from replications.two_step.task import CENTRE, LEFT, STAGE_1, STAGE_2


def task_of(name: str) -> Task:
    """An experiment's task, in its first variant whose observations reach the core as they are."""
    experiment = experiments.get(name)
    variants = [experiment.variant(variant).task for variant in experiment.variants]
    return next(task for task in variants if task.encoder(48) is None).build()


NAMES = experiments.names("train")
SEEDS, EPISODES, STEPS = 2, 3, 60

every_task = pytest.mark.parametrize("task", [task_of(name) for name in NAMES], ids=NAMES)


def random_play(task: Task, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise for the reset, actions and noise for the steps."""
    g = torch.Generator().manual_seed(seed)
    return (
        torch.rand(SEEDS, EPISODES, task.reset_noise, generator=g),
        torch.randint(len(task.actions), (STEPS, SEEDS, EPISODES), generator=g),
        torch.rand(STEPS, SEEDS, EPISODES, task.step_noise, generator=g),
    )


@every_task
def test_task_has_what_a_task_has(task):
    assert isinstance(task, Task)
    for names in (task.observations, task.actions, task.periods):
        assert len(names) == len(set(names)) and all(isinstance(name, str) for name in names)
    state, observation = task.reset(torch.rand(SEEDS, EPISODES, task.reset_noise))
    assert observation.shape == (SEEDS, EPISODES, len(task.observations))
    assert observation.dtype == torch.float32
    for name, dtype in {"trial": torch.int64, "period": torch.int64, "done": torch.bool}.items():
        assert state[name].dtype == dtype, name
    assert all(entry.shape[:2] == (SEEDS, EPISODES) for entry in state.values())
    assert not state["done"].any() and not state["trial"].any()


@every_task
def test_task_is_pure_and_its_state_keeps_its_form(task):
    opening, actions, noise = random_play(task)
    (state, observation), (again, _) = task.reset(opening), task.reset(opening)
    assert all(torch.equal(state[name], again[name]) for name in state)
    form = {name: (entry.shape, entry.dtype) for name, entry in state.items()}
    for action, uniform in zip(actions, noise, strict=True):
        before = {name: entry.clone() for name, entry in state.items()}
        copies = before, action.clone(), uniform.clone()
        after, observation, reward = task.step(state, action, uniform)
        repeated, same_observation, same_reward = task.step(*copies)
        assert torch.equal(action, copies[1]) and torch.equal(uniform, copies[2])
        assert all(torch.equal(state[name], before[name]) for name in state), "step changed it"
        assert torch.equal(observation, same_observation) and torch.equal(reward, same_reward)
        assert all(torch.equal(after[name], repeated[name]) for name in after)
        assert {name: (entry.shape, entry.dtype) for name, entry in after.items()} == form
        assert reward.shape == (SEEDS, EPISODES) and reward.dtype == torch.float32
        running = observation[~state["done"]]
        assert (running.abs() <= task.observation_bound).all()
        trial = after["trial"] - state["trial"]
        assert ((trial == 0) | (trial == 1)).all()
        assert (after["done"] >= state["done"]).all(), "an episode that is done stays done"
        assert ((after["period"] >= 0) & (after["period"] < len(task.periods))).all()
        state = after


@every_task
def test_batched_equals_one_at_a_time(task):
    opening, actions, noise = random_play(task)

    def play(s: slice, e: slice) -> list[torch.Tensor]:
        state, observation = task.reset(opening[s, e])
        history = [observation]
        for action, uniform in zip(actions, noise, strict=True):
            state, observation, reward = task.step(state, action[s, e], uniform[s, e])
            history += [observation, reward, *state.values()]
        return history

    batched = play(slice(None), slice(None))
    for s in range(SEEDS):
        for e in range(EPISODES):
            alone = play(slice(s, s + 1), slice(e, e + 1))
            assert all(torch.equal(a[s, e], b[0, 0]) for a, b in zip(batched, alone, strict=True))


@every_task
def test_episodes_end_in_time(task):
    """Whatever is done, all episodes are done after ``episode_steps``."""
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
        assert not columns.keys() & set(KEYS), "these are the table's"
        assert all(np.shape(values) == (SEEDS, EPISODES) for values in columns.values())
        choice = np.asarray(columns["choice"])
        assert np.issubdtype(choice.dtype, np.integer), "the index of an option, -1 for none"
        assert ((choice >= -1) & (choice < len(task.actions))).all()
        assert np.isfinite(np.asarray(columns["reward"])).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_reward_range_goes_from_worse_to_better(name):
    low, high = experiments.get(name).variant().task.reward_range()
    assert np.isfinite([low, high]).all() and low < high


@every_task
def test_gymnasium_environment_replays_from_a_seed(task):
    def replay(seed: int) -> list:
        env = TaskEnv(task)
        env.action_space.seed(3)
        history = [env.reset(seed=seed)]
        for _ in range(STEPS):
            history.append(env.step(env.action_space.sample()))
            if history[-1][2]:
                history.append(env.reset())
        return history

    assert data_equivalence(replay(5), replay(5), exact=True)
    assert not data_equivalence(replay(5), replay(6), exact=True)


@every_task
def test_gymnasium_environment_plays_the_whole_episode(task):
    env = TaskEnv(task)
    env.action_space.seed(0)
    _, info = env.reset(seed=0)
    assert info == {"trial": 0, "period": info["period"]} and info["period"] in task.periods
    finished, done, steps = [], False, 0
    while not done:
        observation, _, done, truncated, info = env.step(env.action_space.sample())
        assert observation in env.observation_space and not truncated
        finished += [info["finished"]] if "finished" in info else []
        steps += 1
    assert steps <= task.episode_steps
    assert [trial["trial"] for trial in finished] == list(range(len(finished)))
    assert {"choice", "reward"} <= finished[0].keys()


def test_gymnasium_environment_must_be_reset_first():
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
        TaskEnv(Bandit().build()).step(0)


def test_noise_of_a_network_depends_on_its_seed_alone():
    noise = RandomStreams([4, 9, 4], "test").uniform(5, 2)
    assert torch.equal(noise[1], RandomStreams([9], "test").uniform(5, 2)[0])
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])
    other = RandomStreams([4], "training").uniform(5)
    assert not torch.equal(RandomStreams([4], "test").uniform(5), other)


def test_noise_goes_on_from_a_saved_state():
    streams = RandomStreams([1, 2], "test")
    streams.uniform(7)
    saved = streams.get_state()
    following = streams.uniform(3, 2)
    streams.set_state(saved)
    assert torch.equal(streams.uniform(3, 2), following)


def test_noise_is_uniform_and_unrelated_between_seeds():
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
    assert hits.numel() > 1000 and abs(frequency - rate) <= error, f"{frequency:.4f}, not {rate}"


def test_bandit_arms_are_drawn_and_pay_as_they_say():
    streams, episodes = RandomStreams([0, 1], "test"), 20_000
    for arms, problem in (("independent", None), ("correlated", None), (None, (0.25, 0.75))):
        settings = Bandit(arms=arms or "independent", trials=3)
        task, (p_left, p_right) = BanditTask(settings, problem), problem or (0.5, 0.5)
        state, _ = task.reset(streams.uniform(episodes, task.reset_noise))
        left, right = state["p_left"], state["p_right"]
        if arms == "independent":
            assert_rate(left < 0.3, 0.3)
            assert_rate((left < 0.5) == (right < 0.5), 0.5)
        if arms == "correlated":
            assert_rate(left < 0.3, 0.3)
            torch.testing.assert_close(left + right, torch.ones_like(left))
        for action, arm in enumerate((left, right)):
            chosen = torch.full(left.shape, action)
            _, _, reward = task.step(state, chosen, streams.uniform(episodes, task.step_noise))
            assert_rate(reward.bool(), p_left if action == 0 else p_right)
            low = arm <= arm.median()
            error = (reward - arm)[low].mean().abs()
            assert error < 5 * 0.5 / episodes**0.5, "payoffs follow the arm's own probability"


@pytest.mark.parametrize(
    ("common", "rich", "reversal"), [(0.8, 0.9, 0.025), (0.6, 0.7, 0.3), (1.0, 1.0, 0.0)]
)
def test_two_step_rates(common, rich, reversal):
    task = TwoStep(trials=5, common=common, rich=rich, reversal=reversal).build()
    streams, episodes = RandomStreams([0, 1], "test"), 20_000
    state, _ = task.reset(streams.uniform(episodes, task.reset_noise))
    assert_rate(state["rich_state"].bool(), 0.5)
    first = state
    for trial in range(5):
        before = state["rich_state"]
        action = torch.full_like(before, CENTRE)
        for step in range(3):
            if step > 0:
                action = (streams.uniform(episodes, 1)[..., 0] < 0.5).long()
            noise = streams.uniform(episodes, task.step_noise)
            state, observation, reward = task.step(state, action, noise)
            if step == 1:
                choice, outcome = action, state["outcome_state"]
                assert (observation.argmax(-1) == STAGE_2 + outcome).all()
        assert (state["trial"] == trial + 1).all()
        if trial > 0:
            assert_rate(state["rich_state"] != before, reversal)
        else:
            assert torch.equal(state["rich_state"], first["rich_state"]), "no reversal at first"
        for side in (LEFT, 1 - LEFT):
            assert_rate((outcome == side)[choice == side], common)
        assert_rate(reward.bool()[outcome == state["rich_state"]], rich)
        assert_rate(reward.bool()[outcome != state["rich_state"]], 1 - rich)
    assert state["done"].all()


@pytest.mark.parametrize("invalid_response", ["abort", "repeat"])
def test_two_step_invalid_responses_cost_one(invalid_response):
    settings = TwoStep(trials=4, invalid_response=invalid_response, stage_2_response="side")
    task, noise = settings.build(), torch.zeros(1, 1, 3)
    aborts = invalid_response == "abort"
    state, _ = task.reset(torch.zeros(1, 1, 1))
    for valid, invalid in ((CENTRE, LEFT), (LEFT, CENTRE), (LEFT, CENTRE)):
        period = int(state["period"])
        wrong, _, reward = task.step(state, torch.tensor([[invalid]]), noise)
        assert reward == -1
        assert int(wrong["period"]) == (0 if aborts else period)
        assert int(wrong["trial"]) == int(state["trial"]) + aborts
        if period < STAGE_2 and aborts:
            transition = "none" if period <= STAGE_1 else "common"
            assert task.trial_columns(wrong)["transition"][0, 0] == transition
        state, _, reward = task.step(state, torch.tensor([[valid]]), noise)
    assert reward == 1 and int(state["trial"]) == 1
    columns = {name: values[0, 0] for name, values in task.trial_columns(state).items()}
    states = {"outcome_state": "S1", "rich_state": "S2"}
    assert columns == {"choice": LEFT, "reward": 1, "transition": "common", **states}


@pytest.mark.parametrize("name", experiments.names("train"))
def test_default_type_of_numbers_changes_nothing(name):
    """Neither weights nor test episodes, whatever PyTorch's default type is."""
    made = []
    for default in (torch.float32, torch.float64):
        torch.set_default_dtype(default)
        try:
            batch = NetworkBatch([experiments.get(name).variant()], compiled=False)
            task = batch.task
            tables = record(batch.agent, task, [0], "main", 1, activity_periods=task.periods[:1])
        finally:
            torch.set_default_dtype(torch.float32)
        made.append([batch.flat, tables.trials, tables.steps, tables.activity])
    assert torch.equal(made[0][0], made[1][0]) and made[1][0].dtype == torch.float32
    for one, other in zip(made[0][1:], made[1][1:], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
