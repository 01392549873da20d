"""Behavioural analyses of trials tables. They run on networks, textbook learners and animals alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression
from statsmodels.discrete.discrete_model import Logit
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from prefrontal.learners import rescorla_wagner
from prefrontal.learners.choice import check_arms
from prefrontal.learners.two_step import TRIAL_TYPES
from prefrontal.tables import free_choices

SUBJECT = ["condition", "seed"]
"""Columns that tell subjects apart."""

EPISODE = [*SUBJECT, "episode"]
"""Columns that tell sequences of trials apart: no lag crosses from one to the next."""


SAME = "all outcomes are the same"


class Estimate(NamedTuple):
    """Coefficients of a regression.

    Attributes
    ----------
    weights, errors : array (predictors,)
        Coefficients and their standard errors; NaN throughout where the data cannot determine them.
    undetermined : str
        Why they cannot; empty where they can.
    """

    weights: np.ndarray
    errors: np.ndarray
    undetermined: str = ""


def unknown(design: np.ndarray, why: str) -> Estimate:
    """Say why a regression on these predictors has no coefficients."""
    nothing = np.full(design.shape[1], np.nan)
    return Estimate(nothing, nothing, why)


def logistic(outcome: np.ndarray, design: np.ndarray, groups: np.ndarray | None = None) -> Estimate:
    """Logistic regression (statsmodels), without adding a constant.

    Parameters
    ----------
    outcome : array (trials,)
        0 or 1.
    design : array (trials, predictors)
    groups : array (trials,), optional
        Rows that tell of one and the same choice share a number; standard errors are then robust to that.
    """
    if len(outcome) <= design.shape[1]:
        return unknown(design, f"{len(outcome)} choices for {design.shape[1]} weights")
    if len(np.unique(outcome)) < 2:
        return unknown(design, SAME)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return unknown(design, "predictors that never vary, or depend on each other")
    model = Logit(outcome, design)
    model.raise_on_perfect_prediction = True
    robust: dict[str, Any] = {} if groups is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is found out below
            fit = model.fit(disp=0, maxiter=100, **robust)
    except (PerfectSeparationError, np.linalg.LinAlgError):
        return unknown(design, "predictors separate the outcomes perfectly")
    if not fit.mle_retvals["converged"]:
        return unknown(design, "predictors separate the outcomes almost perfectly: the fit does not converge")
    return Estimate(np.asarray(fit.params), np.asarray(fit.bse))


def shrunken_logistic(outcome: np.ndarray, design: np.ndarray, prior: float) -> Estimate:
    """Logistic regression with a normal prior on every weight, of mean 0 and standard deviation ``prior`` (scikit-learn).

    Its weights, the most probable ones, are finite even where predictors separate the outcomes. Standard errors are NaN.
    """
    if len(np.unique(outcome)) < 2:
        return unknown(design, SAME)
    fit = LogisticRegression(C=prior**2, fit_intercept=False, solver="newton-cholesky", tol=1e-8).fit(design, outcome)
    return Estimate(fit.coef_[0], np.full(design.shape[1], np.nan))


def fit_logistic(outcome: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Coefficients of a logistic regression; see ``logistic``."""
    return logistic(outcome, design).weights


def conditional_logistic(choice: np.ndarray, design: np.ndarray) -> Estimate:
    """Conditional (softmax) logistic regression of choices among n arms.

    Under it the odds of two arms do not depend on the others. Every choice therefore tells the same coefficients in comparison
    with each arm that was not chosen, as in a logistic regression of pairs (Begg & Gray 1984), which is what is fitted.

    Parameters
    ----------
    choice : array (trials,)
        Index of the chosen arm.
    design : array (trials, arms, predictors)
    """
    outcomes, differences, trials = [], [], []
    for first, second in combinations(range(design.shape[1]), 2):
        either = np.flatnonzero((choice == first) | (choice == second))
        outcomes.append((choice[either] == second).astype(float))
        differences.append(design[either, second] - design[either, first])
        trials.append(either)
    return logistic(np.concatenate(outcomes), np.concatenate(differences), np.concatenate(trials))


def lagged(trials: pd.DataFrame, signals: dict[str, pd.Series], lags: int) -> pd.DataFrame:
    """Signals of the last trials beside each trial.

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

    Trials with an invalid choice, or too early in their episode to have all lags, are left out as outcomes.

    Parameters
    ----------
    trials, signals, lags
        As for ``lagged``.
    where : Series of bool, optional
        Trials to use as outcomes; the others still serve as history.
    errors : bool
        Return standard errors, and why weights are undetermined, too.
    prior : float, optional
        Standard deviation of a normal prior on the weights, with which none is infinite (``shrunken_logistic``).

    Returns
    -------
    DataFrame
        condition, seed, signal, lag, weight in log odds per unit of the signal; signal "bias" has lag 0; if asked for, error and
        undetermined (see ``Estimate``).
    """
    check_arms(trials["choice"], 2, "lagged_regression")
    design = lagged(trials, signals, lags)

    def fit(rows: np.ndarray) -> Estimate:
        x = np.column_stack([np.ones(len(rows)), design.to_numpy(float)[rows]])
        choice = trials["choice"].to_numpy(float)[rows]
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
    """Fit each subject's usable trials, by position -> condition, seed, signal, lag, weight; ``names`` are <signal>_<lag>."""
    usable = design.notna().all(axis=1).to_numpy() & (trials["choice"] >= 0).to_numpy()
    if where is not None:
        usable &= where.to_numpy()
    rows = []
    own = trials[SUBJECT].reset_index(drop=True)
    for (condition, seed), block in own.groupby(SUBJECT, observed=True, sort=False):
        found = fit(block.index[usable[block.index]].to_numpy())
        for name, weight, error in zip(names, found.weights, found.errors, strict=True):
            signal, _, lag = name.rpartition("_")
            row = {"condition": condition, "seed": seed, "signal": signal, "lag": int(lag), "weight": weight}
            rows.append(row | ({"error": error, "undetermined": found.undetermined} if errors else {}))
    more = ["error", "undetermined"] if errors else []
    return pd.DataFrame(rows, columns=["condition", "seed", "signal", "lag", "weight", *more])


def arm_signals(trials: pd.DataFrame, arms: int) -> dict[str, pd.DataFrame]:
    """Reward and choice of each trial by arm, (trials, arms), for ``arm_regression``: 1 where the arm was chosen (and paid)."""
    check_arms(trials["choice"], arms, "arm_signals")
    chosen = pd.DataFrame({arm: (trials["choice"] == arm).astype(float) for arm in range(arms)}, trials.index)
    return {"reward": chosen.mul(trials["reward"] > 0, axis=0), "choice": chosen}


def arm_regression(
    trials: pd.DataFrame, signals: dict[str, pd.DataFrame], lags: int, where: pd.Series | None = None, errors: bool = False
) -> pd.DataFrame:
    """Conditional logistic regression of choosing an arm on what each arm did in the last trials, per subject.

    The log odds of an arm against another are the difference of their weighted signals, and of their biases. With two arms this
    is ``lagged_regression`` on the difference of the signals.

    Parameters
    ----------
    trials, lags, where, errors
        As for ``lagged_regression``; choices are the arms' indices.
    signals : dict of DataFrame
        A column per arm and a row per trial, by name, such as ``arm_signals``.

    Returns
    -------
    DataFrame
        condition, seed, signal, lag, weight in log odds per unit of the signal; signals "bias 1", "bias 2", ..., of these arms
        against arm 0, have lag 0.
    """
    arms = next(iter(signals.values())).shape[1]
    check_arms(trials["choice"], arms, "arm_regression")
    designs = [lagged(trials, {name: signal.iloc[:, arm] for name, signal in signals.items()}, lags) for arm in range(arms)]
    names = [f"bias {arm}_0" for arm in range(1, arms)] + list(designs[0].columns)

    def fit(rows: np.ndarray) -> Estimate:
        bias = np.broadcast_to(np.eye(arms)[:, 1:], (len(rows), arms, arms - 1))
        history = np.stack([design.to_numpy(float)[rows] for design in designs], axis=1)
        return conditional_logistic(trials["choice"].to_numpy()[rows], np.concatenate([bias, history], axis=2))

    return _weights(trials, designs[0], where, names, fit, errors)


def two_step_weights(trials: pd.DataFrame, lags: int = 5, errors: bool = False, prior: float | None = None) -> pd.DataFrame:
    """Lagged regression of the two-step task (Miller et al. 2017; Wang et al. 2018, Fig. 5d, e).

    Each kind of trial (common or uncommon transition, rewarded or not) is one signal: +1 where its choice was right, -1 where
    left, 0 on trials of the other kinds. A positive weight is a tendency to repeat the choice. Forced choices (column ``forced``)
    serve as history only.

    Returns
    -------
    DataFrame
        As ``lagged_regression``; signal such as "common/rewarded".
    """
    side = pd.Series(np.select([trials["choice"] == 1, trials["choice"] == 0], [1.0, -1.0], 0.0), index=trials.index)
    signals = {}
    for transition, outcome in TRIAL_TYPES:
        is_kind = (trials["transition"] == transition) & ((trials["reward"] > 0) == (outcome == "rewarded"))
        signals[f"{transition}/{outcome}"] = side * is_kind
    return lagged_regression(trials, signals, lags, free_choices(trials), errors, prior)


PLANNER_STAYS = ("common/rewarded", "uncommon/unrewarded")
MODEL_FREE_STAYS = ("common/rewarded", "uncommon/rewarded")
"""Signals of ``two_step_weights`` after which a planner stays, and a model-free learner."""


def staying_by_lag(weights: pd.DataFrame, stays: Sequence[str]) -> pd.DataFrame:
    """Tell planning, or model-free control, from weights of past trials, by lag (log odds).

    Parameters
    ----------
    weights : DataFrame
        As from ``two_step_weights``.
    stays : sequence of str
        Signals after which such a learner stays: ``PLANNER_STAYS`` or ``MODEL_FREE_STAYS``.

    Returns
    -------
    DataFrame
        condition, seed, "lag 1", ...: mean weight of these trials, minus that of the others, halved.
    """
    past = weights[weights["lag"] > 0]
    signed = past["weight"].where(past["signal"].isin(stays), -past["weight"])
    past = past.assign(weight=signed, lag="lag " + past["lag"].astype(str))
    by_lag = past.groupby([*SUBJECT, "lag"])["weight"].mean()
    return by_lag.unstack("lag").rename_axis(columns=None).reset_index()


def stays(trials: pd.DataFrame) -> pd.DataFrame:
    """Tell for each pair of successive trials, valid and the second one free, whether the choice was repeated.

    Returns
    -------
    DataFrame
        Of the pair's first trial: condition, seed, outcome ("rewarded", "unrewarded"), stay, and, where the table tells them,
        transition and correct (the choice whose common transition leads to the rich state).
    """
    own = trials["choice"].where(free_choices(trials), -1)
    following = own.groupby([trials[name] for name in EPISODE], observed=True, sort=False).shift(-1)
    pair = (trials["choice"] >= 0) & (following >= 0)
    first = trials[pair]
    columns = {
        "condition": first["condition"].astype(str),
        "seed": first["seed"],
        "outcome": np.where(first["reward"] > 0, "rewarded", "unrewarded"),
        "stay": first["choice"] == following[pair],
    }
    if "transition" in first.columns:
        columns["transition"] = first["transition"].astype(str)
    if "rich_state" in first.columns:
        columns["correct"] = np.where(first["choice"] == 0, "S1", "S2") == first["rich_state"].astype(str)
    return pd.DataFrame(columns)


def stay_probability(trials: pd.DataFrame) -> pd.DataFrame:
    """Probability of repeating a choice by its outcome and, in the two-step task, transition (Daw et al. 2011), per subject."""
    pairs = stays(trials)
    by = [name for name in (*SUBJECT, "transition", "outcome") if name in pairs.columns]
    return (
        pairs.groupby(by, sort=True)["stay"]
        .agg(["mean", "size"])
        .reset_index()
        .rename(columns={"mean": "stay_probability", "size": "trials"})
    )


def stay_interaction(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward x transition interaction in staying, in log odds, with the correct side as covariate, per subject.

    Logistic regression of stay on outcome, transition, their product and whether the choice was correct, coded ±1/2. Without
    the covariate a subject that only follows the richer side shows an interaction too (Akam, Costa & Dayan 2015).
    """
    rows = []
    for (condition, seed), block in stays(trials).groupby(SUBJECT, sort=False):
        outcome, transition = (block["outcome"] == "rewarded") - 0.5, (block["transition"] == "common") - 0.5
        design = pd.DataFrame(
            {
                "constant": 1.0,
                "outcome": outcome,
                "transition": transition,
                "interaction": outcome * transition * 2,
                "correct": block["correct"] - 0.5,
            }
        )
        weights = fit_logistic(block["stay"].to_numpy(float), design.to_numpy(float))
        rows.append({"condition": condition, "seed": seed, "interaction": weights[3]})
    return pd.DataFrame(rows, columns=["condition", "seed", "interaction"])


def explained_variance(outcome: np.ndarray, predictors: Sequence[np.ndarray]) -> float:
    """Share of variance r2 that a linear regression with a constant explains; NaN where nothing varies."""
    if len(outcome) < len(predictors) + 2 or np.ptp(outcome) == 0:
        return np.nan
    return float(OLS(outcome, add_constant(np.column_stack(predictors), has_constant="add")).fit().rsquared)


def residual(outcome: np.ndarray, predictor: np.ndarray) -> np.ndarray:
    """What is left of ``outcome`` after a linear regression on ``predictor`` with a constant."""
    if len(outcome) < 3:
        return np.full(len(outcome), np.nan)
    return np.asarray(OLS(outcome, add_constant(predictor, has_constant="add")).fit().resid)


def standardized_weights(outcome: np.ndarray, predictors: dict[str, np.ndarray]) -> dict[str, float]:
    """Weights of a multiple linear regression on z-scored variables, as weight_<name>."""
    values = np.column_stack([outcome, *predictors.values()])
    if len(values) < values.shape[1] + 2 or (np.ptp(values, axis=0) == 0).any():
        return {f"weight_{name}": np.nan for name in predictors}
    z = stats.zscore(values, axis=0)
    return dict(zip([f"weight_{name}" for name in predictors], OLS(z[:, 0], z[:, 1:]).fit().params, strict=True))


def matching_points(trials: pd.DataFrame) -> pd.DataFrame:
    """Log ratios of choices and of rewards of every episode (Herrnstein's matching law; Lau & Glimcher 2005).

    Episodes in which one side was never chosen or never rewarded have no such ratio and are left out.

    Returns
    -------
    DataFrame
        condition, seed, episode, choice_ratio = log2(right / left choices), reward_ratio = log2(right / left rewards).
    """
    check_arms(trials["choice"], 2, "matching_points")
    right, left, paid = trials["choice"] == 1, trials["choice"] == 0, trials["reward"] > 0
    counts = trials[EPISODE].assign(choices_right=right, choices_left=left, rewards_right=right & paid, rewards_left=left & paid)
    counts = counts.groupby(EPISODE, observed=True).sum().reset_index()
    names = ["choices_right", "choices_left", "rewards_right", "rewards_left"]
    counts = counts[(counts[names] > 0).all(axis=1)]
    return (
        counts[EPISODE]
        .assign(
            choice_ratio=np.log2(counts["choices_right"] / counts["choices_left"]),
            reward_ratio=np.log2(counts["rewards_right"] / counts["rewards_left"]),
        )
        .reset_index(drop=True)
    )


def matching_slope(points: pd.DataFrame) -> float:
    """Slope of log choice ratio on log reward ratio: 1 is matching, less is undermatching; NaN where it is undetermined."""
    if points["reward_ratio"].nunique() < 2 or len(points) < 3:
        return np.nan
    return float(stats.linregress(points["reward_ratio"], points["choice_ratio"]).slope)


def history_signals(trials: pd.DataFrame) -> dict[str, pd.Series]:
    """Reward and choice of each trial by side, R_right - R_left and C_right - C_left (Lau & Glimcher 2005).

    A positive reward weight is a tendency to follow reward, a positive choice weight a tendency to repeat the choice.
    """
    check_arms(trials["choice"], 2, "history_signals")
    side = (trials["choice"] == 1).astype(float) - (trials["choice"] == 0)
    return {"reward": side * (trials["reward"] > 0), "choice": side}


def history_value(trials: pd.DataFrame, weights: pd.DataFrame, side: int) -> pd.Series:
    """Value of one side, in log odds: its own recent rewards and choices, weighted as in a ``lagged_regression``.

    Parameters
    ----------
    trials : DataFrame
        Of one subject.
    weights : DataFrame
        That subject's weights of ``history_signals``.
    side : int
        0 left, 1 right.

    Returns
    -------
    Series
        NaN where the episode had not begun for the longest lag.
    """
    own = (trials["choice"] == side).astype(float)
    signals = {"reward": own * (trials["reward"] > 0), "choice": own}
    kernel = weights[weights["lag"] > 0]
    design = lagged(trials, signals, int(kernel["lag"].max()))
    names = list(kernel["signal"] + "_" + kernel["lag"].astype(str))
    return pd.Series(design[names].to_numpy(float) @ kernel["weight"].to_numpy(float), index=trials.index)


RATE_GRID = np.linspace(0.01, 1.0, 100)
"""Learning rates that the sliding-window fit tries."""

TEMPERATURE_GRID = np.geomspace(1.0, 256.0, 17)
"""Inverse temperatures that it tries, per unit of the magnitudes scaled to 0-1."""


def learning_rate_likelihood(
    pays_left: np.ndarray,
    choice: np.ndarray,
    magnitude_left: np.ndarray,
    magnitude_right: np.ndarray,
    rates: np.ndarray = RATE_GRID,
    temperatures: np.ndarray = TEMPERATURE_GRID,
) -> np.ndarray:
    """Log likelihood of choices under Rescorla-Wagner learning, for every trial, learning rate and temperature.

    The predicted probability that left pays follows the outcomes from the start of the episode
    (``prefrontal.learners.rescorla_wagner``); choice follows the difference of expected rewards.

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
    difference = rescorla_wagner.advantage(value, magnitude_left.astype(np.float32), magnitude_right.astype(np.float32))
    against = np.where(choice == 0, -difference, difference)  # (rates, episodes, trials): the other arm's advantage
    total = np.empty((against.shape[-1], len(rates), len(temperatures)))
    odds = np.ones((8, -(-len(choice) // 8), against.shape[-1]))
    each = odds.reshape(-1, against.shape[-1])[: len(choice)]
    for (i, own), (k, temperature) in product(enumerate(against), enumerate(temperatures.astype(np.float32))):
        # Single precision vectorises; the bound keeps exp finite, where a choice is all but impossible anyway, and so the
        # product of eight episodes' odds, of which one logarithm, which is slow, tells as much as eight.
        np.add(np.exp(np.minimum(temperature * own, 80)), 1, out=each, dtype=np.float64)
        total[:, i, k] = -np.log(odds.prod(0)).sum(0)
    return total


def sliding_learning_rates(
    likelihood: np.ndarray,
    window: int = 10,
    shared_temperature: bool = False,
    rates: np.ndarray = RATE_GRID,
    temperatures: np.ndarray = TEMPERATURE_GRID,
) -> tuple[np.ndarray, np.ndarray]:
    """Maximum-likelihood learning rate in a window that slides over the trials (Wang et al. 2018, simulation 2).

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
    told = np.ptp(windows.max(2), axis=1) > 1e-6
    return np.where(told, rates[rate], np.nan), np.where(told, temperatures[temperature], np.nan)
