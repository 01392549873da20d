"""Train two-step networks while interfering with dopamine: what the theory predicts and the paper did not test.

python -m replications.predictions.train --help
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefrontal import training
from prefrontal.errors import run
from replications.predictions.conditions import STRENGTHS
from replications.two_step import train as two_step


@dataclass(frozen=True)
class Config(two_step.Config):
    """Settings of the two-step networks (replications/two_step); the intact control is those networks themselves."""

    @property
    def variant(self) -> str:
        """The interference and its strength, such as "rpe_scale_0.1"."""
        names = [name for name in STRENGTHS if getattr(self, name) != getattr(type(self), name)]
        return "+".join(f"{name}_{getattr(self, name):g}" for name in names) or super().variant


VARIANTS: tuple[dict[str, Any], ...] = tuple({name: strength} for name, values in STRENGTHS.items() for strength in values)

if __name__ == "__main__":
    run(lambda: training.main(Config, "predictions", VARIANTS))
