"""Tests of the rules of task NAME."""

import torch

from replications.NAME.settings import ArmsSettings


def test_better_arm_pays_with_probability_rich():
    task = ArmsSettings(trials=2, rich=0.9).build()
    state, observation = task.reset(torch.tensor([[[0.1], [0.9]]]))
    assert state["better_arm"].tolist() == [[1, 0]] and observation.shape == (1, 2, 1)
    state, _, reward = task.step(state, torch.tensor([[1, 1]]), torch.tensor([[[0.89], [0.11]]]))
    assert reward.tolist() == [[1, 0]] and not state["done"].any()
    state, _, _ = task.step(state, torch.tensor([[0, 0]]), torch.tensor([[[0.5], [0.5]]]))
    assert state["done"].all() and state["choice"].tolist() == [[0, 0]]
