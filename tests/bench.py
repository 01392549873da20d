"""Measure the speed of training and recording: the two-step task beside a textbook PyTorch loop, and Harlow's task in pixels.

python -m tests.bench --help
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
import tyro

from prefrontal.errors import require, run
from prefrontal.gym import TaskEnv
from prefrontal.network import Layout
from prefrontal.recording import NetworkAgent, record
from prefrontal.training import Population, require_device
from replications.harlow import train as harlow
from replications.harlow.learning import Learner
from replications.harlow.task import CHOICE
from replications.two_step.train import Config
from tests import textbook

BLOCKS = 5
"""Every speed is that of the fastest of so many timed blocks: other programs' load counts least there."""

NETWORKS = 8
CONFIG = Config()
TASK = CONFIG.task()


@dataclass(frozen=True)
class Options:
    """How to measure."""

    device: str = "cpu"
    """Where populations are trained: cpu or cuda."""
    threads: int = os.cpu_count() or 1
    """CPU threads of the matrix product and of the large batch; everything else runs on 1, as it does fastest."""
    updates: int = 10
    """Updates per timed block."""
    recorded_episodes: int = 300
    """Episodes per network of the recording (Methods, simulation 4: 300)."""


def fastest(work: Callable[[], object], device: str = "cpu") -> float:
    """Seconds that ``work`` takes, at best."""
    seconds = []
    for _ in range(BLOCKS):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def product_rate(device: str, size: int = 2048) -> float:
    """Floating-point operations per second of a large float32 matrix product."""
    a, b = torch.rand(2, size, size, device=device)
    a @ b
    return 2 * size**3 / fastest(lambda: a @ b, device)


def textbook_rates(updates: int) -> tuple[float, float]:
    """Agent steps per second of the textbook loop, and the share of time that its environment takes."""
    env = TaskEnv(TASK)
    network = textbook.TextbookNetwork(len(TASK.observations), len(TASK.actions), CONFIG.units)
    textbook.train(network, env, 1, CONFIG.unroll)
    seconds = fastest(lambda: textbook.train(network, env, updates, CONFIG.unroll)) / updates / TASK.episode_steps

    def episode() -> None:
        env.reset()
        for step in range(TASK.episode_steps):
            env.step(step % len(TASK.actions))

    return 1 / seconds, fastest(episode) / TASK.episode_steps / seconds


def training_rate(episodes: int, options: Options) -> tuple[float, float]:
    """Agent steps per second of a population, and the seconds that its first update takes, compilation included."""
    population = Population([Config(seed=seed, episodes_per_update=episodes) for seed in range(NETWORKS)], device=options.device)
    began = time.perf_counter()
    population.update()
    first = time.perf_counter() - began
    population.update()

    def block() -> None:
        for _ in range(options.updates):
            population.update()

    seconds = fastest(block, options.device) / options.updates
    return NETWORKS * episodes * population.steps / seconds, first


def recording_rate(episodes: int) -> float:
    """Agent steps per second of recording a population to trials and steps tables."""
    population = Population([Config(seed=seed) for seed in range(NETWORKS)], compiled=False)
    agent, seeds = NetworkAgent(population.network), list(range(NETWORKS))
    began = time.perf_counter()
    record(agent, TASK, seeds, "bench", episodes)
    return NETWORKS * episodes * TASK.episode_steps / (time.perf_counter() - began)


def harlow_rates(options: Options) -> pd.DataFrame:
    """Views per second of Harlow's task: renderer, encoder, LSTM, and whole updates, at the experiment's settings."""
    config = harlow.Config()
    task = config.task(device=options.device, pixels=config.precision)
    learner = Learner(config, task)
    network, episodes, device = learner.network, config.episodes_per_update, options.device
    state, view = task.begin(torch.rand(1, episodes, task.begin_noise, device=device))
    state["period"] = torch.full_like(state["period"], CHOICE)
    inputs = torch.rand(episodes, network.lstm.input_size, device=device)

    def encode_and_learn() -> None:
        network.zero_grad()
        network.encode(view[0]).sum().backward()

    def remember() -> None:
        memory = network.begin(episodes, device)
        for _ in range(config.unroll):
            memory = network.lstm(inputs, memory)
        memory[0].sum().backward()

    with torch.no_grad():
        forward = fastest(lambda: network.encode(view[0]), device)
    symbolic = dataclasses.replace(config, view="symbols")
    symbols = Learner(symbolic, symbolic.task(device=device))
    rows = {
        "renderer": episodes / fastest(lambda: task.render(state), device),
        "encoder, forward": episodes / forward,
        "encoder, forward and backward": episodes / fastest(encode_and_learn, device),
        "LSTM, forward and backward": episodes * config.unroll / fastest(remember, device),
        "training from pixels": episodes * config.unroll / fastest(learner.update, device),
        "training from symbols": episodes * config.unroll / fastest(symbols.update, device),
    }
    return pd.DataFrame({"Harlow": list(rows), "device": device, "views/s": [f"{rate:,.0f}" for rate in rows.values()]})


def main(options: Options) -> None:
    """Measure everything in one run and print tables."""
    require(options.threads >= 1, "threads", options.threads, "at least 1")
    require(options.updates >= 1, "updates", options.updates, "at least 1")
    require(options.recorded_episodes >= 1, "recorded_episodes", options.recorded_episodes, "at least 1")
    require_device(options.device)

    shapes = Layout(len(TASK.observations), len(TASK.actions), CONFIG.units).shapes
    forward = 2 * sum(math.prod(shape) for name, shape in shapes.items() if name.endswith("weight"))
    torch.set_num_threads(1)
    reference, env_share = textbook_rates(min(options.updates, 3))
    single = training_rate(1, options)
    torch.set_num_threads(options.threads)
    peak = product_rate("cpu"), product_rate(options.device)
    batch = training_rate(16, options)
    torch.set_num_threads(1)
    rows = [
        ("a textbook loop, 1 network x 1 episode", 1, "cpu", reference, 3 * forward / peak[0], math.nan),
        (f"b population, {NETWORKS} x 1", 1, options.device, single[0], 3 * forward / peak[1], single[1]),
        (f"c population, {NETWORKS} x 16", options.threads, options.device, batch[0], 3 * forward / peak[1], batch[1]),
        (
            f"d recording, {NETWORKS} x {options.recorded_episodes}",
            1,
            "cpu",
            recording_rate(options.recorded_episodes),
            forward / peak[0],
            math.nan,
        ),
    ]
    frame = pd.DataFrame(
        {
            "": what,
            "threads": threads,
            "device": device,
            "steps/s": f"{rate:,.0f}",
            "times a": f"{rate / reference:,.0f}",
            "% of matrix rate": f"{100 * rate * seconds_per_step:.2g}",
            "first update, s": "" if math.isnan(first) else f"{first:.1f}",
        }
        for what, threads, device, rate, seconds_per_step, first in rows
    )
    print(f"\n{frame.to_string(index=False)}\n")
    print(f"steps/s: agent steps per second; training counts rollout, backward pass and update; fastest of {BLOCKS} blocks.")
    print(f"Matrix rate: {peak[0] / 1e9:,.0f} GFLOP/s on cpu (2048 x 2048, float32, {options.threads} threads)", end="")
    print(f", {peak[1] / 1e9:,.0f} on {options.device}" if options.device != "cpu" else "", end="")
    print(f"; a step takes {forward / 1e3:.0f} kFLOP forward, {3 * forward / 1e3:.0f} in training.")
    print(f"\n{harlow_rates(options).to_string(index=False)}\n")
    print(f"The environment takes {100 * env_share:.0f} % of the textbook loop's time. The first update includes compilation.")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options, prog="python -m tests.bench")))
