"""Planning: rules of the maze task, control agents, and analyses."""

from __future__ import annotations

import dataclasses
from collections import deque

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.networks.build import agent_of, network_of
from prefrontal.networks.network import initial_parameters
from prefrontal.networks.record import record
from prefrontal.tables import recording
from prefrontal.task import RandomStreams
from replications.planning import analysis
from replications.planning.agents import SearchAgent
from replications.planning.settings import (
    GREEDY,
    LONG,
    LONGER,
    MAIN,
    NONE,
    SEARCH,
    SETTINGS,
    UNTRAINED,
    Maze,
)
from replications.planning.task import FIRST, LATER, MOVES, THINK, MazeTask

TASK = Maze(rows=3, columns=4)
EPISODES = 200


def mazes(settings: Maze = TASK, thinking: int | None = 0):
    """Task and state of newly started episodes."""
    task = MazeTask(settings, thinking)
    noise = RandomStreams([0], "test").uniform(EPISODES, task.reset_noise)
    state, observation = task.reset(noise)
    return task, state, observation


def neighbours(task, opened):
    """Cells behind the open doors of each cell."""
    pairs = [
        pair for pair, is_open in zip(task.mazes.doors.tolist(), opened, strict=True) if is_open
    ]
    return {cell: {a + b - cell for a, b in pairs if cell in (a, b)} for cell in range(task.cells)}


def shortest_path(graph, start, goal):
    """Breadth-first search as in a textbook."""
    before, queue = {start: start}, deque([start])
    while queue:
        cell = queue.popleft()
        for other in graph[cell] - before.keys():
            before[other] = cell
            queue.append(other)
    assert len(before) == len(graph), "every cell can be reached"
    path = [goal]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (2, 4), (3, 3), (3, 4)])
def test_mazes_are_trees_and_the_way_is_the_shortest(rows, columns):
    task, state, _ = mazes(Maze(rows=rows, columns=columns))
    assert len(task.mazes.doors) == rows * (columns - 1) + columns * (rows - 1)
    for opened, start, goal, distance, second in zip(
        *(state[name][0].tolist() for name in ("opened", "start", "goal", "distance", "second")),
        strict=True,
    ):
        assert sum(opened) == task.cells - 1 and start != goal
        path = shortest_path(neighbours(task, opened), start, goal)
        assert distance == len(path) - 1
        assert second == path[min(2, distance)]


def test_moves_go_through_open_doors_only():
    task, state, _ = mazes()
    for action, (down, right) in enumerate(MOVES.values()):
        after, _, reward = task.step(state, torch.full((1, EPISODES), action), torch.zeros(1))
        for k in range(EPISODES):
            here, there = (int(x["at"][0, k]) for x in (state, after))
            row, column = here // 4 + down, here % 4 + right
            inside = 0 <= row < 3 and 0 <= column < 4
            graph = neighbours(task, state["opened"][0, k].tolist())
            free = inside and row * 4 + column in graph[here]
            assert there == (row * 4 + column if free else here)
            assert reward[0, k] == ((there == state["goal"][0, k]) if free else -1)
            assert after["bumps"][0, k] == (not free)
            way = shortest_path(graph, here, int(state["goal"][0, k]))
            assert after["right"][0, k] == (there == way[1])
        assert (after["moves"] == 1).all() and (after["choice"] == action).all()


def test_silent_steps_come_first_and_change_nothing():
    task, state, observation = mazes(thinking=3)
    for left in (3, 2, 1):
        assert (state["silent"] == left).all() and (state["period"] == THINK).all()
        assert not observation[..., -1].any()
        action = torch.randint(4, (1, EPISODES))
        state, observation, reward = task.step(state, action, torch.zeros(1))
        assert not reward.any() and not state["moves"].any() and not state["bumps"].any()
        assert torch.equal(state["at"], state["start"]) and (state["choice"] == -1).all()
    assert observation[..., -1].all() and (state["period"] == FIRST).all()
    state, _, _ = task.step(state, action, torch.zeros(1))
    assert (state["period"] == LATER).all() and torch.equal(state["choice"], action)


def test_thinking_time_is_uniform_and_leaves_the_maze_alone():
    _, drawn, _ = mazes(thinking=None)
    assert drawn["thinking"].unique().tolist() == list(range(9))
    _, state, observation = mazes(thinking=8)
    for name in ("opened", "start", "goal"):
        assert torch.equal(state[name], drawn[name])
    sizes = [17, 12, 12, 1]
    opened, at, goal, _ = observation.split(sizes, dim=-1)
    assert torch.equal(opened > 0, state["opened"])
    assert torch.equal(at.argmax(-1), state["at"]) and torch.equal(goal.argmax(-1), state["goal"])


def test_tests_are_in_mazes_that_training_never_shows():
    drawn = []
    for held_out in (False, True):
        task = MazeTask(TASK, held_out=held_out)
        state, _ = task.reset(RandomStreams([0], "test").uniform(20_000, task.reset_noise))
        drawn.append({tuple(opened) for opened in state["opened"][0].tolist()})
    assert not drawn[0] & drawn[1] and len(drawn[0] | drawn[1]) == len(task.mazes.opened) == 2415


def test_reward_range():
    low, high = TASK.reward_range()
    assert 0 < low < 0.7 and high == 1
    assert Maze(moves=3).reward_range()[1] < 0.6


def play(settings=SETTINGS, episodes=400, subjects=(0, 1)):
    """Record control agents as if they were networks."""
    main = settings.vary({"network.units": 24})
    network = network_of(main, main.task.build())
    scale = torch.full((len(subjects),), 2.0)
    batch = [main.vary({"seed": seed}) for seed in subjects]
    untrained = agent_of(network, initial_parameters(network, list(subjects), scale, scale), batch)
    parts = []
    for thinking in (NONE, LONG, LONGER):
        task = MazeTask(main.task, thinking, held_out=True)
        agents = {SEARCH: SearchAgent(task), GREEDY: SearchAgent(task, searches=False)}
        agents |= {MAIN: untrained, UNTRAINED: untrained} if thinking < LONGER else {}
        for name, agent in agents.items():
            options = {"steps": False, "activity_periods": ("first move",)}
            parts.append(record(agent, task, list(subjects), name, episodes, **options))
    return dataclasses.replace(recording.join(parts), settings={MAIN: main})


@pytest.fixture(scope="module")
def tables():
    return analysis.analyse(play())


def test_controls_search_gains_by_time_and_depth_and_greedy_does_not(tables):
    measures = analysis.claim_measures(tables)
    controls = measures[measures["claim"] == "planning-controls"]
    mean = controls.groupby(["variant", "measure"])["value"].mean()
    assert mean[SEARCH, "gain"] > 0.3 and mean[SEARCH, "distant minus near"] > 0.1
    assert abs(mean[GREEDY, "gain"]) < 0.06
    untrained = measures.query("claim == 'planning-path' and measure == 'minus untrained'")
    assert (untrained.set_index("variant")["value"][[MAIN]] == 0).all()
    assert mean[SEARCH, "minus untrained"] > 0.2 and mean[GREEDY, "minus untrained"] < 0


def test_search_finds_the_nearest_goals_first(tables):
    gains = tables["by_distance"].query("variant == @SEARCH").groupby("distance")[["long", "none"]]
    mean = gains.mean()
    assert (mean["long"][:2] == 1).all() and (mean["none"].diff()[1:6] < 0).all()
    long = tables["shares"].query("variant == @SEARCH and thinking == 16")
    assert (long["found"] == 1).all()


def test_activity_of_search_is_the_way_it_has_found():
    task, state, observation = mazes(TASK, thinking=6)
    agent = SearchAgent(task)
    memory, zero = agent.reset(1, EPISODES), torch.zeros(1, EPISODES)
    for _ in range(7):
        memory, _, _, plan = agent.step(memory, observation, zero, zero)
    found = memory["distance"].gather(-1, state["start"][..., None])[..., 0] < np.inf
    assert 0.2 < found.float().mean() < 0.95 and not plan[~found].any()
    following, second = plan[found].unflatten(-1, (2, task.cells)).argmax(-1).unbind(-1)
    assert torch.equal(following, state["next"][found])
    assert torch.equal(second, state["second"][found])


def test_search_expands_one_cell_per_silent_step():
    task, state, observation = mazes(TASK, thinking=4)
    agent = SearchAgent(task)
    memory, zero = agent.reset(1, EPISODES), torch.zeros(1, EPISODES)
    for step in range(1, 5):
        memory, _, _, _ = agent.step(memory, observation, zero, zero)
        assert (memory["expanded"].sum(-1) == step).all()
        for k in range(20):
            graph = neighbours(task, state["opened"][0, k].tolist())
            goal = int(state["goal"][0, k])
            for cell, known in enumerate(memory["distance"][0, k].tolist()):
                assert known in (np.inf, len(shortest_path(graph, cell, goal)) - 1)


def test_paths_count_moves_into_walls():
    trials = pd.DataFrame(
        {
            "reached": [True, True, True, False],
            "distance": [3, 3, 3, 3],
            "moves": [3, 4, 5, 3],
            "bumps": [0, 1, 0, 0],
            "right": [True, False, True, True],
        }
    )
    found = analysis.paths(trials)
    assert found["found"].tolist() == [1, 0, 0, 0]
    assert found["found without bumps"].tolist() == [1, 1, 0, 0]


def test_decoder_reads_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    cell = rng.integers(6, size=600)
    features = np.eye(6)[cell] + 0.1 * rng.normal(size=(600, 6))
    assert analysis.accuracy(features, cell) > 0.99
    assert analysis.accuracy(rng.normal(size=(600, 6)), cell) < 0.25
