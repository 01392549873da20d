"""Train networks that lack one ingredient, or have another memory.

python -m replications.ingredients.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefrontal.task import Task
from prefrontal.training import loop
from replications.bandit import train as bandit
from replications.bandit.task import BanditTask
from replications.ingredients.task import VisibleBanditTask
from replications.ingredients.variants import PROBLEM
from replications.two_step import train as two_step
from replications.two_step.task import TwoStepTask


@dataclass(frozen=True)
class Config(bandit.Config):
    """Settings of the bandit networks (replications/bandit), and what is taken away."""

    game: Literal["bandit", "two_step"] = "bandit"
    """Task: the bandit, or the two-step task."""
    one_problem: bool = False
    """Whether every bandit of the training is the same, .25 left and .75 right."""
    shows_outcomes: bool = False
    """Whether the bandit shows what each arm last brought."""

    def task(self) -> Task:
        """Build the training task."""
        if self.game == "two_step":
            return TwoStepTask(trials=self.trials)
        kind = VisibleBanditTask if self.shows_outcomes else BanditTask
        return kind("fixed", self.trials, *PROBLEM) if self.one_problem else kind(self.arms, self.trials)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and the best possible one."""
        if self.game == "two_step":
            return two_step.Config(trials=self.trials).reward_range()
        return super().reward_range()


if __name__ == "__main__":
    loop.main(__file__)
