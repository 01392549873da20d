"""Planner that knows Daw's two-step task: exact beliefs about each option, best action on this
trial.

Each second-stage option is a separate hidden Markov model. Reward probabilities of Daw's task are
on a fine grid; for the monkeys' version the hidden state is the level and the number of trials for
which it will last. The planner explores by a bonus for uncertainty, and otherwise maximises the
reward of the current trial. The optimal agent is intractable and earns slightly more.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy import stats

from replications.daw_two_step.settings import DawTwoStep

GRID = 25
"""Cells between the boundaries of the reward probabilities."""

BONUS = 0.4
"""Standard deviations added to an option's expected reward: the best of 0, 0.1, 0.2, 0.4, 0.8 in
both versions of the task."""

EPISODES = 10_000
"""Simulated episodes behind the planner's reward."""


@dataclass(frozen=True)
class Option:
    """Hidden Markov model of one second-stage option.

    Attributes
    ----------
    start : array (states,)
        Probability of each hidden state on the first trial.
    transition : array (states, states)
        From the state on one trial to that on the next.
    emission : array (outcomes, states)
        Probability of each outcome.
    reward : array (outcomes,)
    """

    start: np.ndarray
    transition: np.ndarray
    emission: np.ndarray
    reward: np.ndarray


def walking(task: DawTwoStep) -> Option:
    """Model an option whose reward probability drifts between reflecting boundaries."""
    edges = np.linspace(task.lowest, task.highest, GRID + 1)
    centre, width = (edges[:-1] + edges[1:]) / 2, task.highest - task.lowest
    # Reflection folds the line: each cell has mirror images at all multiples of twice the width.
    shifts = 2 * width * np.arange(-2, 3)
    images = [image + shift for shift in shifts for image in (edges, 2 * task.lowest - edges)]
    below = [stats.norm.cdf(image, centre[:, None], task.walk_sd) for image in images]
    transition = np.sum([np.abs(np.diff(each, axis=1)) for each in below], axis=0)
    transition /= transition.sum(1, keepdims=True)
    emission = np.stack([1 - centre, centre])
    return Option(np.full(GRID, 1 / GRID), transition, emission, np.array([0.0, 1.0]))


def switching(task: DawTwoStep) -> Option:
    """Model an option whose level is redrawn after a uniformly distributed number of trials."""
    lengths = np.arange(1, task.longest + 1)
    durations = (lengths >= task.shortest) / (task.longest - task.shortest + 1)
    # Hidden state: level, and trials for which it still lasts.
    wait = np.eye(task.longest, k=-1)
    redraw = np.outer(lengths == 1, durations)
    transition = np.kron(np.eye(3), wait) + np.kron(np.full((3, 3), 1 / 3), redraw)
    emission = np.repeat(np.eye(3), task.longest, axis=1)
    reward = np.array([0.0, task.medium, 1.0])
    return Option(np.tile(durations, 3) / 3, transition, emission, reward)


def option_model(task: DawTwoStep) -> Option:
    """Model a second-stage option of the task."""
    return walking(task) if task.outcomes == "walk" else switching(task)


def random_reward(task: DawTwoStep) -> float:
    """Reward per trial of random valid choice."""
    option = option_model(task)
    return float(option.reward @ option.emission @ option.start)


def plan(task: DawTwoStep, worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the best actions, given the values of the options.

    Parameters
    ----------
    task : DawTwoStep
    worth : array (..., 4)

    Returns
    -------
    first, second : array (...,), array (..., 2)
        Action at stage 1, and in S1 and S2.
    """
    options = worth.reshape(*worth.shape[:-1], 2, 2)
    value = options.max(-1)
    return (value[..., 1] > value[..., 0]) ^ (task.common < 0.5), options.argmax(-1)


@functools.cache
def planner_reward(task: DawTwoStep) -> float:
    """Mean reward per episode of the planner, by simulation with fixed random numbers."""
    model, rng, rows = option_model(task), np.random.default_rng(0), np.arange(EPISODES)
    states, total = len(model.start), 0.0
    belief = np.broadcast_to(model.start, (EPISODES, 4, states)).copy()
    hidden = rng.choice(states, (EPISODES, 4), p=model.start)
    emitted, moved = model.emission.cumsum(0), model.transition.cumsum(1)
    pays = model.reward @ model.emission
    for _ in range(task.trials):
        expected = belief @ pays
        spread = np.sqrt(np.maximum(belief @ pays**2 - expected**2, 0))
        worth = (expected + BONUS * spread).round(12)  # equal options tie on every processor
        first, second = plan(task, worth)
        state = first ^ (rng.random(EPISODES) >= task.common)
        option = 2 * state + second[rows, state.astype(int)]
        outcome = (rng.random(EPISODES) >= emitted[:, hidden[rows, option]]).sum(0)
        total += float(model.reward[outcome].mean())
        belief[rows, option] *= model.emission[outcome]
        belief /= belief.sum(-1, keepdims=True)
        belief = belief @ model.transition
        hidden = (rng.random((EPISODES, 4, 1)) >= moved[hidden][..., :-1]).sum(-1)
    return total
