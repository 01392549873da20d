"""Learners of the two-step task: model-free, planning, and a mixture of both; their values,
simulation and fit.

Coding: choice 0 left, 1 right; outcome state 0 S1, 1 S2; reward 0 or 1; -1 wherever a trial broke
off. Left commonly leads to S1 and right to S2. Values are (..., 2): left and right, or S1 and S2,
in reward per trial. Leading axes, usually (episode,), hold independent learners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from scipy.special import expit

from prefrontal.errors import UserError, check
from prefrontal.models.arrays import by_length
from prefrontal.models.fitting import (
    Data,
    Rule,
    direction,
    last_choices,
    log_probabilities,
    maximum_likelihood,
    stay_after,
)
from prefrontal.models.softmax import RATES, at_rate
from prefrontal.tables.schema import check_trials, free_choices

STATES = np.array(["S1", "S2"])

TRIAL_TYPES = tuple(
    (transition, outcome)
    for transition in ("common", "uncommon")
    for outcome in ("rewarded", "unrewarded")
)
"""The four kinds of two-step trials."""


class Learner(Protocol):
    """One way to learn the task. Memory is opaque, and never changed in place."""

    @property
    def discount(self) -> float:
        """Factor on the second-stage value in the prediction of the first stage."""

    def reset(self, shape: int | tuple[int, ...]) -> Any:
        """Memory before the first trial of independent episodes, ``shape`` of them."""

    def values(self, memory: Any) -> np.ndarray:
        """Values of the first-stage actions left and right, (..., 2)."""

    def state_values(self, memory: Any) -> np.ndarray:
        """Values of the second-stage states S1 and S2, (..., 2)."""

    def update(
        self, memory: Any, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
    ) -> Any:
        """Memory after one trial, whose arrays are (...)."""


def _taught(choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """True where a trial ran to its end."""
    return (choice >= 0) & (outcome_state >= 0) & (reward >= 0)


def _pick(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.where(index == 1, values[..., 1], values[..., 0])


def _at(index: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Array (..., 2) with ``amount`` at ``index`` and zero beside it."""
    return np.where(index[..., None] == np.arange(2), amount[..., None], 0.0)


def prediction_errors(
    learner: Learner, memory: Any, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Reward prediction errors of one trial, given the memory before it; arrays are (...).

    On entering stage 2: discount * value of the state - value of the chosen action. At reward:
    reward - value of the state.
    """
    state_value = _pick(learner.state_values(memory), outcome_state)
    action_value = _pick(learner.values(memory), choice)
    return learner.discount * state_value - action_value, reward - state_value


class ModelFreeMemory(NamedTuple):
    """Learned values: actions (..., 2) and states (..., 2)."""

    actions: np.ndarray
    states: np.ndarray


@dataclass(frozen=True)
class ModelFree:
    """Temporal-difference learning of action and state values: SARSA(0), as in Daw et al. (2011).

    Both stages share one learning rate. Trials that broke off teach nothing.
    """

    learning_rate: float | np.ndarray
    """Share of the prediction error by which a value moves, 0 to 1; an array (..., 1) stands for
    learners side by side."""
    eligibility: float = 0.0
    """How much of the reward prediction error reaches the first-stage action at once (lambda), 0 to
    1."""
    discount: float = 1.0
    """Factor on the second-stage value in the first stage's prediction error."""
    initial_value: float = 0.5
    """Value of every action and state before the first trial; .5 is the task's reward for random
    play."""

    def reset(self, shape: int | tuple[int, ...]) -> ModelFreeMemory:
        """Memory before the first trial."""
        start = np.full((*np.atleast_1d(shape), 2), self.initial_value)
        return ModelFreeMemory(start, start)

    def values(self, memory: ModelFreeMemory) -> np.ndarray:
        """Values of the first-stage actions."""
        return memory.actions

    def state_values(self, memory: ModelFreeMemory) -> np.ndarray:
        """Values of the second-stage states."""
        return memory.states

    def update(
        self,
        memory: ModelFreeMemory,
        choice: np.ndarray,
        outcome_state: np.ndarray,
        reward: np.ndarray,
    ) -> ModelFreeMemory:
        """Learn from one trial."""
        at_stage_2, at_reward = prediction_errors(self, memory, choice, outcome_state, reward)
        rate = np.where(_taught(choice, outcome_state, reward), self.learning_rate, 0.0)
        return ModelFreeMemory(
            memory.actions + _at(choice, rate * (at_stage_2 + self.eligibility * at_reward)),
            memory.states + _at(outcome_state, rate * at_reward),
        )


CUES = ("unrewarded S1", "rewarded S1", "unrewarded S2", "rewarded S2", "none")
"""What a ``CueLearner`` goes by, in the order of its values; none before the first trial, and after
one that broke off."""


class CueMemory(NamedTuple):
    """The cue that the last trial left, an index into ``CUES``, (...), and the values under every
    cue, (..., cue, 2)."""

    cue: np.ndarray
    learned: ModelFreeMemory


@dataclass(frozen=True)
class CueLearner:
    """Model-free learner that takes the last trial's second-stage state and reward for a cue (Akam,
    Costa & Dayan 2015).

    It learns values of actions and states apart under every cue, by no more than prediction errors.
    After many episodes they tell which action pays after which outcome, so that it repeats and
    leaves its last choice as a planner does; of what went before the last trial it knows nothing.
    Trials that broke off teach nothing and leave no cue.
    """

    model_free: ModelFree
    """How the values under the running trial's cue are learned."""
    learned: ModelFreeMemory | None = None
    """Values that it begins every episode with, (..., cue, 2), see ``learn``; by default the
    initial one of ``model_free``."""

    @property
    def discount(self) -> float:
        """Factor on the second-stage value in the prediction of the first stage."""
        return self.model_free.discount

    def reset(self, shape: int | tuple[int, ...]) -> CueMemory:
        """Memory before the first trial."""
        cue = np.full(shape, CUES.index("none"))
        start = self.model_free.reset((*cue.shape, len(CUES)))
        learned = (
            start
            if self.learned is None
            else ModelFreeMemory(*map(np.broadcast_to, self.learned, [start[0].shape] * 2))
        )
        return CueMemory(cue, learned)

    def _cued(self, memory: CueMemory) -> ModelFreeMemory:
        return ModelFreeMemory(
            *(
                np.take_along_axis(own, memory.cue[..., None, None], -2)[..., 0, :]
                for own in memory.learned
            )
        )

    def values(self, memory: CueMemory) -> np.ndarray:
        """Values of the first-stage actions under the cue."""
        return self._cued(memory).actions

    def state_values(self, memory: CueMemory) -> np.ndarray:
        """Values of the second-stage states under the cue."""
        return self._cued(memory).states

    def update(
        self, memory: CueMemory, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
    ) -> CueMemory:
        """Learn from one trial under its cue, and take its outcome for the next one."""
        moved = self.model_free.update(self._cued(memory), choice, outcome_state, reward)
        under = (memory.cue[..., None] == np.arange(len(CUES)))[..., None]
        learned = (
            np.where(under, new[..., None, :], old)
            for new, old in zip(moved, memory.learned, strict=True)
        )
        left = np.where(
            _taught(choice, outcome_state, reward),
            2 * outcome_state + (reward > 0),
            CUES.index("none"),
        )
        return CueMemory(left, ModelFreeMemory(*learned))

    def learn(
        self, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
    ) -> ModelFreeMemory:
        """Values after watching somebody's episodes, (..., episode, trial), one after the other,
        for ``learned``."""
        after_each = [(0, 0)] * (choice.ndim - 1) + [
            (0, 1)
        ]  # a trial that looks broken off, so that no cue outlasts an episode
        padded = (
            np.pad(own, after_each, constant_values=-1) for own in (choice, outcome_state, reward)
        )
        for memory, _ in _watch(self, *(own.reshape(*own.shape[:-2], -1) for own in padded)):
            learned: ModelFreeMemory = memory.learned
        return learned


def _look_ahead(states: np.ndarray, common: float, discount: float) -> np.ndarray:
    """Values of left and right (..., 2) from those of S1 and S2 (..., 2) by the transition
    probabilities."""
    return discount * (common * states + (1 - common) * states[..., ::-1])


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Model-based ideal observer: knows the task's structure and infers which second-stage state is
    rich.

    Its memory is p(H), H = "S1 is the rich state", (...): Bayes' rule takes in each reward, and
    before the next trial the states may have swapped (Wang et al. 2018, Methods, simulation 4).
    After a trial that broke off only the latter applies.
    """

    common: float
    """Probability of the common transition."""
    rich: float
    """Reward probability of the rich state; the poor one has the rest to 1."""
    reversal: float
    """Probability that the states swap before a trial."""
    discount: float = 1.0
    """Factor on the second-stage value in the values of the actions."""

    def reset(self, shape: int | tuple[int, ...]) -> np.ndarray:
        """Memory before the first trial: either state may be rich."""
        return np.full(shape, 0.5)

    def values(self, memory: np.ndarray) -> np.ndarray:
        """Values of the first-stage actions: the mean over where they may lead."""
        return _look_ahead(self.state_values(memory), self.common, self.discount)

    def state_values(self, memory: np.ndarray) -> np.ndarray:
        """Values of the second-stage states: expected reward."""
        s1 = memory * self.rich + (1 - memory) * (1 - self.rich)
        return np.stack([s1, 1 - s1], axis=-1)

    def update(
        self, memory: np.ndarray, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
    ) -> np.ndarray:
        """Learn from one trial, and allow for a reversal before the next one."""
        speaks_for_s1 = (outcome_state == 0) == (reward > 0)
        likelihood = np.where(speaks_for_s1, self.rich, 1 - self.rich)
        joint, other = memory * likelihood, (1 - memory) * (1 - likelihood)
        total = joint + other
        told = _taught(choice, outcome_state, reward) & (
            total > 0
        )  # what the belief rules out tells nothing
        belief = np.where(told, joint / np.where(total > 0, total, 1.0), memory)
        return belief * (1 - self.reversal) + (1 - belief) * self.reversal


@dataclass(frozen=True, kw_only=True)
class LearningPlanner:
    """Model-based learner that knows the transitions, and learns from each outcome how much the
    second-stage states pay.

    The planning agent of Miller, Botvinick & Brody (2017): one state pays as often as the other
    does not, so that every outcome moves both values, in opposite directions. Its memory is the
    value of S1, (...); S2's is the rest to 1. Trials that broke off teach nothing.
    """

    learning_rate: float | np.ndarray = 0.5
    """Share of the prediction error by which a value moves, 0 to 1; an array (..., 1) stands for
    learners side by side."""
    common: float
    """Probability of the common transition."""
    discount: float = 1.0
    """Factor on the second-stage value in the values of the actions."""

    def reset(self, shape: int | tuple[int, ...]) -> np.ndarray:
        """Memory before the first trial: both states are worth the same."""
        return np.full(shape, 0.5)

    def values(self, memory: np.ndarray) -> np.ndarray:
        """Values of the first-stage actions: the mean over where they may lead."""
        return _look_ahead(self.state_values(memory), self.common, self.discount)

    def state_values(self, memory: np.ndarray) -> np.ndarray:
        """Values of the second-stage states."""
        return np.stack([memory, 1 - memory], axis=-1)

    def update(
        self, memory: np.ndarray, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
    ) -> np.ndarray:
        """Learn from one trial."""
        for_s1 = np.where(outcome_state == 0, reward, 1 - reward)
        rate = np.where(_taught(choice, outcome_state, reward), self.learning_rate, 0.0)
        return memory + rate * (for_s1 - memory)


class MixtureMemory(NamedTuple):
    """Memories of the two parts."""

    planner: np.ndarray
    model_free: ModelFreeMemory


def _mix(weight: float, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return weight * one + (1 - weight) * other


@dataclass(frozen=True)
class Mixture:
    """Weighted mean of a planner's and a model-free learner's values (Daw et al. 2011); each part
    learns for itself."""

    weight: float
    """Share of the planner, 0 to 1."""
    model_free: ModelFree
    planner: Planner | LearningPlanner

    def __post_init__(self) -> None:
        check(
            self.model_free.discount == self.planner.discount,
            "discount of model_free",
            self.model_free.discount,
            f"the planner's, {self.planner.discount!r}",
        )

    @property
    def discount(self) -> float:
        """Factor on the second-stage value, common to both parts."""
        return self.planner.discount

    def reset(self, shape: int | tuple[int, ...]) -> MixtureMemory:
        """Memory before the first trial."""
        return MixtureMemory(self.planner.reset(shape), self.model_free.reset(shape))

    def values(self, memory: MixtureMemory) -> np.ndarray:
        """Values of the first-stage actions."""
        return _mix(
            self.weight,
            self.planner.values(memory.planner),
            self.model_free.values(memory.model_free),
        )

    def state_values(self, memory: MixtureMemory) -> np.ndarray:
        """Values of the second-stage states."""
        planned, cached = (
            self.planner.state_values(memory.planner),
            self.model_free.state_values(memory.model_free),
        )
        return _mix(self.weight, planned, cached)

    def update(
        self,
        memory: MixtureMemory,
        choice: np.ndarray,
        outcome_state: np.ndarray,
        reward: np.ndarray,
    ) -> MixtureMemory:
        """Learn from one trial."""
        trial = (choice, outcome_state, reward)
        return MixtureMemory(
            self.planner.update(memory.planner, *trial),
            self.model_free.update(memory.model_free, *trial),
        )


def log_odds(
    values: np.ndarray,
    inverse_temperature: float,
    last_choice: np.ndarray,
    perseveration: float = 0.0,
    bias: float = 0.0,
) -> np.ndarray:
    """Log odds of choosing right, (...); see ``choice_probabilities``."""
    with np.errstate(invalid="ignore"):
        weighed = inverse_temperature * (values[..., 1] - values[..., 0])
    # An infinite inverse temperature makes the choice greedy; equal values then weigh nothing.
    weighed = np.nan_to_num(weighed, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return weighed + perseveration * direction(last_choice) + bias


def choice_probabilities(
    values: np.ndarray,
    inverse_temperature: float,
    last_choice: np.ndarray,
    perseveration: float = 0.0,
    bias: float = 0.0,
) -> np.ndarray:
    """Probabilities of left and right: softmax of inverse_temperature * value, plus perseveration
    for the last choice, and bias.

    Parameters
    ----------
    values : array (..., 2)
        Values of left and right.
    inverse_temperature : float
        Per unit of reward; infinite for greedy choices, with ties split.
    last_choice : array (...)
        The last first-stage choice; -1 if there was none yet.
    perseveration : float
        Log odds in favour of the last choice.
    bias : float
        Log odds in favour of right.

    Returns
    -------
    array (..., 2)
    """
    right = log_odds(values, inverse_temperature, last_choice, perseveration, bias)
    return np.stack([expit(-right), expit(right)], axis=-1)


def _watch(
    learner: Learner, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
) -> Iterator[tuple[Any, tuple]]:
    """Let a learner watch somebody's trials: its memory before each trial, and that trial (choice,
    outcome state, reward)."""
    memory = learner.reset(choice.shape[:-1])
    for t in range(choice.shape[-1]):
        trial = choice[..., t], outcome_state[..., t], reward[..., t]
        yield memory, trial
        memory = learner.update(memory, *trial)


def action_values(
    learner: Learner, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
) -> np.ndarray:
    """Values of left and right that a watching learner holds before each choice, (..., episode,
    trial, 2); see ``replay``."""
    before = [
        learner.values(memory) for memory, _ in _watch(learner, choice, outcome_state, reward)
    ]
    return np.stack(before, axis=choice.ndim - 1)


def action_values_by_rate(
    learner: Learner, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
) -> np.ndarray:
    """Values as in ``action_values``, at all ``RATES``, which the learner has: (episode, trial,
    rate, 2), for ``at_rate``."""
    side_by_side = (
        np.broadcast_to(own, (len(RATES), *own.shape)) for own in (choice, outcome_state, reward)
    )
    return np.moveaxis(action_values(learner, *side_by_side), 0, 2)


def replay(
    learner: Learner, choice: np.ndarray, outcome_state: np.ndarray, reward: np.ndarray
) -> dict[str, np.ndarray]:
    """Let a learner watch somebody's trials.

    Parameters
    ----------
    learner : Learner
    choice, outcome_state, reward : array (episode, trial)
        See the module's coding; ``arrange`` makes them from a trials table.

    Returns
    -------
    dict of arrays, in reward per trial
        ``action_values`` and ``state_values`` before the choice, (episode, trial, 2);
        ``rpe_stage_2`` and ``rpe_reward`` (episode, trial), the reward prediction errors on
        entering stage 2 and at reward (Fig. 5f,g), NaN where a trial broke off.
    """
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in ("action_values", "state_values", "rpe_stage_2", "rpe_reward")
    }
    for memory, trial in _watch(learner, choice, outcome_state, reward):
        errors = [
            np.where(_taught(*trial), error, np.nan)
            for error in prediction_errors(learner, memory, *trial)
        ]
        now = (learner.values(memory), learner.state_values(memory), *errors)
        for column, array in zip(columns.values(), now, strict=True):
            column.append(array)
    axis = choice.ndim - 1
    return {name: np.stack(column, axis=axis) for name, column in columns.items()}


def simulate(
    learner: Learner,
    inverse_temperature: float,
    episodes: int,
    trials: int,
    rng: np.random.Generator,
    common: float,
    rich: float,
    reversal: float,
    perseveration: float = 0.0,
    bias: float = 0.0,
    seed: int = 0,
    variant: str = "simulated",
) -> pd.DataFrame:
    """Let a learner do the two-step task.

    Parameters
    ----------
    learner : Learner
    inverse_temperature, perseveration, bias : float
        See ``choice_probabilities``.
    episodes, trials : int
        Number of episodes, and of trials in each.
    rng : numpy.random.Generator
    common, rich, reversal : float
        The task's probabilities; see ``Planner``.
    seed, variant
        Fill the table's columns of these names.

    Returns
    -------
    DataFrame
        A trials table: seed, variant, episode, trial, choice, reward, transition, outcome_state,
        rich_state.
    """
    shape = (episodes, trials)
    choice, outcome_state, rich_state = (np.full(shape, -1) for _ in range(3))
    reward = np.zeros(shape)
    uniform = rng.random((4, trials, episodes))
    last, rich_now = np.full(episodes, -1), rng.integers(2, size=episodes)
    memory = learner.reset(episodes)
    for t, (u_swap, u_choice, u_transition, u_reward) in enumerate(uniform.swapaxes(0, 1)):
        if t > 0:
            rich_now = np.where(u_swap < reversal, 1 - rich_now, rich_now)
        p = choice_probabilities(
            learner.values(memory), inverse_temperature, last, perseveration, bias
        )
        last = (u_choice >= p[:, 0]).astype(int)
        state = np.where(u_transition < common, last, 1 - last)
        paid = (u_reward < np.where(state == rich_now, rich, 1 - rich)).astype(float)
        choice[:, t], outcome_state[:, t], rich_state[:, t], reward[:, t] = (
            last,
            state,
            rich_now,
            paid,
        )
        memory = learner.update(memory, last, state, paid)
    columns = {
        "seed": seed,
        "variant": variant,
        "episode": np.repeat(np.arange(episodes), trials),
        "trial": np.tile(np.arange(trials), episodes),
        "choice": choice.ravel(),
        "reward": reward.ravel(),
        "transition": np.where(choice == outcome_state, "common", "uncommon").ravel(),
        "outcome_state": STATES[outcome_state].ravel(),
        "rich_state": STATES[rich_state].ravel(),
    }
    words = ("variant", "transition", "outcome_state", "rich_state")
    return pd.DataFrame(columns).astype(dict.fromkeys(words, "category"))


@dataclass(frozen=True)
class Trials:
    """A trials table as arrays.

    Attributes
    ----------
    choice, outcome_state, reward : array (episode, trial)
        One row per episode of each network and variant; trials that the table lacks look broken off
        (-1).
    free : array (episode, trial)
        True where the subject chose: neither broken off nor ``forced``, by the table's column of
        that name if it has one.
    index : pair of arrays (table row,)
        Where each row of the table went: ``array[index]`` brings any (episode, trial, ...) array to
        the table's rows.
    """

    choice: np.ndarray
    outcome_state: np.ndarray
    reward: np.ndarray
    free: np.ndarray
    index: tuple[np.ndarray, np.ndarray]

    @property
    def kind(self) -> np.ndarray:
        """Transition and outcome of each trial, (episode, trial), as an index into ``KINDS``."""
        return 2 * (self.choice == self.outcome_state) + (self.reward > 0)


def arrange(trials: pd.DataFrame) -> Trials:
    """Turn a trials table of the two-step task into arrays.

    Raises
    ------
    UserError
        A column is missing, or a trial is there twice.
    """
    check_trials(trials, "outcome_state")
    index = (
        trials.groupby(["seed", "variant", "episode"], observed=True).ngroup().to_numpy(),
        trials["trial"].to_numpy(),
    )
    state = trials["outcome_state"].astype(str).map({"S1": 0, "S2": 1}).fillna(-1)

    def spread(column: pd.Series, dtype: type, absent: int = -1) -> np.ndarray:
        array: np.ndarray = np.full(
            [axis.max(initial=-1) + 1 for axis in index], absent, dtype=dtype
        )
        array[index] = column
        return array

    arrays = spread(trials["choice"], int), spread(state, int), spread(trials["reward"], float)
    return Trials(*arrays, spread(free_choices(trials), bool, False), index)


BOUNDS = {
    "learning_rate": (0.001, 1.0),
    "planning_rate": (0.001, 1.0),
    "weight": (0.0, 1.0),
    "inverse_temperature": (0.0, 50.0),
    "perseveration": (-5.0, 5.0),
    "bias": (-5.0, 5.0),
}
"""Range of each parameter that is fitted."""

STARTS = {
    "learning_rate": (0.05, 0.95),
    "planning_rate": (0.05, 0.95),
    "weight": (0.05, 0.95),
    "inverse_temperature": (0.5, 8.0),
    "perseveration": (-1.0, 1.0),
    "bias": (-0.5, 0.5),
}
"""Range of the optimiser's starting points. Far out, high inverse temperatures with tiny learning
rates are a trap: there the learner hardly learns, and only tells which side paid more in the
episode so far."""

KINDS = ("uncommon_unrewarded", "uncommon_rewarded", "common_unrewarded", "common_rewarded")
"""Kinds of trials, by transition and outcome."""


def one_trial_back(data: Data, **log_odds_of_staying: float) -> np.ndarray:
    """Stay or leave by the last trial's transition and reward, ``data["kind"]``; a parameter for
    each of ``KINDS``."""
    return stay_after(data["choice"], data["kind"], np.array(list(log_odds_of_staying.values())))


ONE_TRIAL_BACK = Rule(one_trial_back, dict.fromkeys(KINDS, (-8.0, 8.0)))

CHOICE_RULE = ("inverse_temperature", "perseveration", "bias")
PARAMETERS = {
    "model_free": ("learning_rate", *CHOICE_RULE),
    "model_based": CHOICE_RULE,
    "mixture": ("learning_rate", "weight", *CHOICE_RULE),
}
"""Kinds of learners, and the parameters that are fitted; beside them ``planning_rate`` where the
planner is one that learns."""


@dataclass(frozen=True)
class Fit:
    """A learner fitted to choices.

    Attributes
    ----------
    parameters : dict of float
        Maximum-likelihood estimates; ``PARAMETERS`` says which.
    log_likelihood : float
        Of all free choices, in nats.
    likelihood : array (table row,)
        Probability that the fitted learner gave to each choice; NaN where the choice was invalid or
        forced.
    success : bool
        Whether the optimiser converged.
    """

    parameters: dict[str, float]
    log_likelihood: float
    likelihood: np.ndarray
    success: bool


def learner_of(
    kind: str,
    parameters: Mapping[str, float],
    eligibility: float = 0.0,
    planner: Planner | LearningPlanner | None = None,
) -> Learner:
    """Build the learner of a kind from its fitted parameters; see ``fit``, which takes the same
    arguments."""
    if kind == "model_free":
        return ModelFree(
            parameters["learning_rate"], eligibility, discount=planner.discount if planner else 1.0
        )
    planner = _needed(planner, kind)
    if isinstance(planner, LearningPlanner):
        planner = replace(planner, learning_rate=parameters["planning_rate"])
    if kind == "model_based":
        return planner
    return Mixture(
        parameters["weight"],
        ModelFree(parameters["learning_rate"], eligibility, discount=planner.discount),
        planner,
    )


def _needed(planner: Planner | LearningPlanner | None, kind: str) -> Planner | LearningPlanner:
    if planner is None:
        raise UserError(f"planner is missing; {kind} needs one that knows the task's probabilities")
    return planner


def choice_rule(parameters: Mapping[str, float]) -> dict[str, Any]:
    """Fitted parameters of the choice rule, by the names that ``simulate`` and
    ``choice_probabilities`` give them."""
    return {name: parameters[name] for name in CHOICE_RULE}


Watched = dict[Planner | LearningPlanner | ModelFree, Callable[[float], np.ndarray]]
"""Learner -> function from its learning rate to its action values on some trials, (row, 2)."""


def fit(
    kind: str,
    trials: pd.DataFrame,
    rng: np.random.Generator,
    starts: int = 5,
    eligibility: float = 0.0,
    planner: Planner | LearningPlanner | None = None,
    watched: Watched | None = None,
) -> Fit:
    """Fit a learner to first-stage choices by maximum likelihood, one set of parameters for all
    rows of the table.

    Parameters
    ----------
    kind : str
        "model_free", "model_based" or "mixture".
    trials : DataFrame
        A trials table with column ``outcome_state``. Choices that are ``forced``, if it has that
        column, teach the learner but are not fitted.
    rng : numpy.random.Generator
        Draws the starting points within ``STARTS``, each parameter spread evenly over its range (a
        Latin hypercube).
    starts : int
        Runs of the optimiser (L-BFGS-B); the best one counts.
    eligibility : float
        Of the model-free part; not fitted.
    planner : Planner or LearningPlanner, optional
        The model-based part; needed unless the kind is "model_free". Of a learning one the learning
        rate is fitted, as ``planning_rate``.
    watched : dict, optional
        Keeps the action values of learners that watched these very trials, for the next fit to
        them.

    Raises
    ------
    UserError
        There is no such kind, a column is missing, or there are no free, valid choices.
    """
    check(kind in PARAMETERS, "kind", kind, " or ".join(PARAMETERS))
    check(starts >= 1, "starts", starts, "1 or more")
    rows, batches = _batches(trials)
    known = {} if watched is None else watched
    values = _values_by_parameters(kind, batches, eligibility, planner, known)
    last = _flat(batches, [last_choices(data.choice) for data in batches])
    free = _flat(batches, [data.free for data in batches])
    fitted = {"choice": np.where(free, _flat(batches, [data.choice for data in batches]), -1)}
    learns = isinstance(planner, LearningPlanner) and kind != "model_free"
    names = (*(["planning_rate"] if learns else []), *PARAMETERS[kind])

    def right(_: Data, **parameters: float) -> np.ndarray:
        return log_odds(values(parameters), last_choice=last, **choice_rule(parameters))

    low, high = np.array([STARTS[name] for name in names]).T
    cell = rng.permuted(np.tile(np.arange(starts)[:, None], len(names)), axis=0)
    points = low + (high - low) * (cell + rng.random(cell.shape)) / starts
    parameters, success = maximum_likelihood(
        Rule(right, {name: BOUNDS[name] for name in names}), fitted, points
    )
    exact = _watched(learner_of(kind, parameters, eligibility, planner), batches)
    log_p = log_probabilities(
        fitted["choice"], log_odds(exact, last_choice=last, **choice_rule(parameters))
    )
    return Fit(parameters, float(log_p[free].sum()), np.exp(log_p)[np.argsort(rows)], success)


def _batches(trials: pd.DataFrame) -> tuple[np.ndarray, list[Trials]]:
    """Arrange episodes of similar length together: positions of the table's rows, in the order of
    ``_flat``, and the batches."""
    rows = [own[own >= 0] for own in by_length(trials)]
    return np.concatenate(rows), [arrange(trials.iloc[own]) for own in rows]


def _flat(batches: list[Trials], arrays: list[np.ndarray], axis: int = 0) -> np.ndarray:
    """Join arrays of the batches, whose axes (episode, trial) are ``axis`` and the next, as one
    axis."""
    before: tuple[Any, ...] = (slice(None),) * axis
    return np.concatenate(
        [array[before + data.index] for array, data in zip(arrays, batches, strict=True)], axis
    )


def _watched(
    learner: Learner, batches: list[Trials], side_by_side: tuple[int, ...] = ()
) -> np.ndarray:
    """Action values that a watching learner, or several side by side, hold before each choice:
    (..., row, 2)."""
    found = []
    for data in batches:
        trials = (
            np.broadcast_to(own, (*side_by_side, *own.shape))
            for own in (data.choice, data.outcome_state, data.reward)
        )
        found.append(action_values(learner, *trials))
    return _flat(batches, found, len(side_by_side))


def _values_by_rate(
    learner: Planner | LearningPlanner | ModelFree, batches: list[Trials]
) -> Callable[[float], np.ndarray]:
    """Return the function from a learner's learning rate to its action values, (row, 2).

    The learner watches the trials with all ``RATES`` side by side; between two of them values are
    interpolated. One that has no learning rate has the same values at any.
    """
    if isinstance(learner, Planner):
        fixed = _watched(learner, batches)
        return lambda rate: fixed
    watched = np.swapaxes(
        _watched(replace(learner, learning_rate=RATES[:, None]), batches, RATES.shape), 0, 1
    )
    return lru_cache(maxsize=2)(
        lambda rate: at_rate(watched, rate)
    )  # derivatives by the other parameters ask for it again


def _values_by_parameters(
    kind: str,
    batches: list[Trials],
    eligibility: float,
    planner: Planner | LearningPlanner | None,
    known: Watched,
) -> Callable[[Mapping[str, float]], np.ndarray]:
    """Return the function from parameters to action values, (row, 2), of one kind of learner."""
    parts: dict[str, Planner | LearningPlanner | ModelFree] = {}
    if kind != "model_free":
        parts["planning_rate"] = _needed(planner, kind)
    if kind != "model_based":
        parts["learning_rate"] = ModelFree(
            0.5, eligibility, discount=planner.discount if planner else 1.0
        )
    for part in parts.values():
        if part not in known:
            known[part] = _values_by_rate(part, batches)
    by_rate = {name: known[part] for name, part in parts.items()}

    def values(parameters: Mapping[str, float]) -> np.ndarray:
        own = [at(parameters.get(name, np.nan)) for name, at in by_rate.items()]
        return own[0] if len(own) == 1 else _mix(parameters["weight"], *own)

    return values


@lru_cache(maxsize=256)
def belief_state_value(trials: int = 100, *, grid: int = 20_001, **task: float) -> float:
    """Reward per episode that the best possible agent expects, undiscounted.

    The agent acts on p(H), H = "S1 is the rich state". Its choice sways which state it visits, but
    a reward in either state tells the same about H as its omission in the other, so the belief
    moves with the same probabilities whatever it chooses. It can thus do no better than take the
    action of higher value on every trial: ``Planner`` with an infinite inverse temperature. The
    reward to come, as a function of p(H), is worked out from the last trial to the first.

    Parameters
    ----------
    trials : int
        Trials per episode.
    grid : int
        Beliefs in [0, 1] at which the reward to come is kept; it is linear in between.
    **task : float
        The task's probabilities, common, rich and reversal; see ``Planner``.
    """
    planner = Planner(**task)
    belief = np.linspace(0, 1, grid)
    now = planner.values(belief).max(-1)
    p_reward_s1 = planner.state_values(belief)[..., 0]
    s1 = choice = np.zeros(grid, dtype=int)
    after = [planner.update(belief, choice, s1, np.full(grid, reward)) for reward in (0.0, 1.0)]
    to_come = np.zeros(grid)
    for _ in range(trials):
        omitted, paid = (np.interp(b, belief, to_come) for b in after)
        to_come = now + (1 - p_reward_s1) * omitted + p_reward_s1 * paid
    return float(np.interp(planner.reset(()), belief, to_come))
