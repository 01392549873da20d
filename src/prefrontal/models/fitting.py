"""Fit models, compare them, and test parameter and model recovery. Each fit is of one subject;
subjects are identified by the table's subject columns.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from tqdm import tqdm

from prefrontal.errors import check
from prefrontal.models.model import Model, PlayedTask, Prepared
from prefrontal.tables import schema

FOLDS = 4
"""Folds of the cross-validation: sessions, or parts of sessions if there are fewer."""

POLISHING = 4
"""Newton's steps at the end of a fit."""

FLAT = 1e-9
"""Curvature, relative to the largest, below which a direction is flat."""

SHARE = 0.01
"""Share of a parameter in flat directions above which it counts as flat."""

STEP, CURVATURE_STEP = 1e-5, 1e-3
"""Steps of finite differences, relative to the range of starting points."""

TaskFor = Callable[[np.random.Generator, Mapping[str, Any]], PlayedTask]
"""Random generator and row of fits -> task of the simulated subject."""


@dataclass(frozen=True)
class Fit:
    """A model fitted to one subject by maximum likelihood.

    Attributes
    ----------
    model : Model
    parameters : dict
        Estimates, and parameters that were held at other values than the model's.
    errors : dict
        Standard errors of the estimates, from the curvature; NaN if undetermined.
    log_likelihood : float
        Of all choices, in nats.
    log_p : array (row,)
        Of each choice; NaN where it was missed or forced.
    choices : int
    bic : float
        Bayesian information criterion; lower is better.
    converged : bool
    undetermined : dict
        Parameter -> "at its lower bound", "at its upper bound", "never left its start", or "flat":
        its standard error exceeds the whole range of starting points.
    """

    model: Model
    parameters: dict[str, float]
    errors: dict[str, float]
    log_likelihood: float
    log_p: np.ndarray
    choices: int
    bic: float
    converged: bool
    undetermined: dict[str, str]


class Problem:
    """Cost as a function of a model's free parameters, each in units of the range of its starting
    points."""

    def __init__(
        self, model: Model, prepared: Prepared, fixed: Mapping[str, float | None] | None
    ) -> None:
        held = {**model.fixed, **(fixed or {})}
        unknown = [name for name in held if name not in model.parameters]
        check(not unknown, "fixed", unknown, f"parameters of {model.name}")
        if prepared.scale != 1:  # .5 is the middle of 0 and 1 only
            neutral = [n for n, parameter in model.parameters.items() if parameter.unit == "reward"]
            held |= {n: 0.0 for n in neutral if held[n] == model.parameters[n].fixed}
        self.model, self.prepared, self.held = model, prepared, held
        self.names = [name for name, value in held.items() if value is None]
        scales = {"reward": prepared.scale, "per reward": 1 / prepared.scale}
        free = [model.parameters[name] for name in self.names]
        unit = np.array([scales.get(parameter.unit, 1.0) for parameter in free])
        lows = [-p.high if p.unit == "reward" and prepared.scale != 1 else p.low for p in free]
        self.low = np.array([p.start[0] for p in free]) * unit
        self.width = np.array([p.start[1] for p in free]) * unit - self.low
        self.bounds = np.array([lows, [p.high for p in free]]) * unit
        self.z_bounds = ((self.bounds - self.low) / self.width).T if free else np.empty((0, 2))
        self.template = np.array([np.nan if v is None else v for v in held.values()], dtype=float)
        self.free = np.flatnonzero(np.isnan(self.template))
        self.decisions = int((prepared.rows.option >= 0).sum())

    def natural(self, z: np.ndarray) -> np.ndarray:
        """Parameters (..., parameter) in natural units."""
        low, high = self.bounds
        return np.minimum(np.maximum(self.low + self.width * z, low), high)

    def costs(self, z: np.ndarray) -> np.ndarray:
        """Mean negative log likelihood per decision at points (point, parameter)."""
        points = np.empty((len(z), len(self.template)))
        points[:] = self.template
        points[:, self.free] = self.natural(z)
        return -self.model.total(points, self.prepared.rows) / self.decisions

    def gradient(self, z: np.ndarray, central: bool = False) -> tuple[float, np.ndarray]:
        """Cost and its gradient, by forward or central differences within the bounds."""
        (low, high), count, each = self.z_bounds.T, len(z), np.arange(len(z))
        if central:
            up, down = np.minimum(z + STEP, high), np.maximum(z - STEP, low)
        else:
            up, down = np.where(z + STEP > high, z - STEP, z + STEP), z
        points = np.empty((1 + (2 if central else 1) * count, count))
        points[:] = z
        points[1 + each, each] = up
        if central:
            points[1 + count + each, each] = down
        cost = self.costs(points)
        above, below = cost[1 : 1 + count], cost[1 + count :] if central else cost[0]
        return float(cost[0]), (above - below) / (up - down)

    def climb(self, z: np.ndarray) -> Any:
        """Run L-BFGS-B from a point."""
        how: Any = {"method": "L-BFGS-B", "jac": True, "bounds": self.z_bounds}
        how["options"] = {"ftol": 1e-9, "gtol": 1e-6}
        return minimize(self.gradient, z, **how)

    def inside(self, z: np.ndarray) -> np.ndarray:
        """Tell which parameters are not at a bound, (parameter,)."""
        return (z > self.z_bounds[:, 0]) & (z < self.z_bounds[:, 1])

    def covariance(self, z: np.ndarray) -> np.ndarray:
        """Inverse curvature of the cost (parameter, parameter), in the units of z.

        0 for parameters at a bound; infinite variances in undetermined directions.
        """
        inside = np.flatnonzero(self.inside(z))
        out = np.zeros((len(z), len(z)))
        if not len(inside):
            return out
        first, second = np.triu_indices(len(inside))
        h = CURVATURE_STEP * np.eye(len(z))[inside]
        corners = [h[first] * i + h[second] * j for i, j in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
        centre = np.clip(z, *(self.z_bounds + 2 * CURVATURE_STEP * np.array([1, -1])).T)
        cost = self.costs((centre + np.array(corners)).reshape(-1, len(z))).reshape(4, -1)
        curvature = np.empty((len(inside), len(inside)))
        curvature[first, second] = (cost[0] - cost[1] - cost[2] + cost[3]) / 4 / CURVATURE_STEP**2
        curvature[second, first] = curvature[first, second]
        values, vectors = np.linalg.eigh(curvature)
        flat = values < FLAT * max(values.max(), 1.0)
        inverse = vectors @ (vectors / np.where(flat, np.inf, values)).T
        unknown = (vectors[:, flat] ** 2).sum(axis=1) > SHARE
        inverse[unknown, unknown] = np.inf
        out[np.ix_(inside, inside)] = inverse
        return out

    def errors(self, covariance: np.ndarray) -> np.ndarray:
        """Standard errors (parameter,) in the units of z; NaN if undetermined."""
        variance = np.diag(covariance) / self.decisions
        return np.sqrt(np.where((variance > 0) & np.isfinite(variance), variance, np.nan))

    def polish(self, z: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        """Refine the optimum by Newton's method, so that the result does not depend on the starting
        point."""
        inverse = np.where(np.isfinite(covariance), covariance, 0.0)
        cost, gradient = self.gradient(z, central=True)
        for _ in range(POLISHING):
            step = inverse @ gradient
            moved = np.clip(z - step, *self.z_bounds.T)
            following, gradient = self.gradient(moved, central=True)
            if following > cost:
                break
            z, cost = moved, following
        return z


def starting_points(rng: np.random.Generator, starts: int, parameters: int) -> np.ndarray:
    """Points of a Latin hypercube, (start, parameter), from 0 to 1."""
    cell = rng.permuted(np.tile(np.arange(starts)[:, None], parameters), axis=0)
    return (cell + rng.random(cell.shape)) / starts


def fit(
    model: Model,
    trials: pd.DataFrame | Prepared,
    rng: np.random.Generator | None = None,
    starts: int = 5,
    fixed: Mapping[str, float | None] | None = None,
    also: Mapping[str, float] | None = None,
) -> Fit:
    """Fit a model to one subject's choices by maximum likelihood.

    L-BFGS-B runs from every starting point; the best run continues until the cost no longer falls.

    Parameters
    ----------
    model : Model
    trials : DataFrame
        A trials table; missed and ``forced`` choices are not fitted, but the model learns from
        them.
    rng : numpy.random.Generator, optional
        Draws the starting points.
    starts : int
        Starting points.
    fixed : mapping, optional
        Parameters to hold at a value, or (None) to fit.
    also : mapping, optional
        Parameters of a further starting point.

    Raises
    ------
    UserError
        The table lacks a column, there is no free, valid choice, or the model does not apply to
        these choices or rewards.
    """
    check(starts >= 1 or also is not None, "starts", starts, "1 or more")
    prepared = model.prepare(trials)
    choices = prepared.choices
    check(choices > 0, "choice", "invalid or forced in all trials", "valid and free in some")
    problem = Problem(model, prepared, fixed)
    optimum = finish(problem, climb_from_all(problem, rng, starts, also))
    estimates = dict(zip(problem.names, map(float, problem.natural(optimum.z)), strict=True))
    held = {n: v for n, v in problem.held.items() if v is not None and v != model.fixed[n]}
    log_p = model.log_likelihood(prepared, estimates | held)
    total = float(np.nansum(log_p))
    return Fit(
        model,
        estimates | held,
        dict(zip(problem.names, map(float, optimum.errors * problem.width), strict=True)),
        total,
        log_p,
        choices,
        len(estimates) * float(np.log(choices)) - 2 * total,
        optimum.converged,
        _undetermined(problem, optimum),
    )


class Optimum(NamedTuple):
    """Best point, its starting point, standard errors, and whether the run converged."""

    z: np.ndarray
    start: np.ndarray
    errors: np.ndarray
    converged: bool


def climb_from_all(
    problem: Problem,
    rng: np.random.Generator | None,
    starts: int,
    also: Mapping[str, float] | None,
) -> Optimum:
    """Climb from several points; return the best optimum, not polished."""
    rng = np.random.default_rng(0) if rng is None else rng
    points = list(starting_points(rng, starts, len(problem.names))) if starts else []
    if also is not None:
        known = np.array([also[name] for name in problem.names])
        points.append((known - problem.low) / problem.width)
    if not problem.names:
        return Optimum(points[0], points[0], points[0], True)
    runs = [(problem.climb(point), point) for point in points]
    best, start = min(runs, key=lambda run: run[0].fun)
    return Optimum(best.x, start, np.full(len(best.x), np.nan), bool(best.success))


def finish(problem: Problem, optimum: Optimum) -> Optimum:
    """Polish an optimum, and find its standard errors."""
    if not problem.names:
        return optimum
    z, covariance = optimum.z, problem.covariance(optimum.z)
    inside = problem.inside(z)
    flat = inside & ~(problem.errors(covariance) <= 1)
    if flat.any() and not inside.all():  # a parameter at a bound may have made others irrelevant
        ends = [np.where(flat, end, np.clip(z, 0, 1)) for end in problem.z_bounds.T]
        runs = [problem.climb(point) for point in (z, *ends)]
        z = min(runs, key=lambda run: run.fun).x
        covariance = problem.covariance(z)
    z = problem.polish(z, covariance)
    return optimum._replace(z=z, errors=problem.errors(covariance))


def _undetermined(problem: Problem, optimum: Optimum) -> dict[str, str]:
    """Name parameters that the choices do not determine, and why."""
    reasons = {}
    for k, name in enumerate(problem.names):
        (low, high), z = problem.z_bounds[k], optimum.z[k]
        if z <= low:
            reasons[name] = "at its lower bound"
        elif z >= high:
            reasons[name] = "at its upper bound"
        elif z == optimum.start[k]:
            reasons[name] = "never left its start"
        elif not optimum.errors[k] <= 1:
            reasons[name] = "flat"
    return reasons


def folds(trials: pd.DataFrame, count: int = FOLDS) -> np.ndarray:
    """Fold of each row, (row,): by session, or by part of a session if there are few. If most
    choices would be in few folds, as with an animal that stopped responding, by parts of the
    choices.
    """
    session = groups = schema.session_numbers(trials)
    if session.max(initial=-1) < count - 1:
        last = trials["trial"].groupby(session).transform("max")
        groups = count * session + np.asarray(count * trials["trial"] // (last + 1))
    free = schema.free_choices(trials).to_numpy()
    if len(np.unique(groups[free] % count)) == count:
        return groups % count
    return np.minimum(count * np.maximum(free.cumsum() - 1, 0) // max(1, free.sum()), count - 1)


def cross_validate(
    model: Model,
    trials: pd.DataFrame | Prepared,
    fold: np.ndarray | int = FOLDS,
    rng: np.random.Generator | None = None,
    starts: int = 1,
    fixed: Mapping[str, float | None] | None = None,
    also: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Log probability of every choice under the model fitted to the other folds, so that additional
    parameters are no advantage in themselves.

    Parameters
    ----------
    model, trials, rng, starts, fixed, also
        As for ``fit``.
    fold : array (row,) or int
        Fold of each row of the table, or the number of ``folds``.

    Returns
    -------
    array (row,)
        In nats; NaN where the choice was missed or forced.
    """
    prepared = model.prepare(trials)
    if isinstance(fold, int):
        assert isinstance(trials, pd.DataFrame)
        fold = folds(trials, fold)
    by_row, out = np.asarray(fold)[prepared.order], np.full(len(prepared.order), np.nan)
    parts = np.unique(by_row[(prepared.rows.option >= 0).any(axis=1)])
    check(len(parts) >= 2, "folds", len(parts), "2 or more that have choices")
    for part in parts:
        problem = Problem(model, prepared.only(by_row != part), fixed)
        z = climb_from_all(problem, rng, starts, also).z
        held = {name: value for name, value in problem.held.items() if value is not None}
        fitted = dict(zip(problem.names, problem.natural(z), strict=True)) | held
        held_out = prepared.only(by_row == part)
        mine = np.zeros(len(out), bool)
        mine[np.sort(held_out.order)] = True
        log_p = np.full(len(out), np.nan)
        log_p[mine] = model.log_likelihood(held_out, fitted)
        out = np.where(np.isfinite(log_p), log_p, out)
    return out


def random_generator(key: Any, *more: int) -> np.random.Generator:
    """Random generator of a subject."""
    return np.random.default_rng([zlib.crc32(repr(key).encode()), *more])


def fit_subjects(
    models: Sequence[Model],
    trials: pd.DataFrame,
    starts: int = 5,
    validate: bool = True,
    description: str = "fitting models",
) -> pd.DataFrame:
    """Fit models to every subject that made a free, valid choice; shows a progress bar.

    Returns
    -------
    DataFrame
        The subject's columns, model, choices, log_likelihood (nats), likelihood_per_choice
        (geometric mean), bic, cross_validated (log likelihood per held-out choice, nats; if
        ``validate``), converged, undetermined ("parameter (reason), ..."), the parameters, and
        their standard errors, <parameter>_error.
    """
    free = trials[schema.free_choices(trials)]
    able = set(free.groupby(schema.SUBJECT, observed=True).groups)
    grouped = trials.groupby(schema.SUBJECT, observed=True, sort=False)
    jobs = [
        (key, subject_trials, model)
        for key, subject_trials in grouped
        if key in able
        for model in models
    ]
    rows, fold = [], np.empty(0, int)
    for key, subject_trials, model in tqdm(jobs, desc=description, unit="fit", disable=None):
        rng, prepared = random_generator(key), model.prepare(subject_trials)
        row = dict(zip(schema.SUBJECT, key, strict=True)) | _row(fit(model, prepared, rng, starts))
        if validate:
            fold = folds(subject_trials) if model is models[0] else fold
            held_out = cross_validate(model, prepared, fold, rng, 0, None, row)
            row["cross_validated"] = float(np.nanmean(held_out))
        rows.append(row)
    frame = pd.DataFrame(rows)
    errors = [name for name in map(str, frame) if name.endswith("_error")]
    names = [name for name in frame if f"{name}_error" in errors]
    last = ["converged", "undetermined", *names, *errors]
    return frame[[*(name for name in frame if name not in last), *last]]


def _row(fitted: Fit) -> dict[str, Any]:
    """A fit as a row of a table."""
    return {
        "model": fitted.model.name,
        "choices": fitted.choices,
        "log_likelihood": fitted.log_likelihood,
        "likelihood_per_choice": float(np.exp(fitted.log_likelihood / fitted.choices)),
        "bic": fitted.bic,
        "converged": fitted.converged,
        "undetermined": ", ".join(f"{n} ({why})" for n, why in fitted.undetermined.items()),
        **fitted.parameters,
        **{f"{name}_error": error for name, error in fitted.errors.items()},
    }


def _simulated(
    models: Mapping[str, Model], fits: pd.DataFrame, task: TaskFor, simulations: int, what: str
) -> Iterator[tuple[dict[str, Any], int, pd.DataFrame, np.random.Generator]]:
    """Simulate every fit ``simulations`` times; yield the fit, the repeat and the trials."""
    rows: Any = fits[fits["model"].isin(models)].to_dict("records")
    jobs = [(row, repeat) for row in rows for repeat in range(simulations)]
    for row, repeat in tqdm(jobs, desc=what, unit="simulated subject", disable=None):
        rng = random_generator([row[name] for name in schema.SUBJECT], repeat)
        trials = models[row["model"]].simulate(task(rng, row), row, rng)
        if trials["choice"].min() < trials["choice"].max():
            yield row, repeat, trials, rng


def recover(
    model: Model, fits: pd.DataFrame, task: TaskFor, simulations: int = 5, starts: int = 3
) -> pd.DataFrame:
    """Simulate subjects from a model's fits, and fit the model to them.

    Parameters
    ----------
    model : Model
    fits : DataFrame
        From ``fit_subjects``.
    task : function
        Returns the task of the subject simulated from a row of ``fits``.
    simulations, starts : int
        Simulated subjects per fit; starting points.

    Returns
    -------
    DataFrame
        The subject's columns, repeat, parameter, true, recovered.
    """
    rows = []
    for true, repeat, trials, rng in _simulated(
        {model.name: model}, fits, task, simulations, "parameter recovery"
    ):
        fitted = fit(model, trials, rng, starts)
        key = {name: true[name] for name in schema.SUBJECT} | {"repeat": repeat}
        rows += [
            key | {"parameter": name, "true": true[name], "recovered": fitted.parameters[name]}
            for name in fitted.errors
        ]
    columns = [*schema.SUBJECT, "repeat", "parameter", "true", "recovered"]
    return pd.DataFrame(rows, columns=columns)


def confusion(
    models: Sequence[Model],
    fits: pd.DataFrame,
    task: TaskFor,
    simulations: int = 1,
    starts: int = 3,
) -> pd.DataFrame:
    """Simulate subjects from every model's fits, and find the model that fits them best by BIC.

    Returns
    -------
    DataFrame
        simulated, best, percentage of the simulated subjects.
    """
    named = {model.name: model for model in models}
    winners = []
    for true, _, trials, rng in _simulated(named, fits, task, simulations, "model recovery"):
        bics = {name: fit(model, trials, rng, starts).bic for name, model in named.items()}
        winners.append((true["model"], min(bics, key=lambda name: bics[name])))
    frame = pd.DataFrame(winners, columns=["simulated", "best"])
    table = pd.crosstab(frame["simulated"], frame["best"], normalize="index")
    table = 100 * table.reindex(index=list(named), columns=list(named)).fillna(0.0)
    table = table.rename_axis(index="simulated", columns="best").reset_index()
    return table.melt("simulated", var_name="best", value_name="percentage")
