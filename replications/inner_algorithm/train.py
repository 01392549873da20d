"""Train networks on a few bandit problems that do not change.

python -m replications.inner_algorithm.train --help
"""

from __future__ import annotations

from dataclasses import dataclass

from prefrontal import settings
from prefrontal.task import Task
from prefrontal.training import loop
from replications.bandit import train as bandit
from replications.inner_algorithm.task import FewBanditsTask


@dataclass(frozen=True)
class Config(bandit.Config):
    """Settings of the bandit networks (replications/bandit), which meet ever new problems; these meet a few again and again."""

    problems: int = settings.count(1)
    """Problems of the training, drawn once for each network by its seed from the distribution that ``arms`` names."""

    def task(self) -> Task:
        """Build the training task."""
        return FewBanditsTask(self.arms, self.trials, problems=self.problems, seeds=(self.seed,))


if __name__ == "__main__":
    loop.main(__file__)
