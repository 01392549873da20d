"""How well networks that lack an ingredient, or have another memory, learn within an episode.

python -m replications.ingredients.analysis --help
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open

from prefrontal import experiments
from prefrontal.analysis import staying
from prefrontal.analysis.statistics import normalised_reward
from prefrontal.models import bandit, choice_models, two_step
from prefrontal.publishing import claims
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.ingredients.variants import CLAIMS, MAIN, PROBLEM, THOMPSON

RANDOM = 0.5
"""Reward per trial of random choice, on the bandit and in the two-step task."""
PRIOR = 2.5
"""Standard deviation of the prior that keeps the weights of networks finite that always do the same after some kind of trial."""


def references(trials: int, episodes: int = 10_000) -> pd.DataFrame:
    """Share of the gain of agents whose answer is known, by the measure that the networks meet, in simulated episodes.

    Returns
    -------
    DataFrame
        agent, reward (expected, per 100 trials), share.
    """
    rng = np.random.default_rng(0)
    p = rng.random((episodes, 2))
    chosen = {
        "best possible": bandit.simulate(bandit.bayes_optimal(trials), p, trials, rng).choice,
        "Thompson sampling": bandit.simulate(bandit.thompson, p, trials, rng).choice,
        "random": rng.integers(2, size=(episodes, trials)),
    }
    stay, repeated = {"after_win": 100.0, "after_loss": -100.0, "bias_1": 0.0}, np.repeat(p[:, None], trials, axis=1)
    chosen["win-stay lose-shift"] = choice_models.simulate("win-stay lose-shift", stay, repeated, rng)["choice"].to_numpy()
    about = {"seed": 0, "trial": np.tile(np.arange(trials), episodes)}
    about |= {name: np.repeat(p[:, arm], trials) for arm, name in enumerate(("p_left", "p_right"))}
    played = pd.concat([pd.DataFrame({"variant": name, "choice": own.ravel(), **about}) for name, own in chosen.items()])
    return bandit.shares(played).rename(columns={"variant": "agent"}).drop(columns="seed").sort_values("share", ascending=False)


def reward_curves(drawn: pd.DataFrame) -> pd.DataFrame:
    """Expected reward of each network over the trials of bandits drawn anew: variant, seed, trial (from 1), reward."""
    curves = bandit.expected_reward(drawn, [*SUBJECT, "trial"]).reset_index()
    return curves.assign(trial=curves["trial"] + 1)


def right_arm(drawn: pd.DataFrame) -> pd.DataFrame:
    """Percent of choices of the right arm: variant, seed, right."""
    return (100 * drawn.groupby(SUBJECT)["choice"].mean()).rename("right").reset_index()


def mirrored(trials: pd.DataFrame) -> pd.DataFrame:
    """Expected reward per 100 trials on the mirrored problem: variant, seed, mirrored."""
    own = trials[trials["test"] == "mirrored"]
    pulled = own["p_left"].where(own["choice"] == 0, own["p_right"])
    return (100 * pulled.groupby([own[name] for name in SUBJECT]).mean()).rename("mirrored").reset_index()


def two_step_weights(trials: pd.DataFrame, prior: float | None = None) -> pd.DataFrame:
    """Lag-1 weights (log odds) in the two-step task: variant, seed, a column per kind of trial."""
    weights = staying.two_step_weights(trials, prior=prior).query("lag == 1")
    table = weights.pivot(index=SUBJECT, columns="signal", values="weight")
    return table.rename(columns=lambda name: name.replace("/", " ")).reset_index()


def two_step_behaviour(trials: pd.DataFrame) -> pd.DataFrame:
    """Lag-1 weights and reward per trial in the two-step task: variant, seed, a column per kind of trial, reward."""
    reward = trials.groupby(SUBJECT)["reward"].mean().reset_index()
    return two_step_weights(trials).merge(reward, on=SUBJECT)


def gain_over_training(curve: pd.DataFrame, settings: dict[str, Any]) -> np.ndarray:
    """Share of the gain that training offers, at each row of a network's learning curve."""
    trials = settings["trials"]
    if settings["game"] == "two_step":
        best = two_step.belief_state_value(trials)
    else:
        best = max(PROBLEM) * trials if settings["one_problem"] else bandit.bayes_optimal_reward("independent", trials)
    return normalised_reward(curve["reward"], RANDOM * trials, best)


def count_parameters(path: Path) -> int:
    """Count the parameters in a network's file."""
    with safe_open(path, framework="numpy") as weights:
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118


def hyperparameters(recording: Recording) -> pd.DataFrame:
    """What each network's training cost.

    Returns
    -------
    DataFrame
        variant, seed, parameters, share_end (of the gain, last tenth of training), updates_to_80 (until the curve first
        reaches 80 % of it; NaN where the gain stays below a tenth), steps_per_second (of processor time, of all networks that
        trained together).
    """
    rows = []
    for path, about in recording.networks(recording.folder / "networks"):
        config, curve = about["config"], storage.read(path.with_suffix(".csv"), "learning_curve")
        share = gain_over_training(curve, config)
        end = share[-max(1, len(share) // 10) :].mean() if len(share) else np.nan
        reached = np.flatnonzero((share >= 0.8 * end) & (end > 0.1))
        updates = about["actions"] / config["unroll"]
        rows.append(
            {
                "variant": about["variant"],
                "seed": config["seed"],
                "parameters": count_parameters(path.with_suffix(".safetensors")),
                "share_end": end,
                "updates_to_80": updates * (reached[0] + 1) / len(share) if len(reached) else np.nan,
                "steps_per_second": about["actions"] * about["networks_in_batch"] / about["processor_seconds"]
                if about["actions"]
                else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=["variant", "seed", "parameters", "share_end", "updates_to_80", "steps_per_second"])


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Shares of the gain, reward over trials, behaviour in the two-step task, and hyperparameters of training."""
    trials = recording.trials.astype({"variant": str})
    drawn, two_steps = (trials[trials["test"] == test] for test in ("drawn", "two-step"))
    return {
        "shares": bandit.shares(drawn),
        "references": references(int(drawn["trial"].max()) + 1),
        "reward_curves": reward_curves(drawn),
        "right_arm": right_arm(drawn),
        "mirrored": mirrored(trials),
        "two_step": two_step_behaviour(two_steps),
        "two_step_finite": two_step_weights(two_steps, PRIOR),
        "hyperparameters": hyperparameters(recording),
    }


def measures(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims are about: of each claim and variant, those that are claimed."""
    share, *others = (measured[name].set_index(SUBJECT) for name in ("shares", "two_step", "mirrored", "right_arm"))
    full = share["share"].xs(MAIN, level="variant")
    share["minus full"] = share["share"] - full.reindex(share.index.get_level_values("seed")).to_numpy()
    share["minus Thompson"] = share["share"] - THOMPSON
    numbers = pd.concat([share.drop(columns="reward"), *others], axis=1)
    asked: dict[tuple[str, str], list[str]] = {}
    for claim in CLAIMS:
        asked.setdefault((claim.claim, claim.variant), []).append(claim.measure)
    parts = [claims.measures(name, numbers.loc[[variant], own]) for (name, variant), own in asked.items()]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    experiments.analysis_main(__file__)
