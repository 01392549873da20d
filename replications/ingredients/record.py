"""Record networks that lack an ingredient, or have another memory, weights frozen.

The column ``test`` names the test: bandits "drawn" with independent arms, the one problem
"mirrored", or the "two-step" task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from prefrontal.networks.load import Networks
from prefrontal.tables.recording import Recording
from replications.bandit.task import BanditTask
from replications.ingredients.settings import PROBLEM, Ingredients


def record(networks: Networks, episodes: int) -> Iterator[Recording[Ingredients]]:
    """Record trials of every variant; networks trained on one problem also play it mirrored."""
    for variant in networks.variants:
        trained = networks(variant)
        settings: Ingredients = trained.settings.task
        if settings.game == "two_step":
            yield trained.record(episodes, columns={"test": "two-step"}, steps=False)
            continue
        drawn = replace(settings, one_problem=False).build()
        yield trained.record(episodes, drawn, columns={"test": "drawn"}, steps=False)
        if settings.one_problem:
            mirrored = BanditTask(settings, (PROBLEM[1], PROBLEM[0]))
            yield trained.record(episodes, mirrored, columns={"test": "mirrored"}, steps=False)
