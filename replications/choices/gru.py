"""GRUs of a few units that are fitted to subjects' choices: a ceiling (Ji-An, Benna & Mattar 2025).

They are trained on the training sessions by gradient descent (Adam) with back-propagation through
time. Training stops where the likelihood of held-out sessions is largest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_expit
from tqdm import tqdm

from prefrontal.errors import check
from prefrontal.models.model import jitted
from prefrontal.models.two_step_learners import state_index
from prefrontal.tables.schema import EPISODE, free_choices
from replications.choices.settings import CHECKED, CHUNK, EPOCHS, RATE, UNITS

GATES = 3
"""Reset gate, update gate, candidate."""

DECAY, SQUARED_DECAY, TINY = 0.9, 0.999, 1e-8
"""Constants of Adam."""


def history(trials: pd.DataFrame) -> np.ndarray:
    """Choice, reward, second-stage state and second choice of the trial before, where the task has
    them, (trial, inputs); 0 in the first trial of a session."""
    columns = {"choice": 2.0 * trials["choice"] - 1, "reward": trials["reward"]}
    columns["reward of choice"] = columns["choice"] * columns["reward"]
    if "outcome_state" in trials:
        columns["state"] = pd.Series(2.0 * state_index(trials["outcome_state"]) - 1, trials.index)
        columns["reward of state"] = columns["state"] * columns["reward"]
    if "choice2" in trials:
        columns["choice2"] = 2.0 * trials["choice2"] - 1
        columns["reward of choice2"] = columns["choice2"] * columns["reward"]
    keys = [trials[name] for name in EPISODE]
    before = pd.DataFrame(columns).groupby(keys, observed=True, sort=False).shift()
    return before.fillna(0.0).to_numpy(float)


def offer(trials: pd.DataFrame) -> np.ndarray:
    """What is at stake on the trial, (trial, offers); nothing in tasks without magnitudes."""
    if "magnitude_0" not in trials:
        return np.empty((len(trials), 0))
    return (trials["magnitude_1"] - trials["magnitude_0"]).to_numpy(float)[:, None]


@dataclass(frozen=True)
class Job:
    """Trials of a GRU, sorted: those it is fitted to, and those that determine when to stop, each
    (trial,)."""

    trials: pd.DataFrame
    fitted: np.ndarray
    stopping: np.ndarray


def starts(trials: pd.DataFrame, longest: int) -> np.ndarray:
    """First rows of sequences with a maximal number of trials, none of which crosses sessions, and
    the rows after their last ones, (sequence, 2)."""
    session = trials.groupby(EPISODE, observed=True, sort=False).ngroup()
    number = session.groupby(session).cumcount().to_numpy()
    first = np.flatnonzero(number % longest == 0)
    return np.column_stack([first, np.append(first[1:], len(trials))])


def weights_of(theta: np.ndarray, units: int, inputs: int, offers: int) -> tuple[np.ndarray, ...]:
    """Views of the weights in a vector: from inputs, from units, bias, readout, of offers and the
    readout's bias."""
    gates = GATES * units
    shapes = [(inputs, gates), (units, gates), (gates,), (units,), (offers,), (1,)]
    ends = np.cumsum([0, *(math.prod(shape) for shape in shapes)])
    parts = zip(ends[:-1], ends[1:], shapes, strict=True)
    return tuple(theta[low:high].reshape(shape) for low, high, shape in parts)


def propagate(
    weights: Any, gradient: Any, sequence: Any, inputs: Any, offers: Any, pull: Any, odds: Any
) -> None:
    """Fill in the log odds of every trial, and the gradient of the likelihood, by back-propagation
    through time.

    Parameters
    ----------
    weights, gradient : tuple of arrays
        See ``weights_of``; gradients are added to.
    sequence : array (sequence, 2)
        See ``starts``.
    inputs, offers : array (trial, ...)
    pull : array (trial,)
        Signed weight of each choice in the likelihood; 0 where it is not counted.
    odds : array (trial,)
    """
    from_inputs, from_units, bias, readout, of_offers, baseline = weights
    d_inputs, d_units, d_bias, d_readout, d_offers, d_baseline = gradient
    size = len(readout)
    longest = 0
    for k in range(len(sequence)):
        longest = max(longest, sequence[k, 1] - sequence[k, 0])
    state = np.zeros((longest + 1, size))
    gate = np.zeros((longest, 3 * size))  # reset, update, candidate
    driven = np.zeros((longest, size))  # contribution of the units to the candidate
    back, before = np.zeros(size), np.zeros(size)
    at_input, at_unit = np.zeros(3 * size), np.zeros(3 * size)
    for k in range(len(sequence)):
        first, length, counted = sequence[k, 0], sequence[k, 1] - sequence[k, 0], False
        for t in range(length):
            row = first + t
            total = baseline[0]
            for j in range(offers.shape[1]):
                total += of_offers[j] * offers[row, j]
            for j in range(3 * size):
                drive, recurrent = bias[j], 0.0
                for i in range(inputs.shape[1]):
                    drive += inputs[row, i] * from_inputs[i, j]
                for i in range(size):
                    recurrent += state[t, i] * from_units[i, j]
                if j < 2 * size:
                    gate[t, j] = 1 / (1 + math.exp(-drive - recurrent))
                else:
                    driven[t, j - 2 * size] = recurrent
                    gate[t, j] = math.tanh(drive + gate[t, j - 2 * size] * recurrent)
            for i in range(size):
                update = gate[t, size + i]
                state[t + 1, i] = update * state[t, i] + (1 - update) * gate[t, 2 * size + i]
                total += readout[i] * state[t + 1, i]
            odds[row] = total
            counted = counted or pull[row] != 0
        if not counted:
            continue
        back[:] = 0.0
        for t in range(length - 1, -1, -1):
            row = first + t
            sign = 1.0 if pull[row] > 0 else -1.0
            error = pull[row] / (1 + math.exp(sign * odds[row]))
            d_baseline[0] += error
            for j in range(offers.shape[1]):
                d_offers[j] += error * offers[row, j]
            for i in range(size):
                d_readout[i] += error * state[t + 1, i]
                through = back[i] + error * readout[i]
                reset, update = gate[t, i], gate[t, size + i]
                candidate = gate[t, 2 * size + i]
                to_candidate = through * (1 - update) * (1 - candidate**2)
                to_reset = to_candidate * driven[t, i] * reset * (1 - reset)
                to_update = through * (state[t, i] - candidate) * update * (1 - update)
                at_input[i], at_unit[i] = to_reset, to_reset
                at_input[size + i], at_unit[size + i] = to_update, to_update
                at_input[2 * size + i], at_unit[2 * size + i] = to_candidate, to_candidate * reset
                before[i] = through * update
            for j in range(3 * size):
                d_bias[j] += at_input[j]
                for i in range(inputs.shape[1]):
                    d_inputs[i, j] += inputs[row, i] * at_input[j]
                for i in range(size):
                    d_units[i, j] += state[t, i] * at_unit[j]
                    before[i] += from_units[i, j] * at_unit[j]
            back[:] = before


def likelihood(odds: np.ndarray, sign: np.ndarray, counted: np.ndarray) -> float:
    """Mean log likelihood of the counted choices, whose sign is 1 or -1, or 0 if forced."""
    return float(log_expit(odds * sign)[counted & (sign != 0)].mean())


def train(job: Job, units: int, seed: int = 0) -> tuple[np.ndarray, float]:
    """Train a GRU with this number of units.

    Returns
    -------
    odds : array (trial,)
        Log odds of option 1 on all trials, whole sessions, by the weights at the step at which the
        stopping choices were most likely.
    stopping : float
        Log likelihood per stopping choice there.
    """
    run = jitted(propagate)
    inputs, offers = history(job.trials), offer(job.trials)
    sign = np.where(free_choices(job.trials), 2.0 * job.trials["choice"] - 1, 0.0)
    for name, rows in (("fitted", job.fitted), ("stopping", job.stopping)):
        check(bool((rows & (sign != 0)).any()), name, "without a free choice", "at least one")
    pull = np.where(job.fitted, sign, 0.0) / (job.fitted & (sign != 0)).sum()
    sizes = units, inputs.shape[1], offers.shape[1]
    count = GATES * units * (inputs.shape[1] + units + 1) + units + offers.shape[1] + 1
    theta = np.random.default_rng(seed).uniform(-1, 1, count) / units**0.5
    theta[-1 - offers.shape[1] :] = 0.0
    mean, square = np.zeros((2, count))
    short, odds = starts(job.trials, CHUNK), np.zeros(len(inputs))
    used = np.array(
        [[job.fitted[low:high].any(), job.stopping[low:high].any()] for low, high in short]
    )
    best, kept = -np.inf, theta.copy()
    for step in range(1, EPOCHS + 1):
        gradient = np.zeros(count)
        views = weights_of(theta, *sizes), weights_of(gradient, *sizes)
        looks = step % CHECKED == 1
        run(*views, short[used[:, 0] | looks & used[:, 1]], inputs, offers, pull, odds)
        if looks:
            now = likelihood(odds, sign, job.stopping)
            if now > best:
                best, kept = now, theta.copy()
        mean = DECAY * mean + (1 - DECAY) * gradient
        square = SQUARED_DECAY * square + (1 - SQUARED_DECAY) * gradient**2
        scale = np.sqrt(square / (1 - SQUARED_DECAY**step)) + TINY
        theta = theta + RATE * mean / (1 - DECAY**step) / scale
    views = weights_of(kept, *sizes), weights_of(np.zeros(count), *sizes)
    run(*views, starts(job.trials, len(inputs)), inputs, offers, np.zeros(len(inputs)), odds)
    return odds, best


def predict(jobs: Sequence[Job]) -> list[np.ndarray]:
    """Log odds of option 1 on all trials of each job, (trial,), by the GRU whose number of units
    makes its stopping choices most likely."""
    chosen = []
    for job in tqdm(jobs, "GRUs", unit="GRU", disable=None):
        trained = [train(job, units) for units in UNITS]
        chosen.append(max(trained, key=lambda each: each[1])[0])
    return chosen
