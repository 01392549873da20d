"""What is trained, what is tested and what is claimed about the ingredients of a learning algorithm that emerges.

Botvinick: memory, weights trained by reinforcement learning, and a family of related tasks; another list adds reward and past
actions among the inputs. Each is taken away in turn. Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from typing import Any

from prefrontal.models.two_step import TRIAL_TYPES
from prefrontal.publishing.claims import EXTENSION, Claim, above, below, between

TWO_STEP: dict[str, Any] = {
    "game": "two_step",
    "episodes": 10_000,
    "unroll": 300,
    "discount": 0.9,
    "entropy_cost": 0.05,
    "entropy_cost_end": None,
    "output_scale": 3.0,
}
"""The two-step task, as in replications/two_step."""

MEMORIES = {
    "lstm": "LSTM",
    "gru": "GRU",
    "tanh": "tanh network",
    "attention": "attention",
    "slots": "slots",
}
"""Core -> what the memory is called."""
NONE = "feedforward"
"""The core without memory: it sees observation, last reward and last action."""

GRID = {"learning_rate": (7e-4, 2e-3, 5e-3), "init_scale": (1.0, 2.5)}
"""Settings searched for every memory on both tasks, and for imitation, with two networks each that are not judged."""

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
}
"""Task -> memory, or imitation -> learning rate and initial scale: those of the grid with the largest mean share of the gain on
validation episodes (``share_validation``)."""


def chosen(game: str, memory: str) -> dict[str, Any]:
    """Settings of a memory on a task."""
    learning_rate, init_scale = CHOSEN[game][memory]
    return {"core": memory, "learning_rate": learning_rate, "init_scale": init_scale}


MAIN = "lstm"
LSTM = chosen("bandit", MAIN)
IMITATION = {"core": MAIN, "objective": "supervised", "entropy_cost": 0.0, "entropy_cost_end": None}
PROBLEM = (0.25, 0.75)
"""(p_left, p_right) of the one problem; mirrored, the arms change places."""

EQUAL = {"gru": 55, "tanh": 98, "attention": 31, "slots": 69, NONE: 1_302}
"""Units with which a memory has about as many parameters as the LSTM of 48 units."""

TRAINED: dict[str, dict[str, Any]] = {
    **{core: chosen("bandit", core) for core in (*MEMORIES, NONE)},
    "forgets": LSTM | {"stateful": False},
    "no_reward": LSTM | {"reward_input": False},
    "no_action": LSTM | {"action_input": False},
    "one_problem": LSTM | {"one_problem": True},
    "untrained": LSTM | {"episodes": 0},
    "imitation": chosen("bandit", "imitation") | IMITATION,
    "imitation_long": chosen("bandit", "imitation") | IMITATION | {"episodes": 60_000},
    "visible": chosen("bandit", NONE) | {"shows_outcomes": True},
    **{f"{core}_two_step": TWO_STEP | chosen("two_step", core) for core in (*MEMORIES, NONE)},
    **{f"{core}_equal": chosen("bandit", core) | {"units": units} for core, units in EQUAL.items()},
}
"""``forgets``: an LSTM that begins anew at every trial, which is one time step. ``imitation`` learns the better arm by
cross-entropy and is not rewarded; ``imitation_long``, three times as long, came after its result was known. ``visible``: no
memory, but the task shows the last outcome of each arm."""

TEST_EPISODES = 300
"""Test episodes per network (Wang et al. 2018, Fig. 1d and Methods, simulation 4: 300)."""

ONE_TRIAL = 0.601
"""Share of the gain of win-stay lose-shift, the best policy that stateful one trial, over 100 trials."""
MARGIN = 0.05
THOMPSON = 0.930
"""Share of the gain of Thompson sampling, over 100 trials."""

SHARE = "share of the gain on the bandit (random 0, best possible 1)"


def share(claim: str, variant: str, words: str, criterion: Any, measure: str = "share", statement: str = SHARE) -> Claim:
    """Claim about one variant."""
    return Claim(claim, measure, EXTENSION, f"{statement}: {words}", criterion, variant=variant)


CLAIMS = [share("ingredient-memory", core, words, above(ONE_TRIAL)) for core, words in MEMORIES.items()]
for core, words in MEMORIES.items():
    for transition, outcome in TRIAL_TYPES:
        side = above(0) if (transition == "common") == (outcome == "rewarded") else below(0)
        statement = f"lag-1 weight (log odds) of {transition} {outcome} trials in the two-step task"
        CLAIMS.append(share("ingredient-memory", f"{core}_two_step", words, side, f"{transition} {outcome}", statement))
CLAIMS += [
    share("ingredient-no-memory", NONE, "feedforward", below(ONE_TRIAL + MARGIN)),
    share("ingredient-no-memory", "forgets", "LSTM that begins anew at every trial", below(ONE_TRIAL + MARGIN)),
    share(
        "ingredient-no-memory",
        f"{NONE}_two_step",
        "feedforward",
        below(0.55),
        "reward",
        "reward per trial of the two-step task",
    ),
    share("ingredient-no-reward", "no_reward", "no reward among the inputs", between(-MARGIN, MARGIN)),
    share(
        "ingredient-no-action",
        "no_action",
        "no action among the inputs minus the full network, paired by seed",
        below(0),
        "minus full",
    ),
    share("ingredient-one-task", "one_problem", "trained on one problem, tested on drawn ones", between(-MARGIN, MARGIN)),
    share(
        "ingredient-one-task",
        "one_problem",
        "trained on one problem, tested on it with the arms exchanged",
        below(50),
        "mirrored",
        "expected reward of 100 trials",
    ),
    share(
        "ingredient-one-task",
        "one_problem",
        "trained on one problem, tested on drawn ones",
        None,
        "right",
        "choices of the right arm, percent",
    ),
    share("ingredient-untrained", "untrained", "initial weights", between(-MARGIN, MARGIN)),
    share("ingredient-imitation", "imitation", "supervised by the better arm", above(ONE_TRIAL)),
    share(
        "ingredient-imitation",
        "imitation",
        "supervised by the better arm",
        between(-MARGIN, MARGIN),
        "minus Thompson",
        f"{SHARE} minus Thompson sampling's, {THOMPSON:.3f}",
    ),
    share("ingredient-imitation", "imitation_long", "supervised by the better arm, three times as long", None),
    share("ingredient-visible", "visible", "no memory, the task shows each arm's last outcome", None),
    *(share("ingredient-equal", f"{core}_equal", f"{core}, as many parameters as the LSTM", None) for core in EQUAL),
]
