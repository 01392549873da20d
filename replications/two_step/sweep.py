"""Follow planning and model-free control over training, under every combination of settings.

Reward alone does not tell how it was earned. What is measured, with the weights frozen, is what the figure of training shows.

python -m prefrontal.sweep two_step --name entropy_discount --seeds 4 --points 10 --episodes 5000 \
    --vary entropy_cost=.025,.05,.1 discount=.8,.9,.95
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from prefrontal.behavior import SUBJECT
from prefrontal.population import Population
from prefrontal.recording import record
from replications.two_step import analysis

VALIDATION_EPISODES = 30


def measure(population: Population) -> pd.DataFrame:
    """Both controls (``analysis.controls``) beside references that discount as each network does; one row per network."""
    agent, index = population.agent, list(range(len(population.configs)))
    seen = record(
        agent, population.task, index, "validation", VALIDATION_EPISODES, discount=agent.discount, purpose="validation episodes"
    )
    rows = []
    for own, config in enumerate(population.configs):
        network = replace(analysis.part(seen, seed=own), settings={"validation": config.settings()})
        rows.append(analysis.controls(network, analysis.fitted_rate(network.trials, network.settings)))
    return pd.concat(rows, ignore_index=True).drop(columns=[*SUBJECT, "share"])
