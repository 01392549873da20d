"""Learning rates over time, by sliding-window likelihood."""

from __future__ import annotations

from itertools import product

import numpy as np

from prefrontal.models import rescorla_wagner
from prefrontal.tables.schema import check_arms

RATE_GRID = np.linspace(0.01, 1.0, 100)
"""Learning rates on the grid of the sliding-window fit."""


TEMPERATURE_GRID = np.geomspace(1.0, 256.0, 17)
"""Inverse temperatures on the grid, per unit of the magnitudes scaled to 0-1."""


def learning_rate_likelihood(
    pays_left: np.ndarray,
    choice: np.ndarray,
    magnitude_left: np.ndarray,
    magnitude_right: np.ndarray,
    rates: np.ndarray = RATE_GRID,
    temperatures: np.ndarray = TEMPERATURE_GRID,
) -> np.ndarray:
    """Log likelihood of choices under Rescorla-Wagner learning, on a grid of its parameters.

    The predicted probability that left pays follows the outcomes from the start of the episode
    (``prefrontal.models.rescorla_wagner``); choice follows the difference of expected rewards.

    Parameters
    ----------
    pays_left, choice : array (episodes, trials)
        Whether left paid or would have paid; 0 left, 1 right.
    magnitude_left, magnitude_right : array (episodes, trials)
        What is at stake, scaled to 0-1; ones for a choice rule that ignores magnitudes.
    rates, temperatures : array
        Grids.

    Returns
    -------
    array (trials, rates, temperatures)
        Summed over episodes.
    """
    check_arms(choice, 2, "learning_rate_likelihood")
    value = rescorla_wagner.values(pays_left, rates[:, None]).astype(np.float32)
    difference = rescorla_wagner.advantage(
        value, magnitude_left.astype(np.float32), magnitude_right.astype(np.float32)
    )
    against = np.where(
        choice == 0, -difference, difference
    )  # (rates, episodes, trials): the other arm's advantage
    total = np.empty((against.shape[-1], len(rates), len(temperatures)))
    odds = np.ones((8, -(-len(choice) // 8), against.shape[-1]))
    each = odds.reshape(-1, against.shape[-1])[: len(choice)]
    weighted, highest = np.empty_like(against[0]), against.max(initial=0)
    for (i, disadvantage), (k, temperature) in product(
        enumerate(against), enumerate(temperatures.astype(np.float32))
    ):
        # Single precision vectorises. The bound keeps exp finite, where a choice is all but
        # impossible anyway, and so the product of eight episodes' odds, which takes one slow
        # logarithm, not eight.
        np.multiply(temperature, disadvantage, out=weighted)
        if temperature * highest > 80:
            np.minimum(weighted, 80, out=weighted)
        each[:] = np.exp(weighted, out=weighted)
        each += 1
        total[:, i, k] = -np.log(odds.prod(0)).sum(0)
    return total


def sliding_learning_rates(
    likelihood: np.ndarray,
    window: int = 10,
    shared_temperature: bool = False,
    rates: np.ndarray = RATE_GRID,
    temperatures: np.ndarray = TEMPERATURE_GRID,
) -> tuple[np.ndarray, np.ndarray]:
    """Maximum-likelihood learning rate in a window that slides over the trials (simulation 2).

    Parameters
    ----------
    likelihood : array (trials, rates, temperatures)
        From ``learning_rate_likelihood``.
    window : int
        Trials whose choices are fitted together; the window moves by one trial.
    shared_temperature : bool
        Fit one inverse temperature for all windows instead of one for each.

    Returns
    -------
    rate, temperature : array (trials - window + 1,)
        NaN where no learning rate explains the choices better than the others.
    """
    sums = np.cumsum(np.concatenate([np.zeros((1, *likelihood.shape[1:])), likelihood]), axis=0)
    windows = sums[window:] - sums[:-window]
    if not len(windows):
        return np.empty(0), np.empty(0)
    if shared_temperature:
        best = windows.max(1).sum(0).argmax()
        windows, temperatures = windows[:, :, [best]], temperatures[[best]]
    flat = windows.reshape(len(windows), -1)
    rate, temperature = np.unravel_index(flat.argmax(1), windows.shape[1:])
    determined = np.ptp(windows.max(2), axis=1) > 1e-6
    return np.where(determined, rates[rate], np.nan), np.where(
        determined, temperatures[temperature], np.nan
    )
