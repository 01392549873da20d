"""GRUs of a few units that are fitted to subjects' choices: a ceiling (Ji-An, Benna & Mattar 2025).

All GRUs, of every subject, fold and size, are trained in parallel by gradient descent on their
training sessions. Training stops where the likelihood of held-out sessions is largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefrontal.models.two_step_learners import state_index
from prefrontal.tables.schema import EPISODE, free_choices
from replications.choices.settings import CHECKED, CHUNK, EPOCHS, RATE, UNITS

KIND = torch.float32
"""Single precision, which is enough for training with early stopping."""

GATES = 3
"""Reset gate, update gate, candidate."""


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
    """Magnitudes on the trial, (trial, offers); empty in tasks without magnitudes."""
    if "magnitude_0" not in trials:
        return np.empty((len(trials), 0))
    return (trials["magnitude_1"] - trials["magnitude_0"]).to_numpy(float)[:, None]


@dataclass(frozen=True)
class Sequences:
    """Trials in sequences of equal length, padded at the end.

    Attributes
    ----------
    row : array (sequence, time)
        Row of the trials table, -1 where there is none.
    inputs : Tensor (sequence, time, inputs)
    offers : Tensor (sequence, time, offers)
    sign : Tensor (sequence, time)
        1 for option 1, -1 for option 0; 0 where no choice is predicted.
    """

    row: np.ndarray
    inputs: Tensor
    offers: Tensor
    sign: Tensor


def sequences(trials: pd.DataFrame, longest: int) -> Sequences:
    """Cut sessions into sequences of limited length; ``trials`` is sorted."""
    session = trials.groupby(EPISODE, observed=True, sort=False).ngroup().to_numpy()
    number = trials.groupby(session).cumcount().to_numpy()
    sequence = pd.factorize(pd.Series(list(zip(session, number // longest, strict=True))))[0]
    time = number % longest
    row = np.full((sequence.max() + 1, time.max() + 1), -1)
    row[sequence, time] = np.arange(len(trials))
    there = row >= 0
    sign = np.where(free_choices(trials), 2.0 * trials["choice"] - 1, 0.0)
    columns = (history(trials), offer(trials), sign[:, None])
    parts = [torch.tensor(part[row] * there[..., None], dtype=KIND) for part in columns]
    return Sequences(row, parts[0], parts[1], parts[2][..., 0])


class Gru(torch.nn.Module):
    """GRUs in parallel, with a linear readout of units and offers: log odds of option 1."""

    def __init__(self, models: int, units: int, inputs: int, offers: int, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def weights(*shape: int) -> torch.nn.Parameter:
            uniform = torch.rand(models, *shape, generator=generator, dtype=KIND)
            return torch.nn.Parameter((2 * uniform - 1) / units**0.5)

        self.from_inputs = weights(inputs, GATES * units)
        self.from_units = weights(units, GATES * units)
        self.bias = weights(1, GATES * units)
        self.readout = weights(units, 1)
        self.of_offers = torch.nn.Parameter(torch.zeros(models, offers, 1, dtype=KIND))
        self.baseline = torch.nn.Parameter(torch.zeros(models, 1, 1, dtype=KIND))

    def forward(self, inputs: Tensor, offers: Tensor) -> Tensor:
        """Log odds (model, sequence, time) from inputs and offers (model, sequence, time, ...)."""
        models, count, length, _ = inputs.shape
        flat = inputs.reshape(models, count * length, -1) @ self.from_inputs + self.bias
        driven = flat.reshape(models, count, length, -1).unbind(2)
        size = self.readout.shape[1]
        units = torch.zeros(models, count, size, dtype=KIND)
        seen = []
        for drive in driven:
            recurrent = units @ self.from_units
            gates = torch.sigmoid(drive[..., : 2 * size] + recurrent[..., : 2 * size])
            reset, update = gates.chunk(2, -1)
            candidate = drive[..., 2 * size :] + reset * recurrent[..., 2 * size :]
            units = torch.lerp(torch.tanh(candidate), units, update)
            seen.append(units)
        every = torch.stack(seen, 2).reshape(models, count * length, -1) @ self.readout
        at_stake = offers.reshape(models, count * length, -1) @ self.of_offers
        return (every + at_stake + self.baseline).reshape(models, count, length)


def likelihood(log_odds: Tensor, sign: Tensor) -> Tensor:
    """Mean log likelihood per choice of each model, (model,)."""
    log_p = logsigmoid(log_odds * sign) * (sign != 0)
    return log_p.sum((1, 2)) / (sign != 0).sum((1, 2)).clamp(min=1)


@dataclass(frozen=True)
class Job:
    """Trials of a GRU: those it is fitted to, and those that decide when to stop, each (trial,)."""

    trials: pd.DataFrame
    fitted: np.ndarray
    stopping: np.ndarray


def stacked(jobs: Sequence[Job], longest: int) -> tuple[Tensor, Tensor, Tensor, list[Sequences]]:
    """Put the sequences of all jobs into tensors (job, sequence, time, ...)."""
    each = [sequences(job.trials, longest) for job in jobs]
    count, length = (max(own.row.shape[k] for own in each) for k in range(2))

    def pad(parts: list[Tensor]) -> Tensor:
        out = torch.zeros(len(parts), count, length, *parts[0].shape[2:], dtype=KIND)
        for k, part in enumerate(parts):
            out[k, : part.shape[0], : part.shape[1]] = part
        return out

    tensors = [pad([getattr(own, name) for own in each]) for name in ("inputs", "offers", "sign")]
    return tensors[0], tensors[1], tensors[2], each


def counted(each: Sequence[Sequences], masks: Sequence[np.ndarray], like: Tensor) -> Tensor:
    """Masks of trials (trial,) of each job, as a tensor (job, sequence, time)."""
    out = torch.zeros_like(like)
    for k, (own, mask) in enumerate(zip(each, masks, strict=True)):
        part = torch.tensor(np.where(own.row >= 0, mask[own.row], False), dtype=KIND)
        out[k, : part.shape[0], : part.shape[1]] = part
    return out


def train(jobs: Sequence[Job], units: int) -> tuple[Gru, np.ndarray]:
    """Train a GRU with this number of units for each job.

    Returns
    -------
    gru : Gru
        With the weights of the step at which each job's stopping trials were most likely.
    stopping : array (job,)
        Log likelihood per stopping choice there.
    """
    inputs, offers, sign, each = stacked(jobs, CHUNK)
    fitted = sign * counted(each, [job.fitted for job in jobs], sign)
    stopping = sign * counted(each, [job.stopping for job in jobs], sign)
    gru = Gru(len(jobs), units, inputs.shape[-1], offers.shape[-1])
    optimizer = torch.optim.Adam(gru.parameters(), RATE)
    best = torch.full((len(jobs),), -np.inf, dtype=KIND)
    kept = {name: value.clone() for name, value in gru.state_dict().items()}
    for epoch in range(EPOCHS):
        log_odds = gru(inputs, offers)
        if epoch % CHECKED == 0:
            now = likelihood(log_odds.detach(), stopping)
            better = now > best
            best = torch.where(better, now, best)
            for name, value in gru.state_dict().items():
                kept[name][better] = value[better]
        optimizer.zero_grad()
        (-likelihood(log_odds, fitted).sum()).backward()
        optimizer.step()
    gru.load_state_dict(kept)
    return gru, best.numpy()


def predict(jobs: Sequence[Job]) -> list[np.ndarray]:
    """Log odds of option 1 on all trials of each job, (trial,), by the GRU with the number of units
    that is best on the stopping trials."""
    with torch.no_grad():
        inputs, offers, _, each = stacked(jobs, 10**9)
    chosen: list[np.ndarray] = [np.empty(0)] * len(jobs)
    best = np.full(len(jobs), -np.inf)
    for units in UNITS:
        gru, stopping = train(jobs, units)
        with torch.no_grad():
            log_odds = gru(inputs, offers).numpy()
        for k in np.flatnonzero(stopping > best).tolist():
            there = each[k].row >= 0
            chosen[k] = np.empty(len(jobs[k].trials))
            chosen[k][each[k].row[there]] = log_odds[k][: there.shape[0], : there.shape[1]][there]
        best = np.maximum(best, stopping)
    return chosen
