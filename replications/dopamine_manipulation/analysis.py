"""Analyse risky choice under manipulated reward prediction errors (Wang et al. 2018, Fig. 7)."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.statistics import normalised_reward
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import EPISODE, SUBJECT
from replications.dopamine_manipulation import ideal_observer
from replications.dopamine_manipulation.claims import measure_name
from replications.dopamine_manipulation.settings import (
    CONTROL,
    DOSE,
    MAIN,
    MANIPULATIONS,
    PULLS,
    UNINFORMATIVE,
    VARIANTS,
    RiskyChoice,
)

ARM = ["level", "p_risky"]
"""Columns that identify the risky arm: "high" or "low", and its win probability."""


def with_level(recording: Recording[RiskyChoice]) -> pd.DataFrame:
    """Add a column that labels the risky arm's probability as the high or the low one of its
    task."""
    settings = recording.settings.items()
    middle = {variant: sum(each.task.probabilities) / 2 for variant, each in settings}
    trials = recording.trials
    p_risky = trials["p_risky"].astype(float).round(6)  # recorded in single precision
    level = np.where(p_risky > trials["variant"].map(middle).astype(float), "high", "low")
    return trials.assign(p_risky=p_risky, level=level)


def risky_percent(trials: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Percentage of valid free pulls on the risky arm: columns ``by`` and percent."""
    free = trials[(trials["pull"] == "free") & (trials["arm"] != "none")]
    risky = (free["arm"] == "risky").rename("percent")
    return (100 * risky.groupby([free[key] for key in by], observed=True).mean()).reset_index()


def against_control(trials: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Compare risky choice under every manipulation with the control, network by network.

    Parameters
    ----------
    trials : DataFrame
        Control and manipulations.
    by : str
        Further columns to group by.

    Returns
    -------
    DataFrame
        variant, pulls, manipulation, level, p_risky, ``by``, seed, control, experimental and
        difference (points).
    """
    keys = ["variant", *ARM, *by, "subject"]
    names = ["variant", "pulls", "manipulation", *keys[1:]]
    percent = risky_percent(trials, *names)
    control = percent[percent["manipulation"] == CONTROL].set_index(keys)["percent"]
    changed = percent[percent["manipulation"] != CONTROL].rename(
        columns={"percent": "experimental"}
    )
    both = changed.merge(control.rename("control"), how="left", left_on=keys, right_index=True)
    both = both.assign(difference=both["experimental"] - both["control"])
    return both[[*names, "control", "experimental", "difference"]].reset_index(drop=True)


def build_up(course: pd.DataFrame) -> pd.DataFrame:
    """Speed at which activity alone adapts, by manipulation and network.

    Returns
    -------
    DataFrame
        variant, pulls, manipulation, level, p_risky, seed; first and final effect (points), the
        latter a mean over the last quarter of free pulls; pulls_to_half, the free pull at which
        half of the final effect is reached, NaN where that is under 5 points.
    """
    rows = []
    keys = ["variant", "pulls", "manipulation", *ARM, "subject"]
    for key, pulls in course.sort_values("free_pull").groupby(keys, observed=True):
        effect = pulls["difference"].to_numpy(float)
        final = effect[-max(1, len(effect) // 4) :].mean()
        reached = np.flatnonzero(effect * np.sign(final) >= abs(final) / 2)
        known = abs(final) >= 5 and len(reached) > 0
        half = float(pulls["free_pull"].iloc[reached[0]]) if known else np.nan
        effects = {"first": effect[0], "final": final, "pulls_to_half": half}
        rows.append(dict(zip(keys, key, strict=True)) | effects)
    return pd.DataFrame(rows, columns=[*keys, "first", "final", "pulls_to_half"])


def performance(recording: Recording[RiskyChoice], control: pd.DataFrame) -> pd.DataFrame:
    """Reward per episode and share of invalid trials of every network in control. Normalised reward
    is based on the expected reward of the arms chosen in free trials: 0 for random choice, 1 for
    always the better arm.
    """
    free = control[(control["pull"] == "free") & (control["arm"] != "none")]
    tasks = {variant: settings.task for variant, settings in recording.settings.items()}
    win = free["variant"].map({name: task.risky_reward for name, task in tasks.items()})
    safe = free["variant"].map({name: task.safe_reward for name, task in tasks.items()})
    risky, safe = win.astype(float) * free["p_risky"], safe.astype(float)
    expected = free[SUBJECT].assign(
        chosen=risky.where(free["arm"] == "risky", safe),
        random=(risky + safe) / 2,
        best=np.maximum(risky, safe),
    )
    sums = expected.groupby(SUBJECT, observed=True).sum()
    normalised = normalised_reward(sums["chosen"], sums["random"], sums["best"])
    invalid = control.assign(invalid=control["arm"] == "none")
    groups = invalid.groupby(SUBJECT, observed=True)
    columns = {
        "reward": groups["reward"].sum() / groups["episode"].nunique(),
        "normalised_reward": pd.Series(normalised, sums.index),
        "invalid_trials": groups["invalid"].mean(),
    }
    return pd.DataFrame(columns).reset_index()


def natural_errors(steps: pd.DataFrame, control: pd.DataFrame) -> pd.DataFrame:
    """Mean error of the critic after each outcome in control, by probability and network."""
    keys = [*EPISODE, "trial"]
    outcomes = steps.loc[steps["period"] == "choice", [*keys, "rpe"]]
    both = outcomes.merge(control[[*keys, "arm", "pull", *ARM, "reward"]], on=keys)
    both = both[both["arm"] != "none"]
    won = np.where(both["reward"] > 0, "risky win", "risky loss")
    both = both.assign(event=np.where(both["arm"] == "safe", "safe", won))
    by = ["variant", "event", "pull", *ARM, "subject"]
    return both.groupby(by, observed=True)["rpe"].mean().reset_index()


def ideal(recording: Recording[RiskyChoice]) -> pd.DataFrame:
    """Percentage of risky free pulls of the ideal observer for each variant's task.

    The observer that learns nothing from forced pulls is there with or without such networks.

    Returns
    -------
    DataFrame
        variant, level, p_risky, percent (rewards discounted as in the networks' training),
        percent_undiscounted.
    """
    uninformed = recording.settings[MAIN].vary(VARIANTS[UNINFORMATIVE])
    rows = []
    for variant, settings in ({UNINFORMATIVE: uninformed} | recording.settings).items():
        task = settings.task
        per_trial = settings.training.discount ** (task.build().episode_steps / task.trials)
        discounted, plain = (ideal_observer.risky_choice(task, rate) for rate in (per_trial, 1.0))
        for level, p in zip(("low", "high"), task.probabilities, strict=True):
            rows.append((variant, level, p, 100 * discounted[p], 100 * plain[p]))
    return pd.DataFrame(rows, columns=["variant", *ARM, "percent", "percent_undiscounted"])


def weights_changed(trials: pd.DataFrame) -> pd.DataFrame:
    """Count the tests after which a network's weights differ from those that were loaded.

    Returns
    -------
    DataFrame
        variant, subject, changed.
    """
    keys = [*SUBJECT, "manipulation", "event", "size", "pulls"]
    tests = trials.groupby(keys, observed=True)["weights_changed"].max()
    return tests.astype(int).groupby(level=SUBJECT).sum().rename("changed").reset_index()


def analyse(recording: Recording[RiskyChoice]) -> dict[str, pd.DataFrame]:
    """Compare risky choice with control; performance in control; weights that changed."""
    trials = with_level(recording)
    return {
        "manipulation_effects": against_control(trials[trials["manipulation"] != DOSE]),
        "performance": performance(recording, trials[trials["manipulation"] == CONTROL]),
        "frozen": weights_changed(trials),
    }


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure risky choice in control and under each manipulation at its tested probability, and
    changed weights."""
    effects = tables["manipulation_effects"]
    networks = pd.MultiIndex.from_frame(tables["performance"][SUBJECT])
    once = effects.drop_duplicates([*SUBJECT, "level"])
    control = once.pivot(index=SUBJECT, columns="level", values="control")
    control = control.reindex(index=networks, columns=["high", "low"])
    control = control.assign(**{"high - low": control["high"] - control["low"]})
    parts = [
        claims.measures("dopamine-control", control),
        claims.measures("dopamine-frozen", tables["frozen"]),
    ]
    for manipulation, pulls in itertools.product(MANIPULATIONS, PULLS):
        under = (effects["manipulation"] == manipulation.name) & (effects["pulls"] == pulls)
        tested = effects[under & (effects["level"] == manipulation.level)]
        names = {"difference": "shift", "experimental": "percent"}
        names = {column: measure_name(measure, pulls) for column, measure in names.items()}
        wide = tested.set_index(SUBJECT).reindex(networks)
        parts.append(claims.measures(manipulation.claim, wide, names))
    return pd.concat(parts, ignore_index=True)


def further_tables(
    recording: Recording[RiskyChoice], tables: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Tables of the supplement for the main variant, and the ideal observer for every variant."""
    trials = with_level(recording)
    trials = trials[trials["variant"] == MAIN]
    is_dose = trials["manipulation"] == DOSE
    named = trials[~is_dose]
    free_pull = named["trial"] + 1 - recording.settings[MAIN].task.forced_trials
    course = against_control(named.assign(free_pull=free_pull), "free_pull")
    control = named[named["manipulation"] == CONTROL]
    return {
        "dose_response": risky_percent(
            trials[is_dose], "variant", "event", "size", *ARM, "subject"
        ),
        "effect_by_pull": course,
        "build_up": build_up(course),
        "natural_errors": natural_errors(recording.steps, control),
        "ideal_observer": ideal(recording),
    }


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures, further_tables=further_tables)
