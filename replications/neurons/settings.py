"""Design choices of the comparison of units with neurons, made before any result."""

from __future__ import annotations

from prefrontal.animals.formats import EVENTS

DATASET = "miranda_2026"

AREAS = ("ACC", "DLPFC", "Caudate", "Putamen")

EPOCHS = tuple(EVENTS)
"""Epochs of neurons; a count is of the first 500 ms."""

AT_CHOICE = "choice1_on"
"""Epoch at which the interaction is tested: the first choice is shown."""

NETWORK_EPOCHS = {
    "fixation": ("fixation", 0),
    "choice1_on": ("stage 1", 0),
    "choice1_made": ("stage 1", 0),
    "transition": ("stage 2", 0),
    "choice2_on": ("stage 2", 0),
    "choice2_made": ("stage 2", 0),
    "reinforcer": ("fixation", 1),
}
"""Epoch -> corresponding period of the networks of Fig. 5, and of which trial, counted from this
one: networks see the reward at the next fixation."""

FACTORS = ("choice", "transition", "reward")
"""Choice of the picture, common transition, level of the reward."""

INTERACTION = "previous transition x reward"

PREVIOUS = (
    "previous choice",
    "previous transition",
    "previous reward",
    "previous choice x transition",
    "previous choice x reward",
    INTERACTION,
    "previous choice x transition x reward",
)
"""All combinations of choice, transition and reward of the previous trial."""

VARIABLES = (*FACTORS, *PREVIOUS)
"""Variables of the regression. Each is tested given all others and a slow trend."""

GIVEN_STAYING, GIVEN_VALUES = "given staying", "given values"
"""The interaction, given also whether the choice repeats, and that times the previous reward; given
also the values before the previous outcome, with which it correlates: options of high value are
rewarded after common transitions."""

ALPHA = 0.01
"""Significance level at which a unit codes a variable."""

TRAINED, UNTRAINED = "trained", "untrained"
DAW, DAW_UNTRAINED = "trained, monkeys' task", "untrained, monkeys' task"
NETWORKS = {
    "two_step": ("default", TRAINED, UNTRAINED),
    "daw_two_step": ("levels", DAW, DAW_UNTRAINED),
}
"""Experiment -> variant whose networks replay the monkeys' trials, and names of these networks and
of the same networks with initial weights. Both tasks have the same periods."""

PLANNER, MODEL_FREE, CHOSEN = "planner", "model-free", "model-free, chosen"
SHIFTED = "ACC, shifted"

LEARNING_RATE = 0.5
"""Learning rate of the models whose values are used; monkeys forget within about two trials."""

COMMON = 0.7
"""Probability of the common transition."""

MODEL_SEEDS, MODEL_UNITS = 8, 48
"""Groups of simulated units, and units in each, as many as in networks."""

MEAN_COUNT, GAIN = 4.0, 0.3
"""Mean spike count of a simulated unit, and change of its logarithm per standard deviation of the
value."""
