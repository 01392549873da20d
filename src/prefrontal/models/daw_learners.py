"""Models of Daw's two-step task (two choices, drifting rewards): model-free, model-based, hybrid.

Coding: choice 0 or 1 at the first stage; outcome state S1 or S2, to which 0 and 1 commonly lead;
choice2 0 or 1, between the two options of that state; rewards are any numbers. Where the table has
columns ``forced`` or ``forced2``, one option was offered at that stage: the model learns from what
follows, but the choice is not fitted. A trial without a valid choice2 was aborted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from prefrontal.errors import check
from prefrontal.models.model import (
    BIAS,
    INITIAL,
    PERSEVERATION,
    RATE,
    TEMPERATURE,
    WEIGHT,
    Model,
)
from prefrontal.models.two_step_learners import PROBABILITY, STATES, state_index
from prefrontal.tables import schema


class Hybrid(Model):
    """SARSA(lambda) and planning from the same second-stage values, mixed (Daw et al. 2011).

    ``weight`` is the weight of planning at the first stage; both stages are fitted, each with a
    learning rate and an inverse temperature. ``value2`` holds the options of S1, then of S2;
    ``value`` the mixed values of the first choice.

    Parameters
    ----------
    common : float
        Probability of the common transition, which the planner knows.
    """

    name = "hybrid"
    needs = ("outcome_state", "choice2")
    options = 6
    memory: Mapping[str, tuple[int, ...]] = {
        "value": (2,), "model_free": (2,), "value2": (2, 2), "rpe_stage_2": (), "rpe_reward": ()
    }  # fmt: skip
    errors: tuple[str, ...] = ("rpe_stage_2", "rpe_reward")

    def __init__(self, common: float, name: str | None = None, fixed: Any = None) -> None:
        self.parameters = {
            "learning_rate": replace(RATE, label="learning rate, stage 1"),
            "learning_rate_2": replace(RATE, label="learning rate, stage 2"),
            "inverse_temperature": replace(TEMPERATURE, label="inverse temperature, stage 1"),
            "inverse_temperature_2": replace(TEMPERATURE, label="inverse temperature, stage 2"),
            "eligibility": replace(WEIGHT, label="eligibility"),
            "weight": replace(WEIGHT, label="weight of planning"),
            "perseveration": PERSEVERATION,
            "bias_1": replace(BIAS, label="bias, stage 1", fixed=0.0),
            "initial_value": INITIAL,
            "common": replace(PROBABILITY, label="common", fixed=common),
        }
        super().__init__(name, fixed)

    def columns(self, trials: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Both choices, the state between them, reward, done."""
        choice = np.asarray(trials["choice"], dtype=int)
        nothing = np.full(len(choice), np.nan)
        reward = np.asarray(trials.get("reward", nothing), dtype=float)
        second = np.nan_to_num(np.asarray(trials.get("choice2", nothing), dtype=float), nan=-1)
        state = state_index(trials.get("outcome_state", nothing))
        done = (choice >= 0) & (state >= 0) & (second >= 0) & np.isfinite(reward)
        return {
            "choice": choice,
            "outcome_state": state,
            "choice2": second.astype(int),
            "reward": np.where(done, reward, 0.0),
            "done": done,
        }

    def decisions(
        self, columns: Mapping[str, np.ndarray], trials: pd.DataFrame
    ) -> tuple[np.ndarray, ...]:
        """Options 0 and 1 at the first stage; 2 and 3 in S1, 4 and 5 in S2."""
        first = np.where(schema.free_choices(trials), columns["choice"], -1)
        low = 2 + 2 * np.maximum(columns["outcome_state"], 0)
        free = columns["done"]
        if "forced2" in trials:
            free = free & ~trials["forced2"].to_numpy(bool)
        second = np.where(free, low + columns["choice2"], -1)
        ranges = np.column_stack([np.zeros_like(low), low])
        return np.column_stack([first, second]), ranges, ranges + 2

    def check_choices(self, trials: pd.DataFrame) -> None:
        """Raise UserError unless both choices are between two options."""
        for name in ("choice", "choice2"):
            legal = trials[name].isna() | trials[name].isin([-1, 0, 1])
            odd = trials.loc[~legal, name]
            check(not len(odd), name, next(iter(odd.tolist()), None), "0, 1 or -1 (missed)")

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """All values are the initial one."""
        memory.value[:] = p.initial_value
        memory.model_free[:] = p.initial_value
        memory.value2[:, :] = p.initial_value

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Weigh the values of both stages."""
        for k in range(2):
            preference[k] += p.inverse_temperature * memory.value[k]
            for state in range(2):
                preference[2 + 2 * state + k] += p.inverse_temperature_2 * memory.value2[state, k]

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from the trial, and plan the next one."""
        if not trial.done:
            return
        values = memory.value2[trial.outcome_state]
        memory.rpe_stage_2 = values[trial.choice2] - memory.model_free[trial.choice]
        memory.rpe_reward = trial.reward - values[trial.choice2]
        moved = memory.rpe_stage_2 + p.eligibility * memory.rpe_reward
        memory.model_free[trial.choice] += p.learning_rate * moved
        values[trial.choice2] += p.learning_rate_2 * memory.rpe_reward
        for k in range(2):
            common = max(memory.value2[k, 0], memory.value2[k, 1])
            other = max(memory.value2[1 - k, 0], memory.value2[1 - k, 1])
            planned = p.common * common + (1 - p.common) * other
            memory.value[k] = p.weight * planned + (1 - p.weight) * memory.model_free[k]


def models(common: float) -> list[Hybrid]:
    """Model-free (weight 0), model-based (weight 1) and hybrid."""
    planned = {"weight": 1.0, "learning_rate": 0.5, "eligibility": 0.0}
    return [
        Hybrid(common, "model-free", {"weight": 0.0}),
        Hybrid(common, "model-based", planned),
        Hybrid(common),
    ]


@dataclass
class DawTwoStep:
    """Daw's task, for models to play (``prefrontal.models.model.PlayedTask``).

    Each option's reward probability takes a Gaussian step of standard deviation ``step`` after
    every trial, and is reflected at ``low`` and ``high``.
    """

    episodes: int
    trials: int
    common: float = 0.7
    low: float = 0.25
    high: float = 0.75
    step: float = 0.025

    def start(self, rng: np.random.Generator) -> None:
        """Draw the first reward probabilities, (episode, state, option)."""
        self._rng = rng
        self._p = rng.uniform(self.low, self.high, (self.episodes, 2, 2))

    def offer(self, trial: int) -> dict[str, np.ndarray]:
        """Nothing is known before the choice."""
        return {}

    def play(self, trial: int, choose: Any) -> dict[str, np.ndarray]:
        """Choose, move to a state, choose there, draw a reward of 0 or 1."""
        uniform, every = self._rng.random((4, self.episodes)), np.arange(self.episodes)
        choice = choose(0, 2, uniform[0])
        common = uniform[1] < self.common
        state = np.where(common, choice, 1 - choice)
        choice2 = choose(2 + 2 * state, 4 + 2 * state, uniform[2]) - 2 - 2 * state
        reward = uniform[3] < self._p[every, state, choice2]
        moved = self._p + self._rng.normal(0, self.step, self._p.shape)
        moved = np.where(moved < self.low, 2 * self.low - moved, moved)
        self._p = np.where(moved > self.high, 2 * self.high - moved, moved)
        return {
            "choice": choice,
            "reward": reward.astype(float),
            "transition": np.where(common, "common", "uncommon"),
            "outcome_state": STATES[state],
            "choice2": choice2,
        }
