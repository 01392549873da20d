"""Neurons of monkeys: predictivity by known signals, and coding of known values."""

import numpy as np
import pandas as pd
import pytest

from replications.neurons import analysis, models, predictivity, replay
from replications.neurons.settings import (
    EPOCHS,
    GIVEN_VALUES,
    INTERACTION,
    NETWORK_EPOCHS,
    VARIABLES,
)
from tests.unit.test_neural import drifting


def test_gain_is_that_of_the_signal_and_none_by_chance():
    rng = np.random.default_rng(2)
    task, hidden = rng.normal(size=(600, 3)), drifting(rng, 600, 8)
    signal = hidden[:, 0] / hidden[:, 0].std() + rng.normal(size=600)
    y = np.column_stack([signal, 3 * task[:, 0] + rng.normal(size=600), drifting(rng, 600, 40)])
    stacked = predictivity.with_shifts(y, task)
    assert stacked.shape == (600, 11 * 42) and (stacked[:, :42] == y).all()
    raw = predictivity.held_out_gain(stacked, task, hidden)
    gain = predictivity.beyond_chance(raw, 42)
    assert gain[0] == pytest.approx(0.5, abs=0.1) and abs(gain[1]) < 0.01
    assert raw[2:42].mean() < -0.02  # drift is taken for signal, at a cost
    assert abs(gain[2:].mean()) < 0.02


def test_components_are_the_leading_ones():
    rng = np.random.default_rng(3)
    source = rng.normal(size=(400, 2))
    many = source @ rng.normal(size=(2, 40)) * 5 + rng.normal(size=(400, 40))
    y = source[:, :1] + 0.1 * rng.normal(size=(400, 1))
    none = np.empty((400, 0))
    assert predictivity.held_out_gain(y, none, many, components=2)[0] > 0.9
    assert abs(predictivity.held_out_gain(y, none, rng.normal(size=(400, 40)))[0]) < 0.1


def test_folds_are_blocks_of_successive_trials():
    folds = predictivity.blocked_folds(100)
    assert list(np.unique(folds)) == [0, 1, 2, 3, 4]
    assert (np.diff(folds) != 0).sum() == 9 and (np.bincount(folds) == 20).all()


def session(trials=400, seed=0, alpha=2.0):
    """Choices of a planner on the monkeys' task, as far as values need it."""
    rng = np.random.default_rng(seed)
    rows, second = [], np.zeros(4)
    level = rng.integers(3, size=4) / 2
    for t in range(trials):
        if t % 7 == 0:
            level = rng.integers(3, size=4) / 2
        values = second.reshape(2, 2).max(1)
        choice = int(rng.random() < 1 / (1 + np.exp(-alpha * (values[1] - values[0]))))
        common = rng.random() < 0.7
        state = choice if common else 1 - choice
        choice2 = int(rng.integers(2))
        reward = level[2 * state + choice2]
        second[2 * state + choice2] += 0.5 * (reward - second[2 * state + choice2])
        rows.append((choice, ("uncommon", "common")[common], f"S{state + 1}", choice2, reward))
    names = ["choice", "transition", "outcome_state", "choice2", "reward"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(subject="Ann", episode=seed, variant="monkeys", trial=frame.index)


def test_values_of_planner_and_model_free_learner():
    trials = pd.DataFrame(
        {
            "choice": [0, 1, 0],
            "outcome_state": ["S2", "S2", "S1"],
            "choice2": [1, 0, 0],
            "reward": [1.0, 0.0, 0.0],
        }
    )
    planner, model_free = models.values(trials)
    assert planner[0].tolist() == [0, 0] and model_free[0].tolist() == [0, 0]
    assert planner[1] == pytest.approx([0.3 * 0.5, 0.7 * 0.5])  # S2 was rich, common after 1
    assert model_free[1] == pytest.approx([0.5, 0]) and model_free[2] == pytest.approx([0.5, 0])
    assert models.by_last_choice(planner, trials["choice"].to_numpy())[2] == pytest.approx(
        planner[2][[1, 0]]
    )


def test_only_units_of_planners_code_the_interaction():
    trials = pd.concat([session(600, seed=k) for k in range(6)], ignore_index=True)
    units = pd.DataFrame(columns=["area", "unit", "subject", "episode"])
    coded = {"planner": [], "model-free": []}
    for each in replay.sessions(trials, units, []):
        made = replay.model_units(each, 0)
        for name, found in coded.items():
            found += list(replay.tested(each, made[name])[1][GIVEN_VALUES] < 0.01)
    planner, model_free = map(np.mean, coded.values())
    assert planner > 0.08 and model_free < 0.03, (planner, model_free)


def test_design_centres_factors_without_end_trials():
    trials = session(60)
    regressors, further = replay.design(trials)
    columns = pd.DataFrame(regressors, columns=list(VARIABLES))
    common = (trials["transition"] == "common") * 2.0 - 1
    reward = trials["reward"] * 2 - 1
    expected = (common - common.mean()) * (reward - reward.mean())
    assert columns[INTERACTION].to_numpy() == pytest.approx(expected[:-2].to_numpy())
    assert columns["reward"].to_numpy() == pytest.approx((reward - reward.mean())[1:-1].to_numpy())
    assert all(len(values) == 58 for values in further.values())
    choice, value = trials["choice"].to_numpy(), models.values(trials)[0]
    assert further[GIVEN_VALUES][5, 0] == value[5, choice[5]]  # before the outcome of trial 5


def test_networks_are_read_at_the_epochs_of_the_neurons():
    trials = session(10).set_index(np.arange(10) + 5)
    units = pd.DataFrame(columns=["area", "unit", "subject", "episode"])
    each = next(replay.sessions(trials, units, []))
    network = np.arange(20 * 3).reshape(20, 3, 1)
    seen = replay.in_session(each, network)
    assert seen.shape == (8, 7, 1)
    for k, epoch in enumerate(EPOCHS):
        period, ahead = NETWORK_EPOCHS[epoch]
        assert seen[0, k, 0] == 3 * (6 + ahead) + replay.PERIODS.index(period)


def test_shares_count_the_neurons_of_a_session():
    columns = {f"p {name}": [0.001, 0.5, 0.5] for name in (*VARIABLES, "given staying")}
    neurons = pd.DataFrame({"area": "ACC", "session": [0, 0, 1], "epoch": "choice1_on", **columns})
    neurons[f"p {GIVEN_VALUES}"] = [0.5, 0.5, 0.009]
    shares = analysis.neuron_shares(neurons).set_index("subject")
    assert shares.loc[0, INTERACTION] == 0.5 and shares.loc[1, INTERACTION] == 0
    assert shares.loc[1, GIVEN_VALUES] == 1 and list(shares["neurons"]) == [2, 1]
