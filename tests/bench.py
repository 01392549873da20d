"""Measure the speed of training and recording: the two-step task with every core, a textbook loop, and Harlow's task in pixels.

python -m tests.bench --help
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import tyro
from torch import Tensor

from prefrontal.environments import TaskEnv
from prefrontal.errors import check, run
from prefrontal.networks.build import network_of
from prefrontal.networks.cores import CORES
from prefrontal.networks.record import record
from prefrontal.training import loop
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.loop import use
from replications.harlow import train as harlow
from replications.harlow.task import CHOICE
from replications.two_step.train import Config
from tests import textbook

BLOCKS = 5
"""Every speed is that of the fastest of so many timed blocks: other programs' load counts least there."""

NETWORKS = 8

SHARED_EPISODES = 600
"""Training episodes per network where processes share the work, a twentieth or so of a whole training."""
CONFIG = Config()
TASK = CONFIG.task()


@dataclass(frozen=True)
class Options:
    """How to measure."""

    device: str = "cpu"
    """Where batches are trained: cpu or cuda."""
    threads: int = os.cpu_count() or 1
    """CPU threads of the matrix product and of the large batch; everything else runs on 1, as it does fastest."""
    updates: int = 10
    """Updates per timed block."""
    recorded_episodes: int = 300
    """Episodes per network of the recording (Methods, simulation 4: 300)."""
    beside: Path | None = None
    """Another checkout, such as one of an older commit: its own bench runs first, with the same options."""


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


def training_rate(episodes: int, options: Options, core: str = CONFIG.core) -> tuple[float, float]:
    """Agent steps per second of a batch, and the seconds that its first update takes, compilation included."""
    settings: dict[str, Any] = {"episodes_per_update": episodes, "core": core}
    batch = NetworkBatch([Config(seed=seed, **settings) for seed in range(NETWORKS)], options.device, compiled=True)
    began = time.perf_counter()
    batch.update()
    first = time.perf_counter() - began
    batch.update()

    def block() -> None:
        for _ in range(options.updates):
            batch.update()

    seconds = fastest(block, options.device) / options.updates
    return NETWORKS * episodes * batch.steps / seconds, first


def recording_rate(episodes: int) -> float:
    """Agent steps per second of recording a batch to trials and steps tables."""
    batch = NetworkBatch([Config(seed=seed) for seed in range(NETWORKS)], compiled=False)
    began = time.perf_counter()
    record(batch.agent, TASK, batch.seeds, "bench", episodes)
    return NETWORKS * episodes * TASK.episode_steps / (time.perf_counter() - began)


def harlow_rates(options: Options) -> pd.DataFrame:
    """Views per second of Harlow's task: renderer, encoder, core, and whole updates, at the experiment's settings."""
    device = options.device
    pixels, symbols = (NetworkBatch([harlow.Config(view=view)], device) for view in ("pixels", "symbols"))
    task, network, episodes, unroll = pixels.task, pixels.network, pixels.episodes, pixels.steps
    p = {name: view.detach().requires_grad_() for name, view in network.views(pixels.flat).items()}
    state, views = task.reset(torch.rand(1, episodes, task.reset_noise, device=device))
    state["period"] = torch.full_like(state["period"], CHOICE)
    inputs = torch.rand(1, episodes, network.inputs, device=device)

    def encode() -> Tensor:
        return network.encoder.encode(p, views).sum()

    def remember() -> None:
        memory = network.core.reset(p, episodes)
        for _ in range(unroll):
            memory = network.core.step(p, memory, inputs)
        memory["activity"].sum().backward()

    with torch.no_grad():
        forward = fastest(encode, device)
    rows = {
        "renderer": episodes / fastest(lambda: task.render(state), device),
        "encoder, forward": episodes / forward,
        "encoder, forward and backward": episodes / fastest(lambda: encode().backward(), device),
        "LSTM, forward and backward": episodes * unroll / fastest(remember, device),
        "training from pixels": episodes * unroll / fastest(pixels.update, device),
        "training from symbols": episodes * unroll / fastest(symbols.update, device),
    }
    return pd.DataFrame({"Harlow": list(rows), "device": device, "views/s": [f"{rate:,.0f}" for rate in rows.values()]})


def networks_per_hour(workers: int) -> float:
    """Networks of the two-step task that so many processes would train in an hour: four batches, starting included."""
    jobs, parts = {}, 4
    with tempfile.TemporaryDirectory() as folder:
        asked = loop.Options(data=Path(folder), workers=workers)
        for part in range(parts):
            configs = [Config(seed=NETWORKS * part + k, episodes=SHARED_EPISODES).settings() for k in range(NETWORKS)]
            jobs[str(part)] = "two_step", "default", configs, asked
        began = time.perf_counter()
        jobs.spread(loop.train_batch, jobs, parts * SHARED_EPISODES, asked)
        seconds = time.perf_counter() - began
    return NETWORKS * parts * SHARED_EPISODES / CONFIG.episodes * 3600 / seconds


def run_beside(options: Options) -> None:
    """Run the bench of another checkout, with its own library."""
    folder = options.beside
    settings = ["--device", options.device, "--threads", str(options.threads), "--updates", str(options.updates)]
    environment = os.environ | {"PYTHONPATH": f"{folder}/src"}
    print(f"{folder}:")
    subprocess.run([sys.executable, "-m", "tests.bench", *settings], cwd=folder, env=environment, check=True)


def main(options: Options) -> None:
    """Measure everything in one run and print tables."""
    check(options.updates >= 1, "updates", options.updates, "at least 1")
    check(options.recorded_episodes >= 1, "recorded_episodes", options.recorded_episodes, "at least 1")
    use(options.device, options.threads)

    if options.beside is not None:
        run_beside(options)
    shapes = network_of(CONFIG, TASK).shapes
    forward = 2 * sum(math.prod(shape) for name, shape in shapes.items() if name.endswith("weight"))
    torch.set_num_threads(1)
    reference, env_share = textbook_rates(min(options.updates, 3))
    single = training_rate(1, options)
    torch.set_num_threads(options.threads)
    peak = product_rate("cpu"), product_rate(options.device)
    batch = training_rate(16, options)
    torch.set_num_threads(1)
    others = {core: training_rate(1, options, core) for core in CORES if core != CONFIG.core}
    rows = [
        ("a textbook loop, 1 network x 1 episode", 1, "cpu", reference, 3 * forward / peak[0], math.nan),
        (f"b batch, {NETWORKS} x 1", 1, options.device, single[0], 3 * forward / peak[1], single[1]),
        (f"c batch, {NETWORKS} x 16", options.threads, options.device, batch[0], 3 * forward / peak[1], batch[1]),
        (
            f"d recording, {NETWORKS} x {options.recorded_episodes}",
            1,
            "cpu",
            recording_rate(options.recorded_episodes),
            forward / peak[0],
            math.nan,
        ),
        *((f"e {core}, {NETWORKS} x 1", 1, options.device, rate, math.nan, first) for core, (rate, first) in others.items()),
    ]
    frame = pd.DataFrame(
        {
            "": what,
            "threads": threads,
            "device": device,
            "steps/s": f"{rate:,.0f}",
            "times a": f"{rate / reference:,.0f}",
            "% of matrix rate": "" if math.isnan(seconds_per_step) else f"{100 * rate * seconds_per_step:.2g}",
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
    hourly = [networks_per_hour(workers) for workers in (1, 2)]
    print(f"Networks per hour, two-step task: {hourly[0]:,.0f} with one worker, {hourly[1]:,.0f} with two.")
    print(f"The environment takes {100 * env_share:.0f} % of the textbook loop's time. The first update includes compilation.")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options, prog="python -m tests.bench")))
