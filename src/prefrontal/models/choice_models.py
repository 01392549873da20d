"""Ways to choose among n arms, by which anybody's choices are explained and subjects simulated.

A strategy weighs what its cues say of each arm: the preference for an arm is the weighted sum of
its cues plus a bias, and choice is softmax. A cue is learned from the trials so far, by one update
for fits and for simulations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import softmax

from prefrontal.models import arrays
from prefrontal.models.fitting import Data, Rule
from prefrontal.models.softmax import RATES, at_rate, check_arms, sample
from prefrontal.tables import schema


@dataclass(frozen=True)
class Last:
    """The arm that was chosen last, counted only if its reward was ``after``: 1, 0, or either."""

    after: float | None = None

    def reset(self, shape: tuple[int, ...]) -> Any:
        """Memory before the first trial, for (..., arms)."""
        return np.zeros(shape)

    def show(self, memory: Any) -> np.ndarray:
        """Tell what the cue says of each arm, (..., arms)."""
        return memory

    def update(self, memory: Any, chosen: np.ndarray, reward: np.ndarray) -> Any:
        """Memory after a trial: which arm was chosen, (..., arms), none if the choice was invalid,
        and its reward, (..., 1)."""
        counts = chosen if self.after is None else chosen & (reward == self.after)
        return np.where(chosen.any(-1, keepdims=True), counts, memory)


@dataclass(frozen=True)
class Value(Last):
    """Value of each arm by a delta rule: the chosen arm's moves towards its reward by a share of
    the difference.

    The value of an arm that was not chosen "stays" (Q-learning), "decays" to 0 at the same rate
    (forgetting; Ito & Doya 2009), or "mirrors" the reward, as if one of two arms always paid
    (Rescorla-Wagner, Behrens et al. 2007).
    """

    unchosen: Literal["stays", "decays", "mirrors"] = "stays"
    learning_rate: float | np.ndarray = np.nan
    """Share of the difference, 0 to 1; an array (..., 1) stands for learners side by side."""

    def reset(self, shape: tuple[int, ...]) -> Any:
        """Memory before the first trial: .5, or 0 where values decay to it."""
        return np.full(shape, 0.0 if self.unchosen == "decays" else 0.5)

    def update(self, memory: Any, chosen: np.ndarray, reward: np.ndarray) -> Any:
        """Move the values; an invalid choice teaches nothing."""
        others = {"stays": memory, "decays": 0.0, "mirrors": 1 - reward}[self.unchosen]
        rate = np.where(chosen.any(-1, keepdims=True), self.learning_rate, 0.0)
        return memory + rate * (np.where(chosen, reward, others) - memory)


@dataclass(frozen=True)
class Counted(Last):
    """Expected reward of each arm under a uniform prior: all its trials count the same."""

    def reset(self, shape: tuple[int, ...]) -> Any:
        """Memory before the first trial: rewards and choices so far."""
        return np.zeros(shape), np.zeros(shape)

    def show(self, memory: Any) -> np.ndarray:
        """Mean of the posterior."""
        return (memory[0] + 1) / (memory[1] + 2)

    def update(self, memory: Any, chosen: np.ndarray, reward: np.ndarray) -> Any:
        """Count."""
        return memory[0] + chosen * reward, memory[1] + chosen


STRATEGIES: dict[str, dict[str, Last]] = {
    "repetition": {"perseveration": Last()},
    "win-stay lose-shift": {"after_win": Last(1.0), "after_loss": Last(0.0)},
    "counting": {"inverse_temperature": Counted(), "perseveration": Last()},
    "delta rule": {"inverse_temperature": Value(), "perseveration": Last()},
    "delta rule, forgetting": {
        "inverse_temperature": Value(unchosen="decays"),
        "perseveration": Last(),
    },
    "delta rule, both arms": {
        "inverse_temperature": Value(unchosen="mirrors"),
        "perseveration": Last(),
    },
}
"""Strategies by name: weight of a cue -> cue."""

BOUNDS = {
    "learning_rate": (0.001, 1.0),
    "inverse_temperature": (0.0, 50.0),
    "perseveration": (-8.0, 8.0),
    "after_win": (-8.0, 8.0),
    "after_loss": (-8.0, 8.0),
    "bias": (-5.0, 5.0),
}
"""Range of each parameter; inverse temperatures per reward, all else in log odds."""

STARTS = {"learning_rate": (0.05, 0.95), "inverse_temperature": (0.5, 8.0), "bias": (-0.5, 0.5)} | {
    name: (-1.0, 1.0) for name in ("perseveration", "after_win", "after_loss")
}
"""Range of the optimiser's starting points."""


def strategies(arms: int) -> list[str]:
    """Names of the strategies for so many arms."""
    return [name for name in STRATEGIES if arms == 2 or name != "delta rule, both arms"]


def learned(cue: Last, learning_rate: float | np.ndarray) -> Last:
    """A cue with its learning rate, if it has one."""
    return replace(cue, learning_rate=learning_rate) if isinstance(cue, Value) else cue


def _one_hot(choice: np.ndarray, arms: int) -> np.ndarray:
    return choice[..., None] == np.arange(arms)


def watch(strategy: str, trials: pd.DataFrame, arms: int) -> Data:
    """Let a strategy watch somebody's trials.

    Parameters
    ----------
    strategy : str
    trials : DataFrame
        A trials table; where it has columns ``magnitude_<arm>``, they are what is at stake, and
        values are multiplied by them.
    arms : int

    Returns
    -------
    dict of arrays
        For ``rule``, a row per trial: ``choice``, -1 where it was invalid or forced; by the name of
        its weight, what each cue said of each arm before the choice, (row, arms), or (row, rates,
        arms) at all learning ``RATES``.
    """
    check_arms(trials["choice"], arms, strategy)
    choice, reward = trials["choice"].to_numpy(), trials["reward"].to_numpy(float)
    data: Data = {"choice": np.where(schema.free_choices(trials), choice, -1)}
    stakes = [f"magnitude_{arm}" for arm in range(arms)]
    for weight, cue in STRATEGIES[strategy].items():
        learns = isinstance(cue, Value)
        cue, options = learned(cue, RATES[:, None]), (len(RATES), arms) if learns else (arms,)
        said = np.empty((len(trials), *options), dtype=np.float32)
        for rows in arrays.by_length(trials):
            memory = cue.reset((len(rows), *options))
            for row in rows.T:  # one trial of each episode; -1 beyond its end
                inside = row >= 0
                said[row[inside]] = cue.show(memory)[inside]
                chosen, paid = _one_hot(np.where(inside, choice[row], -1), arms), reward[row, None]
                memory = cue.update(
                    memory, *((chosen[:, None], paid[:, None]) if learns else (chosen, paid))
                )
        if isinstance(cue, Value | Counted) and set(stakes) <= set(trials.columns):
            stake = trials[stakes].to_numpy(np.float32)
            said *= stake[:, None] if learns else stake
        data[weight] = said
    return data


def rule(strategy: str, arms: int) -> Rule:
    """A strategy as a rule that is fitted; its data are those of ``watch``."""
    cues = STRATEGIES[strategy]
    biases = [f"bias_{arm}" for arm in range(1, arms)]
    names = [
        *(["learning_rate"] if any(isinstance(cue, Value) for cue in cues.values()) else []),
        *cues,
        *biases,
    ]

    def preferences(data: Data, **parameters: float) -> np.ndarray:
        total = np.tile([0.0, *(parameters[name] for name in biases)], (len(data["choice"]), 1))
        for weight in cues:
            said = data[weight]
            total += parameters[weight] * (
                at_rate(said, parameters["learning_rate"]) if said.ndim == 3 else said
            )
        return total

    bounds, starts = (
        {name: table[name.partition("_")[0] if name in biases else name] for name in names}
        for table in (BOUNDS, STARTS)
    )
    return Rule(preferences, bounds, starts, arms)


Schedule = Callable[[np.random.Generator, int, int, int], np.ndarray]
"""From random generator, numbers of episodes, trials and arms, to the reward probabilities
(episode, trial, arm)."""


def simulate(
    strategy: str,
    parameters: Mapping[str, float],
    p_reward: np.ndarray,
    rng: np.random.Generator,
    baited: bool = False,
) -> pd.DataFrame:
    """Let a strategy choose.

    Parameters
    ----------
    strategy : str
    parameters : dict of float
        As fitted.
    p_reward : array (episode, trial, arm)
        Reward probabilities; an arm may be ``baited`` on each trial anew, and keeps its reward
        until it is chosen.
    rng : numpy.random.Generator

    Returns
    -------
    DataFrame
        A trials table.
    """
    episodes, trials, arms = p_reward.shape
    cues = {
        weight: learned(cue, parameters.get("learning_rate", np.nan))
        for weight, cue in STRATEGIES[strategy].items()
    }
    memory = {weight: cue.reset((episodes, arms)) for weight, cue in cues.items()}
    bias = np.array([0.0, *(parameters[f"bias_{arm}"] for arm in range(1, arms))])
    choice, reward = np.zeros((episodes, trials), dtype=int), np.zeros((episodes, trials))
    waited = np.ones((episodes, arms))
    for t in range(trials):
        preference = bias + sum(
            parameters[weight] * cue.show(memory[weight]) for weight, cue in cues.items()
        )
        choice[:, t] = sample(softmax(preference, axis=-1), rng.random(episodes))
        chosen = _one_hot(choice[:, t], arms)
        pays = 1 - (1 - p_reward[:, t]) ** waited if baited else p_reward[:, t]
        reward[:, t] = rng.random(episodes) < pays[chosen]
        waited = np.where(chosen, 1, waited + 1)
        memory = {
            weight: cue.update(memory[weight], chosen, reward[:, t, None])
            for weight, cue in cues.items()
        }
    keys = {
        "episode": np.repeat(np.arange(episodes), trials),
        "trial": np.tile(np.arange(trials), episodes),
    }
    about = {"seed": 0, "variant": "simulated", **keys}
    return pd.DataFrame(about | {"choice": choice.ravel(), "reward": reward.ravel()})
