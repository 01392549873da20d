"""Claims about learning the weather with and without reward, each with its criterion.

Criteria were written before any of these networks was trained.
"""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, above, register
from replications.weather.settings import BETS, MAIN, SETTINGS

late = f"days {SETTINGS.task.late_days}"

statement = (
    "share of the gap in log loss between running frequency and exact mixture that the predictor "
    f"closes, {late}"
)
CLAIMS = [
    Claim("weather-predictor", "share of the gap", EXTENSION, statement, above(0.9)),
]

statement = f"accuracy of the bets as a share of the exact mixture's, {late}"
criterion = above(0.97)
CLAIMS.append(
    Claim("weather-bets", "share of accuracy", EXTENSION, statement, criterion, variant=BETS)
)

sure = "where the mixture is surer than .6"
statement = f"share of days on which predictor and betting network decide alike, {sure}"
CLAIMS.append(Claim("weather-agree", "alike", EXTENSION, statement, above(0.95), needs=(BETS,)))

for variant, measure, words in (
    (MAIN, "share of the gap", f"share of the gap in log loss that the predictor closes, {late}"),
    (BETS, "share of accuracy", f"accuracy of the bets as a share of the exact mixture's, {late}"),
    (MAIN, "alike", f"share of days on which bets and predictor decide alike, {sure}"),
):
    CLAIMS.append(
        Claim(
            "weather-beyond-universal",
            measure,
            EXTENSION,
            f"{words}, minus that of context-tree weighting, which knows none of the kinds",
            above(0),
            variant=variant,
            needs=(BETS,) if measure == "alike" else (),
        )
    )

statement = (
    f"patterns of 5 and 6 days, never met: accuracy on {late} minus that of the mixture over "
    "trained kinds"
)
for variant, words in ((MAIN, "predictor"), (BETS, "bets")):
    described = f"{statement}, {words}"
    CLAIMS.append(Claim("weather-outside", "minus mixture", EXTENSION, described, variant=variant))
    described = (
        f"the same, as a share of what a mixture that knows patterns of up to 6 days gains, {words}"
    )
    CLAIMS.append(
        Claim(
            "weather-outside",
            "share of what could be learned",
            EXTENSION,
            described,
            variant=variant,
        )
    )

CLAIMS = register(
    CLAIMS,
    {
        "4a01998 2026-11-21": ["weather-predictor", "weather-bets", "weather-agree"],
        "e892729 2026-11-29": ["weather-beyond-universal"],
    },
)
