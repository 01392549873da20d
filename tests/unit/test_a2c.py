"""Training compared with autograd of a textbook loop, naive loops and PyTorch's optimiser."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefrontal.environments import TaskEnv
from prefrontal.networks.cores import CORES, LSTM
from prefrontal.networks.encoders import Convolutions, Identity
from prefrontal.networks.network import Network, NetworkInput, initial_parameters, read
from prefrontal.task import RandomStreams, Task
from prefrontal.training import a2c, compiled_loop
from prefrontal.training.a2c import Unroll, discounted_returns, rmsprop, sample, start_episodes
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.compiled_loop import Loop, compiler_found, warn_uncompiled
from replications.bandit.settings import Bandit
from replications.two_step.settings import SETTINGS, TwoStep
from tests import textbook


@dataclass(frozen=True)
class WanderingTask(Task):
    """Episodes of random length, with observations and rewards that depend on noise and action."""

    episode_steps: int = 40
    stop: float = 0.1

    observations = ("x", "y")
    actions = ("a", "b", "c")
    periods = ("step",)
    reset_noise = 2
    step_noise = 4

    def reset(self, noise):
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        return {"trial": zero, "period": zero, "done": zero > 0}, noise

    def step(self, state, action, noise):
        trial = state["trial"] + 1
        done = state["done"] | (trial >= self.episode_steps) | (noise[..., 0] < self.stop)
        return state | {"trial": trial, "done": done}, noise[..., 1:3], noise[..., 3] * (action - 1)

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


def columns(seeds: int, dtype=torch.float64, **given: list[float]) -> a2c.Hyperparameters:
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
    return {n: torch.tensor(given.get(n, [x] * seeds), dtype=dtype) for n, x in plain.items()}


def network_for(task, units: int, kind: str = "lstm", separate: bool = False) -> Network:
    return Network(
        Identity(len(task.observations)), CORES[kind](units), len(task.actions), separate
    )


def random_flat(network: Network, seeds: int) -> torch.Tensor:
    """Weights as drawn for training, and random biases and initial states, so that every gradient
    is tested."""
    ones = torch.ones(seeds)
    flat = initial_parameters(network, list(range(seeds)), 2 * ones, 3 * ones, dtype=torch.float64)
    return flat + 0.3 * torch.randn(
        flat.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )


class Learner:
    """Networks in training, as simple as possible."""

    def __init__(
        self,
        task,
        network,
        seeds,
        hyperparameters,
        *,
        steps,
        episodes=1,
        immediate_reset=False,
        compiled=False,
        perturbs_rpe=False,
    ):
        self.task, self.network, self.hyperparameters, self.steps, self.episodes = (
            task,
            network,
            hyperparameters,
            steps,
            episodes,
        )
        ones, self.dtype = torch.ones(len(seeds)), hyperparameters["discount"].dtype
        self.flat = initial_parameters(network, seeds, ones, ones, dtype=self.dtype)
        self.square, self.current = torch.zeros_like(self.flat), None
        self.unroll = Unroll(task, network, immediate_reset, compiled)
        self.noise, self.rpe_noise = (
            RandomStreams(seeds, purpose) for purpose in ("training episodes", "dopamine")
        )
        self.perturbs_rpe, self.entropy_cost = (
            perturbs_rpe,
            torch.full((len(seeds),), 0.05, dtype=self.dtype),
        )

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        opening = self.noise.uniform(self.episodes, self.task.reset_noise, dtype=self.dtype)
        return opening, self.noise.uniform(
            self.steps, self.episodes, self.unroll.noise, dtype=self.dtype
        )

    def update(self) -> dict[str, torch.Tensor]:
        normal = self.rpe_noise.normal(self.steps, self.episodes) if self.perturbs_rpe else None
        gradient, self.current, monitor = self.unroll.gradient(
            self.flat, self.hyperparameters, self.current, *self.draw(), self.entropy_cost, normal
        )
        self.flat, self.square = rmsprop(
            self.flat, self.square, gradient, self.hyperparameters, torch.ones(())
        )
        return monitor


def spied(monkeypatch) -> list[a2c.Rollout]:
    """Rollouts of all unrolls to come."""
    rollouts, play = [], Unroll.play

    def spy(self, *arguments):
        after, rollout = play(self, *arguments)
        rollouts.append({name: tensor.detach() for name, tensor in rollout.items()})
        return after, rollout

    monkeypatch.setattr(Unroll, "play", spy)
    return rollouts


def textbook_gradients(
    network, envs, episodes, actions, steps, **hyperparameters
) -> tuple[dict, list]:
    """Gradients of one network, averaged over its episodes, by autograd."""
    losses, after = [], []
    for env, episode, chosen in zip(envs, episodes, actions, strict=True):
        take = iter(chosen.tolist())
        if episode is None or episode.done:
            episode = textbook.reset(network, env)
        choose = lambda _, take=take: next(take)  # noqa: E731
        loss, episode = textbook.unroll(
            network, env, episode, steps, choose=choose, **hyperparameters
        )
        losses.append(loss)
        after.append(episode)
    network.zero_grad()
    torch.stack(losses).mean().backward()
    zero_where_unused = network.to_parameters(
        lambda p: torch.zeros_like(p) if p.grad is None else p.grad
    )
    return zero_where_unused, after


@pytest.mark.parametrize(("episodes", "steps"), [(1, 40), (5, 12), (3, 40)])
def test_gradients_equal_autograd_of_the_textbook_loop(episodes, steps, monkeypatch):
    """Five unrolls in a row: episodes end inside unrolls, continue across them, and start anew."""
    seeds, task, rollouts = 3, WanderingTask(), spied(monkeypatch)
    network = network_for(task, 7)
    flat = random_flat(network, seeds)
    parameters = network.views(flat)
    hyperparameters = columns(
        seeds, discount=[0.9, 0.5, 1.0], value_cost=[0.05, 1.0, 0.4], reward_scale=[1.0, 3.0, 0.1]
    )
    entropy_cost = torch.tensor([0.05, 0.0, 1.3], dtype=torch.float64)
    unroll, noise = Unroll(task, network), RandomStreams([0, 1, 2], "test")

    envs = [[scripted_env(task) for _ in range(episodes)] for _ in range(seeds)]
    networks = [
        textbook.TextbookNetwork.from_parameters(network, {n: p[s] for n, p in parameters.items()})
        for s in range(seeds)
    ]
    running = [[None] * episodes for _ in range(seeds)]
    current, seen = None, set()
    for _ in range(5):
        opening = noise.uniform(episodes, task.reset_noise, dtype=torch.float64)
        uniform = noise.uniform(steps, episodes, unroll.noise, dtype=torch.float64)
        fresh = (
            torch.ones(seeds, episodes, dtype=torch.bool)
            if current is None
            else current.state["done"]
        )
        gradient, current, _ = unroll.gradient(
            flat, hyperparameters, current, opening, uniform, entropy_cost
        )
        ours, done = network.views(gradient), current.state["done"]
        seen |= {("fresh", bool(x)) for x in fresh.flatten()} | {
            ("done", bool(x)) for x in done.flatten()
        }

        for s in range(seeds):
            for e in range(episodes):
                first = [opening[s, e].numpy()] if fresh[s, e] else []
                envs[s][e][1].numbers = first + list(uniform[s, :, e, 1:].numpy())
            theirs, running[s] = textbook_gradients(
                networks[s],
                [env for env, _ in envs[s]],
                running[s],
                rollouts[-1]["action"][s].T,
                steps,
                discount=float(hyperparameters["discount"][s]),
                value_cost=float(hyperparameters["value_cost"][s]),
                entropy_cost=float(entropy_cost[s]),
                reward_scale=float(hyperparameters["reward_scale"][s]),
            )
            for name in network.shapes:
                torch.testing.assert_close(
                    ours[name][s], theirs[name], rtol=1e-9, atol=1e-9, msg=f"{name} of network {s}"
                )
    if steps < task.episode_steps:
        assert seen == {("fresh", True), ("fresh", False), ("done", True), ("done", False)}


def plain_loss(
    network, p, task, actions, opening, noise, hyperparameters, entropy_cost, immediate_reset
):
    """Loss of one unroll, summed over networks, one step at a time; actions are given."""
    current = start_episodes(task, network, p, opening)
    state, memory, network_input = (
        current.state,
        current.memory,
        NetworkInput(current.observation, current.reward, current.action),
    )
    log_policies, values, rewards, ends, weights = [], [], [], [], []
    for t in range(actions.shape[1]):
        memory, logits, value = network.step(p, memory, network_input, hyperparameters["discount"])
        running, chance, new = (
            ~state["done"],
            noise[:, t, :, 1 : 1 + task.step_noise],
            noise[:, t, :, 1 + task.step_noise :],
        )
        state, observation, reward = task.step(state, actions[:, t], chance)
        reward = reward * running * hyperparameters["reward_scale"][:, None]
        network_input = NetworkInput(observation, reward, actions[:, t])
        for row, entry in zip(
            (log_policies, values, rewards, ends, weights),
            (torch.log_softmax(logits, -1), value, reward, state["done"], running),
            strict=True,
        ):
            row.append(entry)
        if immediate_reset:
            fresh = start_episodes(task, network, p, new)
            now = a2c.RolloutState(state, memory, *network_input).where(state["done"], fresh)
            state, memory, network_input = (
                now.state,
                now.memory,
                NetworkInput(now.observation, now.reward, now.action),
            )
    total, loss = (
        network.step(p, memory, network_input, hyperparameters["discount"]).value.detach(),
        0.0,
    )
    for log_policy, value, reward, done, action, weight in reversed(
        list(zip(log_policies, values, rewards, ends, actions.unbind(1), weights, strict=True))
    ):
        total = reward + hyperparameters["discount"][:, None] * total * ~done
        delta, chosen = total - value, log_policy.gather(-1, action[..., None])[..., 0]
        entropy = -(log_policy.exp() * log_policy).sum(-1)
        step = (
            -delta.detach() * chosen
            + hyperparameters["value_cost"][:, None] * delta**2 / 2
            - entropy_cost[:, None] * entropy
        )
        loss = loss + (step * weight).sum() / action.shape[1]
    return loss


@pytest.mark.parametrize("immediate_reset", [False, True])
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("kind", list(CORES))
def test_gradients_of_every_core_equal_autograd_of_a_loop(
    kind, separate, immediate_reset, monkeypatch
):
    """Episodes end inside the unroll, and with ``immediate_reset`` start anew there."""
    seeds, episodes, steps, task, rollouts = 2, 3, 15, WanderingTask(), spied(monkeypatch)
    network = network_for(task, 5, kind, separate)
    flat, hyperparameters = (
        random_flat(network, seeds),
        columns(seeds, discount=[0.9, 0.6], value_cost=[0.05, 1.0]),
    )
    entropy_cost = torch.full((seeds,), 0.3, dtype=torch.float64)
    unroll, noise = Unroll(task, network, immediate_reset), RandomStreams([0, 1], "test")
    opening = noise.uniform(episodes, task.reset_noise, dtype=torch.float64)
    uniform = noise.uniform(steps, episodes, unroll.noise, dtype=torch.float64)
    ours, after, monitor = unroll.gradient(
        flat, hyperparameters, None, opening, uniform, entropy_cost
    )
    leaf = flat.clone().requires_grad_()
    given = (
        network.views(leaf),
        task,
        rollouts[0]["action"],
        opening,
        uniform,
        hyperparameters,
        entropy_cost,
        immediate_reset,
    )
    plain_loss(network, *given).backward()
    torch.testing.assert_close(ours, leaf.grad, rtol=1e-9, atol=1e-9)
    assert not any(tensor.requires_grad for tensor in after.flatten().values())
    assert monitor["ended"].sum() == (rollouts[0]["done"] & rollouts[0]["running"]).sum() > 0
    if immediate_reset:
        assert rollouts[0]["running"].all() and not after.state["done"].any()
        assert (rollouts[0]["done"].sum(1) > 1).any(), "an episode after the next"


def test_networks_train_as_the_textbook_does():
    """Six whole updates, RMSProp included."""
    updates, rates, task = 6, [7e-4, 3e-3], TwoStep(trials=5).build()
    network = network_for(task, 6)
    learner = Learner(
        task, network, [0, 1], columns(2, torch.float32, learning_rate=rates), steps=15
    )
    initial = network.views(learner.flat)
    networks = [
        textbook.TextbookNetwork.from_parameters(network, {n: p[s] for n, p in initial.items()})
        for s in range(2)
    ]
    for _ in range(updates):
        learner.update()

    streams = RandomStreams([0, 1], "training episodes")
    drawn = [
        (streams.uniform(1, task.reset_noise), streams.uniform(15, 1, 1 + task.step_noise))
        for _ in range(updates)
    ]
    for s, theirs in enumerate(networks):
        env, script = scripted_env(task)
        uniform = iter(np.concatenate([noise[s, :, 0, 0] for _, noise in drawn]))
        for opening, noise in drawn:
            script.numbers += [opening[s, 0].numpy(), *noise[s, :, 0, 1:].numpy()]
        textbook.train(
            theirs,
            env,
            updates,
            15,
            learning_rate=rates[s],
            choose=lambda logits, uniform=uniform: int(sample(logits, torch.tensor(next(uniform)))),
        )
        ours = network.views(learner.flat)
        for name, tensor in theirs.to_parameters().items():
            torch.testing.assert_close(
                ours[name][s], tensor, rtol=1e-3, atol=1e-5, msg=f"{name} of network {s}"
            )


@pytest.mark.parametrize("immediate_reset", [False, True])
@pytest.mark.parametrize("kind", list(CORES))
def test_networks_learn_the_same_alone_and_batched(kind, immediate_reset):
    """Over unrolls that end in mid-episode."""
    task, flats = WanderingTask(), []
    for seeds in ([3], [5, 3, 8]):
        network = network_for(task, 16, kind)
        learner = Learner(
            task,
            network,
            seeds,
            columns(len(seeds)),
            steps=12,
            episodes=2,
            immediate_reset=immediate_reset,
        )
        for _ in range(4):
            learner.update()
        flats.append(learner.flat[seeds.index(3)])
    torch.testing.assert_close(*flats, rtol=1e-9, atol=1e-9)


def test_networks_with_views_learn_alone_and_batched():
    @dataclass(frozen=True)
    class Views(WanderingTask):
        reset_noise = 36 * 36 * 3
        step_noise = 1 + 36 * 36 * 3

        def reset(self, noise):
            return super().reset(noise)[0], noise.unflatten(-1, (36, 36, 3))

        def step(self, state, action, noise):
            state, _, _ = super().step(state, action, noise)
            return state, noise[..., 1:].unflatten(-1, (36, 36, 3)), noise[..., 0] * (action - 1)

    network, ends = Network(Convolutions(36, 16), LSTM(16, learned_initial_state=False), 3), []
    for seeds in ([3], [5, 3]):
        learner = Learner(
            Views(),
            network,
            seeds,
            columns(len(seeds), torch.float32),
            steps=3,
            episodes=2,
            immediate_reset=True,
        )
        initial = network.views(learner.flat)
        for _ in range(2):
            learner.update()
        ends.append(learner.flat[seeds.index(3)])
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)
    assert all(
        (tensor != initial[name]).any() for name, tensor in network.views(learner.flat).items()
    )


def test_perturbed_errors_in_a_case_by_hand():
    """Scale .5; negative errors .5 x .2; negative errors clipped, noise of standard deviation 2."""
    hyperparameters = columns(
        3, rpe_scale=[0.5, 0.5, 1.0], negative_rpe_scale=[1.0, 0.2, 0.0], rpe_noise=[0.0, 0.0, 2.0]
    )
    delta = torch.tensor([[-2.0, 0.0, 4.0]] * 3, dtype=torch.float64)
    normal = torch.tensor([[9.0, 9.0, 9.0], [9.0, 9.0, 9.0], [0.5, -1.0, 0.0]], dtype=torch.float64)
    expected = torch.tensor(
        [[-1.0, 0.0, 2.0], [-0.2, 0.0, 2.0], [1.0, -2.0, 4.0]], dtype=torch.float64
    )
    torch.testing.assert_close(a2c.perturb_rpe(delta, hyperparameters, normal), expected)


def test_only_perturbation_of_size_zero_leaves_every_bit():
    """Networks with the same seed: intact alone, and in a batch in which the others' RPEs are
    perturbed."""
    task = TwoStep(trials=5).build()
    network = network_for(task, 16)
    changes = {
        "rpe_scale": [1, 0.5, 1, 1],
        "negative_rpe_scale": [1, 1, 0, 1],
        "rpe_noise": [0, 0, 0, 1.0],
    }
    alone = Learner(task, network, [3], columns(1, torch.float32), steps=15)
    together = Learner(
        task, network, [3] * 4, columns(4, torch.float32, **changes), steps=15, perturbs_rpe=True
    )
    for _ in range(4):
        alone.update()
        together.update()
    assert torch.equal(alone.flat[0], together.flat[0])
    assert all(not torch.equal(alone.flat[0], other) for other in together.flat[1:])


@settings(deadline=None)
@given(
    steps=st.integers(1, 33),
    discounts=st.lists(st.floats(0, 1), min_size=1, max_size=3),
    episodes=st.integers(1, 3),
    ends=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_discounted_returns_equal_a_loop(steps, discounts, episodes, ends, seed):
    generator = torch.Generator().manual_seed(seed)
    seeds = len(discounts)
    reward = torch.randn(seeds, steps, episodes, generator=generator, dtype=torch.float64)
    done = torch.rand(seeds, steps, episodes, generator=generator) < ends
    rest = torch.randn(seeds, episodes, generator=generator, dtype=torch.float64)
    discount = torch.tensor(discounts, dtype=torch.float64)
    total, expected = rest, []
    for t in reversed(range(steps)):
        total = reward[:, t] + discount[:, None] * total * ~done[:, t]
        expected.insert(0, total)
    torch.testing.assert_close(
        discounted_returns(reward, done, rest, discount), torch.stack(expected, dim=1)
    )


def test_rmsprop_equals_pytorch():
    """Two networks with rates of their own; the second half of the parameters learns at half the
    rate."""
    rates, decays, epsilons = [1e-3, 0.1], [0.99, 0.9], [1e-5, 0.1]
    hyperparameters = columns(2, learning_rate=rates, rms_decay=decays, rms_epsilon=epsilons)
    generator = torch.Generator().manual_seed(1)
    flat = torch.randn(2, 30, generator=generator, dtype=torch.float64)
    theirs = [[torch.nn.Parameter(half.clone()) for half in row.chunk(2)] for row in flat]
    optimizers = [
        torch.optim.RMSprop(
            [{"params": [a]}, {"params": [b], "lr": rate / 2}], lr=rate, alpha=decay, eps=epsilon
        )
        for (a, b), rate, decay, epsilon in zip(theirs, rates, decays, epsilons, strict=True)
    ]
    square, share = (
        torch.zeros_like(flat),
        torch.tensor([1.0] * 15 + [0.5] * 15, dtype=torch.float64),
    )
    for _ in range(10):
        gradient = torch.randn(2, 30, generator=generator, dtype=torch.float64)
        flat, square = rmsprop(flat, square, gradient, hyperparameters, share)
        for halves, optimizer, row in zip(theirs, optimizers, gradient, strict=True):
            for p, part in zip(halves, row.chunk(2), strict=True):
                p.grad = part.clone()
            optimizer.step()
    torch.testing.assert_close(flat, torch.stack([torch.cat(halves).detach() for halves in theirs]))


def test_gradient_is_clipped_to_its_norm_per_network():
    gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4]], dtype=torch.float64)
    hyperparameters = columns(
        2, gradient_clip=[1.0, 1.0], rms_decay=[0.0, 0.0], rms_epsilon=[0.0, 0.0]
    )
    zeros = torch.zeros(2, 2, dtype=torch.float64)
    _, square = rmsprop(zeros, zeros, gradient, hyperparameters, torch.ones(()))
    torch.testing.assert_close(
        square.sqrt(), torch.tensor([[0.6, 0.8], [0.3, 0.4]], dtype=torch.float64)
    )


@pytest.mark.parametrize("overflowing", [torch.inf, -torch.inf, torch.nan, 1e30])
def test_a_clipped_gradient_that_overflows_is_skipped(overflowing):
    gradient = torch.tensor([[1.0, overflowing]] * 2 + [[3.0, 4.0]])
    hyperparameters = columns(3, torch.float32, gradient_clip=[1.0, torch.inf, 1.0])
    before = torch.ones(3, 2)
    after, square = rmsprop(before, before, gradient, hyperparameters, torch.ones(()))
    assert (after[0] == before[0]).all() and (square[0] <= before[0]).all()
    assert not square[1].isfinite().all(), "without clipping it shows"
    assert (after[2] < before[2]).all()


def after_updates(compiled: bool, kind: str = "lstm", task=None) -> torch.Tensor:
    task = task or TwoStep(trials=2).build()
    hyperparameters = columns(2, torch.float32, learning_rate=[5e-3] * 2)
    network = network_for(task, 4, kind)
    learner = Learner(
        task,
        network,
        [0, 1],
        hyperparameters,
        steps=task.episode_steps,
        episodes=2,
        compiled=compiled,
    )
    for _ in range(5):
        learner.update()
    return learner.flat


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow) if kind != "rnn" else kind for kind in CORES],
)
def test_compiled_equals_eager(kind):
    """In this task several entries of a state are one tensor, and some pass through a step
    unchanged."""
    task = Bandit(trials=6).build()
    torch.testing.assert_close(
        after_updates(True, kind, task), after_updates(False, kind, task), rtol=1e-4, atol=1e-5
    )


@dataclass(frozen=True)
class TableTask(WanderingTask):
    """Rewards depend on a tensor that the task holds."""

    table = torch.tensor([-1.0, 0.5, 2.0])

    def step(self, state, action, noise):
        state, observation, reward = super().step(state, action, noise)
        return state, observation, reward + self.table[action]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("separate", "immediate_reset"), [(False, False), (True, False), (False, True)]
)
def test_compiled_gradients_equal_eager_across_unrolls(separate, immediate_reset):
    """Random parameters; episodes continue, end, and restart; one network alone has tensors of one
    entry."""
    task = TableTask()
    for seeds, episodes in ((3, 4), (1, 1)):
        network = network_for(task, 5, separate=separate)
        flat, hyperparameters, gradients = (
            random_flat(network, seeds).float(),
            columns(seeds, torch.float32),
            [],
        )
        for compiled in (True, False):
            unroll, noise, current = (
                Unroll(task, network, immediate_reset, compiled),
                RandomStreams(list(range(seeds)), "test"),
                None,
            )
            for _ in range(4):
                drawn = (
                    noise.uniform(episodes, task.reset_noise),
                    noise.uniform(9, episodes, unroll.noise),
                )
                gradient, current, _ = unroll.gradient(
                    flat, hyperparameters, current, *drawn, torch.full((seeds,), 0.3)
                )
                gradients.append(gradient)
        torch.testing.assert_close(
            torch.stack(gradients[:4]), torch.stack(gradients[4:]), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_supervised_networks_descend_the_cross_entropy(compiled, monkeypatch):
    """The policy follows targets whatever was done and rewarded; the value still learns the
    rewards."""
    task, rollouts = Bandit(trials=6).build(), spied(monkeypatch)
    dtype = torch.float32 if compiled else torch.float64
    network, hyperparameters = network_for(task, 5), columns(2, dtype)
    flat, unroll = (
        random_flat(network, 2).to(dtype),
        Unroll(task, network, compiled=compiled, supervised=True),
    )
    noise = RandomStreams([0, 1], "test")
    drawn = (
        noise.uniform(3, task.reset_noise, dtype=dtype),
        noise.uniform(6, 3, unroll.noise, dtype=dtype),
    )
    gradient, _, _ = unroll.gradient(
        flat, hyperparameters, None, *drawn, torch.zeros(2, dtype=dtype)
    )
    better = (drawn[0][..., 1] > drawn[0][..., 0]).long()
    assert torch.equal(rollouts[0]["target"], better[:, None].expand(-1, 6, -1))

    p = {name: view.detach().requires_grad_() for name, view in network.views(flat).items()}
    current, total = start_episodes(task, network, p, drawn[0]), torch.zeros((), dtype=dtype)
    returns = discounted_returns(
        rollouts[0]["reward"],
        rollouts[0]["done"],
        torch.zeros(2, 3, dtype=dtype),
        hyperparameters["discount"],
    )
    for t, chance in enumerate(drawn[1].unbind(1)):
        out = network.step(
            p,
            current.memory,
            NetworkInput(current.observation, current.reward, current.action),
            hyperparameters["discount"],
        )
        entropy = torch.nn.functional.cross_entropy(
            out.logits.flatten(0, 1), better.flatten(), reduction="sum"
        )
        value_loss = hyperparameters["value_cost"][:, None] * (returns[:, t] - out.value) ** 2 / 2
        total = total + (entropy + value_loss.sum()) / 3
        current, _ = a2c.step(task, network, p, hyperparameters, current, chance)
    expected = torch.autograd.grad(total, list(p.values()))
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if compiled else {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(
        gradient, network.flatten(dict(zip(p, expected, strict=True))), **tolerance
    )


@pytest.mark.parametrize(
    ("compiled", "random"), [(False, False), (False, True), (True, False), (True, True)]
)
def test_predicting_networks_descend_the_squared_error(compiled, random, monkeypatch):
    """Of the reward of the action taken, or of random numbers, beside the loss of the others."""
    task, rollouts = WanderingTask(), spied(monkeypatch)
    dtype = torch.float32 if compiled else torch.float64
    plain, hyperparameters = network_for(task, 5), columns(2, dtype)
    hyperparameters["prediction_cost"] = torch.tensor([0.5, 2.0], dtype=dtype)
    network = replace(plain, predicts=True)
    flat = random_flat(network, 2).to(dtype)
    unroll = Unroll(task, network, compiled=compiled, predicts_noise=random)
    noise, entropy_cost = RandomStreams([0, 1], "test"), torch.full((2,), 0.3, dtype=dtype)
    opening = noise.uniform(3, task.reset_noise, dtype=dtype)
    uniform = noise.uniform(15, 3, unroll.noise, dtype=dtype)
    gradient, _, _ = unroll.gradient(flat, hyperparameters, None, opening, uniform, entropy_cost)

    p = {name: view.detach().requires_grad_() for name, view in network.views(flat).items()}
    action, running = rollouts[0]["action"], rollouts[0]["running"]
    target = uniform[..., -1] if random else rollouts[0]["reward"]
    given = (task, action, opening, uniform, hyperparameters, entropy_cost, False)
    total = plain_loss(plain, p, *given)
    current = start_episodes(task, network, p, opening)
    for t, chance in enumerate(uniform[..., : 1 + task.step_noise].unbind(1)):
        current, rollout = a2c.step(task, network, p, hyperparameters, current, chance)
        predicted = read(p, "prediction", rollout["activity"])
        error = target[:, t] - predicted.gather(-1, action[:, t, :, None])[..., 0]
        cost = hyperparameters["prediction_cost"][:, None] * running[:, t]
        total = total + (cost * error**2).sum() / 2 / 3
    expected = torch.autograd.grad(total, list(p.values()))
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if compiled else {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(
        gradient, network.flatten(dict(zip(p, expected, strict=True))), **tolerance
    )


def test_prediction_of_weight_zero_leaves_every_bit():
    batches = [
        NetworkBatch([SETTINGS.vary({"task.trials": 4, "network.units": 6, **changes})])
        for changes in ({}, {"training.prediction": "reward", "training.prediction_cost": 0.0})
    ]
    for batch in batches:
        for _ in range(4):
            batch.update()
    without, zero = (batch.network.views(batch.flat) for batch in batches)
    assert all(torch.equal(without[name], zero[name]) for name in without)
    assert set(zero) - set(without) == {"prediction_weight", "prediction_bias"}


@pytest.fixture
def fresh_warnings():
    """Warn again about training that runs uncompiled."""
    caches = compiler_found, warn_uncompiled
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("fresh_warnings")
def test_training_without_a_compiler_warns_once(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler found") as warned:
        flat = after_updates(True)
        after_updates(True)
    assert len(warned) == 1
    assert torch.equal(flat, after_updates(False))


@pytest.mark.usefixtures("fresh_warnings")
@pytest.mark.parametrize(
    "interface",
    [
        "functorch.compile.min_cut_rematerialization_partition",
        "torch.fx.experimental.proxy_tensor.make_fx",
        "torch._inductor.compile_fx.compile_fx_inner",
    ],
)
def test_another_pytorch_trains_uncompiled_and_warns_once(interface, monkeypatch):
    """The compiler's interfaces are private to PyTorch, and may be gone in the next version."""
    monkeypatch.setattr(compiled_loop, "compiler_found", lambda: True)
    monkeypatch.delattr(interface)
    settings = SETTINGS.vary({"task.trials": 2, "network.units": 4})
    batch, other = (NetworkBatch([settings], compiled=compiled) for compiled in (True, False))
    assert batch.compiles and not other.compiles
    with pytest.warns(UserWarning, match="training runs uncompiled") as warned:
        for _ in range(3):
            batch.update()
        NetworkBatch([settings], compiled=True).update()
    assert len(warned) == 1 and not batch.compiles
    for _ in range(3):
        other.update()
    assert torch.equal(batch.flat, other.flat)


def test_actions_are_drawn_as_the_policy_says():
    logits = torch.tensor([[0.0, 1.0, -2.0], [3.0, 3.0, 0.0]])
    uniform = torch.rand(2, 100_000, generator=torch.Generator().manual_seed(2))
    action = sample(logits[:, None].expand(2, 100_000, 3), uniform)
    frequency = torch.stack([(action == k).float().mean(1) for k in range(3)], dim=1)
    torch.testing.assert_close(
        frequency, torch.softmax(logits, dim=1), rtol=0, atol=5 * 0.5 / 100_000**0.5
    )


def test_one_update_makes_a_rewarded_action_likelier(monkeypatch):
    """In meaning: where reward is better than the value foretells, the action that was taken gains
    probability."""
    task, rollouts = (
        TwoStep(trials=1, steps_per_trial=2, common=1.0, rich=1.0).build(),
        spied(monkeypatch),
    )
    network, hyperparameters = network_for(task, 5), columns(8, learning_rate=[1e-2] * 8)
    learner = Learner(task, network, list(range(8)), hyperparameters, steps=2)
    before, drawn = network.views(learner.flat), learner.draw()
    learner.entropy_cost = torch.zeros(8, dtype=torch.float64)
    learner.draw = lambda: drawn
    learner.update()
    updated, rollout = network.views(learner.flat), rollouts[0]

    def first(weights, name):
        current = start_episodes(task, network, weights, drawn[0])
        network_input = NetworkInput(current.observation, current.reward, current.action)
        return read(
            weights,
            name,
            network.step(
                weights, current.memory, network_input, hyperparameters["discount"]
            ).memory["activity"],
        )[:, 0]

    gain = torch.softmax(first(updated, "policy"), -1) - torch.softmax(first(before, "policy"), -1)
    gain = gain.gather(1, rollout["action"][:, 0])[:, 0]
    returns, value = rollout["reward"].sum((1, 2)), first(before, "value")[:, 0]
    better = returns > value + 0.2
    assert (gain[better] > 0).all() and better.any()
    assert (gain[returns < value - 0.2] < 0).all()


def test_compiled_loop_ignores_the_order_of_tensors():
    def step(fixed, carried, new):
        total = carried["total"] * fixed["decay"] + new
        return {"total": total, "count": carried["count"] + 1}, {"total": total}

    loop = Loop(step, lambda name: name == "total")
    fixed, new = {"decay": torch.tensor([[0.5]], requires_grad=True)}, torch.rand(1, 3, 1)
    carried = {"total": torch.tensor([[2.0]]), "count": torch.tensor([[7.0]])}
    one, other = (
        loop(fixed, dict(own), new) for own in (carried.items(), reversed(carried.items()))
    )
    assert all(torch.equal(one[0][name], other[0][name]) for name in carried)
    assert float(one[0]["count"]) == 10
