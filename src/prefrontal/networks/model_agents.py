"""Textbook learners as agents, so that they play a task and are recorded as networks are
(``prefrontal.recording``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from prefrontal.models import two_step
from prefrontal.models.bandit import Policy, tally
from prefrontal.models.choice_models import STRATEGIES, learned

Counts = tuple[np.ndarray, np.ndarray]


def _tensor(array: np.ndarray) -> Tensor:
    return torch.as_tensor(np.asarray(array, dtype=np.float32))


class BanditAgent:
    """A bandit policy as an agent, for tasks whose trial is one time step and whose actions are the
    arms.

    Its value is the reward that it expects of the running trial, under uniform priors and its own
    policy; it counts nothing of later trials, so recorded values are comparable to a network's only
    at a discount of 0. Its activity is its counts: successes of every arm, then failures.

    Parameters
    ----------
    policy : Policy
        See ``prefrontal.learners.bandit``.
    arms : int
        Number of arms.
    """

    def __init__(self, policy: Policy, arms: int = 2) -> None:
        self.policy, self.arms = policy, arms

    def reset(self, seeds: int, episodes: int) -> Counts:
        """No pulls yet: successes and failures, each (network, episode, arms)."""
        none = np.zeros((seeds, episodes, self.arms), dtype=int)
        return none, none

    def step(
        self, memory: Counts, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Counts, Tensor, Tensor, Tensor]:
        """Count the last pull and choose the next one."""
        successes, failures = tally(*memory, last_action.numpy(), last_reward.numpy())
        probabilities = self.policy(successes, failures)
        value = (probabilities * (successes + 1) / (successes + failures + 2)).sum(-1)
        counts = np.concatenate([successes, failures], axis=-1)
        return (successes, failures), _tensor(probabilities), _tensor(value), _tensor(counts)


class StrategyAgent:
    """A strategy (``prefrontal.learners.arms``) as an agent, for tasks whose trial is one time
    step.

    Its actions are the arms, its activity is what its cues say of each arm; its value is 0.

    Parameters
    ----------
    strategy : str
    parameters : mapping
        As fitted; biases that are left out are 0.
    arms : int
        Number of arms.
    """

    def __init__(self, strategy: str, parameters: Mapping[str, float], arms: int = 2) -> None:
        rate = parameters.get("learning_rate", np.nan)
        self.cues = {weight: learned(cue, rate) for weight, cue in STRATEGIES[strategy].items()}
        self.parameters, self.arms = parameters, arms
        self.bias = np.array([parameters.get(f"bias_{arm}", 0.0) for arm in range(arms)])

    def reset(self, seeds: int, episodes: int) -> dict[str, Any]:
        """Memory of every cue at the start of an episode."""
        return {
            weight: cue.reset((seeds, episodes, self.arms)) for weight, cue in self.cues.items()
        }

    def step(
        self, memory: dict[str, Any], observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[dict[str, Any], Tensor, Tensor, Tensor]:
        """Take in the last trial and choose."""
        chosen, paid = (
            last_action.numpy()[..., None] == np.arange(self.arms),
            last_reward.numpy()[..., None],
        )
        memory = {
            weight: cue.update(memory[weight], chosen, paid) for weight, cue in self.cues.items()
        }
        said = {
            weight: np.asarray(cue.show(memory[weight]), dtype=float)
            for weight, cue in self.cues.items()
        }
        preference = self.bias + sum(self.parameters[weight] * cue for weight, cue in said.items())
        activity = _tensor(np.concatenate(list(said.values()), axis=-1))
        return (
            memory,
            _tensor(softmax(preference, axis=-1)),
            torch.zeros_like(last_reward),
            activity,
        )


@dataclass(frozen=True)
class TwoStepMemory:
    """What a two-step agent carries from step to step; arrays are (network, episode).

    ``learner`` is the learner's memory; ``shown`` the last observation's index, -1 before the
    first; ``choice`` the latest first-stage choice, -1 before the first.
    """

    learner: Any
    shown: np.ndarray
    choice: np.ndarray


class TwoStepAgent:
    """A learner of the two-step task as an agent, for trials with and without a fixation step.

    It presses centre at fixation, chooses by softmax at stage 1, and presses left or right at
    random at stage 2. As it never breaks off a trial, all its episodes run in step.

    Its value counts the running trial only: at fixation 0, at stage 1 the mean of the action values
    under its policy, at stage 2 the value of the state. A recording with the learner's own discount
    therefore shows the learner's reward prediction errors: at stage 2 ``rpe_reward`` (plus, if
    there is no fixation step, the discounted value of the next trial's first stage, which is the
    next time step); at stage 1 ``rpe_stage_2`` plus the difference between the chosen action's
    value and the mean. That difference is zero for greedy choices (infinite inverse temperature, no
    perseveration). Otherwise it cannot be avoided, since an agent gives its value before its action
    is drawn; ``two_step.replay`` gives the exact errors.

    Parameters
    ----------
    learner : two_step.Learner
    inverse_temperature, perseveration : float
        See ``two_step.choice_probabilities``.
    """

    def __init__(
        self, learner: two_step.Learner, inverse_temperature: float, perseveration: float = 0.0
    ) -> None:
        self.learner = learner
        self.inverse_temperature = inverse_temperature
        self.perseveration = perseveration

    def reset(self, seeds: int, episodes: int) -> TwoStepMemory:
        """Memory at the start of an episode."""
        none = np.full((seeds, episodes), -1)
        return TwoStepMemory(self.learner.reset((seeds, episodes)), none, none)

    def step(
        self, memory: TwoStepMemory, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[TwoStepMemory, Tensor, Tensor, None]:
        """Take in what the last step brought, and act."""
        learned, choice = memory.learner, memory.choice
        last_stage = _stage(memory.shown)
        if last_stage == "stage 1":
            choice = last_action.numpy()
        elif last_stage == "stage 2":
            learned = self.learner.update(learned, choice, memory.shown - 2, last_reward.numpy())
        shown = observation.argmax(-1).numpy()
        probabilities, value = self._act(learned, shown, choice)
        return TwoStepMemory(learned, shown, choice), _tensor(probabilities), _tensor(value), None

    def _act(
        self, learned: Any, shown: np.ndarray, choice: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of left, right and centre, (network, episode, 3), and value, (network,
        episode)."""
        stage = _stage(shown)
        if stage == "fixation":
            return np.broadcast_to([0.0, 0.0, 1.0], (*shown.shape, 3)), np.zeros(shown.shape)
        if stage == "stage 2":
            value = np.take_along_axis(
                self.learner.state_values(learned), shown[..., None] - 2, axis=-1
            )[..., 0]
            return np.broadcast_to([0.5, 0.5, 0.0], (*shown.shape, 3)), value
        values = self.learner.values(learned)
        p = two_step.choice_probabilities(
            values, self.inverse_temperature, choice, self.perseveration
        )
        return np.concatenate([p, np.zeros_like(p[..., :1])], axis=-1), (p * values).sum(-1)


def _stage(shown: np.ndarray) -> str:
    """Name the time step from the observation's index: fixation, stage 1, S1, S2."""
    stages = {min(int(index), 2) for index in np.unique(shown)}
    if len(stages) != 1:
        raise ValueError("the episodes of a two-step agent must run in step: begin them together")
    return {-1: "start", 0: "fixation", 1: "stage 1", 2: "stage 2"}[stages.pop()]
