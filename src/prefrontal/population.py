"""Networks in training: one program, separate updates, separate optimisers, separate random streams."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from prefrontal import a2c
from prefrontal.config import Config, numeric, structure, value_of
from prefrontal.cores import CORES
from prefrontal.encoders import Identity
from prefrontal.errors import require, require_memory
from prefrontal.network import Network, NetworkAgent, initial_parameters
from prefrontal.task import NoiseStream, Task, of_networks

COMPILE_FROM = 20_000
"""Time steps from which compiling, which takes about as long as so many uncompiled ones, pays."""


def unroll_of(config: Config, task: Task) -> int:
    """Time steps of an unroll."""
    return min(config.unroll, task.episode_steps)


def updates_of(config: Config, task: Task) -> int:
    """Updates that the whole training takes, where the next episode begins with an unroll."""
    unrolls = math.ceil(task.episode_steps / unroll_of(config, task))
    return math.ceil(config.episodes / config.episodes_per_update) * unrolls


def is_short(config: Config) -> bool:
    """Whether a training is over sooner than compiling it, or starting processes for it, would be."""
    task = config.lessons()[0][1]
    return updates_of(config, task) * unroll_of(config, task) < COMPILE_FROM


def network_of(config: Config, task: Task) -> Network:
    """Build the network that these settings ask for; its parameters are kept apart from it."""
    kind = CORES[config.core]
    sizes = {"units": config.units, "learned_start": config.learned_start, "length": unroll_of(config, task)}
    known = inspect.signature(kind).parameters
    return Network(
        encoder=config.encoder() or Identity(len(task.observations)),
        core=kind(**{name: size for name, size in sizes.items() if name in known}),
        actions=len(task.actions),
        apart=config.network_input == "rpe",
        sees_reward=config.sees_reward,
        sees_action=config.sees_action,
        remembers=config.remembers,
    )


def agent_of(network: Network, flat: Tensor, configs: Sequence[Config]) -> NetworkAgent:
    """Frozen networks that play as they were trained.

    They play in double precision: in single, an action hangs now and then on how a processor rounds. Convolutions, which take
    nine times as long in double, play in single.
    """
    flat = flat if network.encoder.shapes else flat.double()
    discount, scale = (
        torch.tensor([getattr(c, name) for c in configs], dtype=flat.dtype) for name in ("discount", "reward_scale")
    )
    return NetworkAgent(network, network.views(flat), discount, scale)


def populations(configs: list[Config]) -> list[list[Config]]:
    """Group networks that can train together as one program; those whose episodes reopen at once end at times of their own."""
    groups = [list(group) for _, group in itertools.groupby(sorted(configs, key=structure), key=structure)]
    return [part for group in groups for part in ([[c] for c in group] if group[0].reopen == "at once" else [group])]


def refuse_too_large(config: Config, networks: int) -> None:
    """Raise UserError if so many networks are too large to train together; a lower bound of what it takes is what counts."""
    task = config.task()
    network, steps = network_of(config, task), unroll_of(config, task)
    together = 1 if config.reopen == "at once" else networks
    step = network.core.units * len(network.readouts) + task.step_noise + len(task.actions)
    sizes = {"seeds": networks, "units": config.units, "episodes_per_update": config.episodes_per_update, "unroll": steps}
    require_memory(
        4 * together * (4 * network.size + steps * config.episodes_per_update * step) + 1000 * networks,
        ", ".join(f"{name} {size:,}" for name, size in sizes.items()),
    )


def labels(parts: Sequence[Sequence[Config]]) -> list[str]:
    """Name each of several populations by the settings in which they differ, and by its seeds."""
    every = [[config.settings() for config in part] for part in parts]
    values = [{name: [*dict.fromkeys(own[name] for own in part)] for name in part[0]} for part in every]
    differ = [name for name in values[0] if name != "seed" and any(own[name] != values[0][name] for own in values)]

    def told(own: dict[str, list[Any]]) -> str:
        words = [f"{name} {', '.join(map(str, own[name]))}" for name in differ]
        return ", ".join([*words, f"seeds {', '.join(map(str, sorted(own['seed'])))}"])

    return [told(own) for own in values]


class Population:
    """Networks in training.

    Parameters
    ----------
    configs : list of Config
        One per network; they may differ in ``seed`` and the numeric settings.
    device : str
        "cpu" or "cuda".
    compiled : bool, optional
        Compile the chunks of time steps; by default where the training is long enough to gain by it.

    Attributes
    ----------
    flat, square : Tensor
        Parameters and RMSProp's running mean square, (seed, size).
    done, ended : int
        Updates so far, and episodes that ended in them, per network.
    seconds, processor_seconds : float
        Time that they took, over all interruptions.
    """

    def __init__(self, configs: list[Config], device: str = "cpu", compiled: bool | None = None) -> None:
        self.configs, self.device = configs, device
        first = self.config = configs[0]
        self.seeds = [config.seed for config in configs]
        self.lessons = [(episode, of_networks(task, self.seeds)) for episode, task in first.lessons()]
        self.task = self.lessons[0][1]
        self.network = network_of(first, self.task)
        self.at_once = first.reopen == "at once"
        require(len(configs) == 1 or not self.at_once, "networks", len(configs), "1, where episodes reopen at once")
        self.episodes, self.steps = first.episodes_per_update, unroll_of(first, self.task)
        if compiled is None:
            compiled = not is_short(first)
        supervised = first.objective == "supervised"
        self.programs = [a2c.Unroll(task, self.network, self.at_once, compiled, supervised) for _, task in self.lessons]
        columns = {name: torch.tensor([value_of(c, name) for c in configs], dtype=torch.float32) for name in numeric(type(first))}
        flat = initial_parameters(self.network, self.seeds, columns["init_scale"], columns["output_scale"])
        self.flat = torch.cat([c.initial(self.network, own[None]) for c, own in zip(configs, flat, strict=True)]).to(device)
        self.square = torch.zeros_like(self.flat)
        self.costs = {name: column.to(device) for name, column in columns.items()}
        self.noise = NoiseStream(self.seeds, "training episodes")
        interferes = any(config.interferes for config in configs)
        self.rpe_noise = NoiseStream(self.seeds, "noise on reward prediction errors") if interferes else None
        self.stream: a2c.Stream | None = None
        self.done = self.ended = 0
        self.seconds = self.processor_seconds = 0.0

    @property
    def compiles(self) -> bool:
        """Whether the next update begins with compiling."""
        loop = self.programs[0].loop
        return loop is not None and not loop.programs

    @property
    def agent(self) -> NetworkAgent:
        """The networks as they stand, on the CPU."""
        return agent_of(self.network, self.flat.cpu(), self.configs)

    @property
    def unrolls(self) -> int:
        """Unrolls that the longest episode takes, where the next one begins with an unroll."""
        return math.ceil(self.task.episode_steps / self.steps)

    @property
    def updates(self) -> int:
        """Updates that the whole training takes, where the next episode begins with an unroll."""
        return updates_of(self.config, self.task)

    @property
    def share(self) -> float:
        """Share of the training that is done."""
        done, all_of_it = (self.ended, self.config.episodes) if self.at_once else (self.done, self.updates)
        return min(1.0, done / all_of_it) if all_of_it else 1.0

    @property
    def trained_steps(self) -> int:
        """Time steps trained, per network."""
        return self.done * self.steps * self.episodes

    @property
    def rate(self) -> Tensor:
        """Factor on the learning rate now, of every parameter: the schedule times what is left for the encoder."""
        constant = self.config.constant_rate
        left = 1.0 if self.share <= constant else max(0.0, (1 - self.share) / (1 - constant))
        factor = torch.full((1, 1), left, device=self.device)
        if isinstance(self.network.encoder, Identity):
            return factor
        factor = factor.expand(self.flat.shape).clone()
        for name, view in self.network.views(factor).items():
            if "encoder_" in name:
                view.mul_(self.costs["encoder_rate"].reshape(-1, *(1,) * (view.ndim - 1)))
        return factor

    def update(self) -> dict[str, Tensor]:
        """Play one unroll and take one step of RMSProp; return what the learning curve shows (``a2c.loss``)."""
        lesson = sum(self.share * self.config.episodes >= first for first, _ in self.lessons) - 1
        self.task = self.lessons[lesson][1]
        program = self.programs[lesson]
        opening = self.noise.uniform(self.episodes, self.task.begin_noise, device=self.device)
        noise = self.noise.uniform(self.steps, self.episodes, program.noise, device=self.device)
        start, end = self.costs["entropy_cost"], self.costs["entropy_cost_end"]
        rpe_noise = None if self.rpe_noise is None else self.rpe_noise.normal(self.steps, self.episodes, device=self.device)
        gradient, self.stream, monitor = program.gradient(
            self.flat, self.costs, self.stream, opening, noise, start + self.share * (end - start), rpe_noise
        )
        self.flat, self.square = a2c.rmsprop(self.flat, self.square, gradient, self.costs, self.rate)
        self.done += 1
        self.ended += int(monitor["ended"].max())
        return monitor

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, for a checkpoint."""
        counts = torch.tensor([self.done, self.ended])
        out = {"flat": self.flat, "square": self.square, "noise": self.noise.get_state(), "counts": counts}
        out["seconds"] = torch.tensor([self.seconds, self.processor_seconds], dtype=torch.float64)
        if self.rpe_noise is not None:
            out["rpe_noise"] = self.rpe_noise.get_state()
        if self.stream is not None:
            out |= {f"stream.{name}": tensor for name, tensor in self.stream.flatten().items()}
        return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in out.items()}

    def load_tensors(self, saved: dict[str, Tensor]) -> None:
        """Continue from ``tensors``."""
        saved = {name: tensor.to(self.device) for name, tensor in saved.items()}
        self.flat, self.square = saved["flat"], saved["square"]
        self.done, self.ended = saved["counts"].tolist()
        self.seconds, self.processor_seconds = saved["seconds"].tolist()
        self.noise.set_state(saved["noise"].cpu())
        if self.rpe_noise is not None:
            self.rpe_noise.set_state(saved["rpe_noise"].cpu())
        stream = {name.removeprefix("stream."): t for name, t in saved.items() if name.startswith("stream.")}
        self.stream = a2c.Stream.unflatten(stream) if stream else None
