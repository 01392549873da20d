"""Analyse learning and behaviour on Harlow's learning sets (Wang et al. 2018, Fig. 6c).

python -m replications.harlow.analysis --help
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ruptures
import tyro
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from prefrontal import claims, neural, plotting, tables
from prefrontal.errors import UserError, run
from prefrontal.paths import DATA

CEILING = 0.9
"""A network has reached ceiling if it is right in so many of trials 2 to 6 on held-out images at the end."""

QUANTILES = 6
"""Stages at equal distances from one change point to the other (Wang et al. 2018, Fig. 6c)."""

PUBLISHED_NETWORKS, PUBLISHED_AT_CEILING = 50, 14
"""Networks that the paper trained, and those that reached ceiling (Methods, simulation 5)."""

THREADS = 32
PUBLISHED_EPISODES = {"episodes_to_above_chance": 3413 * THREADS, "episodes_from_there_to_ceiling": 4875 * THREADS}
"""Medians over the paper's networks at ceiling, of all threads together (Methods, simulation 5)."""

LAST = "final"

PIXELS, STILL_FIRST, SYMBOLS = "pixels", "pixels_still_first", "symbols"
"""Conditions: what networks saw in training."""

WORDS = {PIXELS: "pixels", STILL_FIRST: "view still first, pixels", SYMBOLS: "symbols"}
"""Conditions in the statements of claims."""

CONTROL = "new_wrong_image"
"""What a condition ends in if networks were trained on the paper's control."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


def read_networks(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the learning curves, final tests and costs of all networks, kept or not; each has columns condition and seed."""
    curves, tests, costs = [], [], []
    for path in sorted(folder.glob("*.json")):
        name = re.fullmatch(r"(\w+)_(\d+)", path.stem)
        if name is None:
            raise UserError(f"{path}: not a network's file; expected <condition>_<seed>.json")
        keys = {"condition": name[1], "seed": int(name[2])}
        about = json.loads(path.read_text())
        curves.append(tables.read(path.with_suffix(".csv"), "learning_curve", needs=("trial_2", "actions")).assign(**keys))
        tests.append(
            tables.read(path.with_name(f"{path.stem}_test.csv"), needs=("test", "trial", "first", "correct", "n")).assign(**keys)
        )
        costs.append({**keys, "training_seconds": about["training_seconds"], "actions": about["actions"]})
    if not curves:
        raise UserError(f"{folder}: no trained networks; train them first")
    return pd.concat(curves, ignore_index=True), pd.concat(tests, ignore_index=True), pd.DataFrame(costs)


def later_trials(curve: pd.DataFrame) -> np.ndarray:
    """Share of correct choices in trials 2 to 6, (points,)."""
    columns = [name for name in curve.columns if re.fullmatch(r"trial_([2-9]|\d\d)", name)]
    return curve[columns].mean(axis=1).to_numpy()


def change_points(accuracy: np.ndarray) -> tuple[int, int] | None:
    """Points of a learning curve where it leaves chance and where it nears ceiling.

    The least-squares fit of three straight, joined pieces, by dynamic programming (ruptures, Truong et al. 2020); None for
    curves too short for it.
    """
    known = np.nan_to_num(accuracy, nan=0.5)
    if len(known) < 3 * QUANTILES:
        return None
    first, second, _ = ruptures.Dynp(model="clinear", min_size=2, jump=1).fit(known[:, None]).predict(n_bkps=2)
    return first, second


def final_accuracy(tests: pd.DataFrame) -> pd.DataFrame:
    """Share of correct choices per network, test and trial."""
    counts = tests.groupby(["condition", "seed", "test", "trial"], as_index=False)[["correct", "n"]].sum()
    return counts.assign(accuracy=counts["correct"] / counts["n"])


def as_trained(tests: pd.DataFrame) -> pd.DataFrame:
    """Rows of the test that is as a network's training was, but for its images: with a new wrong image for the control."""
    control = tests["condition"].str.endswith(CONTROL)
    return tests[tests["test"] == np.where(control, "new wrong image", "held out")]


def outcomes(curves: pd.DataFrame, final: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """One row per network: final accuracy on trials 2 to 6, whether at ceiling, and when it left chance and neared ceiling."""
    rows = []
    shares = later_trials_by_test(as_trained(final)).droplevel("test")
    for (condition, seed), curve in curves.groupby(["condition", "seed"]):
        accuracy = shares.get((condition, seed), np.nan)
        found = change_points(later_trials(curve)) if accuracy >= CEILING else None
        above_chance, ceiling = (int(curve["episode"].iloc[point]) for point in found) if found else (np.nan, np.nan)
        rows.append(
            {
                "condition": condition,
                "seed": seed,
                "accuracy_trials_2_to_6": accuracy,
                "at_ceiling": accuracy >= CEILING,
                "episodes_to_above_chance": above_chance,
                "episodes_from_there_to_ceiling": ceiling - above_chance,
                "training_episodes": int(curve["episode"].iloc[-1]),
                "updates": int(curve["updates"].iloc[-1]),
            }
        )
    return pd.DataFrame(rows).merge(costs, on=["condition", "seed"])


def stages(curves: pd.DataFrame, final: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Fig. 6c: accuracy by trial of the networks at ceiling, at six stages between their change points and at the end."""
    parts = []
    for row in networks[networks["at_ceiling"] & networks["episodes_to_above_chance"].notna()].itertuples():
        keys = {"condition": row.condition, "seed": row.seed}
        curve = curves[(curves["condition"] == row.condition) & (curves["seed"] == row.seed)]
        end = row.episodes_to_above_chance + row.episodes_from_there_to_ceiling
        columns = [name for name in curve.columns if name.startswith("trial_")]
        for stage, episode in enumerate(np.linspace(row.episodes_to_above_chance, end, QUANTILES), 1):
            for column in columns:
                accuracy = np.interp(episode, curve["episode"], curve[column])
                parts.append({**keys, "stage": str(stage), "trial": int(column.removeprefix("trial_")), "accuracy": accuracy})
        own = as_trained(final[(final["condition"] == row.condition) & (final["seed"] == row.seed)])
        parts += [
            {**keys, "stage": LAST, "trial": t + 1, "accuracy": a} for t, a in zip(own["trial"], own["accuracy"], strict=True)
        ]
    return pd.DataFrame(parts, columns=["condition", "seed", "stage", "trial", "accuracy"])


def second_trial(tests: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on trial 2 after a right and after a wrong first choice, per network, on held-out images."""
    own = as_trained(tests[tests["trial"] == 1])
    return own.assign(accuracy=own["correct"] / own["n"])[["condition", "seed", "first", "accuracy", "n"]]


def decoding(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Decode what the LSTM knows of the rewarded image, by trial, from held-out episodes.

    Returns
    -------
    DataFrame
        seed, condition, trial (from 1), what and accuracy. "side": where the rewarded image is, at the first sight of the
        images. "brighter": whether it is the brighter one of the two, at the end of fixation, when no image is in view.
    """
    keys = ["condition", "seed", "episode", "trial"]
    rows = []
    for what, period, position in (("side", "choice", "first"), ("brighter", "fixation", "last")):
        steps = activity[activity["period"] == period].groupby(keys, observed=True, as_index=False)
        merged = getattr(steps, position)().merge(trials, on=keys)
        label = merged["rewarded_side"] == "right" if what == "side" else merged["rewarded_is_brighter"].astype(bool)
        for (condition, seed, trial), own in merged.groupby(["condition", "seed", "trial"], observed=True):
            state = label[own.index].to_numpy()
            found = neural.decode_state(neural.units(own), state, own["episode"].to_numpy())
            right = np.nan if np.isnan(found).any() else float(((found > 0.5) == state).mean())
            rows.append(
                {"seed": seed, "condition": condition, "trial": trial + 1, "what": what, "accuracy": right, "n": len(own)}
            )
    return pd.DataFrame(rows)


def settle_view(condition: str, networks: pd.DataFrame, staged: pd.DataFrame, final: pd.DataFrame) -> list[dict[str, Any]]:
    """Settle the claims about networks that see pixels, or symbols; only networks at ceiling count but for the yield."""
    words = f", {WORDS[condition]}"
    published = plotting.published("fig6c").pivot_table(index="series", columns="x", values="y")
    own = networks[networks["condition"] == condition]
    seeds = own.loc[own["at_ceiling"], "seed"]

    def percent(frame: pd.DataFrame) -> np.ndarray:
        accuracy = frame[frame["condition"] == condition].set_index("seed")["accuracy"].reindex(seeds)
        return 100 * accuracy.to_numpy() if len(seeds) else np.array([np.nan])

    rows = []
    for trial in range(1, 7):
        shown = published.loc["meta-RL Final quantile"].get(trial, np.nan) if condition == PIXELS else np.nan
        rule = claims.between(45, 55) if trial == 1 else claims.above(90)
        own_trial = final[(final["test"] == "held out") & (final["trial"] == trial - 1)]
        statement = f"percent correct on trial {trial}, held-out images{words}"
        rows.append(claims.settle("harlow-oneshot", "6c", statement, percent(own_trial), rule, shown, 4))
    slopes = []
    for seed in seeds:
        mine = staged[(staged["condition"] == condition) & (staged["seed"] == seed) & (staged["trial"] == 2)]
        mine = mine[mine["stage"] != LAST].dropna(subset=["accuracy"])
        slopes.append(100 * np.polyfit(mine["stage"].astype(float), mine["accuracy"], 1)[0] if len(mine) > 1 else np.nan)
    statement = f"rise of percent correct on trial 2 per stage of training{words}"
    rows.append(claims.settle("harlow-gradual", "6c", statement, slopes or [np.nan], claims.above(0)))
    shares = later_trials_by_test(final).unstack("test")
    statement = f"percent correct on trials 2-6, new wrong image in the test only, minus the same throughout{words}"
    difference = (shares["new wrong image"] - shares["held out"]).rename("accuracy").reset_index()
    rows.append(claims.settle("harlow-control", "6c", statement, percent(difference), None))
    for column, median in PUBLISHED_EPISODES.items():
        shown, source = (median / 1000, " (published: median)") if condition == PIXELS else (np.nan, "")
        statement = f"thousands of training {column.replace('_', ' ')}{source}{words}"
        rows.append(claims.settle("harlow-yield", "6c", statement, own.loc[own["at_ceiling"], column] / 1000, None, shown))
    reached = PUBLISHED_AT_CEILING / PUBLISHED_NETWORKS if condition == PIXELS else np.nan
    return [*({**row, "n_networks": len(seeds)} for row in rows), settle_yield(own, words, reached)]


def later_trials_by_test(final: pd.DataFrame) -> pd.Series:
    """Share of correct choices in trials 2 to 6, by condition, seed and test."""
    return final[final["trial"] > 0].groupby(["condition", "seed", "test"])["accuracy"].mean()


def settle_control(condition: str, networks: pd.DataFrame) -> list[dict[str, Any]]:
    """Settle the paper's control: training and testing with a new wrong image on every trial gives the same result.

    Networks at ceiling are compared, as in the other claims; the interval of the difference is Welch's.
    """
    words = f", {WORDS[condition]}"
    reached = networks[networks["at_ceiling"]].set_index("condition")["accuracy_trials_2_to_6"]
    control, original = (DescrStatsW(100 * reached[reached.index == name]) for name in (f"{condition}_{CONTROL}", condition))
    statement = f"percent correct on trials 2-6, trained and tested with a new wrong image each trial, minus with the same{words}"
    bounds = (np.nan, np.nan, np.nan)
    if min(control.nobs, original.nobs) > 1:
        low, high = CompareMeans(control, original).tconfint_diff(usevar="unequal")
        bounds = (control.mean - original.mean, low, high)
    row = claims.settle("harlow-control", "6c", statement, control.data, claims.between(-3, 3), bounds=bounds)
    own = networks[networks["condition"] == f"{condition}_{CONTROL}"]
    return [row, settle_yield(own, f", new wrong image each trial{words}")]


def settle_yield(networks: pd.DataFrame, words: str, published: float = np.nan) -> dict[str, Any]:
    """Share of networks that reach ceiling, with its Wilson interval."""
    reached, count = int(networks["at_ceiling"].sum()), len(networks)
    low, high = proportion_confint(reached, count, method="wilson")
    statement = f"share of networks that reach ceiling{words}"
    bounds = (reached / count, float(low), float(high))
    row = claims.settle("harlow-yield", "6c", statement, networks["at_ceiling"], None, published, bounds=bounds)
    if np.isnan(published):
        return row
    return row | {"criterion": f"agrees if {published:g} or more", "agrees_verdict": bool(reached / count >= published)}


def main(options: Options) -> None:
    """Write one CSV per panel, and the claims."""
    folder = options.data / "harlow"
    results = folder / "results"
    about = tables.read_provenance(folder / "trials.parquet")
    curves, tests, costs = read_networks(folder / "networks")
    final = final_accuracy(tests)
    networks = outcomes(curves, final, costs)
    staged = stages(curves, final, networks)
    trials = tables.read(folder / "trials.parquet", "trials", needs=("rewarded_side", "rewarded_is_brighter"))
    activity = tables.read(folder / "activity.parquet", "activity")
    for name, frame in (
        ("networks", networks),
        ("fig6c", staged),
        ("final", final),
        ("second_trial", second_trial(tests)),
        ("decoding", decoding(trials, activity)),
    ):
        tables.write(frame, results / f"{name}.csv", about=about)
    columns = ["condition", "seed", "episode", *(name for name in curves.columns if name.startswith("trial_"))]
    tables.write(curves[columns], results / "learning.csv", about=about)
    if (folder / "variations").exists():
        curves, tests, costs = read_networks(folder / "variations")
        tables.write(outcomes(curves, final_accuracy(tests), costs), results / "variations.csv", about=about)
        tables.write(curves[columns], results / "variations_learning.csv", about=about)
    shown = set(networks["condition"])
    rows: list[dict[str, Any]] = []
    for condition in WORDS:
        if condition in shown:
            rows += settle_view(condition, networks, staged, final)
        if f"{condition}_{CONTROL}" in shown:
            rows += settle_control(condition, networks)
    claims.write(rows, results, about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
