"""Training of networks that lack one ingredient: ``prefrontal train ingredients``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
