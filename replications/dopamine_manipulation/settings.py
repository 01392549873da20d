"""Settings of the risky-choice task, its networks and tests (Wang et al. 2018, simulation 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from prefrontal.errors import check
from prefrontal.settings import (
    Count,
    CountOrZero,
    NetworkSettings,
    Number,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    from replications.dopamine_manipulation.task import RiskTask


@validated
class RiskyChoice(TaskSettings):
    """Settings of the task: a safe and a risky arm."""

    safe_reward: Number = 1.0
    """Reward of the safe arm (Methods, simulation 6: 1)."""
    risky_reward: Number = 4.0
    """Reward of a win on the risky arm (Methods, simulation 6: 4)."""
    p_low: Probability = 0.125
    """Lower of the two win probabilities of the risky arm, of which one is drawn per episode
    (Methods, simulation 6: 0.125)."""
    p_high: Probability = 0.5
    """Higher of the two (Methods, simulation 6: 0.5)."""
    forced_trials: CountOrZero = 10
    """Trials at the start of an episode, in pairs of one pull of each arm (Methods, simulation 6:
    10)."""
    free_trials: Count = 20
    """Free-choice trials after the forced ones (Methods, simulation 6: 20)."""
    forced_pull: Literal["cued", "imposed"] = "cued"
    """Whether, in a forced trial, only a response to the arm shown is valid, or a response to
    either side pulls it (not stated)."""
    forced_wins: Literal["informative", "uninformative"] = "informative"
    """In forced trials the risky arm wins with the episode's probability, or with the mean of both,
    which tells the arms apart and nothing about the probability (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""

    def __post_init__(self) -> None:
        check(self.p_low < self.p_high, "task.p_high", self.p_high, "above task.p_low")
        even = self.forced_trials % 2 == 0
        check(even, "task.forced_trials", self.forced_trials, "even, and 0 or more")

    def build(self) -> RiskTask:
        """Build the task."""
        from replications.dopamine_manipulation.task import RiskTask

        return RiskTask(self)

    @property
    def probabilities(self) -> tuple[float, float]:
        """Both win probabilities of the risky arm, the lower one first."""
        return self.p_low, self.p_high

    @property
    def informative_pulls(self) -> int:
        """Forced pulls of the risky arm that tell something about its probability."""
        return self.forced_trials // 2 if self.forced_wins == "informative" else 0

    @property
    def trials(self) -> int:
        """Trials per episode."""
        return self.forced_trials + self.free_trials

    def check_others(self, network: NetworkSettings, training: TrainingSettings) -> None:
        """Require a reward prediction error to manipulate, in the task's units of reward."""
        check(
            network.input == "rpe",
            "network.input",
            network.input,
            "'rpe', for there to be an error to manipulate",
        )
        scale = training.reward_scale
        check(
            scale == 1,
            "training.reward_scale",
            scale,
            "1: manipulations are in the task's units of reward",
        )

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of an oracle that knows the better arm."""
        risky = [self.risky_reward * p for p in self.probabilities]
        random = (self.safe_reward + sum(risky) / len(risky)) / 2
        best = sum(max(self.safe_reward, value) for value in risky) / len(risky)
        return self.trials * random, self.forced_trials * random + self.free_trials * best


SETTINGS = Settings(
    task=RiskyChoice(),
    # Separate actor and critic (Methods, simulation 6). Initial weights not stated; evidence.md.
    network=NetworkSettings(input="rpe", init_scale=2.5, output_scale=3.0),
    training=TrainingSettings(episodes=66_667),  # 4e6 steps of 60 per episode (simulation 6)
)

MAIN, UNINFORMATIVE = "cued", "uninformative"
VARIANTS: Variants = {
    MAIN: {},
    "imposed": {"task.forced_pull": "imposed"},
    UNINFORMATIVE: {"task.forced_wins": "uninformative"},
}
"""The networks of Fig. 7, the other way to force a pull, and forced pulls from which the risky
arm's probability cannot be learned."""

TEST_EPISODES, FEW_EPISODES = 1333, 300
"""Test episodes per network and test (Methods, simulation 6: 1,333); per size of the dose-response,
and per test of variants other than the main one."""

EVENTS = ("risky win", "safe", "risky loss")
"""Outcomes of a pull after which the reward prediction error that the actor receives can be
changed."""

ALL, FREE = PULLS = ("all", "free")
"""Pulls after which the error is changed: forced and free ones, or free ones alone (not stated)."""

CONTROL, DOSE = "control", "dose"


@dataclass(frozen=True)
class Treatment:
    """Change of the error in one test; its fields are columns of the tables.

    Attributes
    ----------
    manipulation : str
        Control, a manipulation of Fig. 7, or dose.
    event : str
        Outcome after which the error is changed, of ``EVENTS``.
    size : float
        Added to the error, in units of reward.
    pulls : str
        Pulls after which the error is changed, of ``PULLS``.
    """

    manipulation: str
    event: str
    size: float
    pulls: str = ALL


@dataclass(frozen=True)
class Manipulation:
    """A manipulation of Fig. 7.

    Attributes
    ----------
    name : str
        In the tables.
    event, size
        As in ``Treatment`` (Methods, simulation 6).
    level : {"high", "low"}
        Win probability of the risky arm at which it is tested.
    raises : bool
        It should raise risky choice; otherwise lower it.
    claim : str
        Claim about it.
    series : str
        Its name in the digitised Fig. 7.
    """

    name: str
    event: str
    size: float
    level: str
    raises: bool
    claim: str
    series: str


MANIPULATIONS = (
    Manipulation(
        name="block risky win",
        event="risky win",
        size=-4.0,
        level="high",
        raises=False,
        claim="dopamine-block-win",
        series="block DA at risky win (left)",
    ),
    Manipulation(
        name="block safe reward",
        event="safe",
        size=-1.0,
        level="low",
        raises=True,
        claim="dopamine-block-safe",
        series="block DA at safe reward (middle)",
    ),
    Manipulation(
        name="stimulate risky loss",
        event="risky loss",
        size=1.0,
        level="low",
        raises=True,
        claim="dopamine-add-loss",
        series="DA at risky loss (right)",
    ),
)
"""In the order of the columns of Fig. 7."""

NAMED = (
    Treatment(CONTROL, "safe", 0.0),
    *(Treatment(m.name, m.event, m.size, pulls) for pulls in PULLS for m in MANIPULATIONS),
)
"""Control, and the manipulations of Fig. 7 after all pulls and after free ones alone."""

DOSES = tuple(
    Treatment(DOSE, m.event, size) for m in MANIPULATIONS for size in np.arange(-6.0, 4.0)
)
"""The dose-response."""
