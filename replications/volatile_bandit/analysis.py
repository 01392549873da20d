"""Analyse learning rates, reward and unit activity on the volatile bandit.

Wang et al. 2018, Fig. 3 and Supplementary Fig. 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from prefrontal.analysis import neural
from prefrontal.animals.families import animal_tables, measure_networks
from prefrontal.experiments import Analysis
from prefrontal.models import rescorla_wagner
from prefrontal.models.volatility import VolatilityObserver
from prefrontal.publishing import claims
from prefrontal.statistics import normalised_reward
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from prefrontal.tables.storage import leading
from replications.volatile_bandit import learning_rate
from replications.volatile_bandit.animals import (
    VOLATILITY,
    compared_trials,
    network_rates,
    rises,
)
from replications.volatile_bandit.settings import (
    ALPHA,
    BLOCK,
    BLOCKS,
    CONTROL_RATES,
    CONTROL_TEMPERATURE,
    EXAMPLE_EPISODE,
    FIXED_RATES,
    HUMAN,
    MAIN,
    ORDERS,
    PEOPLE,
    RISES,
    UNITS_THRESHOLDS,
    WINDOW,
    VolatileBandit,
)

TINY = np.finfo(float).tiny

COARSE = (learning_rate.RATE_GRID[1::2], learning_rate.TEMPERATURE_GRID[::2])
"""Grid of the fits at the stages of training, and under other choice rules."""


@dataclass(frozen=True)
class Episodes:
    """Episodes of one network as arrays (episodes, trials).

    Magnitudes and rewards are in units of 100 points. ``order`` (episodes,) is the order of the
    blocks; ``observer`` is the Bayesian agent, which knows the training generator.
    """

    observer: VolatilityObserver
    choice: np.ndarray
    reward: np.ndarray
    left: np.ndarray
    right: np.ndarray
    p_left: np.ndarray
    volatile: np.ndarray
    order: np.ndarray

    @property
    def pays_left(self) -> np.ndarray:
        """True where left paid, or would have paid: on every trial one of the two arms pays."""
        return (self.reward > 0) == (self.choice == 0)

    @cached_property
    def bayesian(self) -> tuple[np.ndarray, np.ndarray]:
        """Choices, and P(volatile) before each trial, of the Bayesian agent on these outcomes."""
        probability, volatility = self.observer.infer(self.pays_left)
        difference = rescorla_wagner.advantage(probability, self.left, self.right)
        return (difference < 0).astype(int), volatility / max(self.observer.volatility, TINY)

    def normalised_reward(self, choice: np.ndarray) -> np.ndarray:
        """Normalised reward of choices (..., episodes, trials): 0 is random choice, 1 an oracle
        that knows the current reward probability.
        """
        sides = self.expected(np.zeros(1)), self.expected(np.ones(1))
        random, oracle = (sides[0] + sides[1]).mean() / 2, np.maximum(*sides).mean()
        return normalised_reward(self.expected(choice).mean((-2, -1)), random, oracle)

    def expected(self, choice: np.ndarray) -> np.ndarray:
        """Expected reward of choices, given the true reward probability."""
        return np.where(choice == 0, self.p_left * self.left, (1 - self.p_left) * self.right)

    def rows(self, index: np.ndarray) -> Episodes:
        """Select some episodes."""
        arrays = {each.name: getattr(self, each.name)[index] for each in fields(self)[1:]}
        return Episodes(self.observer, **arrays)


def episodes_of(trials: pd.DataFrame, observer: VolatilityObserver) -> Episodes:
    """Arrange one network's trials, sorted and equally many per episode, as arrays."""
    count = int(trials["trial"].max()) + 1

    def array(name: str) -> np.ndarray:
        return trials[name].to_numpy().reshape(-1, count)

    reward, left, right = (
        array(name) * 0.01 for name in ("reward", "magnitude_left", "magnitude_right")
    )
    order = array("order")[:, 0].astype(str)
    return Episodes(
        observer, array("choice"), reward, left, right, array("p_left"), array("volatile"), order
    )


def subjects(
    recording: Recording[VolatileBandit], trials: pd.DataFrame
) -> Iterator[tuple[dict[str, Any], Episodes]]:
    """Yield variant and subject of every network, with its episodes of one test."""
    for (variant, subject), network_trials in trials.groupby(SUBJECT, observed=True, sort=False):
        observer = VolatilityObserver(**recording.settings[str(variant)].task.process)
        yield {"variant": variant, "subject": subject}, episodes_of(network_trials, observer)


def at_the_end(trials: pd.DataFrame) -> pd.DataFrame:
    """Select the trials of networks at the end of their training."""
    return trials[trials["trained_episodes"].isna()] if "trained_episodes" in trials else trials


def fit_curve(
    episodes: Episodes, choice: np.ndarray, rule: str = "window", coarse: bool = False
) -> pd.DataFrame:
    """Fit learning rate and inverse temperature in sliding windows, to all episodes together.

    ``rule``: "window" fits a temperature to every window, "shared" one to all windows; with "no
    magnitudes", choice follows the reward probability alone. Windows are numbered from 1.
    """
    grids = COARSE if coarse else (learning_rate.RATE_GRID, learning_rate.TEMPERATURE_GRID)
    blank = np.ones_like(episodes.left)
    left, right = (blank, blank) if rule == "no magnitudes" else (episodes.left, episodes.right)
    likelihood = learning_rate.learning_rate_likelihood(
        episodes.pays_left, choice, left, right, *grids
    )
    rates, temperatures = learning_rate.sliding_learning_rates(
        likelihood, WINDOW, rule == "shared", *grids
    )
    return pd.DataFrame(
        {
            "window": np.arange(1, len(rates) + 1),
            "learning_rate": rates,
            "inverse_temperature": temperatures,
        }
    )


def fit_orders(
    subject: dict[str, Any], episodes: Episodes, choice: np.ndarray, **options: Any
) -> pd.DataFrame:
    """Fit sliding-window learning rates in either order of the blocks.

    Returns
    -------
    DataFrame
        Columns of ``subject``, order, and those of ``fit_curve``.
    """
    parts = []
    for order in ORDERS:
        index = episodes.order == order
        if index.any():
            curve = fit_curve(episodes.rows(index), choice[index], **options)
            parts.append(curve.assign(order=order, **subject))
    return leading(pd.concat(parts, ignore_index=True), *subject, "order")


def block_rates(curves: pd.DataFrame) -> pd.DataFrame:
    """Average each subject's learning rate over the windows within each block."""
    inside = curves[(curves["window"] - 1 + WINDOW <= BLOCK) | (curves["window"] > BLOCK)]
    position = (inside["window"] > BLOCK).astype(int)
    block = [ORDERS[order][k] for order, k in zip(inside["order"], position, strict=True)]
    return (
        inside.assign(block=block)
        .groupby([*SUBJECT, "block"], sort=False)["learning_rate"]
        .mean()
        .reset_index()
    )


def curve_agreement(networks: pd.DataFrame, bayesian: pd.DataFrame) -> pd.DataFrame:
    """Correlate each network's learning-rate curve with the Bayesian agent's on the same outcomes.

    Both orders of the blocks count together.
    """
    keys = [*SUBJECT, "order", "window"]
    both = networks.merge(bayesian, on=keys, suffixes=("", "_bayesian")).dropna()
    rows = []
    for (variant, subject), curves in both.groupby(SUBJECT, sort=False):
        x, y = curves["learning_rate"], curves["learning_rate_bayesian"]
        varies = len(curves) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0
        correlation = stats.pearsonr(x, y)[0] if varies else np.nan
        rows.append({"variant": variant, "subject": subject, "correlation": correlation})
    return pd.DataFrame(rows, columns=[*SUBJECT, "correlation"])


def rewards(subject: dict[str, Any], episodes: Episodes) -> pd.DataFrame:
    """Expected reward of network, Bayesian agent and best fixed-rate learner.

    Returns
    -------
    DataFrame
        Columns of ``subject``, agent, learning_rate, reward (points per trial), share (normalised
        reward).
    """
    value = rescorla_wagner.values(episodes.pays_left, FIXED_RATES[:, None])
    advantage = rescorla_wagner.advantage(value, episodes.left, episodes.right)
    fixed = (advantage < 0).astype(int)
    best = int(episodes.normalised_reward(fixed).argmax())
    agents = {
        "network": (episodes.choice, np.nan),
        "Bayesian agent": (episodes.bayesian[0], np.nan),
        "best fixed rate": (fixed[best], FIXED_RATES[best]),
    }
    rows = [
        {
            **subject,
            "agent": agent,
            "learning_rate": rate,
            "reward": 100 * episodes.expected(choice).mean(),
            "share": float(episodes.normalised_reward(choice)),
        }
        for agent, (choice, rate) in agents.items()
    ]
    return pd.DataFrame(rows)


def training(recording: Recording[VolatileBandit], rates: pd.DataFrame) -> pd.DataFrame:
    """Settings in which networks may differ, and reward per trial at the end of training.

    The end is the last twentieth of the learning curve.
    """
    frame = rates[SUBJECT].drop_duplicates().sort_values(SUBJECT, ignore_index=True)
    settings = [recording.settings[variant] for variant in frame["variant"]]
    for name in ("learning_rate", "episodes", "reward_scale"):
        frame[name] = [getattr(each.training, name) for each in settings]
    frame["init_scale"] = [each.network.init_scale for each in settings]
    trials = np.array([each.task.trials for each in settings])
    curves = recording.curves.groupby(SUBJECT)["reward"]
    end = curves.agg(lambda reward: reward.tail(max(1, len(reward) // 20)).mean())
    reward = end.reindex(pd.MultiIndex.from_frame(frame[SUBJECT])).to_numpy(float)
    return frame.assign(reward_per_trial=reward / trials)


def activities(
    recording: Recording[VolatileBandit], trials: pd.DataFrame
) -> Iterator[tuple[dict[str, Any], Episodes, np.ndarray]]:
    """Yield each network with recorded activity: variant and subject, episodes, units.

    Units are (episodes, trials, units).
    """
    by_network: Any = (
        recording.activity.groupby(SUBJECT, sort=False) if len(recording.activity) else ()
    )
    for (variant, subject), activity in by_network:
        network_trials = trials[(trials["variant"] == variant) & (trials["subject"] == subject)]
        for subject, episodes in subjects(recording, network_trials):
            yield subject, episodes, neural.units(activity).reshape(*episodes.choice.shape, -1)


def unit_predictors(episodes: Episodes, shift: int = 0) -> np.ndarray:
    """Stack true volatility, previous reward, next action, true reward probability.

    Returns
    -------
    array (episodes, trials, 4)
        ``shift`` rotates volatility within the episode, a null that changes as slowly.
    """
    previous = np.pad(episodes.reward[:, :-1], ((0, 0), (1, 0)))
    volatile = np.roll(episodes.volatile, shift, axis=1).astype(float)
    return np.stack([volatile, previous, episodes.choice, episodes.p_left], axis=-1)


def share_significant(p_values: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """Bonferroni-corrected share of units coding volatility; p values (..., unit, predictor)."""
    p = p_values[..., 0]
    return np.where(np.isnan(p).all(-1), np.nan, (p < alpha / p.shape[-1]).mean(-1))


def unit_p_values(activity: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    """P values of every predictor in many regressions of unit activity at once.

    Ordinary least squares with a constant and two-tailed t tests, as in statsmodels' OLS.

    Parameters
    ----------
    activity : array (regressions, rows, units)
    predictors : array (regressions, rows, predictors)

    Returns
    -------
    array (regressions, units, predictors)
        NaN where a regression is undetermined, or a unit constant.
    """
    x = predictors - predictors.mean(1, keepdims=True)
    y = activity - activity.mean(1, keepdims=True)
    freedom = x.shape[1] - x.shape[2] - 1
    p_values = np.full((len(x), y.shape[2], x.shape[2]), np.nan)
    if freedom < 1:
        return p_values
    full = np.linalg.matrix_rank(x) == x.shape[2]
    x, y = x[full], y[full]
    inverse = np.linalg.inv(x.mT @ x)
    weights = inverse @ (x.mT @ y)
    noise = ((y - x @ weights) ** 2).sum(1) / freedom
    error = np.sqrt(np.diagonal(inverse, axis1=1, axis2=2)[:, :, None] * noise[:, None])
    t = np.divide(
        weights, error, out=np.full_like(weights, np.nan), where=(np.ptp(y, axis=1) > 0)[:, None]
    )
    p_values[full] = 2 * stats.t.sf(np.abs(t), freedom).mT
    return p_values


def unit_coding(units: np.ndarray, episodes: Episodes, thresholds: np.ndarray) -> pd.DataFrame:
    """Share of units that code volatility at every threshold, and its null.

    Means over regressions within episodes.
    """
    shares = {}
    for name, shift in (("share", 0), ("share_null", BLOCK // 2)):
        p_values = unit_p_values(units, unit_predictors(episodes, shift))
        shares[name] = [
            np.nanmean(share_significant(p_values, threshold)) for threshold in thresholds
        ]
    return pd.DataFrame({"threshold": thresholds, **shares})


def unit_coding_over_time(units: np.ndarray, episodes: Episodes) -> pd.DataFrame:
    """Share of units that code volatility at each trial, in regressions across episodes."""
    p_values = unit_p_values(units.swapaxes(0, 1), unit_predictors(episodes).swapaxes(0, 1))
    return pd.DataFrame(
        {"trial": np.arange(1, len(p_values) + 1), "share": share_significant(p_values)}
    )


def decoded_volatility(units: np.ndarray, episodes: Episodes) -> np.ndarray:
    """Decode the Bayesian agent's P(volatile) from the units, with whole episodes held out."""
    target = episodes.bayesian[1]
    groups = np.repeat(np.arange(len(target)), target.shape[1])
    return neural.decode_value(units.reshape(target.size, -1), target.ravel(), groups).reshape(
        target.shape
    )


def decoding_quality(decoded: np.ndarray, episodes: Episodes) -> pd.DataFrame:
    """Correlation of decoded with the Bayesian agent's P(volatile), and means by kind of block."""
    target = episodes.bayesian[1]
    usable = np.isfinite(decoded).all() and np.ptp(decoded) > 0
    row = {"correlation": stats.pearsonr(decoded.ravel(), target.ravel())[0] if usable else np.nan}
    for name, where in (("stable", ~episodes.volatile), ("volatile", episodes.volatile)):
        row |= {f"decoded_{name}": decoded[where].mean(), f"bayesian_{name}": target[where].mean()}
    return pd.DataFrame([row])


def example_table(
    episodes: Episodes, decoded: np.ndarray, curves: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Example episode of Fig. 3a, b, and learning rates fitted to all episodes of its kind."""
    suitable = np.flatnonzero((episodes.order == "stable first") & (episodes.p_left[:, 0] > 0.5))
    candidates = suitable if len(suitable) else np.arange(len(episodes.order))
    index = candidates[min(EXAMPLE_EPISODE, len(candidates) - 1)]
    choices = {"Bayesian agent": episodes.bayesian[0][index], "network": episodes.choice[index]}
    volatility = {"Bayesian agent": episodes.bayesian[1][index], "network": decoded[index]}
    parts = []
    for agent, chosen in choices.items():
        frame = pd.DataFrame(
            {
                "agent": agent,
                "trial": np.arange(1, len(chosen) + 1),
                "p_left": episodes.p_left[index],
            }
        )
        frame = frame.assign(
            chose_left=chosen == 0,
            left_paid=episodes.pays_left[index],
            volatility=volatility[agent],
        )
        rate = curves[agent].query("order == 'stable first'").set_index("window")["learning_rate"]
        parts.append(frame.assign(learning_rate=frame["trial"].map(rate)))
    return pd.concat(parts, ignore_index=True)


def control_curves(episodes: Episodes) -> pd.DataFrame:
    """Fit learning rates of simulated learners with a known, fixed rate, on a network's
    outcomes."""
    rng, parts = np.random.default_rng(0), []
    for order in ORDERS:
        ordered = episodes.rows(episodes.order == order)
        outcomes = (ordered.pays_left, ordered.left, ordered.right)
        for rate in CONTROL_RATES if len(ordered.choice) else ():
            choice = rescorla_wagner.simulate(*outcomes, rate, CONTROL_TEMPERATURE, rng)
            parts.append(fit_curve(ordered, choice).assign(order=order, true_rate=rate))
    return pd.concat(parts, ignore_index=True)


def stages(recording: Recording[VolatileBandit]) -> pd.DataFrame:
    """Learning rate in each block, and normalised reward, at each stage of training.

    Returns
    -------
    DataFrame
        variant, subject, block, learning_rate, share, episodes.
    """
    parts = [pd.DataFrame(columns=[*SUBJECT, "block", "learning_rate", "share", "episodes"])]
    trials = recording.trials
    earlier = (
        trials[trials["trained_episodes"].notna()] if "trained_episodes" in trials else trials[:0]
    )
    for _, stage_trials in earlier.groupby("trained_episodes") if len(earlier) else ():
        trained = int(stage_trials["trained_episodes"].iloc[0])
        for subject, episodes in subjects(recording, stage_trials):
            rates = block_rates(fit_orders(subject, episodes, episodes.choice, coarse=True))
            share = float(episodes.normalised_reward(episodes.choice))
            parts.append(rates.assign(share=share, episodes=trained))
    joined = pd.concat(parts[1:] or parts, ignore_index=True)
    return joined.sort_values(["variant", "episodes", "subject"], ignore_index=True)


def analyse(recording: Recording[VolatileBandit]) -> dict[str, pd.DataFrame]:
    """Measure learning rates and reward of networks and Bayesian agent, and unit coding."""
    trials = at_the_end(recording.trials)
    curves, bayesian, reward = [], [], []
    for test, test_trials in trials.groupby("test", sort=False):
        for subject, episodes in subjects(recording, test_trials):
            reward.append(rewards(subject | {"test": test}, episodes))
            if test == HUMAN:
                curves.append(fit_orders(subject, episodes, episodes.choice))
                bayesian.append(fit_orders(subject, episodes, episodes.bayesian[0]))
    networks, agent = (pd.concat(parts, ignore_index=True) for parts in (curves, bayesian))
    rates, units = block_rates(networks), [pd.DataFrame(columns=[*SUBJECT, "share", "share_null"])]
    for subject, episodes, activity in activities(recording, trials[trials["test"] == HUMAN]):
        coding = unit_coding(activity, episodes, np.array([ALPHA]))
        units.append(leading(coding.drop(columns="threshold").assign(**subject), *SUBJECT))
    return {
        "learning_rates": networks,
        "learning_rates_bayesian": agent,
        "learning_rates_by_block": rates,
        "fits_by_block": network_rates(trials),
        "agreement": curve_agreement(networks, agent),
        "reward": pd.concat(reward, ignore_index=True),
        "training": training(recording, rates),
        "units": pd.concat(units[1:] or units, ignore_index=True),
    }


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Collect learning rates and their rise with volatility, reward, agreement, and units."""
    rates = tables["learning_rates_by_block"]
    rates = rates.pivot(index=SUBJECT, columns="block", values="learning_rate")
    rates = rates.reindex(columns=list(BLOCKS))
    gaps = {name: rates[volatile] - rates[stable] for name, (volatile, stable) in RISES.items()}
    weights = tables["training"].set_index(SUBJECT)["learning_rate"]
    ratio = (rates.min(axis=1) / weights).to_frame("lowest block / weights")
    reward = tables["reward"].query("test == @HUMAN and agent == 'network'")
    units = tables["units"].set_index(SUBJECT)
    units["share - null"] = units["share"] - units.pop("share_null")
    parts = [
        claims.measures("volatility-rate", rates.assign(**gaps)),
        claims.measures("volatility-orders", ratio),
        claims.measures("volatility-reward", reward, {"share": "share of possible gain"}),
        claims.measures("volatility-bayes", tables["agreement"]),
        claims.measures("volatility-units", units),
        claims.measures("animals-volatility", rises(tables["fits_by_block"])),
        *animal_measures(),
    ]
    return pd.concat(parts, ignore_index=True)


def animal_measures() -> list[pd.DataFrame]:
    """Rise of learning rates with volatility, of people and of agents in their place."""
    tables = animal_tables("volatile_bandit")
    if not tables:
        return []
    controls = tables["control_fits_by_block"]
    agents = controls[controls["variant"] == PEOPLE[0]].assign(variant=controls["agent"])
    fits = (tables["fits_by_block"], agents)
    return [claims.measures("animals-volatility", rises(each)) for each in fits]


def choice_rules(
    recording: Recording[VolatileBandit], trials: pd.DataFrame, curves: pd.DataFrame
) -> pd.DataFrame:
    """Learning rate in each block under every choice rule of the fit."""
    parts = [block_rates(curves).assign(rule="window")]
    for rule in ("shared", "no magnitudes"):
        for subject, episodes in subjects(recording, trials):
            curve = fit_orders(subject, episodes, episodes.choice, rule=rule, coarse=True)
            parts.append(block_rates(curve).assign(rule=rule))
    return pd.concat(parts, ignore_index=True)


def further_tables(
    recording: Recording[VolatileBandit], tables: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Tables about the main variant for Fig. 3a, b and the supplement; other choice rules."""
    trials = at_the_end(recording.trials)
    trials = trials[(trials["variant"] == MAIN) & (trials["test"] == HUMAN)]
    curves = {
        "network": tables["learning_rates"],
        "Bayesian agent": tables["learning_rates_bayesian"],
    }
    main = {agent: frame[frame["variant"] == MAIN] for agent, frame in curves.items()}
    first, first_episodes = next(subjects(recording, trials))
    parts: dict[str, list[pd.DataFrame]] = {}
    for subject, episodes, units in activities(recording, trials):
        decoded = decoded_volatility(units, episodes)
        rates = {
            agent: frame[frame["subject"] == subject["subject"]] for agent, frame in main.items()
        }
        network_tables = {
            "unit_coding_by_trial": unit_coding_over_time(units, episodes),
            "unit_coding_by_threshold": unit_coding(units, episodes, UNITS_THRESHOLDS),
            "decoding": decoding_quality(decoded, episodes),
        }
        if not parts:
            network_tables["example_episode"] = example_table(episodes, decoded, rates)
        for name, frame in network_tables.items():
            parts.setdefault(name, []).append(leading(frame.assign(**subject), *SUBJECT))
    return {
        "learning_rates_by_block_bayesian": block_rates(main["Bayesian agent"]),
        "control": control_curves(first_episodes).assign(**first),
        "choice_rule": choice_rules(recording, trials, main["network"]),
        "stages": stages(recording),
        **measure_networks(VOLATILITY, compared_trials(trials)),
        **{name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()},
    }


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures, further_tables=further_tables)
