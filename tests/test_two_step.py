"""The analysis of the two-step task on learners whose answer is known, recorded as networks are."""

import pytest

from prefrontal import behavior, recording
from prefrontal.learners import two_step
from prefrontal.learners.agents import TwoStepAgent
from replications.two_step import analysis
from replications.two_step.task import TwoStepTask

RATE = 0.3


def recorded(learner, temperature=8.0):
    agent = TwoStepAgent(learner, temperature)
    tables = recording.record(agent, TwoStepTask(), [0], "default", 200, discount=1.0)
    return tables.trials, tables.steps


@pytest.fixture(scope="module")
def planner():
    return recorded(two_step.Planner())


@pytest.fixture(scope="module")
def model_free():
    return recorded(two_step.ModelFree(RATE, eligibility=1.0), temperature=4.0)


def verdicts(trials, steps):
    weights = behavior.two_step_weights(trials)
    rpes = analysis.rpe_regressions(analysis.paired_rpes(trials, steps, RATE))
    rows = analysis.settle_claims(weights, behavior.stay_probability(trials), behavior.stay_interaction(trials), rpes)
    return weights.query("lag == 1").set_index("signal")["weight"], rpes.set_index("event"), rows


def test_planner_passes_the_model_based_test(planner):
    weights, rpes, _ = verdicts(*planner)
    assert min(weights["common/rewarded"], weights["uncommon/unrewarded"]) > 0
    assert max(weights["common/unrewarded"], weights["uncommon/rewarded"]) < 0
    assert rpes.loc["reward", "r2_model_based"] > 0.99
    assert rpes.loc["reward", "r2_model_free_residual"] < 0.01


def test_model_free_learner_fails_it(model_free):
    weights, rpes, _ = verdicts(*model_free)
    assert weights["uncommon/rewarded"] > 0
    assert rpes.loc["reward", "r2_model_free"] > 0.99 > rpes.loc["reward", "r2_model_based"]
    assert rpes.loc["reward", "r2_model_free_residual"] > 0.01


def test_model_free_learner_shows_the_interaction_in_staying(model_free):
    stay = behavior.stay_probability(model_free[0]).set_index(["transition", "outcome"])["stay_probability"]
    after_common = stay["common", "rewarded"] - stay["common", "unrewarded"]
    after_uncommon = stay["uncommon", "rewarded"] - stay["uncommon", "unrewarded"]
    assert after_common > after_uncommon + 0.05


def test_every_claim_has_its_rows(planner):
    rows = verdicts(*planner)[2]
    counts = {name: sum(row["claim"] == name for row in rows) for name in {row["claim"] for row in rows}}
    assert counts == {"twostep-lags": 4, "twostep-stay": 5, "twostep-rpe-mb": 1, "twostep-rpe-mf": 1}
    published = {row["statement"]: row["published"] for row in rows}
    assert published["lag-1 weight of common rewarded trials"] == pytest.approx(3.41, abs=0.01)
    assert published["stay probability after rewarded uncommon trials"] == pytest.approx(0.638, abs=0.001)


def test_reference_errors_skip_broken_off_trials_and_the_last_step(planner):
    trials, steps = planner
    pairs = analysis.paired_rpes(trials, steps, RATE)
    assert pairs.notna().all(axis=None)
    last = trials.groupby("episode")["trial"].transform("max") == trials["trial"]
    ends = pairs.merge(trials.loc[last, ["episode", "trial"]], on=["episode", "trial"])
    assert set(ends["event"]) == {"stage 2"}


def test_share_of_best_is_one_for_the_greedy_planner():
    trials, _ = recorded(two_step.Planner(), temperature=1e6)
    assert analysis.share_of_best(trials)["share"].item() == pytest.approx(1, abs=0.02)
