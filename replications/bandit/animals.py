r"""Animals on bandits with any number of arms, beside the networks of Fig. 1.

python -m replications.bandit.animals FILE --map choice=resp reward=rew subject=rat session=day \
    --values choice=l:0,r:1
python -m replications.bandit.animals --help
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.animals import bandit
from replications.bandit.settings import MAIN


def networks(trials: pd.DataFrame) -> pd.DataFrame:
    """Networks trained on independent arms, on problems drawn as in training."""
    return trials[(trials["variant"] == MAIN) & (trials["test"] == "drawn")]


def schedule(rng: np.random.Generator, episodes: int, trials: int, arms: int) -> np.ndarray:
    """Every session has new reward probabilities, independent and uniform, which stay."""
    return np.repeat(rng.random((episodes, 1, arms)), trials, axis=1)


KIND = bandit.Kind("bandit", "1", "bandit", 5, "delta rule", networks, schedule, arms=None)

if __name__ == "__main__":
    bandit.main(KIND)
