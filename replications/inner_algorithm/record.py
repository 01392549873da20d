"""Record networks of few problems and the committed ones, weights frozen, beside agents whose answer is known.

Column ``test`` says what is tested: bandits "drawn" anew; histories of a third agent "forced" on whoever plays; the same trials
"exchanged" in their order, of which one time step is kept, after as many trials as were exchanged; what is outside the range of
the training; choices in the tasks of other experiments, by their names. Rows of the test "problems" list the problems of a
network's training, one an episode; nothing is chosen there.

python -m replications.inner_algorithm.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from torch import Tensor

from prefrontal.models import bandit, two_step
from prefrontal.networks import load, record
from prefrontal.networks.model_agents import BanditAgent, StrategyAgent
from prefrontal.networks.network import NetworkAgent
from prefrontal.networks.play import Agent, History, play
from prefrontal.networks.record import Trained
from prefrontal.tables.recording import Recording
from prefrontal.task import RandomStreams, Task
from prefrontal.training.batch import NetworkBatch
from replications.bandit.task import BanditTask
from replications.inner_algorithm.outside import OutsideTask
from replications.inner_algorithm.task import problems_of
from replications.inner_algorithm.train import Config
from replications.inner_algorithm.variants import (
    BAYES,
    DELTA,
    FAMILY,
    FEW,
    FEW_PROBLEMS,
    HEURISTIC,
    INFERRING,
    KNOWN_AGENTS,
    MAIN,
    ORDERS,
    OUTSIDE_TESTS,
    Q_LEARNING,
    TASKS,
    UNTRAINED,
)
from replications.volatile_bandit.task import VolatileBanditTask
from replications.volatile_bandit.variants import HUMAN_SCHEDULE

FITTED_RATE, FITTED_TEMPERATURE = 0.36, 16.0
"""What a planner that learns at a fixed rate has where it is fitted to the networks (two_step/results/fits.csv, model-based)."""


class Whole(NetworkAgent):
    """Networks of which activity and cell are recorded, in this order."""

    def __init__(self, agent: NetworkAgent) -> None:
        super().__init__(agent.network, agent.parameters, agent.discount, agent.reward_scale)

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        memory, probabilities, value, _ = super().step(memory, observation, last_reward, last_action)
        return memory, probabilities, value, torch.cat([memory["activity"], memory["cell"]], dim=-1)


def known_agents(problems: np.ndarray) -> dict[str, Agent]:
    """Agents whose answer is known, by name; one of them believes that these are all the problems (problem, arm) there are."""

    def chooses_by(means: Any) -> BanditAgent:
        return BanditAgent(lambda successes, failures: softmax(8 * means(successes, failures), axis=-1))

    return {
        BAYES: BanditAgent(bandit.bayes_optimal()),
        Q_LEARNING: StrategyAgent("delta rule", {"learning_rate": 0.3, "inverse_temperature": 8.0, "perseveration": 0.0}),
        HEURISTIC: StrategyAgent("win-stay lose-shift", {"after_win": 3.0, "after_loss": -3.0}),
        FEW: chooses_by(lambda successes, failures: bandit.means_among(successes, failures, problems)),
        FAMILY: chooses_by(lambda successes, failures: (successes + 1) / (successes + failures + 2)),
    }


def histories(task: Task, seeds: list[int], episodes: int) -> History:
    """What Thompson sampling chooses and gets."""
    steps = list(play(BanditAgent(bandit.thompson), task, RandomStreams(seeds, "histories"), episodes))
    return History(*(torch.stack([getattr(step, name) for step in steps], dim=-1) for name in History._fields))


def exchanged(history: History, seeds: list[int]) -> tuple[History, np.ndarray]:
    """Exchange the first trials of each episode among themselves, in ``ORDERS`` orders -> histories, and how many trials."""
    count, length = history.action.shape[1:]
    trials = np.linspace(0.1 * length, 0.9 * length, count).round().astype(int).repeat(ORDERS)
    luck = RandomStreams(seeds, "orders").uniform(len(trials), length)
    luck = torch.where(torch.arange(length) < torch.from_numpy(trials)[:, None], luck, 2.0 + torch.arange(length))
    order = luck.argsort(dim=-1)
    return History(*(part.repeat_interleave(ORDERS, dim=1).gather(-1, order) for part in history)), trials


def watched(trained: Trained, agent: Agent, variant: str, seeds: list[int], episodes: int) -> Iterator[Recording]:
    """Force histories on an agent."""
    task = trained.task
    history = histories(task, seeds, episodes)
    orders, trials = exchanged(history, seeds)
    told: dict[str, Any] = {"task": task, "seeds": seeds, "variant": variant}
    test = {"test": "forced"}
    yield record.record(agent, **told, episodes=episodes, columns=test, activity_periods=("choice",), forced=history)
    test = {"test": "exchanged"}
    own = record.record(agent, **told, episodes=len(trials), columns=test, forced=orders)
    last = own.steps["trial"].to_numpy() == trials[own.steps["episode"]]
    yield replace(own, trials=pd.DataFrame(), steps=own.steps[last].reset_index(drop=True))


def listed(variant: str, seed: int, problems: np.ndarray) -> Recording:
    """List the problems (problem, arm) of a network."""
    columns = {"seed": seed, "variant": variant, "episode": np.arange(len(problems)), "trial": 0, "test": "problems"}
    payoffs = {"choice": -1, "reward": 0.0, "p_left": problems[:, 0], "p_right": problems[:, 1]}
    return Recording(pd.DataFrame(columns | payoffs))


def record_known(trained: Trained, episodes: int, few: int) -> Iterator[Recording]:
    """Agents whose answer is known: their own choices, and what histories make of them."""
    for seed in trained.seeds[:KNOWN_AGENTS]:
        problems = problems_of((seed,), FEW_PROBLEMS)[0].numpy()
        for name, agent in known_agents(problems).items():
            yield record.record(agent, trained.task, [seed], name, episodes, columns={"test": "drawn"}, steps=False)
            yield listed(name, seed, problems)
            if name in (BAYES, Q_LEARNING, HEURISTIC):
                yield from watched(trained, agent, name, [seed], few)


def planners(trained: Trained, episodes: int) -> Iterator[Recording]:
    """Planners on the two-step task: one infers which state is the better one, one learns at a fixed rate."""
    settings = trained.config.settings()
    task = two_step.probabilities(settings)
    known: dict[str, two_step.Learner] = {
        INFERRING: two_step.Planner(**task),
        DELTA: two_step.LearningPlanner(FITTED_RATE, common=task["common"]),
    }
    for seed in trained.seeds[:KNOWN_AGENTS]:
        for name, learner in known.items():
            rng = np.random.default_rng(seed)
            own = two_step.simulate(
                learner, FITTED_TEMPERATURE, episodes, settings["trials"], rng, **task, seed=seed, variant=name
            )
            yield Recording(own.assign(test="two_step"))


def record(networks: load.Networks, episodes: int) -> Iterator[Recording]:
    """Yield all of them."""
    few = max(6, episodes // 5)
    trained = networks(MAIN, "bandit")
    untrained = NetworkBatch(trained.configs, compiled=False).agent
    for variant, agent in ((MAIN, trained.agent), (UNTRAINED, untrained)):
        yield from watched(trained, Whole(agent), variant, trained.seeds, few)
    yield trained.record(episodes, columns={"test": "drawn"}, steps=False)
    yield from record_known(trained, few, few)
    for test, settings in OUTSIDE_TESTS.items():
        yield trained.record(episodes, OutsideTask(**settings), columns={"test": test}, steps=False)
    for variant in networks.variants:
        own = networks(variant)
        assert isinstance(own.config, Config)
        drawn = BanditTask(own.config.arms, own.config.trials)
        yield own.record(episodes, drawn, columns={"test": "drawn"}, steps=False)
        for seed in own.seeds:
            yield listed(variant, seed, problems_of((seed,), own.config.problems)[0].numpy())
    for experiment, variant in TASKS.items():
        if experiment == "volatile_bandit":
            human = networks(variant, experiment)
            task = settings.build(VolatileBanditTask, human.config.settings() | HUMAN_SCHEDULE)
            yield human.record(few, task, columns={"test": experiment}, steps=False)
        elif experiment == "two_step":
            planning = networks(variant, experiment)
            yield planning.record(few, columns={"test": experiment}, steps=False)
            yield from planners(planning, few)


if __name__ == "__main__":
    load.main(__file__)
