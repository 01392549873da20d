"""The analysis of the bandits on agents and activity whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from prefrontal import recording
from prefrontal.learners import bandit
from prefrontal.learners.agents import BanditAgent
from replications.bandit import analysis
from replications.bandit.task import BanditTask


def played(policy, episodes=400):
    """Trials of a policy on the easy problem in both orders, and on drawn problems, as the analysis expects them."""
    agent, parts = BanditAgent(policy), []
    for order in (analysis.EASY, "0.75/0.25"):
        left, right = (float(p) for p in order.split("/"))
        parts.append(recording.record(agent, BanditTask("fixed", 100, left, right), [0], f"independent {order}", episodes).trials)
    parts.append(recording.record(agent, BanditTask("independent"), [0], "independent drawn", episodes).trials)
    trials = pd.concat(parts, ignore_index=True)
    trials["condition"] = trials["condition"].astype(str)
    trials[["training", "order"]] = trials["condition"].str.split(" ", n=1, expand=True)
    return trials.assign(problem=trials["order"].replace(analysis.SWAPPED))


@pytest.fixture(scope="module")
def optimal():
    return played(bandit.bayes_optimal(100))


def test_regret_of_the_first_trial_is_half_the_difference(optimal):
    curve = analysis.regret_curves(optimal).set_index("trial")["regret"]
    assert curve[1] == pytest.approx(0.25, abs=0.03)
    assert curve.is_monotonic_increasing


def test_recorded_policy_has_the_regret_of_its_simulation(optimal):
    curve = analysis.regret_curves(optimal).set_index("trial")["regret"]
    textbook = analysis.textbook_curves(100).query("algorithm == 'Bayes-optimal'").set_index("trial")["regret"]
    assert curve[100] == pytest.approx(textbook[100], abs=0.35)


def test_optimal_policy_earns_the_whole_reward_and_random_choice_does_not(optimal):
    assert analysis.bayes_share(optimal)["share"].item() == pytest.approx(1, abs=0.01)
    coin = played(lambda *counts: np.full((*counts[0].shape, 2), 0.5), episodes=1000)
    assert analysis.bayes_share(coin)["share"].item() == pytest.approx(50 / bandit.bayes_optimal_reward("independent"), abs=0.03)


def test_learning_within_episodes_sees_learning_and_its_absence(optimal):
    learner = analysis.learning_within_episodes(optimal).set_index("problem")
    assert learner.loc[analysis.EASY, "late"] > learner.loc[analysis.EASY, "early"] + 0.1
    coin = played(lambda *counts: np.full((*counts[0].shape, 2), 0.5), episodes=200)
    flat = analysis.learning_within_episodes(coin).set_index("problem")
    assert abs(flat.loc[analysis.EASY, "late"] - flat.loc[analysis.EASY, "early"]) < 0.05


def planted(code: bool):
    rng = np.random.default_rng(0)
    episodes = 200
    p_left = rng.random(episodes)
    keys = {"condition": "correlated drawn", "seed": 0, "episode": np.arange(episodes), "trial": 99}
    latent = 2 * p_left if code else rng.normal(size=episodes)
    units = np.outer(latent, rng.normal(size=6)) + 0.05 * rng.normal(size=(episodes, 6))
    activity = pd.DataFrame(keys | {f"unit_{k:02d}": column for k, column in enumerate(units.T)})
    example = activity.iloc[:3].assign(condition="correlated example 0.5")
    trials = pd.DataFrame(keys | {"p_left": p_left, "choice": 0})
    example_trials = trials.iloc[:3].assign(condition="correlated example 0.5")
    return pd.concat([activity, example]), pd.concat([trials, example_trials])


@pytest.mark.parametrize(("code", "low", "high"), [(True, 0.98, 1.0), (False, 0.0, 0.25)])
def test_payoff_code_is_found_only_where_planted(code, low, high):
    last, examples, correlations = analysis.payoff_code(*planted(code))
    assert low <= correlations["rank_correlation"].item() <= high
    assert len(last) == 200 and len(examples) == 3
