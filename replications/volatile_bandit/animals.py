"""Reversal learning in animals or people, beside the networks of Fig. 3.

python -m replications.volatile_bandit.animals FILE \\
    --map choice=resp reward=rew subject=id block=phase --values choice=l:0,r:1
python -m replications.volatile_bandit.animals --help
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.animals import bandit
from replications.volatile_bandit.settings import HUMAN, MAIN

BETTER, REVERSAL = 0.8, 0.05
"""Reward probability of the better arm, and probability per trial of a reversal, in simulations."""


def networks(trials: pd.DataFrame) -> pd.DataFrame:
    """Select the main networks on the human schedule, with stable and volatile blocks.

    Points at stake are shares of 100.
    """
    at_end = trials["trained_episodes"].isna() if "trained_episodes" in trials.columns else True
    shown = trials[(trials["variant"] == MAIN) & (trials["test"] == HUMAN) & at_end]
    stakes = {
        f"magnitude_{arm}": shown[f"magnitude_{side}"] / 100
        for arm, side in enumerate(("left", "right"))
    }
    block = np.where(shown["volatile"], "volatile", "stable")
    return shown.assign(**stakes, block=block, reward=(shown["reward"] > 0).astype(float))


def schedule(rng: np.random.Generator, episodes: int, trials: int, arms: int) -> np.ndarray:
    """One arm pays more often than the other, which reverses at random."""
    right = (
        rng.integers(2, size=(episodes, 1)) + (rng.random((episodes, trials)) < REVERSAL).cumsum(1)
    ) % 2
    return np.where(np.stack([1 - right, right], axis=-1) == 1, BETTER, 1 - BETTER)


KIND = bandit.Kind(
    "volatile_bandit", "3", "reversal learning", 5, "delta rule, both arms", networks, schedule
)

if __name__ == "__main__":
    bandit.main(KIND)
