from prefrontal.networks import record
from prefrontal.tables import recording

"""Predictions: silencing the value on networks whose answer is known, indices on textbook learners, slopes by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

pass  # moved
from prefrontal.models import two_step
from prefrontal.networks.build import network_of
from prefrontal.networks.network import NetworkAgent, initial_parameters
from replications.predictions import analysis, record
from replications.predictions.train import Config
from replications.predictions.variants import (
    CLAIMS,
    INTERFERENCE,
    MAIN,
    SEES,
    SILENCED,
    STRENGTHS,
    TRAINED,
    WORDS,
)

SEEDS, CONFIG = [0, 1], Config(trials=20, units=16)
TASK = CONFIG.task()
SHARED, APART = (network_of(dataclasses.replace(CONFIG, network_input=seen), TASK) for seen in ("reward", "rpe"))


def untrained(network) -> NetworkAgent:
    """Networks with strong weights, so that they respond to what they receive."""
    flat = initial_parameters(network, SEEDS, torch.full((2,), 4.0), torch.full((2,), 8.0))
    return NetworkAgent(network, network.views(flat), torch.full((2,), CONFIG.discount), torch.ones(2))


def played(agent, **columns) -> recording.Recording:
    return record.record(agent, TASK, SEEDS, MAIN, 10, columns=columns)


def test_silencing_leaves_the_behaviour_of_networks_that_see_reward_and_makes_their_errors_constant():
    agent = untrained(SHARED)
    intact = played(agent)
    silenced = played(record.SilencedAgent(agent, record.mean_values(intact.steps, "by period")))
    pd.testing.assert_frame_equal(silenced.trials, intact.trials)
    means = intact.steps.groupby(["seed", "period"], observed=True)["value"].mean()
    after = silenced.steps.groupby(["seed", "period"], observed=True)["value"].agg(["min", "max"])
    np.testing.assert_allclose(after, np.stack([means, means], axis=1), rtol=1e-5)
    steps = silenced.steps[silenced.steps["step"] < silenced.steps["step"].max()]  # no value follows the last one
    unpaid = steps[(steps["period"] == "fixation") & (steps["reward"] == 0)]
    assert np.ptp(unpaid[unpaid["seed"] == 0]["rpe"]) < 1e-5 < np.ptp(intact.steps["rpe"])
    throughout = record.mean_values(intact.steps, "throughout")
    assert (throughout == throughout[:, :1]).all()


def test_an_actor_whose_critic_says_nothing_receives_the_reward():
    """With all values silenced to zero the error is the reward, so that the actor alone, fed with reward, acts the same."""
    agent = untrained(APART)
    silenced = played(record.SilencedAgent(agent, torch.zeros(2, len(TASK.observations))))
    value = {"value_weight": torch.zeros(2, CONFIG.units, 1), "value_bias": torch.zeros(2, 1)}
    parameters = {name: (agent.parameters | value)[name] for name in SHARED.shapes}
    actor = NetworkAgent(SHARED, parameters, agent.discount, agent.reward_scale)
    pd.testing.assert_frame_equal(silenced.trials, played(actor).trials)
    assert not silenced.trials["choice"].equals(played(agent).trials["choice"]), "the critic's values matter when they are intact"


@pytest.mark.parametrize(("learner", "plans"), [(two_step.Planner(), True), (two_step.ModelFree(learning_rate=0.5), False)])
def test_indices_tell_the_textbook_learners_apart(learner, plans):
    trials = two_step.simulate(learner, 3.0, 200, 100, np.random.default_rng(0))
    found = analysis.indices(trials).iloc[0]
    assert (found["planning_index"] > 1) == plans and (found["model_free_index"] > 0.5) == (not plans)
    assert found["reward_per_trial"] == pytest.approx(trials["reward"].mean())
    always_left = analysis.indices(trials.assign(choice=0)).iloc[0]
    assert always_left["planning_index"] == 0


def test_conditions_name_kind_and_strength_of_what_is_trained():
    assert list(INTERFERENCE) == list(TRAINED) and len(TRAINED) == sum(map(len, STRENGTHS.values()))
    for variant, (kind, rank) in INTERFERENCE.items():
        assert TRAINED[variant] == {kind: STRENGTHS[kind][rank - 1]}


def test_slope_is_the_change_per_step_of_strength():
    """Three seeds: index falls by 2 per step, does not change, has one outlier."""
    indices = {0: [7, 5, 3, 1], 1: [4, 4, 4, 4], 2: [0, 0, 0, 10]}
    ranks = {MAIN: ("none", 0)} | INTERFERENCE
    rows = [
        {"variant": variant, "seed": seed, "kind": kind, "strength": rank, "planning_index": own[rank]}
        for variant, (kind, rank) in ranks.items()
        for seed, own in indices.items()
    ]
    slopes = analysis.slopes(pd.DataFrame(rows).assign(silenced=SILENCED[0])).set_index("seed")
    np.testing.assert_allclose(slopes[list(WORDS.values())].T, [[-2, 0, 3]] * len(STRENGTHS))


def test_every_claim_has_its_quantity():
    """Recorded are intact networks, silenced or not, and one trained under each interference: untrained ones here."""
    agent, parts = untrained(SHARED), []
    for how in SILENCED:
        parts += [dataclasses.replace(played(agent, silenced=how), settings={MAIN: CONFIG.settings()})]
    own = recording.join(parts)
    others = [own.trials.query("silenced == @SILENCED[0]").assign(variant=variant) for variant in TRAINED]
    apart = {name: getattr(own, name).assign(variant="default_rpe") for name in ("trials", "steps")}
    recorded = recording.Recording(
        pd.concat([own.trials, apart["trials"], *others]),
        pd.concat([own.steps, apart["steps"]]),
        settings={variant: CONFIG.settings() for variant in SEES},
    )
    found = analysis.measures(analysis.measure(recorded)).groupby(["variant", "claim", "measure"])["seed"].apply(list)
    for claim in CLAIMS:
        assert found[claim.variant or MAIN, claim.claim, claim.measure] == SEEDS
    assert np.allclose(analysis.reward_levels(CONFIG.settings()).set_index("level")["reward_per_trial"]["chance"], 0.5)
