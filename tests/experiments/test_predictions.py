"""Predictions: silencing the value in networks with known answers, indices, slopes by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.models.two_step_learners import REPLAYED, ModelFree, Planner, TwoStep
from prefrontal.networks.build import network_of
from prefrontal.networks.network import NetworkAgent, initial_parameters
from prefrontal.networks.play import History
from prefrontal.networks.record import record as record_agent
from prefrontal.tables.recording import Recording, join
from replications.predictions import analysis, record
from replications.predictions.claims import CLAIMS
from replications.predictions.settings import (
    BOTH,
    INTACT,
    MEASURES,
    OUTCOMES,
    PERTURBATION,
    RECEIVES,
    SEES,
    SETTINGS,
    SILENCED,
    STRENGTHS,
    VARIANTS,
)

SEEDS, SMALL = [0, 1], SETTINGS.vary({"task.trials": 20, "network.units": 16})
TASK, PROBABILITIES = SMALL.task.build(), SETTINGS.task.probabilities
SHARED, SEPARATE = (
    network_of(SMALL.vary({"network.input": seen}), TASK) for seen in ("reward", "rpe")
)


def untrained(network) -> NetworkAgent:
    """Networks with strong weights, so that they respond to what they receive."""
    flat = initial_parameters(network, SEEDS, torch.full((2,), 4.0), torch.full((2,), 8.0))
    discount = torch.full((2,), SMALL.training.discount)
    return NetworkAgent(network, network.views(flat), discount, torch.ones(2))


def played(agent, periods=(), **columns) -> Recording:
    options = {"discount": 0.9, "columns": columns, "activity_periods": periods}
    return record_agent(agent, TASK, SEEDS, INTACT, 10, **options)


def test_silencing_changes_errors_and_not_choices():
    agent = untrained(SHARED)
    intact = played(agent)
    means = record.mean_values(intact.steps, "by period")
    silenced = played(record.SilencedAgent(agent, means))
    pd.testing.assert_frame_equal(silenced.trials, intact.trials)
    means = intact.steps.groupby(["subject", "period"], observed=True)["value"].mean()
    after = silenced.steps.groupby(["subject", "period"], observed=True)["value"].agg(
        ["min", "max"]
    )
    np.testing.assert_allclose(after, np.stack([means, means], axis=1), rtol=1e-5)
    last = silenced.steps["step"].max()  # which no value follows
    steps = silenced.steps[silenced.steps["step"] < last]
    unpaid = steps[(steps["period"] == "fixation") & (steps["reward"] == 0)]
    assert np.ptp(unpaid[unpaid["subject"] == 0]["rpe"]) < 1e-5 < np.ptp(intact.steps["rpe"])
    throughout = record.mean_values(intact.steps, "throughout")
    assert (throughout == throughout[:, :1]).all()


def test_an_actor_without_a_critic_receives_the_reward():
    """If all values are zero, the error is the reward: the actor alone, given it, acts alike."""
    agent = untrained(SEPARATE)
    silenced = played(record.SilencedAgent(agent, torch.zeros(2, len(TASK.observations))))
    value = {
        "value_weight": torch.zeros(2, SMALL.network.units, 1),
        "value_bias": torch.zeros(2, 1),
    }
    parameters = {name: (agent.parameters | value)[name] for name in SHARED.shapes}
    actor = NetworkAgent(SHARED, parameters, agent.discount, agent.reward_scale)
    pd.testing.assert_frame_equal(silenced.trials, played(actor).trials)
    assert not silenced.trials["choice"].equals(played(agent).trials["choice"])


class Forced(NetworkAgent):
    """Networks that receive another reward, or error, than they would at one time step."""

    def __init__(self, agent, at, shift, paid) -> None:
        super().__init__(agent.network, agent.parameters, agent.discount, agent.reward_scale)
        self.now, self.at, self.shift, self.paid = -1, at, shift, paid

    def step(self, memory, observation, last_reward, last_action):
        self.now += 1
        if self.now == self.at and self.paid is not None:
            last_reward = torch.full_like(last_reward, self.paid)
        shift = self.shift * (self.now == self.at)
        self.manipulate = lambda error, *_: error + shift
        return super().step(memory, observation, last_reward, last_action)


@pytest.mark.parametrize("kind", RECEIVES.values())
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_choices_after_another_outcome(kind, outcome):
    """The same as in networks that really receive it, once, in trial 6 of an episode without
    invalid responses."""
    seen = {"reward": "reward", "RPEs": "rpe"}.get(kind, "reward_and_rpe")
    agent = untrained(network_of(SMALL.vary({"network.input": seen}), TASK))
    agent.parameters["policy_weight"][:] *= 0.1
    told, g = played(record.OutcomeAgent(agent), ("stage 1",)), torch.Generator().manual_seed(0)
    assert told.trials.equals(played(agent).trials)
    action = torch.randint(2, (2, 10, TASK.episode_steps), generator=g)
    action[..., ::3] = 2
    forced = History(action, torch.rand(action.shape, generator=g).round() * (action < 2))
    forced.reward[..., 1::3] = 0
    options = {"forced": forced, "activity_periods": ("stage 1",)}
    one = record_agent(record.OutcomeAgent(agent), TASK, SEEDS, INTACT, 10, **options)
    really = Forced(agent, 15, *OUTCOMES[outcome])
    other = record_agent(really, TASK, SEEDS, INTACT, 10, forced=forced)
    steps = other.steps.query("trial == 5 and period == 'stage 1'")
    unit = f"unit_{list(OUTCOMES).index(outcome):02d}"
    found = one.activity.query("trial == 5")[unit]
    np.testing.assert_allclose(found, np.log(steps["p_right"] / steps["p_left"]), atol=1e-4)


def test_effects_of_outcomes_by_hand():
    """Two trials after which right becomes likelier: a repetition after right alone."""
    keys = {"variant": INTACT, "subject": 0, "episode": 0}
    trials = pd.DataFrame(
        {
            **keys,
            "trial": range(4),
            "choice": [1, 0, -1, 1],
            "transition": ["common", "uncommon", "none", "common"],
            "silenced": SILENCED[0],
        }
    )
    activity = pd.DataFrame(
        {**keys, "trial": range(4), "unit_00": [9, 3, 2, 9], "unit_01": [9, 1, 1, 9]}
    ).assign(unit_02=[9, 5, 1, 9], unit_03=[9, 1, 1, 9])
    found = analysis.outcome_effects(Recording(trials, activity=activity)).iloc[0]
    assert found["RPE, common"] == 1 and found["RPE, uncommon"] == -0.5
    assert found["RPE"] == 0.25 and found["reward"] == 2 and found["reward, uncommon"] == 0


@pytest.mark.parametrize(
    ("learner", "plans"),
    [(Planner(**PROBABILITIES), True), (ModelFree(fixed={"learning_rate": 0.5}), False)],
)
def test_indices_tell_the_textbook_models_apart(learner, plans):
    rng = np.random.default_rng(0)
    rule = REPLAYED | {"inverse_temperature": 3.0}
    trials = learner.simulate(TwoStep(200, 100, **PROBABILITIES), rule, rng)
    found = analysis.indices(trials).iloc[0]
    assert (found["planning_index"] > 1) == plans
    assert (found["model_free_index"] > 0.5) == (not plans)
    assert found["reward_per_trial"] == pytest.approx(trials["reward"].mean())
    always_left = analysis.indices(trials.assign(choice=0)).iloc[0]
    assert always_left["planning_index"] == 0


def test_variants_have_a_kind_and_a_strength():
    assert [*PERTURBATION, BOTH] == list(VARIANTS)
    assert len(PERTURBATION) == sum(map(len, STRENGTHS.values()))
    for variant, (kind, rank) in PERTURBATION.items():
        assert VARIANTS[variant] == {f"training.{kind}": STRENGTHS[kind][rank - 1]}


def test_slope_is_the_change_per_step_of_strength():
    """Three seeds: index falls by 2 per step, does not change, has one outlier."""
    indices = {0: [7, 5, 3, 1], 1: [4, 4, 4, 4], 2: [0, 0, 0, 10]}
    columns = ["variant", "subject", "kind", "strength", "planning_index"]
    rows = [
        (variant, seed, kind, rank, values[rank])
        for variant, (kind, rank) in ({INTACT: ("none", 0)} | PERTURBATION).items()
        for seed, values in indices.items()
    ]
    table = pd.DataFrame(rows, columns=columns).assign(silenced=SILENCED[0])
    slopes = analysis.slopes(table).set_index("subject")[list(MEASURES.values())]
    np.testing.assert_allclose(slopes.T, [[-2, 0, 3]] * len(STRENGTHS))
    mildest = table[table["strength"] < 2]
    assert analysis.slopes(mildest)[list(MEASURES.values())].isna().all(axis=None)


def test_every_claim_has_its_measure():
    """Untrained networks stand in for intact ones, silenced or not, and for perturbed ones."""
    agent, parts = untrained(SHARED), []
    for silenced in SILENCED:
        periods = ("stage 1",) if silenced == SILENCED[0] else ()
        playing = record.OutcomeAgent(agent) if periods else agent
        recording = played(playing, periods, silenced=silenced)
        parts.append(dataclasses.replace(recording, settings={INTACT: SMALL}))
    intact = join(parts)
    unsilenced = intact.trials.query("silenced == @SILENCED[0]")
    trials, steps = (
        [frame.assign(variant=variant) for variant in SEES]
        for frame in (intact.trials, intact.steps)
    )
    trials += [unsilenced.assign(variant=variant) for variant in VARIANTS]
    settings = dict.fromkeys(SEES, SMALL)
    activity = [intact.activity.assign(variant=variant) for variant in RECEIVES]
    recording = Recording(
        pd.concat(trials), pd.concat(steps), pd.concat(activity), settings=settings
    )
    measures = analysis.claim_measures(analysis.analyse(recording))
    seeds = measures.groupby(["variant", "claim", "measure"])["subject"].apply(list)
    for claim in CLAIMS:
        assert seeds[claim.variant, claim.claim, claim.measure] == SEEDS
    levels = analysis.reward_levels(SMALL.task).set_index("level")["reward_per_trial"]
    assert levels["chance"] == pytest.approx(0.5)
