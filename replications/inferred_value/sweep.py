"""Follow reward prediction errors over training, for every combination of settings that the paper leaves open.

Reward says little here, since a valid response needs no knowledge of which cue pays. The sweep therefore stops training
at regular intervals, freezes the weights, and measures the cue's reward prediction error around reversals.

python -m replications.inferred_value.sweep --name rates --seeds 2 --vary learning_rate=7e-4,2e-3 value_cost=.05,.5
"""

from __future__ import annotations

import dataclasses

import pandas as pd

from prefrontal import sweep
from prefrontal.errors import run
from prefrontal.recording import NetworkAgent, record
from prefrontal.training import Population
from replications.inferred_value.analysis import PANELS, WARM_UP_BLOCKS, cue_differences, reversal_rpes
from replications.inferred_value.train import Config

VALIDATION_SESSIONS, VALIDATION_BLOCKS = 40, WARM_UP_BLOCKS + 8


def measure(population: Population) -> pd.DataFrame:
    """Old minus new cue's RPE on trials 1 and 2 of reversed blocks, and reward per trial; one row per network."""
    carried = population.configs[0].blocks > 1
    task = dataclasses.replace(population.task, blocks=VALIDATION_BLOCKS if carried else 1)
    sessions = VALIDATION_SESSIONS if carried else VALIDATION_SESSIONS * VALIDATION_BLOCKS
    agent = NetworkAgent(population.network, population.costs.reward_scale)
    index = list(range(len(population.configs)))
    recording = record(
        agent, task, index, "validation", sessions, discount=population.costs.discount.tolist(), purpose="validation sessions"
    )
    trials, steps = recording.trials, recording.steps
    rpes = reversal_rpes(trials, steps, WARM_UP_BLOCKS if carried else 0)
    wide = cue_differences(rpes).set_index("seed").reindex(index)[PANELS]
    return wide.assign(reward=trials.groupby("seed").reward.mean())


if __name__ == "__main__":
    run(lambda: sweep.main(Config, "inferred_value", measure))
