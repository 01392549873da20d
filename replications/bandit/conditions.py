"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 1c-f)."""

from __future__ import annotations

from typing import Any

from prefrontal.claims import BEYOND, RPE_WORDS, Claim, above, again, below
from prefrontal.claims import RPE_INPUT as RPE
from prefrontal.tables import published

MAIN, CORRELATED = "independent", "correlated"
TRAINED: dict[str, dict[str, Any]] = {
    MAIN: {"seed": 8},
    CORRELATED: {"arms": "correlated", "seed": 8},
    "independent_rpe": {"network_input": "rpe"},
    "correlated_rpe": {"arms": "correlated", "network_input": "rpe"},
}
"""Training distributions, and the same with reward prediction errors in place of reward as input. Seeds 0 and 1 of the main
conditions had a part in the choice of settings."""

RPE_INPUT = {MAIN: "independent_rpe", CORRELATED: "correlated_rpe"}
MAIN_PANEL = "1d"

STRUCTURE = {CORRELATED: MAIN, "correlated_rpe": "independent_rpe"}
"""Networks whose problems have structure to learn -> those that they are compared with, seed by seed."""

TEST_EPISODES = 300
"""Test episodes per network, problem and order of sides (Wang et al. 2018, Fig. 1d: 300)."""

PROBLEMS = {"easy": (0.25, 0.75), "hard": (0.6, 0.4)}
"""(p_left, p_right) of the problems in Fig. 1c; the first is that of Fig. 1d. Each is also played with the sides swapped, so that
a network's fixed preference for its first pull cancels: the regret of the first trial must be half the difference."""

EXAMPLES = (0.99, 0.46, 0.33, 0.01)
"""p_left of the correlated problems in Fig. 1e."""

INDEPENDENT_EXAMPLES = ((0.9, 0.1), (0.8, 0.6), (0.4, 0.2), (0.1, 0.9))
"""(p_left, p_right) of the single episodes of a network trained on independent arms."""

FOLLOWED_EPISODES = 60
"""Drawn episodes whose activity is kept at every trial; that of the others is kept at the last trial only."""

EXAMPLE_EPISODES = 10
"""Episodes drawn in Fig. 1c."""

GITTINS, THOMPSON, UCB = "Gittins indices, tuned", "Thompson sampling", "UCB as published"
TUNED_UCB, OPTIMAL = "UCB, tuned", "Bayes-optimal"
"""Textbook algorithms. The paper states no parameter: "tuned" is the one with the least regret over the training distribution,
for both by one procedure; "as published" the one that gives the published curve."""

TUNED = "tuned UCB's"
"""A yardstick that the paper does not have."""

YARDSTICKS = {
    "Thompson sampling's": (THOMPSON, 1),
    "UCB's as published": (UCB, 1),
    "twice Gittins'": (GITTINS, 2),
    TUNED: (TUNED_UCB, 1),
}
"""Textbook algorithms, and how many times their regret networks stay below."""


def final_regret(arms: str) -> tuple[float, float]:
    """Published regret at the last trial of networks trained on these arms (Fig. 1d), and a tolerance of a quarter of it."""
    curve = published("fig1d")
    value = float(curve[curve["series"] == f"meta-RL {arms} bandits"].sort_values("x")["y"].iloc[-1])
    return value, 0.25 * value


GAIN = "P(better arm), last minus first tenth of the episode"
REGRET, SHARE = "cumulative regret at the last trial", "expected reward as a share of the Bayes-optimal one"
SLOWER = "trials until P(better arm) {}, hard minus easy"
CODE = "absolute rank correlation of PC1 at the last step with p_left"
CLAIMS = [
    *(
        Claim("bandit-frozen", problem, "1c", f"{GAIN}: {arms} arms, {problem} problem", above(0), condition=arms)
        for arms in (MAIN, CORRELATED)
        for problem in (*PROBLEMS, "drawn")
    ),
    Claim(
        "bandit-difficulty", "hard minus easy", "1c", SLOWER.format("has come 90 % of the way from chance to its end"), above(0)
    ),
    Claim("bandit-difficulty", "hard minus easy, of the end", "1c", SLOWER.format("is 90 % of what it is at the end")),
    *(
        Claim("bandit-regret", f"below {name}", "1d", f"{REGRET}, below {name}", below(f"{name} regret"))
        for name in YARDSTICKS
        if name != TUNED
    ),
    Claim("bandit-regret", "last trial", "1d", f"{REGRET}, independent arms", None, *final_regret(MAIN)),
    Claim(
        "bandit-structure",
        "correlated minus independent",
        "1d",
        f"{REGRET}, trained on correlated minus on independent arms (paired by seed)",
        below(0),
        condition=CORRELATED,
    ),
    Claim(
        "bandit-structure",
        "last trial",
        "1d",
        f"{REGRET}, correlated arms",
        None,
        *final_regret(CORRELATED),
        condition=CORRELATED,
        measured="bandit-regret",
    ),
    Claim("bandit-code", "rank correlation", "1f", CODE, above(0.9), condition=CORRELATED),
    Claim(
        "bandit-tuned", f"below {TUNED}", BEYOND, f"{REGRET}, below {TUNED}", below(f"{TUNED} regret"), measured="bandit-regret"
    ),
    *(Claim("bandit-bayes", "share", BEYOND, f"{SHARE}, {arms} arms", condition=arms) for arms in (MAIN, CORRELATED)),
]
CLAIMS += again(CLAIMS, RPE, RPE_INPUT, RPE_WORDS, [("bandit-frozen", "drawn"), "bandit-regret"])
