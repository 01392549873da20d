"""Ingredients: the bandit whose outcomes stay visible, and the analysis, on agents whose answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal import files
from prefrontal.models import bandit, two_step
from prefrontal.networks.model_agents import BanditAgent, TwoStepAgent
from prefrontal.networks.record import record
from prefrontal.tables import storage
from prefrontal.task import RandomStreams
from replications.bandit import train as bandit_train
from replications.bandit.task import BanditTask
from replications.ingredients import analysis, variants
from replications.ingredients.task import VisibleBanditTask
from replications.ingredients.train import Config
from replications.two_step import train as two_step_train
from replications.two_step.task import TwoStepTask


class WinStayLoseShift:
    """Repeats what was rewarded, leaves what was not."""

    def reset(self, seeds, episodes):
        return None

    def step(self, memory, observation, last_reward, last_action):
        stay = torch.where(last_reward > 0, last_action, 1 - last_action)
        p_right = torch.where(last_action < 0, 0.5, (stay == 1).float())
        return None, torch.stack([1 - p_right, p_right], dim=-1), torch.zeros_like(last_reward), None


AGENTS = {
    "best": (BanditAgent(bandit.bayes_optimal(100)), 1.0),
    "thompson": (BanditAgent(bandit.thompson), variants.THOMPSON),
    "one trial": (WinStayLoseShift(), variants.ONE_TRIAL),
    "random": (BanditAgent(lambda successes, failures: np.full(successes.shape, 0.5)), 0.0),
}


@pytest.mark.parametrize("name", AGENTS)
def test_agents_earn_the_share_that_is_known(name):
    agent, expected = AGENTS[name]
    recorded = record(agent, BanditTask(), list(range(8)), name, 300, columns={"test": "drawn"}, steps=False)
    trials = recorded.trials.astype({"variant": str, "test": str})
    shares = bandit.shares(trials)["share"]
    assert len(shares) == 8 and abs(shares.mean() - expected) < 4 * shares.sem() < 0.05
    total = analysis.reward_curves(trials).groupby("seed")["reward"].sum()
    np.testing.assert_allclose(total, bandit.shares(trials)["reward"])


def test_a_planner_has_the_signs_and_a_model_free_learner_has_not():
    for learner in (two_step.Planner(), two_step.ModelFree(learning_rate=0.5)):
        agent = TwoStepAgent(learner, inverse_temperature=5.0)
        columns = {"test": "two-step"}
        trials = record(agent, TwoStepTask(), [0, 1, 2], "agent", 30, columns=columns, steps=False).trials
        trials = trials.astype({"variant": str, "test": str})
        kinds = ["common rewarded", "common unrewarded", "uncommon rewarded", "uncommon unrewarded"]
        for found in (analysis.two_step_behaviour(trials), analysis.two_step_weights(trials, analysis.PRIOR)):
            plans = (np.sign(found[kinds].mean()) == [1, -1, -1, 1]).all()
            assert plans == isinstance(learner, two_step.Planner)


def test_the_visible_bandit_shows_the_last_outcome_of_each_arm():
    task, plain = VisibleBanditTask(trials=5), BanditTask(trials=5)
    noise = RandomStreams([0], "test")
    opening = noise.uniform(3, 2)
    (state, shown), (other, _) = task.reset(opening), plain.reset(opening)
    last = torch.zeros(1, 3, 2)
    assert torch.equal(shown[..., 1:], last) and shown.shape[-1] == len(task.observations)
    for t in range(5):
        action, chance = torch.tensor([[0, 1, t % 2]]), noise.uniform(3, 1)
        state, shown, reward = task.step(state, action, chance)
        other, expected, same = plain.step(other, action, chance)
        last = torch.where(torch.nn.functional.one_hot(action, 2) == 1, torch.where(reward > 0, 1.0, -1.0)[..., None], last)
        assert torch.equal(shown[..., 1:], last) and torch.equal(reward, same) and torch.equal(shown[..., :1], expected)


def test_settings_are_those_of_the_experiments_but_for_what_is_taken_away():
    own = Config(**variants.TWO_STEP).settings()
    searched = set(variants.GRID)
    for name, value in two_step_train.Config().settings().items():
        if name in own and name not in searched:
            assert own[name] == value, name
    task = Config(**variants.TWO_STEP).task()
    assert task == two_step_train.Config().task()
    for name, value in bandit_train.Config().settings().items():
        assert Config().settings()[name] == value, name


def test_settings_chosen_are_the_best_of_the_sweeps():
    folder = files.DATA / "ingredients" / "sweeps"
    for game, chosen in variants.CHOSEN.items():
        sweeps = [storage.read(folder / f"{game}.csv")]
        apart = [path for path in folder.glob(f"{game}_*.csv") if not path.stem.endswith("curves")]
        sweeps += [storage.read(path).assign(core=path.stem.removeprefix(f"{game}_")) for path in apart]
        means = pd.concat(sweeps).groupby(["core", *variants.GRID])["share_validation"].mean()
        assert set(chosen) == set(means.index.unique("core"))
        for core, settings in chosen.items():
            assert settings == pytest.approx(means[core].idxmax()), (game, core)


def test_one_problem_is_one_problem():
    task = dataclasses.replace(Config(), one_problem=True).task()
    state, _ = task.reset(RandomStreams([0], "test").uniform(20, 2))
    assert torch.allclose(state["p_left"], torch.tensor(0.25)) and torch.allclose(state["p_right"], torch.tensor(0.75))
