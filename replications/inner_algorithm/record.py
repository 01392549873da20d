"""Record networks and control agents.

The column ``test`` has

"drawn"       bandits drawn anew in every episode
"forced" histories of another agent, which the subject replays
"exchanged"   the same trials in other orders; one time step is kept, after the reordered trials
"problems"    the problems of a network's training, one per episode; nothing is chosen
names of ``CHANGES``   bandits outside the range of the training
names of experiments   choices in these experiments' tasks
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

from prefrontal.models import bandit
from prefrontal.models.bandit_learners import DeltaRule, WinStayLoseShift
from prefrontal.models.model import Model
from prefrontal.models.two_step_learners import REPLAYED, LearningPlanner, Planner, TwoStep
from prefrontal.networks.load import Networks
from prefrontal.networks.model_agents import BanditAgent, ModelAgent
from prefrontal.networks.play import Agent, History, play
from prefrontal.networks.record import Trained
from prefrontal.networks.record import record as record_agent
from prefrontal.tables.recording import Recording
from prefrontal.task import RandomStreams, Task
from prefrontal.training.batch import NetworkBatch
from replications.bandit.task import BanditTask
from replications.inner_algorithm import causal
from replications.inner_algorithm.causal import WholeState
from replications.inner_algorithm.observer import means_among
from replications.inner_algorithm.settings import (
    BAYES,
    CHANGES,
    CONTROL_NETWORKS,
    CONTROLS_EACH,
    DELTA,
    FAMILY,
    FEW,
    FEW_PROBLEMS,
    HEURISTIC,
    INFERRING,
    NETWORKS,
    ONE_PROBLEM,
    ORDERS,
    PREDICTING,
    Q_LEARNING,
    TASKS,
    UNTRAINED,
)
from replications.inner_algorithm.task import ChangedBanditTask, problems_of
from replications.volatile_bandit.task import HumanScheduleTask

FITTED_RATE, FITTED_TEMPERATURE = 0.36, 16.0
"""Parameters of a planner that learns at a fixed rate, as fitted to the networks
(two_step/results/fits.csv, model-based)."""


def control_agents(problems: np.ndarray, trials: int) -> dict[str, Agent]:
    """Build positive and negative controls for episodes of ``trials`` trials; one's prior is these
    problems (problem, arm)."""

    def softmax_of(means: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> BanditAgent:
        return BanditAgent(lambda wins, losses: softmax(8 * means(wins, losses), axis=-1))

    rate = {"learning_rate": 0.3, "inverse_temperature": 8.0, "perseveration": 0.0, "bias": 0.0}
    stays = {"after_win": 3.0, "after_loss": -3.0, "bias": 0.0}
    return {
        BAYES: BanditAgent(bandit.bayes_optimal(trials)),
        Q_LEARNING: ModelAgent(DeltaRule(), rate),
        HEURISTIC: ModelAgent(WinStayLoseShift(), stays),
        FEW: softmax_of(lambda wins, losses: means_among(wins, losses, problems)),
        FAMILY: softmax_of(lambda wins, losses: (wins + 1) / (wins + losses + 2)),
    }


def histories(task: Task, seeds: list[int], episodes: int, purpose: str = "histories") -> History:
    """Choices and rewards of Thompson sampling."""
    noise = RandomStreams(seeds, purpose)
    steps = list(play(BanditAgent(bandit.thompson), task, noise, episodes))
    by_step = ([getattr(step, name) for step in steps] for name in History._fields)
    return History(*(torch.stack(values, dim=-1) for values in by_step))


def exchanged(history: History, seeds: list[int]) -> tuple[History, np.ndarray]:
    """Reorder the first trials of each episode in ``ORDERS`` ways.

    Returns
    -------
    history : History
    trials : array (episode,)
        How many trials were reordered.
    """
    count, length = history.action.shape[1:]
    trials = np.linspace(0.1 * length, 0.9 * length, count).round().astype(int).repeat(ORDERS)
    luck = RandomStreams(seeds, "orders").uniform(len(trials), length)
    reordered = torch.arange(length) < torch.from_numpy(trials)[:, None]
    order = torch.where(reordered, luck, 2.0 + torch.arange(length)).argsort(dim=-1)
    columns = (values.repeat_interleave(ORDERS, dim=1).gather(-1, order) for values in history)
    return History(*columns), trials


def record_forced(
    task: Task, agent: Agent, variant: str, seeds: list[int], episodes: int
) -> Iterator[Recording[Any]]:
    """Record an agent that replays histories, in their order and reordered."""
    history = histories(task, seeds, episodes)
    orders, trials = exchanged(history, seeds)
    options: dict[str, Any] = {"columns": {"test": "forced"}, "activity_periods": ("choice",)}
    yield record_agent(agent, task, seeds, variant, episodes, forced=history, **options)
    columns = {"test": "exchanged"}
    recording = record_agent(
        agent, task, seeds, variant, len(trials), columns=columns, forced=orders
    )
    steps = recording.steps
    last = steps["trial"].to_numpy() == trials[steps["episode"]]
    yield replace(recording, trials=pd.DataFrame(), steps=steps[last].reset_index(drop=True))


def record_moved_beliefs(networks: Networks, task: Task, episodes: int) -> Iterator[Recording[Any]]:
    """Record the networks, and those of one problem, after a shift of their belief."""
    for name in (NETWORKS, ONE_PROBLEM):
        experiment, variant = {NETWORKS: ("bandit", NETWORKS), **CONTROL_NETWORKS}[name]
        trained = networks(variant, experiment)
        seeds = trained.seeds
        decoding, tested = (
            histories(task, seeds, episodes, purpose) for purpose in ("decoding", "moved")
        )
        agent, periods = WholeState(trained.agent), ("choice",)
        forced = record_agent(
            agent, task, seeds, name, episodes, forced=decoding, activity_periods=periods
        )
        yield from causal.record_moved(trained, task, forced, tested, name)


def list_problems(variant: str, seed: int, problems: np.ndarray) -> Recording[Any]:
    """List the problems (problem, arm) of a network, one per episode."""
    keys = {"subject": seed, "variant": variant, "episode": np.arange(len(problems)), "trial": 0}
    payoffs = {"p_left": problems[:, 0], "p_right": problems[:, 1]}
    return Recording(
        pd.DataFrame(keys | {"test": "problems", "choice": -1, "reward": 0.0} | payoffs)
    )


def record_controls(trained: Trained, episodes: int) -> Iterator[Recording[Any]]:
    """Record control agents: their choices, and their responses to replayed histories."""
    for seed in trained.seeds[:CONTROLS_EACH]:
        problems = problems_of((seed,), FEW_PROBLEMS)[0].numpy()
        for name, agent in control_agents(problems, trained.settings.task.trials).items():
            columns = {"test": "drawn"}
            yield record_agent(
                agent, trained.task, [seed], name, episodes, columns=columns, steps=False
            )
            yield list_problems(name, seed, problems)
            if name in (BAYES, Q_LEARNING, HEURISTIC):
                yield from record_forced(trained.task, agent, name, [seed], episodes)


def record_planners(trained: Trained, episodes: int) -> Iterator[Recording[Any]]:
    """Simulate two planners of the two-step task.

    One infers which second-stage state is the better one; the other learns at a fixed rate.
    """
    task = trained.settings.task
    models: dict[str, Model] = {
        INFERRING: Planner(**task.probabilities),
        DELTA: LearningPlanner(task.common, fixed={"planning_rate": FITTED_RATE}),
    }
    choice_rule = REPLAYED | {"inverse_temperature": FITTED_TEMPERATURE}
    played = TwoStep(episodes, task.trials, **task.probabilities)
    for seed in trained.seeds[:CONTROLS_EACH]:
        for name, model in models.items():
            trials = model.simulate(played, choice_rule, np.random.default_rng(seed))
            keys: dict[str, Any] = {"subject": seed, "variant": name}
            yield Recording(trials.assign(**keys, test="two_step"))


def record(networks: Networks, episodes: int) -> Iterator[Recording[Any]]:
    """Record the networks of few problems, those of other experiments, and control agents.

    Of a larger sample, the networks of few problems alone.
    """
    if networks.seeds is not None:
        yield from record_few_problems(networks, episodes)
        return
    few = max(6, episodes // 5)
    trained = networks(NETWORKS, "bandit")
    untrained = NetworkBatch(trained.batch, compiled=False).agent
    for variant, agent in ((NETWORKS, trained.agent), (UNTRAINED, untrained)):
        yield from record_forced(trained.task, WholeState(agent), variant, trained.seeds, few)
    for name, (experiment, variant) in CONTROL_NETWORKS.items():
        if experiment == networks.experiment.name and variant not in networks.variants:
            continue
        others = networks(variant, experiment)
        agent = WholeState(others.agent)
        yield from record_forced(trained.task, agent, name, others.seeds, few)
    for variant in PREDICTING:
        if variant in networks.variants:
            others = networks(variant)
            agent = WholeState(others.agent)
            yield from record_forced(trained.task, agent, variant, others.seeds, few)
    yield from record_moved_beliefs(networks, trained.task, few)
    yield trained.record(episodes, columns={"test": "drawn"}, steps=False)
    yield from record_controls(trained, few)
    for test, change in CHANGES.items():
        task = ChangedBanditTask(trained.settings.task, change)
        yield trained.record(episodes, task, columns={"test": test}, steps=False)
    yield from record_few_problems(networks, episodes)
    yield from record_other_tasks(networks, few)


def record_few_problems(networks: Networks, episodes: int) -> Iterator[Recording[Any]]:
    """Record the networks of this experiment on problems drawn anew, and list their own."""
    for variant in networks.variants:
        trained = networks(variant)
        settings = trained.settings.task
        task = BanditTask(settings)
        yield trained.record(episodes, task, columns={"test": "drawn"}, steps=False)
        for seed in trained.seeds if settings.problems else ():
            problems = problems_of((seed,), settings.problems)[0].numpy()
            yield list_problems(variant, seed, problems)


def record_other_tasks(networks: Networks, episodes: int) -> Iterator[Recording[Any]]:
    """Record the networks of the volatile bandit and the two-step task, and planners."""
    volatile, planning = (networks(TASKS[name], name) for name in ("volatile_bandit", "two_step"))
    human = HumanScheduleTask(volatile.settings.task)
    yield volatile.record(episodes, human, columns={"test": "volatile_bandit"}, steps=False)
    yield planning.record(episodes, columns={"test": "two_step"}, steps=False)
    yield from record_planners(planning, episodes)
