"""What all learners share: drawing choices, refusing more arms than a rule is for, and watching trials at many learning rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from prefrontal.errors import require


def sample(probabilities: np.ndarray, uniform: ArrayLike) -> np.ndarray:
    """Draw choices, the arms' indices, from probabilities (..., arms) with one uniform number in [0, 1) each, (...)."""
    return (np.asarray(uniform)[..., None] >= probabilities.cumsum(-1)[..., :-1]).sum(-1)


def check_arms(choice: ArrayLike, arms: int, rule: str) -> None:
    """Raise UserError if some choice is of an arm that ``rule``, which is for so many arms, does not know."""
    highest = int(np.max(np.asarray(choice), initial=-1))
    require(highest < arms, "choice", highest, f"below {arms}, as {rule} is for {arms} arms")


RATES = np.linspace(0, 1, 201) ** 2
"""Learning rates at which fits know a learner's values exactly, denser where low rates make them curved."""


def at_rate(watched: np.ndarray, rate: float) -> np.ndarray:
    """Values at a learning rate, (..., n), from those at all ``RATES``, (..., rates, n): linear in between."""
    below = min(int(np.searchsorted(RATES, rate, side="right")) - 1, len(RATES) - 2)
    share = (rate - RATES[below]) / (RATES[below + 1] - RATES[below])
    return share * watched[..., below + 1, :] + (1 - share) * watched[..., below, :]
