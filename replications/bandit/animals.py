"""Animals and people on bandits with any number of arms, for comparison with the networks of Fig.
1."""

from __future__ import annotations

import pandas as pd

from prefrontal.animals.columns import Format
from prefrontal.animals.families import Family, bandit_models, bandit_task
from replications.bandit.settings import MAIN


def compared_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Select networks trained on independent arms, on problems drawn as in training."""
    return trials[(trials["variant"] == MAIN) & (trials["test"] == "drawn")]


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
