"""Training of networks that predict the weather, or bet on it: ``prefrontal train weather``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
