"""The multiverse: the experiments under alternative choices of what the paper does not state."""

from __future__ import annotations

from prefrontal.experiments import Study
from replications.multiverse.universes import EXPERIMENTS

EXPERIMENT = Study(
    name="multiverse",
    title="The multiverse",
    question="How much of the paper depends on what it leaves open?",
    uses=EXPERIMENTS,
)
