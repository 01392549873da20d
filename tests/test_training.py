"""Training populations: determinism, independence of company, resuming, sweeps, and learning itself."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from prefrontal import tables, training
from prefrontal.errors import UserError
from prefrontal.paths import ROOT
from prefrontal.training import Population, train
from replications.bandit.train import Config as BanditConfig
from replications.two_step.train import Config

SMALL = Config(trials=10, unroll=15, units=5, episodes=6, learning_rate=3e-3)
"""Two unrolls per episode: a checkpoint may fall inside an episode."""


def population_of(configs: list[Config], updates: int) -> Population:
    population = Population(configs, compiled=False)
    for _ in range(updates):
        population.update()
    return population


def seeds(count: int, config: Config = SMALL) -> list[Config]:
    return [dataclasses.replace(config, seed=k) for k in range(count)]


def test_same_seed_gives_the_same_bits():
    assert torch.equal(population_of(seeds(3), 5).flat, population_of(seeds(3), 5).flat)


def test_network_in_company_equals_the_network_alone():
    configs = [
        SMALL,
        dataclasses.replace(SMALL, seed=7, learning_rate=1e-2, init_scale=2.5, reward_scale=0.5),
        dataclasses.replace(SMALL, seed=3, discount=0.5, entropy_cost=1.0, gradient_clip=0.1),
    ]
    together = population_of(configs, 5).flat
    for index, config in enumerate(configs):
        torch.testing.assert_close(together[index], population_of([config], 5).flat[0], rtol=1e-4, atol=1e-6)


def test_one_episode_per_update_takes_all_episodes():
    """Also where the last unroll of an episode is cut short by its end."""
    population = Population([dataclasses.replace(SMALL, unroll=20)], compiled=False)
    openings = 0
    while population.done < population.updates:
        openings += population.stream is None or bool(population.stream.state["over"].all())
        population.update()
    assert openings == SMALL.episodes
    assert population.stream.state["over"].all()


def test_learning_curve_counts_reward_per_episode():
    """Whatever part of an episode one unroll plays, and whatever scale of reward the network sees."""
    whole, parts = (
        Population([dataclasses.replace(SMALL, unroll=unroll, reward_scale=0.1, learning_rate=1e-30)], compiled=False)
        for unroll in (30, 10)
    )
    paid = [float(whole.update()[0, 0]) for _ in range(40)]
    np.testing.assert_allclose(paid, np.round(paid), atol=1e-4, err_msg="points are whole numbers")
    halves = np.reshape([float(parts.update()[0, 0]) for _ in range(120)], (40, 3)).mean(1)
    assert abs(np.mean(halves) - np.mean(paid)) < 2.5 * (np.std(paid) + np.std(halves)) / 40**0.5


@pytest.fixture
def checkpoint_each_update(monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)


def interrupt_after(monkeypatch, updates: int) -> None:
    update = Population.update

    def interrupted(self):
        if self.done == updates:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(Population, "update", interrupted)


@pytest.mark.parametrize("updates", [1, 5, 11])
def test_interrupted_training_resumes_to_the_same_bits(tmp_path, monkeypatch, checkpoint_each_update, updates):
    whole, curve = train(seeds(2), tmp_path / "whole", compiled=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, updates)
        train(seeds(2), tmp_path / "parts", compiled=False)
    resumed, resumed_curve = train(seeds(2), tmp_path / "parts", compiled=False)
    assert torch.equal(whole.flat, resumed.flat)
    assert torch.equal(curve, resumed_curve)


KILLED = """
import sys
from prefrontal import training
from replications.two_step.train import Config
training.CHECKPOINT_SECONDS = 0
training.main(Config, "two_step", arguments=sys.argv[1:])
"""


def test_killed_training_resumes_to_the_same_bits(tmp_path):
    """SIGKILL wherever it happens to fall, three times, against an uninterrupted run: weights and curves."""
    settings = ["--trials", "10", "--unroll", "15", "--units", "5", "--episodes", "200", "--seeds", "2", "--no-compile"]
    training.main(Config, "two_step", arguments=[*settings, "--data", str(tmp_path / "whole")])
    command = [sys.executable, "-c", KILLED, *settings, "--data", str(tmp_path / "parts")]
    folder = tmp_path / "parts" / "two_step"
    written = None
    for _ in range(3):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < give_up:
            checkpoints = list((folder / "checkpoints").glob("[!.]*.safetensors"))
            if checkpoints and checkpoints[0].stat().st_mtime_ns != written:
                break
            time.sleep(0.005)
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
        written = checkpoints[0].stat().st_mtime_ns
    assert not (folder / "networks").exists()
    training.main(Config, "two_step", arguments=[*settings, "--data", str(tmp_path / "parts")])
    for seed in range(2):
        name = f"{Config().condition}_{seed}"
        one, other = (tmp_path / part / "two_step" / "networks" / name for part in ("whole", "parts"))
        assert one.with_suffix(".csv").read_bytes() == other.with_suffix(".csv").read_bytes()
        weights, resumed = load_file(one.with_suffix(".safetensors")), load_file(other.with_suffix(".safetensors"))
        assert all(torch.equal(weights[part], resumed[part]) for part in weights)
    assert not list((folder / "checkpoints").iterdir()), "a finished run leaves no checkpoint"


def test_training_writes_weights_settings_and_curve(tmp_path):
    config = dataclasses.replace(SMALL, seed=4)
    settings = ("--trials", "10", "--unroll", "15", "--units", "5", "--episodes", "6", "--learning-rate", "3e-3")
    training.main(
        Config, "two_step", arguments=[*settings, "--seed", "4", "--seeds", "2", "--no-compile", "--data", str(tmp_path)]
    )
    folder = tmp_path / "two_step" / "networks"
    expected, curve = train([config, dataclasses.replace(config, seed=5)], tmp_path, compiled=False)
    agent, configs = training.load_agent(folder, Config, config.condition, [5, 4])
    assert configs == [dataclasses.replace(config, seed=5), config]
    assert torch.equal(agent.network.flat, expected.flat.flip(0))
    written = tables.read(folder / f"{config.condition}_4.csv", "learning_curve")
    np.testing.assert_allclose(written[list(training.MONITORED)], curve[:, 0], rtol=1e-5, atol=1e-6)
    assert written["episode"].iloc[-1] == 6
    assert load_file(folder / f"{config.condition}_4.safetensors").keys() == expected.layout.shapes.keys()


def test_sweep_trains_every_combination_and_writes_a_table(tmp_path, capsys):
    arguments = ["--trials", "4", "--units", "4", "--episodes", "6", "--seeds", "2", "--no-compile", "--name", "both"]
    sweep = ["--sweep", "init_scale=1,2.5", "learning_rate=7e-4,2e-3", "steps_per_trial=2,3"]
    training.main(Config, "two_step", arguments=[*arguments, *sweep, "--data", str(tmp_path)])
    folder = tmp_path / "two_step" / "sweeps"
    frame = tables.read(folder / "both.csv")
    settings = ["init_scale", "learning_rate", "steps_per_trial"]
    assert len(frame) == 16
    assert (frame.groupby(settings).seed.apply(sorted).map(tuple) == (0, 1)).all()
    assert len(frame.groupby(settings)) == 8
    assert {"share_end", "share_validation", "episodes_to_80_percent", "training_episodes"} <= set(frame.columns)
    assert set(tables.read(folder / "both_curves.csv").columns) >= {*settings, "seed", "episode", "share"}
    assert not (tmp_path / "two_step" / "networks").exists()
    assert not list((tmp_path / "two_step" / "checkpoints").iterdir())
    assert "share_validation" in capsys.readouterr().out


def test_sweep_equals_the_same_networks_trained_by_themselves(tmp_path):
    config = dataclasses.replace(SMALL, init_scale=2.5)
    alone = population_of([config], 4).flat[0]
    grid = training.grid(SMALL, ("init_scale=1,2.5", "learning_rate=1e-3,3e-3"))
    together = population_of(grid, 4).flat[grid.index(config)]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)


def test_loss_that_is_not_finite_stops_training(tmp_path):
    configs = [SMALL, dataclasses.replace(SMALL, seed=9, learning_rate=1e38)]
    with pytest.raises(UserError, match=r"seed 9: loss or weights not finite at episode \d+; try learning_rate below 1e\+38"):
        train(configs, tmp_path, compiled=False)
    assert not list(tmp_path.iterdir())


def test_networks_learn_to_pull_the_better_arm(tmp_path):
    """Correlated arms, ten trials: the mean over four networks ends well above chance, .5, where it began."""
    config = BanditConfig(
        arms="correlated", trials=10, units=16, episodes=16_000, episodes_per_update=16, unroll=10,
        learning_rate=5e-3, discount=0.8, entropy_cost=0.1, init_scale=2.0,
    )  # fmt: skip
    _, curve = train([dataclasses.replace(config, seed=k) for k in range(4)], tmp_path, compiled=False)
    reward = curve[:, :, 0].mean(1) / config.trials
    assert abs(reward[:4].mean() - 0.5) < 0.03
    assert reward[-20:].mean() > 0.6
    assert (curve[-20:, :, 2].mean(0) < curve[:4, :, 2].mean(0)).all(), "values approach returns"
