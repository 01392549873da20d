"""Networks in training: one program, with separate updates, optimisers and random streams."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from prefrontal.errors import check, require_memory
from prefrontal.networks.build import agent_of, network_of, unroll_of
from prefrontal.networks.encoders import Identity
from prefrontal.networks.network import NetworkAgent, initial_parameters
from prefrontal.settings import Settings, batched, number, structure
from prefrontal.task import RandomStreams, Task
from prefrontal.training import a2c

COMPILE_FROM = 20_000
"""Number of training time steps above which compiling pays off; compiling takes about as long as
this many uncompiled steps."""


def updates_of(settings: Settings[Any], task: Task) -> int:
    """Number of updates of the whole training, if episodes start with unrolls."""
    unrolls = math.ceil(task.episode_steps / unroll_of(settings, task))
    return math.ceil(settings.training.episodes / settings.training.episodes_per_update) * unrolls


def is_short(settings: Settings[Any]) -> bool:
    """True if training takes less time than compiling or starting processes would."""
    task = settings.task.curriculum()[0][1]
    return updates_of(settings, task) * unroll_of(settings, task) < COMPILE_FROM


def batches(settings: Sequence[Settings[Any]]) -> list[list[Settings[Any]]]:
    """Group networks that can be trained as one batch.

    Networks whose episodes are reset immediately finish at different times and are trained one by
    one.
    """
    groups = [
        list(group)
        for _, group in itertools.groupby(sorted(settings, key=structure), key=structure)
    ]
    return [
        part
        for group in groups
        for part in (
            [[each] for each in group]
            if group[0].training.episode_reset == "immediate"
            else [group]
        )
    ]


def check_memory(settings: Settings[Any], networks: int) -> None:
    """Raise UserError if a lower bound on the memory of these networks exceeds the available
    memory."""
    task = settings.task.build()
    network, steps = network_of(settings, task), unroll_of(settings, task)
    together = 1 if settings.training.episode_reset == "immediate" else networks
    step = network.core.units * len(network.readouts) + task.step_noise + len(task.actions)
    episodes = settings.training.episodes_per_update
    sizes = {
        "networks": networks,
        "units": network.core.units,
        "episodes_per_update": episodes,
        "unroll": steps,
    }
    require_memory(
        4 * together * (4 * network.size + steps * episodes * step) + 1000 * networks,
        ", ".join(f"{name} {size:,}" for name, size in sizes.items()),
    )


def labels(parts: Sequence[Sequence[Settings[Any]]]) -> list[str]:
    """Label each of several batches by the settings in which they differ, and by seeds."""
    every = [[settings.flat() for settings in part] for part in parts]
    values = [
        {name: [*dict.fromkeys(flat[name] for flat in part)] for name in part[0]} for part in every
    ]
    differ = [
        name
        for name in values[0]
        if name != "seed" and any(each[name] != values[0][name] for each in values)
    ]

    def label(batch_values: dict[str, list[Any]]) -> str:
        named = [f"{name} {', '.join(map(str, batch_values[name]))}" for name in differ]
        return ", ".join([*named, f"seeds {', '.join(map(str, sorted(batch_values['seed'])))}"])

    return [label(each) for each in values]


class NetworkBatch:
    """Networks in training.

    Parameters
    ----------
    settings : sequence of Settings
        One per network; they may differ in the seed and in ``settings.batched()``.
    device : str
        "cpu" or "cuda".
    compiled : bool, optional
        Compile the loop over time steps; by default if training is long enough to benefit.

    Attributes
    ----------
    shared : Settings
        Those of the first network.
    flat, square : Tensor
        Parameters and RMSProp's running mean square, (network, size).
    done, ended : int
        Updates so far, and episodes that ended in them, per network.
    seconds, processor_seconds : float
        Time that they took, summed over interruptions.
    """

    def __init__(
        self, settings: Sequence[Settings[Any]], device: str = "cpu", compiled: bool | None = None
    ) -> None:
        self.settings, self.device = list(settings), device
        first = self.shared = self.settings[0]
        self.seeds = [each.seed for each in self.settings]
        self.curriculum = [
            (episode, task.for_networks(self.seeds)) for episode, task in first.task.curriculum()
        ]
        self.task = self.curriculum[0][1]
        self.network = network_of(first, self.task)
        self.immediate_reset = first.training.episode_reset == "immediate"
        alone = len(self.settings) == 1 or not self.immediate_reset
        check(alone, "networks", len(self.settings), "1, where episodes are reset immediately")
        self.episodes, self.steps = first.training.episodes_per_update, unroll_of(first, self.task)
        if compiled is None:
            compiled = not is_short(first)
        learned = {
            "supervised": first.training.objective == "supervised",
            "predicts_noise": first.training.prediction == "random",
        }
        self.programs = [
            a2c.Unroll(task, self.network, self.immediate_reset, compiled, **learned)
            for _, task in self.curriculum
        ]
        columns = {
            name.partition(".")[2]: torch.tensor(
                [number(each, name) for each in self.settings], dtype=torch.float32
            )
            for name in batched()
        }
        flat = initial_parameters(
            self.network, self.seeds, columns["init_scale"], columns["output_scale"]
        )
        adapted = [
            each.task.initial_weights(self.network, weights[None], each.seed)
            for each, weights in zip(self.settings, flat, strict=True)
        ]
        self.flat = torch.cat(adapted).to(device)
        self.square = torch.zeros_like(self.flat)
        self.hyperparameters = {name: column.to(device) for name, column in columns.items()}
        self.noise = RandomStreams(self.seeds, "training episodes")
        perturbed = any(each.training.perturbs_rpe for each in self.settings)
        self.rpe_noise = (
            RandomStreams(self.seeds, "noise on reward prediction errors") if perturbed else None
        )
        self.current: a2c.RolloutState | None = None
        self.done = self.ended = 0
        self.seconds = self.processor_seconds = 0.0

    @property
    def compiles(self) -> bool:
        """True if the next update starts with compiling."""
        loop = self.programs[0].loop
        return loop.compiled and not loop.programs

    @property
    def agent(self) -> NetworkAgent:
        """The networks in their present state, on the CPU."""
        return agent_of(self.network, self.flat.cpu(), self.settings)

    @property
    def unrolls(self) -> int:
        """Number of unrolls of the longest episode, if episodes start with unrolls."""
        return math.ceil(self.task.episode_steps / self.steps)

    @property
    def updates(self) -> int:
        """Number of updates of the whole training, if episodes start with unrolls."""
        return updates_of(self.shared, self.task)

    @property
    def progress(self) -> float:
        """Fraction of the training that is done."""
        done, all_of_it = (
            (self.ended, self.shared.training.episodes)
            if self.immediate_reset
            else (self.done, self.updates)
        )
        return min(1.0, done / all_of_it) if all_of_it else 1.0

    @property
    def trained_steps(self) -> int:
        """Time steps trained, per network."""
        return self.done * self.steps * self.episodes

    @property
    def rate(self) -> Tensor:
        """Present factor on the learning rate of every parameter: the schedule, times the encoder's
        relative rate."""
        starts = [each.training.lr_decay_start for each in self.settings]
        done = self.progress
        left = [1.0 if done <= start else max(0.0, (1 - done) / (1 - start)) for start in starts]
        factor = torch.tensor(left, dtype=torch.float32, device=self.device)[:, None]
        if isinstance(self.network.encoder, Identity):
            return factor
        factor = factor.expand(self.flat.shape).clone()
        for name, view in self.network.views(factor).items():
            if "encoder_" in name:
                view.mul_(self.hyperparameters["encoder_rate"].reshape(-1, *(1,) * (view.ndim - 1)))
        return factor

    def update(self) -> dict[str, Tensor]:
        """Play one unroll and take one step of RMSProp; return the quantities of the learning curve
        (``a2c.loss``)."""
        lesson = (
            sum(
                self.progress * self.shared.training.episodes >= first
                for first, _ in self.curriculum
            )
            - 1
        )
        self.task = self.curriculum[lesson][1]
        program = self.programs[lesson]
        opening = self.noise.uniform(self.episodes, self.task.reset_noise, device=self.device)
        noise = self.noise.uniform(self.steps, self.episodes, program.noise, device=self.device)
        start, end = self.hyperparameters["entropy_cost"], self.hyperparameters["entropy_cost_end"]
        rpe_noise = (
            None
            if self.rpe_noise is None
            else self.rpe_noise.normal(self.steps, self.episodes, device=self.device)
        )
        gradient, self.current, monitor = program.gradient(
            self.flat,
            self.hyperparameters,
            self.current,
            opening,
            noise,
            start + self.progress * (end - start),
            rpe_noise,
        )
        self.flat, self.square = a2c.rmsprop(
            self.flat, self.square, gradient, self.hyperparameters, self.rate
        )
        self.done += 1
        self.ended += int(monitor["ended"].max())
        return monitor

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, for a checkpoint."""
        counts = torch.tensor([self.done, self.ended])
        out = {
            "flat": self.flat,
            "square": self.square,
            "noise": self.noise.get_state(),
            "counts": counts,
        }
        out["seconds"] = torch.tensor([self.seconds, self.processor_seconds], dtype=torch.float64)
        if self.rpe_noise is not None:
            out["rpe_noise"] = self.rpe_noise.get_state()
        if self.current is not None:
            out |= {f"current.{name}": tensor for name, tensor in self.current.flatten().items()}
        return {
            name: tensor.clone(memory_format=torch.contiguous_format)
            for name, tensor in out.items()
        }

    def load_tensors(self, saved: dict[str, Tensor]) -> None:
        """Continue from ``tensors``."""
        # A tensor read from a file may be unaligned; kernels sum unaligned memory in another
        # order.
        saved = {name: tensor.to(self.device).clone() for name, tensor in saved.items()}
        self.flat, self.square = saved["flat"], saved["square"]
        self.done, self.ended = saved["counts"].tolist()
        self.seconds, self.processor_seconds = saved["seconds"].tolist()
        self.noise.set_state(saved["noise"].cpu())
        if self.rpe_noise is not None:
            self.rpe_noise.set_state(saved["rpe_noise"].cpu())
        current = {
            name.removeprefix("current."): t
            for name, t in saved.items()
            if name.startswith("current.")
        }
        self.current = a2c.RolloutState.unflatten(current) if current else None
