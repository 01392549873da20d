r"""Animals that match choices to rewards between two sides, next to the networks of Fig. 2.

prefrontal animals probability_matching FILE --columns choice=side reward=rew subject=rat \
    --recode choice=l:0,r:1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from prefrontal.animals import bandit
from replications.probability_matching.settings import LAGS, MAIN

BASELINE_SUM = 0.5
"""Sum of both sides' baselines in the simulated task (Methods, simulation 1)."""


def networks(trials: pd.DataFrame) -> pd.DataFrame:
    """Select the networks of the figure, all baselines."""
    return trials[trials["variant"] == MAIN]


def schedule(rng: np.random.Generator, episodes: int, trials: int, arms: int) -> np.ndarray:
    """Draw the baselines of both sides for each session, constant within it."""
    left = BASELINE_SUM * rng.random((episodes, 1))
    return np.repeat(np.stack([left, BASELINE_SUM - left], axis=-1), trials, axis=1)


FAMILY = bandit.TaskFamily(
    "probability_matching",
    "2",
    "probability matching",
    LAGS,
    "delta rule, forgetting",
    networks,
    schedule,
    baited=True,
)


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal animals probability_matching``."""
    bandit.main(FAMILY, arguments)
