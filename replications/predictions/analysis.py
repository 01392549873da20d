"""Analyse control after perturbed training, and errors and control with the value silenced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from prefrontal.analysis import regression, staying
from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.statistics import trend
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import EPISODE, SUBJECT
from replications.predictions.settings import (
    INTACT,
    MEASURES,
    OUTCOMES,
    PERTURBATION,
    SILENCED,
    STRENGTHS,
)
from replications.two_step import analysis as two_step_analysis
from replications.two_step.settings import TwoStep

STAYS = {"planning_index": staying.PLANNER_STAYS, "model_free_index": staying.MODEL_FREE_STAYS}


def indices(trials: pd.DataFrame) -> pd.DataFrame:
    """Planning and model-free index, reward per trial and share of invalid trials per network.

    Returns
    -------
    DataFrame
        variant, subject, planning_index, model_free_index (log odds), reward_per_trial, invalid.
        Indices are sums of the four weights at lag 1, those of trials after which the learner
        switches with a minus (Miller, Botvinick & Brody 2017, at lag 1); 0 if choices do not vary,
        since then they cannot depend on past trials.
    """
    trials = trials.astype({"variant": str})
    weights = staying.two_step_weights(trials)
    by_network = trials.assign(invalid=trials["choice"] < 0).groupby(SUBJECT)
    valid = trials["choice"].where(trials["choice"] >= 0)
    valid_by_network = valid.groupby([trials[name] for name in SUBJECT])
    varies = valid_by_network.max() > valid_by_network.min()
    by_lag = {name: staying.staying_by_lag(weights, stays) for name, stays in STAYS.items()}
    frame = pd.DataFrame(
        {name: 4 * table.set_index(SUBJECT)["lag 1"] for name, table in by_lag.items()}
    )
    frame = frame.where(varies, 0.0, axis=0)
    means = {
        "reward_per_trial": by_network["reward"].mean(),
        "invalid": by_network["invalid"].mean(),
    }
    return frame.assign(**means).reset_index()


def explained(recording: Recording[TwoStep]) -> pd.DataFrame:
    """Variance of networks' reward prediction errors that the planner's explain (Fig. 5f).

    Returns
    -------
    DataFrame
        variant, subject, event ("both", "stage 2", "reward"), r2_model_based; 0 for errors that do
        not vary.
    """
    rows = []
    pairs = two_step_analysis.model_based_pairs(recording)
    for (variant, subject), network in pairs.groupby(SUBJECT):
        for event in ("both", *two_step_analysis.EVENTS):
            errors = network if event == "both" else network[network["event"] == event]
            outcome, predictor = (
                errors[name].to_numpy(float) for name in ("network", "model_based")
            )
            r2 = np.nan_to_num(regression.explained_variance(outcome, [predictor]))
            rows.append(
                {"variant": variant, "subject": subject, "event": event, "r2_model_based": r2}
            )
    return pd.DataFrame(rows)


def analyse(recording: Recording[TwoStep]) -> dict[str, pd.DataFrame]:
    """Measure every network's behaviour, and its errors where steps were recorded.

    Returns
    -------
    outcomes : DataFrame
        As from ``outcome_effects``.
    indices : DataFrame
        As from ``indices``, with silenced, kind of perturbation and strength (its rank).
    silencing : DataFrame
        As from ``explained``, with silenced.
    """
    behaviour, errors = [], []
    for silenced, trials in recording.trials.groupby("silenced", sort=False):
        behaviour.append(indices(trials).assign(silenced=silenced))
        steps = recording.steps[recording.steps["silenced"] == silenced]
        part = Recording(trials, steps, settings=recording.settings)
        errors.append(explained(part).assign(silenced=silenced))
    by_network = pd.concat(behaviour, ignore_index=True)
    perturbed = [PERTURBATION.get(variant, ("none", 0)) for variant in by_network["variant"]]
    by_network[["kind", "strength"]] = pd.DataFrame(perturbed)
    silencing = pd.concat(errors, ignore_index=True)
    return {
        "outcomes": outcome_effects(recording),
        "indices": storage.leading(by_network, *SUBJECT, "silenced", "kind", "strength"),
        "silencing": storage.leading(silencing, *SUBJECT, "silenced"),
    }


def course(by_network: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Rows of the table ``indices`` of a kind of perturbation, intact networks as strength 0."""
    intact = by_network["variant"] == INTACT
    unsilenced = by_network["silenced"] == SILENCED[0]
    return by_network[unsilenced & (intact | (by_network["kind"] == kind))]


def slopes(by_network: pd.DataFrame) -> pd.DataFrame:
    """Change of the planning index per step of strength.

    Returns
    -------
    DataFrame
        variant, subject, a column per kind of perturbation; NaN unless every strength is there.
    """
    columns = {}
    for kind, measure in MEASURES.items():
        rows = course(by_network, kind)
        wide = rows.pivot(index="strength", columns="subject", values="planning_index")
        wide = wide.reindex(range(len(STRENGTHS[kind]) + 1))
        columns[measure] = pd.Series(trend(wide), wide.columns)
    return pd.DataFrame(columns).assign(variant=INTACT).reset_index()


def minus_intact(by_network: pd.DataFrame, column: str) -> pd.DataFrame:
    """Effect of silencing on each network, a column per way to silence."""
    intact, *ways = SILENCED
    variants = by_network.loc[by_network["silenced"] != intact, "variant"].unique()
    silenced = by_network[by_network["variant"].isin(variants)]
    wide = silenced.pivot(index=SUBJECT, columns="silenced", values=column)
    return wide[ways].sub(wide[intact], axis=0)


def outcome_effects(recording: Recording[TwoStep]) -> pd.DataFrame:
    """Effect of the last outcome on the log odds of repeating the first-stage choice, per network.

    Returns
    -------
    DataFrame
        variant, subject, a column per measure of ``dopamine-bypass``: half the difference between a
        reward prediction error raised and lowered by 1, and the difference between rewards of 1 and
        0, averaged over completed trials, or over those after one kind of transition.
    """
    keys = [*EPISODE, "trial"]
    trials = recording.trials[recording.trials["silenced"] == SILENCED[0]]
    before = trials.loc[trials["transition"] != "none", [*keys, "choice", "transition"]]
    before = before.assign(trial=before["trial"] + 1)
    completed = before.merge(recording.activity, on=keys)
    log_odds = dict(zip(OUTCOMES, completed.filter(regex="^unit_").to_numpy().T, strict=True))
    side = np.where(completed["choice"] == 1, 1, -1)
    effects = completed[[*SUBJECT, "transition"]].assign(
        RPE=side * (log_odds["RPE raised"] - log_odds["RPE lowered"]) / 2,
        reward=side * (log_odds["reward 1"] - log_odds["reward 0"]),
    )
    columns = {}
    for name in ("RPE", "reward"):
        columns[name] = effects.groupby(SUBJECT, observed=True)[name].mean()
        for kind in ("common", "uncommon"):
            rows = effects[effects["transition"] == kind]
            columns[f"{name}, {kind}"] = rows.groupby(SUBJECT, observed=True)[name].mean()
    return pd.DataFrame(columns).reset_index()


def claim_measures(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims."""
    errors = tables["silencing"].query("event == 'both'")
    wide = {
        "dopamine-bypass": tables["outcomes"],
        "prediction-interference": slopes(tables["indices"]),
        "prediction-silencing": minus_intact(errors, "r2_model_based"),
        "prediction-silencing-behaviour": minus_intact(tables["indices"], "planning_index"),
    }
    parts = [claims.measures(claim, frame) for claim, frame in wide.items()]
    return pd.concat(parts, ignore_index=True)


def reward_levels(task: TwoStep) -> pd.DataFrame:
    """Reward per trial of random valid choice and of the best possible agent: level, reward."""
    rewards = np.array(task.reward_range()) / task.trials
    return pd.DataFrame({"level": ["chance", "best possible"], "reward_per_trial": rewards})


def further_tables(
    recording: Recording[TwoStep], tables: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Reference levels of reward."""
    return {"reward_levels": reward_levels(recording.settings[INTACT].task)}


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures, further_tables=further_tables)
