"""Claims about Fig. 2, each with its criterion (Wang et al. 2018, Fig. 2)."""

from __future__ import annotations

from prefrontal import statistics
from prefrontal.analysis import matching
from prefrontal.publishing.claims import (
    EXTENSION,
    RPE_DESCRIPTION,
    RPE_INPUT,
    Claim,
    above,
    at_least,
    below,
    between,
    for_variants,
    register,
)
from prefrontal.tables.storage import published
from replications.probability_matching.settings import COVARIATES, KINDS, MICE, RECENT, RPE, SHORTER

RPE_VARIANTS = {SHORTER: RPE}


def null_of(covariate: str, kind: str) -> str:
    """Name the benchmark of unit codes: the largest 95 % quantile of the null over networks."""
    return f"95 % quantile of the null, {covariate}, {kind}"


def published_numbers() -> dict[str, float]:
    """Published values of the network, by name; choice weights in Lau and Glimcher's sign."""
    dots = published("fig2d").astype({"x": float})
    dots = dots.rename(columns={"x": "reward_ratio", "y": "choice_ratio"})
    baselines = {"all": "meta-RL", "held out": "meta-RL held-out", "trained": "meta-RL trained"}
    numbers = {
        f"slope, {name} baselines": matching.matching_slope(
            dots[dots["series"].str.startswith(series)]
        )
        for name, series in baselines.items()
    }
    history = published("fig2f")
    for signal, sign in (("reward", 1), ("choice", -1)):
        points = history[history["series"].str.startswith(signal)]
        lags, weights = points["x"].astype(float).round().astype(int), points["y"].astype(float)
        numbers |= {
            f"{signal} lag {lag}": sign * weight for lag, weight in zip(lags, weights, strict=True)
        }
    bars = published("fig2e").query("series == 'mean over units (bar)'")["y"]
    return numbers | {
        f"{kind}, {name}": bar for kind in KINDS for name, bar in zip(COVARIATES, bars, strict=True)
    }


PUBLISHED = published_numbers()

ONE_BACK = ": action and reward one trial further back, value as it is"

CLAIMS = [
    Claim(
        "matching-slope",
        "all baselines",
        "2d",
        "slope of log choice ratio on log reward ratio",
        between(0, 1),
        PUBLISHED["slope, all baselines"],
        0.1,
    ),
    Claim(
        "matching-generalises",
        "held out minus trained",
        "2d",
        "slope with held-out baselines minus slope with trained ones",
        between(-0.1, 0.1),
        PUBLISHED["slope, held out baselines"] - PUBLISHED["slope, trained baselines"],
    ),
    Claim(
        "matching-generalises",
        "held out minus interpolated",
        "2d",
        "share of choices on the richer side with held-out baselines, minus the mean of the "
        "trained ranges on either side",
        between(-0.05, 0.05),
    ),
    *(
        Claim(
            "matching-reward-lags",
            f"lag {lag}",
            "2f",
            f"weight of the reward {lag} trial{'s' if lag > 1 else ''} ago (log odds)",
            above(0),
            PUBLISHED[f"reward lag {lag}"],
            0.4 if lag == 1 else None,
        )
        for lag in RECENT
    ),
    Claim(
        "matching-reward-lags",
        "trend",
        "2f",
        f"linear trend of the reward weight over lags {RECENT[0]}-{RECENT[-1]}, per lag",
        below(0),
        float(statistics.trend([PUBLISHED[f"reward lag {lag}"] for lag in RECENT])),
    ),
    Claim(
        "matching-choice-lags",
        "lag 1",
        "2f",
        "weight of the last choice (log odds; negative: alternation)",
        below(0),
        PUBLISHED["choice lag 1"],
    ),
    *(
        Claim(
            "matching-units",
            f"{covariate}, one back",
            "2e",
            f"mean absolute partial correlation (Pearson) of units with {covariate}{ONE_BACK}",
            between(
                PUBLISHED[f"Pearson, {covariate}"] - 0.1, PUBLISHED[f"Pearson, {covariate}"] + 0.1
            ),
            PUBLISHED[f"Pearson, {covariate}"],
            0.1,
        )
        for covariate in COVARIATES
    ),
    *(
        Claim(
            "matching-units",
            f"{covariate}, distribution",
            "2e",
            f"networks whose units' absolute correlations with {covariate}{ONE_BACK}, do not "
            "differ from the published units' (Kolmogorov-Smirnov, p > .05)",
            at_least(0.5),
            summary="share",
        )
        for covariate in COVARIATES
    ),
    *(
        Claim(
            "matching-units-last",
            f"{covariate}, {kind}",
            "2e",
            f"mean absolute partial correlation ({kind}) of units with {covariate}",
            above(null_of(covariate, kind)),
            PUBLISHED[f"{kind}, {covariate}"],
            0.1,
        )
        for kind in KINDS
        for covariate in COVARIATES
    ),
]
SLOPE = "slope of log choice ratio on log reward ratio"
CLAIMS += [
    Claim(
        "animals-matching",
        "slope",
        EXTENSION,
        f"mice: {SLOPE}, a point per block without its first ten trials",
        between(0, 1),
        variant=MICE,
    ),
    Claim(
        "animals-matching",
        "slope",
        EXTENSION,
        f"networks minus mice: {SLOPE}",
        summary="difference",
        versus=MICE,
    ),
]
CLAIMS += for_variants(CLAIMS, RPE_INPUT, RPE_VARIANTS, RPE_DESCRIPTION, ("matching-slope",))

CLAIMS = register(
    CLAIMS,
    {
        "d513456 2026-11-21": [
            "matching-slope",
            "matching-generalises",
            "matching-units-last",
            "matching-reward-lags",
            "matching-choice-lags",
        ],
        "d0838e6 2026-11-21": ["rpe-input"],
        "da83838 2026-11-29": ["matching-units"],
        "67049d3 2026-11-30": [("matching-generalises", "held out minus interpolated")],
        "b02df02 2026-11-30": ["animals-matching"],
    },
)
