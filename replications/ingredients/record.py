"""Record networks that lack an ingredient, or have another memory, weights frozen, on the bandit or the two-step task.

Column ``test`` says what is tested: bandits "drawn" with independent arms, the one problem "mirrored", or the "two-step" task.

python -m replications.ingredients.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from prefrontal.networks import load

pass  # moved
from prefrontal.tables.recording import Recording
from replications.bandit.task import BanditTask
from replications.ingredients.train import Config
from replications.ingredients.variants import PROBLEM


def record(networks: load.Networks, episodes: int) -> Iterator[Recording]:
    """Trials of every variant; those trained on one problem meet it mirrored as well."""
    for variant in networks.variants:
        trained = networks(variant)
        assert isinstance(trained.config, Config)
        if trained.config.game == "two_step":
            yield trained.record(episodes, columns={"test": "two-step"}, steps=False)
            continue
        drawn = replace(trained.config, one_problem=False).task()
        yield trained.record(episodes, drawn, columns={"test": "drawn"}, steps=False)
        if trained.config.one_problem:
            mirrored = BanditTask("fixed", trained.config.trials, *PROBLEM[::-1])
            yield trained.record(episodes, mirrored, columns={"test": "mirrored"}, steps=False)


if __name__ == "__main__":
    load.main(__file__)
