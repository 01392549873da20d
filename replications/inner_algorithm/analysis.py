"""Which algorithm runs in the activity of networks, and of agents whose answer is known.

python -m replications.inner_algorithm.analysis --help
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from prefrontal import experiments
from prefrontal.analysis import neural
from prefrontal.analysis.statistics import interval
from prefrontal.models import bandit, fitting
from prefrontal.publishing import claims
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.inner_algorithm.rules import INFER, RULES, arrays, watch
from replications.inner_algorithm.variants import (
    CLAIMS,
    EXPECTED,
    FIXED_RATES,
    INFERENCE,
    MAIN,
    MOST,
    ORDERS,
    OUTSIDE_TESTS,
    TASKS,
    UNTRAINED,
)

HIDDEN = (64, 64)
"""Layers of the small multilayer perceptron; chosen on agents whose answer is known (README, "Deviations and choices")."""

RULE_EPISODES, OBSERVER_EPISODES = 40, 60
"""Episodes of each subject to which rules, and observers, are fitted."""

LEAST = 1e-6
"""Least probability of a choice, so that log odds are finite."""


def held_out_r2(x: np.ndarray, y: np.ndarray, episode: np.ndarray) -> float:
    """R2 of y (rows, targets) read from x (rows, columns) by a small multilayer perceptron, on episodes held out.

    Mean over targets; NaN if none of them varies.
    """
    test = episode % 3 == 0
    y = y[:, (y[test].std(0) > 0) & (y[~test].std(0) > 0)]
    if not y.shape[1]:
        return np.nan
    perceptron = MLPRegressor(
        hidden_layer_sizes=HIDDEN, early_stopping=True, learning_rate_init=3e-3, n_iter_no_change=5, random_state=0
    )
    model = TransformedTargetRegressor(make_pipeline(StandardScaler(), perceptron), transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x[~test], y[~test].squeeze())
    return float(r2_score(y[test], model.predict(x[test]).reshape(y[test].shape)))


def log_odds(steps: pd.DataFrame) -> np.ndarray:
    """Log odds of right in the policy."""
    right, left = (np.log(steps[f"p_{side}"].clip(LEAST, 1 - LEAST).to_numpy(float)) for side in ("right", "left"))
    return right - left


def bayesian_state(steps: pd.DataFrame) -> np.ndarray:
    """Posterior means and log counts of both arms before each trial, (rows, 4), in the order of the rows."""
    history = arrays(steps, ["action", "reward"])
    wins, losses = bandit.counts(history["action"].astype(int), history["reward"])
    pulls = wins + losses + 2
    return np.concatenate([(wins + 1) / pulls, np.log(pulls)], axis=-1).reshape(-1, 4)


def exchangeability(steps: pd.DataFrame) -> float:
    """Variance of log odds within histories of equal counts, as a share of that between counts; NaN if that is not above 0."""
    own = pd.Series(log_odds(steps)).groupby(steps["episode"].to_numpy() // ORDERS)
    within = own.var().mean()
    between = own.mean().var() - within / ORDERS
    return float(within / between) if between > 0 else np.nan


def structure(recording: Recording) -> pd.DataFrame:
    """How far state and policy are those of the Bayesian agent.

    Returns
    -------
    DataFrame
        variant, seed; held-out R2: statistics (Bayesian state from activity and cell), minimal (the converse), policy (log
        odds from the Bayesian state); exchangeable (variance within as a share of that between counts).
    """
    activity = dict(list(recording.activity.groupby(SUBJECT)))
    rows = []
    for (variant, seed), steps in recording.steps.groupby(SUBJECT):
        forced = steps[steps["test"] == "forced"].sort_values(["episode", "trial"])
        units = neural.units(activity[variant, seed].sort_values(["episode", "trial"]))
        units = units[:, ~np.isnan(units).all(0)]
        state, episode = bayesian_state(forced), forced["episode"].to_numpy()
        known = np.column_stack([state, forced["trial"]])
        row = {"statistics": (units, state), "minimal": (known, units), "policy": (known, log_odds(forced)[:, None])}
        numbers = {name: held_out_r2(x, y, episode) for name, (x, y) in row.items()}
        exchanged = exchangeability(steps[steps["test"] == "exchanged"])
        rows.append({"variant": variant, "seed": seed, **numbers, "exchangeable": exchanged})
    return pd.DataFrame(rows)


def first_episodes(trials: pd.DataFrame, test: str, episodes: int) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Subjects (variant, seed) with their first episodes of a test."""
    chosen = trials[(trials["test"] == test) & (trials["episode"] < episodes)]
    yield from chosen.groupby(SUBJECT)


def rules(recording: Recording) -> pd.DataFrame:
    """Which rule predicts the choices: variant, seed, task, rule, log_likelihood (per choice, nats, cross-validated)."""
    rows = []
    for task, variant in TASKS.items():
        test = "drawn" if task == "bandit" else task
        for (name, seed), own in first_episodes(recording.trials, test, RULE_EPISODES):
            if name not in (variant, *EXPECTED):
                continue
            data = watch(task, own, recording.settings.get(name, recording.settings.get(variant, {})))
            for rule, fitted in RULES[task].items():
                log_p = fitting.cross_validate(fitted, data, np.random.default_rng(seed), starts=2)
                row = {"variant": name, "seed": seed, "task": task, "rule": rule}
                rows.append(row | {"log_likelihood": np.nanmean(log_p)})
    return pd.DataFrame(rows)


def learning(compared: pd.DataFrame) -> pd.DataFrame:
    """Log likelihood of inference minus the best heuristic's, and the best fixed rate's: variant, seed, and a column each."""
    wide = compared.pivot(index=[*SUBJECT, "task"], columns="rule", values="log_likelihood")
    fixed = [rule for rule in FIXED_RATES if rule in wide]
    heuristic = wide.drop(columns=[INFERENCE, *fixed]).max(axis=1)
    minus = {"minus heuristic": wide[INFERENCE] - heuristic, "minus fixed rate": wide[INFERENCE] - wide[fixed].max(axis=1)}
    return pd.DataFrame(minus).reset_index("task", drop=True).reset_index()


def observers(trials: pd.DataFrame) -> pd.DataFrame:
    """How well observers predict the choices on new problems: one whose prior is the subject's problems, one whose is the family.

    Both choose alike: by softmax of posterior means, and perseveration.

    Returns
    -------
    DataFrame
        variant, seed, problems and family (log likelihood per choice, nats, cross-validated), problems minus family.
    """
    listed = trials[trials["test"] == "problems"].groupby(SUBJECT)
    problems = {key: own[["p_left", "p_right"]].to_numpy(float) for key, own in listed}
    rows = []
    for key, own in first_episodes(trials, "drawn", OBSERVER_EPISODES):
        if key not in problems:
            continue
        data = watch("bandit", own, {})
        known = bandit.means_among(*bandit.counts(data["choice"], data["reward"]), problems[key])
        row: dict[str, Any] = dict(zip(SUBJECT, key, strict=True))
        for name, means in (("problems", known), ("family", data["inferred"])):
            rng = np.random.default_rng(row["seed"])
            row[name] = np.nanmean(fitting.cross_validate(INFER, data | {"inferred": means}, rng, starts=1))
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.assign(**{"problems minus family": frame["problems"] - frame["family"]})


def location(recording: Recording) -> pd.DataFrame:
    """Share of the gain on problems never met, of networks by the number of problems of their training.

    Returns
    -------
    DataFrame
        variant, seed, trained_on (problems; NaN for all), share, minus all (paired by seed).
    """
    trained_on = {name: own["problems"] for name, own in recording.settings.items() if "problems" in own} | {MAIN: np.nan}
    drawn = recording.trials[(recording.trials["test"] == "drawn") & recording.trials["variant"].isin(trained_on)]
    frame = bandit.shares(drawn).drop(columns="reward")
    whole = frame[frame["variant"] == MAIN].set_index("seed")["share"]
    frame["minus all"] = frame["share"] - frame["seed"].map(whole)
    frame.insert(2, "trained_on", frame["variant"].map(trained_on))
    return frame.sort_values(["trained_on", "seed"], ignore_index=True)


def outside(recording: Recording) -> pd.DataFrame:
    """Reward outside the range of the training, as a share of that of the best agent that knows the change.

    The best agent's play is solved exactly. Over 300 trials: dynamic programming for as many. Arms within .45-.55: the same with
    that prior. Arms that swap: who knows when takes each arm for the other from then on, and earns as if nothing changed. So that
    the luck of the draw cancels, reward is that of who knows the better arm, over all problems, minus the regret.

    Returns
    -------
    DataFrame
        variant, seed, change; reward per episode, and that of random choice and of the best agent: reward, random, best; share.
    """
    parts = []
    for change, settings in {"drawn": {}, **OUTSIDE_TESTS}.items():
        own = recording.trials[(recording.trials["test"] == change) & (recording.trials["variant"] == MAIN)]
        trials, low, high = int(own["trial"].max()) + 1, settings.get("low", 0.0), settings.get("high", 1.0)
        left, right = own["p_left"].astype(float), own["p_right"].astype(float)
        regret = left.where(left > right, right) - left.where(own["choice"] == 0, right)
        mean = trials * regret.groupby([own[name] for name in SUBJECT]).mean().rename("reward")
        oracle = trials * (low + (high - low) * bandit.oracle_reward("independent", 1))
        best = bandit.bayes_optimal_reward("independent", trials, low, high)
        frame = (oracle - mean).reset_index().assign(random=trials * (low + high) / 2, best=best)
        parts.append(frame.assign(share=frame["reward"] / best, change=change))
    return pd.concat(parts, ignore_index=True)[[*SUBJECT, "change", "reward", "random", "best", "share"]]


def measures(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims are about, of networks and of agents whose answer is known."""
    own = measured["structure"].set_index(SUBJECT)
    untrained = own["statistics"].xs(UNTRAINED, level="variant")
    statistics = pd.DataFrame({"R2": own["statistics"]})
    statistics["minus untrained"] = own["statistics"] - untrained.reindex(own.index.get_level_values("seed")).to_numpy()
    changed = measured["outside"].pivot(index=SUBJECT, columns="change", values="share")
    parts = {
        "inner-statistics": statistics,
        "inner-minimal": own[["minimal"]].rename(columns={"minimal": "R2"}),
        "inner-policy": own[["policy"]].rename(columns={"policy": "R2"}),
        "inner-exchangeable": own[["exchangeable"]].rename(columns={"exchangeable": "share"}),
        "inner-learning": learning(measured["rules"]),
        "inner-outside": changed[list(OUTSIDE_TESTS)],
    }
    found = [claims.measures(name, wide) for name, wide in parts.items()]
    found.append(claims.measures("inner-location", measured["location"], {"share": "share", "minus all": "minus all"}))
    names = {"problems minus family": "problems minus family"}
    found.append(claims.measures("inner-location", measured["observers"], names))
    return pd.concat(found, ignore_index=True)


def references(found: pd.DataFrame) -> pd.DataFrame:
    """Whether agents whose answer is known do as they must.

    Returns
    -------
    DataFrame
        agent, claim, measure, criterion, mean, ci_low, ci_high, holds, must_hold (empty where nothing is known).
    """
    criteria = {(c.claim, c.measure): c.criterion for c in CLAIMS if c.criterion is not None and c.variant != MOST}
    rows = []
    for agent, known in EXPECTED.items():
        for (claim, measure), criterion in criteria.items():
            own = found.query("variant == @agent and claim == @claim and measure == @measure")["value"]
            if own.notna().any():
                mean, low, high = interval(own)
                bound = criterion.bounds({})
                row: dict[str, Any] = {"agent": agent, "claim": claim, "measure": measure, "criterion": criterion.text({})}
                row |= {"mean": mean, "ci_low": low, "ci_high": high, "holds": bool(low > bound[0] and high < bound[1])}
                rows.append(row | {"must_hold": known.get((claim, measure))})
    return pd.DataFrame(rows)


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Structure, rules, location, observers and what is outside the range of the training."""
    measured = {
        "structure": structure(recording),
        "rules": rules(recording),
        "location": location(recording),
        "observers": observers(recording.trials),
        "outside": outside(recording),
    }
    return measured | {"references": references(measures(measured))}


if __name__ == "__main__":
    experiments.analysis_main(__file__)
