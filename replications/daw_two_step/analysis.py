"""Analyses of Daw's two-step task."""

from __future__ import annotations

from prefrontal.experiments import Analysis

ANALYSIS = Analysis()
