"""What all learners share: drawing choices, refusing more arms than a rule is for, and watching
trials at many learning rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from prefrontal.errors import check


def sample(probabilities: np.ndarray, uniform: ArrayLike) -> np.ndarray:
    """Draw choices, the arms' indices, from probabilities (..., arms) with one uniform number in
    [0, 1) each, (...)."""
    return (np.asarray(uniform)[..., None] >= probabilities.cumsum(-1)[..., :-1]).sum(-1)


def check_arms(choice: ArrayLike, arms: int, rule: str) -> None:
    """Raise UserError if some choice is of an arm that ``rule``, which is for so many arms, does
    not know."""
    highest = int(np.max(np.asarray(choice), initial=-1))
    check(highest < arms, "choice", highest, f"below {arms}, as {rule} is for {arms} arms")


RATES = np.linspace(0, 1, 201) ** 2
"""Learning rates at which fits know a learner's values exactly, denser where low rates make them
curved."""


def at_rate(watched: np.ndarray, rate: float) -> np.ndarray:
    """Values at a learning rate, (..., n), from those at all ``RATES``, (..., rates, n).

    In between they go along cubics of the rate's square root that meet in value and slope (cubic
    convolution, Keys 1981): at a kink a fit would stop before it is done. Below the lowest rate
    they go on in mirror image, beyond the highest along the parabola through the last three.
    """
    last = len(RATES) - 1
    position = last * np.sqrt(rate)
    below = min(int(position), last - 1)
    t = position - below
    weights = 2 * t**2 - t - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2
    beside = [watched[..., abs(k), :] for k in range(below - 1, min(below + 2, last) + 1)]
    if len(beside) < len(weights):
        beside.append(3 * beside[-1] - 3 * beside[-2] + beside[-3])
    total = weights[0] / 2 * beside[0]
    for weight, values in zip(weights[1:], beside[1:], strict=True):
        total += weight / 2 * values
    return total
