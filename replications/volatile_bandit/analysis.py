"""Results and claims of Fig. 3 and Supplementary Fig. 5 of Wang et al. 2018.

python -m replications.volatile_bandit.analysis --help
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from scipy import stats

from prefrontal import behavior, claims, neural, plotting, tables
from prefrontal.errors import run
from prefrontal.learners import rescorla_wagner
from prefrontal.learners.volatility import VolatilityObserver
from prefrontal.paths import DATA

CONDITION, FAST, UNTIED, RPE_INPUT, TRAINING_EPISODES = "tied", "tied_fast", "untied", "tied_rpe", "training generator"
"""Conditions of the trials table: the figure's networks; those trained at ten times the paper's learning rate; those trained on
the untied generator; those that see reward prediction errors in place of reward; the figure's networks on episodes of the
training generator."""

ORDERS = {"stable first": ("stable 1", "volatile 2"), "volatile first": ("volatile 1", "stable 2")}
"""Blocks of the two kinds of test episodes; the number is the block's position in the episode."""

BLOCKS = ("stable 1", "volatile 1", "volatile 2", "stable 2")
BLOCK, WINDOW = 100, 10
"""Trials per block of the test schedule; trials per window of the learning-rate fit (Methods, simulation 2)."""

CONTROL_RATES = (0.1, 0.2, 0.3, 0.5, 0.7)
CONTROL_TEMPERATURE = 16.0
"""Known learning rates, and inverse temperature (magnitudes scaled to 0-1), of the simulated control learners."""

FIXED_RATES = np.linspace(0.02, 1, 50)
"""Learning rates among which the best fixed one is sought."""

COARSE_RATES, COARSE_TEMPERATURES = behavior.RATE_GRID[1::2], behavior.TEMPERATURE_GRID[::2]
"""Grid of the fits at the stages of training."""

ALPHA, UNITS_THRESHOLDS = 0.05, np.logspace(-10, -1, 19)
"""Level of significance (Methods, simulation 2), and thresholds of Supplementary Fig. 5b."""

EXAMPLE_SEED, EXAMPLE_EPISODE = 0, 0
"""Network of Fig. 3a, b, and which of its episodes with the stable block first and left better in it."""


@dataclass(frozen=True)
class Options:
    """Where the data are."""

    data: Path = DATA
    """Data folder."""


@dataclass(frozen=True)
class Episodes:
    """Episodes of one network as arrays (episodes, trials); magnitudes and rewards in units of 100 points."""

    choice: np.ndarray
    reward: np.ndarray
    left: np.ndarray
    right: np.ndarray
    p_left: np.ndarray
    volatile: np.ndarray

    @property
    def pays_left(self) -> np.ndarray:
        """Whether left paid, or would have paid: on every trial one of the two arms does."""
        return (self.reward > 0) == (self.choice == 0)

    def expected(self, choice: np.ndarray) -> np.ndarray:
        """Reward to be expected from choices by who knows the reward probability."""
        return np.where(choice == 0, self.p_left * self.left, (1 - self.p_left) * self.right)

    def rows(self, index: np.ndarray) -> Episodes:
        """Only some episodes."""
        return Episodes(*(array[index] for array in vars(self).values()))


def episodes_of(trials: pd.DataFrame) -> Episodes:
    """Arrays of one network's trials; every episode has equally many, sorted."""
    count = int(trials["trial"].max()) + 1

    def array(name: str, scale: float = 1) -> np.ndarray:
        return trials[name].to_numpy().reshape(-1, count) * scale if scale != 1 else trials[name].to_numpy().reshape(-1, count)

    points = {name: array(name, 0.01) for name in ("reward", "magnitude_left", "magnitude_right")}
    left, right = points["magnitude_left"], points["magnitude_right"]
    return Episodes(array("choice"), points["reward"], left, right, array("p_left"), array("volatile"))


def subjects(trials: pd.DataFrame) -> Iterator[tuple[str, int, Episodes, np.ndarray]]:
    """Condition, seed, episodes, and every episode's order of blocks, of each network."""
    for (condition, seed), own in trials.groupby(behavior.SUBJECT, observed=True, sort=False):
        count = int(own["trial"].max()) + 1
        yield str(condition), int(seed), episodes_of(own), own["order"].astype(str).to_numpy()[::count]


def bayesian_choices(episodes: Episodes) -> tuple[np.ndarray, np.ndarray]:
    """Choices of the Bayesian agent on a network's outcomes, and its P(volatile) before each trial."""
    observer = VolatilityObserver()
    probability, volatility = observer.infer(episodes.pays_left)
    difference = rescorla_wagner.advantage(probability, episodes.left, episodes.right)
    return (difference < 0).astype(int), volatility / observer.volatility


def fit_curve(episodes: Episodes, choice: np.ndarray, rule: str = "window", coarse: bool = False) -> pd.DataFrame:
    """Learning rate and inverse temperature in sliding windows, over all episodes together; window counts trials from 1.

    ``rule``: "window" fits a temperature to every window, "shared" one to all windows, "no magnitudes" lets choice follow the
    reward probability alone.
    """
    grids = (COARSE_RATES, COARSE_TEMPERATURES) if coarse else (behavior.RATE_GRID, behavior.TEMPERATURE_GRID)
    blank = np.ones_like(episodes.left)
    left, right = (blank, blank) if rule == "no magnitudes" else (episodes.left, episodes.right)
    likelihood = behavior.learning_rate_likelihood(episodes.pays_left, choice, left, right, *grids)
    rates, temperatures = behavior.sliding_learning_rates(likelihood, WINDOW, rule == "shared", *grids)
    return pd.DataFrame({"window": np.arange(1, len(rates) + 1), "learning_rate": rates, "inverse_temperature": temperatures})


def learning_rate_curves(
    trials: pd.DataFrame, rule: str = "window", bayesian: bool = False, coarse: bool = False
) -> pd.DataFrame:
    """Sliding-window learning rates of networks, or of the Bayesian agent on their outcomes: condition, seed, order, window."""
    parts = []
    for condition, seed, episodes, order in subjects(trials):
        for kind in ORDERS:
            own = episodes.rows(order == kind)
            if len(own.choice):
                choice = bayesian_choices(own)[0] if bayesian else own.choice
                parts.append(fit_curve(own, choice, rule, coarse).assign(condition=condition, seed=seed, order=kind))
    columns = ["condition", "seed", "order", "window", "learning_rate", "inverse_temperature"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def block_rates(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean learning rate over the windows that lie within one block: condition, seed, block."""
    first = curves["window"] - 1 + WINDOW <= BLOCK
    inside = curves[first | (curves["window"] > BLOCK)]
    position = (inside["window"] > BLOCK).astype(int)
    block = [ORDERS[order][k] for order, k in zip(inside["order"], position, strict=True)]
    means = inside.assign(block=block).groupby(["condition", "seed", "block"], sort=False)["learning_rate"].mean()
    return means.reset_index()


def control_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Fitted learning rates of simulated learners with a known fixed one, on the outcomes of the networks' first seed."""
    parts = []
    generator = np.random.default_rng(0)
    for _, seed, episodes, order in subjects(trials[trials["seed"] == trials["seed"].min()]):
        for kind in ORDERS:
            own = episodes.rows(order == kind)
            for rate in CONTROL_RATES if len(own.choice) else ():
                stakes = (own.pays_left, own.left, own.right)
                choice = rescorla_wagner.simulate(*stakes, rate, CONTROL_TEMPERATURE, generator)
                parts.append(fit_curve(own, choice).assign(seed=seed, order=kind, true_rate=rate))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def yardstick(trials: pd.DataFrame) -> pd.DataFrame:
    """Expected reward of networks, Bayesian agent and best fixed-rate learner, per network's episodes.

    All rewards are expectations given the true reward probabilities, in points per trial; ``share`` is that of the possible
    gain over random choice, (reward - random) / (oracle - random), where the oracle knows the reward probability.
    """
    rows = []
    for condition, seed, episodes, _ in subjects(trials):
        value = rescorla_wagner.values(episodes.pays_left, FIXED_RATES[:, None])
        fixed_choice = rescorla_wagner.advantage(value, episodes.left, episodes.right) < 0
        fixed = np.array([episodes.expected(choice).mean() for choice in fixed_choice])
        random = (episodes.expected(np.zeros(1)) + episodes.expected(np.ones(1))).mean() / 2
        oracle = np.maximum(episodes.expected(np.zeros(1)), episodes.expected(np.ones(1))).mean()
        for agent, reward, rate in (
            ("network", episodes.expected(episodes.choice).mean(), np.nan),
            ("Bayesian agent", episodes.expected(bayesian_choices(episodes)[0]).mean(), np.nan),
            ("best fixed rate", fixed.max(), FIXED_RATES[fixed.argmax()]),
        ):
            about = {"condition": condition, "seed": seed, "agent": agent, "learning_rate": rate}
            rows.append(about | {"reward": 100 * reward, "share": (reward - random) / (oracle - random)})
    return pd.DataFrame(rows)


def activity_array(activity: pd.DataFrame, shape: tuple[int, ...]) -> np.ndarray:
    """Unit activity of one network, (episodes, trials, units)."""
    return neural.units(activity).reshape(*shape, -1)


def decoded_volatility(activity: np.ndarray, episodes: Episodes) -> np.ndarray:
    """P(volatile) of the Bayesian agent decoded from the units, every episode by weights fitted to other episodes."""
    target = bayesian_choices(episodes)[1]
    groups = np.repeat(np.arange(len(target)), target.shape[1])
    return neural.decode_value(activity.reshape(target.size, -1), target.ravel(), groups).reshape(target.shape)


def unit_predictors(episodes: Episodes, shift: int = 0) -> np.ndarray:
    """True volatility, previous reward, next action, true reward probability: (episodes, trials, 4).

    ``shift`` turns volatility round within the episode, a null that keeps how slowly it changes.
    """
    previous = np.pad(episodes.reward[:, :-1], ((0, 0), (1, 0)))
    volatile = np.roll(episodes.volatile, shift, axis=1).astype(float)
    return np.stack([volatile, previous, episodes.choice, episodes.p_left], axis=-1)


def share_significant(p_values: np.ndarray, units: int, alpha: float = ALPHA) -> np.ndarray:
    """Share of units that code volatility, Bonferroni-corrected for the number of units; p values (..., unit, predictor)."""
    p = p_values[..., 0]
    return np.where(np.isnan(p).all(-1), np.nan, (p < alpha / units).mean(-1))


def unit_coding(activity: np.ndarray, episodes: Episodes, seed: int) -> dict[str, pd.DataFrame]:
    """Share of units that code volatility: over episodes, over time steps, and against the threshold."""
    units = activity.shape[-1]
    within = neural.unit_p_values(activity, unit_predictors(episodes))
    null = neural.unit_p_values(activity, unit_predictors(episodes, BLOCK // 2))
    predictors = unit_predictors(episodes)
    across = neural.unit_p_values(activity.swapaxes(0, 1), predictors.swapaxes(0, 1))
    shares = {"share": np.nanmean(share_significant(within, units)), "share_null": np.nanmean(share_significant(null, units))}
    steps = pd.DataFrame({"seed": seed, "trial": np.arange(1, len(across) + 1), "share": share_significant(across, units)})
    thresholds = pd.DataFrame(
        {
            "seed": seed,
            "threshold": UNITS_THRESHOLDS,
            "share": [np.nanmean(share_significant(within, units, t)) for t in UNITS_THRESHOLDS],
            "share_null": [np.nanmean(share_significant(null, units, t)) for t in UNITS_THRESHOLDS],
        }
    )
    return {"units": pd.DataFrame([{"seed": seed, **shares}]), "supplementary5a": steps, "supplementary5b": thresholds}


def example_table(episodes: Episodes, order: np.ndarray, decoded: np.ndarray, curves: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What Fig. 3a, b draw: one episode, met by the network and by the Bayesian agent, and learning rates over all episodes."""
    fits = np.flatnonzero((order == "stable first") & (episodes.p_left[:, 0] > 0.5))
    candidates = fits if len(fits) else np.arange(len(order))
    index = candidates[min(EXAMPLE_EPISODE, len(candidates) - 1)]
    own = episodes.rows(np.array([index]))
    choice, volatility = bayesian_choices(own)
    parts = []
    for agent, chosen, estimate in (("Bayesian agent", choice[0], volatility[0]), ("network", own.choice[0], decoded[index])):
        frame = pd.DataFrame({"agent": agent, "trial": np.arange(1, len(chosen) + 1), "p_left": own.p_left[0]})
        frame = frame.assign(chose_left=chosen == 0, left_paid=own.pays_left[0], volatility=estimate)
        rate = curves[agent].query("order == 'stable first'").set_index("window")["learning_rate"]
        parts.append(frame.assign(learning_rate=frame["trial"].map(rate)))
    return pd.concat(parts, ignore_index=True)


def analyse_activity(folder: Path, trials: pd.DataFrame, curves: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Everything that needs unit activity, network by network."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in ("units", "supplementary5a", "supplementary5b", "decoding")}
    example = pd.DataFrame()
    table = tables.read(folder / "activity.parquet", "activity")
    for _, seed, episodes, order in subjects(trials):
        activity = activity_array(table[table["seed"] == seed], episodes.choice.shape)
        decoded = decoded_volatility(activity, episodes)
        for name, frame in unit_coding(activity, episodes, seed).items():
            parts[name].append(frame)
        parts["decoding"].append(decoding_quality(decoded, episodes, seed))
        if not len(example):
            own = {name: frame[frame["seed"] == seed] for name, frame in curves.items()}
            example = example_table(episodes, order, decoded, own)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()} | {"fig3ab": example}


def decoding_quality(decoded: np.ndarray, episodes: Episodes, seed: int) -> pd.DataFrame:
    """Cross-validated correlation of decoded with the Bayesian agent's P(volatile), and decoded means by block type."""
    target = bayesian_choices(episodes)[1]
    usable = np.isfinite(decoded).all() and np.ptp(decoded) > 0
    row: dict[str, Any] = {"seed": seed, "correlation": stats.pearsonr(decoded.ravel(), target.ravel())[0] if usable else np.nan}
    for name, where in (("stable", ~episodes.volatile), ("volatile", episodes.volatile)):
        row |= {f"decoded_{name}": decoded[where].mean(), f"bayesian_{name}": target[where].mean()}
    return pd.DataFrame([row])


def stages(trials: pd.DataFrame) -> pd.DataFrame:
    """Learning rate in each block, and reward, as training goes on: condition, seed, episodes, block, learning_rate, share."""
    own = trials[trials["condition"].astype(str).str.contains(" after ")]
    curves = learning_rate_curves(own, coarse=True)
    share = yardstick(own).query("agent == 'network'")[["condition", "seed", "share"]]
    frame = block_rates(curves).merge(share, on=["condition", "seed"])
    words = frame["condition"].str.split()
    frame = frame.assign(condition=words.str[0], episodes=words.str[2].astype(int))
    return frame.sort_values(["condition", "episodes", "seed"], ignore_index=True)


def curve_agreement(networks: pd.DataFrame, bayesian: pd.DataFrame) -> pd.DataFrame:
    """Correlation of each network's learning-rate curve with the Bayesian agent's on the same outcomes, both orders together."""
    both = networks.merge(bayesian, on=["condition", "seed", "order", "window"], suffixes=("", "_bayesian"))
    rows = []
    for (condition, seed), own in both.dropna().groupby(["condition", "seed"], sort=False):
        x, y = own["learning_rate"], own["learning_rate_bayesian"]
        varies = len(own) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0
        rows.append({"condition": condition, "seed": seed, "correlation": stats.pearsonr(x, y)[0] if varies else np.nan})
    return pd.DataFrame(rows, columns=["condition", "seed", "correlation"])


def published_rates() -> pd.Series:
    """Published mean learning rates of the networks, by block (Fig. 3d)."""
    bars = plotting.published("fig3d").query("series == 'meta-RL mean learning rate (bar)'")
    return pd.Series(bars["y"].to_numpy(), index=bars["x"].str.lower())


def by_block(rates: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Learning rates (seed, block) of one condition, with a column for every block."""
    own = rates[rates["condition"] == condition]
    return own.pivot(index="seed", columns="block", values="learning_rate").reindex(columns=list(BLOCKS))


def rate_claims(rates: pd.DataFrame, outer: pd.Series) -> list[dict[str, Any]]:
    """Settle volatility-rate and volatility-orders; ``outer`` is the learning rate of the weights, by condition."""
    published, rows = published_rates(), []
    names = {CONDITION: "", FAST: f", weights at {outer[FAST]:g}", UNTIED: ", untied generator"}
    for condition, suffix in names.items():
        own = by_block(rates, condition)
        for stable, volatile in (("stable 1", "volatile 2"), ("stable 2", "volatile 1")):
            statement = f"learning rate, {volatile} - {stable}{suffix}"
            gap = published[volatile] - published[stable] if condition == CONDITION else np.nan
            rows.append(claims.settle("volatility-rate", "3d", statement, own[volatile] - own[stable], claims.above(0), gap))
    own = by_block(rates, CONDITION)
    for block in BLOCKS:
        statement = f"learning rate, {block}"
        rows.append(claims.settle("volatility-rate", "3d", statement, own[block], claims.above(0), published[block], 0.12))
    for condition, criterion in ((CONDITION, claims.above(1000)), (FAST, None)):
        values = by_block(rates, condition).min(axis=1) / outer[condition]
        statement = f"lowest block's learning rate / that of the weights, {outer[condition]:g}"
        rows.append(claims.settle("volatility-orders", "3d", statement, values, criterion))
    return rows


def rpe_input(rates: pd.DataFrame, reward: pd.DataFrame) -> pd.DataFrame:
    """Learning rate in each block, its rise with volatility, and reward, of networks of either input (``claims.by_input``)."""
    wide = []
    shares = reward[reward["agent"] == "network"]
    for condition in (CONDITION, RPE_INPUT):
        own = by_block(rates, condition)
        frame = own.add_prefix("learning rate, ")
        for stable, volatile in (("stable 1", "volatile 2"), ("stable 2", "volatile 1")):
            frame[f"learning rate, {volatile} - {stable}"] = own[volatile] - own[stable]
        frame["share of possible gain"] = shares[shares["condition"] == condition].set_index("seed")["share"]
        wide.append(frame)
    return claims.by_input(*wide, published_rates().add_prefix("learning rate, "))


def rpe_input_claims(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Settle volatility-rate for networks of the other input."""
    names = [name for name in frame["quantity"].unique() if " - " in name]
    return claims.settle_rpe_input(frame, "3d", dict.fromkeys(names, claims.above(0)))


def settle_claims(results: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Settle the claims volatility-*."""
    outer = results["training"].groupby("condition")["learning_rate"].first()
    rows = rate_claims(results["fig3d"], outer)
    agreement = results["agreement"].query("condition == @CONDITION")["correlation"]
    statement = "correlation of learning-rate curves, network and Bayesian agent"
    rows.append(claims.settle("volatility-bayes", "3b", statement, agreement, claims.above(0.7)))
    share = results["units"]["share"]
    statement = "share of units that code true volatility, mean over episodes"
    rows.append(claims.settle("volatility-units", "3b", statement, share, claims.above(ALPHA), 0.37, 0.1))
    excess = share - results["units"]["share_null"]
    statement = "the same less the share with volatility turned round by 50 trials"
    rows.append(claims.settle("volatility-units", "3b", statement, excess, claims.above(0)))
    return rows


def sensitivity(trials: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Learning rate in each block under every choice rule of the fit."""
    parts = [block_rates(curves).assign(rule="window")]
    for rule in ("shared", "no magnitudes"):
        parts.append(block_rates(learning_rate_curves(trials, rule, coarse=True)).assign(rule=rule))
    return pd.concat(parts, ignore_index=True)


def training_settings(folder: Path) -> pd.DataFrame:
    """What tells the trained populations apart: condition, seed, learning rate of the weights, reward at the end of training."""
    rows = []
    for path in sorted((folder / "networks").glob("*.json")):
        about = json.loads(path.read_text())
        if about["condition"] in (CONDITION, FAST, UNTIED, RPE_INPUT):
            curve = pd.read_csv(path.with_suffix(".csv"))
            reward = curve["reward"].tail(max(1, len(curve) // 20)).mean() / about["config"]["trials"]
            names = ("seed", "learning_rate", "episodes", "reward_scale", "init_scale")
            settings = {name: about["config"][name] for name in names}
            rows.append({"condition": about["condition"], **settings, "reward_per_trial": reward})
    frame = pd.DataFrame(rows)
    return frame.sort_values(["condition", "seed"], ignore_index=True)


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "volatile_bandit"
    needs = ("magnitude_left", "magnitude_right", "p_left", "volatile", "order")
    everything = tables.read(folder / "trials.parquet", "trials", needs=needs)
    about = tables.read_provenance(folder / "trials.parquet")
    condition = everything["condition"].astype(str)
    trials = everything[condition == CONDITION]
    tested = everything[condition.isin([CONDITION, FAST, UNTIED, RPE_INPUT])]
    curves, bayesian = learning_rate_curves(tested), learning_rate_curves(trials, bayesian=True)
    results = {
        "learning_rates": curves,
        "learning_rates_bayesian": bayesian,
        "fig3d": block_rates(curves),
        "fig3d_bayesian": block_rates(bayesian),
        "control": control_curves(trials),
        "choice_rule": sensitivity(trials, curves[curves["condition"] == CONDITION]),
        "agreement": curve_agreement(curves, bayesian),
        "reward": yardstick(everything[condition.isin([CONDITION, FAST, UNTIED, RPE_INPUT, TRAINING_EPISODES])]),
        "stages": stages(everything),
        "training": training_settings(folder),
    }
    results["rpe_input"] = rpe_input(results["fig3d"], results["reward"])
    results |= analyse_activity(folder, trials, {"network": curves.query("condition == @CONDITION"), "Bayesian agent": bayesian})
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    claims.write(settle_claims(results) + rpe_input_claims(results["rpe_input"]), folder / "results", about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
