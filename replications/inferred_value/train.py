"""Training of the inferred-value networks: ``prefrontal train inferred_value``.

Reward is uninformative here, since a valid response does not depend on which cue pays. Sweeps
therefore follow the cue's reward prediction error around reversals, with frozen weights:

    prefrontal sweep inferred_value --name rates --curve-points 8 \
        --vary training.learning_rate=7e-4,2e-3 training.value_cost=.05,.5
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from prefrontal.networks.record import record
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.loop import Training
from replications.inferred_value import analysis
from replications.inferred_value.record import sessions
from replications.inferred_value.settings import PANELS

VALIDATION_SESSIONS, VALIDATION_BLOCKS = 40, 8


def cue_measures(batch: NetworkBatch) -> pd.DataFrame:
    """Measure old minus new cue's RPE around reversals, and reward, one row per network."""
    agent, index, settings = batch.agent, list(range(len(batch.settings))), batch.settings[0]
    task, count = sessions(settings.task, VALIDATION_SESSIONS, VALIDATION_BLOCKS)
    purpose, discount = "validation sessions", agent.discount
    played = record(agent, task, index, "validation", count, discount=discount, purpose=purpose)
    measured = analysis.analyse(replace(played, settings={"validation": settings}))
    differences, behaviour = (
        measured[name].set_index("subject").reindex(index)
        for name in ("cue_differences", "behaviour")
    )
    reward, steps = behaviour["reward"], batch.trained_steps
    return differences[PANELS].assign(reward_per_trial=reward, steps=steps)


TRAINING = Training(sweep_columns=cue_measures)
