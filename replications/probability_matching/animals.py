"""Animals that match choices to rewards between two sides, for comparison with the networks of Fig.
2."""

from __future__ import annotations

from functools import partial

import pandas as pd

from prefrontal.animals.families import Family, bandit_models, bandit_task
from prefrontal.tables.storage import published
from replications.probability_matching.claims import PUBLISHED
from replications.probability_matching.settings import LAGS, MAIN


def published_values() -> dict[str, list[pd.DataFrame]]:
    """Slopes of monkeys (Fig. 2a) and of the paper's network (Fig. 2d), and its weights of past
    trials (Fig. 2f)."""
    ends = published("fig2a").query("series.str.startswith('dashed')").astype({"x": float})
    slopes = [ends["y"].iloc[[0, -1]].diff() / ends["x"].iloc[[0, -1]].diff()]
    slopes.append(pd.Series([PUBLISHED["slope, all baselines"]]))
    weights = [
        (signal, lag, PUBLISHED[f"{signal} lag {lag}"])
        for signal in ("reward", "choice")
        for lag in range(1, LAGS + 1)
    ]
    columns = ["signal", "lag", "weight"]
    return {
        "matching_slopes": [
            pd.DataFrame({"baselines": "all", "slope": slope.dropna()}) for slope in slopes
        ],
        "lag_weights": [pd.DataFrame(columns=columns), pd.DataFrame(weights, columns=columns)],
    }


MATCHING = Family(
    title="Probability matching",
    experiment="probability_matching",
    variant=MAIN,
    figure="2",
    columns=(
        "choice (0, 1), reward; two options whose rewards wait until they are collected;\n"
        "              block, if their probabilities change"
    ),
    models=bandit_models,
    main="delta rule, forgetting",
    task=partial(bandit_task, baited=True),
    lags=LAGS,
    matches=True,
    published=published_values,
)
FAMILIES = {"matching": MATCHING}
