"""Models of the two-step task with one choice: model-free, planning, their mixture, cues.

Coding: choice 0 left, 1 right; outcome state S1 or S2; left commonly leads to S1, right to S2. A
trial was aborted if the state is neither, or if its reward is -1 and all others are 0 or 1.
Memories, which ``replay`` returns, hold ``action_value_0`` (left) and ``_1``, ``state_value_0``
(S1) and ``_1``, and the reward prediction errors on entering stage 2 and at reward (Fig. 5f, g):
discount * value of the state - value of the action, and reward - value of the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numba.extending import register_jitable

from prefrontal.models.model import (
    BIAS,
    INITIAL,
    LOG_ODDS,
    PERSEVERATION,
    RATE,
    TEMPERATURE,
    WEIGHT,
    Model,
    Parameter,
)

STATES = np.array(["S1", "S2"])

CHOICE_RULE = {"inverse_temperature": TEMPERATURE, "perseveration": PERSEVERATION, "bias": BIAS}
REPLAYED = {"inverse_temperature": 1.0, "perseveration": 0.0, "bias": 0.0}
"""Choice rule of models that only replay trials; values do not depend on it."""

DISCOUNT = Parameter("discount", 0.0, 1.0, (0.5, 1.0), fixed=1.0)
PROBABILITY = Parameter("probability", 0.0, 1.0, (0.5, 1.0))


def state_index(states: Any) -> np.ndarray:
    """Index of each second-stage state: 0 for S1, 1 for S2, -1 for none."""
    states = np.asarray(states, dtype=object)
    return np.select([states == name for name in STATES], [0, 1], -1)


class TwoStepModel(Model):
    """A model of the two-step task that learns values of actions and second-stage states."""

    needs = ("outcome_state",)
    core_parameters: Mapping[str, Parameter] = {}
    """The model's parameters, before those of the choice rule."""
    fixed_parameters: Mapping[str, Parameter] = {"discount": DISCOUNT}
    """Further parameters, which are fixed."""
    memory: Mapping[str, tuple[int, ...]] = {
        "action_value": (2,), "state_value": (2,), "rpe_stage_2": (), "rpe_reward": ()
    }  # fmt: skip
    errors: tuple[str, ...] = ("rpe_stage_2", "rpe_reward")

    def __init__(self, name: str | None = None, fixed: Any = None) -> None:
        self.parameters = {**self.core_parameters, **CHOICE_RULE, **self.fixed_parameters}
        super().__init__(name, fixed)

    def columns(self, trials: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Choice, outcome state, reward, done."""
        choice = np.asarray(trials["choice"], dtype=int)
        nothing = np.full(len(choice), np.nan)
        reward = np.asarray(trials.get("reward", nothing), dtype=float)
        state = state_index(trials.get("outcome_state", nothing))
        done = (choice >= 0) & (state >= 0) & np.isfinite(reward)
        if (reward == 0).any() and np.isin(reward, [-1, 0, 1]).all():
            done &= reward >= 0
        reward = np.where(done, reward, 0.0)
        return {"choice": choice, "outcome_state": state, "reward": reward, "done": done}

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Weigh the values of the actions."""
        for action in range(2):
            preference[action] += p.inverse_temperature * memory.action_value[action]


@register_jitable
def leave_errors(p: Any, memory: Any, trial: Any) -> None:
    """Store the prediction errors of the values before the trial."""
    state_value = memory.state_value[trial.outcome_state]
    memory.rpe_stage_2 = p.discount * state_value - memory.action_value[trial.choice]
    memory.rpe_reward = trial.reward - state_value


@register_jitable
def learn_sarsa(p: Any, trial: Any, actions: Any, states: Any) -> None:
    """Move the values of the chosen action and the state by their prediction errors."""
    at_stage_2 = p.discount * states[trial.outcome_state] - actions[trial.choice]
    at_reward = trial.reward - states[trial.outcome_state]
    actions[trial.choice] += p.learning_rate * (at_stage_2 + p.eligibility * at_reward)
    states[trial.outcome_state] += p.learning_rate * at_reward


@register_jitable
def look_ahead(p: Any, states: Any, actions: Any) -> None:
    """Value actions by the states that they may lead to."""
    for action in range(2):
        other = states[1 - action]
        actions[action] = p.discount * (p.common * states[action] + (1 - p.common) * other)


@register_jitable
def learn_states(p: Any, trial: Any, states: Any) -> None:
    """Move both states' values, as if one paid whenever the other does not."""
    for state in range(2):
        paid = trial.reward if state == trial.outcome_state else 1 - trial.reward
        states[state] += p.planning_rate * (paid - states[state])


@register_jitable
def value_by_belief(p: Any, memory: Any) -> None:
    """Value states by the belief that S1 is the rich one, and actions by the states."""
    memory.state_value[0] = memory.belief * p.rich + (1 - memory.belief) * (1 - p.rich)
    memory.state_value[1] = 1 - memory.state_value[0]
    look_ahead(p, memory.state_value, memory.action_value)


class ModelFree(TwoStepModel):
    """SARSA: temporal-difference learning of action and state values (Daw et al. 2011).

    Both stages share one learning rate. ``eligibility`` (lambda) is the fraction of the prediction
    error at reward that updates the first-stage action immediately.
    """

    name = "model-free"
    core_parameters: Mapping[str, Parameter] = {"learning_rate": RATE}
    fixed_parameters: Mapping[str, Parameter] = {
        "eligibility": replace(WEIGHT, label="eligibility", fixed=0.0),
        "discount": DISCOUNT,
        "initial_value": INITIAL,
    }

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """All values are the initial one."""
        memory.action_value[:] = p.initial_value
        memory.state_value[:] = p.initial_value

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from the trial."""
        if trial.done:
            leave_errors(p, memory, trial)
            learn_sarsa(p, trial, memory.action_value, memory.state_value)


class Planning(TwoStepModel):
    """A model that knows the probability ``common`` of the common transition."""

    outcomes = "binary"

    def __init__(self, common: float, name: str | None = None, fixed: Any = None) -> None:
        self.fixed_parameters = {
            "common": replace(PROBABILITY, fixed=common),
            **type(self).fixed_parameters,
        }
        super().__init__(name, fixed)


class Planner(Planning):
    """Ideal observer that knows the task and infers which second-stage state is rich.

    Its memory is p(H), H = "S1 is the rich state": Bayes' rule updates it after each reward, and
    before the next trial, also after an aborted one, the states may swap (Wang et al. 2018,
    Methods, simulation 4).

    Parameters
    ----------
    common, rich, reversal : float
        Probabilities of the common transition, of reward in the rich state (the poor one has the
        rest to 1), and of a swap before a trial.
    """

    name = "planner"
    memory: Mapping[str, tuple[int, ...]] = {**TwoStepModel.memory, "belief": ()}

    def __init__(self, common: float, rich: float, reversal: float, **options: Any) -> None:
        known = {"rich": rich, "reversal": reversal}
        self.core_parameters = {
            n: replace(PROBABILITY, label=n, fixed=value) for n, value in known.items()
        }
        super().__init__(common, **options)

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """Either state may be rich."""
        memory.belief = 0.5
        value_by_belief(p, memory)

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from the trial, and allow for a reversal before the next one."""
        if trial.done:
            leave_errors(p, memory, trial)
            for_s1 = (trial.outcome_state == 0) == (trial.reward > 0)
            likelihood = p.rich if for_s1 else 1 - p.rich
            joint = memory.belief * likelihood
            total = joint + (1 - memory.belief) * (1 - likelihood)
            if total > 0:  # an outcome that the belief rules out is uninformative
                memory.belief = joint / total
        memory.belief += p.reversal * (1 - 2 * memory.belief)
        value_by_belief(p, memory)


class LearningPlanner(Planning):
    """Planner that learns from each outcome how often the second-stage states pay.

    The planning agent of Miller, Botvinick & Brody (2017): one state pays as often as the other
    does not, so that every outcome moves both values, in opposite directions.
    """

    name = "model-based"
    core_parameters: Mapping[str, Parameter] = {
        "planning_rate": replace(RATE, label="learning rate of planning")
    }

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """Both states are worth the same."""
        memory.state_value[:] = 0.5
        look_ahead(p, memory.state_value, memory.action_value)

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from the trial."""
        if trial.done:
            leave_errors(p, memory, trial)
            learn_states(p, trial, memory.state_value)
            look_ahead(p, memory.state_value, memory.action_value)


class Mixture(Planning):
    """Weighted mean of a learning planner's and a model-free learner's values (Daw et al. 2011).

    Both components learn independently; ``weight`` is that of the planner.
    """

    name = "mixture"
    core_parameters: Mapping[str, Parameter] = {
        **LearningPlanner.core_parameters,
        **ModelFree.core_parameters,
        "weight": WEIGHT,
    }
    fixed_parameters: Mapping[str, Parameter] = ModelFree.fixed_parameters
    memory: Mapping[str, tuple[int, ...]] = {
        **TwoStepModel.memory, "planned": (2,), "actions": (2,), "states": (2,)
    }  # fmt: skip

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """Reset both components."""
        memory.planned[:] = 0.5
        memory.actions[:] = p.initial_value
        memory.states[:] = p.initial_value
        mix(p, memory)

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Update both components."""
        if trial.done:
            leave_errors(p, memory, trial)
            learn_states(p, trial, memory.planned)
            learn_sarsa(p, trial, memory.actions, memory.states)
            mix(p, memory)


@register_jitable
def mix(p: Any, memory: Any) -> None:
    """Mix the values of both components."""
    look_ahead(p, memory.planned, memory.action_value)
    for k in range(2):
        planned = p.weight * memory.action_value[k]
        memory.action_value[k] = planned + (1 - p.weight) * memory.actions[k]
        memory.state_value[k] = p.weight * memory.planned[k] + (1 - p.weight) * memory.states[k]


class CueLearner(TwoStepModel):
    """Model-free learner whose cue is the last trial's state and reward (Akam, Costa & Dayan 2015).

    It learns values of actions and states separately for every cue, from prediction errors alone.
    After many episodes they reflect which action pays after which outcome, so that it repeats or
    switches like a planner; it has no memory of earlier trials. Cues: unrewarded S1, rewarded S1,
    unrewarded S2, rewarded S2; none before the first trial and after an aborted one.

    Parameters
    ----------
    learned : pair of arrays (cue, 2), optional
        Action and state values at the start of every session; by default the initial value.
    """

    name = "cue"
    core_parameters: Mapping[str, Parameter] = ModelFree.core_parameters
    fixed_parameters: Mapping[str, Parameter] = {
        name: parameter
        for name, parameter in ModelFree.fixed_parameters.items()
        if name != "initial_value"
    }
    memory: Mapping[str, tuple[int, ...]] = {
        **TwoStepModel.memory, "cue": (), "actions": (5, 2), "states": (5, 2)
    }  # fmt: skip

    def __init__(self, learned: Any = (0.5, 0.5), **options: Any) -> None:
        self.learned = learned
        super().__init__(**options)

    @cached_property
    def blank(self) -> np.ndarray:
        """Memory with the learned values."""
        memory = super().blank
        memory["actions"], memory["states"] = self.learned
        return memory

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """There is no cue."""
        memory.cue = 4
        show_cue(memory)

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from the trial under its cue; its outcome is the next cue."""
        cue = int(memory.cue)
        memory.cue = 4
        if trial.done:
            leave_errors(p, memory, trial)
            learn_sarsa(p, trial, memory.actions[cue], memory.states[cue])
            memory.cue = 2 * trial.outcome_state + (1 if trial.reward > 0 else 0)
        show_cue(memory)


@register_jitable
def show_cue(memory: Any) -> None:
    """Select the values under the cue."""
    cue = int(memory.cue)
    for k in range(2):
        memory.action_value[k] = memory.actions[cue, k]
        memory.state_value[k] = memory.states[cue, k]


class OneTrialBack(TwoStepModel):
    """Stay or switch depending only on the last trial's transition and reward; one parameter per
    trial type."""

    name = "one trial back"
    core_parameters: Mapping[str, Parameter] = {
        f"{transition}_{outcome}": replace(LOG_ODDS, label=f"staying, {transition} {outcome}")
        for transition in ("uncommon", "common")
        for outcome in ("unrewarded", "rewarded")
    }
    fixed_parameters: Mapping[str, Parameter] = {}
    memory: Mapping[str, tuple[int, ...]] = {"stay": (2,)}
    errors: tuple[str, ...] = ()

    def __init__(self, name: str | None = None, fixed: Any = None) -> None:
        super().__init__(name, fixed)
        for rule in CHOICE_RULE:
            if rule != "bias":
                del self.parameters[rule], self.fixed[rule]

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Stay or switch."""
        for action in range(2):
            preference[action] += memory.stay[action]

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Store the chosen action, and the log odds of repeating it."""
        if trial.done:
            if trial.choice == trial.outcome_state:
                stay = p.common_rewarded if trial.reward > 0 else p.common_unrewarded
            else:
                stay = p.uncommon_rewarded if trial.reward > 0 else p.uncommon_unrewarded
            memory.stay[trial.choice] = stay
            memory.stay[1 - trial.choice] = 0.0


def models(common: float) -> list[TwoStepModel]:
    """Models for animals and networks; ``common`` is the probability of the common transition."""
    traced = {"eligibility": 1.0}
    return [
        ModelFree(),
        ModelFree("model-free, eligibility 1", traced),
        LearningPlanner(common),
        Mixture(common),
        Mixture(common, "mixture, eligibility 1", traced),
    ]


@dataclass
class TwoStep:
    """The two-step task, for models to play (``prefrontal.models.model.PlayedTask``).

    Parameters
    ----------
    episodes, trials : int
        Number of episodes, and of trials in each.
    common, rich, reversal : float
        Probabilities; see ``Planner``.
    """

    episodes: int
    trials: int
    common: float
    rich: float
    reversal: float

    def start(self, rng: np.random.Generator) -> None:
        """Draw all random numbers."""
        self._uniform = rng.random((4, self.trials, self.episodes))
        self._rich = rng.integers(2, size=self.episodes)

    def offer(self, trial: int) -> dict[str, np.ndarray]:
        """Nothing is known before the choice."""
        return {}

    def play(self, trial: int, choose: Any) -> dict[str, np.ndarray]:
        """Choose, move to a state, draw its reward of 0 or 1."""
        swap, uniform, transition, luck = self._uniform[:, trial]
        if trial > 0:
            self._rich = np.where(swap < self.reversal, 1 - self._rich, self._rich)
        choice = choose(0, 2, uniform)
        common = transition < self.common
        state = np.where(common, choice, 1 - choice)
        reward = luck < np.where(state == self._rich, self.rich, 1 - self.rich)
        return {
            "choice": choice,
            "reward": reward.astype(float),
            "transition": np.where(common, "common", "uncommon"),
            "outcome_state": STATES[state],
            "rich_state": STATES[self._rich],
        }
