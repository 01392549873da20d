"""Networks as models of the choices of animals and people (beyond the paper)."""

from __future__ import annotations

from prefrontal.experiments import Study
from replications.choices.claims import CLAIMS
from replications.choices.settings import GROUPS

EXPERIMENT = Study(
    name="choices",
    title="Networks as models of animals",
    question="Do frozen networks predict animals' choices better than standard models do?",
    claims=CLAIMS,
    uses=tuple(dict.fromkeys(group.experiment for group in GROUPS.values())),
)
