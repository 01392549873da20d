"""Predictions: silencing the value on networks whose answer is known, indices on textbook learners, slopes by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal import recording
from prefrontal.learners import two_step
from prefrontal.network import Layout, PrefrontalNetwork, initial_parameters
from replications.predictions import analysis, record
from replications.predictions.conditions import INTACT, STRENGTHS
from replications.two_step.task import TwoStepTask

SEEDS, TASK = [0, 1], TwoStepTask(trials=20)
SEPARATE = Layout(len(TASK.observations), len(TASK.actions), 16, separate=True)


def untrained(layout: Layout) -> recording.NetworkAgent:
    """Networks with strong weights, so that they respond to what they receive."""
    flat = initial_parameters(layout, SEEDS, torch.full((2,), 4.0), torch.full((2,), 8.0))
    return recording.NetworkAgent(PrefrontalNetwork(layout, flat, torch.full((2,), 0.9)))


def played(agent: recording.NetworkAgent) -> recording.Tables:
    return recording.record(agent, TASK, SEEDS, "default", 10)


def test_silencing_leaves_the_behaviour_of_networks_that_see_reward_and_makes_their_errors_constant():
    agent = untrained(dataclasses.replace(SEPARATE, separate=False))
    intact = played(agent)
    silenced = played(record.SilencedAgent(agent, record.mean_values(intact.steps, "by period")))
    pd.testing.assert_frame_equal(silenced.trials, intact.trials)
    means = intact.steps.groupby(["seed", "period"], observed=True)["value"].mean()
    after = silenced.steps.groupby(["seed", "period"], observed=True)["value"].agg(["min", "max"])
    np.testing.assert_allclose(after, np.stack([means, means], axis=1), rtol=1e-5)
    steps = silenced.steps[silenced.steps["step"] < silenced.steps["step"].max()]  # no value follows the last one
    unpaid = steps[(steps["period"] == "fixation") & (steps["reward"] == 0)]
    assert np.ptp(unpaid[unpaid["seed"] == 0]["rpe"]) < 1e-5 < np.ptp(intact.steps["rpe"])
    throughout = record.mean_values(intact.steps, "throughout")
    assert (throughout == throughout[:, :1]).all()


def test_an_actor_whose_critic_says_nothing_receives_the_reward():
    """With all values silenced to zero the error is the reward, so that the actor alone, fed with reward, acts the same."""
    agent = untrained(SEPARATE)
    silenced = played(record.SilencedAgent(agent, torch.zeros(2, len(TASK.observations))))
    alone = dataclasses.replace(SEPARATE, separate=False)
    parameters = {name: agent.network.parameters[name] for name in alone.shapes if not name.startswith("value")}
    parameters |= {"value_weight": torch.zeros(2, 16, 1), "value_bias": torch.zeros(2, 1)}
    actor = recording.NetworkAgent(PrefrontalNetwork(alone, alone.flatten(parameters), torch.full((2,), 0.9)))
    pd.testing.assert_frame_equal(silenced.trials, played(actor).trials)
    assert not silenced.trials["choice"].equals(played(agent).trials["choice"]), "the critic's values matter when they are intact"


@pytest.mark.parametrize(("learner", "plans"), [(two_step.Planner(), True), (two_step.ModelFree(learning_rate=0.5), False)])
def test_indices_tell_the_textbook_learners_apart(learner, plans):
    trials = two_step.simulate(learner, 3.0, 200, 100, np.random.default_rng(0))
    found = analysis.indices(trials).iloc[0]
    assert (found["planning_index"] > 1) == plans and (found["model_free_index"] > 0.5) == (not plans)
    assert found["reward_per_trial"] == pytest.approx(trials["reward"].mean())
    always_left = analysis.indices(trials.assign(choice=0)).iloc[0]
    assert always_left["planning_index"] == 0


def test_slope_is_the_change_per_step_of_strength():
    """Three seeds: index falls by 2 per step, does not change, has one outlier."""
    indices = {0: [7, 5, 3, 1], 1: [4, 4, 4, 4], 2: [0, 0, 0, 10]}
    rows = []
    for kind, settings in STRENGTHS.items():
        for strength, condition in enumerate([INTACT["reward"], *(f"{kind}_{setting:g}" for setting in settings)]):
            rows += [{"condition": condition, "seed": seed, "planning_index": own[strength]} for seed, own in indices.items()]
    measured = pd.DataFrame(rows).drop_duplicates(["condition", "seed"])
    slopes = analysis.slopes(analysis.interference(measured)).pivot(index="kind", columns="seed", values="slope")
    np.testing.assert_allclose(slopes, [[-2, 0, 3]] * 3)
