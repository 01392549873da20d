"""Analyse risky choice under manipulated reward prediction errors (Wang et al. 2018, Fig. 7).

python -m replications.dopamine_manipulation.analysis --help
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from prefrontal import claims, experiment
from prefrontal.behavior import EPISODE, SUBJECT
from prefrontal.statistics import share_of_gain
from prefrontal.tables import Recording
from replications.dopamine_manipulation import observer
from replications.dopamine_manipulation.conditions import CONTROL, DOSE, MAIN, MANIPULATIONS, PULLS, reading

ARM = ["level", "p_risky"]
"""Whether the risky arm's probability is the high or the low one, and what it is."""


def with_level(recording: Recording) -> pd.DataFrame:
    """Trials with a column that tells whether the risky arm's probability is the high or the low one of its task."""
    middle = {condition: (own["p_low"] + own["p_high"]) / 2 for condition, own in recording.settings.items()}
    trials = recording.trials
    p_risky = trials["p_risky"].astype(float).round(6)  # recorded in single precision
    level = np.where(p_risky > trials["condition"].map(middle).astype(float), "high", "low")
    return trials.assign(p_risky=p_risky, level=level)


def risky_percent(trials: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Percent of valid free pulls that went to the risky arm: columns ``by`` and percent."""
    free = trials[(trials["pull"] == "free") & (trials["arm"] != "none")]
    risky = (free["arm"] == "risky").rename("percent")
    return (100 * risky.groupby([free[key] for key in by], observed=True).mean()).reset_index()


def against_control(trials: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Put risky choice under every manipulation beside the control, network by network.

    Parameters
    ----------
    trials : DataFrame
        Control and manipulations.
    by : str
        Columns that tell further conditions apart.

    Returns
    -------
    DataFrame
        condition, pulls, manipulation, level, p_risky, ``by``, seed, control, experimental and difference (points).
    """
    keys = ["condition", *ARM, *by, "seed"]
    names = ["condition", "pulls", "manipulation", *keys[1:]]
    percent = risky_percent(trials, *names)
    control = percent[percent["manipulation"] == CONTROL].set_index(keys)["percent"].rename("control")
    changed = percent[percent["manipulation"] != CONTROL].rename(columns={"percent": "experimental"})
    both = changed.merge(control, how="left", left_on=keys, right_index=True)
    both = both.assign(difference=both["experimental"] - both["control"])
    return both[[*names, "control", "experimental", "difference"]].reset_index(drop=True)


def build_up_time(course: pd.DataFrame) -> pd.DataFrame:
    """How fast activity alone re-learns: free pull at which half of the final effect is reached, by manipulation and network.

    The final effect is the mean over the last quarter of free pulls. Effects under 5 points have no meaningful time: NaN.
    """
    rows = []
    keys = ["condition", "pulls", "manipulation", *ARM, "seed"]
    for key, own in course.sort_values("free_pull").groupby(keys, observed=True):
        effect = own["difference"].to_numpy(float)
        final = effect[-max(1, len(effect) // 4) :].mean()
        reached = np.flatnonzero(effect * np.sign(final) >= abs(final) / 2)
        known = abs(final) >= 5 and len(reached) > 0
        half = float(own["free_pull"].iloc[reached[0]]) if known else np.nan
        rows.append(dict(zip(keys, key, strict=True)) | {"first": effect[0], "final": final, "pulls_to_half": half})
    return pd.DataFrame(rows)


def performance(recording: Recording, control: pd.DataFrame) -> pd.DataFrame:
    """Reward per episode of every network in control, its share of the gain over random choice, and invalid trials.

    The share is of the expected reward of the chosen arms in free trials: 0 for random choice, 1 for the better arm always.
    """
    free = control[(control["pull"] == "free") & (control["arm"] != "none")]
    win, safe = (
        free["condition"].map({condition: own[name] for condition, own in recording.settings.items()}).astype(float)
        for name in ("risky_reward", "safe_reward")
    )
    risky = win * free["p_risky"]
    worth = {"chosen": risky.where(free["arm"] == "risky", safe), "random": (risky + safe) / 2, "best": np.maximum(risky, safe)}
    sums = free[SUBJECT].assign(**worth).groupby(SUBJECT, observed=True).sum()
    sums["share"] = share_of_gain(sums["chosen"], sums["random"], sums["best"])
    groups = control.assign(invalid=control["arm"] == "none").groupby(SUBJECT, observed=True)
    reward = groups["reward"].sum() / groups["episode"].nunique()
    frame = pd.DataFrame({"reward": reward, "share_of_gain": sums["share"], "invalid_trials": groups["invalid"].mean()})
    return frame.reset_index()


def natural_errors(steps: pd.DataFrame, control: pd.DataFrame) -> pd.DataFrame:
    """Mean reward prediction error of the critic after each outcome in control, by probability and network."""
    keys = [*EPISODE, "trial"]
    outcomes = steps.loc[steps["period"] == "choice", [*keys, "rpe"]]
    both = outcomes.merge(control[[*keys, "arm", "pull", *ARM, "reward"]], on=keys)
    both = both[both["arm"] != "none"]
    won = np.where(both["reward"] > 0, "risky win", "risky loss")
    both = both.assign(event=np.where(both["arm"] == "safe", "safe", won))
    return both.groupby(["condition", "event", "pull", *ARM, "seed"], observed=True)["rpe"].mean().reset_index()


def ideal(recording: Recording) -> pd.DataFrame:
    """Percent of risky free pulls of the ideal observer of each condition's task, by probability."""
    rows = []
    for condition, own in recording.settings.items():
        probabilities, pairs = (own["p_low"], own["p_high"]), own["forced_trials"] // 2
        shares = observer.risky_choice(probabilities, own["risky_reward"], own["safe_reward"], pairs, own["free_trials"])
        rows += [(condition, level, p, 100 * shares[p]) for level, p in zip(("low", "high"), probabilities, strict=True)]
    return pd.DataFrame(rows, columns=["condition", *ARM, "percent"])


def weights_changed(trials: pd.DataFrame) -> pd.DataFrame:
    """Count the tests after which a network's weights were not those it was loaded with: condition, seed, changed."""
    tests = trials.groupby([*SUBJECT, "manipulation", "event", "size", "pulls"], observed=True)["weights_changed"].max()
    return tests.astype(int).groupby(level=SUBJECT).sum().rename("changed").reset_index()


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Risky choice beside control, performance in control, and whether any weight changed."""
    trials = with_level(recording)
    return {
        "fig7b": against_control(trials[trials["manipulation"] != DOSE]),
        "performance": performance(recording, trials[trials["manipulation"] == CONTROL]),
        "frozen": weights_changed(trials),
    }


def quantities(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Risky choice in control and under each manipulation where it is tested, and weights that changed."""
    paired = measured["fig7b"]
    networks = pd.MultiIndex.from_frame(measured["performance"][SUBJECT])
    control = paired.drop_duplicates([*SUBJECT, "level"]).pivot(index=SUBJECT, columns="level", values="control")
    control = control.reindex(index=networks, columns=["high", "low"])
    parts = [
        claims.quantities("dopamine-control", control.assign(**{"high - low": control["high"] - control["low"]})),
        claims.quantities("dopamine-frozen", measured["frozen"]),
    ]
    for manipulation, pulls in itertools.product(MANIPULATIONS, PULLS):
        tested = (paired["manipulation"] == manipulation.name) & (paired["level"] == manipulation.level)
        own = paired[tested & (paired["pulls"] == pulls)].set_index(SUBJECT).reindex(networks)
        names = {"difference": reading("shift", pulls), "experimental": reading("percent", pulls)}
        parts.append(claims.quantities(manipulation.claim, own, names))
    return pd.concat(parts, ignore_index=True)


def panels(recording: Recording, measured: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What the supplement draws of the main condition, and the ideal observer."""
    trials = with_level(recording)
    trials = trials[trials["condition"] == MAIN]
    named = trials[trials["manipulation"] != DOSE]
    free_pull = named["trial"] + 1 - recording.settings[MAIN]["forced_trials"]
    course = against_control(named.assign(free_pull=free_pull), "free_pull")
    return {
        "fig7_dose": risky_percent(trials[trials["manipulation"] == DOSE], "condition", "event", "size", *ARM, "seed"),
        "fig7_course": course,
        "fig7_build_up": build_up_time(course),
        "fig7_errors": natural_errors(recording.steps, named[named["manipulation"] == CONTROL]),
        "ideal_observer": ideal(recording),
    }


if __name__ == "__main__":
    experiment.analysis_main(__file__)
