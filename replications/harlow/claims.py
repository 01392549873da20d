"""Claims about Fig. 6, each with its criterion (Wang et al. 2018, Fig. 6; Methods, simulation
5)."""

from __future__ import annotations

from typing import Any

from prefrontal.publishing.claims import Claim, above, between, register
from prefrontal.tables.storage import published
from replications.harlow.settings import CONTROL, MAIN, STILL_FIRST, SYMBOLS

THREADS = 32
PUBLISHED_EPISODES = {"to above chance": 3413 * THREADS, "from there to ceiling": 4875 * THREADS}
"""Medians over the paper's networks at ceiling, over all threads (Methods, simulation 5)."""

PUBLISHED_YIELD = 14 / 50
"""Fraction of the paper's networks that reached ceiling (Methods, simulation 5)."""

LABELS = {MAIN: "pixels", STILL_FIRST: "view still first, pixels", SYMBOLS: "symbols"}
"""Variants in the statements of claims."""

FINAL = published("fig6c").query("series == 'meta-RL Final quantile'").set_index("x")["y"]
"""Published percent correct at the end of training, by trial (from 1)."""


def yield_claim(variant: str, label: str) -> Claim:
    """Claim about the fraction of networks that reach ceiling."""
    compared: dict[str, Any] = {}
    if variant == MAIN:
        compared = {"published": PUBLISHED_YIELD, "or_more": True}
    statement = f"share of networks that reach ceiling, {label}"
    key = ("harlow-yield", "at ceiling", "6c")
    return Claim(*key, statement, variant=variant, summary="share", **compared)


def claims_about(variant: str) -> list[Claim]:
    """Claims about all networks of a variant; only networks at ceiling have a time to ceiling."""
    label, main = f", {LABELS[variant]}", variant == MAIN
    rows = []

    def add(
        claim: str, measure: str, statement: str, criterion: Any = None, **compared: Any
    ) -> None:
        statement = f"{statement}{label}"
        rows.append(Claim(claim, measure, "6c", statement, criterion, variant=variant, **compared))

    for trial in range(1, 7):
        compared = {"published": FINAL[trial], "tolerance": 4} if main else {}
        criterion = between(45, 55) if trial == 1 else above(90)
        statement = f"percent correct on trial {trial}, held-out images"
        add("harlow-oneshot", f"trial {trial}", statement, criterion, **compared)
    statement = "rise of percent correct on trial 2 per stage of training"
    add("harlow-gradual", "rise on trial 2", statement, above(0))
    statement = (
        "percent correct on trials 2-6, new wrong image in the test only, minus the same throughout"
    )
    add("harlow-control", "new wrong image in the test only", statement)
    for what, median in PUBLISHED_EPISODES.items():
        compared = {"published": median / 1000} if main else {}
        note = " (published: median)" if main else ""
        statement = f"thousands of training episodes {what}{note}, networks at ceiling"
        add("harlow-yield", f"episodes {what}", statement, **compared)
    statement = "percent correct on trials 2-6, held-out images, networks at ceiling"
    add("harlow-yield", "trials 2-6 at ceiling", statement)
    return [*rows, yield_claim(variant, LABELS[variant])]


CLAIMS = [
    *claims_about(MAIN),
    Claim(
        "harlow-control",
        "trials 2-6, tested as trained",
        "6c",
        "percent correct on trials 2-6, trained and tested with a new wrong image each trial, "
        "minus with the same, pixels",
        between(-3, 3),
        variant=CONTROL,
        summary="difference",
        versus=MAIN,
    ),
    yield_claim(CONTROL, "new wrong image each trial, pixels"),
    *claims_about(STILL_FIRST),
    *claims_about(SYMBOLS),
]

CLAIMS = register(
    CLAIMS,
    {
        "e99da56 2026-11-21": ["harlow-oneshot", "harlow-gradual"],
        "de6f9be 2026-11-21": ["harlow-control"],
    },
)
