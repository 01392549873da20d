"""Rules that may explain choices: one-trial heuristics, learning at a fixed rate, and inference.

In the volatile bandit the points at stake are shown before each choice, so every rule may weigh
them. In the two-step task one heuristic may use the transition: within one trial, a planner stays
after a rewarded common or an unrewarded uncommon transition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from prefrontal.models import bandit
from prefrontal.models.bandit_learners import (
    DeltaRule,
    GivenValues,
    MirroredDeltaRule,
    Repetition,
    WinStayLoseShift,
)
from prefrontal.models.model import Model
from prefrontal.models.two_step_learners import (
    LearningPlanner,
    OneTrialBack,
    Planner,
    leave_errors,
    look_ahead,
)
from prefrontal.models.volatility import VolatilityObserver
from prefrontal.settings import TaskSettings
from replications.inner_algorithm.settings import (
    FIXED_PLANNER,
    FIXED_RATE,
    INFERENCE,
    SEPARATE_PLANNER,
)
from replications.two_step.settings import TwoStep
from replications.volatile_bandit.settings import VolatileBandit

NO_BIAS = {"bias": 0.0}
INFER = GivenValues(name=INFERENCE, fixed=NO_BIAS)


class SeparatePlanner(LearningPlanner):
    """Planner that learns the value of each second-stage state from that state's outcomes alone."""

    name = SEPARATE_PLANNER

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from the trial."""
        if trial.done:
            leave_errors(p, memory, trial)
            memory.state_value[trial.outcome_state] += p.planning_rate * memory.rpe_reward
            look_ahead(p, memory.state_value, memory.action_value)


def rules(settings: TaskSettings) -> list[Model]:
    """Rules for a task.

    Fixed rate: Q-learning, Rescorla-Wagner, model-free Q-learning of the first choice, and two
    planners, one of which learns about both states from each outcome (Miller, Botvinick & Brody
    2017). Inference: posterior means, the Bayesian agent that
    learns the volatility too, the planner that infers which state is the better one.

    Parameters
    ----------
    settings : TaskSettings
        Of the networks' training, which ideal observers assume.
    """
    weigh: dict[str, float | None] = {**NO_BIAS}
    if isinstance(settings, VolatileBandit):
        weigh["magnitude"] = None
    heuristics = [
        Repetition(name="perseveration", fixed=weigh),
        WinStayLoseShift(name="win-stay lose-shift", fixed=weigh),
    ]
    if isinstance(settings, VolatileBandit):
        return [*heuristics, MirroredDeltaRule(name=FIXED_RATE, fixed=NO_BIAS), INFER]
    fixed_rate = DeltaRule(name=FIXED_RATE, fixed=NO_BIAS)
    if isinstance(settings, TwoStep):
        return [
            *heuristics,
            OneTrialBack(fixed=NO_BIAS),
            fixed_rate,
            LearningPlanner(settings.common, FIXED_PLANNER, NO_BIAS),
            SeparatePlanner(settings.common, fixed=NO_BIAS),
            Planner(**settings.probabilities, name=INFERENCE, fixed=NO_BIAS),
        ]
    return [*heuristics, fixed_rate, INFER]


def arrays(trials: pd.DataFrame, columns: list[str]) -> dict[str, np.ndarray]:
    """Columns of one subject's trials as arrays (episode, trial)."""
    wide = trials.pivot(index="episode", columns="trial", values=columns)
    return {name: wide[name].to_numpy() for name in columns}


def with_values(trials: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Add an observer's values of both arms, (episode, trial, 2): ``value_0``, ``value_1``."""
    trials = trials.sort_values(["episode", "trial"])
    return trials.assign(**{f"value_{arm}": values[..., arm].ravel() for arm in range(2)})


def prepared(trials: pd.DataFrame, settings: TaskSettings) -> pd.DataFrame:
    """Add what the rules take as input to one subject's trials: observers' values, magnitudes."""
    if isinstance(settings, TwoStep):
        return trials
    history = arrays(trials, ["choice", "reward"])
    choice, reward = history["choice"].astype(int), history["reward"]
    if not isinstance(settings, VolatileBandit):
        return with_values(trials, bandit.posterior(choice, reward)[0])
    stakes = np.stack([*arrays(trials, ["magnitude_left", "magnitude_right"]).values()], -1) / 100
    left, _ = VolatilityObserver(**settings.process).infer((reward > 0) == (choice == 0))
    table = with_values(trials, np.stack([left, 1 - left], axis=-1) * stakes)
    magnitudes = {f"magnitude_{arm}": stakes[..., arm].ravel() for arm in range(2)}
    return table.assign(**magnitudes, reward=(table["reward"] > 0).astype(float))
