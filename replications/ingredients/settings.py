"""Settings of networks that lack one ingredient of a learning algorithm, or have another memory.

Botvinick: memory, weights trained by reinforcement learning, and a family of related tasks; another
list adds reward and past actions as inputs. Each is removed in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from prefrontal.errors import check
from prefrontal.settings import Settings, validated
from replications.bandit.settings import SETTINGS as BANDIT
from replications.bandit.settings import Bandit
from replications.two_step.settings import SETTINGS as TWO_STEP_TASK
from replications.two_step.settings import TwoStep

if TYPE_CHECKING:
    from prefrontal.task import Task


@validated
class Ingredients(Bandit):
    """Settings of the bandit (``replications.bandit``), and the ingredient that is removed."""

    game: Literal["bandit", "two_step"] = "bandit"
    """Task: the bandit, or the two-step task."""
    one_problem: bool = False
    """All training bandits are the same, .25 left and .75 right."""
    shows_outcomes: bool = False
    """The bandit shows what each arm last paid."""

    def __post_init__(self) -> None:
        check(self.arms == "independent", "task.arms", self.arms, "independent in this experiment")

    def build(self) -> Task:
        """Build the task."""
        from replications.bandit.task import BanditTask
        from replications.ingredients.task import VisibleBanditTask

        if self.game == "two_step":
            return self.two_step.build()
        kind = VisibleBanditTask if self.shows_outcomes else BanditTask
        return kind(self, PROBLEM if self.one_problem else None)

    def test_problems(self) -> dict[str, Callable[[], Task]]:
        """The one problem, as in training and mirrored."""
        if self.game == "two_step":
            return {}
        kind: Any = type(self.build())
        problems = {"one_problem": PROBLEM, "mirrored": PROBLEM[::-1]}
        return {name: partial(kind, self, problem) for name, problem in problems.items()}

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random choice, and the best possible one."""
        if self.game == "two_step":
            return self.two_step.reward_range()
        return Bandit.reward_range(self)

    @property
    def two_step(self) -> TwoStep:
        """Settings of a two-step task of the same length."""
        return TwoStep(trials=self.trials)


PROBLEM = (0.25, 0.75)
"""(p_left, p_right) of the one problem; mirrored, the arms are swapped."""

SETTINGS = Settings(task=Ingredients(), network=BANDIT.network, training=BANDIT.training)

TWO_STEP: dict[str, Any] = {
    name: two_step
    for name, (_, two_step) in SETTINGS.differences(TWO_STEP_TASK).items()
    if not name.startswith("task.")
} | {"task.game": "two_step"}
"""The two-step task, with network and training as in ``replications.two_step``."""

MEMORIES = {
    "lstm": "LSTM",
    "gru": "GRU",
    "tanh": "tanh network",
    "attention": "attention",
    "slots": "slots",
}
"""Memory -> its label."""
NONE = "feedforward"
"""The core without memory: it sees observation, last reward and last action."""
CORES = {"tanh": "rnn", "slots": "memory_slots"}
"""Memory -> core, if the names differ."""

GRID = {"training.learning_rate": (7e-4, 2e-3, 5e-3), "network.init_scale": (1.0, 2.5)}
"""Settings searched for every memory on both tasks, and for imitation, with two networks each that
are not evaluated."""

CHOSEN: dict[str, dict[str, tuple[float, float]]] = {
    "bandit": {
        "lstm": (2e-3, 1.0),
        "gru": (2e-3, 1.0),
        "tanh": (7e-4, 2.5),
        "attention": (7e-4, 1.0),
        "slots": (7e-4, 2.5),
        "feedforward": (5e-3, 2.5),
        "imitation": (2e-3, 2.5),
    },
    "two_step": {
        "lstm": (5e-3, 1.0),
        "gru": (5e-3, 2.5),
        "tanh": (7e-4, 1.0),
        "attention": (7e-4, 2.5),
        "slots": (2e-3, 2.5),
        "feedforward": (2e-3, 2.5),
    },
    "long": {"slots": (7e-4, 1.0)},
}
"""Task -> memory, or imitation -> learning rate and initial scale: those of the grid with the
largest mean normalised reward on validation episodes (``share_validation``). ``long``, a longer
training on the two-step task: the search was repeated for the slot memory alone, of which hardly a
network learned in 10,000 episodes."""

LONG: dict[str, Any] = {
    "training.episodes": 30_000,
    "training.lr_decay_start": 0.5,
    "training.gradient_clip": 40.0,
}
"""A longer training on the two-step task, the same for all memories: three times the paper's, with
the learning rate falling to 0 over the second half. Without clipped gradients slot memories
diverged."""


def chosen(game: str, memory: str) -> dict[str, Any]:
    """Select the settings of a memory on a task."""
    if game == "long" and memory not in CHOSEN[game]:
        game = "two_step"
    searched = dict(zip(GRID, CHOSEN[game][memory], strict=True))
    return searched | {"network.core": CORES.get(memory, memory)}


MAIN = "lstm"
LSTM = chosen("bandit", MAIN)
IMITATION = chosen("bandit", "imitation") | {
    "network.core": MAIN,
    "training.objective": "supervised",
    "training.entropy_cost": 0.0,
    "training.entropy_cost_end": None,
}

EQUAL = {"gru": 55, "tanh": 98, "attention": 31, "slots": 69, NONE: 1_302}
"""Units with which a memory has about as many parameters as the LSTM of 48 units."""

VARIANTS: dict[str, dict[str, Any]] = {
    **{memory: chosen("bandit", memory) for memory in (*MEMORIES, NONE)},
    "forgets": LSTM | {"network.stateful": False},
    "no_reward": LSTM | {"network.reward_input": False},
    "no_action": LSTM | {"network.action_input": False},
    "one_problem": LSTM | {"task.one_problem": True},
    "untrained": LSTM | {"training.episodes": 0},
    "imitation": IMITATION,
    "imitation_long": IMITATION | {"training.episodes": 60_000},
    "visible": chosen("bandit", NONE) | {"task.shows_outcomes": True},
    **{f"{m}_two_step": TWO_STEP | chosen("two_step", m) for m in (*MEMORIES, NONE)},
    **{f"{m}_two_step_long": TWO_STEP | chosen("long", m) | LONG for m in MEMORIES},
    **{f"{m}_equal": chosen("bandit", m) | {"network.units": units} for m, units in EQUAL.items()},
}
"""``forgets``: an LSTM whose state is reset at every trial, which is one time step. ``imitation``
learns the better arm by cross-entropy and is not rewarded; ``imitation_long``, three times as long,
was added after its result was known. ``visible``: no memory, but the task shows the last outcome of
each arm."""

TEST_EPISODES = 300
"""Test episodes per network (Wang et al. 2018, Fig. 1d and Methods, simulation 4: 300)."""

ONE_TRIAL = 0.601
"""Normalised reward of win-stay lose-shift, the best policy that remembers one trial, over 100
trials."""
MARGIN = 0.05
THOMPSON = 0.930
"""Normalised reward of Thompson sampling, over 100 trials."""
