"""Settings of a network's training: one field each, with its legal values and whether networks of one population may differ."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

from prefrontal.errors import UserError, require

if TYPE_CHECKING:
    from torch import Tensor

    from prefrontal.encoders import Encoder
    from prefrontal.network import Network
    from prefrontal.task import Task


@dataclass(frozen=True)
class Legal:
    """Legal values of a setting.

    Attributes
    ----------
    test : function
        Whether a value is legal.
    words : str
        What it must be.
    numeric : bool
        Networks that differ in it may train as one program.
    """

    test: Callable[[Any], bool]
    words: str
    numeric: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a value, of whatever type, is legal."""
        try:
            return bool(self.test(value))
        except TypeError:
            return False


def setting(default: Any, test: Callable[[Any], bool], words: str, numeric: bool = False) -> Any:
    """Field of a Config with its legal values; subclasses that give another default inherit them."""
    return field(default=default, metadata={"legal": Legal(test, words, numeric)})


def count(default: int, least: int = 1) -> Any:
    """Whole number, ``least`` or more."""
    return setting(default, lambda x: isinstance(x, int) and x >= least, f"a whole number, {least} or more")


def positive(default: float, numeric: bool = False) -> Any:
    """Finite number above 0."""
    return setting(default, lambda x: 0 < x < math.inf, "above 0, and finite", numeric)


def nonnegative(default: float, numeric: bool = False) -> Any:
    """Finite number, 0 or more."""
    return setting(default, lambda x: 0 <= x < math.inf, "0 or more, and finite", numeric)


def share(default: float, numeric: bool = False) -> Any:
    """Number between 0 and 1."""
    return setting(default, lambda x: 0 <= x <= 1, "between 0 and 1", numeric)


def number(default: float, numeric: bool = False) -> Any:
    """Finite number."""
    return setting(default, math.isfinite, "a finite number", numeric)


def optional(default: float | None) -> Any:
    """Finite number, 0 or more, or None."""
    return setting(default, lambda x: x is None or 0 <= x < math.inf, "0 or more and finite, or None", numeric=True)


KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "True or False"),
    int: ((int,), "a whole number"),
    float: ((float, int), "a number"),
    str: ((str,), "text"),
    type(None): ((type(None),), "None"),
}
"""Type of a setting -> types that its value may have, and what it must be in words."""


@dataclass(frozen=True)
class Config:
    """Settings of one network's training. Defaults are the paper's (Wang et al. 2018, Methods, "Learning")."""

    seed: int = setting(0, lambda x: 0 <= x < 2**32, "between 0 and 4,294,967,295")
    """Seed of the (first) network: fixes its initial weights and its stream of episodes."""
    episodes: int = count(10_000, 0)
    """Training episodes; 0 leaves the weights as they start."""
    episodes_per_update: int = count(1)
    """Episodes played side by side and averaged in one update (paper: a single thread, 1)."""
    unroll: int = count(300)
    """Longest unroll t_max in time steps (paper: between 100 and 300, by task)."""
    reopen: Literal["next unroll", "at once"] = "next unroll"
    """When a new episode takes the place of one that has ended (not stated)."""
    core: Literal["lstm", "gru", "tanh", "attention", "slots", "feedforward"] = "lstm"
    """Memory of the network (paper: LSTM)."""
    remembers: bool = True
    """Whether the core's state outlives a time step (paper: yes); where not, every step begins as an episode does."""
    units: int = count(48)
    """Units of the core that are read out (paper: 48)."""
    learned_start: bool = True
    """Whether the core's state at the start of an episode is learned, or zero (paper: learned)."""
    network_input: Literal["reward", "rpe"] = "reward"
    """A shared core that sees the last reward, or actor and critic apart, of which the actor sees the critic's reward prediction
    error instead (Methods, simulation 6)."""
    sees_reward: bool = True
    """Whether the last reward (or the reward prediction error) is among the inputs (paper: yes)."""
    sees_action: bool = True
    """Whether the last action is among the inputs (paper: yes)."""
    objective: Literal["reinforcement", "supervised"] = "reinforcement"
    """What the policy learns from: rewards (paper), or by cross-entropy the action that the task says was right."""
    learning_rate: float = positive(7e-4, numeric=True)
    """RMSProp learning rate (paper: 7e-4)."""
    constant_rate: float = share(1.0)
    """Share of training after which the learning rate falls linearly to zero; 1 keeps it (not stated)."""
    encoder_rate: float = nonnegative(1.0, numeric=True)
    """Learning rate of the encoder, if there is one, as a share of the rest's; 0 leaves it as it starts (not stated)."""
    discount: float = share(0.9, numeric=True)
    """Discount factor per time step (paper: 0.9)."""
    value_cost: float = nonnegative(0.05, numeric=True)
    """Weight beta_v of the value gradient (paper: 0.05)."""
    entropy_cost: float = nonnegative(0.05, numeric=True)
    """Weight beta_e of the entropy gradient at the start of training (paper: 0.05)."""
    entropy_cost_end: float | None = optional(None)
    """Weight beta_e at the end of training, approached linearly; None keeps the first (paper: annealed in some simulations)."""
    rms_decay: float = share(0.99, numeric=True)
    """Decay of RMSProp's running mean square per update (not stated; Mnih et al. 2016 use 0.99)."""
    rms_epsilon: float = positive(1e-5, numeric=True)
    """Added to the root mean square (not stated)."""
    gradient_clip: float | None = setting(None, lambda x: x is None or x > 0, "above 0, or None", numeric=True)
    """Largest norm of a network's gradient; None does not clip (not stated)."""
    init_scale: float = nonnegative(1.0, numeric=True)
    """Initial weights of the core in units of ±1/sqrt(units), uniform (not stated)."""
    output_scale: float = nonnegative(1.0, numeric=True)
    """Initial policy and value weights in the same units (not stated)."""
    reward_scale: float = positive(1.0, numeric=True)
    """Factor on the rewards that the network sees and learns from (not stated)."""
    rpe_scale: float = nonnegative(1.0, numeric=True)
    """Factor on the reward prediction errors that drive learning (paper: 1; another interferes with dopamine)."""
    negative_rpe_scale: float = nonnegative(1.0, numeric=True)
    """Further factor on the negative ones (paper: 1; 0 clips them at zero)."""
    rpe_noise: float = nonnegative(0.0, numeric=True)
    """Standard deviation of Gaussian noise added to them, in units of reward times reward_scale (paper: 0)."""
    snapshots: int = setting(0, lambda x: 0 <= x <= 1000, "between 0 and 1,000")
    """Times during training, evenly spaced, at which the weights are kept as they are (for analyses of training itself)."""
    half_precision: bool = False
    """Whether weights are saved in half precision, in half as much space."""

    def __post_init__(self) -> None:
        for name, hint in self.hints().items():
            kinds = [] if get_origin(hint) is Literal else get_args(hint) or (hint,)
            known, value = [KINDS[kind] for kind in kinds], getattr(self, name)
            require(
                not known or any(type(value) in own for own, _ in known), name, value, " or ".join(words for _, words in known)
            )
        for name, rule in legal_values(type(self)).items():
            require(rule.allows(getattr(self, name)), name, getattr(self, name), rule.words)
        require(self.reopen != "at once" or not self.snapshots, "snapshots", self.snapshots, "0 where episodes reopen at once")

    @classmethod
    @functools.cache
    def hints(cls) -> dict[str, Any]:
        """Types of all settings, by name; worked out once, as thousands of networks are read."""
        return get_type_hints(cls)

    def task(self) -> Task:
        """Build the task that the network is trained on."""
        raise UserError(f"{type(self).__module__}: Config has no task()")

    def lessons(self) -> list[tuple[int, Task]]:
        """Tasks of the training, each with the episode from which it is trained, in order."""
        return [(0, self.task())]

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and the best possible one; sweeps are read on this scale."""
        raise UserError(f"{type(self).__module__}: Config has no reward_range()")

    def encoder(self) -> Encoder | None:
        """What turns observations into the core's input; None leaves them as they are."""
        return None

    def initial(self, network: Network, flat: Tensor) -> Tensor:
        """Change the initial weights (1, size) of this network, if they depend on what it will see."""
        return flat

    @property
    def interferes(self) -> bool:
        """Whether the reward prediction errors that drive learning are changed."""
        return (self.rpe_scale, self.negative_rpe_scale, self.rpe_noise) != (1, 1, 0)

    @property
    def snapshot_episodes(self) -> list[int]:
        """Training episodes after which weights are kept."""
        return sorted({self.episodes * k // self.snapshots for k in range(1, self.snapshots + 1)} - {0})

    def settings(self) -> dict[str, Any]:
        """Settings as a dict, as saved with networks and tables."""
        return dataclasses.asdict(self)

    def json(self) -> str:
        """Settings as JSON, for provenance."""
        return json.dumps(self.settings(), sort_keys=True, default=str)

    @classmethod
    def read(cls, settings: dict[str, Any], where: object) -> Self:
        """Build a Config from saved settings.

        Raises
        ------
        UserError
            They are not settings of this experiment.
        """
        try:
            return cls(**settings)
        except (UserError, TypeError) as error:
            raise UserError(f"{where}: not the settings of such a network ({error})") from error


def legal_values(kind: type[Config]) -> dict[str, Legal]:
    """Legal values of every setting: those of its field in the nearest class that gives any; a Literal's are its words."""
    found: dict[str, Legal] = {}
    for name, hint in kind.hints().items():
        words = get_args(hint) if get_origin(hint) is Literal else ()
        if words:
            found[name] = Legal(words.__contains__, f"one of {', '.join(map(repr, words))}")
        for owner in kind.__mro__:
            entry = getattr(owner, "__dataclass_fields__", {}).get(name)
            if entry is not None and "legal" in entry.metadata:
                found[name] = entry.metadata["legal"]
                break
    return found


def numeric(kind: type[Config]) -> tuple[str, ...]:
    """Settings in which networks of one population may differ, beside the seed."""
    return tuple(name for name, rule in legal_values(kind).items() if rule.numeric)


STANDS_FOR: dict[str, Callable[[Config], float]] = {
    "entropy_cost_end": lambda config: config.entropy_cost,
    "gradient_clip": lambda config: math.inf,
}
"""What None stands for."""


def value_of(config: Config, name: str) -> float:
    """Return a numeric setting, with what None stands for."""
    value = getattr(config, name)
    return STANDS_FOR[name](config) if value is None else value


def structure(config: Config) -> str:
    """Settings that one program must share: all but the numeric ones and the seed."""
    apart = {*numeric(type(config)), "seed"}
    return json.dumps(
        {name: value for name, value in config.settings().items() if name not in apart}, sort_keys=True, default=str
    )


def digest(configs: list[Config]) -> str:
    """Fingerprint of the settings of networks that train together."""
    return hashlib.sha256(json.dumps([config.json() for config in configs]).encode()).hexdigest()[:12]


Kind = TypeVar("Kind")


def build(kind: Callable[..., Kind], settings: dict[str, Any]) -> Kind:
    """Build a dataclass, such as a task or an ideal observer, from those settings that bear its fields' names."""
    names = [name for name in inspect.signature(kind).parameters if name in settings]
    return kind(**{name: settings[name] for name in names})
