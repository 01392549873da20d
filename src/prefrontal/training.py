"""Train populations of networks: settings, the training loop, resuming, sweeps, and the files that training leaves.

Per network: weights (``<condition>_<seed>.safetensors``), settings and versions (``.json``) and learning curve (``.csv``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import torch
import tyro
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from prefrontal import tables
from prefrontal.a2c import Costs, Stream, Unroll, fresh_stream
from prefrontal.errors import UserError, require
from prefrontal.network import Layout, PrefrontalNetwork, initial_parameters
from prefrontal.paths import DATA, atomic, prepare_folder
from prefrontal.recording import NetworkAgent, evaluate
from prefrontal.task import NoiseStream, Task

CURVE_POINTS = 200
"""Rows of a learning curve; each is a mean over the episodes since the row before."""

MONITORED = ("reward", "entropy", "value_error")
"""What a learning curve shows: reward per episode, entropy of the policy in nats, squared value error."""

CHECKPOINT_SECONDS = 30

VALIDATION_EPISODES = 300
"""Episodes per network that a sweep is judged on; they differ from those of training and of the test."""


@dataclass(frozen=True)
class Config:
    """Settings of one network's training. Defaults are the paper's (Wang et al. 2018, Methods, "Learning")."""

    seed: int = 0
    """Seed of the (first) network: fixes its initial weights and its stream of episodes."""
    episodes: int = 10_000
    """Training episodes."""
    episodes_per_update: int = 1
    """Episodes played side by side and averaged in one update (paper: a single thread, 1)."""
    unroll: int = 300
    """Longest unroll t_max in time steps (paper: between 100 and 300, by task)."""
    units: int = 48
    """LSTM units (paper: 48)."""
    learning_rate: float = 7e-4
    """RMSProp learning rate (paper: 7e-4)."""
    discount: float = 0.9
    """Discount factor per time step (paper: 0.9)."""
    value_cost: float = 0.05
    """Weight beta_v of the value gradient (paper: 0.05)."""
    entropy_cost: float = 0.05
    """Weight beta_e of the entropy gradient at the start of training (paper: 0.05)."""
    entropy_cost_end: float | None = None
    """Weight beta_e at the end of training, approached linearly; None keeps the first (paper: annealed in some simulations)."""
    rms_decay: float = 0.99
    """Decay of RMSProp's running mean square per update (not stated; Mnih et al. 2016 use 0.99)."""
    rms_epsilon: float = 1e-5
    """Added to the root mean square (not stated)."""
    gradient_clip: float | None = None
    """Largest norm of a network's gradient; None does not clip (not stated)."""
    init_scale: float = 1.0
    """Initial LSTM weights in units of ±1/sqrt(units), uniform (not stated)."""
    output_scale: float = 1.0
    """Initial policy and value weights in the same units (not stated)."""
    reward_scale: float = 1.0
    """Factor on the rewards that the network sees and learns from (not stated)."""
    network_input: Literal["reward", "rpe"] = "reward"
    """A shared LSTM that sees the last reward, or two LSTMs, of which the actor sees the critic's reward prediction error instead
    (Methods, simulation 6)."""
    rpe_scale: float = 1.0
    """Factor on the reward prediction errors that drive learning (paper: 1; another interferes with dopamine)."""
    negative_rpe_scale: float = 1.0
    """Further factor on the negative ones (paper: 1; 0 clips them at zero)."""
    rpe_noise: float = 0.0
    """Standard deviation of Gaussian noise added to them, in units of reward times reward_scale (paper: 0)."""
    snapshots: int = 0
    """Times during training, evenly spaced, at which the weights are kept as they are (for analyses of training itself)."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            if get_origin(hint) is Literal:
                words = get_args(hint)
                require(getattr(self, name) in words, name, getattr(self, name), f"one of {', '.join(map(repr, words))}")
        for name in ("episodes", "episodes_per_update", "unroll", "units"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("seed", "snapshots"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("learning_rate", "rms_epsilon", "reward_scale"):
            require(0 < getattr(self, name) < math.inf, name, getattr(self, name), "above 0, and finite")
        require(self.gradient_clip is None or self.gradient_clip > 0, "gradient_clip", self.gradient_clip, "above 0, or None")
        end = self.entropy_cost_end
        require(end is None or 0 <= end < math.inf, "entropy_cost_end", end, "0 or more and finite, or None")
        for name in ("value_cost", "entropy_cost", "init_scale", "output_scale", "rpe_scale", "negative_rpe_scale", "rpe_noise"):
            require(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "0 or more, and finite")
        for name in ("discount", "rms_decay"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "between 0 and 1")

    @property
    def variant(self) -> str:
        """Short name of what departs from the experiment's default, but for the network's input."""
        return "default"

    @property
    def condition(self) -> str:
        """Short name of what was trained; it leads the file names and fills the tables' condition column."""
        return self.variant + ("" if self.network_input == type(self).network_input else f"_{self.network_input}")

    def task(self) -> Task:
        """Build the task that the network is trained on."""
        raise NotImplementedError

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and the best possible one; sweeps are read on this scale."""
        raise NotImplementedError

    @property
    def interferes(self) -> bool:
        """Whether the reward prediction errors that drive learning are changed."""
        return (self.rpe_scale, self.negative_rpe_scale, self.rpe_noise) != (1, 1, 0)

    @property
    def snapshot_episodes(self) -> list[int]:
        """Training episodes after which weights are kept."""
        return sorted({self.episodes * k // self.snapshots for k in range(1, self.snapshots + 1)} - {0})

    def json(self) -> str:
        """Settings as JSON, for provenance."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, default=str)


NUMERIC = (
    "learning_rate",
    "discount",
    "value_cost",
    "entropy_cost",
    "entropy_cost_end",
    "rms_decay",
    "rms_epsilon",
    "gradient_clip",
    "init_scale",
    "output_scale",
    "reward_scale",
    "rpe_scale",
    "negative_rpe_scale",
    "rpe_noise",
)
"""Settings that may differ between the networks of one population."""


NO_LIMIT: dict[str, Callable[[Config], float]] = {
    "entropy_cost_end": lambda config: config.entropy_cost,
    "gradient_clip": lambda config: math.inf,
}
"""What None stands for."""


class Population:
    """Networks in training: one program, separate updates, separate optimisers, separate random streams.

    Parameters
    ----------
    configs : list of Config
        One per network; they may differ in ``seed`` and the ``NUMERIC`` settings.
    device : str
        "cpu" or "cuda".
    compiled : bool
        Compile the inner loops.
    """

    def __init__(self, configs: list[Config], device: str = "cpu", compiled: bool = True) -> None:
        self.configs, self.device = configs, device
        first = configs[0]
        self.task = first.task()
        self.layout = Layout(len(self.task.observations), len(self.task.actions), first.units, first.network_input == "rpe")
        self.episodes = first.episodes_per_update
        self.steps = min(first.unroll, self.task.episode_steps)
        seeds = [config.seed for config in configs]

        def column(name: str) -> Tensor:
            values = [NO_LIMIT[name](c) if getattr(c, name) is None else getattr(c, name) for c in configs]
            return torch.tensor(values, dtype=torch.float32, device=device)

        self.costs = Costs(**{field.name: column(field.name) for field in dataclasses.fields(Costs)})
        self.entropy_start, self.entropy_end = column("entropy_cost"), column("entropy_cost_end")

        flat = initial_parameters(self.layout, seeds, column("init_scale").cpu(), column("output_scale").cpu())
        self.flat = flat.to(device)
        self.square = torch.zeros_like(self.flat)
        self.noise = NoiseStream(seeds, "training episodes")
        interferes = any(config.interferes for config in configs)
        self.rpe_noise = NoiseStream(seeds, "noise on reward prediction errors") if interferes else None
        self.stream: Stream | None = None
        self.done = 0
        self.program = Unroll(self.task, self.layout, self.steps, compiled)

    @property
    def network(self) -> PrefrontalNetwork:
        """The networks as they stand, on the CPU."""
        return PrefrontalNetwork(self.layout, self.flat.cpu(), self.costs.discount.cpu())

    @property
    def unrolls(self) -> int:
        """Unrolls that the longest episode takes."""
        return math.ceil(self.task.episode_steps / self.steps)

    @property
    def updates(self) -> int:
        """Updates that the whole training takes."""
        return math.ceil(self.configs[0].episodes / self.episodes) * self.unrolls

    @torch.no_grad()
    def update(self) -> Tensor:
        """Play one unroll and take one step of RMSProp; return the ``MONITORED`` entries, (seed, 3)."""
        task, parameters = self.task, self.layout.views(self.flat)
        opening = self.noise.uniform(self.episodes, task.begin_noise, device=self.device)
        noise = self.noise.uniform(self.steps, self.episodes, 1 + task.step_noise, device=self.device)
        stream = fresh_stream(task, self.layout, parameters, opening)
        fresh = torch.ones_like(stream.state["over"])
        if self.stream is not None and not self.stream.state["over"].all():
            fresh = self.stream.state["over"]
            stream = self.stream.where(fresh, stream)
        after, chunks = self.program.play(parameters, self.costs, stream, noise)
        entropy_cost = self.entropy_start + self.done / self.updates * (self.entropy_end - self.entropy_start)
        rpe_noise = None if self.rpe_noise is None else self.rpe_noise.normal(self.steps, self.episodes, device=self.device)
        gradient, monitor = self.program.gradients(parameters, chunks, after, fresh, self.costs, entropy_cost, rpe_noise)
        self.flat, self.square = self.program.rmsprop(self.flat, self.square, gradient, self.costs)
        self.stream = after
        self.done += 1
        monitor["reward"] = monitor["reward"] / self.costs.reward_scale * self.unrolls
        return torch.stack([monitor[name] for name in MONITORED], dim=1)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, for a checkpoint."""
        out = {"flat": self.flat, "square": self.square, "noise": self.noise.get_state(), "done": torch.tensor(self.done)}
        if self.rpe_noise is not None:
            out["rpe_noise"] = self.rpe_noise.get_state()
        if self.stream is not None:
            out |= {f"stream.{name}": tensor for name, tensor in self.stream.flatten().items()}
        return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in out.items()}

    def load_tensors(self, saved: dict[str, Tensor]) -> None:
        """Continue from ``tensors``."""
        saved = {name: tensor.to(self.device) for name, tensor in saved.items()}
        self.flat, self.square, self.done = saved["flat"], saved["square"], int(saved["done"])
        self.noise.set_state(saved["noise"].cpu())
        if self.rpe_noise is not None:
            self.rpe_noise.set_state(saved["rpe_noise"].cpu())
        stream = {name.removeprefix("stream."): t for name, t in saved.items() if name.startswith("stream.")}
        self.stream = Stream.unflatten(stream) if stream else None


def train(
    configs: list[Config],
    checkpoints: Path,
    device: str = "cpu",
    compiled: bool = True,
    snapshots: Path | None = None,
) -> tuple[Population, Tensor]:
    """Train a population to the end of its episodes, resuming from a checkpoint of the same settings if there is one.

    Weights on the way go to folders in ``snapshots``, named by the episodes trained, if the settings ask for them.

    Returns
    -------
    population : Population
    curve : Tensor
        Learning curve, (points, seed, 3): means of ``MONITORED`` between two points.
    """
    population = Population(configs, device, compiled)
    checkpoint = checkpoint_path(configs, checkpoints)
    points = min(CURVE_POINTS, population.updates)
    # Update u belongs to point u * points // updates.
    curve = torch.zeros(points, len(configs), len(MONITORED), dtype=torch.float64)
    prepare_folder(checkpoints)
    if checkpoint.exists():
        curve = resume(population, checkpoint)
    counts = torch.bincount(torch.arange(population.updates) * points // population.updates)

    due_snapshots = {max(1, population.updates * e // configs[0].episodes): e for e in configs[0].snapshot_episodes}
    saved_at = time.monotonic()
    with tqdm(total=population.updates, initial=population.done, desc=configs[0].condition, unit="update") as bar:
        while population.done < population.updates:
            point = population.done * points // population.updates
            curve[point] += population.update().cpu() / counts[point]
            bar.update()
            if snapshots is not None and population.done in due_snapshots:
                save_weights(population, snapshots / str(due_snapshots[population.done]))
            closes = population.done == population.updates or population.done * points // population.updates > point
            due = time.monotonic() - saved_at > CHECKPOINT_SECONDS
            if closes or due:
                refuse_divergence(population, curve[point])
                bar.set_postfix(reward=f"{curve[point, :, 0].mean():.3g}" if closes else "", refresh=False)
            if due:
                with atomic(checkpoint) as path:
                    save_file(population.tensors() | {"curve": curve}, path)
                saved_at = time.monotonic()
    return population, curve


def resume(population: Population, checkpoint: Path) -> Tensor:
    """Continue a population from a checkpoint; return its learning curve so far."""
    try:
        saved = load_file(checkpoint)
        curve = saved.pop("curve")
        population.load_tensors(saved)
    except Exception as error:  # safetensors raises kinds of its own
        raise UserError(f"{checkpoint}: not a readable checkpoint ({error}); delete it to train from the start") from error
    return curve


def checkpoint_path(configs: list[Config], folder: Path) -> Path:
    """Where training with exactly these settings keeps its checkpoint."""
    settings = json.dumps([config.json() for config in configs])
    return folder / f"{configs[0].condition}_{hashlib.sha256(settings.encode()).hexdigest()[:12]}.safetensors"


def refuse_divergence(population: Population, entry: Tensor) -> None:
    """Stop training with a message if a network's loss or weights are no longer finite."""
    finite = population.flat.isfinite().all(dim=1).cpu() & entry.isfinite().all(dim=1)
    if not finite.all():
        config = population.configs[int((~finite).nonzero()[0])]
        episode = population.done * population.episodes // population.unrolls
        raise UserError(
            f"seed {config.seed}: loss or weights not finite at episode {episode:,}; "
            f"try learning_rate below {config.learning_rate:g}, or a gradient_clip"
        )


def provenance(configs: Sequence[Config]) -> dict[str, Any]:
    """Provenance of files made from networks with these settings."""
    return tables.provenance(json.dumps([config.json() for config in configs]), sorted({config.seed for config in configs}))


def save_networks(population: Population, curve: Tensor, folder: Path, seconds: float) -> None:
    """Write weights, settings and learning curve of every network to ``folder``."""
    save_weights(population, folder)
    episodes = np.linspace(0, population.configs[0].episodes, len(curve) + 1)[1:].round().astype(int)
    for index, config in enumerate(population.configs):
        stem = f"{config.condition}_{config.seed}"
        about = {
            "config": dataclasses.asdict(config),
            "condition": config.condition,
            "layout": dataclasses.asdict(population.layout),
            "training_seconds_population": round(seconds, 1),
            "networks_in_population": len(population.configs),
            "provenance": provenance([config]),
        }
        frame = pd.DataFrame(curve[:, index].numpy(), columns=list(MONITORED))
        frame.insert(0, "episode", episodes)
        tables.write(frame, folder / f"{stem}.csv", "learning_curve")
        with atomic(folder / f"{stem}.json") as path:
            path.write_text(json.dumps(about, indent=1, default=str) + "\n")


def save_weights(population: Population, folder: Path) -> None:
    """Write the weights of every network to ``folder``."""
    parameters = population.layout.views(population.flat.cpu())
    layout = json.dumps(dataclasses.asdict(population.layout))
    for index, config in enumerate(population.configs):
        with atomic(folder / f"{config.condition}_{config.seed}.safetensors") as path:
            own = {name: tensor[index].clone() for name, tensor in parameters.items()}
            save_file(own, path, metadata={"layout": layout, "config": config.json()})


ConfigType = TypeVar("ConfigType", bound=Config)
OptionsType = TypeVar("OptionsType")


def load_agent(
    folder: Path, config_type: type[ConfigType], condition: str, seeds: list[int]
) -> tuple[NetworkAgent, list[ConfigType]]:
    """Read trained networks, ready to be recorded, and the settings they were trained with.

    Raises
    ------
    UserError
        As ``load_networks``, and where the settings are not those of this experiment.
    """
    configs = []
    for seed in seeds:
        path = folder / f"{condition}_{seed}.json"
        if not path.exists():
            raise UserError(f"{path}: no trained network for seed {seed} of condition {condition!r}; train it first")
        try:
            configs.append(config_type(**json.loads(path.read_text())["config"]))
        except (UserError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not the settings of such a network ({error})") from error
    if not configs:
        raise UserError("seeds is empty; at least one network is needed")
    network = load_networks(folder, condition, seeds, configs[0].task())
    network.discount = torch.tensor([config.discount for config in configs])
    return NetworkAgent(network, torch.tensor([config.reward_scale for config in configs])), configs


def load_networks(folder: Path, condition: str, seeds: list[int], task: Task) -> PrefrontalNetwork:
    """Read trained networks for a task, stacked in the order of ``seeds``.

    Raises
    ------
    UserError
        A file is missing, unreadable, or belongs to a task or network of other sizes.
    """
    flats, layout = [], None
    for seed in seeds:
        path = folder / f"{condition}_{seed}.safetensors"
        if not path.exists():
            raise UserError(f"{path}: no trained network for seed {seed} of condition {condition!r}; train it first")
        try:
            with safe_open(path, "pt") as file:
                own = Layout(**json.loads(file.metadata()["layout"]))
                parameters = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        except Exception as error:  # safetensors raises kinds of its own
            raise UserError(f"{path}: not a readable network ({error})") from error
        shapes = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
        expected = layout or Layout(len(task.observations), len(task.actions), own.units, own.separate)
        if own != expected or shapes != own.shapes:
            raise UserError(f"{path}: a network with {own} does not fit {type(task).__name__}, which needs {expected}")
        layout = own
        flats.append(own.flatten({name: tensor[None] for name, tensor in parameters.items()}))
    if layout is None:
        raise UserError("seeds is empty; at least one network is needed")
    return PrefrontalNetwork(layout, torch.cat(flats))


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what to train."""

    seeds: int = 8
    """Number of networks, seeded ``seed``, ``seed`` + 1, ... (paper: 8 wherever it shows spread)."""
    sweep: tuple[str, ...] = ()
    """Grid, such as init_scale=1,2.5 learning_rate=7e-4,2e-3: trains every combination and writes a comparison, no networks."""
    all: bool = False
    """Train every variant that the experiment's figure needs, one after the other."""
    name: str = "sweep"
    """Name of the sweep's comparison, data/<experiment>/sweeps/<name>.csv."""
    data: Path = DATA
    """Data folder."""
    device: str = "cpu"
    """cpu or cuda."""
    threads: int = 1
    """CPU threads; more than one helps only from about 100 episodes at once."""
    compile: bool = True
    """Compile the inner loops."""


def grid(config: Config, sweep: tuple[str, ...]) -> list[Config]:
    """Every combination of the settings in ``sweep``, such as ("init_scale=1,2.5", "learning_rate=7e-4,2e-3")."""
    fields = {field.name: field for field in dataclasses.fields(config)}
    axes: list[list[tuple[str, Any]]] = []
    for axis in sweep:
        name, _, values = axis.partition("=")
        if name not in fields or not values:
            raise UserError(f"sweep {axis!r}: write setting=value,value with a setting among {', '.join(fields)}")
        kind = type(getattr(config, name))
        try:
            axes.append([(name, (float if kind is type(None) else kind)(value)) for value in values.split(",")])
        except ValueError as error:
            raise UserError(f"sweep {axis!r}: {error}; {name} is of type {kind.__name__}") from error
    return [dataclasses.replace(config, **dict(point)) for point in itertools.product(*axes)]


def structure(config: Config) -> str:
    """Settings that one program must share: all but the numeric ones and the seed."""
    return json.dumps({k: v for k, v in dataclasses.asdict(config).items() if k not in (*NUMERIC, "seed")}, sort_keys=True)


def populations(configs: list[Config]) -> list[list[Config]]:
    """Group networks that can train together as one program."""
    return [list(group) for _, group in itertools.groupby(sorted(configs, key=structure), key=structure)]


def compare(configs: list[Config], folder: Path, options: Options) -> pd.DataFrame:
    """Train a grid and write how each network learned: ``sweeps/<name>.csv``, with curves in ``<name>_curves.csv``."""
    varied = [f.name for f in dataclasses.fields(configs[0]) if len({getattr(c, f.name) for c in configs}) > 1]
    rows, curves = [], []
    for together in populations(configs):
        population, curve = train(together, folder / "checkpoints", options.device, options.compile)
        outcomes = learning(population, curve)
        for config, outcome, reward in zip(together, outcomes, curve[..., 0].numpy().T, strict=True):
            about = {name: getattr(config, name) for name in varied}
            low, best = config.reward_range()
            every = max(1, len(reward) // 20)
            points = np.linspace(0, config.episodes, len(reward) + 1)[1:]
            share = (reward - low) / (best - low)
            curves.append(pd.DataFrame({**about, "episode": points, "share": share})[every - 1 :: every])
            rows.append(about | outcome)
    frame = pd.DataFrame(rows)
    about = provenance(configs)
    tables.write(frame, folder / "sweeps" / f"{options.name}.csv", about=about)
    tables.write(pd.concat(curves), folder / "sweeps" / f"{options.name}_curves.csv", about=about)
    for together in populations(configs):
        checkpoint_path(together, folder / "checkpoints").unlink(missing_ok=True)
    settings = [name for name in varied if name != "seed"]
    if settings:
        print(frame.drop(columns="seed", errors="ignore").groupby(settings).mean().to_string(float_format="%.3f"))
    return frame


def learning(population: Population, curve: Tensor) -> list[dict[str, float]]:
    """Summarize how each network learned.

    Returns
    -------
    list of dict
        share_end and share_validation: share of the possible gain over random choice, (reward - random) / (best - random),
        over the last tenth of training and on validation episodes with frozen weights; episodes_to_80_percent: until a
        learning-curve point first reaches a share of 0.8, NaN if none does; training_episodes.
    """
    configs, network = population.configs, population.network
    agent = NetworkAgent(network, population.costs.reward_scale.cpu())
    seeds = [config.seed for config in configs]
    validation = evaluate(agent, population.task, seeds, VALIDATION_EPISODES, "validation episodes")
    out = []
    for index, config in enumerate(configs):
        low, best = config.reward_range()
        share = (curve[:, index, 0].numpy() - low) / (best - low)
        episodes = np.linspace(0, config.episodes, len(share) + 1)[1:]
        reached = np.flatnonzero(share >= 0.8)
        out.append(
            {
                "share_end": share[-max(1, len(share) // 10) :].mean(),
                "share_validation": (validation[index] - low) / (best - low),
                "episodes_to_80_percent": episodes[reached[0]] if len(reached) else np.nan,
                "training_episodes": config.episodes,
            }
        )
    return out


def replicate(points: list[Config], seeds: int) -> list[Config]:
    """Give each combination of settings ``seeds`` networks, seeded in succession."""
    return [dataclasses.replace(point, seed=point.seed + k) for point in points for k in range(seeds)]


def command_line(
    config_type: type[ConfigType],
    options_type: type[OptionsType],
    module: str,
    arguments: list[str] | None,
    description: str | None = None,
) -> tuple[ConfigType, OptionsType]:
    """Read an experiment's settings and a command's options from the command line."""
    command = dataclasses.make_dataclass(
        "Command",
        [
            ("config", Annotated[config_type, tyro.conf.OmitArgPrefixes]),
            ("options", Annotated[options_type, tyro.conf.OmitArgPrefixes]),
        ],
    )
    parsed: Any = tyro.cli(command, args=arguments, prog=f"python -m {module}", description=description)
    return parsed.config, parsed.options


def require_device(device: str) -> None:
    """Raise UserError unless this machine has the device."""
    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    require(device in available, "device", device, f"one of those found here: {', '.join(available)}")


def main(
    config_type: type[Config],
    experiment: str,
    variants: tuple[dict[str, Any], ...] = ({},),
    arguments: list[str] | None = None,
) -> None:
    """Command line of an experiment's train.py: every setting of its Config, and the options above.

    ``variants`` are the settings that tell apart the populations of the experiment's figure; ``--all`` trains them all. What the
    command line sets holds for every variant.
    """
    module, description = f"replications.{experiment}.train", f"Train networks on {experiment}."
    config, options = command_line(config_type, Options, module, arguments, description)
    require(options.seeds >= 1, "seeds", options.seeds, "at least 1")
    require(options.threads >= 1, "threads", options.threads, "at least 1")
    require_device(options.device)
    torch.set_num_threads(options.threads)
    folder = options.data / experiment
    chosen = [depart(config, variant) for variant in (variants if options.all else ({},))]
    configs = replicate([point for variant in chosen for point in grid(variant, options.sweep)], options.seeds)
    if options.sweep:
        compare(configs, folder, options)
    else:
        for together in populations(configs):
            train_and_save(together, folder, options)


def depart(config: ConfigType, variant: dict[str, Any]) -> ConfigType:
    """Apply a variant's settings, but for those that ``config`` already departs from the defaults in."""
    given = {field.name for field in dataclasses.fields(config) if getattr(config, field.name) != field.default}
    return dataclasses.replace(config, **{name: value for name, value in variant.items() if name not in given})


def train_and_save(configs: list[Config], folder: Path, options: Options) -> None:
    """Train a population and write its networks to ``folder``/networks."""
    began = time.monotonic()
    population, curve = train(configs, folder / "checkpoints", options.device, options.compile, folder / "snapshots")
    save_networks(population, curve, folder / "networks", time.monotonic() - began)
    checkpoint_path(configs, folder / "checkpoints").unlink(missing_ok=True)
