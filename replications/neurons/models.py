"""Control units, simulated from the values of a planner or a model-free learner."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replications.neurons.settings import COMMON, GAIN, LEARNING_RATE, MEAN_COUNT, MODEL_UNITS


def values(trials: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Values of both pictures before each trial of a session.

    The planner knows the transitions and takes the better picture at the second stage; the
    model-free learner moves the value of the first choice towards the reward.

    Returns
    -------
    planner, model_free : array (trials, 2)
    """
    picture = 2 * (trials["outcome_state"] == "S2") + trials["choice2"]
    second, first = np.zeros(4), np.zeros(2)
    planner, model_free = np.empty((2, len(trials), 2))
    transitions = np.array([[COMMON, 1 - COMMON], [1 - COMMON, COMMON]])
    steps = zip(trials["choice"], picture, trials["reward"], strict=True)
    for t, (choice, outcome, reward) in enumerate(steps):
        planner[t] = transitions @ second.reshape(2, 2).max(1)
        model_free[t] = first
        second[outcome] += LEARNING_RATE * (reward - second[outcome])
        first[choice] += LEARNING_RATE * (reward - first[choice])
    return planner, model_free


def by_choice(value: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Value of the option that was chosen, and of the other one, (trials, 2)."""
    rows = np.arange(len(value))
    return np.column_stack([value[rows, choice], value[rows, 1 - choice]])


def by_last_choice(value: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Value of the option that was chosen in the trial before, and of the other one."""
    return by_choice(value, np.concatenate([choice[:1], choice[:-1]]))


def made_of(value: np.ndarray, rng: np.random.Generator, units: int = MODEL_UNITS) -> np.ndarray:
    """Spike counts (trials, units) whose rates follow random mixtures of values (trials, k)."""
    mixture = value @ rng.normal(size=(value.shape[1], units))
    spread = mixture.std(0)
    centred = (mixture - mixture.mean(0)) / np.where(spread > 0, spread, 1)
    return rng.poisson(MEAN_COUNT * np.exp(GAIN * centred)).astype(float)
