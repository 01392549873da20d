"""Measure the speed of training and recording: the two-step task, and Harlow's task in pixels.

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
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import tyro
from torch import Tensor

from prefrontal.environments import TaskEnv
from prefrontal.errors import check, run
from prefrontal.networks.build import network_of
from prefrontal.networks.cores import CORES
from prefrontal.networks.record import record
from prefrontal.pipeline.train import TrainingOptions, train_variants
from prefrontal.settings import Settings
from prefrontal.training.batch import NetworkBatch
from prefrontal.training.loop import use
from replications.harlow.settings import SETTINGS as HARLOW
from replications.harlow.settings import VIEW_PIXELS
from replications.harlow.task import CHOICE
from replications.two_step.experiment import EXPERIMENT
from replications.two_step.settings import SETTINGS, TwoStep
from tests import textbook

BLOCKS = 5
"""Timed blocks per speed; the fastest counts, which other programs slow down least."""

NETWORKS = 8

SHARED_EPISODES = 600
"""Training episodes per network where processes share the work."""

TASK = SETTINGS.task.build()
UNITS, UNROLL, CORE = SETTINGS.network.units, SETTINGS.training.unroll, SETTINGS.network.core


@dataclass(frozen=True)
class Options:
    """How to measure."""

    device: str = "cpu"
    """Device of the batches: cpu or cuda."""
    threads: int = os.cpu_count() or 1
    """CPU threads of the matrix product and of the large batch; all else is fastest on 1."""
    updates: int = 10
    """Updates per timed block."""
    recorded_episodes: int = 300
    """Episodes per network of the recording (Methods, simulation 4: 300)."""
    beside: Path | None = None
    """Another checkout, such as one of an older commit: its own bench runs first, with the same
    options."""


def fastest(work: Callable[[], object], device: str = "cpu") -> float:
    """Measure the fewest seconds that ``work`` takes."""
    seconds = []
    for _ in range(BLOCKS):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def product_rate(device: str, size: int = 2048) -> float:
    """Measure floating-point operations per second of a large float32 matrix product."""
    a, b = torch.rand(2, size, size, device=device)
    a @ b
    return 2 * size**3 / fastest(lambda: a @ b, device)


def textbook_rates(updates: int) -> tuple[float, float]:
    """Measure steps per second of the textbook loop, and its environment's fraction of the time."""
    env = TaskEnv(TASK)
    network = textbook.TextbookNetwork(len(TASK.observations), len(TASK.actions), UNITS)
    textbook.train(network, env, 1, UNROLL)
    seconds = fastest(lambda: textbook.train(network, env, updates, UNROLL))
    seconds /= updates * TASK.episode_steps

    def episode() -> None:
        env.reset()
        for step in range(TASK.episode_steps):
            env.step(np.int64(step % len(TASK.actions)))

    return 1 / seconds, fastest(episode) / TASK.episode_steps / seconds


def replicas(settings: Settings[TwoStep]) -> list[Settings[TwoStep]]:
    """Settings of networks with different seeds."""
    return [replace(settings, seed=seed) for seed in range(NETWORKS)]


def training_rate(episodes: int, options: Options, core: str = CORE) -> tuple[float, float]:
    """Measure steps per second of a batch, and seconds of its first update, with compilation."""
    changes = {"training.episodes_per_update": episodes, "network.core": core}
    batch = NetworkBatch(replicas(SETTINGS.vary(changes)), options.device, compiled=True)
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
    """Measure steps per second of recording a batch to trials and steps tables."""
    batch = NetworkBatch(replicas(SETTINGS), compiled=False)
    began = time.perf_counter()
    record(batch.agent, TASK, batch.seeds, "bench", episodes)
    return NETWORKS * episodes * TASK.episode_steps / (time.perf_counter() - began)


def harlow_rates(options: Options) -> pd.DataFrame:
    """Measure views per second of Harlow's task: renderer, encoder, core, and whole updates."""
    device, settings = options.device, HARLOW.vary({"task.view_size": VIEW_PIXELS})
    pixels = NetworkBatch([settings], device)
    symbols = NetworkBatch([settings.vary({"task.view": "symbols"})], device)
    task, network, episodes, unroll = pixels.task, pixels.network, pixels.episodes, pixels.steps
    p = {name: view.detach().requires_grad_() for name, view in network.views(pixels.flat).items()}
    state, views = task.reset(torch.rand(1, episodes, task.reset_noise, device=device))
    state["period"] = torch.full_like(state["period"], CHOICE)
    inputs = torch.rand(1, episodes, network.inputs(), device=device)

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
    rates = [f"{rate:,.0f}" for rate in rows.values()]
    return pd.DataFrame({"Harlow": list(rows), "device": device, "views/s": rates})


def networks_per_hour(workers: int) -> float:
    """Measure how many two-step networks so many processes train in an hour, in four batches.

    The time that processes take to start counts.
    """
    batches = 4
    variants = {
        f"batch_{k}": SETTINGS.vary({"training.episodes": SHARED_EPISODES, "seed": NETWORKS * k})
        for k in range(batches)
    }
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        options = TrainingOptions(networks=NETWORKS, workers=workers)
        train_variants(EXPERIMENT, variants, options, Path(folder))
    episodes = NETWORKS * batches * SHARED_EPISODES
    return episodes / SETTINGS.training.episodes * 3600 / (time.perf_counter() - began)


def run_beside(options: Options) -> None:
    """Run the bench of another checkout, with its own library."""
    folder = options.beside
    command = [sys.executable, "-m", "tests.bench", "--device", options.device]
    command += ["--threads", str(options.threads), "--updates", str(options.updates)]
    environment = os.environ | {"PYTHONPATH": f"{folder}/src"}
    print(f"{folder}:", flush=True)
    subprocess.run(command, cwd=folder, env=environment, check=True)


def number(value: float, digits: str) -> str:
    """Write a number; nothing for NaN."""
    return "" if math.isnan(value) else format(value, digits)


def speeds(options: Options) -> tuple[pd.DataFrame, str]:
    """Measure the two-step task; return a table, and notes on it."""
    device, threads, episodes = options.device, options.threads, options.recorded_episodes
    weights = [
        shape for name, shape in network_of(SETTINGS, TASK).shapes.items() if "weight" in name
    ]
    flops = 2 * sum(map(math.prod, weights))
    torch.set_num_threads(1)
    textbook_rate, env_share = textbook_rates(min(options.updates, 3))
    single, single_first = training_rate(1, options)
    torch.set_num_threads(threads)
    cpu_peak, peak = product_rate("cpu"), product_rate(device)
    large, large_first = training_rate(16, options)
    torch.set_num_threads(1)
    rows = [  # a training step takes three times the operations of a forward pass
        ("a textbook loop, 1 network x 1 episode", 1, "cpu", textbook_rate, 3 / cpu_peak, math.nan),
        (f"b batch, {NETWORKS} x 1", 1, device, single, 3 / peak, single_first),
        (f"c batch, {NETWORKS} x 16", threads, device, large, 3 / peak, large_first),
    ]
    for core in CORES:
        if core != CORE:
            rate, first = training_rate(1, options, core)
            rows.append((f"e {core}, {NETWORKS} x 1", 1, device, rate, math.nan, first))
    recorded = recording_rate(episodes)
    rows.insert(
        3, (f"d recording, {NETWORKS} x {episodes}", 1, "cpu", recorded, 1 / cpu_peak, math.nan)
    )
    frame = pd.DataFrame(
        {
            "": title,
            "threads": count,
            "device": where,
            "steps/s": f"{rate:,.0f}",
            "times a": f"{rate / textbook_rate:,.0f}",
            "% of matrix rate": number(100 * rate * flops * passes, ".2g"),
            "first update, s": number(first, ".1f"),
        }
        for title, count, where, rate, passes, first in rows
    )
    notes = (
        "steps/s: agent steps per second; training counts rollout, backward pass and update; "
        f"fastest of {BLOCKS} blocks. The first update includes compilation.\n"
        f"Matrix rate (2048 x 2048): {cpu_peak / 1e9:,.0f} GFLOP/s on cpu ({threads} threads), "
        f"{peak / 1e9:,.0f} on {device}; a step takes {flops / 1e3:.0f} kFLOP forward, "
        f"{3 * flops / 1e3:.0f} in training.\n"
        f"The environment takes {100 * env_share:.0f} % of the textbook loop's time."
    )
    return frame, notes


def main(options: Options) -> None:
    """Measure everything in one run and print tables."""
    for name in ("updates", "recorded_episodes"):
        check(getattr(options, name) >= 1, name, getattr(options, name), "at least 1")
    use(options.device, options.threads)
    if options.beside is not None:
        run_beside(options)
    frame, notes = speeds(options)
    print(f"\n{frame.to_string(index=False)}\n\n{notes}", flush=True)
    print(f"\n{harlow_rates(options).to_string(index=False)}\n", flush=True)
    one, two = (networks_per_hour(workers) for workers in (1, 2))
    print(f"Networks per hour, two-step task: {one:,.0f} with one worker, {two:,.0f} with two.")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options, prog="python -m tests.bench")))
