"""What is trained, what is tested and what is claimed (Wang et al. 2018, Fig. 3 and Supplementary Fig. 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefrontal.claims import RPE_INPUT as RPE
from prefrontal.claims import RPE_WORDS, Claim, above, again
from prefrontal.tables import published

MAIN, FAST, UNTIED = "tied", "tied_fast", "untied"
TRAINED: dict[str, dict[str, Any]] = {
    MAIN: {},
    FAST: {"learning_rate": 5e-4},
    UNTIED: {"generator": "untied", "snapshots": 0},
    "tied_rpe": {"network_input": "rpe", "snapshots": 0},
}
"""The networks of Fig. 3, ten times the paper's learning rate of the weights, the generator whose reward probability is not tied
to volatility, and reward prediction errors in place of reward as input: condition -> settings that depart from Config's."""

RPE_INPUT = {MAIN: "tied_rpe"}
"""Condition -> the same networks with the reward prediction error as input."""

MAIN_PANEL = "3d"
"""Panel that is drawn for either input."""

TEST_EPISODES = 400
"""Test episodes per network (Methods, simulation 2: 400); half of them in conditions other than the main one and on the training
generator, a quarter for the stages of training."""

HUMAN, GENERATOR = "human schedule", "training generator"
"""What is played, in the column ``test``. Only networks as they were during training have a number in ``trained_episodes``."""

BLOCK = 100
"""Trials per block of the human schedule (Methods, simulation 2, after Behrens et al. 2007)."""

HUMAN_SCHEDULE: dict[str, Any] = {
    "generator": "human",
    "trials": 2 * BLOCK,
    "better_stable": 0.75,
    "better_volatile": 0.8,
    "block": BLOCK,
    "volatile_run": 25,
}
"""Task of the human experiment: settings in place of those of the training (Methods, simulation 2)."""

BLOCKS = ("stable 1", "volatile 1", "volatile 2", "stable 2")
ORDERS = {"stable first": ("stable 1", "volatile 2"), "volatile first": ("volatile 1", "stable 2")}
"""Blocks of the two kinds of test episodes; the number is the block's position in the episode."""

RISES = {f"{volatile} - {stable}": (volatile, stable) for stable, volatile in map(sorted, ORDERS.values())}
"""Blocks whose learning rates are compared: those of the same episodes."""

WINDOW = 10
"""Trials per window of the learning-rate fit (Methods, simulation 2)."""

CONTROL_RATES = (0.1, 0.2, 0.3, 0.5, 0.7)
CONTROL_TEMPERATURE = 16.0
"""Known learning rates, and inverse temperature (magnitudes scaled to 0-1), of the simulated control learners."""

FIXED_RATES = np.linspace(0.02, 1, 50)
"""Learning rates among which the best fixed one is sought."""

ALPHA, UNITS_THRESHOLDS = 0.05, np.logspace(-10, -1, 19)
"""Level of significance (Methods, simulation 2), and thresholds of Supplementary Fig. 5b."""

EXAMPLE_EPISODE = 0
"""Which of the first network's episodes with the stable block first and left better in it Fig. 3a, b show."""


def published_rates() -> dict[str, float]:
    """Published mean learning rates of the networks, by block (Fig. 3d)."""
    bars = published("fig3d").query("series == 'meta-RL mean learning rate (bar)'")
    return dict(zip(bars["x"].str.lower(), bars["y"], strict=True))


RATES, UNITS = published_rates(), 0.37
"""Published learning rates, and share of units that code volatility (text)."""

ORDER = "lowest block's learning rate / that of the weights"
CODING = "share of units that code true volatility, mean over episodes"
DEPARTURES = {MAIN: "", FAST: ", ten times faster weights", UNTIED: ", untied generator"}
GAPS = {rise: RATES[volatile] - RATES[stable] for rise, (volatile, stable) in RISES.items()}

CLAIMS = [
    Claim(
        "volatility-rate", rise, "3d", f"learning rate, {rise}{words}", above(0), gap if name == MAIN else np.nan, condition=name
    )
    for name, words in DEPARTURES.items()
    for rise, gap in GAPS.items()
]
CLAIMS += [Claim("volatility-rate", block, "3d", f"learning rate, {block}", above(0), RATES[block], 0.12) for block in BLOCKS]
CLAIMS += [
    Claim("volatility-orders", "lowest block / weights", "3d", ORDER, above(1000)),
    Claim("volatility-orders", "lowest block / weights", "3d", f"{ORDER}{DEPARTURES[FAST]}", condition=FAST),
    Claim("volatility-bayes", "correlation", "3b", "correlation of learning-rate curves, network and Bayesian agent", above(0.7)),
    Claim("volatility-units", "share", "3b", CODING, above(ALPHA), UNITS, 0.1),
    Claim(
        "volatility-units", "share - null", "3b", "the same less the share with volatility turned round by half a block", above(0)
    ),
]
CLAIMS += again(CLAIMS, RPE, RPE_INPUT, RPE_WORDS, [("volatility-rate", rise) for rise in RISES])
