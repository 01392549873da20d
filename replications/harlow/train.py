"""Training of the Harlow networks: ``prefrontal train harlow``.

Learning curves also have the accuracy on held-out images, and every network ends with final tests
(``<variant>_<seed>_test.csv``).

    prefrontal train harlow --variants unroll_100        # one of the further variants
    prefrontal train harlow --task.view-size 84 --device cuda --networks 50 --out MINE
    prefrontal train harlow --task.images FOLDER --out MINE
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prefrontal.networks.network import NetworkAgent
from prefrontal.networks.play import Agent, play
from prefrontal.task import RandomStreams
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.loop import Training
from replications.harlow.settings import TESTS, Harlow
from replications.harlow.task import HarlowTask


def accuracy(
    agent: Agent, task: HarlowTask, seeds: list[int], episodes: int, purpose: str
) -> list[pd.DataFrame]:
    """Play test episodes with frozen weights.

    Returns
    -------
    list of DataFrame
        Per network, by trial (from 0) and ``first`` ("right" or "wrong": the outcome of the
        episode's first trial): number of ``correct`` choices, of ``n`` completed trials.
    """
    correct = np.full((len(seeds), episodes, task.settings.trials), np.nan)
    drop = isinstance(agent, NetworkAgent)
    for step in play(agent, task, RandomStreams(seeds, purpose), episodes, drop_done=drop):
        running = ~step.state["done"]
        ended = ((step.after["trial"] > step.state["trial"]) & running).numpy()
        trial = step.state["trial"].numpy()
        is_correct = (step.after["choice"] == step.after["rewarded_side"]).numpy()
        network, episode = np.nonzero(ended)[0], step.episode.numpy()[ended]
        correct[network, episode, trial[ended]] = is_correct[ended]
    return [counts(of_network) for of_network in correct]


def counts(correct: np.ndarray) -> pd.DataFrame:
    """Count one network's correct choices (episode, trial), by trial and by the first outcome."""
    frame = pd.DataFrame(correct).assign(first=np.where(correct[:, 0] == 1, "right", "wrong"))
    long = frame.melt("first", var_name="trial", value_name="correct").dropna()
    by_trial = long.groupby(["trial", "first"], as_index=False)["correct"].agg(["sum", "count"])
    by_trial = by_trial.rename(columns={"sum": "correct", "count": "n"})
    return by_trial.astype({"trial": int, "correct": int})


def accuracy_by_trial(tested: pd.DataFrame, trials: int) -> dict[str, float]:
    """Fraction correct on each trial, "trial_1" first; NaN where no episode came that far."""
    total = tested.groupby("trial")[["correct", "n"]].sum().reindex(range(trials))
    fraction = total["correct"] / total["n"]
    return {f"trial_{trial + 1}": share for trial, share in enumerate(fraction)}


def held_out_accuracy(batch: NetworkBatch) -> pd.DataFrame:
    """Actions and updates so far, and accuracy on held-out images, one row per network."""
    settings: Harlow = batch.shared.task
    task, episodes = settings.build("held out", as_float=True), max(1, settings.test_episodes // 5)
    tested = accuracy(batch.agent, task, batch.seeds, episodes, "learning curve")
    so_far: dict[str, float] = {"actions": batch.trained_steps, "updates": batch.done}
    return pd.DataFrame([so_far | accuracy_by_trial(each, settings.trials) for each in tested])


def play_tests(agent: Agent, settings: Harlow, seeds: list[int]) -> list[pd.DataFrame]:
    """Test trained networks; return for each network a table of counts as in ``accuracy``, by
    test."""
    tables = []
    for name, test in TESTS.items():
        if name != "photographs" or settings.view == "pixels":
            task, episodes = test.task(settings), settings.test_episodes
            tested = accuracy(agent, task, seeds, episodes, "test episodes")
            tables.append([each.assign(test=name) for each in tested])
    return [pd.concat(of_network, ignore_index=True) for of_network in zip(*tables, strict=True)]


def final_tests(batch: NetworkBatch) -> list[pd.DataFrame]:
    """Test networks at the end of their training."""
    return play_tests(batch.agent, batch.shared.task, batch.seeds)


TRAINING = Training(curve_points=60, curve_columns=held_out_accuracy, final_test=final_tests)
