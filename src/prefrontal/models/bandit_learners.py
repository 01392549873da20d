"""Models of choice among n arms: repetition, win-stay lose-shift, counting, delta rules.

If trials have columns ``magnitude_<arm>``, the points at stake, values are multiplied by them, and
rewards say whether the arm paid (0 or 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from prefrontal.models.model import (
    BIAS,
    INITIAL,
    LOG_ODDS,
    PERSEVERATION,
    RATE,
    TEMPERATURE,
    Model,
    Parameter,
)


class BanditModel(Model):
    """A model of choice among ``arms``, with a bias for each arm but the first."""

    core_parameters: Mapping[str, Parameter] = {}
    """The model's parameters except biases."""

    arrays: tuple[str, ...] = ()
    """Names of the memory's arrays, each with one number per arm."""

    def __init__(self, arms: int = 2, name: str | None = None, fixed: Any = None) -> None:
        self.options = arms
        names = ["bias"] if arms == 2 else [f"bias_{arm}" for arm in range(1, arms)]
        self.parameters = {**self.core_parameters, **dict.fromkeys(names, BIAS)}
        self.memory = {key: (arms,) for key in self.arrays} | dict.fromkeys(self.errors, ())
        super().__init__(name, fixed)

    def columns(self, trials: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Choice, reward, done, magnitudes, and the columns that the model needs, by arm."""
        choice = np.asarray(trials["choice"], dtype=int)
        reward = np.asarray(trials.get("reward", np.full(len(choice), np.nan)), dtype=float)
        done = (choice >= 0) & np.isfinite(reward)
        stakes = [f"magnitude_{arm}" for arm in range(self.options)]
        at_stake = [trials[name] if name in trials else np.ones(len(choice)) for name in stakes]
        columns = {"choice": choice, "reward": np.where(done, reward, 0.0), "done": done}
        columns["magnitude"] = np.stack(at_stake, axis=-1).astype(float)
        if self.needs:
            columns["value"] = np.stack([trials[name] for name in self.needs], -1).astype(float)
        return columns


class Repetition(BanditModel):
    """Repeat the last choice; if ``magnitude`` is free, also prefer the arm with more points at
    stake."""

    name = "repetition"
    core_parameters: Mapping[str, Parameter] = {
        "perseveration": PERSEVERATION,
        "magnitude": replace(TEMPERATURE, label="weight of magnitudes", fixed=0.0),
    }

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Weigh the magnitudes."""
        for k in range(len(preference)):
            preference[k] += p.magnitude * trial.magnitude[k]


class WinStayLoseShift(BanditModel):
    """Repeat the last choice if its reward was above 0, otherwise switch."""

    name = "win-stay lose-shift"
    core_parameters: Mapping[str, Parameter] = {
        "after_win": replace(LOG_ODDS, label="staying after a win"),
        "after_loss": replace(LOG_ODDS, label="staying after a loss"),
        "magnitude": Repetition.core_parameters["magnitude"],
    }
    arrays: tuple[str, ...] = ("won", "lost")

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Stay or shift, and weigh the magnitudes."""
        for k in range(len(preference)):
            preference[k] += p.after_win * memory.won[k] + p.after_loss * memory.lost[k]
            preference[k] += p.magnitude * trial.magnitude[k]

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Store which arm won or lost."""
        if trial.done:
            for k in range(len(memory.won)):
                chosen = 1.0 if k == trial.choice else 0.0
                memory.won[k] = chosen if trial.reward > 0 else 0.0
                memory.lost[k] = chosen - memory.won[k]


SOFTMAX = {"inverse_temperature": TEMPERATURE, "perseveration": PERSEVERATION}


class Learner(BanditModel):
    """A model that learns values of the arms and chooses accordingly."""

    core_parameters: Mapping[str, Parameter] = {
        "learning_rate": RATE,
        **SOFTMAX,
        "initial_value": INITIAL,
    }
    arrays: tuple[str, ...] = ("value",)
    errors: tuple[str, ...] = ("rpe",)

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """All arms have the initial value."""
        memory.value[:] = p.initial_value

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Weigh the expected rewards."""
        for k in range(len(preference)):
            preference[k] += p.inverse_temperature * memory.value[k] * trial.magnitude[k]


class Counting(Learner):
    """Posterior mean reward probability under a uniform prior: all trials count the same."""

    name = "counting"
    outcomes = "binary"
    core_parameters: Mapping[str, Parameter] = {
        name: Learner.core_parameters[name] for name in ("inverse_temperature", "perseveration")
    }
    arrays: tuple[str, ...] = ("value", "pulls")

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """Prior mean."""
        memory.value[:] = 0.5

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Include the trial in the chosen arm's mean."""
        if trial.done:
            memory.rpe = trial.reward - memory.value[trial.choice]
            memory.pulls[trial.choice] += 1
            memory.value[trial.choice] += memory.rpe / (memory.pulls[trial.choice] + 2)


class DeltaRule(Learner):
    """Q-learning: the chosen arm's value moves towards its reward by a fraction of the
    difference."""

    name = "delta rule"

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Move the chosen arm's value."""
        if trial.done:
            memory.rpe = trial.reward - memory.value[trial.choice]
            memory.value[trial.choice] += p.learning_rate * memory.rpe


class ForgettingDeltaRule(Learner):
    """Delta rule; the values of unchosen arms decay to 0 at the same rate (Ito & Doya 2009)."""

    name = "delta rule, forgetting"
    core_parameters: Mapping[str, Parameter] = {
        **Learner.core_parameters,
        "initial_value": replace(INITIAL, fixed=0.0),
    }

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Move the chosen arm's value, and let the others decay."""
        if trial.done:
            memory.rpe = trial.reward - memory.value[trial.choice]
            memory.value *= 1 - p.learning_rate
            memory.value[trial.choice] += p.learning_rate * trial.reward


class MirroredDeltaRule(Learner):
    """Rescorla-Wagner learning of which of two arms pays, as if one always did (Behrens 2007)."""

    name = "delta rule, both arms"
    outcomes = "binary"

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Move both arms' values, in opposite directions."""
        if trial.done:
            memory.rpe = trial.reward - memory.value[trial.choice]
            for arm in range(len(memory.value)):
                paid = trial.reward if arm == trial.choice else 1 - trial.reward
                memory.value[arm] += p.learning_rate * (paid - memory.value[arm])


class GivenValues(BanditModel):
    """Choose by given values, columns ``value_<arm>`` of the table, such as those of an ideal
    observer."""

    name = "given values"
    core_parameters: Mapping[str, Parameter] = {
        name: Learner.core_parameters[name] for name in ("inverse_temperature", "perseveration")
    }

    def __init__(self, arms: int = 2, name: str | None = None, fixed: Any = None) -> None:
        self.needs = tuple(f"value_{arm}" for arm in range(arms))
        super().__init__(arms, name, fixed)

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Weigh the given values."""
        for k in range(len(preference)):
            preference[k] += p.inverse_temperature * trial.value[k]


MODELS = (Repetition, WinStayLoseShift, Counting, DeltaRule, ForgettingDeltaRule, MirroredDeltaRule)


def models(arms: int = 2) -> list[BanditModel]:
    """All models for so many arms."""
    return [model(arms) for model in MODELS if arms == 2 or model is not MirroredDeltaRule]


@dataclass
class Bandit:
    """A bandit for models to play (``prefrontal.models.model.PlayedTask``).

    Parameters
    ----------
    p_reward : array (episode, trial, arm)
        Reward probabilities.
    baited : bool
        Whether a reward stays at its arm until the arm is chosen.
    magnitude : array (episode, trial, arm), optional
        What is at stake.
    """

    p_reward: np.ndarray
    baited: bool = False
    magnitude: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.episodes, self.trials, self.arms = self.p_reward.shape

    def start(self, rng: np.random.Generator) -> None:
        """Start without waiting rewards."""
        self._rng, self._waited = rng, np.ones((self.episodes, self.arms))

    def offer(self, trial: int) -> dict[str, np.ndarray]:
        """What is at stake."""
        stakes = self.magnitude
        arms = range(self.arms) if stakes is not None else ()
        return {f"magnitude_{arm}": stakes[:, trial, arm] for arm in arms if stakes is not None}

    def play(self, trial: int, choose: Any) -> dict[str, np.ndarray]:
        """Choose an arm, and draw its reward of 0 or 1."""
        choice = choose(0, self.arms, self._rng.random(self.episodes))
        p = self.p_reward[:, trial]
        p = 1 - (1 - p) ** self._waited if self.baited else p
        chosen = choice[:, None] == np.arange(self.arms)
        reward = (self._rng.random(self.episodes) < p[chosen]).astype(float)
        self._waited = np.where(chosen, 1, self._waited + 1)
        return {"choice": choice, "reward": reward, **self.offer(trial)}
