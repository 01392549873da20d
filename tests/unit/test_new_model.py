"""A model that a user adds in one file is fitted, compared, recovered and drawn as the others."""

from dataclasses import replace

import numpy as np
import pytest

from prefrontal.animals import families, figure
from prefrontal.models import two_step_learners
from prefrontal.models.model import RATE
from prefrontal.models.two_step_learners import TwoStep, TwoStepModel
from replications.two_step.animals import TWO_STEP
from tests.unit.test_animal_pipeline import run


class Alternation(TwoStepModel):
    """Leave the last choice, as far as its state paid."""

    name = "toy"
    core_parameters = {"learning_rate": RATE}  # noqa: RUF012

    @staticmethod
    def update(p, memory, trial):
        if trial.done:
            error = trial.reward - memory.action_value[1 - trial.choice]
            memory.action_value[1 - trial.choice] += p.learning_rate * error


def models(trials, common=None):
    return [*two_step_learners.models(0.8), Alternation()]


@pytest.mark.slow
def test_a_new_two_step_model_is_fitted_compared_and_drawn(tmp_path, coarse, monkeypatch):
    true = {"learning_rate": 0.5, "inverse_temperature": 5.0, "perseveration": 0.3, "bias": 0.0}
    task = TwoStep(60, 60, common=0.8, rich=0.9, reversal=0.025)
    frame = Alternation().simulate(task, true, np.random.default_rng(0))
    family = replace(TWO_STEP, models=models, main="toy")
    monkeypatch.setattr(families, "families", lambda: {"two_step": family})
    frame = frame.assign(subject="a", session=frame["episode"])
    tables, report = run(tmp_path, "two_step", frame, "--simulations", "1", columns=["transition"])
    fits = tables["fits"].set_index("model")
    assert fits["cross_validated"].idxmax() == fits["bic"].idxmin() == "toy"
    for name, value in true.items():
        assert fits.loc["toy", name] == pytest.approx(
            value, abs=4 * fits.loc["toy", f"{name}_error"]
        )
    assert {*tables["recovery"]["parameter"]} == {*true}
    assert {*tables["confusion"]["simulated"]} == {*fits.index}
    assert "parameters of toy" in report
    drawn = figure.draw(family, tables, {}, {"species": "rats"}, "toy").figure
    labels = [label.get_text() for ax in drawn.axes for label in ax.get_xticklabels()]
    assert labels.count("toy") == 2  # compared, and confused with others
    assert (tmp_path / "study_txt_two_step" / "fig5_animals.png").exists()
