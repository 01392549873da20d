"""Animals that match choices to rewards between two sides, for comparison with the networks of Fig.
2."""

from __future__ import annotations

from functools import partial

from prefrontal.animals.families import Family, bandit_models, bandit_task
from replications.probability_matching.settings import LAGS, MAIN

MATCHING = Family(
    title="Probability matching",
    experiment="probability_matching",
    variant=MAIN,
    figure="2",
    columns="choice (0, 1), reward; two options whose rewards wait until they are collected",
    models=bandit_models,
    main="delta rule, forgetting",
    task=partial(bandit_task, baited=True),
    lags=LAGS,
    matches=True,
)
FAMILIES = {"matching": MATCHING}
