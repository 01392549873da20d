"""One fit for all models: brute force, comparison, recovery, what choices do not determine."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefrontal.errors import UserError
from prefrontal.models import bandit_learners, fitting
from prefrontal.models.bandit_learners import Bandit, DeltaRule, WinStayLoseShift
from prefrontal.models.two_step_learners import ModelFree, TwoStep
from prefrontal.tables import schema

TASK = {"common": 0.8, "rich": 0.9, "reversal": 0.025}
TRUE = {
    "delta rule": {
        "learning_rate": 0.3,
        "inverse_temperature": 5.0,
        "perseveration": 0.4,
        "bias": 0.2,
    },
    "win-stay lose-shift": {"after_win": 2.0, "after_loss": -1.0, "bias": 0.0},
    "counting": {"inverse_temperature": 9.0, "perseveration": 0.0, "bias": 0.0},
}


def bandit(rng, episodes=40, trials=40):
    return Bandit(rng.random((episodes, 1, 2)).repeat(trials, axis=1))


def played(name, seed=1, **size):
    rng = np.random.default_rng(seed)
    (model,) = (own for own in bandit_learners.models() if own.name == name)
    return model, model.simulate(bandit(rng, **size), TRUE[name], rng)


@pytest.mark.parametrize("truth", TRUE)
def test_agent_is_explained_best_by_its_own_model(truth):
    model, trials = played(truth)
    fits = fitting.fit_subjects(bandit_learners.models(), trials, starts=2).set_index("model")
    assert fits["bic"].idxmin() == fits["cross_validated"].idxmax() == truth
    own = fits.loc[truth]
    assert own["log_likelihood"] > model.log_likelihood(trials, TRUE[truth]).sum()
    for name, value in TRUE[truth].items():
        assert abs(own[name] - value) < 4 * own[f"{name}_error"]
    assert own["undetermined"] == "" and own["converged"]


def test_optimum_is_that_of_brute_force():
    model, trials = played("delta rule", episodes=8)
    held = {"perseveration": 0.0, "bias": 0.0}
    found, prepared = fitting.fit(model, trials, fixed=held), model.prepare(trials)
    axes = np.linspace(0.02, 1, 50), np.linspace(0.25, 15, 60)
    names = ("learning_rate", "inverse_temperature")
    grid = []
    for point in product(*axes):
        p = held | dict(zip(names, point, strict=True))
        grid.append((model.log_likelihood(prepared, p).sum(), *point))
    best = max(grid)
    assert found.log_likelihood >= best[0]
    assert found.parameters["learning_rate"] == pytest.approx(best[1], abs=0.02)
    assert found.parameters["inverse_temperature"] == pytest.approx(best[2], abs=0.25)
    assert found.bic == pytest.approx(2 * math.log(320) - 2 * found.log_likelihood)


def test_fit_does_not_depend_on_starting_points():
    model, trials = played("delta rule")
    one, other = (fitting.fit(model, trials, np.random.default_rng(seed)) for seed in (0, 1))
    assert one.parameters == pytest.approx(other.parameters, rel=1e-6)


def test_start_value_can_be_fitted():
    rng = np.random.default_rng(0)
    model, true = DeltaRule(fixed={"initial_value": None}), {**TRUE["delta rule"]}
    trials = model.simulate(bandit(rng, 300, 10), true | {"initial_value": 0.9}, rng)
    found = fitting.fit(model, trials, starts=2)
    assert found.parameters["initial_value"] == pytest.approx(0.9, abs=0.12)
    held = fitting.fit(model, trials, starts=2, fixed={"initial_value": 0.9})
    assert held.bic < fitting.fit(DeltaRule(), trials, starts=2).bic


def test_standard_errors_are_those_of_repeated_experiments():
    fits = [fitting.fit(*played("delta rule", seed, episodes=20), starts=1) for seed in range(40)]
    rates = [found.parameters["learning_rate"] for found in fits]
    errors = [found.errors["learning_rate"] for found in fits]
    assert np.std(rates) == pytest.approx(np.mean(errors), rel=0.35)


def test_what_choices_do_not_determine_is_named():
    model, trials = played("delta rule", episodes=2)
    alone = trials.assign(episode=np.arange(len(trials)), trial=0)
    found = fitting.fit(model, alone)
    assert set(found.undetermined) == {"learning_rate", "inverse_temperature", "perseveration"}
    assert found.undetermined["learning_rate"] == "never left its start"
    stuck = fitting.fit(model, trials.assign(choice=1))
    assert "at its upper bound" in stuck.undetermined.values()
    table = fitting.fit_subjects([model], alone, validate=False)
    assert "learning_rate (never left its start)" in table["undetermined"].item()


def test_rewards_are_numbers():
    """Points and losses: the same fit, in other units."""
    model, trials = played("delta rule")
    start = {"initial_value": 0.0}
    found = fitting.fit(model, trials, fixed=start)
    points = fitting.fit(model, trials.assign(reward=50 * trials["reward"]), fixed=start)
    assert points.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-4)
    temperature = found.parameters["inverse_temperature"] / 50
    assert points.parameters["inverse_temperature"] == pytest.approx(temperature, rel=1e-3)
    losses = trials.assign(reward=np.where(trials["reward"] > 0, 120.5, -300.0))
    assert np.isfinite(fitting.fit(model, losses).log_likelihood)
    sarsa = ModelFree().simulate(TwoStep(20, 50, **TASK), _two_step(0.4), np.random.default_rng(0))
    numeric = sarsa.assign(reward=sarsa["reward"] * 3 - 1)
    assert np.isfinite(fitting.fit(ModelFree(), numeric).log_likelihood)
    for binary in ("counting", "delta rule, both arms"):
        (own,) = (other for other in bandit_learners.models() if other.name == binary)
        with pytest.raises(UserError, match=f"reward 120.5 is neither 0 nor 1, which {binary}"):
            fitting.fit(own, losses)


def _two_step(rate):
    return {
        "learning_rate": rate,
        "inverse_temperature": 5.0,
        "perseveration": 0.3,
        "bias": 0.0,
    }


def test_recovery_and_confusion():
    models = [DeltaRule(), WinStayLoseShift()]
    parts = [
        played(model.name, seed)[1].assign(subject=seed)
        for seed in range(3)
        for model in models[:1]
    ]
    fits = fitting.fit_subjects(models, pd.concat(parts), starts=2, validate=False)

    def task(rng, row):
        return bandit(rng, row["choices"] // 40, 40)

    recovered = fitting.recover(models[0], fits, task, simulations=2, starts=2)
    rates = recovered[recovered["parameter"] == "learning_rate"]
    assert len(rates) == 6 and (rates["recovered"] - rates["true"]).abs().max() < 0.2
    confusion = fitting.confusion(models, fits, task, starts=2)
    own = confusion[confusion["simulated"] == confusion["best"]]
    assert (own["percentage"] == 100).all()


def test_idle_parameters_are_not_rewarded():
    rng = np.random.default_rng(2)
    held_out, in_sample = [], []
    for _ in range(20):
        keys = {"episode": np.repeat(range(4), 20), "trial": np.tile(range(20), 4)}
        coins = {name: rng.integers(2, size=80) for name in ("choice", "reward")}
        trials = pd.DataFrame({"variant": "coin", "subject": 0, **keys, **coins})
        held_out.append(fitting.cross_validate(WinStayLoseShift(), trials).mean())
        in_sample.append(fitting.fit(WinStayLoseShift(), trials, starts=1).log_p.mean())
    assert np.mean(held_out) < np.log(0.5) < np.mean(in_sample)


@given(st.lists(st.tuples(st.sampled_from("ba"), st.sampled_from([7, "x"]), st.integers(-2, 3))))
def test_sessions_are_numbered_as_by_pandas(keys):
    """Whatever the columns hold; categories keep their order."""
    trials = pd.DataFrame(keys, columns=schema.EPISODE).astype({"subject": str})
    trials["variant"] = pd.Categorical(trials["variant"], categories=["b", "a"])
    expected = trials.groupby(schema.EPISODE, observed=True).ngroup()
    assert list(schema.session_numbers(trials)) == list(expected)


def test_folds_are_sessions_or_their_quarters():
    _, trials = played("delta rule", episodes=8)
    assert (fitting.folds(trials) == trials["episode"] % 4).all()
    one = trials[trials["episode"] == 0]
    np.testing.assert_array_equal(fitting.folds(one), np.repeat(range(4), 10))
    stopped = one.assign(choice=one["choice"].where(one["trial"] < 8, -1))
    assert set(fitting.folds(stopped)[:8]) == {0, 1, 2, 3}


def test_bad_input_is_named():
    model, trials = played("delta rule", episodes=2)
    with pytest.raises(UserError, match="invalid or forced in all trials"):
        fitting.fit(model, trials.assign(choice=-1))
    with pytest.raises(UserError, match="fixed is"):
        fitting.fit(model, trials, fixed={"speed": 1.0})
    with pytest.raises(UserError, match="2 arms"):
        fitting.fit(model, trials.assign(choice=2))
    with pytest.raises(UserError, match="twice"):
        fitting.fit(model, pd.concat([trials, trials]))
    for column in ("subject", "choice", "reward"):
        with pytest.raises(UserError, match=column):
            fitting.fit(model, trials.drop(columns=column))
    with pytest.raises(UserError, match="folds"):
        fitting.cross_validate(model, trials, np.zeros(len(trials)))
