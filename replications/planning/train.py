"""Training of networks that find their way through mazes: ``prefrontal train planning``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
