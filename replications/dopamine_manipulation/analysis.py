"""Analyse risky choice under manipulated reward prediction errors (Wang et al. 2018, Fig. 7).

python -m replications.dopamine_manipulation.analysis --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro

from prefrontal import claims, plotting, tables
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.dopamine_manipulation import observer
from replications.dopamine_manipulation.conditions import CONTROL, MANIPULATIONS

MAIN = "cued"
"""Networks of Fig. 7."""

LOW, HIGH = 0.125, 0.5
"""Probabilities that the risky arm pays."""

SAFE_REWARD, RISKY_REWARD = 1.0, 4.0
FORCED_PAIRS, FREE_TRIALS = 5, 20

TESTED = {
    "block risky win": ("dopamine-block-win", HIGH, claims.below(0), "lowers"),
    "block safe reward": ("dopamine-block-safe", LOW, claims.above(0), "raises"),
    "stimulate risky loss": ("dopamine-add-loss", LOW, claims.above(0), "raises"),
}
"""Claim, probability at which it is tested, criterion and word for it, by condition."""

TOLERANCE, CONTROL_TOLERANCE = 12.0, 8.0
"""Largest distance of a published percentage from our mean, in points, with and without manipulation."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


def risky_percent(trials: pd.DataFrame, by: tuple[str, ...] = ()) -> pd.DataFrame:
    """Percent of valid free pulls that went to the risky arm.

    Parameters
    ----------
    trials : DataFrame
        Trials of any conditions.
    by : tuple of str
        Columns that tell the conditions apart; the risky arm's probability and the network always do.

    Returns
    -------
    DataFrame
        ``by``, p_risky, seed, percent.
    """
    free = trials[(trials["pull"] == "free") & (trials["arm"] != "none")]
    risky = (free["arm"] == "risky").rename("percent")
    keys = [*by, "p_risky", "seed"]
    return (100 * risky.groupby([free[key] for key in keys], observed=True).mean()).reset_index()


def against_control(percent: pd.DataFrame, keys: tuple[str, ...] = ("p_risky", "seed")) -> pd.DataFrame:
    """Put every manipulated condition beside the control, network by network.

    ``percent`` has the columns manipulation, ``keys`` and percent; the result has manipulation, ``keys``, control,
    experimental and difference (points).
    """
    control = percent[percent["manipulation"] == CONTROL].set_index(list(keys))["percent"].rename("control")
    changed = percent[percent["manipulation"] != CONTROL].rename(columns={"percent": "experimental"})
    both = changed.merge(control, how="left", left_on=list(keys), right_index=True)
    both = both.assign(difference=both["experimental"] - both["control"])
    return both[["manipulation", *keys, "control", "experimental", "difference"]].reset_index(drop=True)


def within_episodes(trials: pd.DataFrame) -> pd.DataFrame:
    """How the effect builds up: risky choice at every free pull (from 1), with control, by pulls manipulated."""
    last_forced = int(trials.loc[trials["pull"] == "forced", "trial"].max())
    numbered = trials.assign(free_pull=trials["trial"] - last_forced)
    control = numbered[numbered["manipulation"] == CONTROL]
    keys = ("p_risky", "free_pull", "seed")
    parts = []
    for pulls, own in numbered[numbered["manipulation"] != CONTROL].groupby("pulls", observed=True):
        percent = risky_percent(pd.concat([control, own]), ("manipulation", "free_pull"))
        parts.append(against_control(percent, keys).assign(pulls=pulls))
    return pd.concat(parts, ignore_index=True)


def dose_response(trials: pd.DataFrame) -> pd.DataFrame:
    """Risky choice by event, size of the manipulation, probability and network."""
    doses = trials[trials["manipulation"].astype(str).str.startswith("dose: ")]
    events = doses["manipulation"].astype(str).str.removeprefix("dose: ")
    return risky_percent(doses.assign(event=events), ("event", "size"))


def build_up_time(course: pd.DataFrame) -> pd.DataFrame:
    """How fast activity alone re-learns: free pull at which half of the final effect is reached, by condition and network.

    The final effect is the mean over the last quarter of free pulls. Effects under 5 points have no meaningful time: NaN.
    """
    rows = []
    keys = ["pulls", "manipulation", "p_risky", "seed"]
    for key, own in course.sort_values("free_pull").groupby(keys, observed=True):
        effect = own["difference"].to_numpy(float)
        final = effect[-max(1, len(effect) // 4) :].mean()
        reached = np.flatnonzero(effect * np.sign(final) >= abs(final) / 2)
        known = abs(final) >= 5 and len(reached) > 0
        half = float(own["free_pull"].iloc[reached[0]]) if known else np.nan
        rows.append(dict(zip(keys, key, strict=True)) | {"first": effect[0], "final": final, "pulls_to_half": half})
    return pd.DataFrame(rows)


def performance(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward per episode of every network in the control condition, its share of the gain over random choice, and invalid trials.

    The share is of the expected reward of the chosen arms in free trials: 0 for random choice, 1 for the better arm always.
    """
    control = trials[trials["manipulation"] == CONTROL]
    keys = ["condition", "seed"]
    free = control[(control["pull"] == "free") & (control["arm"] != "none")]
    risky_value = RISKY_REWARD * free["p_risky"]
    chosen = risky_value.where(free["arm"] == "risky", SAFE_REWARD)
    best, random = np.maximum(risky_value, SAFE_REWARD), (risky_value + SAFE_REWARD) / 2
    gain = (chosen - random).groupby([free[key] for key in keys], observed=True).sum()
    possible = (best - random).groupby([free[key] for key in keys], observed=True).sum()
    groups = control.groupby(keys, observed=True)
    reward = groups["reward"].sum() / groups["episode"].nunique()
    invalid = (control["arm"] == "none").groupby([control[key] for key in keys], observed=True).mean()
    frame = pd.DataFrame({"reward": reward, "share_of_gain": gain / possible, "invalid_trials": invalid})
    return frame.reset_index()


def natural_errors(steps: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Mean reward prediction error of the critic after each outcome in the control condition, by probability and network."""
    keys = ["seed", "episode", "trial"]
    outcomes = steps.loc[steps["period"] == "choice", [*keys, "rpe"]]
    control = trials.loc[trials["manipulation"] == CONTROL, [*keys, "arm", "pull", "p_risky", "reward"]]
    both = outcomes.merge(control, on=keys)
    both = both[both["arm"] != "none"]
    won = np.where(both["reward"] > 0, "risky win", "risky loss")
    both = both.assign(event=np.where(both["arm"] == "safe", "safe", won))
    return both.groupby(["event", "pull", "p_risky", "seed"], observed=True)["rpe"].mean().reset_index()


def ideal() -> pd.DataFrame:
    """Percent of risky free pulls of the ideal observer, by probability."""
    shares = observer.risky_choice((LOW, HIGH), RISKY_REWARD, SAFE_REWARD, FORCED_PAIRS, FREE_TRIALS)
    return pd.DataFrame([{"p_risky": p, "percent": 100 * share} for p, share in shares.items()])


def published_percent() -> pd.DataFrame:
    """Published model values of Fig. 7b: series, x (probability), control, experimental."""
    frame = plotting.published("fig7b")
    name, kind = frame["series"], "control"
    parts = frame["panel"].str.removeprefix("b ")
    kind = np.where(name.str.endswith("control"), "control", "experimental")
    wide = frame.assign(series=parts, kind=kind).pivot(index=["series", "x"], columns="kind", values="y")
    return wide.reset_index()


def settle_claims(percent: pd.DataFrame, paired: pd.DataFrame, changed: pd.Series) -> list[dict]:
    """Decide the claims of Fig. 7; the criteria are fixed in advance.

    Parameters
    ----------
    percent : DataFrame
        Risky choice by manipulation, probability and network.
    paired : DataFrame
        The same beside the control.
    changed : Series
        Conditions whose weights were not those of the file, per network.
    """
    published = published_percent()
    control = percent[percent["manipulation"] == CONTROL].pivot(index="seed", columns="p_risky", values="percent")
    control = control.reindex(columns=[LOW, HIGH])
    statement = f"risky choice in control, percent at p = {HIGH} minus p = {LOW}"
    rows = [claims.settle("dopamine-control", "7b", statement, control[HIGH] - control[LOW], claims.above(0))]
    for p in (HIGH, LOW):
        value = published.loc[published["x"] == p, "control"].mean()
        statement = f"risky choice in control, percent at p = {p}"
        rows.append(claims.settle("dopamine-control", "7b", statement, control[p], None, value, CONTROL_TOLERANCE))
    for manipulation in MANIPULATIONS:
        claim, p, criterion, word = TESTED[manipulation.name]
        own = paired[(paired["manipulation"] == manipulation.name) & (paired["p_risky"] == p)]
        statement = f"{manipulation.name} {word} risky choice: minus control, points at p = {p}"
        rows.append(claims.settle(claim, "7b", statement, own["difference"], criterion))
        row = published[(published["series"] == manipulation.series) & (published["x"] == p)].iloc[0]
        statement = f"risky choice under {manipulation.name}, percent at p = {p}"
        rows.append(claims.settle(claim, "7b", statement, own["experimental"], None, row["experimental"], TOLERANCE))
    statement = "test conditions after which a network's weights differ in any bit"
    rows.append(claims.settle("dopamine-frozen", "7b", statement, changed, claims.below(1)))
    return rows


def weights_changed(trials: pd.DataFrame) -> pd.Series:
    """Count the conditions after which a network's weights were not those it was loaded with, per network."""
    by_condition = trials.groupby(["seed", "manipulation", "size", "pulls"], observed=True)["weights_changed"].max()
    return by_condition.astype(int).groupby(level="seed").sum()


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "dopamine_manipulation"
    needs = ("arm", "pull", "p_risky", "manipulation", "size", "pulls", "weights_changed")
    trials = tables.read(folder / "trials.parquet", "trials", needs=needs)
    steps = tables.read(folder / "steps.parquet", "steps")
    about = tables.read_provenance(folder / "trials.parquet")
    main_networks = trials[trials["condition"] == MAIN]
    named = main_networks[~main_networks["manipulation"].astype(str).str.startswith("dose: ")]
    everywhere = trials[~trials["manipulation"].astype(str).str.startswith("dose: ")]
    percent = risky_percent(named[named["pulls"] == "all"], ("manipulation",))
    paired = against_control(percent)
    course = within_episodes(named)
    results = {
        "fig7b": paired,
        "fig7_dose": dose_response(main_networks),
        "fig7_course": course,
        "fig7_build_up": build_up_time(course),
        "fig7_errors": natural_errors(steps, named),
        "variants": variants(everywhere),
        "performance": performance(trials),
        "ideal_observer": ideal(),
    }
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    claims.write(settle_claims(percent, paired, weights_changed(main_networks)), folder / "results", about)


def variants(trials: pd.DataFrame) -> pd.DataFrame:
    """Risky choice beside control for every kind of network, and with manipulation after free pulls alone."""
    parts = []
    for condition, own in trials.groupby("condition", observed=True):
        control = own[own["manipulation"] == CONTROL]
        for pulls, manipulated in own[own["manipulation"] != CONTROL].groupby("pulls", observed=True):
            percent = risky_percent(pd.concat([control, manipulated]), ("manipulation",))
            parts.append(against_control(percent).assign(condition=condition, pulls=pulls))
    frame = pd.concat(parts, ignore_index=True)
    return frame[["condition", "pulls", *(name for name in frame.columns if name not in ("condition", "pulls"))]]


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
