"""Training of the bandit networks: ``prefrontal train bandit``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
