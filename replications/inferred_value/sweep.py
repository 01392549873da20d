"""Follow reward prediction errors over training, for every combination of settings that the paper leaves open.

Reward says little here, since a valid response needs no knowledge of which cue pays. What is measured, with the weights
frozen, is the cue's reward prediction error around reversals.

python -m prefrontal.sweep inferred_value --name rates --points 8 --vary learning_rate=7e-4,2e-3 value_cost=.05,.5
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from prefrontal.networks.record import record
from prefrontal.training.batch import NetworkBatch
from replications.inferred_value import analysis
from replications.inferred_value.record import sessions
from replications.inferred_value.variants import PANELS

VALIDATION_SESSIONS, VALIDATION_BLOCKS = 40, 8


def measure(batch: NetworkBatch) -> pd.DataFrame:
    """Old minus new cue's RPE on trials 1 and 2 of reversed blocks, and reward per trial; one row per network."""
    task, count = sessions(batch.task, VALIDATION_SESSIONS, VALIDATION_BLOCKS)
    agent, index = batch.agent, list(range(len(batch.configs)))
    seen = record(agent, task, index, "validation", count, discount=agent.discount, purpose="validation sessions")
    measured = analysis.measure(replace(seen, settings={"validation": batch.config.settings()}))
    differences, behaved = (measured[name].set_index("seed").reindex(index) for name in ("fig4b_differences", "behaviour"))
    return differences[PANELS].assign(reward_per_trial=behaved["reward"], steps=batch.trained_steps)
