"""Analyse recorded behaviour and activity on two-armed bandits (Wang et al. 2018, Fig. 1c-f).

python -m replications.bandit.analysis --help
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.decomposition import PCA

from prefrontal import claims, experiment, neural, tables
from prefrontal.learners import bandit
from prefrontal.tables import Recording, leading
from replications.bandit.conditions import (
    CORRELATED,
    EXAMPLE_EPISODES,
    FOLLOWED_EPISODES,
    GITTINS,
    MAIN,
    OPTIMAL,
    PROBLEMS,
    STRUCTURE,
    THOMPSON,
    TUNED_UCB,
    UCB,
    YARDSTICKS,
)

COMPONENTS = 6
"""Principal components whose shares of the variance are reported."""

CODE_TRIALS = (2, 3, 5, 10, 20, 35, 50, 75, 100)
"""Trials at which the code of the payoffs is read."""

NETWORK = ["condition", "seed"]
TRIAL = [*NETWORK, "test", "episode", "trial"]

PARAMETERS = {
    GITTINS: (0.8, 0.9, 0.95, 0.97, 0.98, 0.99),
    TUNED_UCB: (0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
}
"""Parameters among which each is tuned: discount of Gittins indices, weight of ln(t)/n in the confidence bound (UCB1: 2)."""

UCB_EXPLORATION = 0.5
"""Weight of ln(t)/n that gives the published curve."""

TEXTBOOK_EPISODES, TUNING_EPISODES = 10_000, 20_000
"""Simulated episodes per textbook algorithm, and per parameter in tuning; many, so that their curves are exact to the eye."""


def judged(trials: pd.DataFrame) -> pd.DataFrame:
    """Tested trials with the name of their problem, either order of sides, whether the better arm was chosen, and the regret.

    Regret is the reward probability of the better arm minus that of the chosen one.
    """
    tested = trials[trials["test"] != "example"]
    left, right = tested["p_left"], tested["p_right"]
    best = np.maximum(left, right)
    fixed = {name: (tested["test"] == "fixed") & np.isclose(best, max(payoffs)) for name, payoffs in PROBLEMS.items()}
    return tested.assign(
        problem=np.select([*fixed.values()], [*fixed], tested["test"]),
        better=tested["choice"] == (right > left).astype(int),
        regret=best - left.where(tested["choice"] == 0, right),
    )


def regret_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Cumulative regret of each network on the easy problem, mean over episodes: condition, seed, trial (from 1), regret."""
    per_trial = trials[trials["problem"] == "easy"].groupby([*NETWORK, "trial"])["regret"].mean()
    curves = per_trial.groupby(level=NETWORK).cumsum().reset_index()
    return curves.assign(trial=curves["trial"] + 1)


@lru_cache
def tuning(trials: int) -> pd.DataFrame:
    """Regret at the last trial of textbook algorithms over their parameter, all on the same problems with the same luck.

    Returns
    -------
    DataFrame
        algorithm, parameter, drawn (mean regret on problems drawn as the independent arms of training, by which the parameter
        is chosen), easy (on the easy problem), chosen.
    """
    drawn = np.random.default_rng(0).random((TUNING_EPISODES, 2))
    problems = {"drawn": drawn, "easy": np.tile(PROBLEMS["easy"], (TEXTBOOK_EPISODES, 1))}
    rows = []
    for algorithm, values in PARAMETERS.items():
        for value in values:
            policy = bandit.gittins(trials, value) if algorithm == GITTINS else bandit.ucb(value)
            played = {name: bandit.simulate(policy, own, trials, np.random.default_rng(1)) for name, own in problems.items()}
            regret = {name: own.regret.sum(1).mean() for name, own in played.items()}
            rows.append({"algorithm": algorithm, "parameter": value, **regret})
    frame = pd.DataFrame(rows)
    return frame.assign(chosen=frame.groupby("algorithm")["drawn"].transform("min") == frame["drawn"])


@lru_cache
def textbook_curves(trials: int) -> pd.DataFrame:
    """Cumulative regret of textbook algorithms on the easy problem: algorithm, parameter, trial (from 1), regret."""
    rng, payoffs = np.random.default_rng(0), np.tile(PROBLEMS["easy"], (TEXTBOOK_EPISODES, 1))
    tuned = tuning(trials).query("chosen").set_index("algorithm")["parameter"]
    parameters = {GITTINS: tuned[GITTINS], UCB: UCB_EXPLORATION, TUNED_UCB: tuned[TUNED_UCB]}
    policies = {
        GITTINS: bandit.gittins(trials, parameters[GITTINS]),
        THOMPSON: bandit.thompson,
        UCB: bandit.ucb(parameters[UCB]),
        OPTIMAL: bandit.bayes_optimal(trials),
        TUNED_UCB: bandit.ucb(parameters[TUNED_UCB]),
    }
    parts = []
    for name, policy in policies.items():
        curve = bandit.simulate(policy, payoffs, trials, rng).regret.mean(0).cumsum()
        columns = {"algorithm": name, "parameter": parameters.get(name), "trial": np.arange(trials) + 1, "regret": curve}
        parts.append(pd.DataFrame(columns).astype({"parameter": float}))
    return pd.concat(parts, ignore_index=True)


def textbook_regret(curves: pd.DataFrame) -> pd.DataFrame:
    """Regret of textbook algorithms at the last trial, beside the published one: algorithm, parameter, regret, published."""
    published = tables.published("fig1d").sort_values("x").groupby("series")["y"].last()
    drawn = {GITTINS: "Gittins indices", THOMPSON: "Thompson sampling", UCB: "UCB"}
    last = curves.groupby("algorithm", sort=False).last().reset_index()
    return last.assign(published=last["algorithm"].map(drawn).map(published)).drop(columns="trial")


def learning_within_episodes(trials: pd.DataFrame) -> pd.DataFrame:
    """How choice of the better arm develops within episodes, per network and problem.

    Returns
    -------
    DataFrame
        condition, seed, problem; early and late: P(better arm) in the first and the last tenth of trials; trials_to_90: first
        trial (from 1) at which the mean over ten trials has covered 90 % of the way from chance to its final level;
        trials_to_90_of_end: at which it is 90 % of that level.
    """
    curves = trials.groupby([*NETWORK, "problem", "trial"])["better"].mean().unstack("trial")
    tenth = max(1, curves.shape[1] // 10)
    late = curves.iloc[:, -tenth:].mean(axis=1)
    smooth = curves.T.rolling(tenth).mean().T.to_numpy()

    def first(level: pd.Series) -> np.ndarray:
        reached = smooth >= level.to_numpy()[:, None]
        return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.nan)

    times = {"trials_to_90": first(0.5 + 0.9 * (late - 0.5)), "trials_to_90_of_end": first(0.9 * late)}
    return pd.DataFrame({"early": curves.iloc[:, :tenth].mean(axis=1), "late": late, **times}).reset_index()


def bayes_share(trials: pd.DataFrame, settings: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Expected reward per episode of each network on problems drawn as in training, as a share of the best possible.

    Expected reward is the reward probability of the chosen arm. The best possible agent's expectation is over all problems;
    so that the luck of the draw cancels, networks are compared through their regret: share = (oracle - regret) / best, with
    the oracle's expectation over all problems.
    """
    by_network = trials[trials["test"] == "drawn"].groupby(NETWORK)
    frame = (by_network["regret"].sum() / by_network["episode"].nunique()).rename("regret").reset_index()
    problems = {name: (settings[name]["arms"], settings[name]["trials"]) for name in frame["condition"].unique()}
    oracle, best = (
        frame["condition"].map({name: reward(*own) for name, own in problems.items()})
        for reward in (bandit.oracle_reward, bandit.bayes_optimal_reward)
    )
    return frame.assign(best_possible=best, share=(oracle - frame["regret"]) / best)


def payoff_code(activity: pd.DataFrame, trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Principal components of unit activity in one network (Fig. 1e, f).

    The components are those of the last step over all payoffs, and the example episodes are projected on them; their signs
    are chosen so that the first one rises with p_left.

    Returns
    -------
    last : DataFrame
        seed, episode, p_left, p_right, pc1, pc2 at the last step.
    examples : DataFrame
        seed, p_left, p_right, trial, choice, pc1, pc2 over single episodes.
    correlation : dict
        Absolute rank correlation of pc1 with p_left, and variance explained by pc1.
    """
    payoffs = trials[[*TRIAL, "p_left", "p_right", "choice"]]
    final = activity[(activity["test"] == "drawn") & (activity["trial"] == activity["trial"].max())]
    scores, pca = neural.principal_components(final.drop(columns="p_left"))
    scores = scores.merge(payoffs, on=TRIAL)
    rho = stats.spearmanr(scores["pc1"], scores["p_left"]).statistic
    sign = np.array([np.sign(rho) or 1.0, 1.0])
    last = scores.assign(pc1=scores["pc1"] * sign[0])[["seed", "episode", "p_left", "p_right", "pc1", "pc2"]]
    shown = activity[activity["test"] == "example"].merge(payoffs, on=[*TRIAL, "p_left"])
    projected = pca.transform(neural.units(shown)) * sign
    examples = shown[["seed", "p_left", "p_right", "trial", "choice"]].assign(pc1=projected[:, 0], pc2=projected[:, 1])
    return last, examples, {"rank_correlation": abs(rho), "variance_explained": pca.explained_variance_ratio_[0]}


def with_activity(recording: Recording, arms: Sequence[str]) -> Iterator[tuple[Any, pd.DataFrame, pd.DataFrame]]:
    """Networks of these conditions whose activity was recorded: condition and seed, activity, trials."""
    if len(recording.activity):
        trials = recording.trials.groupby(NETWORK)
        networks = recording.activity[recording.activity["condition"].isin(arms)].groupby(NETWORK)
        yield from ((network, own, trials.get_group(network)) for network, own in networks)


def payoff_codes(recording: Recording) -> pd.DataFrame:
    """How activity codes the payoffs, by network of correlated arms: condition, seed, rank_correlation, variance_explained."""
    parts = with_activity(recording, [CORRELATED])
    rows = [dict(zip(NETWORK, network, strict=True)) | payoff_code(activity, own)[2] for network, activity, own in parts]
    return pd.DataFrame(rows, columns=[*NETWORK, "rank_correlation", "variance_explained"])


def expected_difference(trials: pd.DataFrame, correlated: bool) -> pd.Series:
    """Expected p_left - p_right, given what was seen before each trial: the posterior means of a uniform prior.

    Parameters
    ----------
    trials : DataFrame
        Of one network and test, sorted by trial within episodes.
    correlated : bool
        Whether each arm pays when the other does not, so that either tells of both.
    """
    left, paid = trials["choice"] == 0, trials["reward"] > 0
    seen = pd.DataFrame({"left paid": left & paid, "left": left, "right paid": ~left & paid, "right": ~left}).astype(int)
    before = seen.groupby(trials["episode"]).cumsum() - seen
    wins, pulls = before[["left paid", "right paid"]].to_numpy(), before[["left", "right"]].to_numpy()
    if correlated:
        return pd.Series(2 * (wins[:, 0] + pulls[:, 1] - wins[:, 1] + 1) / (pulls.sum(1) + 2) - 1, trials.index)
    means = (wins + 1) / (pulls + 2)
    return pd.Series(means[:, 0] - means[:, 1], trials.index)


def drawn_activity(activity: pd.DataFrame, trials: pd.DataFrame, correlated: bool) -> tuple[pd.DataFrame, PCA]:
    """Activity of one network on drawn problems, on the components of the last trial, and these.

    Returns
    -------
    drawn : DataFrame
        episode, trial (from 1), pc1 (rises with p_left - p_right), pc2, difference: p_left - p_right, total: p_left + p_right,
        and expected, the expectation of the difference from the choices and rewards before.
    pca : PCA
        Of activity at the last trial over all payoffs, as in Fig. 1f.
    """
    own, played = activity[activity["test"] == "drawn"], trials[trials["test"] == "drawn"]
    last = own[own["trial"] == own["trial"].max()]
    _, pca = neural.principal_components(last, min(COMPONENTS, len(last)))
    played = played.assign(
        difference=played["p_left"] - played["p_right"],
        total=played["p_left"] + played["p_right"],
        expected=expected_difference(played, correlated),
    )
    scores = pca.transform(neural.units(own))
    drawn = own[["episode", "trial"]].assign(pc1=scores[:, 0], pc2=scores[:, 1])
    drawn = drawn.merge(played[["episode", "trial", "difference", "total", "expected"]], on=["episode", "trial"])
    last = drawn[drawn["trial"] == drawn["trial"].max()]
    sign = np.sign(stats.spearmanr(last["pc1"], last["difference"]).statistic) or 1.0
    return drawn.assign(trial=drawn["trial"] + 1, pc1=sign * drawn["pc1"]), pca


def codes_by_trial(recording: Recording) -> dict[str, pd.DataFrame]:
    """How the code of the payoffs builds up over the trials of an episode, in every network of either main condition.

    Returns
    -------
    dict of DataFrame
        code_by_trial: condition, seed, trial, and rank correlations over episodes with p_left - p_right of pc1 and of expected,
        and, absolute, of pc2 with p_left + p_right (see ``drawn_activity``); code_variance: condition, seed, component (from 1),
        share of the variance at the last trial; code_paths: condition, seed (the first one), trial, fifth (of the episodes, from
        1, by p_left - p_right), mean pc1.
    """
    codes, variances, paths = [], [], dict[str, pd.DataFrame]()
    for (condition, seed), activity, trials in with_activity(recording, [MAIN, CORRELATED]):
        about = {"condition": condition, "seed": seed}
        drawn, pca = drawn_activity(activity, trials, recording.settings[condition]["arms"] == CORRELATED)
        followed = drawn[drawn["episode"] < FOLLOWED_EPISODES]
        ranks = followed.groupby("trial")[["pc1", "pc2", "expected", "difference", "total"]].rank()
        correlations = ranks.groupby(followed["trial"]).corr().unstack()
        by_trial = correlations["difference"][["pc1", "expected"]].assign(pc2=correlations["total"]["pc2"].abs())
        codes.append(by_trial[by_trial.index.isin(CODE_TRIALS)].reset_index().assign(**about))
        share = pca.explained_variance_ratio_
        variances.append(pd.DataFrame({"component": np.arange(len(share)) + 1, "share": share}).assign(**about))
        fifth = np.ceil(5 * followed["difference"].groupby(followed["trial"]).rank(pct=True)).astype(int)
        means = followed.groupby(["trial", fifth.rename("fifth")])["pc1"].mean().reset_index()
        paths.setdefault(condition, means.assign(**about))
    tables = {"code_by_trial": codes, "code_variance": variances, "code_paths": [*paths.values()]}
    return {name: leading(pd.concat(parts, ignore_index=True), *NETWORK) for name, parts in tables.items() if parts}


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Regret, learning within episodes, and how activity codes payoffs."""
    trials = judged(recording.trials)
    return {
        "fig1d": regret_curves(trials),
        "learning": learning_within_episodes(trials),
        "bayes_share": bayes_share(trials, recording.settings),
        "payoff_code": payoff_codes(recording),
    }


def quantities(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims of Fig. 1 are about."""
    learning = measured["learning"].set_index([*NETWORK, "problem"])
    gain = (learning["late"] - learning["early"]).unstack("problem")
    times = {"hard minus easy": "trials_to_90", "hard minus easy, of the end": "trials_to_90_of_end"}
    by_problem = {name: learning[column].unstack("problem") for name, column in times.items()}
    slower = pd.DataFrame({name: wide["hard"] - wide["easy"] for name, wide in by_problem.items()})
    curves = measured["fig1d"]
    final = curves[curves["trial"] == curves["trial"].max()].set_index(NETWORK)["regret"]
    regret = pd.DataFrame({name: final for name in ("last trial", *(f"below {name}" for name in YARDSTICKS))})
    return pd.concat(
        [
            claims.quantities("bandit-frozen", gain),
            claims.quantities("bandit-difficulty", slower),
            claims.quantities("bandit-regret", regret),
            claims.quantities("bandit-structure", minus_independent(final)),
            claims.quantities("bandit-code", measured["payoff_code"], {"rank_correlation": "rank correlation"}),
            claims.quantities("bandit-bayes", measured["bayes_share"], {"share": "share"}),
        ],
        ignore_index=True,
    )


def minus_independent(final: pd.Series) -> pd.DataFrame:
    """Regret of networks trained on correlated arms minus that of those trained on independent ones, paired by seed."""
    by_seed = final.unstack("condition")
    pairs = {own: by_seed[own] - by_seed[other] for own, other in STRUCTURE.items() if {own, other} <= {*by_seed.columns}}
    wide = pd.DataFrame(pairs, by_seed.index)
    long = wide.melt(var_name="condition", value_name="correlated minus independent", ignore_index=False).reset_index()
    # Conditions have other seeds; a network without its counterpart stays, without a value.
    return long[pd.MultiIndex.from_frame(long[NETWORK]).isin(final.index)]


def yardsticks(measured: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Regret of textbook algorithms at the last trial."""
    textbook = textbook_curves(int(measured["fig1d"]["trial"].max()))
    last = textbook.groupby("algorithm")["regret"].last()
    return {f"{name} regret": times * float(last[algorithm]) for name, (algorithm, times) in YARDSTICKS.items()}


def regret_by_side(trials: pd.DataFrame) -> pd.DataFrame:
    """Regret per episode of each network on either order of sides of the easy problem.

    Returns
    -------
    DataFrame
        seed, and for either side of the better arm: regret, and never_found, the share of episodes whose last half never
        chose it.
    """
    easy = trials[trials["problem"] == "easy"]
    side = pd.Series(np.where(easy["p_left"] > easy["p_right"], "left", "right"), easy.index)
    found = easy["better"] & (easy["trial"] > easy["trial"].max() // 2)
    episodes = easy.assign(side=side, found=found).groupby(["seed", "side", "episode"])
    each = pd.DataFrame({"regret": episodes["regret"].sum(), "never_found": ~episodes["found"].any()})
    wide = each.groupby(["seed", "side"]).mean().unstack("side")
    return wide.set_axis([f"{column[0]}, better arm {column[1]}" for column in wide.columns], axis=1).reset_index()


def panels(recording: Recording, measured: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Single episodes of the first network, and the curves of textbook algorithms."""
    trials = recording.trials[recording.trials["condition"] == MAIN]
    first = trials["seed"] == trials["seed"].min()
    shown = judged(trials[first & (trials["episode"] < EXAMPLE_EPISODES)])
    as_printed = [np.isclose(shown["p_left"], left) & np.isclose(shown["p_right"], right) for left, right in PROBLEMS.values()]
    last, examples, _ = payoff_code(*next(with_activity(recording, [CORRELATED]))[1:])
    last_independent, examples_independent, _ = payoff_code(*next(with_activity(recording, [MAIN]))[1:])
    length = int(measured["fig1d"]["trial"].max())
    curves = textbook_curves(length)
    return {
        "fig1c": shown[np.logical_or.reduce(as_printed)][["problem", "episode", "trial", "choice"]],
        "fig1d_textbook": curves,
        "textbook": textbook_regret(curves),
        "textbook_tuning": tuning(length),
        "regret_by_side": regret_by_side(judged(trials)),
        "fig1e": examples.drop(columns="p_right"),
        "fig1f": last.drop(columns="p_right"),
        "code_examples": examples_independent,
        "code_last": last_independent,
        **codes_by_trial(recording),
    }


if __name__ == "__main__":
    experiment.analysis_main(__file__)
