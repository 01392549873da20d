"""Results and claims of Fig. 3 and Supplementary Fig. 5 of Wang et al. 2018.

python -m replications.volatile_bandit.analysis --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from prefrontal import behavior, claims, config, experiment, neural
from prefrontal.behavior import SUBJECT
from prefrontal.learners import rescorla_wagner
from prefrontal.learners.volatility import VolatilityObserver
from prefrontal.statistics import share_of_gain
from prefrontal.tables import Recording, leading
from replications.volatile_bandit.conditions import (
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
    RISES,
    UNITS_THRESHOLDS,
    WINDOW,
)

COARSE = (behavior.RATE_GRID[1::2], behavior.TEMPERATURE_GRID[::2])
"""Grid of the fits at the stages of training, and under other choice rules."""


@dataclass(frozen=True)
class Episodes:
    """Episodes of one network as arrays (episodes, trials); magnitudes and rewards in units of 100 points.

    ``order`` (episodes,) is the order of the blocks, ``observer`` the Bayesian agent, which knows the training generator.
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
        """Whether left paid, or would have paid: on every trial one of the two arms does."""
        return (self.reward > 0) == (self.choice == 0)

    @cached_property
    def bayesian(self) -> tuple[np.ndarray, np.ndarray]:
        """Choices of the Bayesian agent on the network's outcomes, and its P(volatile) before each trial."""
        probability, volatility = self.observer.infer(self.pays_left)
        difference = rescorla_wagner.advantage(probability, self.left, self.right)
        return (difference < 0).astype(int), volatility / self.observer.volatility

    def share(self, choice: np.ndarray) -> np.ndarray:
        """Share of an oracle's gain over random choice, of choices (..., episodes, trials); the oracle knows the probability."""
        sides = self.expected(np.zeros(1)), self.expected(np.ones(1))
        random, oracle = (sides[0] + sides[1]).mean() / 2, np.maximum(*sides).mean()
        return share_of_gain(self.expected(choice).mean((-2, -1)), random, oracle)

    def expected(self, choice: np.ndarray) -> np.ndarray:
        """Reward to be expected from choices by who knows the reward probability."""
        return np.where(choice == 0, self.p_left * self.left, (1 - self.p_left) * self.right)

    def rows(self, index: np.ndarray) -> Episodes:
        """Only some episodes."""
        arrays = (self.choice, self.reward, self.left, self.right, self.p_left, self.volatile, self.order)
        return Episodes(self.observer, *(array[index] for array in arrays))


def episodes_of(trials: pd.DataFrame, observer: VolatilityObserver) -> Episodes:
    """Arrays of one network's trials; every episode has equally many, sorted."""
    count = int(trials["trial"].max()) + 1

    def array(name: str) -> np.ndarray:
        return trials[name].to_numpy().reshape(-1, count)

    reward, left, right = (array(name) * 0.01 for name in ("reward", "magnitude_left", "magnitude_right"))
    order = array("order")[:, 0].astype(str)
    return Episodes(observer, array("choice"), reward, left, right, array("p_left"), array("volatile"), order)


def subjects(recording: Recording, trials: pd.DataFrame) -> Iterator[tuple[dict[str, Any], Episodes]]:
    """Every network's trials of one test: condition and seed, and its episodes."""
    for (condition, seed), own in trials.groupby(SUBJECT, observed=True, sort=False):
        observer = config.build(VolatilityObserver, recording.settings[str(condition)])
        yield {"condition": condition, "seed": seed}, episodes_of(own, observer)


def at_the_end(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials of networks at the end of their training."""
    return trials[trials["trained_episodes"].isna()] if "trained_episodes" in trials else trials


def fit_curve(episodes: Episodes, choice: np.ndarray, rule: str = "window", coarse: bool = False) -> pd.DataFrame:
    """Learning rate and inverse temperature in sliding windows, over all episodes together; window counts trials from 1.

    ``rule``: "window" fits a temperature to every window, "shared" one to all windows, "no magnitudes" lets choice follow the
    reward probability alone.
    """
    grids = COARSE if coarse else (behavior.RATE_GRID, behavior.TEMPERATURE_GRID)
    blank = np.ones_like(episodes.left)
    left, right = (blank, blank) if rule == "no magnitudes" else (episodes.left, episodes.right)
    likelihood = behavior.learning_rate_likelihood(episodes.pays_left, choice, left, right, *grids)
    rates, temperatures = behavior.sliding_learning_rates(likelihood, WINDOW, rule == "shared", *grids)
    return pd.DataFrame({"window": np.arange(1, len(rates) + 1), "learning_rate": rates, "inverse_temperature": temperatures})


def fit_orders(about: dict[str, Any], episodes: Episodes, choice: np.ndarray, **how: Any) -> pd.DataFrame:
    """Sliding-window learning rates in either order of the blocks: columns ``about``, order, and those of ``fit_curve``."""
    own = {kind: episodes.order == kind for kind in ORDERS}
    parts = [fit_curve(episodes.rows(i), choice[i], **how).assign(order=kind, **about) for kind, i in own.items() if i.any()]
    return leading(pd.concat(parts, ignore_index=True), *about, "order")


def block_rates(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean learning rate over the windows that lie within one block: condition, seed, block."""
    inside = curves[(curves["window"] - 1 + WINDOW <= BLOCK) | (curves["window"] > BLOCK)]
    position = (inside["window"] > BLOCK).astype(int)
    block = [ORDERS[order][k] for order, k in zip(inside["order"], position, strict=True)]
    return inside.assign(block=block).groupby([*SUBJECT, "block"], sort=False)["learning_rate"].mean().reset_index()


def curve_agreement(networks: pd.DataFrame, bayesian: pd.DataFrame) -> pd.DataFrame:
    """Correlation of each network's learning-rate curve with the Bayesian agent's on the same outcomes, both orders together."""
    both = networks.merge(bayesian, on=[*SUBJECT, "order", "window"], suffixes=("", "_bayesian"))
    rows = []
    for (condition, seed), own in both.dropna().groupby(SUBJECT, sort=False):
        x, y = own["learning_rate"], own["learning_rate_bayesian"]
        varies = len(own) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0
        rows.append({"condition": condition, "seed": seed, "correlation": stats.pearsonr(x, y)[0] if varies else np.nan})
    return pd.DataFrame(rows, columns=[*SUBJECT, "correlation"])


def rewards(about: dict[str, Any], episodes: Episodes) -> pd.DataFrame:
    """Expected reward of network, Bayesian agent and best fixed-rate learner, in points per trial, and its share of the gain."""
    value = rescorla_wagner.values(episodes.pays_left, FIXED_RATES[:, None])
    fixed = (rescorla_wagner.advantage(value, episodes.left, episodes.right) < 0).astype(int)
    best = int(episodes.share(fixed).argmax())
    agents = {"network": episodes.choice, "Bayesian agent": episodes.bayesian[0], "best fixed rate": fixed[best]}
    rows = [
        {
            **about,
            "agent": agent,
            "learning_rate": FIXED_RATES[best] if agent == "best fixed rate" else np.nan,
            "reward": 100 * episodes.expected(choice).mean(),
            "share": float(episodes.share(choice)),
        }
        for agent, choice in agents.items()
    ]
    return pd.DataFrame(rows)


def training(recording: Recording, rates: pd.DataFrame) -> pd.DataFrame:
    """What tells the trained networks apart, and reward per trial over the last twentieth of their training."""
    frame = rates[SUBJECT].drop_duplicates().sort_values(SUBJECT, ignore_index=True)
    for name in ("learning_rate", "episodes", "reward_scale", "init_scale"):
        frame[name] = [recording.settings[condition][name] for condition in frame["condition"]]
    trials = np.array([recording.settings[condition]["trials"] for condition in frame["condition"]])
    end = recording.curves.groupby(SUBJECT)["reward"].agg(lambda reward: reward.tail(max(1, len(reward) // 20)).mean())
    return frame.assign(reward_per_trial=end.reindex(pd.MultiIndex.from_frame(frame[SUBJECT])).to_numpy(float) / trials)


def activities(recording: Recording, trials: pd.DataFrame) -> Iterator[tuple[dict[str, Any], Episodes, np.ndarray]]:
    """Every network whose activity was recorded: who, its episodes, and its units (episodes, trials, units)."""
    for (condition, seed), activity in recording.activity.groupby(SUBJECT, sort=False) if len(recording.activity) else ():
        own = trials[(trials["condition"] == condition) & (trials["seed"] == seed)]
        for about, episodes in subjects(recording, own):
            yield about, episodes, neural.units(activity).reshape(*episodes.choice.shape, -1)


def unit_predictors(episodes: Episodes, shift: int = 0) -> np.ndarray:
    """True volatility, previous reward, next action, true reward probability: (episodes, trials, 4).

    ``shift`` turns volatility round within the episode, a null that keeps how slowly it changes.
    """
    previous = np.pad(episodes.reward[:, :-1], ((0, 0), (1, 0)))
    volatile = np.roll(episodes.volatile, shift, axis=1).astype(float)
    return np.stack([volatile, previous, episodes.choice, episodes.p_left], axis=-1)


def share_significant(p_values: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """Share of units that code volatility, Bonferroni-corrected for the number of units; p values (..., unit, predictor)."""
    p = p_values[..., 0]
    return np.where(np.isnan(p).all(-1), np.nan, (p < alpha / p.shape[-1]).mean(-1))


def unit_coding(units: np.ndarray, episodes: Episodes, thresholds: np.ndarray) -> pd.DataFrame:
    """Share of units that code volatility at every level of significance, mean over regressions within episodes, and its null."""
    shares = {}
    for name, shift in (("share", 0), ("share_null", BLOCK // 2)):
        p_values = neural.unit_p_values(units, unit_predictors(episodes, shift))
        shares[name] = [np.nanmean(share_significant(p_values, threshold)) for threshold in thresholds]
    return pd.DataFrame({"threshold": thresholds, **shares})


def unit_coding_over_time(units: np.ndarray, episodes: Episodes) -> pd.DataFrame:
    """Share of units that code volatility at every trial, in regressions across episodes."""
    p_values = neural.unit_p_values(units.swapaxes(0, 1), unit_predictors(episodes).swapaxes(0, 1))
    return pd.DataFrame({"trial": np.arange(1, len(p_values) + 1), "share": share_significant(p_values)})


def decoded_volatility(units: np.ndarray, episodes: Episodes) -> np.ndarray:
    """P(volatile) of the Bayesian agent decoded from the units, every episode by weights fitted to other episodes."""
    target = episodes.bayesian[1]
    groups = np.repeat(np.arange(len(target)), target.shape[1])
    return neural.decode_value(units.reshape(target.size, -1), target.ravel(), groups).reshape(target.shape)


def decoding_quality(decoded: np.ndarray, episodes: Episodes) -> pd.DataFrame:
    """Cross-validated correlation of decoded with the Bayesian agent's P(volatile), and decoded means by block type."""
    target = episodes.bayesian[1]
    usable = np.isfinite(decoded).all() and np.ptp(decoded) > 0
    row = {"correlation": stats.pearsonr(decoded.ravel(), target.ravel())[0] if usable else np.nan}
    for name, where in (("stable", ~episodes.volatile), ("volatile", episodes.volatile)):
        row |= {f"decoded_{name}": decoded[where].mean(), f"bayesian_{name}": target[where].mean()}
    return pd.DataFrame([row])


def example_table(episodes: Episodes, decoded: np.ndarray, curves: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What Fig. 3a, b draw: one episode, met by the network and by the Bayesian agent, and learning rates over all episodes."""
    fits = np.flatnonzero((episodes.order == "stable first") & (episodes.p_left[:, 0] > 0.5))
    candidates = fits if len(fits) else np.arange(len(episodes.order))
    index = candidates[min(EXAMPLE_EPISODE, len(candidates) - 1)]
    choices = {"Bayesian agent": episodes.bayesian[0][index], "network": episodes.choice[index]}
    volatility = {"Bayesian agent": episodes.bayesian[1][index], "network": decoded[index]}
    parts = []
    for agent, chosen in choices.items():
        frame = pd.DataFrame({"agent": agent, "trial": np.arange(1, len(chosen) + 1), "p_left": episodes.p_left[index]})
        frame = frame.assign(chose_left=chosen == 0, left_paid=episodes.pays_left[index], volatility=volatility[agent])
        rate = curves[agent].query("order == 'stable first'").set_index("window")["learning_rate"]
        parts.append(frame.assign(learning_rate=frame["trial"].map(rate)))
    return pd.concat(parts, ignore_index=True)


def control_curves(episodes: Episodes) -> pd.DataFrame:
    """Fitted learning rates of simulated learners with a known fixed one, on a network's outcomes."""
    rng, parts = np.random.default_rng(0), []
    for kind in ORDERS:
        own = episodes.rows(episodes.order == kind)
        for rate in CONTROL_RATES if len(own.choice) else ():
            choice = rescorla_wagner.simulate(own.pays_left, own.left, own.right, rate, CONTROL_TEMPERATURE, rng)
            parts.append(fit_curve(own, choice).assign(order=kind, true_rate=rate))
    return pd.concat(parts, ignore_index=True)


def stages(recording: Recording) -> pd.DataFrame:
    """Learning rate in each block, and reward, as training goes on: condition, seed, block, learning_rate, share, episodes."""
    parts = [pd.DataFrame(columns=[*SUBJECT, "block", "learning_rate", "share", "episodes"])]
    for trained in np.sort(recording.trials["trained_episodes"].dropna().unique()):
        trials = recording.trials[recording.trials["trained_episodes"] == trained]
        for about, episodes in subjects(recording, trials):
            rates = block_rates(fit_orders(about, episodes, episodes.choice, coarse=True))
            parts.append(rates.assign(share=float(episodes.share(episodes.choice)), episodes=int(trained)))
    return pd.concat(parts[1:] or parts, ignore_index=True).sort_values(["condition", "episodes", "seed"], ignore_index=True)


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Learning rates and reward of networks and Bayesian agent, and units that code volatility."""
    trials = at_the_end(recording.trials)
    curves, bayesian, reward = [], [], []
    for test, played in trials.groupby("test", sort=False):
        for about, episodes in subjects(recording, played):
            reward.append(rewards(about | {"test": test}, episodes))
            if test == HUMAN:
                curves.append(fit_orders(about, episodes, episodes.choice))
                bayesian.append(fit_orders(about, episodes, episodes.bayesian[0]))
    networks, agent = (pd.concat(parts, ignore_index=True) for parts in (curves, bayesian))
    rates, units = block_rates(networks), [pd.DataFrame(columns=[*SUBJECT, "share", "share_null"])]
    for about, episodes, activity in activities(recording, trials[trials["test"] == HUMAN]):
        coding = unit_coding(activity, episodes, np.array([ALPHA]))
        units.append(leading(coding.drop(columns="threshold").assign(**about), *SUBJECT))
    return {
        "learning_rates": networks,
        "learning_rates_bayesian": agent,
        "fig3d": rates,
        "agreement": curve_agreement(networks, agent),
        "reward": pd.concat(reward, ignore_index=True),
        "training": training(recording, rates),
        "units": pd.concat(units[1:] or units, ignore_index=True),
    }


def quantities(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Learning rates by block and their rise with volatility, reward, likeness to the Bayesian agent, units."""
    rates = measured["fig3d"].pivot(index=SUBJECT, columns="block", values="learning_rate").reindex(columns=list(BLOCKS))
    rises = {name: rates[volatile] - rates[stable] for name, (volatile, stable) in RISES.items()}
    weights = measured["training"].set_index(SUBJECT)["learning_rate"]
    reward = measured["reward"].query("test == @HUMAN and agent == 'network'")
    units = measured["units"].set_index(SUBJECT)
    units["share - null"] = units["share"] - units.pop("share_null")
    parts = [
        claims.quantities("volatility-rate", rates.assign(**rises)),
        claims.quantities("volatility-orders", (rates.min(axis=1) / weights).to_frame("lowest block / weights")),
        claims.quantities("volatility-reward", reward, {"share": "share of possible gain"}),
        claims.quantities("volatility-bayes", measured["agreement"]),
        claims.quantities("volatility-units", units),
    ]
    return pd.concat(parts, ignore_index=True)


def choice_rules(recording: Recording, trials: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Learning rate in each block under every choice rule of the fit."""
    parts = [block_rates(curves).assign(rule="window")]
    for rule in ("shared", "no magnitudes"):
        for about, episodes in subjects(recording, trials):
            parts.append(block_rates(fit_orders(about, episodes, episodes.choice, rule=rule, coarse=True)).assign(rule=rule))
    return pd.concat(parts, ignore_index=True)


def panels(recording: Recording, measured: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What Fig. 3a, b and the supplement draw of the main condition, and other choice rules of the fit."""
    trials = at_the_end(recording.trials)
    trials = trials[(trials["condition"] == MAIN) & (trials["test"] == HUMAN)]
    curves = {"network": measured["learning_rates"], "Bayesian agent": measured["learning_rates_bayesian"]}
    main = {agent: frame[frame["condition"] == MAIN] for agent, frame in curves.items()}
    control = next(subjects(recording, trials))
    parts: dict[str, list[pd.DataFrame]] = {"fig3ab": [], "supplementary5a": [], "supplementary5b": [], "decoding": []}
    for about, episodes, units in activities(recording, trials):
        decoded = decoded_volatility(units, episodes)
        own = {agent: frame[frame["seed"] == about["seed"]] for agent, frame in main.items()}
        found = {
            "fig3ab": example_table(episodes, decoded, own),
            "supplementary5a": unit_coding_over_time(units, episodes),
            "supplementary5b": unit_coding(units, episodes, UNITS_THRESHOLDS),
            "decoding": decoding_quality(decoded, episodes),
        }
        for name, frame in found.items():
            parts[name].append(leading(frame.assign(**about), *SUBJECT))
    parts["fig3ab"] = parts["fig3ab"][:1]
    return {
        "fig3d_bayesian": block_rates(main["Bayesian agent"]),
        "control": control_curves(control[1]).assign(**control[0]),
        "choice_rule": choice_rules(recording, trials, main["network"]),
        "stages": stages(recording),
        **{name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()},
    }


if __name__ == "__main__":
    experiment.analysis_main(__file__)
