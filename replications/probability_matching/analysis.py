"""Analyse recorded behaviour and unit activity on probability matching (Wang et al. 2018, Fig. 2).

python -m replications.probability_matching.analysis --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro

from prefrontal import behavior, claims, neural, plotting, tables
from prefrontal.errors import run
from prefrontal.learners import matching
from prefrontal.paths import DATA

MAIN = "2_steps"
"""The variant that the figure and the claims are about; README, "Deviations and choices"."""

RPE_INPUT = "2_steps_rpe"
"""The same with reward prediction errors in place of reward as input."""

LAGS = 15
"""Trials of history in the regression of choice (Methods, simulation 1: 15)."""

LEFT = 0

COVARIATES = ("last action", "last reward", "interaction", "value")
"""What Fig. 2e asks units about, in its order."""

KINDS = ("Spearman", "Pearson")
"""Kinds of partial correlation. The text of the paper names the first, the caption of Fig. 2 the second."""

VALUES = ("history", "reward probability", "policy", "state value")
"""Readings of "choice value (left action only)"; the first is used, ``value_of_left`` says what they are."""

SHIFTS = 100
"""Samples of the null distribution of unit codes."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


def late(trials: pd.DataFrame) -> pd.Series:
    """Tell which trials lie in the last two thirds of their episode (Methods, simulation 1)."""
    return 3 * trials["trial"] >= trials["trials"]


def episode_points(trials: pd.DataFrame) -> pd.DataFrame:
    """Log ratios of choices and rewards per test episode, and whether its baselines were held out (Fig. 2d)."""
    points = behavior.matching_points(trials[late(trials)])
    about = trials.drop_duplicates(behavior.EPISODE)[[*behavior.EPISODE, "baseline_left", "held_out"]]
    return points.merge(about, on=behavior.EPISODE)


def slopes(points: pd.DataFrame) -> pd.DataFrame:
    """Slope of choice on reward ratio per network: all episodes, those with held-out baselines, and the others."""
    rows = []
    for (condition, seed), own in points.groupby(behavior.SUBJECT, observed=True):
        subsets = {"all": own, "held out": own[own["held_out"]], "trained": own[~own["held_out"]]}
        for name, subset in subsets.items():
            slope = behavior.matching_slope(subset)
            rows.append({"condition": condition, "seed": seed, "baselines": name, "slope": slope, "episodes": len(subset)})
    return pd.DataFrame(rows, columns=["condition", "seed", "baselines", "slope", "episodes"])


def history_weights(trials: pd.DataFrame) -> pd.DataFrame:
    """Weights of the last 15 trials' rewards and choices on choosing right, per network (Fig. 2f)."""
    return behavior.lagged_regression(trials, behavior.history_signals(trials), LAGS, where=late(trials))


def rewards(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward per trial and share of invalid trials, per network, beside a coin toss and the best cycle on its baselines.

    ``share_of_gain`` puts reward on the scale from the coin toss (0) to the best cycle, which knows the baselines (1).
    """
    trials = trials.assign(invalid=trials["choice"] < 0)
    by_network = trials.groupby(behavior.SUBJECT, observed=True)
    frame = by_network.agg(reward_per_trial=("reward", "mean"), invalid=("invalid", "mean")).reset_index()
    left = trials["baseline_left"].to_numpy(float)
    grid = np.linspace(0, matching.BASELINE_SUM, 501)
    rates = {"coin_toss": matching.coin_toss(grid), "best_cycle": matching.best_cycle(grid)["reward"]}
    for name, rate in rates.items():
        expected = trials[behavior.SUBJECT].assign(rate=np.interp(left, grid, rate))
        frame[name] = expected.groupby(behavior.SUBJECT, observed=True)["rate"].mean().to_numpy()
    gain, possible = frame["reward_per_trial"] - frame["coin_toss"], frame["best_cycle"] - frame["coin_toss"]
    return frame.assign(share_of_gain=gain / possible)


def value_of_left(trials: pd.DataFrame, weights: pd.DataFrame, fixation: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """Readings of the value of choosing left, one row per trial of one network.

    ``history``: left's recent rewards and choices, weighted as the network itself weighs them (Fig. 2f), after Tsutsui et
    al. (2016), who derived object values from such a regression. ``reward probability``: what left would truly pay.
    ``policy``: log odds of choosing left. ``state value``: the network's V at fixation, of both sides together.
    """
    keys = ["episode", "trial"]
    history = behavior.history_value(trials, weights, LEFT)
    values = trials[keys].assign(**{"history": history, "reward probability": trials["p_left"]})
    odds = np.log(policy["p_left"].clip(1e-9)) - np.log(policy["p_right"].clip(1e-9))
    values = values.merge(policy[keys].assign(policy=odds).drop_duplicates(keys), on=keys, how="left")
    own = fixation[[*keys, "value"]].rename(columns={"value": "state value"}).drop_duplicates(keys)
    return values.merge(own, on=keys, how="left").set_index(trials.index)


def covariates(trials: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Last action (right 1, left -1), last reward (1, -1), their product, the values, and the action to come."""
    last = trials.groupby(behavior.EPISODE, observed=True)[["choice", "reward"]].shift(1)
    action = last["choice"].map({0: -1.0, 1: 1.0})
    reward = np.where(last["reward"] > 0, 1.0, -1.0)
    upcoming = trials["choice"].map({0: -1.0, 1: 1.0})
    return pd.DataFrame(
        {"last action": action, "last reward": reward, "interaction": action * reward, "next action": upcoming}
    ).join(values[list(VALUES)])


@dataclass(frozen=True)
class UnitData:
    """One network's activity at fixation (trials, units), and the covariates of the same trials."""

    activity: np.ndarray
    covariates: pd.DataFrame

    def of_kind(self, kind: str) -> UnitData:
        """Ranks of everything for Spearman's correlation, ranked once; the data themselves for Pearson's."""
        if kind == "Pearson":
            return self
        ranked = neural.ranks(self.covariates.to_numpy(float))
        return UnitData(neural.ranks(self.activity), pd.DataFrame(ranked, columns=self.covariates.columns))


def unit_data(trials: pd.DataFrame, steps: pd.DataFrame, activity: pd.DataFrame, weights: pd.DataFrame) -> UnitData:
    """Bring together the activity of one network and what its units may code, on valid late trials after valid ones."""
    fixation, policy = (steps[steps["period"] == period] for period in ("fixation", "choice"))
    described = covariates(trials, value_of_left(trials, weights, fixation, policy))
    keys = ["episode", "trial"]
    described = described.join(trials[keys])[late(trials)].dropna()
    # Of a repeated fixation only the first, which follows the last outcome.
    joined = described.merge(activity.drop_duplicates(keys), on=keys)
    return UnitData(neural.units(joined), joined[described.columns.drop(keys)])


def unit_correlations(data: UnitData, value: str, extra: tuple[str, ...] = ()) -> pd.DataFrame:
    """Partial correlation of each unit with each covariate given the others: unit, covariate, r."""
    names = [*COVARIATES[:-1], value, *extra]
    r = neural.partial_correlations(data.activity, data.covariates[names].to_numpy(float), rank=False)
    labels = [*COVARIATES, *extra]
    return pd.DataFrame(r, columns=labels).rename_axis("unit").reset_index().melt("unit", var_name="covariate", value_name="r")


def null_of_mean(data: UnitData, rng: np.random.Generator, extra: tuple[str, ...] = ()) -> pd.DataFrame:
    """Null distribution of the mean absolute partial correlation over units: covariate, null_mean, null_95."""
    described = data.covariates[[*COVARIATES[:-1], VALUES[0], *extra]].to_numpy(float)
    samples = neural.shifted_partial_correlations(data.activity, described, SHIFTS, rng, rank=False)
    mean = mean_over_units(np.abs(samples), axis=1)
    quantile = np.quantile(mean, 0.95, axis=0)
    return pd.DataFrame({"covariate": [*COVARIATES, *extra], "null_mean": mean.mean(0), "null_95": quantile})


def mean_over_units(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean over units, leaving out units without a correlation; NaN where there is none."""
    known = ~np.isnan(values)
    count = known.sum(axis)
    return np.divide(np.where(known, values, 0).sum(axis), count, out=np.full(count.shape, np.nan), where=count > 0)


def unit_tables(data: UnitData, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Unit codes of one network.

    Returns
    -------
    units : DataFrame
        kind, unit, covariate, r. The upcoming action is held against the four covariates of Fig. 2e, not they against it.
    means : DataFrame
        kind, covariate, mean_abs_r, null_mean, null_95.
    readings : DataFrame
        The same means for every reading of the value: value, kind, covariate, mean_abs_r.
    """
    units, means, readings = [], [], []
    for kind in KINDS:
        measured = data.of_kind(kind)
        four = unit_correlations(measured, VALUES[0])
        five = unit_correlations(measured, VALUES[0], ("next action",))
        own = pd.concat([four, five[five["covariate"] == "next action"]], ignore_index=True)
        nulls = [null_of_mean(measured, rng), null_of_mean(measured, rng, ("next action",)).tail(1)]
        units.append(own.assign(kind=kind))
        means.append(mean_absolute(own).merge(pd.concat(nulls), on="covariate").assign(kind=kind))
        for value in VALUES:
            readings.append(mean_absolute(unit_correlations(measured, value)).assign(value=value, kind=kind))
    return pd.concat(units), pd.concat(means), pd.concat(readings)


def mean_absolute(correlations: pd.DataFrame) -> pd.DataFrame:
    """Mean over units of the absolute partial correlation: covariate, mean_abs_r."""
    grouped = correlations.assign(mean_abs_r=correlations["r"].abs()).groupby("covariate", sort=False)["mean_abs_r"]
    return grouped.mean().reset_index()


def analyse_units(folder: Path, trials: pd.DataFrame, weights: pd.DataFrame) -> list[pd.DataFrame]:
    """Unit codes of all networks: the three tables of ``unit_tables`` with condition and seed."""
    rng = np.random.default_rng(0)
    steps = tables.read(folder / "steps.parquet", "steps")
    steps = steps[steps["period"].isin(["fixation", "choice"])]
    activity = tables.read(folder / "activity.parquet", "activity")
    parts: list[tuple[pd.DataFrame, ...]] = []
    for (condition, seed), own in trials.groupby(behavior.SUBJECT, observed=True):
        one = (frame[(frame["condition"] == condition) & (frame["seed"] == seed)] for frame in (steps, activity, weights))
        found = unit_tables(unit_data(own, *one), rng)
        parts.append(tuple(table.assign(condition=condition, seed=seed) for table in found))
    return [first_columns(pd.concat(table, ignore_index=True)) for table in zip(*parts, strict=True)]


def first_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Put condition and seed first."""
    return frame[["condition", "seed", *frame.columns.drop(["condition", "seed"])]]


def compare_variants(slope: pd.DataFrame, weights: pd.DataFrame, means: pd.DataFrame, reward: pd.DataFrame) -> pd.DataFrame:
    """Main numbers per variant of the trial, mean over networks, beside the published ones.

    Returns
    -------
    DataFrame
        quantity, published, and a column per variant.
    """
    parts = [slope.assign(quantity="slope, " + slope["baselines"] + " baselines").rename(columns={"slope": "number"})]
    chosen = weights[weights["lag"].isin([1, 2, 3, 5]) & (weights["signal"] != "bias")]
    label = chosen["signal"] + " lag " + chosen["lag"].astype(str)
    parts.append(chosen.assign(quantity=label).rename(columns={"weight": "number"}))
    label = means["kind"] + ", " + means["covariate"]
    parts.append(means.assign(quantity=label).rename(columns={"mean_abs_r": "number"}))
    parts += [reward.assign(quantity=name, number=reward[name]) for name in ("share_of_gain", "invalid")]
    table = pd.concat(parts).pivot_table("number", "quantity", "condition", sort=False, dropna=False)
    table.insert(0, "published", pd.Series(published_numbers()).reindex(table.index))
    return table.reset_index()


def published_numbers() -> dict[str, float]:
    """Published values of the network, by the names in ``compare_variants``; choice weights in Lau and Glimcher's sign."""
    dots = plotting.published("fig2d")
    kinds = {"all": "meta-RL", "held out": "meta-RL held-out", "trained": "meta-RL trained"}
    numbers = {}
    for name, series in kinds.items():
        own = dots[dots["series"].str.startswith(series)].astype({"x": float})
        points = own.rename(columns={"x": "reward_ratio", "y": "choice_ratio"})
        numbers[f"slope, {name} baselines"] = behavior.matching_slope(points)
    history = plotting.published("fig2f")
    for signal, sign in (("reward", 1), ("choice", -1)):
        own = history[history["series"].str.startswith(signal)]
        numbers |= {f"{signal} lag {round(float(row.x))}": sign * row.y for row in own.itertuples()}
    bars = plotting.published("fig2e").query("series == 'mean over units (bar)'")["y"]
    return numbers | {f"{kind}, {name}": bar for kind in KINDS for name, bar in zip(COVARIATES, bars, strict=True)}


def history_shape(weights: pd.DataFrame) -> pd.DataFrame:
    """Compare all 30 history weights of each network with the published ones.

    Returns
    -------
    DataFrame
        condition, seed, correlation with the published weights, and scale: the factor by which the published ones are larger
        (least squares). A softmax policy with twice the inverse temperature has twice the weights.
    """
    published, rows = published_numbers(), []
    history = weights[weights["signal"] != "bias"]
    for (condition, seed), own in history.groupby(behavior.SUBJECT, observed=True):
        theirs = np.array([published[f"{row.signal} lag {row.lag}"] for row in own.itertuples()])
        ours = own["weight"].to_numpy()
        correlation = np.corrcoef(ours, theirs)[0, 1] if np.isfinite(ours).all() else np.nan
        rows.append({"condition": condition, "seed": seed, "correlation": correlation, "scale": ours @ theirs / (ours @ ours)})
    return pd.DataFrame(rows, columns=["condition", "seed", "correlation", "scale"])


def settle_claims(slope: pd.DataFrame, weights: pd.DataFrame, means: pd.DataFrame) -> list[dict]:
    """Decide the claims of Fig. 2; the criteria are fixed in advance."""
    published, settle = published_numbers(), claims.settle
    by_baselines = {name: own.set_index("seed")["slope"] for name, own in slope.groupby("baselines")}
    statement = "slope of log choice ratio on log reward ratio"
    at = published["slope, all baselines"]
    rows = [settle("matching-slope", "2d", statement, by_baselines["all"], claims.between(0, 1), at, 0.1)]
    difference = by_baselines["held out"] - by_baselines["trained"]
    at = published["slope, held out baselines"] - published["slope, trained baselines"]
    statement = "slope with held-out baselines minus slope with trained ones"
    rows.append(settle("matching-generalises", "2d", statement, difference, claims.between(-0.1, 0.1), at))
    rows += settle_reward_lags(weights, published)

    choice = weights.query("signal == 'choice' and lag == 1")["weight"]
    statement = "weight of the last choice (log odds; negative: alternation)"
    rows.append(settle("matching-choice-lags", "2f", statement, choice, claims.below(0), published["choice lag 1"]))
    for (kind, covariate), own in means.groupby(["kind", "covariate"], sort=False):
        name = f"{kind}, {covariate}"
        statement = f"mean absolute partial correlation ({kind}) of units with {covariate}"
        # The interval has to lie above the 95 % quantile of the null in the network where that is largest.
        criterion, at = claims.above(float(own["null_95"].max())), published.get(name, np.nan)
        if covariate in COVARIATES:
            rows.append(settle("matching-units", "2e", statement, own["mean_abs_r"], criterion, at, 0.1))
    return rows


def settle_reward_lags(weights: pd.DataFrame, published: dict[str, float]) -> list[dict]:
    """Decide whether recent rewards weigh most: lags 1-5 positive, with a falling trend."""
    rows, recent = [], []
    for lag in range(1, 6):
        own = weights.query("signal == 'reward' and lag == @lag").set_index("seed")["weight"]
        recent.append(own)
        statement = f"weight of the reward {lag} trial{'s' if lag > 1 else ''} ago (log odds)"
        at, tolerance = published[f"reward lag {lag}"], 0.4 if lag == 1 else None
        rows.append(claims.settle("matching-reward-lags", "2f", statement, own, claims.above(0), at, tolerance))
    by_lag = np.array(recent)
    centred = np.arange(1, 6) - 3.0
    trend = centred @ by_lag / (centred @ centred)
    at = centred @ [published[f"reward lag {lag}"] for lag in range(1, 6)] / (centred @ centred)
    statement = "linear trend of the reward weight over lags 1-5, per lag"
    return [*rows, claims.settle("matching-reward-lags", "2f", statement, trend, claims.below(0), at)]


def rpe_input(trials: pd.DataFrame, slope: pd.DataFrame, reward: pd.DataFrame) -> pd.DataFrame:
    """Slope and share of the possible gain of networks of either input (``claims.by_input``).

    ``trials`` are those of networks that see reward prediction errors, ``slope`` and ``reward`` of those that see reward.
    """
    wide = []
    for slopes_of, rewards_of in ((slope, reward), (slopes(episode_points(trials)), rewards(trials))):
        own = [frame[frame["condition"].isin([MAIN, RPE_INPUT])].set_index("seed") for frame in (slopes_of, rewards_of)]
        steepness = own[0].loc[own[0]["baselines"] == "all", "slope"]
        columns = {"slope of log choice ratio on log reward ratio": steepness, "share of possible gain": own[1]["share_of_gain"]}
        wide.append(pd.DataFrame(columns))
    return claims.by_input(*wide, {"slope of log choice ratio on log reward ratio": published_numbers()["slope, all baselines"]})


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "probability_matching"
    trials = tables.read(folder / "trials.parquet", "trials", needs=("baseline_left", "held_out", "p_left", "p_right"))
    about = tables.read_provenance(folder / "trials.parquet")
    sees_rpe = trials["condition"] == RPE_INPUT
    rpe_trials, trials = trials[sees_rpe], trials[~sees_rpe]
    points, weights = episode_points(trials), history_weights(trials)
    slope, reward = slopes(points), rewards(trials)
    units, means, readings = analyse_units(folder, trials, weights)
    results = {
        "fig2d": points[points["condition"] == MAIN],
        "fig2d_slopes": slope,
        "fig2d_best_cycle": matching.best_cycle(np.linspace(0, matching.BASELINE_SUM, 101)),
        "fig2e_units": units[units["condition"] == MAIN],
        "fig2e": means,
        "value_readings": readings[readings["condition"] == MAIN],
        "fig2f": weights,
        "fig2f_shape": history_shape(weights),
        "reward": reward,
        "variants": compare_variants(slope, weights, means, reward),
        "rpe_input": rpe_input(rpe_trials, slope, reward),
    }
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    settled = {
        condition: settle_claims(*(frame[frame["condition"] == condition] for frame in (slope, weights, means)))
        for condition in trials["condition"].unique()
    }
    every = pd.concat([pd.DataFrame(rows).assign(condition=condition) for condition, rows in settled.items()])
    tables.write(every, folder / "results" / "claims_by_variant.csv", about=about)
    criterion = {"slope of log choice ratio on log reward ratio": claims.between(0, 1)}
    rows = settled[MAIN] + claims.settle_rpe_input(results["rpe_input"], "2d", criterion)
    claims.write(rows, folder / "results", about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
