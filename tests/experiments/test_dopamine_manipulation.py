from prefrontal.networks import record

"""Dopamine manipulation: the task's rules, what a manipulation may change, the analysis on a known learner."""

import dataclasses

import pandas as pd
import pytest
import torch

from prefrontal.networks.build import network_of
from prefrontal.networks.network import NetworkAgent, NetworkInput, initial_parameters
from prefrontal.publishing import claims
from prefrontal.tables.recording import Recording, join
from prefrontal.task import INVALID_REWARD, RandomStreams, one_hot
from replications.dopamine_manipulation import analysis, observer, record
from replications.dopamine_manipulation.task import CENTRE, CHOICE, SHOW_BOTH, SHOW_LEFT
from replications.dopamine_manipulation.train import Config
from replications.dopamine_manipulation.variants import CLAIMS, MAIN, MANIPULATIONS, NAMED

SEEDS, EPISODES = [0, 1], 40
SETTINGS = Config().settings()
PROBABILITIES = (SETTINGS["p_low"], SETTINGS["p_high"])


def obedient(observation, free_side):
    """Centre at fixation, the arm shown in forced trials, ``free_side`` in free ones."""
    shown = observation.argmax(-1)
    return torch.where(shown == 0, CENTRE, torch.where(shown == SHOW_BOTH, free_side, shown - SHOW_LEFT))


class Chooser:
    """Delta rule on the value of each side, learning from manipulated errors; softmax over sides in free trials.

    Its memory is the values, and whether both arms were on offer: errors may be manipulated after free pulls alone.
    """

    def __init__(self, manipulate=None, pulls="all", rate=0.2, inverse_temperature=6.0):
        self.manipulate, self.pulls, self.rate, self.beta = manipulate, pulls, rate, inverse_temperature

    def reset(self, seeds, episodes):
        return torch.full((seeds, episodes, 2), 1.0), torch.zeros(seeds, episodes, dtype=torch.bool)

    def step(self, memory, observation, last_reward, last_action):
        values, free = memory
        error = last_reward - (values * one_hot(last_action, 2)).sum(-1)
        if self.manipulate is not None:
            changed = self.manipulate(error, last_reward, last_action)
            error = torch.where(free | (self.pulls == "all"), changed, error)
        values = values + self.rate * error[..., None] * one_hot(last_action, 2)
        sides = torch.softmax(self.beta * values, -1) * (observation[..., :1] == 0)
        sides = torch.where(observation[..., 2:].sum(-1, keepdim=True) > 0, observation[..., 2:], sides)
        return (values, observation[..., SHOW_BOTH] > 0), torch.cat([sides, observation[..., :1]], -1), values.mean(-1), None


@pytest.fixture(scope="module")
def agent():
    """Untrained networks with strong weights, so that they respond to what they receive."""
    config = Config(units=16)
    network = network_of(config, config.task())
    flat = initial_parameters(network, SEEDS, torch.full((2,), 4.0), torch.full((2,), 8.0))
    return NetworkAgent(network, network.views(flat), torch.full((2,), 0.9), torch.ones(2))


def shift(event, size):
    return record.shift(event, size, SETTINGS)


def played(agent, task=None, episodes=EPISODES, seeds=SEEDS):
    return record.record(agent, task or Config().task(), seeds, MAIN, episodes, steps=False).trials


def test_episodes_have_five_forced_pulls_of_each_arm_in_pairs_and_twenty_free_ones():
    trials = played(Chooser(), episodes=400)
    assert (trials.groupby(["seed", "episode"]).size() == 30).all() and (trials["arm"] != "none").all()
    assert ((trials["trial"] < 10) == (trials["pull"] == "forced")).all()
    forced = trials[trials["trial"] < 10]
    pairs = forced.groupby(["seed", "episode", forced["trial"] // 2])["arm"]
    assert (pairs.nunique() == 2).all()
    first_risky = pairs.first() == "risky"
    assert abs(first_risky.mean() - 0.5) < 5 * (0.25 / len(first_risky)) ** 0.5


def test_arms_pay_as_they_say():
    trials = played(Chooser(), episodes=2000)
    assert (trials.loc[trials["arm"] == "safe", "reward"] == SETTINGS["safe_reward"]).all()
    episodes = trials.groupby(["seed", "episode"])[["p_risky", "risky_side"]].first()
    error = 5 * (0.25 / len(episodes)) ** 0.5
    assert abs((episodes["p_risky"] == PROBABILITIES[1]).mean() - 0.5) < error
    assert abs((episodes["risky_side"] == "left").mean() - 0.5) < error
    risky = trials[(trials["arm"] == "risky") & (trials["pull"] == "forced")]
    assert set(risky["reward"]) == {0, SETTINGS["risky_reward"]}
    for p, own in risky.groupby("p_risky"):
        assert (own["reward"] > 0).mean() == pytest.approx(p, abs=5 * (0.25 / len(own)) ** 0.5)


@pytest.mark.parametrize("forced_pull", ["cued", "imposed"])
def test_other_arm_in_a_forced_trial(forced_pull):
    task, stream = Config(forced_pull=forced_pull).task(), RandomStreams([0], "test")
    state, observation = task.reset(stream.uniform(50, task.reset_noise))
    state, observation, _ = task.step(state, obedient(observation, 0), stream.uniform(50, 1))
    assert (state["period"] == CHOICE).all()
    shown = observation.argmax(-1) - SHOW_LEFT
    state, _, reward = task.step(state, 1 - shown, stream.uniform(50, 1))
    if forced_pull == "cued":
        assert (reward == INVALID_REWARD).all() and (state["choice"] == -1).all()
    else:
        assert torch.equal(state["choice"], shown) and (reward >= 0).all()
    assert (state["trial"] == 1).all() and state["forced"].all()


@pytest.mark.parametrize("invalid_response", ["abort", "repeat"])
def test_invalid_responses_cost_one(invalid_response):
    task, stream = Config(invalid_response=invalid_response).task(), RandomStreams([0], "test")
    state, _ = task.reset(stream.uniform(3, task.reset_noise))
    side, centre = torch.zeros(1, 3, dtype=torch.int64), torch.full((1, 3), CENTRE)
    after, _, reward = task.step(state, side, stream.uniform(3, 1))
    assert (reward == INVALID_REWARD).all() and (after["trial"] == (invalid_response == "abort")).all()
    state, _, reward = task.step(state, centre, stream.uniform(3, 1))
    assert not reward.any() and (state["period"] == CHOICE).all()
    after, _, reward = task.step(state, centre, stream.uniform(3, 1))
    assert (reward == INVALID_REWARD).all()
    assert (after["period"] == (CHOICE if invalid_response == "repeat" else 0)).all()


@pytest.mark.parametrize("manipulation", MANIPULATIONS, ids=lambda m: m.name)
def test_manipulation_changes_the_error_after_its_outcome_alone(manipulation):
    change = shift(manipulation.event, manipulation.size)
    outcomes = {"start": (0, -1), "fixation": (0, CENTRE), "invalid": (-1, 0)}
    outcomes |= {"risky win": (SETTINGS["risky_reward"], 1), "safe": (SETTINGS["safe_reward"], 0), "risky loss": (0, 0)}
    for outcome, (reward, action) in outcomes.items():
        changed = change(torch.tensor(0.5), torch.tensor(float(reward)), torch.tensor(action))
        assert changed == 0.5 + manipulation.size * (outcome == manipulation.event), outcome


def test_manipulation_of_size_zero_equals_control_trial_by_trial(agent):
    control = played(agent)
    for manipulation in MANIPULATIONS:
        for kind in (NetworkAgent, record.FreePullsAgent):
            same = played(record.manipulated(agent, shift(manipulation.event, 0.0), kind))
            pd.testing.assert_frame_equal(control, same)


def test_manipulation_reaches_the_actor_alone_and_leaves_weights_to_the_bit(agent):
    before = record.digests(agent, SEEDS)
    control = played(agent)
    for manipulation in MANIPULATIONS:
        changed = record.manipulated(agent, shift(manipulation.event, manipulation.size))
        assert not control["choice"].equals(played(changed)["choice"]), "nothing reached the actor"
        assert record.digests(changed, SEEDS) == before
    network, zeros = agent.network, torch.zeros(2, 1, dtype=torch.int64)
    moment = NetworkInput(one_hot(zeros, 4), torch.full((2, 1), SETTINGS["risky_reward"]), zeros)
    told = (agent.parameters, agent.reset(2, 1), moment, agent.discount)
    own, other = network.step(*told), network.step(*told, shift("risky win", -4.0))
    assert torch.equal(own.value, other.value) and torch.equal(own.memory["critic_cell"], other.memory["critic_cell"])
    assert not torch.equal(own.logits, other.logits)


def test_digest_sees_a_single_bit(agent):
    flat = agent.network.flatten(agent.parameters)
    before = record.digests(agent, SEEDS)
    flat[1, 7] = torch.nextafter(flat[1, 7], torch.tensor(9.0))
    after = record.digests(NetworkAgent(agent.network, agent.network.views(flat), agent.discount, agent.reward_scale), SEEDS)
    assert after[0] == before[0] and after[1] != before[1]


def test_free_pulls_alone_leave_forced_trials_and_the_first_free_pull_as_in_control(agent):
    control = played(agent)
    manipulated = played(record.manipulated(agent, shift("safe", -3.0), record.FreePullsAgent))
    early = control["trial"] <= SETTINGS["forced_trials"]
    pd.testing.assert_frame_equal(control[early], manipulated[early])
    assert not control["choice"].equals(manipulated["choice"])


@pytest.fixture(scope="module")
def learned():
    """The learner under control and every manipulation of Fig. 7."""
    parts = []
    for treatment in NAMED:
        trials = played(Chooser(shift(treatment.event, treatment.size), treatment.pulls), episodes=400)
        parts.append(Recording(trials.assign(**dataclasses.asdict(treatment), weights_changed=False)))
    return dataclasses.replace(join(parts), settings={MAIN: SETTINGS})


@pytest.fixture(scope="module")
def measured(learned):
    return analysis.measure(learned)


def test_learner_shows_every_effect(measured):
    effect = measured["fig7b"].groupby(["pulls", "manipulation", "level"])["difference"].mean()
    assert effect["all", "block risky win", "high"] < -20
    assert min(effect["all", "block safe reward", "low"], effect["all", "stimulate risky loss", "low"]) > 20
    shrunk = effect["free"].abs() < effect["all"].abs()
    assert shrunk["block risky win", "high"] and shrunk["stimulate risky loss", "low"], "forced pulls are no longer manipulated"
    rows = claims.evaluate_claims(CLAIMS, analysis.measures(measured), MAIN, {})
    assert rows.loc[~rows["measure"].str.contains("alone"), "reproduced_verdict"].ne(False).all(), (
        "two seeds are few for free pulls alone"
    )
    published = rows.set_index(["claim", "measure"])["published"]
    assert published["dopamine-block-win", "percent"] == pytest.approx(43.3, abs=0.1)


def test_performance_and_levels_are_those_of_the_settings(learned, measured):
    settings = {MAIN: SETTINGS | {"risky_reward": 40.0, "p_high": 0.8}}
    other = analysis.measure(dataclasses.replace(learned, settings=settings))
    assert set(other["fig7b"].query("p_risky == 0.5")["level"]) == {"high"}
    assert (other["performance"]["normalised_reward"] < measured["performance"]["normalised_reward"]).all()


def test_effect_builds_up_with_manipulated_pulls(learned):
    trials = analysis.with_level(learned)
    course = analysis.against_control(trials.assign(free_pull=trials["trial"] + 1 - SETTINGS["forced_trials"]), "free_pull")
    assert sorted(course["free_pull"].unique()) == list(range(1, SETTINGS["free_trials"] + 1))
    times = analysis.build_up_time(course)
    assert (times.loc[times["final"].abs() >= 5, "pulls_to_half"] >= 1).all()
    assert times.loc[times["final"].abs() < 5, "pulls_to_half"].isna().all()


def test_choice_of_one_arm_alone_is_counted_in_percent():
    trials = pd.DataFrame({"seed": 0, "p_risky": 0.5, "pull": ["forced", "free", "free", "free", "free"]})
    trials["arm"] = ["risky", "none", "risky", "safe", "safe"]
    assert analysis.risky_percent(trials, "p_risky", "seed")["percent"].item() == pytest.approx(100 / 3)


def test_ideal_observer_knows_a_certain_arm_and_explores_an_unknown_one():
    certain = observer.risky_choice((1e-6, 1 - 1e-6), 4, 1, 1, 20)
    assert list(certain.values()) == pytest.approx([0, 1], abs=1e-3)
    assert observer.risky_choice(PROBABILITIES, 4, 1, 0, 1) == dict.fromkeys(PROBABILITIES, 1.0)
    shares = observer.risky_choice(PROBABILITIES, 4, 1, 5, 20)
    assert shares[0.5] > 0.9 > 0.2 > shares[0.125]


def test_task_without_forced_trials_is_free_from_the_start():
    trials = played(Chooser(), Config(forced_trials=0).task())
    assert (trials["pull"] == "free").all() and trials["trial"].max() == SETTINGS["free_trials"] - 1
