"""Control agents: search that is cut short, and greedy moves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from replications.planning.task import MazeTask


class SearchAgent:
    """Breadth-first search from the goal, one cell per silent time step, then moves.

    Where the search has reached the position, the agent takes the way that it found. Otherwise, and
    always without search, it moves greedily: through the open door that leads closest to the goal
    as the crow flies (city-block distance), one of them at random if there are several.

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
        policy = self._policy(torch.where(found, known, greedy), passable, place)
        memory = {"distance": known, "expanded": expanded}
        return memory, policy, torch.zeros_like(last_reward), None

    def _policy(self, distance: Tensor, passable: Tensor, place: Tensor) -> Tensor:
        """Choose among the open doors to the nearest cells, (..., actions)."""
        beyond = distance.gather(-1, self.task.mazes.beyond[place].clamp_min(0))
        index = place[..., None, None].expand(*place.shape, 1, beyond.shape[-1])
        free = passable.gather(-2, index)[..., 0, :]
        beyond = torch.where(free, beyond, torch.inf)
        best = (beyond == beyond.amin(-1, keepdim=True)).float()
        return best / best.sum(-1, keepdim=True)
