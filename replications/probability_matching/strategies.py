"""Benchmark strategies for probability matching (Lau & Glimcher 2005; Wang et al. 2018).

A side with baseline p0 that was last chosen m trials ago (1: on the trial before) pays with
probability 1 - (1 - p0) ** m.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import expit

LONGEST_RUN = 200
"""Longest run on the richer side that the best cycle may have."""


def coin_toss(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Reward per trial of random choice, with baselines of left and right (n,)."""
    # A side waits m trials with probability 2 ** -m, and then fails to pay with (1 - p0) ** m.
    failed = [0.5 * (1 - baseline) / (1 - 0.5 * (1 - baseline)) for baseline in (left, right)]
    return 1 - 0.5 * (failed[0] + failed[1])


def best_cycle(left: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Choose the richer side k times, then the other once, with the k that earns most.

    No strategy that knows the baselines earns more.

    Parameters
    ----------
    left, right : array (n,)
        Baselines of both sides.

    Returns
    -------
    DataFrame
        baseline_left, reward per trial, choice_ratio and reward_ratio = log2(right / left); the
        ratios are NaN where one side never pays.
    """
    rich, poor = np.maximum(left, right)[:, None], np.minimum(left, right)[:, None]
    run = np.arange(1, LONGEST_RUN + 1)
    from_poor = 1 - (1 - poor) ** (run + 1)
    from_rich = 1 - (1 - rich) ** 2 + (run - 1) * rich
    rate = (from_poor + from_rich) / (run + 1)
    best = rate.argmax(axis=1)
    at = np.arange(len(best)), best
    sign = np.where(left <= right, 1, -1)
    pays = from_poor[at] > 0
    ratio = np.divide(from_rich[at], from_poor[at], out=np.full(len(best), np.nan), where=pays)
    return pd.DataFrame(
        {
            "baseline_left": left,
            "reward": np.maximum(rate[at], rich[:, 0]),
            "choice_ratio": np.where(pays, sign * np.log2(run[best]), np.nan),
            "reward_ratio": sign * np.log2(ratio),
        }
    )


Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Choices and rewards so far, (episode, trial), the last trial first, 1 right and -1 left (rewards:
0 for none) -> log odds of right, (episode,)."""


def from_history(reward: np.ndarray, choice: np.ndarray) -> Policy:
    """Choose by weights of past rewards and choices, lag 1 first (Lau & Glimcher 2005)."""

    def log_odds(choices: np.ndarray, rewards: np.ndarray) -> np.ndarray:
        lags = min(len(reward), choices.shape[1])
        odds: np.ndarray = rewards[:, :lags] @ reward[:lags] + choices[:, :lags] @ choice[:lags]
        return odds

    return log_odds


def cycling(left: np.ndarray, right: np.ndarray) -> Policy:
    """Follow the best cycle in episodes with these baselines (episode,)."""
    cycle = best_cycle(left, right)
    run = np.round(2.0 ** cycle["choice_ratio"].abs().fillna(np.inf).to_numpy())
    rich = np.where(left <= right, 1, -1)

    def log_odds(choices: np.ndarray, rewards: np.ndarray) -> np.ndarray:
        since = np.cumprod(choices == rich[:, None], axis=1).sum(1)
        return np.where(since >= run, -rich, rich) * np.inf

    return log_odds


def simulate(
    policy: Policy, left: np.ndarray, right: np.ndarray, trials: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Play episodes with these baselines (episode,) by a policy.

    Returns
    -------
    DataFrame
        episode, trial, choice (0 left, 1 right), reward, trials, baseline_left.
    """
    episodes = len(left)
    baseline, since = np.column_stack([left, right]), np.ones((episodes, 2))
    choices, rewards = np.zeros((episodes, trials)), np.zeros((episodes, trials))
    rows = np.arange(episodes)
    for t in range(trials):
        odds = policy(choices[:, :t][:, ::-1], rewards[:, :t][:, ::-1])
        chosen = (rng.random(episodes) < expit(odds)).astype(int)
        paid = rng.random(episodes) < 1 - (1 - baseline[rows, chosen]) ** since[rows, chosen]
        since += 1
        since[rows, chosen] = 1
        choices[:, t] = 2 * chosen - 1
        rewards[:, t] = choices[:, t] * paid
    columns = {
        "choice": (choices > 0).astype(int).ravel(),
        "reward": np.abs(rewards).ravel(),
        "trials": trials,
    }
    index = {"episode": np.repeat(rows, trials), "trial": np.tile(np.arange(trials), episodes)}
    return pd.DataFrame(index | columns | {"baseline_left": np.repeat(left, trials)})
