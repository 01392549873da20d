"""What is done to dopamine in training, and to the value at test."""

from __future__ import annotations

STRENGTHS: dict[str, tuple[float, ...]] = {
    "rpe_scale": (0.3, 0.1, 0.03),
    "negative_rpe_scale": (0.5, 0.2, 0.0),
    "rpe_noise": (1.0, 3.0, 10.0),
}
"""Setting that interferes with dopamine in training -> its strengths, mildest first, chosen before any network was trained."""

INTACT = {"reward": "default", "rpe": "default_rpe"}
"""Input of the network -> condition of the two-step networks that nothing is done to."""

SILENCED = ("by period", "throughout")
"""The value at test is replaced by its mean in each period of a trial, or by one mean: condition "<intact> silenced <how>"."""
