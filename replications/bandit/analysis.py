"""Analyse recorded behaviour and activity on two-armed bandits (Wang et al. 2018, Fig. 1c-f).

python -m replications.bandit.analysis --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from scipy import stats

from prefrontal import claims, neural, plotting, tables
from prefrontal.errors import run
from prefrontal.learners import bandit
from prefrontal.paths import DATA

EASY, HARD = "0.25/0.75", "0.6/0.4"
"""Problems of Fig. 1c, p_left/p_right; the first is that of Fig. 1d."""

SWAPPED = {"0.75/0.25": EASY, "0.4/0.6": HARD}
"""The same problems with the sides swapped; analyses pool both orders."""

EXAMPLE_EPISODES = 10
"""Episodes drawn in Fig. 1c."""

GITTINS_DISCOUNT = 0.98
"""Discount of the Gittins indices (not stated); .97 to .98 gave the least regret on independent arms."""

UCB_EXPLORATION = 0.5
"""Weight of ln(t)/n in the upper confidence bound (not stated); .5 gives the published curve, UCB1's 2 explores far longer."""

RPE_INPUT = "_rpe"
"""Ends the training of networks that see reward prediction errors in place of reward."""

TEXTBOOK_EPISODES = 10_000
"""Simulated episodes per textbook algorithm; many, so that their curves are exact to the eye."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


def better_arm(trials: pd.DataFrame) -> pd.Series:
    """Tell whether the arm with the higher reward probability was chosen."""
    return trials["choice"] == (trials["p_right"] > trials["p_left"]).astype(int)


def regret(trials: pd.DataFrame) -> pd.Series:
    """Reward probability of the better arm minus that of the chosen one."""
    chosen = trials["p_left"].where(trials["choice"] == 0, trials["p_right"])
    return trials[["p_left", "p_right"]].max(axis=1) - chosen


def regret_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Cumulative regret of each network on the easy problem, mean over episodes: training, seed, trial (from 1), regret."""
    easy = trials[trials["problem"] == EASY]
    per_trial = easy.assign(regret=regret(easy)).groupby(["training", "seed", "trial"])["regret"].mean()
    curves = per_trial.groupby(level=["training", "seed"]).cumsum().reset_index()
    return curves.assign(trial=curves["trial"] + 1)


def textbook_curves(trials: int) -> pd.DataFrame:
    """Cumulative regret of textbook algorithms on the easy problem: algorithm, trial (from 1), regret."""
    rng = np.random.default_rng(0)
    left, right = (float(p) for p in EASY.split("/"))
    policies = {
        "Gittins indices": bandit.gittins(trials, GITTINS_DISCOUNT),
        "Thompson sampling": bandit.thompson,
        "UCB": bandit.ucb(UCB_EXPLORATION),
        "Bayes-optimal": bandit.bayes_optimal(trials),
    }
    parts = []
    for name, policy in policies.items():
        played = bandit.simulate(policy, np.full(TEXTBOOK_EPISODES, left), np.full(TEXTBOOK_EPISODES, right), trials, rng)
        curve = played.regret.mean(0).cumsum()
        parts.append(pd.DataFrame({"algorithm": name, "trial": np.arange(trials) + 1, "regret": curve}))
    return pd.concat(parts, ignore_index=True)


def learning_within_episodes(trials: pd.DataFrame) -> pd.DataFrame:
    """How choice of the better arm develops within episodes, per network and problem.

    Returns
    -------
    DataFrame
        training, problem, seed; early and late: P(better arm) in the first and the last tenth of trials; trials_to_90: first
        trial (from 1) from which the mean over ten trials has covered 90 % of the way from chance to its final level.
    """
    frame = trials.assign(better=better_arm(trials))
    curves = frame.groupby(["training", "problem", "seed", "trial"], observed=True)["better"].mean().unstack("trial")
    tenth = max(1, curves.shape[1] // 10)
    late = curves.iloc[:, -tenth:].mean(axis=1)
    smooth = curves.T.rolling(tenth).mean().T.to_numpy()
    reached = smooth >= (0.5 + 0.9 * (late - 0.5)).to_numpy()[:, None]
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.nan)
    out = pd.DataFrame({"early": curves.iloc[:, :tenth].mean(axis=1), "late": late, "trials_to_90": first})
    return out.reset_index()


def bayes_share(trials: pd.DataFrame) -> pd.DataFrame:
    """Expected reward per episode of each network on problems drawn as in training, as a share of the best possible.

    Expected reward is the reward probability of the chosen arm. The best possible agent's expectation is over all problems;
    so that the luck of the draw cancels, networks are compared through their regret: share = (oracle - regret) / best, with
    the oracle's expectation over all problems.
    """
    drawn = trials[trials["problem"] == "drawn"]
    length = int(drawn["trial"].max()) + 1
    oracle = {"independent": 2 / 3 * length, "correlated": 3 / 4 * length}
    lost = drawn.assign(regret=regret(drawn)).groupby(["training", "seed"])["regret"].sum()
    episodes = drawn.groupby(["training", "seed"])["episode"].nunique()
    frame = (lost / episodes).rename("regret").reset_index()
    best = {name: bandit.bayes_optimal_reward(name, length) for name in oracle}
    return frame.assign(
        best_possible=frame["training"].map(best),
        share=(frame["training"].map(oracle) - frame["regret"]) / frame["training"].map(best),
    )


def payoff_code(activity: pd.DataFrame, trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Principal components of unit activity in networks trained on correlated arms (Fig. 1e, f), each network its own.

    The components are those of the last step over all payoffs, and the example episodes are projected on them; their signs
    are chosen so that the first one rises with p_left.

    Returns
    -------
    last : DataFrame
        seed, episode, p_left, pc1, pc2 at the last step.
    examples : DataFrame
        seed, p_left, trial, choice, pc1, pc2 over single episodes.
    correlations : DataFrame
        seed, absolute rank correlation of pc1 with p_left, variance explained by pc1.
    """
    payoffs = trials[["condition", "seed", "episode", "trial", "p_left", "choice"]]
    drawn, example = activity["condition"] == "correlated drawn", activity["condition"].str.contains("example")
    final = activity["trial"] == activity["trial"].max()
    last, examples, correlations = [], [], []
    for seed in sorted(activity["seed"].unique()):
        own = activity["seed"] == seed
        scores, pca = neural.principal_components(activity[own & drawn & final])
        scores = scores.merge(payoffs, on=["condition", "seed", "episode", "trial"])
        rho = stats.spearmanr(scores["pc1"], scores["p_left"]).statistic
        sign = np.array([np.sign(rho) or 1.0, 1.0])
        last.append(scores.assign(pc1=scores["pc1"] * sign[0])[["seed", "episode", "p_left", "pc1", "pc2"]])
        shown = activity[own & example].merge(payoffs, on=["condition", "seed", "episode", "trial"])
        projected = pca.transform(neural.units(shown)) * sign
        keys = shown[["seed", "p_left", "trial", "choice"]]
        examples.append(keys.assign(pc1=projected[:, 0], pc2=projected[:, 1]))
        share = pca.explained_variance_ratio_[0]
        correlations.append({"seed": seed, "rank_correlation": abs(rho), "variance_explained": share})
    return pd.concat(last), pd.concat(examples), pd.DataFrame(correlations)


def regret_bounds(textbook: pd.DataFrame) -> dict[str, float]:
    """Cumulative regrets that networks have to stay below, from ``textbook_curves``."""
    last = textbook[textbook["trial"] == textbook["trial"].max()].set_index("algorithm")["regret"]
    gittins, thompson, ucb = (last[name] for name in ("Gittins indices", "Thompson sampling", "UCB"))
    return {"Thompson sampling's": thompson, "UCB's": ucb, "twice Gittins'": 2 * gittins}


def settle_claims(results: dict[str, pd.DataFrame]) -> list[dict]:
    """Decide the claims of Fig. 1; the criteria are fixed in advance."""
    learning = results["learning"]
    rows = []
    for (training, problem), block in learning.groupby(["training", "problem"]):
        statement = f"P(better arm), last minus first tenth of the episode: {training}, {problem}"
        rows.append(claims.settle("bandit-frozen", "1c", statement, block["late"] - block["early"], claims.above(0)))
    times = learning[learning["training"] == "independent"].pivot(index="seed", columns="problem", values="trials_to_90")
    statement = f"trials until 90 % of the final P(better arm), {HARD} minus {EASY}"
    rows.append(claims.settle("bandit-difficulty", "1c", statement, times[HARD] - times[EASY], claims.above(0)))
    curves = results["fig1d"]
    final = curves[curves["trial"] == curves["trial"].max()].set_index(["training", "seed"])["regret"]
    published = published_final_regret()
    own = final["independent"].to_numpy()
    for name, bound in regret_bounds(results["fig1d_textbook"]).items():
        statement = f"cumulative regret at the last trial, below {name}"
        rows.append(claims.settle("bandit-regret", "1d", statement, own, claims.below(bound)))
    statement = "cumulative regret at the last trial, trained on independent arms"
    value = published["independent"]
    rows.append(claims.settle("bandit-regret", "1d", statement, own, None, value, 0.25 * value))
    correlated = final["correlated"].to_numpy()
    statement = "cumulative regret, trained on correlated minus on independent arms (paired by seed)"
    rows.append(claims.settle("bandit-structure", "1d", statement, correlated - own, claims.below(0)))
    statement = "cumulative regret at the last trial, trained on correlated arms"
    value = published["correlated"]
    rows.append(claims.settle("bandit-structure", "1d", statement, correlated, None, value, 0.25 * value))
    statement = "absolute rank correlation of PC1 at the last step with p_left"
    rows.append(claims.settle("bandit-code", "1f", statement, results["payoff_code"]["rank_correlation"], claims.above(0.9)))
    for training, block in results["bayes_share"].groupby("training"):
        statement = f"expected reward as a share of the Bayes-optimal one, {training} arms"
        rows.append(claims.settle("bandit-bayes", "beyond", statement, block["share"], None))
    return rows


def rpe_input(trials: pd.DataFrame, results: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Learning within episodes, and regret, of networks of either input (``claims.by_input``).

    ``trials`` are those of networks that see reward prediction errors; ``results`` of those that see reward.
    """
    own = trials.assign(training=trials["training"].str.removesuffix(RPE_INPUT))
    wide = []
    for learning, curves in ((results["learning"], results["fig1d"]), (learning_within_episodes(own), regret_curves(own))):
        drawn = learning[learning["problem"] == "drawn"]
        gain = drawn.assign(gain=drawn["late"] - drawn["early"]).pivot(index="seed", columns="training", values="gain")
        final = curves[curves["trial"] == curves["trial"].max()].pivot(index="seed", columns="training", values="regret")
        names = {"P(better arm), last minus first tenth of the episode": gain, "cumulative regret at the last trial": final}
        wide.append(pd.concat([frame.add_prefix(f"{name}, ") for name, frame in names.items()], axis=1))
    published = {f"cumulative regret at the last trial, {name}": value for name, value in published_final_regret().items()}
    return claims.by_input(*wide, published)


def rpe_input_claims(frame: pd.DataFrame, textbook: pd.DataFrame) -> list[dict]:
    """Settle bandit-frozen (problems drawn as in training) and bandit-regret for networks of the other input."""
    gains = [name for name in frame["quantity"].unique() if name.startswith("P(better arm)")]
    rows = claims.settle_rpe_input(frame, "1c", dict.fromkeys(gains, claims.above(0)))
    regret_of = "cumulative regret at the last trial, independent"
    for name, bound in regret_bounds(textbook).items():
        quantity = f"{regret_of}, below {name}"
        rows += claims.settle_rpe_input(frame.replace({"quantity": {regret_of: quantity}}), "1d", {quantity: claims.below(bound)})
    return rows


def published_final_regret() -> dict[str, float]:
    """Published cumulative regret at the last trial, by training distribution (Fig. 1d)."""
    frame = plotting.published("fig1d")
    last = frame[frame["x"] == frame["x"].max()].set_index("series")["y"]
    return {name: float(last[f"meta-RL {name} bandits"]) for name in ("independent", "correlated")}


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "bandit"
    trials = tables.read(folder / "trials.parquet", "trials", needs=("p_left", "p_right"))
    activity = tables.read(folder / "activity.parquet", "activity")
    about = tables.read_provenance(folder / "trials.parquet")
    activity["condition"] = activity["condition"].astype(str)
    trials["condition"] = trials["condition"].astype(str)
    trials[["training", "order"]] = trials["condition"].str.split(" ", n=1, expand=True)
    trials["problem"] = trials["order"].replace(SWAPPED)
    sees_rpe = trials["training"].str.endswith(RPE_INPUT)
    rpe_trials, trials = trials[sees_rpe], trials[~sees_rpe]
    first_seed = trials["seed"] == trials["seed"].min()
    examples = trials[first_seed & (trials["training"] == "independent") & (trials["episode"] < EXAMPLE_EPISODES)]
    last, trajectories, correlations = payoff_code(activity, trials)
    results = {
        "fig1c": examples[examples["order"].isin([EASY, HARD])][["problem", "episode", "trial", "choice"]],
        "fig1d": regret_curves(trials),
        "fig1d_textbook": textbook_curves(int(trials["trial"].max()) + 1),
        "fig1e": trajectories[trajectories["seed"] == trajectories["seed"].min()],
        "fig1f": last[last["seed"] == last["seed"].min()],
        "payoff_code": correlations,
        "learning": learning_within_episodes(trials[~trials["problem"].str.contains("example")]),
        "bayes_share": bayes_share(trials),
    }
    results["rpe_input"] = rpe_input(rpe_trials, results)
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    rows = settle_claims(results) + rpe_input_claims(results["rpe_input"], results["fig1d_textbook"])
    claims.write(rows, folder / "results", about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
