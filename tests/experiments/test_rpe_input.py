"""The figure of networks with either input."""

from __future__ import annotations

import pytest

from prefrontal import experiments
from prefrontal.errors import UserError
from prefrontal.publishing.results import Results
from replications.rpe_input import figure
from replications.rpe_input.experiment import EXPERIMENT
from tests.helpers import write_results


def test_the_definition_names_all_experiments_it_uses():
    assert {each.name for each in figure.compared() if each.figure} == {*EXPERIMENT.uses}


def test_all_main_panels_are_drawn_with_either_input(tmp_path):
    for experiment in figure.compared():
        write_results(experiment.name, tmp_path)
        panel = figure.panel_values(experiment, Results(experiment.name, tmp_path))
        assert list(panel) == figure.main_claims(experiment) != []


def test_absent_networks_have_no_panel(tmp_path):
    """Of one experiment there are networks with either input, of one with rewards, of one none."""
    for name in EXPERIMENT.uses:
        (tmp_path / name / "results").mkdir(parents=True)
    for name in ("two_step", "volatile_bandit"):
        write_results(name, tmp_path)
    results = Results("rpe_input", tmp_path)
    path = results.of("volatile_bandit").folder / "measures.csv"
    measures = results.of("volatile_bandit")["measures"]
    main = experiments.get("volatile_bandit").main
    measures[measures["variant"] == main].to_csv(path, index=False)
    (drawing,) = figure.draw(results)
    assert list(drawing.about) == ["two_step"] and len(drawing.figure.axes) == 1
    (results.of("two_step").folder / "measures.csv").unlink()
    with pytest.raises(UserError, match="no experiment has results of networks with either input"):
        next(figure.draw(results))
