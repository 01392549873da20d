"""Settings of the networks and agents whose algorithm is identified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from prefrontal.settings import CountOrZero, Variants, validated
from replications.bandit import settings as bandit
from replications.bandit.settings import Bandit

if TYPE_CHECKING:
    from prefrontal.task import Task


@validated
class FewBandits(Bandit):
    """Settings of the bandit whose episodes draw from a few problems, different for each
    network."""

    problems: CountOrZero = 1
    """Problems of the training, drawn once for each network by its seed from U[0, 1]; 0 draws a new
    one in every episode, as ``replications/bandit`` does."""

    def build(self) -> Task:
        """Build the training task."""
        from replications.inner_algorithm.task import FewBanditsTask

        return FewBanditsTask(self) if self.problems else super().build()

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """Problems of the bandit, and bandits unlike the training."""
        from replications.inner_algorithm.task import ChangedBanditTask

        changed = {name.replace(" ", "_"): change for name, change in CHANGES.items()}
        tasks = {name: partial(ChangedBanditTask, self, change) for name, change in changed.items()}
        return {**super().test_problems(), **tasks}


SETTINGS = replace(bandit.SETTINGS, task=FewBandits())

NETWORKS = bandit.MAIN
"""The networks of ``replications/bandit``, trained on a new problem in every episode ("all"
problems)."""

TASKS = {"bandit": NETWORKS, "volatile_bandit": "tied", "two_step": "default"}
"""Experiment whose networks' choices are explained by rules -> variant."""

PROBLEMS = (1, 2, 4, 8, 16, 64, 256, 1024)
"""Problems of a training."""
FEWEST, LOCATES, MOST = (f"problems_{problems}" for problems in (1, 4, 1024))

PREDICTS_WEAKLY, PREDICTS, PREDICTS_NOISE = (
    "predicts_weakly",
    "predicts",
    "predicts_noise",
)
PREDICTING: Variants = {
    PREDICTS_WEAKLY: {"training.prediction": "reward", "training.prediction_cost": 0.1},
    PREDICTS: {"training.prediction": "reward", "training.prediction_cost": 1.0},
    PREDICTS_NOISE: {"training.prediction": "random", "training.prediction_cost": 1.0},
}
"""Networks that also learn to predict the reward of each step, or random numbers (negative
control). Without, they are those of ``NETWORKS``: same seeds, same problems."""

VARIANTS: Variants = {
    f"problems_{count}": {"task.problems": count, "seed": 8} for count in PROBLEMS
} | {name: {"task.problems": 0, "seed": 8} | changes for name, changes in PREDICTING.items()}
"""Seeds are those of the bandit networks, so that initial weights are the same."""

TEST_EPISODES = 300
"""Test episodes per network and test."""

UNTRAINED = "untrained"
"""The initial weights of the bandit networks."""

BAYES, Q_LEARNING, HEURISTIC = "Bayes-optimal", "fixed rate", "win-stay lose-shift"
FEW, FAMILY = "prior of 4 problems", "prior of the family"
"""Control agents for the bandit: optimal play, Q-learning, a heuristic; and softmax of posterior
means, with a prior over the first problems of a network's training, or over the family of all
problems."""
INFERRING, DELTA = "planner that infers", "planner at a fixed rate"
"""Control agents for the two-step task."""
FEW_PROBLEMS, CONTROLS_EACH = 4, 4
"""Problems in the prior of ``FEW``; subjects of each kind of control agent."""

R2, SHARED = ("inner-statistics", "R2"), ("inner-exchangeable", "share")
POLICY, LOCATED = ("inner-policy", "R2"), ("inner-location", "problems minus family")
OVER_HEURISTIC = ("inner-learning", "minus heuristic")
OVER_RATE = ("inner-learning", "minus fixed rate")
EXPECTED: dict[str, dict[tuple[str, str], bool]] = {
    BAYES: dict.fromkeys((R2, POLICY, SHARED, OVER_HEURISTIC, OVER_RATE), True),
    Q_LEARNING: dict.fromkeys((R2, POLICY, SHARED, OVER_RATE), False),
    HEURISTIC: dict.fromkeys((R2, POLICY, SHARED, OVER_HEURISTIC, OVER_RATE), False),
    UNTRAINED: {R2: False},
    FEW: {LOCATED: True},
    FAMILY: {LOCATED: False, OVER_HEURISTIC: True, OVER_RATE: True},
    INFERRING: {OVER_HEURISTIC: True, OVER_RATE: True},
    DELTA: {OVER_HEURISTIC: True, OVER_RATE: False},
}
"""Positive and negative controls: agent -> (claim, measure) -> True if the claim's criterion must
hold for it, False if it must not."""

LEAST_R2, MOST_SHARED = 0.9, 0.1
"""Criteria for held-out R2, and for the variance between orders of equal counts."""

ONE_PROBLEM = "one problem"
CONTROL_NETWORKS = {
    "correlated": ("bandit", bandit.CORRELATED),
    "four problems": ("inner_algorithm", LOCATES),
    ONE_PROBLEM: ("inner_algorithm", FEWEST),
    "tanh network": ("ingredients", "tanh"),
}
"""Networks that learned less, or something else, and replay the same histories, to test whether
``inner-statistics`` and ``inner-policy`` are specific. Name -> experiment, variant."""

DECODED, AXIS = "decoder", "regression axis"
DIRECTIONS = [f"{name}{kind}" for name in (DECODED, AXIS) for kind in ("", ", random")]
"""Directions in which activity and cell are moved: along the weights that decode the difference of
the posterior means, along the axis on which the state varies with it, and as far at random."""
MOVED, MOVED_AT = 0.1, (10, 30, 60)
"""By how much the difference changes, up and down; trials, from 0, at which it does."""

ORDERS = 8
"""Orders of the trials of one history."""


@dataclass(frozen=True)
class Change:
    """Departure of a test from the training.

    Attributes
    ----------
    trials : int, optional
        Trials per episode; by default as in training.
    low, high : float
        Bounds of both arms' reward probabilities.
    swap_at : int
        Trial, counted from 0, before which the arms swap; -1 for never.
    """

    trials: int | None = None
    low: float = 0.0
    high: float = 1.0
    swap_at: int = -1


CHANGES = {
    "300 trials": Change(trials=300),
    "alike": Change(low=0.45, high=0.55),
    "swap": Change(swap_at=50),
}
"""Tests outside the range of the training."""

INFERENCE, FIXED_RATE = "inference", "fixed learning rate"
FIXED_PLANNER = "planner, fixed learning rate"
SEPARATE_PLANNER = "planner, separate values"
FIXED_RATES = (FIXED_RATE, FIXED_PLANNER, SEPARATE_PLANNER)
"""Rules that learn at a fixed rate; in the two-step task two of them know the transitions, and one
of these also that one state pays when the other does not, as inference does."""
