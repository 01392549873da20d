"""What is the algorithm inside? The task of few problems, and every measure on agents whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from prefrontal.tables import recording

pass  # moved
from prefrontal.models import bandit
from prefrontal.networks.model_agents import BanditAgent
from prefrontal.networks.record import record
from prefrontal.task import RandomStreams, for_networks
from prefrontal.training.batch import NetworkBatch
from replications.bandit.task import BanditTask
from replications.inner_algorithm.analysis import learning, observers, outside, rules, structure
from replications.inner_algorithm.outside import OutsideTask
from replications.inner_algorithm.record import (
    exchanged,
    histories,
    known_agents,
    listed,
    planners,
    watched,
)
from replications.inner_algorithm.task import problems_of
from replications.inner_algorithm.train import Config
from replications.inner_algorithm.variants import (
    BAYES,
    DELTA,
    FAMILY,
    FEW,
    HEURISTIC,
    INFERRING,
    MAIN,
    ORDERS,
    OUTSIDE_TESTS,
    Q_LEARNING,
)
from replications.two_step import train as two_step_train

SEEDS = [8, 9, 10]


def met(task, seeds, episodes=200):
    """Payoffs of the episodes that networks meet, (network, episode, arm)."""
    task = for_networks(task, seeds)
    state, _ = task.reset(RandomStreams(seeds, "test").uniform(episodes, task.reset_noise))
    return torch.stack([state["p_left"], state["p_right"]], dim=-1)


def test_every_network_meets_its_own_problems_and_no_others():
    for count in (1, 4, 64):
        own = problems_of(tuple(SEEDS), count)
        payoffs = met(Config(problems=count).task(), SEEDS)
        for network, problems in zip(payoffs, own, strict=True):
            found = {tuple(problem) for problem in network.tolist()}
            assert found <= {tuple(problem) for problem in problems.tolist()} and len(found) > 0.9 * min(count, 50)
        assert not torch.equal(own[0], own[1])
        assert torch.equal(own[:, :1], problems_of(tuple(SEEDS), 1)), "fewer problems are the first of more"


def test_a_network_has_the_same_problems_alone_and_in_company():
    task = Config(seed=9, problems=8).task()
    assert torch.equal(met(task, SEEDS)[1], met(task, [9])[0])
    state, _ = task.reset(RandomStreams([9], "test").uniform(200, task.reset_noise))
    assert torch.equal(state["p_left"], met(task, [9])[..., 0]), "a task is that of the seed of its settings"


def test_training_meets_the_same_problems_in_company_and_goes_on_to_the_same_bits_from_a_checkpoint():
    def batch(*seeds):
        return NetworkBatch([Config(seed=seed, problems=4, episodes=6, trials=10) for seed in seeds], compiled=False)

    together, alone, resumed = batch(8, 9), batch(9), batch(9)
    for update in range(6):
        together.update()
        alone.update()
        if update == 2:
            resumed.load_tensors(alone.tensors())
        if update > 2:
            resumed.update()
    assert torch.equal(resumed.flat, alone.flat)
    assert torch.equal(together.stream.state["p_left"][1], alone.stream.state["p_left"][0])


def test_recorded_problems_are_those_of_the_training():
    config = Config(seed=8, problems=2, trials=5)
    agent = NetworkBatch([config, Config(seed=9, problems=2, trials=5)], compiled=False).agent
    trials = record(agent, config.task(), [8, 9], "problems_2", 30, steps=False).trials
    for seed, own in trials.groupby("seed"):
        found = own[["p_left", "p_right"]].drop_duplicates().to_numpy()
        assert {tuple(row) for row in found} == {tuple(row) for row in problems_of((seed,), 2)[0].numpy()}


def forced_on(agent, seeds=(8, 9), episodes=24):
    """Histories, and the same in other orders, forced on an agent."""
    trained = SimpleNamespace(task=BanditTask())
    return recording.join(watched(trained, agent, "agent", list(seeds), episodes))


@pytest.fixture(scope="module")
def structures():
    agents = known_agents(problems_of((8,), 4)[0].numpy())
    return {name: structure(forced_on(agents[name])).mean(numeric_only=True) for name in (BAYES, Q_LEARNING, HEURISTIC)}


def test_who_counts_has_the_bayesian_state_and_others_have_not(structures):
    assert structures[BAYES]["statistics"] > 0.9 > max(structures[name]["statistics"] for name in (Q_LEARNING, HEURISTIC))
    assert structures[BAYES]["minimal"] > max(structures[name]["minimal"] for name in (Q_LEARNING, HEURISTIC))
    assert structures[BAYES]["policy"] > structures[Q_LEARNING]["policy"] > structures[HEURISTIC]["policy"]


def test_order_matters_to_all_but_who_counts(structures):
    assert structures[BAYES]["exchangeable"] == 0
    assert min(structures[name]["exchangeable"] for name in (Q_LEARNING, HEURISTIC)) > 0.1


def test_everyone_meets_the_same_histories_and_exchanged_ones_have_equal_counts():
    agents = known_agents(problems_of((8,), 4)[0].numpy())
    first, second = (forced_on(agents[name], [8], 6) for name in (BAYES, HEURISTIC))
    for column in ("action", "reward", "trial"):
        assert (first.steps[column] == second.steps[column]).all()
    plain = histories(BanditTask(), [8], 6)
    orders, trials = exchanged(plain, [8])
    for k, n in enumerate(trials):
        before = 2 * plain.action + plain.reward
        own, other = before[0, k // ORDERS, :n], (2 * orders.action + orders.reward)[0, k, :n]
        assert torch.equal(own.sort().values, other.sort().values)
        assert torch.equal(before[0, k // ORDERS, n:], (2 * orders.action + orders.reward)[0, k, n:])


def played(name, episodes=40, seed=8):
    agent = known_agents(problems_of((seed,), 4)[0].numpy())[name]
    own = record(agent, BanditTask(), [seed], name, episodes, columns={"test": "drawn"}, steps=False)
    listing = listed(name, seed, problems_of((seed,), 4)[0].numpy())
    return recording.join([own, listing]).trials.astype({"variant": str, "test": str})


def test_rules_find_who_infers_and_who_does_not():
    gains = {}
    for name in (FAMILY, Q_LEARNING, HEURISTIC):
        gains[name] = learning(rules(recording.Recording(played(name)))).mean(numeric_only=True)
    assert gains[FAMILY]["minus heuristic"] > 0.05 and gains[FAMILY]["minus fixed rate"] > 0.01
    assert gains[Q_LEARNING]["minus fixed rate"] < -0.01 and gains[HEURISTIC]["minus heuristic"] < -0.1


def test_rules_tell_a_planner_who_infers_from_one_who_learns_at_a_fixed_rate():
    config = two_step_train.Config()
    trained: Any = SimpleNamespace(config=config, seeds=[8])
    played = recording.join(planners(trained, 30)).trials.astype({"variant": str})
    found = learning(rules(recording.Recording(played, settings={"default": config.settings()}))).set_index("variant")
    assert found.loc[INFERRING, "minus fixed rate"] > 0.003 and found.loc[DELTA, "minus fixed rate"] < -0.003
    assert (found["minus heuristic"] > 0.02).all()


def test_observers_find_whose_prior_is_the_problems_and_whose_is_the_family():
    found = {name: observers(played(name))["problems minus family"].item() for name in (FEW, FAMILY)}
    assert found[FEW] > 0.01 and found[FAMILY] < -0.01


def test_outside_the_best_agent_earns_its_own_reward():
    best = BanditAgent(bandit.bayes_optimal())
    parts = [record(best, BanditTask(), [8, 9], MAIN, 300, columns={"test": "drawn"}, steps=False)]
    for test, settings in OUTSIDE_TESTS.items():
        task = OutsideTask(**settings | {"trials": 100})
        parts.append(record(best, task, [8, 9], MAIN, 300, columns={"test": test}, steps=False))
    trials = recording.join(parts).trials.astype({"variant": str, "test": str})
    swap = trials[trials["test"] == "swap"].set_index(["seed", "episode", "trial"])["p_left"].unstack("trial")
    assert (swap[49] == swap[0]).all() and (swap[50] == swap[99]).all() and (swap[49] != swap[50]).all()
    alike = trials.loc[trials["test"] == "alike", ["p_left", "p_right"]]
    assert alike.min().min() >= 0.45 and alike.max().max() <= 0.55
    share = outside(recording.Recording(trials)).groupby("change")["share"].mean()
    assert abs(share["drawn"] - 1) < 0.01 and abs(share["alike"] - 1) < 0.01 and share["swap"] < 0.9


def test_the_best_reward_of_alike_arms_lies_between_that_of_one_arm_and_of_who_knows():
    best = bandit.bayes_optimal_reward("independent", 100, 0.45, 0.55)
    assert 50 < best < 100 * (0.45 + 0.1 * 2 / 3)
    np.testing.assert_allclose(bandit.mean_within(np.array([0, 3, 5]), 5, 1e-9, 1 - 1e-9), np.array([1, 4, 6]) / 7, rtol=1e-6)
