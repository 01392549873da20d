"""Take back one deviation from the paper at a time, and see how networks learn then.

Every run has the settings of the networks of Fig. 6c but for one, which is the paper's (Methods, simulation 5).

python -m replications.harlow.deviations --help
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from prefrontal import training
from prefrontal.errors import require, run
from replications.harlow.train import PIXELS, Config, Options, train_and_save

TAKEN_BACK: dict[str, dict[str, Any]] = {
    "view_84": {"view_size": 84},
    "view_turns_from_the_start": {"still_episodes": 0, "episodes": 300_000},
    "unroll_100": {"unroll": 100},
    "learning_rate_of_the_paper": {"learning_rate": 7.5e-4},
    "entropy_cost_of_the_paper": {"entropy_cost": 0.001, "entropy_cost_end": None},
    "one_rate_for_encoder_and_rest": {"encoder_rate": 1.0},
    "constant_learning_rate": {"constant_rate": 1.0},
    "episodes_per_update_32": {"episodes_per_update": 32},
    "encoder_not_normalised": {"normalised": False},
}
"""What is as in the paper, or in its plainest reading; training is longer where the easier version no longer comes first."""


@dataclasses.dataclass(frozen=True)
class Choice(Options):
    """Which deviations to take back, and how to run."""

    seeds: int = 1
    """Networks per deviation, seeded ``seed``, ``seed`` + 1, ..."""
    take_back: tuple[str, ...] = tuple(TAKEN_BACK)
    """Names of deviations."""


def main(arguments: list[str] | None = None) -> None:
    """Train, one after the other; the networks' files go to data/harlow/deviations."""
    config, options = training.command_line(
        Config, Choice, "replications.harlow.deviations", arguments, "Take back one deviation from the paper at a time."
    )
    for name in options.take_back:
        require(name in TAKEN_BACK, "take_back", name, f"one of {', '.join(TAKEN_BACK)}")
    training.require_device(options.device)
    torch.set_num_threads(options.threads)
    for name in options.take_back:
        for one in training.replicate([training.depart(config, PIXELS | TAKEN_BACK[name])], options.seeds):
            train_and_save(one, options, "deviations", name)


if __name__ == "__main__":
    run(main)
