"""Training of networks on Daw's two-step task: ``prefrontal train daw_two_step``."""

from __future__ import annotations

from prefrontal.training.loop import Training

TRAINING = Training()
