"""Ingredients: the bandit whose outcomes stay visible; controls of the analysis."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from prefrontal.errors import UserError
from prefrontal.models import bandit
from prefrontal.models.two_step_learners import REPLAYED, ModelFree, Planner
from prefrontal.networks.model_agents import BanditAgent
from prefrontal.networks.record import record
from prefrontal.task import RandomStreams
from replications.bandit.settings import SETTINGS as BANDIT
from replications.ingredients import analysis
from replications.ingredients.settings import (
    GRID,
    ONE_TRIAL,
    SETTINGS,
    THOMPSON,
    TWO_STEP,
    Ingredients,
)
from replications.ingredients.task import VisibleBanditTask
from replications.two_step.settings import SETTINGS as TWO_STEP_TASK
from replications.two_step.settings import TwoStep
from tests.two_step_agent import TwoStepAgent


class WinStayLoseShift:
    """Repeats rewarded choices, switches after others."""

    def reset(self, seeds, episodes):
        return None

    def step(self, memory, observation, last_reward, last_action):
        stay = torch.where(last_reward > 0, last_action, 1 - last_action)
        p_right = torch.where(last_action < 0, 0.5, (stay == 1).float())
        return (
            None,
            torch.stack([1 - p_right, p_right], dim=-1),
            torch.zeros_like(last_reward),
            None,
        )


AGENTS = {
    "best": (BanditAgent(bandit.bayes_optimal(100)), 1.0),
    "thompson": (BanditAgent(bandit.thompson), THOMPSON),
    "one trial": (WinStayLoseShift(), ONE_TRIAL),
    "random": (BanditAgent(lambda successes, failures: np.full(successes.shape, 0.5)), 0.0),
}


@pytest.mark.parametrize("name", AGENTS)
def test_agents_earn_their_known_normalised_reward(name):
    agent, expected = AGENTS[name]
    task, columns = Ingredients().build(), {"test": "drawn"}
    recorded = record(agent, task, list(range(8)), name, 300, columns=columns, steps=False)
    trials = recorded.trials.astype({"variant": str, "test": str})
    shares = bandit.shares(trials)["share"]
    assert len(shares) == 8 and abs(shares.mean() - expected) < 4 * shares.sem() < 0.05
    total = analysis.reward_curves(trials).groupby("subject")["reward"].sum()
    np.testing.assert_allclose(total, bandit.shares(trials)["reward"])


def test_only_a_planner_has_the_signs_of_planning():
    planner = Planner(**TwoStep().probabilities)
    for learner in (planner, ModelFree(fixed={"learning_rate": 0.5})):
        agent = TwoStepAgent(learner, REPLAYED | {"inverse_temperature": 5.0})
        recorded = record(agent, TwoStep().build(), [0, 1, 2], "agent", 30, steps=False)
        trials = recorded.trials.astype({"variant": str})
        kinds = ["common rewarded", "common unrewarded", "uncommon rewarded", "uncommon unrewarded"]
        prior = analysis.two_step_weights(trials, analysis.PRIOR)
        for weights in (analysis.two_step_behaviour(trials), prior):
            plans = (np.sign(weights[kinds].mean()) == [1, -1, -1, 1]).all()
            assert plans == isinstance(learner, Planner)
        (counted,) = analysis.planners(prior).to_dict("records")
        assert counted == {"variant": "agent", "networks": 3, "plan": 3 * (learner is planner)}


def test_visible_bandit_shows_the_last_outcome_of_each_arm():
    plain = Ingredients(trials=5).build()
    task = dataclasses.replace(Ingredients(trials=5), shows_outcomes=True).build()
    assert isinstance(task, VisibleBanditTask)
    noise = RandomStreams([0], "test")
    opening = noise.uniform(3, 2)
    (state, seen), (other, _) = task.reset(opening), plain.reset(opening)
    last = torch.zeros(1, 3, 2)
    assert torch.equal(seen[..., 1:], last) and seen.shape[-1] == len(task.observations)
    for t in range(5):
        action, chance = torch.tensor([[0, 1, t % 2]]), noise.uniform(3, 1)
        state, seen, reward = task.step(state, action, chance)
        other, expected, same = plain.step(other, action, chance)
        outcome = torch.where(reward > 0, 1.0, -1.0)[..., None]
        last = torch.where(torch.nn.functional.one_hot(action, 2) == 1, outcome, last)
        assert torch.equal(seen[..., 1:], last) and torch.equal(reward, same)
        assert torch.equal(seen[..., :1], expected)


def test_settings_differ_only_in_what_is_searched():
    on_two_step = SETTINGS.vary(TWO_STEP)
    differ = on_two_step.differences(TWO_STEP_TASK)
    assert {name for name in differ if not name.startswith("task.")} <= set(GRID)
    assert on_two_step.task.build().settings == TWO_STEP_TASK.task
    added = {"task.game", "task.one_problem", "task.shows_outcomes"}
    assert set(SETTINGS.differences(BANDIT)) == added


def test_one_problem_is_one_problem():
    task = Ingredients(one_problem=True).build()
    state, _ = task.reset(RandomStreams([0], "test").uniform(20, 2))
    assert torch.allclose(state["p_left"], torch.tensor(0.25))
    assert torch.allclose(state["p_right"], torch.tensor(0.75))


def test_arms_must_be_independent():
    with pytest.raises(UserError, match=r"task\.arms"):
        Ingredients(arms="correlated")
