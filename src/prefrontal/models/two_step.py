"""Trial types of the two-step task, and the best possible reward."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

TRIAL_TYPES = tuple(
    (transition, outcome)
    for transition in ("common", "uncommon")
    for outcome in ("rewarded", "unrewarded")
)
"""The four trial types of the two-step task."""


@lru_cache(maxsize=256)
def belief_state_value(
    trials: int, *, common: float, rich: float, reversal: float, grid: int = 20_001
) -> float:
    """Expected reward per episode of the best possible agent, undiscounted.

    The agent acts on p(H), H = "S1 is the rich state". Its choice affects which state it visits,
    but a reward in either state is as informative about H as an omission in the other, so the
    belief changes with the same probabilities whatever it chooses. It can thus do no better than
    take the action of higher value on every trial: the ``Planner`` with an infinite inverse
    temperature. The reward to come, as a function of p(H), is worked out from the last trial to the
    first.

    Parameters
    ----------
    trials : int
        Trials per episode.
    common, rich, reversal : float
        The task's probabilities; see ``Planner``.
    grid : int
        Beliefs in [0, 1] at which the reward to come is kept; it is linear in between.
    """
    belief = np.linspace(0, 1, grid)
    p_reward_s1 = belief * rich + (1 - belief) * (1 - rich)
    left = common * p_reward_s1 + (1 - common) * (1 - p_reward_s1)
    after = []
    for likelihood in (1 - rich, rich):  # S1 visited, reward omitted or paid
        joint = belief * likelihood
        total = joint + (1 - belief) * (1 - likelihood)
        posterior = np.where(total > 0, joint / np.where(total > 0, total, 1.0), belief)
        after.append(posterior * (1 - reversal) + (1 - posterior) * reversal)
    to_come = np.zeros(grid)
    for _ in range(trials):
        omitted, paid = (np.interp(beliefs, belief, to_come) for beliefs in after)
        now = np.maximum(left, 1 - left)
        to_come = now + (1 - p_reward_s1) * omitted + p_reward_s1 * paid
    return float(np.interp(0.5, belief, to_come))
