"""Network units and neurons of monkeys on the two-step task (beyond the paper)."""

from __future__ import annotations

from prefrontal.experiments import Study
from replications.neurons.claims import CLAIMS

EXPERIMENT = Study(
    name="neurons",
    title="Units and neurons",
    question="Do network units resemble neurons of monkeys performing the two-step task?",
    claims=CLAIMS,
    uses=("two_step", "daw_two_step"),
)
