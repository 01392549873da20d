"""Claims about Fig. 1, each with its criterion (Wang et al. 2018, Fig. 1c-f)."""

from __future__ import annotations

from prefrontal.publishing.claims import (
    EXTENSION,
    RPE_DESCRIPTION,
    Claim,
    above,
    below,
    for_variants,
    register,
)
from prefrontal.publishing.claims import RPE_INPUT as RPE
from prefrontal.tables.storage import published
from replications.bandit.settings import (
    BENCHMARKS,
    CORRELATED,
    CORRELATED_RPE,
    MAIN,
    MAIN_RPE,
    PROBLEMS,
    TUNED,
)

RPE_VARIANTS = {MAIN: MAIN_RPE, CORRELATED: CORRELATED_RPE}


def final_regret(arms: str) -> tuple[float, float]:
    """Read the published regret at the last trial (Fig. 1d); the tolerance is a quarter of it."""
    curve = published("fig1d")
    value = float(
        curve[curve["series"] == f"meta-RL {arms} bandits"].sort_values("x")["y"].iloc[-1]
    )
    return value, 0.25 * value


GAIN = "P(better arm), last minus first tenth of the episode"
REGRET, SHARE = (
    "cumulative regret at the last trial",
    "expected reward as a share of the Bayes-optimal one",
)
SLOWER = "trials until P(better arm) {}, hard minus easy"
CODE = "absolute rank correlation of PC1 at the last step with p_left"
CLAIMS = [
    *(
        Claim(
            "bandit-frozen",
            problem,
            "1c",
            f"{GAIN}: {arms} arms, {problem} problem",
            above(0),
            variant=arms,
        )
        for arms in (MAIN, CORRELATED)
        for problem in (*PROBLEMS, "drawn")
    ),
    Claim(
        "bandit-difficulty",
        "hard minus easy",
        "1c",
        SLOWER.format("has come 90 % of the way from chance to its end"),
        above(0),
    ),
    Claim(
        "bandit-difficulty",
        "hard minus easy, of the end",
        "1c",
        SLOWER.format("is 90 % of what it is at the end"),
    ),
    *(
        Claim(
            "bandit-regret",
            f"below {name}",
            "1d",
            f"{REGRET}, below {name}",
            below(f"{name} regret"),
        )
        for name in BENCHMARKS
        if name != TUNED
    ),
    Claim(
        "bandit-regret",
        "last trial",
        "1d",
        f"{REGRET}, independent arms",
        None,
        *final_regret(MAIN),
    ),
    Claim(
        "bandit-structure",
        "correlated minus independent",
        "1d",
        f"{REGRET}, trained on correlated minus on independent arms (paired by seed)",
        below(0),
        variant=CORRELATED,
    ),
    Claim(
        "bandit-structure",
        "last trial",
        "1d",
        f"{REGRET}, correlated arms",
        None,
        *final_regret(CORRELATED),
        variant=CORRELATED,
        measured="bandit-regret",
    ),
    Claim("bandit-code", "rank correlation", "1f", CODE, above(0.9), variant=CORRELATED),
    Claim(
        "bandit-tuned",
        f"below {TUNED}",
        EXTENSION,
        f"{REGRET}, below {TUNED}",
        below(f"{TUNED} regret"),
        measured="bandit-regret",
    ),
    *(
        Claim("bandit-bayes", "share", EXTENSION, f"{SHARE}, {arms} arms", variant=arms)
        for arms in (MAIN, CORRELATED)
    ),
]
CLAIMS += for_variants(
    CLAIMS, RPE, RPE_VARIANTS, RPE_DESCRIPTION, [("bandit-frozen", "drawn"), "bandit-regret"]
)

CLAIMS = register(
    CLAIMS,
    {
        "7243fc3 2026-11-21": [
            "bandit-frozen",
            "bandit-difficulty",
            "bandit-regret",
            "bandit-structure",
            "bandit-code",
        ],
        "bf5c0ae 2026-11-21": ["rpe-input"],
        "532867a 2026-11-21": [
            "bandit-tuned",
            ("bandit-regret", "below UCB's as published"),
            ("rpe-input", "below UCB's as published"),
        ],
    },
)
