"""Training of the matching networks: ``prefrontal train probability_matching``.

Reward hardly distinguishes strategies here: the best cycle earns a fifth more than random choice.
Sweeps therefore follow matching and the weights of history over training, with frozen weights:

    prefrontal sweep probability_matching --name rates --curve-points 3 \
        --vary training.learning_rate=7e-4,2e-3
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from prefrontal.networks.record import record
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.loop import Training
from replications.probability_matching import analysis
from replications.probability_matching.task import MatchingTask

VALIDATION_EPISODES = 200
REPORTED = (("reward", 1), ("reward", 3), ("choice", 1))
"""Signal and lag of the history weights in the table."""


def matching_measures(batch: NetworkBatch) -> pd.DataFrame:
    """Measure matching slope, history weights and reward on all baselines, one row per network."""
    settings, index = batch.settings[0], list(range(len(batch.settings)))
    task = MatchingTask(settings.task, "all")
    episodes, purpose = VALIDATION_EPISODES, "validation episodes"
    played = record(batch.agent, task, index, "validation", episodes, steps=False, purpose=purpose)
    measured = analysis.analyse(replace(played, settings={"validation": settings}))
    slopes = measured["matching_slopes"].query("baselines == 'all'").set_index("subject")["slope"]
    weights = measured["lag_weights"].set_index(["signal", "lag", "subject"])["weight"]
    weights = weights.sort_index()
    reported = {f"{signal}_lag_{lag}": weights[signal, lag] for signal, lag in REPORTED}
    reward = measured["reward"].set_index("subject")[["normalised_reward", "invalid"]]
    return reward.assign(slope=slopes, **reported).reindex(index)


TRAINING = Training(sweep_columns=matching_measures)
