"""Test the model-free alternative of Akam, Costa & Dayan (2015): the last trial's outcome as a cue.

After long training a ``CueLearner`` repeats or switches like a planner. It is analysed like the
networks, the planner and SARSA: lagged regression, regressions of reward prediction errors, and
comparison of rules.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from tqdm import tqdm

from prefrontal.analysis import staying
from prefrontal.models import fitting
from prefrontal.models.model import Model, Player
from prefrontal.models.two_step_learners import (
    REPLAYED,
    CueLearner,
    ModelFree,
    OneTrialBack,
    Planner,
    TwoStep,
)
from prefrontal.settings import Settings
from prefrontal.tables.schema import SUBJECT, free_choices
from replications.two_step import settings as two_step
from replications.two_step.settings import (
    CUE_LEARNERS,
    CUE_RATE,
    CUE_TEMPERATURE,
    CUE_TRIALS,
    FITTED_EPISODES,
)

LATER = [f"lag {lag}" for lag in range(2, 6)]
"""Columns of ``cue_lags`` that a learner with a memory of one trial does not explain."""

CHOICE_RULE = REPLAYED | {"inverse_temperature": CUE_TEMPERATURE}


def learner(settings: Settings[two_step.TwoStep]) -> CueLearner:
    """Let cue learners play the task for many trials, and return one that starts with their mean
    values."""
    fixed = {"learning_rate": CUE_RATE, "eligibility": 1.0}
    fixed |= {"discount": settings.training.discount, **CHOICE_RULE}
    task = TwoStep(CUE_LEARNERS, CUE_TRIALS, **settings.task.probabilities)
    player = Player(CueLearner(fixed=fixed), {}, CUE_LEARNERS)
    player.play(task, np.random.default_rng(0))
    learned = [player.memory[name].mean(axis=0) for name in ("actions", "states")]
    return CueLearner(learned, fixed=fixed)


def models(cue: CueLearner, planner: Planner) -> list[Model]:
    """Models that may predict choices.

    The last one, with a free weight for each combination of transition and outcome of the last
    trial, has the same information as the cue learner, but need not learn from rewards.
    """
    known = planner.complete({})
    discount = {"discount": known["discount"]}
    task = {name: known[name] for name in ("common", "rich", "reversal")}
    return [
        Planner(**task, name="planner", fixed=discount),
        CueLearner(cue.learned, name="cue", fixed={"eligibility": 1.0, **discount}),
        ModelFree("model-free", discount),
        OneTrialBack(fixed={"bias": 0.0}),
    ]


def compare(trials: pd.DataFrame, cue: CueLearner, planner: Planner) -> pd.DataFrame:
    """Predict each network's choices by models that were fitted to the other half of its episodes.

    Returns
    -------
    DataFrame
        variant, subject, rule, log_likelihood per choice (nats); NaN where a half has no choice.
    """
    rows = []
    grouped = trials[trials["episode"] < FITTED_EPISODES].groupby(SUBJECT, observed=True)
    for key, subject_trials in tqdm(
        list(grouped), desc="comparing models", unit="subject", disable=None
    ):
        half = subject_trials["episode"].to_numpy() % 2
        halves = len(np.unique(half[free_choices(subject_trials)])) == 2
        for model in models(cue, planner):
            mean = np.nan
            if halves:
                rng = fitting.random_generator(key)
                mean = np.nanmean(
                    fitting.cross_validate(model, subject_trials, half, rng, starts=2)
                )
            row = dict(zip(SUBJECT, key, strict=True)) | {"rule": model.name}
            rows.append(row | {"log_likelihood": mean})
    return pd.DataFrame(rows)


def play(
    cue: CueLearner,
    planner: Planner,
    settings: Settings[two_step.TwoStep],
    episodes: int = 1_000,
) -> pd.DataFrame:
    """Trials of the cue learner, and of a planner with equally random choices, by variant."""
    rng = np.random.default_rng(0)
    task = TwoStep(episodes, settings.task.trials, **settings.task.probabilities)
    players: dict[str, Model] = {"cue learner": cue, "planner": planner}
    played = [
        model.simulate(task, CHOICE_RULE, rng).assign(variant=name)
        for name, model in players.items()
    ]
    return pd.concat(played, ignore_index=True)


def measure(
    trials: pd.DataFrame,
    weights: pd.DataFrame,
    cue: CueLearner,
    planner: Planner,
    settings: Settings[two_step.TwoStep],
) -> dict[str, pd.DataFrame]:
    """Compare networks with the cue learner, and rules that predict the networks' choices.

    Parameters
    ----------
    trials, weights : DataFrame
        Of networks that were trained with these settings; weights as from
        ``staying.two_step_weights``.
    """
    played = play(cue, planner, settings)
    weights = pd.concat([weights, staying.two_step_weights(played)], ignore_index=True)
    return {
        "cue_stays": staying.stay_probability(played),
        "cue_lags": staying.staying_by_lag(weights, staying.PLANNER_STAYS),
        "cue_rules": compare(trials, cue, planner),
    }
