"""Trials of each group, in the formats of textbook models and networks, and simulated subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from prefrontal.animals import datasets
from prefrontal.models.fitting import random_generator
from prefrontal.models.two_step_learners import ModelFree, Planner, TwoStep
from prefrontal.tables.schema import EPISODE
from replications.choices.settings import (
    GAINS,
    GROUPS,
    MONKEYS,
    PLANNERS,
    SESSIONS,
    SIMULATED,
    SIMULATED_RATE,
    SIMULATED_SPREAD,
    SIMULATED_TEMPERATURE,
    TRIALS,
)
from replications.two_step.settings import SETTINGS as TWO_STEP


def load(name: str, folder: Path | None = None) -> pd.DataFrame:
    """Read the completed trials of a group, or simulate those of a control.

    Missed choices and violations are left out. Of tasks with two choices per trial, the first one
    is predicted.

    Parameters
    ----------
    name : str
        Variant of the tables.
    folder : Path, optional
        Clone of the data's repository; by default the user's cache.

    Returns
    -------
    DataFrame
        Trials table, sorted; its variant is ``name``.
    """
    if name not in GROUPS:
        return simulate(name)
    group = GROUPS[name]
    trials = datasets.load_data(group.dataset, folder)
    kept = trials["choice"] >= 0
    if name in MONKEYS:
        kept &= trials["subject"] == name
    elif group.experiment == "volatile_bandit":
        kept &= trials["variant"].isin(GAINS)
    else:
        kept &= trials["variant"] == group.species
    trials = trials[kept].sort_values([*EPISODE, "trial"], ignore_index=True)
    trials["trial"] = trials.groupby(EPISODE).cumcount()
    if group.experiment == "daw_two_step":
        trials["forced2"] = True
    return trials.assign(variant=name)


def seen(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials in the format of networks, with points at stake if the task has them."""
    if "magnitude_0" not in trials:
        return trials
    points = 100 * trials[["magnitude_0", "magnitude_1"]].to_numpy()
    earned = points[np.arange(len(trials)), trials["choice"]] * trials["reward"]
    shown = {"magnitude_left": points[:, 0], "magnitude_right": points[:, 1]}
    return trials.assign(reward=earned, **shown)


def simulate(kind: str) -> pd.DataFrame:
    """Let planners that know the two-step task, or Q-learners, play it: a trials table."""
    task = TWO_STEP.task
    q_learner = ModelFree("Q-learner", {"eligibility": 1.0})
    model = Planner(**task.probabilities) if kind == PLANNERS else q_learner
    parts = []
    for number in range(SIMULATED):
        rng = random_generator(kind, number)
        parameters = {
            "learning_rate": rng.uniform(*SIMULATED_RATE),
            "inverse_temperature": rng.uniform(*SIMULATED_TEMPERATURE),
            "perseveration": rng.normal(0, SIMULATED_SPREAD),
            "bias": rng.normal(0, SIMULATED_SPREAD),
        }
        played = model.simulate(TwoStep(SESSIONS, TRIALS, **task.probabilities), parameters, rng)
        parts.append(played.assign(variant=kind, subject=number))
    return pd.concat(parts, ignore_index=True)
