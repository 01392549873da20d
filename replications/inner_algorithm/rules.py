"""Rules that may explain choices: heuristics of one trial, learning at a fixed rate, and inference.

Every rule gets the subject's own past and gives the log odds of its next choice
(``prefrontal.models.fitting``). In the volatile bandit the points at stake are shown before each
choice, so every rule may weigh them. In the two-step task one heuristic of one trial may use the
transition: as far as one trial can show, a planner stays after a rewarded common or an unrewarded
uncommon one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.models import bandit, fitting, rescorla_wagner, two_step
from prefrontal.models.fitting import WIN_STAY_LOSE_SHIFT, Data, Rule
from prefrontal.models.softmax import RATES, at_rate
from prefrontal.models.volatility import VolatilityObserver
from prefrontal.settings import TaskSettings
from replications.inner_algorithm.settings import FIXED_PLANNER, FIXED_RATE, INFERENCE
from replications.two_step.settings import TwoStep
from replications.volatile_bandit.settings import VolatileBandit

TEMPERATURE, STAY, RATE = (0.0, 40.0), (-8.0, 8.0), (0.0, 1.0)
SOFTMAX = {"inverse_temperature": TEMPERATURE, "perseveration": STAY}


def perseverate(data: Data, perseveration: float) -> np.ndarray:
    """Repeat the last choice."""
    return perseveration * data["last"]


def choose_by(
    data: Data, values: np.ndarray, inverse_temperature: float, perseveration: float
) -> np.ndarray:
    """Choose by the difference of two values (..., 2), and perseverate."""
    return inverse_temperature * (values[..., 1] - values[..., 0]) + perseverate(
        data, perseveration
    )


def infer(data: Data, inverse_temperature: float, perseveration: float) -> np.ndarray:
    """Choose by inferred values, ``data["inferred"]`` (episode, trial, 2)."""
    return choose_by(data, data["inferred"], inverse_temperature, perseveration)


def q_learning(
    data: Data, learning_rate: float, inverse_temperature: float, perseveration: float
) -> np.ndarray:
    """Q-learning of choices, at a fixed rate."""
    values = bandit.action_values(data["choice"], data["reward"], learning_rate)
    return choose_by(data, values, inverse_temperature, perseveration)


def plan(
    data: Data, learning_rate: float, inverse_temperature: float, perseveration: float
) -> np.ndarray:
    """Plan from values of the second-stage states that are learned at a fixed rate."""
    return choose_by(
        data, at_rate(data["planned"], learning_rate), inverse_temperature, perseveration
    )


def weigh_magnitudes(data: Data, magnitude: float, perseveration: float) -> np.ndarray:
    """Weigh the magnitudes, and perseverate."""
    return magnitude * (data["magnitudes"][..., 1] - data["magnitudes"][..., 0]) + perseverate(
        data, perseveration
    )


def stay_shift_and_magnitudes(
    data: Data, magnitude: float, after_win: float, after_loss: float
) -> np.ndarray:
    """Win-stay lose-shift that weighs magnitudes too."""
    return weigh_magnitudes(data, magnitude, 0.0) + fitting.win_stay_lose_shift(
        data, after_win, after_loss
    )


def rescorla(
    data: Data, learning_rate: float, inverse_temperature: float, perseveration: float
) -> np.ndarray:
    """Learn which arm pays (Rescorla-Wagner), at a fixed rate, and choose by expected reward."""
    left = rescorla_wagner.values(data["left_paid"], learning_rate)
    return choose_by(data, staked(left, data["magnitudes"]), inverse_temperature, perseveration)


def staked(left_pays: np.ndarray, magnitudes: np.ndarray) -> np.ndarray:
    """Expected reward of both arms, of which one pays: (..., 2)."""
    return np.stack([left_pays, 1 - left_pays], axis=-1) * magnitudes


PERSEVERATION = Rule(perseverate, {"perseveration": STAY})
Q_LEARNING = Rule(q_learning, {"learning_rate": RATE, **SOFTMAX})
INFER = Rule(infer, SOFTMAX)

RULES = {
    "bandit": {
        "perseveration": PERSEVERATION,
        "win-stay lose-shift": WIN_STAY_LOSE_SHIFT,
        FIXED_RATE: Q_LEARNING,
        INFERENCE: INFER,
    },
    "volatile_bandit": {
        "perseveration": Rule(weigh_magnitudes, {"magnitude": TEMPERATURE, "perseveration": STAY}),
        "win-stay lose-shift": Rule(
            stay_shift_and_magnitudes, {"magnitude": TEMPERATURE, **WIN_STAY_LOSE_SHIFT.bounds}
        ),
        FIXED_RATE: Rule(rescorla, {"learning_rate": RATE, **SOFTMAX}),
        INFERENCE: INFER,
    },
    "two_step": {
        "perseveration": PERSEVERATION,
        "win-stay lose-shift": WIN_STAY_LOSE_SHIFT,
        "one trial back": two_step.ONE_TRIAL_BACK,
        FIXED_RATE: Q_LEARNING,
        FIXED_PLANNER: Rule(plan, {"learning_rate": RATE, **SOFTMAX}),
        INFERENCE: INFER,
    },
}
"""Experiment -> rules by name. Fixed rate: Q-learning, Rescorla-Wagner, model-free Q-learning of
the first choice, and a planner (Miller, Botvinick & Brody 2017). Inference: posterior means, the
Bayesian agent that learns the volatility too, the planner that infers which state is the better
one."""


def arrays(trials: pd.DataFrame, columns: list[str]) -> Data:
    """Columns of one subject's trials as arrays (episode, trial)."""
    wide = trials.pivot(index="episode", columns="trial", values=columns)
    return {name: wide[name].to_numpy() for name in columns}


def replay(trials: pd.DataFrame, settings: TaskSettings) -> Data:
    """Compute what the rules take as input from one subject's trials.

    Parameters
    ----------
    trials : DataFrame
    settings : TaskSettings
        Of the networks' training, in which ideal observers believe.

    Returns
    -------
    dict
        Arrays (episode, trial, ...). ``last`` is the direction of repeating the last choice.
    """
    if isinstance(settings, TwoStep):
        return replay_two_step(trials, settings)
    if isinstance(settings, VolatileBandit):
        return replay_volatile_bandit(trials, settings)
    return replay_bandit(trials)


def choices(trials: pd.DataFrame) -> Data:
    """Arrange choices and rewards."""
    data = {name: array.astype(int) for name, array in arrays(trials, ["choice"]).items()}
    return data | arrays(trials, ["reward"]) | {"last": fitting.toward_last(data["choice"])}


def replay_bandit(trials: pd.DataFrame) -> Data:
    """Compute the input of the rules for bandits."""
    data = choices(trials)
    return data | {"inferred": bandit.posterior(data["choice"], data["reward"])[0]}


def replay_volatile_bandit(trials: pd.DataFrame, settings: VolatileBandit) -> Data:
    """Compute the input of the rules for the volatile bandit."""
    data, stakes = choices(trials), arrays(trials, ["magnitude_left", "magnitude_right"])
    magnitudes = np.stack(list(stakes.values()), axis=-1) / 100
    left_paid = (data["reward"] > 0) == (data["choice"] == 0)
    expected, _ = VolatilityObserver(**settings.process).infer(left_paid)
    inferred = staked(expected, magnitudes)
    return data | {"magnitudes": magnitudes, "left_paid": left_paid, "inferred": inferred}


def replay_two_step(trials: pd.DataFrame, settings: TwoStep) -> Data:
    """Compute the input of the rules for the two-step task."""
    arranged = two_step.arrange(trials)
    history = arranged.choice, arranged.outcome_state, arranged.reward
    planner = two_step.Planner(**settings.probabilities)
    learning = two_step.LearningPlanner(learning_rate=RATES[:, None], common=settings.common)
    return {
        "choice": arranged.choice,
        "last": fitting.toward_last(arranged.choice),
        "reward": arranged.reward,
        "kind": arranged.kind,
        "inferred": two_step.action_values(planner, *history),
        "planned": two_step.action_values_by_rate(learning, *history),
    }
