"""Which rule made these choices? Learners and heuristics, compared by the cross-validated likelihood of somebody's choices.

A rule gives the log odds of choosing right on every trial, from the subject's own earlier trials and a few free parameters.
Arrays are (episode, trial, ...); choice is 0 left, 1 right, -1 invalid; episodes are independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit

from prefrontal.errors import require
from prefrontal.learners.two_step import last_choices

Data = dict[str, np.ndarray]
"""What a rule looks at, each (episode, trial, ...); "choice" is required."""


@dataclass(frozen=True)
class Rule:
    """A way to choose, with free parameters."""

    log_odds: Callable[..., np.ndarray]
    """From data, and the parameters by name, to the log odds of choosing right, (episode, trial)."""
    bounds: dict[str, tuple[float, float]]
    """Range of each parameter; starting points of a fit are drawn from it."""


def toward_last(choice: np.ndarray) -> np.ndarray:
    """Tell which way repeating the last valid choice goes: 1 right, -1 left, 0 if there was none; (episode, trial)."""
    last = last_choices(choice)
    return np.where(last >= 0, 2.0 * last - 1, 0.0)


def stay_after(choice: np.ndarray, kind: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Repeat or leave the last choice, as the kind of the last trial asks: the heuristics of one trial back.

    Parameters
    ----------
    choice, kind : array (episode, trial)
        ``kind`` is an index into ``log_odds``; with kind 0 for losses and 1 for wins the rule is win-stay lose-shift.
    log_odds : array (kinds,)
        Of staying, after a trial of each kind.

    Returns
    -------
    array (episode, trial)
        Log odds of right; 0 where no trial went before, or an invalid one.
    """
    out = np.zeros(choice.shape)
    out[:, 1:] = log_odds[kind[:, :-1]] * np.select([choice[:, :-1] == 1, choice[:, :-1] == 0], [1.0, -1.0], 0.0)
    return out


def win_stay_lose_shift(data: Data, after_win: float, after_loss: float) -> np.ndarray:
    """Win-stay lose-shift with lapses; the parameters are log odds of staying."""
    return stay_after(data["choice"], (data["reward"] > 0).astype(int), np.array([after_loss, after_win]))


WIN_STAY_LOSE_SHIFT = Rule(win_stay_lose_shift, {"after_win": (-8.0, 8.0), "after_loss": (-8.0, 8.0)})


def log_likelihoods(rule: Rule, data: Data, parameters: dict[str, float]) -> np.ndarray:
    """Log probability of each choice in nats, (episode, trial); NaN where it is invalid."""
    choice, right = data["choice"], rule.log_odds(data, **parameters)
    return np.where(choice >= 0, log_expit(np.where(choice == 1, right, -right)), np.nan)


def fit(rule: Rule, data: Data, rng: np.random.Generator, starts: int = 3) -> dict[str, float]:
    """Maximum-likelihood parameters (L-BFGS-B from several starting points; the best run counts)."""
    require(bool((data["choice"] >= 0).any()), "choice", "invalid in all trials", "valid (0 or 1) in some")
    names = list(rule.bounds)
    if not names:
        return {}

    def cost(vector: np.ndarray) -> float:
        return -float(np.nanmean(log_likelihoods(rule, data, dict(zip(names, vector, strict=True)))))

    low, high = np.array(list(rule.bounds.values())).T
    points = rng.uniform(low, high, (starts, len(names)))
    runs = [minimize(cost, point, method="L-BFGS-B", bounds=list(rule.bounds.values())) for point in points]
    return dict(zip(names, map(float, min(runs, key=lambda run: run.fun).x), strict=True))


def cross_validate(rule: Rule, data: Data, rng: np.random.Generator, folds: int = 2, starts: int = 3) -> np.ndarray:
    """Log probability of every choice under the rule fitted to other episodes.

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

    Returns
    -------
    array (episode, trial)
        In nats; NaN where the choice is invalid.
    """
    episodes = len(data["choice"])
    require(2 <= folds <= episodes, "folds", folds, f"between 2 and the number of episodes, {episodes}")
    fold = np.arange(episodes) % folds
    out = np.empty(data["choice"].shape)
    for k in range(folds):
        train, test = ({name: array[part] for name, array in data.items()} for part in (fold != k, fold == k))
        out[fold == k] = log_likelihoods(rule, test, fit(rule, train, rng, starts))
    return out
