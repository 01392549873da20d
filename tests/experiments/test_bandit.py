from prefrontal.networks import record
from prefrontal.tables import recording

"""The analysis of the bandits on agents and activity whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from prefrontal.models import bandit
from prefrontal.networks.model_agents import BanditAgent
from prefrontal.publishing import claims
from replications.bandit import analysis, variants
from replications.bandit.task import BanditTask

MAIN, (LEFT, RIGHT) = variants.MAIN, variants.PROBLEMS["easy"]
LENGTH = BanditTask().trials


def played(policy, episodes=400, variant=MAIN):
    """Trials of a policy on the easy problem in both orders, and on drawn problems, as the analysis expects them."""
    agent = BanditAgent(policy)
    tasks = [BanditTask("fixed", LENGTH, *order) for order in ((LEFT, RIGHT), (RIGHT, LEFT))] + [BanditTask()]
    recordings = [
        record.record(agent, task, [0], variant, episodes, columns={"test": test}, steps=False)
        for task, test in zip(tasks, ("fixed", "fixed", "drawn"), strict=True)
    ]
    joined = recording.join(recordings)
    trials = joined.trials.astype({"variant": str, "test": str})
    return replace(joined, trials=trials, settings={variant: {"arms": "independent", "trials": LENGTH}})


def coin(successes, failures):
    return np.full(successes.shape, 0.5)


@pytest.fixture(scope="module")
def optimal():
    return analysis.measure(played(bandit.bayes_optimal(LENGTH)))


def test_regret_of_the_first_trial_is_half_the_difference(optimal):
    curve = optimal["fig1d"].set_index("trial")["regret"]
    assert curve[1] == pytest.approx((RIGHT - LEFT) / 2, abs=0.03)
    assert curve.is_monotonic_increasing


@pytest.mark.slow
def test_recorded_policy_has_the_regret_of_its_simulation(optimal):
    curve = optimal["fig1d"].set_index("trial")["regret"]
    textbook = analysis.textbook_curves(LENGTH).query("algorithm == 'Bayes-optimal'").set_index("trial")["regret"]
    assert curve[LENGTH] == pytest.approx(textbook[LENGTH], abs=0.35)


@pytest.mark.slow
def test_textbook_algorithms_are_tuned_over_the_training_distribution():
    tuning = analysis.tuning(LENGTH)
    chosen = tuning[tuning["chosen"]].set_index("algorithm")
    assert (chosen["drawn"] == tuning.groupby("algorithm")["drawn"].min()).all() and len(chosen) == 2
    best = bandit.oracle_reward("independent", LENGTH) - bandit.bayes_optimal_reward("independent", LENGTH)
    assert best < chosen["drawn"][variants.GITTINS] < chosen["drawn"][variants.TUNED_UCB]
    drawn = analysis.textbook_curves(LENGTH).groupby("algorithm")["parameter"].first()
    assert (drawn[chosen.index] == chosen["parameter"]).all()


def test_optimal_policy_earns_the_whole_reward_and_random_choice_does_not(optimal):
    assert optimal["bayes_share"]["share"].item() == pytest.approx(1, abs=0.01)
    random = analysis.measure(played(coin, episodes=1000))["bayes_share"]["share"].item()
    assert random == pytest.approx(0.5 * LENGTH / bandit.bayes_optimal_reward("independent", LENGTH), abs=0.03)


def test_best_possible_reward_is_that_of_the_settings_saved_with_the_tables(optimal):
    recorded = played(bandit.bayes_optimal(LENGTH), 20)
    other = replace(recorded, settings={MAIN: {"arms": "correlated", "trials": LENGTH}})
    best = analysis.measure(other)["bayes_share"]["best_possible"].item()
    assert best == bandit.bayes_optimal_reward("correlated", LENGTH) > optimal["bayes_share"]["best_possible"].item()


def test_learning_within_episodes_sees_learning_and_its_absence(optimal):
    learner = optimal["learning"].set_index("problem").loc["easy"]
    assert learner["late"] > learner["early"] + 0.1
    flat = analysis.measure(played(coin, episodes=200))["learning"].set_index("problem").loc["easy"]
    assert abs(flat["late"] - flat["early"]) < 0.05


def test_structure_is_the_difference_to_the_same_seed():
    own, other = next(iter(variants.STRUCTURE.items()))
    index = pd.MultiIndex.from_product([[other, own], [3, 5]], names=["variant", "seed"])
    difference = analysis.minus_independent(pd.Series([2.0, 4.0, 1.0, 1.5], index))
    assert difference.to_numpy().tolist() == [[3, own, -1.0], [5, own, -2.5]]


def test_structure_is_told_of_the_networks_that_there_are():
    """Variants with other seeds; and a network whose counterpart is missing, which is not left out."""
    (own, other), (own_rpe, other_rpe) = variants.STRUCTURE.items()
    final = pd.Series({(other, 8): 2.0, (own, 8): 1.0, (own, 9): 1.0, (other_rpe, 0): 4.0, (own_rpe, 0): 1.0}).rename_axis(
        ["variant", "seed"]
    )
    difference = analysis.minus_independent(final).set_index(["variant", "seed"])["correlated minus independent"]
    expected = pd.Series({(own, 8): -1.0, (own, 9): np.nan, (own_rpe, 0): -3.0})
    pd.testing.assert_series_equal(difference, expected, check_names=False)


def test_every_claim_is_settled_by_the_quantities_of_its_condition():
    """Textbook learners in all variants' places, each network of them another draw."""
    parts = [played(bandit.thompson, 5, variant) for variant in variants.TRAINED]
    hard = [
        record.record(
            BanditAgent(bandit.thompson),
            BanditTask("fixed", LENGTH, *variants.PROBLEMS["hard"]),
            [0],
            variant,
            5,
            columns={"test": "fixed"},
            steps=False,
        )
        for variant in variants.TRAINED
    ]
    measured = analysis.measure(recording.join([*parts, *hard]))
    measured["payoff_code"] = pd.DataFrame({"variant": [variants.CORRELATED], "seed": 0, "rank_correlation": 1.0})
    settled = claims.evaluate_claims(variants.CLAIMS, analysis.measures(measured), MAIN, analysis.benchmarks(measured))
    assert len(settled) == len(variants.CLAIMS)
    assert not settled["reproduced"].drop(settled.index[settled["claim"] == "bandit-difficulty"]).isna().any()


def planted(code: bool):
    """Activity of a network that codes p_left, or nothing, and the trials that go with it."""
    rng = np.random.default_rng(0)
    episodes = 200
    p_left = rng.random(episodes)
    keys = {"variant": "c", "seed": 0, "test": "drawn", "episode": np.arange(episodes), "trial": 99}
    latent = 2 * p_left if code else rng.normal(size=episodes)
    units = np.outer(latent, rng.normal(size=6)) + 0.05 * rng.normal(size=(episodes, 6))
    activity = pd.DataFrame(keys | {"p_left": np.nan} | {f"unit_{k:02d}": column for k, column in enumerate(units.T)})
    trials = pd.DataFrame(keys | {"p_left": p_left, "p_right": 1 - p_left, "choice": 0})
    examples = {"test": "example", "episode": 0, "p_left": p_left[:3]}
    return [pd.concat([frame, frame.iloc[:3].assign(**examples)]) for frame in (activity, trials)]


@pytest.mark.parametrize(("code", "low", "high"), [(True, 0.98, 1.0), (False, 0.0, 0.25)])
def test_payoff_code_is_found_only_where_planted(code, low, high):
    last, examples, correlation = analysis.payoff_code(*planted(code))
    assert low <= correlation["rank_correlation"] <= high
    assert len(last) == 200 and len(examples) == 3


def test_expected_difference_by_hand():
    episodes = pd.DataFrame({"episode": [0] * 4 + [1], "choice": [0, 0, 1, 1, 0], "reward": [1.0, 0.0, 0.0, 0.0, 1.0]})
    expected = [0, 2 / 3 - 1 / 2, 2 / 4 - 1 / 2, 2 / 4 - 1 / 3, 0]
    assert analysis.expected_difference(episodes, correlated=False).tolist() == pytest.approx(expected)
    # A loss of the right arm speaks for the left one as a win of it does.
    together = [0, 2 * 2 / 3 - 1, 2 * 2 / 4 - 1, 2 * 3 / 5 - 1, 0]
    assert analysis.expected_difference(episodes, correlated=True).tolist() == pytest.approx(together)


@pytest.mark.parametrize("arms", [variants.MAIN, variants.CORRELATED])
def test_code_that_follows_the_best_estimate_is_told_from_one_that_does_not(arms):
    """Units that hold the best estimate and, more weakly, the sum of the payoffs; then units of noise."""
    task = BanditTask(arms)
    played = record.record(BanditAgent(bandit.thompson), task, [0], arms, 60, columns={"test": "drawn"}, steps=False)
    trials = played.trials.astype({"variant": str, "test": str})
    rng = np.random.default_rng(0)
    held = analysis.expected_difference(trials, arms == variants.CORRELATED).to_numpy()
    latent = (
        np.column_stack([2 * held, 0.5 * (trials["p_left"] + trials["p_right"])]) @ np.linalg.qr(rng.normal(size=(8, 2)))[0].T
    )
    for units, low, high in ((latent, 0.97, 1.03), (rng.normal(size=latent.shape), -0.5, 0.5)):
        activity = trials[[*analysis.TRIAL]].assign(**{f"unit_{k:02d}": own for k, own in enumerate(units.T)})
        told = analysis.codes_by_trial(replace(played, trials=trials, activity=activity, settings={arms: {"arms": arms}}))
        last = told["code_by_trial"].query("trial == 100").iloc[0]
        assert low <= last["pc1"] / last["expected"] <= high
        if arms == variants.MAIN and low > 0:
            assert last["pc2"] > 0.9 and told["code_variance"]["share"].iloc[2:].max() < 1e-9
