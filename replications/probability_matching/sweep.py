"""Follow behaviour over training, for every combination of settings that the paper leaves open.

Reward hardly tells strategies apart here: the best cycle pays a fifth more than a coin toss. What is measured, with the weights
frozen, is matching and the weights of history as in Fig. 2.

python -m prefrontal.sweep probability_matching --name rates --points 3 --vary learning_rate=7e-4,2e-3
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from prefrontal.population import Population
from prefrontal.recording import record
from replications.probability_matching import analysis

VALIDATION_EPISODES = 200
REPORTED = (("reward", 1), ("reward", 3), ("choice", 1))
"""Signal and lag of the history weights in the table."""


def measure(population: Population) -> pd.DataFrame:
    """Matching slope, history weights and reward on validation episodes with all baselines; one row per network."""
    task: Any = population.task
    task, index = replace(task, baselines="all"), list(range(len(population.configs)))
    seen = record(population.agent, task, index, "validation", VALIDATION_EPISODES, steps=False, purpose="validation episodes")
    measured = analysis.measure(replace(seen, settings={"validation": population.config.settings()}))
    slope = measured["fig2d_slopes"].query("baselines == 'all'").set_index("seed")["slope"]
    weights = measured["fig2f"].set_index(["signal", "lag", "seed"])["weight"].sort_index()
    chosen = {f"{signal}_lag_{lag}": weights[signal, lag] for signal, lag in REPORTED}
    reward = measured["reward"].set_index("seed")[["share_of_gain", "invalid"]]
    return reward.assign(slope=slope, **chosen).reindex(index)
