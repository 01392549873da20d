"""Analyse the inferred-value recordings (Wang et al. 2018, Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from prefrontal.analysis import neural
from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import EPISODE, SUBJECT
from replications.inferred_value.settings import (
    DRAWN,
    MAIN,
    OBSERVERS,
    PANELS,
    PERIODS,
    RESET,
    ROLES,
    WARM_UP_BLOCKS,
    InferredValue,
)

TRIAL = [*EPISODE, "trial"]


def mark_warm_up(recording: Recording[InferredValue]) -> pd.DataFrame:
    """Mark the trials of a session's first blocks, where the state is carried between blocks."""
    blocks = {
        variant: WARM_UP_BLOCKS if settings.task.blocks > 1 else 0
        for variant, settings in recording.settings.items()
    }
    names = ["variant", "rewarded_cue", "previous_rewarded_cue", "cue"]
    trials = recording.trials.astype(dict.fromkeys(names, str))
    return trials.assign(warm_up=trials["block"] < trials["variant"].map(blocks))


def arriving_rpes(steps: pd.DataFrame) -> pd.DataFrame:
    """Reward prediction errors on arrival at each step of each trial.

    The error r(t) + discount V(t+1) - V(t) is known when step t + 1 is seen: that of the fixation
    step is the response to the cue. If a step was repeated, the last one counts.

    Parameters
    ----------
    steps : DataFrame
        Steps table, sorted by step within sessions.

    Returns
    -------
    DataFrame
        Indexed by variant, subject, episode, trial; columns fixation, cue, saccade. NaN at the
        first step of a session.
    """
    steps = steps.assign(arriving=steps.groupby(EPISODE, observed=True)["rpe"].shift(1))
    last = steps.drop_duplicates([*TRIAL, "period"], keep="last").astype({"period": str})
    # pivot_table would drop, or make up, trials whose errors are NaN.
    return last.pivot(index=TRIAL, columns="period", values="arriving").reindex(columns=DRAWN)


def reversed_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """First two trials of blocks whose rewarded cue reversed, if both have valid responses.

    Returns
    -------
    DataFrame
        Rows of the trials table with panel ("before": trial 1, the reversal not yet known; trial 2
        is "experienced" if trial 1 showed the same cue, else "inferred") and role of the cue.
    """
    turned = trials["rewarded_cue"] != trials["previous_rewarded_cue"]
    trials = trials[(trials["block_trial"] < 2) & ~trials["warm_up"] & turned]
    block = trials.groupby([*EPISODE, "block"], observed=True)
    complete = (block["choice"].transform("min") >= 0) & (block["choice"].transform("size") == 2)
    same = trials["cue"] == block["cue"].transform("first")
    panel = np.where(
        trials["block_trial"] == 0, "before", np.where(same, "experienced", "inferred")
    )
    role = np.where(trials["cue"] == trials["previous_rewarded_cue"], "old cue", "new cue")
    return trials.assign(panel=panel, role=role)[complete]


def reversal_rpes(trials: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """Reward prediction errors around reversals, averaged per network (Fig. 4b).

    Returns
    -------
    DataFrame
        variant, subject, panel, role, RPE on arrival at fixation, cue and saccade, and the number
        of trials. Every network has all its rows; a network without such trials has NaN.
    """
    marked = reversed_trials(trials)[[*TRIAL, "panel", "role"]].join(arriving_rpes(steps), on=TRIAL)
    groups = marked.groupby([*SUBJECT, "panel", "role"], observed=True)
    means = groups[DRAWN].mean().assign(trials=groups.size())
    cells = pd.DataFrame([(p, r) for p in PANELS for r in ROLES], columns=["panel", "role"])
    networks = trials[SUBJECT].drop_duplicates().merge(cells, how="cross")
    complete = networks.join(means, on=[*SUBJECT, "panel", "role"])
    return complete.fillna({"trials": 0}).astype({"trials": int})


def cue_differences(rpes: pd.DataFrame) -> pd.DataFrame:
    """Old minus new cue's RPE by panel, per network; NaN if a cue never appeared."""
    wide = rpes.pivot(index=SUBJECT, columns=["panel", "role"], values="cue")
    return pd.DataFrame({p: wide[p, "old cue"] - wide[p, "new cue"] for p in PANELS}).reset_index()


def decoded_state(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Decode the rewarded cue from unit activity, on the trials around reversals.

    One decoder per network and period is trained on all trials to decode the cue that paid last:
    the previous block's up to the first outcome of a block, the block's own from then on. Sessions
    are held out together.

    Returns
    -------
    DataFrame
        variant, subject, block_trial (0 reversal, 1 next), period, new_state: share of reversed
        blocks in which the new state is decoded.
    """
    columns = ["variant", "subject", "block_trial", "period", "new_state"]
    if activity.empty:
        return pd.DataFrame(columns=columns)
    described = trials[(trials["choice"] >= 0) & ~trials["warm_up"]]
    described = described[[*TRIAL, "block_trial", "rewarded_cue", "previous_rewarded_cue"]]
    joined, rows = activity.merge(described, on=TRIAL).astype({"period": str}), []
    for (variant, subject, period), block in joined.groupby([*SUBJECT, "period"], observed=True):
        rewarded, previous = block["rewarded_cue"], block["previous_rewarded_cue"]
        unseen = (block["block_trial"] == 0) & (period != "reward")
        state = (previous.where(unseen, rewarded) == "right").to_numpy()
        right = neural.decode_state(neural.units(block), state, block["episode"].to_numpy())
        new = np.where(np.isnan(right), np.nan, (right > 0.5) == (rewarded == "right"))
        shares = pd.Series(new, block.index)[rewarded != previous].groupby(block["block_trial"])
        by_trial = shares.mean().reindex([0, 1])
        rows += [(variant, subject, trial, period, share) for trial, share in by_trial.items()]
    ordered = pd.CategoricalDtype(PERIODS, ordered=True)
    return pd.DataFrame(rows, columns=columns).astype({"period": ordered}).sort_values(columns[:-1])


def projected_activity(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """First two principal components of the first network's activity around reversals (Fig. 4c).

    The components are those of one step of the trial, the same for both trials.

    Returns
    -------
    DataFrame
        block_trial, period, cue, rewarded_cue, pc1, pc2.
    """
    main = trials[trials["variant"] == MAIN]
    marked = reversed_trials(main[main["subject"] == main["subject"].min()])
    joined = activity.merge(marked[[*TRIAL, "block_trial", "cue", "rewarded_cue"]], on=TRIAL)
    columns = ["block_trial", "period", "cue", "rewarded_cue", "pc1", "pc2"]
    steps = [joined[joined["period"] == period] for period in PERIODS]
    scores = [neural.principal_components(step)[0][columns] for step in steps if len(step) > 1]
    return pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(columns=columns)


def behaviour(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward per trial and share of trials with valid responses, per network."""
    groups = trials.assign(valid=trials["choice"] >= 0).groupby(SUBJECT, observed=True)
    return groups[["reward", "valid"]].mean().reset_index()


def analyse(recording: Recording[InferredValue]) -> dict[str, pd.DataFrame]:
    """Measure RPEs around reversals, the state decoded from units, and behaviour, per network."""
    trials = mark_warm_up(recording)
    rpes = reversal_rpes(trials, recording.steps)
    return {
        "reversal_rpes": rpes,
        "cue_differences": cue_differences(rpes),
        "decoded_state": decoded_state(trials, recording.activity),
        "behaviour": behaviour(trials),
    }


def claim_measures(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims; NaN if they compare with a missing variant."""
    rpes = measured["reversal_rpes"]
    rpes = rpes.assign(measure=rpes["role"] + ", " + rpes["panel"])
    cues = rpes.pivot(index=SUBJECT, columns="measure", values="cue")
    difference = measured["cue_differences"].set_index(SUBJECT)
    before, ratio = difference["before"], difference["inferred"] / difference["experienced"]
    carried = before.drop([RESET, *OBSERVERS], level="variant", errors="ignore")
    reset = before[before.index.get_level_values("variant") == RESET].droplevel("variant")
    paired = carried - reset.reindex(carried.index.get_level_values("subject")).to_numpy()
    decoded = measured["decoded_state"]
    fixation = decoded[decoded["period"] == "fixation"]
    new = fixation.pivot(index=SUBJECT, columns="block_trial", values="new_state")
    new = new.reindex(columns=[0, 1])
    states = {"old state, reversal trial": 1 - new[0], "new state, next trial": new[1]}
    wide = [
        ("inferred-experienced", cues),
        ("inferred-inferred", pd.DataFrame({"inferred / experienced": ratio})),
        ("inferred-state", pd.DataFrame(states)),
        ("inferred-carry", pd.DataFrame({"difference, before": before})),
        ("inferred-carry", pd.DataFrame({"difference, before, minus reset": paired})),
    ]
    measures = [claims.measures(claim, frame) for claim, frame in wide]
    return pd.concat(measures, ignore_index=True)


def further_tables(
    recording: Recording[InferredValue], measured: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Project the activity of one network around reversals."""
    components = projected_activity(mark_warm_up(recording), recording.activity)
    return {"principal_components": components}


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures, further_tables=further_tables)
