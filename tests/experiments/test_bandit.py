"""Positive and negative controls of the bandit analyses: known policies and planted activity."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from prefrontal.models import bandit
from prefrontal.networks.model_agents import BanditAgent
from prefrontal.networks.record import record
from prefrontal.publishing import claims
from prefrontal.tables.recording import join
from replications.bandit import analysis
from replications.bandit.claims import CLAIMS
from replications.bandit.settings import (
    CORRELATED,
    GITTINS,
    MAIN,
    PROBLEMS,
    SETTINGS,
    STRUCTURE,
    TUNED_UCB,
    VARIANTS,
    Bandit,
)
from replications.bandit.task import BanditTask

LEFT, RIGHT = PROBLEMS["easy"]
LENGTH = Bandit().trials


def play(policy, test, problem=None, episodes=400, variant=MAIN, arms="independent"):
    """Record a policy as the analysis expects it."""
    settings = SETTINGS.vary({"task.arms": arms})
    task, columns = BanditTask(settings.task, problem), {"test": test}
    recorded = record(
        BanditAgent(policy), task, [0], variant, episodes, columns=columns, steps=False
    )
    trials = recorded.trials.astype({"variant": str, "test": str})
    return replace(recorded, trials=trials, settings={variant: settings})


def recorded_policy(policy, episodes=400, variant=MAIN):
    """Record a policy on the easy problem in both orders, and on drawn problems."""
    orders = [(LEFT, RIGHT), (RIGHT, LEFT)]
    recordings = [play(policy, "fixed", order, episodes, variant) for order in orders]
    return join([*recordings, play(policy, "drawn", None, episodes, variant)])


def coin(successes, failures):
    return np.full(successes.shape, 0.5)


@pytest.fixture(scope="module")
def optimal():
    return analysis.analyse(recorded_policy(bandit.bayes_optimal(LENGTH)))


def test_regret_of_the_first_trial_is_half_the_difference(optimal):
    curve = optimal["regret_curves"].set_index("trial")["regret"]
    assert curve[1] == pytest.approx((RIGHT - LEFT) / 2, abs=0.03)
    assert curve.is_monotonic_increasing


@pytest.mark.slow
def test_recorded_policy_has_the_regret_of_its_simulation(optimal):
    curve = optimal["regret_curves"].set_index("trial")["regret"]
    textbook = (
        analysis.textbook_curves(LENGTH)
        .query("algorithm == 'Bayes-optimal'")
        .set_index("trial")["regret"]
    )
    assert curve[LENGTH] == pytest.approx(textbook[LENGTH], abs=0.35)


@pytest.mark.slow
def test_textbook_algorithms_are_tuned_on_drawn_problems():
    tuning = analysis.tuning(LENGTH)
    chosen = tuning[tuning["chosen"]].set_index("algorithm")
    assert (chosen["drawn"] == tuning.groupby("algorithm")["drawn"].min()).all() and len(
        chosen
    ) == 2
    best = bandit.oracle_reward("independent", LENGTH) - bandit.bayes_optimal_reward(
        "independent", LENGTH
    )
    assert best < chosen["drawn"][GITTINS] < chosen["drawn"][TUNED_UCB]
    drawn = analysis.textbook_curves(LENGTH).groupby("algorithm")["parameter"].first()
    assert (drawn[chosen.index] == chosen["parameter"]).all()


def test_optimal_policy_earns_everything_and_chance_does_not(optimal):
    assert optimal["bayes_share"]["share"].item() == pytest.approx(1, abs=0.01)
    random = analysis.analyse(recorded_policy(coin, episodes=1000))["bayes_share"]["share"].item()
    assert random == pytest.approx(
        0.5 * LENGTH / bandit.bayes_optimal_reward("independent", LENGTH), abs=0.03
    )


def test_best_possible_reward_follows_the_recorded_settings(optimal):
    recorded = recorded_policy(bandit.bayes_optimal(LENGTH), 20)
    other = replace(recorded, settings={MAIN: SETTINGS.vary({"task.arms": "correlated"})})
    best = analysis.analyse(other)["bayes_share"]["best_possible"].item()
    assert (
        best
        == bandit.bayes_optimal_reward("correlated", LENGTH)
        > optimal["bayes_share"]["best_possible"].item()
    )


def test_learning_within_episodes_is_found_only_in_learners(optimal):
    learner = optimal["learning"].set_index("problem").loc["easy"]
    assert learner["late"] > learner["early"] + 0.1
    flat = (
        analysis.analyse(recorded_policy(coin, episodes=200))["learning"]
        .set_index("problem")
        .loc["easy"]
    )
    assert abs(flat["late"] - flat["early"]) < 0.05


def test_structure_is_the_difference_to_the_same_seed():
    variant, other = next(iter(STRUCTURE.items()))
    index = pd.MultiIndex.from_product([[other, variant], [3, 5]], names=["variant", "subject"])
    difference = analysis.minus_independent(pd.Series([2.0, 4.0, 1.0, 1.5], index))
    assert difference.to_numpy().tolist() == [[variant, 3, -1.0], [variant, 5, -2.5]]


def test_structure_needs_a_counterpart_with_the_same_seed():
    """Variants have different seeds; a network whose counterpart is missing is not left out."""
    (variant, other), (rpe, other_rpe) = STRUCTURE.items()
    regret = {
        (other, 8): 2.0,
        (variant, 8): 1.0,
        (variant, 9): 1.0,
        (other_rpe, 0): 4.0,
        (rpe, 0): 1.0,
    }
    final = pd.Series(regret).rename_axis(["variant", "subject"])
    difference = analysis.minus_independent(final).set_index(["variant", "subject"])
    expected = pd.Series({(variant, 8): -1.0, (variant, 9): np.nan, (rpe, 0): -3.0})
    pd.testing.assert_series_equal(difference.squeeze(), expected, check_names=False)


@pytest.mark.slow
def test_every_claim_has_a_measure():
    """Thompson sampling takes the place of every variant."""
    recordings = [recorded_policy(bandit.thompson, 5, variant) for variant in VARIANTS]
    recordings += [
        play(bandit.thompson, "fixed", PROBLEMS["hard"], 5, variant) for variant in VARIANTS
    ]
    tables = analysis.analyse(join(recordings))
    code = {"variant": [CORRELATED], "subject": 0, "rank_correlation": 1.0}
    measures = analysis.claim_measures(tables | {"payoff_code": pd.DataFrame(code)})
    evaluated = claims.evaluate_claims(CLAIMS, measures, MAIN, analysis.benchmarks(tables))
    assert len(evaluated) == len(CLAIMS)
    known = evaluated[evaluated["claim"] != "bandit-difficulty"]
    assert not known["reproduced"].isna().any()


def planted(code: bool):
    """Activity of a network that codes p_left, or nothing, and the trials that go with it."""
    rng = np.random.default_rng(0)
    episodes = 200
    p_left = rng.random(episodes)
    keys = {
        "variant": "c",
        "subject": 0,
        "test": "drawn",
        "episode": np.arange(episodes),
        "trial": 99,
    }
    latent = 2 * p_left if code else rng.normal(size=episodes)
    units = np.outer(latent, rng.normal(size=6)) + 0.05 * rng.normal(size=(episodes, 6))
    activity = pd.DataFrame(
        keys | {"p_left": np.nan} | {f"unit_{k:02d}": column for k, column in enumerate(units.T)}
    )
    trials = pd.DataFrame(keys | {"p_left": p_left, "p_right": 1 - p_left, "choice": 0})
    examples = {"test": "example", "episode": 0, "p_left": p_left[:3]}
    return [pd.concat([frame, frame.iloc[:3].assign(**examples)]) for frame in (activity, trials)]


@pytest.mark.parametrize(("code", "low", "high"), [(True, 0.98, 1.0), (False, 0.0, 0.25)])
def test_payoff_code_is_found_only_where_planted(code, low, high):
    last, examples, correlation = analysis.payoff_code(*planted(code))
    assert low <= correlation["rank_correlation"] <= high
    assert len(last) == 200 and len(examples) == 3


def test_expected_difference_by_hand():
    episodes = pd.DataFrame(
        {"episode": [0] * 4 + [1], "choice": [0, 0, 1, 1, 0], "reward": [1.0, 0.0, 0.0, 0.0, 1.0]}
    )
    expected = [0, 2 / 3 - 1 / 2, 2 / 4 - 1 / 2, 2 / 4 - 1 / 3, 0]
    assert analysis.expected_difference(episodes, correlated=False).tolist() == pytest.approx(
        expected
    )
    # A loss of the right arm speaks for the left one as a win of it does.
    together = [0, 2 * 2 / 3 - 1, 2 * 2 / 4 - 1, 2 * 3 / 5 - 1, 0]
    assert analysis.expected_difference(episodes, correlated=True).tolist() == pytest.approx(
        together
    )


@pytest.mark.parametrize("arms", [MAIN, CORRELATED])
def test_code_follows_the_best_estimate_only_where_planted(arms):
    """Units that hold the best estimate and, more weakly, the sum of the payoffs; then noise."""
    recording = play(bandit.thompson, "drawn", episodes=60, variant=arms, arms=arms)
    trials = recording.trials
    rng = np.random.default_rng(0)
    estimate = analysis.expected_difference(trials, arms == CORRELATED).to_numpy()
    latent = np.column_stack([2 * estimate, 0.5 * (trials["p_left"] + trials["p_right"])])
    coding = latent @ np.linalg.qr(rng.normal(size=(8, 2)))[0].T
    for units, low, high in ((coding, 0.97, 1.03), (rng.normal(size=coding.shape), -0.5, 0.5)):
        columns = {f"unit_{k:02d}": column for k, column in enumerate(units.T)}
        activity = trials[[*analysis.TRIAL]].assign(**columns)
        tables = analysis.codes_by_trial(replace(recording, activity=activity))
        last = tables["code_by_trial"].query("trial == 100").iloc[0]
        assert low <= last["pc1"] / last["expected"] <= high
        if arms == MAIN and low > 0:
            assert last["pc2"] > 0.9
            assert tables["code_variance"]["share"].iloc[2:].max() < 1e-9
