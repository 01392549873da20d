"""Control agents: search that is cut short, and greedy moves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from prefrontal.task import one_hot
from replications.planning.task import MazeTask


class SearchAgent:
    """Breadth-first search from the goal, one cell per silent time step, then moves.

    Where the search has reached the position, the agent takes the way that it found. Otherwise, and
    always without search, it moves greedily: through the open door that leads closest to the goal
    as the crow flies (city-block distance), one of them at random if there are several. Its
    activity is its plan: the next two cells of the way that the search found, one-hot.

    Parameters
    ----------
    task : MazeTask
        For the layout of its observations.
    searches : bool
    """

    def __init__(self, task: MazeTask, searches: bool = True) -> None:
        self.task, self.searches = task, searches
        cell, columns = torch.arange(task.cells), task.settings.columns
        row, column = cell // columns, cell % columns
        self.crow = (row[:, None] - row).abs() + (column[:, None] - column).abs()

    def reset(self, seeds: int, episodes: int) -> Any:
        """Nothing is known at the start of an episode."""
        known = torch.full((seeds, episodes, self.task.cells), float("inf"))
        return {"distance": known, "expanded": torch.zeros_like(known, dtype=torch.bool)}

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Expand the nearest cell that is not yet expanded, or move."""
        task, cells = self.task, self.task.cells
        sizes = [len(task.mazes.doors), cells, cells, 1]
        opened, at, goal, cue = observation.split(sizes, dim=-1)
        passable = task.passable(opened > 0)
        known = torch.where(goal > 0, 0.0, memory["distance"])
        expanded, moves_count = memory["expanded"], cue[..., 0] > 0
        if self.searches:
            nearest = torch.where(expanded, torch.inf, known).argmin(-1, keepdim=True)
            here = torch.zeros_like(expanded).scatter(-1, nearest, True) & ~moves_count[..., None]
            from_here = (passable & here[..., task.mazes.beyond.clamp_min(0)]).any(-1)
            after = torch.where(here, known, torch.inf).amin(-1, keepdim=True) + 1
            known = torch.where(from_here, torch.minimum(known, after), known)
            expanded = expanded | here
        place = at.argmax(-1)
        greedy = self.crow[goal.argmax(-1)].to(known.dtype)
        found = known.gather(-1, place[..., None]) < torch.inf
        beyond = self._beyond(torch.where(found, known, greedy), passable)
        memory = {"distance": known, "expanded": expanded}
        plan = self._plan(known, passable, place) * found[..., None]
        return memory, self._policy(beyond, place), torch.zeros_like(last_reward), plan.flatten(-2)

    def _beyond(self, distance: Tensor, passable: Tensor) -> Tensor:
        """Distance of the cell that each action leads to, infinite behind walls,
        (..., cells, actions)."""
        return torch.where(passable, distance[..., self.task.mazes.beyond.clamp_min(0)], torch.inf)

    def _plan(self, known: Tensor, passable: Tensor, place: Tensor) -> Tensor:
        """Next two cells of the way to the goal, one-hot, (..., 2, cells)."""
        nearest = self._beyond(known, passable).argmin(-1)
        cells = self.task.mazes.beyond.expand(*nearest.shape, -1)
        following = cells.gather(-1, nearest[..., None])[..., 0].clamp_min(0)
        following = torch.where(known == 0, torch.arange(self.task.cells), following)
        first = following.gather(-1, place[..., None])
        both = torch.cat([first, following.gather(-1, first)], dim=-1)
        return one_hot(both, self.task.cells)

    @staticmethod
    def _policy(beyond: Tensor, place: Tensor) -> Tensor:
        """Choose among the open doors to the nearest cells, (..., actions)."""
        index = place[..., None, None].expand(*place.shape, 1, beyond.shape[-1])
        here = beyond.gather(-2, index)[..., 0, :]
        best = (here == here.amin(-1, keepdim=True)).float()
        return best / best.sum(-1, keepdim=True)
