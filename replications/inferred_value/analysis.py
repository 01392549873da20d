"""Analyse the inferred-value recordings (Wang et al. 2018, Fig. 4).

python -m replications.inferred_value.analysis --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro

from prefrontal import claims, neural, plotting, tables
from prefrontal.errors import run
from prefrontal.paths import DATA

WARM_UP_BLOCKS = 3
"""First blocks of a test session, left out: a session starts from the initial LSTM state, without a past."""
CARRIED, RESET = "carried", "reset"
"""Conditions: LSTM state carried through a session, or reset at every block."""
RPE_INPUT = "carried_rpe"
"""Condition: state carried, and the actor sees reward prediction errors in place of reward."""
OBSERVERS = {"observer: boundary known": True, "observer: constant hazard": False}
"""Conditions of the ideal observers, and whether they know where blocks begin."""

KEYS = ["condition", "seed", "episode"]
PERIODS = ["fixation", "cue", "saccade", "reward"]
DRAWN = ["fixation", "cue", "saccade"]
"""Steps of Fig. 4b."""
PANELS = ["before", "experienced", "inferred"]
"""Columns of Fig. 4b."""
ROLES = ["old cue", "new cue"]
"""The cue rewarded before the reversal, and the one rewarded after it."""
SIGNS = {"before": (1, -1), "experienced": (-1, 1), "inferred": (-1, 1)}
"""Published sign of the RPE to the old and the new cue."""
NO_EXPECTATION = 0.065
"""Largest trial-1 difference between cues that counts as none: a tenth of the published one, 0.646 (Fig. 4b)."""
EXAMPLE_SEED = 0
"""Network of Fig. 4c, fixed in advance."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


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
        Indexed by condition, seed, episode, trial; columns fixation, cue, saccade. NaN at the first step of a session.
    """
    steps = steps.assign(arriving=steps.groupby(KEYS, observed=True)["rpe"].shift(1))
    last = steps.drop_duplicates([*KEYS, "trial", "period"], keep="last").astype({"period": str})
    # pivot_table would drop, or else invent, trials whose errors are NaN.
    return last.pivot(index=[*KEYS, "trial"], columns="period", values="arriving").reindex(columns=DRAWN)


def reversed_trials(trials: pd.DataFrame, warm_up: int) -> pd.DataFrame:
    """First two trials of blocks whose rewarded cue reversed, where both were answered validly.

    Returns
    -------
    DataFrame
        Rows of the trials table with panel ("before": trial 1, the reversal not yet known; trial 2 is "experienced" if
        trial 1 showed the same cue, else "inferred") and role of the cue.
    """
    trials = trials[trials["block_trial"] < 2].astype({"rewarded_cue": str, "previous_rewarded_cue": str, "cue": str})
    trials = trials[(trials["block"] >= warm_up) & (trials["rewarded_cue"] != trials["previous_rewarded_cue"])]
    block = trials.groupby([*KEYS, "block"], observed=True)
    complete = (block["choice"].transform("min") >= 0) & (block["choice"].transform("size") == 2)
    same = trials["cue"] == block["cue"].transform("first")
    panel = np.where(trials["block_trial"] == 0, "before", np.where(same, "experienced", "inferred"))
    role = np.where(trials["cue"] == trials["previous_rewarded_cue"], "old cue", "new cue")
    return trials.assign(panel=panel, role=role)[complete]


def reversal_rpes(trials: pd.DataFrame, steps: pd.DataFrame, warm_up: int) -> pd.DataFrame:
    """Reward prediction errors around reversals, averaged per network (Fig. 4b).

    Returns
    -------
    DataFrame
        condition, seed, panel, role, RPE on arrival at fixation, cue and saccade, and the number of trials. Every network
        has all its rows; a network without such trials has NaN.
    """
    marked = reversed_trials(trials, warm_up)[[*KEYS, "trial", "panel", "role"]].join(arriving_rpes(steps), on=[*KEYS, "trial"])
    groups = marked.groupby(["condition", "seed", "panel", "role"], observed=True)
    means = groups[DRAWN].mean().assign(trials=groups.size())
    cells = pd.DataFrame([(panel, role) for panel in PANELS for role in ROLES], columns=["panel", "role"])
    networks = trials[["condition", "seed"]].drop_duplicates().astype({"condition": str})
    complete = networks.merge(cells, how="cross").join(means, on=["condition", "seed", "panel", "role"])
    return complete.fillna({"trials": 0}).astype({"trials": int})


def cue_differences(rpes: pd.DataFrame) -> pd.DataFrame:
    """Old minus new cue's RPE: columns condition, seed, before, experienced, inferred; NaN where a cue never came."""
    wide = rpes.pivot(index=["condition", "seed"], columns=["panel", "role"], values="cue")
    return pd.DataFrame({p: wide[p, "old cue"] - wide[p, "new cue"] for p in PANELS}).reset_index()


def decoded_state(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Decode which cue pays from unit activity, and look at the trials around reversals.

    One decoder per network and period is trained on all trials to tell the cue that paid last: the previous block's up to
    the first outcome of a block, the block's own from then on. Sessions are held out together.

    Returns
    -------
    DataFrame
        condition, seed, period, block_trial (0 reversal, 1 next), new_state: share of reversed blocks in which the decoder
        reads the new state.
    """
    keys = [*KEYS, "trial"]
    columns = [*keys, "block", "block_trial", "choice", "rewarded_cue", "previous_rewarded_cue"]
    joined = activity.merge(trials[columns].astype({"rewarded_cue": str, "previous_rewarded_cue": str}), on=keys)
    joined = joined[joined["choice"] >= 0]
    rows = []
    for (condition, seed, period), part in joined.astype({"period": str}).groupby(["condition", "seed", "period"], observed=True):
        part = part[part["block"] >= (0 if condition == RESET else WARM_UP_BLOCKS)]
        unseen = (part["block_trial"] == 0) & (period != "reward")
        known = np.where(unseen, part["previous_rewarded_cue"], part["rewarded_cue"])
        right = neural.decode_state(neural.units(part), known == "right", part["episode"].to_numpy())
        new = np.where(np.isnan(right), np.nan, (right > 0.5) == (part["rewarded_cue"] == "right"))
        turned = part["rewarded_cue"] != part["previous_rewarded_cue"]
        shares = pd.Series(new, part.index)[turned].groupby(part["block_trial"]).mean().reindex([0, 1])
        rows += [
            {"condition": condition, "seed": seed, "block_trial": trial, "period": period, "new_state": share}
            for trial, share in shares.items()
        ]
    frame = pd.DataFrame(rows, columns=["condition", "seed", "block_trial", "period", "new_state"])
    by = ["condition", "seed", "block_trial", "period"]
    return frame.sort_values(by, key=lambda column: column.map(PERIODS.index) if column.name == "period" else column)


def projected_activity(trials: pd.DataFrame, activity: pd.DataFrame, seed: int) -> pd.DataFrame:
    """First two principal components of one network's activity on the two trials around each reversal (Fig. 4c).

    The components are those of one step of the trial, the same for both trials.

    Returns
    -------
    DataFrame
        block_trial, period, cue, rewarded_cue, pc1, pc2.
    """
    marked = reversed_trials(trials[(trials["condition"] == CARRIED) & (trials["seed"] == seed)], WARM_UP_BLOCKS)
    joined = activity.merge(marked[[*KEYS, "trial", "block_trial", "cue", "rewarded_cue"]], on=[*KEYS, "trial"])
    columns = ["block_trial", "period", "cue", "rewarded_cue", "pc1", "pc2"]
    parts = [joined[joined["period"] == period] for period in PERIODS]
    scores = [neural.principal_components(part)[0][columns] for part in parts if len(part) > 1]
    return pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(columns=columns)


def published_rpes() -> pd.DataFrame:
    """Published RPEs of the networks (Fig. 4b): panel, role, period, rpe."""
    frame = plotting.published("fig4b")
    roles = {"cue rewarded prior to reversal": "old cue", "cue rewarded after reversal": "new cue"}
    return pd.DataFrame(
        {
            "panel": frame["panel"].str.extract(r": (\w+)", expand=False),
            "role": frame["series"].map(roles),
            "period": frame["x"].str.split().str[1],
            "rpe": frame["y"].astype(float),
        }
    )


def settle_claims(rpes: pd.DataFrame, decoded: pd.DataFrame) -> list[dict]:
    """Decide the claims of Fig. 4; the criteria are fixed in advance."""
    differences = cue_differences(rpes).set_index("seed")
    carried = differences[differences["condition"] == CARRIED]
    reset = differences[differences["condition"] == RESET]
    rows = rpe_claims(rpes[rpes["condition"] == CARRIED])
    ratio = carried["inferred"] / carried["experienced"]
    statement = "inferred / experienced difference between the cues' RPEs"
    rows.append(claims.settle("inferred-inferred", "4b", statement, ratio, claims.between(0.8, 1.2)))
    fixation = decoded[(decoded["condition"] == CARRIED) & (decoded["period"] == "fixation")]
    at_reversal, at_next = (
        fixation[fixation["block_trial"] == trial].set_index("seed")["new_state"].reindex(carried.index) for trial in (0, 1)
    )
    statement = "fixation of the reversal trial: old state decoded from held-out sessions"
    rows.append(claims.settle("inferred-state", "4c", statement, 1 - at_reversal, claims.above(0.95)))
    statement = "fixation of the next trial: new state decoded from held-out sessions"
    rows.append(claims.settle("inferred-state", "4c", statement, at_next, claims.above(0.95)))
    statement = "state reset at every block: difference between the cues' RPEs on trial 1"
    criterion = claims.between(-NO_EXPECTATION, NO_EXPECTATION)
    rows.append(claims.settle("inferred-carry", "4b", statement, reset["before"], criterion))
    statement = "carried minus reset: difference between the cues' RPEs on trial 1"
    rows.append(claims.settle("inferred-carry", "4b", statement, carried["before"] - reset["before"], claims.above(0)))
    return rows


def rpe_claims(rpes: pd.DataFrame) -> list[dict]:
    """Settle sign and size of the six cue RPEs of Fig. 4b."""
    reference = published_rpes().set_index(["panel", "role", "period"])["rpe"]
    rows = []
    for panel in PANELS:
        for role, sign in zip(ROLES, SIGNS[panel], strict=True):
            values = rpes.query("panel == @panel and role == @role")["cue"]
            claim = "inferred-inferred" if panel == "inferred" else "inferred-experienced"
            trial = "trial 1" if panel == "before" else f"trial 2, {panel}"
            criterion = claims.above(0) if sign > 0 else claims.below(0)
            published = float(reference[panel, role, "cue"])
            rows.append(claims.settle(claim, "4b", f"RPE to the {role}, {trial}", values, criterion, published, 0.1))
    return rows


def rpe_input(rpes: pd.DataFrame, behaved: pd.DataFrame) -> pd.DataFrame:
    """RPEs on trial 2, their inferred / experienced ratio and reward, of networks of either input (``claims.by_input``)."""
    reference = published_rpes().query("period == 'cue'")
    published = {f"RPE to the {row.role}, {row.panel}": row.rpe for row in reference.itertuples()}
    wide = []
    for condition in (CARRIED, RPE_INPUT):
        own = rpes[rpes["condition"] == condition]
        names = "RPE to the " + own["role"] + ", " + own["panel"]
        frame = own.assign(name=names).pivot(index="seed", columns="name", values="cue")
        differences = cue_differences(own).set_index("seed")
        frame["inferred / experienced difference between the cues' RPEs"] = differences["inferred"] / differences["experienced"]
        frame["reward per trial"] = behaved[behaved["condition"] == condition].set_index("seed")["reward"]
        wide.append(frame)
    return claims.by_input(*wide, published)


def rpe_input_claims(frame: pd.DataFrame) -> list[dict]:
    """Settle inferred-inferred for networks of the other input."""
    criteria = {
        "RPE to the old cue, inferred": claims.below(0),
        "RPE to the new cue, inferred": claims.above(0),
        "inferred / experienced difference between the cues' RPEs": claims.between(0.8, 1.2),
    }
    return claims.settle_rpe_input(frame, "4b", criteria)


def behaviour(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward per trial and share of trials answered validly, per network."""
    groups = trials.assign(valid=trials["choice"] >= 0).groupby(["condition", "seed"], observed=True)
    return groups[["reward", "valid"]].mean().reset_index()


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "inferred_value"
    trials = tables.read(folder / "trials.parquet", "trials", needs=("cue", "block", "block_trial", "rewarded_cue"))
    steps = tables.read(folder / "steps.parquet", "steps")
    activity = tables.read(folder / "activity.parquet", "activity")
    about = tables.read_provenance(folder / "trials.parquet")
    single = trials["condition"] == RESET
    rpes = pd.concat(
        [
            reversal_rpes(trials[~single], steps[steps["condition"] != RESET], WARM_UP_BLOCKS),
            reversal_rpes(trials[single], steps[steps["condition"] == RESET], 0),
        ],
        ignore_index=True,
    )
    decoded = decoded_state(trials, activity)
    results = {
        "fig4b": rpes,
        "fig4b_differences": cue_differences(rpes),
        "fig4c": projected_activity(trials, activity, EXAMPLE_SEED),
        "decoded_state": decoded,
        "behaviour": behaviour(trials),
    }
    results["rpe_input"] = rpe_input(rpes, results["behaviour"])
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    claims.write(settle_claims(rpes, decoded) + rpe_input_claims(results["rpe_input"]), folder / "results", about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
