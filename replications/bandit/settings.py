"""Settings of the two-armed bandits, the networks and the analyses (Wang et al. 2018, Fig. 1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from prefrontal.experiments import Search
from prefrontal.settings import (
    Count,
    NetworkSettings,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    import pandas as pd

    from prefrontal.task import Task


@validated
class Bandit(TaskSettings):
    """Settings of the two-armed bandit."""

    arms: Literal["independent", "correlated"] = "independent"
    """Training distribution: both reward probabilities from U[0, 1], or p_right = 1 - p_left
    (arXiv 1611.05763, section 3.1)."""
    trials: Count = 100
    """Trials per episode (arXiv 1611.05763: 100)."""

    def build(self) -> Task:
        """Build the task."""
        from replications.bandit.task import BanditTask

        return BanditTask(self)

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """The problems of Fig. 1c, as they are and with the sides swapped."""
        from replications.bandit.task import BanditTask

        swapped = {f"{name}_swapped": problem[::-1] for name, problem in PROBLEMS.items()}
        problems = {**PROBLEMS, **swapped}
        return {name: partial(BanditTask, self, problem) for name, problem in problems.items()}

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and of an oracle that knows the better arm."""
        from prefrontal.models.bandit import oracle_reward

        return 0.5 * self.trials, oracle_reward(self.arms, self.trials)


SETTINGS = Settings(
    task=Bandit(),
    network=NetworkSettings(),
    training=TrainingSettings(
        episodes=20_000,  # arXiv 1611.05763
        unroll=100,  # arXiv 1611.05763
        learning_rate=5e-3,  # tuned in the paper; evidence.md
        discount=0.8,  # tuned in the paper; evidence.md
        entropy_cost=1.0,  # arXiv 1611.05763
        entropy_cost_end=0.0,  # arXiv 1611.05763
    ),
)

MAIN, CORRELATED = "independent", "correlated"
MAIN_RPE, CORRELATED_RPE = "independent_rpe", "correlated_rpe"
VARIANTS: Variants = {
    MAIN: {"seed": 8},
    CORRELATED: {"task.arms": "correlated", "seed": 8},
    MAIN_RPE: {"network.input": "rpe"},
    CORRELATED_RPE: {"task.arms": "correlated", "network.input": "rpe"},
}
"""Training distributions, with rewards and with reward prediction errors as input. Seeds 0 and 1 of
the first two were used to choose settings."""


def best_on_validation(networks: pd.DataFrame) -> dict[str, Any]:
    """Take the learning rate, discount and schedule with the largest normalised reward on
    validation episodes, mean over networks of both distributions."""
    columns = ["learning_rate", "discount", "lr_decay_start"]
    best: Any = networks.groupby(columns)["share_validation"].mean().idxmax()
    return {name: float(value) for name, value in zip(columns, best, strict=True)}


SEARCH = Search(
    vary=(
        "training.learning_rate=2e-3,5e-3",
        "training.discount=.7,.8",
        "training.lr_decay_start=1,.5,0",
    ),
    variants=(MAIN, CORRELATED),
    choose=best_on_validation,
)
"""The second round of the search (evidence.md), repeated with a constant learning rate and with
rates that fall to zero over half of training or all of it. The choice applies to networks with
either input. It selected the previous settings: .005, .8 and a constant rate."""

STRUCTURE = {CORRELATED: MAIN, CORRELATED_RPE: MAIN_RPE}
"""Networks whose problems have learnable structure -> networks they are compared with, seed by
seed."""

TEST_EPISODES = 300
"""Test episodes per network, problem and order of sides (Wang et al. 2018, Fig. 1d: 300)."""

PROBLEMS = {"easy": (0.25, 0.75), "hard": (0.6, 0.4)}
"""(p_left, p_right) of the problems in Fig. 1c; the first is that of Fig. 1d. Each is also played
with the sides swapped, so that a network's fixed preference for its first pull cancels: the regret
of the first trial must be half the difference."""

EXAMPLES = (0.99, 0.46, 0.33, 0.01)
"""p_left of the correlated problems in Fig. 1e."""

INDEPENDENT_EXAMPLES = ((0.9, 0.1), (0.8, 0.6), (0.4, 0.2), (0.1, 0.9))
"""(p_left, p_right) of the single episodes of a network trained on independent arms."""

FOLLOWED_EPISODES = 60
"""Episodes on drawn problems whose activity is kept at every trial; that of the others is kept at
the last trial only."""

EXAMPLE_EPISODES = 10
"""Episodes drawn in Fig. 1c."""

GITTINS, THOMPSON, UCB = "Gittins indices, tuned", "Thompson sampling", "UCB as published"
TUNED_UCB, OPTIMAL = "UCB, tuned", "Bayes-optimal"
"""Textbook algorithms. The paper states no parameters: "tuned" is the one with the least regret
over the training distribution, found by the same procedure for both; "as published" the one that
gives the published curve."""

TUNED = "tuned UCB's"
"""A benchmark that is not in the paper."""

BENCHMARKS = {
    "Thompson sampling's": (THOMPSON, 1),
    "UCB's as published": (UCB, 1),
    "twice Gittins'": (GITTINS, 2),
    TUNED: (TUNED_UCB, 1),
}
"""Textbook algorithms -> multiple of their regret below which networks should stay."""
