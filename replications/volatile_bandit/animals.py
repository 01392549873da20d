r"""Reversal learning in animals or people, next to the networks of Fig. 3.

prefrontal animals volatile_bandit FILE \
    --columns choice=resp reward=rew subject=id block=phase --recode choice=l:0,r:1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from prefrontal.animals import bandit
from replications.volatile_bandit.settings import HUMAN, MAIN

BETTER, REVERSAL = 0.8, 0.05
"""Reward probability of the better arm, and probability per trial of a reversal, in simulations."""


def networks(trials: pd.DataFrame) -> pd.DataFrame:
    """Select the main networks on the human schedule, with stable and volatile blocks.

    Magnitudes are scaled from 0-100 points to 0-1.
    """
    at_end = trials["trained_episodes"].isna() if "trained_episodes" in trials.columns else True
    trials = trials[(trials["variant"] == MAIN) & (trials["test"] == HUMAN) & at_end]
    stakes = {
        f"magnitude_{arm}": trials[f"magnitude_{side}"] / 100
        for arm, side in enumerate(("left", "right"))
    }
    block = np.where(trials["volatile"], "volatile", "stable")
    return trials.assign(**stakes, block=block, reward=(trials["reward"] > 0).astype(float))


def schedule(rng: np.random.Generator, episodes: int, trials: int, arms: int) -> np.ndarray:
    """Draw which arm pays more often; the two swap at random."""
    right = (
        rng.integers(2, size=(episodes, 1)) + (rng.random((episodes, trials)) < REVERSAL).cumsum(1)
    ) % 2
    return np.where(np.stack([1 - right, right], axis=-1) == 1, BETTER, 1 - BETTER)


FAMILY = bandit.TaskFamily(
    "volatile_bandit", "3", "reversal learning", 5, "delta rule, both arms", networks, schedule
)


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal animals volatile_bandit``."""
    bandit.main(FAMILY, arguments)
