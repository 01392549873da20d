"""Change one setting at a time, and see how networks learn then.

Most changes take back a deviation from the paper (Methods, simulation 5).

python -m replications.harlow.variations --help
"""

from __future__ import annotations

import dataclasses
from typing import Any

from prefrontal import training
from prefrontal.errors import require, run
from replications.harlow.train import STILL_FIRST, SYMBOLS, Config, Options, prepare, train_and_save

VARIATIONS: dict[str, dict[str, Any]] = {
    "view_84": STILL_FIRST | {"view_size": 84},
    "unroll_100": STILL_FIRST | {"unroll": 100},
    "learning_rate_of_the_paper": STILL_FIRST | {"learning_rate": 7.5e-4},
    "entropy_cost_of_the_paper": STILL_FIRST | {"entropy_cost": 0.001, "entropy_cost_end": None},
    "episodes_per_update_32": STILL_FIRST | {"episodes_per_update": 32},
    "one_rate_for_encoder_and_rest": STILL_FIRST | {"encoder_rate": 1.0},
    "constant_learning_rate": STILL_FIRST | {"constant_rate": 1.0},
    "encoder_not_normalised": STILL_FIRST | {"normalised": False},
    "new_wrong_image": STILL_FIRST | {"new_wrong_image": True},
    "twice_as_long_new_wrong_image": STILL_FIRST | {"new_wrong_image": True, "episodes": 200_000},
    "symbols_new_wrong_image": SYMBOLS | {"new_wrong_image": True},
    "symbols_constant_learning_rate_and_entropy_cost_to_0": SYMBOLS | {"constant_rate": 1.0, "entropy_cost_end": 0.0},
}
"""Settings of the networks with an easier version first, or of those that see symbols, with one or two of them changed."""


@dataclasses.dataclass(frozen=True)
class Choice(Options):
    """Which variations to train, and how to run."""

    seeds: int = 1
    """Networks per variation, seeded ``seed``, ``seed`` + 1, ..."""
    names: tuple[str, ...] = tuple(VARIATIONS)
    """Names of variations."""


def main(arguments: list[str] | None = None) -> None:
    """Train, one after the other; the networks' files go to data/harlow/variations."""
    config, options = training.command_line(
        Config, Choice, "replications.harlow.variations", arguments, "Change one setting at a time, and train."
    )
    for name in options.names:
        require(name in VARIATIONS, "names", name, f"one of {', '.join(VARIATIONS)}")
    prepare(options)
    for name in options.names:
        for one in training.replicate([training.depart(config, VARIATIONS[name])], options.seeds):
            train_and_save(one, options, "variations", name)


if __name__ == "__main__":
    run(main)
