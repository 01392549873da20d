"""Animals and people on bandits with any number of arms, beside the networks of Fig. 1."""

from __future__ import annotations

import pandas as pd

from prefrontal.animals.columns import Format
from prefrontal.animals.families import Family, bandit_models, bandit_task
from replications.bandit.settings import MAIN

NETWORK_EPISODES = 20
"""Episodes of each network that stand beside."""


def compared_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Select networks trained on independent arms, on problems drawn as in training."""
    some = (trials["test"] == "drawn") & (trials["episode"] < NETWORK_EPISODES)
    return trials[(trials["variant"] == MAIN) & some]


BANDIT = Family(
    title="Bandit",
    experiment="bandit",
    variant=MAIN,
    figure="1",
    columns="choice (0, 1, 2, ...), reward (any number)",
    form=Format(arms=None),
    models=bandit_models,
    main="delta rule",
    task=bandit_task,
)
FAMILIES = {"bandit": BANDIT}
