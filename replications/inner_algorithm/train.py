"""Training of networks on a few bandit problems: ``prefrontal train inner_algorithm``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
