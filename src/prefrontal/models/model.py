"""Base class of cognitive models: parameters, a memory, and an update after each trial.

A model is one class. It names its parameters and the arrays of its memory, and has three functions
for one trial of one subject, written in plain Python: ``reset`` before a session, ``preferences``
before a choice, ``update`` after the outcome. numba compiles them into a loop shared by all models,
and every analysis (likelihood, simulation, replay, fit, comparison) comes with the class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
from scipy.special import softmax

from prefrontal.errors import UserError, check
from prefrontal.tables import schema
from prefrontal.tables.storage import leading

GREEDY = 1e12
"""Stands in for an infinite inverse temperature; equal values still tie."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model."""

    label: str
    """Name for axes and tables."""
    low: float
    high: float
    """Bounds of the fit."""
    start: tuple[float, float]
    """Range of the optimiser's starting points."""
    unit: str = ""
    """"log odds", "reward", "per reward", or none. Bounds of the last two grow with the rewards."""
    fixed: float | None = None
    """Value at which the parameter is held by default; None if it is fitted."""


RATE = Parameter("learning rate", 0.001, 1.0, (0.05, 0.95))
TEMPERATURE = Parameter("inverse temperature", 0.0, 50.0, (0.5, 8.0), "per reward")
WEIGHT = Parameter("weight", 0.0, 1.0, (0.05, 0.95))
LOG_ODDS = Parameter("log odds", -8.0, 8.0, (-1.0, 1.0), "log odds")
PERSEVERATION = Parameter("perseveration", -8.0, 8.0, (-1.0, 1.0), "log odds")
BIAS = Parameter("bias", -5.0, 5.0, (-0.5, 0.5), "log odds")
INITIAL = Parameter("initial value", 0.0, 1.0, (0.05, 0.95), "reward", fixed=0.5)


NONE: Mapping[str, float] = {}


class Rows(NamedTuple):
    """Trials in the format of the compiled loop: (row,) records, and (row, decision) choices.

    ``option`` is the preference that was chosen among ``low`` to ``high``, or -1 if the choice does
    not count.
    """

    table: np.ndarray
    slot: np.ndarray
    first: np.ndarray
    option: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """Trials of one subject, prepared for a model.

    ``order`` holds the table's row of each of ``rows``; ``scale`` the largest absolute reward, 1
    for rewards of 0 and 1; ``session`` the number of each row's session.
    """

    rows: Rows
    order: np.ndarray
    session: np.ndarray
    scale: float

    @property
    def choices(self) -> int:
        """Number of trials whose choice counts."""
        return int((self.rows.option >= 0).any(axis=1).sum())

    def only(self, counted: np.ndarray) -> Prepared:
        """Keep only the choices of these rows, (row,), and drop sessions without any."""
        keep = np.isin(self.session, np.unique(self.session[counted]))
        option = np.where(counted[:, None], self.rows.option, -1)
        rows = Rows(*(column[keep] for column in self.rows._replace(option=option)))
        return Prepared(rows, self.order[keep], self.session[keep], self.scale)


class PlayedTask(Protocol):
    """A task for models to play: ``episodes`` in parallel, each of ``trials`` trials."""

    episodes: int
    trials: int

    def start(self, rng: np.random.Generator) -> None:
        """Start new episodes, with these random numbers."""

    def offer(self, trial: int) -> dict[str, np.ndarray]:
        """Columns known before the choice, each (episode,)."""

    def play(self, trial: int, choose: Any) -> dict[str, np.ndarray]:
        """Play one trial; return its columns, each (episode,).

        ``choose(low, high, uniform)`` draws one of the options ``low`` to ``high`` in every
        episode, with uniform numbers in [0, 1), (episode,).
        """


class Model:
    """A cognitive model; see the module, and ``bandit_learners`` for examples.

    Parameters
    ----------
    name : str, optional
        Name in tables; by default the class's.
    fixed : mapping, optional
        Parameters to hold at other values than the class's; None means fitted.
    """

    name: str = ""
    parameters: Mapping[str, Parameter] = {}
    """By name; ``perseveration`` (log odds for the last valid choice) and biases need no code."""
    memory: Mapping[str, tuple[int, ...]] = {}
    """Shapes of the memory's arrays by name; () for a number. ``last_choice`` is always there."""
    errors: tuple[str, ...] = ()
    """Arrays in memory that hold prediction errors, which ``update`` sets."""
    needs: tuple[str, ...] = ()
    """Columns that the trials must have besides choice and reward."""
    outcomes: Literal["any", "binary"] = "any"
    """Legal rewards: any numbers, or 0 and 1."""
    options: int = 2
    """Number of preferences."""

    def __init__(
        self, name: str | None = None, fixed: Mapping[str, float | None] | None = None
    ) -> None:
        self.name = self.name if name is None else name
        self.fixed = {key: parameter.fixed for key, parameter in self.parameters.items()} | dict(
            fixed or {}
        )
        unknown = [key for key in self.fixed if key not in self.parameters]
        check(not unknown, f"fixed of {self.name}", unknown, f"among {', '.join(self.parameters)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @staticmethod
    def reset(p: Any, memory: Any) -> None:
        """Initialise the memory, which is all 0, before the first trial of a session."""

    @staticmethod
    def preferences(p: Any, memory: Any, trial: Any, preference: Any) -> None:
        """Add the log odds of each option to ``preference`` (option,)."""
        raise NotImplementedError

    @staticmethod
    def update(p: Any, memory: Any, trial: Any) -> None:
        """Learn from a trial; it was missed or aborted unless ``trial.done``."""

    @property
    def free(self) -> list[str]:
        """Names of the parameters that are fitted."""
        return [name for name, value in self.fixed.items() if value is None]

    def columns(self, trials: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Columns of the trials, (row, ...) each, as ``trial`` has them; among them ``done``.

        A trial that is not over has only the choice (-1) and what is offered.
        """
        raise NotImplementedError

    def decisions(
        self, columns: Mapping[str, np.ndarray], trials: pd.DataFrame
    ) -> tuple[np.ndarray, ...]:
        """Chosen options, -1 if missed or forced, and the ranges of options, (row, decision)."""
        option = np.where(schema.free_choices(trials), columns["choice"], -1)[:, None]
        return option, np.zeros_like(option), np.full_like(option, self.options)

    def check_choices(self, trials: pd.DataFrame) -> None:
        """Raise UserError unless the model applies to these choices and rewards."""
        schema.check_arms(trials["choice"], self.options, self.name)
        rewards = trials.loc[trials["choice"] >= 0, "reward"]
        odd = rewards[~rewards.isin([0, 1, -1])]
        if self.outcomes == "binary" and len(odd):
            raise UserError(
                f"trials: reward {odd.iloc[0]:g} is neither 0 nor 1, which {self.name} needs"
            )

    def prepare(self, trials: pd.DataFrame | Prepared) -> Prepared:
        """Prepare a trials table for this model.

        Raises
        ------
        UserError
            A column is missing, a trial occurs twice, or the model does not apply to a choice or
            reward.
        """
        if isinstance(trials, Prepared):
            return trials
        schema.check_trials(trials, *self.needs)
        self.check_choices(trials)
        session = schema.session_numbers(trials)
        order = np.lexsort([trials["trial"].to_numpy(), session])
        ordered = trials.iloc[order]
        columns = self.columns({name: ordered[name] for name in ordered.columns})
        option, low, high = self.decisions(columns, ordered)
        session = session[order]
        first = np.diff(session, prepend=-1) != 0
        rows = Rows(records(columns), np.zeros(len(ordered), int), first, option, low, high)
        rewards = ordered.loc[ordered["choice"] >= 0, "reward"]
        scale = 1.0 if rewards.isin([0, 1, -1]).all() else float(rewards.abs().max())
        return Prepared(rows, order, session, scale)

    @cached_property
    def blank(self) -> np.ndarray:
        """Memory before ``reset``: one record."""
        fields: Any = [(name, "f8", shape) for name, shape in self.memory.items()]
        memory = np.zeros(1, np.dtype([*fields, ("last_choice", "i8")], align=True))
        memory["last_choice"] = -1
        return memory

    def pack(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parameters as records (point,), and their perseveration and biases (point, 1 + options).

        ``points`` is (point, parameter), in the order of ``parameters``.
        """
        places, columns, record = self.layout
        rules = np.zeros((len(points), 1 + self.options))
        rules[:, places] = points[:, columns]
        return np.ascontiguousarray(points, dtype=float).view(record)[:, 0], rules

    @cached_property
    def layout(self) -> tuple[list[int], list[int], np.dtype]:
        """Places of perseveration and biases in ``pack``'s second array, their places among the
        parameters, and the record of all parameters."""
        names = list(self.parameters)
        biases = ["bias"] if "bias" in names else [f"bias_{k}" for k in range(1, self.options)]
        places = dict(zip(["perseveration", *biases], [0, *range(2, 2 + len(biases))], strict=True))
        known = [name for name in places if name in names]
        columns = [names.index(name) for name in known]
        record = np.dtype([(name, "f8") for name in names])
        return [places[name] for name in known], columns, record

    def complete(self, parameters: Mapping[str, float]) -> dict[str, float]:
        """Parameters with those that are fixed; names that the model does not have are left out."""
        known = {name: parameters.get(name) for name in self.parameters}
        values = {
            name: self.fixed[name] if value is None or np.isnan(value) else float(value)
            for name, value in known.items()
        }
        missing = [name for name, value in values.items() if value is None]
        check(not missing, f"parameters of {self.name}", "without " + ", ".join(missing), "given")
        return {name: value for name, value in values.items() if value is not None}

    def _replay(
        self, prepared: Prepared, parameters: Mapping[str, float], every: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log probabilities by the table's row; preferences and memories by prepared row."""
        rows, count, blank = prepared.rows, len(prepared.order), self.blank
        out = Output(
            np.zeros(1),
            np.zeros(rows.option.shape),
            np.zeros((count if every else 1, self.options)),
            np.repeat(blank, 2 * count * every),
        )
        self.run(self.point(parameters), rows, (blank.copy(), blank, True), out)
        log_p = np.full(count, np.nan)
        counted = (rows.option >= 0).any(axis=1)
        log_p[np.argsort(np.argsort(prepared.order))] = np.where(
            counted, out.log_p.sum(axis=1), np.nan
        )
        return log_p, out.preference, out.memory

    def point(self, parameters: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """One set of parameters, in the format of the loop; see ``pack``."""
        values = list(self.complete(parameters).values())
        return self.pack(np.clip([values], -GREEDY, GREEDY))

    def log_likelihood(
        self, trials: pd.DataFrame | Prepared, parameters: Mapping[str, float] = NONE
    ) -> np.ndarray:
        """Log probability of each trial's choice in nats, (row,); NaN if missed or forced."""
        return self._replay(self.prepare(trials), parameters, every=False)[0]

    def replay(
        self, trials: pd.DataFrame | Prepared, parameters: Mapping[str, float] = NONE
    ) -> pd.DataFrame:
        """Replay the model on given trials.

        Returns
        -------
        DataFrame
            A row per trial of the table. The memory before the trial, <array>_<index>; its
            ``errors`` after the trial, NaN if it was missed or aborted; and the preference for each
            option (log odds), preference_<option>.
        """
        prepared = self.prepare(trials)
        _, preferred, seen = self._replay(prepared, parameters, every=True)
        done, columns, count = prepared.rows.table["done"], {}, len(prepared.order)
        for name, shape in {**self.memory, "last_choice": ()}.items():
            kept = seen[name][1::2] if name in self.errors else seen[name][::2]
            if name in self.errors:
                kept = np.where(done.reshape(-1, *[1] * len(shape)), kept, np.nan)
            for k, column in enumerate(kept.reshape(count, -1).T):
                columns[f"{name}_{k}" if shape else name] = column
        columns |= {f"preference_{k}": column for k, column in enumerate(preferred.T)}
        frame = pd.DataFrame(columns, index=prepared.order).sort_index()
        return frame if isinstance(trials, Prepared) else frame.set_axis(trials.index)

    def simulate(
        self, task: PlayedTask, parameters: Mapping[str, float], rng: np.random.Generator
    ) -> pd.DataFrame:
        """Let the model play a task; returns a trials table."""
        return Player(self, parameters, task.episodes).play(task, rng)

    def run(self, points: Any, rows: Rows, memory: Any, out: Output) -> None:
        """Run the compiled loop; see ``replay``."""
        compiled(self.reset, self.preferences, self.update)(points, rows, memory, out)

    def total(self, points: np.ndarray, rows: Rows) -> np.ndarray:
        """Log likelihood in nats at points (point, parameter), all parameters in their order."""
        blank = self.blank
        out = Output(
            np.zeros(len(points)),
            np.zeros(rows.option.shape),
            np.zeros((1, self.options)),
            blank[:0],
        )
        self.run(self.pack(points), rows, (blank.copy(), blank, True), out)
        return out.total


class Player:
    """A model that plays independent episodes in parallel, one trial at a time."""

    def __init__(self, model: Model, parameters: Mapping[str, float], episodes: int) -> None:
        self.model, self.first = model, np.ones(episodes, bool)
        self.point, self.blank = model.point(parameters), model.blank
        self.memory = np.repeat(self.blank, episodes)
        self.out = Output(
            np.zeros(1),
            np.zeros((episodes, 1)),
            np.zeros((episodes, model.options)),
            self.blank[:0],
        )

    def _run(self, columns: Mapping[str, np.ndarray], learn: bool) -> None:
        episodes = len(self.first)
        table = records(self.model.columns({"choice": np.full(episodes, -1), **columns}))
        unused = np.full((episodes, 1), -1)
        rows = Rows(table, np.arange(episodes), self.first, unused, unused, unused)
        self.model.run(self.point, rows, (self.memory, self.blank, learn), self.out)
        self.first = np.zeros(episodes, bool)

    def preferences(self, columns: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Preferences in log odds, (episode, option), given what is offered on this trial."""
        self._run(columns or {}, learn=False)
        return self.out.preference.copy()

    def learn(self, columns: Mapping[str, np.ndarray]) -> None:
        """Take in the trial's columns, (episode,) each."""
        self._run(columns, learn=True)

    def play(self, task: PlayedTask, rng: np.random.Generator) -> pd.DataFrame:
        """Play a task; returns a trials table."""
        task.start(rng)
        played: dict[str, list[np.ndarray]] = {}
        for trial in range(task.trials):
            preference = self.preferences(task.offer(trial))
            columns = task.play(trial, partial(choose, preference))
            self.learn(columns)
            for name, column in columns.items():
                played.setdefault(name, []).append(column)
        frame = pd.DataFrame({name: np.stack(each, 1).ravel() for name, each in played.items()})
        frame["episode"] = np.repeat(np.arange(task.episodes), task.trials)
        frame["trial"] = np.tile(np.arange(task.trials), task.episodes)
        keys: dict[str, Any] = dict.fromkeys(schema.SUBJECT, 0) | {"variant": "simulated"}
        return leading(frame.assign(**keys), *schema.EPISODE, "trial")


def choose(preference: np.ndarray, low: Any, high: Any, uniform: np.ndarray) -> np.ndarray:
    """Draw one of the options ``low`` to ``high`` of each episode by softmax, (episode,)."""
    option = np.arange(preference.shape[-1])
    among = (option >= np.asarray(low)[..., None]) & (option < np.asarray(high)[..., None])
    return sample(softmax(np.where(among, preference, -np.inf), axis=-1), uniform)


def sample(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Draw options from probabilities (..., option), with a uniform number in [0, 1) each (...)."""
    return (uniform[..., None] >= probabilities.cumsum(-1)[..., :-1]).sum(-1)


def records(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put columns (row, ...) into one array of records (row,)."""
    kinds: Any = [(name, array.dtype, array.shape[1:]) for name, array in columns.items()]
    table = np.empty(len(next(iter(columns.values()))), np.dtype(kinds, align=True))
    for name, array in columns.items():
        table[name] = array
    return table


class Output(NamedTuple):
    """Arrays that the loop fills in: (point,) summed log likelihoods, (row, decision) log
    probabilities, (row or 1, option) preferences in log odds, and memories before and after each
    row, (2 * row or 0,)."""

    total: np.ndarray
    log_p: np.ndarray
    preference: np.ndarray
    memory: np.ndarray


def replay(
    reset: Any, preferences: Any, update: Any, points: Any, rows: Any, memory: Any, out: Any
) -> None:
    """Run a model through trials, once with each of some parameters.

    Parameters
    ----------
    reset, preferences, update : functions
        The model's.
    points : tuple
        Records of parameters, (point,); perseveration and biases, (point, 1 + option).
    rows : Rows
    memory : tuple
        Memory of each slot; the blank one; whether to update it.
    out : Output
    """
    packed, rules = points
    slots, blank, learn = memory
    for point in range(len(packed)):
        p, rule, total = packed[point], rules[point], 0.0
        for row in range(len(rows.slot)):
            slot, trial = rows.slot[row], rows.table[row]
            now = slots[slot]
            if rows.first[row]:
                slots[slot] = blank[0]
                reset(p, now)
            preference = out.preference[row % len(out.preference)]
            for k in range(len(preference)):
                preference[k] = rule[k + 1]
            if now.last_choice >= 0:
                preference[now.last_choice] += rule[0]
            preferences(p, now, trial, preference)
            for decision in range(rows.option.shape[1]):
                chosen = rows.option[row, decision]
                if chosen >= 0:
                    odds = 1.0
                    for k in range(rows.low[row, decision], rows.high[row, decision]):
                        if k != chosen:
                            odds += math.exp(min(preference[k] - preference[chosen], 700.0))
                    log_p = -math.log(odds)
                    out.log_p[row, decision] = log_p
                    total += log_p
            if len(out.memory):
                out.memory[2 * row] = now
            if learn:
                update(p, now, trial)
                if trial.choice >= 0:
                    now.last_choice = trial.choice
            if len(out.memory):
                out.memory[2 * row + 1] = now
        out.total[point] = total


@cache
def jitted(function: Any) -> Any:
    """Compile a function on its first use."""
    from numba import njit

    return njit(function)


@cache
def compiled(*functions: Any) -> Any:
    """Compile reset, preferences and update into ``replay``.

    It takes a fraction of a second; nothing is cached on disk, where it could become stale.
    """
    loop, (reset, preferences, update) = jitted(replay), map(jitted, functions)

    def run(points: Any, rows: Any, memory: Any, out: Any) -> None:
        loop(reset, preferences, update, points, rows, memory, out)

    return jitted(run)
