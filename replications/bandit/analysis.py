"""Analyse recorded behaviour and activity on two-armed bandits (Wang et al. 2018, Fig. 1c-f)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.decomposition import PCA

from prefrontal.analysis import neural
from prefrontal.animals.families import measure_networks
from prefrontal.experiments import Analysis
from prefrontal.models import bandit
from prefrontal.publishing import claims
from prefrontal.settings import Settings
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.bandit.animals import BANDIT, compared_trials
from replications.bandit.settings import (
    BENCHMARKS,
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
    Bandit,
)

COMPONENTS = 6
"""Principal components whose share of the variance is reported."""

CODE_TRIALS = (2, 3, 5, 10, 20, 35, 50, 75, 100)
"""Trials at which the code of the payoffs is tested."""

TRIAL = [*SUBJECT, "test", "episode", "trial"]

PARAMETERS = {
    GITTINS: (0.8, 0.9, 0.95, 0.97, 0.98, 0.99),
    TUNED_UCB: (0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
}
"""Candidate values of each algorithm's parameter: discount of Gittins indices; weight of
ln(t)/n in the confidence bound (UCB1: 2)."""

UCB_EXPLORATION = 0.5
"""Weight of ln(t)/n that gives the published curve."""

TEXTBOOK_EPISODES, TUNING_EPISODES = 10_000, 20_000
"""Simulated episodes per textbook algorithm, and per parameter value in tuning; enough for curves
without visible noise."""


def tested_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Select test trials; add their problem, whether the better arm was chosen, and the regret.

    A problem is the same whichever side the better arm is on. Regret is the reward probability of
    the better arm minus that of the chosen one.
    """
    tested = trials[trials["test"] != "example"]
    left, right = tested["p_left"], tested["p_right"]
    best = np.maximum(left, right)
    fixed = {
        name: (tested["test"] == "fixed") & np.isclose(best, max(payoffs))
        for name, payoffs in PROBLEMS.items()
    }
    return tested.assign(
        problem=np.select([*fixed.values()], [*fixed], tested["test"]),
        better=tested["choice"] == (right > left).astype(int),
        regret=best - left.where(tested["choice"] == 0, right),
    )


def regret_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Compute the cumulative regret of each network on the easy problem, mean over episodes.

    Returns
    -------
    DataFrame
        variant, subject, trial (from 1), regret.
    """
    easy = trials[trials["problem"] == "easy"]
    per_trial = easy.groupby([*SUBJECT, "trial"])["regret"].mean()
    curves = per_trial.groupby(level=SUBJECT).cumsum().reset_index()
    return curves.assign(trial=curves["trial"] + 1)


@lru_cache
def tuning(trials: int) -> pd.DataFrame:
    """Compute the regret of textbook algorithms at the last trial as a function of their parameter.
    All play the same problems with the same random numbers.

    Returns
    -------
    DataFrame
        algorithm, parameter, drawn (mean regret on problems drawn as the independent arms of
        training, by which the parameter is chosen), easy (on the easy problem), chosen.
    """
    drawn = np.random.default_rng(0).random((TUNING_EPISODES, 2))
    problems = {"drawn": drawn, "easy": np.tile(PROBLEMS["easy"], (TEXTBOOK_EPISODES, 1))}
    rows = []
    for algorithm, values in PARAMETERS.items():
        for value in values:
            policy = bandit.gittins(trials, value) if algorithm == GITTINS else bandit.ucb(value)
            simulations = {
                name: bandit.simulate(policy, payoffs, trials, np.random.default_rng(1))
                for name, payoffs in problems.items()
            }
            regret = {name: each.regret.sum(1).mean() for name, each in simulations.items()}
            rows.append({"algorithm": algorithm, "parameter": value, **regret})
    frame = pd.DataFrame(rows)
    lowest = frame.groupby("algorithm")["drawn"].transform("min")
    return frame.assign(chosen=lowest == frame["drawn"])


@lru_cache
def textbook_curves(trials: int) -> pd.DataFrame:
    """Compute the cumulative regret of textbook algorithms on the easy problem.

    Returns
    -------
    DataFrame
        algorithm, parameter, trial (from 1), regret.
    """
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
        columns = {
            "algorithm": name,
            "parameter": parameters.get(name),
            "trial": np.arange(trials) + 1,
            "regret": curve,
        }
        parts.append(pd.DataFrame(columns).astype({"parameter": float}))
    return pd.concat(parts, ignore_index=True)


def textbook_regret(curves: pd.DataFrame) -> pd.DataFrame:
    """Put the regret of textbook algorithms at the last trial next to the published one.

    Returns
    -------
    DataFrame
        algorithm, parameter, regret, published.
    """
    published = storage.published("fig1d").sort_values("x").groupby("series")["y"].last()
    series = {GITTINS: "Gittins indices", THOMPSON: "Thompson sampling", UCB: "UCB"}
    last = curves.groupby("algorithm", sort=False).last().reset_index()
    last["published"] = last["algorithm"].map(series).map(published)
    return last.drop(columns="trial")


def learning_within_episodes(trials: pd.DataFrame) -> pd.DataFrame:
    """Measure how choice of the better arm develops within episodes, by network and problem.

    Returns
    -------
    DataFrame
        variant, subject, problem; early and late: P(better arm) in the first and the last tenth of
        trials; trials_to_90: first trial (from 1) at which the mean over ten trials has covered
        90 % of the way from chance to its final level; trials_to_90_of_end: at which it is 90 % of
        that level.
    """
    curves = trials.groupby([*SUBJECT, "problem", "trial"])["better"].mean().unstack("trial")
    tenth = max(1, curves.shape[1] // 10)
    late = curves.iloc[:, -tenth:].mean(axis=1)
    smooth = curves.T.rolling(tenth).mean().T.to_numpy()

    def first(level: pd.Series) -> np.ndarray:
        reached = smooth >= level.to_numpy()[:, None]
        return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.nan)

    times = {
        "trials_to_90": first(0.5 + 0.9 * (late - 0.5)),
        "trials_to_90_of_end": first(0.9 * late),
    }
    early = curves.iloc[:, :tenth].mean(axis=1)
    return pd.DataFrame({"early": early, "late": late, **times}).reset_index()


def bayes_share(trials: pd.DataFrame, settings: Mapping[str, Settings[Bandit]]) -> pd.DataFrame:
    """Compute the expected reward of networks on drawn problems, relative to the best possible.

    Expected reward is the reward probability of the chosen arm. The best possible agent's
    expectation is over all problems; to cancel the luck of the draw, networks are compared by
    their regret: share = (oracle - regret) / best, with the oracle's expectation over all problems.
    """
    by_network = trials[trials["test"] == "drawn"].groupby(SUBJECT)
    regret = by_network["regret"].sum() / by_network["episode"].nunique()
    frame = regret.rename("regret").reset_index()
    tasks = {name: settings[name].task for name in frame["variant"].unique()}
    oracle, best = (
        frame["variant"].map({v: reward(t.arms, t.trials) for v, t in tasks.items()}).astype(float)
        for reward in (bandit.oracle_reward, bandit.bayes_optimal_reward)
    )
    return frame.assign(best_possible=best, share=(oracle - frame["regret"]) / best)


def payoff_code(
    activity: pd.DataFrame, trials: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Project the activity of one network on its principal components (Fig. 1e, f).

    The components are those of the last step over all payoffs; the example episodes are projected
    on them. Signs are chosen so that the first component rises with p_left.

    Returns
    -------
    last : DataFrame
        seed, episode, p_left, p_right, pc1, pc2 at the last step.
    examples : DataFrame
        seed, p_left, p_right, trial, choice, pc1, pc2 over single episodes.
    correlation : dict
        Absolute rank correlation of pc1 with p_left, and share of variance explained by pc1.
    """
    payoffs = trials[[*TRIAL, "p_left", "p_right", "choice"]]
    final = activity[(activity["test"] == "drawn") & (activity["trial"] == activity["trial"].max())]
    scores, pca = neural.principal_components(final.drop(columns="p_left"))
    scores = scores.merge(payoffs, on=TRIAL)
    rho = stats.spearmanr(scores["pc1"], scores["p_left"]).statistic
    sign = np.array([np.sign(rho) or 1.0, 1.0])
    last = scores.assign(pc1=scores["pc1"] * sign[0])
    last = last[["subject", "episode", "p_left", "p_right", "pc1", "pc2"]]
    single = activity[activity["test"] == "example"].merge(payoffs, on=[*TRIAL, "p_left"])
    pc1, pc2 = (pca.transform(neural.units(single)) * sign).T
    examples = single[["subject", "p_left", "p_right", "trial", "choice"]].assign(pc1=pc1, pc2=pc2)
    variance = pca.explained_variance_ratio_[0]
    return last, examples, {"rank_correlation": abs(rho), "variance_explained": variance}


def with_activity(
    recording: Recording[Bandit], variants: Sequence[str]
) -> Iterator[tuple[Any, pd.DataFrame, pd.DataFrame]]:
    """Iterate over networks whose activity was recorded: variant and subject, activity, trials."""
    if len(recording.activity):
        trials = recording.trials.groupby(SUBJECT)
        chosen = recording.activity[recording.activity["variant"].isin(variants)]
        for network, activity in chosen.groupby(SUBJECT):
            yield network, activity, trials.get_group(network)


def payoff_codes(recording: Recording[Bandit]) -> pd.DataFrame:
    """Measure how activity codes the payoffs of correlated arms, for each network.

    Returns
    -------
    DataFrame
        variant, subject, rank_correlation, variance_explained.
    """
    rows = [
        dict(zip(SUBJECT, network, strict=True)) | payoff_code(activity, trials)[2]
        for network, activity, trials in with_activity(recording, [CORRELATED])
    ]
    return pd.DataFrame(rows, columns=[*SUBJECT, "rank_correlation", "variance_explained"])


def expected_difference(trials: pd.DataFrame, correlated: bool) -> pd.Series:
    """Compute the posterior mean of p_left - p_right before each trial, under uniform priors.

    Parameters
    ----------
    trials : DataFrame
        Of one network and test, sorted by trial within episodes.
    correlated : bool
        True where p_right = 1 - p_left, so that each outcome is informative about both arms.
    """
    left, paid = trials["choice"] == 0, trials["reward"] > 0
    outcomes = {"left paid": left & paid, "left": left, "right paid": ~left & paid, "right": ~left}
    counted = pd.DataFrame(outcomes).astype(int)
    before = counted.groupby(trials["episode"]).cumsum() - counted
    wins, pulls = (
        before[["left paid", "right paid"]].to_numpy(),
        before[["left", "right"]].to_numpy(),
    )
    if correlated:
        for_left = wins[:, 0] + pulls[:, 1] - wins[:, 1]
        return pd.Series(2 * (for_left + 1) / (pulls.sum(1) + 2) - 1, trials.index)
    means = (wins + 1) / (pulls + 2)
    return pd.Series(means[:, 0] - means[:, 1], trials.index)


def drawn_activity(
    activity: pd.DataFrame, trials: pd.DataFrame, correlated: bool
) -> tuple[pd.DataFrame, PCA]:
    """Project one network's activity on drawn problems onto the components of the last trial.

    Returns
    -------
    drawn : DataFrame
        episode, trial (from 1), pc1 (rises with p_left - p_right), pc2, difference: p_left -
        p_right, total: p_left + p_right, and expected, the posterior mean of the difference.
    pca : PCA
        Of activity at the last trial over all payoffs, as in Fig. 1f.
    """
    activity, trials = (frame[frame["test"] == "drawn"] for frame in (activity, trials))
    last = activity[activity["trial"] == activity["trial"].max()]
    _, pca = neural.principal_components(last, min(COMPONENTS, len(last)))
    trials = trials.assign(
        difference=trials["p_left"] - trials["p_right"],
        total=trials["p_left"] + trials["p_right"],
        expected=expected_difference(trials, correlated),
    )
    scores = pca.transform(neural.units(activity))
    drawn = activity[["episode", "trial"]].assign(pc1=scores[:, 0], pc2=scores[:, 1])
    covariates = trials[["episode", "trial", "difference", "total", "expected"]]
    drawn = drawn.merge(covariates, on=["episode", "trial"])
    last = drawn[drawn["trial"] == drawn["trial"].max()]
    sign = np.sign(stats.spearmanr(last["pc1"], last["difference"]).statistic) or 1.0
    return drawn.assign(trial=drawn["trial"] + 1, pc1=sign * drawn["pc1"]), pca


def codes_by_trial(recording: Recording[Bandit]) -> dict[str, pd.DataFrame]:
    """Follow the code of the payoffs over the trials of an episode, in networks that see rewards.

    Returns
    -------
    dict of DataFrame
        code_by_trial: variant, subject, trial, and rank correlations over episodes with p_left -
        p_right of pc1 and of expected, and, absolute, of pc2 with p_left + p_right (see
        ``drawn_activity``); code_variance: variant, subject, component (from 1), share of the
        variance at the last trial; code_paths: variant, subject (the first one), trial, fifth (of
        the episodes, from 1, by p_left - p_right), mean pc1.
    """
    codes, variances, paths = [], [], dict[str, pd.DataFrame]()
    for (variant, subject), activity, trials in with_activity(recording, [MAIN, CORRELATED]):
        network = {"variant": variant, "subject": subject}
        correlated = recording.settings[variant].task.arms == "correlated"
        drawn, pca = drawn_activity(activity, trials, correlated)
        followed = drawn[drawn["episode"] < FOLLOWED_EPISODES]
        columns = ["pc1", "pc2", "expected", "difference", "total"]
        ranks = followed.groupby("trial")[columns].rank()
        correlations = ranks.groupby(followed["trial"]).corr().unstack()
        by_trial = correlations["difference"][["pc1", "expected"]]
        by_trial = by_trial.assign(pc2=correlations["total"]["pc2"].abs())
        codes.append(by_trial[by_trial.index.isin(CODE_TRIALS)].reset_index().assign(**network))
        share = pca.explained_variance_ratio_
        variance = pd.DataFrame({"component": np.arange(len(share)) + 1, "share": share})
        variances.append(variance.assign(**network))
        rank = followed["difference"].groupby(followed["trial"]).rank(pct=True)
        fifth = np.ceil(5 * rank).astype(int).rename("fifth")
        means = followed.groupby(["trial", fifth])["pc1"].mean().reset_index()
        paths.setdefault(variant, means.assign(**network))
    tables = {"code_by_trial": codes, "code_variance": variances, "code_paths": [*paths.values()]}
    return {
        name: storage.leading(pd.concat(parts, ignore_index=True), *SUBJECT)
        for name, parts in tables.items()
        if parts
    }


def analyse(recording: Recording[Bandit]) -> dict[str, pd.DataFrame]:
    """Measure regret, learning within episodes, and how activity codes payoffs."""
    trials = tested_trials(recording.trials)
    tables = {
        "regret_curves": regret_curves(trials),
        "learning": learning_within_episodes(trials),
        "bayes_share": bayes_share(trials, recording.settings),
    }
    if CORRELATED in recording.settings:
        tables["payoff_code"] = payoff_codes(recording)
    return tables


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Collect the measures of the claims about Fig. 1."""
    learning = tables["learning"].set_index([*SUBJECT, "problem"])
    gain = (learning["late"] - learning["early"]).unstack("problem")
    times = {
        "hard minus easy": "trials_to_90",
        "hard minus easy, of the end": "trials_to_90_of_end",
    }
    by_problem = {name: learning[column].unstack("problem") for name, column in times.items()}
    slower = {name: wide["hard"] - wide["easy"] for name, wide in by_problem.items()}
    curves = tables["regret_curves"]
    final = curves[curves["trial"] == curves["trial"].max()].set_index(SUBJECT)["regret"]
    regret = {name: final for name in ("last trial", *(f"below {name}" for name in BENCHMARKS))}
    parts = [
        claims.measures("bandit-frozen", gain),
        claims.measures("bandit-difficulty", pd.DataFrame(slower)),
        claims.measures("bandit-regret", pd.DataFrame(regret)),
        claims.measures("bandit-structure", minus_independent(final)),
    ]
    if "payoff_code" in tables:
        names = {"rank_correlation": "rank correlation"}
        parts.append(claims.measures("bandit-code", tables["payoff_code"], names))
    parts.append(claims.measures("bandit-bayes", tables["bayes_share"], {"share": "share"}))
    return pd.concat(parts, ignore_index=True)


def minus_independent(final: pd.Series) -> pd.DataFrame:
    """Subtract the regret of networks trained on independent arms from that of networks trained on
    correlated ones, by seed.

    A network without a counterpart of the same seed gets NaN.
    """
    variants = final.index.get_level_values("variant")
    correlated = final[variants.isin([*STRUCTURE])]
    independent = final[variants.isin([*STRUCTURE.values()])].rename(
        {other: variant for variant, other in STRUCTURE.items()}, level="variant"
    )
    difference = correlated - independent.reindex(correlated.index)
    return difference.rename("correlated minus independent").reset_index()


def benchmarks(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Compute the regret of textbook algorithms at the last trial, the benchmarks of claims."""
    textbook = textbook_curves(int(tables["regret_curves"]["trial"].max()))
    last = textbook.groupby("algorithm")["regret"].last()
    return {
        f"{name} regret": factor * float(last[algorithm])
        for name, (algorithm, factor) in BENCHMARKS.items()
    }


def regret_by_side(trials: pd.DataFrame) -> pd.DataFrame:
    """Compute the regret per episode of each network on both orders of sides of the easy problem.

    Returns
    -------
    DataFrame
        seed, and for either side of the better arm: regret, and never_found, the share of episodes
        in which the last half has no choice of it.
    """
    easy = trials[trials["problem"] == "easy"]
    side = pd.Series(np.where(easy["p_left"] > easy["p_right"], "left", "right"), easy.index)
    found = easy["better"] & (easy["trial"] > easy["trial"].max() // 2)
    episodes = easy.assign(side=side, found=found).groupby(["subject", "side", "episode"])
    by_episode = pd.DataFrame(
        {"regret": episodes["regret"].sum(), "never_found": ~episodes["found"].any()}
    )
    wide = by_episode.groupby(["subject", "side"]).mean().unstack("side")
    names = [f"{column[0]}, better arm {column[1]}" for column in wide.columns]
    return wide.set_axis(names, axis=1).reset_index()


def further_tables(
    recording: Recording[Bandit], tables: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Select example episodes of the first networks; compute the curves of textbook algorithms."""
    trials = recording.trials[recording.trials["variant"] == MAIN]
    first = trials["subject"] == trials["subject"].min()
    examples = tested_trials(trials[first & (trials["episode"] < EXAMPLE_EPISODES)])
    as_printed = [
        np.isclose(examples["p_left"], left) & np.isclose(examples["p_right"], right)
        for left, right in PROBLEMS.values()
    ]
    examples = examples[np.logical_or.reduce(as_printed)]
    length = recording.settings[MAIN].task.trials
    curves = textbook_curves(length)
    out = {
        "example_choices": examples[["problem", "episode", "trial", "choice"]],
        "textbook_curves": curves,
        "textbook": textbook_regret(curves),
        "textbook_tuning": tuning(length),
        "regret_by_side": regret_by_side(tested_trials(trials)),
        **measure_networks(BANDIT, compared_trials(trials)),
        **codes_by_trial(recording),
    }
    for variant in (MAIN, CORRELATED):
        for _, activity, network_trials in islice(with_activity(recording, [variant]), 1):
            last, single, _ = payoff_code(activity, network_trials)
            if variant == CORRELATED:  # p_right is 1 - p_left
                last, single = (frame.drop(columns="p_right") for frame in (last, single))
            out |= {f"code_last_{variant}": last, f"code_examples_{variant}": single}
    return out


ANALYSIS = Analysis(
    analyse=analyse,
    measures=claim_measures,
    benchmarks=benchmarks,
    further_tables=further_tables,
)
