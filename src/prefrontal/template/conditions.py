"""What is trained, what is tested and what is claimed in NAME."""

from __future__ import annotations

from typing import Any

from prefrontal.claims import BEYOND, Claim, above

MAIN = "default"
TRAINED: dict[str, dict[str, Any]] = {MAIN: {}}
"""Condition -> settings that depart from those of Config."""

TEST_EPISODES = 100
"""Test episodes per network."""

CLAIMS = [Claim("NAME-learns", "gain", BEYOND, "P(better arm), last minus first trial", above(0))]
