"""Training of actor and critic networks on the risky-choice task: ``prefrontal train``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
