"""Mazes with silent time to think before the first move."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prefrontal.task import RandomStreams, State, Task, one_hot
from replications.planning.settings import Maze

MOVES = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}
"""Action -> change of row and column."""

THINK, FIRST, LATER = range(3)
"""Periods."""

HELD_OUT = 4
"""One of so many mazes is kept for the tests."""

SAMPLE = 2_000
"""Mazes over which the reward of reference agents is averaged."""


class Mazes(NamedTuple):
    """All mazes of a grid: the spanning trees of its neighbouring cells."""

    doors: Tensor
    """Cells on both sides of each door, (doors, 2)."""
    beyond: Tensor
    """Cell that each action leads to, -1 outside the grid, (cells, actions)."""
    door: Tensor
    """Door between the two, -1 if there is none, (cells, actions)."""
    opened: Tensor
    """Open doors, (mazes, doors)."""
    distance: Tensor
    """Moves from a cell to a goal, (mazes, cells, goals)."""
    nearer: Tensor
    """Next cell on the way from a cell to a goal; the goal from the goal, (mazes, cells, goals)."""

    def to(self, device: torch.device) -> Mazes:
        """Copy to a device."""
        return Mazes(*(tensor.to(device) for tensor in self))


@lru_cache
def mazes(rows: int, columns: int) -> Mazes:
    """List all mazes of a grid, of which there are 4, 192 and 2,415 on 2 by 2, 3 by 3 and 3 by 4
    cells (Kirchhoff's theorem counts them)."""
    cells = rows * columns
    beyond, door = (torch.full((cells, len(MOVES)), -1) for _ in range(2))
    doors: dict[tuple[int, int], int] = {}
    for here in range(cells):
        for action, (down, right) in enumerate(MOVES.values()):
            row, column = here // columns + down, here % columns + right
            if 0 <= row < rows and 0 <= column < columns:
                there = row * columns + column
                pair = min(here, there), max(here, there)
                beyond[here, action], door[here, action] = there, doors.setdefault(pair, len(doors))
    sides = torch.tensor(list(doors))
    chosen = torch.tensor(list(itertools.combinations(range(len(doors)), cells - 1)))
    linked = torch.eye(cells, dtype=torch.bool).repeat(len(chosen), 1, 1)
    each = torch.arange(len(chosen))[:, None]
    one, other = sides[chosen].unbind(-1)
    linked[each, one, other] = linked[each, other, one] = True
    distance = torch.where(linked, 1, cells) - torch.eye(cells, dtype=torch.int64)
    for middle in range(cells):  # Floyd 1962
        through = distance[:, :, middle, None] + distance[:, None, middle]
        distance = torch.minimum(distance, through)
    tree = (distance < cells).all((1, 2))
    distance, linked, chosen = distance[tree], linked[tree], chosen[tree]
    around = torch.where(linked[..., None], distance[:, None], cells)  # maze, from, neighbour, goal
    opened = one_hot(chosen, len(doors)).sum(1) > 0
    return Mazes(sides, beyond, door, opened, distance, around.argmin(2))


class MazeTask(Task):
    """Walk through a maze to a goal, after some silent time steps.

    Every episode draws a maze, a spanning tree of the grid, so that one way leads from each cell to
    each other; start and goal are two of its cells. Open doors, position and goal are visible
    throughout. During the silent time steps actions do nothing; a cue then shows that moves count.
    A move into a wall leaves the position unchanged. An episode is one trial.

    Parameters
    ----------
    settings : Maze
    thinking : int, optional
        Silent time steps; by default drawn for each episode.
    held_out : bool
        Draw the mazes that training never shows.
    """

    actions = tuple(MOVES)
    periods = ("think", "first move", "later moves")
    reset_noise = 4
    step_noise = 0

    def __init__(self, settings: Maze, thinking: int | None = None, held_out: bool = False) -> None:
        self.settings, self.thinking, self.held_out = settings, thinking, held_out
        self.cells = settings.rows * settings.columns
        self.mazes = mazes(settings.rows, settings.columns)

    @property
    def observations(self) -> tuple[str, ...]:
        """Open doors, position, goal, and the cue that moves count."""
        doors = (f"door {a}-{b}" for a, b in self.mazes.doors.tolist())
        places = (f"{name} {cell}" for name in ("at", "goal") for cell in range(self.cells))
        return (*doors, *places, "moves count")

    @property
    def episode_steps(self) -> int:
        """Time steps of an episode that does not reach the goal after the longest silence."""
        longest = self.settings.longest_thinking if self.thinking is None else self.thinking
        return longest + self.settings.moves

    def reset(self, noise: Tensor) -> tuple[State, Tensor]:
        """Start episodes, each in a maze of its own."""
        drawn, start, goal, silent = noise.unbind(-1)
        mazes = self.mazes.to(noise.device)
        known = torch.arange(len(mazes.opened), device=noise.device) % HELD_OUT > 0
        choice = torch.nonzero(~known if self.held_out else known)[:, 0]
        maze = choice[(drawn * len(choice)).long()]
        at = (start * self.cells).long()
        to = (at + 1 + (goal * (self.cells - 1)).long()) % self.cells
        thinking = (silent * (self.settings.longest_thinking + 1)).long()
        if self.thinking is not None:
            thinking = torch.full_like(thinking, self.thinking)
        zero, following = torch.zeros_like(at), mazes.nearer[maze, at, to]
        state: State = {
            "trial": zero,
            "period": torch.where(thinking > 0, THINK, FIRST),
            "done": zero > 0,
            "opened": mazes.opened[maze],
            "at": at,
            "goal": to,
            "silent": thinking,
            "thinking": thinking,
            "start": at,
            "distance": mazes.distance[maze, at, to],
            "next": following,
            "second": mazes.nearer[maze, following, to],
            "right": zero > 0,
            "moves": zero,
            "bumps": zero,
            "choice": zero - 1,
            "reward": torch.zeros_like(start),
        }
        return state, self._observe(state)

    def step(self, state: State, action: Tensor, noise: Tensor) -> tuple[State, Tensor, Tensor]:
        """Think, or move, in every episode."""
        mazes = self.mazes.to(action.device)
        moves_count, door = state["silent"] == 0, mazes.door[state["at"], action]
        is_open = state["opened"].gather(-1, door.clamp_min(0)[..., None])[..., 0] & (door >= 0)
        free, bumps = moves_count & is_open, moves_count & ~is_open
        at = torch.where(free, mazes.beyond[state["at"], action], state["at"])
        reached, moves = free & (at == state["goal"]), state["moves"] + moves_count
        done = state["done"] | reached | (moves >= self.settings.moves)
        reward = self.settings.goal_reward * reached - self.settings.wall_cost * bumps
        silent, first = (state["silent"] - 1).clamp_min(0), state["period"] == FIRST
        after = state | {
            "trial": done.long(),
            "period": torch.where(silent > 0, THINK, torch.where(moves > 0, LATER, FIRST)),
            "done": done,
            "at": at,
            "silent": silent,
            "moves": moves,
            "bumps": state["bumps"] + bumps,
            "choice": torch.where(first, action, state["choice"]),
            "right": torch.where(first, at == state["next"], state["right"]),
            "reward": reward.to(state["reward"].dtype),
        }
        return after, self._observe(after), after["reward"]

    def trial_columns(self, state: State) -> dict[str, Any]:
        """First move, reward of the last move, and columns of the maze.

        ``thinking`` silent time steps; ``distance`` from ``start`` to ``goal`` in moves;
        ``second``, the cell after two right moves; ``right``, whether the first move was;
        ``moves`` taken, of which ``bumps`` into walls; ``reached``, whether the goal was.
        """
        names = ("choice", "reward", "thinking", "distance", "start", "goal", "second", "right")
        columns = {name: state[name].numpy() for name in (*names, "moves", "bumps")}
        return columns | {"reached": (state["at"] == state["goal"]).numpy()}

    def passable(self, opened: Tensor) -> Tensor:
        """Return whether each action passes an open door in each cell, (..., cells, actions)."""
        door = self.mazes.door.to(opened.device)
        return opened[..., door.clamp_min(0)] & (door >= 0)

    def _observe(self, state: State) -> Tensor:
        dtype = state["reward"].dtype
        places = [one_hot(state[name], self.cells, dtype) for name in ("at", "goal")]
        cue = (state["silent"] == 0).to(dtype)[..., None]
        return torch.cat([state["opened"].to(dtype), *places, cue], dim=-1)


@lru_cache
def rewards(settings: Maze) -> tuple[float, float]:
    """Reward per episode of random valid moves, and of the right ones, mean of ``SAMPLE`` mazes."""
    task, noise = MazeTask(settings, thinking=0), RandomStreams([0], "reward range")
    state, _ = task.reset(noise.uniform(SAMPLE, task.reset_noise))
    best = settings.goal_reward * (state["distance"] <= settings.moves).double().mean()
    passable, total = task.passable(state["opened"]), 0.0
    for _ in range(task.episode_steps):
        running, index = ~state["done"], state["at"][..., None, None].expand(1, SAMPLE, 1, 4)
        luck = noise.uniform(SAMPLE, len(MOVES))
        action = (luck * passable.gather(-2, index)[..., 0, :]).argmax(-1)
        state, _, reward = task.step(state, action, luck)
        total += float((reward * running).mean())
    return total, float(best)
