"""Analyse how well networks that lack an ingredient learn within an episode."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open

from prefrontal.analysis import staying
from prefrontal.errors import check
from prefrontal.experiments import Analysis
from prefrontal.models import bandit
from prefrontal.models.bandit_learners import Bandit, WinStayLoseShift
from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing import claims
from prefrontal.settings import Settings
from prefrontal.statistics import normalised_reward
from prefrontal.tables.networks import descriptions, network_table
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.ingredients.claims import CLAIMS
from replications.ingredients.settings import MAIN, PROBLEM, THOMPSON, Ingredients

RANDOM = 0.5
"""Reward per trial of random choice, on the bandit and in the two-step task."""
PRIOR = 2.5
"""Standard deviation of the prior that keeps weights finite if a network always does the same after
some trial type."""


def references(trials: int, episodes: int = 10_000) -> pd.DataFrame:
    """Compute the normalised reward of positive and negative controls in simulated episodes.

    Returns
    -------
    DataFrame
        agent, reward (expected, per 100 trials), share (random 0, best possible 1).
    """
    rng = np.random.default_rng(0)
    p = rng.random((episodes, 2))
    choices = {
        "best possible": bandit.simulate(bandit.bayes_optimal(trials), p, trials, rng).choice,
        "Thompson sampling": bandit.simulate(bandit.thompson, p, trials, rng).choice,
        "random": rng.integers(2, size=(episodes, trials)),
    }
    weights = {"after_win": 100.0, "after_loss": -100.0, "bias": 0.0}
    model, task = WinStayLoseShift(), Bandit(np.repeat(p[:, None], trials, axis=1))
    choices[model.name] = model.simulate(task, weights, rng)["choice"].to_numpy()
    columns = {"subject": 0, "trial": np.tile(np.arange(trials), episodes)}
    columns |= {name: np.repeat(p[:, k], trials) for k, name in enumerate(("p_left", "p_right"))}
    parts = [
        pd.DataFrame({"variant": name, "choice": choice.ravel(), **columns})
        for name, choice in choices.items()
    ]
    shares = bandit.shares(pd.concat(parts)).rename(columns={"variant": "agent"})
    return shares.drop(columns="subject").sort_values("share", ascending=False)


def reward_curves(drawn: pd.DataFrame) -> pd.DataFrame:
    """Compute the expected reward of each network over the trials of an episode.

    Returns
    -------
    DataFrame
        variant, subject, trial (from 1), reward.
    """
    curves = bandit.expected_reward(drawn, [*SUBJECT, "trial"]).reset_index()
    return curves.assign(trial=curves["trial"] + 1)


def right_arm(drawn: pd.DataFrame) -> pd.DataFrame:
    """Compute the percentage of choices of the right arm: variant, subject, right."""
    return (100 * drawn.groupby(SUBJECT)["choice"].mean()).rename("right").reset_index()


def mirrored_reward(trials: pd.DataFrame) -> pd.DataFrame:
    """Compute each network's expected reward per 100 trials of the mirrored problem."""
    expected = trials["p_left"].where(trials["choice"] == 0, trials["p_right"])
    by_network = expected.groupby([trials[name] for name in SUBJECT])
    return (100 * by_network.mean()).rename("mirrored").reset_index()


def two_step_weights(trials: pd.DataFrame, prior: float | None = None) -> pd.DataFrame:
    """Fit lag-1 weights (log odds) in the two-step task, a column per trial type."""
    weights = staying.two_step_weights(trials, prior=prior).query("lag == 1")
    table = weights.pivot(index=SUBJECT, columns="signal", values="weight")
    return table.rename(columns=lambda name: name.replace("/", " ")).reset_index()


def planners(weights: pd.DataFrame) -> pd.DataFrame:
    """Count the networks whose lag-1 weights all have a planner's signs.

    Returns
    -------
    DataFrame
        variant, networks, plan (number).
    """
    plans = pd.Series(True, weights.index)
    for transition, outcome in TRIAL_TYPES:
        sign = 1 if f"{transition}/{outcome}" in staying.PLANNER_STAYS else -1
        plans &= sign * weights[f"{transition} {outcome}"] > 0
    by_variant = plans.groupby(weights["variant"], sort=False)
    return by_variant.agg(networks="size", plan="sum").reset_index()


def two_step_behaviour(trials: pd.DataFrame) -> pd.DataFrame:
    """Put reward per trial of the two-step task next to the lag-1 weights."""
    reward = trials.groupby(SUBJECT)["reward"].mean().reset_index()
    return two_step_weights(trials).merge(reward, on=SUBJECT)


def gain_over_training(curve: pd.DataFrame, task: Ingredients) -> np.ndarray:
    """Normalise the reward of a network's learning curve by the task of its training."""
    if task.game == "two_step":
        best = task.reward_range()[1]
    elif task.one_problem:
        best = max(PROBLEM) * task.trials
    else:
        best = bandit.bayes_optimal_reward("independent", task.trials)
    return normalised_reward(curve["reward"], RANDOM * task.trials, best)


def count_parameters(path: Path) -> int:
    """Count the parameters in a network's file."""
    with safe_open(path, framework="numpy") as weights:
        names = weights.keys()
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in names)


def costs(recording: Recording[Ingredients]) -> pd.DataFrame:
    """Measure the costs of each network's training.

    Returns
    -------
    DataFrame
        variant, subject, parameters, share_end (normalised reward, last tenth of training),
        updates_to_80 (until the curve first reaches 80 % of it; NaN where it stays below .1),
        steps_per_second (of processor time, of all networks that trained together).
    """
    rows = []
    for network in descriptions(recording.folder / "networks", recording.settings):
        settings: Settings[Ingredients] = recording.settings[network.variant]
        curve = network_table(network, kind="learning_curve")
        share = gain_over_training(curve, settings.task)
        end = share[-max(1, len(share) // 10) :].mean() if len(share) else np.nan
        reached = np.flatnonzero((share >= 0.8 * end) & (end > 0.1))
        actions = network.about["actions"]
        updates = actions / settings.training.unroll
        steps = actions * network.about["networks_in_batch"]
        seconds = network.about["processor_seconds"]
        row = {
            "variant": network.variant,
            "subject": network.seed,
            "parameters": count_parameters(network.path.with_suffix(".safetensors")),
            "share_end": end,
            "updates_to_80": updates * (reached[0] + 1) / len(share) if len(reached) else np.nan,
            "steps_per_second": steps / seconds if steps and seconds else np.nan,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def analyse(recording: Recording[Ingredients]) -> dict[str, pd.DataFrame]:
    """Measure normalised reward, behaviour in the two-step task, and the costs of training."""
    main = recording.settings[MAIN].task
    check(
        main.game == "bandit", f"task.game of {MAIN}", main.game, "bandit, as others are compared"
    )
    trials = recording.trials.astype({"variant": str})
    drawn, mirrored, two_step = (
        trials[trials["test"] == test] for test in ("drawn", "mirrored", "two-step")
    )
    tables = {
        "shares": bandit.shares(drawn),
        "references": references(main.trials),
        "reward_curves": reward_curves(drawn),
        "right_arm": right_arm(drawn),
        "costs": costs(recording),
    }
    if len(mirrored):
        tables["mirrored"] = mirrored_reward(mirrored)
    if len(two_step):
        tables["two_step"] = two_step_behaviour(two_step)
        tables["two_step_finite"] = two_step_weights(two_step, PRIOR)
        tables["two_step_planners"] = planners(tables["two_step_finite"])
    return tables


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Collect the measures of each claim and variant."""
    names = ("shares", "two_step", "mirrored", "right_arm")
    share, *others = (tables[name].set_index(SUBJECT) for name in names if name in tables)
    full = share["share"].xs(MAIN, level="variant")
    seeds = share.index.get_level_values("subject")
    share["minus full"] = share["share"] - full.reindex(seeds).to_numpy()
    share["minus Thompson"] = share["share"] - THOMPSON
    numbers = pd.concat([share.drop(columns="reward"), *others], axis=1)
    present = set(numbers.index.get_level_values("variant"))
    needed: dict[tuple[str, str], list[str]] = {}
    for claim in CLAIMS:
        if claim.variant in present:
            needed.setdefault((claim.claim, claim.variant), []).append(claim.measure)
    parts = [
        claims.measures(name, numbers.loc[[variant], columns])
        for (name, variant), columns in needed.items()
    ]
    return pd.concat(parts, ignore_index=True)


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures)
