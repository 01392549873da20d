"""Textbook models of each group."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from prefrontal.animals.families import bandit_models
from prefrontal.models import daw_learners, two_step_learners
from prefrontal.models.model import Model
from prefrontal.models.two_step_learners import ModelFree
from replications.choices.settings import COMMON, COMMON_DAW, GROUPS, PARAMETERS


def textbook(name: str, trials: pd.DataFrame) -> Sequence[Model]:
    """Textbook models of a group, each with at least as many parameters as the readout; for a
    control, Q-learning."""
    if name not in GROUPS:
        return [model for model in two_step_learners.models(COMMON) if type(model) is ModelFree]
    task = GROUPS[name].experiment
    if task == "two_step":
        return two_step_learners.models(COMMON)
    if task == "daw_two_step":
        fixed = {"bias_1": None, "inverse_temperature_2": 1.0}  # second choices are not predicted
        models = daw_learners.models(COMMON_DAW)
        return [type(each)(COMMON_DAW, each.name, {**each.fixed, **fixed}) for each in models]
    return [model for model in bandit_models(trials) if len(model.free) >= PARAMETERS]
