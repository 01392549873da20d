"""What all learners share about choices: drawing them, and refusing more arms than a rule is for."""

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
