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

statement = (
    "share of days on which predictor and betting network decide alike, where the mixture is surer "
    "than .6"
)
CLAIMS.append(Claim("weather-agree", "alike", EXTENSION, statement, above(0.95), needs=(BETS,)))

statement = (
    f"patterns of 5 and 6 days, never met: accuracy on {late} minus that of the mixture over "
    "trained kinds"
)
for variant, words in ((MAIN, "predictor"), (BETS, "bets")):
    described = f"{statement}, {words}"
    CLAIMS.append(Claim("weather-outside", "minus mixture", EXTENSION, described, variant=variant))

CLAIMS = register(
    CLAIMS,
    {
        "4a01998 2026-11-21": ["weather-predictor", "weather-bets", "weather-agree"],
    },
)
