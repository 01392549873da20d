"""Bayesian agent for the volatile bandit: exact inference under the training generator.

Wang et al. 2018, simulation 2. The generator is a hidden Markov chain. Its states are the better
arm, the volatility of the current period, and a hazard k that is constant within an episode; with k
on a grid, the forward recursion is exact inference. Since one of the two arms pays on every trial,
an outcome is as informative whichever arm was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

SIDES = ("left", "right")
"""Which arm is better; with ``LEVELS``, the hidden states of one trial."""
LEVELS = ("stable", "volatile")


@dataclass(frozen=True)
class VolatilityObserver:
    """Bayesian agent that knows the process that generates tied episodes (Methods, simulation 2).

    Attributes
    ----------
    volatility : float
        Probability per trial that the arms swap, in volatile periods; 0 in stable ones.
    better_stable, better_volatile : float
        Probability that the better arm pays, in stable and in volatile periods.
    log_hazard_low, log_hazard_high : float
        Bounds of the uniform prior of log k, the log probability per trial that the period (stable
        or volatile) changes.
    hazards : int
        Points of the grid over log k.
    """

    volatility: float
    better_stable: float
    better_volatile: float
    log_hazard_low: float
    log_hazard_high: float
    hazards: int = 20

    @property
    def hazard_grid(self) -> np.ndarray:
        """Values of k, (hazards,): midpoints of equal parts of the prior of log k."""
        width = (self.log_hazard_high - self.log_hazard_low) / self.hazards
        return np.exp(self.log_hazard_low + width * (np.arange(self.hazards) + 0.5))

    @property
    def transition(self) -> np.ndarray:
        """P(next state | state): (hazards, side, level, next side, next level).

        The better arm swaps by the volatility of the trial before, and the volatility itself
        changes with probability k.
        """
        swap = np.array([0.0, self.volatility])
        side = np.stack([[1 - swap, swap], [swap, 1 - swap]])  # side, next side, level
        k = self.hazard_grid
        level = np.stack(
            [np.stack([1 - k, k], -1), np.stack([k, 1 - k], -1)], 1
        )  # hazard, level, next level
        return np.einsum("snl,hlm->hslnm", side, level)

    @property
    def pays_left(self) -> np.ndarray:
        """P(left pays | state): (side, level)."""
        better = np.array([self.better_stable, self.better_volatile])
        return np.stack([better, 1 - better])

    def infer(self, pays_left: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Infer the hidden states from outcomes.

        Parameters
        ----------
        pays_left : array (..., trials)
            Whether left paid, or would have paid.

        Returns
        -------
        probability, volatility : array (..., trials)
            Before each trial, given the outcomes of all trials before it: P(left pays), and the
            expected volatility E[v].
        """
        outcome = np.asarray(pays_left, dtype=bool)
        trials = outcome.shape[-1]
        flat = outcome.reshape(-1, trials)
        transition, left = self.transition, self.pays_left
        belief = np.full((len(flat), self.hazards, len(SIDES), len(LEVELS)), 1 / (4 * self.hazards))
        probability, volatility = np.empty(flat.shape), np.empty(flat.shape)
        for trial in range(trials):
            probability[:, trial] = (belief * left).sum((1, 2, 3))
            volatility[:, trial] = self.volatility * belief[..., LEVELS.index("volatile")].sum(
                (1, 2)
            )
            belief = belief * np.where(flat[:, trial, None, None, None], left, 1 - left)
            belief = np.einsum("ehsl,hslnm->ehnm", belief, transition, optimize=True)
            belief /= belief.sum((1, 2, 3), keepdims=True)
        return probability.reshape(outcome.shape), volatility.reshape(outcome.shape)
