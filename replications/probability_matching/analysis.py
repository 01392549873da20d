"""Analyse behaviour and unit activity on probability matching (Wang et al. 2018, Fig. 2)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from prefrontal import statistics
from prefrontal.analysis import matching, neural, regression
from prefrontal.animals.families import animal_tables, measure_networks
from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.settings import Settings
from prefrontal.tables import schema, storage
from prefrontal.tables.recording import RECORDED, Recording
from prefrontal.tables.storage import published
from replications.probability_matching import partial_correlation, strategies
from replications.probability_matching.animals import MATCHING
from replications.probability_matching.claims import CLAIMS, PUBLISHED, null_of
from replications.probability_matching.settings import (
    AGENTS,
    ALL_COVARIATES,
    COVARIATES,
    KINDS,
    LAGS,
    LONGEST_WAIT,
    MAIN,
    ONE_BACK,
    POORER_RANGES,
    RANGES,
    RECENT,
    SHIFTS,
    TRIAL_BLOCK,
    VALUE_ONE_BACK,
    VALUES,
    Matching,
)

LEFT = 0

ALPHA = 0.05
"""Significance level at which a network's units differ from the published ones."""


def late(trials: pd.DataFrame) -> pd.Series:
    """Mark the trials in the last two thirds of their episode (Methods, simulation 1)."""
    return 3 * trials["trial"] >= trials["trials"]


def episode_points(trials: pd.DataFrame) -> pd.DataFrame:
    """Log ratios of choices and rewards per test episode, with its baselines (Fig. 2d)."""
    points = matching.matching_points(trials[late(trials)])
    episodes = trials.drop_duplicates(schema.EPISODE)
    baselines = episodes[[*schema.EPISODE, "baseline_left", "held_out"]]
    return points.merge(baselines, on=schema.EPISODE)


def slopes(points: pd.DataFrame) -> pd.DataFrame:
    """Slope of choice on reward ratio per network: all, held-out and trained baselines."""
    rows = []
    for (variant, subject), episodes in points.groupby(schema.SUBJECT, observed=True):
        held_out = episodes["held_out"]
        subsets = {"all": episodes, "held out": episodes[held_out], "trained": episodes[~held_out]}
        for name, subset in subsets.items():
            rows.append((variant, subject, name, matching.matching_slope(subset), len(subset)))
    return pd.DataFrame(rows, columns=["variant", "subject", "baselines", "slope", "episodes"])


def interpolation(trials: pd.DataFrame, settings: Mapping[str, Settings[Matching]]) -> pd.DataFrame:
    """Compare choice with held-out baselines to the mean of the trained ranges on either side.

    Unlike slopes, which the range of baselines alone can change, this is a difference at the same
    baselines.

    Returns
    -------
    DataFrame
        variant, subject, difference (share of late choices on the richer side, held out minus
        interpolated, mean over the held-out ranges).
    """
    chosen = trials[late(trials) & (trials["choice"] >= 0)]
    width = {variant: own.task.baseline_sum / RANGES for variant, own in settings.items()}
    position = chosen["baseline_left"] / chosen["variant"].map(width).astype(float)
    ranges = position.astype(int).clip(upper=RANGES - 1).rename("range")
    groups = [*(chosen[name] for name in schema.SUBJECT), ranges]
    left = (chosen["choice"] == LEFT).groupby(groups, observed=True).mean().unstack("range")
    left = left.reindex(columns=range(RANGES))
    between = left[range(1, RANGES, 2)]
    beside = (left.shift(1, axis=1) + left.shift(-1, axis=1))[between.columns] / 2
    richer = np.sign(between.columns - RANGES // 2)  # 1 where that is the left side
    return ((between - beside) * richer).mean(axis=1).rename("difference").reset_index()


def lag_weights(trials: pd.DataFrame) -> pd.DataFrame:
    """Weights of past rewards and choices on choosing right, per network (Fig. 2f)."""
    signals = matching.history_signals(trials)
    return regression.lagged_regression(trials, signals, LAGS, where=late(trials))


def rewards(trials: pd.DataFrame, settings: Mapping[str, Settings[Matching]]) -> pd.DataFrame:
    """Reward per trial and share of invalid trials, per network, with benchmarks on its baselines.

    ``normalised_reward`` is 0 for random choice and 1 for the best cycle, which knows the
    baselines.
    """
    rows = []
    for (variant, subject), block in trials.groupby(schema.SUBJECT, observed=True):
        left = np.linspace(0, settings[str(variant)].task.baseline_sum, 501)
        best = strategies.best_cycle(left, left[::-1])["reward"]
        rates = strategies.coin_toss(left, left[::-1]), best
        expected = [np.interp(block["baseline_left"], left, rate).mean() for rate in rates]
        earned, invalid = block["reward"].to_numpy(float).mean(), (block["choice"] < 0).mean()
        rows.append((variant, subject, earned, invalid, *expected))
    columns = ["variant", "subject", "reward_per_trial", "invalid", "coin_toss", "best_cycle"]
    frame = pd.DataFrame(rows, columns=columns)
    bounds = frame["coin_toss"], frame["best_cycle"]
    normalised = statistics.normalised_reward(frame["reward_per_trial"], *bounds)
    return frame.assign(normalised_reward=normalised)


def history_value(trials: pd.DataFrame, weights: pd.DataFrame, side: int) -> pd.Series:
    """Value of one side, in log odds: its recent rewards and choices times their fitted weights.

    Parameters
    ----------
    trials : DataFrame
        Of one subject.
    weights : DataFrame
        That subject's ``lag_weights``.
    side : int
        0 left, 1 right.

    Returns
    -------
    Series
        NaN where the episode had not begun for the longest lag.
    """
    chosen = (trials["choice"] == side).astype(float)
    signals = {"reward": chosen * (trials["reward"] > 0), "choice": chosen}
    kernel = weights[weights["lag"] > 0]
    design = regression.lagged(trials, signals, int(kernel["lag"].max()))
    names = list(kernel["signal"] + "_" + kernel["lag"].astype(str))
    values = design[names].to_numpy(float) @ kernel["weight"].to_numpy(float)
    return pd.Series(values, index=trials.index)


def value_of_left(
    trials: pd.DataFrame, weights: pd.DataFrame, fixation: pd.DataFrame, policy: pd.DataFrame
) -> pd.DataFrame:
    """Readings of the value of choosing left, one row per trial of one network.

    ``history``: left's recent rewards and choices with the network's weights of Fig. 2f, after
    Tsutsui et al. (2016), who derived object values from such a regression. ``reward probability``:
    of left, as the task has it. ``policy``: log odds of choosing left. ``state value``: the
    network's V at fixation, which concerns both sides.
    """
    keys = ["episode", "trial"]
    history = history_value(trials, weights, LEFT)
    values = trials[keys].assign(**{"history": history, "reward probability": trials["p_left"]})
    odds = np.log(policy["p_left"].clip(1e-9)) - np.log(policy["p_right"].clip(1e-9))
    odds = policy[keys].assign(policy=odds).drop_duplicates(keys)
    values = values.merge(odds, on=keys, how="left")
    state = fixation[[*keys, "value"]].rename(columns={"value": "state value"})
    values = values.merge(state.drop_duplicates(keys), on=keys, how="left")
    return values.set_index(trials.index)


def covariates(trials: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Last action (right 1, left -1), last reward, their product, the values and next action."""
    last = trials.groupby(schema.EPISODE, observed=True)[["choice", "reward"]].shift(1)
    action = last["choice"].map({0: -1.0, 1: 1.0})
    reward = np.where(last["reward"] > 0, 1.0, -1.0)
    columns = {
        "last action": action,
        "last reward": reward,
        "interaction": action * reward,
        "next action": trials["choice"].map({0: -1.0, 1: 1.0}),
    }
    return pd.DataFrame(columns).join(values[list(VALUES)])


@dataclass(frozen=True)
class UnitData:
    """One network's activity at fixation (trials, units), and the covariates of the same trials."""

    activity: np.ndarray
    covariates: pd.DataFrame

    def of_kind(self, kind: str) -> UnitData:
        """Rank everything once for Spearman's correlation; return the data for Pearson's."""
        if kind == "Pearson":
            return self
        ranked = partial_correlation.ranks(self.covariates.to_numpy(float))
        columns = self.covariates.columns
        activity = partial_correlation.ranks(self.activity)
        return UnitData(activity, pd.DataFrame(ranked, columns=columns))


def unit_data(
    trials: pd.DataFrame,
    steps: pd.DataFrame,
    activity: pd.DataFrame,
    weights: pd.DataFrame,
    back: int = 0,
) -> UnitData:
    """Join one network's activity and covariates on valid late trials that follow valid ones.

    Last action, last reward and their product are taken ``back`` trials further back.
    """
    fixation, policy = (steps[steps["period"] == period] for period in ("fixation", "choice"))
    described = covariates(trials, value_of_left(trials, weights, fixation, policy))
    keys, last = ["episode", "trial"], list(COVARIATES[:-1])
    if back:
        described[last] = described[last].groupby(trials["episode"]).shift(back)
    described = described.join(trials[keys])[late(trials)].dropna()
    # If fixation was repeated, only the first one, which follows the last outcome.
    joined = described.merge(activity.drop_duplicates(keys), on=keys)
    return UnitData(neural.units(joined), joined[described.columns.drop(keys)])


def networks_units(
    recording: Recording[Matching], weights: pd.DataFrame, back: int = 0
) -> Iterator[tuple[tuple[str, int], UnitData]]:
    """Units of every network whose activity was recorded, with its variant and subject."""
    if recording.activity.empty:
        return
    steps = recording.steps[recording.steps["period"].isin(["fixation", "choice"])]
    frames = (recording.trials, steps, recording.activity, weights)
    by_network: list[Any] = [frame.groupby(schema.SUBJECT, observed=True) for frame in frames]
    for network in sorted(set(by_network[2].groups) & set(by_network[3].groups)):
        of_network = functools.partial(unit_data, back=back)
        yield network, of_network(*(groups.get_group(network) for groups in by_network))


Correlate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Activity (trials, units), covariates (trials, covariates) -> partial correlations (..., units,
covariates)."""


def plain(activity: np.ndarray, described: np.ndarray) -> np.ndarray:
    """Correlate data that are already ranked, or need not be."""
    return partial_correlation.partial_correlations(activity, described, rank=False)


def shifted(activity: np.ndarray, described: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from the null distribution of ``plain``."""
    return partial_correlation.shifted_partial_correlations(
        activity, described, SHIFTS, rng, rank=False
    )


def unit_codes(data: UnitData, correlate: Correlate = plain, value: str = VALUES[0]) -> np.ndarray:
    """Partial correlations of units with ``ALL_COVARIATES``, (..., unit, covariate).

    The four covariates of Fig. 2e are held constant for the next action, but not vice versa.
    """
    four = data.covariates[[*COVARIATES[:-1], value]].to_numpy(float)
    five = np.column_stack([four, data.covariates["next action"]])
    codes = correlate(data.activity, four), correlate(data.activity, five)[..., -1:]
    return np.concatenate(codes, axis=-1)


def mean_over_units(codes: np.ndarray) -> np.ndarray:
    """Mean absolute correlation over the units that have one, (..., covariate); NaN if none has."""
    known = ~np.isnan(codes)
    count, total = known.sum(-2), np.where(known, np.abs(codes), 0).sum(-2)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def code_strengths(recording: Recording[Matching], weights: pd.DataFrame) -> pd.DataFrame:
    """Strength of unit codes and of their null, per network (Fig. 2e).

    Returns
    -------
    DataFrame
        variant, subject, kind (of correlation), covariate, mean_abs_r, null_mean, null_95.
    """
    correlate, rows = functools.partial(shifted, rng=np.random.default_rng(0)), []
    for (variant, subject), data in networks_units(recording, weights):
        for kind in KINDS:
            correlated = data.of_kind(kind)
            strength = mean_over_units(unit_codes(correlated))
            null = mean_over_units(unit_codes(correlated, correlate))
            null_95 = np.quantile(null, 0.95, axis=0)
            measures = zip(ALL_COVARIATES, strength, null.mean(0), null_95, strict=True)
            rows += [(variant, subject, kind, *row) for row in measures]
    columns = ["variant", "subject", "kind", "covariate", "mean_abs_r", "null_mean", "null_95"]
    return pd.DataFrame(rows, columns=columns)


def codes_one_back(recording: Recording[Matching], weights: pd.DataFrame) -> pd.DataFrame:
    """Unit codes in the reading that claim ``matching-units`` tests (``settings.ONE_BACK``).

    Returns
    -------
    DataFrame
        variant, subject, covariate, mean_abs_r, and p of the Kolmogorov-Smirnov distance between
        the absolute correlations of the network's units and of the published ones.
    """
    dots = published("fig2e").query("series == 'unit |partial r|'").groupby("x", sort=False)["y"]
    units = dict(zip(COVARIATES, (group.to_numpy(float) for _, group in dots), strict=True))
    rows = []
    for network, data in networks_units(recording, weights, ONE_BACK):
        four = data.covariates[[*COVARIATES[:-1], VALUE_ONE_BACK]].to_numpy(float)
        codes = np.abs(plain(data.activity, four))
        for name, strength, code in zip(COVARIATES, mean_over_units(codes), codes.T, strict=True):
            known = code[~np.isnan(code)]
            p = stats.ks_2samp(known, units[name]).pvalue if len(known) else np.nan
            rows.append((*network, name, strength, p))
    return pd.DataFrame(rows, columns=[*schema.SUBJECT, "covariate", "mean_abs_r", "p"])


def unit_tables(recording: Recording[Matching], weights: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Codes of every unit (Fig. 2e), and their strength by reading of the value (supplement a)."""
    units, readings = [], []
    for (variant, subject), data in networks_units(recording, weights):
        for kind in KINDS:
            correlated = data.of_kind(kind)
            keys: dict[str, Any] = {"variant": variant, "subject": subject, "kind": kind}
            codes = pd.DataFrame(unit_codes(correlated), columns=list(ALL_COVARIATES))
            codes = codes.rename_axis("unit").reset_index()
            units.append(codes.melt("unit", var_name="covariate", value_name="r").assign(**keys))
            for value in VALUES:
                means = mean_over_units(unit_codes(correlated, value=value))
                strengths = zip(COVARIATES, means, strict=False)
                readings += [
                    {**keys, "value": value, "covariate": name, "mean_abs_r": strength}
                    for name, strength in strengths
                ]
    return {
        "unit_codes": storage.leading(pd.concat(units), *schema.SUBJECT),
        "value_readings": pd.DataFrame(readings),
    }


def compare_variants(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Main numbers by variant, mean over networks, next to the published ones.

    Returns
    -------
    DataFrame
        measure, published, and a column per variant.
    """
    slope, weights = measured["matching_slopes"], measured["lag_weights"]
    codes, reward = measured["code_strengths"], measured["reward"]
    chosen = weights[weights["lag"].isin([1, 2, 3, 5])]
    lags = chosen["signal"] + " lag " + chosen["lag"].astype(str)
    rows = [
        slope.assign(measure="slope, " + slope["baselines"] + " baselines", number=slope["slope"]),
        chosen.assign(measure=lags, number=chosen["weight"]),
        codes.assign(measure=codes["kind"] + ", " + codes["covariate"], number=codes["mean_abs_r"]),
        *(reward.assign(measure=n, number=reward[n]) for n in ("normalised_reward", "invalid")),
    ]
    table = pd.concat(rows).pivot_table("number", "measure", "variant", sort=False, dropna=False)
    table.insert(0, "published", pd.Series(PUBLISHED).reindex(table.index))
    return table.reset_index()


def history_shape(weights: pd.DataFrame) -> pd.DataFrame:
    """Compare the history weights of each network with the published ones.

    Returns
    -------
    DataFrame
        variant, subject, signal (all 30 weights, or those of reward or choice), correlation with
        the published weights, and scale: the factor by which the published ones are larger (least
        squares). A softmax policy with twice the inverse temperature has twice the weights.
    """
    rows, history = [], weights[weights["signal"] != "bias"]
    for (variant, subject), block in history.groupby(schema.SUBJECT, observed=True):
        theirs = np.array([PUBLISHED[f"{row.signal} lag {row.lag}"] for row in block.itertuples()])
        ours, signals = block["weight"].to_numpy(), block["signal"].to_numpy()
        for signal in ("all", "reward", "choice"):
            x, y = (values[(signals == signal) | (signal == "all")] for values in (ours, theirs))
            correlation = np.corrcoef(x, y)[0, 1] if np.isfinite(x).all() else np.nan
            rows.append((variant, subject, signal, correlation, x @ y / (x @ x)))
    return pd.DataFrame(rows, columns=["variant", "subject", "signal", "correlation", "scale"])


def monkey_weights() -> dict[str, np.ndarray]:
    """Monkeys' weights of rewards and choices by lag (Lau & Glimcher 2005; Fig. 2c)."""
    history = published("fig2c").astype({"x": float, "y": float}).sort_values("x")
    curves = {
        signal: history[history["series"].str.startswith(signal)] for signal in ("reward", "choice")
    }
    lags = np.arange(1, LAGS + 1)
    return {signal: np.interp(lags, curve["x"], curve["y"]) for signal, curve in curves.items()}


def agents(left: np.ndarray, task: Matching) -> pd.DataFrame:
    """Trials of the agents next to the networks, in episodes with these left baselines."""
    right, rng = task.baseline_sum - left, np.random.default_rng(0)
    network = {
        signal: np.array([PUBLISHED[f"{signal} lag {lag}"] for lag in range(1, LAGS + 1)])
        for signal in ("reward", "choice")
    }
    policies = (
        strategies.from_history(**monkey_weights()),
        strategies.from_history(**network),
        strategies.cycling(left, right),
    )
    played = [
        strategies.simulate(policy, left, right, task.longest, rng).assign(variant=name, subject=0)
        for name, policy in zip(AGENTS, policies, strict=True)
    ]
    return pd.concat(played, ignore_index=True)


def by_richness(trials: pd.DataFrame, baseline_sum: float) -> pd.DataFrame:
    """Describe the valid trials of a table by the richer and the poorer side.

    Returns
    -------
    DataFrame
        The trials with poorer (range of the poorer side's baseline, by its middle), rich (the
        richer side was chosen), late, run (number of the run of equal choices within the episode)
        and wait (trials since the poorer side was last chosen; NaN before it ever was).
    """
    valid = trials[trials["choice"] >= 0].copy()
    edges = baseline_sum / 2 * np.arange(POORER_RANGES + 1) / POORER_RANGES
    low = np.minimum(valid["baseline_left"], baseline_sum - valid["baseline_left"])
    low, episode = low.clip(0, edges[-1] - 1e-9), [valid[name] for name in schema.EPISODE]
    middles = ((edges[:-1] + edges[1:]) / 2).round(4)
    valid["poorer"] = middles[np.searchsorted(edges, low, side="right") - 1]
    valid["rich"] = (valid["choice"] == 1) == (valid["baseline_left"] < baseline_sum / 2)
    valid["late"] = late(valid)
    changes = valid["choice"].groupby(episode, observed=True).diff().fillna(0).ne(0)
    valid["run"] = changes.groupby(episode, observed=True).cumsum()
    visited = valid["trial"].where(~valid["rich"])
    last = visited.groupby(episode, observed=True).shift(1).groupby(episode, observed=True).ffill()
    return valid.assign(wait=valid["trial"] - last)


def finer_choice(trials: pd.DataFrame, baseline_sum: float) -> dict[str, pd.DataFrame]:
    """Choice in more detail, by subject and range of the poorer side's baseline (``poorer``).

    Returns
    -------
    dict of DataFrame
        choice_shares: share of choices and of rewards on the richer side, and reward_per_trial,
        over late trials; choice_runs: mean length of runs on the richer and on the poorer side,
        late ones that ended; choice_waits: probability of choosing the poorer side by the trials
        since it was last chosen (wait), over late trials; choice_trials: share of choices on the
        richer side by trial (the last of each block, from 1); choice_slopes: matching slope over
        all episodes, late trials.
    """
    valid = by_richness(trials, baseline_sum)
    settled, by = valid[valid["late"]], [*schema.SUBJECT, "poorer"]
    waiting = settled[settled["wait"] <= LONGEST_WAIT].astype({"wait": int})
    poorer = (~waiting["rich"]).groupby([waiting[name] for name in [*by, "wait"]], observed=True)
    block = TRIAL_BLOCK * (valid["trial"] // TRIAL_BLOCK + 1)
    course = valid.groupby([*by, block], observed=True)["rich"].mean()
    points = matching.matching_points(settled).groupby(schema.SUBJECT)
    slope = points[["reward_ratio", "choice_ratio"]].apply(matching.matching_slope)
    waits = pd.DataFrame({"probability": poorer.mean(), "trials": poorer.size()})
    return {
        "choice_shares": richer_shares(settled, by),
        "choice_runs": run_lengths(valid, by),
        "choice_waits": waits.reset_index(),
        "choice_trials": course.rename("richer").reset_index(),
        "choice_slopes": slope.rename("slope").reset_index(),
    }


def richer_shares(settled: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Shares of choices and rewards on the richer side, and reward per trial."""
    on_rich = settled["reward"].where(settled["rich"], 0)
    groups = settled.assign(on_rich=on_rich).groupby(by, observed=True)
    sums = groups[["on_rich", "reward"]].sum()
    rewards = sums["on_rich"] / sums["reward"]
    shares = pd.DataFrame({"choices": groups["rich"].mean(), "rewards": rewards})
    return shares.assign(reward_per_trial=groups["reward"].mean()).reset_index()


def run_lengths(valid: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean length of runs of equal choices by side, of late ones that ended."""
    runs = valid.groupby([*by, "episode", "run"], observed=True).agg(
        rich=("rich", "first"), late=("late", "first"), length=("rich", "size")
    )
    number = runs.groupby([*by, "episode"], observed=True)["late"].transform("size")
    ended = runs.index.get_level_values("run") < number - 1
    means = runs[runs["late"] & ended].groupby([*by, "rich"], observed=True)["length"].mean()
    names = {True: "richer", False: "poorer_side"}
    lengths = means.unstack("rich").reindex(columns=[False, True]).rename(columns=names)
    return lengths.rename_axis(columns=None).reset_index()


def history_codings(trials: pd.DataFrame) -> pd.DataFrame:
    """Fit the history weights with sides coded -1 to 1, as in Fig. 2f's formula, with choices coded
    0 to 1, and with choices and rewards coded 0 to 1.

    Returns
    -------
    DataFrame
        variant, subject, coding, reward_lag_1, choice_lag_1, and correlation and scale as in
        ``history_shape``.
    """
    by_side, tables = matching.history_signals(trials), []
    from_0_to_1 = {name: (side + 1) / 2 for name, side in by_side.items()}
    codings = {
        "-1 to 1": by_side,
        "choices 0 to 1": by_side | {"choice": from_0_to_1["choice"]},
        "0 to 1": from_0_to_1,
    }
    for coding, signals in codings.items():
        weights = regression.lagged_regression(trials, signals, LAGS, where=late(trials))
        last = weights[weights["lag"] == 1]
        last = last.pivot(index=schema.SUBJECT, columns="signal", values="weight")
        shape = history_shape(weights).query("signal == 'all'").assign(coding=coding)
        shape = shape.join(last.add_suffix("_lag_1"), on=schema.SUBJECT)
        columns = ["coding", "reward_lag_1", "choice_lag_1", "correlation", "scale"]
        tables.append(shape[[*schema.SUBJECT, *columns]])
    return pd.concat(tables, ignore_index=True)


def analyse(recording: Recording[Matching]) -> dict[str, pd.DataFrame]:
    """Measure matching, weights of history, unit codes and reward, per network."""
    weights = lag_weights(recording.trials)
    return {
        "matching_slopes": slopes(episode_points(recording.trials)),
        "matching_interpolation": interpolation(recording.trials, recording.settings),
        "code_strengths": code_strengths(recording, weights),
        "codes_one_back": codes_one_back(recording, weights),
        "lag_weights": weights,
        "reward": rewards(recording.trials, recording.settings),
    }


def claim_measures(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims, for networks and mice."""
    slopes = [measured["matching_slopes"].query("baselines == 'all'")]
    animals = animal_tables("probability_matching")
    slopes += [animals["matching_slopes"]] if animals else []
    beside = [claims.measures("animals-matching", each, {"slope": "slope"}) for each in slopes]
    return pd.concat([network_measures(measured), *beside], ignore_index=True)


def network_measures(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims about networks."""
    slope = measured["matching_slopes"]
    slope = slope.pivot(index=schema.SUBJECT, columns="baselines", values="slope")
    slope = slope.reindex(columns=["all", "held out", "trained"])
    weights = measured["lag_weights"]
    recent = weights[weights["lag"].isin(RECENT)]
    weights = recent.pivot(index=schema.SUBJECT, columns=["signal", "lag"], values="weight")
    trend, codes = statistics.trend(weights["reward"].T), measured["code_strengths"]
    codes = codes.assign(measure=codes["covariate"] + ", " + codes["kind"])
    one_back = measured["codes_one_back"]
    agree = (one_back["p"] > ALPHA).where(one_back["p"].notna()).astype(float)
    strength, similar = (
        one_back.assign(number=numbers).pivot(
            index=schema.SUBJECT, columns="covariate", values="number"
        )
        for numbers in (one_back["mean_abs_r"], agree)
    )
    generalises = {
        "held out minus trained": slope["held out"] - slope["trained"],
        "held out minus interpolated": measured["matching_interpolation"].set_index(schema.SUBJECT)[
            "difference"
        ],
    }
    wide = {
        "matching-slope": pd.DataFrame({"all baselines": slope["all"]}),
        "matching-generalises": pd.DataFrame(generalises),
        "matching-reward-lags": weights["reward"].add_prefix("lag ").assign(trend=trend),
        "matching-choice-lags": weights["choice"].add_prefix("lag "),
        "matching-units": strength.add_suffix(", one back").join(
            similar.add_suffix(", distribution")
        ),
        "matching-units-last": codes.pivot(
            index=schema.SUBJECT, columns="measure", values="mean_abs_r"
        ),
    }
    measures = [claims.measures(claim, frame) for claim, frame in wide.items()]
    return pd.concat(measures, ignore_index=True)


def benchmarks(measured: Mapping[str, pd.DataFrame], variant: str = MAIN) -> dict[str, float]:
    """Benchmarks of unit codes: the largest 95 % quantile of the null over networks.

    Over all networks if none of the variant is present, as in the multiverse.
    """
    strengths = measured["code_strengths"]
    chosen = strengths["variant"] == variant
    strengths = strengths[chosen] if chosen.any() else strengths
    largest = strengths.groupby(["covariate", "kind"], as_index=False)["null_95"].max()
    names = map(null_of, largest["covariate"], largest["kind"])
    return dict(zip(names, largest["null_95"], strict=True))


def claims_by_variant(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Evaluate the claims for every variant, as far as measured."""
    evaluated = []
    for variant, block in network_measures(measured).groupby("variant"):
        known = set(zip(block["claim"], block["measure"], strict=True))
        measurable = [
            claim
            for claim in CLAIMS
            if not claim.variant + claim.versus and (claim.claim, claim.measure) in known
        ]
        levels = benchmarks(measured, str(variant))
        evaluated.append(claims.evaluate_claims(measurable, block, str(variant), levels))
    return pd.concat(evaluated, ignore_index=True)


def further_tables(
    recording: Recording[Matching], measured: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Tabulate the main networks in detail, next to agents, and the variants side by side."""
    frames = [getattr(recording, name) for name in RECORDED]
    main: Recording[Matching] = Recording(*(f[f["variant"] == MAIN] for f in frames))
    task, weights = recording.settings[MAIN].task, measured["lag_weights"]
    left = np.linspace(0, task.baseline_sum, 101)
    episodes = main.trials.drop_duplicates(schema.EPISODE)
    played = agents(episodes["baseline_left"].to_numpy(float), task)
    choices = pd.concat([main.trials, played], ignore_index=True)
    beside_animals = measure_networks(MATCHING, main.trials)
    return {
        "matching_points": episode_points(main.trials),
        "stay_probability": beside_animals["stay_probability"],
        "fits": beside_animals["fits"],
        "best_cycle": strategies.best_cycle(left, left[::-1]),
        **unit_tables(main, weights),
        "history_shape": history_shape(weights),
        "history_weights_by_coding": history_codings(main.trials),
        "variants": compare_variants(measured),
        "claims_by_variant": claims_by_variant(measured),
        **finer_choice(choices, task.baseline_sum),
    }


ANALYSIS = Analysis(
    analyse=analyse,
    measures=claim_measures,
    benchmarks=benchmarks,
    further_tables=further_tables,
)
