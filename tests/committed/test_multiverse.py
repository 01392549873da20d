"""The committed universes are those that the code draws today."""

from __future__ import annotations

import pytest

from prefrontal.files import DATA
from replications.multiverse import run
from replications.multiverse.universes import MULTIVERSES, PLANNED, SCHEDULES, UNIVERSES


@pytest.mark.parametrize("name", MULTIVERSES)
def test_universes_are_those_of_the_results(name):
    """``evaluated`` raises UserError where settings in the table are not those of today."""
    assert run.evaluated(name, DATA) == set(range(UNIVERSES))


@pytest.mark.parametrize("name", SCHEDULES)
def test_both_schedules_have_results(name):
    assert run.evaluated(name, DATA) == set(range(PLANNED[name].universes))
