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
def test_schedules_are_compared_as_a_whole(name):
    """Both universes have results, or neither."""
    assert run.evaluated(name, DATA) in (set(), set(range(PLANNED[name].universes)))
