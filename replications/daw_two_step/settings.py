"""Settings of Daw's two-step task and its networks (Daw et al. 2011; Miranda et al. 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from prefrontal.settings import (
    Count,
    NetworkSettings,
    Positive,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    from replications.daw_two_step.task import DawTwoStepTask


@validated
class DawTwoStep(TaskSettings):
    """Settings of Daw's two-step task."""

    trials: Count = 100
    """Trials per episode (as Wang et al. 2018, simulation 4; Daw et al. 2011: 201 trials)."""
    common: Probability = 0.7
    """Probability of the common transition (Daw et al. 2011: 0.7)."""
    outcomes: Literal["walk", "levels"] = "walk"
    """Each second-stage option pays 1 with a probability that drifts (Daw et al. 2011), or pays one
    of three levels that is redrawn every few trials (Miranda et al. 2026)."""
    lowest: Probability = 0.25
    """Lower reflecting boundary of the reward probabilities (Daw et al. 2011: 0.25)."""
    highest: Probability = 0.75
    """Upper reflecting boundary (Daw et al. 2011: 0.75)."""
    walk_sd: Positive = 0.025
    """Standard deviation of their Gaussian random walk per trial (Daw et al. 2011: 0.025)."""
    medium: Probability = 0.5
    """Reward of the medium level; the others pay 1 and 0 (monkeys: 0.31 and 0.59 of the high
    one)."""
    shortest: Count = 5
    """Fewest trials before a level is redrawn (estimated from the monkeys' trials)."""
    longest: Count = 9
    """Largest number of trials before a level is redrawn; uniform, independent between options
    (estimated)."""

    def build(self) -> DawTwoStepTask:
        """Build the task."""
        from replications.daw_two_step.task import DawTwoStepTask

        return DawTwoStepTask(self)

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of a planner that knows the task."""
        from replications.daw_two_step.ideal_observer import planner_reward, random_reward

        return self.trials * random_reward(self), planner_reward(self)


SETTINGS = Settings(
    task=DawTwoStep(),
    # As for Fig. 5; the paper does not state initial weights.
    network=NetworkSettings(init_scale=2.5, output_scale=3.0),
    # With the 10,000 episodes and the rate of Fig. 5 no network learns Daw's task (README).
    training=TrainingSettings(episodes=60_000, learning_rate=2e-3),
)

MAIN, LEVELS = "default", "levels"
VARIANTS: Variants = {
    MAIN: {},
    LEVELS: {
        "task.outcomes": "levels",
        "training.episodes": 10_000,  # Wang et al. 2018, Methods, simulation 4
        "training.learning_rate": 7e-4,
    },
}
"""Daw's task, and the monkeys' version."""

PEOPLE, MONKEYS = "people", ("Charlie", "Jacob")
"""Variant names of people (Shahar et al. 2019), and of each monkey's sessions (Miranda et al.
2026)."""

TEST_EPISODES = 300
"""Test episodes per network, as for Fig. 5."""

LAGS = 5
"""Past trials in the regression of choice, as for Fig. 5e."""

FITTED_EPISODES, FITTED_STARTS = 100, 5
"""Test episodes of each network to which models are fitted; runs per fit."""

BEHAVIOUR, UNITS = "behaviour", "units"
"""Tests: all test episodes, without activity; and the first few, with activity."""

UNIT_EPISODES = 5
"""Episodes of the test ``UNITS``: about as many trials as a monkey's session."""

PRIOR = 2.5
"""Standard deviation (log odds) of the prior on people's and monkeys' weights, without which those
of 23 people are infinite. Networks' weights have none."""

ALPHA = 0.01
"""Significance level at which a unit codes a variable."""

INTERACTION = "previous transition x reward"
"""Variable of the claim about units."""
