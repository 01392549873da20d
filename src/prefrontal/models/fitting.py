"""Which rule made these choices? Learners and heuristics, fitted to somebody's choices, and
compared by cross-validation.

A rule gives the log odds of choosing right on every trial, or of choosing each of n arms, from the
subject's own earlier trials and a few free parameters. Arrays are (episode, trial, ...), or (row,
...) where all that a rule goes by was worked out before; choice is the arm's index (0 left, 1
right), -1 invalid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.optimize import minimize

from prefrontal.errors import check
from prefrontal.models.softmax import check_arms

Data = dict[str, np.ndarray]
"""What a rule looks at, each (episode, trial, ...); "choice" is required."""


GRADIENT = 1e-9
"""A fit is done where the mean log likelihood changes by less than this per unit of any
parameter."""


@dataclass(frozen=True)
class Rule:
    """A way to choose, with free parameters."""

    log_odds: Callable[..., np.ndarray]
    """From data, and the parameters by name, to the log odds of choosing right, (episode, trial),
    or of each arm, (..., arms)."""
    bounds: dict[str, tuple[float, float]]
    """Range of each parameter."""
    starts: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Range of the optimiser's starting points, where it is narrower."""
    arms: int = 2


def last_choices(choice: np.ndarray) -> np.ndarray:
    """Latest choice before each trial, invalid ones skipped: (..., trial) -> (..., trial); -1 if
    there was none."""
    position = np.where(choice >= 0, np.arange(choice.shape[-1]), -1)
    latest = np.maximum.accumulate(position, axis=-1)
    before = np.concatenate([np.full_like(latest[..., :1], -1), latest[..., :-1]], axis=-1)
    return np.where(before >= 0, np.take_along_axis(choice, np.maximum(before, 0), axis=-1), -1)


def direction(choice: np.ndarray) -> np.ndarray:
    """Tell which way a choice goes: 1 right, -1 left, 0 for none."""
    return np.where(choice >= 0, 2.0 * choice - 1, 0.0)


def toward_last(choice: np.ndarray) -> np.ndarray:
    """Tell which way repeating the last valid choice goes: 1 right, -1 left, 0 if there was none;
    (episode, trial)."""
    return direction(last_choices(choice))


def stay_after(choice: np.ndarray, kind: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Repeat or leave the last choice, as the kind of the last trial asks: the heuristics of one
    trial back.

    Parameters
    ----------
    choice, kind : array (episode, trial)
        ``kind`` is an index into ``log_odds``; with kind 0 for losses and 1 for wins the rule is
        win-stay lose-shift.
    log_odds : array (kinds,)
        Of staying, after a trial of each kind.

    Returns
    -------
    array (episode, trial)
        Log odds of right; 0 where no trial went before, or an invalid one.
    """
    out = np.zeros(choice.shape)
    out[:, 1:] = log_odds[kind[:, :-1]] * direction(choice[:, :-1])
    return out


def win_stay_lose_shift(data: Data, after_win: float, after_loss: float) -> np.ndarray:
    """Win-stay lose-shift with lapses; the parameters are log odds of staying."""
    return stay_after(
        data["choice"], (data["reward"] > 0).astype(int), np.array([after_loss, after_win])
    )


WIN_STAY_LOSE_SHIFT = Rule(
    win_stay_lose_shift, {"after_win": (-8.0, 8.0), "after_loss": (-8.0, 8.0)}
)


def log_probabilities(choice: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Log probability of each choice in nats, given the log odds of right, or of each arm; NaN
    where it is invalid."""
    if log_odds.ndim > choice.ndim:
        chosen = np.take_along_axis(log_odds, np.maximum(choice, 0)[..., None], axis=-1)[..., 0]
        return np.where(choice >= 0, chosen - np.logaddexp.reduce(log_odds, axis=-1), np.nan)
    of_choice = np.where(choice == 1, log_odds, -log_odds)
    # SciPy's log_expit takes five times as long.
    log_p = np.minimum(of_choice, 0) - np.log1p(np.exp(-np.abs(of_choice)))
    return np.where(choice >= 0, log_p, np.nan)


def log_likelihoods(rule: Rule, data: Data, parameters: dict[str, float]) -> np.ndarray:
    """Log probability of each choice under a rule in nats, (episode, trial); NaN where it is
    invalid."""
    return log_probabilities(data["choice"], rule.log_odds(data, **parameters))


def maximum_likelihood(rule: Rule, data: Data, points: np.ndarray) -> tuple[dict[str, float], bool]:
    """Maximum-likelihood parameters, and whether the optimiser converged.

    L-BFGS-B runs from every starting point. The best run goes on, with more exact derivatives,
    until nothing is gained: where parameters matter little, its first end depends on where it
    began, and on how the processor rounds.

    Parameters
    ----------
    rule : Rule
    data : Data
    points : array (runs, parameters)
        Starting points.

    Raises
    ------
    UserError
        There is no valid choice, or one of an arm that the rule does not know.
    """
    counted = data["choice"] >= 0
    check(
        bool(counted.any()), "choice", "invalid or forced in all trials", "valid and free in some"
    )
    check_arms(data["choice"], rule.arms, "this rule")
    names = list(rule.bounds)

    def cost(vector: np.ndarray) -> float:
        return -float(
            log_likelihoods(rule, data, dict(zip(names, vector, strict=True)))[counted].mean()
        )

    climb = partial(minimize, cost, method="L-BFGS-B", bounds=list(rule.bounds.values()))
    best = min((climb(point) for point in points), key=lambda run: run.fun)
    end = climb(best.x, jac="3-point", options={"ftol": 0.0, "gtol": GRADIENT})
    return dict(zip(names, map(float, end.x), strict=True)), bool(best.success)


def fit(rule: Rule, data: Data, rng: np.random.Generator, starts: int = 3) -> dict[str, float]:
    """Maximum-likelihood parameters of a rule; starting points are drawn from its range for
    them."""
    if not rule.bounds:
        return {}
    low, high = np.array(list((rule.bounds | rule.starts).values())).T
    return maximum_likelihood(rule, data, rng.uniform(low, high, (starts, len(low))))[0]


def cross_validate(
    rule: Rule,
    data: Data,
    rng: np.random.Generator,
    folds: int = 2,
    starts: int = 3,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Log probability of every choice under the rule fitted to other episodes, or to other
    ``groups`` of rows.

    Rules with more parameters gain nothing by them here, unless the parameters help to predict.

    Parameters
    ----------
    rule : Rule
    data : Data
        Of one subject.
    rng : numpy.random.Generator
        Draws starting points.
    folds : int
        Parts of the episodes; each is predicted from the others.
    starts : int
        Starting points of every fit.
    groups : array of int (rows,), optional
        Rows of one number stay together; by default each is an episode of its own.

    Returns
    -------
    array (episode, trial)
        In nats; NaN where the choice is invalid.
    """
    groups = np.arange(len(data["choice"])) if groups is None else groups
    episodes = len(np.unique(groups))
    check(
        2 <= folds <= episodes, "folds", folds, f"between 2 and the number of episodes, {episodes}"
    )
    fold = groups % folds
    out = np.empty(data["choice"].shape)
    for k in range(folds):
        train, test = (
            {name: array[part] for name, array in data.items()} for part in (fold != k, fold == k)
        )
        out[fold == k] = log_likelihoods(rule, test, fit(rule, train, rng, starts))
    return out
