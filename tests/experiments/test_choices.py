"""Networks as models of animals: the readout, GRUs, and comparisons on choices that are known."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_expit

from prefrontal.analysis.regression import logistic
from prefrontal.errors import UserError
from prefrontal.models import fitting
from prefrontal.tables.schema import SUBJECT
from replications.choices import analysis, gru, models, readout, replay, subjects
from replications.choices.claims import MINUS_TEXTBOOK, MINUS_UNTRAINED
from replications.choices.settings import GRU, NETWORK, PLANNERS, Q_LEARNERS, READOUT, UNTRAINED


def table(choice, episodes=4, **columns):
    """Trials of one subject, in sessions of equal length."""
    length = len(choice) // episodes
    keys = {"variant": "rats", "subject": "M1", "episode": np.repeat(range(episodes), length)}
    trial = np.tile(range(length), episodes)
    return pd.DataFrame({**keys, "trial": trial, "choice": choice, "reward": 1.0, **columns})


def drawn(rng, trials=800):
    """Choices by log odds, bias 0.3 and perseveration 0.5."""
    odds, choice = rng.normal(size=trials), np.zeros(trials, int)
    for t in range(trials):
        last = 0 if t % (trials // 4) == 0 else 2 * choice[t - 1] - 1
        choice[t] = rng.random() < 1 / (1 + np.exp(-(0.3 + 0.5 * last + 1.5 * odds[t])))
    return table(choice), odds


def test_the_readout_is_a_logistic_regression_of_the_other_folds():
    trials, odds = drawn(np.random.default_rng(0))
    fold = fitting.folds(trials)
    log_p = readout.read_out(trials, fold, np.stack([odds, -3 * odds]))
    design = np.column_stack([np.ones(len(odds)), readout.last_choice(trials), odds])
    choice = trials["choice"].to_numpy()
    for part in range(4):
        weights = logistic(choice[fold != part], design[fold != part]).weights
        expected = log_expit(np.where(choice == 1, 1, -1) * (design @ weights))
        assert log_p[0, fold == part] == pytest.approx(expected[fold == part], abs=1e-3)
    assert log_p[1] == pytest.approx(log_p[0])  # neither scale nor sign of the log odds matters
    alone = readout.read_out(trials, fold, None)
    assert alone.shape == (1, 800) and alone.mean() < log_p[0].mean()


def test_the_readout_is_finite_where_choices_are_all_the_same():
    trials = table(np.ones(40, int))
    log_p = readout.read_out(trials, fitting.folds(trials), np.zeros((1, 40)))
    assert np.isfinite(log_p).all() and log_p.mean() > -0.1


def test_forced_choices_are_history_only():
    trials, odds = drawn(np.random.default_rng(1), 200)
    trials["forced"] = np.arange(200) % 5 == 0
    log_p = readout.read_out(trials, fitting.folds(trials), odds[None])[0]
    assert (np.isnan(log_p) == trials["forced"]).all()
    last = readout.last_choice(trials)
    assert (last[::50] == 0).all() and last[1] == 2 * trials["choice"][0] - 1


def test_networks_see_points_at_stake():
    trials = table([0, 1], 1, magnitude_0=[0.2, 0.3], magnitude_1=[0.5, 0.9])
    shown = subjects.seen(trials.assign(reward=[1.0, 0.0]))
    assert list(shown["reward"]) == [20, 0] and list(shown["magnitude_right"]) == [50, 90]
    assert subjects.seen(trials.drop(columns=["magnitude_0"])).equals(
        trials.drop(columns=["magnitude_0"])
    )


def test_simulated_subjects_differ_and_are_the_same_every_time():
    planners, learners = subjects.simulate(PLANNERS), subjects.simulate(Q_LEARNERS)
    assert planners.equals(subjects.simulate(PLANNERS))
    assert not (planners["choice"] == learners["choice"]).all()
    assert planners.groupby(SUBJECT).size().eq(1600).all()
    names = [model.name for model in models.textbook(PLANNERS, planners)]
    assert names == ["model-free", "model-free, eligibility 1"]


def test_daw_models_predict_first_choices_with_a_bias():
    for model in models.textbook("Charlie", pd.DataFrame()):
        assert "bias_1" in model.free and "inverse_temperature_2" not in model.free


@pytest.mark.parametrize("offers", [0, 2])
def test_a_gru_and_its_gradient_are_those_of_pytorch(offers):
    rng, sizes = np.random.default_rng(5), (3, 4, offers)
    theta = rng.normal(size=9 * (4 + 3 + 1) + 3 + offers + 1)
    inputs, at_stake = rng.normal(size=(20, 4)), rng.normal(size=(20, offers))
    pull = np.where(rng.random(20) < 0.3, 0, rng.choice([-1.0, 1.0], 20)) / 14
    gradient, odds = np.zeros_like(theta), np.zeros(20)
    views = gru.weights_of(theta, *sizes), gru.weights_of(gradient, *sizes)
    gru.propagate(*views, np.array([[0, 12], [12, 20]]), inputs, at_stake, pull, odds)
    ours = gru.weights_of(theta, *sizes)
    theirs = torch.nn.GRU(4, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.tensor(ours[0].T))
        theirs.weight_hh_l0.copy_(torch.tensor(ours[1].T))
        theirs.bias_ih_l0.copy_(torch.tensor(ours[2]))
        theirs.bias_hh_l0.zero_()
    readout_ = torch.tensor(ours[3], requires_grad=True)
    total = torch.zeros((), dtype=torch.float64)
    for low, high in ((0, 12), (12, 20)):
        units = theirs(torch.tensor(inputs[None, low:high]))[0][0]
        log_odds = units @ readout_ + torch.tensor(at_stake[low:high] @ ours[4] + ours[5])
        assert odds[low:high] == pytest.approx(log_odds.detach().numpy())
        weight = torch.tensor(pull[low:high])
        total = (
            total + (weight.abs() * torch.nn.functional.logsigmoid(log_odds * weight.sign())).sum()
        )
    total.backward()
    found = gru.weights_of(gradient, *sizes)
    assert found[0] == pytest.approx(theirs.weight_ih_l0.grad.numpy().T)
    assert found[1] == pytest.approx(theirs.weight_hh_l0.grad.numpy().T)
    assert found[2] == pytest.approx(theirs.bias_ih_l0.grad.numpy())
    assert found[3] == pytest.approx(readout_.grad.numpy())


def test_sequences_do_not_cross_sessions_and_history_is_of_the_trial_before():
    trials = table(np.tile([0, 1, 1, 0, 1], 4), 4, outcome_state="S2")
    assert gru.starts(trials, 3)[:3].tolist() == [[0, 3], [3, 5], [5, 8]]
    assert gru.starts(trials, 20).tolist() == [[0, 5], [5, 10], [10, 15], [15, 20]]
    past = gru.history(trials)
    assert past[3].tolist() == [1, 1, 1, 1, 1]  # trial 2: right, rewarded, S2
    assert (past[::5] == 0).all()


def test_own_grus_are_tested_on_sessions_they_never_saw(monkeypatch):
    monkeypatch.setattr(gru, "UNITS", (2,))
    rng = np.random.default_rng(2)
    rewarded = rng.random(1600) < 0.5
    choice = np.zeros(1600, int)
    for t in range(1600):  # win-stay lose-shift
        choice[t] = rng.integers(2) if t % 200 == 0 else choice[t - 1] ^ ~rewarded[t - 1] & 1
    trials = table(choice, 8).assign(reward=rewarded.astype(float))
    log_p = replay.own_grus(trials)
    assert np.isfinite(log_p).all() and log_p.mean() > -0.3
    seen = []
    monkeypatch.setattr(
        gru, "predict", lambda jobs: seen.extend(jobs) or [np.zeros(len(j.trials)) for j in jobs]
    )
    replay.own_grus(trials)
    tested = np.array([~(job.fitted | job.stopping) for job in seen])
    assert (tested.sum(axis=0) == 1).all() and not any(
        (job.fitted & job.stopping).any() for job in seen
    )


@pytest.mark.parametrize("sessions", [1, 2, 5, 40])
def test_grus_of_few_sessions_have_choices_to_learn_from(sessions, monkeypatch):
    seen = []
    monkeypatch.setattr(
        gru, "predict", lambda jobs: seen.extend(jobs) or [np.zeros(len(j.trials)) for j in jobs]
    )
    replay.own_grus(table(np.zeros(800, int), sessions))
    assert len(seen) == fitting.FOLDS
    for job in seen:  # about four fifths of three quarters are fitted, and the rest of these stops
        assert 380 <= job.fitted.sum() <= 520 and 80 <= job.stopping.sum() <= 230


def test_a_gru_without_choices_to_learn_from_is_an_error():
    trials = table(np.zeros(20, int), 2)
    job = gru.Job(trials, np.zeros(20, bool), np.ones(20, bool))
    with pytest.raises(UserError, match="fitted is 'without a free choice'; it must be at least"):
        gru.train(job, 2)


def test_pooled_grus_never_see_the_people_they_predict(monkeypatch):
    trials, _ = drawn(np.random.default_rng(3), 80)
    people = pd.concat([trials.assign(subject=str(k)) for k in range(6)], ignore_index=True)
    person = people["subject"].astype(int).to_numpy()

    def predict(jobs):
        for half, job in enumerate(jobs):
            assert set(person[job.fitted | job.stopping] % 2) == {1 - half}
        return [np.full(480, half) + np.arange(480) % 3 for half in range(2)]

    monkeypatch.setattr(gru, "predict", predict)
    assert np.isfinite(replay.pooled_grus(people)).all()


def test_units_are_subjects_or_sessions_of_a_monkey():
    trials, odds = drawn(np.random.default_rng(4), 80)
    log_p = pd.DataFrame({"a": odds, "b": 2 * odds})
    rats = replay.by_unit("rats", trials, log_p).set_index("model")
    assert rats.loc["b", "likelihood"] == pytest.approx(2 * odds.mean())
    assert rats.loc["a", "choices"] == 80
    monkey = replay.by_unit("Charlie", trials, log_p)
    assert len(monkey) == 8 and set(monkey["variant"]) == {"Charlie"}
    assert monkey["likelihood"].iloc[0] == pytest.approx(odds[:20].mean())


def test_networks_are_compared_with_the_best_textbook_model():
    values = {NETWORK: [-0.4, -0.5], UNTRAINED: [-0.6, -0.6], READOUT: [-0.6, -0.7]}
    values |= {GRU: [-0.3, -0.3], "counting": [-0.2, -0.9], "delta rule": [-0.5, -0.5]}
    rows = [
        {"variant": "mice", "subject": k, "model": model, "choices": 10, "likelihood": value}
        for model, pair in values.items()
        for k, value in enumerate(pair)
    ]
    likelihoods = pd.DataFrame(rows)
    tables = analysis.by_group(likelihoods)
    found = pd.concat(analysis.differences(tables)).set_index(["measure", "subject"])["value"]
    assert found[MINUS_TEXTBOOK].tolist() == pytest.approx([0.1, 0.0])
    assert found[MINUS_UNTRAINED].tolist() == pytest.approx([0.2, 0.1])
    row = analysis.summary(likelihoods).iloc[0]
    assert row["best textbook model"] == "delta rule" and row["choices"] == 20 and row["n"] == 2
