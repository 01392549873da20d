"""Staying and switching in the two-step task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from prefrontal.analysis.regression import lagged_regression
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.tables.schema import EPISODE, SUBJECT, free_choices


def two_step_weights(
    trials: pd.DataFrame, lags: int = 5, errors: bool = False, prior: float | None = None
) -> pd.DataFrame:
    """Lagged regression of the two-step task (Miller et al. 2017; Wang et al. 2018, Fig. 5d, e).

    Each trial type (common or uncommon transition, rewarded or not) is one signal: +1 where its
    choice was right, -1 where left, 0 on trials of other types. A positive weight is a tendency
    to repeat the choice. Forced choices (column ``forced``) serve as history only.

    Returns
    -------
    DataFrame
        As ``lagged_regression``; signal such as "common/rewarded".
    """
    side = pd.Series(
        np.select([trials["choice"] == 1, trials["choice"] == 0], [1.0, -1.0], 0.0),
        index=trials.index,
    )
    signals = {}
    for transition, outcome in TRIAL_TYPES:
        is_kind = (trials["transition"] == transition) & (
            (trials["reward"] > 0) == (outcome == "rewarded")
        )
        signals[f"{transition}/{outcome}"] = side * is_kind
    return lagged_regression(trials, signals, lags, free_choices(trials), errors, prior)


PLANNER_STAYS = ("common/rewarded", "uncommon/unrewarded")


MODEL_FREE_STAYS = ("common/rewarded", "uncommon/rewarded")
"""Signals of ``two_step_weights`` after which a planner stays, and a model-free learner."""


def staying_by_lag(weights: pd.DataFrame, stays: Sequence[str]) -> pd.DataFrame:
    """Measure planning or model-free control by the weights of past trials, by lag (log odds).

    Parameters
    ----------
    weights : DataFrame
        As from ``two_step_weights``.
    stays : sequence of str
        Signals after which the learner stays: ``PLANNER_STAYS`` or ``MODEL_FREE_STAYS``.

    Returns
    -------
    DataFrame
        variant, subject, "lag 1", ...: half the difference between the mean weight of these trials
        and that of the others.
    """
    past = weights[weights["lag"] > 0]
    signed = past["weight"].where(past["signal"].isin(stays), -past["weight"])
    past = past.assign(weight=signed, lag="lag " + past["lag"].astype(str))
    by_lag = past.groupby([*SUBJECT, "lag"])["weight"].mean()
    return by_lag.unstack("lag").rename_axis(columns=None).reset_index()


def stays(trials: pd.DataFrame) -> pd.DataFrame:
    """For each pair of successive valid trials, the second one free, return whether the choice was
    repeated.

    Returns
    -------
    DataFrame
        For the first trial of each pair: variant, subject, outcome ("rewarded", "unrewarded"),
        stay, and, if the table has them, transition and correct (the choice whose common
        transition leads to the rich state).
    """
    choices = trials["choice"].where(free_choices(trials), -1)
    following = choices.groupby(
        [trials[name] for name in EPISODE], observed=True, sort=False
    ).shift(-1)
    pair = (trials["choice"] >= 0) & (following >= 0)
    first = trials[pair]
    columns = {
        "variant": first["variant"].astype(str),
        "subject": first["subject"],
        "outcome": np.where(first["reward"] > 0, "rewarded", "unrewarded"),
        "stay": first["choice"] == following[pair],
    }
    if "transition" in first.columns:
        columns["transition"] = first["transition"].astype(str)
    if "rich_state" in first.columns:
        columns["correct"] = np.where(first["choice"] == 0, "S1", "S2") == first[
            "rich_state"
        ].astype(str)
    return pd.DataFrame(columns)


def stay_probability(trials: pd.DataFrame) -> pd.DataFrame:
    """Probability of repeating a choice by its outcome and, in the two-step task, transition (Daw
    et al. 2011), per subject."""
    pairs = stays(trials)
    by = [name for name in (*SUBJECT, "transition", "outcome") if name in pairs.columns]
    return (
        pairs.groupby(by, sort=True)["stay"]
        .agg(["mean", "size"])
        .reset_index()
        .rename(columns={"mean": "stay_probability", "size": "trials"})
    )
