"""Build networks from settings."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from prefrontal.networks.cores import CORES
from prefrontal.networks.encoders import Identity
from prefrontal.networks.network import Network, NetworkAgent
from prefrontal.settings import Settings
from prefrontal.task import Task


def unroll_of(settings: Settings[Any], task: Task) -> int:
    """Time steps of an unroll."""
    return min(settings.training.unroll, task.episode_steps)


def network_of(settings: Settings[Any], task: Task) -> Network:
    """Build the network that these settings describe; its parameters are kept separately."""
    chosen = settings.network
    kind = CORES[chosen.core]
    sizes = {
        "units": chosen.units,
        "learned_initial_state": chosen.learned_initial_state,
        "length": unroll_of(settings, task),
    }
    known = inspect.signature(kind).parameters
    return Network(
        encoder=settings.task.encoder(chosen.units) or Identity(len(task.observations)),
        core=kind(**{name: size for name, size in sizes.items() if name in known}),
        actions=len(task.actions),
        separate_actor_critic=chosen.input != "reward",
        actor_reward=chosen.input == "reward_and_rpe",
        reward_input=chosen.reward_input,
        action_input=chosen.action_input,
        stateful=chosen.stateful,
        predicts=settings.training.prediction != "none",
    )


def agent_of(network: Network, flat: Tensor, batch: Sequence[Settings[Any]]) -> NetworkAgent:
    """Make agents from trained networks, with frozen weights.

    They play in double precision: in single precision a sampled action occasionally depends on how
    a processor rounds. Convolutions, which take nine times as long in double precision, use single
    precision.
    """
    flat = flat if network.encoder.shapes else flat.double()
    discount = torch.tensor([each.training.discount for each in batch], dtype=flat.dtype)
    scale = torch.tensor([each.training.reward_scale for each in batch], dtype=flat.dtype)
    return NetworkAgent(network, network.views(flat), discount, scale)
