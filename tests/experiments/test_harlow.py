"""Harlow's learning sets: task, images, training that resumes, and the analysis on agents with
known behaviour."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from prefrontal.errors import UserError
from prefrontal.networks.cores import LSTM
from prefrontal.networks.encoders import Convolutions
from prefrontal.networks.network import Network, initial_parameters
from prefrontal.networks.play import play
from prefrontal.publishing import claims
from prefrontal.tables import schema
from prefrontal.task import RandomStreams
from prefrontal.training import checkpoints
from prefrontal.training.batch import NetworkBatch
from replications.harlow import analysis, images, normalisation, train
from replications.harlow.claims import CLAIMS
from replications.harlow.experiment import EXPERIMENT
from replications.harlow.settings import (
    AS_TRAINED,
    CEILING,
    CONTROL,
    MAIN,
    SETTINGS,
    VARIANTS,
    Harlow,
)
from replications.harlow.task import (
    CHOICE,
    ECCENTRICITY,
    FIXATION,
    INTERVAL,
    LEFT,
    NONE,
    RIGHT,
    HarlowTask,
)

SMALL = SETTINGS.vary(
    {
        "network.units": 16,
        "training.episodes_per_update": 4,
        "training.unroll": 5,
        "task.longest": 400,
        "task.view_size": 42,
    }
)


def symbols(**settings) -> HarlowTask:
    return Harlow(view="symbols", **settings).build()


def reset(task, episodes=4, seed=0):
    return task.reset(RandomStreams([seed], "test").uniform(episodes, task.reset_noise))


def noise(task, episodes=4, seed=1):
    return RandomStreams([seed], "test").uniform(episodes, task.step_noise)


def run_action(task, state, action, times=1):
    total = torch.zeros_like(state["heading"])
    for k in range(times):
        state, observation, reward = task.step(
            state, torch.full_like(state["trial"], action), noise(task, state["trial"].shape[1], k)
        )
        total += reward
    return state, observation, total


def test_fixation_pays_and_brings_the_images():
    task = symbols()
    state, _ = reset(task)
    state, _, reward = run_action(task, state, NONE)
    assert (state["period"] == CHOICE).all() and reward.allclose(torch.tensor(0.2))


def test_no_fixation_beyond_its_tolerance():
    task = symbols()
    state, _ = reset(task)
    state["heading"] += 3.6
    state, _, reward = run_action(task, state, NONE, 3)
    assert (state["period"] == FIXATION).all() and (reward == 0).all()


def test_turning_to_an_image_chooses_it_and_pays():
    task = symbols()
    state, _ = reset(task, 64)
    state, _, _ = run_action(task, state, NONE)
    state, _, reward = run_action(task, state, RIGHT, 3)
    rewarded_right = state["rewarded_side"] == RIGHT
    assert 0 < rewarded_right.float().mean() < 1
    assert (state["period"] == INTERVAL).all() and (state["trial"] == 1).all()
    assert torch.equal(reward, torch.where(rewarded_right, 1.0, -1.0))
    assert torch.equal(task.trial_columns(state)["correct"], rewarded_right)


def test_one_action_turns_by_about_the_stated_angle():
    task = symbols()
    state, _ = reset(task)
    state["period"] += INTERVAL
    state["wait"] += 100
    state, _, _ = run_action(task, state, LEFT)
    state, _, _ = run_action(task, state, NONE, 4)
    assert state["heading"].allclose(torch.tensor(-4.4), atol=1e-2)


def test_intervals_of_ten_steps_and_episodes_of_six_trials():
    task = symbols(repeat=1)
    state, _ = reset(task)
    state["period"] += CHOICE
    state["heading"] += ECCENTRICITY
    state, _, _ = run_action(task, state, NONE)
    assert (state["trial"] == 1).all()
    state, _, _ = run_action(task, state, NONE, 9)
    assert (state["period"] == INTERVAL).all()
    state, _, _ = run_action(task, state, NONE)
    assert (state["period"] == FIXATION).all()
    state["trial"] += 4
    state["period"] = torch.full_like(state["period"], CHOICE)
    state, _, _ = run_action(task, state, NONE)
    assert state["done"].all()


@pytest.mark.parametrize("new_wrong_image", [False, True])
def test_the_rewarded_image_stays_and_sides_change(new_wrong_image):
    task = symbols(new_wrong_image=new_wrong_image)
    state, _ = reset(task, 200)
    first, wrong = state["rewarded_image"], state["wrong_image"]
    assert (first != wrong).all()
    state["trial"] += 1
    state, _, _ = run_action(task, state, NONE)
    assert torch.equal(state["rewarded_image"], first)
    assert torch.equal(state["wrong_image"], wrong) != new_wrong_image
    assert (state["wrong_image"] != first).all()


def test_views_show_the_cross_and_each_image_on_its_side():
    task = Harlow().build()
    bank = images.image_bank("training")
    state, view = reset(task, 1)
    assert view.shape == (1, 1, 84, 84, 3) and view.dtype == torch.uint8
    assert view[0, 0, 42, 42].tolist() == [220, 20, 20]
    state["period"][:] = CHOICE
    view = task.render(state)[0, 0]
    for side, x in ((LEFT, 42 - 17), (RIGHT, 42 + 17)):
        shown = view[x - 17 : x + 17, 25:59]
        assert torch.equal(shown, bank[int(task.image_on(state, side))])
    state["heading"][:] = ECCENTRICITY
    assert torch.equal(
        task.render(state)[0, 0, 25:59, 25:59], bank[int(task.image_on(state, RIGHT))]
    )
    state["heading"][:] = 180
    assert not torch.equal(task.render(state)[0, 0], view)


def test_symbols_show_images_only_where_they_are_in_view():
    task = symbols()
    state, observation = reset(task)
    assert observation.shape[-1] == len(task.observations)
    assert (observation[..., 4:] == 0).all()
    state["period"][:] = CHOICE
    seen = task.observe(state)[..., 4:]
    assert torch.equal(seen[..., :16], task.images[task.image_on(state, LEFT)])
    state["heading"][:] = 150
    assert (task.observe(state)[..., 4:] == 0).all()


def test_no_image_is_in_two_sets_and_none_occurs_twice():
    drawn = (
        torch.cat([images.image_bank("training"), images.image_bank("held out")]).flatten(1).numpy()
    )
    assert drawn.shape == (2000, 34 * 34 * 3)
    assert len(np.unique(drawn, axis=0)) == 2000


def test_folder_of_pictures(tmp_path):
    for k in range(4):
        Image.new("RGB", (50 + k, 40), (60 * k, 0, 0)).save(tmp_path / f"{k}.png")
    settings = Harlow(images=str(tmp_path))
    assert settings.build().images.shape == (2, 34, 34, 3)
    assert settings.build("held out").images[0, 0, 0, 0] == 60
    (tmp_path / "broken.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"broken\.jpg: not a readable PNG or JPEG"):
        reset(settings.build())


@pytest.mark.parametrize("count", [0, 2, 3])
def test_folder_of_too_few_pictures_raises(tmp_path, count):
    """Every other one is held out, and a problem takes two."""
    for k in range(count):
        Image.new("RGB", (50, 40), (60 * k, 0, 0)).save(tmp_path / f"{k}.png")
    with pytest.raises(
        UserError, match=f"{count} pictures .* found; at least 4 are needed, 2 to be held out"
    ):
        reset(Harlow(images=str(tmp_path)).build())


def test_pictures_that_look_the_same_raise(tmp_path):
    for k in range(4):
        Image.new("RGB", (50, 40), (60 * (k % 3), 0, 0)).save(tmp_path / f"{k}.png")
    with pytest.raises(UserError, match=r"3\.png: looks the same as another picture of the folder"):
        reset(Harlow(images=str(tmp_path)).build())


@pytest.mark.parametrize("setting", [{"images": "pictures"}, {"still_episodes": 5}])
def test_settings_of_pixels_are_invalid_for_symbols(setting):
    match = rf"task\.{next(iter(setting))} is .*; it must be .* where task.view is symbols"
    with pytest.raises(UserError, match=match):
        Harlow(view="symbols", **setting)


@pytest.mark.parametrize(
    "changes", [{"task.still_episodes": 1}, {"task.view": "symbols"}, {"network.input": "rpe"}]
)
def test_training_resumes_to_the_same_weights(changes, tmp_path):
    settings = SMALL.vary({"task.trials": 1, **changes})
    through, first, second = (NetworkBatch([settings], compiled=False) for _ in range(3))
    for _ in range(8):
        through.update()
    for _ in range(3):
        first.update()
    path = tmp_path / "checkpoint.safetensors"
    checkpoints.save_checkpoint(first, {}, "code", path)
    checkpoints.resume(second, "code", path)
    for _ in range(5):
        second.update()
    assert through.ended > 0
    assert torch.equal(through.flat, second.flat)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["pixels", "symbols"])
def test_compiled_training_equals_uncompiled(view):
    """Views are composed of images that the task holds, and episodes start inside the unroll."""
    settings, weights = SMALL.vary({"task.view": view, "task.trials": 1}), []
    for compiled in (True, False):
        batch = NetworkBatch([settings], compiled=compiled)
        for _ in range(8):
            batch.update()
        assert batch.ended > 0
        weights.append(batch.flat)
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-4)


def test_initial_encoder_has_unit_variance_on_typical_views():
    batch = NetworkBatch([SMALL])
    views = normalisation.typical_views(SMALL.task.build(as_float=True), SMALL.seed)
    weights = batch.network.views(batch.flat)
    received = torch.nn.functional.conv2d(
        views.permute(0, 3, 1, 2), weights["encoder_0_weight"][0], weights["encoder_0_bias"][0], 4
    )
    assert received.mean((0, 2, 3)).allclose(torch.zeros(16), atol=1e-3)
    assert received.std((0, 2, 3)).allclose(torch.ones(16), atol=1e-2)


def test_normalised_encoders_receive_mean_0_and_variance_1():
    network = Network(Convolutions(36, 7), LSTM(5, learned_initial_state=False), 3)
    p = network.views(initial_parameters(network, [0, 1], torch.ones(2), torch.ones(2)))
    views = torch.rand(200, 36, 36, 3, generator=torch.Generator().manual_seed(0))
    scaled = normalisation.normalise(p, views)
    assert torch.equal(scaled["lstm_weight"], p["lstm_weight"])
    assert not torch.equal(scaled["encoder_0_bias"], p["encoder_0_bias"])
    for n in range(2):
        signal = views.permute(0, 3, 1, 2)
        for layer, stride in (("0", 4), ("2", 2), ("5", None)):
            weight, bias = scaled[f"encoder_{layer}_weight"][n], scaled[f"encoder_{layer}_bias"][n]
            if stride is None:
                received = signal.flatten(1) @ weight.T + bias
            else:
                received = torch.nn.functional.conv2d(signal, weight, bias, stride)
            of_unit = received.transpose(0, 1).flatten(1)
            zeros, deviation = torch.zeros(len(of_unit)), of_unit.std(1)
            torch.testing.assert_close(of_unit.mean(1), zeros, rtol=0, atol=1e-3)
            assert ((deviation - 1).abs() < 1e-3).logical_or(deviation < 1e-3).all()
            signal = received.relu()


class Rightward:
    """Fixates the cross, then turns to the right until it has chosen."""

    def reset(self, seeds, episodes):
        return None

    def step(self, memory, observation, last_reward, last_action):
        at_cross, heading = observation[..., 3] > 0, observation[..., 2]
        fixate = torch.where(heading.abs() < 0.08, NONE, torch.where(heading > 0, LEFT, RIGHT))
        action = torch.where(at_cross, fixate, RIGHT)
        return None, torch.nn.functional.one_hot(action, 3).float(), torch.zeros_like(heading), None


def test_agent_that_always_turns_right_is_at_chance():
    for counts in train.accuracy(Rightward(), symbols(), [0, 1], 400, "test episodes"):
        shares = train.accuracy_by_trial(counts, 6)
        assert list(shares) == [f"trial_{k}" for k in range(1, 7)]
        assert all(abs(share - 0.5) < 0.1 for share in shares.values())
        first = counts[counts["trial"] == 0].set_index("first")
        assert (first.loc["right", "correct"] == first.loc["right", "n"]) and first.loc[
            "wrong", "correct"
        ] == 0


def test_still_view_stays_until_an_image_is_chosen():
    moving, still = Harlow().build(), Harlow().build(still_view=True)
    state, _ = reset(moving, 1)
    state["period"][:] = CHOICE
    ahead = moving.render(state)
    state["heading"][:] = 4.4
    assert torch.equal(still.render(state), ahead) and not torch.equal(moving.render(state), ahead)
    state["period"][:] = INTERVAL
    assert torch.equal(still.render(state), moving.render(state))


def test_learning_rates_of_encoder_and_rest_over_training():
    changes = {
        "training.episodes": 100,
        "training.lr_decay_start": 0.5,
        "training.encoder_rate": 0.25,
    }
    batch = NetworkBatch([SMALL.vary(changes)])
    for episodes, left in ((0, 1), (50, 1), (75, 0.5), (100, 0)):
        batch.ended = episodes
        rates = batch.network.views(batch.rate.expand(batch.flat.shape))
        assert rates["lstm_weight"].allclose(torch.tensor(float(left)))
        assert rates["encoder_0_weight"].allclose(torch.tensor(left / 4))


def test_further_variants_differ_from_all_others():
    trained = [EXPERIMENT.variant(name) for name in EXPERIMENT.variants]
    for name in EXPERIMENT.further_variants:
        assert EXPERIMENT.variant(name) not in trained, name
    assert not set(EXPERIMENT.further_variants) & set(EXPERIMENT.variants)


def final_tests(shares):
    """Learning curves, final tests and costs of eight networks per variant with this accuracy when
    tested as trained."""
    rng = np.random.default_rng(0)
    rows = []
    for variant, share in shares.items():
        own_test = "new wrong image" if variant == CONTROL else "held out"
        for seed in range(8):
            for test in ("held out", "new wrong image"):
                correct = 1000 * np.clip(
                    rng.normal(share if test == own_test else 0.6, 0.004, 6), 0, 1
                )
                keys = {
                    "variant": variant,
                    "subject": seed,
                    "test": test,
                    "as_trained": test == own_test,
                }
                keys |= {"first": "right", "n": 1000}
                rows += [
                    {**keys, "trial": trial, "correct": int(number)}
                    for trial, number in enumerate(correct)
                ]
    tests = pd.DataFrame(rows)
    seeds = tests[["variant", "subject"]].drop_duplicates()
    return (
        seeds.assign(episode=1, updates=1, **{f"trial_{k}": 0.5 for k in range(1, 7)}),
        tests,
        seeds,
    )


def measure(curves, tests, costs):
    """Tables of the analysis."""
    turning = analysis.turning_points(curves)
    return {
        "networks": analysis.outcomes(curves, tests, costs, turning),
        "accuracy_by_stage": analysis.stages(curves, tests, turning),
        "final_tests": analysis.accuracy(tests, "test", "trial"),
    }


def test_network_without_later_trials_has_no_value():
    curves, tests, costs = final_tests(dict.fromkeys(VARIANTS, 0.975))
    alone = (tests["variant"] == MAIN) & (tests["subject"] == 3)
    points = pd.concat(
        [curves.assign(episode=k, updates=k) for k in range(1, 31)], ignore_index=True
    )
    later = [f"trial_{k}" for k in range(2, 7)]
    points.loc[(points["variant"] == MAIN) & (points["subject"] == 3), later] = np.nan
    measured = measure(points, tests[~alone | (tests["trial"] == 0)], costs)
    networks = measured["networks"].set_index(["variant", "subject"])
    assert (
        networks.loc[
            (MAIN, 3), ["accuracy_trials_2_to_6", "at_ceiling", "episodes_to_above_chance"]
        ]
        .isna()
        .all()
    )
    assert (
        networks.drop((MAIN, 3))["at_ceiling"].eq(True).all()
        and networks.loc[(MAIN, 3), "training_episodes"] == 30
    )
    values = (
        analysis.claim_measures(measured)
        .query("variant == @MAIN")
        .pivot(index="measure", columns="subject", values="value")
    )
    without = values.index[values[3].isna()]
    assert {"at ceiling", "rise on trial 2", "trial 2", "trials 2-6, tested as trained"} <= set(
        without
    )
    assert values.drop(columns=3).loc["at ceiling"].eq(1).all() and np.isfinite(
        values.loc["trial 1", 3]
    )
    reached = claims.find(
        claims.evaluate_claims(CLAIMS, analysis.claim_measures(measured), MAIN, {}),
        "harlow-yield",
        "at ceiling",
        MAIN,
    )
    assert reached["n_networks"] == 7 and "1 of 8 without a value" in reached["criterion"]


@pytest.mark.parametrize(("share", "same"), [(0.96, True), (0.94, False), (0.85, False)])
def test_control_is_compared_with_the_main_variant(share, same):
    measured = measure(*final_tests(dict.fromkeys(VARIANTS, 0.975) | {CONTROL: share}))
    evaluated = claims.evaluate_claims(CLAIMS, analysis.claim_measures(measured), MAIN, {})
    difference = claims.find(evaluated, "harlow-control", "trials 2-6, tested as trained")
    reached = claims.find(evaluated, "harlow-yield", "at ceiling", CONTROL)
    assert difference["reproduced_verdict"] == (same and share > CEILING)
    assert difference["reproduced"] == pytest.approx(100 * (share - 0.975), abs=0.5), (
        "networks below ceiling count too"
    )
    assert difference["n_networks"] == 8
    assert reached["reproduced"] == (share > CEILING)


def test_rise_at_end_compares_the_last_two_tenths():
    points = np.arange(60)
    curve = pd.DataFrame(
        {"trial_1": points}
        | {f"trial_{k}": np.where(points < 54, 0.9, 0.9 + 0.01 * k) for k in range(2, 7)}
    )
    assert analysis.rise_at_end(curve) == pytest.approx(0.04), "the first trial does not count"
    assert analysis.rise_at_end(curve.iloc[:54]) == pytest.approx(0)
    assert np.isnan(analysis.rise_at_end(curve.iloc[:9]))


def test_change_points_of_a_curve_from_chance_to_ceiling():
    noise_of_points = np.random.default_rng(0).normal(0, 0.02, 60)
    curve = (
        np.concatenate([np.full(20, 0.5), np.linspace(0.5, 0.95, 15), np.full(25, 0.95)])
        + noise_of_points
    )
    first, second = analysis.change_points(curve)
    assert abs(first - 20) <= 2 and abs(second - 35) <= 2
    assert analysis.change_points(curve[:5]) is None


def test_repeated_tests_replace_those_after_training(tmp_path):
    table = {"test": [*AS_TRAINED.values()], "trial": 1, "first": "right", "correct": 70, "n": 100}
    trained = pd.DataFrame(table)
    curve = pd.DataFrame(columns=list(schema.COLUMNS["learning_curve"]), dtype=float)
    for seed in (0, 3):
        batch = NetworkBatch([EXPERIMENT.variant("symbols").vary({"seed": seed})], compiled=False)
        checkpoints.save_test(batch.shared, "symbols", trained, tmp_path)
        checkpoints.save(batch, "harlow", "symbols", [curve], tmp_path)
    before = analysis.read_networks(tmp_path)[1].set_index("subject")
    repeated = before.loc[[3]].reset_index().assign(correct=1)
    after = analysis.read_networks(tmp_path, repeated)[1].set_index("subject")
    pd.testing.assert_frame_equal(after.loc[[0]], before.loc[[0]])
    assert (before["correct"] == 70).all() and (after.loc[3, "correct"] == 1).all()
    assert after.loc[3, "as_trained"].equals(before.loc[3, "as_trained"])


def test_networks_play_the_same_on_views_in_bytes():
    agent = NetworkBatch([SMALL]).agent
    in_bytes, others = (
        next(play(agent, task, RandomStreams([SMALL.seed], "views"), 2))
        for task in (SMALL.task.build("held out", as_float=k) for k in (False, True))
    )
    assert in_bytes.observation.dtype == torch.uint8 and others.observation.is_floating_point()
    assert torch.allclose(in_bytes.probabilities, others.probabilities, atol=1e-5)
