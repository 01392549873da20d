"""Reversal learning, and volatility with magnitudes, beside the networks of Fig. 3."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prefrontal.animals.columns import Format, Recoding
from prefrontal.animals.families import Family, bandit_models, bandit_task
from prefrontal.errors import UserError
from replications.volatile_bandit.settings import HUMAN, MAIN

if TYPE_CHECKING:
    from prefrontal.animals.sheet import TrialSheet

NETWORK_EPISODES = 10
"""Episodes of each network that stand beside."""

MAGNITUDES = ("magnitude_0", "magnitude_1")


def compared_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Select the main networks on the human schedule, with stable and volatile blocks.

    Magnitudes are scaled from 0-100 points to 0-1; reward is 1 where the chosen side paid.
    """
    at_end = trials["trained_episodes"].isna() if "trained_episodes" in trials.columns else True
    trials = trials[(trials["variant"] == MAIN) & (trials["test"] == HUMAN) & at_end]
    trials = trials[trials["episode"] < NETWORK_EPISODES]
    stakes = {
        name: trials[f"magnitude_{side}"] / 100
        for name, side in zip(MAGNITUDES, ("left", "right"), strict=True)
    }
    block = np.where(trials["volatile"], "volatile", "stable")
    return trials.assign(**stakes, block=block, reward=(trials["reward"] > 0).astype(float))


def complete(sheet: TrialSheet, recoding: Recoding) -> None:
    """Check that magnitudes are there; a reward in points says whether the outcome came."""
    for name in MAGNITUDES:
        if name not in sheet.frame.columns:
            raise UserError(
                f"{sheet.where}: no column {name!r}, what is at stake on this option; name it with "
                f"--columns {name}=<column>, or use the task 'reversal', which has none"
            )
    sheet.frame["reward"] = (sheet.frame["reward"] != 0).astype(float)


REVERSAL = Family(
    title="Reversal learning",
    experiment="volatile_bandit",
    variant=MAIN,
    figure="3",
    columns="choice (0, 1), reward; which of two options is better changes",
    models=bandit_models,
    main="delta rule, both arms",
    task=partial(bandit_task, reverses=True),
)
VOLATILITY = replace(
    REVERSAL,
    title="Volatility",
    columns=(
        "choice (0, 1), reward (1 if the chosen option's outcome came, 0 if the other's),\n"
        "              magnitude_0, magnitude_1 (what is at stake; negative for losses), block"
    ),
    form=Format(complete=complete),
)
FAMILIES = {"reversal": REVERSAL, "volatility": VOLATILITY}
