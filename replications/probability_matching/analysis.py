"""Analyse recorded behaviour and unit activity on probability matching (Wang et al. 2018, Fig. 2).

python -m replications.probability_matching.analysis --help
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from prefrontal import behavior, claims, experiment, neural, statistics, tables
from prefrontal.learners import matching
from replications.probability_matching.conditions import (
    AGENTS,
    CLAIMS,
    COVARIATES,
    KINDS,
    LAGS,
    LONGEST_WAIT,
    MAIN,
    POORER,
    PUBLISHED,
    RECENT,
    TRIAL_BLOCK,
    monkey_weights,
    null_of,
)

LEFT = 0

ASKED = (*COVARIATES, "next action")
"""What units are asked about; the last is not in the paper's panel, though in its text."""

VALUES = ("history", "reward probability", "policy", "state value")
"""Readings of "choice value (left action only)"; the first is used, ``value_of_left`` says what they are."""

SHIFTS = 100
"""Samples of the null distribution of unit codes."""

Settings = Mapping[Any, Mapping[str, Any]]
"""Condition -> settings that its networks were trained with."""


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


def rewards(trials: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Reward per trial and share of invalid trials, per network, beside a coin toss and the best cycle on its baselines.

    ``share_of_gain`` puts reward on the scale from the coin toss (0) to the best cycle, which knows the baselines (1).
    """
    rows = []
    for (condition, seed), own in trials.groupby(behavior.SUBJECT, observed=True):
        left = np.linspace(0, settings[condition]["baseline_sum"], 501)
        rates = matching.coin_toss(left, left[::-1]), matching.best_cycle(left, left[::-1])["reward"]
        expected = [np.interp(own["baseline_left"], left, rate).mean() for rate in rates]
        rows.append((condition, seed, own["reward"].to_numpy(float).mean(), (own["choice"] < 0).mean(), *expected))
    frame = pd.DataFrame(rows, columns=["condition", "seed", "reward_per_trial", "invalid", "coin_toss", "best_cycle"])
    share = statistics.share_of_gain(frame["reward_per_trial"], frame["coin_toss"], frame["best_cycle"])
    return frame.assign(share_of_gain=share)


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


def networks_units(recording: tables.Recording, weights: pd.DataFrame) -> Iterator[tuple[tuple[str, int], UnitData]]:
    """Units of every network whose activity was recorded, with its condition and seed."""
    if recording.activity.empty:
        return
    steps = recording.steps[recording.steps["period"].isin(["fixation", "choice"])]
    frames = (recording.trials, steps, recording.activity, weights)
    by_network: list[Any] = [frame.groupby(behavior.SUBJECT, observed=True) for frame in frames]
    for network in sorted(set(by_network[2].groups) & set(by_network[3].groups)):
        yield network, unit_data(*(groups.get_group(network) for groups in by_network))


Correlate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Activity (trials, units), covariates (trials, covariates) -> partial correlations (..., units, covariates)."""


def plain(activity: np.ndarray, described: np.ndarray) -> np.ndarray:
    """Correlate what is ranked already, or need not be."""
    return neural.partial_correlations(activity, described, rank=False)


def shifted(activity: np.ndarray, described: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from the null distribution of ``plain``: the covariates are turned round against the activity."""
    return neural.shifted_partial_correlations(activity, described, SHIFTS, rng, rank=False)


def unit_codes(data: UnitData, correlate: Correlate = plain, value: str = VALUES[0]) -> np.ndarray:
    """Partial correlations of units with what they are asked about, (..., unit, asked).

    The next action is held against the four covariates of Fig. 2e, not they against it.
    """
    four = data.covariates[[*COVARIATES[:-1], value]].to_numpy(float)
    five = np.column_stack([four, data.covariates["next action"]])
    return np.concatenate([correlate(data.activity, four), correlate(data.activity, five)[..., -1:]], axis=-1)


def mean_over_units(codes: np.ndarray) -> np.ndarray:
    """Mean of the absolute correlations over units, (..., asked), leaving out units without one; NaN where there is none."""
    known = ~np.isnan(codes)
    count = known.sum(-2)
    return np.divide(np.where(known, np.abs(codes), 0).sum(-2), count, out=np.full(count.shape, np.nan), where=count > 0)


def code_strengths(recording: tables.Recording, weights: pd.DataFrame) -> pd.DataFrame:
    """Strength of unit codes beside their null, per network (Fig. 2e): kind, covariate, mean_abs_r, null_mean, null_95."""
    correlate, rows = functools.partial(shifted, rng=np.random.default_rng(0)), []
    for (condition, seed), data in networks_units(recording, weights):
        for kind in KINDS:
            own = data.of_kind(kind)
            strength, null = mean_over_units(unit_codes(own)), mean_over_units(unit_codes(own, correlate))
            measures = zip(ASKED, strength, null.mean(0), np.quantile(null, 0.95, axis=0), strict=True)
            rows += [(condition, seed, kind, *row) for row in measures]
    columns = ["condition", "seed", "kind", "covariate", "mean_abs_r", "null_mean", "null_95"]
    return pd.DataFrame(rows, columns=columns)


def unit_panels(recording: tables.Recording, weights: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Every unit's codes (Fig. 2e), and the strength of codes under every reading of the value (supplement a)."""
    units, readings = [], []
    for (condition, seed), data in networks_units(recording, weights):
        for kind in KINDS:
            own = data.of_kind(kind)
            about: dict[str, Any] = {"condition": condition, "seed": seed, "kind": kind}
            codes = pd.DataFrame(unit_codes(own), columns=list(ASKED)).rename_axis("unit").reset_index()
            units.append(codes.melt("unit", var_name="covariate", value_name="r").assign(**about))
            for value in VALUES:
                strength = dict(zip(ASKED, mean_over_units(unit_codes(own, value=value)), strict=True))
                readings += [{**about, "value": value, "covariate": name, "mean_abs_r": strength[name]} for name in COVARIATES]
    return {"fig2e_units": tables.leading(pd.concat(units), "condition", "seed"), "value_readings": pd.DataFrame(readings)}


def compare_variants(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Main numbers per variant of the trial, mean over networks, beside the published ones.

    Returns
    -------
    DataFrame
        quantity, published, and a column per variant.
    """
    slope, weights, codes, reward = (measured[name] for name in ("fig2d_slopes", "fig2f", "fig2e", "reward"))
    chosen = weights[weights["lag"].isin([1, 2, 3, 5])]
    parts = [
        slope.assign(quantity="slope, " + slope["baselines"] + " baselines", number=slope["slope"]),
        chosen.assign(quantity=chosen["signal"] + " lag " + chosen["lag"].astype(str), number=chosen["weight"]),
        codes.assign(quantity=codes["kind"] + ", " + codes["covariate"], number=codes["mean_abs_r"]),
        *(reward.assign(quantity=name, number=reward[name]) for name in ("share_of_gain", "invalid")),
    ]
    table = pd.concat(parts).pivot_table("number", "quantity", "condition", sort=False, dropna=False)
    table.insert(0, "published", pd.Series(PUBLISHED).reindex(table.index))
    return table.reset_index()


def history_shape(weights: pd.DataFrame) -> pd.DataFrame:
    """Compare the history weights of each network with the published ones: all 30, and those of rewards and of choices.

    Returns
    -------
    DataFrame
        condition, seed, signal (all, reward, choice), correlation with the published weights, and scale: the factor by which the
        published ones are larger (least squares). A softmax policy with twice the inverse temperature has twice the weights.
    """
    rows, history = [], weights[weights["signal"] != "bias"]
    for (condition, seed), own in history.groupby(behavior.SUBJECT, observed=True):
        theirs = np.array([PUBLISHED[f"{row.signal} lag {row.lag}"] for row in own.itertuples()])
        ours, signals = own["weight"].to_numpy(), own["signal"].to_numpy()
        for signal in ("all", "reward", "choice"):
            x, y = (values[(signals == signal) | (signal == "all")] for values in (ours, theirs))
            correlation = np.corrcoef(x, y)[0, 1] if np.isfinite(x).all() else np.nan
            rows.append((condition, seed, signal, correlation, x @ y / (x @ x)))
    return pd.DataFrame(rows, columns=["condition", "seed", "signal", "correlation", "scale"])


def agents(left: np.ndarray, trials: int, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Trials of the agents beside the networks, in episodes with these left baselines."""
    right, rng = settings["baseline_sum"] - left, np.random.default_rng(0)
    network = {
        signal: np.array([PUBLISHED[f"{signal} lag {lag}"] for lag in range(1, LAGS + 1)]) for signal in ("reward", "choice")
    }
    policies = (matching.from_history(**monkey_weights()), matching.from_history(**network), matching.cycling(left, right))
    played = [
        matching.simulate(policy, left, right, trials, rng).assign(condition=name, seed=0)
        for name, policy in zip(AGENTS, policies, strict=True)
    ]
    return pd.concat(played, ignore_index=True)


def by_richness(trials: pd.DataFrame, baseline_sum: float) -> pd.DataFrame:
    """Valid trials of a table, with what the choice was to the richer side.

    Returns
    -------
    DataFrame
        The trials with poorer (range of the poorer side's baseline, by its middle), rich (the richer side was chosen), late, run
        (number of the run of equal choices within the episode) and wait (trials since the poorer side was last chosen; NaN before
        it ever was).
    """
    own = trials[trials["choice"] >= 0].copy()
    low = np.minimum(own["baseline_left"], baseline_sum - own["baseline_left"]).clip(0, POORER[-1] - 1e-9)
    edges, episode = np.array(POORER), [own[name] for name in behavior.EPISODE]
    own["poorer"] = ((edges[:-1] + edges[1:]) / 2).round(4)[np.searchsorted(edges, low, side="right") - 1]
    own["rich"] = (own["choice"] == 1) == (own["baseline_left"] < baseline_sum / 2)
    own["late"] = late(own)
    own["run"] = own["choice"].groupby(episode, observed=True).diff().fillna(0).ne(0).groupby(episode, observed=True).cumsum()
    visited = own["trial"].where(~own["rich"])
    last = visited.groupby(episode, observed=True).shift(1).groupby(episode, observed=True).ffill()
    return own.assign(wait=own["trial"] - last)


def finer_choice(trials: pd.DataFrame, baseline_sum: float) -> dict[str, pd.DataFrame]:
    """Choice in more detail, by subject and range of the poorer side's baseline (``poorer``, the middle of the range).

    Returns
    -------
    dict of DataFrame
        choice_shares: share of choices and of rewards on the richer side, and reward_per_trial, over late trials; choice_runs:
        mean length of runs on the richer and on the poorer side, late ones that ended; choice_waits: probability of choosing the
        poorer side by the trials since it was last chosen (wait), over late trials; choice_trials: share of choices on the richer
        side by trial (the last of each block, from 1); choice_slopes: matching slope over all episodes, late trials.
    """
    own = by_richness(trials, baseline_sum)
    settled, by = own[own["late"]], [*behavior.SUBJECT, "poorer"]
    on_rich = settled["reward"].where(settled["rich"], 0)
    groups = settled.assign(on_rich=on_rich).groupby(by, observed=True)
    sums = groups[["on_rich", "reward"]].sum()
    shares = pd.DataFrame({"choices": groups["rich"].mean(), "rewards": sums["on_rich"] / sums["reward"]})
    shares["reward_per_trial"] = groups["reward"].mean()
    runs = own.groupby([*by, "episode", "run"], observed=True).agg(
        rich=("rich", "first"), late=("late", "first"), length=("rich", "size")
    )
    ended = runs.index.get_level_values("run") < runs.groupby([*by, "episode"], observed=True)["late"].transform("size") - 1
    lengths = runs[runs["late"] & ended].groupby([*by, "rich"], observed=True)["length"].mean().unstack("rich")
    waiting = settled[settled["wait"] <= LONGEST_WAIT].astype({"wait": int})
    chosen = (~waiting["rich"]).groupby([waiting[name] for name in [*by, "wait"]], observed=True)
    block = TRIAL_BLOCK * (own["trial"] // TRIAL_BLOCK + 1)
    over = own.groupby([*by, block], observed=True)["rich"].mean()
    points = behavior.matching_points(settled).groupby(behavior.SUBJECT)[["reward_ratio", "choice_ratio"]]
    slopes = points.apply(behavior.matching_slope)
    return {
        "choice_shares": shares.reset_index(),
        "choice_runs": lengths.rename(columns={True: "richer", False: "poorer_side"}).rename_axis(columns=None).reset_index(),
        "choice_waits": pd.DataFrame({"probability": chosen.mean(), "trials": chosen.size()}).reset_index(),
        "choice_trials": over.rename("richer").reset_index(),
        "choice_slopes": slopes.rename("slope").reset_index(),
    }


def history_codings(trials: pd.DataFrame) -> pd.DataFrame:
    """Fit the history weights with rewards and choices by side coded -1 to 1, as in Fig. 2f's formula, and coded 0 to 1.

    Returns
    -------
    DataFrame
        condition, seed, coding, reward_lag_1, choice_lag_1, and correlation and scale as in ``history_shape``.
    """
    by_side, parts = behavior.history_signals(trials), []
    for coding, signals in {"-1 to 1": by_side, "0 to 1": {name: (side + 1) / 2 for name, side in by_side.items()}}.items():
        weights = behavior.lagged_regression(trials, signals, LAGS, where=late(trials))
        last = weights[weights["lag"] == 1].pivot(index=behavior.SUBJECT, columns="signal", values="weight")
        shape = history_shape(weights).query("signal == 'all'").assign(coding=coding)
        shape = shape.join(last.add_suffix("_lag_1"), on=behavior.SUBJECT)
        parts.append(shape[[*behavior.SUBJECT, "coding", "reward_lag_1", "choice_lag_1", "correlation", "scale"]])
    return pd.concat(parts, ignore_index=True)


def measure(recording: tables.Recording) -> dict[str, pd.DataFrame]:
    """Matching, weights of history, unit codes and reward, per network."""
    weights = history_weights(recording.trials)
    return {
        "fig2d_slopes": slopes(episode_points(recording.trials)),
        "fig2e": code_strengths(recording, weights),
        "fig2f": weights,
        "reward": rewards(recording.trials, recording.settings),
    }


def quantities(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims are about."""
    slope = measured["fig2d_slopes"].pivot(index=behavior.SUBJECT, columns="baselines", values="slope")
    slope = slope.reindex(columns=["all", "held out", "trained"])
    recent = measured["fig2f"][measured["fig2f"]["lag"].isin(RECENT)]
    weights = recent.pivot(index=behavior.SUBJECT, columns=["signal", "lag"], values="weight")
    codes = measured["fig2e"].assign(quantity=measured["fig2e"]["covariate"] + ", " + measured["fig2e"]["kind"])
    wide = {
        "matching-slope": pd.DataFrame({"all baselines": slope["all"]}),
        "matching-generalises": pd.DataFrame({"held out minus trained": slope["held out"] - slope["trained"]}),
        "matching-reward-lags": weights["reward"].add_prefix("lag ").assign(trend=statistics.trend(weights["reward"].T)),
        "matching-choice-lags": weights["choice"].add_prefix("lag "),
        "matching-units": codes.pivot(index=behavior.SUBJECT, columns="quantity", values="mean_abs_r"),
    }
    return pd.concat([claims.quantities(claim, frame) for claim, frame in wide.items()], ignore_index=True)


def yardsticks(measured: dict[str, pd.DataFrame], condition: str = MAIN) -> dict[str, float]:
    """What unit codes are held against: the null, in the network where its 95 % quantile is largest."""
    own = measured["fig2e"][measured["fig2e"]["condition"] == condition]
    largest = own.groupby(["covariate", "kind"], as_index=False)["null_95"].max()
    return dict(zip(map(null_of, largest["covariate"], largest["kind"]), largest["null_95"], strict=True))


def claims_by_variant(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Settle the claims for every condition, as far as it was measured."""
    found, settled = quantities(measured), []
    for condition, own in found.groupby("condition"):
        known = set(zip(own["claim"], own["quantity"], strict=True))
        declared = [claim for claim in CLAIMS if not claim.condition and (claim.claim, claim.quantity) in known]
        settled.append(claims.settle_all(declared, own, str(condition), yardsticks(measured, str(condition))))
    return pd.concat(settled, ignore_index=True)


def panels(recording: tables.Recording, measured: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Episodes and units of the main networks, shape of their history weights, and the variants side by side."""
    main = tables.Recording(*(frame[frame["condition"] == MAIN] for frame in (getattr(recording, n) for n in tables.RECORDED)))
    settings = recording.settings[MAIN]
    left = np.linspace(0, settings["baseline_sum"], 101)
    met = main.trials.drop_duplicates(behavior.EPISODE)["baseline_left"].to_numpy(float)
    beside = agents(met, settings["longest"], settings)
    return {
        "fig2d": episode_points(main.trials),
        "fig2d_best_cycle": matching.best_cycle(left, left[::-1]),
        **unit_panels(main, measured["fig2f"]),
        "fig2f_shape": history_shape(measured["fig2f"]),
        "fig2f_coding": history_codings(main.trials),
        "variants": compare_variants(measured),
        "claims_by_variant": claims_by_variant(measured),
        **finer_choice(pd.concat([main.trials, beside], ignore_index=True), settings["baseline_sum"]),
    }


if __name__ == "__main__":
    experiment.analysis_main(__file__)
