"""Model-based control under interference with dopamine, and reward prediction errors with the value silenced.

python -m replications.predictions.analysis --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro

from prefrontal import behavior, claims, tables
from prefrontal.errors import run
from prefrontal.learners import two_step
from prefrontal.paths import DATA
from replications.predictions.conditions import INTACT, SILENCED, STRENGTHS
from replications.two_step import analysis as two_step_analysis

CONTRASTS = {
    "planning_index": {
        ("common", "rewarded"): 1,
        ("common", "unrewarded"): -1,
        ("uncommon", "rewarded"): -1,
        ("uncommon", "unrewarded"): 1,
    },
    "model_free_index": {
        ("common", "rewarded"): 1,
        ("common", "unrewarded"): -1,
        ("uncommon", "rewarded"): 1,
        ("uncommon", "unrewarded"): -1,
    },
}
"""Index -> sign with which the lag-1 weight of each kind of trial enters it (Miller, Botvinick & Brody 2017, at lag 1)."""

TEXTBOOK = {"model-based": two_step.Planner(discount=0.9), "model-free": two_step.ModelFree(learning_rate=0.5, discount=0.9)}
"""Learners whose indices are drawn for reference."""

TEXTBOOK_TEMPERATURE, TEXTBOOK_EPISODES = 10.0, 1_000
"""Their inverse temperature, at which the planner earns what intact networks earn; episodes that they play."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


def indices(trials: pd.DataFrame) -> pd.DataFrame:
    """Planning and model-free index, reward per trial and share of invalid trials of every network.

    Returns
    -------
    DataFrame
        condition, seed, planning_index, model_free_index (log odds), reward_per_trial, invalid. Indices are 0 where choices do
        not vary: nothing that happened can have changed them.
    """
    weights = behavior.two_step_weights(trials).query("lag == 1")
    by_kind = weights.astype({"condition": str}).pivot(index=behavior.SUBJECT, columns="signal", values="weight")
    by_network = trials.astype({"condition": str}).groupby(behavior.SUBJECT)
    frame = by_network.agg(reward_per_trial=("reward", "mean"), invalid=("choice", lambda choice: (choice < 0).mean()))
    unvarying = by_network["choice"].agg(lambda choice: choice[choice >= 0].nunique() < 2)
    for name, signs in CONTRASTS.items():
        index = sum(sign * by_kind["/".join(kind)] for kind, sign in signs.items())
        frame.insert(frame.shape[1] - 2, name, index.where(~unvarying, 0.0))
    return frame.reset_index()


def textbook() -> pd.DataFrame:
    """Indices and reward of the textbook learners."""
    rng = np.random.default_rng(0)
    played = [
        two_step.simulate(learner, TEXTBOOK_TEMPERATURE, TEXTBOOK_EPISODES, 100, rng, condition=name)
        for name, learner in TEXTBOOK.items()
    ]
    return indices(pd.concat(played, ignore_index=True))


def explained(trials: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """r2 of networks' reward prediction errors with the planner's, where steps are recorded, together and by event (Fig. 5f).

    Returns
    -------
    DataFrame
        condition, seed, event ("both", "stage 2", "reward"), r2_model_based; 0 for errors that do not vary.
    """
    rows = []
    for condition, own in steps.groupby("condition", observed=True):
        pairs = two_step_analysis.model_based_pairs(trials[trials["condition"] == condition], own)
        for seed, block in pairs.groupby("seed"):
            for event in ("both", *two_step_analysis.STAGES.values()):
                part = block if event == "both" else block[block["event"] == event]
                errors = [part[name].to_numpy(float) for name in ("network", "model_based")]
                r2 = np.nan_to_num(behavior.explained_variance(errors[0], errors[1:]))
                rows.append({"condition": condition, "seed": seed, "event": event, "r2_model_based": r2})
    return pd.DataFrame(rows)


def interference(measured: pd.DataFrame) -> pd.DataFrame:
    """Arrange networks by kind and strength of the interference; strength 0 is the intact network of the same seed.

    Returns
    -------
    DataFrame
        kind (setting), strength (0 to 3), setting (its value), and the columns of ``measured`` but for condition.
    """
    parts = []
    for kind, settings in STRENGTHS.items():
        conditions = [INTACT["reward"], *(f"{kind}_{setting:g}" for setting in settings)]
        for strength, condition in enumerate(conditions):
            setting = np.nan if strength == 0 else settings[strength - 1]
            own = measured[measured["condition"] == condition].drop(columns="condition")
            parts.append(own.assign(kind=kind, strength=strength, setting=setting))
    frame = pd.concat(parts, ignore_index=True)
    first = ["kind", "strength", "setting", "seed"]
    return frame[[*first, *frame.columns.drop(first)]]


def slopes(arranged: pd.DataFrame) -> pd.DataFrame:
    """Change of the planning index per step of strength, by kind and seed (least squares)."""
    wide = arranged.pivot(index=["kind", "seed"], columns="strength", values="planning_index")
    centred = wide.columns.to_numpy(float) - wide.columns.to_numpy(float).mean()
    return (wide @ centred / (centred @ centred)).rename("slope").reset_index()


def silencing(measured: pd.DataFrame) -> pd.DataFrame:
    """Networks intact and silenced: network_input, value ("intact" or how it is silenced), and the columns of ``measured``."""
    parts = []
    for network_input, condition in INTACT.items():
        names = {condition: "intact"} | {f"{condition} silenced {how}": how for how in SILENCED}
        own = measured[measured["condition"].isin(list(names))]
        parts.append(own.assign(network_input=network_input, value=own["condition"].map(names)))
    frame = pd.concat(parts, ignore_index=True).drop(columns="condition")
    first = ["network_input", "value", "seed"]
    return frame[[*first, *frame.columns.drop(first)]]


def minus_intact(silenced: pd.DataFrame, network_input: str, how: str, column: str) -> pd.Series:
    """Difference that silencing makes to each network, by seed."""
    own = silenced[silenced["network_input"] == network_input].pivot(index="seed", columns="value", values=column)
    return own[how] - own["intact"]


WORDS = {"rpe_scale": "scaled down", "negative_rpe_scale": "scaled down where negative", "rpe_noise": "with noise added"}


def settle_claims(slope: pd.DataFrame, errors: pd.DataFrame, behaviour: pd.DataFrame) -> list[dict]:
    """Decide the predictions; the criteria are fixed in advance (README)."""
    rows = []
    for kind, words in WORDS.items():
        own = slope.loc[slope["kind"] == kind, "slope"]
        statement = f"planning index per step of strength, reward prediction errors in training {words}"
        rows.append(claims.settle("prediction-interference", "beyond", statement, own, claims.below(0)))
    both = errors[errors["event"] == "both"]
    for network_input in INTACT:
        for how in SILENCED:
            own = minus_intact(both, network_input, how, "r2_model_based")
            seen = {"reward": "reward", "rpe": "RPEs"}[network_input]
            statement = f"r2 with model-based RPEs, value silenced {how} minus intact, networks that see {seen}"
            rows.append(claims.settle("prediction-silencing", "beyond", statement, own, claims.below(0)))
    for how in SILENCED:
        own = minus_intact(behaviour, "rpe", how, "planning_index")
        statement = f"planning index, value silenced {how} minus intact, networks that see RPEs"
        rows.append(claims.settle("prediction-silencing-behaviour", "beyond", statement, own, claims.below(0)))
    return rows


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "predictions"
    trials = tables.read(folder / "trials.parquet", "trials", needs=("transition", "outcome_state", "rich_state"))
    steps = tables.read(folder / "steps.parquet", "steps")
    about = tables.read_provenance(folder / "trials.parquet")
    measured, errors = indices(trials), explained(trials, steps)
    arranged = interference(measured)
    results = {
        "interference": arranged,
        "slopes": slopes(arranged),
        "silencing": silencing(errors),
        "silencing_behaviour": silencing(measured),
        "textbook": textbook(),
    }
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    rows = settle_claims(results["slopes"], results["silencing"], results["silencing_behaviour"])
    claims.write(rows, folder / "results", about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
