"""Rescorla-Wagner learning of which of two arms pays, and choice by expected reward (Behrens et al.
2007).

One number is learned: the probability r that the left arm pays (the right one pays with 1 - r).
After every trial r moves towards the outcome by a fixed fraction of the prediction error, the
learning rate. Left is chosen with probability sigmoid(inverse temperature x (r x left magnitude -
(1 - r) x right magnitude)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from prefrontal.models.model import sample

INITIAL_VALUE = 0.5


def values(pays_left: ArrayLike, learning_rate: ArrayLike) -> np.ndarray:
    """Predicted probability that the left arm pays, before each trial.

    Parameters
    ----------
    pays_left : array (..., trials)
        Whether left paid, or would have paid.
    learning_rate : float or array (...)
        One fixed learning rate, or one per sequence of trials; broadcast against ``pays_left``
        without its last axis.

    Returns
    -------
    array (..., trials)
    """
    outcome = np.asarray(pays_left, dtype=float)
    rate = np.asarray(learning_rate, dtype=float)
    predicted = np.empty((*np.broadcast_shapes(outcome.shape[:-1], rate.shape), outcome.shape[-1]))
    value = np.full(predicted.shape[:-1], INITIAL_VALUE)
    for trial in range(outcome.shape[-1]):
        predicted[..., trial] = value
        value = value + rate * (outcome[..., trial] - value)
    return predicted


def advantage(
    value: ArrayLike, magnitude_left: ArrayLike, magnitude_right: ArrayLike
) -> np.ndarray:
    """Expected reward of left minus that of right, in the unit of the magnitudes."""
    return np.asarray(value) * magnitude_left - (1 - np.asarray(value)) * np.asarray(
        magnitude_right
    )


def simulate(
    pays_left: ArrayLike,
    magnitude_left: ArrayLike,
    magnitude_right: ArrayLike,
    learning_rate: ArrayLike,
    inverse_temperature: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Choices (0 left, 1 right; same shape as ``values``) of a learner on given outcomes.

    ``inverse_temperature`` is per unit of the magnitudes; infinity always takes the larger expected
    reward.
    """
    difference = advantage(values(pays_left, learning_rate), magnitude_left, magnitude_right)
    if np.isinf(inverse_temperature):
        return (difference < 0).astype(int)
    left = expit(inverse_temperature * difference)
    return sample(np.stack([left, 1 - left], axis=-1), rng.random(difference.shape))
