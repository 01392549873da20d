"""Settings of an experiment: task, network and training, each a validated class, nested in
``Settings``.

The same objects travel from the command line (``--task.reversal 0.1``) to networks, recordings,
analyses, ideal observers and labels. Nothing here imports PyTorch.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeVar,
    dataclass_transform,
    get_args,
    get_type_hints,
)

import pydantic
from pydantic import ConfigDict, Field, ValidationError

from prefrontal.errors import LARGEST, UserError, check, shown

if TYPE_CHECKING:
    from torch import Tensor

    from prefrontal.networks.encoders import Encoder
    from prefrontal.networks.network import Network
    from prefrontal.task import Task

Count = Annotated[int, Field(ge=1, le=LARGEST)]
"""Whole number, 1 or more."""
CountOrZero = Annotated[int, Field(ge=0, le=LARGEST)]
"""Whole number, 0 or more."""
Probability = Annotated[float, Field(ge=0, le=1)]
"""Number between 0 and 1."""
Positive = Annotated[float, Field(gt=0, lt=1e18, allow_inf_nan=False)]
"""Finite number above 0."""
NonNegative = Annotated[float, Field(ge=0, lt=1e18, allow_inf_nan=False)]
"""Finite number, 0 or more."""
Number = Annotated[float, Field(gt=-1e18, lt=1e18, allow_inf_nan=False)]
"""Finite number."""

Variants = dict[str, dict[str, Any]]
"""Variant -> settings that differ from those of an experiment, by dotted name."""

BATCHED = "networks that differ in this setting can be trained as one batch"
"""Mark, in the annotation, of settings that may differ within a batch."""

Kind = TypeVar("Kind", bound="type[Any]")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def validated(kind: Kind) -> Kind:
    """Make a class a frozen dataclass with keyword arguments that checks names, types and ranges.

    Invalid values raise a one-line ``UserError`` that names the setting.
    """
    config = ConfigDict(extra="forbid", strict=True)
    made: Any = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=config)(kind)
    initialise = made.__init__

    @functools.wraps(initialise)
    def checked(self: Any, *arguments: Any, **values: Any) -> None:
        try:
            initialise(self, *arguments, **values)
        except ValidationError as error:
            raise UserError(_message(type(self), error)) from None

    made.__init__ = checked
    return made


def _message(kind: type[Any], error: ValidationError) -> str:
    """Say in one line what is wrong with a value."""
    first = error.errors()[0]
    place, group = str(first["loc"][0]) if first["loc"] else "", getattr(kind, "GROUP", "")
    name = f"{group}.{place}" if group else place
    if first["type"] in ("unexpected_keyword_argument", "unexpected_positional_argument"):
        known = ", ".join(field.name for field in dataclasses.fields(kind))
        return f"no setting {name!r}; there are {known}"
    message = first["msg"]
    return f"{name} is {shown(first['input'])}: {message[0].lower()}{message[1:]}"


@validated
class TaskSettings(ABC):
    """Settings of a task; subclasses add fields and build the task from them."""

    GROUP: ClassVar[str] = "task"

    @abstractmethod
    def build(self) -> Task:
        """Build the task; imports PyTorch."""

    @abstractmethod
    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of the best possible agent."""

    def check_others(self, network: NetworkSettings, training: TrainingSettings) -> None:
        """Raise UserError if the task needs other settings of network or training."""
        return

    def curriculum(self) -> list[tuple[int, Task]]:
        """Training tasks in order, each with its first episode."""
        return [(0, self.build())]

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """Fixed test problems of the figures, by name: functions that build the tasks."""
        return {}

    def encoder(self, units: int) -> Encoder | None:
        """Turn observations into the core's input; None passes them on unchanged."""
        return None

    def initial_weights(self, network: Network, flat: Tensor, seed: int) -> Tensor:
        """Adapt the initial weights (1, size) of one network to its observations."""
        return flat


@validated
class NetworkSettings:
    """Settings of a network. Defaults are the paper's (Wang et al. 2018, Methods,
    "Architecture")."""

    GROUP: ClassVar[str] = "network"

    core: Literal["lstm", "gru", "rnn", "attention", "memory_slots", "feedforward"] = "lstm"
    """Memory of the network (paper: LSTM)."""
    stateful: bool = True
    """Keep the core's state from one time step to the next (paper: yes)."""
    units: Count = 48
    """Units of the core (paper: 48)."""
    learned_initial_state: bool = True
    """Learn the core's state at the start of an episode; otherwise it is zero (paper: learned)."""
    input: Literal["reward", "rpe", "reward_and_rpe"] = "reward"
    """The last reward, or separate actor and critic in which the actor receives the critic's
    reward prediction error instead (Methods, simulation 6), or both."""
    reward_input: bool = True
    """Include the last reward (or reward prediction error) in the input (paper: yes)."""
    action_input: bool = True
    """Include the last action in the input (paper: yes)."""
    init_scale: Annotated[NonNegative, BATCHED] = 1.0
    """Initial weights of the core in units of ±1/sqrt(units), uniform (not stated)."""
    output_scale: Annotated[NonNegative, BATCHED] = 1.0
    """Initial policy and value weights in the same units (not stated)."""


@validated
class TrainingSettings:
    """Settings of training. Defaults are the paper's (Wang et al. 2018, Methods, "Learning")."""

    GROUP: ClassVar[str] = "training"

    episodes: CountOrZero = 10_000
    """Training episodes; 0 keeps the initial weights."""
    episodes_per_update: Count = 1
    """Episodes played in parallel and averaged in one update (paper: a single thread, 1)."""
    unroll: Count = 300
    """Longest unroll t_max in time steps (paper: between 100 and 300, by task)."""
    episode_reset: Literal["next_rollout", "immediate"] = "next_rollout"
    """When a new episode replaces one that has ended (not stated)."""
    objective: Literal["reinforcement", "supervised"] = "reinforcement"
    """Learn from rewards (paper), or by cross-entropy from the action that the task marks as
    correct."""
    prediction: Literal["none", "reward", "random"] = "none"
    """Learn to predict as well: the reward of each step, given the action, or random numbers as a
    control (paper: none)."""
    prediction_cost: Annotated[NonNegative, BATCHED] = 1.0
    """Weight of the gradient of this prediction, if there is one (paper: none)."""
    learning_rate: Annotated[Positive, BATCHED] = 7e-4
    """RMSProp learning rate (paper: 7e-4)."""
    lr_decay_start: Annotated[Probability, BATCHED] = 1.0
    """Fraction of training after which the learning rate falls linearly to zero; 1 keeps it
    constant (not stated)."""
    encoder_rate: Annotated[NonNegative, BATCHED] = 1.0
    """Learning rate of the encoder relative to the rest, if there is one; 0 freezes it (not
    stated)."""
    discount: Annotated[Probability, BATCHED] = 0.9
    """Discount factor per time step (paper: 0.9)."""
    value_cost: Annotated[NonNegative, BATCHED] = 0.05
    """Weight beta_v of the value gradient (paper: 0.05)."""
    entropy_cost: Annotated[NonNegative, BATCHED] = 0.05
    """Weight beta_e of the entropy gradient at the start of training (paper: 0.05)."""
    entropy_cost_end: Annotated[NonNegative | None, BATCHED] = None
    """Weight beta_e at the end of training, approached linearly; None keeps it constant (paper:
    annealed in some simulations)."""
    rms_decay: Annotated[Probability, BATCHED] = 0.99
    """Decay of RMSProp's running mean square per update (not stated; Mnih et al. 2016: 0.99)."""
    rms_epsilon: Annotated[Positive, BATCHED] = 1e-5
    """Added to the root mean square (not stated)."""
    gradient_clip: Annotated[Positive | None, BATCHED] = None
    """Largest norm of a network's gradient, which is skipped if it overflows; None does not clip
    (not stated)."""
    reward_scale: Annotated[Positive, BATCHED] = 1.0
    """Factor on the rewards that the network receives and learns from (not stated)."""
    rpe_scale: Annotated[NonNegative, BATCHED] = 1.0
    """Factor on the reward prediction errors that drive learning (paper: 1; other values perturb
    dopamine)."""
    negative_rpe_scale: Annotated[NonNegative, BATCHED] = 1.0
    """Further factor on negative reward prediction errors (paper: 1; 0 clips them at zero)."""
    rpe_noise: Annotated[NonNegative, BATCHED] = 0.0
    """Standard deviation of Gaussian noise added to them, in units of reward times reward_scale
    (paper: 0)."""
    snapshots: Annotated[int, Field(ge=0, le=1000)] = 0
    """Number of evenly spaced times during training at which the weights are kept."""
    half_precision: bool = False
    """Save weights in half precision, in half the space."""

    def __post_init__(self) -> None:
        check(
            self.episode_reset != "immediate" or not self.snapshots,
            "training.snapshots",
            self.snapshots,
            "0 where episodes are reset immediately",
        )

    @property
    def perturbs_rpe(self) -> bool:
        """True if the reward prediction errors that drive learning are changed."""
        return (self.rpe_scale, self.negative_rpe_scale, self.rpe_noise) != (1, 1, 0)

    @property
    def snapshot_episodes(self) -> list[int]:
        """Training episodes after which weights are kept."""
        times = range(1, self.snapshots + 1)
        return sorted({self.episodes * k // self.snapshots for k in times} - {0})


TaskT = TypeVar("TaskT", bound=TaskSettings)
OtherT = TypeVar("OtherT", bound=TaskSettings)


@dataclass(frozen=True, kw_only=True)
class Settings(Generic[TaskT]):
    """Everything that determines one trained network.

    Attributes
    ----------
    task, network, training
    seed : int
        Fixes the initial weights and the stream of episodes.
    """

    task: TaskT
    network: NetworkSettings = dataclasses.field(default_factory=NetworkSettings)
    training: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        legal = type(self.seed) is int and 0 <= self.seed < 2**32
        check(legal, "seed", self.seed, "a whole number between 0 and 4,294,967,295")
        self.task.check_others(self.network, self.training)

    def vary(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with other values, by dotted names such as ``{"task.reversal": 0.1}``.

        Raises
        ------
        UserError
            There is no such setting, or its value is not legal.
        """
        groups: dict[str, dict[str, Any]] = {}
        out = self
        for name, value in changes.items():
            group, _, field = name.partition(".")
            if name == "seed":
                out = dataclasses.replace(out, seed=value)
            elif field in self.names(group):
                groups.setdefault(group, {})[field] = value
            else:
                raise UserError(f"no setting {name!r}; there are {', '.join(self.flat())}")
        parts = {
            group: dataclasses.replace(getattr(out, group), **own) for group, own in groups.items()
        }
        return dataclasses.replace(out, **parts)

    def names(self, group: str) -> list[str]:
        """Names of the settings of "task", "network" or "training"; empty for any other word."""
        if group not in GROUPS:
            return []
        return [field.name for field in dataclasses.fields(getattr(self, group))]

    def flat(self) -> dict[str, Any]:
        """All settings by dotted name, and the seed."""
        values = {
            f"{g}.{name}": getattr(getattr(self, g), name) for g in GROUPS for name in self.names(g)
        }
        return values | {"seed": self.seed}

    def differences(self, other: Settings[Any]) -> dict[str, tuple[Any, Any]]:
        """Settings, apart from the seed, in which two networks differ: name -> value here, value
        there."""
        here, there = self.flat(), other.flat()
        names = [name for name in here if name != "seed" and here[name] != there.get(name)]
        return {name: (here[name], there.get(name)) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionary, as saved with networks and recordings."""
        return dataclasses.asdict(self)

    def json(self) -> str:
        """JSON with sorted keys; equal settings give equal text."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @staticmethod
    def from_dict(values: Mapping[str, Any], task: type[OtherT], where: object) -> Settings[OtherT]:
        """Read saved settings.

        Parameters
        ----------
        values : mapping
            As ``to_dict`` gives it.
        task : type
            The experiment's task settings.
        where : object
            File, for the error.

        Raises
        ------
        UserError
            They are not settings of this experiment.
        """
        try:
            return Settings(
                task=task(**values["task"]),
                network=NetworkSettings(**values["network"]),
                training=TrainingSettings(**values["training"]),
                seed=values["seed"],
            )
        except (UserError, TypeError, KeyError) as error:
            raise UserError(f"{where}: not the settings of such a network ({error})") from error


GROUPS = ("task", "network", "training")
"""Groups of settings, in the order of the command line's help."""


@functools.cache
def batched() -> tuple[str, ...]:
    """Dotted names of the settings in which networks of one batch may differ."""
    return tuple(
        f"{kind.GROUP}.{name}"
        for kind in (NetworkSettings, TrainingSettings)
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if BATCHED in get_args(hint)
    )


NONE_MEANS: dict[str, Callable[[Settings[Any]], float]] = {
    "training.entropy_cost_end": lambda settings: settings.training.entropy_cost,
    "training.gradient_clip": lambda settings: math.inf,
}
"""Number used for None."""


def number(settings: Settings[Any], name: str) -> float:
    """Return a numeric setting by its dotted name; None becomes the number used for it."""
    group, _, field = name.partition(".")
    value = getattr(getattr(settings, group), field)
    return NONE_MEANS[name](settings) if value is None else value


def structure(settings: Settings[Any]) -> str:
    """Settings that all networks of a batch share, as text: all but ``batched`` and the seed."""
    shared = {name: v for name, v in settings.flat().items() if name not in (*batched(), "seed")}
    return json.dumps(shared, sort_keys=True)


def digest(batch: Sequence[Settings[Any]]) -> str:
    """Return a hash of the settings of networks that are trained together."""
    return hashlib.sha256(json.dumps([each.json() for each in batch]).encode()).hexdigest()[:12]
