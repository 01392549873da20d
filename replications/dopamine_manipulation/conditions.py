"""Test conditions: which reward prediction error of the actor is changed, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

CONTROL = "control"

PULLS = ("all", "free")
"""Pulls after which the error is changed: forced and free ones, or free ones alone (not stated)."""

DOSES = (-6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Sizes of the dose-response, in units of reward."""


@dataclass(frozen=True)
class Manipulation:
    """A change of the reward prediction error that the actor receives after one kind of outcome.

    Attributes
    ----------
    name : str
        Names the condition in the tables.
    event : str
        Outcome after which the error is changed: "risky win", "safe" or "risky loss".
    size : float
        What is added, in units of reward (Methods, simulation 6).
    series : str
        The condition in the digitised Fig. 7.
    """

    name: str
    event: str
    size: float
    series: str


MANIPULATIONS = (
    Manipulation("block risky win", "risky win", -4.0, "block DA at risky win (left)"),
    Manipulation("block safe reward", "safe", -1.0, "block DA at safe reward (middle)"),
    Manipulation("stimulate risky loss", "risky loss", 1.0, "DA at risky loss (right)"),
)
"""Conditions of Fig. 7, in the order of its columns."""
