"""Training of the volatile-bandit networks: ``prefrontal train volatile_bandit``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
