"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 5)."""

from __future__ import annotations

from typing import Any

from prefrontal.claims import BEYOND, RPE_WORDS, Claim, above, again, below
from prefrontal.claims import RPE_INPUT as RPE
from prefrontal.learners.two_step import TRIAL_TYPES
from prefrontal.tables import published

MAIN, TRAINING = "default", "training"
TRAINED: dict[str, dict[str, Any]] = {
    MAIN: {},
    "2_steps": {"steps_per_trial": 2},
    "repeat": {"invalid_response": "repeat"},
    "side": {"stage_2_response": "side"},
    "default_rpe": {"network_input": "rpe"},
    TRAINING: {"episodes": 5_000, "snapshots": 10},
}
"""The networks of Fig. 5, one departure from each choice that the paper leaves open about the trial, reward prediction errors in
place of reward as input, and the first half of the main training, in which it is learned, with weights kept every 500 episodes:
condition -> settings that depart from those of Config."""

RPE_INPUT = {MAIN: "default_rpe"}
"""Condition -> the same networks with the reward prediction error as input."""

MAIN_PANEL = "5e"
"""Panel that is drawn for either input."""

TEST_EPISODES = 300
"""Test episodes per network (Methods, simulation 4: 300); a third of them in conditions other than the main one, a tenth at each
stage of training."""

SARSA_RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Learning rates of the model-free reference that are shown beside the fitted one; the paper does not state the one it used."""

RESIDUAL = 0.01
"""Largest share of variance that model-free errors may explain where model-based ones leave some."""

EXAMPLE_EPISODES = 30
"""Episodes of one network drawn in Fig. 5f, g (caption)."""

FITTED_EPISODES, FITTED_STARTS = 100, 5
"""Episodes of each network to which learners are fitted, which makes it about as many choices as of a rat; runs per fit."""

CUE_RATE, CUE_TEMPERATURE = 0.05, 6.0
"""Learning rate and inverse temperature at which the cue learner learns the task; rules that are fitted have their own."""

CUE_LEARNERS, CUE_TRIALS = 100, 4_000
"""Cue learners whose values are averaged, and trials from which each learns them: about a hundred of the rarest kind."""


lags = published("fig5e").query("series.str.startswith('meta-RL mean ') and x == 1").set_index("series")["y"]
stays = published("fig5c-right").query("series == 'meta-RL mean (bar)'").set_index("x")["y"]

CLAIMS = []
for transition, outcome in TRIAL_TYPES:
    statement = f"lag-1 weight (log odds) of {transition} {outcome} trials"
    criterion = above(0) if (transition == "common") == (outcome == "rewarded") else below(0)
    value = lags[f"meta-RL mean {transition}/{outcome}"]
    CLAIMS.append(Claim("twostep-lags", f"{transition} {outcome}", "5e", statement, criterion, value, 0.6))

statement = "reward x transition interaction in staying (log odds), correct side as covariate"
CLAIMS.append(Claim("twostep-stay", "interaction", "5c", statement, above(0)))
for transition, outcome in TRIAL_TYPES:
    quantity, value = f"after {outcome} {transition}", stays[f"{outcome}/{transition}"]
    CLAIMS.append(Claim("twostep-stay", quantity, "5c", f"stay probability {quantity} trials", None, value, 0.08))

# The published r2 are printed in the panels.
statement = "variance of the RPEs explained by model-based RPEs (r2)"
CLAIMS.append(Claim("twostep-rpe-mb", "r2", "5f", statement, above(0.8), 0.89, 0.05))
CLAIMS.append(Claim("twostep-rpe-mb", "r2, last step too", "5f", f"{statement}, with the last time step of an episode"))
statement = "variance explained by model-free RPEs, model-based ones regressed out (r2)"
CLAIMS.append(
    Claim("twostep-rpe-mf", "r2", "5g", f"{statement}, SARSA's learning rate fitted to rewards", below(RESIDUAL), 5.8e-7)
)
CLAIMS += [
    Claim("twostep-rpe-mf", f"r2, rate {rate:g}", "5g", f"{statement}, SARSA's learning rate {rate:g}") for rate in SARSA_RATES
]

# The model-free alternative of Akam, Costa & Dayan (2015), reported.
learner = "learner to whom the last outcome is a cue"
CLAIMS += [
    Claim("twostep-cue", quantity, BEYOND, statement)
    for quantity, statement in {
        "likelihood": f"log likelihood per unseen choice (nats): planner minus {learner}",
        "lags 2-5": "networks' planning weight (log odds), mean of lags 2-5, where such a learner has next to none",
        "r2": f"variance of the RPEs explained by RPEs of a {learner} (r2)",
        "r2, residual": f"variance explained by RPEs of a {learner}, model-based ones regressed out (r2)",
        "weight": f"standardised weight of RPEs of a {learner} beside those of planner and SARSA",
    }.items()
]

# Does a model-free phase come first (the coexistence that Supplementary Figs. 7 and 8 are cited for)? Reported.
before = "mean of the stages before"
CLAIMS += [
    Claim("twostep-training", quantity, BEYOND, statement, condition=TRAINING)
    for quantity, statement in {
        "planning": "training episodes until the planning weight of a fitted mixture reaches half its last value",
        "weights": f"model-free minus planning weight (log odds, lag 1), {before}",
        "RPEs": f"standardised weight of model-free RPEs minus that of model-based ones, beside RPEs that do not learn, {before}",
        "unlearned": f"variance explained by RPEs of expectations that do not learn (r2), {before}",
        "mixture": f"model-free minus planning weight of a fitted mixture (log odds per unit of value), {before}",
    }.items()
]
CLAIMS += again(CLAIMS, RPE, RPE_INPUT, RPE_WORDS, ("twostep-lags", "twostep-rpe-mb"))
