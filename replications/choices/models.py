"""Textbook models of each group, and the readout of networks, all of which are fitted alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from prefrontal.animals.families import bandit_models
from prefrontal.models import daw_learners, fitting, two_step_learners
from prefrontal.models.bandit_learners import GivenValues
from prefrontal.models.model import TEMPERATURE, Model, Parameter
from prefrontal.models.two_step_learners import ModelFree
from replications.choices.settings import COMMON_DAW, COMMON, GROUPS, READOUT, STARTS


class Readout(GivenValues):
    """Choose by given log odds: inverse temperature, perseveration, bias.

    The temperature may be negative, by which an untrained network can only gain.
    """

    name = "readout"
    own: Mapping[str, Parameter] = {
        **GivenValues.own,
        "inverse_temperature": replace(TEMPERATURE, low=-TEMPERATURE.high, start=(-2.0, 2.0)),
    }


def textbook(name: str, trials: pd.DataFrame) -> Sequence[Model]:
    """Textbook models of a group, each with at least as many parameters as the readout; of a
    control, Q-learning."""
    if name not in GROUPS:
        return [model for model in two_step_learners.models(COMMON) if type(model) is ModelFree]
    task = GROUPS[name].experiment
    if task == "two_step":
        return two_step_learners.models(COMMON)
    if task == "daw_two_step":
        fixed = {"bias_1": None, "inverse_temperature_2": 1.0}  # no second choice is predicted
        models = daw_learners.models(COMMON_DAW)
        return [type(each)(COMMON_DAW, each.name, {**each.fixed, **fixed}) for each in models]
    readout = len(Readout().free)
    return [model for model in bandit_models(trials) if len(model.free) >= readout]


def held_out(model: Model, trials: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Log probability of each choice of a subject under a model fitted to the other folds,
    (trial,), in nats; NaN where it was forced."""
    return fitting.cross_validate(model, trials, fold, starts=STARTS)


def read_out(trials: pd.DataFrame, log_odds: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Log probability of each choice of a subject by the readout of log odds (trial,) of choosing
    option 1; see ``held_out``."""
    given = trials.assign(value_0=0.0, value_1=log_odds)
    return fitting.cross_validate(Readout(), given, fold)


def without_network(trials: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Log probability of each choice of a subject by bias and perseveration; see ``held_out``."""
    model = Readout(name=READOUT, fixed={"inverse_temperature": 0.0})
    return fitting.cross_validate(model, trials.assign(value_0=0.0, value_1=0.0), fold)
