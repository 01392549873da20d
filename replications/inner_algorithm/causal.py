"""Does the decoded belief drive choice? Move it, and see whether the policy follows.

Activity and cell are moved at one trial along the direction that decodes the difference of the
posterior means, so far that the decoded difference changes by ``MOVED``. The policy of the next
trial should change as that of a Bayesian agent whose belief has changed as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor

from prefrontal.analysis import neural
from prefrontal.models import bandit
from prefrontal.networks.network import NetworkAgent
from prefrontal.networks.play import History
from prefrontal.networks.record import Trained
from prefrontal.networks.record import record as record_agent
from prefrontal.tables.recording import Recording
from prefrontal.task import RandomStreams, Task
from replications.inner_algorithm.settings import DECODED, MOVED, MOVED_AT, RANDOM

PENALTIES = np.logspace(-3, 5, 17)
"""Penalties of the ridge regression, of which cross-validation chooses."""


class WholeState(NetworkAgent):
    """Networks whose activity and cell, if they have one, are recorded, in this order.

    Parameters
    ----------
    agent : NetworkAgent
    shift : Tensor, optional
        What is added to activity and cell at the end of a trial, (network, activity and cell).
    at : int
        This trial, from 0.
    """

    def __init__(self, agent: NetworkAgent, shift: Tensor | None = None, at: int = -1) -> None:
        super().__init__(agent.network, agent.parameters, agent.discount, agent.reward_scale)
        self.shift, self.at, self.trial = shift, at, 0

    def reset(self, seeds: int, episodes: int) -> Any:
        """Return the memory at the start of an episode."""
        self.trial = 0
        return super().reset(seeds, episodes)

    def step(
        self, memory: Any, observation: Tensor, last_reward: Tensor, last_action: Tensor
    ) -> tuple[Any, Tensor, Tensor, Tensor | None]:
        """Advance by one time step."""
        memory, probabilities, value, _ = super().step(
            memory, observation, last_reward, last_action
        )
        parts = [name for name in ("activity", "cell") if name in memory]
        whole = torch.cat([memory[name] for name in parts], dim=-1)
        if self.shift is not None and self.trial == self.at:
            moved = (whole + self.shift[:, None]).chunk(len(parts), dim=-1)
            memory = memory | dict(zip(parts, moved, strict=True))
        self.trial += 1
        return memory, probabilities, value, whole


def decoders(forced: Recording[Any]) -> dict[int, np.ndarray]:
    """Weights that decode the difference of the posterior means from activity and cell.

    Parameters
    ----------
    forced : Recording
        Forced histories of one variant, with activity and cell.

    Returns
    -------
    dict of array (activity and cell,)
        By seed; ridge regression.
    """
    weights = {}
    activity = dict(list(forced.activity.groupby("seed")))
    for seed, steps in forced.steps.groupby("seed"):
        wide = steps.pivot(index="episode", columns="trial", values=["action", "reward"])
        means = bandit.posterior(wide["action"].to_numpy(int), wide["reward"].to_numpy())[0]
        units = neural.units(activity[seed].sort_values(["episode", "trial"]))
        difference = (means[..., 1] - means[..., 0]).ravel()
        weights[seed] = RidgeCV(PENALTIES).fit(units, difference).coef_
    return weights


def record_moved(
    trained: Trained, task: Task, forced: Recording[Any], history: History, variant: str
) -> Iterator[Recording[Any]]:
    """Record the policy after a moved belief, and after moves as long in a random direction.

    Yields
    ------
    Recording
        Steps of the trials after the move; the column ``test`` has the direction, ``moved`` by how
        much the decoded difference changes.
    """
    by_seed = decoders(forced)
    weights = np.stack([by_seed[seed] for seed in trained.seeds])
    length = np.linalg.norm(weights, axis=-1, keepdims=True)
    normal = RandomStreams(trained.seeds, "directions").normal(weights.shape[-1]).numpy()
    directions = {
        DECODED: weights / length**2,
        RANDOM: normal / np.linalg.norm(normal, axis=-1, keepdims=True) / length,
    }
    dtype = trained.agent.parameters["policy_weight"].dtype
    for (name, direction), amount, trial in product(directions.items(), (-MOVED, MOVED), MOVED_AT):
        shift = torch.tensor(amount * direction, dtype=dtype)
        moved = record_agent(
            WholeState(trained.agent, shift, trial),
            task,
            trained.seeds,
            variant,
            history.action.shape[1],
            columns={"test": name, "moved": amount},
            forced=history,
        )
        after = moved.steps[moved.steps["trial"] == trial + 1].reset_index(drop=True)
        yield replace(moved, trials=pd.DataFrame(), steps=after)
