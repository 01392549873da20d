"""Behavioural analyses of trials tables, for networks, textbook learners and animals alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from prefrontal.tables.schema import EPISODE, SUBJECT, check_arms

SAME = "all outcomes are the same"


class Estimate(NamedTuple):
    """Coefficients of a regression.

    Attributes
    ----------
    weights, errors : array (predictors,)
        Coefficients and their standard errors; NaN throughout where the data cannot determine them.
    undetermined : str
        Why the data do not determine them; empty if they do.
    """

    weights: np.ndarray
    errors: np.ndarray
    undetermined: str = ""


def unknown(design: np.ndarray, why: str) -> Estimate:
    """Say why a regression on these predictors has no coefficients."""
    nothing = np.full(design.shape[1], np.nan)
    return Estimate(nothing, nothing, why)


def logistic(outcome: np.ndarray, design: np.ndarray) -> Estimate:
    """Logistic regression (statsmodels), without adding a constant.

    Parameters
    ----------
    outcome : array (trials,)
        0 or 1.
    design : array (trials, predictors)
    """
    if len(outcome) <= design.shape[1]:
        return unknown(design, f"{len(outcome)} choices for {design.shape[1]} weights")
    if len(np.unique(outcome)) < 2:
        return unknown(design, SAME)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return unknown(design, "predictors that never vary, or depend on each other")
    model = Logit(outcome, design)
    model.raise_on_perfect_prediction = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn about is checked below
            fit = model.fit(disp=0, maxiter=100)
    except (PerfectSeparationError, np.linalg.LinAlgError):
        return unknown(design, "predictors separate the outcomes perfectly")
    if not fit.mle_retvals["converged"]:
        return unknown(
            design, "predictors separate the outcomes almost perfectly: the fit does not converge"
        )
    return Estimate(np.asarray(fit.params), np.asarray(fit.bse))


def shrunken_logistic(outcome: np.ndarray, design: np.ndarray, prior: float) -> Estimate:
    """Logistic regression with a normal prior on every weight, of mean 0 and standard deviation
    ``prior`` (scikit-learn).

    Its weights, the most probable ones, are finite even where predictors separate the outcomes.
    Standard errors are NaN.
    """
    if len(np.unique(outcome)) < 2:
        return unknown(design, SAME)
    fit = LogisticRegression(
        C=prior**2, fit_intercept=False, solver="newton-cholesky", tol=1e-8
    ).fit(design, outcome)
    return Estimate(fit.coef_[0], np.full(design.shape[1], np.nan))


def conditional_logistic(choice: np.ndarray, design: np.ndarray) -> Estimate:
    """Conditional (softmax) logistic regression of choices among n arms, by Newton's method.

    The maximum-likelihood estimate of statsmodels' ``ConditionalLogit``, in a thousandth of the
    time.

    Parameters
    ----------
    choice : array (trials,)
        Index of the chosen arm.
    design : array (trials, arms, predictors)
    """
    chosen = np.take_along_axis(design, choice[:, None, None].astype(int), axis=1)
    ahead = design - chosen  # of the chosen arm, (trials, arms, predictors)
    if len(choice) <= design.shape[2]:
        return unknown(design[:, 0], f"{len(choice)} choices for {design.shape[2]} weights")
    if len(np.unique(choice)) < 2:
        return unknown(design[:, 0], SAME)
    if np.linalg.matrix_rank(ahead.reshape(-1, design.shape[2])) < design.shape[2]:
        return unknown(design[:, 0], "predictors that never vary, or depend on each other")
    weights = np.zeros(design.shape[2])
    for _ in range(100):
        p = softmax(ahead @ weights, axis=1)
        mean = np.einsum("ta,tak->tk", p, ahead)
        square = np.einsum("ta,tak,taj->kj", p, ahead, ahead, optimize=True)
        information = square - mean.T @ mean
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, mean.sum(axis=0))
        weights -= step * min(1.0, 5 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            return Estimate(weights, np.sqrt(np.diag(np.linalg.inv(information))))
    return unknown(design[:, 0], "predictors separate the outcomes perfectly or almost")


def lagged(trials: pd.DataFrame, signals: dict[str, pd.Series], lags: int) -> pd.DataFrame:
    """Signals of the preceding trials, in the row of each trial.

    Parameters
    ----------
    trials : DataFrame
        Sorted by trial within episodes.
    signals : dict of Series
        One number per trial, by name.
    lags : int
        How many trials back.

    Returns
    -------
    DataFrame
        Columns <name>_<lag>, lag 1 being the trial before; NaN where the episode had not begun.
    """
    keys = [trials[name] for name in EPISODE]
    columns: dict[str, pd.Series] = {}
    for name, signal in signals.items():
        groups = signal.groupby(keys, observed=True, sort=False)
        columns |= {f"{name}_{lag}": groups.shift(lag) for lag in range(1, lags + 1)}
    return pd.DataFrame(columns, index=trials.index)


def lagged_regression(
    trials: pd.DataFrame,
    signals: dict[str, pd.Series],
    lags: int,
    where: pd.Series | None = None,
    errors: bool = False,
    prior: float | None = None,
) -> pd.DataFrame:
    """Logistic regression of choosing right on signals of the last trials, per subject.

    Trials with an invalid choice, or too early in their episode to have all lags, are left out as
    outcomes.

    Parameters
    ----------
    trials, signals, lags
        As for ``lagged``.
    where : Series of bool, optional
        Trials to use as outcomes; the others still serve as history.
    errors : bool
        Return standard errors, and why weights are undetermined, too.
    prior : float, optional
        Standard deviation of a normal prior on the weights, with which none is infinite
        (``shrunken_logistic``).

    Returns
    -------
    DataFrame
        variant, subject, signal, lag, weight in log odds per unit of the signal; signal "bias" has
        lag 0; if asked for, error and undetermined (see ``Estimate``).
    """
    check_arms(trials["choice"], 2, "lagged_regression")
    design = lagged(trials, signals, lags)
    history, choices = design.to_numpy(float), trials["choice"].to_numpy(float)

    def fit(rows: np.ndarray) -> Estimate:
        x, choice = np.column_stack([np.ones(len(rows)), history[rows]]), choices[rows]
        return logistic(choice, x) if prior is None else shrunken_logistic(choice, x, prior)

    return _weights(trials, design, where, ["bias_0", *design.columns], fit, errors)


def _weights(
    trials: pd.DataFrame,
    design: pd.DataFrame,
    where: pd.Series | None,
    names: Sequence[str],
    fit: Callable[[np.ndarray], Estimate],
    errors: bool,
) -> pd.DataFrame:
    """Fit each subject's usable trials, by position -> variant, subject, signal, lag, weight;
    ``names`` are <signal>_<lag>."""
    usable = design.notna().all(axis=1).to_numpy() & (trials["choice"] >= 0).to_numpy()
    if where is not None:
        usable &= where.to_numpy()
    rows = []
    subjects = trials[SUBJECT].reset_index(drop=True)
    for (variant, subject), block in subjects.groupby(SUBJECT, observed=True, sort=False):
        estimate = fit(block.index[usable[block.index]].to_numpy())
        for name, weight, error in zip(names, estimate.weights, estimate.errors, strict=True):
            signal, _, lag = name.rpartition("_")
            row = {
                "variant": variant,
                "subject": subject,
                "signal": signal,
                "lag": int(lag),
                "weight": weight,
            }
            rows.append(
                row | ({"error": error, "undetermined": estimate.undetermined} if errors else {})
            )
    more = ["error", "undetermined"] if errors else []
    return pd.DataFrame(rows, columns=["variant", "subject", "signal", "lag", "weight", *more])


def arm_signals(trials: pd.DataFrame, arms: int) -> dict[str, pd.DataFrame]:
    """Reward and choice of each trial by arm, (trials, arms), for ``arm_regression``: 1 where the
    arm was chosen (and paid)."""
    check_arms(trials["choice"], arms, "arm_signals")
    chosen = pd.DataFrame(
        {arm: (trials["choice"] == arm).astype(float) for arm in range(arms)}, trials.index
    )
    return {"reward": chosen.mul(trials["reward"] > 0, axis=0), "choice": chosen}


def arm_regression(
    trials: pd.DataFrame,
    signals: dict[str, pd.DataFrame],
    lags: int,
    where: pd.Series | None = None,
    errors: bool = False,
) -> pd.DataFrame:
    """Conditional logistic regression of the chosen arm on each arm's signals in the last trials,
    per subject.

    The log odds of an arm against another are the difference of their weighted signals, and of
    their biases. With two arms this is ``lagged_regression`` on the difference of the signals.

    Parameters
    ----------
    trials, lags, where, errors
        As for ``lagged_regression``; choices are the arms' indices.
    signals : dict of DataFrame
        A column per arm and a row per trial, by name, such as ``arm_signals``.

    Returns
    -------
    DataFrame
        variant, subject, signal, lag, weight in log odds per unit of the signal; signals "bias 1",
        "bias 2", ..., of these arms against arm 0, have lag 0.
    """
    arms = next(iter(signals.values())).shape[1]
    check_arms(trials["choice"], arms, "arm_regression")
    designs = [
        lagged(trials, {name: signal.iloc[:, arm] for name, signal in signals.items()}, lags)
        for arm in range(arms)
    ]
    names = [f"bias {arm}_0" for arm in range(1, arms)] + list(designs[0].columns)
    history, choices = np.stack(designs, axis=1, dtype=float), trials["choice"].to_numpy()

    def fit(rows: np.ndarray) -> Estimate:
        bias = np.broadcast_to(np.eye(arms)[:, 1:], (len(rows), arms, arms - 1))
        return conditional_logistic(choices[rows], np.concatenate([bias, history[rows]], axis=2))

    return _weights(trials, designs[0], where, names, fit, errors)


def explained_variance(outcome: np.ndarray, predictors: Sequence[np.ndarray]) -> float:
    """Variance r2 explained by a linear regression with a constant; NaN where nothing varies."""
    if len(outcome) < len(predictors) + 2 or np.ptp(outcome) == 0:
        return np.nan
    unexplained = residual(outcome, *predictors)
    return float(1 - unexplained @ unexplained / ((outcome - outcome.mean()) ** 2).sum())


def residual(outcome: np.ndarray, *predictors: np.ndarray) -> np.ndarray:
    """Return the residuals of a linear regression of ``outcome`` on predictors and a constant."""
    if len(outcome) < 3:
        return np.full(len(outcome), np.nan)
    design = np.column_stack([np.ones(len(outcome)), *predictors])
    return np.asarray(outcome - design @ np.linalg.lstsq(design, outcome)[0])
