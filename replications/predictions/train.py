"""Training of two-step networks with perturbed errors: ``prefrontal train predictions``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
