"""What is trained, what is tested and what is claimed about the algorithm inside.

Is it Bayes-optimal in structure as it is in behaviour? Is it learning, or a heuristic? Does it learn a task, or find out which of
the known ones it is in? Criteria were written before any of these networks was trained; README.md tells what trial runs on
committed networks had shown by then.
"""

from __future__ import annotations

from typing import Any

from prefrontal.publishing.claims import (
    EXTENSION,
    Claim,
    Criterion,
    above,
    below,
    between,
    not_above,
)

MAIN = "independent"
"""The committed networks of replications/bandit, which met a new problem in every episode: they stand for "all" problems."""

TASKS = {"bandit": MAIN, "volatile_bandit": "tied", "two_step": "default"}
"""Experiment whose committed networks' choices are explained by rules -> variant."""

PROBLEMS = (1, 2, 4, 8, 16, 64, 256, 1024)
"""Problems of a training."""
FEWEST, LOCATES, MOST = (f"problems_{problems}" for problems in (1, 4, 1024))

TRAINED: dict[str, dict[str, Any]] = {f"problems_{problems}": {"problems": problems, "seed": 8} for problems in PROBLEMS}
"""Seeds are those of the committed bandit networks, so that their initial weights are the same."""

TEST_EPISODES = 300
"""Test episodes per network and test."""

UNTRAINED = "untrained"
"""The initial weights of the committed networks."""

BAYES, Q_LEARNING, HEURISTIC = "Bayes-optimal", "fixed rate", "win-stay lose-shift"
FEW, FAMILY = "prior of 4 problems", "prior of the family"
"""Agents whose answer is known: the best possible play, Q-learning, the heuristic; softmax of the means of a posterior whose
prior is the first problems of a network's training, or the family of all problems."""
INFERRING, DELTA = "planner that infers", "planner at a fixed rate"
"""Agents whose answer is known, in the two-step task."""
FEW_PROBLEMS, KNOWN_AGENTS = 4, 4
"""How many problems, and how many subjects of each kind."""

R2, SHARED = ("inner-statistics", "R2"), ("inner-exchangeable", "share")
POLICY, LOCATED = ("inner-policy", "R2"), ("inner-location", "problems minus family")
OVER_HEURISTIC, OVER_RATE = ("inner-learning", "minus heuristic"), ("inner-learning", "minus fixed rate")
EXPECTED: dict[str, dict[tuple[str, str], bool]] = {
    BAYES: dict.fromkeys((R2, POLICY, SHARED, OVER_HEURISTIC, OVER_RATE), True),
    Q_LEARNING: dict.fromkeys((R2, POLICY, SHARED, OVER_RATE), False),
    HEURISTIC: dict.fromkeys((R2, POLICY, SHARED, OVER_HEURISTIC, OVER_RATE), False),
    UNTRAINED: {R2: False},
    FEW: {LOCATED: True},
    FAMILY: {LOCATED: False, OVER_HEURISTIC: True, OVER_RATE: True},
    INFERRING: {OVER_HEURISTIC: True, OVER_RATE: True},
    DELTA: {OVER_HEURISTIC: True, OVER_RATE: False},
}
"""Agent whose answer is known -> (claim, measure) -> whether the claim's criterion must hold for it."""

ORDERS = 8
"""Orders in which the trials of a history are exchanged."""

OUTSIDE_TESTS: dict[str, dict[str, Any]] = {
    "300 trials": {"trials": 300},
    "alike": {"low": 0.45, "high": 0.55},
    "swap": {"swap_at": 50},
}
"""Outside the range of the training -> settings of the task; "alike": both payoffs from U[.45, .55]."""

INFERENCE, FIXED_RATE, FIXED_PLANNER = "inference", "fixed learning rate", "planner, fixed learning rate"
FIXED_RATES = (FIXED_RATE, FIXED_PLANNER)
"""Rules that learn at a fixed rate; the second, in the two-step task, knows the task's structure as inference does."""


def claim(claim: str, measure: str, statement: str, criterion: Criterion | None = None, variant: str = MAIN) -> Claim:
    """One row, beyond the paper."""
    return Claim(claim, measure, EXTENSION, statement, criterion, variant=variant)


STATE = "held-out R2 of the Bayesian agent's state (posterior means, log counts), read from activity and cell"
RULES = f"log likelihood per choice (nats, cross-validated), {INFERENCE} minus best"
SHARE = "share of the gain on problems never met (random 0, best possible 1)"
OBSERVERS = "log likelihood per choice (nats) on new problems, observer whose prior is the network's problems minus the family's"
OUTSIDE = "reward as a share of the best agent's that knows the change"

CLAIMS = [
    claim("inner-statistics", "R2", STATE, above(0.9)),
    claim("inner-statistics", "minus untrained", f"{STATE}, minus that of the untrained network", above(0)),
    claim("inner-minimal", "R2", "held-out R2 of activity and cell, given the Bayesian agent's state and the trial"),
    claim(
        "inner-policy", "R2", "held-out R2 of the policy's log odds, given the Bayesian agent's state and the trial", above(0.9)
    ),
    claim(
        "inner-exchangeable",
        "share",
        "variance of log odds between histories with equal counts in another order, as a share of that between counts",
        below(0.1),
    ),
]
for experiment, variant in TASKS.items():
    task = experiment.replace("_", " ")
    CLAIMS += [
        claim("inner-learning", "minus heuristic", f"{RULES} heuristic of one trial, {task}", above(0), variant),
        claim("inner-learning", "minus fixed rate", f"{RULES} fixed learning rate, {task}", above(0), variant),
    ]
CLAIMS += [
    claim("inner-location", "share", f"{SHARE}, trained on 1", between(-0.1, 0.1), FEWEST),
    claim("inner-location", "minus all", f"{SHARE}, trained on 1024 minus on all (paired by seed)", between(-0.05, 0.05), MOST),
    claim("inner-location", "problems minus family", f"{OBSERVERS}, trained on 4", above(0), LOCATES),
    claim("inner-location", "problems minus family", f"{OBSERVERS}, trained on 1024", not_above(0), MOST),
    claim("inner-outside", "300 trials", f"{OUTSIDE}: episodes of 300 trials"),
    claim("inner-outside", "alike", f"{OUTSIDE}: both arms within .45-.55"),
    claim("inner-outside", "swap", f"{OUTSIDE}: arms that swap once, at trial 50"),
]
