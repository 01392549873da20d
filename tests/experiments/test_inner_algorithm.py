"""The algorithm inside: the task of few problems, and every measure on control agents."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.models import bandit
from prefrontal.networks.model_agents import BanditAgent
from prefrontal.networks.record import record
from prefrontal.tables import recording
from prefrontal.task import RandomStreams
from prefrontal.training.batch import NetworkBatch
from replications.bandit.settings import SETTINGS as BANDIT
from replications.inner_algorithm import analysis
from replications.inner_algorithm.analysis import learning, observers, outside, rules, structure
from replications.inner_algorithm.causal import WholeState, directions
from replications.inner_algorithm.record import (
    control_agents,
    exchanged,
    histories,
    list_problems,
    record_forced,
    record_planners,
)
from replications.inner_algorithm.settings import (
    AXIS,
    BAYES,
    CHANGES,
    DECODED,
    DELTA,
    FAMILY,
    FEW,
    HEURISTIC,
    INFERRING,
    NETWORKS,
    ORDERS,
    Q_LEARNING,
    SETTINGS,
    FewBandits,
)
from replications.inner_algorithm.task import ChangedBanditTask, problems_of
from replications.two_step.settings import SETTINGS as TWO_STEP

SEEDS = [8, 9, 10]
BANDIT_TASK = BANDIT.task.build()


def met(task, seeds, episodes=200):
    """Payoffs of the episodes that networks meet, (network, episode, arm)."""
    task = task.for_networks(seeds)
    state, _ = task.reset(RandomStreams(seeds, "test").uniform(episodes, task.reset_noise))
    return torch.stack([state["p_left"], state["p_right"]], dim=-1)


def vary(changes, *seeds):
    """Settings of one network for each seed."""
    return [SETTINGS.vary({**changes, "seed": seed}) for seed in seeds]


def test_every_network_meets_its_own_problems_and_no_others():
    for count in (1, 4, 64):
        own = problems_of(tuple(SEEDS), count)
        payoffs = met(FewBandits(problems=count).build(), SEEDS)
        for network, problems in zip(payoffs, own, strict=True):
            found = {tuple(problem) for problem in network.tolist()}
            assert found <= {tuple(problem) for problem in problems.tolist()}
            assert len(found) > 0.9 * min(count, 50)
        assert not torch.equal(own[0], own[1])
        assert torch.equal(own[:, :1], problems_of(tuple(SEEDS), 1)), "the first of more problems"


def test_a_network_has_the_same_problems_alone_and_in_a_batch():
    task = FewBandits(problems=8).build()
    assert torch.equal(met(task, SEEDS)[1], met(task, [9])[0])


def test_training_meets_the_same_problems_after_resuming():
    def batch(*seeds):
        small = {"task.problems": 4, "task.trials": 10, "training.episodes": 6}
        return NetworkBatch(vary(small, *seeds), compiled=False)

    together, alone, resumed = batch(8, 9), batch(9), batch(9)
    for update in range(6):
        together.update()
        alone.update()
        if update == 2:
            resumed.load_tensors(alone.tensors())
        if update > 2:
            resumed.update()
    assert torch.equal(resumed.flat, alone.flat)
    assert torch.equal(together.current.state["p_left"][1], alone.current.state["p_left"][0])


def test_networks_without_problems_of_their_own_train_as_bandit_networks():
    small = {"task.trials": 10, "training.episodes": 6, "seed": 8}
    own = SETTINGS.vary({**small, "task.problems": 0})
    batches = [NetworkBatch([each], compiled=False) for each in (own, BANDIT.vary(small))]
    for batch in batches:
        for _ in range(4):
            batch.update()
    assert torch.equal(batches[0].flat, batches[1].flat)


def test_recorded_problems_are_those_of_the_training():
    batch = vary({"task.problems": 2, "task.trials": 5}, 8, 9)
    agent = NetworkBatch(batch, compiled=False).agent
    trials = record(agent, batch[0].task.build(), [8, 9], "problems_2", 30, steps=False).trials
    for seed, own in trials.groupby("subject"):
        found = own[["p_left", "p_right"]].drop_duplicates().to_numpy()
        problems = problems_of((seed,), 2)[0].numpy()
        assert {tuple(row) for row in found} == {tuple(row) for row in problems}


def forced_on(agent, seeds=(8, 9), episodes=24):
    """Histories, and the same in other orders, forced on an agent."""
    return recording.join(record_forced(BANDIT_TASK, agent, "agent", list(seeds), episodes))


@pytest.fixture(scope="module")
def structures():
    agents = control_agents(problems_of((8,), 4)[0].numpy(), 100)
    return {
        name: structure(forced_on(agents[name])).mean(numeric_only=True)
        for name in (BAYES, Q_LEARNING, HEURISTIC)
    }


@pytest.mark.slow
def test_the_counting_agent_has_the_bayesian_state(structures):
    assert (
        structures[BAYES]["statistics"]
        > 0.9
        > max(structures[name]["statistics"] for name in (Q_LEARNING, HEURISTIC))
    )
    assert structures[BAYES]["minimal"] > max(
        structures[name]["minimal"] for name in (Q_LEARNING, HEURISTIC)
    )
    assert (
        structures[BAYES]["policy"]
        > structures[Q_LEARNING]["policy"]
        > structures[HEURISTIC]["policy"]
    )


@pytest.mark.slow
def test_order_matters_to_all_but_the_counting_agent(structures):
    assert structures[BAYES]["exchangeable"] == 0
    assert min(structures[name]["exchangeable"] for name in (Q_LEARNING, HEURISTIC)) > 0.1


def test_forced_histories_are_shared_and_keep_their_counts():
    agents = control_agents(problems_of((8,), 4)[0].numpy(), 100)
    first, second = (forced_on(agents[name], [8], 6) for name in (BAYES, HEURISTIC))
    for column in ("action", "reward", "trial"):
        assert (first.steps[column] == second.steps[column]).all()
    plain = histories(BANDIT_TASK, [8], 6)
    orders, trials = exchanged(plain, [8])
    for k, n in enumerate(trials):
        before = 2 * plain.action + plain.reward
        own, other = before[0, k // ORDERS, :n], (2 * orders.action + orders.reward)[0, k, :n]
        assert torch.equal(own.sort().values, other.sort().values)
        assert torch.equal(
            before[0, k // ORDERS, n:], (2 * orders.action + orders.reward)[0, k, n:]
        )


def played(name, episodes=40, seed=8):
    agent = control_agents(problems_of((seed,), 4)[0].numpy(), 100)[name]
    own = record(agent, BANDIT_TASK, [seed], name, episodes, columns={"test": "drawn"}, steps=False)
    listing = list_problems(name, seed, problems_of((seed,), 4)[0].numpy())
    return recording.join([own, listing]).trials.astype({"variant": str, "test": str})


def test_rules_identify_the_agent_that_infers():
    gains = {}
    for name in (FAMILY, Q_LEARNING, HEURISTIC):
        gains[name] = learning(
            rules(recording.Recording(played(name), settings={NETWORKS: BANDIT}))
        ).mean(numeric_only=True)
    assert gains[FAMILY]["minus heuristic"] > 0.05 and gains[FAMILY]["minus fixed rate"] > 0.01
    assert (
        gains[Q_LEARNING]["minus fixed rate"] < -0.01 and gains[HEURISTIC]["minus heuristic"] < -0.1
    )


def test_rules_separate_inference_from_a_fixed_rate_in_planners():
    trained: Any = SimpleNamespace(settings=TWO_STEP, seeds=[8])
    played = recording.join(record_planners(trained, 30)).trials.astype({"variant": str})
    settings = {"default": TWO_STEP}
    found = learning(rules(recording.Recording(played, settings=settings))).set_index("variant")
    assert (
        found.loc[INFERRING, "minus fixed rate"] > 0.003
        and found.loc[DELTA, "minus fixed rate"] < -0.003
    )
    assert (found["minus heuristic"] > 0.02).all()


def test_observers_identify_the_prior():
    found = {
        name: observers(played(name))["problems minus family"].item() for name in (FEW, FAMILY)
    }
    assert found[FEW] > 0.01 and found[FAMILY] < -0.01


def test_the_best_agent_earns_the_best_reward_after_a_change():
    best = BanditAgent(bandit.bayes_optimal(100))
    parts = [
        record(best, BANDIT_TASK, [8, 9], NETWORKS, 300, columns={"test": "drawn"}, steps=False)
    ]
    for test, change in CHANGES.items():
        task = ChangedBanditTask(BANDIT.task, replace(change, trials=None))
        parts.append(record(best, task, [8, 9], NETWORKS, 300, columns={"test": test}, steps=False))
    trials = recording.join(parts).trials.astype({"variant": str, "test": str})
    swap = (
        trials[trials["test"] == "swap"]
        .set_index(["subject", "episode", "trial"])["p_left"]
        .unstack("trial")
    )
    assert (
        (swap[49] == swap[0]).all()
        and (swap[50] == swap[99]).all()
        and (swap[49] != swap[50]).all()
    )
    alike = trials.loc[trials["test"] == "alike", ["p_left", "p_right"]]
    assert alike.min().min() >= 0.45 and alike.max().max() <= 0.55
    share = outside(recording.Recording(trials)).groupby("change")["share"].mean()
    assert abs(share["drawn"] - 1) < 0.01 and abs(share["alike"] - 1) < 0.01 and share["swap"] < 0.9


def test_best_reward_of_alike_arms_is_below_the_oracle_s():
    best = bandit.bayes_optimal_reward("independent", 100, 0.45, 0.55)
    assert 50 < best < 100 * (0.45 + 0.1 * 2 / 3)
    np.testing.assert_allclose(
        bandit.mean_within(np.array([0, 3, 5]), 5, 1e-9, 1 - 1e-9),
        np.array([1, 4, 6]) / 7,
        rtol=1e-6,
    )


def test_a_moved_state_changes_only_what_comes_after():
    seeds = [8, 9]
    settings = [replace(BANDIT, seed=seed) for seed in seeds]
    agent = NetworkBatch(settings, compiled=False).agent
    history = histories(BANDIT_TASK, seeds, 2)
    size = 2 * agent.network.core.units
    policies = []
    for shift in (torch.zeros(2, size), torch.full((2, size), 0.5)):
        moved = WholeState(agent, shift, at=10)
        steps = record(moved, BANDIT_TASK, seeds, "moved", 2, forced=history).steps
        policies.append(steps["p_right"].to_numpy())
    before = steps["trial"].to_numpy() <= 10
    np.testing.assert_array_equal(*(policy[before] for policy in policies))
    after = steps["trial"].to_numpy() == 11
    assert (policies[0][after] != policies[1][after]).all()


def test_directions_recover_how_the_state_holds_the_belief():
    rng, trials = np.random.default_rng(0), 100
    forced = forced_on(
        control_agents(problems_of((8,), 4)[0].numpy(), 100)[BAYES], seeds=(8,), episodes=20
    )
    steps = forced.steps[forced.steps["test"] == "forced"].sort_values(["episode", "trial"])
    wide = steps.pivot(index="episode", columns="trial", values=["action", "reward"])
    means = bandit.posterior(wide["action"].to_numpy(int), wide["reward"].to_numpy())[0]
    axis = rng.normal(size=8)
    state = np.outer((means[..., 1] - means[..., 0]).ravel(), axis)
    state += np.outer(np.tile(np.arange(trials), 20), rng.normal(size=8))
    units = pd.DataFrame(state, columns=[f"unit_{k}" for k in range(8)])
    keys = steps[["variant", "subject", "episode", "trial"]].reset_index(drop=True)
    found = directions(replace(forced, steps=steps, activity=keys.join(units)))
    np.testing.assert_allclose(found[AXIS][8], axis, atol=1e-6)
    assert found[DECODED][8] @ found[DECODED][8] <= axis @ axis + 1e-6


def test_a_larger_sample_is_measured_by_location_alone(monkeypatch):
    """Networks of few problems, whose bandit networks of the same seeds are not there."""
    batch = vary({"task.problems": 4, "task.trials": 8}, 600, 601)
    agent = NetworkBatch(batch, compiled=False).agent
    drawn = {"columns": {"test": "drawn"}, "steps": False}
    parts = [record(agent, BANDIT_TASK, [600, 601], "problems_4", 20, **drawn)]
    problems = problems_of((600, 601), 4).numpy()
    parts += [list_problems("problems_4", 600 + k, own) for k, own in enumerate(problems)]
    recorded = replace(recording.join(parts), settings={"problems_4": batch[0]})
    whole = pd.Series([0.5, 0.75], [600, 601])
    monkeypatch.setattr(analysis, "fresh_shares", lambda: whole)
    tables = analysis.analyse(recorded)
    assert set(tables) == {"location", "observers"}
    share = tables["location"].set_index("subject")["share"]
    minus = tables["location"].set_index("subject")["minus all"]
    assert (share - minus).to_dict() == pytest.approx(whole.to_dict())
    measured = analysis.claim_measures(tables)
    assert set(measured["claim"]) == {"inner-location"}
    assert set(measured["measure"]) == {"share", "minus all", "problems minus family"}


def test_networks_that_predict_are_compared_seed_by_seed():
    rows = [("independent", 8, 0.5), ("independent", 9, 0.6), ("predicts", 8, 0.9)]
    values = pd.Series(
        [value for *_, value in rows],
        pd.MultiIndex.from_tuples([row[:2] for row in rows], names=["variant", "subject"]),
    )
    minus = analysis.minus(values, NETWORKS)
    assert minus["predicts", 8] == pytest.approx(0.4)
    assert minus.xs(NETWORKS, level="variant").eq(0).all()
