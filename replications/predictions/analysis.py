"""Model-based control under interference with dopamine, and reward prediction errors with the value silenced.

python -m replications.predictions.analysis --help
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.analysis import regression, staying
from prefrontal.analysis.statistics import trend
from prefrontal.models import two_step
from prefrontal.publishing import claims
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.predictions.variants import INTERFERENCE, MAIN, SILENCED, WORDS
from replications.two_step import analysis as two_step_analysis

CONTRASTS = {
    "planning_index": {"common/rewarded": 1, "common/unrewarded": -1, "uncommon/rewarded": -1, "uncommon/unrewarded": 1},
    "model_free_index": {"common/rewarded": 1, "common/unrewarded": -1, "uncommon/rewarded": 1, "uncommon/unrewarded": -1},
}
"""Index -> sign with which the lag-1 weight of each kind of trial enters it (Miller, Botvinick & Brody 2017, at lag 1)."""


def indices(trials: pd.DataFrame) -> pd.DataFrame:
    """Planning and model-free index, reward per trial and share of invalid trials of every network.

    Returns
    -------
    DataFrame
        variant, seed, planning_index, model_free_index (log odds), reward_per_trial, invalid. Indices are 0 where choices do
        not vary: nothing that happened can have changed them.
    """
    trials = trials.astype({"variant": str})
    weights = staying.two_step_weights(trials).query("lag == 1").pivot(index=SUBJECT, columns="signal", values="weight")
    by_network = trials.assign(invalid=trials["choice"] < 0).groupby(SUBJECT)
    valid = trials["choice"].where(trials["choice"] >= 0).groupby([trials[name] for name in SUBJECT])
    varies = valid.max() > valid.min()
    frame = pd.DataFrame({name: (weights * pd.Series(signs)).sum(axis=1, skipna=False) for name, signs in CONTRASTS.items()})
    frame = frame.where(varies, 0.0, axis=0)
    return frame.assign(reward_per_trial=by_network["reward"].mean(), invalid=by_network["invalid"].mean()).reset_index()


def explained(recording: Recording) -> pd.DataFrame:
    """r2 of networks' reward prediction errors with the planner's, where steps are recorded, together and by event (Fig. 5f).

    Returns
    -------
    DataFrame
        variant, seed, event ("both", "stage 2", "reward"), r2_model_based; 0 for errors that do not vary.
    """
    rows = []
    for (variant, seed), block in two_step_analysis.model_based_pairs(recording).groupby(SUBJECT):
        for event in ("both", *two_step_analysis.EVENTS):
            part = block if event == "both" else block[block["event"] == event]
            errors = [part[name].to_numpy(float) for name in ("network", "model_based")]
            r2 = np.nan_to_num(regression.explained_variance(errors[0], errors[1:]))
            rows.append({"variant": variant, "seed": seed, "event": event, "r2_model_based": r2})
    return pd.DataFrame(rows)


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Measure every network: behaviour, with kind of interference and rank of its strength, and errors where steps are there."""
    parts: dict[str, list[pd.DataFrame]] = {"indices": [], "silencing": []}
    for how, trials in recording.trials.groupby("silenced", sort=False):
        parts["indices"].append(indices(trials).assign(silenced=how))
        steps = recording.steps[recording.steps["silenced"] == how] if len(recording.steps) else recording.steps
        if len(steps):
            own = Recording(trials, steps, settings=recording.settings)
            parts["silencing"].append(explained(own).assign(silenced=how))
    measured = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items() if frames}
    kinds = [INTERFERENCE.get(variant, ("none", 0)) for variant in measured["indices"]["variant"]]
    measured["indices"][["kind", "strength"]] = pd.DataFrame(kinds)
    told = ("silenced", "kind", "strength")
    return {name: storage.leading(frame, *SUBJECT, *(n for n in told if n in frame)) for name, frame in measured.items()}


def course(measured: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Rows of ``indices`` that make up a kind of interference: its networks, and the intact ones as strength 0."""
    intact = measured["variant"] == MAIN
    return measured[(measured["silenced"] == SILENCED[0]) & (intact | (measured["kind"] == kind))]


def slopes(measured: pd.DataFrame) -> pd.DataFrame:
    """Change of the planning index per step of strength, a column per kind of interference, a row per network."""
    found = {}
    for kind, words in WORDS.items():
        wide = course(measured, kind).pivot(index="strength", columns="seed", values="planning_index")
        found[words] = pd.Series(trend(wide), wide.columns)
    return pd.DataFrame(found).assign(variant=MAIN).reset_index()


def minus_intact(measured: pd.DataFrame, column: str) -> pd.DataFrame:
    """Difference that silencing makes to each network, a column per way to silence."""
    intact, *ways = SILENCED
    variants = measured.loc[measured["silenced"] != intact, "variant"].unique()
    wide = measured[measured["variant"].isin(variants)].pivot(index=SUBJECT, columns="silenced", values=column)
    return wide[ways].sub(wide[intact], axis=0)


def measures(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The numbers that claims are about."""
    errors = measured["silencing"].query("event == 'both'")
    parts = {
        "prediction-interference": slopes(measured["indices"]),
        "prediction-silencing": minus_intact(errors, "r2_model_based"),
        "prediction-silencing-behaviour": minus_intact(measured["indices"], "planning_index"),
    }
    return pd.concat([claims.measures(claim, wide) for claim, wide in parts.items()], ignore_index=True)


def reward_levels(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Reward per trial of random valid choice and of the best possible agent in the task of these settings: level, reward."""
    rewards = np.array(two_step.reward_range(settings)) / settings["trials"]
    return pd.DataFrame({"level": ["chance", "best possible"], "reward_per_trial": rewards})


def panels(recording: Recording, measured: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Reference levels."""
    return {"reward_levels": reward_levels(recording.settings[MAIN])}


if __name__ == "__main__":
    experiments.analysis_main(__file__)
