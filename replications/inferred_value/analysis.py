"""Analyse the inferred-value recordings (Wang et al. 2018, Fig. 4).

python -m replications.inferred_value.analysis
"""

from __future__ import annotations

import pandas as pd

WARM_UP_BLOCKS = 3
"""First blocks of a session, left out: a session starts from the initial LSTM state, without a past."""
KEYS = ["condition", "seed", "episode"]
PERIODS = ["fixation", "cue", "saccade"]
"""Steps of Fig. 4b."""
PANELS = ["before", "experienced", "inferred"]
"""Columns of Fig. 4b."""
ROLES = ["old cue", "new cue"]
"""The cue rewarded before the reversal, and the one rewarded after it."""


def arriving_rpes(steps: pd.DataFrame) -> pd.DataFrame:
    """Reward prediction errors on arrival at each step of each trial.

    The error r(t) + discount V(t+1) - V(t) is known when step t + 1 is seen: that of the fixation step is the response to
    the cue.

    Parameters
    ----------
    steps : DataFrame
        Steps table, sorted by step within sessions.

    Returns
    -------
    DataFrame
        Indexed by condition, seed, episode, trial; columns fixation, cue, saccade. NaN at the first step of a session.
    """
    steps = steps.assign(arriving=steps.groupby(KEYS, observed=True).rpe.shift(1))
    return steps.pivot_table(
        index=[*KEYS, "trial"], columns="period", values="arriving", aggfunc="last", observed=True, dropna=False
    ).reindex(columns=PERIODS)


def reversal_rpes(trials: pd.DataFrame, steps: pd.DataFrame, warm_up: int = WARM_UP_BLOCKS) -> pd.DataFrame:
    """Reward prediction errors on the first two trials of blocks whose rewarded cue reversed.

    Only blocks in which both trials were answered validly count.

    Returns
    -------
    DataFrame
        One row per trial: condition, seed, panel ("before": trial 1, the reversal not yet known; on trial 2 "experienced"
        if trial 1 showed the same cue, else "inferred"), role of the cue, and RPE on arrival at fixation, cue and saccade.
    """
    trials = trials[trials.block_trial < 2].astype({"rewarded_cue": str, "previous_rewarded_cue": str, "cue": str})
    trials = trials[(trials.block >= warm_up) & (trials.rewarded_cue != trials.previous_rewarded_cue)]
    block = trials.groupby([*KEYS, "block"], observed=True)
    complete = (block.choice.transform("min") >= 0) & (block.choice.transform("size") == 2)
    first_cue = block.cue.transform("first")
    panel = pd.Series("before", trials.index)
    second = trials.block_trial == 1
    panel[second & (trials.cue == first_cue)] = "experienced"
    panel[second & (trials.cue != first_cue)] = "inferred"
    role = (trials.cue == trials.previous_rewarded_cue).map({True: "old cue", False: "new cue"})
    marked = trials[[*KEYS, "trial"]].assign(panel=panel, role=role)[complete]
    return marked.join(arriving_rpes(steps), on=[*KEYS, "trial"]).drop(columns=["episode", "trial"])


def cue_differences(rpes: pd.DataFrame) -> pd.DataFrame:
    """Old minus new cue's mean RPE, per network and panel: columns condition, seed, panel, difference."""
    means = rpes.groupby(["condition", "seed", "panel", "role"], observed=True).cue.mean().unstack("role").reindex(columns=ROLES)
    return (means["old cue"] - means["new cue"]).rename("difference").reset_index()
