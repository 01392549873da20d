"""Settings of the maze task, its networks and its tests (beyond the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from prefrontal.settings import (
    Count,
    CountOrZero,
    NetworkSettings,
    NonNegative,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    from replications.planning.task import MazeTask


Rows = Annotated[int, Field(ge=2, le=3)]
Columns = Annotated[int, Field(ge=2, le=4)]
"""Cells along the sides of a maze; of larger grids there are too many mazes to list."""


@validated
class Maze(TaskSettings):
    """Settings of the maze task."""

    rows: Rows = 3
    """Rows of cells."""
    columns: Columns = 4
    """Columns of cells."""
    longest_thinking: CountOrZero = 8
    """Most silent time steps before the first move; uniform from 0."""
    moves: Count = 12
    """Most moves per episode."""
    goal_reward: NonNegative = 1.0
    """Reward at the goal."""
    wall_cost: NonNegative = 1.0
    """Lost by a move into a wall, as by an invalid response (Wang et al. 2018, Methods)."""

    def build(self) -> MazeTask:
        """Build the training task."""
        from replications.planning.task import MazeTask

        return MazeTask(self)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid moves, and of one that knows every way."""
        from replications.planning.task import rewards

        return rewards(self)


SETTINGS = Settings(
    task=Maze(),
    network=NetworkSettings(),
    training=TrainingSettings(
        episodes=400_000,
        episodes_per_update=32,
        unroll=20,  # an episode
        learning_rate=1e-2,  # README, "What differs"
        lr_decay_start=0.5,
        entropy_cost=0.05,  # as in the paper
        entropy_cost_end=0.0,  # so that moves end decided
        half_precision=True,  # half the space
    ),
)

MAIN, FEEDFORWARD, UNTRAINED = "lstm", "feedforward", "untrained"
VARIANTS: Variants = {
    MAIN: {},
    FEEDFORWARD: {
        "network.core": "feedforward",
        # Without them the layer has no memory at all: a last action can carry a thought.
        "network.reward_input": False,
        "network.action_input": False,
    },
}
"""Networks of the paper, and a layer without memory (negative control)."""

TEST_EPISODES = 2_000
"""Test episodes per network, the same for every thinking time and every agent, in mazes that
training never shows."""

THINKING = (0, 1, 2, 4, 8, 16)
"""Silent time steps in the tests; the last is longer than any in training."""

NONE, LONG, LONGER = 0, 8, 16
"""Thinking times that claims compare."""

NEAR, DISTANT = 2, 4
"""Distance of near goals, and smallest distance of distant ones, in moves."""

DECODED = 3
"""Smallest distance at which the next-but-one cell is decoded; at 2 it is the goal."""

SEARCH, GREEDY = "search", "greedy"
"""Control agents: breadth-first search of one cell per silent time step (positive); moves to the
neighbouring cell that is closest to the goal as the crow flies (negative)."""
