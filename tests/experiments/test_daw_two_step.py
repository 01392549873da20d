"""Daw's two-step task: the task against a slow oracle, the planner, and its analyses."""

from __future__ import annotations

import math
from statistics import NormalDist
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.models import daw_learners
from prefrontal.networks.record import Trained
from prefrontal.tables.recording import join
from prefrontal.tables.schema import EPISODE, SUBJECT
from prefrontal.task import RandomStreams
from prefrontal.training.batch import NetworkBatch
from replications.daw_two_step import analysis, ideal_observer, record
from replications.daw_two_step.claims import CLAIMS
from replications.daw_two_step.settings import INTERACTION, SETTINGS, VARIANTS, DawTwoStep
from replications.daw_two_step.task import CENTRE, STAGE_2

TASKS = ("walk", "levels")


def drawn_level(task: DawTwoStep, uniform: float) -> tuple[float, int]:
    """Level and number of trials that a uniform number stands for."""
    index = math.floor(uniform * 3 * (task.longest - task.shortest + 1))
    return (0.0, task.medium, 1.0)[index % 3], task.shortest + index // 3


def oracle(task: DawTwoStep, opening: list[float], actions: list[int], noise: list[list[float]]):
    """Play one episode in plain Python -> observation after, reward and trial per time step."""
    walks, width = task.outcomes == "walk", task.highest - task.lowest
    options = [(task.lowest + width * u, 0) if walks else drawn_level(task, u) for u in opening]
    period, trial, begins, state, played = 0, 0, False, None, []
    for action, (jump, luck, *changes) in zip(actions, noise, strict=True):
        if begins:
            for k, ((payoff, remaining), u) in enumerate(zip(options, changes, strict=True)):
                if walks:
                    payoff += NormalDist(0, task.walk_sd).inv_cdf(u)
                    payoff = 2 * task.lowest - payoff if payoff < task.lowest else payoff
                    payoff = 2 * task.highest - payoff if payoff > task.highest else payoff
                    options[k] = payoff, 0
                else:
                    options[k] = (payoff, remaining - 1) if remaining > 1 else drawn_level(task, u)
        begins, reward = False, 0.0
        if (action == CENTRE) != (period == 0):
            reward, period, begins = -1.0, 0, True
        elif period == 2:
            payoff = options[2 * state + action][0]
            reward, period, begins = float(luck < payoff) if walks else payoff, 0, True
        else:
            if period == 1:
                state = action if jump < task.common else 1 - action
            period += 1
        trial += begins
        played.append((period + (state if period == 2 else 0), reward, trial))
    return played


@pytest.mark.parametrize("outcomes", TASKS)
def test_task_equals_plain_python(outcomes):
    task = DawTwoStep(trials=60, outcomes=outcomes, walk_sd=0.1, shortest=2, longest=4)
    built, rng, episodes = task.build(), np.random.default_rng(0), 8
    opening = rng.random((1, episodes, 4), dtype=np.float32)
    noise = rng.random((built.episode_steps, 1, episodes, 6), dtype=np.float32)
    state, _ = built.reset(torch.tensor(opening))
    actions, observed = [], []
    for uniform in noise:
        good = np.where(state["period"] == 0, CENTRE, rng.integers(2, size=(1, episodes)))
        action = np.where(
            rng.random((1, episodes)) < 0.1, rng.integers(3, size=(1, episodes)), good
        )
        state, observation, reward = built.step(state, torch.tensor(action), torch.tensor(uniform))
        actions.append(action)
        observed.append((observation.argmax(-1), reward, state["trial"]))
    assert state["done"].all() and (np.array(actions) != CENTRE).any()
    for e in range(episodes):
        own = [action[0, e] for action in actions]
        expected = oracle(task, opening[0, e].tolist(), own, noise[:, 0, e].tolist())
        found = [tuple(float(values[0, e]) for values in step) for step in observed]
        np.testing.assert_allclose(found, expected, atol=1e-6)


def valid_play(task: DawTwoStep, episodes: int):
    """Play random valid actions -> states at the end of each trial."""
    built, streams = task.build(), RandomStreams([0], "test")
    state, _ = built.reset(streams.uniform(episodes, 4))
    for step in range(built.episode_steps):
        side = (streams.uniform(episodes, 1)[..., 0] < 0.5).long()
        action = torch.full_like(side, CENTRE) if step % 3 == 0 else side
        state, _, _ = built.step(state, action, streams.uniform(episodes, 6))
        if step % 3 == 2:
            yield state


def test_probabilities_walk_within_their_boundaries():
    payoffs = torch.stack([state["payoff"] for state in valid_play(DawTwoStep(), 2_000)])
    assert (payoffs >= 0.25).all() and (payoffs <= 0.75).all()
    inner = (payoffs[:-1] - 0.5).abs() < 0.1
    steps = (payoffs[1:] - payoffs[:-1])[inner]
    assert abs(float(steps.std()) - 0.025) < 2e-4 and abs(float(steps.mean())) < 2e-4
    quarters = np.histogram(payoffs[-1], 4, (0.25, 0.75))[0] / payoffs[-1].numel()
    np.testing.assert_allclose(quarters, 0.25, atol=0.03)
    correlations = np.corrcoef(np.diff(payoffs[:, 0, :].numpy(), axis=0).reshape(-1, 4).T)
    assert abs(correlations - np.eye(4)).max() < 0.02, "options change independently"


def test_levels_stand_for_five_to_nine_trials():
    states = list(valid_play(DawTwoStep(outcomes="levels", medium=0.4), 500))
    levels = torch.stack([state["payoff"] for state in states]).flatten(1).numpy()
    assert set(np.unique(levels.round(6))) == {0, np.float32(0.4).round(6), 1}
    remaining = torch.stack([state["remaining"] for state in states]).flatten(1).numpy()
    redrawn = remaining[:-1] == 1
    assert np.array_equal(redrawn, np.diff(remaining, axis=0) != -1)
    drawn = np.bincount(remaining[1:][redrawn])[5:] / redrawn.sum()
    np.testing.assert_allclose(drawn, 0.2, atol=0.01)
    moved = np.diff(levels, axis=0) != 0
    assert not moved[~redrawn].any() and abs(moved[redrawn].mean() - 2 / 3) < 0.01


@pytest.mark.parametrize("outcomes", TASKS)
def test_outcomes_are_those_of_the_chosen_option(outcomes):
    task, hits, payoffs = DawTwoStep(outcomes=outcomes, trials=20), [], []
    for state in valid_play(task, 4_000):
        option = 2 * state["outcome_state"] + state["choice2"]
        payoff = state["payoff"].gather(-1, option[..., None])[..., 0]
        columns = task.build().trial_columns(state)
        common = columns["transition"] == "common"
        assert np.array_equal(common, (state["choice"] == state["outcome_state"]).numpy())
        hits.append(common.mean())
        payoffs.append((payoff, state["reward"]))
    assert abs(np.mean(hits) - 0.7) < 0.01
    payoff, reward = (torch.stack(values) for values in zip(*payoffs, strict=True))
    if outcomes == "levels":
        assert torch.equal(payoff, reward)
    for low in (0.25, 0.4, 0.55):
        near = (payoff >= low) & (payoff < low + 0.1)
        assert not near.any() or abs((reward - payoff)[near].mean()) < 0.015


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_invalid_responses_cost_one_and_end_the_trial(stage):
    task = DawTwoStep(trials=4).build()
    state, _ = task.reset(torch.full((1, 1, 4), 0.5))
    for action in (*(CENTRE, 1, 0)[:stage], (0, CENTRE, CENTRE)[stage]):
        state, _, reward = task.step(state, torch.tensor([[action]]), torch.full((1, 1, 6), 0.5))
    assert reward == -1 and int(state["trial"]) == 1 and int(state["period"]) == 0
    columns = {name: values[0, 0] for name, values in task.trial_columns(state).items()}
    reached = stage == STAGE_2
    assert columns["choice"] == (1 if reached else -1) and columns["choice2"] == -1
    assert columns["transition"] == ("common" if reached else "none")


@pytest.mark.parametrize("outcomes", TASKS)
def test_planner_believes_what_the_task_does(outcomes):
    """The hidden Markov model forecasts the task's payoffs, 8 trials on."""
    task = DawTwoStep(outcomes=outcomes, trials=9)
    model = ideal_observer.option_model(task)
    np.testing.assert_allclose(model.transition.sum(1), 1)
    np.testing.assert_allclose(model.emission.sum(0), 1)
    pays = model.reward @ model.emission
    states = list(valid_play(task, 4_000))
    before, after = (states[k]["payoff"].flatten().numpy() for k in (0, 8))
    forecast = np.linalg.matrix_power(model.transition, 8) @ pays
    for low in (0.3, 0.5, 0.7) if outcomes == "walk" else (0, 0.5, 1):
        near, known = abs(before - low) < 0.02, abs(pays - low) < 0.021
        weights = model.start * known
        assert abs(after[near].mean() - weights @ forecast / weights.sum()) < 0.015


@pytest.mark.parametrize("outcomes", TASKS)
def test_planner_earns_more_than_chance_and_less_than_knowing(outcomes):
    task = DawTwoStep(outcomes=outcomes, trials=30)
    low, high = task.reward_range()
    rewards, knowing = 0.0, 0.0
    for state in valid_play(task, 4_000):
        rewards += float(state["reward"].mean())
        value = state["payoff"].unflatten(-1, (2, 2)).amax(-1)
        knowing += float((0.7 * value.amax(-1) + 0.3 * value.amin(-1)).mean())
    assert abs(rewards - low) < 0.2
    assert low + 1 < high < knowing


def simulated(weight: float, seed: int = 0) -> pd.DataFrame:
    """Choices of a hybrid learner with this weight of planning."""
    values = {
        "learning_rate": 0.5,
        "learning_rate_2": 0.5,
        "inverse_temperature": 6.0,
        "inverse_temperature_2": 6.0,
        "eligibility": 0.8,
        "perseveration": 0.0,
        "initial_value": 0.5,
        "common": 0.7,
    }
    task, rng = daw_learners.DawTwoStep(60, 100), np.random.default_rng(seed)
    return daw_learners.Hybrid(0.7).simulate(task, values | {"weight": weight}, rng)


@pytest.mark.parametrize(("weight", "plans"), [(1.0, True), (0.0, False)])
def test_weights_tell_planning_from_model_free_control(weight, plans):
    trials = simulated(weight)
    tables = analysis.behaviour(trials)
    found = tables["weights"].iloc[0]
    assert (found["planning"] > found["model_free"] + 0.3) == plans
    assert (found["model_free"] > found["planning"] + 0.3) == (not plans)
    few = trials[trials["episode"] < 8].reset_index(drop=True)
    contrasts = analysis.model_contrasts(analysis.fits(few, 0.7, starts=1)).iloc[0]
    assert (contrasts["likelihood"] > 0) == plans
    assert plans or contrasts["weight"] < 0.1


def test_broken_off_trials_are_no_history():
    trials = simulated(1.0).query("episode < 10").reset_index(drop=True)
    weights = analysis.behaviour(trials)["weights"]
    missed = trials.iloc[::7].assign(choice=-1, choice2=-1, transition="none", reward=-1)
    late = trials.iloc[3::11].assign(choice2=-1, reward=-1)
    with_gaps = pd.concat([trials, missed, late]).sort_index(kind="stable")
    with_gaps["trial"] = with_gaps.groupby("episode").cumcount()
    found = analysis.behaviour(with_gaps.reset_index(drop=True))["weights"]
    pd.testing.assert_frame_equal(found, weights)


def test_units_that_code_the_interaction_are_found():
    trials = simulated(1.0).query("episode < 5").reset_index(drop=True)
    keys, rng = [*EPISODE, "trial"], np.random.default_rng(0)
    previous = trials.groupby("episode")[["transition", "reward", "choice"]].shift()
    transition = np.where(previous["transition"] == "common", 1.0, -1.0)
    reward = previous["reward"].fillna(0).to_numpy() - 0.5
    noise = rng.normal(size=(len(trials), 4))
    noise[:, 0] += transition * reward
    noise[:, 1] += 2 * reward
    activity = trials[keys].assign(period="stage 1")
    activity[[f"unit_{k:02d}" for k in range(4)]] = noise
    shares = analysis.coding(trials, activity).set_index("variable")["share"]
    assert shares[INTERACTION] == 0.25 and shares["previous reward"] == 0.25
    assert shares.drop([INTERACTION, "previous reward"]).max() < 0.3


def test_regressors_by_hand():
    trials = pd.DataFrame(
        {
            **dict.fromkeys(SUBJECT, 0),
            "episode": [0, 0, 0, 1, 1],
            "choice": [1, 0, -1, 0, 1],
            "choice2": [0, 1, -1, 1, 0],
            "transition": ["common", "uncommon", "none", "common", "common"],
            "reward": [1.0, 0.0, -1.0, 0.5, 0.5],
        }
    )
    found = analysis.regressors(trials)
    assert found["reward"].tolist()[:2] == [0.5, -0.5] and found["choice"].isna().sum() == 1
    assert found["previous reward"].dropna().tolist() == [0.5, -0.5, 0.0]
    assert found["previous choice x transition x reward"].iloc[[1, 2]].tolist() == [0.5, -0.5]
    assert len(found.columns) == 10 and found.dropna().index.tolist() == [1, 4]


def test_every_claim_about_networks_has_its_measure(monkeypatch):
    """Untrained networks; those of people and monkeys are read from committed statistics."""
    monkeypatch.setattr(analysis, "animal_measures", lambda: None)
    settings = SETTINGS.vary({"task.trials": 40, "network.units": 6, "training.episodes": 0})
    recordings = []
    for variant, changes in VARIANTS.items():
        batch = NetworkBatch([settings.vary(changes | {"seed": k}) for k in (0, 1)], compiled=False)
        trained = Trained(variant, batch.settings, batch.agent)
        networks = mock.Mock(variants=[variant], return_value=trained)
        recordings += record.record(networks, 12)
    tables = analysis.analyse(join(recordings))
    measures = analysis.claim_measures(tables)
    known = set(zip(measures["variant"], measures["claim"], measures["measure"], strict=True))
    about_networks = [row for row in CLAIMS if row.variant in VARIANTS]
    assert {(row.variant, row.claim, row.measure) for row in about_networks} <= known
    assert tables["rewards"]["normalised"].max() < 0.3, "untrained"
