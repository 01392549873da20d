"""Harlow's learning sets: the world, the images, the learner that resumes, and the analysis on agents whose answer is known."""

import numpy as np
import pandas as pd
import pytest
import torch

from prefrontal.errors import UserError
from prefrontal.task import NoiseStream
from replications.harlow import analysis, images, train, variations
from replications.harlow.learning import Learner
from replications.harlow.task import CHOICE, ECCENTRICITY, FIXATION, INTERVAL, LEFT, NONE, RIGHT, HarlowTask

SMALL = {"view_size": 42, "units": 16, "episodes_per_update": 4, "unroll": 5, "longest": 400}


def begin(task, episodes=4, seed=0):
    return task.begin(NoiseStream([seed], "test").uniform(episodes, task.begin_noise))


def noise(task, episodes=4, seed=1):
    return NoiseStream([seed], "test").uniform(episodes, task.step_noise)


def run_action(task, state, action, times=1):
    total = torch.zeros_like(state["heading"])
    for k in range(times):
        state, observation, reward = task.step(
            state, torch.full_like(state["trial"], action), noise(task, state["trial"].shape[1], k)
        )
        total += reward
    return state, observation, total


def test_fixation_pays_and_brings_the_images():
    task = HarlowTask()
    state, _ = begin(task)
    state, _, reward = run_action(task, state, NONE)
    assert (state["period"] == CHOICE).all() and reward.allclose(torch.tensor(0.2))


def test_no_fixation_beyond_its_tolerance():
    task = HarlowTask()
    state, _ = begin(task)
    state["heading"] += 3.6
    state, _, reward = run_action(task, state, NONE, 3)
    assert (state["period"] == FIXATION).all() and (reward == 0).all()


def test_turning_towards_an_image_chooses_it_and_pays_by_its_side():
    task = HarlowTask()
    state, _ = begin(task, 64)
    state, _, _ = run_action(task, state, NONE)
    state, _, reward = run_action(task, state, RIGHT, 3)
    rewarded_right = state["rewarded_side"] == RIGHT
    assert 0 < rewarded_right.float().mean() < 1
    assert (state["period"] == INTERVAL).all() and (state["trial"] == 1).all()
    assert torch.equal(reward, torch.where(rewarded_right, 1.0, -1.0))
    assert torch.equal(task.trial_columns(state)["correct"], rewarded_right)


def test_one_action_turns_by_about_the_stated_angle():
    task = HarlowTask()
    state, _ = begin(task)
    state["period"] += INTERVAL
    state["wait"] += 100
    state, _, _ = run_action(task, state, LEFT)
    state, _, _ = run_action(task, state, NONE, 4)
    assert state["heading"].allclose(torch.tensor(-4.4), atol=1e-2)


def test_interval_lasts_ten_steps_and_episodes_end_after_six_trials():
    task = HarlowTask(repeat=1)
    state, _ = begin(task)
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
    assert state["over"].all()


@pytest.mark.parametrize("new_wrong_image", [False, True])
def test_the_rewarded_image_stays_and_sides_change(new_wrong_image):
    task = HarlowTask(new_wrong_image=new_wrong_image)
    state, _ = begin(task, 200)
    first, wrong = state["rewarded_image"], state["wrong_image"]
    assert (first != wrong).all()
    state["trial"] += 1
    state, _, _ = run_action(task, state, NONE)
    assert torch.equal(state["rewarded_image"], first)
    assert torch.equal(state["wrong_image"], wrong) != new_wrong_image
    assert (state["wrong_image"] != first).all()


def test_views_show_the_cross_and_each_image_on_its_side():
    bank = images.image_bank("training")
    task = HarlowTask(images=bank)
    state, view = begin(task, 1)
    assert view.shape == (1, 1, 84, 84, 3) and view.dtype == torch.uint8
    assert view[0, 0, 42, 42].tolist() == [220, 20, 20]
    state["period"][:] = CHOICE
    view = task.render(state)[0, 0]
    for side, x in ((LEFT, 42 - 17), (RIGHT, 42 + 17)):
        shown = view[x - 17 : x + 17, 25:59]
        assert torch.equal(shown, bank[int(task.image_on(state, side))])
    state["heading"][:] = ECCENTRICITY
    assert torch.equal(task.render(state)[0, 0, 25:59, 25:59], bank[int(task.image_on(state, RIGHT))])
    state["heading"][:] = 180
    assert not torch.equal(task.render(state)[0, 0], view)


def test_symbols_show_images_only_where_they_are_in_view():
    task = HarlowTask()
    state, observation = begin(task)
    assert observation.shape[-1] == len(task.observations)
    assert (observation[..., 4:] == 0).all()
    state["period"][:] = CHOICE
    seen = task.observe(state)[..., 4:]
    assert torch.equal(seen[..., :16], task.codes[task.image_on(state, LEFT)])
    state["heading"][:] = 150
    assert (task.observe(state)[..., 4:] == 0).all()


def test_no_image_is_in_two_sets_and_none_occurs_twice():
    drawn = torch.cat([images.image_bank("training"), images.image_bank("held out")]).flatten(1).numpy()
    assert drawn.shape == (2000, 34 * 34 * 3)
    assert len(np.unique(drawn, axis=0)) == 2000


def test_folder_of_pictures(tmp_path):
    from PIL import Image

    for k in range(4):
        Image.new("RGB", (50 + k, 40), (60 * k, 0, 0)).save(tmp_path / f"{k}.png")
    config = train.Config(images=str(tmp_path))
    assert config.task().images.shape == (2, 34, 34, 3)
    assert config.task("held out").images[0, 0, 0, 0] == 60
    (tmp_path / "broken.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"broken\.jpg: not a readable PNG or JPEG"):
        config.task()


def test_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match="0 pictures"):
        train.Config(images=str(tmp_path)).task()


def test_a_setting_that_is_not_offered_is_refused():
    with pytest.raises(UserError, match="init_scale"):
        train.Config(init_scale=2)


@pytest.mark.parametrize("view", ["pixels", "symbols"])
def test_training_resumes_to_the_same_weights(view, tmp_path):
    config = train.Config(view=view, **SMALL)
    task = config.task(pixels=config.precision)
    through = Learner(config, task)
    for _ in range(3):
        through.update()
    first = Learner(config, task)
    first.update()
    path = tmp_path / "checkpoint.safetensors"
    train.save_checkpoint(first, train.Progress(), path)
    second = Learner(config, task)
    train.resume(second, train.Progress(), path)
    second.update()
    second.update()
    for name, tensor in through.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


def test_accuracy_of_an_agent_that_turns_right_is_chance_on_every_trial():
    class Rightward(torch.nn.Module):
        def begin(self, episodes):
            return torch.zeros(episodes, 1), torch.zeros(episodes, 1)

        def forward(self, memory, observation, reward, action):
            at_cross, heading = observation[:, 3] > 0, observation[:, 2]
            logits = torch.full((len(observation), 3), -1e9)
            choice = torch.where(at_cross, torch.where(heading.abs() < 0.08, NONE, torch.where(heading > 0, LEFT, RIGHT)), RIGHT)
            return memory, logits.scatter(1, choice[:, None], 0.0), torch.zeros(len(observation))

    counts = train.accuracy(Rightward(), HarlowTask(), 0, 400, "test episodes")
    shares = train.by_trial(counts, 6)
    assert list(shares) == [f"trial_{k}" for k in range(1, 7)]
    assert all(abs(share - 0.5) < 0.1 for share in shares.values())
    first = counts[counts["trial"] == 0].set_index("first")
    assert (first.loc["right", "correct"] == first.loc["right", "n"]) and first.loc["wrong", "correct"] == 0


def test_still_view_stays_until_an_image_is_chosen():
    bank = images.image_bank("training")
    moving, still = HarlowTask(images=bank), HarlowTask(images=bank, still_view=True)
    state, _ = begin(moving, 1)
    state["period"][:] = CHOICE
    ahead = moving.render(state)
    state["heading"][:] = 4.4
    assert torch.equal(still.render(state), ahead) and not torch.equal(moving.render(state), ahead)
    state["period"][:] = INTERVAL
    assert torch.equal(still.render(state), moving.render(state))


def test_learning_rate_is_constant_then_falls_to_zero():
    config = train.Config(view="symbols", episodes=100, constant_rate=0.5, **SMALL)
    learner = Learner(config, config.task())
    for episodes, left in ((0, 1), (50, 1), (75, 0.5), (100, 0)):
        learner.episodes = episodes
        assert learner.rate_left == pytest.approx(left)


def test_every_variation_differs_from_the_networks_it_varies():
    settled = [train.Config(**variant) for variant in train.VARIANTS]
    for name, settings in variations.VARIATIONS.items():
        config = train.Config(**settings)
        assert config not in settled, name
        assert config.new_wrong_image == name.endswith(analysis.CONTROL), name


def test_an_unknown_variation_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"names.*unroll_50.*one of view_84"):
        variations.main(["--names", "unroll_50", "--data", str(tmp_path)])


def test_a_variation_of_no_networks_is_refused(tmp_path):
    with pytest.raises(UserError, match="seeds"):
        variations.main(["--seeds", "0", "--data", str(tmp_path)])


@pytest.mark.parametrize(("accuracy", "same"), [(0.96, True), (0.94, False), (0.85, False)])
def test_control_is_compared_with_the_original(accuracy, same):
    rng = np.random.default_rng(0)
    rows = []
    for condition, mean in (("pixels", 0.975), ("pixels_new_wrong_image", accuracy)):
        for seed in range(8):
            for test, share in (("held out", mean), ("new wrong image", mean if "new" in condition else 0.6)):
                correct = 1000 * np.clip(rng.normal(share, 0.004, 6), 0, 1)
                keys = {"condition": condition, "seed": seed, "test": test, "first": "right", "n": 1000}
                rows += [{**keys, "trial": trial, "correct": int(number)} for trial, number in enumerate(correct)]
    tests = pd.DataFrame(rows)
    seeds = tests[["condition", "seed"]].drop_duplicates()
    curves = seeds.assign(episode=1, trial_1=0.5, trial_2=0.5, updates=1)
    networks = analysis.outcomes(curves, analysis.final_accuracy(tests), seeds)
    difference, reached = analysis.settle_control("pixels", networks)
    assert difference["reproduced_verdict"] == (same and accuracy > analysis.CEILING)
    if accuracy > analysis.CEILING:
        assert difference["reproduced"] == pytest.approx(100 * (accuracy - 0.975), abs=0.5)
    assert reached["reproduced"] == (accuracy > analysis.CEILING)


def test_change_points_of_a_curve_that_leaves_chance_and_nears_ceiling():
    noise_of_points = np.random.default_rng(0).normal(0, 0.02, 60)
    curve = np.concatenate([np.full(20, 0.5), np.linspace(0.5, 0.95, 15), np.full(25, 0.95)]) + noise_of_points
    first, second = analysis.change_points(curve)
    assert abs(first - 20) <= 2 and abs(second - 35) <= 2
    assert analysis.change_points(curve[:5]) is None
