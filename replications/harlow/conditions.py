"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 6; Methods, simulation 5)."""

from __future__ import annotations

from typing import Any

from prefrontal.publishing.claims import Claim, above, between
from prefrontal.tables.storage import published

MAIN, CONTROL, STILL_FIRST, SYMBOLS = "pixels", "pixels_new_wrong_image", "pixels_still_first", "symbols"
"""Networks that see pixels, the paper's control, those with an easier version first, and networks that see symbols."""

PIXELS: dict[str, Any] = {"view_size": 42}
"""What a processor without accelerator can train (README, "Deviations and choices")."""

TRAINED: dict[str, dict[str, Any]] = {
    MAIN: PIXELS,
    CONTROL: PIXELS | {"new_wrong_image": True},
    STILL_FIRST: PIXELS | {"still_episodes": 40_000, "episodes": 100_000},
    SYMBOLS: {"view": "symbols", "episodes": 80_000},
}

VARIED: dict[str, dict[str, dict[str, Any]]] = {
    MAIN: {"half_as_long_pixels": {"episodes": 300_000}},
    CONTROL: {"half_as_long_pixels_new_wrong_image": {"episodes": 300_000}},
    STILL_FIRST: {
        "view_84": {"view_size": 84},
        "unroll_100": {"unroll": 100},
        "learning_rate_of_the_paper": {"learning_rate": 7.5e-4},
        "entropy_cost_of_the_paper": {"entropy_cost": 0.001, "entropy_cost_end": None},
        "episodes_per_update_32": {"episodes_per_update": 32},
        "one_rate_for_encoder_and_rest": {"encoder_rate": 1.0},
        "constant_learning_rate": {"lr_decay_start": 1.0},
        "encoder_not_normalised": {"normalised": False},
        "new_wrong_image": {"new_wrong_image": True},
        "twice_as_long_new_wrong_image": {"new_wrong_image": True, "episodes": 200_000},
    },
    SYMBOLS: {
        "symbols_new_wrong_image": {"new_wrong_image": True},
        "symbols_constant_learning_rate_and_entropy_cost_to_0": {"lr_decay_start": 1.0, "entropy_cost_end": 0.0},
    },
}
"""Variant -> variations of it, with one or two settings changed; most take back a deviation from the paper."""

VARIATIONS: dict[str, dict[str, Any]] = {
    name: TRAINED[origin] | settings for origin, varied in VARIED.items() for name, settings in varied.items()
}

RECORDED = (MAIN, SYMBOLS)
"""Variants whose networks keep their weights; of all others the results are kept."""

TEST_EPISODES = 200
"""Episodes that each of these networks plays for the recording."""

TESTS: dict[str, dict[str, Any]] = {
    "held out": {"images": "held out", "new_wrong_image": False},
    "photographs": {"images": "photographs", "new_wrong_image": False},
    "new wrong image": {"images": "held out", "new_wrong_image": True},
}
"""Tests that end every training: held-out images, those of another kind (pixels only), and the paper's control."""

PLAYED = "played.csv"
"""Results of these tests where the networks whose weights are kept were played again."""

AS_TRAINED = {False: "held out", True: "new wrong image"}
"""Setting new_wrong_image -> the test that is as training was, but for its images."""

CEILING = 0.9
"""A network has reached ceiling if it is right in so many of trials 2 to 6 on held-out images at the end."""

THREADS = 32
PUBLISHED_EPISODES = {"to above chance": 3413 * THREADS, "from there to ceiling": 4875 * THREADS}
"""Medians over the paper's networks at ceiling, of all threads together (Methods, simulation 5)."""

PUBLISHED_YIELD = 14 / 50
"""Share of the paper's networks that reached ceiling (Methods, simulation 5)."""

WORDS = {MAIN: "pixels", STILL_FIRST: "view still first, pixels", SYMBOLS: "symbols"}
"""Variants in the statements of claims."""

FINAL = published("fig6c").query("series == 'meta-RL Final quantile'").set_index("x")["y"]


def yield_claim(variant: str, words: str) -> Claim:
    """Share of networks that reach ceiling."""
    compared: dict[str, Any] = {"published": PUBLISHED_YIELD, "or_more": True} if variant == MAIN else {}
    statement = f"share of networks that reach ceiling, {words}"
    return Claim("harlow-yield", "at ceiling", "6c", statement, variant=variant, summary="share", **compared)


def claims_about(variant: str) -> list[Claim]:
    """Claims about all networks of a variant; only those at ceiling have a time when they reached it."""
    words, main = f", {WORDS[variant]}", variant == MAIN
    rows = []
    for trial in range(1, 7):
        statement = f"percent correct on trial {trial}, held-out images{words}"
        compared: dict[str, Any] = {"published": FINAL[trial], "tolerance": 4} if main else {}
        criterion = between(45, 55) if trial == 1 else above(90)
        rows.append(Claim("harlow-oneshot", f"trial {trial}", "6c", statement, criterion, **compared, variant=variant))
    statement = f"rise of percent correct on trial 2 per stage of training{words}"
    rows.append(Claim("harlow-gradual", "rise on trial 2", "6c", statement, above(0), variant=variant))
    statement = f"percent correct on trials 2-6, new wrong image in the test only, minus the same throughout{words}"
    rows.append(Claim("harlow-control", "new wrong image in the test only", "6c", statement, variant=variant))
    for what, median in PUBLISHED_EPISODES.items():
        compared = {"published": median / 1000} if main else {}
        statement = f"thousands of training episodes {what}{' (published: median)' if main else ''}, networks at ceiling{words}"
        rows.append(Claim("harlow-yield", f"episodes {what}", "6c", statement, **compared, variant=variant))
    return [*rows, yield_claim(variant, WORDS[variant])]


CLAIMS = [
    *claims_about(MAIN),
    Claim(
        "harlow-control",
        "trials 2-6, tested as trained",
        "6c",
        "percent correct on trials 2-6, trained and tested with a new wrong image each trial, minus with the same, pixels",
        between(-3, 3),
        variant=CONTROL,
        summary="difference",
        versus=MAIN,
    ),
    yield_claim(CONTROL, "new wrong image each trial, pixels"),
    *claims_about(STILL_FIRST),
    *claims_about(SYMBOLS),
]
