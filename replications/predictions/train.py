"""Train two-step networks while interfering with dopamine: what the theory predicts and the paper did not test.

python -m replications.predictions.train --help
"""

from __future__ import annotations

from dataclasses import dataclass

from prefrontal.training import loop
from replications.two_step import train as two_step


@dataclass(frozen=True)
class Config(two_step.Config):
    """Settings of the two-step networks (replications/two_step); the intact control is those networks themselves."""


if __name__ == "__main__":
    loop.main(__file__)
