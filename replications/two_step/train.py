"""Training of the two-step networks: ``prefrontal train two_step``.

Reward does not reveal how it was earned. Sweeps therefore follow planning and model-free
control over training, with frozen weights:

    prefrontal sweep two_step --name entropy_discount --networks 4 --curve-points 10 \
        --training.episodes 5000 --vary training.entropy_cost=.025,.05,.1
        training.discount=.8,.9,.95
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from prefrontal.networks.record import record
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.loop import Training
from replications.two_step import analysis

VALIDATION_EPISODES = 30


def both_controls(batch: NetworkBatch) -> pd.DataFrame:
    """Measure both controls of each network (``analysis.controls``), one row per network; NaN where
    it completes no trial."""
    agent, index = batch.agent, list(range(len(batch.settings)))
    played = record(
        agent,
        batch.task,
        index,
        "validation",
        VALIDATION_EPISODES,
        discount=agent.discount,
        purpose="validation episodes",
    )
    rows = []
    for k, settings in enumerate(batch.settings):
        network = replace(analysis.part(played, subject=k), settings={"validation": settings})
        if (network.trials["transition"] == "none").all():
            rows.append(pd.DataFrame(index=[0]))
            continue
        rows.append(
            analysis.controls(network, analysis.fitted_rate(network.trials, network.settings))
        )
    columns = [name for name in analysis.CONTROLS if name != "share"]
    return pd.concat(rows, ignore_index=True).reindex(columns=columns)


TRAINING = Training(sweep_columns=both_controls)
