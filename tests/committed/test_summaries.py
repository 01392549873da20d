"""Figures that summarise several experiments are drawn from the suite's results."""

from __future__ import annotations

import pytest

from prefrontal import experiments
from prefrontal.files import DATA
from prefrontal.pipeline import steps

SUMMARIES = sorted(set(experiments.suite("figure")) - set(experiments.suite("train")))


@pytest.mark.parametrize("name", SUMMARIES)
def test_summary_is_drawn_from_the_suites_results(name, tmp_path, coarse):
    assert steps.draw(name, DATA, tmp_path) and list(tmp_path.glob("fig*.png"))
