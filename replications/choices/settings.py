"""Design choices of the comparison of networks with models of animals, made before any result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Subjects of one task, and the networks that replay their trials.

    Attributes
    ----------
    species, task : str
        For tables and axes.
    dataset : str
        Published data set.
    experiment, variant : str
        Of the networks.
    pooled : bool
        Whether one GRU is fitted to half of the subjects and tested on the others; otherwise each
        subject has separate GRUs.
    """

    species: str
    task: str
    dataset: str
    experiment: str
    variant: str
    pooled: bool = False


MONKEYS = ("Charlie", "Jacob")
"""Each monkey is a group, whose unit of analysis is the session."""

GROUPS = {
    "mice": Group("mice", "matching", "trepka_2021", "probability_matching", "3_steps"),
    "rats": Group("rats", "two-step", "miller_2022", "two_step", "scales_1_3"),
    **{
        name: Group(f"monkey {name}", "Daw's, levels", "miranda_2026", "daw_two_step", "levels")
        for name in MONKEYS
    },
    "people, Daw": Group("people", "Daw's", "shahar_2019", "daw_two_step", "default", pooled=True),
    "people, Behrens": Group(
        "people", "Behrens'", "gagne_2020", "volatile_bandit", "tied", pooled=True
    ),
}
"""Variant of the tables -> group."""

GAINS = ("lab, reward", "online, gain")
"""Variants of Behrens' task in which people earn points, as the networks do; shocks and losses are
left out."""

PLANNERS, Q_LEARNERS = "simulated planners", "simulated Q-learners"
"""Controls: simulated subjects on the two-step task."""

SIMULATED, SESSIONS, TRIALS = 16, 16, 100
"""Simulated subjects of either kind, their sessions, and trials per session."""

SIMULATED_RATE, SIMULATED_TEMPERATURE = (0.2, 0.8), (3.0, 8.0)
"""Ranges of the learning rate and the inverse temperature of simulated subjects (uniform)."""

SIMULATED_SPREAD = 0.3
"""Standard deviation of their perseveration and bias (log odds)."""

COMMON, COMMON_DAW = 0.8, 0.7
"""Probability of the common transition of the rats' task and of Daw's, which planners know."""

NETWORK, UNTRAINED, READOUT, GRU = "network", "untrained network", "readout alone", "GRU"
"""Models that are not textbook models: networks by the readout; the readout without a network."""

PARAMETERS = 3
"""Parameters of the readout; textbook models have as many or more."""

LARGEST = 50.0
"""Bound at which the log odds of a network's policy are clipped for the readout."""

PRIOR = 10.0
"""Standard deviation of the prior on the readout's weights, in log odds per standard deviation of a
network's log odds: weak, but no weight is infinite."""

UNITS = (2, 4)
"""Units of the GRUs; the inner held-out sessions choose among them."""

EPOCHS, RATE, CHECKED = 400, 0.05, 5
"""Steps of Adam on all training sessions, its learning rate, and steps between checks of the inner
held-out sessions, which stop training early."""

CHUNK = 100
"""Longest sequence of trials in the GRU's training; it is tested on whole sessions."""

INNER = 5
"""Every ``INNER``-th training session, or person, is held out to decide when to stop."""
