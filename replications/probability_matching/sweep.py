"""Follow behaviour over training, for every combination of settings that the paper leaves open.

Reward hardly tells strategies apart here: the best cycle pays a fifth more than a coin toss. The sweep therefore stops training
at regular intervals, freezes the weights, and measures matching and the weights of history as in Fig. 2.

python -m replications.probability_matching.sweep --name rates --seeds 2 --vary learning_rate=7e-4,2e-3
"""

from __future__ import annotations

import dataclasses

import pandas as pd

from prefrontal import sweep
from prefrontal.errors import run
from prefrontal.recording import NetworkAgent, record
from prefrontal.training import Population
from replications.probability_matching.analysis import episode_points, history_weights, rewards, slopes
from replications.probability_matching.train import Config

VALIDATION_EPISODES = 200
REPORTED = (("reward", 1), ("reward", 3), ("choice", 1))
"""Signal and lag of the history weights in the table."""


def measure(population: Population) -> pd.DataFrame:
    """Matching slope, history weights and reward on validation episodes with all baselines; one row per network."""
    task = dataclasses.replace(population.task, baselines="all")
    agent = NetworkAgent(population.network, population.costs.reward_scale)
    index = list(range(len(population.configs)))
    trials = record(agent, task, index, "validation", VALIDATION_EPISODES, steps=False, purpose="validation episodes").trials
    slope = slopes(episode_points(trials)).query("baselines == 'all'").set_index("seed")["slope"]
    weights = history_weights(trials).set_index(["signal", "lag", "seed"])["weight"].sort_index()
    chosen = {f"{signal}_lag_{lag}": weights[signal, lag] for signal, lag in REPORTED}
    reward = rewards(trials).set_index("seed")[["share_of_gain", "invalid"]]
    return reward.assign(slope=slope, **chosen).reindex(index)


if __name__ == "__main__":
    run(lambda: sweep.main(Config, "probability_matching", measure))
