"""Claims about NAME, each with its criterion, written before the result is seen."""

from __future__ import annotations

from prefrontal.publishing.claims import EXTENSION, Claim, above

CLAIMS = [
    Claim(
        "NAME-learns",
        "gain",
        EXTENSION,
        "P(better arm), last minus first trial",
        above(0),
    ),
]
