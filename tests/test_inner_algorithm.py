"""What is the algorithm inside? The task of few problems, and every measure on agents whose answer is known."""

from __future__ import annotations

import torch

from prefrontal.population import Population
from prefrontal.recording import record
from prefrontal.task import NoiseStream, of_networks
from replications.inner_algorithm.task import problems_of
from replications.inner_algorithm.train import Config

SEEDS = [8, 9, 10]


def met(task, seeds, episodes=200):
    """Payoffs of the episodes that networks meet, (seed, episode, arm)."""
    task = of_networks(task, seeds)
    state, _ = task.begin(NoiseStream(seeds, "test").uniform(episodes, task.begin_noise))
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
    state, _ = task.begin(NoiseStream([9], "test").uniform(200, task.begin_noise))
    assert torch.equal(state["p_left"], met(task, [9])[..., 0]), "a task is that of the seed of its settings"


def test_training_meets_the_same_problems_in_company_and_goes_on_to_the_same_bits_from_a_checkpoint():
    def population(*seeds):
        return Population([Config(seed=seed, problems=4, episodes=6, trials=10) for seed in seeds], compiled=False)

    together, alone, resumed = population(8, 9), population(9), population(9)
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
    agent = Population([config, Config(seed=9, problems=2, trials=5)], compiled=False).agent
    trials = record(agent, config.task(), [8, 9], "problems_2", 30, steps=False).trials
    for seed, own in trials.groupby("seed"):
        found = own[["p_left", "p_right"]].drop_duplicates().to_numpy()
        assert {tuple(row) for row in found} == {tuple(row) for row in problems_of((seed,), 2)[0].numpy()}
