"""Settings of probability matching, its networks and its analyses (Wang et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from prefrontal.errors import check
from prefrontal.settings import (
    Count,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    import numpy as np

    from prefrontal.task import Task
    from replications.probability_matching.task import MatchingTask

RANGES = 5
"""Ranges of the left baseline, of equal width, alternately trained and held out (Methods,
simulation 1)."""


@validated
class Matching(TaskSettings):
    """Settings of probability matching."""

    shortest: Count = 50
    """Trials of the shortest episode (Methods, simulation 1: 50)."""
    longest: Count = 100
    """Trials of the longest episode (Methods, simulation 1: 100)."""
    baseline_sum: Probability = 0.5
    """Sum of both sides' baseline reward probabilities (Methods, simulation 1: 0.5)."""
    steps_per_trial: Literal[2, 3] = 2
    """Time steps per trial: fixation and choice; 3 adds one that shows the reward (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""

    def __post_init__(self) -> None:
        expected = f"at least task.shortest, {self.shortest}"
        check(self.longest >= self.shortest, "task.longest", self.longest, expected)

    def build(self) -> MatchingTask:
        """Build the task of the training, without the held-out baselines."""
        from replications.probability_matching.task import MatchingTask

        return MatchingTask(self)

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """Baselines of the test: those that are held out in training, and the others."""
        from replications.probability_matching.task import MatchingTask

        return {"all_baselines": partial(MatchingTask, self, "all")}

    def held_out(self, baseline_left: np.ndarray) -> np.ndarray:
        """Mark the left baselines that are not trained: the second and fourth of five ranges."""
        return (baseline_left / (self.baseline_sum / RANGES)).astype(int) % 2 == 1

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of a coin toss, and of the best cycle, which knows the baselines."""
        import numpy as np

        from replications.probability_matching.strategies import best_cycle, coin_toss

        left = np.linspace(0, self.baseline_sum, 501)
        left = left[~self.held_out(left)]
        trials, right = (self.shortest + self.longest) / 2, self.baseline_sum - left
        rates = coin_toss(left, right), best_cycle(left, right)["reward"]
        return trials * float(rates[0].mean()), trials * float(rates[1].mean())


SETTINGS = Settings(
    task=Matching(),
    training=TrainingSettings(
        episodes=15_000,  # Methods, simulation 1: about 15,000
        learning_rate=2e-3,  # stated: 7e-4, at which training ends early; evidence.md
        discount=0.75,  # Methods, simulation 1
    ),
)

MAIN, SHORTER, STATED_RATE, RPE = "3_steps", "2_steps", "2_steps_stated_rate", "2_steps_rpe"
VARIANTS: Variants = {
    MAIN: {"task.steps_per_trial": 3, "training.episodes": 10_000},
    SHORTER: {"seed": 8},
    STATED_RATE: {"training.learning_rate": 7e-4},
    RPE: {"network.input": "rpe"},
}
"""The networks of Fig. 2; networks with a shorter trial and the same number of time steps; and,
with the shorter trial, the stated learning rate, and reward prediction errors as input. All other
settings were chosen on networks with the shorter trial and smaller seeds."""

MICE = "mice"
"""Animals on a baited bandit (Trepka et al. 2021)."""

TEST_EPISODES = 500
"""Test episodes per network, over trained and held-out baselines (Methods, simulation 1: 500)."""

LAGS = 15
"""Trials of history in the regression of choice (Methods, simulation 1: 15)."""

RECENT = range(1, 6)
"""Lags over which the weights of rewards should fall."""

COVARIATES = ("last action", "last reward", "interaction", "value")
"""Covariates of unit activity in Fig. 2e, in its order."""

ALL_COVARIATES = (*COVARIATES, "next action")
"""Those and the next action, which the paper's text mentions but its panel does not show."""

KINDS = ("Spearman", "Pearson")
"""Kinds of partial correlation: the paper's text names the first, the caption of Fig. 2 the
second."""

ONE_BACK = 1
"""Trials by which action, reward and interaction are moved back in the reading of Fig. 2e that
claim ``matching-units`` tests; value (``VALUE_ONE_BACK``) is that of the present trial. It was the
best of about a hundred readings of eight networks; how it relates to the paper's wording is not
known."""

VALUE_ONE_BACK = "reward probability"
"""Value in that reading, with Pearson correlations."""

VALUES = ("history", "reward probability", "policy", "state value")
"""Readings of "choice value (left action only)"; see ``analysis.value_of_left``. The first is
used."""

SHIFTS = 100
"""Samples of the null distribution of unit codes."""

AGENTS = ("monkeys' weights", "published network's weights", "best cycle")
"""Agents for comparison with the networks: two that follow published history weights, and the best
one, which knows the baselines."""

POORER_RANGES = 5
"""Ranges of the poorer side's baseline, of equal width, by which choices are grouped."""

LONGEST_WAIT = 12
"""Largest number of trials since the last choice of the poorer side that is analysed."""

TRIAL_BLOCK = 5
"""Trials of an episode that make one point of a curve over trials."""
