"""A model of the two-step task as an agent, to check tasks and recordings against models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from prefrontal.models.model import Model, Player
from prefrontal.models.two_step_learners import STATES


def _tensor(array: np.ndarray) -> Tensor:
    return torch.as_tensor(np.asarray(array, dtype=np.float32))


@dataclass(frozen=True)
class TwoStepMemory:
    """Memory of a two-step agent; arrays are (network, episode).

    ``player`` is the model at play; ``shown`` the last observation's index, -1 before the first;
    ``choice`` the latest first-stage choice, -1 before the first.
    """

    player: Player
    shown: np.ndarray
    choice: np.ndarray


class TwoStepAgent:
    """A model of the two-step task as an agent, for trials with and without a fixation step.

    It presses centre at fixation, chooses by softmax at stage 1, and presses left or right at
    random at stage 2. Since it never aborts a trial, all its episodes stay synchronised. Its value
    counts the current trial only: at fixation 0, at stage 1 the mean of the action values under its
    policy, at stage 2 the value of the state. A recording with the model's own discount therefore
    shows the model's reward prediction errors: at stage 2 ``rpe_reward`` (plus, if there is no
    fixation step, the discounted value of the next trial's first stage, which is the next time
    step); at stage 1 ``rpe_stage_2`` plus the difference between the chosen action's value and the
    mean. That difference is zero for greedy choices (infinite inverse temperature, no
    perseveration). Otherwise it cannot be avoided, since an agent gives its value before its action
    is drawn; ``model.replay`` gives the exact errors.

    Parameters
    ----------
    model : TwoStepModel
    parameters : mapping
        Of the model.
    """

    def __init__(self, model: Model, parameters: Mapping[str, float]) -> None:
        self.model, self.parameters = model, parameters

    def reset(self, seeds: int, episodes: int) -> TwoStepMemory:
        """Start every episode."""
        none = np.full((seeds, episodes), -1)
        return TwoStepMemory(Player(self.model, self.parameters, seeds * episodes), none, none)

    def step(
        self, memory: TwoStepMemory, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[TwoStepMemory, Tensor, Tensor, None]:
        """Process the outcome of the last step, and act."""
        player, choice = memory.player, memory.choice
        last_stage = _stage(memory.shown)
        if last_stage == "stage 1":
            choice = last_action.numpy()
        elif last_stage == "stage 2":
            trial = {"choice": choice, "outcome_state": STATES[memory.shown - 2]}
            trial["reward"] = last_reward.numpy()
            player.learn({name: column.ravel() for name, column in trial.items()})
        shown = observation.argmax(-1).numpy()
        probabilities, value = _act(player, shown)
        return TwoStepMemory(player, shown, choice), _tensor(probabilities), _tensor(value), None


def _act(player: Player, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of left, right and centre, (network, episode, 3), and value, (network,
    episode)."""
    stage, shape = _stage(shown), (*shown.shape, 2)
    if stage == "fixation":
        return np.broadcast_to([0.0, 0.0, 1.0], (*shown.shape, 3)), np.zeros(shown.shape)
    if stage == "stage 2":
        values = player.memory["state_value"].reshape(shape)
        value = np.take_along_axis(values, shown[..., None] - 2, axis=-1)[..., 0]
        return np.broadcast_to([0.5, 0.5, 0.0], (*shown.shape, 3)), value
    p = softmax(player.preferences(), axis=-1).reshape(shape)
    value = (p * player.memory["action_value"].reshape(shape)).sum(-1)
    return np.concatenate([p, np.zeros_like(p[..., :1])], axis=-1), value


def _stage(shown: np.ndarray) -> str:
    """Name the time step from the observation's index: fixation, stage 1, S1, S2."""
    stages = {min(int(index), 2) for index in np.unique(shown)}
    if len(stages) != 1:
        raise ValueError("the episodes of a two-step agent must run in step: begin them together")
    return {-1: "start", 0: "fixation", 1: "stage 1", 2: "stage 2"}[stages.pop()]
