r"""Animals on bandits with any number of arms, next to the networks of Fig. 1.

prefrontal animals bandit FILE --columns choice=resp reward=rew subject=rat session=day \
    --recode choice=l:0,r:1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from prefrontal.animals import bandit
from replications.bandit.settings import MAIN


def networks(trials: pd.DataFrame) -> pd.DataFrame:
    """Select networks trained on independent arms, on problems drawn as in training."""
    return trials[(trials["variant"] == MAIN) & (trials["test"] == "drawn")]


def schedule(rng: np.random.Generator, episodes: int, trials: int, arms: int) -> np.ndarray:
    """Draw reward probabilities of each session, independent, uniform and constant."""
    return np.repeat(rng.random((episodes, 1, arms)), trials, axis=1)


FAMILY = bandit.TaskFamily("bandit", "1", "bandit", 5, "delta rule", networks, schedule, arms=None)


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal animals bandit``."""
    bandit.main(FAMILY, arguments)
