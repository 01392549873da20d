"""Test whether the belief in a network's state drives its choices, by shifting it.

At one trial, activity and cell are shifted until the encoded difference of the posterior means
changes by ``MOVED``. The policy of the next trial should change like that of a Bayesian agent whose
belief has changed as much. There are two ways to shift: along the weights that decode the
difference, the shortest way; or along the axis on which the state varies with it. The shortest way
hardly changes the state (its length is a few thousandths) and moves it away from states that occur.
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
from replications.inner_algorithm.settings import AXIS, DECODED, MOVED, MOVED_AT

PENALTIES = np.logspace(-3, 5, 17)
"""Penalties of the ridge regression, from which cross-validation chooses."""


class WholeState(NetworkAgent):
    """Networks whose activity and cell, if they have one, are recorded, in this order.

    Parameters
    ----------
    agent : NetworkAgent
    shift : Tensor, optional
        Added to activity and cell at the end of a trial, (network, activity and cell).
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


def directions(forced: Recording[Any]) -> dict[str, dict[int, np.ndarray]]:
    """Shifts of activity and cell that change the difference of the posterior means by 1.

    Parameters
    ----------
    forced : Recording
        Replayed histories of one variant, with activity and cell.

    Returns
    -------
    dict of dict of array (activity and cell,)
        Direction -> seed -> move. ``DECODED``: along the weights of a ridge regression of the
        difference on the state. ``AXIS``: regression of the state on the difference, next to the
        sum of the means, the trial and the last choice.
    """
    moves: dict[str, dict[int, np.ndarray]] = {DECODED: {}, AXIS: {}}
    activity = dict(list(forced.activity.groupby("subject")))
    subjects: Any = forced.steps.groupby("subject")
    for seed, steps in subjects:
        wide = steps.pivot(index="episode", columns="trial", values=["action", "reward"])
        choice = wide["action"].to_numpy(int)
        means = bandit.posterior(choice, wide["reward"].to_numpy())[0]
        units = neural.units(activity[seed].sort_values(["episode", "trial"]))
        difference, total = means[..., 1] - means[..., 0], means.sum(axis=-1)
        weights = RidgeCV(PENALTIES).fit(units, difference.ravel()).coef_
        moves[DECODED][seed] = weights / (weights @ weights)
        trial = np.arange(wide["action"].shape[1]) + 0 * choice
        last = np.roll(2 * choice - 1, 1, axis=1) * (trial > 0)
        columns = (np.ones_like(total), difference, total, trial, trial**2, last)
        known = np.column_stack([column.ravel() for column in columns])
        moves[AXIS][seed] = np.linalg.lstsq(known, units, rcond=None)[0][1]
    return moves


def record_moved(
    trained: Trained, task: Task, forced: Recording[Any], history: History, variant: str
) -> Iterator[Recording[Any]]:
    """Record the policy after a shift of the belief, and after shifts of the same length in a
    random direction.

    Yields
    ------
    Recording
        Steps of the trials after the move; the column ``test`` has the direction, ``moved`` by how
        much the difference changes.
    """
    normal = (
        RandomStreams(trained.seeds, "directions")
        .normal(2 * trained.agent.network.core.units)
        .numpy()
    )
    unit = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    moves = {}
    for name, by_seed in directions(forced).items():
        moves[name] = np.stack([by_seed[seed] for seed in trained.seeds])
        moves[f"{name}, random"] = unit * np.linalg.norm(moves[name], axis=-1, keepdims=True)
    dtype = trained.agent.parameters["policy_weight"].dtype
    for (name, move), amount, trial in product(moves.items(), (-MOVED, MOVED), MOVED_AT):
        shift = torch.tensor(amount * move, dtype=dtype)
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
