"""Is the last trial's outcome just a cue? The model-free alternative of Akam, Costa & Dayan (2015),
put to the networks' tests.

After long learning a ``CueLearner`` repeats and leaves its last choice as a planner does. Beside
the networks, the planner and SARSA it goes through the lagged regression, the regressions of reward
prediction errors, and a comparison of rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from prefrontal.analysis import staying
from prefrontal.models import fitting, two_step
from prefrontal.models.fitting import Data, Rule
from prefrontal.models.softmax import RATES, at_rate
from prefrontal.settings import Settings
from prefrontal.tables.schema import SUBJECT
from replications.two_step.settings import (
    CUE_LEARNERS,
    CUE_RATE,
    CUE_TEMPERATURE,
    CUE_TRIALS,
    FITTED_EPISODES,
    TwoStep,
)

LATER = [f"lag {lag}" for lag in range(2, 6)]
"""Columns of ``cue_lags`` that a learner who looks one trial back does not explain."""


def learner(settings: Settings[TwoStep]) -> two_step.CueLearner:
    """Let cue learners play the task for long, and return one that begins with the mean of what
    they learned."""
    rng, task = np.random.default_rng(0), settings.task.probabilities
    naive = two_step.CueLearner(
        two_step.ModelFree(CUE_RATE, eligibility=1.0, discount=settings.training.discount)
    )
    played = two_step.arrange(
        two_step.simulate(naive, CUE_TEMPERATURE, CUE_LEARNERS, CUE_TRIALS, rng, **task)
    )
    learned = naive.learn(
        *(own[:, None] for own in (played.choice, played.outcome_state, played.reward))
    )
    return replace(naive, learned=two_step.ModelFreeMemory(*(own.mean(0) for own in learned)))


def _by_values(name: str, *rate: str) -> Rule:
    """Rule that weighs a learner's values, which are known at all ``RATES`` if its learning rate is
    free."""

    def right(data: Data, learning_rate: float | None = None, **choice_rule: float) -> np.ndarray:
        values = data[name] if learning_rate is None else at_rate(data[name], learning_rate)
        return two_step.log_odds(values, last_choice=data["last"], **choice_rule)

    names = (*rate, *two_step.CHOICE_RULE)
    return Rule(
        right,
        {own: two_step.BOUNDS[own] for own in names},
        {own: two_step.STARTS[own] for own in names},
    )


RULES = {
    "planner": _by_values("planner"),
    "cue": _by_values("cue", "learning_rate"),
    "model-free": _by_values("model-free", "learning_rate"),
    "one trial back": two_step.ONE_TRIAL_BACK,
}
"""What may predict choices. The last one, with a free weight for either transition and outcome of
the last trial, is told no more than the cue learner, but need not have learned it from rewards."""


def watched(trials: two_step.Trials, cue: two_step.CueLearner, planner: two_step.Planner) -> Data:
    """Work out what the rules look at, for one network."""
    seen = trials.choice, trials.outcome_state, trials.reward
    learners: dict[str, two_step.Learner] = {
        "model-free": two_step.ModelFree(RATES[:, None], discount=planner.discount),
        "cue": replace(cue, model_free=replace(cue.model_free, learning_rate=RATES[:, None])),
    }
    return {
        "choice": np.where(trials.free, trials.choice, -1),
        "last": fitting.last_choices(trials.choice),
        "kind": trials.kind,
        "planner": two_step.action_values(planner, *seen),
        **{name: two_step.action_values_by_rate(own, *seen) for name, own in learners.items()},
    }


def compare(
    trials: pd.DataFrame, cue: two_step.CueLearner, planner: two_step.Planner
) -> pd.DataFrame:
    """Predict each network's choices by rules that were fitted to the other half of its episodes.

    Returns
    -------
    DataFrame
        variant, seed, rule, log_likelihood per choice (nats); NaN where a half has no choice.
    """
    rows = []
    subjects: Any = list(
        trials[trials["episode"] < FITTED_EPISODES].groupby(SUBJECT, observed=True)
    )
    for key, own in tqdm(subjects, desc="comparing rules", unit="subject", disable=None):
        data = watched(two_step.arrange(own), cue, planner)
        halves = all((data["choice"][half::2] >= 0).any() for half in range(2))
        for name, rule in RULES.items():
            rng = np.random.default_rng(key[1])
            mean = (
                np.nanmean(fitting.cross_validate(rule, data, rng, starts=2)) if halves else np.nan
            )
            rows.append(
                {**dict(zip(SUBJECT, key, strict=True)), "rule": name, "log_likelihood": mean}
            )
    return pd.DataFrame(rows)


def play(
    cue: two_step.CueLearner,
    planner: two_step.Planner,
    settings: Settings[TwoStep],
    episodes: int = 1_000,
) -> pd.DataFrame:
    """Trials of the cue learner, and of the planner who chooses as randomly, by variant."""
    rng, task = np.random.default_rng(0), settings.task.probabilities
    players: dict[str, two_step.Learner] = {"cue learner": cue, "planner": planner}
    played = [
        two_step.simulate(
            own, CUE_TEMPERATURE, episodes, settings.task.trials, rng, variant=name, **task
        )
        for name, own in players.items()
    ]
    return pd.concat(played, ignore_index=True)


def measure(
    trials: pd.DataFrame,
    weights: pd.DataFrame,
    cue: two_step.CueLearner,
    planner: two_step.Planner,
    settings: Settings[TwoStep],
) -> dict[str, pd.DataFrame]:
    """Tables of what the networks and the cue learner do, and of which rule predicts the networks.

    Parameters
    ----------
    trials, weights : DataFrame
        Of networks that were trained with these settings; weights as from
        ``behavior.two_step_weights``.
    """
    played = play(cue, planner, settings)
    weights = pd.concat([weights, staying.two_step_weights(played)], ignore_index=True)
    return {
        "cue_stays": staying.stay_probability(played),
        "cue_lags": staying.staying_by_lag(weights, staying.PLANNER_STAYS),
        "cue_rules": compare(trials, cue, planner),
    }
