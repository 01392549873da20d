"""Settings of the two-step task, its networks and its analyses (Wang et al. 2018, simulation 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from prefrontal.experiments import Search
from prefrontal.settings import (
    Count,
    NetworkSettings,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    Variants,
    validated,
)

if TYPE_CHECKING:
    import pandas as pd

    from replications.two_step.task import TwoStepTask


@validated
class TwoStep(TaskSettings):
    """Settings of the two-step task."""

    trials: Count = 100
    """Trials per episode (Methods, simulation 4: 100)."""
    common: Probability = 0.8
    """Probability of the common transition (Methods, simulation 4: 0.8)."""
    rich: Probability = 0.9
    """Reward probability of the rich second-stage state; the poor one has 1 - rich (Methods,
    simulation 4: 0.9)."""
    reversal: Probability = 0.025
    """Probability per trial that rich and poor state swap (Methods, simulation 4: 0.025)."""
    steps_per_trial: Literal[2, 3] = 3
    """Time steps per trial: fixation, stage 1, stage 2; 2 leaves out fixation (not stated)."""
    invalid_response: Literal["abort", "repeat"] = "abort"
    """After an invalid response the trial ends, or its step is repeated (not stated)."""
    stage_2_response: Literal["any", "side"] = "any"
    """Stage 2 accepts any action, or asks for left or right (not stated)."""

    def build(self) -> TwoStepTask:
        """Build the task."""
        from replications.two_step.task import TwoStepTask

        return TwoStepTask(self)

    @property
    def probabilities(self) -> dict[str, Any]:
        """The task's probabilities, as planners and simulations take them."""
        return {"common": self.common, "rich": self.rich, "reversal": self.reversal}

    def reward_range(self) -> tuple[float, float]:
        """Reward per episode of random valid choice, and of the best planner (0.706 per trial by
        default)."""
        from prefrontal.models.two_step import belief_state_value

        return 0.5 * self.trials, belief_state_value(self.trials, **self.probabilities)


SETTINGS = Settings(
    task=TwoStep(),
    # Initial weights are not stated; evidence.md.
    network=NetworkSettings(init_scale=2.5, output_scale=3.0),
    training=TrainingSettings(episodes=10_000),  # Methods, simulation 4
)

MAIN, LARGE, IN_TRAINING = "scales_1_3", "default", "training"
VARIANTS: Variants = {
    MAIN: {"network.init_scale": 1.0},
    LARGE: {},
    "2_steps": {"task.steps_per_trial": 2},
    "repeat": {"task.invalid_response": "repeat"},
    "side": {"task.stage_2_response": "side"},
    "default_rpe": {"network.input": "rpe"},
    IN_TRAINING: {"training.episodes": 5_000, "training.snapshots": 10},
}
"""The networks of Fig. 5, with initial scales chosen by a rule (``SEARCH``); larger initial weights
of the LSTM, formerly the main variant; and, with the latter, one variant for each choice about the
trial that the paper leaves open, reward prediction errors as input, and the first half of training,
in which the task is learned, with weights saved every 500 episodes."""

REACHED = 0.9
"""Normalised reward over the last tenth of training above which a network has learned the task."""


def fewest_departures(networks: pd.DataFrame) -> dict[str, Any]:
    """Take the initial scales with the fewest departures from (1, 1) with which every network
    reaches ``REACHED``; of several, those with the largest reward at the end, mean over
    networks."""
    columns = ["init_scale", "output_scale"]
    ends = networks.groupby(columns)["share_end"].agg(["min", "mean"]).reset_index()
    learned = ends[ends["min"] >= REACHED]
    learned = learned.assign(departures=(learned[columns] != 1).sum(axis=1))
    best = learned.sort_values(["departures", "mean"], ascending=[True, False]).iloc[0]
    return {name: float(best[name]) for name in columns}


SEARCH = Search(
    vary=("network.init_scale=1,2.5", "network.output_scale=1,3"),
    variants=(LARGE,),
    choose=fewest_departures,
)
"""Initial scales, at the paper's learning rate. The rule took (1, 3): of the other two with at most
one departure, (1, 1) leaves networks at chance, (2.5, 1) one unfinished."""

TEST_EPISODES = 300
"""Test episodes per network (Methods, simulation 4: 300); a third of them in variants other than
the main one, a tenth at each stage of training."""

SARSA_RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Learning rates of the model-free reference that are shown next to the fitted one; the paper does
not state its rate."""

RESIDUAL = 0.01
"""Largest share of variance that model-free errors may explain beyond model-based ones."""

EXAMPLE_EPISODES = 30
"""Episodes of one network drawn in Fig. 5f, g (caption)."""

FITTED_EPISODES, FITTED_STARTS = 100, 5
"""Episodes of each network to which learners are fitted, with about as many choices as a rat's;
runs per fit."""

CUE_RATE, CUE_TEMPERATURE = 0.05, 6.0
"""Learning rate and inverse temperature with which the cue learner learns the task; fitted rules
have their own."""

CUE_LEARNERS, CUE_TRIALS = 100, 4_000
"""Cue learners whose values are averaged, and trials from which each learns them: about a hundred
of the rarest type."""
