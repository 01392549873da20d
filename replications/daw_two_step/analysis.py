"""Analyse choices and units on Daw's two-step task, for networks, people and monkeys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from prefrontal import files
from prefrontal.analysis import neural, staying
from prefrontal.analysis.staying import MODEL_FREE_STAYS, PLANNER_STAYS
from prefrontal.experiments import Analysis, Tables
from prefrontal.models import daw_learners, fitting
from prefrontal.publishing import claims
from prefrontal.settings import Settings
from prefrontal.statistics import normalised_reward
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import EPISODE, SUBJECT
from replications.daw_two_step.settings import (
    ALPHA,
    BEHAVIOUR,
    FITTED_EPISODES,
    FITTED_STARTS,
    INTERACTION,
    LAGS,
    UNITS,
    DawTwoStep,
)

BASELINE, PLANNING, MIXED = (model.name for model in daw_learners.models(0.7))
"""Names of the models: model-free, model-based, hybrid."""


def behaviour(trials: pd.DataFrame, prior: float | None = None) -> Tables:
    """Describe choices at the first stage; any amount above 0 counts as reward.

    ``prior`` is as in ``staying.two_step_weights``.

    Returns
    -------
    stay_probability, lag_weights : DataFrame
        As from ``staying.stay_probability`` and ``staying.two_step_weights``.
    weights : DataFrame
        variant, subject, planning, model_free: lag-1 weights (log odds;
        ``staying.staying_by_lag``).
    """
    trials = trials.astype({"variant": str, "transition": str})
    completed = trials[(trials["choice"] >= 0) & (trials["choice2"] >= 0)]
    trial = completed.groupby(EPISODE, observed=True).cumcount()
    completed = completed.assign(trial=trial).reset_index(drop=True)
    lag_weights = staying.two_step_weights(completed, LAGS, prior=prior)
    parts = {"planning": PLANNER_STAYS, "model_free": MODEL_FREE_STAYS}
    weights = [
        staying.staying_by_lag(lag_weights, stays).set_index(SUBJECT)["lag 1"].rename(name)
        for name, stays in parts.items()
    ]
    return {
        "stay_probability": staying.stay_probability(completed),
        "lag_weights": lag_weights,
        "weights": pd.concat(weights, axis=1).reset_index(),
    }


def fits(
    trials: pd.DataFrame, common: float, starts: int = FITTED_STARTS, validate: bool = True
) -> pd.DataFrame:
    """Fit the models of Daw et al. (2011) to each subject's choices at both stages."""
    return fitting.fit_subjects(daw_learners.models(common), trials, starts, validate)


def network_fits(
    trials: pd.DataFrame, settings: Mapping[str, Settings[DawTwoStep]]
) -> pd.DataFrame:
    """Fit the models to the first test episodes of each network."""
    some = trials[trials["episode"] < FITTED_EPISODES].reset_index(drop=True)
    parts = [
        fits(block.reset_index(drop=True), settings[str(variant)].task.common)
        for variant, block in some.groupby("variant", observed=True)
    ]
    return pd.concat(parts, ignore_index=True)


def rewards(trials: pd.DataFrame, settings: Mapping[str, Settings[DawTwoStep]]) -> pd.DataFrame:
    """Reward per episode of each network, raw and normalised between random choice and the
    planner."""
    total = trials.groupby(EPISODE, observed=True)["reward"].sum()
    mean = total.groupby(SUBJECT, observed=True).mean().rename("reward").reset_index()
    bounds = np.array([settings[str(name)].task.reward_range() for name in mean["variant"]])
    return mean.assign(normalised=normalised_reward(mean["reward"], *bounds.T))


def regressors(trials: pd.DataFrame) -> pd.DataFrame:
    """Build regressors: this trial's choice, transition and reward, and all combinations of the
    last trial's.

    Choice and transition are coded ±1, reward by its deviation from the mean; NaN where the last
    trial belongs to another episode, or either trial was not completed.
    """
    done = (trials["choice"] >= 0) & (trials["choice2"] >= 0)
    factors = pd.DataFrame(
        {
            "choice": np.where(trials["choice"] == 1, 1.0, -1.0),
            "transition": np.where(trials["transition"] == "common", 1.0, -1.0),
            "reward": trials["reward"] - trials.loc[done, "reward"].mean(),
        },
        trials.index,
    ).where(done)
    keys = [trials[name] for name in EPISODE]
    before = factors.groupby(keys, observed=True, sort=False).shift()
    columns = {
        f"previous {' x '.join(names)}": before[list(names)].prod(axis=1, skipna=False)
        for size in (1, 2, 3)
        for names in combinations(factors.columns.astype(str), size)
    }
    return factors.assign(**columns)


def coding(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Share of each network's units that code each variable, given all others, by time step.

    The test episodes of a network are joined to one session, in which activity is shifted
    circularly against the trials for the null distribution.

    Returns
    -------
    DataFrame
        variant, subject, period, variable, share of the units with p < ``ALPHA``.
    """
    keys, rows = [*EPISODE, "trial"], []
    design = pd.concat([trials[keys], regressors(trials)], axis=1).dropna()
    names = [name for name in design if name not in keys]
    for (variant, subject, period), unit_activity in activity.groupby(
        [*SUBJECT, "period"], observed=True
    ):
        session = design.merge(unit_activity, on=keys).sort_values(["episode", "trial"])
        trend = neural.slow_trend(len(session))
        _, p = neural.shift_test(neural.units(session), session[names].to_numpy(float), trend)
        keys_of_row = {"variant": variant, "subject": subject, "period": period}
        shares = (p < ALPHA).mean(axis=1)
        rows += [
            keys_of_row | {"variable": name, "share": share}
            for name, share in zip(names, shares, strict=True)
        ]
    return pd.DataFrame(rows)


def analyse(recording: Recording[DawTwoStep]) -> Tables:
    """Analyse choices and units of the networks.

    Returns
    -------
    stay_probability, lag_weights, weights, fits, rewards, coding : DataFrame
        See ``behaviour``, ``fits``, ``rewards`` and ``coding``.
    """
    played, units = (
        recording.trials[recording.trials["test"] == test].reset_index(drop=True)
        for test in (BEHAVIOUR, UNITS)
    )
    return behaviour(played) | {
        "fits": network_fits(played, recording.settings),
        "rewards": rewards(played, recording.settings),
        "coding": coding(units, recording.activity),
    }


def model_contrasts(fitted: pd.DataFrame) -> pd.DataFrame:
    """Compare the models of each subject.

    Returns
    -------
    DataFrame
        By subject: bic, half the difference of their criteria per choice (nats), above 0 if the
        model-based learner is better than the model-free one; likelihood, the difference of log
        likelihoods per held-out choice (nats), where choices were held out; weight, the hybrid's
        weight of planning.
    """
    wide = fitted.pivot(index=SUBJECT, columns="model")
    scores = {"bic": -wide["bic"] / (2 * wide["choices"])}
    if "cross_validated" in fitted:
        scores["likelihood"] = wide["cross_validated"]
    contrasts = {name: score[PLANNING] - score[BASELINE] for name, score in scores.items()}
    return pd.DataFrame(contrasts | {"weight": wide["weight"][MIXED]})


def animal_tables(names: Sequence[str] = ("weights", "lag_weights")) -> Tables:
    """Read committed statistics of people and monkeys."""
    folder = files.experiment_folder(files.DATA, "daw_two_step") / "animals"
    return {name: storage.read(folder / f"{name}.csv") for name in names}


def animal_measures() -> pd.DataFrame:
    """Measures of people, and of the sessions of each monkey."""
    tables = animal_tables()
    lag_1 = tables["lag_weights"].query("lag == 1")
    wide = lag_1.pivot(index=SUBJECT, columns="signal", values="weight")
    parts = [claims.measures("animals-twostep", part) for part in (tables["weights"], wide)]
    return pd.concat(parts, ignore_index=True)


def claim_measures(tables: Tables) -> pd.DataFrame:
    """Measures of the claims."""
    weights = tables["weights"].set_index(SUBJECT)
    weights["model-free minus planning"] = weights["model_free"] - weights["planning"]
    coded = tables["coding"]
    at_choice = coded[(coded["period"] == "stage 1") & (coded["variable"] == INTERACTION)]
    reward, share = ["normalised"], {"share": "interaction"}
    parts = [
        claims.measures("animals-twostep", weights),
        claims.measures("daw-reward", tables["rewards"].set_index(SUBJECT)[reward]),
        claims.measures("daw-models", model_contrasts(tables["fits"])[["likelihood", "weight"]]),
        claims.measures("daw-units", at_choice.set_index(SUBJECT), share),
        animal_measures(),
    ]
    return pd.concat(parts, ignore_index=True)


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures)
