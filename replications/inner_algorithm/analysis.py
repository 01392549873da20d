"""Identify the algorithm in activity and choices of networks and control agents."""

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

from prefrontal import files
from prefrontal.analysis import neural
from prefrontal.experiments import Analysis
from prefrontal.models import bandit, fitting
from prefrontal.models.model import Model
from prefrontal.publishing import claims
from prefrontal.statistics import interval, normalised_reward
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.bandit.settings import SETTINGS as BANDIT
from replications.inner_algorithm import rules as choice_rules
from replications.inner_algorithm.claims import CLAIMS
from replications.inner_algorithm.observer import means_among
from replications.inner_algorithm.rules import INFER, arrays, with_values
from replications.inner_algorithm.settings import (
    AXIS,
    CHANGES,
    DECODED,
    DIRECTIONS,
    EXPECTED,
    FIXED_RATES,
    INFERENCE,
    MOST,
    MOVED,
    NETWORKS,
    ONE_PROBLEM,
    ORDERS,
    PREDICTING,
    SEPARATE_PLANNER,
    TASKS,
    UNTRAINED,
    Change,
    FewBandits,
)

HIDDEN = (64, 64)
"""Layers of the multilayer perceptron, chosen on control agents (evidence.md)."""

RULE_EPISODES, OBSERVER_EPISODES = 40, 60
"""Episodes of each subject to which rules, and observers, are fitted."""

LOCATION = ("share", "minus all", "problems minus family")
"""Measures of ``inner-location``."""

LEAST = 1e-6
"""Lower bound on choice probabilities, which keeps log odds finite."""


def held_out_r2(x: np.ndarray, y: np.ndarray, episode: np.ndarray) -> float:
    """R2 of y (rows, targets) predicted from x (rows, columns) by a perceptron, on held-out
    episodes.

    Mean over targets; NaN if none of them varies.
    """
    test = episode % 3 == 0
    y = y[:, (y[test].std(0) > 0) & (y[~test].std(0) > 0)]
    if not y.shape[1]:
        return np.nan
    perceptron = MLPRegressor(
        hidden_layer_sizes=HIDDEN,
        early_stopping=True,
        learning_rate_init=3e-3,
        n_iter_no_change=5,
        random_state=0,
    )
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), perceptron), transformer=StandardScaler()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x[~test], y[~test].squeeze())
    return float(r2_score(y[test], model.predict(x[test]).reshape(y[test].shape)))


def log_odds(steps: pd.DataFrame) -> np.ndarray:
    """Log odds of right in the policy."""
    right, left = (
        np.log(steps[f"p_{side}"].clip(LEAST, 1 - LEAST).to_numpy(float))
        for side in ("right", "left")
    )
    return right - left


def bayesian_state(steps: pd.DataFrame) -> np.ndarray:
    """Posterior means and log counts of both arms before each trial, (rows, 4)."""
    history = arrays(steps, ["action", "reward"])
    wins, losses = bandit.counts(history["action"].astype(int), history["reward"])
    pulls = wins + losses + 2
    return np.concatenate([(wins + 1) / pulls, np.log(pulls)], axis=-1).reshape(-1, 4)


def exchangeability(steps: pd.DataFrame) -> float:
    """Variance of log odds between orders of a history, relative to that between counts.

    NaN if the variance between counts is not above 0.
    """
    by_counts = pd.Series(log_odds(steps)).groupby(steps["episode"].to_numpy() // ORDERS)
    within = by_counts.var().mean()
    between = by_counts.mean().var() - within / ORDERS
    return float(within / between) if between > 0 else np.nan


def structure(recording: Recording[Any]) -> pd.DataFrame:
    """Compare state and policy with those of the Bayesian agent.

    Returns
    -------
    DataFrame
        variant, subject; held-out R2: statistics (Bayesian state from activity and cell), minimal
        (the converse), policy (log odds from the Bayesian state); exchangeable (variance within as
        a share of that between counts).
    """
    activity = dict(list(recording.activity.groupby(SUBJECT)))
    rows = []
    for (variant, subject), steps in recording.steps.groupby(SUBJECT):
        forced = steps[steps["test"] == "forced"].sort_values(["episode", "trial"])
        units = neural.units(activity[variant, subject].sort_values(["episode", "trial"]))
        units = units[:, ~np.isnan(units).all(0)]
        state, episode = bayesian_state(forced), forced["episode"].to_numpy()
        known, policy = np.column_stack([state, forced["trial"]]), log_odds(forced)[:, None]
        pairs = {
            "statistics": (units, state),
            "minimal": (known, units),
            "policy": (known, policy),
        }
        numbers = {name: held_out_r2(x, y, episode) for name, (x, y) in pairs.items()}
        exchanged = exchangeability(steps[steps["test"] == "exchanged"])
        rows.append({"variant": variant, "subject": subject, **numbers, "exchangeable": exchanged})
    return pd.DataFrame(rows)


def first_episodes(
    trials: pd.DataFrame, test: str, episodes: int
) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield (variant, subject) of every subject with its first episodes of a test."""
    chosen = trials[(trials["test"] == test) & (trials["episode"] < episodes)]
    yield from chosen.groupby(SUBJECT)


def held_out(rule: Model, trials: pd.DataFrame, seed: int, starts: int) -> float:
    """Log likelihood per choice (nats) of a rule fitted to the other half of the episodes."""
    half = pd.factorize(trials["episode"], sort=True)[0] % 2
    rng = np.random.default_rng(seed)
    return float(np.nanmean(fitting.cross_validate(rule, trials, half, rng, starts)))


def rules(recording: Recording[Any]) -> pd.DataFrame:
    """Predict choices by every rule.

    Returns
    -------
    DataFrame
        variant, subject, task, rule, log_likelihood (per choice, nats, cross-validated).
    """
    rows = []
    for task, networks in TASKS.items():
        if networks not in recording.settings:
            continue
        settings, test = recording.settings[networks].task, "drawn" if task == "bandit" else task
        for (variant, subject), trials in first_episodes(recording.trials, test, RULE_EPISODES):
            if variant not in (networks, *EXPECTED):
                continue
            trials = choice_rules.prepared(trials, settings)
            for rule in choice_rules.rules(settings):
                row = {"variant": variant, "subject": subject, "task": task, "rule": rule.name}
                rows.append(row | {"log_likelihood": held_out(rule, trials, subject, starts=2)})
    return pd.DataFrame(rows)


def learning(compared: pd.DataFrame) -> pd.DataFrame:
    """Subtract the log likelihood of the best heuristic, and of the best fixed rate, from that of
    inference.

    Returns
    -------
    DataFrame
        variant, subject, minus heuristic, minus fixed rate, minus separate values (two-step task).
    """
    keys = [*SUBJECT, "task"]
    wide = compared.pivot(index=keys, columns="rule", values="log_likelihood")
    fixed = [rule for rule in FIXED_RATES if rule in wide]
    heuristic = wide.drop(columns=[INFERENCE, *fixed]).max(axis=1)
    differences = {
        "minus heuristic": wide[INFERENCE] - heuristic,
        "minus fixed rate": wide[INFERENCE] - wide[fixed].max(axis=1),
    }
    if SEPARATE_PLANNER in wide:
        differences["minus separate values"] = wide[INFERENCE] - wide[SEPARATE_PLANNER]
    return pd.DataFrame(differences).reset_index("task", drop=True).reset_index()


def observers(trials: pd.DataFrame) -> pd.DataFrame:
    """Predict choices on new problems by two observers that differ in their prior: the subject's
    training problems, or the family of all problems. Both choose by softmax of posterior means, and
    perseverate.

    Returns
    -------
    DataFrame
        variant, subject, problems and family (log likelihood per choice, nats, cross-validated),
        problems minus family.
    """
    listed = trials[trials["test"] == "problems"].groupby(SUBJECT)
    problems = {key: rows[["p_left", "p_right"]].to_numpy(float) for key, rows in listed}
    rows = []
    for key, subject_trials in first_episodes(trials, "drawn", OBSERVER_EPISODES):
        if key not in problems:
            continue
        history = arrays(subject_trials, ["choice", "reward"])
        choice, reward = history["choice"].astype(int), history["reward"]
        priors = {
            "problems": means_among(*bandit.counts(choice, reward), problems[key]),
            "family": bandit.posterior(choice, reward)[0],
        }
        row: dict[str, Any] = dict(zip(SUBJECT, key, strict=True))
        for name, means in priors.items():
            row[name] = held_out(
                INFER, with_values(subject_trials, means), row["subject"], starts=1
            )
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.assign(**{"problems minus family": frame["problems"] - frame["family"]})


def causal(recording: Recording[Any]) -> pd.DataFrame:
    """Change of the policy after a shift of the belief, relative to the Bayesian agent's.

    The Bayesian agent is that of ``INFER``, fitted to the choices of the bandit network of the
    seed.

    Returns
    -------
    DataFrame
        variant, subject, and for each of ``DIRECTIONS`` the change of the log odds over that of the
        Bayesian agent; networks trained on one problem minus networks.
    """
    sharpness = {}
    for (variant, subject), trials in first_episodes(recording.trials, "drawn", RULE_EPISODES):
        if variant == NETWORKS:
            known = choice_rules.prepared(trials, recording.settings[variant].task)
            fitted = fitting.fit(INFER, known, np.random.default_rng(subject))
            sharpness[subject] = fitted.parameters["inverse_temperature"]
    moved = recording.steps[recording.steps["test"].isin(DIRECTIONS)]
    signed = np.sign(moved["moved"]) * log_odds(moved)
    mean = signed.groupby([moved[name] for name in (*SUBJECT, "test")], observed=True).mean()
    wide = mean.unstack("test").reset_index()
    few = wide["variant"] == ONE_PROBLEM
    for direction in DIRECTIONS:
        wide[direction] /= MOVED * wide["subject"].map(sharpness)
        networks = wide[~few].set_index("subject")[direction]
        minus = (wide[direction] - wide["subject"].map(networks)).where(few)
        wide[f"{direction}, {ONE_PROBLEM} minus networks"] = minus
    return wide


def location(recording: Recording[Any]) -> pd.DataFrame:
    """Normalised reward on new problems, by the number of training problems.

    Returns
    -------
    DataFrame
        variant, seed, trained_on (problems; NaN for all), share, minus all (paired by seed).
    """
    trained_on = {
        variant: settings.task.problems or np.nan
        for variant, settings in recording.settings.items()
        if isinstance(settings.task, FewBandits)
    } | {NETWORKS: np.nan}
    trials = recording.trials
    drawn = trials[(trials["test"] == "drawn") & trials["variant"].isin(trained_on)]
    frame = bandit.shares(drawn).drop(columns="reward")
    whole = frame[frame["variant"] == NETWORKS].set_index(SUBJECT[1])["share"]
    if whole.empty:
        whole = fresh_shares()
    frame["minus all"] = frame["share"] - frame[SUBJECT[1]].map(whole)
    frame.insert(2, "trained_on", frame["variant"].map(trained_on))
    return frame.sort_values(["trained_on", *SUBJECT], ignore_index=True)


def fresh_shares() -> pd.Series:
    """Normalised reward of the larger sample of bandit networks, by seed; weights are not kept."""
    fresh = storage.read(files.DATA / "bandit" / "results" / "fresh.csv", "measures")
    rows = fresh[(fresh["claim"] == "bandit-bayes") & (fresh["variant"] == NETWORKS)]
    best = bandit.bayes_optimal_reward("independent", BANDIT.task.trials)
    share = normalised_reward(rows["value"] * best, BANDIT.task.trials / 2, best)
    return pd.Series(share, rows[SUBJECT[1]])


def outside(recording: Recording[Any]) -> pd.DataFrame:
    """Reward outside the training range, relative to the best agent that knows the change.

    The best agent's reward is exact. Over 300 trials: dynamic programming for that many. Arms
    within .45-.55: the same under that prior. If the arms swap, an agent told when it happens
    simply relabels them and earns as much as before. To cancel the luck of the draw, reward is that
    of an oracle that knows the better arm, over all problems, minus the regret.

    Returns
    -------
    DataFrame
        variant, subject, change; reward per episode, and that of random choice and of the best
        agent: reward, random, best; share.
    """
    networks = recording.trials[recording.trials["variant"] == NETWORKS]
    parts = []
    for name, change in {"drawn": Change(), **CHANGES}.items():
        trials = networks[networks["test"] == name]
        length, low, high = int(trials["trial"].max()) + 1, change.low, change.high
        left, right = trials["p_left"].astype(float), trials["p_right"].astype(float)
        better, chosen = left.where(left > right, right), left.where(trials["choice"] == 0, right)
        regret = (better - chosen).groupby([trials[key] for key in SUBJECT]).mean()
        oracle = length * (low + (high - low) * bandit.oracle_reward("independent", 1))
        frame = (oracle - length * regret.rename("reward")).reset_index()
        best = bandit.bayes_optimal_reward("independent", length, low, high)
        frame = frame.assign(random=length * (low + high) / 2, best=best)
        parts.append(frame.assign(share=frame["reward"] / best, change=name))
    columns = [*SUBJECT, "change", "reward", "random", "best", "share"]
    return pd.concat(parts, ignore_index=True)[columns]


def minus(values: pd.Series, variant: str) -> pd.Series:
    """Subtract the number of the network of the same seed of a variant."""
    reference = values.xs(variant, level=SUBJECT[0])
    return values - reference.reindex(values.index.get_level_values(SUBJECT[1])).to_numpy()


def structure_measures(tables: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """Measures of the claims about state, policy, causes and order."""
    compared = tables["structure"].set_index(SUBJECT)
    r2, caused = compared["statistics"], tables["causal"].set_index(SUBJECT)
    share = tables["location"].set_index(SUBJECT)["share"]
    predictive = {
        "R2 minus without": minus(compared["minimal"], NETWORKS),
        "share minus without": minus(share, NETWORKS),
    }
    predicting = pd.DataFrame(predictive).reindex(list(PREDICTING), level=SUBJECT[0])
    statistics = {"R2": r2, "minus untrained": minus(r2, UNTRAINED)}
    return [
        claims.measures("inner-statistics", pd.DataFrame(statistics)),
        claims.measures("inner-minimal", compared, {"minimal": "R2"}),
        claims.measures("inner-minimal-predictive", predicting),
        claims.measures("inner-policy", compared, {"policy": "R2"}),
        claims.measures("inner-causal", caused.filter(regex=f"^{DECODED}")),
        claims.measures("inner-causal-axis", caused.filter(regex=f"^{AXIS}")),
        claims.measures("inner-exchangeable", compared, {"exchangeable": "share"}),
    ]


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims, for networks and control agents."""
    parts = structure_measures(tables) if "structure" in tables else []
    if "rules" in tables:
        parts.append(claims.measures("inner-learning", learning(tables["rules"])))
    if "outside" in tables:
        changed = tables["outside"].pivot(index=SUBJECT, columns="change", values="share")
        parts.append(claims.measures("inner-outside", changed[list(CHANGES)]))
    for table, names in (("location", LOCATION[:2]), ("observers", LOCATION[2:])):
        columns = {name: name for name in names}
        parts.append(claims.measures("inner-location", tables[table], columns))
    return pd.concat(parts, ignore_index=True)


def controls(measures: pd.DataFrame) -> pd.DataFrame:
    """Evaluate the criteria of the claims for control agents.

    Returns
    -------
    DataFrame
        agent, claim, measure, criterion, mean, ci_low, ci_high, holds, must_hold (empty where
        nothing is expected).
    """
    criteria = {
        (c.claim, c.measure): c.criterion for c in CLAIMS if c.criterion and c.variant != MOST
    }
    rows = []
    for agent, expected in EXPECTED.items():
        for (claim, measure), criterion in criteria.items():
            key = {"variant": agent, "claim": claim, "measure": measure}
            values = measures.loc[(measures[list(key)] == pd.Series(key)).all(axis=1), "value"]
            if values.isna().all():
                continue
            mean, low, high = interval(values)
            above, below = criterion.bounds({})
            row: dict[str, Any] = {"agent": agent, "claim": claim, "measure": measure}
            row |= {"criterion": criterion.text({}), "mean": mean, "ci_low": low, "ci_high": high}
            row |= {"holds": bool(low > above and high < below)}
            rows.append(row | {"must_hold": expected.get((claim, measure))})
    return pd.DataFrame(rows)


def analyse(recording: Recording[Any]) -> dict[str, pd.DataFrame]:
    """Measure structure, rules, location, observers, and reward outside the range of the
    training; of a larger sample, location and observers."""
    located = {"location": location(recording), "observers": observers(recording.trials)}
    if recording.steps.empty:
        return located
    tables = {
        "structure": structure(recording),
        "rules": rules(recording),
        **located,
        "outside": outside(recording),
        "causal": causal(recording),
    }
    return tables | {"controls": controls(claim_measures(tables))}


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures)
