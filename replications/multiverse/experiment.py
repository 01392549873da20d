"""The multiverse: the experiments under alternative choices of what the paper does not state."""

from __future__ import annotations

from prefrontal.experiments import Study
from replications.multiverse.universes import EXPERIMENTS

EXPERIMENT = Study(
    name="multiverse",
    title="The multiverse",
    question="How much do the results depend on what the paper leaves open?",
    uses=EXPERIMENTS,
)
