"""Animals that match choices to rewards between two sides, beside the networks of Fig. 2.

python -m replications.probability_matching.animals FILE --map choice=side reward=rew subject=rat --values choice=l:0,r:1
python -m replications.probability_matching.animals --help
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.animals import bandit
from replications.probability_matching.settings import LAGS, MAIN

BASELINE_SUM = 0.5
"""Sum of both sides' baselines in the simulated task (Methods, simulation 1)."""


def networks(trials: pd.DataFrame) -> pd.DataFrame:
    """Networks of the figure, all baselines."""
    return trials[trials["variant"] == MAIN]


def schedule(rng: np.random.Generator, episodes: int, trials: int, arms: int) -> np.ndarray:
    """Every session has new baselines of the sides, which stay."""
    left = BASELINE_SUM * rng.random((episodes, 1))
    return np.repeat(np.stack([left, BASELINE_SUM - left], axis=-1), trials, axis=1)


KIND = bandit.Kind(
    "probability_matching",
    "2",
    "probability matching",
    LAGS,
    "delta rule, forgetting",
    networks,
    schedule,
    baited=True,
)

if __name__ == "__main__":
    bandit.main(KIND)
