"""Frozen networks replay the trials of other subjects."""

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.errors import UserError
from prefrontal.experiments import get
from prefrontal.networks.build import agent_of, network_of
from prefrontal.networks.network import initial_parameters
from prefrontal.networks.record import Trained
from prefrontal.tables.schema import EPISODE

TRIAL = [*EPISODE, "trial"]

SHORT = {"task.trials": 12}
MATCHING = {"task.shortest": 8, "task.longest": 12}
INFERRED = {"task.blocks": 3}
REPEAT = {"task.invalid_response": "repeat"}
TASKS = {
    "two_step": SHORT,
    "two_step, 2 steps": SHORT | {"task.steps_per_trial": 2},
    "two_step, repeat": SHORT | REPEAT,
    "two_step, side": SHORT | {"task.stage_2_response": "side"},
    "two_step, rpe": SHORT | {"network.input": "rpe"},
    "two_step, reward and rpe": SHORT | {"network.input": "reward_and_rpe"},
    "daw_two_step": SHORT,
    "daw_two_step, levels": SHORT | {"task.outcomes": "levels"},
    "two_step, attention": SHORT | {"network.core": "attention"},
    "two_step, memory slots": SHORT | {"network.core": "memory_slots"},
    "bandit": SHORT,
    "ingredients": SHORT,
    "ingredients, visible": SHORT | {"task.shows_outcomes": True},
    "inner_algorithm": SHORT,
    "probability_matching": MATCHING,
    "probability_matching, 3 steps": MATCHING | {"task.steps_per_trial": 3},
    "probability_matching, repeat": MATCHING | REPEAT,
    "volatile_bandit": SHORT,
    "weather": {"task.days": 12},
    "inferred_value": INFERRED,
    "inferred_value, repeat": INFERRED | REPEAT,
    "inferred_value, continue": INFERRED | {"task.invalid_response": "continue"},
    "inferred_value, cue": INFERRED | {"task.response": "cue"},
}
"""Experiment and variant -> settings."""


def untrained(experiment, changes=None, networks=3):
    """Networks with large initial weights, whose policies are uneven and often invalid."""
    scales = {"network.units": 6, "network.init_scale": 4.0, "network.output_scale": 4.0}
    settings = get(experiment).settings.vary(scales | (changes or {}))
    batch = [settings.vary({"seed": 5 + k}) for k in range(networks)]
    network = network_of(settings, settings.task.build())
    scale = torch.full((networks,), 4.0)
    flat = initial_parameters(network, [each.seed for each in batch], scale, scale)
    return Trained("untrained", batch, agent_of(network, flat, batch))


def assert_equal(predicted, recorded, columns):
    merged = predicted.merge(recorded, on=[*TRIAL, "period"], suffixes=("", "_recorded"))
    assert len(merged) == len(recorded)
    for column in columns:
        np.testing.assert_array_equal(merged[column], merged[f"{column}_recorded"], column)


@pytest.mark.parametrize("name", TASKS)
def test_own_trials_give_the_recorded_policies(name):
    """Values, policies, errors and activity at every time step, missed trials included."""
    networks = untrained(name.split(",")[0], TASKS[name])
    periods = networks.task.periods
    recorded = networks.record(6, activity_periods=periods)
    if "centre" in networks.task.actions and "repeat" not in name:
        assert (recorded.trials["choice"] < 0).any()
    shuffled = recorded.trials.sample(frac=1, random_state=0)
    predicted = networks.predict(shuffled, steps=recorded.steps, periods=periods)
    assert len(predicted) == 3 * len(recorded.trials) * len(periods)
    own = predicted[predicted["network"] == predicted["subject"]]
    steps = recorded.steps.merge(recorded.trials[TRIAL])  # without unfinished last trials
    steps = steps.drop_duplicates([*TRIAL, "period"], keep="last")  # of repeated ones
    policy = [f"p_{action}" for action in networks.task.actions]
    assert_equal(own, steps, ["value", *policy])
    followed = steps[steps.groupby(EPISODE, observed=True).cumcount(ascending=False) > 0]
    assert_equal(own, followed, ["rpe"])
    units = [f"unit_{k:02d}" for k in range(6)]
    activity = recorded.activity.merge(steps[[*TRIAL, "period", "step"]])
    assert_equal(own, activity, units)
    others = predicted[predicted["network"] != predicted["subject"]]
    assert (others["value"].dropna().nunique()) > 10, "networks differ on the same trials"
    assert predicted.columns[:8].tolist() == ["network", *TRIAL, "choice", "reward", "period"]


def two_step_trials(choices, seed=0, episode=0, variant="rats"):
    """Trials with these choices: left leads to S1, right to S2, which pays."""
    choice = np.array(choices)
    return pd.DataFrame(
        {
            "variant": variant,
            "subject": seed,
            "episode": episode,
            "trial": np.arange(len(choice)),
            "choice": choice,
            "reward": np.where(choice == 1, 1.0, 0.0),
            "outcome_state": np.select([choice == 0, choice == 1], ["S1", "S2"], "none"),
        }
    )


def test_unrecorded_actions_are_the_likeliest_legal_ones():
    """A missed choice is a press of the centre at stage 1, which costs 1 and ends the trial."""
    networks, trials = untrained("two_step", networks=1), two_step_trials([0, -1, 1, -1, -1, 0])
    periods = ("fixation", "stage 1", "stage 2")
    predicted = networks.predict(trials, periods=periods).set_index(["trial", "period"])
    assert predicted["value"].isna().sum() == 3, "stage 2 of the missed trials"
    rows = []
    for trial, choice in enumerate(trials["choice"]):
        stage_1 = (2, -1.0) if choice < 0 else (choice, 0.0)
        rows += [(trial, "fixation", 2, 0.0), (trial, "stage 1", *stage_1)]
        if choice >= 0:
            policy = predicted.loc[(trial, "stage 2"), ["p_left", "p_right", "p_centre"]]
            rows.append((trial, "stage 2", policy.to_numpy(float).argmax(), float(choice == 1)))
    steps = pd.DataFrame(rows, columns=["trial", "period", "action", "reward"])
    keys = {"variant": "rats", "subject": 0, "episode": 0, "step": range(len(rows))}
    steps = steps.assign(**keys, value=0.0, rpe=0.0)
    expected = networks.predict(trials, steps=steps, periods=periods)
    pd.testing.assert_frame_equal(predicted.reset_index()[expected.columns], expected)


def test_repeated_steps_follow_a_missed_choice():
    networks = untrained("two_step", {"task.invalid_response": "repeat"}, networks=1)
    predicted = networks.predict(two_step_trials([0, -1, 1, 0]), periods=("fixation", "stage 1"))
    happened = predicted["value"].notna().to_numpy().reshape(-1, 2)
    assert happened.tolist() == [[True, True], [True, True], [False, True], [True, True]]


@pytest.mark.parametrize("core", ["lstm", "attention", "memory_slots", "feedforward"])
def test_missed_trials_are_left_out_of_bandits(core):
    # So long an episode that the networks do not see which trial of it this is.
    networks = untrained("bandit", {"task.trials": 10_000_000, "network.core": core})
    choice = np.random.default_rng(0).integers(-1, 2, 20)
    keys = {"variant": "mice", "subject": 0, "episode": 0, "trial": np.arange(20)}
    trials = pd.DataFrame(keys | {"choice": choice, "reward": 1.0 * (choice == 1)})
    made = trials["choice"] >= 0
    counted = trials[made].assign(trial=np.arange(made.sum()))
    predicted, without = networks.predict(trials), networks.predict(counted)
    kept = predicted[predicted["choice"] >= 0].reset_index(drop=True)
    columns = [name for name in without.columns if name not in ("rpe", "trial")]
    pd.testing.assert_frame_equal(kept[columns], without[columns], rtol=0, atol=1e-4)
    assert predicted["rpe"].isna().equals(predicted["choice"] < 0), "nothing followed"
    assert predicted["p_left"].notna().all()


def test_subjects_and_sessions_of_any_length_do_not_mix():
    networks = untrained("two_step")
    rng = np.random.default_rng(0)
    rats = {(0, 0, "rats"): 20, (0, 1, "rats"): 3, (7, 0, "rats"): 1, (7, 4, "rats"): 33}
    sessions = [
        two_step_trials(rng.integers(-1, 2, length), *session)
        for session, length in (rats | {(7, 4, "mice"): 9}).items()
    ]
    together = networks.predict(pd.concat(sessions))
    alone = pd.concat([networks.predict(session) for session in sessions])
    alone = alone.sort_values("network", kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(
        together.astype({"variant": str}), alone.astype({"variant": str}), rtol=1e-6
    )


def test_missed_rewards_may_be_absent():
    networks, trials = untrained("two_step"), two_step_trials([0, -1, 1, -1])
    absent = trials.assign(reward=trials["reward"].where(trials["choice"] >= 0))
    expected, predicted = networks.predict(trials), networks.predict(absent)
    pd.testing.assert_frame_equal(predicted, expected.assign(reward=predicted["reward"]))


def test_activity_is_left_out_on_request():
    predicted = untrained("two_step").predict(two_step_trials([0, 1]), activity=False)
    assert not [name for name in predicted.columns if name.startswith("unit_")]
    assert predicted["network"].tolist() == [5, 5, 6, 6, 7, 7]


def changed(**columns):
    return two_step_trials([0, 1, -1]).assign(**columns)


@pytest.mark.parametrize(
    ("trials", "options", "named"),
    [
        (two_step_trials([0, 1]).drop(columns="reward"), {}, "needs column 'reward'"),
        (two_step_trials([0, 1]).drop(columns="outcome_state"), {}, "needs column 'outcome_state'"),
        (changed(outcome_state="S3"), {}, "outcome_state is 'S3'; it must be one of S1, S2"),
        (changed(outcome_state="none"), {}, "outcome_state is 'none'; it must be one of S1, S2"),
        (changed(reward=[0, 57.0, 0]), {}, r"reward is 57.0; it must be one of -1, 0, 1"),
        (changed(reward=np.nan), {}, "reward is nan"),
        (changed(choice=2, outcome_state="S1"), {}, "choice is 2; it must be one of -1, 0, 1"),
        (changed(choice=0.5), {}, "choice is 0.5; it must be a whole number"),
        (changed(choice="left"), {}, "column 'choice' of a trials table"),
        (changed(trial=0), {}, "a trial occurs twice"),
        (changed(trial=[0, 1, 3]), {}, "trial 3 of episode 0 does not follow the one before"),
        (changed(reward=[0, 1, 1]), {}, r"reward of a missed trial \(choice -1\) is 1"),
        ([1, 2], {}, r"trials is \[1, 2\]; it must be a table"),
        (two_step_trials([0, 1]), {"steps": [1]}, r"steps is \[1\]; it must be a table"),
        (two_step_trials([0, 1]), {"periods": "choice"}, "periods is 'choice'; it must be a list"),
        (two_step_trials([]), {}, "trials is 'empty'"),
        (two_step_trials([0, 1]), {"periods": ["choice"]}, "of fixation, stage 1, stage 2"),
        (
            two_step_trials([0, 1]),
            {"steps": pd.DataFrame({"subject": [1]})},
            "steps table needs column",
        ),
    ],
)
def test_tables_of_another_kind_give_one_line(trials, options, named):
    with pytest.raises(UserError, match=named) as error:
        untrained("two_step").predict(trials, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("experiment", "named"),
    [
        ("volatile_bandit", "needs column 'magnitude_left', a number"),
        ("weather", "needs column 'rain', one of 0, 1"),
        ("inferred_value", "needs column 'cue', one of left, right"),
        ("dopamine_manipulation", "needs column 'pull', one of forced, free"),
        ("bandit", "reward is 57.0; it must be one of 0, 1"),
        ("probability_matching", "reward is 57.0; it must be one of 0, 1"),
        ("two_step", "reward is 57.0; it must be one of -1, 0, 1"),
    ],
)
def test_trials_of_another_experiment_give_one_line(experiment, named):
    trials = two_step_trials([0, 1, 1]).assign(reward=[1.0, 57.0, 0.0])
    with pytest.raises(UserError, match=named) as error:
        untrained(experiment).predict(trials)
    assert "\n" not in str(error.value)


def test_steps_of_other_trials_give_one_line():
    networks = untrained("two_step", {"task.trials": 4})
    recorded = networks.record(2)
    fewer = recorded.steps[recorded.steps["episode"] == 0]
    with pytest.raises(UserError, match="steps: missing for"):
        networks.predict(recorded.trials, steps=fewer)
    with pytest.raises(UserError, match="a time step occurs twice"):
        networks.predict(recorded.trials, steps=pd.concat([recorded.steps, recorded.steps]))


def test_tasks_without_replay_say_so():
    networks = untrained("harlow", {"task.view": "symbols"})
    with pytest.raises(UserError, match="HarlowTask cannot be replayed"):
        networks.predict(two_step_trials([0, 1]))


def test_words_and_categories_are_read_alike():
    networks, trials = untrained("two_step"), two_step_trials([0, 1, -1])
    categories = trials.astype({"variant": "category", "outcome_state": "category"})
    pd.testing.assert_frame_equal(networks.predict(trials), networks.predict(categories))
