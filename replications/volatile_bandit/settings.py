"""Settings of the volatile bandit, its networks and analyses (Wang et al. 2018, simulation 2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from prefrontal.errors import check
from prefrontal.settings import (
    Count,
    NetworkSettings,
    Number,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    validated,
)

if TYPE_CHECKING:
    from prefrontal.task import Task
    from replications.volatile_bandit.task import VolatileBanditTask

RANDOM_REWARD = 25.0
"""Points per trial of random choice: mean magnitude 50, paid every other time."""


@validated
class VolatileBandit(TaskSettings):
    """Settings of the volatile bandit."""

    generator: Literal["tied", "untied"] = "tied"
    """Reward probability in training tied to volatility, or not (Methods, simulation 2)."""
    trials: Count = 200
    """Trials per episode (Methods, simulation 2: 200)."""
    volatility: Probability = 0.2
    """Probability per trial that the reward probability changes in volatile periods (Methods,
    simulation 2: 0.2)."""
    better_stable: Probability = 0.75
    """Reward probability of the better arm in stable periods of tied episodes (Methods,
    simulation 2: 0.75)."""
    better_volatile: Probability = 1.0
    """Reward probability of the better arm in their volatile periods (Methods, simulation 2: 1)."""
    log_hazard_low: Number = -4.5
    """Lowest natural log of the probability per trial that the volatility changes (Methods,
    simulation 2: -4.5)."""
    log_hazard_high: Number = -3.5
    """Highest natural log of that probability (Methods, simulation 2: -3.5)."""
    magnitude_scale: Number = 0.01
    """Factor on the magnitudes (0 to 100 points) that the network is shown (not stated)."""

    def __post_init__(self) -> None:
        low, high = self.log_hazard_low, self.log_hazard_high
        legal = low <= high <= 0
        check(
            legal,
            "task.log_hazard_high",
            high,
            "a log probability, log_hazard_low or more and at most 0",
        )

    def build(self) -> VolatileBanditTask:
        """Build the training task."""
        from replications.volatile_bandit.task import VolatileBanditTask

        return VolatileBanditTask(self)

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """The schedule of the human experiment."""
        from replications.volatile_bandit.task import HumanScheduleTask

        return {"human_schedule": partial(HumanScheduleTask, self)}

    @property
    def process(self) -> dict[str, Any]:
        """The process that generates tied episodes, as the Bayesian agent takes it."""
        return {
            "volatility": self.volatility,
            "better_stable": self.better_stable,
            "better_volatile": self.better_volatile,
            "log_hazard_low": self.log_hazard_low,
            "log_hazard_high": self.log_hazard_high,
        }

    def reward_range(self) -> tuple[float, float]:
        """Points per episode of random choice, and of an oracle.

        The oracle knows the running reward probability. Both kinds of tied period are equally
        frequent; the reward probability of untied ones is uniform.
        """
        from scipy import stats  # slow to import

        grid = (np.arange(100) + 0.5) / 100
        probabilities = (
            grid if self.generator == "untied" else (self.better_stable, self.better_volatile)
        )
        points = 100 * stats.beta(4, 4).ppf(grid)
        oracle = np.mean([np.maximum(p * points[:, None], (1 - p) * points) for p in probabilities])
        return RANDOM_REWARD * self.trials, float(oracle) * self.trials


SETTINGS = Settings(
    task=VolatileBandit(),
    # Scales of rewards and initial weights are not stated; evidence.md.
    network=NetworkSettings(init_scale=2.5, output_scale=3.0),
    training=TrainingSettings(  # Methods, simulation 2, but for reward_scale and snapshots
        episodes=40_000,
        unroll=200,  # an episode
        learning_rate=5e-5,
        discount=0.1,
        entropy_cost=1.0,
        entropy_cost_end=0.0,
        reward_scale=0.1,
        snapshots=10,
    ),
)

MAIN, FAST, UNTIED = "tied", "tied_fast", "untied"
VARIANTS: dict[str, dict[str, Any]] = {
    MAIN: {},
    FAST: {"training.learning_rate": 5e-4},
    UNTIED: {"task.generator": "untied", "training.snapshots": 0},
    "tied_rpe": {"network.input": "rpe", "training.snapshots": 0},
}
"""The networks of Fig. 3; ten times the paper's learning rate of the weights; the generator whose
reward probability is not tied to volatility; and reward prediction errors as input."""

TEST_EPISODES = 400
"""Test episodes per network (Methods, simulation 2: 400); half of them in variants other than the
main one and on the training generator, a quarter at each stage of training."""

HUMAN, GENERATOR = "human schedule", "training generator"
"""Tests, in the column ``test``. Only earlier stages of training have a number in
``trained_episodes``."""

BLOCK, VOLATILE_RUN = 100, 25
"""Trials per block of the human schedule, and between reversals in its volatile blocks (Methods,
simulation 2, after Behrens et al. 2007)."""

HUMAN_SCHEDULE: dict[str, Any] = {
    "generator": "tied",
    "trials": 2 * BLOCK,
    "better_stable": 0.75,
    "better_volatile": 0.8,
}
"""Task settings of the human schedule in place of those of training (Methods, simulation 2)."""

BLOCKS = ("stable 1", "volatile 1", "volatile 2", "stable 2")
ORDERS = {"stable first": ("stable 1", "volatile 2"), "volatile first": ("volatile 1", "stable 2")}
"""Blocks of the two kinds of test episodes; the number is the block's position in the episode."""

RISES = {
    f"{volatile} - {stable}": (volatile, stable)
    for stable, volatile in map(sorted, ORDERS.values())
}
"""Blocks whose learning rates are compared: those of the same episodes."""

PEOPLE = ("lab, reward", "lab, shock", "online, gain", "online, loss")
"""Groups of people on the task of Gagne et al. (2020), with a stable and a volatile block."""

FIXED, OBSERVER = "fixed rate", "ideal observer"
"""Agents whose learning rate does not, and does, rise with volatility, on people's outcomes."""

RISE = "volatile - stable"
"""Learning rate in the volatile blocks minus that in the stable ones."""

WINDOW = 10
"""Trials per window of the learning-rate fit (Methods, simulation 2)."""

CONTROL_RATES = (0.1, 0.2, 0.3, 0.5, 0.7)
CONTROL_TEMPERATURE = 16.0
"""Known learning rates, and inverse temperature (magnitudes scaled to 0-1), of the simulated
control learners."""

CONTROL_RATE = 0.3
"""Learning rate of the agent ``FIXED``."""

FIXED_RATES = np.linspace(0.02, 1, 50)
"""Learning rates among which the best fixed one is sought."""

ALPHA, UNITS_THRESHOLDS = 0.05, np.logspace(-10, -1, 19)
"""Significance level (Methods, simulation 2), and thresholds of Supplementary Fig. 5b."""

EXAMPLE_EPISODE = 0
"""Index of the episode in Fig. 3a, b, among the first network's episodes with the stable block
first and left better in it."""
