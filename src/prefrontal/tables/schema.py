"""The data dictionary as code: the columns of each kind of table, and checks.

Trials may have further columns of their task, steps have one ``p_<action>`` per action, and
activity one ``unit_<k>`` per unit (float32).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from prefrontal.errors import UserError, check

SUBJECT = ["variant", "subject"]
"""Columns that identify a subject."""

EPISODE = [*SUBJECT, "episode"]
"""Columns that identify a sequence of trials; lags do not cross sequences."""

KEYS = {
    "subject": "network, by the seed it was trained with; or an animal, by its name",
    "variant": "what was trained, by its name in the experiment's experiment.py",
    "episode": "episode, from 0",
    "trial": "trial in the episode, from 0",
}


COLUMNS: dict[str, dict[str, str]] = {
    "trials": {
        **KEYS,
        "choice": "0 left, 1 right, -1 invalid",
        "reward": "reward of the trial, in the task's units",
    },
    "steps": {
        **KEYS,
        "step": "time step in the episode, from 0",
        "period": "kind of time step, by the task's name for it",
        "action": "index of the action taken",
        "reward": "reward that followed the action",
        "value": "value V of the network, discounted reward to come",
        "rpe": "reward prediction error: reward + discount * next value - value",
    },
    "activity": {**KEYS, "step": "time step in the episode, from 0", "period": "kind of time step"},
    "learning_curve": {
        "episode": "training episodes so far",
        "reward": "reward per episode, mean since the row before",
        "entropy": "entropy of the policy in nats per time step",
        "value_error": "squared difference of return and value, per time step",
    },
    "measures": {
        "variant": "what was trained",
        "claim": "claim that the measure belongs to",
        "measure": "name of the measure within the claim; (claim, measure) is its key everywhere",
        "subject": "network",
        "value": "the network's number",
    },
    "claims": {
        "claim": "identifier",
        "measure": "which of the claim's measures",
        "variant": "what was trained",
        "panel": "panel of the paper that shows it, or extension",
        "statement": "the measure in words",
        "published": "value in the paper, NaN where it gives none",
        "reproduced": "ours: mean over networks",
        "ci_low": "lower end of the 95 % interval over networks",
        "ci_high": "upper end",
        "n_networks": "networks that the interval is over",
        "above": "the criterion's lower bound of the interval",
        "below": "its upper bound",
        "criterion": "rule, written down before the result was seen",
        "registered": "commit that fixed it (short hash and date); empty if none",
        "reproduced_verdict": "True where the criterion holds; empty where a row is only "
        "compared with the published value",
        "agrees_verdict": "True where the published value lies within tolerance or in "
        "our networks' range; empty if none",
    },
}
"""Required columns by kind of table; trials may have further columns of the task, steps one
p_<action> per action, activity one unit_<k> per unit (float32)."""


WORDS = (
    "variant",
    "subject",
    "period",
    "claim",
    "measure",
    "panel",
    "statement",
    "criterion",
    "registered",
    "reproduced_verdict",
    "agrees_verdict",
)
"""Columns that may hold words; all others of ``COLUMNS`` hold numbers."""


def check_columns(frame: pd.DataFrame, kind: str, where: object) -> None:
    """Raise UserError unless the table has the columns of its kind."""
    if kind not in COLUMNS:
        raise UserError(f"{kind!r} is no kind of table; there are {', '.join(COLUMNS)}")
    missing = [name for name in COLUMNS[kind] if name not in frame.columns]
    if missing:
        raise UserError(
            f"{where}: a {kind} table needs column {missing[0]!r} ({COLUMNS[kind][missing[0]]})"
        )
    texts = [
        name
        for name in COLUMNS[kind]
        if name not in WORDS and not pd.api.types.is_numeric_dtype(frame[name])
    ]
    if texts and len(frame):
        raise UserError(
            f"{where}: column {texts[0]!r} of a {kind} table holds values other than numbers"
        )


def free_choices(trials: pd.DataFrame) -> pd.Series:
    """True where the subject chose freely: the choice is valid and not ``forced`` (if there is such
    a column)."""
    free = trials["choice"] >= 0
    return free & ~trials["forced"].astype(bool) if "forced" in trials.columns else free


def check_arms(choice: ArrayLike, arms: int, what: str) -> None:
    """Raise UserError if some choice is of an arm that ``what``, which has ``arms`` arms, lacks."""
    highest = int(np.max(np.asarray(choice), initial=-1))
    check(highest < arms, "choice", highest, f"below {arms}, as {what} is for {arms} arms")


def session_numbers(trials: pd.DataFrame) -> np.ndarray:
    """Number of each row's session, (row,), in the order of their keys.

    As pandas' ``ngroup`` numbers them, which is slow for tables of a single subject.
    """
    numbers = np.zeros(len(trials), dtype=int)
    for name in EPISODE:
        codes, values = pd.factorize(trials[name], sort=True)
        numbers = numbers * len(values) + codes
    return np.unique(numbers, return_inverse=True)[1]


def check_trials(trials: pd.DataFrame, *needs: str) -> None:
    """Raise UserError unless models can be fitted to the trials.

    The table must have the columns that they need, and every trial once.
    """
    check_columns(trials, "trials", "trials")
    for name in needs:
        if name not in trials.columns:
            raise UserError(f"trials: the table needs column {name!r}")
    if trials.duplicated(list(KEYS)).any():
        raise UserError(f"trials: a trial occurs twice, by {', '.join(KEYS)}")
