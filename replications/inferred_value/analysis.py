"""Analyse the inferred-value recordings (Wang et al. 2018, Fig. 4).

python -m replications.inferred_value.analysis --help
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.analysis import neural
from prefrontal.publishing import claims
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import EPISODE, SUBJECT
from replications.inferred_value.variants import (
    DRAWN,
    MAIN,
    OBSERVERS,
    PANELS,
    PERIODS,
    RESET,
    ROLES,
    WARM_UP_BLOCKS,
)

TRIAL = [*EPISODE, "trial"]
EXAMPLE_SEED = 0
"""Network of Fig. 4c, fixed in advance."""


def mark_warm_up(recording: Recording) -> pd.DataFrame:
    """Mark the trials of a session's first blocks, which are left out, where the state is carried from block to block."""
    blocks = {name: WARM_UP_BLOCKS if settings["blocks"] > 1 else 0 for name, settings in recording.settings.items()}
    trials = recording.trials.astype({"variant": str, "rewarded_cue": str, "previous_rewarded_cue": str, "cue": str})
    return trials.assign(warm_up=trials["block"] < trials["variant"].map(blocks))


def arriving_rpes(steps: pd.DataFrame) -> pd.DataFrame:
    """Reward prediction errors on arrival at each step of each trial.

    The error r(t) + discount V(t+1) - V(t) is known when step t + 1 is seen: that of the fixation step is the response to
    the cue. Of a repeated step the last one counts.

    Parameters
    ----------
    steps : DataFrame
        Steps table, sorted by step within sessions.

    Returns
    -------
    DataFrame
        Indexed by variant, seed, episode, trial; columns fixation, cue, saccade. NaN at the first step of a session.
    """
    steps = steps.assign(arriving=steps.groupby(EPISODE, observed=True)["rpe"].shift(1))
    last = steps.drop_duplicates([*TRIAL, "period"], keep="last").astype({"period": str})
    # pivot_table would drop, or else invent, trials whose errors are NaN.
    return last.pivot(index=TRIAL, columns="period", values="arriving").reindex(columns=DRAWN)


def reversed_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """First two trials of blocks whose rewarded cue reversed, where both were answered validly.

    Returns
    -------
    DataFrame
        Rows of the trials table with panel ("before": trial 1, the reversal not yet known; trial 2 is "experienced" if
        trial 1 showed the same cue, else "inferred") and role of the cue.
    """
    turned = trials["rewarded_cue"] != trials["previous_rewarded_cue"]
    trials = trials[(trials["block_trial"] < 2) & ~trials["warm_up"] & turned]
    block = trials.groupby([*EPISODE, "block"], observed=True)
    complete = (block["choice"].transform("min") >= 0) & (block["choice"].transform("size") == 2)
    same = trials["cue"] == block["cue"].transform("first")
    panel = np.where(trials["block_trial"] == 0, "before", np.where(same, "experienced", "inferred"))
    role = np.where(trials["cue"] == trials["previous_rewarded_cue"], "old cue", "new cue")
    return trials.assign(panel=panel, role=role)[complete]


def reversal_rpes(trials: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """Reward prediction errors around reversals, averaged per network (Fig. 4b).

    Returns
    -------
    DataFrame
        variant, seed, panel, role, RPE on arrival at fixation, cue and saccade, and the number of trials. Every network
        has all its rows; a network without such trials has NaN.
    """
    marked = reversed_trials(trials)[[*TRIAL, "panel", "role"]].join(arriving_rpes(steps), on=TRIAL)
    groups = marked.groupby([*SUBJECT, "panel", "role"], observed=True)
    means = groups[DRAWN].mean().assign(trials=groups.size())
    cells = pd.DataFrame([(panel, role) for panel in PANELS for role in ROLES], columns=["panel", "role"])
    complete = trials[SUBJECT].drop_duplicates().merge(cells, how="cross").join(means, on=[*SUBJECT, "panel", "role"])
    return complete.fillna({"trials": 0}).astype({"trials": int})


def cue_differences(rpes: pd.DataFrame) -> pd.DataFrame:
    """Old minus new cue's RPE: columns variant, seed, before, experienced, inferred; NaN where a cue never came."""
    wide = rpes.pivot(index=SUBJECT, columns=["panel", "role"], values="cue")
    return pd.DataFrame({p: wide[p, "old cue"] - wide[p, "new cue"] for p in PANELS}).reset_index()


def decoded_state(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Decode which cue pays from unit activity, and look at the trials around reversals.

    One decoder per network and period is trained on all trials to tell the cue that paid last: the previous block's up to
    the first outcome of a block, the block's own from then on. Sessions are held out together.

    Returns
    -------
    DataFrame
        variant, seed, block_trial (0 reversal, 1 next), period, new_state: share of reversed blocks in which the decoder
        reads the new state.
    """
    columns = ["variant", "seed", "block_trial", "period", "new_state"]
    if activity.empty:
        return pd.DataFrame(columns=columns)
    described = trials[(trials["choice"] >= 0) & ~trials["warm_up"]]
    joined = activity.merge(described[[*TRIAL, "block_trial", "rewarded_cue", "previous_rewarded_cue"]], on=TRIAL)
    rows = []
    for (variant, seed, period), part in joined.astype({"period": str}).groupby([*SUBJECT, "period"], observed=True):
        unseen = (part["block_trial"] == 0) & (period != "reward")
        known = part["previous_rewarded_cue"].where(unseen, part["rewarded_cue"])
        right = neural.decode_state(neural.units(part), (known == "right").to_numpy(), part["episode"].to_numpy())
        new = np.where(np.isnan(right), np.nan, (right > 0.5) == (part["rewarded_cue"] == "right"))
        turned = part["rewarded_cue"] != part["previous_rewarded_cue"]
        shares = pd.Series(new, part.index)[turned].groupby(part["block_trial"]).mean().reindex([0, 1])
        rows += [(variant, seed, trial, period, share) for trial, share in shares.items()]
    frame = pd.DataFrame(rows, columns=columns).astype({"period": pd.CategoricalDtype(PERIODS, ordered=True)})
    return frame.sort_values(columns[:-1])


def projected_activity(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """First two principal components of one network's activity on the two trials around each reversal (Fig. 4c).

    The components are those of one step of the trial, the same for both trials.

    Returns
    -------
    DataFrame
        block_trial, period, cue, rewarded_cue, pc1, pc2.
    """
    marked = reversed_trials(trials[(trials["variant"] == MAIN) & (trials["seed"] == EXAMPLE_SEED)])
    joined = activity.merge(marked[[*TRIAL, "block_trial", "cue", "rewarded_cue"]], on=TRIAL)
    columns = ["block_trial", "period", "cue", "rewarded_cue", "pc1", "pc2"]
    parts = [joined[joined["period"] == period] for period in PERIODS]
    scores = [neural.principal_components(part)[0][columns] for part in parts if len(part) > 1]
    return pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(columns=columns)


def behaviour(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward per trial and share of trials answered validly, per network."""
    groups = trials.assign(valid=trials["choice"] >= 0).groupby(SUBJECT, observed=True)
    return groups[["reward", "valid"]].mean().reset_index()


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Reward prediction errors around reversals, the state that units tell, and behaviour, per network."""
    trials = mark_warm_up(recording)
    rpes = reversal_rpes(trials, recording.steps)
    return {
        "fig4b": rpes,
        "fig4b_differences": cue_differences(rpes),
        "decoded_state": decoded_state(trials, recording.activity),
        "behaviour": behaviour(trials),
    }


def measures(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims are about."""
    rpes = measured["fig4b"].assign(measure=measured["fig4b"]["role"] + ", " + measured["fig4b"]["panel"])
    cues = rpes.pivot(index=SUBJECT, columns="measure", values="cue")
    difference = measured["fig4b_differences"].set_index(SUBJECT)
    before = difference["before"]
    carried = before.drop([RESET, *OBSERVERS], level="variant", errors="ignore")
    reset = before[before.index.get_level_values("variant") == RESET].droplevel("variant")
    paired = carried - reset.reindex(carried.index.get_level_values("seed")).to_numpy()
    decoded = measured["decoded_state"]
    fixation = decoded[decoded["period"] == "fixation"].pivot(index=SUBJECT, columns="block_trial", values="new_state")
    fixation = fixation.reindex(columns=[0, 1])
    wide = [
        ("inferred-experienced", cues),
        ("inferred-inferred", pd.DataFrame({"inferred / experienced": difference["inferred"] / difference["experienced"]})),
        ("inferred-state", pd.DataFrame({"old state, reversal trial": 1 - fixation[0], "new state, next trial": fixation[1]})),
        ("inferred-carry", pd.DataFrame({"difference, before": before})),
        ("inferred-carry", pd.DataFrame({"difference, before, minus reset": paired})),
    ]
    return pd.concat([claims.measures(claim, frame) for claim, frame in wide], ignore_index=True)


def panels(recording: Recording, measured: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Activity of one network around reversals."""
    return {"fig4c": projected_activity(mark_warm_up(recording), recording.activity)}


if __name__ == "__main__":
    experiments.analysis_main(__file__)
