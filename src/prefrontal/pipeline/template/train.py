"""Training of the networks of NAME: ``prefrontal train NAME``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
