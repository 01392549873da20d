"""The hand-written training step, held to autograd, to naive loops and to PyTorch's optimiser."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prefrontal import a2c
from prefrontal.a2c import Costs, Unroll, discounted_returns, fresh_stream, rmsprop, sample
from prefrontal.gym import TaskEnv
from prefrontal.network import Layout, advance, begin, initial_parameters, read
from prefrontal.task import NoiseStream
from prefrontal.training import Population
from replications.two_step.task import TwoStepTask
from replications.two_step.train import Config
from tests import textbook


@dataclass(frozen=True)
class WanderingTask:
    """Episodes of random length, with observations and rewards that depend on noise and action."""

    episode_steps: int = 40
    stop: float = 0.1

    observations = ("x", "y")
    actions = ("a", "b", "c")
    periods = ("step",)
    begin_noise = 2
    step_noise = 4

    def begin(self, noise):
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        return {"trial": zero, "period": zero, "over": zero > 0}, noise

    def step(self, state, action, noise):
        trial = state["trial"] + 1
        over = state["over"] | (trial >= self.episode_steps) | (noise[..., 0] < self.stop)
        return state | {"trial": trial, "over": over}, noise[..., 1:3], noise[..., 3] * (action - 1)

    def trial_columns(self, state):
        return {}


class Script:
    """Stands in for a NumPy generator and hands out prepared numbers."""

    def __init__(self) -> None:
        self.numbers: list[np.ndarray] = []

    def random(self, shape, dtype):
        return self.numbers.pop(0).reshape(shape).astype(dtype)


def scripted_env(task) -> tuple[TaskEnv, Script]:
    env, script = TaskEnv(task), Script()
    env._np_random = script
    return env, script


def columns(seeds: int, **given: list[float]) -> Costs:
    plain = {
        "discount": 0.9,
        "value_cost": 0.05,
        "reward_scale": 1.0,
        "learning_rate": 1e-3,
        "rms_decay": 0.99,
        "rms_epsilon": 1e-5,
        "gradient_clip": float("inf"),
        "rpe_scale": 1.0,
        "negative_rpe_scale": 1.0,
        "rpe_noise": 0.0,
    }
    return Costs(**{n: torch.tensor(given.get(n, [x] * seeds), dtype=torch.float64) for n, x in plain.items()})


def random_parameters(layout: Layout, seeds: int) -> torch.Tensor:
    """Weights as drawn for training, and random biases and initial states, so that every gradient is tested."""
    ones = torch.ones(seeds)
    flat = initial_parameters(layout, list(range(seeds)), 2 * ones, 3 * ones, dtype=torch.float64)
    return flat + 0.3 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def textbook_gradients(network, envs, moments, actions, steps, **costs) -> tuple[dict, list]:
    """Gradients of one network, averaged over its episodes, by autograd."""
    losses, after = [], []
    for env, moment, chosen in zip(envs, moments, actions, strict=True):
        take = iter(chosen.tolist())
        moment = textbook.begin(network, env) if moment is None or moment.over else moment
        loss, moment = textbook.unroll(network, env, moment, steps, choose=lambda _, take=take: next(take), **costs)
        losses.append(loss)
        after.append(moment)
    network.zero_grad()
    torch.stack(losses).mean().backward()
    zero_where_unused = network.to_parameters(lambda p: torch.zeros_like(p) if p.grad is None else p.grad)
    return zero_where_unused, after


@pytest.mark.parametrize(("episodes", "steps"), [(1, 40), (5, 12), (3, 40)])
def test_gradients_equal_autograd_of_the_textbook_loop(episodes, steps):
    """Five unrolls in a row: episodes end inside unrolls, go on over their ends, and begin anew."""
    seeds, task = 3, WanderingTask()
    layout = Layout(len(task.observations), len(task.actions), 7)
    flat = random_parameters(layout, seeds)
    parameters = layout.views(flat)
    costs = columns(seeds, discount=[0.9, 0.5, 1.0], value_cost=[0.05, 1.0, 0.4], reward_scale=[1.0, 3.0, 0.1])
    entropy_cost = torch.tensor([0.05, 0.0, 1.3], dtype=torch.float64)
    program, noise = Unroll(task, layout, steps, compiled=False), NoiseStream([0, 1, 2], "test")

    envs = [[scripted_env(task) for _ in range(episodes)] for _ in range(seeds)]
    networks = [textbook.TextbookNetwork.from_parameters(layout, {n: p[s] for n, p in parameters.items()}) for s in range(seeds)]
    moments = [[None] * episodes for _ in range(seeds)]
    stream, seen = None, set()
    for _ in range(5):
        opening = noise.uniform(episodes, task.begin_noise, dtype=torch.float64)
        uniform = noise.uniform(steps, episodes, 1 + task.step_noise, dtype=torch.float64)
        begun = fresh_stream(task, layout, parameters, opening)
        fresh = torch.ones_like(begun.state["over"]) if stream is None else stream.state["over"]
        stream = begun if stream is None else stream.where(fresh, begun)
        after, chunks = program.play(parameters, costs, stream, uniform)
        gradient, _ = program.gradients(parameters, chunks, after, fresh, costs, entropy_cost)
        ours = layout.views(gradient)
        chosen = torch.cat([chunk["action"] for chunk in chunks], dim=1)
        stream = after
        over = after.state["over"]
        seen |= {("fresh", bool(x)) for x in fresh.flatten()} | {("over", bool(x)) for x in over.flatten()}

        for s in range(seeds):
            for e in range(episodes):
                first = [opening[s, e].numpy()] if fresh[s, e] else []
                envs[s][e][1].numbers = first + list(uniform[s, :, e, 1:].numpy())
            theirs, moments[s] = textbook_gradients(
                networks[s],
                [env for env, _ in envs[s]],
                moments[s],
                chosen[s].T,
                steps,
                discount=float(costs.discount[s]),
                value_cost=float(costs.value_cost[s]),
                entropy_cost=float(entropy_cost[s]),
                reward_scale=float(costs.reward_scale[s]),
            )
            for name in layout.shapes:
                torch.testing.assert_close(ours[name][s], theirs[name], rtol=1e-9, atol=1e-9, msg=f"{name} of network {s}")
    if steps < task.episode_steps:
        assert seen == {("fresh", True), ("fresh", False), ("over", True), ("over", False)}


def test_population_trains_as_the_textbook_does():
    """Six whole updates, RMSProp included, with the population's own random stream."""
    updates, rates = 6, [7e-4, 3e-3]
    configs = [Config(seed=k, trials=5, unroll=15, units=6, learning_rate=rate) for k, rate in enumerate(rates)]
    population = Population(configs, compiled=False)
    networks = [
        textbook.TextbookNetwork.from_parameters(population.layout, {n: p[s] for n, p in population.network.parameters.items()})
        for s in range(2)
    ]
    for _ in range(updates):
        population.update()

    task, stream = population.task, NoiseStream([0, 1], "training episodes")
    drawn = [(stream.uniform(1, task.begin_noise), stream.uniform(15, 1, 1 + task.step_noise)) for _ in range(updates)]
    for s, network in enumerate(networks):
        env, script = scripted_env(task)
        uniform = iter(np.concatenate([noise[s, :, 0, 0] for _, noise in drawn]))
        for opening, noise in drawn:
            script.numbers += [opening[s, 0].numpy(), *noise[s, :, 0, 1:].numpy()]
        textbook.train(
            network,
            env,
            updates,
            15,
            learning_rate=rates[s],
            choose=lambda logits, uniform=uniform: int(sample(logits, torch.tensor(next(uniform)))),
        )
        ours = population.network.parameters
        for name, theirs in network.to_parameters().items():
            torch.testing.assert_close(ours[name][s], theirs, rtol=1e-3, atol=1e-5, msg=f"{name} of network {s}")


def test_interference_on_a_case_by_hand():
    """Scale .5; negative errors .5 x .2; negative errors clipped, noise of standard deviation 2."""
    costs = columns(3, rpe_scale=[0.5, 0.5, 1.0], negative_rpe_scale=[1.0, 0.2, 0.0], rpe_noise=[0.0, 0.0, 2.0])
    delta = torch.tensor([[-2.0, 0.0, 4.0]] * 3, dtype=torch.float64)
    normal = torch.tensor([[9.0, 9.0, 9.0], [9.0, 9.0, 9.0], [0.5, -1.0, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[-1.0, 0.0, 2.0], [-0.2, 0.0, 2.0], [1.0, -2.0, 4.0]], dtype=torch.float64)
    torch.testing.assert_close(a2c.interfere(delta, costs, normal), expected)


def test_interference_of_size_zero_leaves_every_bit_and_no_other_size_does():
    """Networks of one seed: intact alone, and in a population in which the others' dopamine is interfered with."""
    small = Config(seed=3, trials=5, unroll=15, units=6)
    changes = [{}, {"rpe_scale": 0.5}, {"negative_rpe_scale": 0.0}, {"rpe_noise": 1.0}]
    alone = Population([small], compiled=False)
    together = Population([dataclasses.replace(small, **change) for change in changes], compiled=False)
    assert torch.equal(alone.flat[0], together.flat[3])
    for _ in range(4):
        alone.update()
        together.update()
    assert torch.equal(alone.flat[0], together.flat[0])
    assert all(not torch.equal(alone.flat[0], other) for other in together.flat[1:])


@given(
    steps=st.integers(1, 33),
    discounts=st.lists(st.floats(0, 1), min_size=1, max_size=3),
    episodes=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_discounted_returns_equal_a_loop(steps, discounts, episodes, seed):
    generator = torch.Generator().manual_seed(seed)
    seeds = len(discounts)
    reward = torch.randn(seeds, steps, episodes, generator=generator, dtype=torch.float64)
    rest = torch.randn(seeds, episodes, generator=generator, dtype=torch.float64)
    discount = torch.tensor(discounts, dtype=torch.float64)
    total, expected = rest, []
    for t in reversed(range(steps)):
        total = reward[:, t] + discount[:, None] * total
        expected.insert(0, total)
    torch.testing.assert_close(discounted_returns(reward, rest, discount), torch.stack(expected, dim=1))


def test_rmsprop_equals_pytorch():
    rates, decays, epsilons = [1e-3, 0.1], [0.99, 0.9], [1e-5, 0.1]
    costs = columns(2, learning_rate=rates, rms_decay=decays, rms_epsilon=epsilons)
    generator = torch.Generator().manual_seed(1)
    flat = torch.randn(2, 30, generator=generator, dtype=torch.float64)
    theirs = [torch.nn.Parameter(row.clone()) for row in flat]
    optimizers = [
        torch.optim.RMSprop([p], lr=rate, alpha=decay, eps=epsilon)
        for p, rate, decay, epsilon in zip(theirs, rates, decays, epsilons, strict=True)
    ]
    square = torch.zeros_like(flat)
    for _ in range(10):
        gradient = torch.randn(2, 30, generator=generator, dtype=torch.float64)
        flat, square = rmsprop(flat, square, gradient, costs)
        for p, optimizer, row in zip(theirs, optimizers, gradient, strict=True):
            p.grad = row.clone()
            optimizer.step()
    torch.testing.assert_close(flat, torch.stack([p.detach() for p in theirs]))


def test_gradient_is_clipped_to_its_norm_per_network():
    gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4]], dtype=torch.float64)
    costs = columns(2, gradient_clip=[1.0, 1.0], rms_decay=[0.0, 0.0], rms_epsilon=[0.0, 0.0])
    _, square = rmsprop(torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64), gradient, costs)
    torch.testing.assert_close(square.sqrt(), torch.tensor([[0.6, 0.8], [0.3, 0.4]], dtype=torch.float64))


def test_entropy_cost_goes_linearly_to_its_end():
    configs = [
        Config(trials=4, episodes=8, units=4, entropy_cost=1.0, entropy_cost_end=0.0),
        Config(trials=4, episodes=8, units=4),
    ]
    population = Population(configs, compiled=False)
    used, gradients = [], population.program.gradients

    def spy(*arguments):
        used.append(arguments[5])
        return gradients(*arguments)

    population.program.gradients = spy
    while population.done < population.updates:
        population.update()
    expected = torch.stack([torch.arange(8) / -8 + 1, torch.full((8,), 0.05)], dim=1)
    torch.testing.assert_close(torch.stack(used), expected)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(a2c, "LONGEST_CHUNK", 2)
    a2c.compiler_found.cache_clear()
    yield
    a2c.compiler_found.cache_clear()


def after_updates(compiled: bool) -> torch.Tensor:
    configs = [Config(seed=k, trials=2, units=4, episodes_per_update=2, learning_rate=5e-3) for k in range(2)]
    population = Population(configs, compiled=compiled)
    for _ in range(5):
        population.update()
    return population.flat


def test_compiled_equals_eager(small_chunks):
    torch.testing.assert_close(after_updates(True), after_updates(False), rtol=1e-4, atol=1e-5)


def test_without_a_compiler_it_warns_once_and_gives_the_same(small_chunks, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler found") as warned:
        flat = after_updates(True)
    assert len(warned) == 1
    assert torch.equal(flat, after_updates(False))


def test_actions_are_drawn_as_the_policy_says():
    logits = torch.tensor([[0.0, 1.0, -2.0], [3.0, 3.0, 0.0]])
    uniform = torch.rand(2, 100_000, generator=torch.Generator().manual_seed(2))
    action = sample(logits[:, None].expand(2, 100_000, 3), uniform)
    frequency = torch.stack([(action == k).float().mean(1) for k in range(3)], dim=1)
    torch.testing.assert_close(frequency, torch.softmax(logits, dim=1), rtol=0, atol=5 * 0.5 / 100_000**0.5)


def test_one_update_makes_a_rewarded_action_likelier():
    """In meaning: where reward is better than the value foretells, the action that was taken gains probability."""
    task = TwoStepTask(trials=1, steps_per_trial=2, common=1.0, rich=1.0)
    layout = Layout(4, 3, 5)
    costs = dataclasses.replace(columns(8), learning_rate=torch.full((8,), 1e-2, dtype=torch.float64))
    flat = initial_parameters(layout, list(range(8)), torch.ones(8), torch.ones(8), dtype=torch.float64)
    parameters, program = layout.views(flat), Unroll(task, layout, 2, compiled=False)
    noise = NoiseStream(list(range(8)), "test").uniform(2, 1, 4, dtype=torch.float64)
    stream = fresh_stream(task, layout, parameters, torch.zeros(8, 1, 1, dtype=torch.float64))
    after, chunks = program.play(parameters, costs, stream, noise)
    fresh = torch.ones(8, 1, dtype=torch.bool)
    gradient, _ = program.gradients(parameters, chunks, after, fresh, costs, torch.zeros(8, dtype=torch.float64))
    updated = layout.views(rmsprop(flat, torch.zeros_like(flat), gradient, costs)[0])

    def first_policy(weights):
        record = program.play(weights, costs, stream, noise)[1][0]
        logits = read(weights, "policy", record["activity"][:, 0])
        return torch.softmax(logits, dim=-1)[:, 0]

    action, returns = chunks[0]["action"][:, 0, 0], chunks[0]["reward"].sum((1, 2))
    value = read(parameters, "value", chunks[0]["activity"][:, 0])[..., 0]
    gain = (first_policy(updated) - first_policy(parameters)).gather(1, action[:, None])[:, 0]
    better = returns > value[:, 0] + 0.2
    assert (gain[better] > 0).all() and better.any()
    assert (gain[returns < value[:, 0] - 0.2] < 0).all()


@pytest.mark.parametrize("steps", [7, 40])
def test_gradients_of_actor_and_critic_equal_autograd(steps):
    """Separate LSTMs: the error that the actor receives carries no gradient back to the critic."""
    seeds, episodes, task = 2, 3, WanderingTask()
    layout = Layout(len(task.observations), len(task.actions), 5, separate=True)
    flat = random_parameters(layout, seeds)
    costs, entropy_cost = columns(seeds, discount=[0.9, 0.6], value_cost=[0.05, 1.0]), torch.full((seeds,), 0.3)
    program, noise = Unroll(task, layout, steps, compiled=False), NoiseStream([0, 1], "test")
    opening = noise.uniform(episodes, task.begin_noise, dtype=torch.float64)
    uniform = noise.uniform(steps, episodes, 1 + task.step_noise, dtype=torch.float64)
    stream = fresh_stream(task, layout, layout.views(flat), opening)
    after, chunks = program.play(layout.views(flat), costs, stream, uniform)
    fresh = torch.ones(seeds, episodes, dtype=torch.bool)
    ours, _ = program.gradients(layout.views(flat), chunks, after, fresh, costs, entropy_cost)

    leaf = flat.clone().requires_grad_()
    parameters = layout.views(leaf)
    record = {name: torch.cat([chunk[name] for chunk in chunks], dim=1) for name in ("action", "reward", "running")}
    state, observation = task.begin(opening)
    memory, reward, action = begin(layout, parameters, episodes), stream.reward, stream.action
    rest = program._rest(layout.views(flat), costs, after)
    returns = discounted_returns(record["reward"], rest, costs.discount)
    loss = torch.zeros(())
    for t in range(steps):
        detach = lambda error, *_: error.detach()  # noqa: E731
        last = memory, observation, reward, action
        memory, logits, value, _ = advance(layout, parameters, costs.discount, *last, manipulate=detach)
        action, running = record["action"][:, t], record["running"][:, t]
        log_policy = torch.log_softmax(logits, dim=-1)
        delta = (returns[:, t] - value) * running
        chosen = log_policy.gather(-1, action[..., None])[..., 0]
        entropy = -(log_policy.exp() * log_policy).sum(-1) * running
        step = -delta.detach() * chosen + 0.5 * costs.value_cost[:, None] * delta**2 - entropy_cost[:, None] * entropy
        loss = loss + step.sum() / episodes
        state, observation, _ = task.step(state, action, uniform[:, t, :, 1:])
        reward = record["reward"][:, t]
    loss.backward()
    torch.testing.assert_close(ours, leaf.grad, rtol=1e-9, atol=1e-9)


def test_actor_receives_the_critics_prediction_error():
    layout, discount = Layout(2, 3, 4, separate=True), torch.tensor([0.8, 0.5], dtype=torch.float64)
    parameters = layout.views(random_parameters(layout, 2))
    memory, g = begin(layout, parameters, 5), torch.Generator().manual_seed(0)
    values, received = [], []

    def spy(error, reward, action):
        received.append(error)
        return error

    rewards = torch.randn(4, 2, 5, generator=g, dtype=torch.float64)
    for t in range(4):
        action = torch.full((2, 5), -1 if t == 0 else 1)
        observation = torch.randn(2, 5, 2, generator=g, dtype=torch.float64)
        memory, _, value, _ = advance(layout, parameters, discount, memory, observation, rewards[t], action, spy)
        values.append(value)
    assert (received[0] == 0).all()
    for t in range(1, 4):
        torch.testing.assert_close(received[t], rewards[t] + discount[:, None] * values[t] - values[t - 1])
