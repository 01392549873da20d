"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefrontal import behavior, statistics
from prefrontal.claims import RPE_INPUT as RPE
from prefrontal.claims import RPE_WORDS, Claim, above, again, below, between
from prefrontal.tables import published

MAIN = "2_steps"

TRAINED: dict[str, dict[str, Any]] = {
    MAIN: {"seed": 8},
    "3_steps": {"steps_per_trial": 3, "episodes": 10_000},
    "2_steps_stated_rate": {"learning_rate": 7e-4},
    "2_steps_rpe": {"network_input": "rpe"},
}
"""The networks of Fig. 2, the longer trial with as many time steps in all, the stated learning rate, and reward prediction errors
in place of reward as input; README, "Deviations and choices". Settings were chosen on networks of the main condition with smaller
seeds."""

RPE_INPUT = {MAIN: "2_steps_rpe"}

MAIN_PANEL = "2d"

TEST_EPISODES = 500
"""Test episodes per network, over all baselines, trained and held out (Methods, simulation 1: 500)."""

LAGS = 15
"""Trials of history in the regression of choice (Methods, simulation 1: 15)."""

RECENT = range(1, 6)
"""Lags over which the weights of rewards should fall."""

COVARIATES = ("last action", "last reward", "interaction", "value")
"""What Fig. 2e asks units about, in its order."""

KINDS = ("Spearman", "Pearson")
"""Kinds of partial correlation. The text of the paper names the first, the caption of Fig. 2 the second."""


def null_of(covariate: str, kind: str) -> str:
    """Name the yardstick of unit codes: the 95 % quantile of the null, in the network where that is largest."""
    return f"95 % quantile of the null, {covariate}, {kind}"


def published_numbers() -> dict[str, float]:
    """Published values of the network, by name; choice weights in Lau and Glimcher's sign."""
    dots = published("fig2d").astype({"x": float}).rename(columns={"x": "reward_ratio", "y": "choice_ratio"})
    baselines = {"all": "meta-RL", "held out": "meta-RL held-out", "trained": "meta-RL trained"}
    numbers = {
        f"slope, {name} baselines": behavior.matching_slope(dots[dots["series"].str.startswith(series)])
        for name, series in baselines.items()
    }
    history = published("fig2f")
    for signal, sign in (("reward", 1), ("choice", -1)):
        own = history[history["series"].str.startswith(signal)]
        lags = own["x"].astype(float).round().astype(int)
        numbers |= {f"{signal} lag {lag}": sign * weight for lag, weight in zip(lags, own["y"].astype(float), strict=True)}
    bars = published("fig2e").query("series == 'mean over units (bar)'")["y"]
    return numbers | {f"{kind}, {name}": bar for kind in KINDS for name, bar in zip(COVARIATES, bars, strict=True)}


PUBLISHED = published_numbers()


def monkey_weights() -> dict[str, np.ndarray]:
    """Monkeys' weights of past rewards and choices (Lau & Glimcher 2005; Fig. 2c), lag 1 first, read between the drawn points."""
    history = published("fig2c").astype({"x": float, "y": float}).sort_values("x")
    drawn = {signal: history[history["series"].str.startswith(signal)] for signal in ("reward", "choice")}
    return {signal: np.interp(np.arange(1, LAGS + 1), own["x"], own["y"]) for signal, own in drawn.items()}


AGENTS = ("monkeys' weights", "published network's weights", "best cycle")
"""Agents that play beside the networks: two that follow published weights of history, and the best that knows the baselines."""

POORER = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
"""Edges of the ranges of the poorer side's baseline, by which choices are told apart."""

LONGEST_WAIT = 12
"""Trials since the poorer side was last chosen, up to which its choice is followed."""

TRIAL_BLOCK = 5
"""Trials of an episode that make one point of a curve over trials."""

CLAIMS = [
    Claim(
        "matching-slope",
        "all baselines",
        "2d",
        "slope of log choice ratio on log reward ratio",
        between(0, 1),
        PUBLISHED["slope, all baselines"],
        0.1,
    ),
    Claim(
        "matching-generalises",
        "held out minus trained",
        "2d",
        "slope with held-out baselines minus slope with trained ones",
        between(-0.1, 0.1),
        PUBLISHED["slope, held out baselines"] - PUBLISHED["slope, trained baselines"],
    ),
    *(
        Claim(
            "matching-reward-lags",
            f"lag {lag}",
            "2f",
            f"weight of the reward {lag} trial{'s' if lag > 1 else ''} ago (log odds)",
            above(0),
            PUBLISHED[f"reward lag {lag}"],
            0.4 if lag == 1 else None,
        )
        for lag in RECENT
    ),
    Claim(
        "matching-reward-lags",
        "trend",
        "2f",
        f"linear trend of the reward weight over lags {RECENT[0]}-{RECENT[-1]}, per lag",
        below(0),
        float(statistics.trend([PUBLISHED[f"reward lag {lag}"] for lag in RECENT])),
    ),
    Claim(
        "matching-choice-lags",
        "lag 1",
        "2f",
        "weight of the last choice (log odds; negative: alternation)",
        below(0),
        PUBLISHED["choice lag 1"],
    ),
    *(
        Claim(
            "matching-units",
            f"{covariate}, {kind}",
            "2e",
            f"mean absolute partial correlation ({kind}) of units with {covariate}",
            above(null_of(covariate, kind)),
            PUBLISHED[f"{kind}, {covariate}"],
            0.1,
        )
        for kind in KINDS
        for covariate in COVARIATES
    ),
]
CLAIMS += again(CLAIMS, RPE, RPE_INPUT, RPE_WORDS, ("matching-slope",))
